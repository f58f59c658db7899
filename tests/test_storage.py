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
