"""Reading and writing where an index says.

Indices are int64 or int32; one that is out of range is an IndexError before anything is written.
The gradient of reading is adding, and of adding, reading: so each rule is made of its mirror image.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..backend import kernel_number, lib
from ..tensor import Tensor, number_as, wrap
from .comparison import _choose
from .declare import (
    FOUND,
    OPS,
    as_operand,
    change,
    composite,
    inplace,
    is_unrecorded,
    method,
    no_grad,
    op,
    quick_method,
    through,
    tried,
)
from .samples import Draw, boolean, call, distinct, index, integer, permutation, real
from .shape import (
    _expand,
    _reshape,
    check_parts,
    common_shape,
    converted,
    in_range,
    record_views,
    select,
    slice_dim,
)

WHERE = kernel_number("where")
SCATTER, SCATTER_ADD = kernel_number("index_scatter"), kernel_number("index_scatter_add")
SCATTER_NUMBER = {float: lib.tk_change_scatter_float, int: lib.tk_change_scatter_int}


def _copied(input: Tensor, write: Any) -> Any:
    """The handle of a copy of the input that ``write(copy)`` has changed."""
    out = wrap(lib.tk_cast(input._h, input._h.dtype))
    return None if write(out) else lib.tk_retain(out._h)


def _source(name: str, input: Tensor, value: Any) -> Tensor:
    """A number or a tensor as an operand of the input's dtype."""
    if isinstance(value, Tensor):
        if value._h.dtype == input._h.dtype:
            return value
        if value.ndim:
            raise TypeError(
                f"{name}: the dtypes must agree; got {input.dtype.name} and {value.dtype.name}"
            )
    if type(value) is float and input._h.dtype <= lib.TK_F64:
        return as_operand(value, input)
    return converted(name, value, input)


# -- along one dimension, the same indices everywhere ----------------------------------------------

ROWS = [
    (real(5, 3), 0, index(4, below=5)),
    (real(2, 3, 4), -1, index(7, below=4)),
    (real(2, 3, 4), 1, index(0, below=3)),
    (real(6), 0, index(3, below=6)),
    (real(0, 3), 1, index(2, below=3)),
]


@op(
    kernel="index_gather",
    vjp={"input": lambda g, input_shape, dim, index: _index_sum(g, input_shape, dim, index)},
    ref=lambda x, dim, index: np.take(x, index, axis=dim),
    samples=ROWS,
    dtypes="all",
    family="index",
)
def index_select(input: Tensor, dim: int, index: Tensor) -> Any:
    """The parts of a dimension that a vector of indices names, in its order."""
    return lib.tk_index_select(input._h, in_range("index_select", dim), index._h)


def _at(ndim: int, dim: int, index: Any) -> tuple[Any, ...]:
    return (slice(None),) * (dim % ndim) + (index,)


def _numpy_index_sum(x: Any, shape: tuple[int, ...], dim: int, index: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    np.add.at(out, _at(len(shape), dim, index), x)
    return out


@op(
    kernel="index_scatter_add",
    vjp={"source": lambda g, dim, index: index_select(g, dim, index)},
    ref=_numpy_index_sum,
    samples=[
        (real(4, 3), (5, 3), 0, index(4, below=5)),
        (real(2, 3, 7), (2, 3, 4), -1, index(7, below=4)),
        (real(0), (3,), 0, index(0, below=3)),
    ],
    family="place",
)
def _index_sum(source: Tensor, shape: tuple[int, ...], dim: int, index: Tensor) -> Any:
    """Zeros of a shape, to which the parts of ``source`` are added where the index says."""
    out = wrap(lib.tk_full_float(source._h.dtype, len(shape), shape, 0.0))
    if lib.tk_index_add(out._h, in_range("index_add", dim), index._h, source._h, 1.0, 1):
        return None
    return lib.tk_retain(out._h)


def _numpy_index_add(x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    out = np.array(x)
    np.add.at(out, _at(out.ndim, dim, index), alpha * source)
    return out


@op(
    vjp={
        "input": lambda g: g,
        "source": lambda g, dim, index, alpha: _scaled(index_select(g, dim, index), alpha),
    },
    ref=_numpy_index_add,
    samples=[
        (real(5, 3), 0, index(4, below=5), real(4, 3)),
        call(real(2, 3, 4), -1, index(7, below=4), real(2, 3, 7), alpha=2),
        (real(3), 0, index(0, below=3), real(0)),
    ],
    dtypes="number",
    family="index",
)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Any:
    """``input`` with alpha * source added to the parts of a dimension that the index names.

    An index that appears twice is added to twice. Shapes: index [n], source as the input but n in
    ``dim``.
    """
    dim = in_range("index_add", dim)
    _check_alpha("index_add", input, alpha)
    return _copied(input, lambda out: lib.tk_index_add(out._h, dim, index._h, source._h, alpha, 1))


def _check_alpha(name: str, input: Tensor, alpha: Any) -> None:
    """An error for a factor that the integers of the input cannot hold; C takes it as a double."""
    if input.dtype.is_floating_point:
        return
    if isinstance(alpha, float):
        raise TypeError(f"{name}: integers need an integer alpha; got {alpha}")
    number_as(name, alpha, input.dtype)
    if abs(alpha) > 2**53:
        raise ValueError(f"{name}: alpha must be within +-2**53; got {alpha}")


def _scaled(t: Tensor, alpha: float) -> Tensor:
    return t if alpha == 1 else t * alpha


@method
def index_add_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """``index_add`` in place."""
    dim = in_range("index_add_", dim)
    _check_alpha("index_add_", self, alpha)
    return change(
        OPS["index_add"],
        self,
        (dim, index, source, alpha),
        lambda: lib.tk_index_add(self._h, dim, index._h, source._h, alpha, 0),
    )


def _numpy_index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    out = np.array(x)
    out[_at(out.ndim, dim, index)] = source
    return out


@op(
    kernel="index_scatter",
    vjp={
        "input": lambda g, dim, index: index_fill(g, dim, index, 0.0),
        "source": lambda g, dim, index: index_select(g, dim, index),
    },
    ref=_numpy_index_copy,
    samples=[
        (real(5, 3), 0, permutation(5), real(5, 3)),
        (real(2, 3, 4), -1, permutation(4), real(2, 3, 4)),
        (real(3), 0, index(0, below=3), real(0)),
    ],
    dtypes="all",
    family="index",
)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    """``input`` with the parts of a dimension that the index names replaced by those of ``source``.

    Of an index that appears twice the last wins; the gradient is that of distinct indices.
    """
    dim = in_range("index_copy", dim)
    return _copied(input, lambda out: lib.tk_index_copy(out._h, dim, index._h, source._h, 1))


@method
def index_copy_(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """``index_copy`` in place."""
    dim = in_range("index_copy_", dim)
    return change(
        OPS["index_copy"],
        self,
        (dim, index, source),
        lambda: lib.tk_index_copy(self._h, dim, index._h, source._h, 0),
    )


def _filling(
    name: str, input: Tensor, dim: int, index: Tensor, value: Any
) -> tuple[Tensor, Tensor]:
    """The index, of which negative ones count from the end, and the number as its source."""
    value = _source(name, input, value)
    if value.ndim:
        raise ValueError(f"{name}: value must have no dimensions; got {tuple(value.shape)}")
    shape = list(input.shape) or [1]
    d = input._dim(dim, name) if input.ndim else 0
    places = wrap(lib.tk_wrap_index(index._h, shape[d]))
    shape[d] = index.numel()
    return places, _expand(value, tuple(shape))


@tried(
    ref=_numpy_index_copy,
    samples=[
        (real(5, 3), 0, index(4, below=5), 2),
        (real(2, 3, 4), -1, index(2, below=4), real()),
    ],
    dtypes="all",
    vjp={"input": through, "value": through},
)
@composite
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """``input`` with the parts of a dimension that the index names filled with one number.

    Negative indices count from the end.
    """
    return index_copy(input, dim, *_filling("index_fill", input, dim, index, value))


@method
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """``index_fill`` in place."""
    return index_copy_(self, dim, *_filling("index_fill_", self, dim, index, value))


# -- along one dimension, an index for each element -----------------------------------------------


def _numpy_grid(index: Any, dim: int) -> tuple[Any, ...]:
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim] = index
    return tuple(grid)


EACH = [
    (real(3, 5), 1, index(3, 2, below=5)),
    (real(3, 5), 0, index(4, 5, below=3)),
    (real(2, 3, 4), -1, index(2, 2, 6, below=4)),
    (real(4), 0, index(0, below=4)),
]


@op(
    kernel="index_gather",
    vjp={"input": lambda g, input_shape, dim, index: _scatter_sum(g, input_shape, dim, index)},
    ref=lambda x, dim, index: x[_numpy_grid(index, dim)],
    samples=EACH,
    dtypes="all",
    family="index",
)
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Any:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on: an index for each element.

    The index has as many dimensions as the input, and is nowhere longer but along ``dim``.
    ``sparse_grad`` has no effect.
    """
    return lib.tk_gather(input._h, in_range("gather", dim), index._h)


def _numpy_scatter_sum(src: Any, shape: tuple[int, ...], dim: int, index: Any) -> Any:
    out = np.zeros(shape, src.dtype)
    np.add.at(out, _numpy_grid(index, dim), src)
    return out


@op(
    kernel="index_scatter_add",
    vjp={"src": lambda g, dim, index: gather(g, dim, index)},
    ref=_numpy_scatter_sum,
    samples=[
        (real(3, 2), (3, 5), 1, index(3, 2, below=5)),
        (real(2, 2, 6), (2, 3, 4), -1, index(2, 2, 6, below=4)),
        (real(0), (4,), 0, index(0, below=4)),
    ],
    family="place",
)
def _scatter_sum(src: Tensor, shape: tuple[int, ...], dim: int, index: Tensor) -> Any:
    """Zeros of a shape, to which each element of ``src`` is added where its index says."""
    out = wrap(lib.tk_full_float(src._h.dtype, len(shape), shape, 0.0))
    if lib.tk_scatter(SCATTER_ADD, out._h, in_range("scatter_add", dim), index._h, src._h, 1):
        return None
    return lib.tk_retain(out._h)


def _numpy_scatter(x: Any, dim: int, index: Any, src: Any) -> Any:
    out = np.array(x)
    out[_numpy_grid(index, dim)] = src
    return out


@op(
    kernel="index_scatter",
    vjp={
        "input": lambda g, dim, index: scatter(g, dim, index, 0.0),
        "src": lambda g, dim, index: gather(g, dim, index),
    },
    ref=_numpy_scatter,
    samples=[
        (real(1, 5), 1, permutation(1, 5), real(1, 5)),
        (real(4, 3), 0, index(1, 3, below=4), real(1, 3)),
        (real(3, 5), -1, index(3, 1, below=5), real(3, 1)),
        (real(4), 0, index(0, below=4), real(0)),
    ],
    dtypes="all",
    family="index",
)
def _scatter(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    return lib.tk_scattered(SCATTER, input._h, dim, index._h, src._h)


def _numpy_scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    out = np.array(x)
    np.add.at(out, _numpy_grid(index, dim), src)
    return out


@op(
    vjp={"input": lambda g: g, "src": lambda g, dim, index: gather(g, dim, index)},
    ref=_numpy_scatter_add,
    samples=[
        (real(3, 5), 1, index(3, 2, below=5), real(3, 2)),
        (real(2, 3, 4), -1, index(2, 2, 6, below=4), real(2, 2, 6)),
        (real(4), 0, index(0, below=4), real(0)),
    ],
    dtypes="number",
    family="index",
)
def _scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    return lib.tk_scattered(SCATTER_ADD, input._h, dim, index._h, src._h)


def _scatter_source(name: str, input: Tensor, index: Tensor, src: Any) -> Tensor:
    """``src``, which may be a number or larger than the index, in the shape of the index."""
    src = _source(name, input, src)
    if lib.tk_same_shape(src._h, index._h):
        return src
    if src.ndim == 0:
        return _expand(src, index.shape)
    if not index.numel():  # of any number of dimensions
        return _reshape(slice_dim(src, 0, 0, 0), tuple(index.shape))
    for dim, (wanted, size) in enumerate(zip(index.shape, src.shape, strict=False)):
        if wanted < size:
            src = slice_dim(src, dim, 0, wanted)
    return src


def _numpy_scatter_by(
    x: Any, dim: int, index: Any, src: Any = None, value: Any = None, reduce: str | None = None
) -> Any:
    out, grid = np.array(x), _numpy_grid(index, dim)
    source = np.broadcast_to(value if src is None else src, index.shape)
    if reduce is None:
        out[grid] = source
    else:
        {"add": np.add, "multiply": np.multiply}[reduce].at(out, grid, source)
    return out


@tried(
    ref=_numpy_scatter_by,
    samples=[
        (real(4, 3), 0, index(1, 3, below=4), real(1, 3)),
        (real(3, 5), -1, index(3, 1, below=5), 2),
        call(real(3, 5), 1, index(3, 7, below=5), real(3, 7), reduce="add"),
        call(distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), reduce="multiply"),
        call(real(4), 0, index(0, below=4), value=2),
        (real(4), 0, index(2, below=1), 2),
    ],
    vjp={"input": through, "src": through},
)
@composite
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """``input`` with out[index[i][j]][j] = src[i][j] for dim 0, and so on.

    ``src`` is a tensor or a number, which may be called ``value``; ``reduce`` ``"add"`` adds
    instead, ``"multiply"`` multiplies. Of an index that appears twice the last wins; the gradient
    is that of distinct indices.
    """
    dim, src = in_range("scatter", dim), _one_of("scatter", src, value)
    if reduce not in (None, "add", "multiply"):
        raise ValueError(f"scatter: reduce must be None, 'add' or 'multiply'; got {reduce!r}")
    src = _scatter_source("scatter", input, index, src)
    if reduce == "multiply":
        from .scatter import scatter_reduce

        return scatter_reduce(input, dim, index, src, "prod")
    return (_scatter if reduce is None else _scatter_add)(input, dim, index, src)


def _one_of(name: str, src: Any, value: Any) -> Any:
    if (src is None) == (value is None):
        raise TypeError(f"{name}: either src or value is needed")
    return value if src is None else src


@tried(
    ref=lambda x, dim, index, src: _numpy_scatter_add(
        x, dim, index, src[tuple(slice(n) for n in index.shape)]
    ),
    samples=[
        (real(3, 5), 1, index(2, 2, below=5), real(3, 4)),
        (real(2, 3, 4), -1, index(2, 2, 6, below=4), real(2, 2, 6)),
        (real(4), 0, index(0, below=4), real(0)),
    ],
    dtypes="number",
    family="index",
)
@composite
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``input`` with src[i][j] added to out[index[i][j]][j] for dim 0, and so on."""
    dim = in_range("scatter_add", dim)
    return _scatter_add(input, dim, index, _scatter_source("scatter_add", input, index, src))


def _scatters(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
) -> int:
    if reduce is not None or (src is None) == (value is None):
        return 0
    if src is None:
        src = value
    if door := SCATTER_NUMBER.get(type(src)):
        if self._node is None or not lib.tk_grad_mode():
            return door(SCATTER, self._h, dim, index._h, src)
        return 0
    return _scatters_by(SCATTER, self, dim, index, src)


def _scatters_by(kernel: int, self: Tensor, dim: int, index: Tensor, src: Tensor) -> int:
    if not is_unrecorded(self, src):
        return 0
    return lib.tk_change_scatter(kernel, self._h, dim, index._h, src._h)


@quick_method(_scatters)
def scatter_(
    self: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """``scatter`` in place."""
    src = _one_of("scatter_", src, value)
    if reduce == "add":
        return scatter_add_(self, dim, index, src)
    if reduce is not None:
        return self.copy_(scatter(self, dim, index, src, reduce=reduce))
    dim, src = in_range("scatter_", dim), _scatter_source("scatter_", self, index, src)
    return change(
        OPS["_scatter"],
        self,
        (dim, index, src),
        lambda: lib.tk_scatter(SCATTER, self._h, dim, index._h, src._h, 0),
    )


@quick_method(functools.partial(_scatters_by, SCATTER_ADD))
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``scatter_add`` in place."""
    dim, src = in_range("scatter_add_", dim), _scatter_source("scatter_add_", self, index, src)
    return change(
        OPS["_scatter_add"],
        self,
        (dim, index, src),
        lambda: lib.tk_scatter(SCATTER_ADD, self._h, dim, index._h, src._h, 0),
    )


@tried(
    ref=lambda x, index, dim=None: np.take_along_axis(x, index, dim),
    samples=[
        (real(3, 5), Draw(kind="integer", low=-5, high=5)(3, 2), 1),
        (real(1, 5), index(3, 2, below=5), -1),
        (real(7), index(4, below=7)),
    ],
    dtypes="all",
    vjp={"input": through},
)
@composite
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """``gather`` with input and indices broadcast outside ``dim``; without it, of all elements.

    Negative indices count from the end.
    """
    if dim is None:
        return take_along_dim(_reshape(input, (-1,)), _reshape(indices, (-1,)), 0)
    if input.ndim != indices.ndim:
        raise ValueError(
            f"take_along_dim: as many dimensions are needed; got {tuple(input.shape)} and "
            f"{tuple(indices.shape)}"
        )
    d = input._dim(dim, "take_along_dim")
    indices = wrap(lib.tk_wrap_index(indices._h, input.shape[d]))
    shapes = [list(t.shape) for t in (input, indices)]
    for shape in shapes:
        shape[d] = 1
    common = list(common_shape("take_along_dim", *shapes))
    wide = [_expand(t, (*common[:d], t.shape[d], *common[d + 1 :])) for t in (input, indices)]
    return gather(wide[0], d, wide[1])


# -- by position among all elements ----------------------------------------------------------------


def _positions(index: Tensor, size: int) -> Tensor:
    """Indices among ``size`` elements, as a vector; negative ones count from the end."""
    places = wrap(lib.tk_wrap_index(index._h, size))
    return _reshape(places, (-1,))


@tried(
    ref=np.take,
    samples=[(real(3, 5), index(2, 2, below=15)), (real(3), index(below=3))],
    dtypes="all",
    vjp={"input": through},
)
@composite
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at positions counted over all of them; the result has the index's shape."""
    places = _positions(index, input.numel())
    return _reshape(index_select(_reshape(input, (-1,)), 0, places), index.shape)


def _numpy_put(x: Any, index: Any, source: Any, accumulate: bool = False) -> np.ndarray:
    out = np.array(x)
    if accumulate:
        np.add.at(out.reshape(-1), index, source)
    else:
        np.put(out, index, source)
    return out


@tried(
    ref=_numpy_put,
    samples=[
        (real(1, 5), permutation(5), real(5)),
        (real(2, 3), index(4, below=6), real(4), True),
    ],
    dtypes="number",
    vjp={"input": through, "source": through},
)
@composite
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """``input`` with the elements at positions counted over all of them replaced, or added to."""
    places, values = _positions(index, input.numel()), _reshape(source, (-1,))
    write = index_add if accumulate else index_copy
    return _reshape(write(_reshape(input, (-1,)), 0, places, values), input.shape)


# -- by a mask ------------------------------------------------------------------------------------


def _check_mask(name: str, mask: Any) -> None:
    if not isinstance(mask, Tensor) or mask._h.dtype != lib.TK_BOOL:
        kind = mask.dtype.name if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"{name}: the mask must be a bool tensor; got {kind}")


@tried(
    ref=lambda x, mask, value: np.where(mask, value, x),
    samples=[(real(3, 5), boolean(3, 5), 2), (real(3, 5), boolean(5), real())],
    dtypes="all",
    vjp={"input": through, "value": through},
)
@composite
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` where the mask holds, else the input; the mask broadcasts with it."""
    _check_mask("masked_fill", mask)
    if type(value) is float and input._h.dtype <= lib.TK_F64:
        return _choose(mask, value, input)
    value = _source("masked_fill", input, value)
    if value.ndim:
        raise ValueError(f"masked_fill: value must have no dimensions; got {tuple(value.shape)}")
    return _choose(mask, value, input)


def _fills_masked(self: Tensor, mask: Tensor, value: Any) -> int:
    door = MASK_WRITERS.get(type(value))
    unrecorded = self._node is None or not lib.tk_grad_mode()
    if door is not None and mask._h.dtype == lib.TK_BOOL and unrecorded:
        return door(self._h, mask._h, value)
    return 0


MASK_WRITERS = {float: lib.tk_assign_float_at, int: lib.tk_assign_int_at}  # by the kind of number


@quick_method(_fills_masked)
def masked_fill_(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``masked_fill`` in place."""
    _check_mask("masked_fill_", mask)
    value = _source("masked_fill_", self, value)
    h = self._h
    return inplace(
        "masked_fill_",
        self,
        (value,),
        lambda: lib.tk_map_into(WHERE, h, mask._h, value._h, h, 0.0, 0.0),
        lambda: masked_fill(self, mask, value),
    )


def flat_nonzero(mask: Tensor) -> Tensor:
    """The positions, counted over all elements, of what is not zero."""
    return wrap(lib.tk_flat_nonzero(mask._h))


@tried(
    ref=lambda x, mask: np.broadcast_arrays(x, mask)[0][np.broadcast_arrays(x, mask)[1]],
    samples=[(real(3, 5), boolean(3, 5)), (real(3, 1), boolean(4)), (real(0, 3), boolean(3))],
    dtypes="all",
    family=FOUND,
)
@composite
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, as a vector; the two broadcast."""
    _check_mask("masked_select", mask)
    if input.shape != mask.shape:
        shape = common_shape("masked_select", input.shape, mask.shape)
        input, mask = _expand(input, shape), _expand(mask, shape)
    return index_select(input.flatten(), 0, flat_nonzero(mask))


def _masked_places(name: str, shape: Any, mask: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    _check_mask(name, mask)
    places = flat_nonzero(_expand(mask, shape))
    if source.numel() < places.numel():
        raise ValueError(
            f"{name}: the mask takes {places.numel()} elements; the source has {source.numel()}"
        )
    return places, slice_dim(_reshape(source, (-1,)), 0, 0, places.numel())


def _numpy_masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    out, wide = np.array(x), np.broadcast_to(mask, x.shape)
    out[wide] = source.reshape(-1)[: np.count_nonzero(wide)]
    return out


@tried(
    ref=_numpy_masked_scatter,
    samples=[
        (real(3, 5), boolean(3, 5), real(15)),
        (real(3, 5), boolean(5), real(4, 4)),
        (real(0, 3), boolean(3), real(0)),
    ],
    dtypes="all",
    family=FOUND,
)
@composite
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The input with its elements where the mask holds replaced by the first ones of ``source``."""
    places, values = _masked_places("masked_scatter", input.shape, mask, source)
    values = _source("masked_scatter", input, values)
    return _reshape(index_copy(_reshape(input, (-1,)), 0, places, values), input.shape)


@tried(
    ref=lambda x: np.argwhere(x),
    samples=[(integer(3, 5),), (integer(),), (real(0, 3),)],
    vjp=no_grad("the result are positions"),
    dtypes="all",
    family=FOUND,
)
@composite
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of what is not zero, [n, ndim]; or a tuple of one vector a dimension."""
    if as_tuple and input.ndim == 0:
        input = _reshape(input, (1,))
    found = wrap(lib.tk_nonzero(input._h))
    return unbind(found, 1) if as_tuple else found


@tried(
    ref=np.argwhere,
    samples=[(integer(3, 5),), (integer(),), (real(0, 3),)],
    vjp=no_grad("the result are positions"),
    dtypes="all",
    family=FOUND,
)
@composite
def argwhere(input: Tensor) -> Tensor:
    """The indices of what is not zero, [n, ndim]."""
    return nonzero(input)


@tried(
    ref=lambda x, dim=0: tuple(np.moveaxis(x, dim, 0)),
    samples=[(real(2, 5),), (real(0, 3, 2), -1), (real(2),)],
    dtypes="all",
    family="view",
    outputs=2,
)
@composite
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts of a dimension, one tensor for each index of it; views."""
    count = input.shape[input._dim(dim, "unbind")]
    check_parts("unbind", count)
    if type(input) is not Tensor:
        return tuple([select(input, dim, i) for i in range(count)])
    door, h = lib.tk_select, input._h
    made = tuple([wrap(door(h, dim, i)) for i in range(count)])
    if input._node is not None:
        shape = input.shape
        record_views(OPS["select"], input, made, [(shape, dim, i) for i in range(count)])
    return made
