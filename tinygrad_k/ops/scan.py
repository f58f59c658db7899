"""Scans: what a sum or a product was at every element along a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import dtype as dtype_class, fail, ffi, kernel_number, lib
from ..tensor import Tensor, from_numpy, wrap
from .comparison import where
from .declare import composite, op, tried
from .index import gather
from .reduction import POSITION, ValuesIndices, _as_dtype, _sum
from .samples import integer, positive, real
from .shape import clone, transpose, unsqueeze

_CUMSUM, _CUMPROD = kernel_number("cumsum"), kernel_number("cumprod")


def _numpy_scan(scan: Any, x: Any, dim: int, reverse: bool = False) -> Any:
    if x.ndim == 0:
        return x
    return np.flip(scan(np.flip(x, dim), dim), dim) if reverse else scan(x, dim)


@op(
    kernel="cumsum",
    vjp={"input": lambda g, dim, reverse: _cumsum(g, dim, not reverse)},
    ref=lambda x, dim, reverse=False: _numpy_scan(np.cumsum, x, dim, reverse),
    samples=[
        (real(3, 5), 0),
        (real(3, 5), -1),
        (real(3, 5), 1, True),
        (real(40), 0),
        (real(), 0),
        (real(0, 3), 0),
    ],
    dtypes="all",
    family="scan",
)
def _cumsum(input: Tensor, dim: int, reverse: bool = False) -> Any:
    return lib.tk_scan(_CUMSUM, input._h, dim, reverse)


@tried(
    ref=lambda x, dim: _numpy_scan(np.cumsum, x, dim),
    samples=[(real(3, 5), 0), (real(2, 7), -1), (real(), 0), (real(0, 3), 0)],
    dtypes="number",
    family="scan",
)
@composite
def cumsum(input: Tensor, dim: int, *, dtype: dtype_class | None = None) -> Tensor:
    """The sums of everything up to each element along ``dim``."""
    return _as_dtype(_cumsum(_as_dtype(input, dtype), dim), dtype)


def _cumprod_rule(g: Tensor, input: Tensor, dim: int, reverse: bool) -> Tensor:
    """The derivative of the j-th product by x_i is the product without x_i, for j >= i.

    Written out as a matrix for each row, since dividing by x_i would be wrong at zeros; so memory
    grows with the square of the dimension.
    """
    if input.ndim == 0:
        return g
    rows, weights = transpose(input, dim, -1), transpose(g, dim, -1)
    size = rows.shape[-1]
    own = from_numpy(np.eye(size, dtype=np.bool_))
    later = np.tri(size, dtype=np.bool_)
    counts = from_numpy(later if reverse else later.T.copy())
    without = _cumprod(where(own, 1.0, unsqueeze(rows, -2)), -1, reverse)
    return transpose(_sum(where(counts, unsqueeze(weights, -2) * without, 0.0), -1), dim, -1)


@op(
    kernel="cumprod",
    vjp={"input": _cumprod_rule},
    ref=lambda x, dim, reverse=False: _numpy_scan(np.cumprod, x, dim, reverse),
    samples=[
        (real(3, 5), 0),
        (real(3, 5), -1),
        (real(3, 5), 1, True),
        (positive(20), 0),
        (real(), 0),
        (real(0, 3), 0),
    ],
    dtypes="all",
    family="scan",
)
def _cumprod(input: Tensor, dim: int, reverse: bool = False) -> Any:
    return lib.tk_scan(_CUMPROD, input._h, dim, reverse)


@tried(
    ref=lambda x, dim: _numpy_scan(np.cumprod, x, dim),
    samples=[(real(3, 5), 0), (real(2, 7), -1), (real(), 0), (real(0, 3), 0)],
    dtypes="number",
    family="scan",
)
@composite
def cumprod(input: Tensor, dim: int, *, dtype: dtype_class | None = None) -> Tensor:
    """The products of everything up to each element along ``dim``."""
    return _as_dtype(_cumprod(_as_dtype(input, dtype), dim), dtype)


_CUMMAX, _CUMMIN = kernel_number("cummax"), kernel_number("cummin")


def _running(input: Tensor, dim: int, kernel: int) -> ValuesIndices:
    """The running extreme and where it was last met; its gradient goes to that element."""
    out = ffi.new("tk_tensor *[2]")
    if lib.tk_running_extreme(kernel, input._h, dim, out):
        fail()
    values, indices = wrap(out[0]), wrap(out[1])
    if input._node is not None:
        values = gather(input, dim, indices) if input.ndim else clone(input)
    return ValuesIndices(values, indices)


def _numpy_running(extreme: Any, x: Any, dim: int) -> Any:
    if not x.ndim:
        return x, np.zeros((), np.int64)
    values = extreme.accumulate(x, dim)
    places = np.arange(x.shape[dim]).reshape(
        [-1 if i == dim % x.ndim else 1 for i in range(x.ndim)]
    )
    return values, np.maximum.accumulate(np.where(values == x, places, 0), dim)


RUNNING = [
    (real(3, 5), 0),
    (real(2, 9), -1),
    (integer(2, 9), -1),
    (real(), 0),
    (real(0, 3), 0),
]


def _tried_running(extreme: np.ufunc) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``tried`` for the values and, which have no gradient, for their places."""
    given: dict[str, Any] = {
        "ref": lambda x, dim: _numpy_running(extreme, x, dim),
        "samples": RUNNING,
        "dtypes": "all",
        "family": "scan",
    }
    values, places = tried(**given, outputs=(0,)), tried(**given, outputs=(1,), vjp=POSITION)
    return lambda function: values(places(function))


@_tried_running(np.maximum)
@composite
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest of everything up to each element along ``dim``, and where it was last met."""
    return _running(input, dim, _CUMMAX)


@_tried_running(np.minimum)
@composite
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest of everything up to each element along ``dim``, and where it was last met."""
    return _running(input, dim, _CUMMIN)
