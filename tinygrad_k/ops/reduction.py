"""Reductions. ``dim`` is an int, a tuple of ints, or None for all dimensions.

Sums run in fixed lanes and chunks combined by a fixed tree: they are accurate for long tensors, and
the number of threads never shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import dtype as dtype_class, fail, ffi, float64, kernel_number, lib
from ..tensor import Tensor, from_data, wrap
from .arithmetic import abs, maximum, minimum, power
from .comparison import eq, isnan, ne, where
from .declare import OPS, attach, composite, like, no_grad, op, through, tried, unary
from .results import Results
from .samples import Draw, boolean, call, distinct, positive, real
from .shape import _expand, _reshape, clone, convert, mask_of, slice_dim
from .transcendental import exp

FAMILY = "reduction"


def _kept(input: Tensor, dim: Any) -> tuple[int, ...]:
    """The shape a reduction has with keepdim."""
    mask = mask_of("reduction", input, dim)
    return tuple(1 if mask >> i & 1 else n for i, n in enumerate(input.shape))


def _spread(g: Tensor, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """A reduction's gradient (or result) with the dimensions of size 1 that were dropped."""
    return g if keepdim else _reshape(g, _kept(input, dim))


def _count(input: Tensor, dim: Any) -> int:
    """How many elements a reduction takes together."""
    mask = mask_of("reduction", input, dim)
    return math.prod(n for i, n in enumerate(input.shape) if mask >> i & 1)


tk_reduce = lib.tk_reduce


def _reducer(name: str) -> Any:
    number = kernel_number(name)

    def reduce(input: Tensor, dim: Any, keepdim: bool, p: float = 0.0) -> Any:
        h = input._h
        mask = (1 << h.ndim) - 1 if dim is None else mask_of(name, input, dim)
        return tk_reduce(number, h, mask, keepdim, p)

    return reduce


_sum_door, _mean_door, _prod_door, _amax_door, _amin_door, _var_door = map(
    _reducer, ("sum", "mean", "prod", "amax", "amin", "var")
)
_logsumexp_door, _norm_door = map(_reducer, ("logsumexp", "norm"))
_any_door, _all_door, _count_door, _argmax_door, _argmin_door = map(
    _reducer, ("any", "all", "count_nonzero", "argmax", "argmin")
)


def _numpy_over(function: Any) -> Any:
    """The reference of a reduction; no dims are all of them, and the dtype shows in no number."""
    return lambda x, dim=None, keepdim=False, dtype=None: function(
        x, axis=None if dim == () else dim, keepdims=keepdim
    )


SUMS = [
    (real(3, 5),),
    (real(3, 5), 0),
    (real(3, 5), -1, True),
    (real(2, 3, 4), (0, 2)),
    (real(2, 3, 4), (1,), True),
    (real(),),
    (real(70),),
]
EMPTY = [(real(0, 3), 0), (real(0, 3), 1), (real(0),)]


@op(
    kernel="sum",
    vjp={
        "input": lambda g, input, dim, keepdim: _expand(
            _spread(g, input, dim, keepdim), tuple(input.shape)
        )
    },
    ref=_numpy_over(np.sum),
    samples=[*SUMS, *EMPTY],
    dtypes="all",
    family=FAMILY,
)
def _sum(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    return _sum_door(input, dim, keepdim)


@op(
    kernel="mean",
    vjp={
        "input": lambda g, input, dim, keepdim: _expand(
            _spread(g, input, dim, keepdim) / float(_count(input, dim)), tuple(input.shape)
        )
    },
    ref=_numpy_over(np.mean),
    samples=[*SUMS, (real(0, 3), 1)],
    family=FAMILY,
)
def _mean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    return _mean_door(input, dim, keepdim)


def _as_dtype(input: Tensor, dtype: dtype_class | None) -> Tensor:
    return input if dtype is None or dtype is input.dtype else convert(input, dtype)


def _dims(dim: Any) -> Any:
    """PyTorch reads an empty tuple of dims as all of them."""
    return None if isinstance(dim, (tuple, list)) and not dim else dim


@tried(**like(_sum, (real(2, 3), ()), call(real(4), dtype=float64), dtypes="number"))
@composite
def sum(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None
) -> Tensor:
    """The sum over ``dim``; integers and bools are summed in int64. Nothing sums to 0."""
    if dtype is None:
        return _sum(input, dim if dim is None or type(dim) is int else _dims(dim), keepdim)
    return _as_dtype(_sum(_as_dtype(input, dtype), _dims(dim), keepdim), dtype)


@tried(**like(_mean, (real(2, 3), ()), call(real(4), dtype=float64)))
@composite
def mean(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None
) -> Tensor:
    """The mean over ``dim``; floating dtypes only, NaN of nothing."""
    if dtype is None:
        return _mean(input, dim if dim is None or type(dim) is int else _dims(dim), keepdim)
    return _mean(_as_dtype(input, dtype), _dims(dim), keepdim)


def _exclusive(input: Tensor, dim: int, reverse: bool) -> Tensor:
    """The product of everything before each element along dim; behind it, if ``reverse``."""
    from .join import cat
    from .scan import _cumprod

    size = input.shape[dim]
    one = _expand(from_data(1.0, input.dtype), _kept(input, dim))
    if size <= 1:
        return one if size else input
    if reverse:
        return cat([_cumprod(slice_dim(input, dim, 1, None), dim, True), one], dim)
    return cat([one, _cumprod(slice_dim(input, dim, 0, -1), dim, False)], dim)


def _prod_rule(g: Tensor, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """What stands before an element times what stands behind it: right also with zeros."""
    if dim is None:
        return _reshape(_prod_rule(g, _reshape(input, (-1,)), 0, False), input.shape)
    if input.ndim == 0:
        return g
    others = _exclusive(input, dim, False) * _exclusive(input, dim, True)
    return _spread(g, input, dim, keepdim) * others


@op(
    kernel="prod",
    vjp={"input": _prod_rule},
    ref=lambda x, dim=None, keepdim=False: np.prod(
        x, axis=dim if x.ndim else None, keepdims=keepdim
    ),
    samples=[
        (real(3, 5),),
        (real(3, 5), 0),
        (real(3, 5), -1, True),
        (real(),),
        (real(), 0),
        (real(2, 3), 0),
        (real(1, 4), 0),
        (real(0, 3), 0),
        (real(0),),
    ],
    dtypes="all",
    family=FAMILY,
)
def _prod(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod: dim must be one int or None; got {dim!r}")
    return _prod_door(input, dim, keepdim)


@tried(**like(_prod, dtypes="number"))
@composite
def prod(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: dtype_class | None = None,
) -> Tensor:
    """The product over one dimension or all; integers and bools in int64. Nothing gives 1."""
    return _as_dtype(_prod(_as_dtype(input, dtype), dim, keepdim), dtype)


def _extreme_rule(g: Tensor, input: Tensor, result: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """The gradient goes to the extreme element; equal ones share it, and so do NaNs."""
    total = _spread(result, input, dim, keepdim)
    wins = convert(where(isnan(total), isnan(input), eq(input, total)), input.dtype)
    shares = wins / _sum(wins, dim, True)
    return _spread(g, input, dim, keepdim) * shares


EXTREMES = [
    (distinct(3, 5),),
    (distinct(3, 5), 0),
    (distinct(3, 5), -1, True),
    (distinct(2, 3, 4), (0, 2)),
    (distinct(),),
    (distinct(40), 0),
]


@op(
    kernel="amax",
    vjp={"input": _extreme_rule},
    ref=_numpy_over(np.max),
    samples=EXTREMES,
    dtypes="all",
    family=FAMILY,
)
def _amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    return _amax_door(input, dim, keepdim)


@op(
    kernel="amin",
    vjp={"input": _extreme_rule},
    ref=_numpy_over(np.min),
    samples=EXTREMES,
    dtypes="all",
    family=FAMILY,
)
def _amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    return _amin_door(input, dim, keepdim)


@tried(**like(_amax, (distinct(2, 3), ())))
@composite
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest element over ``dim``, NaN if there is one; equal ones share the gradient."""
    return _amax(input, _dims(dim), keepdim)


@tried(**like(_amin, (distinct(2, 3), ())))
@composite
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest element over ``dim``, NaN if there is one; equal ones share the gradient."""
    return _amin(input, _dims(dim), keepdim)


POSITION = no_grad("the result is a position")


@op(
    kernel="argmax",
    vjp=POSITION,
    ref=lambda x, dim=None, keepdim=False: np.argmax(x, axis=dim, keepdims=keepdim),
    samples=[(distinct(3, 5),), (distinct(3, 5), 0), (distinct(3, 5), -1, True), (distinct(),)],
    dtypes="all",
    family=FAMILY,
)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the first largest element along ``dim``, or in the flattened tensor."""
    return _argmax_door(input, dim, keepdim)


@op(
    kernel="argmin",
    vjp=POSITION,
    ref=lambda x, dim=None, keepdim=False: np.argmin(x, axis=dim, keepdims=keepdim),
    samples=[(distinct(3, 5),), (distinct(3, 5), 0), (distinct(3, 5), -1, True), (distinct(),)],
    dtypes="all",
    family=FAMILY,
)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the first smallest element along ``dim``, or in the flattened tensor."""
    return _argmin_door(input, dim, keepdim)


class ValuesIndices(Results):
    """What reductions that also say where return."""

    __slots__ = ()
    values: Tensor
    indices: Tensor


def _extreme(name: str, pick: Any, direct: Any, elementwise: Any) -> Any:
    number = kernel_number(f"arg{name}")

    def extreme(
        input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None
    ) -> Any:
        if dim is None:
            if other is None:
                return direct(input)
            dim = other
        if isinstance(dim, Tensor):
            return elementwise(input, dim)
        node = input._node if lib.tk_grad_mode() else None
        if (h := input._h).ndim and type(dim) is int:
            out = ffi.new("tk_tensor *[2]")
            kept = keepdim or node is not None
            if lib.tk_extreme(number, h, mask_of(name, input, dim), kept, out):
                fail()
            values, indices = wrap(out[0]), wrap(out[1])
            if node is None:
                return ValuesIndices(values, indices)
            args = (input, dim, indices, False)
            attach(OPS["gather"], values, args, 1, (node,), (input,), out[0].flags)
        else:
            indices = pick(input, dim, True)
            if input.ndim == 0:
                return ValuesIndices(clone(input), indices)
            values = OPS["gather"].function(input, dim, indices)
        if not keepdim:
            values, indices = values.squeeze(dim), indices.squeeze(dim)
        return ValuesIndices(values, indices)

    def reference(x: Any, dim: int, keepdim: bool = False) -> Any:
        return tuple(
            getattr(np, f"{prefix}{name}")(x, axis=dim, keepdims=keepdim) for prefix in ("", "arg")
        )

    extreme.__name__ = extreme.__qualname__ = name
    extreme.__doc__ = (
        f"The {name}imum: of all elements; along ``dim`` as (values, indices); or, given a second "
        "tensor, of the two elementwise."
    )
    face = composite(extreme)
    both = getattr(np, f"{name}imum")
    lines = [(distinct(3, 5), 0), (distinct(2, 3, 4), -1, True), (distinct(), 0), (real(0, 3), 1)]
    tried(
        ref=lambda x, y=None: getattr(np, name)(x) if y is None else both(x, y),
        samples=[(distinct(3, 5),), (distinct(),), (real(3, 5), real(5)), (real(0, 3), real(3))],
        dtypes="all",
        family=FAMILY,
    )(face)
    for i, rule in ((0, through), (1, POSITION)):
        tried(ref=reference, samples=lines, dtypes="all", family=FAMILY, outputs=(i,), vjp=rule)(
            face
        )
    return face


max = _extreme("max", argmax, _amax, maximum)
min = _extreme("min", argmin, _amin, minimum)


TRUTH = no_grad("the result is bool")


@op(
    kernel="any",
    vjp=TRUTH,
    ref=lambda x, dim=None, keepdim=False: np.any(x, axis=dim, keepdims=keepdim),
    samples=[(boolean(3, 5), 0), (boolean(3, 5),), (boolean(2, 3, 4), (0, -1), True), *EMPTY],
    dtypes="all",
    family=FAMILY,
)
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether any element over ``dim`` is nonzero; of nothing False."""
    return _any_door(input, dim, keepdim)


@op(
    kernel="all",
    vjp=TRUTH,
    ref=lambda x, dim=None, keepdim=False: np.all(x, axis=dim, keepdims=keepdim),
    samples=[(boolean(3, 5), 0), (boolean(3, 5),), (boolean(2, 3, 4), (0, -1), True), *EMPTY],
    dtypes="all",
    family=FAMILY,
)
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements over ``dim`` are nonzero; of nothing True."""
    return _all_door(input, dim, keepdim)


@op(
    kernel="count_nonzero",
    vjp=no_grad("the result is a count"),
    ref=lambda x, dim=None: np.count_nonzero(x, axis=None if dim == () else dim),
    samples=[
        (boolean(2, 3), ()),
        (boolean(3, 5), 0),
        (boolean(3, 5),),
        (real(2, 3, 4), (0, -1)),
        (real(0, 3), 0),
    ],
    dtypes="all",
    family=FAMILY,
)
def count_nonzero(input: Tensor, dim: Any = None) -> Any:
    """How many elements over ``dim`` are nonzero."""
    return _count_door(input, _dims(dim), False)


# -- spread -------------------------------------------------------------------------------------


def _var_rule(g: Tensor, input: Tensor, dim: Any, correction: float, keepdim: bool) -> Tensor:
    """2 (x - mean) / (n - correction)."""
    freedom = _count(input, dim) - correction
    scale = 2.0 / freedom if freedom > 0 else math.inf
    return _spread(g, input, dim, keepdim) * ((input - _mean(input, dim, True)) * scale)


@op(
    kernel="var",
    vjp={"input": _var_rule},
    ref=lambda x, dim=None, correction=1, keepdim=False: np.var(
        x, axis=dim, ddof=correction, keepdims=keepdim
    ),
    samples=[
        (real(3, 5),),
        (real(3, 5), 0, 0),
        (real(3, 5), -1, 1, True),
        (real(2, 3, 4), (0, 2), 2),
        (real(70), 0, 0.5),
        (real(3, 2), -1, 1),
        (real(3, 5), -1, 5),
        (real(3, 5), -1, 7),
    ],
    family=FAMILY,
)
def _var(input: Tensor, dim: Any = None, correction: float = 1, keepdim: bool = False) -> Any:
    return _var_door(input, dim, keepdim, correction)


def _correction(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    if isinstance(dim, bool):  # PyTorch's old form var(unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return _dims(dim), correction


def _numpy_var(
    x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, correction: Any = None
) -> Any:
    dim, correction = _correction(dim, unbiased, correction)
    return np.var(x, axis=dim, ddof=correction, keepdims=keepdim)


def _numpy_std(*args: Any, **kwargs: Any) -> Any:
    return np.sqrt(_numpy_var(*args, **kwargs))


def _numpy_with_mean(spread: Callable[..., Any]) -> Callable[..., Any]:
    """The reference of a spread and the mean."""
    return lambda x, dim=None, unbiased=None, keepdim=False, correction=None: (
        spread(x, dim, unbiased, keepdim, correction),
        np.mean(x, axis=_dims(dim), keepdims=keepdim),
    )


SPREADS = [
    (real(3, 5), False),
    (real(3, 5),),
    (real(2, 3, 4), (0, 2), True),
    (real(3, 5), -1, False, True),
    call(real(2, 3), (), correction=2),
    call(real(70), 0, correction=0.5),
    (real(3, 1), 1),
    (real(0, 3), 0),
]


@tried(ref=_numpy_var, samples=SPREADS, family=FAMILY)
@composite
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance over ``dim``: the squared deviations over (n - correction)."""
    dim, correction = _correction(dim, unbiased, correction)
    return _var(input, dim, correction, keepdim)


@tried(ref=_numpy_std, samples=SPREADS, family=FAMILY)
@composite
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation over ``dim``, the root of ``var``."""
    dim, correction = _correction(dim, unbiased, correction)
    return _root(_var(input, dim, correction, keepdim), 0.5)


@tried(
    ref=_numpy_with_mean(_numpy_var),
    samples=SPREADS[1:],
    family=FAMILY,
    outputs=2,
)
@composite
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean over ``dim``."""
    dim, correction = _correction(dim, unbiased, correction)
    return _var(input, dim, correction, keepdim), _mean(input, dim, keepdim)


@tried(
    ref=_numpy_with_mean(_numpy_std),
    samples=SPREADS[1:],
    family=FAMILY,
    outputs=2,
)
@composite
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean over ``dim``."""
    variance, center = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return _root(variance, 0.5), center


def _logsumexp_rule(g: Tensor, input: Tensor, result: Tensor, dim: Any, keepdim: bool) -> Tensor:
    dim = _dims(dim)
    total = _spread(result, input, dim, keepdim)
    level = where(eq(total, -math.inf), 0.0, total)  # of nothing but -inf no weight is NaN
    return _spread(g, input, dim, keepdim) * exp(input - level)


@op(
    kernel="logsumexp",
    vjp={"input": _logsumexp_rule},
    ref=lambda x, dim, keepdim=False: np.log(
        np.sum(np.exp(x), axis=None if dim == () else dim, keepdims=keepdim)
    ),
    samples=[
        (real(2, 3), ()),
        (real(3, 5), 0),
        (real(3, 5), -1, True),
        (real(2, 3, 4), (0, 2)),
        (real(), 0),
        (real(40), 0),
    ],
    family=FAMILY,
)
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over ``dim``, without overflow; -inf of nothing."""
    return _logsumexp_door(input, _dims(dim), keepdim)


def _norm_rule(g: Tensor, input: Tensor, result: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """input / result; 0 of a zero vector."""
    zero = eq(result, 0.0)
    share = where(zero, 0.0, g / where(zero, 1.0, result))
    return _spread(share, input, dim, keepdim) * input


@op(
    kernel="norm",
    vjp={"input": _norm_rule},
    ref=lambda x, dim=None, keepdim=False: np.sqrt(np.sum(x * x, axis=dim, keepdims=keepdim)),
    samples=[*SUMS, *EMPTY],
    family=FAMILY,
)
def _norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    return _norm_door(input, dim, keepdim)


APART = Draw(low=-2.0, distinct=True, kinks=(0.0,), gap=0.02)  # neither ties nor zeros


def _numpy_norm(x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    if p == "nuc":
        return np.linalg.norm(x, p)
    size, p = np.abs(x), 2 if p in ("fro", None) else p
    if p in (math.inf, -math.inf):
        return (np.max if p > 0 else np.min)(size, axis=dim, keepdims=keepdim)
    if p == 0:
        return np.sum(size > 0, axis=dim, keepdims=keepdim, dtype=x.dtype)
    return np.sum(size**p, axis=dim, keepdims=keepdim) ** (1 / p)


@tried(
    ref=_numpy_norm,
    samples=[
        (real(3, 5),),
        (real(2, 3, 4), 1, (0, 2)),
        *((APART(3, 5), p, -1, True) for p in (3, 0.5, -1, math.inf, -math.inf)),
        (real(3, 4), "nuc"),
        (real(), None),
        (real(0, 3), "fro", 0),
    ],
    family="sums",
)
@composite
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Any = None,
    keepdim: bool = False,
    dtype: dtype_class | None = None,
) -> Tensor:
    """The p-norm over ``dim``: (sum |x|^p)^(1/p); for inf, -inf and 0 the limits.

    ``"nuc"``: the sum of the singular values of matrices, which two dims make.
    """
    if p == "nuc":
        from .linear_algebra import matrix_norm

        return matrix_norm(input, p, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(_as_dtype(input, dtype), 2 if p in ("fro", None) else p, dim, keepdim)


def vector_norm(input: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """As ``norm``. The gradient at a zero vector is 0."""
    if isinstance(ord, str):
        raise ValueError(f"norm: p must be a number, 'fro' or 'nuc'; got {ord!r}")
    if not input.dtype.is_floating_point:
        raise TypeError(f"norm: expected a floating tensor; got {input.dtype.name}")
    dim = _dims(dim)
    if ord == math.inf:
        return _amax(abs(input), dim, keepdim)
    if ord == -math.inf:
        return _amin(abs(input), dim, keepdim)
    if ord == 0:
        return _sum(convert(ne(input, 0), input.dtype), dim, keepdim)
    if ord == 1:
        return _sum(abs(input), dim, keepdim)
    if ord == 2:
        return _norm(input, dim, keepdim)
    size = abs(input)
    if ord < 1:  # the power has an infinite derivative at 0, as an infinite value if ord < 0
        zero = eq(size, 0)
        powers = power(where(zero, 1.0, size), float(ord))
        powers = where(zero, 0.0 if ord > 0 else math.inf, powers)
    else:
        powers = power(size, float(ord))
    return _root(_sum(powers, dim, keepdim), 1.0 / ord)


def _root(total: Tensor, exponent: float) -> Tensor:
    """total ** exponent with derivative 0 at 0, where the power itself has an infinite one."""
    if exponent == 0.5:
        return _square_root(total)
    zero = eq(total, 0.0)
    safe = where(zero, 1.0, total)
    return where(zero, 0.0, power(safe, exponent))


def _square_root_rule(g: Tensor, result: Tensor) -> Tensor:
    """As that of ``sqrt``, and 0 at 0."""
    zero = eq(result, 0.0)
    return where(zero, 0.0, g * 0.5 / where(zero, 1.0, result))


@unary(
    vjp=_square_root_rule,
    ref=np.sqrt,
    kernel="sqrt",
    domain=positive,
    inplace=False,
)
def _square_root(input: Tensor) -> Tensor:
    """The square root with derivative 0 at 0."""
