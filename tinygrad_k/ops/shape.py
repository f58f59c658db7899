"""Views: other shapes and strides on the same memory. None copies, but reshape where it must."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd.node import new_node
from ..backend import DTYPES, as_dtype, check_device, dtype as dtype_class, ffi, lib
from ..tensor import CONTIGUOUS, Size, Tensor, number_as, wrap
from .declare import (
    MISTAKES,
    OPS,
    RECORD,
    Op,
    as_operand,
    attach,
    checked,
    composite,
    explain,
    face,
    like,
    op,
    through,
    tried,
)
from .mistakes import wraps
from .samples import real

VIEW = "view"


def sizes(op_name: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or dims given as separate ints or as one sequence."""
    if len(args) == 1 and type(args[0]) is not int and isinstance(args[0], (tuple, Sequence)):
        args = tuple(args[0])
    for each in args:
        if type(each) is not int:
            return _indices(op_name, args)
    return args


def _indices(op_name: str, args: tuple[Any, ...]) -> tuple[int, ...]:
    for each in args:
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise TypeError(f"{op_name}: expected ints; got {each!r}")
    try:
        return tuple(each.__index__() for each in args)
    except TypeError:  # of an array or tensor that is no single integer
        raise TypeError(f"{op_name}: expected ints; got {args!r}") from None


def sized(
    door: Any, *, vjp: Any, ref: Callable[..., Any], samples: Iterable[Any]
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares a view whose door takes a tensor and a number of sizes or dims, and does everything.

    The function takes a tensor and a tuple: of ints, or as ``sizes`` takes them.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        row, name = Op(body, None, vjp), body.__name__.strip("_")
        row.ref, row.given, row.dtypes, row.family = ref, tuple(samples), "all", VIEW

        def function(input: Tensor, shape: tuple[Any, ...]) -> Tensor:
            try:
                for each in shape:
                    if type(each) is not int:
                        shape = sizes(name, shape)
                        break
                handle = door(input._h, len(shape), shape)
            except MISTAKES as error:
                return explain(body, error, (input, shape), {}, row)
            out = wrap(handle)
            node = input._node
            if node is not None and (flags := handle.flags) & RECORD:
                attach(row, out, (input, shape), 1, (node,), (input,), flags)
            return out

        row.function = wraps(function, body)
        OPS[row.name] = row
        return function

    return declare


def in_range(name: str, value: Any) -> int:
    """An int that C can take: absurd ones are an IndexError here."""
    number = value if type(value) is int else operator.index(value)
    if not -(2**62) < number < 2**62:
        raise IndexError(f"{name}: {number} is out of range")
    return number


MOST_PARTS = 2**22  # of a tuple of views: a gigabyte, and seconds to make


def check_parts(name: str, count: int) -> None:
    """An error where a tuple of so many views could not be made in reasonable time."""
    if count > MOST_PARTS:
        raise ValueError(f"{name}: {count} parts are too many")


def record_views(
    row: Op, input: Tensor, views: Sequence[Tensor], saved: Iterable[tuple[Any, ...]]
) -> None:
    """Puts views of a tensor into the graph, each with what the rule of their op takes."""
    if views and views[0]._h.flags & RECORD:
        plan, inputs = row.plan(1), (input._node,)
        for view, each in zip(views, saved, strict=True):
            view._node = new_node(plan, inputs, each)


def common_shape(name: str, *shapes: Any) -> Size:
    """The shape to which all shapes broadcast."""
    first = shapes[0] if shapes else None
    if type(first) is Size and shapes.count(first) == len(shapes):
        return first
    try:
        return Size(np.broadcast_shapes(*map(tuple, shapes)))
    except ValueError:
        text = " and ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"{name}: the shapes do not broadcast; got {text}") from None


def strides_of(t: Tensor) -> list[int]:
    """Elements between neighbours, a dimension each."""
    return list(ffi.unpack(t._h.stride, t._h.ndim))


def mask_of(name: str, input: Tensor, dim: Any) -> int:
    """The bits of a dim, a sequence of dims, or (None) all of them."""
    ndim = input._h.ndim
    if dim is None:
        return (1 << ndim) - 1
    if type(dim) is tuple and len(dim) == 1:
        dim = dim[0]
    if type(dim) is int and -ndim <= dim < ndim:
        return 1 << dim % ndim
    if type(dim) is tuple and len(dim) == 2 and type(dim[0]) is type(dim[1]) is int:
        a, b = dim
        if -ndim <= a < ndim > b >= -ndim and (a - b) % ndim:
            return 1 << a % ndim | 1 << b % ndim
    mask = 0
    for each in dim if isinstance(dim, (tuple, list)) else (dim,):
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise TypeError(f"{name}: dim must be an int or a tuple of ints; got {dim!r}")
        i = each.__index__()
        if not -max(ndim, 1) <= i < max(ndim, 1):
            raise IndexError(
                f"{name}: dim {i} is out of range for {ndim} dimensions; got {tuple(input.shape)}"
            )
        bit = 1 << (i % max(ndim, 1))
        if mask & bit and ndim:
            raise ValueError(f"{name}: dim {i} appears twice; got {dim!r}")
        mask |= bit
    return mask if ndim else 0


# -- the views that C makes ---------------------------------------------------------------------


@sized(
    lib.tk_reshape,
    vjp={"input": lambda g, input_shape: _reshape(g, input_shape)},
    ref=lambda x, shape: np.reshape(x, shape),
    samples=[
        (real(3, 4), (2, 6)),
        (real(3, 4), (-1,)),
        (real(), (1, 1)),
        (real(0, 3), (3, 0)),
        (real(1, 6), (2, 3, 1)),
    ],
)
def _reshape(input: Tensor, shape: tuple[int, ...]) -> Any:
    """As ``reshape``."""


@sized(
    lib.tk_view,
    vjp={"input": lambda g, input_shape: _reshape(g, input_shape)},
    ref=lambda x, shape: np.reshape(x, shape),
    samples=[(real(3, 4), (2, 6)), (real(0, 3), (0,))],
)
def _view(input: Tensor, shape: tuple[int, ...]) -> Any:
    """As ``view``."""


@sized(
    lib.tk_expand,
    vjp={"input": lambda g, input_shape: sum_to(g, input_shape)},
    ref=lambda x, shape: np.broadcast_to(
        x, [x.shape[i - len(shape)] if n == -1 else n for i, n in enumerate(shape)]
    ),
    samples=[
        (real(3, 1), (2, 3, 4)),
        (real(), (2,)),
        (real(3, 4), (-1, 4)),
        (real(1, 3), (0, 3)),
    ],
)
def _expand(input: Tensor, shape: tuple[int, ...]) -> Any:
    """As ``expand``."""


def _numpy_sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    added = x.ndim - len(shape)
    axes = [i for i in range(x.ndim) if i < added or shape[i - added] == 1]
    return np.sum(x, axis=tuple(axes), keepdims=True).reshape(shape)


@op(
    vjp={"input": lambda g, input_shape: _expand(g, input_shape)},
    ref=_numpy_sum_to,
    samples=[
        (real(2, 3, 4), (3, 1)),
        (real(3, 4), ()),
        (real(3, 4), (3, 4)),
        (real(0, 3), (1, 3)),
    ],
    family="reduction",
)
def sum_to(input: Tensor, shape: tuple[int, ...]) -> Any:
    """The sum over the dimensions in which ``shape`` was expanded to the input's shape."""
    return lib.tk_sum_to(input._h, len(shape), shape)


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    inverse = [0] * len(dims)
    for i, d in enumerate(dims):
        inverse[d % len(dims)] = i
    return tuple(inverse)


@sized(
    lib.tk_permute,
    vjp={"input": lambda g, dims: _permute(g, _inverse(dims))},
    ref=np.transpose,
    samples=[(real(2, 3, 4), (2, 0, -2)), (real(), ()), (real(0, 3), (1, 0))],
)
def _permute(input: Tensor, dims: tuple[int, ...]) -> Any:
    """As ``permute``."""


@op(
    vjp={"input": lambda g, dim0, dim1: transpose(g, dim0, dim1)},
    ref=np.swapaxes,
    samples=[(real(3, 5), 0, 1), (real(2, 3, 4), -1, 0), (real(0, 3), 0, 1), (real(2), 0, 0)],
    dtypes="all",
    family=VIEW,
)
def transpose(input: Tensor, dim0: int, dim1: int) -> Any:
    """The tensor with two dimensions exchanged; a view."""
    if not type(dim0) is type(dim1) is int:
        dim0, dim1 = in_range("transpose", dim0), in_range("transpose", dim1)
    return lib.tk_transpose(input._h, dim0, dim1)


@op(
    vjp={"input": lambda g, input_shape, dim, index: _unselect(g, input_shape, dim, index)},
    ref=lambda x, dim, index: np.take(x, index, axis=dim),
    samples=[(real(3, 5), 0, 1), (real(2, 3, 4), -1, -4), (real(7), 0, 3)],
    dtypes="all",
    family=VIEW,
)
def select(input: Tensor, dim: int, index: int) -> Any:
    """The part at one index of a dimension, which disappears; a view."""
    if not type(dim) is type(index) is int:
        dim, index = in_range("select", dim), in_range("select", index)
    return lib.tk_select(input._h, dim, index)


def _unselect(g: Tensor, shape: tuple[int, ...], dim: int, index: int) -> Tensor:
    dim %= len(shape)
    return _place(unsqueeze(g, dim), shape, dim, index, index + 1 or None, 1)


@op(
    vjp={
        "input": lambda g, input_shape, dim, start, stop, step: _place(
            g, input_shape, dim, start, stop, step
        )
    },
    ref=lambda x, dim, start, stop, step: x[
        (slice(None),) * (dim % x.ndim) + (slice(start, stop, step),)
    ],
    samples=[
        (real(5, 3), 0, 1, 4, 2),
        (real(3, 5), 1, None, None, -2),
        (real(3, 5), -1, 4, 1, 1),
        (real(3, 5), 1, -2, None, 1),
    ],
    dtypes="all",
    family=VIEW,
)
def slice_dim(
    input: Tensor, dim: int, start: int | None, stop: int | None, step: int | None = 1
) -> Any:
    """The part start:stop:step of a dimension, by Python's rules; a view."""
    step = 1 if step is None else in_range("slice", step)
    start, stop = _ends(start, stop, step)
    return lib.tk_slice(input._h, in_range("slice", dim), start, stop, step)


LAST = 2**63 - 1


def _ends(start: int | None, stop: int | None, step: int) -> tuple[int, int]:
    """C's start and stop: what is beyond the range is clamped there, as Python does."""
    if start is None:
        start = 0 if step > 0 else LAST
    if stop is None:
        stop = LAST if step > 0 else -LAST
    return max(-LAST, min(LAST, operator.index(start))), max(-LAST, min(LAST, operator.index(stop)))


def _numpy_place(x: Any, shape: Any, dim: int, start: Any, stop: Any, step: Any) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    np.moveaxis(out, dim, 0)[start:stop:step] = np.moveaxis(x, dim, 0)
    return out


@op(
    vjp={"input": lambda g, dim, start, stop, step: slice_dim(g, dim, start, stop, step)},
    ref=_numpy_place,
    samples=[
        (real(2, 3), (5, 3), 0, 1, 4, 2),
        (real(3, 2), (3, 5), 1, None, None, -3),
        (real(3, 0), (3, 5), -1, 4, 1, None),
    ],
    family="place",
)
def _place(
    input: Tensor,
    shape: tuple[int, ...],
    dim: int,
    start: int | None,
    stop: int | None,
    step: int | None,
) -> Any:
    """Zeros of a shape with the input in a slice of one dimension."""
    out = wrap(lib.tk_full_float(input._h.dtype, len(shape), shape, 0.0))
    window = wrap(lib.tk_slice(out._h, dim, *_ends(start, stop, step or 1), step or 1))
    if lib.tk_copy_into(window._h, input._h):
        return None
    return lib.tk_retain(out._h)


@op(
    vjp={"input": lambda g, input_shape: _reshape(g, input_shape)},
    ref=lambda x, mask: np.reshape(
        x, [n for i, n in enumerate(x.shape) if n != 1 or not mask >> i & 1]
    ),
    samples=[(real(1, 3, 1), 0b101), (real(1, 3, 1), 0b100), (real(2, 3), 0b11), (real(), 0)],
    dtypes="all",
    family=VIEW,
)
def _squeeze(input: Tensor, mask: int) -> Any:
    return lib.tk_squeeze(input._h, mask)


@op(
    vjp={"input": lambda g, input_shape: _reshape(g, input_shape)},
    ref=np.expand_dims,
    samples=[(real(3, 5), 0), (real(3, 5), -1), (real(), 0), (real(0, 3), 1)],
    dtypes="all",
    family=VIEW,
)
def unsqueeze(input: Tensor, dim: int) -> Any:
    """The tensor with a dimension of size 1 put in at ``dim``; a view."""
    return lib.tk_unsqueeze(input._h, in_range("unsqueeze", dim))


# -- copies -------------------------------------------------------------------------------------


@op(
    vjp={"input": lambda g: g},
    ref=np.copy,
    samples=[(real(3, 5),), (real(),), (real(0, 3),)],
    dtypes="all",
    family="copy",
)
def clone(input: Tensor) -> Any:
    """A copy with memory of its own, row-major."""
    return lib.tk_cast(input._h, input._h.dtype)


@op(
    vjp={"input": lambda g, input: convert(g, input.dtype)},
    ref=lambda x, dtype: x.astype(dtype.numpy),
    samples=[(real(*shape), kind) for shape in ((3, 5), (), (0, 3)) for kind in DTYPES],
    dtypes="all",
    family="copy",
)
def convert(input: Tensor, dtype: dtype_class) -> Any:
    """A copy of another dtype.

    Floats lose their fraction on the way to integers; what does not fit, and NaN, gives the lowest
    int64 or int32, and its low byte for uint8.
    """
    return lib.tk_cast(input._h, dtype.number)


# -- the public names ---------------------------------------------------------------------------


@tried(**like(_reshape))
@face
def reshape(input: Tensor, *sizes_: Any, shape: Any = None) -> Tensor:
    """The same elements, in order, in another shape; one size may be -1. A view where it can be."""
    return _reshape(input, sizes_ if shape is None else (shape,))


@checked
def _view_dtype(input: Tensor, dtype: Any) -> Tensor:
    return wrap(lib.tk_view_dtype(input._h, as_dtype("view", dtype).number))


@tried(**like(_view))
@face
def view(input: Tensor, *sizes_: Any, size: Any = None, dtype: Any = None) -> Tensor:
    """The same memory in another shape; RuntimeError where the strides do not allow it.

    Or, by a dtype, its bytes as elements of that, outside the graph: an element of another size
    changes the last dimension, which must be contiguous.
    """
    if dtype is not None or (len(sizes_) == 1 and type(sizes_[0]) is dtype_class):
        return _view_dtype(input, dtype or sizes_[0])
    return _view(input, sizes_ if size is None else (size,))


@tried(**like(_expand))
@face
def expand(input: Tensor, *sizes_: Any, size: Any = None) -> Tensor:
    """A view in which dimensions of size 1 are repeated without copying; -1 keeps a size."""
    return _expand(input, sizes_ if size is None else (size,))


@tried(
    ref=np.broadcast_to,
    samples=[(real(3, 1), (2, 3, 4)), (real(), (2,)), (real(1, 3), (0, 3))],
    dtypes="all",
    family=VIEW,
)
@composite
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """As ``expand``."""
    return _expand(input, tuple(size))


@tried(
    ref=lambda x, other: np.broadcast_to(x, other.shape),
    samples=[(real(3, 1), real(2, 3, 4)), (real(), real(2)), (real(1, 3), real(0, 3))],
    dtypes="all",
    family=VIEW,
    vjp={"input": through},
)
@composite
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """As ``expand`` to the shape of another tensor."""
    return _expand(input, other.shape)


@tried(
    ref=lambda x, other: np.reshape(x, other.shape),
    samples=[(real(3, 4), real(2, 6)), (real(0, 3), real(0))],
    dtypes="all",
    family=VIEW,
    vjp={"input": through},
)
@composite
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """As ``view`` in the shape of another tensor."""
    return _view(input, other.shape)


@tried(**like(_permute))
@face
def permute(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """The dimensions in another order; a view."""
    return _permute(input, order if dims is None else (dims,))


def _numpy_squeeze(x: Any, dim: Any = None) -> Any:
    named = range(x.ndim) if dim is None else np.atleast_1d(dim)
    return np.squeeze(x, tuple(int(d) for d in named if x.shape[d] == 1))


@tried(
    ref=_numpy_squeeze,
    samples=[(real(1, 3, 1),), (real(1, 3, 1), -1), (real(1, 3, 1), (0, 1)), (real(1, 0), 0)],
    dtypes="all",
    family=VIEW,
)
@composite
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1, or without the named ones that have size 1; a view."""
    return _squeeze(input, mask_of("squeeze", input, dim))


def _numpy_flatten(x: Any, start: int = 0, end: int = -1) -> Any:
    shape = x.shape or (1,)
    last = end % len(shape)
    return x.reshape(*shape[:start], math.prod(shape[start : last + 1]), *shape[last + 1 :])


@tried(
    ref=_numpy_flatten,
    samples=[(real(2, 3, 4),), (real(2, 3, 4), 1), (real(2, 3, 4, 2), 1, -2), (real(),)],
    dtypes="all",
    family=VIEW,
)
@face
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions start_dim .. end_dim as one; the tensor itself where that is one already."""
    if type(input) is Tensor and type(start_dim) is type(end_dim) is int and end_dim == -1:
        if start_dim == input.ndim - 1 >= 0:
            return input
        if start_dim == 0:
            return _reshape(input, (-1,))
        shape = input.shape
        if 0 < start_dim < len(shape):
            return _reshape(input, (*shape[:start_dim], math.prod(shape[start_dim:])))
    return _flatten(input, start_dim, end_dim)


@checked
def _flatten(input: Tensor, start_dim: int, end_dim: int) -> Tensor:
    if input.ndim == 0:
        input = _reshape(input, (1,))
    first, last = input._dim(start_dim, "flatten"), input._dim(end_dim, "flatten")
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} lies behind end_dim {end_dim}")
    if first == last:
        return input
    shape = input.shape
    merged = math.prod(shape[first : last + 1])
    return _reshape(input, (*shape[:first], merged, *shape[last + 1 :]))


@tried(ref=np.transpose, samples=[(real(3, 5),), (real(4),), (real(),)], dtypes="all", family=VIEW)
@composite
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is."""
    ndim = input._h.ndim
    if ndim == 2:
        return transpose(input, 0, 1)
    if ndim > 2:
        raise ValueError(f"t: at most 2 dimensions; got {tuple(input.shape)}")
    return input


@tried(
    ref=lambda x, dim, start, length: np.take(x, range(start, start + length), dim),
    samples=[(real(5, 3), 0, 1, 3), (real(3, 4), -1, -2, 2), (real(3, 4), 1, 4, 0)],
    dtypes="all",
    family=VIEW,
)
@composite
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``length`` elements of a dimension from ``start`` on; a view."""
    size = input.shape[input._dim(dim, "narrow")]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise IndexError(f"narrow: {start} .. {start + length} is outside size {size} of dim {dim}")
    return slice_dim(input, dim, first, first + length, 1)


@tried(ref=np.copy, samples=[(real(3, 5),), (real(),), (real(0, 3),)], dtypes="all")
@composite
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself where it is row-major, else a copy that is."""
    return input if input._h.flags & CONTIGUOUS else clone(input)


def _target(args: tuple[Any, ...], dtype: Any, copy: bool) -> tuple[dtype_class, bool]:
    """The dtype, and whether to copy, of what PyTorch lets ``to`` take in any of its orders."""
    flags: list[bool] = []
    for each in args:
        if isinstance(each, bool):
            flags.append(each)
        elif isinstance(each, Tensor):
            dtype = each.dtype
        elif isinstance(each, str) or each is None:
            check_device("to", each)
        else:
            dtype = each
    return dtype, copy or (len(flags) > 1 and flags[1])


@tried(
    ref=lambda x, kind: x.astype(kind.numpy),
    samples=[(real(*shape), kind) for shape in ((3, 5), (0, 3)) for kind in DTYPES[:2]],
    dtypes="number",
)
@composite
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """The tensor in another dtype, or in that of another tensor; itself where nothing changes.

    As in PyTorch the dtype may stand before or behind a device, which can only be the CPU, and
    ``non_blocking`` and ``copy`` may follow.

    Floats lose their fraction on the way to integers. What does not fit, and NaN, gives the lowest
    int64 or int32, and the low byte of that int64 for uint8: the same on every instruction set.
    """
    if device is not None:
        check_device("to", device)
    if len(args) == 1 and type(args[0]) is dtype_class:
        kind = args[0]
    else:
        kind, copy = _target(args, dtype, copy)
        kind = as_dtype("to", kind, input.dtype)
    if kind is input.dtype:
        return clone(input) if copy else input
    if input._node is not None and not kind.is_floating_point:
        input = input.detach()  # integers have no gradient
    return convert(input, kind)


def converted(name: str, value: Any, like: Tensor) -> Tensor:
    """A tensor, an array or a number in the dtype of a tensor, which must hold the number."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (int, float)):
        return number_as(name, value, like.dtype)
    return to(as_operand(value, like), like.dtype)


@tried(
    ref=lambda x, other: x.astype(other.dtype),
    samples=[(real(3, 5), real(2)), (real(), real(0))],
    dtypes="all",
    vjp={"input": through},
)
@composite
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of another."""
    return input if input.dtype is other.dtype else to(input, other.dtype)
