"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import as_dtype, bool_, int64, lib
from ..tensor import Tensor, recording, store, wrap
from .declare import (
    CONSTANT,
    MADE,
    OPS,
    Op,
    change,
    composite,
    like,
    method,
    op,
    quick_method,
    root,
    tried,
)
from .index import index_copy
from .samples import real
from .shape import VIEW, _reshape, clone, convert, in_range


@op(
    vjp={
        "input": lambda g, input_shape, offset, dim1, dim2: _from_diagonal(
            g, input_shape, offset, dim1, dim2
        )
    },
    ref=np.diagonal,
    samples=[
        (real(3, 5), 0, 0, 1),
        (real(3, 5), 2, 0, 1),
        (real(3, 5), -1, 1, 0),
        (real(2, 3, 4), 1, -1, 0),
        (real(3, 3), 7, 0, 1),
        (real(0, 3), 0, 0, 1),
    ],
    dtypes="all",
    family=VIEW,
)
def _diagonal(input: Tensor, offset: int, dim1: int, dim2: int) -> Any:
    return lib.tk_diagonal(input._h, in_range("diagonal", offset), dim1, dim2)


def _numpy_from_diagonal(
    x: np.ndarray, shape: tuple[int, ...], offset: int, dim1: int, dim2: int
) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    places = np.diagonal(np.arange(out.size).reshape(shape), offset, dim1, dim2)
    out.reshape(-1)[places] = x
    return out


@op(
    vjp={"input": lambda g, offset, dim1, dim2: _diagonal(g, offset, dim1, dim2)},
    ref=_numpy_from_diagonal,
    samples=[
        (real(3), (3, 5), 0, 0, 1),
        (real(2), (3, 5), -1, 0, 1),
        (real(3, 1), (2, 3, 4), 1, -1, 0),
        (real(0), (0, 3), 0, 0, 1),
    ],
    dtypes="all",
    family="place",
)
def _from_diagonal(input: Tensor, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Any:
    """Zeros of a shape with the input on a diagonal."""
    offset = in_range("diagonal", offset)
    return lib.tk_from_diagonal(input._h, len(shape), shape, offset, dim1, dim2)


@tried(**like(_diagonal, (real(2, 3, 4),)))
@composite
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dimensions, as a new last one; a view.

    ``offset`` > 0 lies above the main diagonal, < 0 below.
    """
    return _diagonal(input, offset, dim1, dim2)


def _numpy_diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    side = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], side, side), x.dtype)
    n = np.arange(x.shape[-1])
    out[..., n + max(-offset, 0), n + max(offset, 0)] = x
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


@tried(
    ref=_numpy_diag_embed,
    samples=[(real(3),), (real(2, 3), 1), (real(2, 3), -2, 0, -1), (real(0, 2), 0, 1, 0)],
    dtypes="all",
    family="place",
)
@composite
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices of zeros, in the dims dim1 and dim2, with the last dimension as diagonal."""
    if input.ndim == 0:
        raise ValueError("diag_embed: at least one dimension; got ()")
    ndim, offset = input.ndim + 1, in_range("diag_embed", offset)
    for dim in (dim1, dim2):
        if not -ndim <= dim < ndim:
            raise IndexError(f"diag_embed: dim {dim} is out of range for {ndim} dimensions")
    if dim1 % ndim == dim2 % ndim:
        raise ValueError(f"diag_embed: dim1 and dim2 are the same, {dim1} and {dim2}")
    rest = iter(input.shape)
    side = input.shape[-1] + abs(offset)
    shape = tuple(side if i in (dim1 % ndim, dim2 % ndim) else next(rest) for i in range(ndim))
    return _from_diagonal(input, shape, offset, dim1, dim2)


@tried(
    ref=np.diag,
    samples=[(real(3),), (real(3, 5), 1), (real(2), -2), (real(0),)],
    dtypes="all",
    family="place",
)
@composite
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, as a copy; or the matrix that has a vector as diagonal."""
    if input.ndim == 1:
        side = input._h.shape[0] + abs(in_range("diag", diagonal))
        return _from_diagonal(input, (side, side), diagonal, 0, 1)
    if input.ndim == 2:
        return clone(_diagonal(input, diagonal, 0, 1))
    raise ValueError(f"diag: a vector or a matrix; got {tuple(input.shape)}")


@tried(
    ref=np.diagflat,
    samples=[(real(2, 3),), (real(2), 1), (real(), -1)],
    dtypes="all",
    family="place",
)
@composite
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix that has all elements of a tensor as diagonal."""
    return diag_embed(_reshape(input, (-1,)), offset)


def _numpy_diagonal_scatter(
    x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> np.ndarray:
    out = np.array(x)
    out.reshape(-1)[np.diagonal(np.arange(x.size).reshape(x.shape), offset, dim1, dim2)] = src
    return out


@tried(
    ref=_numpy_diagonal_scatter,
    samples=[
        (real(3, 5), real(3)),
        (real(3, 5), real(2), -1),
        (real(2, 3, 4), real(3, 2), 1, 0, 2),
    ],
    dtypes="all",
)
@composite
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy of the input with ``src`` on its diagonal."""
    places = np.arange(input.numel()).reshape(input.shape)
    found = _diagonal(store(places, int64), offset, dim1, dim2)
    if src.shape != found.shape:
        raise ValueError(
            f"diagonal_scatter: src must be {tuple(found.shape)}; got {tuple(src.shape)}"
        )
    values = _reshape(convert(src, input.dtype), (-1,))
    flat = index_copy(_reshape(input, (-1,)), 0, _reshape(found, (-1,)), values)
    return _reshape(flat, input.shape)


@method
def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """One number on the main diagonal, in place: where all indices are equal.

    With ``wrap`` the diagonal of a tall matrix starts again behind a row without it.
    """
    shape = tuple(self.shape)
    if self.ndim < 2 or (self.ndim > 2 and len({*shape}) > 1):
        raise ValueError(f"fill_diagonal_: a matrix, or all sizes equal; got {shape}")
    filled = np.zeros(shape, np.bool_)
    np.fill_diagonal(filled, True, wrap)
    return self.masked_fill_(store(filled, bool_), fill_value)


def _triangular(name: str, ref: Any) -> Any:
    """The declaration of ``tril`` or ``triu``, whose gradient is cut as the input is."""
    return op(
        kernel="triangle",
        vjp={"input": lambda g, diagonal: OPS[name].function(g, diagonal)},
        ref=ref,
        samples=[
            (real(3, 5),),
            (real(2, 4, 3), 1),
            (real(3, 3), -1),
            (real(0, 3),),
            (real(3, 0), 2),
            (real(2, 3), 2**40),
        ],
        dtypes="all",
        family="copy",
    )


@_triangular("tril", np.tril)
def tril(input: Tensor, diagonal: int = 0) -> Any:
    """The lower triangles of matrices, zeros above; ``diagonal`` is the last one kept."""
    return lib.tk_triangle(input._h, in_range("tril", diagonal), 0)


@_triangular("triu", np.triu)
def triu(input: Tensor, diagonal: int = 0) -> Any:
    """The upper triangles of matrices, zeros below; ``diagonal`` is the first one kept."""
    return lib.tk_triangle(input._h, in_range("triu", diagonal), 1)


def _triangle_inplace(row: Op, upper: int) -> None:
    name = f"{row.name}_"

    def fast(self: Tensor, diagonal: int = 0) -> int:
        if self._node is None or not lib.tk_grad_mode():
            return lib.tk_change_triangle(self._h, diagonal, upper)
        return 0

    def method_(self: Tensor, diagonal: int = 0) -> Tensor:
        diagonal = in_range(name, diagonal)
        return change(row, self, (diagonal,), lambda: lib.tk_cut_triangle(self._h, diagonal, upper))

    method_.__doc__ = f"``{row.name}`` in place."
    method_.__name__ = name
    quick_method(fast)(method_)


_triangle_inplace(OPS["tril"], 0)
_triangle_inplace(OPS["triu"], 1)


def _corner_indices(name: str, row: int, col: int, offset: int, kind: Any) -> Tensor:
    row, col, offset = (in_range(name, each) for each in (row, col, offset))
    found = wrap(lib.tk_triangle_places(row, col, offset, name == "triu_indices"))
    if recording():
        found = store(found._window(), int64)
    return convert(found, as_dtype(name, kind, int64)) if kind is not None else found


@tried(
    ref=lambda row, col, offset=0: np.stack(np.tril_indices(row, offset, col)),
    samples=[(3, 4), (4, 3, 1), (3, 3, -2), (0, 2)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """The rows and columns, [2, n], of the lower triangle of a row x col matrix."""
    return _corner_indices("tril_indices", row, col, offset, dtype)


@tried(
    ref=lambda row, col, offset=0: np.stack(np.triu_indices(row, offset, col)),
    samples=[(3, 4), (4, 3, 1), (3, 3, -2), (0, 2)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """The rows and columns, [2, n], of the upper triangle of a row x col matrix."""
    return _corner_indices("triu_indices", row, col, offset, dtype)
