"""More views and cuts, and the in-place forms that change a tensor's shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.node import move_to
from ..backend import int64, lib
from ..dtypes import result_type
from ..tensor import Tensor, set_data, store
from .declare import composite, like, method, root, through, tried
from .index import index_select
from .join import _tensors, atleast_1d, cat, split, stack, tensor_split
from .ranges import meshgrid
from .samples import real
from .shape import (
    VIEW,
    _reshape,
    check_parts,
    in_range,
    narrow,
    select,
    slice_dim,
    squeeze,
    sum_to,
    t,
    to,
    transpose,
    unsqueeze,
)
from .strides import as_strided
from .subscript import Key, _setitem


@tried(ref=np.ravel, samples=[(real(3, 5),), (real(),), (real(0, 3),)], dtypes="all", family=VIEW)
@composite
def ravel(input: Tensor) -> Tensor:
    """The elements in order as a vector; a view where it can be."""
    return _reshape(input, (-1,))


@tried(
    ref=lambda x, other: np.reshape(x, other.shape),
    samples=[(real(3, 4), real(2, 6)), (real(), real(1, 1)), (real(0, 3), real(0))],
    dtypes="all",
    family=VIEW,
    vjp={"input": through},
)
@composite
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """As ``reshape`` to the shape of another tensor."""
    return _reshape(input, tuple(other.shape))


@tried(
    ref=lambda x: np.swapaxes(x, -1, -2),
    samples=[(real(3, 5),), (real(2, 0, 3),)],
    dtypes="all",
    family=VIEW,
)
@composite
def adjoint(input: Tensor) -> Tensor:
    """The tensor with its last two dimensions exchanged; a view."""
    return transpose(input, -2, -1)


@tried(**like(sum_to))
@composite
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions in which ``size`` broadcasts to the input's shape."""
    wanted = tuple(size[0]) if len(size) == 1 and isinstance(size[0], Sequence) else size
    return sum_to(input, tuple(in_range("sum_to_size", n) for n in wanted))


@composite
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""
    return input.shape == other.shape


@method
def ndimension(self: Tensor) -> int:
    """The number of dimensions."""
    return self.ndim


# -- in place --------------------------------------------------------------------------------------


def _inplace_view(name: str, function: Any) -> None:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        view = function(self, *args, **kwargs)
        if self.requires_grad and self.is_leaf:
            if lib.tk_grad_mode():
                raise RuntimeError(
                    f"{name}: a leaf that requires grad cannot be changed in place; use no_grad()"
                )
            self.data = view
            return self
        node = view._node
        set_data(self, lib.tk_alias(view._h))
        move_to(self, node)
        return self

    change.__wrapped__ = function  # type: ignore[attr-defined]  # its parameters
    change.__doc__ = f"``{name[:-1]}`` in place: the tensor itself becomes that view of its memory."
    method(change, name)


for _name, _function in {
    "squeeze_": squeeze,
    "unsqueeze_": unsqueeze,
    "transpose_": transpose,
    "swapaxes_": transpose,
    "swapdims_": transpose,
    "t_": t,
    "as_strided_": as_strided,
}.items():
    _inplace_view(_name, _function)


# -- cuts and joints -------------------------------------------------------------------------------


@tried(
    ref=lambda x, sizes, dim=0: np.split(x, np.cumsum(sizes)[:-1], dim),
    samples=[(real(5, 3), (2, 3)), (real(3, 4), [1, 0, 3], -1)],
    dtypes="all",
    family=VIEW,
    outputs=2,
)
@composite
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """As ``split`` by a list of sizes."""
    return split(input, list(split_sizes), dim)


def _cutter(name: str, dim: int) -> None:
    def cut(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        d = 0 if name == "hsplit" and input.ndim == 1 else dim
        least = 2 if name == "vsplit" else d + 1
        if input.ndim < least:
            raise ValueError(f"{name}: at least {least} dimensions; got {tuple(input.shape)}")
        each = indices_or_sections
        if isinstance(each, int) and (each < 1 or input.shape[d] % each):
            raise ValueError(f"{name}: size {input.shape[d]} of dim {d} has no {each} equal parts")
        return tensor_split(input, each, d)

    cut.__name__ = cut.__qualname__ = name
    cut.__doc__ = f"As ``tensor_split`` along dimension {dim}, into equal parts; views."
    shape = (*(1, 3)[:dim], 4, 3)
    tried(
        ref=getattr(np, name),
        samples=[(real(*shape), 2), (real(*shape), (1, 3)), (real(*shape[:dim], 0, 3), 2)],
        dtypes="all",
        family=VIEW,
        outputs=2,
    )(composite(cut))


for _cut_name, _dim in (("hsplit", 1), ("vsplit", 0), ("dsplit", 2)):
    _cutter(_cut_name, _dim)


@tried(
    ref=np.column_stack,
    samples=[([real(3), real(3, 2)],), ([real(3)],)],
    dtypes="all",
)
@root
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors along dimension 1; vectors are columns."""
    parts = [atleast_1d(each) for each in _tensors("column_stack", tensors)]
    return cat([_reshape(each, (-1, 1)) if each.ndim == 1 else each for each in parts], 1)


def _numpy_block_diag(*arrays: Any) -> Any:
    parts = [np.atleast_2d(x) for x in arrays]
    out = np.zeros(np.sum([x.shape for x in parts], 0), np.result_type(*parts))
    ends = np.cumsum([x.shape for x in parts], 0)
    for x, (row, column) in zip(parts, ends, strict=True):
        out[row - x.shape[0] : row, column - x.shape[1] : column] = x
    return out


@tried(
    ref=_numpy_block_diag,
    samples=[(real(2, 3), real(1, 2)), (real(3), real(), real(2, 2)), (real(0, 2), real(2, 1))],
    dtypes="all",
)
@root
def block_diag(*tensors: Tensor) -> Tensor:
    """The matrices along the diagonal of one of zeros; vectors and numbers are rows."""
    from .functional import _pad

    parts = [
        _reshape(each, (1, -1)) if each.ndim < 2 else each
        for each in (_tensors("block_diag", tensors) if tensors else [])
    ]
    if not parts or any(each.ndim > 2 for each in parts):
        raise ValueError("block_diag: expected tensors of at most 2 dimensions")
    kind = result_type(*tensors)
    parts = [to(each, kind) for each in parts]
    width = sum(each.shape[1] for each in parts)
    rows, left = [], 0
    for each in parts:
        rows.append(_pad(each, (left, width - left - each.shape[1]), 0))
        left += each.shape[1]
    return cat(rows, 0)


def _increasing(n: int, r: int, step: int) -> np.ndarray:
    """The rows of r numbers below n, each ``step`` (0 or 1) or more above the last, in order."""
    end = n - step * (r - 1)  # of what leaves room for the rest
    rows = np.arange(end)[:, None]
    for _ in range(r - 1):
        end += step
        least = rows[:, -1] + step
        counts = end - least
        parents = np.repeat(np.arange(len(rows)), counts)
        starts = least - np.cumsum(counts) + counts
        last = starts[parents] + np.arange(len(parents))
        rows = np.concatenate([rows[parents], last[:, None]], 1)
    return rows


def _numpy_combinations(x: np.ndarray, r: int = 2, with_replacement: bool = False) -> np.ndarray:
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return x[np.array([*pick(range(len(x)), r)])]


@tried(
    ref=_numpy_combinations,
    samples=[(real(4),), (real(4), 3), (real(5), 4), (real(4), 3, True), (real(1), 3, True)],
    dtypes="all",
)
@composite
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, in order, one a row."""
    if input.ndim != 1 or in_range("combinations", r) < 0:
        raise ValueError(
            f"combinations: expected a vector and r from 0 on; got {tuple(input.shape)} and {r}"
        )
    if r == 0:
        return input[:0]
    n = input.numel()
    count = math.comb(n + r - 1 if with_replacement and n else n, r)
    check_parts("combinations", count * r)
    if not count:
        return _reshape(input[:0], (0, r))
    places = _increasing(n, r, not with_replacement)
    return _reshape(index_select(input, 0, store(places.reshape(-1), int64)), places.shape)


@tried(
    ref=lambda *x: np.stack(np.meshgrid(*x, indexing="ij"), -1).reshape(-1, len(x)),
    samples=[(real(3), real(2)), (real(2), real(1), real(3)), (real(0), real(2))],
    dtypes="all",
)
@root
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of vectors, one a row; of one vector, itself."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([_reshape(each, (-1,)) for each in meshgrid(*tensors)], 1)


# -- copies with a part replaced -------------------------------------------------------------------


def _replaced(name: str, input: Tensor, src: Tensor, part: Tensor, key: Any) -> Tensor:
    if src.shape != part.shape:
        raise ValueError(f"{name}: src must be {tuple(part.shape)}; got {tuple(src.shape)}")
    return _setitem(input, src.to(input.dtype), Key(input, key))


def _numpy_select_scatter(x: Any, src: Any, dim: int, index: int) -> np.ndarray:
    out = np.array(x)
    np.moveaxis(out, dim, 0)[index] = src
    return out


def _numpy_slice_scatter(
    x: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> np.ndarray:
    out = np.array(x)
    np.moveaxis(out, dim, 0)[start:end:step] = np.moveaxis(src, dim, 0)
    return out


@tried(
    ref=_numpy_select_scatter,
    samples=[(real(3, 5), real(5), 0, 1), (real(3, 5), real(3), 1, -1)],
    dtypes="all",
)
@composite
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of the input with ``src`` at one index of a dimension."""
    part = select(input.detach(), dim, index)
    d = input._dim(dim, "select_scatter")
    return _replaced("select_scatter", input, src, part, (slice(None),) * d + (index,))


@tried(
    ref=_numpy_slice_scatter,
    samples=[(real(5, 3), real(2, 3), 0, 1, 4, 2), (real(3, 5), real(3, 2), -1, 3)],
    dtypes="all",
)
@composite
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """A copy of the input with ``src`` in a slice of a dimension."""
    part = slice_dim(input.detach(), dim, start, end, step)
    d = input._dim(dim, "slice_scatter")
    key = (slice(None),) * d + (slice(start, end, step),)
    return _replaced("slice_scatter", input, src, part, key)


@tried(
    ref=lambda x, dim, start, length: np.take(x, range(start, start + length), dim),
    samples=[(real(5, 3), 0, 1, 3), (real(3, 4), -1, 2, 0)],
    dtypes="all",
)
@composite
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """As ``narrow``, but a copy."""
    return narrow(input, dim, start, length).clone()


@tried(
    ref=np.vander,
    samples=[(real(4), 2), (real(3), 3, True), (real(3),)],
    dtypes="number",
)
@composite
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements, one a column, from N - 1 down to 0, or up."""
    if x.ndim != 1:
        raise ValueError(f"vander: expected a vector; got {tuple(x.shape)}")
    count = x.numel() if N is None else in_range("vander", N)
    if count < 0:
        raise ValueError(f"vander: N must not be negative; got {count}")
    check_parts("vander", count)
    x = x if x.dtype.is_floating_point else to(x, int64)
    powers = [x**k for k in (range(count) if increasing else range(count - 1, -1, -1))]
    return stack(powers, 1) if powers else _reshape(x[:0], (x.numel(), 0))
