"""Losses of labels: cross-entropy and the negative log-likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import ffi, kernel_number, lib
from ..tensor import Tensor
from .arithmetic import neg
from .creation import ones_like
from .declare import composite, no_grad, op, through, tried
from .loss import _numpy_reduce, _reduce, _same_shape
from .normalization import log_softmax, softmax, softmax_backward
from .reduction import _sum
from .samples import between, call, index, positive, real
from .shape import _expand, _reshape, unsqueeze

FUNCTIONAL = True
CROSS_ENTROPY, NLL = kernel_number("cross_entropy"), kernel_number("nll_loss")
FLOATS = lib.TK_F64  # the floating dtypes have the numbers up to this


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
