"""Differences from PyTorch: every public name that it has too, on arguments drawn by name.

Values, shapes, dtypes and gradients are compared wherever PyTorch accepts a call, which it must do
often enough. What differs on purpose stands in docs/differences.md with its reason, and here.
``pytest -rP`` prints for each name how many calls were compared, and how many were refused.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import instances, mapped, rows
from hypothesis import given, settings, strategies as st

import tinygrad_k as tk
from tinygrad_k.ops import functional_functions, linalg_functions, public_functions
from tinygrad_k.testing.arguments import arguments

torch = pytest.importorskip("torch")

LEAST = 0.1  # of the drawn calls PyTorch must accept; the worst name has 0.16

# PyTorch may try any size that a drawn number asks for; threads of its own would need what is left.
torch.set_num_threads(1)
pytestmark = pytest.mark.usefixtures("little_memory")


def on_copy(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that may change its tensor, as a function that does not."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self.clone(), *args, **kwargs)

    return call


METHODS = {
    f"Tensor.{name}": on_copy(getattr(tk.Tensor, name))
    for name in dir(tk.Tensor)
    if not name.startswith("_")
    and name not in public_functions()
    and callable(inspect.getattr_static(tk.Tensor, name))
}
LINALG = {f"linalg.{name}": function for name, function in linalg_functions().items()}
FUNCTIONS = {
    name: on_copy(function) if name.endswith("_") else function
    for name, function in public_functions().items()
}
OURS = FUNCTIONS | METHODS | LINALG
REFUSALS = (TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError, MemoryError)
# Whose values mean nothing, or are drawn, or are no tensors; other tests hold these.
UNSEEN = {"empty", "empty_like", "gumbel_softmax", "Tensor.new_empty", "Tensor.data_ptr"}
UNSEEN |= {
    "from_dlpack",
    "frombuffer",
    "Tensor.numpy",
    "Tensor.backward",
    "Tensor.retain_grad",
    "Tensor.register_hook",
}
UNSEEN |= {"Tensor.register_post_accumulate_grad_hook", "Tensor.requires_grad_"}
FRAGILE = {"pdist"}  # whose backward in PyTorch dies by a signal where there is no element
THEIR_ERRORS = (Exception,)


def theirs(name: str) -> Callable[..., Any] | None:
    """PyTorch's function of this name."""
    home, _, short = name.rpartition(".")
    if home:
        found = getattr(getattr(torch, home), short, None)
        return on_copy(found) if found is not None and home == "Tensor" else found
    homes = [torch, torch.nn.functional, torch.linalg, torch.Tensor]
    if name in functional_functions():  # beside it the root may have another of the same name
        homes.insert(0, torch.nn.functional)
    parameters = inspect.signature(OURS[name]).parameters.values()
    if any(each.kind == each.VAR_POSITIONAL for each in parameters):  # a tuple in the function
        homes.insert(0, torch.Tensor)
    function = next(filter(callable, (getattr(home, name, None) for home in homes)), None)
    return on_copy(function) if function is not None and name.endswith("_") else function


def is_random(function: Callable[..., Any]) -> bool:
    names = inspect.signature(function).parameters
    return function.__module__.endswith(".random") or "generator" in names or "training" in names


NAMES = [
    name
    for name in sorted(OURS)
    if theirs(name) is not None and name not in UNSEEN and not is_random(OURS[name])
]


def leaves(
    value: tuple[Any, dict[str, Any]], make: Callable[[np.ndarray], Any], constant: Any = None
) -> tuple[tuple[Any, dict[str, Any]], list[Any]]:
    """The arguments with tensors for arrays, the floating ones but ``constant`` as leaves, and
    these."""
    found: list[Any] = []

    def leaf(x: np.ndarray) -> Any:
        tensor = make(np.array(x))
        if x.dtype.kind == "f" and x is not constant:
            tensor.requires_grad_()
            found.append(tensor)
        return tensor

    args, kwargs = value
    made = mapped(leaf, args, np.ndarray)
    return (made, {key: mapped(leaf, each, np.ndarray) for key, each in kwargs.items()}), found


def outcome(name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What a call gives; of a decomposition what does not depend on the vectors' signs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(*args, **kwargs)
    if name == "linalg.eigh":
        values, vectors = result
        return values, (vectors * values.sin().unsqueeze(-2)) @ vectors.mT
    if name == "linalg.svd":
        left, values, right = result
        count = values.shape[-1]
        product = left[..., :count] * values.sin().unsqueeze(-2)
        return values, product @ right[..., :count, :]
    return result


def flat(result: Any) -> list[Any]:
    """Tensors and numbers of a result in order."""
    if isinstance(result, (list, tuple)) and not isinstance(result, (tk.Size, torch.Size)):
        return [each for item in result for each in flat(item)]
    return [result]


def shown(name: str, args: Any, kwargs: Any) -> str:
    text = [f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else repr(x) for x in args]
    return f"{name}({', '.join([*text, *(f'{k}={v!r}' for k, v in kwargs.items())])})"


def values(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        return x.detach().to_dense().numpy(force=True)
    return x.detach().numpy() if isinstance(x, tk.Tensor) else np.asarray(x)


def dtype_of(x: Any) -> str:
    return str(x.dtype).split(".")[-1] if hasattr(x, "dtype") else type(x).__name__


def differ(a: Any, b: Any, single: bool) -> str | None:
    """What differs between our result and theirs, None if nothing does."""
    if isinstance(a, tk.Tensor) != isinstance(b, torch.Tensor):
        return f"{type(a).__name__}, PyTorch {type(b).__name__}"
    if dtype_of(a) != dtype_of(b) and not isinstance(a, (tuple, str)):
        return f"dtype {dtype_of(a)}, PyTorch {dtype_of(b)}"
    if not isinstance(a, tk.Tensor):
        same = a == b or (a != a and b != b) or str(a).split(".")[-1] == str(b).split(".")[-1]
        same = same or (isinstance(a, tuple) and a == tuple(b))
        return None if same else f"{a}, PyTorch {b}"
    x, y = values(a), values(b)
    if x.shape != y.shape:
        return f"shape {x.shape}, PyTorch {y.shape}"
    if x.dtype.kind != "f":
        return None if np.array_equal(x, y) else f"{x.tolist()}, PyTorch {y.tolist()}"
    rtol = 1e-4 if single or x.dtype == np.float32 else 1e-9
    with np.errstate(all="ignore"):
        scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=1.0))
        good = np.isclose(x, y, rtol=rtol, atol=rtol * min(scale, 1e6), equal_nan=True)
    if good.all():
        return None
    return f"{x[~good][:3].tolist()}, PyTorch {y[~good][:3].tolist()}"


def accepts(name: str, args: Any, kwargs: Any) -> bool:
    (ready, words), _ = leaves((args, kwargs), tk.from_numpy)
    try:
        outcome(name, OURS[name], ready, words)
    except REFUSALS:
        return False
    return True


class Refused(Exception):
    """PyTorch refuses a call."""


def compare(name: str, args: Any, kwargs: Any, special: bool, constant: Any = None) -> str | None:
    """What differs in a call, None if nothing does; Refused."""
    (their_args, their_kwargs), their_leaves = leaves((args, kwargs), torch.from_numpy, constant)
    function = theirs(name)
    assert function is not None
    try:
        expected = outcome(name, function, their_args, their_kwargs)
    except THEIR_ERRORS as error:
        wrong = re.search(r"not differentiable with respect to argument '(\w+)'", str(error))
        if wrong and constant is None:
            bound = inspect.signature(OURS[name]).bind(*args, **kwargs).arguments
            return compare(name, args, kwargs, special, bound.get(wrong[1]))
        raise Refused from error
    (our_args, our_kwargs), our_leaves = leaves((args, kwargs), tk.from_numpy, constant)
    try:
        found = outcome(name, OURS[name], our_args, our_kwargs)
    except REFUSALS as error:
        return f"refused: {error}"
    arrays = instances([args, list(kwargs.values())], np.ndarray)
    single = any(x.dtype != np.float64 for x in arrays)  # PyTorch may compute in float32 then
    ours, others = flat(found), flat(expected)
    if len(ours) != len(others):
        return f"{len(ours)} results, PyTorch {len(others)}"
    for a, b in zip(ours, others, strict=True):
        problem = differ(a, b, single)
        if problem:
            return problem
    if special:
        return None
    pairs = [(a, b) for a, b in zip(ours, others, strict=True) if isinstance(b, torch.Tensor)]
    for a, b in pairs:
        if a.requires_grad != b.requires_grad:
            return f"requires_grad is {a.requires_grad}, PyTorch {b.requires_grad}"
    pairs = [(a, b) for a, b in pairs if b.requires_grad]
    if not pairs or (name in FRAGILE and not pairs[0][1].numel()):
        return None
    rng = np.random.default_rng(0)
    seeds = [np.asarray(rng.standard_normal(tuple(b.shape))) for _, b in pairs]
    kinds = [values(b).dtype for _, b in pairs]
    seeds = [seed.astype(kind) for seed, kind in zip(seeds, kinds, strict=True)]
    try:
        torch.autograd.backward([b for _, b in pairs], [torch.from_numpy(g) for g in seeds])
    except THEIR_ERRORS:
        return None
    tk.autograd.backward([a for a, _ in pairs], [tk.from_numpy(g) for g in seeds])
    for i, (a, b) in enumerate(zip(our_leaves, their_leaves, strict=True)):
        if (a.grad is None) != (b.grad is None):
            other = a.grad if b.grad is None else b.grad
            if values(other).any():
                return f"gradient {i} is {a.grad}, PyTorch {b.grad}"
            continue
        problem = None if a.grad is None else differ(a.grad, b.grad, single)
        if problem:
            return f"gradient {i}: {problem}"
    return None


LOSSES = ".*_loss|kl_div|(binary_)?cross_entropy.*"
# (section of docs/differences.md, names, what differs, only at special values)
EXPLAINED: tuple[tuple[str, str, str, bool], ...] = (
    ("Refused rather than guessed", LOSSES, "refused: .* must have the same shape", False),
    (
        "Refused rather than guessed",
        "(log_)?softm(ax|in)",
        "refused: .*(dim is missing|not d)",
        False,
    ),
    (
        "Refused rather than guessed",
        "matmul|b?mm|mv|dot|(bi)?linear|add(r|mm|mv|bmm)|baddbmm|einsum|chain_matmul|linalg.*",
        "refused: .*(dtypes differ|for bool)",
        False,
    ),
    ("Refused rather than guessed", "(lin|log)space", "refused: .* must be finite", False),
    ("Refused rather than guessed", "softplus", "refused: softplus: beta cannot be 0", False),
    ("Refused rather than guessed", "pad", "refused: pad: mode '.*' takes no value", False),
    ("Refused rather than guessed", "pad", "refused: pad: (reflect|replicate|circular) of", False),
    ("Images of nothing", "pixel_(un)?shuffle", "^shape .* PyTorch .*0", False),
    ("Refused rather than guessed", "embedding", "refused: ", False),
    ("Refused rather than guessed", "index_.*", "refused: .* out of range for size 0", False),
    ("Refused rather than guessed", "instance_norm", "refused: .*more than one value", False),
    ("Refused rather than guessed", "cov", "refused: cov: .*weights must be", False),
    ("Integers in floating functions", "addr", "dtype int64, PyTorch bool", False),
    ("Integers in floating functions", "bincount", "dtype float.*, PyTorch int64", False),
    ("Refused rather than guessed", "ctc_loss", "refused: .*labels must be", False),
    ("Gradients of unnormalised paths", "ctc_loss", r"^gradient 0: ", False),
    ("Refused rather than guessed", "cum(max|min)", "refused: .* out of range", False),
    (
        "Refused rather than guessed",
        "cosine_(similarity|embedding_loss)|linalg.*",
        "expected a floating tensor|not defined for bool",
        False,
    ),
    ("Gradients where there is none", "cosine_similarity", r"^gradient \d: ", True),
    (
        "Refused rather than guessed",
        "multi(label)?_margin_loss",
        "refused: .*sizes do not fit",
        False,
    ),
    ("Refused rather than guessed", "fold", "refused: .*not defined for bool", False),
    ("Refused rather than guessed", "hardtanh_?", "refused: .* min_val is above", False),
    ("Correlation of one row", "corrcoef|cov", "shape", False),
    ("Integers in floating functions", "threshold|.*_loss", "dtype float32, PyTorch", False),
    ("Refused rather than guessed", "adjoint", "refused: ", False),
    ("Refused rather than guessed", "masked_scatter", "refused: .* sizes do not fit", False),
    ("Refused rather than guessed", "take_along_dim", "refused: .* for size 1", False),
    ("Ties with what takes no part", "scatter_reduce", r"gradient \d: ", False),
    ("Refused rather than guessed", "histc", "refused: .* is not finite or not in order", True),
    ("Limits of the dtype", "histc", r"^\[[0-9., ]*\], PyTorch \[[0-9., ]*\]$", True),
    (
        "Positions of equal elements",
        "topk|sort|argsort|kthvalue|median|mode",
        r"^\[*.*\d\]*, Py",
        False,
    ),
    ("Numbers that do not fit", ".*", "refused: .* does not fit", False),
    (
        "Numbers that do not fit",
        "[lg][te]|eq|ne|(greater|less|not)(_equal)?",
        r"^\[*(True|False|[01](\.0)?\b)",
        False,
    ),
    ("Reductions to uint8", "any|all", "dtype bool, PyTorch uint8", False),
    ("Integers in floating functions", "addcmul|addcdiv|hardtanh", "dtype float32, PyTorch", False),
    (
        "Integers in floating functions",
        "addcmul",
        "refused: .* float32 cannot be stored in u?int",
        False,
    ),
    ("Integers in floating functions", "(arc|a)tan2", r"gradient \d: ", False),
    ("Refused rather than guessed", "floor_divide|remainder|fmod", "refused: .* by zero", False),
    ("Integers in floating functions", "softsign", ".*", True),
    (
        "Integers in floating functions",
        "sign|sgn|square|pow|matrix_power",
        "refused: .*(not defined for bool|expected a floating)",
        False,
    ),
    ("Degenerate variances", "(std|var)(_mean)?", r"gradient \d: ", False),
    ("Integers in floating functions", "trapezoid|trapz", "dtype float32, PyTorch", False),
    ("Integers in floating functions", "trapezoid|trapz|triplet_margin.*_loss", ".*", True),
    ("Precision of mixed dtypes", "hardsigmoid", r"gradient \d: ", False),
    (
        "Precision of mixed dtypes",
        "huber_loss|binary_cross_entropy_with_logits",
        "dtype float64, PyTorch float32",
        False,
    ),
    ("Precision of mixed dtypes", "cov", "dtype float32, PyTorch float64", False),
    (
        "Gradients of constants",
        "(.*_)?norm|[cp]dist|pairwise_distance|triplet_margin_loss|matrix_power|slogdet",
        "requires_grad is False",
        False,
    ),
    ("Gradients of constants", "(nan)?quantile", "^gradient 1 is None", False),
    ("Gradients of constants", "fill", "requires_grad is False", False),
    ("Gradients of blocks of nothing", "block_diag", r"^gradient \d: ", False),
    ("Refused rather than guessed", "linear", "refused: linear: bias and weight", False),
    ("Refused rather than guessed", ".*solve_triangular", "refused: .*singular", False),
    ("Residuals of least squares", "linalg.lstsq", "^shape .*PyTorch .0,", False),
    ("Limits of the dtype", ".*", "refused: .*did not converge", True),
    ("Gradients of constants", "vander|trapezoid|trapz", "requires_grad is True", False),
    (
        "Limits of the dtype",
        "(bi)?linear|.*matmul|b?mm|mv|v?dot|inner|add(b?mm|mv)|baddbmm|einsum|multi_dot|tensordot",
        r"^\[-?[0-9]",
        True,
    ),
    ("Limits of the dtype", "slogdet", r"^\[-?[01].0", True),
    ("Limits of the dtype", "normalize", r"^\[-?0.0", True),
    (
        "Limits of the dtype",
        ".*",
        r"^\[.*(inf|nan|e[+-](308|38)).*PyTorch|^\[.*PyTorch \[.*(inf|nan)",
        True,
    ),
    (
        "Gradients where there is none",
        "xlogy|hypot|copysign|logaddexp2?|log(cum)?sumexp|(cum)?prod|nanmean|digamma|hardswish|selu",
        r"^gradient \d: ",
        True,
    ),
    ("Gradients where there is none", "polygamma", r"^\[-?inf", False),
    ("Positions of equal elements", "unique", r"^\[+\d", True),
    ("Positions of equal elements", "searchsorted|bucketize", r"^\[.*\d\]", True),
    ("Gradients where there is none", "poisson_nll_loss", r"^gradient \d: .*PyTorch \[nan", False),
    ("Gradients where there is none", "narrow_copy", r"^gradient 0: .*PyTorch \[0.0", False),
    (
        "Gradients of constants",
        "eq|ne|[gl][te]|(greater|less|not)(_equal)?|logical_.*",
        "requires_grad is False",
        False,
    ),
    ("Integers in floating functions", "Tensor.ldexp_", r"gradient \d: ", False),
    ("Refused rather than guessed", "Tensor.set_", "refused: .* requires grad", False),
    ("Layout of what is empty", "Tensor.stride", "PyTorch 0$", False),
    ("Not there", "Tensor.(bfloat16|half|char|short)", "refused: .* is not supported", False),
    ("Gradients where there is none", "amax|amin|aminmax", r"PyTorch \[nan(, nan)*\]", True),
)


def explained(name: str, problem: str, special: bool) -> bool:
    short = name.rpartition(".")[2]
    return any(
        (re.fullmatch(names, name) or re.fullmatch(names, short.rstrip("_")))
        and re.search(what, problem)
        and (special or not only)
        for _, names, what, only in EXPLAINED
    )


@pytest.mark.parametrize("name", NAMES)
def test_same_as_pytorch(name: str) -> None:
    counts: Counter[str] = Counter()

    @settings(max_examples=max(25, settings.default.max_examples))
    @given(data=st.data(), special=st.booleans())
    def calls(data: st.DataObject, special: bool) -> None:
        args, kwargs = data.draw(arguments(OURS[name], special))
        try:
            problem = compare(name, args, kwargs, special)
        except Refused:
            counts["accepted here alone" if accepts(name, args, kwargs) else "refused"] += 1
            return
        if problem and not explained(name, problem, special):
            raise AssertionError(f"{shown(name, args, kwargs)}: {problem}")
        here = bool(problem) and problem.startswith("refused: ")
        counts["refused here alone" if here else "different" if problem else "compared"] += 1

    calls()
    print(f"{name}: {dict(counts)}")
    taken = counts["compared"] + counts["different"] + counts["refused here alone"]
    assert taken >= sum(counts.values()) * LEAST, f"PyTorch takes few of these calls: {counts}"


# Where domains end, and values that are no numbers.
CORNERS = (-np.inf, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan)
ROWS = np.array([[1.0, np.nan, 3.0], [2.0, 1.0, 2.0], [np.nan] * 3, [-np.inf] * 3, [np.inf, 1, -1]])
OPERANDS = {op.name: len(op.domain) for op in rows(lambda op: op.domain)}


def corner_calls(name: str) -> Iterator[tuple[Any, ...]]:
    """An elementwise function on all combinations of corners; one that takes ``dim`` on rows."""
    if name in OPERANDS:
        yield tuple(np.array(x).ravel() for x in np.meshgrid(*[CORNERS] * OPERANDS[name]))
    parameters = list(inspect.signature(OURS[name]).parameters.values())
    if [each.name for each in parameters[1:2]] == ["dim"]:
        yield ROWS, 1
        if parameters[1].default is not inspect.Parameter.empty:
            yield from ((row,) for row in ROWS)


@pytest.mark.parametrize("name", [name for name in NAMES if any(corner_calls(name))])
def test_corners_as_in_pytorch(name: str) -> None:
    for args in corner_calls(name):
        try:
            problem = compare(name, args, {}, special=False)
        except Refused:
            continue
        if problem and not explained(name, problem, True):
            raise AssertionError(f"{name}{args}: {problem}")


# Calls by names and forms that the drawn ones do not use; x, y are floats, i integers, b bools.
CALLS = """
x.polygamma(1) | y.clone().polygamma_(2) | x.where(b, y) | x.where(condition=b, other=0.5)
m.round(x, decimals=1) | x.round(decimals=-1) | x.clone().round_(decimals=1) | m.round(x)
m.bernoulli(x, 1.0) | x.bernoulli(p=0.0) | m.normal(0.0, 0.0, (2,), dtype=m.float64)
m.det(input=x) | m.slogdet(input=x) | m.matrix_power(input=x, n=2) | m.logdet(y) | m.inverse(x)
m.linalg.norm(input=x) | m.linalg.matrix_norm(input=x) | m.linalg.vector_norm(input=x)
m.linalg.matmul(x, y) | m.linalg.diagonal(A=x, offset=1) | m.pinverse(x) | x.norm("nuc")
x.hsplit(sections=2) | x.vsplit(indices=(1,)) | x.tensor_split(sections=2, dim=1)
x.tensor_split(indices=(1,), dim=1) | x.split(split_size=1, dim=1)
m.max(x, other=y) | x.min(other=y) | x.clamp_max(1) | m.clamp_min(x, y) | m.trapz(x)
m.var_mean(x, 0, False, True) | m.var_mean(x, False) | m.std_mean(x, dim=0, unbiased=True)
m.std_mean(x, dim=0, correction=0) | m.var(x, 0, False, True) | x.std(False)
m.arange(end=3) | x.clone().as_strided_((2,), (1,)) | m.empty(0).double().set_(x, 1, (2,), (1,))
m.ger(x[0], y[0]) | x.device.type | m.device("cpu").index | x.is_cpu | x.is_cuda
f.mse_loss(x, y, weight=y) | f.l1_loss(x, y, weight=y, reduction="sum")
f.huber_loss(x, y, delta=2.0, weight=y) | f.mse_loss(x, y, reduction="none", weight=y)
x.sum(axis=0, keepdims=True) | m.cat((x, y), axis=1) | m.scatter(x, 1, i, 2.0)
f.cross_entropy(x[0, :0], x[0, :0], label_smoothing=0.1) | m.diagonal_scatter(x.float(), y[0])
m.flatten(x[0, 0], -1) | m.flatten(x[0, 0])
m.searchsorted(y[0], x, side="right") | m.tensor_split(x, i[0], dim=1)
"""


@pytest.mark.parametrize("call", [each.strip() for each in re.split(r"[|\n]", CALLS.strip())])
def test_calls_by_other_names(call: str) -> None:
    results = []
    for m in (tk, torch):
        results.append(
            eval(
                call,
                {
                    "m": m,
                    "f": m.nn.functional,
                    "x": m.tensor([[1.25, -2.5], [3.75, 4.0]], dtype=m.float64),
                    "y": m.tensor([[0.5, 1.0], [2.0, 9.0]], dtype=m.float64),
                    "i": m.tensor([[0, 1], [1, 0]]),
                    "b": m.tensor([[True, False], [False, True]]),
                },
            )
        )
    ours, theirs = map(flat, results)
    assert [differ(a, b, True) for a, b in zip(ours, theirs, strict=True)] == [None] * len(ours)


# No single call of these is compared; other tests hold them.
ELSEWHERE = {
    "Bytes as another dtype",
    "Frequencies in bags",
    "Functions under vmap",
    "In-place changes through views",
    "Layout of results",
}


def test_differences_are_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "differences.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (.*)$", text, re.MULTILINE))
    assert headings - ELSEWHERE == {section for section, *_ in EXPLAINED}


def test_most_names_are_compared() -> None:
    assert len(NAMES) > 0.8 * len([name for name in OURS if not is_random(OURS[name])])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_gradients_of_ctc_loss(reduction: str, zero_infinity: bool) -> None:
    """The same behind log_softmax; of raw log-probabilities PyTorch's is too large by what they
    stand for, at the steps that count. The third target has no alignment."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((6, 3, 4))
    targets = np.array([[1, 2, 2], [3, 1, 0], [1, 1, 1]])
    lengths = [6, 5, 4 if zero_infinity else 6], [3, 2, 3]
    inside = np.arange(6)[:, None, None] < np.array(lengths[0])[None, :, None]
    found = []
    for m, make in ((tk, tk.from_numpy), (torch, torch.from_numpy)):
        f = m.nn.functional
        leaf, raw = (make(scores.copy()).requires_grad_() for _ in range(2))
        for x in (f.log_softmax(leaf, 2), raw):
            loss = f.ctc_loss(x, make(targets), *lengths, 0, reduction, zero_infinity)
            loss.sum().backward()
        found.append((loss.detach(), leaf.grad, raw.grad))
    (loss, ours, raw), (their_loss, theirs, their_raw) = found
    assert differ(loss, their_loss, False) is None
    assert differ(ours, theirs, False) is None
    share = np.array([1.0, 1.0, not zero_infinity])[:, None]
    if reduction == "mean":
        share = share / np.array(lengths[1])[:, None] / 3
    expected = values(their_raw) - np.exp(scores) * inside * share
    np.testing.assert_allclose(values(raw), expected, rtol=1e-9, atol=1e-12)
