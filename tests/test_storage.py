"""Views by raw strides: what they show depends on memory, so they are held against NumPy here."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k.autograd import gradcheck, gradgradcheck


@given(data=st.data())
def test_as_strided_equals_numpy(data: st.DataObject) -> None:
    size = data.draw(st.lists(st.integers(1, 4), min_size=0, max_size=3))
    stride = data.draw(st.lists(st.integers(0, 3), min_size=len(size), max_size=len(size)))
    offset = data.draw(st.integers(0, 3))
    source = np.arange(40.0)
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    assert reach < source.size
    expected = np.lib.stride_tricks.as_strided(source[offset:], size, [8 * step for step in stride])
    shown = tk.from_numpy(source).as_strided(size, stride, offset)
    assert np.array_equal(shown.numpy(), expected)
    leaf = tk.from_numpy(source).requires_grad_()
    assert gradcheck(lambda x: x.as_strided(size, stride, offset) * 2.0, [leaf])


@pytest.mark.parametrize("start", [0, 1])
def test_windows_that_overlap_add_their_gradients(start: int) -> None:
    leaf = tk.from_numpy(np.arange(8.0)).requires_grad_()

    def windows(x: tk.Tensor) -> tk.Tensor:
        return x[start:].unfold(0, 3, 2).square()

    assert gradcheck(windows, [leaf])
    assert gradgradcheck(windows, [leaf])


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((9,), (1,), 0), ((2,), (-1,), 0), ((2, 2), (1,), 0), ((2,), (2**62,), 0), ((1,), (1,), 8)],
)
def test_windows_outside_the_memory_are_refused(
    size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    with pytest.raises((ValueError, IndexError), match="as_strided"):
        tk.ones(8).as_strided(size, stride, offset)


@given(data=st.data())
def test_bytes_as_another_dtype_equal_numpy(data: st.DataObject) -> None:
    kinds = ("float32", "float64", "int64", "int32", "uint8")
    source, target = (getattr(tk, data.draw(st.sampled_from(kinds))) for _ in range(2))
    shape = data.draw(st.lists(st.integers(0, 4), min_size=0, max_size=3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    array = rng.integers(0, 255, (*shape, source.itemsize), np.uint8).view(source.numpy)[..., 0]
    layout = data.draw(st.sampled_from([np.array, np.transpose, lambda x: x[..., 1:]]))
    laid = layout(array) if array.ndim else array
    try:
        expected = laid.view(target.numpy)
    except ValueError:
        expected = None
    given = tk.from_numpy(np.array(array))
    given = tk.from_numpy(given.numpy()) if laid is array else tk.from_numpy(laid)
    try:
        found = given.view(target)
    except RuntimeError as refusal:
        assert expected is None or "does not divide" in str(refusal)
        return
    assert expected is not None and found.dtype is target
    assert found.numpy().tobytes() == expected.tobytes() and found.shape == expected.shape
    assert found.data_ptr() == given.data_ptr() or not found.numel()


def test_a_view_of_bytes_is_a_window_outside_the_graph() -> None:
    x = tk.tensor([1.0, -2.0], requires_grad=True)
    y = x * 1.0
    bits = y.view(tk.int32)
    assert not bits.requires_grad
    square = y * y
    bits &= 0x7FFFFFFF
    assert y.tolist() == [1.0, 2.0] and y._version == 1
    with pytest.raises(RuntimeError, match="saved for its gradient was changed"):
        square.sum().backward()
    y = x * 1.0
    part, bits = y[:1], y.view(dtype=tk.uint8)
    part.mul_(3.0)
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3.0, 1.0] and bits.shape == (8,)
    for wrong in (tk.ones(2, dtype=tk.bool), tk.ones(2, dtype=tk.uint8)):
        with pytest.raises(TypeError, match=r"^view: from .* bools"):
            wrong.view(tk.uint8 if wrong.dtype is tk.bool else tk.bool)
    with pytest.raises(TypeError, match=r"^view: expected a dtype"):
        y.view(dtype="float32")


def test_the_address_sanitizer_sees_the_end_of_memory() -> None:
    """And memory that was given back, though blocks are larger than asked for, and are kept."""
    hidden = getattr(ctypes.CDLL(None), "__asan_address_is_poisoned", None)
    if hidden is None:
        pytest.skip("a build without the sanitizer")
    x = tk.ones(5)
    start = x.data_ptr()
    assert [hidden(ctypes.c_void_p(start + i)) for i in (0, 19, 20, 63)] == [0, 0, 1, 1]
    del x
    assert hidden(ctypes.c_void_p(start + 16))
    y = tk.ones(16)
    assert y.data_ptr() != start or not hidden(ctypes.c_void_p(start + 63))


@pytest.mark.parametrize("sizes", [(2**62, 0), (0, 2**63 - 1), (0, 2**32, 2**31), (2**60, 0, 8)])
def test_sizes_beside_a_zero_are_bounded(sizes: tuple[int, ...]) -> None:
    """Their product makes strides, and what shows a tensor has no other shapes."""
    empty = tk.zeros(0, 3)
    for call in (
        lambda: tk.zeros(sizes),
        lambda: empty.reshape(sizes),
        lambda: empty.t().reshape(sizes),
        lambda: empty.view(sizes),
        lambda: empty.as_strided(sizes, (1,) * len(sizes)),
    ):
        with pytest.raises(ValueError, match=r"^\w+: the number of bytes overflows"):
            call()
    assert repr(empty.reshape(2**50, 0)) == "tensor([], size=(1125899906842624, 0))"
