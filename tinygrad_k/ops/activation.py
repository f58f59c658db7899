"""Smooth activations, and relu; their gradients are fused kernels with gradients of their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .arithmetic import abs, neg, power, sign, square
from .declare import binary, composite, tried, unary, vanishes
from .piecewise import KINK, softplus
from .samples import Draw, call, real
from .transcendental import _erf, exp, sigmoid, tanh

FUNCTIONAL = True  # these stand in nn.functional ...
ROOT = ("relu",)  # ... and these in the package's root and on Tensor as well


@unary(
    vjp=lambda g, result: relu_backward(g, result),
    ref=lambda x: np.maximum(x, 0),
    domain=KINK,
    dtypes="number",
)
def relu(input: Tensor) -> Tensor:
    """max(x, 0); the derivative at 0 is 0."""


@binary(
    vjp={"input": lambda g, other: relu_backward(g, other), "other": vanishes},
    ref=lambda g, y: np.where((y <= 0) & ~np.isnan(g), 0, g),
    domain=(real, KINK),
    dtypes="float",
    inplace=False,
)
def relu_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input``, but 0 where ``other``, relu's argument or result, is 0 or less."""


def curve_backward(name: str, slope: Any, bend: Any = None, domain: Draw = real) -> Any:
    """Declares ``name_backward``, the gradient through the activation of that name: one kernel.

    ``slope`` is its derivative in NumPy, ``bend`` its second one made of ops; None: it vanishes.
    """

    def body(input: Any, other: Any) -> Tensor: ...

    body.__name__ = body.__qualname__ = f"{name}_backward"
    body.__doc__ = f"The gradient ``input`` through {name} at ``other``."

    def curved(g: Tensor, input: Any, other: Any) -> Tensor:
        return g * input * bend(other)

    backward: Any = binary(
        vjp={
            "input": lambda g, other: backward(g, other),
            "other": curved if bend else vanishes,
        },
        ref=lambda g, x: g * slope(x),
        domain=(real, domain),
        dtypes="float",
        inplace=False,
    )(body)
    return backward


DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
TANH_SCALE, TANH_CUBIC = math.sqrt(2.0 / math.pi), 0.044715


def _not_infinite(x: Any) -> Any:
    """x where the limit for -inf is wanted of x times a factor that vanishes there."""
    return np.maximum(x, -1e4)


def _numpy_gelu(x: Any) -> Any:
    x = _not_infinite(x)
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def _numpy_gelu_tanh(x: Any) -> Any:
    x = _not_infinite(x)
    return 0.5 * x * (1 + np.tanh(TANH_SCALE * (x + TANH_CUBIC * x**3)))


@unary(vjp=lambda g, input: gelu_backward(g, input), ref=_numpy_gelu, kernel="gelu", inplace=False)
def _gelu_exact(input: Tensor) -> Tensor:
    """x times the normal distribution function of x."""


@unary(
    vjp=lambda g, input: gelu_tanh_backward(g, input),
    ref=_numpy_gelu_tanh,
    kernel="gelu_tanh",
    inplace=False,
)
def _gelu_by_tanh(input: Tensor) -> Tensor:
    """The approximation of gelu by tanh."""


def _gelu_bend(x: Tensor) -> Tensor:
    """The second derivative of gelu, phi(x) (2 - x^2)."""
    return exp(square(x) * -0.5) * (2.0 - square(x)) * DENSITY


def _gelu_tanh_bend(x: Tensor) -> Tensor:
    """The second derivative of the tanh form: u = s (x + c x^3), t = tanh(u),
    (1 - t^2) (u' + x (u'' / 2 - t u'^2))."""
    t = tanh((x + x * square(x) * TANH_CUBIC) * TANH_SCALE)
    first = (square(x) * (3 * TANH_CUBIC) + 1.0) * TANH_SCALE
    second = x * (6 * TANH_CUBIC * TANH_SCALE)
    return (1.0 - square(t)) * (first + x * (second * 0.5 - t * square(first)))


def _numpy_gelu_slope(x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    return 0.5 * (1 + _erf(x / math.sqrt(2))) + x * DENSITY * np.exp(-x * x / 2)


gelu_backward: Any = curve_backward("gelu", _numpy_gelu_slope, _gelu_bend)


def _numpy_gelu_tanh_slope(x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    t = np.tanh(TANH_SCALE * (x + TANH_CUBIC * x**3))
    slope = TANH_SCALE * (1 + 3 * TANH_CUBIC * x * x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope


gelu_tanh_backward: Any = curve_backward("gelu_tanh", _numpy_gelu_tanh_slope, _gelu_tanh_bend)


GELUS = {"none": _numpy_gelu, "tanh": _numpy_gelu_tanh}


@tried(
    ref=lambda x, approximate="none": GELUS[approximate](x),
    samples=[(real(3, 5),), call(real(4), approximate="tanh"), (real(0, 3),)],
)
@composite
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Phi(x), Phi the normal distribution function; or its approximation by ``"tanh"``.

    Hendrycks and Gimpel 2016, section 2.
    """
    if approximate == "none":
        return _gelu_exact(input)
    if approximate == "tanh":
        return _gelu_by_tanh(input)
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}")


def _silu_bend(x: Tensor) -> Tensor:
    """The second derivative of silu, s (1 - s) (2 + x (1 - 2 s))."""
    s = sigmoid(x)
    return s * (1.0 - s) * (x * (1.0 - s * 2.0) + 2.0)


def _numpy_sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _numpy_silu_slope(x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    return _numpy_sigmoid(x) * (1 + x * (1 - _numpy_sigmoid(x)))


silu_backward = curve_backward("silu", _numpy_silu_slope, _silu_bend)


@unary(
    vjp=lambda g, input: silu_backward(g, input),
    ref=lambda x: _not_infinite(x) * _numpy_sigmoid(_not_infinite(x)),
)
def silu(input: Tensor) -> Tensor:
    """x sigmoid(x), also called swish."""


def _mish_parts(x: Tensor) -> tuple[Tensor, Tensor]:
    return tanh(softplus(x)), sigmoid(x)


def _mish_bend(x: Tensor) -> Tensor:
    """With t = tanh(softplus(x)) and s = sigmoid(x): (1 - t^2) s (2 + x (1 - s - 2 t s))."""
    t, s = _mish_parts(x)
    return (1.0 - square(t)) * s * (x * (1.0 - s - t * s * 2.0) + 2.0)


def _numpy_mish(x: Any) -> Any:
    x = _not_infinite(x)
    return x * np.tanh(np.logaddexp(0, x))


def _numpy_mish_slope(x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    t = np.tanh(np.logaddexp(0, x))
    return t + x * (1 - t * t) * _numpy_sigmoid(x)


mish_backward = curve_backward("mish", _numpy_mish_slope, _mish_bend)


@unary(vjp=lambda g, input: mish_backward(g, input), ref=_numpy_mish)
def mish(input: Tensor) -> Tensor:
    """x tanh(softplus(x)). Misra 2019."""


logsigmoid_backward = curve_backward(
    "logsigmoid",
    lambda x: _numpy_sigmoid(-x),
    lambda x: neg(sigmoid(x) * sigmoid(neg(x))),
)


@unary(vjp=lambda g, input: logsigmoid_backward(g, input), ref=lambda x: -np.logaddexp(0.0, -x))
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""


softsign_backward = curve_backward(
    "softsign",
    lambda x: 1 / np.square(1 + np.abs(x)),
    lambda x: sign(x) * power(abs(x) + 1.0, -3.0) * -2.0,
    KINK,
)


@unary(
    vjp=lambda g, input: softsign_backward(g, input),
    ref=lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))),
    domain=KINK,
)
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""


@tried(ref=lambda x: x - np.tanh(x), domain=(real,))
@composite
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - tanh(input)


@tried(
    ref=lambda x, dim=-1: np.multiply(*_halves(x, dim)),
    samples=[(real(3, 4),), (real(2, 3), 0), (real(2, 6, 3), 1), (real(0, 4), 1)],
)
@composite
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b) of the two halves a, b of ``dim``. Dauphin et al. 2016."""
    size = input.shape[input._dim(dim, "glu")] if input.ndim else 1
    if size % 2:
        raise ValueError(f"glu: dimension {dim} must be even; got {tuple(input.shape)}")
    first, second = input.chunk(2, dim)
    return first * sigmoid(second)


def _halves(x: Any, dim: int) -> tuple[Any, Any]:
    a, b = np.split(x, 2, dim)
    return a, _numpy_sigmoid(b)
