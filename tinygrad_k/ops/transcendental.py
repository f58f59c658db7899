"""Roots, exponentials, logarithms and trigonometry, elementwise; integers give float32.

Accuracy: at most 1.5 ulp in float32 and 2 in float64 (see csrc/simd).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .arithmetic import neg, reciprocal, square
from .comparison import eq, where
from .declare import binary, unary
from .samples import between, positive

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])

LN2 = math.log(2.0)
LN10 = math.log(10.0)
TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)


@unary(vjp=lambda g, result: g * 0.5 / result, ref=np.sqrt, domain=positive)
def sqrt(input: Tensor) -> Tensor:
    """The square root; NaN below 0."""


@unary(
    vjp=lambda g, result: g * (result * square(result)) * -0.5,
    ref=lambda x: 1 / np.sqrt(x),
    domain=positive,
)
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""


@unary(vjp=lambda g, result: g * result, ref=np.exp)
def exp(input: Tensor) -> Tensor:
    """e to the power x."""


@unary(vjp=lambda g, result: g * result * LN2, ref=np.exp2)
def exp2(input: Tensor) -> Tensor:
    """2 to the power x."""


@unary(vjp=lambda g, result: g * (result + 1.0), ref=np.expm1)
def expm1(input: Tensor) -> Tensor:
    """exp(x) - 1, accurate near 0."""


@unary(vjp=lambda g, input: g / input, ref=np.log, domain=positive)
def log(input: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below."""


@unary(vjp=lambda g, input: g / (input * LN2), ref=np.log2, domain=positive)
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""


@unary(vjp=lambda g, input: g / (input * LN10), ref=np.log10, domain=positive)
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""


@unary(vjp=lambda g, input: g / (input + 1.0), ref=np.log1p, domain=between(-0.7, 3.0))
def log1p(input: Tensor) -> Tensor:
    """log(1 + x), accurate near 0."""


@unary(vjp=lambda g, input: g * cos(input), ref=np.sin)
def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians."""


@unary(vjp=lambda g, input: neg(g * sin(input)), ref=np.cos)
def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians."""


@unary(vjp=lambda g, result: g * (square(result) + 1.0), ref=np.tan, domain=between(-1.2, 1.2))
def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians."""


@unary(
    vjp=lambda g, input: g * rsqrt(1.0 - square(input)), ref=np.arcsin, domain=between(-0.8, 0.8)
)
def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] of this sine; NaN outside [-1, 1]."""


@unary(
    vjp=lambda g, input: neg(g * rsqrt(1.0 - square(input))),
    ref=np.arccos,
    domain=between(-0.8, 0.8),
)
def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] of this cosine; NaN outside [-1, 1]."""


@unary(vjp=lambda g, input: g / (square(input) + 1.0), ref=np.arctan)
def atan(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] of this tangent."""


def _squared_radius(y: Any, x: Any) -> Tensor:
    """x^2 + y^2, and 1 at the origin, so that the gradient there is 0."""
    total = y * y + x * x
    return where(eq(total, 0.0), 1.0, total)


@binary(
    vjp={
        "input": lambda g, input, other: g * other / _squared_radius(input, other),
        "other": lambda g, input, other: neg(g * input / _squared_radius(input, other)),
    },
    ref=np.arctan2,
    domain=(positive, positive),
    dtypes="float",
)
def atan2(input: Any, other: Any) -> Tensor:
    """The angle of the point (other, input) in [-pi, pi]."""


@unary(vjp=lambda g, input: g * cosh(input), ref=np.sinh)
def sinh(input: Tensor) -> Tensor:
    """The hyperbolic sine."""


@unary(vjp=lambda g, input: g * sinh(input), ref=np.cosh)
def cosh(input: Tensor) -> Tensor:
    """The hyperbolic cosine."""


@unary(vjp=lambda g, result: tanh_backward(g, result), ref=np.tanh)
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""


@binary(
    vjp={
        "input": lambda g, other: tanh_backward(g, other),
        "other": lambda g, input, other: g * input * other * -2.0,
    },
    ref=lambda g, y: g * (1 - y * y),
    dtypes="float",
    inplace=False,
)
def tanh_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` through tanh, whose result was ``other``: g (1 - y^2)."""


@unary(vjp=lambda g, input: g * rsqrt(square(input) + 1.0), ref=np.arcsinh)
def asinh(input: Tensor) -> Tensor:
    """The inverse of sinh."""


@unary(
    vjp=lambda g, input: g * rsqrt(square(input) - 1.0), ref=np.arccosh, domain=between(1.2, 5.0)
)
def acosh(input: Tensor) -> Tensor:
    """The inverse of cosh, from 0 up; NaN below 1."""


@unary(
    vjp=lambda g, input: g * reciprocal(1.0 - square(input)),
    ref=np.arctanh,
    domain=between(-0.8, 0.8),
)
def atanh(input: Tensor) -> Tensor:
    """The inverse of tanh; NaN outside [-1, 1]."""


@unary(vjp=lambda g, result: sigmoid_backward(g, result), ref=lambda x: 1 / (1 + np.exp(-x)))
def sigmoid(input: Tensor) -> Tensor:
    """The logistic function 1 / (1 + exp(-x))."""


@binary(
    vjp={
        "input": lambda g, other: sigmoid_backward(g, other),
        "other": lambda g, input, other: g * input * (1.0 - other * 2.0),
    },
    ref=lambda g, y: g * y * (1 - y),
    dtypes="float",
    inplace=False,
)
def sigmoid_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` through sigmoid, whose result was ``other``: g y (1 - y)."""


@unary(vjp=lambda g, input: g * exp(neg(square(input))) * TWO_OVER_ROOT_PI, ref=_erf)
def erf(input: Tensor) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""


@unary(vjp=lambda g, input: g * exp(neg(square(input))) * -TWO_OVER_ROOT_PI, ref=_erfc)
def erfc(input: Tensor) -> Tensor:
    """1 - erf(x), accurate where erf is near 1."""
