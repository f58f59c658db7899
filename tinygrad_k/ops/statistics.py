"""Order statistics, means that skip NaN, differences and covariances; all over other ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import bool_, dtype as dtype_class, int64, lib
from ..tensor import Tensor, from_data, wrap
from .arithmetic import clamp, mul, sub
from .comparison import ge, isnan, le, logical_and, logical_not, lt, ne, where
from .creation import tensor
from .declare import COMPOSITES, composite, like, op, through, tried
from .host import host, refuse
from .index import gather
from .join import cat
from .linalg import matmul
from .reduction import (
    ValuesIndices,
    _as_dtype,
    _dims,
    _extreme_rule,
    _mean,
    _sum,
    amax,
    amin,
    sum,
)
from .results import Results
from .samples import call, distinct, index, integer, positive, real
from .shape import convert, flatten, in_range, narrow, transpose, unsqueeze
from .sort import MEDIAN, NANMEDIAN, _order, at_places, sort
from .special import logaddexp
from .strides import movedim, unflatten


class MinMax(Results):
    """What ``aminmax`` returns."""

    __slots__ = ()
    min: Tensor
    max: Tensor


@tried(
    ref=lambda x, dim=None, keepdim=False: (
        np.min(x, axis=dim, keepdims=keepdim),
        np.max(x, axis=dim, keepdims=keepdim),
    ),
    samples=[(distinct(3, 5),), (distinct(3, 5), 0), (distinct(3, 5), -1, True), (distinct(),)],
    outputs=2,
    dtypes="all",
    family="reduction",
    name="aminmax",
)
def _aminmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> MinMax:
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


@composite
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element over one dimension or all; NaN if there is one."""
    return _aminmax(input, dim, keepdim)


# -- medians and quantiles ----------------------------------------------------------------------


def _dim_of(name: str, input: Tensor, dim: Any) -> int:
    """The dimension as a number from 0; of a tensor without dimensions 0."""
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise TypeError(f"{name}: dim must be an int; got {dim!r}")
    if input.ndim == 0:
        if dim not in (0, -1):
            raise IndexError(f"{name}: dim {dim} is out of range for a tensor without dimensions")
        return 0
    return input._dim(in_range(name, dim), name)


def _lines(input: Tensor, dim: int) -> Tensor:
    """With the dimension last, and at least one of them."""
    return input.reshape(1) if input.ndim == 0 else movedim(input, dim, -1)


def _unlined(input: Tensor, like: Tensor, dim: int, keepdim: bool) -> Tensor:
    """A result with its last dimension of size 1 in the place of ``dim``, or without it."""
    if like.ndim == 0:
        return input.reshape(())
    return movedim(input, -1, dim) if keepdim else input.squeeze(-1)


def _middles(input: Tensor, dim: int, skip_nan: bool) -> Tensor:
    """Where the lower median of each line stands."""
    size = input.shape[dim] if input.ndim else 1
    return _order(input, dim, (size + 1) // 2, False, NANMEDIAN if skip_nan else MEDIAN)


def _numpy_median(x: Any) -> Any:
    return np.sort(x, None)[(x.size - 1) // 2]


def _numpy_lower(x: Any, dim: int, keepdim: bool) -> Any:
    lines = np.sort(np.atleast_1d(x), dim)
    middle = np.take(lines, [(lines.shape[dim] - 1) // 2], dim)
    return middle if keepdim and x.ndim else np.squeeze(middle, dim)


def _median(name: str, skip_nan: bool, ref: Any, doc: str) -> Any:
    def whole(input: Tensor) -> Any:
        count = input._h.numel
        if not count:
            middle = from_data(math.nan, input.dtype)
            return lib.tk_retain(middle._h)
        row = wrap(lib.tk_reshape(input._h, 1, (count,)))
        places = _middles(row, 0, skip_nan)
        middle = wrap(lib.tk_gather(row._h, 0, places._h))
        return lib.tk_reshape(middle._h, 0, ())

    whole.__name__ = whole.__qualname__ = f"_{name}"
    whole.__annotations__["input"] = Tensor
    whole.__doc__ = f"The {name} of all elements; equal ones share the gradient."
    of_all = op(
        vjp={"input": lambda g, input, result: _extreme_rule(g, input, result, None, False)},
        ref=ref,
        samples=[(distinct(3, 5),), (distinct(4),), (distinct(),)],
        dtypes="number",
        family="reduction",
    )(whole)

    def along(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return of_all(input)
        d = _dim_of(name, input, dim)
        if input.ndim and not input.shape[d]:
            raise ValueError(f"{name}: dimension {dim} is empty; got {tuple(input.shape)}")
        return at_places(input, d, _middles(input, d, skip_nan), keepdim)

    along.__name__ = along.__qualname__ = name
    along.__doc__ = doc
    face = composite(along)
    tried(**like(of_all))(face)
    tried(
        ref=lambda x, dim, keepdim=False: (_numpy_lower(x, dim, keepdim),),
        samples=[(distinct(3, 5), 0), (distinct(3, 4), -1, True), (distinct(), 0)],
        dtypes="number",
        family="reduction",
        outputs=(0,),  # the indices have laws of their own
    )(face)
    return face


median = _median(
    "median",
    False,
    _numpy_median,
    """The lower of the two middle elements: of all; or along ``dim`` as (values, indices).

    NaN if there is one.
    """,
)
nanmedian = _median(
    "nanmedian", True, _numpy_median, "As ``median`` of the elements that are not NaN."
)

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _neighbours(interpolation: str, at: Any, floor: Any, ceil: Any, round: Any) -> tuple[Any, Any]:
    """The places, of which the interpolation takes the elements, below and above one between."""
    one = {"lower": floor, "higher": ceil, "nearest": round}.get(interpolation)
    if one is not None:
        return (found := one(at)), found
    return floor(at), ceil(at)


def _quantile(
    name: str, input: Tensor, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    if not input.dtype.is_floating_point:
        raise TypeError(f"{name}: expected a floating tensor; got {input.dtype.name}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"{name}: interpolation must be one of {', '.join(INTERPOLATIONS)}; "
            f"got {interpolation!r}"
        )
    if isinstance(q, Tensor):
        if q.dtype is not input.dtype or q.ndim > 1:
            raise ValueError(
                f"{name}: q must be a number or a vector of {input.dtype.name}; "
                f"got {q.dtype.name} {tuple(q.shape)}"
            )
    elif isinstance(q, bool) or not isinstance(q, (int, float)):
        raise TypeError(f"{name}: q must be a number or a tensor; got {type(q).__name__}")
    elif not 0 <= q <= 1:
        raise ValueError(f"{name}: q must lie in 0 to 1; got {q}")
    d = -1 if dim is None or input.ndim == 0 else _dim_of(name, input, dim)
    rows = input.reshape(-1) if d < 0 else movedim(input, d, -1)
    size = rows.shape[-1]
    if not size:
        raise ValueError(f"{name}: nothing to order; got {tuple(input.shape)}")
    ordered = sort(rows, -1, stable=True).values  # NaN last
    if isinstance(q, Tensor) or skip_nan:
        wanted = q.detach() if isinstance(q, Tensor) else tensor(float(q), dtype=input.dtype)
        inside = logical_and(ge(wanted, 0), le(wanted, 1))
        refuse(logical_not(inside), f"{name}: q must lie in 0 to 1")
        last = size - 1
        if skip_nan:
            last = clamp(sub(last, isnan(rows.detach()).sum(-1, keepdim=True)), 0)
            last = convert(last, input.dtype)
        at = last * wanted.reshape(-1)  # a column for each quantile
        below, above = ends = _neighbours(
            interpolation, at, Tensor.floor, Tensor.ceil, Tensor.round
        )
        shape = (*ordered.shape[:-1], at.shape[-1])
        low, high = (gather(ordered, -1, convert(each, int64).expand(shape)) for each in ends)
        share = at - below if interpolation == "linear" else 0.5
        # Of equal infinities there is no mixture.
        result = where(ne(below, above), low.lerp(high, share), low)
    else:
        at = np.multiply(size - 1, q, dtype=input.dtype.numpy)
        below, above = _neighbours(interpolation, at, np.floor, np.ceil, np.rint)
        below, above = min(below, size - 1), min(above, size - 1)  # as rounded they may lie beyond
        result = narrow(ordered, -1, int(below), 1)
        if below != above:
            share = float(at - below) if interpolation == "linear" else 0.5
            result = result.lerp(narrow(ordered, -1, int(above), 1), share)
    if not skip_nan:
        result = where(isnan(narrow(ordered.detach(), -1, size - 1, 1)), math.nan, result)
    if keepdim:
        ones = (1,) * input.ndim
        result = result.reshape(-1, *ones) if d < 0 else movedim(unsqueeze(result, d), -1, 0)
    else:
        result = movedim(result, -1, 0)
    return result if isinstance(q, Tensor) and q.ndim else result.squeeze(0)


def _numpy_quantile(function: Any) -> Any:
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": function(
        x, q, axis=dim, keepdims=keepdim, method=interpolation
    )


QUANTILES = [
    (distinct(3, 5), 0.3),
    (distinct(3, 5), 0.5, 0),
    (distinct(2, 3, 4), 0.8, 1, True),
    (distinct(7), 1.0, 0),
    (distinct(), 0.2),
    *(call(distinct(3, 6), 0.37, 1, interpolation=each) for each in INTERPOLATIONS),
]


@tried(ref=_numpy_quantile(np.quantile), samples=QUANTILES, family="sums")
@composite
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """What the share q of the elements lies below: of all, or along ``dim``; NaN if there is one.

    A vector q gives a first dimension. Between two elements: ``interpolation`` ``"linear"``,
    ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"`` (halves to the even place).
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@tried(ref=_numpy_quantile(np.nanquantile), samples=QUANTILES, family="sums")
@composite
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """As ``quantile`` of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _numpy_mode(rows: np.ndarray) -> np.ndarray:
    """Where the smallest of the most frequent values of each row stands last."""
    n = rows.shape[-1]
    order = np.argsort(rows, -1, kind="stable")
    ordered = np.take_along_axis(rows, order, -1)
    starts = np.ones(rows.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    begin = np.maximum.accumulate(np.where(starts, np.arange(n), 0), -1)
    best = np.argmax(np.arange(n) - begin, -1, keepdims=True)  # the longest run's last element
    return np.take_along_axis(order, best, -1)


def _numpy_modes(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    def most_frequent(line: Any) -> Any:
        values, counts = np.unique(line, return_counts=True)
        return values[np.argmax(counts)]

    values = np.apply_along_axis(most_frequent, dim, np.atleast_1d(x))
    return (np.expand_dims(values, dim) if keepdim else values,)


@tried(
    ref=_numpy_modes,
    samples=[(real(3, 9),), (integer(3, 9),), (integer(9, 2), 0, True), (integer(),)],
    dtypes="number",
    outputs=(0,),  # the indices have laws of their own
)
@composite
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent value along ``dim``, of several the smallest, and where it stands last."""
    d = _dim_of("mode", input, dim)
    rows = _lines(input, d)
    if not rows.shape[-1]:
        raise ValueError(f"mode: dimension {dim} is empty; got {tuple(input.shape)}")
    places = wrap(host(_numpy_mode, rows.detach(), kind=int64))
    values = gather(rows, -1, places)
    return ValuesIndices(_unlined(values, input, d, keepdim), _unlined(places, input, d, keepdim))


# -- sums that skip NaN, running sums -------------------------------------------------------------


def _numpy_nan(function: Any) -> Any:
    return lambda x, dim=None, keepdim=False: function(x, axis=dim, keepdims=keepdim)


NANS = [(real(3, 5),), (real(3, 5), 0), (real(2, 3, 4), (0, 2), True), (real(),)]


@tried(ref=_numpy_nan(np.nansum), samples=NANS, dtypes="number", family="reduction")
@composite
def nansum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None
) -> Tensor:
    """The sum over ``dim`` of the elements that are not NaN."""
    input = _as_dtype(input, dtype)
    if input.dtype.is_floating_point:
        input = where(isnan(input), 0.0, input)
    return sum(input, dim, keepdim, dtype=dtype)


@tried(ref=_numpy_nan(np.nanmean), samples=NANS, family="reduction")
@composite
def nanmean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None
) -> Tensor:
    """The mean over ``dim`` of the elements that are not NaN; NaN if there are none."""
    input = _as_dtype(input, dtype)
    if not input.dtype.is_floating_point:
        raise TypeError(f"nanmean: expected a floating tensor; got {input.dtype.name}")
    counts = _sum(logical_not(isnan(input)), _dims(dim), keepdim)
    return nansum(input, dim, keepdim) / convert(counts, input.dtype)


def _numpy_logcumsumexp(x: Any, dim: int) -> Any:
    return np.logaddexp.accumulate(x, dim) if x.ndim else x


def _by_doubling(x: Tensor, d: int) -> Tensor:
    """After step k an element holds the 2^k terms before it."""
    step = 1
    while step < x.shape[d]:
        rest = x.shape[d] - step
        later = logaddexp(narrow(x, d, step, rest), narrow(x, d, 0, rest))
        x = cat([narrow(x, d, 0, step), later], d)
        step *= 2
    return x


_BLOCK = 32  # 5 doublings; with what comes before the block 6 instead of log2(n) for each element


def _running_logsumexp(x: Tensor, d: int) -> Tensor:
    blocks, rest = divmod(x.shape[d], _BLOCK)
    if blocks < 2:
        return _by_doubling(x, d)
    whole = blocks * _BLOCK
    inside = _by_doubling(unflatten(narrow(x, d, 0, whole), d, (blocks, _BLOCK)), d + 1)
    ends = _running_logsumexp(narrow(inside, d + 1, _BLOCK - 1, 1), d)
    later = logaddexp(narrow(inside, d, 1, blocks - 1), narrow(ends, d, 0, blocks - 1))
    result = flatten(cat([narrow(inside, d, 0, 1), later], d), d, d + 1)
    if rest == 0:
        return result
    last = flatten(narrow(ends, d, blocks - 1, 1), d, d + 1)
    return cat([result, logaddexp(_by_doubling(narrow(x, d, whole, rest), d), last)], d)


@tried(
    ref=_numpy_logcumsumexp,
    samples=[
        (real(3, 5), 0),
        (real(2, 7), -1),
        (real(40), 0),
        (real(70), 0),
        (real(2, 64, 2), 1),
        (real(), 0),
        (real(0, 3), 0),
    ],
    family="sums",
)
@composite
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the running sum of exp(x) along ``dim``, without overflow."""
    d = _dim_of("logcumsumexp", input, dim)
    return _running_logsumexp(input * 1.0, d) if input.ndim else input * 1.0


# -- differences and integrals --------------------------------------------------------------------


@tried(
    ref=np.diff,
    samples=[
        (real(3, 5),),
        (real(3, 5), 2),
        (real(3, 5), 1, 0),
        (real(3, 5), 9),
        (real(3, 5), 1, 1, real(3, 2), real(3, 1)),
    ],
    dtypes="number",
)
@composite
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences of neighbours along ``dim``; of bools whether they differ.

    ``prepend`` and ``append`` are set before and behind first.
    """
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"diff: n must be an int from 0 up; got {n!r}")
    if input.ndim == 0:
        raise ValueError("diff: expected at least one dimension; got ()")
    d = _dim_of("diff", input, dim)
    parts = [each for each in (prepend, input, append) if each is not None]
    result = cat(parts, d) if len(parts) > 1 else input
    for _ in range(min(n, result.shape[d])):
        rest = max(result.shape[d] - 1, 0)
        later, earlier = (
            narrow(result, d, min(1, result.shape[d]), rest),
            narrow(result, d, 0, rest),
        )
        result = ne(later, earlier) if result.dtype is bool_ else later - earlier
    return result


def _numpy_trapezoid(y: Any, x: Any = None, dx: float | None = None, dim: int = -1) -> Any:
    integrate = getattr(np, "trapezoid" if hasattr(np, "trapezoid") else "trapz")  # before NumPy 2
    return integrate(y, x, 1.0 if dx is None else dx, dim)


@tried(
    ref=_numpy_trapezoid,
    samples=[
        (real(3, 5),),
        call(real(3, 5), dx=0.5, dim=0),
        (real(3, 5), real(5)),
        (real(3, 5), real(3, 5)),
        call(real(4), real(4), dim=0),
        (real(3, 1),),
        (real(2, 0),),
    ],
    family="sums",
)
@composite
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, at the places x or dx apart (1)."""
    if x is not None and dx is not None:
        raise ValueError("trapezoid: either x or dx, not both")
    if y.ndim == 0:
        raise ValueError("trapezoid: expected at least one dimension; got ()")
    d = _dim_of("trapezoid", y, dim)
    n = y.shape[d]
    if n < 2:
        return _sum(y * 0.0, d)
    middle = (narrow(y, d, 1, n - 1) + narrow(y, d, 0, n - 1)) * 0.5
    if x is None:
        return _sum(middle, d) * (1.0 if dx is None else dx)
    if x.ndim == 1 and y.ndim > 1:
        x = x.reshape(-1, *(1,) * (y.ndim - 1 - d))
    steps = diff(x, dim=d - y.ndim)
    return _sum(middle * steps, d - y.ndim)


COMPOSITES["trapz"] = trapezoid


# -- covariance -----------------------------------------------------------------------------------


@tried(
    ref=lambda x, correction=1, fweights=None, aweights=None: np.cov(
        x, ddof=correction, fweights=fweights, aweights=aweights
    ),
    samples=[
        (real(3, 5),),
        (real(6),),
        (real(3, 5), 0),
        (real(3, 5), 1, index(5, below=4)),
        (real(3, 5), 1, None, positive(5)),
        (real(3, 5), 0, index(5, below=4), positive(5)),
    ],
    vjp={"input": through},
    family="sums",
    name="cov",
)
def _cov(
    input: Tensor, correction: float = 1, fweights: Any = None, aweights: Any = None
) -> Tensor:
    return cov(input, correction=correction, fweights=fweights, aweights=aweights)


@composite
def cov(
    input: Tensor,
    *,
    correction: float = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariances of the variables, a row each; columns are observations.

    ``fweights`` say how often an observation was made, ``aweights`` what it weighs.
    """
    if input.ndim > 2:
        raise ValueError(f"cov: at most two dimensions; got {tuple(input.shape)}")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    rows = rows if rows.dtype.is_floating_point else rows * 1.0
    weight, norm = None, None
    for name, each in (("fweights", fweights), ("aweights", aweights)):
        if each is not None:
            if tuple(each.shape) != (rows.shape[1],):
                raise ValueError(
                    f"cov: {name} must be {rows.shape[1]} numbers; got {tuple(each.shape)}"
                )
            refuse(lt(each, 0), f"cov: {name} must be numbers from 0 up")
            part = convert(each, rows.dtype)
            weight = part if weight is None else mul(weight, part)
    total = from_data(float(rows.shape[1]), rows.dtype) if weight is None else _sum(weight)
    mean = _mean(rows, 1, True) if weight is None else _sum(rows * weight, 1, True) / total
    if weight is None or aweights is None or correction == 0:
        norm = total - correction
    else:
        own = convert(aweights, rows.dtype)
        norm = total - _sum(weight * own) / total * correction
    norm = clamp(norm, min=0.0)
    centred = rows - mean
    scaled = centred if weight is None else centred * weight
    result = matmul(centred, transpose(scaled, 0, 1)) / norm
    return result if input.ndim == 2 else result.reshape(())


@tried(ref=np.corrcoef, samples=[(real(3, 5),), (real(2, 7),)], family="sums")
@composite
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of the variables, a row each; columns are observations."""
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    spread = covariance.diagonal().sqrt()
    return clamp(covariance / unsqueeze(spread, 1) / spread, -1.0, 1.0)
