"""Order, sets and counts against NumPy; gradients go back to where values came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_k as tk
from tinygrad_k.autograd import gradcheck, gradgradcheck
from tinygrad_k.ops import OPS

FEW = st.sampled_from([0.0, -0.0, 1.0, -2.0, 3.5, np.nan, np.inf, -np.inf])
WHOLE = st.integers(-3, 3)


def arrays(min_dims: int = 0, min_side: int = 0) -> Any:
    shapes = hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=min_side, max_side=12)
    return hnp.arrays(np.float64, shapes, elements=FEW) | hnp.arrays(
        np.int32, shapes, elements=WHOLE
    )


@given(x=arrays(), data=st.data())
def test_sorted_stably_with_nan_last(x: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1))
    down = data.draw(st.booleans())
    values, indices = tk.from_numpy(x).sort(dim, descending=down)
    if x.ndim == 0:
        assert indices.item() == 0
        assert np.array_equal(values.numpy(), x, equal_nan=True)
        return
    expected = np.sort(x, dim)
    expected = np.flip(expected, dim) if down else expected
    assert np.array_equal(values.numpy(), expected, equal_nan=True)
    assert np.array_equal(
        np.take_along_axis(x, indices.numpy(), dim), values.numpy(), equal_nan=True
    )
    line, places = (np.moveaxis(each, dim, -1) for each in (values.numpy(), indices.numpy()))
    ties = line[..., 1:] == line[..., :-1]
    assert (places[..., 1:] > places[..., :-1])[ties].all()


@given(x=arrays(min_dims=1, min_side=1), data=st.data())
def test_the_largest_are_the_first_of_all(x: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    k = data.draw(st.integers(0, x.shape[dim]))
    largest = data.draw(st.booleans())
    t = tk.from_numpy(x)
    values, indices = t.topk(k, dim, largest)
    whole = t.sort(dim, descending=largest).values.narrow(dim, 0, k)
    assert np.array_equal(values.numpy(), whole.numpy(), equal_nan=True)
    assert np.array_equal(
        t.gather(dim, indices).numpy(), values.numpy(), equal_nan=x.dtype.kind == "f"
    )
    if k:
        kth = t.kthvalue(k, dim)
        expected = t.sort(dim).values.select(dim, k - 1)
        assert np.array_equal(kth.values.numpy(), expected.numpy(), equal_nan=True)


# Every way of sorting: by counting, by insertion, digit by digit, whole or of a part, bracketed.
LENGTHS = (1, 7, 33, 128, 129, 300, 1000, 5000)


@pytest.mark.parametrize("kind", tk.backend.DTYPES, ids=lambda each: each.name)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_order_of_lines_of_any_length(kind: tk.dtype, ties: bool, length: int) -> None:
    rng = np.random.default_rng(length)
    x = (
        rng.integers(0, 5, (3, length, 2))
        if ties
        else rng.integers(-(2**62), 2**62, (3, length, 2))
    )
    if kind.is_floating_point and not ties:
        x = rng.standard_normal(x.shape) * 10.0 ** rng.integers(-44, 38, x.shape)
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.1] = -np.inf
        x[rng.random(x.shape) < 0.2] = -0.0
    with np.errstate(all="ignore"):
        x = x.astype(kind.numpy)
    t = tk.from_numpy(x)
    up = np.argsort(x, 1, kind="stable")
    down = length - 1 - np.flip(np.argsort(np.flip(x, 1), 1, kind="stable"), 1)
    assert np.array_equal(t.argsort(1).numpy(), up)
    assert np.array_equal(t.argsort(1, descending=True).numpy(), down)
    rows = tk.from_numpy(np.ascontiguousarray(np.swapaxes(x, 1, 2)))
    assert np.array_equal(rows.argsort(-1).numpy(), np.swapaxes(up, 1, 2))
    for k in {1, min(length, 8), length // 3 + 1, length // 2 + 1, length}:
        assert np.array_equal(t.topk(k, 1).indices.numpy(), down[:, :k])
        assert np.array_equal(
            rows.topk(k, -1, False).indices.numpy(), np.swapaxes(up, 1, 2)[..., :k]
        )
        assert np.array_equal(t.kthvalue(k, 1).indices.numpy(), up[:, k - 1])
    places = t.median(1, keepdim=True).indices.numpy()
    expected = up[:, (length - 1) // 2][:, None]
    if kind.is_floating_point:
        nan = np.isnan(x)
        expected = np.where(nan.any(1, keepdims=True), nan.argmax(1)[:, None], expected)
    assert np.array_equal(places, expected)
    places = t.nanmedian(1, keepdim=True).indices.numpy()
    nans = np.isnan(x).sum(1, keepdims=True)  # they come last
    middle = np.maximum(length - nans - 1, 0) // 2
    assert np.array_equal(places, np.take_along_axis(up, middle, 1))


@pytest.mark.parametrize("step", range(1, 12))
def test_the_kth_where_every_so_many_elements_are_small(step: int) -> None:
    x = np.random.default_rng(0).standard_normal(5000)
    x[::step] -= 100  # what a sample of every so many takes for the whole
    order = np.argsort(x)
    for k in (700, 1300, 2500, 4999):
        assert tk.from_numpy(x).kthvalue(k).indices.item() == order[k - 1]


def test_many_of_which_few_are_wanted() -> None:
    x = np.random.default_rng(0).standard_normal((3, 1000))
    x[1, ::50] = np.nan
    found = tk.from_numpy(x).topk(5)
    assert np.array_equal(found.values.numpy(), np.sort(x, -1)[:, :-6:-1], equal_nan=True)
    assert np.array_equal(
        np.take_along_axis(x, found.indices.numpy(), -1), found.values.numpy(), equal_nan=True
    )


def test_the_only_element_of_a_scalar() -> None:
    for k in (0, 1):
        values, indices = tk.tensor(3.0).topk(k)
        assert (values.tolist(), indices.tolist()) == (3.0, 0)
    with pytest.raises(ValueError, match=r"^topk: k must be 1 to .*; got 0 of 1"):
        OPS["_order"].function(tk.tensor(3.0), 0, 0, False)


def test_values_carry_their_gradients() -> None:
    leaf = tk.tensor([3.0, 1.0, 2.0, -1.0], dtype=tk.float64, requires_grad=True)
    for function in (
        lambda x: x.sort().values.square(),
        lambda x: x.topk(2).values.square(),
        lambda x: x.kthvalue(3).values.square(),
        lambda x: x.msort().square(),
        lambda x: x.unique().square(),
    ):
        assert gradcheck(function, [leaf])
        assert gradgradcheck(function, [leaf])


@given(x=arrays(), data=st.data())
def test_the_different_ones(x: np.ndarray, data: st.DataObject) -> None:
    values, inverse, counts = tk.from_numpy(x).unique(return_inverse=True, return_counts=True)
    expected = np.unique(x, return_inverse=True, return_counts=True, equal_nan=False)
    assert np.array_equal(values.numpy(), expected[0], equal_nan=x.dtype.kind == "f")
    assert np.array_equal(counts.numpy(), expected[2])
    assert inverse.shape == x.shape
    back = values.numpy()[inverse.numpy()]
    assert np.array_equal(back, x, equal_nan=x.dtype.kind == "f")


@given(x=hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=3), elements=WHOLE))
def test_the_different_rows(x: np.ndarray) -> None:
    for dim in range(x.ndim):
        found = tk.from_numpy(x).unique(dim=dim, return_counts=True)
        expected = np.unique(x, axis=dim, return_counts=True)
        for one, two in zip(found, expected, strict=True):
            assert np.array_equal(one.numpy(), two)


def test_runs() -> None:
    x = tk.tensor([1, 1, 2, 2, 3, 1, 1, 2])
    values, inverse, counts = x.unique_consecutive(return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 2, 3, 1, 2]
    assert inverse.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert counts.tolist() == [2, 2, 1, 2, 1]
    rows = tk.tensor([[1, 2], [1, 2], [0, 2]])
    assert rows.unique_consecutive(dim=0).tolist() == [[1, 2], [0, 2]]
    assert rows.unique_consecutive(dim=1).tolist() == rows.tolist()
    assert tk.tensor([]).unique_consecutive().tolist() == []


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("longest", [1, 3, 40, 1000])
def test_runs_of_any_length(longest: int, dtype: str, isa: str) -> None:
    rng = np.random.default_rng(longest)
    kinds = np.resize(np.array([1, 0, 5, 3]).astype(dtype), 203)
    kinds = kinds[np.append(True, kinds[1:] != kinds[:-1])]
    lengths = rng.integers(1, longest + 1, len(kinds))
    line = np.repeat(kinds, lengths)
    if dtype.startswith("float"):
        line[np.flatnonzero(line == 0)[1::2]] *= -1  # -0.0 is no other kind
    found = tk.tensor(line).unique_consecutive(return_inverse=True, return_counts=True)
    expected = (kinds, np.repeat(np.arange(len(kinds)), lengths), lengths)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.tolist() == theirs.tolist()
    assert tk.tensor(line).unique_consecutive().tolist() == kinds.tolist()
    if dtype.startswith("float"):
        x = tk.tensor(line).requires_grad_()
        x.unique_consecutive().sum().backward()
        assert x.grad.nonzero().flatten().tolist() == (np.cumsum(lengths) - lengths).tolist()
        assert len(tk.full((300,), float("nan")).unique_consecutive()) == 300


def test_runs_past_the_caches(isa: str) -> None:
    """Runs of a long vector, many of which are whole cache lines of places."""
    lengths = np.random.default_rng(0).integers(1, 200, 30_000) * np.resize([8, 1, 64], 30_000)
    places = np.repeat(np.arange(len(lengths)), lengths)
    found = tk.from_numpy(places % 5).unique_consecutive(return_inverse=True, return_counts=True)
    for mine, theirs in zip(found, (np.arange(len(lengths)) % 5, places, lengths), strict=True):
        assert np.array_equal(mine.numpy(), theirs)


@pytest.mark.parametrize("line", ([], True, [False], [True] * 9, [[True, False, True]] * 300))
def test_kinds_of_bools(line: Any, isa: str) -> None:
    x = np.array(line, bool)
    expected = np.unique(x, return_inverse=True, return_counts=True)
    for wanted in ((), (1,), (2,), (1, 2)):
        found = tk.from_numpy(x).unique(return_inverse=1 in wanted, return_counts=2 in wanted)
        found = found if wanted else (found,)
        for mine, theirs in zip(found, [expected[i] for i in (0, *wanted)], strict=True):
            assert mine.dtype.numpy == theirs.dtype and np.array_equal(mine.numpy(), theirs)
    assert tk.from_numpy(x).unique(return_inverse=True)[1].shape == x.shape


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8"])
@pytest.mark.parametrize("length", [0, 1, 7, 32, 33, 100, 1000])
def test_places_in_sequences_of_any_length(length: int, dtype: str) -> None:
    """Among them those of NaN, which comes last, and of what equals an element."""
    rng = np.random.default_rng(length)
    sequence = np.sort(rng.integers(0, 90, length).astype(dtype))
    wanted = rng.integers(0, 90, 200).astype(dtype)
    if dtype.startswith("float"):
        sequence[length - length // 5 :] = np.nan
        wanted[[3, 77, 199]] = [np.nan, -0.0, np.nan]
        wanted[100:130] += 0.5
    for right in (False, True):
        expected = np.searchsorted(sequence, wanted, "right" if right else "left")
        found = tk.bucketize(tk.from_numpy(wanted), tk.from_numpy(sequence), right=right)
        assert found.tolist() == expected.tolist()


@given(data=st.data())
def test_places_in_a_sorted_sequence(data: st.DataObject) -> None:
    lines = hnp.arrays(np.float64, (2, 5), elements=st.integers(-3, 3).map(float))
    sequence = np.sort(data.draw(lines), -1)
    wanted = data.draw(lines)
    for right in (False, True):
        side: Any = "right" if right else "left"
        found = tk.searchsorted(tk.from_numpy(sequence), tk.from_numpy(wanted), right=right)
        expected = [np.searchsorted(a, b, side) for a, b in zip(sequence, wanted, strict=True)]
        assert found.tolist() == np.array(expected).tolist()
        edges = tk.from_numpy(sequence[0])
        assert tk.bucketize(tk.from_numpy(wanted), edges, right=right).tolist() == (
            np.searchsorted(sequence[0], wanted, side).tolist()
        )
        assert tk.searchsorted(edges, 1, side=side, out_int32=True).dtype is tk.int32
    shuffled = tk.tensor([3.0, 1.0, 2.0])
    assert tk.searchsorted(shuffled, 2.5, sorter=shuffled.argsort()).item() == 2


def test_counts() -> None:
    x = tk.tensor([3, 1, 1, 0])
    assert x.bincount().tolist() == [1, 2, 0, 1]
    assert x.bincount(minlength=6).tolist() == [1, 2, 0, 1, 0, 0]
    weights = tk.tensor([0.5, 1.0, 2.0, 4.0], dtype=tk.float64, requires_grad=True)
    assert x.bincount(weights).tolist() == [4.0, 3.0, 0.0, 0.5]
    assert gradcheck(lambda w: x.bincount(w).square(), [weights])
    assert x[:0].bincount().tolist() == []
    y = tk.tensor([0.0, 1.0, 1.0, 2.0, 9.0])
    assert y.histc(3, 0, 3).tolist() == [1.0, 2.0, 1.0]
    assert y.histc(2).tolist() == [4.0, 1.0]
    below = tk.tensor([1.0, 2.0, 2.0**-52, 0.1], dtype=tk.float64)  # 1 is in the lower half
    assert below.histc(2).tolist() == [3.0, 1.0]
    assert tk.tensor([1e30]).histc(4).tolist() == [0.0, 0.0, 1.0, 0.0]
    largest = tk.finfo(tk.float32).max
    assert tk.tensor([0.0, largest]).histc(4).tolist() == [1.0, 0.0, 0.0, 1.0]
    assert tk.tensor([largest, largest]).histc(2).tolist() == [0.0, 2.0]
    assert tk.isin(x, tk.tensor([1, 7])).tolist() == [False, True, True, False]
    assert tk.isin(x, 1, invert=True).tolist() == [True, False, False, True]
    assert not tk.isin(tk.tensor([float("nan")]), float("nan")).item()


@pytest.mark.parametrize(
    "function",
    [
        lambda: tk.ones(3).topk(4),
        lambda: tk.ones(3).kthvalue(0),
        lambda: tk.ones(3).kthvalue(4),
        lambda: tk.tensor([-1]).bincount(),
        lambda: tk.ones(3).bincount(),
        lambda: tk.arange(3).histc(),
        lambda: tk.ones(3).histc(3, 2, 1),
        lambda: tk.tensor([float("nan")]).histc(3),
        lambda: tk.tensor([-3e38, 3e38]).histc(3),
        lambda: tk.ones(3).histc(3, 0.0, 1e-300),
        lambda: tk.ones(3).histc(3, 0.0, 1e300),
        lambda: tk.searchsorted(tk.ones(2, 3), tk.ones(3)),
        lambda: tk.searchsorted(tk.ones(3), 1.0, right=True, side="left"),
    ],
)
def test_mistakes(function: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^\w+: "):
        function()


def test_the_dtype_of_what_is_made_without_one() -> None:
    try:
        tk.set_default_dtype(tk.float64)
        made = (
            tk.zeros(2),
            tk.tensor([1.5]),
            tk.tensor(1.5),
            tk.tensor([]),
            tk.full((2,), 0.5),
            tk.rand(2),
            tk.linspace(0, 1, 3),
            tk.arange(0.0, 1.0, 0.5),
            tk.arange(3) / 2,
            tk.arange(3) * 1.5,
            tk.arange(3).sqrt(),
            tk.arange(3).logsumexp(0),
            tk.normal(0.0, 1.0, (2,)),
        )
        assert all(each.dtype is tk.float64 for each in made)
        assert (tk.ones(2, dtype=tk.float32) * 1.5).dtype is tk.float32
        assert "dtype" not in repr(tk.zeros(2))
    finally:
        tk.set_default_dtype(tk.float32)
    assert tk.zeros(2).dtype is tk.get_default_dtype() is tk.float32
    with pytest.raises(TypeError, match="set_default_dtype"):
        tk.set_default_dtype(tk.int64)


def test_promotion_is_what_operations_do() -> None:
    kinds = (tk.float32, tk.float64, tk.int64, tk.int32, tk.uint8, tk.bool)
    for a in kinds:
        assert tk.promote_types(a, a) is a
        for b in kinds:
            both = tk.promote_types(a, b)
            assert both is tk.promote_types(b, a)
            assert tk.can_cast(a, both)
            for shapes in (((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())):
                x, y = (tk.ones(s, dtype=k) for s, k in zip(shapes, (a, b), strict=True))
                assert (x + y).dtype is tk.result_type(x, y)
        for number in (True, 1, 1.5):
            x = tk.ones(2, dtype=a)
            assert (x + number).dtype is tk.result_type(x, number)
    assert not tk.can_cast(tk.float32, tk.int64)
    assert not tk.can_cast(tk.int64, tk.bool)


def test_limits() -> None:
    assert tk.finfo(tk.float32).eps == np.finfo(np.float32).eps
    assert tk.finfo().bits == 32
    assert tk.finfo(tk.float64).tiny == np.finfo(np.float64).tiny
    assert (tk.iinfo(tk.uint8).min, tk.iinfo(tk.int32).max) == (0, 2**31 - 1)
    for wrong in (lambda: tk.finfo(tk.int64), lambda: tk.iinfo(tk.bool), tk.ones(2).half):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(AttributeError, match="not supported"):
        tk.bfloat16  # noqa: B018
