"""Losses of numbers and of probabilities; no shape broadcasts.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import kernel_number, lib
from ..tensor import Tensor
from .activation import softplus
from .arithmetic import abs, clamp, mul, neg, square
from .comparison import eq, gt, lt, where
from .declare import as_operand, binary, composite, no_grad, op, tried, unary
from .host import refuse
from .reduction import _mean, _sum
from .samples import between, call, positive, real
from .transcendental import exp, log, sigmoid

FUNCTIONAL = True
HUBER, HUBER_BACKWARD = kernel_number("huber"), kernel_number("huber_backward")
ENTROPY_BACKWARD = kernel_number("binary_entropy_backward")
LOGIT_ENTROPY = kernel_number("logit_entropy")
LOGIT_ENTROPY_BACKWARD = kernel_number("logit_entropy_backward")


def _reduce(name: str, losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return _mean(losses)
    if reduction == "sum":
        return _sum(losses)
    if reduction == "none":
        return losses
    raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")


def _times(name: str, losses: Tensor, weight: Tensor | None) -> Tensor:
    """The losses with a weight each."""
    if weight is None:
        return losses
    if not isinstance(weight, Tensor) or weight.shape != losses.shape:
        given = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
        raise ValueError(f"{name}: weight must be a Tensor {tuple(losses.shape)}; got {given}")
    return losses * weight


def _weighted_mean(name: str, losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """``_reduce`` of losses with a weight each; their mean is over the sum of the weights."""
    losses = _times(name, losses, weight)
    if weight is not None and reduction == "mean":
        return _sum(losses) / _sum(weight)
    return _reduce(name, losses, reduction)


def _same_shape(name: str, input: Tensor, target: Tensor) -> None:
    for what, value in (("input", input), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: {what} must be a Tensor; got {type(value).__name__}")
    if not lib.tk_same_shape(input._h, target._h):
        raise ValueError(
            f"{name}: input and target must have the same shape; "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )


def _numpy_reduce(losses: Any, reduction: str = "mean", weight: Any = None) -> Any:
    losses = losses if weight is None else losses * weight
    if reduction == "none":
        return losses
    return np.sum(losses) / (
        1 if reduction == "sum" else losses.size if weight is None else np.sum(weight)
    )


LOSSES = [
    (real(3, 5), real(3, 5)),
    (real(2, 3, 4), real(2, 3, 4), "sum"),
    (real(4), real(4), "none"),
    (real(), real()),
    (real(0, 3), real(0, 3), "none"),
    (real(0, 3), real(0, 3)),
]
WEIGHTED = [(real(3, 5), real(3, 5), how, positive(3, 5)) for how in ("mean", "sum", "none")]


# -- regression ---------------------------------------------------------------------------------


@binary(
    vjp={
        "input": lambda g, input, other: _huber_backward(
            g, input, as_operand(other, g), math.inf, 2.0
        ),
        "other": lambda g, input, other: _huber_backward(
            g, as_operand(other, g), as_operand(input, g), math.inf, 2.0
        ),
    },
    ref=lambda x, t: (x - t) ** 2,
    kernel="squared_error",
    dtypes="number",
    inplace=False,
)
def _squared_error(input: Any, other: Any) -> Tensor:
    """(x - t)^2, elementwise."""


@tried(
    ref=lambda x, t, reduction="mean", weight=None: _numpy_reduce((x - t) ** 2, reduction, weight),
    samples=[*LOSSES, *WEIGHTED],
    family="sums",
)
@composite
def mse_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """The squared differences (x - t)^2; with weights their mean is over the sum of these."""
    _same_shape("mse_loss", input, target)
    return _weighted_mean("mse_loss", _squared_error(input, target), weight, reduction)


@tried(
    ref=lambda x, t, reduction="mean", weight=None: _numpy_reduce(np.abs(x - t), reduction, weight),
    samples=[*LOSSES, *WEIGHTED],
    family="sums",
)
@composite
def l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None
) -> Tensor:
    """The absolute differences |x - t|; with weights their mean is over the sum of these."""
    _same_shape("l1_loss", input, target)
    return _weighted_mean("l1_loss", abs(input - target), weight, reduction)


def _bent(
    g_out: Tensor, g: Tensor, input: Tensor, target: Tensor, delta: float, scale: float
) -> Tensor:
    """The second derivative of ``_huber``: ``scale`` where the difference is below ``delta``."""
    if delta == math.inf:  # of squares, everywhere
        return g_out * g * scale
    return where(lt(abs(input - target), delta), g_out * g * scale, 0.0)


@op(
    kernel="huber_backward",
    vjp={
        "g": lambda g_out, input, target, delta, scale: _huber_backward(
            g_out, input, target, delta, scale
        ),
        "input": _bent,
        "target": lambda g_out, g, input, target, delta, scale: neg(
            _bent(g_out, g, input, target, delta, scale)
        ),
    },
    ref=lambda g, x, t, delta, scale: g * scale * np.clip(x - t, -delta, delta),
    samples=[
        (real(3, 5), real(3, 5), real(3, 5), 0.5, 2.0),
        (real(2, 1, 4), real(3, 1), real(4), 1.0, 1.0),
    ],
    family="elementwise",
)
def _huber_backward(g: Tensor, input: Tensor, target: Tensor, delta: float, scale: float) -> Any:
    """The gradient of ``input`` through ``_huber``; that of ``target`` is its negative."""
    return lib.tk_map3(HUBER_BACKWARD, g._h, input._h, target._h, delta, scale)


@op(
    kernel="huber",
    vjp={
        "input": lambda g, input, target, delta, scale: _huber_backward(
            g, input, target, delta, scale
        ),
        "target": lambda g, input, target, delta, scale: _huber_backward(
            g, target, input, delta, scale
        ),
    },
    ref=lambda x, t, delta=1.0, scale=1.0: (
        scale * np.clip(x - t, -delta, delta) * (x - t - np.clip(x - t, -delta, delta) / 2)
    ),
    samples=[
        (real(3, 5), real(3, 5), 0.5, 2.0),
        (real(3, 1), real(4)),
        (real(0, 3), real(0, 3)),
    ],
    family="elementwise",
)
def _huber(input: Tensor, target: Tensor, delta: float = 1.0, scale: float = 1.0) -> Any:
    """scale * (d^2 / 2) for d = |x - t| below delta, else scale * delta (d - delta / 2)."""
    return lib.tk_map2(HUBER, input._h, target._h, delta, scale)


@tried(
    ref=lambda x, t, reduction="mean", beta=1.0: _numpy_reduce(
        np.where(np.abs(x - t) < beta, (x - t) ** 2 / (2 * beta or 1), np.abs(x - t) - beta / 2),
        reduction,
    ),
    samples=[*LOSSES, call(real(3, 5), real(3, 5), beta=0.3), (real(7), real(7), "mean", 0)],
    family="sums",
)
@composite
def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """d^2 / (2 beta) for d = |x - t| below beta, else d - beta / 2. Girshick 2015, eq. 3."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta cannot be negative; got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    _same_shape("smooth_l1_loss", input, target)
    losses = _huber(input, target, beta, 1.0 / beta)
    return _reduce("smooth_l1_loss", losses, reduction)


def _numpy_huber(
    x: Any, t: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = 1.0
) -> Any:
    d = np.abs(x - t)
    losses = np.where(d < delta, d**2 / 2, delta * (d - delta / 2))
    return _numpy_reduce(losses * weight, reduction)


@tried(
    ref=_numpy_huber,
    samples=[
        *LOSSES,
        (real(9), real(9), "sum", 0.5),
        call(real(3, 5), real(3, 5), weight=positive(3, 5)),
    ],
    family="sums",
)
@composite
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d^2 / 2 for d = |x - t| below delta, else delta (d - delta / 2). Huber 1964."""
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive; got {delta}")
    _same_shape("huber_loss", input, target)
    losses = _huber(input, target, delta)
    return _reduce("huber_loss", _times("huber_loss", losses, weight), reduction)


# -- probabilities ------------------------------------------------------------------------------

SHARE = between(0.05, 0.95)


@unary(
    vjp=no_grad("the result is bool"),
    ref=lambda x: (x < 0) | (x > 1),
    domain=between(-1, 2),
    kernel="outside_unit",
    inplace=False,
)
def _outside_unit(input: Tensor) -> Tensor:
    """Whether an element lies outside [0, 1]; NaN does not."""


def _log_odds(x: Tensor) -> Tensor:
    """log((1 - x) / x), of logarithms that are at least -100."""
    return clamp(log(1.0 - x), min=-100.0) - clamp(log(x), min=-100.0)


def _bernoulli_variance(x: Tensor) -> Tensor:
    """x (1 - x), at least 1e-12."""
    return clamp(x * (1.0 - x), min=1e-12)


def _entropy_bend(g_out: Tensor, g: Tensor, input: Tensor, target: Tensor) -> Tensor:
    """The second derivative of ``_binary_entropy``."""
    spread = _bernoulli_variance(input)
    falls = where(gt(spread, 1e-12), (input - target) * (1.0 - 2.0 * input) / square(spread), 0.0)
    return g_out * g * (1.0 / spread - falls)


@op(
    kernel="binary_entropy_backward",
    vjp={
        "g": lambda g_out, input, target: _binary_entropy_backward(g_out, input, target),
        "input": _entropy_bend,
        "target": lambda g_out, g, input: neg(g_out * g / _bernoulli_variance(input)),
    },
    ref=lambda g, x, t: g * (x - t) / np.maximum(x * (1 - x), 1e-12),
    samples=[
        (real(3, 5), SHARE(3, 5), SHARE(3, 5)),
        (real(2, 1, 4), SHARE(3, 1), SHARE(4)),
    ],
    family="elementwise",
)
def _binary_entropy_backward(g: Tensor, input: Tensor, target: Tensor) -> Any:
    """The gradient of ``input`` through ``_binary_entropy``."""
    return lib.tk_map3(ENTROPY_BACKWARD, g._h, input._h, target._h, 0, 0)


@binary(
    vjp={
        "input": lambda g, input, other: _binary_entropy_backward(g, input, as_operand(other, g)),
        "other": lambda g, input: g * _log_odds(as_operand(input, g)),
    },
    ref=lambda x, t: -(t * np.maximum(np.log(x), -100) + (1 - t) * np.maximum(np.log(1 - x), -100)),
    domain=(SHARE, SHARE),
    kernel="binary_entropy",
    dtypes="float",
    inplace=False,
)
def _binary_entropy(input: Any, other: Any) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)) with logarithms of at least -100, elementwise."""


@tried(
    ref=lambda x, t, weight=None, reduction="mean": _numpy_reduce(
        -(t * np.maximum(np.log(x), -100) + (1 - t) * np.maximum(np.log(1 - x), -100))
        * (1 if weight is None else weight),
        reduction,
    ),
    samples=[
        (SHARE(3, 5), SHARE(3, 5)),
        (SHARE(3, 5), SHARE(3, 5), positive(5), "sum"),
        (SHARE(4), SHARE(4), positive(4), "none"),
        (SHARE(), SHARE()),
        (SHARE(0, 3), SHARE(0, 3), None, "sum"),
    ],
    family="sums",
)
@composite
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)) for probabilities x; logarithms are at least -100.

    The slope is (x - t) / max(x (1 - x), 1e-12), finite for probabilities of 0 and 1.
    """
    _same_shape("binary_cross_entropy", input, target)
    refuse(_outside_unit(input), "binary_cross_entropy: the input must lie in [0, 1]")
    losses = _binary_entropy(input, target)
    return _reduce("binary_cross_entropy", _weighted(losses, weight), reduction)


def _weighted(losses: Tensor, weight: Tensor | None) -> Tensor:
    return losses if weight is None else mul(losses, weight)


@op(
    kernel="logit_entropy_backward",
    vjp={
        "g": lambda g_out, input, target: _logit_entropy_backward(g_out, input, target),
        "input": lambda g_out, g, input: g_out * g * sigmoid(input) * sigmoid(neg(input)),
        "target": lambda g_out, g: neg(g_out * g),
    },
    ref=lambda g, x, t: g * (1 / (1 + np.exp(-x)) - t),
    samples=[
        (real(3, 5), real(3, 5), SHARE(3, 5)),
        (real(2, 1, 4), real(3, 1), SHARE(4)),
    ],
    family="elementwise",
)
def _logit_entropy_backward(g: Tensor, input: Tensor, target: Tensor) -> Any:
    """The gradient of ``input`` through ``_logit_entropy``."""
    return lib.tk_map3(LOGIT_ENTROPY_BACKWARD, g._h, input._h, target._h, 0, 0)


@op(
    kernel="logit_entropy",
    vjp={
        "input": lambda g, input, target: _logit_entropy_backward(g, input, target),
        "target": lambda g, input: neg(g * input),
    },
    ref=lambda x, t: (1 - t) * x + np.logaddexp(0, -x),
    samples=[
        (real(3, 5), SHARE(3, 5)),
        (real(3, 1), SHARE(4)),
        (real(0, 3), SHARE(0, 3)),
    ],
    family="elementwise",
)
def _logit_entropy(input: Tensor, target: Tensor) -> Any:
    """(1 - t) x + log(1 + exp(-x)): ``_binary_entropy`` of sigmoid(x), without overflow."""
    return lib.tk_map2(LOGIT_ENTROPY, input._h, target._h, 0, 0)


def _numpy_logits(
    x: Any, t: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    factor = 1 + ((1 if pos_weight is None else pos_weight) - 1) * t
    losses = (1 - t) * x + factor * np.logaddexp(0, -x)
    return _numpy_reduce(losses * (1 if weight is None else weight), reduction)


@tried(
    ref=_numpy_logits,
    samples=[
        (real(3, 5), SHARE(3, 5)),
        (real(3, 5), SHARE(3, 5), positive(5), "sum"),
        (real(3, 5), SHARE(3, 5), None, "mean", positive(5)),
        (real(4), SHARE(4), positive(4), "none", positive(4)),
        (between(-900, 900)(9), SHARE(9)),
        (real(0, 3), SHARE(0, 3), None, "sum"),
    ],
    family="sums",
)
@composite
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``binary_cross_entropy`` of sigmoid(input), without overflow; ``pos_weight`` scales t.

    (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)).
    """
    _same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = _logit_entropy(input, target)
    else:
        tail = softplus(neg(input), 1.0, math.inf)
        losses = (1.0 - target) * input + tail * ((pos_weight - 1.0) * target + 1.0)
    return _reduce("binary_cross_entropy_with_logits", _weighted(losses, weight), reduction)


def _numpy_kl(x: Any, t: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    losses = np.exp(t) * (t - x) if log_target else np.where(t == 0, 0, t * (np.log(t) - x))
    if reduction == "batchmean":
        return np.sum(losses) / (len(x) if x.ndim else 1)
    return _numpy_reduce(losses, reduction)


@tried(
    ref=_numpy_kl,
    samples=[
        (real(3, 5), positive(3, 5)),
        (real(3, 5), positive(3, 5), "batchmean"),
        (real(3, 5), real(3, 5), "sum", True),
        (real(4), positive(4), "none"),
        (real(), real(), "batchmean", True),
        (real(0, 3), positive(0, 3), "sum"),
    ],
    family="sums",
)
@composite
def kl_div(
    input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """t (log t - x) for log-probabilities x; ``"batchmean"`` divides the sum by the batch."""
    _same_shape("kl_div", input, target)
    if log_target:
        losses = exp(target) * (target - input)
    else:
        safe = where(eq(target, 0.0), 1.0, target)  # 0 log 0 is 0; a negative target gives NaN
        losses = target * (log(safe) - input)
    if reduction == "batchmean":
        return _sum(losses) / float(input.shape[0] if input.ndim else 1)
    return _reduce("kl_div", losses, reduction)
