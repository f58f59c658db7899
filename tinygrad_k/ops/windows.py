"""Sliding windows of images as columns, and columns back into images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import lib
from ..tensor import Tensor, number_as, wrap
from .declare import composite, op, tried
from .samples import real
from .shape import _reshape, in_range, select, slice_dim, strides_of

FUNCTIONAL = True

Pair = tuple[int, int]


def _counts(size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Pair:
    """How many windows fit in each of two dimensions; 0 or less where none does."""
    rows, columns = (
        (n + 2 * pad - dil * (k - 1) - 1) // step + 1
        for n, k, dil, pad, step in zip(size, kernel, dilation, padding, stride, strict=True)
    )
    return rows, columns


def _windows(kernel: Pair, dilation: Pair, stride: Pair, counts: Pair) -> Any:
    """For each element of the kernel: its place, and the slices of all it meets."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            starts = i * dilation[0], j * dilation[1]
            yield (
                (i, j),
                tuple(
                    (start, start + step * (count - 1) + 1, step)
                    for start, step, count in zip(starts, stride, counts, strict=True)
                ),
            )


def _window(image: Tensor, slices: Any) -> Tensor:
    return slice_dim(slice_dim(image, 2, *slices[0]), 3, *slices[1])


def _numpy_unfold(x: Any, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> np.ndarray:
    counts = _counts(x.shape[2:], kernel, dilation, padding, stride)
    wide = np.pad(x, [(0, 0), (0, 0), *((pad, pad) for pad in padding)])
    found = [
        wide[:, :, slice(*rows), slice(*columns)]
        for _, (rows, columns) in _windows(kernel, dilation, stride, counts)
    ]
    return np.stack(found, 2).reshape(x.shape[0], x.shape[1] * len(found), counts[0] * counts[1])


def _numpy_fold(
    x: Any, size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> np.ndarray:
    counts = _counts(size, kernel, dilation, padding, stride)
    channels = x.shape[1] // (kernel[0] * kernel[1])
    columns = x.reshape(x.shape[0], channels, *kernel, *counts)
    out = np.zeros((x.shape[0], channels, *(n + 2 * p for n, p in zip(size, padding, strict=True))))
    for (i, j), (rows, cols) in _windows(kernel, dilation, stride, counts):
        out[:, :, slice(*rows), slice(*cols)] += columns[:, :, i, j]
    top, left = padding
    return out[:, :, top : top + size[0], left : left + size[1]]


ONE = (1, 1)
SAMPLES = [  # image, kernel, dilation, padding, stride
    ((2, 3, 5, 4), (2, 3), ONE, (0, 0), ONE),
    ((1, 2, 5, 6), (2, 2), (2, 1), (1, 2), (2, 1)),
    ((1, 1, 4, 4), (2, 2), ONE, (0, 0), (2, 3)),
    ((0, 2, 3, 3), (2, 2), ONE, (0, 0), ONE),
]


def _column_sample(shape: Any, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Any:
    rows, columns = _counts(shape[2:], kernel, dilation, padding, stride)
    width = shape[1] * kernel[0] * kernel[1]
    size = shape[2:]
    return real(shape[0], width, rows * columns), size, kernel, dilation, padding, stride


@op(
    vjp={
        "input": lambda g, input_shape, kernel, dilation, padding, stride: _fold(
            g, input_shape[2:], kernel, dilation, padding, stride
        )
    },
    ref=_numpy_unfold,
    samples=[(real(*shape), *rest) for shape, *rest in SAMPLES],
    family="place",
)
def _unfold(input: Tensor, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Any:
    """[N, C, H, W] as columns [N, C * kernel, windows]."""
    if input.ndim != 4:
        raise ValueError(f"unfold: expected [N, C, H, W]; got {tuple(input.shape)}")
    size = tuple(input.shape[2:])
    _check("unfold", kernel, dilation, padding, stride)
    rows, columns = _counts(size, kernel, dilation, padding, stride)
    if rows < 1 or columns < 1:
        raise ValueError(f"unfold: no window of {kernel} fits in {size}; padding {padding}")
    batch, channels = input.shape[:2]
    wide = wrap(lib.tk_contiguous(input._h))
    if padding != (0, 0):
        (top, left), (height, width) = padding, size
        padded = (batch, channels, height + 2 * top, width + 2 * left)
        wide = number_as("unfold", 0, input.dtype, padded)
        middle = _window(wide, ((top, top + height, 1), (left, left + width, 1)))
        if lib.tk_copy_into(middle._h, input._h):
            return None
    shape = (batch, channels, *kernel, rows, columns)
    *steps, down, right = strides_of(wide)
    steps += [down * dilation[0], right * dilation[1], down * stride[0], right * stride[1]]
    windows = wrap(lib.tk_as_strided(wide._h, len(shape), shape, steps, wide.storage_offset()))
    out = wrap(lib.tk_empty(input._h.dtype, len(shape), shape))
    if lib.tk_copy_into(out._h, windows._h):
        return None
    flat = (batch, channels * kernel[0] * kernel[1], rows * columns)
    return lib.tk_view(out._h, len(flat), flat)


@op(
    kernel="fold_windows",
    vjp={
        "input": lambda g, kernel, dilation, padding, stride: _unfold(
            g, kernel, dilation, padding, stride
        )
    },
    ref=_numpy_fold,
    samples=[_column_sample(*each) for each in SAMPLES],
    family="place",
)
def _fold(
    input: Tensor, size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> Any:
    """Columns [N, C * kernel, windows] added up where they came from in [N, C, H, W]."""
    _check("fold", kernel, dilation, padding, stride, size)
    counts = _counts(size, kernel, dilation, padding, stride)
    area, windows = kernel[0] * kernel[1], counts[0] * counts[1]
    if input.ndim != 3 or min(counts) < 1 or input.shape[1] % area or input.shape[2] != windows:
        raise ValueError(
            f"fold: expected [N, C * {area}, {windows if min(counts) > 0 else 0}] for size {size}, "
            f"kernel {kernel}, dilation {dilation}, padding {padding} and stride {stride}; got "
            f"{tuple(input.shape)}"
        )
    batch, channels = input.shape[0], input.shape[1] // area
    columns = _reshape(input.detach(), (batch, channels, *kernel, *counts))
    return lib.tk_fold(columns._h, size, dilation, padding, stride)


def _pair(name: str, what: str, value: Any) -> Pair:
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) == 1:
        both = both * 2
    if len(both) != 2 or any(isinstance(n, bool) or not hasattr(n, "__index__") for n in both):
        raise TypeError(f"{name}: {what} must be an int or two; got {value!r}")
    return in_range(name, both[0]), in_range(name, both[1])


def _check(
    name: str, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair, size: Any = ONE
) -> None:
    for what, both, least in (
        ("kernel_size", kernel, 1),
        ("dilation", dilation, 1),
        ("padding", padding, 0),
        ("stride", stride, 1),
        ("output_size", size, 1),
    ):
        if len(both) != 2 or not all(least <= n < 2**31 for n in both):
            raise ValueError(f"{name}: {what} must be two ints from {least} on; got {both}")


def _numpy_images(function: Any, ndim: int) -> Any:
    """The reference with numbers for pairs, and for a batch that may be missing."""

    def reference(x: Any, *how: Any) -> Any:
        pairs = [each if isinstance(each, tuple) else (each, each) for each in how]
        result = function(x if x.ndim == ndim else x[None], *pairs)
        return result if x.ndim == ndim else result[0]

    return reference


@tried(
    ref=_numpy_images(_numpy_unfold, 4),
    samples=[(real(2, 3, 5, 4), (2, 3), 1, 0, 1), (real(2, 5, 6), 2, (2, 1), (1, 2), (2, 1))],
    family="place",
)
@composite
def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The windows of images as columns: [N, C, H, W] to [N, C * kernel area, windows].

    Numbers stand for both dimensions; the batch dimension may be missing. ``padding`` is of zeros,
    ``dilation`` the distance of the kernel's elements, ``stride`` that of the windows.
    """
    how = [
        _pair("unfold", what, each)
        for what, each in (
            ("kernel_size", kernel_size),
            ("dilation", dilation),
            ("padding", padding),
            ("stride", stride),
        )
    ]
    if input.ndim == 3:
        return select(_unfold(_reshape(input, (1, *input.shape)), *how), 0, 0)
    return _unfold(input, *how)


@tried(
    ref=_numpy_images(_numpy_fold, 3),
    samples=[
        (real(2, 18, 8), (5, 4), (2, 3), 1, 0, 1),
        (real(8, 27), (5, 6), 2, (2, 1), (1, 2), (2, 1)),
    ],
    family="place",
)
@composite
def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Columns added up into images: the transpose of ``unfold``, not its inverse.

    [N, C * kernel area, windows] to [N, C, *output_size]; the batch dimension may be missing.
    """
    how = [
        _pair("fold", what, each)
        for what, each in (
            ("output_size", output_size),
            ("kernel_size", kernel_size),
            ("dilation", dilation),
            ("padding", padding),
            ("stride", stride),
        )
    ]
    if input.ndim == 2:
        return select(_fold(_reshape(input, (1, *input.shape)), *how), 0, 0)
    return _fold(input, *how)
