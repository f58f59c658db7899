"""Losses. ``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``; no shape broadcasts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import ffi, kernel_number, lib
from ..tensor import Tensor
from .activation import softplus
from .arithmetic import abs, clamp, mul, neg, square
from .comparison import eq, lt, where
from .creation import ones_like
from .declare import as_operand, binary, composite, no_grad, op, through, tried, unary
from .host import refuse
from .normalization import log_softmax, softmax, softmax_backward
from .reduction import _mean, _sum
from .samples import between, call, index, positive, real
from .shape import _expand, _reshape, unsqueeze
from .transcendental import exp, log

FUNCTIONAL = True
CROSS_ENTROPY, NLL = kernel_number("cross_entropy"), kernel_number("nll_loss")
HUBER, HUBER_BACKWARD = kernel_number("huber"), kernel_number("huber_backward")
FLOATS = lib.TK_F64  # the floating dtypes have the numbers up to this


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
    return _weighted_mean("mse_loss", square(input - target), weight, reduction)


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


# -- classification -----------------------------------------------------------------------------


def _weight_handle(weight: Tensor | None) -> Any:
    return ffi.NULL if weight is None else weight._h


def _numpy_nll(logp: Any, target: Any, weight: Any = None, ignore_index: int = -100) -> Any:
    kept = target != ignore_index
    labels = np.where(kept, target, 0)
    scale = np.ones(logp.shape[1]) if weight is None else weight
    picked = np.take_along_axis(logp, np.expand_dims(labels, 1), 1).squeeze(1)
    return np.where(kept, -scale[labels] * picked, 0.0)


@op(
    vjp={
        "input": lambda g, input, target, weight, ignore_index: nll_loss_backward(
            g, target, weight, ignore_index, input.shape[1]
        )
    },
    ref=_numpy_nll,
    samples=[
        (real(4, 3), index(4, below=3)),
        (real(4, 3), index(4, below=3), positive(3)),
        (real(4, 3), index(4, below=3), None, 1),
        (real(2, 3, 5), index(2, 5, below=3), positive(3), 1),
        (real(0, 3), index(0, below=3)),
    ],
    family="loss",
)
def _nll(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100
) -> Any:
    """-weight[t] * input[i, t, ...] for each label t, (N, ...) of (N, C, ...); 0 where ignored."""
    return lib.tk_nll_loss(input._h, target._h, _weight_handle(weight), ignore_index)


def _numpy_nll_backward(g: Any, target: Any, weight: Any, ignore_index: int, classes: int) -> Any:
    out = np.zeros((len(target), classes, *target.shape[1:]))
    for at, label in np.ndenumerate(target):
        if label != ignore_index:
            place = (at[0], label, *at[1:])
            out[place] = -g[at] * (1.0 if weight is None else weight[label])
    return out


@op(
    vjp={
        "g": lambda g_out, target, weight, ignore_index: _nll(g_out, target, weight, ignore_index)
    },
    ref=_numpy_nll_backward,
    samples=[
        (real(4), index(4, below=3), None, -100, 3),
        (real(4), index(4, below=3), positive(3), 1, 3),
        (real(2, 5), index(2, 5, below=3), positive(3), 1, 3),
    ],
    family="loss",
)
def nll_loss_backward(
    g: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, classes: int
) -> Any:
    """-weight[t] g at each label t, zeros elsewhere: (N, ...) -> (N, classes, ...)."""
    return lib.tk_nll_loss_backward(g._h, target._h, _weight_handle(weight), ignore_index, classes)


def _numpy_entropy(
    x: Any, target: Any, weight: Any = None, ignore: int = -100, smoothing: float = 0.0
) -> Any:
    top = x.max(1, keepdims=True) if x.size else 0.0
    logp = x - top - np.log(np.exp(x - top).sum(1, keepdims=True))
    scale = np.ones(x.shape[1]) if weight is None else weight
    uniform = np.where(target == ignore, 0.0, -np.einsum("nc...,c->n...", logp, scale))
    hard = _numpy_nll(logp, target, weight, ignore)
    return (1 - smoothing) * hard + smoothing / x.shape[1] * uniform


def _numpy_entropy_backward(
    g: Any, x: Any, target: Any, weight: Any = None, ignore: int = -100, smoothing: float = 0.0
) -> Any:
    e = np.exp(x - x.max(1, keepdims=True))
    scale = np.ones(x.shape[1]) if weight is None else weight
    label = np.eye(x.shape[1])[np.where(target == ignore, 0, target)] * (1 - smoothing)
    share = np.moveaxis(scale * (label + smoothing / x.shape[1]), -1, 1)
    slopes = share.sum(1, keepdims=True) * e / e.sum(1, keepdims=True) - share
    return np.expand_dims(np.where(target == ignore, 0.0, g), 1) * slopes


ENTROPIES: list[tuple[Any, ...]] = [
    (real(4, 3), index(4, below=3)),
    (real(4, 3), index(4, below=3), positive(3), 1),
    (real(4, 3), index(4, below=3), None, -100, 0.2),
    (real(4, 3), index(4, below=3), positive(3), 1, 0.3),
    (real(2, 70), index(2, below=70), positive(70), -100, 0.1),
    (real(2, 3, 5), index(2, 5, below=3), positive(3), 1, 0.3),
    (real(2, 3, 5), index(2, 5, below=3), None, 1, 0.3),
    (real(2, 3, 4, 5), index(2, 4, 5, below=3)),
    (real(1, 70, 18), index(1, 18, below=70), positive(70), -100, 0.1),
]


@op(
    kernel="cross_entropy",
    vjp={
        "input": lambda g, input, target, weight, ignore_index, smoothing: cross_entropy_backward(
            g, input, target, weight, ignore_index, smoothing
        )
    },
    ref=_numpy_entropy,
    samples=[*ENTROPIES, (real(0, 3), index(0, below=3))],
    family="loss",
)
def _entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    smoothing: float = 0.0,
) -> Any:
    """The cross-entropy of logits (N, C, ...) for each of the labels (N, ...)."""
    return lib.tk_cross_entropy(
        input._h, target._h, _weight_handle(weight), ignore_index, smoothing
    )


def _entropy_scale(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore: int, smoothing: float
) -> Tensor:
    """What softmax is multiplied by in a label's gradient: the sum of its target, (N, 1, ...)."""

    x = x.detach()
    uniform = _label_weights(x, target, None, ignore) * (smoothing / x.shape[1])
    uniform = uniform * (float(x.shape[1]) if weight is None else _sum(weight))
    chosen = _label_weights(x, target, weight, ignore)
    return unsqueeze(chosen * (1.0 - smoothing) + uniform, 1)


@op(
    kernel="cross_entropy_backward",
    vjp={
        "g": lambda g_out, input, target, weight, ignore_index, smoothing: _sum(
            g_out
            * cross_entropy_backward(
                ones_like(_sum(g_out, 1)), input, target, weight, ignore_index, smoothing
            ),
            1,
        ),
        "input": lambda g_out, g, input, target, weight, ignore_index, smoothing: (
            unsqueeze(g, 1)
            * _entropy_scale(input, target, weight, ignore_index, smoothing)
            * softmax_backward(g_out, softmax(input, 1), 1)
        ),
    },
    ref=_numpy_entropy_backward,
    samples=[(real(*each[1].shape), *each) for each in ENTROPIES],
    family="loss",
)
def cross_entropy_backward(
    g: Tensor,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    smoothing: float = 0.0,
) -> Any:
    """The gradient of the logits from that of each label's loss, in one pass over them."""
    return lib.tk_cross_entropy_backward(
        g._h, input._h, target._h, _weight_handle(weight), ignore_index, smoothing
    )


def _of_labels(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Input (N, C, ...) and labels (N, ...); both gain N = 1 where they are (C,) and ()."""
    ndim, label_ndim = input._h.ndim, target._h.ndim
    if ndim > 1 and label_ndim:
        return input, target
    if ndim == 1 and label_ndim == 0:
        return unsqueeze(input, 0), unsqueeze(target, 0)
    wanted = tuple(input.shape[:1] + input.shape[2:]) if ndim > 1 else ()
    raise ValueError(
        f"{name}: an input of {tuple(input.shape)} needs labels of {wanted}; "
        f"got {tuple(target.shape)}"
    )


def _reduce_labels(name: str, losses: Tensor, target: Tensor, reduction: str) -> Tensor:
    """A loss for each row in the labels' shape, or their sum."""
    if reduction == "none":
        return _reshape(losses, tuple(target.shape))
    return _reduce(name, losses, reduction)


def _numpy_label_mean(
    losses: Any, target: Any, weight: Any, ignore_index: int, classes: int
) -> Any:
    weights = _numpy_label_weights(np.empty((1, classes)), target, weight, ignore_index)
    return np.sum(losses) / np.sum(weights)


def _label_mean(
    kernel: int,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    smoothing: float,
) -> Any:
    """The mean, and what it was divided by where the gradient will want that."""
    total = ffi.NULL if input._node is None else ffi.new("tk_tensor **")
    scale = _weight_handle(weight)
    mean = lib.tk_label_mean(kernel, input._h, target._h, scale, ignore_index, smoothing, total)
    return (mean, total[0]) if total else mean


@op(
    kernel="cross_entropy",
    vjp={
        "input": lambda g, input, target, weight, ignore_index, smoothing, total: (
            cross_entropy_backward(
                _expand(g / total, tuple(target.shape)),
                input,
                target,
                weight,
                ignore_index,
                smoothing,
            )
        )
    },
    keeps=("total",),
    ref=lambda x, target, weight=None, ignore=-100, smoothing=0.0: _numpy_label_mean(
        _numpy_entropy(x, target, weight, ignore, smoothing), target, weight, ignore, x.shape[1]
    ),
    samples=[each for each in ENTROPIES if 1 not in each[3:4]],  # none where all may be ignored
    family="loss",
)
def _entropy_mean(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    smoothing: float = 0.0,
) -> Any:
    """The cross-entropies of labels, added up, over the labels' weights."""
    return _label_mean(CROSS_ENTROPY, input, target, weight, ignore_index, smoothing)


@op(
    kernel="nll_loss",
    vjp={
        "input": lambda g, input, target, weight, ignore_index, total: nll_loss_backward(
            _expand(g / total, tuple(target.shape)),
            target,
            weight,
            ignore_index,
            input._h.shape[1],
        )
    },
    keeps=("total",),
    ref=lambda logp, target, weight=None, ignore=-100: _numpy_label_mean(
        _numpy_nll(logp, target, weight, ignore), target, weight, ignore, logp.shape[1]
    ),
    samples=[
        (real(4, 3), index(4, below=3)),
        (real(4, 3), index(4, below=3), positive(3)),
        (real(2, 3, 5), index(2, 5, below=3), positive(3)),
    ],
    family="loss",
)
def _nll_mean(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100
) -> Any:
    """What ``_nll`` gives for labels, added up, over the labels' weights."""
    return _label_mean(NLL, input, target, weight, ignore_index, 0.0)


def _numpy_label_weights(logp: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    scale = np.ones(logp.shape[1]) if weight is None else weight
    kept = target != ignore_index
    return np.where(kept, scale[np.where(kept, target, 0)], 0.0)


@op(
    vjp=no_grad("weights of classes are constants"),
    ref=_numpy_label_weights,
    samples=[
        (real(4, 3), index(4, below=3), positive(3), 1),
        (real(4, 3), index(4, below=3), None, -100),
        (real(2, 3, 5), index(2, 5, below=3), positive(3), 1),
    ],
    family="loss",
)
def _label_weights(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> Any:
    """The weight of each label of the input's classes (N, C, ...), 0 where it is ignored."""
    if input.ndim < 2:
        raise ValueError(f"label_weights: needs (N, C, ...); got {tuple(input.shape)}")
    classes, kind = input.shape[1], input._h.dtype
    return lib.tk_nll_weight(target._h, _weight_handle(weight), ignore_index, classes, kind)


def total_weight(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> Tensor | int:
    """What ``cross_entropy`` divides a mean by: the weights of the labels that count together; for
    probabilities the number of rows."""
    if target.dtype.is_floating_point:
        return target.numel() // max(1, input.shape[1 if input.ndim > 1 else 0])
    input, target = _of_labels("cross_entropy", input, target)
    return _sum(_label_weights(input.detach(), target, weight, ignore_index))


def _numpy_by_rows(losses_of: Any) -> Any:
    """The reference of a loss of labels by that of its rows."""

    def reference(
        x: Any, target: Any, weight: Any = None, ignore: int = -100, reduction: str = "mean",
        *more: Any,
    ) -> Any:  # fmt: skip
        rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]) if x.ndim > 1 else x[None]
        labels = target.reshape(-1)
        losses = losses_of(rows, labels, weight, ignore, *more)
        if reduction == "mean":
            return _numpy_label_mean(losses, labels, weight, ignore, rows.shape[1])
        return losses.reshape(target.shape) if reduction == "none" else losses.sum()

    return reference


LABELS = [
    (real(4, 3), index(4, below=3)),
    (real(4, 3), index(4, below=3), positive(3), 1, "sum"),
    (real(4, 3), index(4, below=3), positive(3)),
    (real(2, 3, 4), index(2, 4, below=3), None, 2),
    (real(2, 3, 2, 2), index(2, 2, 2, below=3), positive(3), -100, "none"),
    (real(3), index(below=3)),
    (real(0, 3), index(0, below=3), None, -100, "sum"),
]


@tried(
    ref=_numpy_by_rows(_numpy_nll),
    samples=LABELS,
    vjp={"input": through},
    family="loss",
)
@composite
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-input[i, t_i] for log-probabilities (N, C, ...) and integer labels (N, ...).

    ``weight`` (C,) scales classes; the mean is over the weights. A label that is
    neither a class nor ``ignore_index`` is an IndexError.
    """
    input, labels = _of_labels("nll_loss", input, target)
    if reduction == "mean":
        return _nll_mean(input, labels, weight, ignore_index)
    return _reduce_labels("nll_loss", _nll(input, labels, weight, ignore_index), target, reduction)


def _numpy_cross_entropy(
    x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    if target.dtype.kind != "f":
        by_rows = _numpy_by_rows(_numpy_entropy)
        return by_rows(x, target, weight, ignore_index, reduction, label_smoothing)
    logits, shares = (np.moveaxis(np.atleast_2d(each), 1, -1) for each in (x, target))
    logp = logits - np.log(np.sum(np.exp(logits), -1, keepdims=True))
    shares = shares * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
    losses = -np.sum(logp * shares * (1 if weight is None else weight), -1)
    return _numpy_reduce(losses if x.ndim > 1 else losses[0], reduction)


@tried(
    ref=_numpy_cross_entropy,
    samples=[
        *LABELS,
        call(real(4, 3), index(4, below=3), positive(3), 1, label_smoothing=0.2, reduction="sum"),
        call(real(2, 3, 4), index(2, 4, below=3), label_smoothing=0.2, reduction="none"),
        (real(4, 3), between(0, 1)(4, 3)),
        (real(4, 3), between(0, 1)(4, 3), positive(3), -100, "sum", 0.3),
        (real(2, 3, 4), between(0, 1)(2, 3, 4), None, -100, "none"),
        (real(3), between(0, 1)(3)),
        (real(0, 3), between(0, 1)(0, 3), None, -100, "sum"),
    ],
    vjp={"input": through, "target": through},
    family="loss",
)
@composite
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The negative log-likelihood of ``softmax(input)``, for logits (N, C, ...).

    ``target`` holds integer labels (N, ...), or probabilities of the input's shape and dtype. With
    ``label_smoothing`` s the target is mixed with the uniform distribution, (1 - s) t + s / C.
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1]; got {label_smoothing}")
    ndim = input._h.ndim
    if ndim == 0:
        raise ValueError("cross_entropy: the input needs a dimension of classes; got ()")
    if target._h.dtype <= FLOATS:
        dim = 1 if ndim > 1 else 0
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing, dim)
    input, labels = _of_labels("cross_entropy", input, target)
    smoothing = float(label_smoothing)
    if reduction == "mean":
        return _entropy_mean(input, labels, weight, ignore_index, smoothing)
    losses = _entropy(input, labels, weight, ignore_index, smoothing)
    return _reduce_labels("cross_entropy", losses, target, reduction)


def _soft_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    smoothing: float,
    dim: int,
) -> Tensor:
    _same_shape("cross_entropy", input, target)
    classes = input.shape[dim]
    if smoothing:
        target = target * (1.0 - smoothing) + smoothing / max(classes, 1)
    terms = log_softmax(input, dim) * target
    if weight is not None:
        terms = terms * _reshape(weight, (classes,) + (1,) * (input.ndim - dim - 1))
    losses = neg(_sum(terms, dim))
    if reduction == "mean":  # NaN where there are no classes
        return _sum(losses) / float(math.prod(losses.shape) if classes else 0)
    return _reduce("cross_entropy", losses, reduction)


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


@binary(
    vjp={
        "input": lambda g, input, other: (
            g * ((input - other) / clamp(input * (1.0 - input), min=1e-12))
        ),
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
    tail = softplus(neg(input), 1.0, math.inf)
    if pos_weight is not None:
        tail = tail * ((pos_weight - 1.0) * target + 1.0)
    losses = (1.0 - target) * input + tail
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
