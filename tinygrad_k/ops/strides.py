"""Views by dimensions moved, split and broadcast, and by sizes and strides as given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import int64, lib
from ..tensor import Size, Tensor, store, wrap
from .declare import (
    composite,
    method,
    op,
    root,
    tried,
)
from .index import _index_sum, index_select
from .join import _tensors
from .samples import real
from .shape import (
    VIEW,
    _expand,
    _permute,
    _reshape,
    common_shape,
    in_range,
    sizes,
    strides_of,
)


@tried(
    ref=np.moveaxis,
    samples=[(real(2, 3, 4), 0, -1), (real(2, 3, 4), (0, 1), (2, 0))],
    dtypes="all",
    family=VIEW,
)
@composite
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The dims ``source`` moved to the places ``destination``, the others in order; a view."""
    if input.ndim == 0:
        input = _reshape(input, (1,))
        return _reshape(movedim(input, source, destination), ())
    moved = [input._dim(d, "movedim") for d in sizes("movedim", (source,))]
    places = [input._dim(d, "movedim") for d in sizes("movedim", (destination,))]
    if len(moved) != len(places) or len({*moved}) < len(moved) or len({*places}) < len(places):
        raise ValueError(f"movedim: dims must be distinct pairs; got {source} to {destination}")
    order = [d for d in range(input.ndim) if d not in moved]
    for place, d in sorted(zip(places, moved, strict=True)):
        order.insert(place, d)
    return _permute(input, tuple(order))


@tried(
    ref=np.swapaxes,
    samples=[(real(3, 5), 0, 1), (real(2, 3, 4), -1, 0), (real(0, 3), 0, 1)],
    dtypes="all",
    family=VIEW,
)
@composite
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """As ``transpose``."""
    return input.transpose(axis0, axis1)


@tried(
    ref=np.swapaxes,
    samples=[(real(3, 5), 0, 1), (real(2, 3, 4), -1, 0), (real(0, 3), 0, 1)],
    dtypes="all",
    family=VIEW,
)
@composite
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """As ``transpose``."""
    return input.transpose(dim0, dim1)


@tried(
    ref=lambda x, dim, sizes: x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :]),
    samples=[(real(3, 6), 1, (2, 3)), (real(6), 0, (-1, 2))],
    dtypes="all",
    family=VIEW,
)
@composite
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension as several, whose sizes multiply to its size (one may be -1)."""
    d = input._dim(dim, "unflatten")
    shape = tuple(input.shape)
    return _reshape(input, (*shape[:d], *_factors(shape[d], tuple(sizes)), *shape[d + 1 :]))


def _factors(size: int, factors: tuple[int, ...]) -> tuple[int, ...]:
    wild = factors.count(-1)
    known = math.prod(factors) * (-1) ** wild
    if wild > 1 or (known == 0 if wild else known != size) or (wild and size % known):
        raise ValueError(f"unflatten: sizes {factors} do not multiply to {size}")
    return tuple([size // known if n == -1 else n for n in factors]) if wild else factors


@root
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape to which all shapes broadcast."""
    known = [sizes("broadcast_shapes", (shape,)) for shape in shapes]
    return common_shape("broadcast_shapes", *known)


@tried(
    ref=np.broadcast_arrays,
    samples=[(real(3, 1), real(4)), (real(2, 3), real()), (real(0, 3), real(1, 1))],
    dtypes="all",
    family=VIEW,
    outputs=2,
)
@root
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to their common shape; views."""
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    parts = _tensors("broadcast_tensors", tensors)
    shape = common_shape("broadcast_tensors", *(each.shape for each in parts))
    return tuple(each if each.shape == shape else _expand(each, shape) for each in parts)


def _unstride(
    g: Tensor, size: Any, stride: Any, storage_offset: int, geometry: tuple[Any, ...]
) -> Tensor:
    """The gradient of as_strided: added up where elements were seen twice."""
    shape, steps, start = geometry
    if 0 in shape or 0 in size:
        return wrap(lib.tk_full_float(g._h.dtype, len(shape), shape, 0.0))
    if any(n > 1 and step == 0 for n, step in zip(shape, steps, strict=True)):
        raise RuntimeError("as_strided: no gradient for an input that was expanded")
    ends = _ends(size, stride, storage_offset) + _ends(shape, steps, start)
    low = min(ends)
    span = max(ends) - low + 1
    if _is_apart(size, stride):
        memory = _spread(g, span, tuple(stride), storage_offset - low)
    else:
        places = _places(size, stride, storage_offset - low).reshape(-1)
        memory = _index_sum(_reshape(g, (-1,)), (span,), 0, store(places, int64))
    return as_strided(memory, shape, steps, start - low)


def _ends(shape: Any, stride: Any, offset: int) -> tuple[int, int]:
    """The first and the last place of a view that has elements."""
    reaches = [(n - 1) * step for n, step in zip(shape, stride, strict=True)]
    before, behind = (sum(end(each, 0) for each in reaches) for end in (min, max))
    return offset + before, offset + behind


def _is_apart(shape: Any, stride: Any) -> bool:
    """Whether each step leads beyond all that smaller ones reach: then no element is seen twice."""
    reach = 0
    for step, n in sorted((abs(step), n) for n, step in zip(shape, stride, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (n - 1)
    return True


def _places(shape: Any, stride: Any, offset: int) -> np.ndarray:
    """Where in the storage each element lies."""
    places = np.full(tuple(shape), offset, np.int64)
    for axis, (n, step) in enumerate(zip(shape, stride, strict=True)):
        line = np.arange(n) * step
        places += line.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return places


def _numpy_spread(x: np.ndarray, length: int, stride: Any, offset: int) -> np.ndarray:
    out = np.zeros(length, x.dtype)
    out[_places(x.shape, stride, offset)] = x
    return out


@op(
    vjp={
        "source": lambda g, source_shape, stride, offset: _reshape(
            index_select(g, 0, store(_places(source_shape, stride, offset).reshape(-1), int64)),
            tuple(source_shape),
        )
    },
    ref=_numpy_spread,
    samples=[(real(2, 3), 10, (5, 1), 2), (real(2, 3), 8, (1, 3), 0), (real(), 3, (), 1)],
    family="place",
)
def _spread(source: Tensor, length: int, stride: tuple[int, ...], offset: int) -> Any:
    """Zeros of a length with the elements of ``source`` so many places apart, from an offset on."""
    shape = tuple(source.shape)
    if len(stride) != len(shape):
        raise ValueError(f"spread: as many strides as sizes; got {shape} and {stride}")
    out = wrap(lib.tk_full_float(source._h.dtype, 1, (length,), 0.0))
    window = wrap(lib.tk_as_strided(out._h, len(shape), shape, stride, offset))
    return None if lib.tk_copy_into(window._h, source._h) else lib.tk_retain(out._h)


@op(
    vjp={
        "input": lambda g, size, stride, storage_offset, geometry: _unstride(
            g, size, stride, storage_offset, geometry
        )
    },
    ref=lambda x, size, stride, storage_offset, geometry: x.reshape(-1)[
        _places(size, stride, storage_offset)
    ],
    samples=[
        (real(3, 4), (2, 3), (1, 4), 1, ((3, 4), (4, 1), 0)),
        (real(7), (3, 3), (2, 1), 0, ((7,), (1,), 0)),
        (real(3, 4), (0, 2), (1, 1), 0, ((3, 4), (4, 1), 0)),
        (real(3, 4), (), (), 5, ((3, 4), (4, 1), 0)),
    ],
    dtypes="all",
    family="storage",  # what it shows depends on the memory's layout, so it has tests of its own
)
def _as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int, geometry: Any) -> Any:
    """``geometry``: the input's own shape, strides and offset, for the gradient."""
    return lib.tk_as_strided(input._h, len(size), size, stride, storage_offset)


@composite
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage with any sizes and strides; ValueError where it would leave it."""
    size, stride = sizes("as_strided", (size,)), sizes("as_strided", (stride,))
    if len(size) != len(stride):
        raise ValueError(f"as_strided: as many strides as sizes; got {size} and {stride}")
    own = input.storage_offset()
    start = own if storage_offset is None else in_range("as_strided", storage_offset)
    return _as_strided(
        input, size, stride, start, (tuple(input.shape), tuple(strides_of(input)), own)
    )


def _numpy_windows(x: Any, dim: int, size: int, step: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, size, dim)[
        (slice(None),) * (dim % x.ndim) + (slice(None, None, step),)
    ]


WINDOWS = [((7,), 0, 3, 2), ((2, 7), -1, 4, 1), ((2, 7, 3), 1, 2, 3), ((4, 2), 0, 4, 5)]


@op(
    vjp={
        "input": lambda g, input_shape, dim, size, step: _overlapped(
            g, input_shape, dim, size, step
        )
    },
    ref=_numpy_windows,
    samples=[(real(*shape), dim, size, step) for shape, dim, size, step in WINDOWS],
    dtypes="all",
    family=VIEW,
)
def _windows(input: Tensor, dim: int, size: int, step: int) -> Any:
    return lib.tk_unfold(input._h, dim, size, step)


def _numpy_overlapped(x: Any, shape: Any, dim: int, size: int, step: int) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    places = _numpy_windows(np.arange(out.size).reshape(shape), dim, size, step)
    np.add.at(out.reshape(-1), places, x)
    return out


@op(
    kernel="fold_windows",
    vjp={"windows": lambda g, dim, size, step: _windows(g, dim, size, step)},
    ref=_numpy_overlapped,
    samples=[
        (real(*_numpy_windows(np.empty(shape), dim, size, step).shape), shape, dim, size, step)
        for shape, dim, size, step in WINDOWS
    ],
    family="place",
)
def _overlapped(windows: Tensor, shape: tuple[int, ...], dim: int, size: int, step: int) -> Any:
    """Windows of a dimension added up where they came from."""
    if windows.ndim != len(shape) + 1:
        raise ValueError(
            f"unfold: windows of {shape} have {len(shape) + 1} dimensions; got "
            f"{tuple(windows.shape)}"
        )
    if not shape or 0 in shape or not size:
        zeros = wrap(lib.tk_full_float(windows._h.dtype, len(shape), tuple(shape), 0.0))
        return lib.tk_retain((zeros if shape else zeros + windows.sum())._h)
    d = dim % len(shape)
    outer, inner = math.prod(shape[:d]), math.prod(shape[d + 1 :])
    count, length = windows.shape[d], shape[d]
    each = _reshape(windows.detach(), (outer, count, inner, size))
    if inner == 1:  # images [1, outer, 1, length], and windows of one row
        images, kernel, counts, steps = (1, length), (1, size), (1, count), (1, step)
    else:  # images [1, outer, length, inner], and windows of one column
        images, kernel, counts, steps = (length, inner), (size, 1), (count, inner), (step, 1)
    six = _reshape(_permute(each, (0, 3, 1, 2)), (1, outer, *kernel, *counts))
    out = wrap(lib.tk_fold(six._h, images, (1, 1), (0, 0), steps))
    return lib.tk_view(out._h, len(shape), tuple(shape))


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` elements of a dimension, ``step`` apart, as a new last one; a view."""
    return _windows(
        self, in_range("unfold", dimension), in_range("unfold", size), in_range("unfold", step)
    )
