"""Writing many values to one place: their sum, product, mean or extreme; and other writes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import bool_, fail, kernel_number, lib
from ..tensor import Tensor, number_as, set_data, wrap
from .arithmetic import floor_divide
from .comparison import eq, where
from .declare import composite, method, op, through, tried
from .index import (
    SCATTER,
    _copied,
    _numpy_grid,
    _scatter_source,
    _scatter_sum,
    gather,
    put,
    scatter,
    scatter_add,
)
from .join import cat
from .samples import call, distinct, index
from .shape import _expand, _reshape, clone, in_range, narrow, sizes, to
from .sort import argsort
from .strides import as_strided

MOST, LEAST = kernel_number("index_scatter_max"), kernel_number("index_scatter_min")


def _numpy_extreme(
    x: Any, dim: int, index: Any, src: Any, largest: bool, include_self: bool
) -> np.ndarray:
    out, grid = np.array(x), _numpy_grid(index, dim)
    if not include_self and index.size:
        out[grid] = src  # any of them: all take part
    (np.maximum if largest else np.minimum).at(out, grid, src)
    return out


def _extreme_rule(
    g: Tensor, input: Tensor, dim: int, index: Tensor, src: Tensor, include_self: bool,
    result: Tensor,
) -> list[Tensor | None]:  # fmt: skip
    """The gradient goes to what equals the result; equal ones share it."""
    wins = to(eq(src, gather(result, dim, index)), g.dtype)
    own = to(eq(input, result), g.dtype)
    if not include_self:  # the input only counts where nothing was sent
        own = scatter(own, dim, index, 0.0)
    shares = g / scatter_add(own, dim, index, wins)
    return [shares * own, None, None, gather(shares, dim, index) * wins]


@op(
    vjp=_extreme_rule,
    ref=_numpy_extreme,
    samples=[
        (distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), True, True),
        (distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), False, False),
        (distinct(2, 3, 4), -1, index(2, 2, 3, below=4), distinct(2, 2, 3), False, True),
        (distinct(4), 0, index(0, below=4), distinct(0), True, False),
    ],
    dtypes="all",
    family="index",
)
def _scatter_extreme(
    input: Tensor, dim: int, index: Tensor, src: Tensor, largest: bool, include_self: bool
) -> Any:
    dim = in_range("scatter_reduce", dim)

    def write(out: Tensor) -> int:
        if not include_self and lib.tk_scatter(SCATTER, out._h, dim, index._h, src._h, 1):
            return 1
        return lib.tk_scatter(MOST if largest else LEAST, out._h, dim, index._h, src._h, 1)

    return _copied(input, write)


def _check_fits(input: Tensor, dim: int, index: Tensor, src: Tensor) -> None:
    """The errors of scatter, before NumPy sees the index."""
    scratch = wrap(lib.tk_cast(input._h, input._h.dtype))
    if lib.tk_scatter(SCATTER, scratch._h, in_range("scatter_reduce", dim), index._h, src._h, 1):
        fail()


def _products(input: Tensor, dim: int, index: Tensor, src: Tensor, include_self: bool) -> Tensor:
    """Along the sorted index, each is multiplied by its left neighbour of the same place, then by
    the one two steps to the left, four, ...: the last of a place has the product of all.

    Made of ops throughout, so that gradients are right at zeros, too.
    """
    _check_fits(input, dim, index, src)
    if not index.numel():
        return clone(input)
    order = argsort(index, dim)
    places, values = gather(index, dim, order), gather(src, dim, order)
    zero, one = (number_as("scatter_reduce", each, input.dtype) for each in (0, 1))
    size, step = index.shape[dim], 1
    while step < size:
        rest = size - step
        same = eq(narrow(places, dim, step, rest), narrow(places, dim, 0, rest))
        more = narrow(values, dim, step, rest) * where(same, narrow(values, dim, 0, rest), one)
        values, step = cat([narrow(values, dim, 0, step), more], dim), 2 * step
    goes_on = eq(narrow(places, dim, 1, size - 1), narrow(places, dim, 0, size - 1))
    ends = _expand(
        number_as("scatter_reduce", False, bool_),
        (*places.shape[:dim], 1, *places.shape[dim + 1 :]),
    )
    products = where(cat([goes_on, ends], dim), zero, values)
    products = _scatter_sum(products, tuple(input.shape), dim, places)
    met = scatter(number_as("scatter_reduce", False, bool_, input.shape), dim, places, True)
    return where(met, products * input if include_self else products, input)


REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _numpy_scatter_reduce(
    x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> np.ndarray:
    out, grid, counts = np.array(x), _numpy_grid(index, dim), np.ones(x.shape)
    if not include_self:
        counts[grid] = 0
        out[grid] = START[reduce]
    np.add.at(counts, grid, 1)
    UFUNCS[reduce].at(out, grid, src)
    return out / counts if reduce == "mean" else out


START = {"sum": 0.0, "prod": 1.0, "mean": 0.0, "amax": -np.inf, "amin": np.inf}
UFUNCS = {
    "sum": np.add,
    "prod": np.multiply,
    "mean": np.add,
    "amax": np.maximum,
    "amin": np.minimum,
}


@tried(
    ref=_numpy_scatter_reduce,
    samples=[
        (distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), "sum"),
        (distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), "prod"),
        (distinct(3, 5), 0, index(4, 5, below=3), distinct(4, 5), "mean"),
        (distinct(2, 3, 4), -1, index(2, 2, 3, below=4), distinct(2, 2, 3), "amax"),
        call(distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), "prod", include_self=False),
        call(distinct(3, 5), 1, index(3, 7, below=5), distinct(3, 7), "mean", include_self=False),
    ],
    vjp={"input": through, "src": through},
)
@composite
def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """The values of ``src`` that an index sends to one place, reduced, as ``scatter`` places them.

    ``reduce`` is ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``; the value of the
    input takes part if ``include_self``, and stays where nothing is sent. Means of integers are
    rounded down. Equal extremes share the gradient.
    """
    if reduce not in REDUCTIONS:
        raise ValueError(f"scatter_reduce: reduce must be one of {REDUCTIONS}; got {reduce!r}")
    if reduce == "mean" and input.dtype is bool_:
        raise TypeError("scatter_reduce: no mean of bools")
    d = in_range("scatter_reduce", dim)
    dim = d if input.ndim == 0 and d in (0, -1) else input._dim(d, "scatter_reduce")
    if not isinstance(src, Tensor) or src.dtype is not input.dtype:
        kind = src.dtype.name if isinstance(src, Tensor) else type(src).__name__
        raise TypeError(f"scatter_reduce: src must be {input.dtype.name}; got {kind}")
    if input.ndim == 0:
        parts = (_reshape(input, (1,)), 0, _reshape(index, (-1,)), _reshape(src, (-1,)), reduce)
        return _reshape(scatter_reduce(*parts, include_self=include_self), ())
    src = _scatter_source("scatter_reduce", input, index, src)
    if reduce == "prod":
        return _products(input, dim, index, src, include_self)
    if reduce in ("amax", "amin"):
        return _scatter_extreme(input, dim, index, src, reduce == "amax", include_self)
    start = input if include_self else scatter(input, dim, index, 0)
    total = scatter_add(start, dim, index, src)
    if reduce == "sum":
        return total
    ones = _expand(number_as("scatter_reduce", 1, input.dtype), tuple(index.shape))
    counts = _scatter_sum(ones, tuple(input.shape), dim, index)
    if include_self:
        counts = counts + 1
    counts = where(eq(counts, 0), 1, counts)
    return total / counts if input.dtype.is_floating_point else floor_divide(total, counts)


# -- in place --------------------------------------------------------------------------------------


@method
def scatter_reduce_(
    self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """``scatter_reduce`` in place."""
    before = clone(self)  # which the gradient may need
    return self.copy_(scatter_reduce(before, dim, index, src, reduce, include_self=include_self))


@method
def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """``put`` in place."""
    return self.copy_(put(self, index, source, accumulate))


@method
def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """``masked_scatter`` in place."""
    return self.copy_(self.masked_scatter(mask, source))


@method
def set_(
    self: Tensor,
    source: Tensor | None = None,
    storage_offset: int | None = None,
    size: Any = None,
    stride: Any = None,
) -> Tensor:
    """Makes the tensor a window on the memory of another of its dtype; without one, empty.

    The window is as ``as_strided`` says where a size is given.
    """
    if source is None:
        source = wrap(lib.tk_empty(self._h.dtype, 1, (0,)))
    if not isinstance(source, Tensor) or source.dtype is not self.dtype:
        kind = source.dtype.name if isinstance(source, Tensor) else type(source).__name__
        raise TypeError(f"set_: expected a tensor of {self.dtype.name}; got {kind}")
    if self.requires_grad:
        raise RuntimeError("set_: the tensor requires grad; use detach() or .data")
    if size is not None:
        shape = sizes("set_", (size,))
        if stride is None:
            stride = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        source = as_strided(source.detach(), shape, stride, storage_offset or 0)
    elif storage_offset is not None or stride is not None:
        raise TypeError("set_: a storage_offset and strides need a size")
    set_data(self, lib.tk_detach(source._h))
    return self
