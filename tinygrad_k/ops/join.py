"""Joining and splitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..backend import ffi, lib
from ..tensor import Tensor, wrap
from .declare import (
    MISTAKES,
    OPS,
    RECORD,
    attach,
    composite,
    like,
    op,
    root,
    tried,
)
from .mistakes import wraps
from .samples import real
from .shape import (
    VIEW,
    _reshape,
    check_parts,
    in_range,
    record_views,
    select,
    sizes,
    slice_dim,
    unsqueeze,
)

NULL, _SLICE = ffi.NULL, OPS["slice_dim"]


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
            handles, wanted, bit = [], 0, 1
            try:
                for each in parts:
                    handles.append(each._h)
                    node = each._node
                    if node is not None:
                        if not wanted:
                            inputs, operands = [], []
                        wanted += bit
                        inputs.append(node)
                        operands.append(each)
                    bit += bit
                handle = door(len(parts), handles, dim)
            except MISTAKES:
                return op(parts, dim)
            out = wrap(handle)
            if wanted and (flags := handle.flags) & RECORD:
                attach(row, out, (parts, dim), wanted, tuple(inputs), operands, flags)
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
    made, start = [], 0
    if type(input) is not Tensor:
        for end in ends:
            made.append(slice_dim(input, dim, start, end, 1))
            start = end
        return tuple(made)
    door, h = lib.tk_slice, input._h
    for end in ends:
        made.append(wrap(door(h, dim, start, end, 1)))
        start = end
    if input._node is not None:
        shape, starts = input.shape, [0, *ends[:-1]]
        saved = [(shape, dim, a, b, 1) for a, b in zip(starts, ends, strict=True)]
        record_views(_SLICE, input, made, saved)
    return tuple(made)


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
    cuts = range(each, size, each or 1)
    check_parts("split", len(cuts))
    return _cut(tensor, d, [*cuts, size])


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
    return _cut(input, d, [*range(each, size, each), size] if size else [0] * chunks)


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
