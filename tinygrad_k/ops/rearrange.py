"""Repeating and rearranging: elements in other places, or several times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import check_readable, ffi, int64, lib
from ..tensor import Tensor, from_data, store, wrap
from .declare import (
    composite,
    like,
    method,
    op,
    tried,
)
from .index import _index_sum, index_select
from .reduction import _sum
from .samples import real
from .shape import (
    _expand,
    _reshape,
    clone,
    mask_of,
    sizes,
    transpose,
)

NULL = ffi.NULL


# -- repeating ------------------------------------------------------------------------------------


@method
def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """The tensor so many times along each dimension; more numbers than dimensions add some."""
    times = sizes("repeat", repeats)
    if len(times) < self.ndim:
        raise ValueError(
            f"repeat: one number a dimension is needed; got {times} for {tuple(self.shape)}"
        )
    if any(n < 0 for n in times):
        raise ValueError(f"repeat: the numbers must not be negative; got {times}")
    shape = (1,) * (len(times) - self.ndim) + tuple(self.shape)
    pairs = list(zip(times, shape, strict=True))
    spread = _expand(
        _reshape(self, [n for _, size in pairs for n in (1, size)]),
        tuple(n for pair in pairs for n in pair),
    )
    return _reshape(clone(spread), tuple(n * size for n, size in pairs))


@tried(
    ref=lambda x, dims: np.tile(x, (1,) * (x.ndim - len(dims)) + dims),
    samples=[(real(3, 5), (2,)), (real(3, 5), (2, 0, 2))],
    dtypes="all",
)
@composite
def tile(input: Tensor, *dims: Any) -> Tensor:
    """As ``repeat``, but missing numbers in front are 1."""
    times = sizes("tile", dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


def _unrepeated(g: Tensor, input_shape: Any, dim: int, n: int) -> Tensor:
    d = dim % len(input_shape)
    parts = _reshape(g, (*input_shape[: d + 1], n, *input_shape[d + 1 :]))
    return _sum(parts, d + 1)


@op(
    vjp={"input": _unrepeated},
    ref=lambda x, dim, n: np.repeat(x, n, dim),
    samples=[
        (real(3, 5), 0, 2),
        (real(2, 3, 4), -2, 3),
        (real(5), 0, 0),
        (real(3, 0), 0, 2),
        (real(0, 3), 0, 2),
    ],
    dtypes="all",
    family="copy",
)
def _repeat_interleave(input: Tensor, dim: int, n: int) -> Any:
    """Each part of a dimension n times in a row."""
    return lib.tk_repeat_parts(input._h, dim, n)


@tried(
    ref=np.repeat,
    samples=[(real(3, 5), 2), (real(3, 5), 3, 1)],
    dtypes="all",
)
@composite
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each part of a dimension so many times in a row; without dim, each element of all.

    ``repeats`` is one number or a tensor of one a part. A tensor of them alone gives 0, 1, ... so
    many times each.
    """
    if repeats is None:
        input, repeats, dim = store(np.arange(input.numel()), int64), input, 0
    if dim is None:
        input, dim = _reshape(input, (-1,)), 0
    if type(repeats) is not int:
        check_readable("repeat_interleave")
        if not isinstance(repeats, Tensor):
            repeats = from_data(repeats if np.size(repeats) else np.zeros(0, np.int64))
        if repeats.dtype.numpy.kind not in "iu" or repeats.ndim > 1:
            raise TypeError(
                f"repeat_interleave: repeats must be integers; got {repeats.dtype.name} "
                f"{tuple(repeats.shape)}"
            )
        if repeats.numel() == 1:
            repeats = repeats.item()
    if isinstance(repeats, Tensor):
        d = input._dim(dim, "repeat_interleave")
        size = input._h.shape[d]
        if tuple(repeats.shape) != (size,):
            raise ValueError(
                f"repeat_interleave: expected one number, or {size}; got {tuple(repeats.shape)}"
            )
        result = index_select(input, d, wrap(lib.tk_repeated_places(repeats._h)))
    else:
        result = _repeat_interleave(input, dim, repeats)
    if output_size is not None and output_size != (parts := result.shape[dim]):
        raise ValueError(f"repeat_interleave: the result has {parts}, not {output_size} parts")
    return result


# -- rearranging ----------------------------------------------------------------------------------


@op(
    vjp={"input": lambda g, mask: _flip(g, mask)},
    ref=lambda x, mask: np.flip(x, tuple(d for d in range(x.ndim) if mask >> d & 1)),
    samples=[(real(3, 5), 0b01), (real(2, 3, 4), 0b101), (real(0, 3), 0b10), (real(3, 5), 0)],
    dtypes="all",
    family="copy",
)
def _flip(input: Tensor, mask: int) -> Any:
    """``mask``: a bit for each dimension that is reversed."""
    return lib.tk_flip(input._h, mask)


@tried(
    ref=np.flip,
    samples=[(real(3, 5), (0,)), (real(2, 3, 4), (0, -1)), (real(0, 3), (1,))],
    dtypes="all",
)
@composite
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The tensor with the order in the dimensions given reversed; a copy."""
    return _flip(input, mask_of("flip", input, sizes("flip", dims)))


@tried(ref=np.fliplr, samples=[(real(3, 5),), (real(2, 3, 0),)], dtypes="all")
@composite
def fliplr(input: Tensor) -> Tensor:
    """The tensor with the order in dimension 1 reversed; a copy."""
    return flip(input, 1)


@tried(ref=np.flipud, samples=[(real(3, 5),), (real(4),), (real(0, 3),)], dtypes="all")
@composite
def flipud(input: Tensor) -> Tensor:
    """The tensor with the order in dimension 0 reversed; a copy."""
    if input.ndim == 0:
        raise ValueError("flipud: at least one dimension is needed; got ()")
    return flip(input, 0)


@tried(
    ref=np.rot90,
    samples=[(real(3, 5),), (real(3, 5), 2), (real(2, 3, 4), -1, (2, 0))],
    dtypes="all",
)
@composite
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The tensor turned by k quarters in the plane of two dimensions, first to second.

    A copy; a view of one, transposed, where k is odd.
    """
    plane = [input._dim(dim, "rot90") for dim in sizes("rot90", (dims,))]
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ValueError(f"rot90: two different dimensions are needed; got {dims}")
    a, b = plane
    k %= 4
    flipped = _flip(input, (k == 1 or k == 2) << b | (k >= 2) << a)
    return transpose(flipped, a, b) if k & 1 else flipped


def widths(name: str, ndim: int, pads: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """What ``pad`` is given, pairs of the last dimension first, as before and after of each."""
    if len(pads) % 2 or len(pads) > 2 * ndim:
        raise ValueError(f"{name}: expected pairs for at most {ndim} dimensions; got {pads}")
    rest = [0] * (ndim - len(pads) // 2)
    return [*rest, *pads[-2::-2]], [*rest, *pads[:0:-2]]


MODES = {
    "replicate": lib.TK_EXTEND_BORDER,
    "reflect": lib.TK_EXTEND_MIRROR,
    "circular": lib.TK_EXTEND_WRAP,
}


def _borrowed(mode: str, size: int, before: int, after: int) -> np.ndarray:
    """Which elements of a dimension an extended one shows."""
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    if mode == "circular":
        return places % max(size, 1)
    last = size - 1
    return last - np.abs(last - np.abs(places))


def _extend_rule(g: Tensor, input_shape: Any, pads: tuple[int, ...], mode: str) -> Tensor:
    before, after = widths("pad", g.ndim, pads)
    for d, size in enumerate(input_shape):
        if before[d] or after[d]:
            places = store(_borrowed(mode, size, before[d], after[d]), int64)
            g = _index_sum(g, (*g.shape[:d], size, *g.shape[d + 1 :]), d, places)
    return g


def _numpy_extend(x: Any, pads: tuple[int, ...], mode: str) -> np.ndarray:
    for d, (before, after) in enumerate(zip(*widths("pad", x.ndim, pads), strict=True)):
        x = np.take(x, _borrowed(mode, x.shape[d], before, after), d)
    return x


@op(
    kernel="extend",
    vjp={"input": _extend_rule},
    ref=_numpy_extend,
    samples=[
        (real(3, 5), (1, 2), "reflect"),
        (real(2, 3, 4), (0, 3, 2, 0, 1, 1), "reflect"),
        (real(2, 3, 4), (1, 2, 0, 0, 3, 0), "replicate"),
        (real(2, 3, 4), (0, 3, 1, 2), "circular"),
        (real(3, 5, 2), (0, 0, -2, 2), "circular"),
        (real(3, 5), (9, 0), "circular"),
        (real(2, 24), (20, 20), "reflect"),
        (real(0, 3), (1, -1), "circular"),
    ],
    dtypes="all",
    family="place",
)
def _extend(input: Tensor, pads: tuple[int, ...], mode: str) -> Any:
    """The tensor and what ``mode`` lends it around; ``pads`` as those of ``pad``."""
    return lib.tk_extend(input._h, *widths("pad", input.ndim, pads), MODES[mode], NULL)


@op(
    kernel="extend",
    vjp={"input": lambda g, shifts, dims: _roll(g, tuple(-n for n in shifts), dims)},
    ref=np.roll,
    samples=[
        (real(3, 5), (7,), None),
        (real(3, 5), (-2,), (1,)),
        (real(3, 5), (1, 3), (1, 0)),
        (real(3, 5), (4, -2, 3), (-1, 1, 0)),
        (real(), (3,), None),
        (real(0, 3), (1,), (0,)),
    ],
    dtypes="all",
    family="place",
)
def _roll(input: Tensor, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Any:
    if dims is not None and len(dims) != len(shifts):
        raise ValueError(f"roll: as many shifts as dims are needed; got {shifts} and {dims}")
    return lib.tk_roll(input._h, len(shifts), shifts, NULL if dims is None else dims)


@tried(**like(_roll))
@composite
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved on by ``shifts`` along ``dims``; what leaves comes in on the other side.

    Without dims the tensor is rolled as a vector.
    """
    steps = sizes("roll", (shifts,))
    if dims is None or dims == ():
        return _roll(input, steps, None)
    return _roll(input, steps, sizes("roll", (dims,)))
