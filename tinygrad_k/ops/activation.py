"""Activation functions, elementwise; their gradients are fused kernels with their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import kernel_number, lib
from ..tensor import Tensor
from .arithmetic import abs, clamp, neg, square
from .comparison import gt, logical_and, lt, where
from .declare import binary, composite, op, unary, vanishes
from .samples import away_from, call, real
from .transcendental import _erf, exp, sigmoid, sigmoid_backward, tanh

FUNCTIONAL = True  # these stand in nn.functional ...
ROOT = ("relu", "selu", "celu")  # ... and these in the package's root and on Tensor as well

KINK = away_from(0.0)
SHAPES = ((3, 5), (), (0, 3), (37,))


def _map(name: str) -> Any:
    """A door call: the kernel of this name on one or two handles and two parameters."""
    number = kernel_number(name)

    def one(input: Tensor, p: float = 0.0, q: float = 0.0) -> Any:
        return lib.tk_map1(number, input._h, p, q)

    def two(g: Tensor, saved: Tensor, p: float = 0.0, q: float = 0.0) -> Any:
        return lib.tk_map2(number, g._h, saved._h, p, q)

    return two if name.endswith("_backward") else one


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
    ref=lambda g, y: np.where((y > 0) | np.isnan(g), g, 0),
    domain=(real, KINK),
    dtypes="float",
    inplace=False,
)
def relu_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` where ``other``, relu's argument or result, is above 0, else 0."""


_leaky_relu, _leaky_relu_backward = _map("leaky_relu"), _map("leaky_relu_backward")


@op(
    kernel="leaky_relu",
    vjp={"input": lambda g, input, negative_slope: leaky_relu_backward(g, input, negative_slope)},
    ref=lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    samples=[*((KINK(*s),) for s in SHAPES), (KINK(3, 5), 0.2)],
    family="elementwise",
)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Any:
    """x above 0, else negative_slope * x."""
    return _leaky_relu(input, negative_slope)


@op(
    kernel="leaky_relu_backward",
    vjp={"g": lambda g, x, slope: leaky_relu_backward(g, x, slope), "x": vanishes},
    ref=lambda g, x, slope: np.where(x > 0, g, slope * g),
    samples=[(real(3, 5), KINK(3, 5), 0.2)],
    family="elementwise",
)
def leaky_relu_backward(g: Tensor, x: Tensor, slope: float) -> Any:
    """The gradient of leaky_relu: g, times the slope where x <= 0."""
    return _leaky_relu_backward(g, x, slope)


_elu, _elu_backward = _map("elu"), _map("elu_backward")


@op(
    kernel="elu",
    vjp={"input": lambda g, input, alpha: elu_backward(g, input, alpha)},
    ref=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    samples=[*((KINK(*s),) for s in SHAPES), (KINK(3, 5), 0.7)],
    family="elementwise",
)
def elu(input: Tensor, alpha: float = 1.0) -> Any:
    """x above 0, else alpha (exp(x) - 1). Clevert et al. 2015, eq. 15."""
    return _elu(input, alpha)


@op(
    kernel="elu_backward",
    vjp={
        "g": lambda g, x, alpha: elu_backward(g, x, alpha),
        "x": lambda g_out, g, x, alpha: where(gt(x, 0.0), 0.0, g_out * g * alpha * exp(x)),
    },
    ref=lambda g, x, alpha: np.where(x > 0, g, g * alpha * np.exp(x)),
    samples=[(real(3, 5), KINK(3, 5), 0.7)],
    family="elementwise",
)
def elu_backward(g: Tensor, x: Tensor, alpha: float) -> Any:
    """The gradient of elu: g above 0, else g alpha exp(x)."""
    return _elu_backward(g, x, alpha)


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


def _numpy_gelu_backward(g: Any, x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    return g * (0.5 * (1 + _erf(x / math.sqrt(2))) + x * DENSITY * np.exp(-x * x / 2))


@binary(
    vjp={
        "input": lambda g, other: gelu_backward(g, other),
        "other": lambda g, input, other: g * input * _gelu_bend(other),
    },
    ref=_numpy_gelu_backward,
    dtypes="float",
    inplace=False,
)
def gelu_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` through gelu at ``other``: g (Phi(x) + x phi(x))."""


def _numpy_gelu_tanh_backward(g: Any, x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    t = np.tanh(TANH_SCALE * (x + TANH_CUBIC * x**3))
    slope = TANH_SCALE * (1 + 3 * TANH_CUBIC * x * x)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


@binary(
    vjp={
        "input": lambda g, other: gelu_tanh_backward(g, other),
        "other": lambda g, input, other: g * input * _gelu_tanh_bend(other),
    },
    ref=_numpy_gelu_tanh_backward,
    dtypes="float",
    inplace=False,
)
def gelu_tanh_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` through the tanh form of gelu at ``other``."""


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


def _numpy_silu_backward(g: Any, x: Any) -> Any:
    x = np.clip(x, -1e4, 1e4)
    s = 1 / (1 + np.exp(-x))
    return g * (s * (1 + x * (1 - s)))


@unary(
    vjp=lambda g, input: silu_backward(g, input),
    ref=lambda x: _not_infinite(x) / (1 + np.exp(-_not_infinite(x))),
)
def silu(input: Tensor) -> Tensor:
    """x sigmoid(x), also called swish."""


@binary(
    vjp={
        "input": lambda g, other: silu_backward(g, other),
        "other": lambda g, input, other: g * input * _silu_bend(other),
    },
    ref=_numpy_silu_backward,
    dtypes="float",
    inplace=False,
)
def silu_backward(input: Any, other: Any) -> Tensor:
    """The gradient ``input`` through silu at ``other``: g s (1 + x (1 - s))."""


_softplus, _softplus_backward = _map("softplus"), _map("softplus_backward")


@op(
    kernel="softplus",
    vjp={"input": lambda g, input, beta, threshold: softplus_backward(g, input, beta, threshold)},
    ref=lambda x, beta=1.0, threshold=20.0: np.where(
        x * beta > threshold, x, np.log1p(np.exp(x * beta)) / beta
    ),
    samples=[
        *((real(*s),) for s in SHAPES),
        (real(3, 5), 2.0, 20.0),
        call(real(4), beta=0.5),
        (away_from(0.5)(9), 2.0, 1.0),
    ],
    family="elementwise",
)
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    if beta == 0:
        raise ValueError("softplus: beta cannot be 0")
    return _softplus(input, beta, threshold)


@op(
    kernel="softplus_backward",
    vjp={
        "g": lambda g, x, beta, threshold: softplus_backward(g, x, beta, threshold),
        "x": lambda g_out, g, x, beta, threshold: where(
            gt(x * beta, threshold), 0.0, sigmoid_backward(g_out * g, sigmoid(x * beta)) * beta
        ),
    },
    ref=lambda g, x, beta, threshold: np.where(
        x * beta > threshold, g, g / (1 + np.exp(-x * beta))
    ),
    samples=[
        (real(3, 5), real(3, 5), 2.0, 20.0),
        (real(9), away_from(0.5)(9), 2.0, 1.0),
    ],
    family="elementwise",
)
def softplus_backward(g: Tensor, x: Tensor, beta: float, threshold: float) -> Any:
    """The gradient of softplus: g sigmoid(beta x)."""
    return _softplus_backward(g, x, beta, threshold)


# -- over other ops -----------------------------------------------------------------------------


@composite
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return neg(softplus(neg(input), 1.0, math.inf))


@op(
    kernel="clamp_scalar",
    vjp={
        "input": lambda g, input, low, high: where(
            logical_and(gt(input, low), lt(input, high)), g, 0.0
        )
    },
    ref=np.clip,
    samples=[(away_from(-1, 2)(3, 5), -1.0, 2.0), (real(), 0.0, 6.0), (real(0, 3), -1.0, 1.0)],
    family="elementwise",
)
def _ramp(input: Tensor, low: float, high: float) -> Any:
    """As clamp, but the gradient does not pass at the bounds themselves."""
    return _clamped(input, low, high)


_clamped = _map("clamp_scalar")


@composite
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x brought into [min_val, max_val]; the derivative at both is 0."""
    if not input.dtype.is_floating_point:
        return clamp(input, min_val, max_val)
    return _ramp(input, min_val, max_val)


@composite
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6); the derivative at 0 and 6 is 0."""
    return hardtanh(input, 0, 6)


@composite
def hardsigmoid(input: Tensor) -> Tensor:
    """x / 6 + 1/2 brought into [0, 1]; the derivative at -3 and 3 is 0."""
    return _ramp(input + 3.0, 0.0, 6.0) / 6.0


@composite
def hardswish(input: Tensor) -> Tensor:
    """x hardsigmoid(x)."""
    return input * hardsigmoid(input)


@composite
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (abs(input) + 1.0)


@composite
def mish(input: Tensor) -> Tensor:
    """x tanh(softplus(x)). Misra 2019."""
    return input * tanh(softplus(input))


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@composite
def selu(input: Tensor) -> Tensor:
    """scale * elu(x, alpha) with the fixed point's constants. Klambauer et al. 2017."""
    return elu(input, SELU_ALPHA) * SELU_SCALE


@composite
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron 2017."""
    return elu(input / alpha, 1.0) * alpha


@composite
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, else weight * x; one weight, or one for each channel (dimension 1)."""
    if weight.numel() > 1:
        shape = [1] * input.ndim
        shape[min(1, input.ndim - 1)] = weight.numel()
        weight = weight.reshape(shape)
    return where(gt(input, 0.0), input, input * weight)
