"""vmap against the loop it stands for: for every op, its gradients, and what is made of them."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import FLOATS, GROUPS, Case, array_of, case_of, name_of, rows

import tinygrad_k as tk
from tinygrad_k import nn
from tinygrad_k.autograd import Function, grad as reverse
from tinygrad_k.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from tinygrad_k.nn import functional as F
from tinygrad_k.ops import Op, public_functions
from tinygrad_k.utils.checkpoint import checkpoint

F64 = FLOATS[-1]
SIZE = 3
sampled = pytest.mark.parametrize("op", rows(lambda op: op.samples), ids=name_of)
smooth = pytest.mark.parametrize(
    "op", rows(lambda op: op.samples and op.differentiable and "float" in op.dtypes), ids=name_of
)


def batch_of(op: Op, sample: Any, kind: Any) -> tuple[Case, list[np.ndarray]]:
    """A case, and for each of its arrays a batch of such, drawn from other seeds."""
    several = [case_of(op, sample, kind, seed).arrays() for seed in range(SIZE)]
    return case_of(op, sample, kind), [np.stack(each) for each in zip(*several, strict=True)]


def caller(case: Case) -> Callable[..., tk.Tensor]:
    def call(*tensors: tk.Tensor) -> tk.Tensor:
        tk.manual_seed(0)
        ready = case.replaced(list(tensors))
        return case.op.function(*ready.args, **ready.kwargs)

    return call


def choices(count: int) -> list[tuple[bool, ...]]:
    """Which arguments are batched: all, and each alone."""
    alone = [tuple(i == j for j in range(count)) for i in range(count)]
    return alone if count < 2 else [(True,) * count, *alone]


def picked(batches: list[np.ndarray], which: tuple[bool, ...], i: int) -> list[tk.Tensor]:
    return [
        tk.from_numpy(np.array(each[i if flag else 0]))
        for each, flag in zip(batches, which, strict=True)
    ]


def given(batches: list[np.ndarray], which: tuple[bool, ...]) -> list[tk.Tensor]:
    return [
        tk.from_numpy(np.array(each if flag else each[0]))
        for each, flag in zip(batches, which, strict=True)
    ]


def agree(found: tk.Tensor, expected: list[tk.Tensor], what: Any) -> None:
    assert found.dtype is expected[0].dtype, what
    a, b = array_of(found), np.stack([array_of(each) for each in expected])
    assert a.shape == b.shape, (what, a.shape, b.shape)
    if found.dtype.is_floating_point:
        assert np.allclose(a, b, rtol=1e-11, atol=1e-12, equal_nan=True), what
    else:
        assert (a == b).all(), what


# -- every op --------------------------------------------------------------------------------------


@sampled
def test_equals_the_loop(op: Op) -> None:
    kind = F64 if F64 in GROUPS[op.dtypes] else GROUPS[op.dtypes][0]
    for sample in op.samples:
        case, batches = batch_of(op, sample, kind)
        call = caller(case)
        for which in choices(len(batches)):
            expected = [call(*picked(batches, which, i)) for i in range(SIZE)]
            dims = tuple(0 if flag else None for flag in which)
            batched = vmap(call, dims, randomness="same")
            if len({each.shape for each in expected}) > 1:
                with pytest.raises(RuntimeError, match=r"^vmap: .*different shapes"):
                    batched(*given(batches, which))
                continue
            found = batched(*given(batches, which))
            agree(found, expected, (str(case), which))


def seeded(shape: Any, seed: int) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).standard_normal(tuple(shape)))


@smooth
def test_gradients_equal_the_loop(op: Op) -> None:
    """vmap of grad, and vmap of a vjp over cotangents; the jvp by <u, J v> = <J'u, v>."""
    tried = 0
    for sample in op.samples[:3]:
        case, batches = batch_of(op, sample, F64)
        call, every = caller(case), (True,) * len(batches)
        floats = [i for i, each in enumerate(batches) if each.dtype == np.float64]
        probes = picked(batches, every, 0)
        for i in floats:
            probes[i].requires_grad_()
        try:
            result = call(*probes)
        except RuntimeError:
            continue  # one of the arguments has no gradient
        if result.requires_grad and result.dtype.is_floating_point:
            check_gradients(case, batches, floats)
            check_products(case, [each.detach() for each in probes], floats)
            tried += 1
    assert tried


def check_gradients(case: Case, batches: list[np.ndarray], wanted: list[int]) -> None:
    call, every = caller(case), (True,) * len(batches)
    weights = tk.from_numpy(seeded(call(*picked(batches, every, 0)).shape, 9))

    def total(*tensors: tk.Tensor) -> tk.Tensor:
        return (call(*tensors) * weights).sum()

    found = vmap(grad(total, tuple(wanted)), randomness="same")(*given(batches, every))
    rows_of = []
    for i in range(SIZE):
        tensors = picked(batches, every, i)
        sources = [tensors[j].requires_grad_() for j in wanted]
        rows_of.append(reverse(total(*tensors), sources, materialize_grads=True))
    for have, column in zip(found, zip(*rows_of, strict=True), strict=True):
        agree(have, list(column), f"grad of {case}")


def check_products(case: Case, tensors: list[tk.Tensor], wanted: list[int]) -> None:
    def call(*values: tk.Tensor) -> tk.Tensor:
        changed = list(tensors)
        for j, value in zip(wanted, values, strict=True):
            changed[j] = value
        return caller(case)(*changed)

    points = tuple(tensors[j] for j in wanted)
    y, pull = vjp(call, *points)
    cotangents = [tk.from_numpy(seeded(y.shape, 20 + i)) for i in range(SIZE)]
    singles = [flat(pull(each)) for each in cotangents]
    pulled = flat(vmap(pull, randomness="same")(tk.stack(cotangents)))
    for have, column in zip(pulled, zip(*singles, strict=True), strict=True):
        agree(have, list(column), f"vjp of {case}")

    directions = tuple(tk.from_numpy(seeded(each.shape, 30)) for each in points)
    _, slope = jvp(call, points, directions)
    left = (slope * cotangents[0]).sum().item()
    right = sum((a * b).sum().item() for a, b in zip(singles[0], directions, strict=True))
    assert np.isclose(left, right, rtol=1e-9, atol=1e-9), f"jvp of {case}"


# -- composites and methods, by examples that need more than one rule ------------------------------


def attention(q: tk.Tensor, k: tk.Tensor) -> tk.Tensor:
    return tk.softmax(q @ k.T / 2.0, -1) @ k


def in_place(x: tk.Tensor, y: tk.Tensor) -> tk.Tensor:
    x = x.clone()
    x.mul_(2.0).add_(y)
    x[0] = y[1]
    x[:, 1] += 1.0
    x -= y
    return x.relu_()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "attention": attention,
    "in place": in_place,
    "numbers on the left": lambda x, y: 2.0 - x / (1 + y * y),
    "comparisons": lambda x, y: tk.where((x > y) & ~(y > 0), x, -y).abs(),
    "several results": lambda x, y: (x.max(dim=1), y.sort(0, descending=True), x.std(1)),
    "indexing": lambda x, y: x[[2, 0, 1]][:, tk.tensor([0, 1])] + y[1:, None, :2].sum(),
    "picked": lambda x, y: (x[tk.argmax(y, 0) % 3], x[:, y.argmin(1)], x.gather(1, y.argsort(1))),
    "of another": lambda x, y: tk.arange(12.0).reshape(3, 4)[x.argmax(1) % 3].sum() + y,
    "joined": lambda x, y: tk.cat([x, y.T.flatten().view(4, 3).T], 1).chunk(2, 1)[1],
    "shapes": lambda x, y: (x.unsqueeze(0) * y.view(1, 3, 4)).squeeze().movedim(0, 1).flip(0),
    "layers": lambda x, y: F.layer_norm(x, (4,), y[0], y[1]) + F.gelu(y) + F.softplus(x),
    "cross entropy": lambda x, y: F.cross_entropy(x, y.argmax(1)) + F.nll_loss(y, x.argmax(1)),
    "losses": lambda x, y: (
        F.mse_loss(x, y)
        + F.smooth_l1_loss(x, y)
        + F.binary_cross_entropy(tk.sigmoid(x), y.abs() / 9)
    ),
    "norms": lambda x, y: (
        x.norm() + tk.logsumexp(y, 0).sum() + x.var(1).mean() + y.cumsum(0).prod()
    ),
    "triangles": lambda x, y: tk.tril(x) + tk.triu(y) + tk.diag(x.diagonal()) @ y[:3],
    "views": lambda x, y: x.clone().as_strided((2, 2), (1, 3), 1).sum() + y.expand(2, 3, 4).sum(0),
    "dtypes": lambda x, y: (x.int() + y[0, 0].float(), x.sum() * y.int(), x.bool() | (y > 0)),
    "a constant": lambda x, y: tk.ones(2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_equal_the_loop(name: str) -> None:
    function = FUNCTIONS[name]
    x, y = (tk.from_numpy(seeded((SIZE, 3, 4), seed)) for seed in (1, 2))
    for dims in ((0, 0), (0, None), (None, 0)):
        a, b = (t if dim == 0 else t[0] for t, dim in zip((x, y), dims, strict=True))
        if name == "in place" and dims[0] is None:
            with pytest.raises(RuntimeError, match=r"^vmap: "):
                vmap(function, dims)(a, b)
            continue
        expected = [
            flat(function(*(t[i] if dim == 0 else t for t, dim in zip((a, b), dims, strict=True))))
            for i in range(SIZE)
        ]
        found = flat(vmap(function, dims)(a, b))
        for have, column in zip(found, zip(*expected, strict=True), strict=True):
            agree(have, list(column), (name, dims))


def flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [each for item in value for each in flat(item)]
    return [value]


def uniform(*shape: int, seed: int) -> tk.Tensor:
    return tk.from_numpy(np.random.default_rng(seed).uniform(0.1, 0.9, shape))


X, Y, V = uniform(SIZE, 4, 4, seed=1), uniform(SIZE, 4, 4, seed=2), uniform(SIZE, 4, seed=3)
N, M = (X * 4.0).int().long(), X > Y
FORMS: list[tuple[list[tk.Tensor], tuple[Any, ...]]] = [
    ([X], ()), ([V], ()), ([N], ()), ([M], ()),
    ([X, Y], ()), ([V, V + 1.0], ()), ([X, V], ()), ([N, N + 1], ()), ([X, M], ()), ([X, Y, X], ()),
    ([X], (1,)), ([X], (-1,)), ([X], (0, 1)), ([X], (2, 0)), ([X], ((2, 8),)),
    ([X], (1, N[0])), ([X], (M[0], 0.5)),
]  # fmt: skip
UNLIKE = {
    "backward": "needs a graph", "requires_grad_": "refused", "fill_diagonal_": "a number",
    "empty_like": "any values", "new_empty": "any values", "detach_": "of the batch itself",
    "data_ptr": "of one tensor", "storage_offset": "of one tensor", "item": "of one tensor",
    "tolist": "of one tensor", "numpy": "of one tensor", "stride": "no tensor",
}  # fmt: skip
PUBLIC: dict[str, Callable[..., Any]] = {
    name: getattr(tk.Tensor, name)
    for name in dir(tk.Tensor)
    if not name.startswith("_") and callable(getattr(tk.Tensor, name))
} | public_functions()


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - UNLIKE.keys()))
def test_public_functions_equal_the_loop(name: str) -> None:
    """Whatever calls make sense of some common forms of arguments."""
    for batches, rest in FORMS:

        def call(first: tk.Tensor, *others: Any, rest: tuple[Any, ...] = rest) -> Any:
            return PUBLIC[name](first.clone() if name.endswith("_") else first, *others, *rest)

        tk.manual_seed(0)
        try:
            expected = [flat(call(*(each[i] for each in batches))) for i in range(SIZE)]
        except Exception:
            continue  # no such call
        if not all(isinstance(each, tk.Tensor) for each in expected[0]):
            continue
        tk.manual_seed(0)
        if any(
            a.shape != b.shape for row in expected for a, b in zip(row, expected[0], strict=True)
        ):
            with pytest.raises(RuntimeError, match=r"^vmap: .*different shapes"):
                vmap(call)(*batches)
            continue
        found = flat(vmap(call, randomness="different")(*batches))
        for have, column in zip(found, zip(*expected, strict=True), strict=True):
            agree(have, list(column), (name, [tuple(each.shape) for each in batches], rest))


# -- its arguments ---------------------------------------------------------------------------------


def test_dims_in_and_out() -> None:
    x, y = tk.randn(4, 3, 2), tk.randn(2, 5)
    found = vmap(lambda a, b: a @ b, in_dims=(1, None), out_dims=2)(x, y)
    assert found.shape == (4, 5, 3)
    expected = np.einsum("xiy,yk->xki", array_of(x), array_of(y))
    assert np.allclose(array_of(found), expected, atol=1e-6)
    assert vmap(lambda a: a * 2.0, in_dims=-1, out_dims=-1)(x).tolist() == (x * 2.0).tolist()
    pair = vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(x)
    assert pair[0].shape == (3, 4, 2) and pair[1].shape == (4,)
    Point = namedtuple("Point", "left right")
    tree = {"a": [x, 3.0], "p": Point(x, y)}
    out = vmap(
        lambda t, k=None: {"sum": t["a"][0] * t["a"][1] + t["p"].left, "p": t["p"], "k": k},
        in_dims=({"a": [0, None], "p": (0, None)},),
        out_dims={"sum": 0, "p": (0, None), "k": 0},
    )(tree, k=tk.arange(4))
    assert out["sum"].tolist() == (x * 4.0).tolist() and isinstance(out["p"], Point)
    assert out["p"].right.tolist() == y.tolist() and out["k"].tolist() == [0, 1, 2, 3]


def test_chunks_are_the_whole() -> None:
    assert tk.vmap is vmap
    x = tk.randn(7, 3)
    whole = vmap(lambda a: (a.exp(), a.sum()))(x)
    for size in (1, 2, 7, 100):
        parts = vmap(lambda a: (a.exp(), a.sum()), chunk_size=size)(x)
        assert [each.tolist() for each in parts] == [each.tolist() for each in whole]


def test_nested() -> None:
    x, y = tk.randn(4, 3), tk.randn(5, 3)
    outer = vmap(vmap(lambda a, b: (a * b).sum() + tk.sort(b)[0][0], (None, 0)), (0, None))(x, y)
    expected = [[((a * b).sum() + b.min()).item() for b in y] for a in x]
    assert np.allclose(array_of(outer), expected, atol=1e-6)
    same = vmap(vmap(vmap(lambda a: a * 2.0 + 1.0)))(tk.arange(24.0).reshape(2, 3, 4))
    assert same.tolist() == (tk.arange(24.0) * 2.0 + 1.0).reshape(2, 3, 4).tolist()
    crossed = vmap(lambda a: vmap(lambda b: tk.outer(a, b) @ b)(y))(x)
    assert crossed.shape == (4, 5, 3)
    assert np.allclose(array_of(crossed)[2, 3], array_of(tk.outer(x[2], y[3]) @ y[3]), atol=1e-5)


def test_random_numbers() -> None:
    def noisy(a: tk.Tensor) -> tk.Tensor:
        return a * 0.0 + tk.rand(3) + F.dropout(tk.ones(3), 0.5) + tk.randn_like(a).exp()

    x = tk.zeros(4, 3)
    with pytest.raises(RuntimeError, match=r"^vmap: .*randomness"):
        vmap(noisy)(x)
    same = vmap(noisy, randomness="same")(x)
    assert all(row.tolist() == same[0].tolist() for row in same)
    different = vmap(noisy, randomness="different")(x)
    assert len({tuple(row) for row in different.tolist()}) == 4
    tk.manual_seed(0)
    found = vmap(lambda a: a + tk.rand(3), randomness="different")(x)
    tk.manual_seed(0)
    assert found.tolist() == tk.stack([a + tk.rand(3) for a in x]).tolist()
    nested = vmap(vmap(lambda a: a + tk.rand(2), randomness="same"), randomness="different")(
        tk.zeros(3, 4, 2)
    )
    assert nested[0, 0].tolist() == nested[0, 3].tolist() != nested[1, 0].tolist()
    assert tk.rand(2).shape == (2,)

    def without_a_rule(a: tk.Tensor) -> tk.Tensor:
        return tk.bernoulli(a.abs().clamp(max=1.0)) + tk.multinomial(a.abs() + 0.1, 3)

    x = tk.rand(20, 3)
    same = vmap(without_a_rule, randomness="same")(x[:1].repeat(20, 1))
    assert all(row.tolist() == same[0].tolist() for row in same)
    different = vmap(without_a_rule, randomness="different")(x[:1].repeat(20, 1))
    assert different.shape == (20, 3) and len({tuple(row) for row in different.tolist()}) > 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda x: vmap(lambda a: a if a.sum() > 0 else -a)(x), r"bool: .*where"),
        (lambda x: vmap(lambda a: a.sum().item())(x), "item: "),
        (lambda x: vmap(lambda a: a.numpy())(x), "numpy: "),
        (lambda x: vmap(lambda a: 3.0)(x), "must return tensors; got float"),
        (lambda x: vmap(lambda a: a.nonzero())(x.tril()), "nonzero .*different shapes"),
        (lambda x: vmap(lambda a: a.requires_grad_())(x), "requires_grad_: use func.grad"),
        (lambda x: vmap(lambda a: a.register_hook(print))(x), "register_hook: use func.grad"),
        (lambda x: vmap(lambda a: a, in_dims=5)(x), r"dim 5 is out of range for \(4, 3\)"),
        (lambda x: vmap(lambda a: a, in_dims=None)(x), "no argument is batched"),
        (lambda x: vmap(lambda a, b: a)(x, x[:2]), r"sizes differ; got \[2, 4\]"),
        (lambda x: vmap(lambda a, b: a)(x, 3.0), "float, which is no tensor"),
        (lambda x: vmap(lambda a: a, in_dims=(0, 0))(x), "2 entries for 1"),
        (lambda x: vmap(lambda a: a, out_dims=None)(x), "differs between examples"),
        (lambda x: vmap(lambda a: a, out_dims=7)(x), "dim 7 is out of range"),
        (lambda x: vmap(lambda a: a, randomness="some")(x), "randomness is"),
        (lambda x: vmap(lambda a: a, chunk_size=0)(x), "chunk_size"),
        (lambda x: vmap(lambda a: tk.zeros(3).add_(a))(x), "vmap: "),
        (lambda x: vmap(lambda a: a.unique())(x[:0]), "no example"),
    ],
)
def test_what_it_refuses(call: Any, told: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=rf"^vmap: .*{told}|^{told}"):
        call(tk.ones(4, 3))
    assert (tk.ones(2) + tk.rand(2)).shape == (2,)


def test_errors_of_ops_are_those_of_an_example() -> None:
    with pytest.raises(ValueError, match=r"^matmul: .*\(3,\).*\(4, 2\)"):
        vmap(lambda a: a @ tk.ones(4, 2))(tk.ones(5, 3))
    with pytest.raises(ValueError, match=r"^add: .*\(3,\).*\(2,\)"):
        vmap(lambda a: a + tk.ones(2))(tk.ones(5, 3))
    with pytest.raises(IndexError, match=r"dim 1 is out of range"):
        vmap(lambda a: a.sum(1))(tk.ones(5, 3))


def test_an_empty_batch() -> None:
    found = vmap(lambda a: ((a * 2.0).sum(), a @ tk.ones(3, 2)))(tk.ones(0, 3))
    assert found[0].shape == (0,) and found[1].shape == (0, 2)


def test_gradients_flow_through_it() -> None:
    x = tk.from_numpy(seeded((4, 3), 0)).requires_grad_()
    w = tk.from_numpy(seeded((3, 2), 1)).requires_grad_()
    vmap(lambda a: (a @ w).tanh().sort()[0])(x).sum().backward()
    found = (array_of(x.grad), array_of(w.grad))
    x.grad = w.grad = None
    sum(((a @ w).tanh().sum() for a in x), tk.zeros(())).backward()
    for have, want in zip(found, (x.grad, w.grad), strict=True):
        assert np.allclose(have, array_of(want), rtol=1e-12)


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        return g * x * x * 3.0


def test_user_functions_run_on_each_example() -> None:
    x = tk.from_numpy(seeded((4, 3), 0))
    assert np.allclose(array_of(vmap(Cube.apply)(x)), array_of(x) ** 3)
    found = vmap(grad(lambda a: Cube.apply(a).sum()))(x)
    assert np.allclose(array_of(found), 3 * array_of(x) ** 2)


def test_checkpoint_and_anomaly_mode_inside() -> None:
    x = tk.from_numpy(seeded((4, 3), 0))

    def plain(a: tk.Tensor) -> tk.Tensor:
        return (a.sin() * a.exp()).sum()

    expected = vmap(grad(plain))(x)
    with tk.autograd.detect_anomaly():
        found = vmap(grad(lambda a: checkpoint(plain, a)))(x)
        rows = vmap(lambda a: jacrev(lambda b: checkpoint(tk.sin, b))(a))(x)
    agree(found, list(expected), "checkpoint")
    agree(rows, [tk.diag(a.cos()) for a in x], "rows")


# -- transforms ------------------------------------------------------------------------------------


def test_no_confusion_between_levels() -> None:
    """d/dx of x d/dy (x y) is 2x; a constant stays one; grads of what has none are zeros."""
    x = tk.tensor(3.0)
    assert grad(lambda x: x * grad(lambda y: x * y)(tk.tensor(1.0)))(x).item() == 6.0
    assert grad(lambda x: x * grad(lambda x: x * x * x)(x))(x).item() == 81.0
    assert grad(lambda x: tk.tensor(2.0))(x).item() == 0.0
    assert grad(lambda x: grad(lambda y: x * x)(x) + x)(x).item() == 1.0


def test_of_what_is_in_a_graph() -> None:
    """Results are outside a graph unless something outside the function is inside one."""
    x = tk.tensor(3.0)
    found, value = grad_and_value(lambda a: a * a * a)(x)
    assert (found.item(), value.item()) == (27.0, 27.0)
    assert not found.requires_grad and not value.requires_grad and not x.requires_grad
    w = tk.tensor(2.0, requires_grad=True)
    found = grad(lambda a: a * a * w)(x)
    found.backward()
    assert w.grad is not None and w.grad.item() == 6.0
    with tk.no_grad():
        assert grad(lambda a: a * a * w)(x).item() == 12.0
        assert not grad(lambda a: a * a * w)(x).requires_grad
    y = tk.tensor(3.0, requires_grad=True)
    grad(lambda a: a * a * a)(y).backward()
    assert y.grad is not None and y.grad.item() == 18.0


def test_trees_and_aux() -> None:
    params = {"w": tk.tensor([1.0, 2.0]), "b": [tk.tensor(3.0)]}

    def f(p: Any, x: float) -> Any:
        y = (p["w"] * p["w"]).sum() * x + p["b"][0]
        return y, {"y": y}

    found, aux = grad(f, has_aux=True)(params, 2.0)
    assert found["w"].tolist() == [4.0, 8.0] and found["b"][0].item() == 1.0
    assert aux["y"].item() == 13.0 and not aux["y"].requires_grad
    both, (value, _) = grad_and_value(lambda a, b: (a * b, 0), (1, 0), has_aux=True)(
        tk.tensor(2.0), tk.tensor(5.0)
    )
    assert [each.item() for each in both] == [2.0, 5.0] and value.item() == 10.0


def two(x: tk.Tensor, y: tk.Tensor) -> dict[str, tk.Tensor]:
    return {"a": x.sin() @ y, "b": (x * x).sum() * y.exp().sum(1)}


def test_jacobians_agree() -> None:
    x, y = tk.from_numpy(seeded((3,), 0)), tk.from_numpy(seeded((3, 2), 1))
    back, ahead = jacrev(two, (0, 1))(x, y), jacfwd(two, (0, 1))(x, y)
    some = jacrev(two, (0, 1), chunk_size=2)(x, y)
    old = tk.autograd.functional.jacobian(lambda a, b: tuple(two(a, b).values()), (x, y))
    for i, name in enumerate(("a", "b")):
        for j in (0, 1):
            expected = array_of(back[name][j])
            assert expected.shape == (*two(x, y)[name].shape, *(x, y)[j].shape)
            for other in (ahead[name][j], some[name][j], old[i][j]):
                assert np.allclose(expected, array_of(other), rtol=1e-10, atol=1e-12)
    single = jacrev(lambda a: a.sin(), 0)(x)
    assert np.allclose(array_of(single), np.diag(np.cos(array_of(x))))
    value, aux = jacrev(lambda a: (a.sin(), a.sum()), has_aux=True)(x)
    other, same = jacfwd(lambda a: (a.sin(), a.sum()), has_aux=True)(x)
    assert np.allclose(array_of(value), array_of(other)) and aux.item() == same.item()


def test_hessian_also_of_a_batch() -> None:
    def f(a: tk.Tensor) -> tk.Tensor:
        return (a.sin() * a.sum()).sum()

    x = tk.from_numpy(seeded((4, 3), 0))
    batched = vmap(hessian(f))(x)
    for i in range(4):
        v = array_of(x[i])
        expected = np.cos(v)[:, None] + np.cos(v)[None] - np.diag(np.sin(v) * v.sum())
        assert np.allclose(array_of(batched[i]), expected, rtol=1e-12)


def test_per_sample_gradients() -> None:
    net = nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 3))
    params = {name: each.detach() for name, each in net.named_parameters()}
    x, y = tk.randn(8, 6), tk.randint(0, 3, (8,))

    def loss(p: Any, a: tk.Tensor, b: tk.Tensor) -> tk.Tensor:
        return F.cross_entropy(functional_call(net, p, (a.unsqueeze(0),)), b.unsqueeze(0))

    found = vmap(grad(loss), (None, 0, 0))(params, x, y)
    for i in range(8):
        net.zero_grad()
        F.cross_entropy(net(x[i : i + 1]), y[i : i + 1]).backward()
        for name, each in net.named_parameters():
            assert np.allclose(array_of(found[name][i]), array_of(each.grad), atol=1e-6), name


def test_ensembles() -> None:
    models = [nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh()).eval() for _ in range(3)]
    params, buffers = stack_module_state(models)
    assert all(each.is_leaf and each.requires_grad for each in params.values())
    base, x = models[0], tk.randn(5, 4)
    found = vmap(lambda p, b: functional_call(base, (p, b), (x,)))(params, buffers)
    agree_loosely(found, [model(x) for model in models])
    found.sum().backward()
    for i, model in enumerate(models):
        model(x).sum().backward()
        for name, each in model.named_parameters():
            assert np.allclose(array_of(params[name].grad[i]), array_of(each.grad), atol=1e-5)


def agree_loosely(found: tk.Tensor, expected: list[tk.Tensor]) -> None:
    assert np.allclose(array_of(found), np.stack([array_of(e) for e in expected]), atol=1e-6)


def test_functional_call() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    before = net[0].weight
    other = {"0.weight": tk.zeros(2, 2), "0.bias": tk.ones(2), "1.bias": tk.ones(2)}
    x = tk.randn(3, 2)
    assert functional_call(net, other, x).tolist() == [[1.0, 1.0]] * 3
    assert net[0].weight is before and net[1].weight is before
    assert functional_call(net, other, x, tie_weights=False).tolist() != [[1.0, 1.0]] * 3
    for wrong, told in (({"2.weight": before}, "unexpected: 2.weight"), ({}, "missing: 0.weight")):
        with pytest.raises(RuntimeError, match=rf"^functional_call: .*{told}"):
            functional_call(net, wrong, x, strict=True)
    with pytest.raises(ValueError, match=r"^matmul|^linear"):
        functional_call(net, {"0.bias": tk.ones(2)}, tk.randn(3, 5))
    assert net[0].bias is dict(net.named_parameters())["0.bias"]


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda x: grad(lambda a: a)(x), RuntimeError, r"grad: .* scalar; got float32 of \(3,\)"),
        (lambda x: grad(lambda a: a.sum().long())(x), RuntimeError, "grad: .* int64"),
        (lambda x: grad(lambda a: 3.0)(x), TypeError, "grad: .* tensor; got float"),
        (lambda x: grad(lambda a: a.sum())(3.0), TypeError, "grad: expected tensors; got float"),
        (lambda x: grad(lambda a: a.sum())(x.long()), TypeError, "grad: .* int64"),
        (lambda x: grad(lambda a: a.sum(), 1)(x), ValueError, "grad: argnums 1"),
        (lambda x: grad(lambda a: a.sum(), (0, 0))(x), ValueError, "grad: argnums must"),
        (lambda x: vjp(lambda a: a, x)[1](x[:2]), ValueError, r"vjp: .*\(2,\) for \(3,\)"),
        (lambda x: vjp(lambda a: a, x)[1]((x, x)), ValueError, "vjp: 1 outputs but 2"),
        (lambda x: jvp(lambda a: a, (x,), (x, x)), ValueError, "jvp: 1 primals but 2"),
        (lambda x: jvp(lambda a: a, (x,), (x[:2],)), ValueError, r"jvp: .*\(2,\) for \(3,\)"),
        (lambda x: jvp(lambda a: a, x, x), TypeError, "jvp: .* tuples"),
        (lambda x: jacrev(lambda a: 3.0)(x), TypeError, "vjp: .* must return tensors"),
    ],
)
def test_wrong_arguments(call: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=rf"^{told}"):
        call(tk.randn(3))


# -- linearize, and functions with rules of their own ---------------------------------------------


def test_views_that_are_changed_in_place() -> None:
    def windows(x: tk.Tensor) -> tk.Tensor:
        x = x * 1.0
        x.unfold(0, 2, 3)[0].mul_(2.0)
        return x

    x = tk.arange(1.0, 11.0).reshape(2, 5)
    expected = [windows(each).tolist() for each in x]
    assert vmap(windows)(x).tolist() == expected
    assert jacfwd(windows)(x[0]).tolist() == jacrev(windows)(x[0]).tolist()

    def strided(x: tk.Tensor) -> tk.Tensor:
        x.as_strided((2,), (1,))[0].mul_(2.0)
        return x

    with pytest.raises(RuntimeError, match=r"^vmap: mul_: .* is a copy"):
        vmap(strided)(x)
    with pytest.raises(RuntimeError, match=r"^vmap: mul_: .* same for all examples"):
        vmap(lambda x: tk.ones(5).mul_(x))(x)


def test_linearize_pushes_many_tangents() -> None:
    runs: list[int] = []

    def function(x: tk.Tensor, y: dict[str, tk.Tensor]) -> tuple[tk.Tensor, tk.Tensor]:
        runs.append(1)
        return (x * y["a"]).sin(), x.sum()

    x, y = tk.tensor([0.5, 1.5]), {"a": tk.tensor([2.0, -1.0])}
    output, push = linearize(function, x, y)
    assert [each.tolist() for each in output] == [each.tolist() for each in function(x, y)]
    for seed in range(3):
        tk.manual_seed(seed)
        tangents = (tk.randn(2), {"a": tk.randn(2)})
        for found, expected in zip(
            push(*tangents), jvp(function, (x, y), tangents)[1], strict=True
        ):
            assert found.tolist() == expected.tolist() and not found.requires_grad
    assert len(runs) == 1 + 1 + 3
    _, push = linearize(lambda x: x.exp(), x)
    assert vmap(push)(tk.eye(2)).tolist() == [[x[0].exp().item(), 0.0], [0.0, x[1].exp().item()]]
    with pytest.raises(ValueError, match=r"^linearize: a tangent has its primal's shape"):
        push(tk.ones(3))
    slopes = vmap(lambda x: linearize(lambda x: x * x * x, x)[1](tk.ones(())))(x)
    assert slopes.tolist() == (3.0 * x * x).tolist()


def test_linearize_is_differentiated() -> None:
    weight = tk.tensor(3.0, requires_grad=True)
    output, push = linearize(lambda x: weight * x * x, tk.tensor(2.0))
    (output + push(tk.tensor(1.0))).backward()
    assert weight.grad is not None and weight.grad.item() == 4.0 + 4.0


class Scaled(Function):
    calls: list[Any] = []  # noqa: RUF012

    @staticmethod
    def forward(x: tk.Tensor, factors: tuple[tk.Tensor, float]) -> tuple[tk.Tensor, tk.Tensor]:
        return x * factors[0], x.sum() * factors[1]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise AssertionError("vmap does it")

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: tk.Tensor, factors: Any) -> Any:
        Scaled.calls.append((info.batch_size, info.randomness, in_dims))
        assert type(x) is tk.Tensor
        return ((x * factors[0]).t(), x.sum(1) * factors[1]), (1, 0)


def test_a_function_s_own_rule() -> None:
    Scaled.calls.clear()
    x = tk.arange(6.0).reshape(3, 2).requires_grad_()
    scale = tk.tensor([2.0, 3.0])
    first, second = vmap(lambda x: Scaled.apply(x, (scale, 0.5)))(x)
    assert Scaled.calls == [(3, "error", (0, (None, None)))]
    assert first.tolist() == (x * scale).tolist() and second.tolist() == (x.sum(1) * 0.5).tolist()
    (first.sum() + second.sum()).backward()
    assert x.grad is not None and x.grad.tolist() == [[2.5, 3.5]] * 3


def test_wrong_rules_of_a_function() -> None:
    class Both(Scaled):
        generate_vmap_rule = True

    class Alone(Function):
        @staticmethod
        def vmap(info: Any, in_dims: Any, x: tk.Tensor) -> Any:
            return x

    for function, error, match in (
        (Both, RuntimeError, "^Both: .* another one"),
        (Alone, TypeError, r"^Alone: vmap must return \(output, out_dims\)"),
    ):
        with pytest.raises(error, match=match):
            vmap(lambda x, function=function: function.apply(x))(tk.ones(2, 2))


def test_a_generated_rule_runs_the_function() -> None:
    class Cube(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            return g * 3.0 * ctx.saved_tensors[0] ** 2.0

    x = tk.tensor([1.0, 2.0])
    assert vmap(grad(lambda x: Cube.apply(x)))(x).tolist() == [3.0, 12.0]
