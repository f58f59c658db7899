"""Activations that change their formula at a point, most with numbers to set where and how.

Each is one kernel, and so is its gradient, ``name_backward``, which takes the gradient, the
operand and the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import kernel_number, lib
from ..tensor import Tensor
from .arithmetic import _bounds, _clamp, clamp
from .comparison import ge, gt, le, logical_or, where
from .creation import empty_like
from .declare import composite, op, tried, unary, vanishes
from .samples import away_from, call, real
from .transcendental import exp, sigmoid, sigmoid_backward

FUNCTIONAL = True
ROOT = ("celu", "hardshrink", "prelu", "rrelu", "selu", "threshold")

KINK = away_from(0.0)
SHAPES = ((3, 5), (), (0, 3), (37,))


def door(name: str, input: Tensor, p: float = 0.0, q: float = 0.0) -> Any:
    return lib.tk_map1(kernel_number(name), input._h, p, q)


def bent_backward(name: str, ref: Any, samples: list[Any], bend: Any = None) -> Any:
    """Declares ``name_backward(g, x, p, q)``; ``ref`` is its value in NumPy.

    ``bend(h, x, p, q)`` is h times the activation's second derivative; None: that is 0.
    """
    number = kernel_number(f"{name}_backward")

    def body(g: Tensor, x: Tensor, p: float = 0.0, q: float = 0.0) -> Any:
        return lib.tk_map2(number, g._h, x._h, p, q)

    body.__name__ = body.__qualname__ = f"{name}_backward"
    body.__doc__ = f"The gradient g through {name} at x, with its numbers p and q."

    def curved(g_out: Tensor, g: Tensor, x: Tensor, p: float, q: float) -> Tensor:
        return bend(g_out * g, x, p, q)

    backward: Any = op(
        kernel=f"{name}_backward",
        vjp={
            "g": lambda g, x, p, q: backward(g, x, p, q),
            "x": curved if bend else vanishes,
        },
        ref=ref,
        samples=samples,
        family="elementwise",
    )(body)
    return backward


leaky_relu_backward = bent_backward(
    "leaky_relu",
    lambda g, x, slope: np.where(x > 0, g, slope * g),
    [(real(3, 5), KINK(3, 5), 0.2)],
)


@op(
    kernel="leaky_relu",
    vjp={"input": lambda g, input, negative_slope: leaky_relu_backward(g, input, negative_slope)},
    ref=lambda x, slope=0.01: np.where(x > 0, x, slope * x),
    samples=[*((KINK(*s),) for s in SHAPES), (KINK(3, 5), 0.2)],
    family="elementwise",
)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Any:
    """x above 0, else negative_slope * x."""
    return door("leaky_relu", input, negative_slope)


def _elu_bend(h: Tensor, x: Tensor, alpha: float, rate: float) -> Tensor:
    return where(gt(x, 0.0), 0.0, h * exp(x * rate) * (alpha * rate * rate))


elu_backward = bent_backward(
    "elu",
    lambda g, x, alpha, rate: np.where(x > 0, g, g * alpha * rate * np.exp(x * rate)),
    [(real(3, 5), KINK(3, 5), 0.7, 1.0), (real(4), KINK(4), 2.0, 0.5)],
    _elu_bend,
)


@op(
    kernel="elu",
    vjp={"input": lambda g, input, alpha: elu_backward(g, input, alpha, 1.0)},
    ref=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
    samples=[*((KINK(*s),) for s in SHAPES), (KINK(3, 5), 0.7)],
    family="elementwise",
)
def elu(input: Tensor, alpha: float = 1.0) -> Any:
    """x above 0, else alpha (exp(x) - 1). Clevert et al. 2015, eq. 15."""
    return door("elu", input, alpha, 1.0)


@op(
    kernel="elu",
    vjp={"input": lambda g, input, alpha: elu_backward(g, input, alpha, 1.0 / alpha)},
    ref=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
    samples=[*((KINK(*s),) for s in SHAPES), (KINK(3, 5), 0.7)],
    family="elementwise",
)
def celu(input: Tensor, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron 2017."""
    if alpha == 0:
        raise ValueError("celu: alpha cannot be 0")
    return door("elu", input, alpha, 1.0 / alpha)


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

selu_backward = bent_backward(
    "selu",
    lambda g, x: g * SELU_SCALE * np.where(x > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(x, 0))),
    [(real(3, 5), KINK(3, 5))],
    lambda h, x, p, q: _elu_bend(h, x, SELU_ALPHA * SELU_SCALE, 1.0),
)


@unary(
    vjp=lambda g, input: selu_backward(g, input),
    ref=lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    domain=KINK,
)
def selu(input: Tensor) -> Tensor:
    """scale * elu(x, alpha) with the fixed point's constants. Klambauer et al. 2017."""


softplus_backward = bent_backward(
    "softplus",
    lambda g, x, beta, threshold: np.where(x * beta > threshold, g, g / (1 + np.exp(-x * beta))),
    [(real(3, 5), real(3, 5), 2.0, 20.0), (real(9), away_from(0.5)(9), 2.0, 1.0)],
    lambda h, x, beta, threshold: where(
        gt(x * beta, threshold), 0.0, sigmoid_backward(h, sigmoid(x * beta)) * beta
    ),
)


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
    return door("softplus", input, beta, threshold)


@op(
    kernel="clamp",
    vjp={
        "input": lambda g, input, min_val, max_val: where(
            logical_or(le(input, min_val), ge(input, max_val)), 0.0, g
        )
    },
    ref=lambda x, low, high: np.clip(x, low, high),
    samples=[*((away_from(-1, 1)(*s), -1.0, 1.0) for s in SHAPES), (KINK(7), -2.0, 0.0)],
    family="elementwise",
)
def _hardtanh(input: Tensor, min_val: float, max_val: float) -> Any:
    return door("clamp", input, min_val, max_val)


@tried(ref=lambda x: np.clip(x, 0, 6), domain=(away_from(0.0, 6.0, high=9.0),), dtypes="number")
@composite
def relu6(input: Tensor) -> Tensor:
    """min(max(x, 0), 6); the gradient is 0 at both ends."""
    return hardtanh(input, 0, 6)


@tried(
    ref=lambda x, low=-1, high=1: np.clip(x, low, high),
    samples=[(away_from(-1, 1)(3, 5),), (away_from(0, 2)(7), 0, 2), (real(0, 3),)],
    dtypes="number",
)
@composite
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x brought into [min_val, max_val]; the gradient is 0 at both ends."""
    if not min_val <= max_val:
        raise ValueError(f"hardtanh: min_val is above max_val; got {min_val} and {max_val}")
    if not input.dtype.is_floating_point:
        low, high = float(min_val), float(max_val)
        if low.is_integer() and high.is_integer() and _bounds(input, int(low), int(high)):
            return _clamp(input, low, high)
        return clamp(input, min_val, max_val)
    return _hardtanh(input, min_val * 1.0, max_val * 1.0)


CORNERS = away_from(-3.0, 3.0, low=-5.0, high=5.0)

hardsigmoid_backward = bent_backward(
    "hardsigmoid",
    lambda g, x: np.where(np.abs(x) < 3, g / 6, 0.0),
    [(real(3, 5), CORNERS(3, 5))],
)


@unary(
    vjp=lambda g, input: hardsigmoid_backward(g, input),
    ref=lambda x: np.clip(x + 3, 0, 6) / 6,
    domain=CORNERS,
)
def hardsigmoid(input: Tensor) -> Tensor:
    """x / 6 + 1/2 brought into [0, 1]."""


hardswish_backward = bent_backward(
    "hardswish",
    lambda g, x: g * np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, x / 3 + 0.5)),
    [(real(3, 5), CORNERS(3, 5))],
    lambda h, x, p, q: where(gt(3.0, x.abs()), h / 3.0, 0.0),
)


@unary(
    vjp=lambda g, input: hardswish_backward(g, input),
    ref=lambda x: x * np.clip(x + 3, 0, 6) / 6,
    domain=CORNERS,
)
def hardswish(input: Tensor) -> Tensor:
    """x hardsigmoid(x)."""


threshold_backward = bent_backward(
    "threshold",
    lambda g, x, p: np.where(x <= p, 0.0, g),
    [(real(3, 5), KINK(3, 5), 0.0)],
)


@op(
    kernel="threshold",
    vjp={"input": lambda g, input, threshold: threshold_backward(g, input, threshold)},
    ref=lambda x, threshold, value: np.where(x <= threshold, value, x),
    samples=[(KINK(3, 5), 0.0, 0.0), (away_from(0.5)(7), 0.5, 20.0), (KINK(0, 3), 0.0, 1.0)],
    family="elementwise",
)
def threshold(input: Tensor, threshold: float, value: float) -> Any:
    """x above the threshold, else the value."""
    return door("threshold", input, threshold, value)


hardshrink_backward = bent_backward(
    "hardshrink",
    lambda g, x, p: np.where(np.abs(x) <= p, 0.0, g),
    [(real(3, 5), away_from(-0.5, 0.5)(3, 5), 0.5)],
)
SHRINKS = [
    *((away_from(-0.5, 0.5)(*s),) for s in SHAPES),
    (away_from(-1.0, 1.0)(3, 5), 1.0),
]


@op(
    kernel="hardshrink",
    vjp={"input": lambda g, input, lambd: hardshrink_backward(g, input, lambd)},
    ref=lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0.0, x),
    samples=SHRINKS,
    family="elementwise",
)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """0 between -lambd and lambd, else x."""
    return door("hardshrink", input, lambd)


@op(
    kernel="softshrink",
    vjp={"input": lambda g, input, lambd: hardshrink_backward(g, input, lambd)},
    ref=lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0.0, x - lambd * np.sign(x)),
    samples=SHRINKS,
    family="elementwise",
)
def softshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd; 0 between -lambd and lambd."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd cannot be negative; got {lambd}")
    return door("softshrink", input, lambd)


def _channels(weight: Any, x: Any) -> Any:
    return weight.reshape(weight.size, *(1,) * max(x.ndim - 2, 0)) if weight.size != 1 else weight


@tried(
    ref=lambda x, w: np.where(x > 0, x, _channels(w, x) * x),
    samples=[
        (KINK(3, 5), real(5)),
        (KINK(2, 3, 4), real(3)),
        (KINK(3, 5), real(1)),
        (KINK(2, 0, 3), real(0)),
    ],
    family="sums",
)
@composite
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, else weight * x; one weight, or one for each channel (dimension 1)."""
    count = weight.numel()
    if weight.ndim > 1 or (count != 1 and (input.ndim < 2 or input.shape[1] != count)):
        raise ValueError(
            f"prelu: one weight, or one a channel; got {tuple(weight.shape)} for "
            f"{tuple(input.shape)}"
        )
    weight = weight.reshape(*(count, *(1,) * (input.ndim - 2)) if count != 1 else ())
    return where(gt(input, 0.0), input, input * weight)


@tried(
    ref=lambda x, lower=1 / 8, upper=1 / 3: np.where(x > 0, x, x * (lower + upper) / 2),
    samples=[(KINK(3, 5),), (KINK(7), 0.2, 0.4)],
)
@composite
def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """x above 0, else x times a number drawn from [lower, upper] for each element.

    Unless ``training``, times the middle of the two. Xu et al. 2015.
    """
    if not lower <= upper:
        raise ValueError(f"rrelu: lower is above upper; got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    slopes = empty_like(input.detach()).uniform_(lower, upper)
    return where(gt(input, 0.0), input, input * slopes)
