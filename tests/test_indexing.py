"""Subscripts read and write what NumPy's do, and gradients go where the elements came from.

PyTorch's rule differs from NumPy's in one point: an int beside an index array is no index array.
So the reference takes ints, slices, None and Ellipsis first, then the arrays and masks of that.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_k as tk

ALL = slice(None)


def plain(each: Any) -> Any:
    """An index as NumPy takes it."""
    if isinstance(each, tk.Tensor):
        return each.numpy()
    if not isinstance(each, list):
        return each
    array = np.array(each)
    return array if array.size else array.astype(np.int64)


def two_steps(key: Any, ndim: int) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """The key without its arrays, and the arrays' key for what that leaves; None without arrays."""
    items = [plain(each) for each in (key if isinstance(key, tuple) else (key,))]
    places = [i for i, each in enumerate(items) if each is Ellipsis]
    if places:  # NumPy separates arrays by an Ellipsis also where it stands for no dimension
        covered = sum(
            each.ndim if isinstance(each, np.ndarray) and each.dtype == bool else each is not None
            for each in items
            if each is not Ellipsis
        )
        items[places[0] : places[0] + 1] = [ALL] * (ndim - covered)
    first: list[Any] = []
    second: list[Any] = []
    for each in items:
        if isinstance(each, np.ndarray):
            first.extend([ALL] * (each.ndim if each.dtype == bool else 1))
            second.append(each)
        else:
            first.append(each)
            if not isinstance(each, int):
                second.append(ALL)
    found = any(isinstance(each, np.ndarray) for each in second)
    return tuple(first), tuple(second) if found else None


def read(a: np.ndarray, key: Any) -> np.ndarray:
    first, second = two_steps(key, a.ndim)
    view = a[first]
    return view if second is None else view[second]


def write(a: np.ndarray, key: Any, value: Any) -> None:
    first, second = two_steps(key, a.ndim)
    if second is None:
        a[first] = value
    else:
        window = a[(*first, Ellipsis)]  # a view also where nothing is left of the dimensions
        window[second] = value


@st.composite
def index_arrays(draw: Any, size: int, shape: tuple[int, ...]) -> Any:
    """Indices into a dimension, as an array, a list or a tensor."""
    values = draw(hnp.arrays(np.int64, shape, elements=st.integers(-size, size - 1)))
    how = draw(st.sampled_from(["array", "int32", "list", "tensor", "tensor int32", "strided"]))
    if how == "list":
        return values.tolist()
    if how == "strided":
        return tk.from_numpy(np.repeat(values, 2, axis=-1)[..., ::2])
    kind = np.int32 if "int32" in how else np.int64
    array = values.astype(kind)
    return tk.from_numpy(array) if how.startswith("tensor") else array


@st.composite
def items_for(draw: Any, shape: tuple[int, ...], common: tuple[int, ...]) -> list[Any]:
    """What may stand in the brackets for dimensions of these sizes."""
    items: list[Any] = []
    dim = 0
    while dim < len(shape):
        size = shape[dim]
        kinds = ["slice", "slice", "all", "none", "mask"]
        kind = draw(st.sampled_from([*kinds, "int", "int", "array"] if size else kinds))
        if kind == "none":
            items.append(None)
            continue
        if kind == "int":
            items.append(draw(st.integers(-size, size - 1)))
        elif kind == "all":
            items.append(ALL)
        elif kind == "slice":
            ends = st.none() | st.integers(-6, 6)
            step = draw(st.sampled_from([None, 1, 1, 2, 3, -1, -1, -2]))
            items.append(slice(draw(ends), draw(ends), step))
        elif kind == "array":
            items.append(draw(index_arrays(size, draw(st.sampled_from([common, common[-1:]])))))
        else:
            wide = draw(st.integers(1, len(shape) - dim))
            mask = draw(hnp.arrays(bool, shape[dim : dim + wide]))
            items.append(tk.from_numpy(mask) if draw(st.booleans()) else mask)
            dim += wide - 1
        dim += 1
    return items


@st.composite
def arrays_and_keys(draw: Any) -> tuple[np.ndarray, Any]:
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
    common = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=2)))
    front = draw(st.integers(0, len(shape)))
    back = draw(st.integers(front, len(shape)))
    items = draw(items_for(shape[:front], common))
    if back < len(shape) or draw(st.booleans()):
        items = [*items, Ellipsis, *draw(items_for(shape[back:], common))]
    key: Any = items[0] if len(items) == 1 and draw(st.booleans()) else tuple(items)
    array = np.arange(float(np.prod(shape))).reshape(shape)
    layout = draw(st.sampled_from(["rows", "columns", "reversed"]))
    if layout == "columns":
        array = np.asfortranarray(array)
    elif layout == "reversed" and array.ndim:
        array = np.array(array[..., ::-1])[..., ::-1]
    return array, key


def attempt(function: Any) -> Any:
    try:
        return function()
    except (IndexError, ValueError) as error:
        return error


@given(arrays_and_keys())
@settings(max_examples=300)
def test_reading(drawn: tuple[np.ndarray, Any]) -> None:
    array, key = drawn
    expected = attempt(lambda: read(array, key))
    found = attempt(lambda: tk.from_numpy(array)[key])
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(found, IndexError), found
        assert isinstance(expected, IndexError), expected
        return
    assert tuple(found.shape) == expected.shape
    assert np.array_equal(found.numpy(), expected)


@given(arrays_and_keys(), st.data())
@settings(max_examples=300)
def test_writing(drawn: tuple[np.ndarray, Any], data: Any) -> None:
    array, key = drawn
    part = attempt(lambda: read(array, key))
    if isinstance(part, Exception):
        with pytest.raises(IndexError):
            tk.from_numpy(array.copy())[key] = 1.0
        return
    shape = data.draw(
        st.just(part.shape)
        | st.just(())
        | st.just(part.shape[1:])
        | st.just(tuple(1 if i % 2 else n for i, n in enumerate(part.shape)))
    )
    value = np.asarray(-1.0 - np.arange(float(np.prod(shape))).reshape(shape))
    given_value: Any = data.draw(st.sampled_from([value, tk.from_numpy(value)]))
    expected, found = array.copy(order="K"), tk.from_numpy(array.copy(order="K"))
    write(expected, key, value)
    found[key] = given_value if shape else data.draw(st.sampled_from([given_value, value.item()]))
    assert np.array_equal(found.numpy(), expected)


@given(arrays_and_keys())
@settings(max_examples=150)
def test_gradients(drawn: tuple[np.ndarray, Any]) -> None:
    """The gradient of reading adds up at the places read; writing takes it away from them."""
    array, key = drawn
    places = attempt(lambda: read(np.arange(array.size).reshape(array.shape), key))
    if isinstance(places, Exception):
        return
    weight = np.cos(np.arange(float(places.size))).reshape(places.shape)
    x = tk.from_numpy(array).requires_grad_()
    (x[key] * tk.from_numpy(weight)).sum().backward()
    expected = np.zeros(array.size)
    np.add.at(expected, places.reshape(-1), weight.reshape(-1))
    assert x.grad is not None
    assert np.allclose(x.grad.numpy(), expected.reshape(array.shape))

    everywhere = np.sin(np.arange(float(array.size))).reshape(array.shape)
    x = tk.from_numpy(array).requires_grad_()
    value = tk.from_numpy(weight).requires_grad_()
    y = x * 1
    y[key] = value * 1
    (y * tk.from_numpy(everywhere)).sum().backward()
    kept = everywhere.reshape(-1).copy()
    kept[places.reshape(-1)] = 0
    assert x.grad is not None and value.grad is not None
    assert np.allclose(x.grad.numpy(), kept.reshape(array.shape))
    assert np.allclose(value.grad.numpy(), everywhere.reshape(-1)[places])


MATRIX = np.arange(12.0).reshape(3, 4)

BAD = [
    3,
    -4,
    (0, 4),
    (0, 0, 0),
    (Ellipsis, 0, 0, 0),
    (Ellipsis, Ellipsis),
    2**80,
    -(2**80),
    [3],
    [0, -4],
    (ALL, [0, 4]),
    ([0, 1], [0, 1, 2]),
    np.array([0.0, 1.0]),
    [0.5],
    1.0,
    "0",
    object(),
    {},
    1j,
    ("a", 0),
    slice("a", None),
    slice(0.5, None),
    (ALL, slice(None, None, 1.5)),
    np.array([True, False]),
    np.ones((3, 3), bool),
    np.ones((3, 4, 1), bool),
    (0, np.ones((3, 4), bool)),
    tk.from_numpy(np.array([0, 1], np.uint8)),
    tk.from_numpy(np.array([0.0], np.float32)),
    [[0], [1, 2]],
    [None],
    [slice(None)],
    (ALL, ALL, ALL),
]


@pytest.mark.parametrize("key", BAD, ids=lambda key: re.sub(" at 0x.*", ">", str(key)))
def test_bad_keys_raise(key: Any) -> None:
    for gradient in (False, True):
        t = tk.from_numpy(MATRIX.copy()).requires_grad_(gradient)
        with pytest.raises((IndexError, TypeError, ValueError), match=r"^\w+: "):
            t[key]
        with pytest.raises((IndexError, TypeError, ValueError), match=r"^\w+: "):
            t.detach()[key] = 0.0
        assert np.array_equal(t.detach().numpy(), MATRIX)


def test_a_step_of_zero_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="step"):
        tk.from_numpy(MATRIX)[::0]


@pytest.mark.parametrize(
    "value", [np.zeros(3), np.zeros((3, 4, 1)), np.zeros((2, 4)), "a", None, {}]
)
def test_bad_values_raise_and_change_nothing(value: Any) -> None:
    for key in (ALL, [0, 1, 2], (ALL, [0, 1, 2, 3])):
        t = tk.from_numpy(MATRIX.copy())
        with pytest.raises((ValueError, TypeError), match=r"^\w+: "):
            t[key] = value
        assert np.array_equal(t.numpy(), MATRIX)


def test_a_bad_index_writes_nothing() -> None:
    t = tk.from_numpy(MATRIX.copy())
    with pytest.raises(IndexError):
        t[[0, 1, 7]] = -1.0
    assert np.array_equal(t.numpy(), MATRIX)
    assert t._version == 0


def test_basic_keys_are_views_and_others_copies() -> None:
    t = tk.from_numpy(MATRIX.copy())
    for key in (0, ALL, (ALL, 1), Ellipsis, (), (None, 1), slice(None, None, -1), (0, 0)):
        part = t[key]
        assert part is not t
        assert part._h.storage == t._h.storage, key
    for key in ([0], np.array([True, False, True]), tk.tensor([1])):
        assert t[key]._h.storage != t._h.storage
    t[1][2] = -5.0
    assert t[1, 2].item() == -5.0


def test_an_int_beside_an_index_tensor_is_no_index_tensor() -> None:
    t = tk.zeros(2, 3, 4)
    assert tuple(t[0, :, [0, 1]].shape) == (3, 2)
    assert tuple(t[[0, 1], :, [0, 1]].shape) == (2, 3)
    assert tuple(t[:, [0, 1], [0, 1]].shape) == (2, 2)
    assert tuple(t[tk.tensor(1)].shape) == (3, 4)


def test_bools_are_masks() -> None:
    t = tk.tensor(MATRIX)
    assert tuple(t[True].shape) == (1, 3, 4)
    assert tuple(t[False].shape) == (0, 3, 4)
    assert tuple(t[tk.tensor(True)].shape) == (1, 3, 4)
    t[t > 5] = 0.0
    assert t.sum().item() == 15.0
    with pytest.raises(IndexError, match="uint8"):
        t[tk.tensor([1, 0, 1], dtype=tk.uint8)]
    assert t[:, tk.tensor([True, False, False, True])].tolist() == t[:, [0, 3]].tolist()
    with pytest.raises(IndexError, match="too many"):
        t[:, t > 5]


def test_values_are_converted() -> None:
    t = tk.zeros(3, dtype=tk.int64)
    t[0], t[1], t[2:] = 1.75, True, tk.tensor([2.5])
    assert t.tolist() == [1, 1, 2]


def test_overlap_of_source_and_target() -> None:
    t = tk.arange(6.0)
    t[1:] = t[:-1]
    assert t.tolist() == [0, 0, 1, 2, 3, 4]
    t[[0, 1, 2]] = t[[2, 1, 0]]
    assert t.tolist() == [1, 0, 0, 2, 3, 4]
    t[tk.arange(6)] = t.flip(0)
    assert t.tolist() == [4, 3, 2, 0, 0, 1]


def test_iteration_and_membership() -> None:
    t = tk.tensor(MATRIX)
    assert [row.tolist() for row in t] == MATRIX.tolist()
    assert 5.0 in t and 99.0 not in t
    with pytest.raises(TypeError, match="iter"):
        iter(tk.tensor(1.0))
    _, second, _ = t
    assert second.tolist() == MATRIX[1].tolist()


def test_a_recorded_loop_that_writes_rows() -> None:
    """Each row made of the one before: the usual way to write a recurrent network by hand."""
    w = tk.tensor(0.5, dtype=tk.float64, requires_grad=True)
    out = tk.zeros(4, 3, dtype=tk.float64)
    h = tk.ones(3, dtype=tk.float64)
    for i in range(4):
        h = h * w
        out[i] = h
    out.sum().backward()
    assert w.grad is not None
    assert w.grad.item() == pytest.approx(3 * sum(k * 0.5 ** (k - 1) for k in range(1, 5)))


def test_a_leaf_is_not_written_while_recording() -> None:
    t = tk.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        t[0] = 1.0
    with tk.no_grad():
        t[0] = 1.0
    assert t.tolist() == [1, 0, 0]


def test_the_index_may_change_after_reading() -> None:
    x = tk.arange(4.0).requires_grad_()
    index = tk.tensor([0, 0, 3])
    y = (x[index] * tk.tensor([1.0, 2.0, 3.0])).sum()
    index.fill_(1)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 0, 0, 3]


def test_the_tensor_may_change_after_a_view_was_taken() -> None:
    """A view needs its base's shape only, so writing into the base later is no mistake."""
    x = tk.arange(4.0).requires_grad_()
    y = x * 1
    first = y[0] * 2
    y[1] = 7.0
    (first + y.sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 0, 1, 1]


def test_repeated_writes_keep_the_last() -> None:
    t = tk.zeros(3)
    t[[0, 0, 1]] = tk.tensor([1.0, 2.0, 3.0])
    assert t.tolist() == [2, 3, 0]
    t.index_put_((tk.tensor([0, 0, 1]),), tk.tensor([1.0, 2.0, 3.0]), accumulate=True)
    assert t.tolist() == [5, 6, 0]


@given(st.data())
def test_index_put_is_assignment(data: Any) -> None:
    rows = data.draw(hnp.arrays(np.int64, (3,), elements=st.integers(0, 2)))
    columns = data.draw(hnp.arrays(np.int64, (3,), elements=st.integers(-4, 3)))
    values = np.arange(3.0)
    keys = (tk.tensor(rows), tk.tensor(columns))
    added = MATRIX.copy()
    np.add.at(added, (rows, columns), values)
    t = tk.tensor(MATRIX)
    assert np.array_equal(t.index_put(keys, tk.tensor(values), accumulate=True).numpy(), added)
    put = MATRIX.copy()
    put[rows, columns] = values
    assert np.array_equal(t.index_put(keys, tk.tensor(values)).numpy(), put)
    assert np.array_equal(t.numpy(), MATRIX)


def test_leading_dimensions_of_one_do_not_count() -> None:
    for key in (0, slice(0, 1), (0, 0), tk.tensor([1]), [0]):
        for recorded in (False, True):
            x, value = tk.zeros(2, 3), tk.ones(1, 1, 1, requires_grad=recorded)
            x[key] = value
            expected = np.zeros((2, 3), np.float32)
            expected[key.numpy() if isinstance(key, tk.Tensor) else key] = 1
            assert np.array_equal(x.detach().numpy(), expected)
            assert x.requires_grad == recorded


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool"])
def test_assignment_by_several_vectors(dtype: str) -> None:
    """To contiguous tensors and to others, where the vectors fit and where they do not."""
    rng = np.random.default_rng(6)
    x = rng.integers(0, 2, (6, 5, 4)).astype(dtype)
    i, j = rng.integers(-6, 6, 30), rng.integers(-5, 5, 30)
    for keys, shape in (((i,), (30, 5, 4)), ((i, j), (30, 4)), ((i, j), (4,)), ((i, j, j % 4), 30)):
        values, expected = rng.integers(0, 2, shape).astype(dtype), x.copy()
        expected[keys] = values
        turned = tk.tensor(np.ascontiguousarray(x.T)).permute(2, 1, 0)
        for t in (tk.tensor(x), turned):
            t[tuple(tk.tensor(key) for key in keys)] = tk.tensor(values)
            assert t.tolist() == expected.tolist()
    t = tk.tensor(x)
    with pytest.raises(IndexError, match="out of range for size 5"):
        t[tk.tensor(i), tk.tensor(i)] = tk.tensor(values)
    with pytest.raises(RuntimeError, match="share memory"):
        t[:1].expand(6, 5, 4)[tk.tensor(i), tk.tensor(j)] = tk.zeros(30, 4, dtype=t.dtype)
    assert t.tolist() == x.tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_added_where_indices_repeat(dtype: str) -> None:
    """In place, also into views whose memory lies otherwise."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 9, (6, 5, 4)).astype(dtype)
    i, j = rng.integers(-6, 6, (3, 30)), rng.integers(0, 4, 30)
    for keys, values in (
        ((i,), rng.integers(0, 9, (3, 30, 5, 4))),
        ((i, rng.integers(0, 5, 30)), rng.integers(0, 9, (3, 30, 4))),
        ((i, rng.integers(0, 5, 30), j), rng.integers(0, 9, 30)),
        ((x[..., 0] > 4,), rng.integers(0, 9, 4)),
    ):
        expected = x.copy()
        np.add.at(expected, keys, values.astype(dtype))
        indices = tuple(tk.tensor(key) for key in keys)
        source = tk.tensor(values.astype(dtype))
        turned = tk.tensor(np.ascontiguousarray(x.T)).permute(2, 1, 0)
        sliced = tk.zeros(6, 10, 4, dtype=getattr(tk, dtype))[:, ::2]
        sliced.copy_(tk.tensor(x))
        for t in (tk.tensor(x), turned, sliced):
            assert t.index_put_(indices, source, accumulate=True).tolist() == expected.tolist()
        result = tk.tensor(x).index_put(indices, source, accumulate=True)
        assert result.tolist() == expected.tolist()


def test_a_gradient_through_what_was_added_in_place() -> None:
    x, v = tk.ones(3, requires_grad=True), tk.ones(4, requires_grad=True)
    y = x * 2
    y.index_put_((tk.tensor([0, 2, 2, 0]),), v * 3, accumulate=True)
    (y * tk.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]
    assert v.grad.tolist() == [3, 9, 9, 3]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float64"])
def test_backwards_at_any_length(dtype: str) -> None:
    rng = np.random.default_rng(6)
    for n in (*range(1, 20), 31, 32, 33, 63, 64, 65, 127, 128, 200):
        x = rng.integers(0, 2 if dtype == "bool" else 99, (300, n)).astype(dtype)
        assert np.array_equal(tk.tensor(x).flip(1).numpy(), x[:, ::-1])
        assert np.array_equal(tk.tensor(x).flip(0, 1).numpy(), x[::-1, ::-1])
