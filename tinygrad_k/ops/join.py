"""Joining, splitting, repeating and rearranging."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..backend import check_readable, fail, ffi, int64, lib
from ..tensor import Size, Tensor, from_data, store, wrap
from .declare import (
    MISTAKES,
    OPS,
    RECORD,
    composite,
    like,
    method,
    op,
    record,
    root,
    tried,
)
from .index import _index_sum, index_select
from .mistakes import wraps
from .reduction import _sum
from .samples import real
from .shape import (
    VIEW,
    _expand,
    _permute,
    _reshape,
    check_parts,
    clone,
    common_shape,
    in_range,
    mask_of,
    select,
    sizes,
    slice_dim,
    strides_of,
    unsqueeze,
)

NULL = ffi.NULL


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    try:
        found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    except TypeError as error:
        kind = type(tensors).__name__
        raise TypeError(f"{name}: expected a sequence of tensors; got {kind}") from error
    for each in found:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}: expected tensors; got {type(each).__name__}")
    if not found or found[0] is tensors:
        raise ValueError(f"{name}: expected a sequence of at least one tensor")
    return found


def _joining(op: Callable[..., Tensor], door: Any) -> Callable[..., Callable[..., Tensor]]:
    """Declares the face of an op that joins: what is a list or a tuple is one door's work."""
    row = OPS[op.__name__]

    def declare(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def join(tensors: Any, dim: int = 0) -> Tensor:
            kind = type(tensors)
            if kind is not list and kind is not tuple:
                tensors = _tensors(function.__name__, tensors)
            parts = [*tensors]  # the handles live as long as these
            try:
                handle = door(len(parts), [each._h for each in parts], dim)
            except MISTAKES:
                return op(parts, dim)
            if not handle:
                fail()
            out = Tensor()
            out._h = handle
            out._node = None
            for each in parts:
                if each._node is not None:
                    if handle.flags & RECORD:
                        record(row, out, (parts, dim))
                    break
            return out

        return wraps(join, function)

    return declare


def _handles(name: str, tensors: Any) -> tuple[list[Tensor], list[Any]]:
    """Whatever is iterated over as a list, and the handles, which live as long as its tensors."""
    parts = list(tensors)
    try:
        handles = [each._h for each in parts]
    except AttributeError:
        handles = []
    if not handles:
        _tensors(name, tensors)  # says what is wrong
    return parts, handles


# -- joining --------------------------------------------------------------------------------------


def _cat_gradients(g: Tensor, tensors_shape: tuple[Any, ...], dim: int) -> list[Tensor]:
    parts, end = [], 0
    for shape in tensors_shape:
        if len(shape) != g.ndim:  # an empty vector
            parts.append(_reshape(slice_dim(_reshape(g, (-1,)), 0, 0, 0, 1), shape))
            continue
        start, end = end, end + shape[dim]
        parts.append(slice_dim(g, dim, start, end, 1))
    return parts


def _numpy_cat(tensors: Any, dim: int = 0) -> np.ndarray:
    most = max(x.ndim for x in tensors)
    return np.concatenate([x for x in tensors if x.ndim == most or x.shape != (0,)], dim)


@op(
    vjp=_cat_gradients,
    ref=_numpy_cat,
    samples=[
        ([real(3, 5), real(2, 5)], 0),
        ([real(3, 5), real(3, 1), real(3, 0)], -1),
        ([real(4)],),
        ([real(0, 3), real(2, 3)], 0),
        ([real(0), real(2, 3), real(1, 3)], 0),
        ([real(3, 2), real(3, 7), real(3, 2), real(3, 0), real(3, 5), real(3, 1)], 1),
    ],
    dtypes="all",
    family="join",
)
def _cat(tensors: Sequence[Tensor], dim: int = 0) -> Any:
    parts, handles = _handles("cat", tensors)
    return lib.tk_cat(len(parts), handles, in_range("cat", dim))


@tried(**like(_cat))
@root
@_joining(_cat, lib.tk_cat)
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors behind each other along a dimension; they agree in all other sizes.

    An empty vector fits anything. Different dtypes are promoted.
    """


@op(
    vjp=lambda g, tensors_shape, dim: [select(g, dim, i) for i in range(len(tensors_shape))],
    ref=np.stack,
    samples=[
        ([real(3, 5), real(3, 5)],),
        ([real(3), real(3)], -1),
        ([real(2, 3)] * 5, 1),
        ([real()],),
        ([real(0, 2)], 1),
    ],
    dtypes="all",
    family="join",
)
def _stack(tensors: Sequence[Tensor], dim: int = 0) -> Any:
    parts, handles = _handles("stack", tensors)
    ndim = handles[0].ndim + 1
    if not -ndim <= dim < ndim:
        raise IndexError(f"stack: dim {dim} is out of range for {ndim} dimensions")
    return lib.tk_stack(len(parts), handles, dim)


@tried(**like(_stack))
@root
@_joining(_stack, lib.tk_stack)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension."""


@tried(
    ref=np.hstack,
    samples=[([real(3, 5), real(3, 2)],), ([real(3), real()],)],
    dtypes="all",
)
@root
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Vectors behind each other; other tensors along dimension 1."""
    parts = [atleast_1d(t) if t._h.ndim < 1 else t for t in _tensors("hstack", tensors)]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@tried(
    ref=np.vstack,
    samples=[([real(3, 5), real(5)],), ([real(), real()],)],
    dtypes="all",
)
@root
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors along dimension 0; vectors are rows."""
    return cat([atleast_2d(t) if t._h.ndim < 2 else t for t in _tensors("vstack", tensors)], 0)


@tried(
    ref=np.dstack,
    samples=[([real(3, 5), real(3, 5)],), ([real(3), real(3)],)],
    dtypes="all",
)
@root
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors along dimension 2; matrices and vectors get one there."""
    return cat([atleast_3d(each) for each in _tensors("dstack", tensors)], 2)


def _each(function: Any, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    if len(tensors) == 1:
        tensors = tuple(tensors[0])
    return tuple(function(each) for each in tensors)


@tried(
    ref=np.atleast_1d,
    samples=[(real(),), (real(3),), (real(2, 3),), (real(0, 2, 1, 3),)],
    dtypes="all",
    family=VIEW,
)
@root
def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension; views."""
    return _each(lambda t: _reshape(t, (1,)) if t.ndim == 0 else t, tensors)


@tried(
    ref=np.atleast_2d,
    samples=[(real(),), (real(3),), (real(2, 3),), (real(0, 2, 1, 3),)],
    dtypes="all",
    family=VIEW,
)
@root
def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions, the new ones in front; views."""
    return _each(
        lambda t: _reshape(t, (1, 1)) if t.ndim == 0 else unsqueeze(t, 0) if t.ndim == 1 else t,
        tensors,
    )


@tried(
    ref=np.atleast_3d,
    samples=[(real(),), (real(3),), (real(2, 3),), (real(0, 2, 1, 3),)],
    dtypes="all",
    family=VIEW,
)
@root
def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three dimensions: [n] gives [1, n, 1], [n, m] [n, m, 1]; views."""
    return _each(
        lambda t: t if t.ndim > 2 else unsqueeze(atleast_2d(t), 2),
        tensors,
    )


# -- splitting ------------------------------------------------------------------------------------


def _cut(input: Tensor, dim: int, ends: list[int]) -> tuple[Tensor, ...]:
    parts, start = [], 0
    unrecorded = input._node is None and type(input) is Tensor
    h, door = input._h, lib.tk_slice
    for end in ends:
        if unrecorded:
            parts.append(wrap(door(h, dim, start, end, 1)))
        else:
            parts.append(slice_dim(input, dim, start, end, 1))
        start = end
    return tuple(parts)


def _numpy_split(x: Any, parts: Any, dim: int = 0) -> Any:
    ends = range(parts, x.shape[dim], parts) if isinstance(parts, int) else np.cumsum(parts)[:-1]
    return np.split(x, ends, dim)


@tried(
    ref=_numpy_split,
    samples=[(real(5, 3), 3), (real(3, 4), [1, 3], -1), (real(3, 4), (4, 0), 1)],
    dtypes="all",
    family=VIEW,
    outputs=2,
)
@composite
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size (the last may be smaller), or of the sizes given; views."""
    d = tensor._dim(dim, "split")
    size, each = tensor.shape[d], split_size_or_sections
    if isinstance(each, (list, tuple)):
        lengths = list(sizes("split", tuple(each)))
        if sum(lengths) != size or any(n < 0 for n in lengths):
            raise ValueError(f"split: sizes {lengths} do not add up to {size} of dim {dim}")
        return _cut(tensor, d, list(accumulate(lengths)))
    each = in_range("split", each)
    if each < 0 or (each == 0 and size):
        raise ValueError(f"split: the size of a part must be positive; got {each}")
    count = max(-(-size // each), 1) if each else 1
    check_parts("split", count)
    return _cut(tensor, d, [min((i + 1) * each, size) for i in range(count)])


@tried(
    ref=lambda x, chunks, dim=0: _numpy_split(x, -(-x.shape[dim] // chunks), dim),
    samples=[(real(5, 3), 2), (real(3, 4), 3, -1), (real(0, 4), 2, 1)],
    dtypes="all",
    family=VIEW,
    outputs=2,
)
@composite
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` parts of one size, but for the last; views."""
    if in_range("chunk", chunks) < 1:
        raise ValueError(f"chunk: chunks must be positive; got {chunks}")
    d = input._dim(dim, "chunk")
    size = input.shape[d]
    check_parts("chunk", min(size, chunks) if size else chunks)
    each = -(-size // chunks)
    count = -(-size // each) if each else chunks
    return _cut(input, d, [min((i + 1) * each, size) for i in range(count)])


@tried(
    ref=np.array_split,
    samples=[(real(5, 3), 2), (real(3, 4), 3, -1), (real(5), (1, 3)), (real(0, 5), [2], 1)],
    dtypes="all",
    family=VIEW,
    outputs=2,
)
@composite
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """``n`` parts whose sizes differ by at most one, or parts cut at the indices given; views."""
    d = input._dim(dim, "tensor_split")
    size, each = input.shape[d], indices_or_sections
    if isinstance(each, Tensor):
        each = each.tolist()
    if isinstance(each, (list, tuple)):
        cuts = [*sizes("tensor_split", tuple(each)), None]
        return tuple(
            slice_dim(input, d, a, b, 1) for a, b in zip([0, *cuts[:-1]], cuts, strict=True)
        )
    if in_range("tensor_split", each) < 1:
        raise ValueError(f"tensor_split: the number of parts must be positive; got {each}")
    check_parts("tensor_split", each)
    small, larger = divmod(size, each)
    lengths = [small + 1] * larger + [small] * (each - larger)
    return _cut(input, d, list(accumulate(lengths)))


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


def _unflip(g: Tensor, mask: int, dim0: int, dim1: int) -> Tensor:
    if (mask >> dim0 ^ mask >> dim1) & 1:
        mask ^= 1 << dim0 | 1 << dim1
    return _flip(g, mask, dim0, dim1)


def _numpy_flip(x: Any, mask: int, dim0: int = 0, dim1: int = 0) -> Any:
    x = np.flip(x, tuple(d for d in range(x.ndim) if mask >> d & 1))
    return x if dim0 == dim1 else np.swapaxes(x, dim0, dim1)


@op(
    vjp={"input": _unflip},
    ref=_numpy_flip,
    samples=[
        (real(3, 5), 0b01),
        (real(2, 3, 4), 0b101),
        (real(0, 3), 0b10),
        (real(3, 5), 0),
        (real(3, 5), 0b10, 0, 1),
        (real(2, 3, 4), 0b101, 2, 1),
    ],
    dtypes="all",
    family="copy",
)
def _flip(input: Tensor, mask: int, dim0: int = 0, dim1: int = 0) -> Any:
    """``mask``: a bit for each dimension that is reversed, before two of them change places."""
    return lib.tk_flip(input._h, mask, dim0, dim1)


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
    """The tensor turned by k quarters in the plane of two dimensions, first to second."""
    plane = [input._dim(dim, "rot90") for dim in sizes("rot90", (dims,))]
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ValueError(f"rot90: two different dimensions are needed; got {dims}")
    a, b = plane
    k %= 4
    mask = (k == 1 or k == 2) << b | (k >= 2) << a
    return _flip(input, mask, a, b if k & 1 else a)


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
    known = math.prod(n for n in factors if n != -1)
    wild = factors.count(-1)
    if wild > 1 or (known == 0 if wild else known != size) or (wild and size % known):
        raise ValueError(f"unflatten: sizes {factors} do not multiply to {size}")
    return tuple(size // known if n == -1 else n for n in factors)


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


@tried(
    ref=lambda *x: np.stack(np.meshgrid(*x, indexing="ij"), -1).reshape(-1, len(x)),
    samples=[(real(3), real(2)), (real(2), real(1), real(3)), (real(0), real(2))],
    dtypes="all",
)
@root
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of vectors, one a row; of one vector, itself."""
    from .ranges import meshgrid

    if len(tensors) == 1:
        return tensors[0]
    return stack([_reshape(each, (-1,)) for each in meshgrid(*tensors)], 1)


# -- views with strides given ---------------------------------------------------------------------


def _unstride(
    g: Tensor, size: Any, stride: Any, storage_offset: int, geometry: tuple[Any, ...]
) -> Tensor:
    """The gradient of as_strided: added up where elements were seen twice."""
    shape, steps, start = geometry
    if 0 in shape or 0 in size:
        return wrap(lib.tk_full_float(g._h.dtype, len(shape), shape, 0.0))
    if any(n > 1 and step == 0 for n, step in zip(shape, steps, strict=True)):
        raise RuntimeError("as_strided: no gradient for an input that was expanded")
    places = _places(size, stride, storage_offset)
    own = _places(shape, steps, start)
    low = min(places.min(), own.min())
    span = int(max(places.max(), own.max()) - low) + 1
    into = store(places.reshape(-1) - low, int64)
    memory = _index_sum(_reshape(g, (-1,)), (span,), 0, into)
    return _reshape(index_select(memory, 0, store(own.reshape(-1) - low, int64)), shape)


def _places(shape: Any, stride: Any, offset: int) -> np.ndarray:
    """Where in the storage each element lies."""
    places = np.full(tuple(shape), offset, np.int64)
    for axis, (n, step) in enumerate(zip(shape, stride, strict=True)):
        line = np.arange(n) * step
        places += line.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return places


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


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` elements of a dimension, ``step`` apart, as a new last one; a view."""
    t = _reshape(self, (1,)) if self.ndim == 0 else self
    d = t._dim(dimension, "unfold")
    length = t.shape[d]
    if not 0 <= in_range("unfold", size) <= length or in_range("unfold", step) < 1:
        raise ValueError(
            f"unfold: size must be 0 to {length} and step positive; got {size} and {step}"
        )
    shape, stride = [*t.shape, size], strides_of(t)
    stride.append(stride[d])
    shape[d] = (length - size) // step + 1
    stride[d] *= step
    if self.ndim == 0:
        shape, stride = shape[1:], stride[1:]
    return as_strided(t, tuple(shape), tuple(stride), t.storage_offset())
