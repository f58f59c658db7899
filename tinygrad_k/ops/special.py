"""Special functions, elementwise; integers give float32.

``lgamma``: 1.6 ulp in float32; in float64 1.5 above -1, below 2 ulp of the largest of 1, the
result and lgamma(-x). ``digamma`` and ``polygamma`` are computed in double: 1 ulp in float32, 1e-15
of the largest intermediate value in float64. ``erfinv``: 2.2 ulp, ``hypot``: 2. Near a zero of the
result others are exact to an ulp of their operands only: ``logit`` at 1/2, ``sinc`` at integers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import kernel_number, lib
from ..tensor import Tensor
from .arithmetic import abs, clamp, mul, square
from .comparison import eq, isinf, isnan, le, logical_and, lt, where
from .declare import as_operand, binary, composite, method, op, tried, unary
from .samples import Draw, away_from, between, positive, real
from .transcendental import _erf, _erfc, cos, exp, log, sigmoid

ROOT_PI_OVER_2 = math.sqrt(math.pi) / 2
LN2 = math.log(2.0)


# -- logarithms of sums and of odds -------------------------------------------------------------


def _soft_rule(rate: float) -> dict[str, Any]:
    """The gradient is shared by the sigmoid of the difference: by halves at equal infinities."""

    def share(g: Tensor, own: Any, rival: Any) -> Tensor:
        own = as_operand(own, g)
        same = logical_and(eq(own, rival), isinf(own))
        return g * sigmoid(where(same, 0.0, own - rival) * rate)

    return {
        "input": lambda g, input, other: share(g, input, other),
        "other": lambda g, input, other: share(g, other, input),
    }


@binary(vjp=_soft_rule(1.0), ref=np.logaddexp, dtypes="float")
def logaddexp(input: Any, other: Any) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""


@binary(vjp=_soft_rule(LN2), ref=np.logaddexp2, dtypes="float")
def logaddexp2(input: Any, other: Any) -> Tensor:
    """log2(2^input + 2^other), without overflow."""


def _numpy_xlogy(x: Any, y: Any) -> Any:
    return np.where(np.isnan(y), np.nan, np.where(x == 0, 0.0, x * np.log(y)))


def _xlogy_slope(g: Tensor, input: Tensor, other: Any) -> Tensor:
    """log(other), but 0 where that is infinite and the result is 0."""
    other = as_operand(other, g).to(g.dtype)
    return g * log(where(logical_and(eq(input, 0.0), le(other, 0.0)), 1.0, other))


@binary(
    vjp={
        "input": _xlogy_slope,
        "other": lambda g, input, other: (
            g
            * input
            / where(logical_and(eq(other, 0.0), eq(as_operand(input, g), 0.0)), 1.0, other)
        ),
    },
    ref=_numpy_xlogy,
    domain=(real, positive),
    dtypes="float",
)
def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other); 0 where the input is 0, but for a NaN in other."""


def _numpy_logit(x: Any, eps: float | None = None) -> Any:
    x = x if eps is None else np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


@unary(
    vjp=lambda g, input, result: where(isnan(result), result, g / (input * (1.0 - input))),
    ref=_numpy_logit,
    domain=between(0.1, 0.9),
    kernel="logit",
    inplace=False,
)
def _logit(input: Tensor) -> Tensor:
    """log(x / (1 - x))."""


@tried(
    ref=_numpy_logit,
    samples=[(between(0.1, 0.9)(3, 5),), (away_from(0.2, 0.8, low=-1, high=2)(7), 0.2)],
)
@composite
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; NaN outside [0, 1].

    With ``eps`` the input is first brought into [eps, 1 - eps].
    """
    return _logit(input if eps is None else clamp(input * 1.0, eps, 1.0 - eps))


# -- the error function's inverse and the gamma function ------------------------------------------


def _numpy_erfinv(x: Any) -> Any:
    """By bisection, of erf or where that is flat of erfc; near 0 by the series."""
    x = np.asarray(x)
    size = np.abs(x.astype(np.float64))
    low, high = np.zeros(x.shape), np.full(x.shape, 6.0)
    for _ in range(200):
        middle = (low + high) / 2
        above = np.where(size < 0.5, _erf(middle) > size, _erfc(middle) < 1 - size)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    small = size * ROOT_PI_OVER_2 * (1 + math.pi / 12 * size**2)
    result = np.where(size < 1e-4, small, low)
    result = np.where(size == 1, np.inf, np.where(size > 1, np.nan, result))
    return np.where(np.isnan(x), np.nan, np.copysign(result, x))


@unary(
    vjp=lambda g, result: g * exp(square(result)) * ROOT_PI_OVER_2,
    ref=_numpy_erfinv,
    domain=between(-0.9, 0.9),
)
def erfinv(input: Tensor) -> Tensor:
    """The inverse of erf: infinite at -1 and 1, NaN beyond."""


PI = np.arccos(np.longdouble(-1))


def _shifted(x: Any, terms: Any, tail: Any, least: float = 30.0) -> Any:
    """The sum of ``terms`` of x, x + 1, ... below ``least``, and ``tail`` of the one beyond.

    In extended precision, so that nothing is lost where the reflected function is near 0.
    """
    x = np.array(x, dtype=np.longdouble)
    total = np.zeros_like(x)
    while (x < least).any():
        total = np.where(x < least, total + terms(np.where(x < least, x, 1.0)), total)
        x = np.where(x < least, x + 1, x)
    return total + tail(x)


def _numpy_lgamma(x: Any) -> Any:
    """By Stirling's series, and log(pi / |sin(pi x)|) - lgamma(1 - x); DLMF 5.11.1 and 5.5.3."""

    def tail(x: Any) -> Any:
        z = 1 / x**2
        series = 1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))
        return (x - 0.5) * np.log(x) - x + np.log(2 * PI) / 2 + series / x

    x = np.asarray(x, dtype=np.longdouble)
    above, near = x > 0, np.isfinite(x)
    value = _shifted(np.where(near, np.where(above, x, 1 - x), 1.0), lambda x: -np.log(x), tail)
    below = np.log(PI / np.abs(np.sin(PI * (x - np.rint(x))))) - value
    result = np.where(near, np.where(above, value, below), np.abs(x))
    return result.astype(np.float64)


POLES = Draw(kinks=(-3.0, -2.0, -1.0, 0.0), gap=0.1)


@unary(
    vjp=lambda g, input: g * digamma(input),
    ref=_numpy_lgamma,
    domain=POLES,
)
def lgamma(input: Tensor) -> Tensor:
    """The logarithm of |Gamma(x)|; infinite at 0, -1, -2, ..."""


def _digamma_above(x: Any) -> Any:
    def tail(x: Any) -> Any:
        z = 1 / x**2
        return np.log(x) - 1 / (2 * x) - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z / 240)))

    return _shifted(x, lambda x: -1 / x, tail)


def _numpy_digamma(x: Any) -> Any:
    x = np.asarray(x, dtype=np.float64)
    above = x > 0
    reflected = _digamma_above(np.where(above | np.isnan(x), 1.0, 1 - np.maximum(x, -1e300)))
    fraction = x - np.rint(x)
    poles = np.where(fraction == 0, np.nan, PI / np.tan(PI * fraction))
    value = np.where(above, _digamma_above(np.where(above, x, 1.0)), reflected - poles)
    return np.where(x == 0, np.copysign(np.inf, -x), value).astype(np.float64)


# Near its zeros a float64 result has fewer digits than the laws ask for.
ZEROS = (-2.611, -1.573, -0.504, 1.462)


@unary(
    vjp=lambda g, input: g * polygamma(1, input),
    ref=_numpy_digamma,
    domain=Draw(kinks=(*POLES.kinks, *ZEROS), gap=0.1),
)
def digamma(input: Tensor) -> Tensor:
    """The derivative of lgamma; NaN at -1, -2, ..., infinite at 0."""


def _numpy_polygamma(n: int, x: Any) -> Any:
    """(-1)^(n+1) n! times the sum of (x + k)^-(n+1), its tail by Euler and Maclaurin."""
    s = n + 1

    def tail(x: Any) -> Any:
        return (
            x ** (1.0 - s) / (s - 1)
            + x ** (-1.0 * s) / 2
            + s * x ** (-s - 1.0) / 12
            - s * (s + 1) * (s + 2) * x ** (-s - 3.0) / 720
        )

    total = _shifted(x, lambda x: x ** (-1.0 * s), tail, 60.0)
    return ((-1) ** s * math.factorial(n) * total).astype(np.float64)


_POLYGAMMA = kernel_number("polygamma")


@op(
    kernel="polygamma",
    vjp={"input": lambda g, n, input: g * _polygamma(n + 1, input)},
    ref=_numpy_polygamma,
    samples=[
        (1, positive(3, 5)),
        (1, Draw(low=-2.7, high=-2.3)(6)),
        (2, positive(33)),
        (3, Draw(low=-1.7, high=-1.3)(4)),
        (2, positive()),
        (1, positive(0, 3)),
    ],
    family="elementwise",
)
def _polygamma(n: int, input: Tensor) -> Any:
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"polygamma: n must be an integer from 0 up; got {n!r}")
    if n > 1000:  # from 170 on n! is infinite in float64, and only the sign depends on n
        n = 1000 + n % 2
    return lib.tk_map1(_POLYGAMMA, input._h, n, 0.0)


@tried(
    ref=lambda n, x: _numpy_polygamma(n, x) if n else _numpy_digamma(x),
    samples=[(0, positive(3, 5)), (1, positive(9)), (2, positive()), (1, positive(0, 3))],
)
@composite
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of digamma; infinite at 0, -1, -2, ..., with the sign from above."""
    return digamma(input) if isinstance(n, int) and n == 0 else _polygamma(n, input)


def _polygamma_of(self: Tensor, n: int) -> Tensor:
    """The n-th derivative of digamma."""
    return polygamma(n, self)


method(_polygamma_of, "polygamma")


# -- angles -------------------------------------------------------------------------------------


def _sinc_slope(x: Tensor) -> Tensor:
    """(cos(pi x) - sinc(x)) / x, by its series near 0, where that cancels."""
    small = lt(abs(x), 0.25)
    series, z = 0.0, square(x * math.pi)
    for k in range(8, 0, -1):  # terms (-1)^k 2k z^(k-1) / (2k+1)!; the ninth is below 1e-18
        series = series * z + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    far = where(small, 1.0, x)
    return where(small, x * series * math.pi**2, (cos(far * math.pi) - sinc(far)) / far)


@unary(vjp=lambda g, input: g * _sinc_slope(input), ref=np.sinc)
def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x); 1 at 0."""


@tried(ref=np.deg2rad, domain=(real,))
@composite
def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return mul(input, math.pi / 180)


@tried(ref=np.rad2deg, domain=(real,))
@composite
def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return mul(input, 180 / math.pi)
