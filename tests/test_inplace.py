"""In-place forms: the values of the op, written where they belong, and noticed by autograd."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import FLOATS, GROUPS, Case, array_of, case_of, cases, name_of, rows, same_bits

import tinygrad_k as tk
from tinygrad_k.ops import OPS, Op, sharing
from tinygrad_k.testing.laws import call, differentiable, leaves_of, operands

INPLACE = rows(  # those that are views of the tensor itself write nothing
    lambda op: op.samples and op.family != "view" and hasattr(tk.Tensor, f"{op.name}_")
)
inplace = pytest.mark.parametrize("op", INPLACE, ids=name_of)
inplace_binary = pytest.mark.parametrize(
    "op", [op for op in INPLACE if len(op.domain) == 2], ids=name_of
)


def test_there_are_some() -> None:
    assert len(INPLACE) > 30


@inplace
def test_equals_the_op_and_counts(op: Op, isa: str) -> None:
    """Same bits as the op where the result fits, and a refusal that changes nothing elsewhere."""
    for case in cases(op):
        if not isinstance(case.args[0], np.ndarray):
            continue
        ready = case.changed(lambda x: tk.from_numpy(np.array(x)))
        target, before = ready.args[0], array_of(ready.args[0])
        expected = case.call()
        version = target._version
        method = getattr(target, f"{op.name}_")
        fits = expected.shape == target.shape and expected.dtype is target.dtype
        try:
            result = method(*ready.args[1:], **ready.kwargs)
        except (ValueError, TypeError, RuntimeError) as error:
            assert not fits, f"{case}: {error}"
            assert str(error).startswith(op.name), str(error)
            assert same_bits(array_of(target), before), f"{case} failed and changed its target"
            continue
        assert result is target
        assert target._version == version + 1, str(case)
        assert target.shape == expected.shape or not fits
        wanted = array_of(expected).astype(target.dtype.numpy)
        assert same_bits(array_of(target), wanted), f"{case}: {target} for {wanted}"


@inplace
def test_read_only_memory_is_refused(op: Op) -> None:
    for case in cases(op, GROUPS[op.dtypes][:1]):
        ready = case.changed(lambda x: tk.from_numpy(np.array(x)))
        frozen = np.array(case.args[0])
        frozen.flags.writeable = False
        with pytest.raises((RuntimeError, ValueError), match=r"^\w+: "):
            getattr(tk.from_numpy(frozen), f"{op.name}_")(*ready.args[1:], **ready.kwargs)
        assert same_bits(frozen, np.array(case.args[0]))


VIEWS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda x: x,
    lambda x: x[::-1],
    lambda x: x[:, ::-1],
    lambda x: x.T,
    lambda x: x[1:2],
    lambda x: x[:, 2:3],
    lambda x: x[3, 4, ...],
    lambda x: np.broadcast_to(x[0], x.shape),
    lambda x: np.broadcast_to(x[:, :1], x.shape),
)


@inplace_binary
def test_operand_in_the_same_memory(op: Op, isa: str) -> None:
    """``x.op_(view of x)`` is what the op gives of copies, however the two overlap."""
    kind = GROUPS[op.dtypes][0]
    for n in (5, 70):
        for view in VIEWS:
            draw = op.domain[1](n, n)
            memory = case_of(op, type(op.samples[0])((draw,)), kind).args[0]
            result = Case(op, (np.array(memory), np.array(view(memory)))).call()
            expected = array_of(result).astype(memory.dtype)
            target = tk.from_numpy(memory)
            getattr(target, f"{op.name}_")(tk.from_numpy(view(memory)))
            assert same_bits(array_of(target), expected), op.name


@inplace_binary
def test_shifted_window_in_the_same_memory(op: Op) -> None:
    """Target and operand are windows on one array, each a few elements further."""
    kind = GROUPS[op.dtypes][0]
    for offset in (-3, -1, 1, 2):
        memory = case_of(op, type(op.samples[0])((op.domain[1](300),)), kind).args[0]
        windows = memory[10:200], memory[10 + offset : 200 + offset]
        result = Case(op, tuple(np.array(each) for each in windows)).call()
        expected = array_of(result).astype(memory.dtype)
        getattr(tk.from_numpy(windows[0]), f"{op.name}_")(tk.from_numpy(windows[1]))
        assert same_bits(np.array(windows[0]), expected), op.name


@pytest.mark.parametrize("op", rows(lambda op: differentiable(op) and op.samples), ids=name_of)
def test_changing_what_was_saved(op: Op) -> None:
    """Backward is unmoved by a change of an operand, or it refuses and names both ops."""
    for case in cases(op, FLOATS[1:]):
        arrays, places = case.arrays(), operands(case)
        for changed in [*range(len(arrays)), "result"]:
            tensors = leaves_of(places, arrays)
            result = call(case, tensors)
            if not result.requires_grad or not result.numel():
                continue
            wanted = [tensors[i] for i in places]
            seed = tk.from_numpy(np.ones(result.shape))
            kept = tk.autograd.grad(result, wanted, seed, retain_graph=True, allow_unused=True)
            target = result if changed == "result" else tensors[changed]  # type: ignore[index]
            if not target.numel():
                continue
            try:
                target.detach().fill_(0)
            except RuntimeError as error:
                assert "share memory" in str(error), str(error)
                continue
            try:
                found = tk.autograd.grad(result, wanted, seed, allow_unused=True)
            except RuntimeError as error:
                assert str(error).startswith("backward: "), str(error)
                assert "fill_" in str(error), str(error)
                assert op.name.strip("_") in str(error) or op.name not in OPS, str(error)
                continue
            for a, b in zip(kept, found, strict=True):
                assert (a is None) == (b is None)
                if a is not None and b is not None:
                    assert same_bits(array_of(a), array_of(b)), f"{case}, operand {changed}"


def test_versions_are_shared_by_views() -> None:
    base = tk.from_numpy(np.zeros((3, 4)))
    view = base.transpose(0, 1)
    version = base._version
    view.add_(1.0)
    assert base._version == view._version == version + 1
    base.mul_(2.0)
    assert view._version == version + 2
    assert base.detach()._version == base._version


def test_leaf_that_wants_a_gradient() -> None:
    leaf = tk.from_numpy(np.ones(3)).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^add_: a leaf"):
        leaf.add_(1.0)
    with tk.no_grad():
        leaf.add_(1.0)
    assert leaf.tolist() == [2.0, 2.0, 2.0]


def test_recorded_change_takes_part_in_the_graph() -> None:
    leaf = tk.from_numpy(np.array([1.0, 2.0, 3.0])).requires_grad_()
    total = leaf * 2.0
    total.add_(leaf.exp())
    total.mul_(3.0)
    total.sum().backward()
    assert leaf.grad is not None
    assert np.allclose(leaf.grad.numpy(), 6.0 + 3.0 * np.exp([1.0, 2.0, 3.0]), rtol=1e-14)


def test_names_of_both_ops() -> None:
    """The message says which op saved the tensor and which one changed it."""
    assert "exp" in OPS
    leaf = tk.from_numpy(np.ones(3)).requires_grad_()
    result = leaf.exp()
    result.detach().mul_(2.0)
    with pytest.raises(RuntimeError, match=r"exp saved .* changed in place by mul_"):
        result.sum().backward()


# -- memory that several tensors see --------------------------------------------------------------


def leaf(*values: float) -> tk.Tensor:
    return tk.tensor(values, dtype=tk.float64, requires_grad=True)


def gradient_of(result: tk.Tensor, at: tk.Tensor) -> list[float]:
    seed = tk.arange(1.0, result.numel() + 1, dtype=tk.float64).reshape(result.shape)
    (found,) = tk.autograd.grad(result, [at], seed, retain_graph=True)
    return found.tolist()


def test_base_and_views_follow_a_changed_view() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    base = x * 2.0
    part, other, apart = base[1:3], base[::2], base[3:]
    part.mul_(5.0)
    assert gradient_of(base, x) == [2.0, 20.0, 30.0, 8.0]
    assert gradient_of(other, x) == [2.0, 0.0, 20.0, 0.0]
    assert gradient_of(apart, x) == [0.0, 0.0, 0.0, 2.0]
    base.mul_(3.0)
    assert gradient_of(part, x) == [0.0, 30.0, 60.0, 0.0]
    assert gradient_of(apart, x) == [0.0, 0.0, 0.0, 6.0]
    del base, part
    other.zero_()
    assert gradient_of(apart, x) == [0.0, 0.0, 0.0, 6.0]
    assert gradient_of(other, x) == [0.0] * 4


def test_expanded_view_follows() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1.0
    wide = base.expand(2, 2)
    base.mul_(3.0)
    assert gradient_of(wide, x) == [12.0, 18.0]
    with pytest.raises(RuntimeError, match=r"elements of the output share memory"):
        wide.mul_(2.0)


def linear_map(function: Callable[[tk.Tensor], tk.Tensor], n: int) -> np.ndarray:
    """The matrix of a linear function of a vector, by its gradients."""
    x = tk.arange(1.0, n + 1.0, dtype=tk.float64).requires_grad_()
    result = function(x)
    matrix = np.array([gradient_of(each, x) for each in result.reshape(-1)]).reshape(-1, n)
    assert np.array_equal(matrix @ np.arange(1.0, n + 1.0), result.detach().numpy().reshape(-1))
    return matrix


def twice(x: tk.Tensor) -> tk.Tensor:
    return (x * 1.0).view(3, 4)


CHANGES: dict[str, Callable[[tk.Tensor], Any]] = {
    "shifted": lambda base: base.view(-1)[1:].add_(base.view(-1)[:-1] * 2.0),
    "shifted rows": lambda base: (base[:2].mul_(3.0), base[1:].mul_(2.0)),
    "columns": lambda base: base[:, 1:3].mul_(base.new_tensor(2.0)),
    "shifted columns": lambda base: (base[:, :3].mul_(2.0), base[:, 1:].mul_(5.0)),
    "transposed": lambda base: base.t()[1:3].add_(base.t()[0:2].clone()),
    "permuted target": lambda base: base.t().mul_(2.0),
    "diagonal": lambda base: base.diagonal().mul_(7.0),
    "backwards": lambda base: base[:, ::-2].sub_(base[:, :2].clone()),
    "a column of a flat view": lambda base: base.view(2, 6)[:, 4].mul_(3.0),
    "windows": lambda base: base.view(-1).unfold(0, 2, 3).mul_(2.0),
    "a part += ": lambda base: base[1].__iadd__(base[0]),
    "index_put_": lambda base: base[1:].index_put_((tk.tensor([1, 0]), tk.tensor([2, 2])), 0.0),
    "split": lambda base: base.split(2)[0].copy_(base.chunk(2, 1)[1][1:].repeat(1, 2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_all_that_see_the_memory_agree(change: str) -> None:
    """The same linear map by the base, and by each view that was made before the change."""
    views: list[Callable[[tk.Tensor], tk.Tensor]] = [
        lambda base: base,
        lambda base: base.view(-1),
        lambda base: base.t(),
        lambda base: base[1:],
        lambda base: base[:2],
        lambda base: base[:, 1],
        lambda base: base[:, ::2],
        lambda base: base.expand(2, 3, 4),
        lambda base: base.unbind(1)[2],
        lambda base: base.diagonal(1),
        lambda base: base[2:2],
    ]

    def early(x: tk.Tensor, view: Any) -> tk.Tensor:
        base = twice(x)
        seen = view(base)
        CHANGES[change](base)
        return seen

    def late(x: tk.Tensor, view: Any) -> tk.Tensor:
        base = twice(x)
        CHANGES[change](base)
        return view(base)

    for view in views:
        found, expected = (
            linear_map(lambda x, f=f, view=view: f(x, view), 12) for f in (early, late)
        )
        assert np.array_equal(found, expected)


def test_old_tensors_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    search = sharing._tensors
    monkeypatch.setattr(
        sharing,
        "_tensors",
        lambda generation, which: looked.append(generation) or search(generation, which),
    )
    x = leaf(1.0, 2.0)
    base = tk.zeros(5, 2, dtype=tk.float64)
    old = base[3]
    gc.collect()
    for i in range(3):
        base[i].copy_(x * float(i))
        base[i] += x
    assert looked == [0, 0, 1, 2]  # among the youngest few first
    young = base[3]
    base[0].mul_(2.0)
    assert looked == [0, 0, 1, 2, 0]
    old.copy_(x)
    assert gradient_of(young, x) == gradient_of(base[3], x) == [1.0, 2.0]
    assert gradient_of(base[:3].sum(0), x) == [7.0, 14.0]
    storage = base._h.storage
    assert storage in sharing._seen
    del base, old, young
    assert storage not in sharing._seen


def test_windows_of_numpy_and_dead_cycles_count() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1.0
    array = base.detach().numpy()
    cycle: list[Any] = [base[:1]]
    cycle.append(cycle)
    del cycle
    base[1:].mul_(2.0)
    assert gradient_of(base, x) == [1.0, 4.0] and array.tolist() == [1.0, 4.0]


def test_gradients_of_rows_keep_no_buffer() -> None:
    x = leaf(1.0, 2.0)
    buffer = tk.zeros(100, 2, dtype=tk.float64)
    buffer[3].copy_(x)
    buffer.sum().backward()
    assert x.grad is not None and x.grad._h.storage.nbytes == 16


def test_what_cannot_be_found_is_refused() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1.0
    part = base[:1]
    hidden = tk.backend.lib.tk_alias(base._h)
    with pytest.raises(RuntimeError, match=r"^mul_: .* no tensor"):
        part.mul_(2.0)
    tk.backend.lib.tk_release(hidden)
    part.mul_(2.0)
    assert gradient_of(base, x) == [2.0, 2.0]


def test_adding_to_a_part_is_one_change() -> None:
    base = tk.zeros(2, 2)
    version = base._version
    base[0] += 1.0
    assert base._version == version + 1
    base[0] = base[0].detach()
    assert base._version == version + 2


def test_base_outside_the_graph_comes_into_it() -> None:
    x = leaf(1.0, 2.0)
    base = tk.zeros(2, 2, dtype=tk.float64)
    apart = base[0]
    base[1].copy_(x)
    assert base.requires_grad and not base.is_leaf and apart.requires_grad
    assert gradient_of(base, x) == [3.0, 4.0]
    assert gradient_of(apart, x) == [0.0, 0.0]
    base[:, 0] += x
    assert gradient_of(base, x) == [3.0 + 1.0, 4.0 + 3.0]
    apart.mul_(2.0)
    assert gradient_of(base, x) == [3.0 + 2.0, 4.0 + 3.0]


def test_detached_aliases_stay_outside() -> None:
    x = leaf(1.0, 2.0)
    base = tk.zeros(2, dtype=tk.float64)
    outside, data = base.detach(), base.data
    inner = outside[:1]
    with tk.no_grad():
        unrecorded = base[1:]
    base[1:].copy_(x[:1])
    assert base.requires_grad
    assert not any(each.requires_grad for each in (outside, data, inner, unrecorded))
    assert outside.tolist() == base.tolist() == [0.0, 1.0]
    before = base.grad_fn
    inner.copy_(x[1:])
    assert inner.requires_grad and outside.requires_grad and not data.requires_grad
    assert base.grad_fn is before
    with pytest.raises(RuntimeError, match=r"^copy_: .* no_grad"):
        unrecorded.copy_(x[1:])
    with pytest.raises(RuntimeError, match=r"^copy_: .* no_grad"):
        unrecorded[:].copy_(x[1:])


def test_what_was_detached_stops_gradients() -> None:
    x = leaf(1.0, 2.0)
    base = x * 1.0
    base[0] = base[0].detach()
    assert gradient_of(base, x) == [0.0, 2.0]


def test_views_made_by_user_functions_are_refused() -> None:
    class Part(tk.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
            return x[:1]

        @staticmethod
        def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
            return tk.cat([g, g])

    base = leaf(1.0, 2.0) * 1.0
    part = Part.apply(base)
    for each in (base, part):
        with pytest.raises(RuntimeError, match=r"^mul_: .* inside a Function"):
            each.mul_(2.0)
    del base
    part.mul_(2.0)
    assert part.tolist() == [2.0]


def test_values_that_nodes_saved_stay_outside() -> None:
    x = leaf(1.0, 2.0)
    whole = x.exp()
    part = whole[:1]
    del whole
    part.mul_(2.0)
    with pytest.raises(RuntimeError, match=r"exp saved .* changed in place by mul_"):
        part.sum().backward()


def test_views_of_leaves_are_refused() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"^mul_: .* a leaf that requires grad"):
        x[:1].mul_(2.0)
    base = tk.zeros(2, dtype=tk.float64)
    part = base[:1]
    base.requires_grad_()
    with pytest.raises(RuntimeError, match=r"^copy_: .* a leaf that requires grad"):
        part.copy_(x[:1])
    assert base.tolist() == [0.0, 0.0]


def test_gradients_of_a_batch_through_a_changed_view() -> None:
    def function(x: tk.Tensor) -> tk.Tensor:
        base = x * 1.0
        base[1:].mul_(3.0)
        base[:2] += x[1:]
        return base

    x = tk.tensor([1.0, 2.0, 3.0])
    expected = [[1.0, 1.0, 0.0], [0.0, 3.0, 1.0], [0.0, 0.0, 3.0]]
    assert tk.func.jacrev(function)(x).tolist() == expected
    hessian = tk.func.hessian(lambda x: (function(x) ** 2.0).sum())(x).numpy()
    jacobian = np.array(expected)
    assert np.array_equal(hessian, 2.0 * jacobian.T @ jacobian)


def test_checkpointed_change_of_a_view() -> None:
    def function(x: tk.Tensor) -> tk.Tensor:
        base = x.exp() * 2.0
        part = base[1:]
        part.mul_(x[1:])
        return base * base

    x = leaf(0.5, 1.5, 2.0)
    plain = gradient_of(function(x), x)
    assert gradient_of(tk.utils.checkpoint.checkpoint(function, x), x) == plain


@inplace_binary
def test_recorded_change_keeps_the_dtype(op: Op) -> None:
    """A result of another dtype is stored as where nothing is recorded, or refused as there."""
    kinds = (tk.float32, tk.float64, tk.int64, tk.bool)
    for first, second in ((a, b) for a in kinds[:2] for b in kinds if a is not b):
        plain = tk.ones(3, dtype=first)
        other = tk.ones(3, dtype=second)
        leaf = tk.ones(3, dtype=first).requires_grad_()
        recorded = leaf.clone()
        try:
            getattr(plain, f"{op.name}_")(other)
        except TypeError:
            with pytest.raises(TypeError, match=rf"^{op.name}_?: "):
                getattr(recorded, f"{op.name}_")(other)
            continue
        getattr(recorded, f"{op.name}_")(other)
        assert recorded.dtype is first
        assert same_bits(array_of(recorded), array_of(plain)), f"{op.name} {first} {second}"
        if recorded.requires_grad:
            recorded.backward(tk.ones(3, dtype=first))
            assert leaf.grad is not None
            assert leaf.grad.dtype is first


def test_what_a_door_refuses_is_told_in_the_name_of_the_method() -> None:
    x, other = tk.zeros(3), tk.ones(4)
    refused: dict[str, Any] = {
        "add_": lambda: x.add_(other),
        "addcmul_": lambda: x.addcmul_(other, other),
        "sub_": lambda: x.sub_(other, alpha=0.5),
        "masked_fill_": lambda: x.masked_fill_(other > 0, 1.0),
        "copy_": lambda: x.copy_(other),
        "normal_": lambda: x.normal_(0.0, -1.0),
    }
    for name, refusal in refused.items():
        with pytest.raises(ValueError, match=f"^{name}: "):
            refusal()
