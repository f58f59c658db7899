"""Losses of margins, distances and distributions. ``reduction`` as in loss.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import float32, lib
from ..tensor import Tensor
from .activation import logsigmoid
from .arithmetic import clamp, minimum, mul, neg, square, sub
from .comparison import eq, gt, lt, ne, where
from .creation import ones_like, zeros_like
from .declare import composite, op, through, tried
from .distance import pairwise_distance
from .host import refuse
from .index import gather, scatter, scatter_add
from .labels import _weight_handle
from .loss import _reduce, _same_shape
from .piecewise import softplus
from .reduction import _mean, _sum
from .samples import Draw, call, index, positive, real
from .shape import _reshape, convert, unsqueeze
from .transcendental import exp, log

FUNCTIONAL = True

FIRST = {"input": through}
BOTH = {"input1": through, "input2": through}
SIGNS = Draw(kind="sign")


def _above(x: Tensor) -> Tensor:
    return clamp(x, min=0.0)


def _numpy_above(x: Any) -> Any:
    return np.maximum(x, 0.0)


@tried(
    ref=lambda x, t, margin=1.0: np.mean(np.where(t == 1, x, _numpy_above(margin - x))),
    samples=[(real(3, 5), SIGNS(3, 5)), (real(7), SIGNS(7), 0.3)],
    vjp=FIRST,
    family="sums",
)
@composite
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1."""
    below = where(ne(target, 1), _above(margin - input), 0.0)
    return _reduce("hinge_embedding_loss", where(ne(target, -1), input, 0.0) + below, reduction)


@tried(
    ref=lambda x, y, t, margin=0.0: np.mean(_numpy_above(-t * (x - y) + margin)),
    samples=[(real(7), real(7), SIGNS(7)), (real(3, 5), real(3, 5), SIGNS(3, 5), 0.7)],
    vjp=BOTH,
    family="sums",
)
@composite
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - t (x1 - x2)): the target 1 wants x1 ranked higher, -1 lower."""
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(
            "margin_ranking_loss: numbers of dimensions differ; got "
            f"{tuple(input1.shape)}, {tuple(input2.shape)}, {tuple(target.shape)}"
        )
    losses = _above(neg(target) * (input1 - input2) + margin)
    return _reduce("margin_ranking_loss", losses, reduction)


TINY = 1e-12  # added to squared norms, PyTorch's


def _numpy_cosine(x: Any, y: Any, t: Any, margin: float = 0.0) -> Any:
    cosine = np.sum(x * y, -1) / np.sqrt((np.sum(x * x, -1) + TINY) * (np.sum(y * y, -1) + TINY))
    return np.mean(np.where(t == 1, 1 - cosine, _numpy_above(cosine - margin)))


@tried(
    ref=_numpy_cosine,
    samples=[(real(4, 3), real(4, 3), SIGNS(4)), (real(4, 3), real(4, 3), SIGNS(4), 0.2)],
    vjp=BOTH,
    family="sums",
)
@composite
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1."""
    if input1.ndim != target.ndim + 1 or input1.ndim > 2:
        raise ValueError(
            "cosine_embedding_loss: expected (N, D), (N, D), (N,) or (D,), (D,), (); got "
            f"{tuple(input1.shape)}, {tuple(input2.shape)}, {tuple(target.shape)}"
        )
    sizes = (_sum(square(input1), -1) + TINY) * (_sum(square(input2), -1) + TINY)
    cosine = _sum(input1 * input2, -1) / sizes.sqrt()
    losses = where(eq(target, 1), 1.0 - cosine, 0.0)
    losses = losses + where(eq(target, -1), _above(cosine - margin), 0.0)
    return _reduce("cosine_embedding_loss", losses, reduction)


def _triplet(
    name: str, distances: tuple[Tensor, Tensor, Any], margin: float, swap: bool, reduction: str
) -> Tensor:
    near, far, between = distances
    if margin <= 0:
        raise ValueError(f"{name}: margin must be above 0; got {margin}")
    if swap:
        far = minimum(far, between())
    return _reduce(name, _above(near - far + margin), reduction)


def _numpy_triplet(a: Any, p: Any, n: Any, margin: float = 1.0) -> Any:
    near, far = (np.linalg.norm(a - each + 1e-6, 2, -1) for each in (p, n))
    return np.mean(_numpy_above(near - far + margin))


@tried(
    ref=_numpy_triplet,
    samples=[(real(4, 3), real(4, 3), real(4, 3)), (real(3), real(3), real(3), 2.0)],
    family="sums",
)
@composite
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |a - p| - |a - n| + margin), by ``pairwise_distance``; ``swap``: |p - n| if smaller.

    Balntas et al. 2016.
    """
    near, far = (pairwise_distance(anchor, each, p, eps) for each in (positive, negative))
    parts = near, far, lambda: pairwise_distance(positive, negative, p, eps)
    return _triplet("triplet_margin_loss", parts, margin, swap, reduction)


@tried(
    ref=_numpy_triplet,
    samples=[(real(4, 3), real(4, 3), real(4, 3)), call(real(3), real(3), real(3), margin=2.0)],
    family="sums",
)
@composite
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """As ``triplet_margin_loss`` with a distance of one's own."""
    distance = pairwise_distance if distance_function is None else distance_function
    parts = (
        distance(anchor, positive),
        distance(anchor, negative),
        lambda: distance(positive, negative),
    )
    return _triplet("triplet_margin_with_distance_loss", parts, margin, swap, reduction)


def _numpy_gaussian(x: Any, t: Any, var: Any, full: bool = False) -> Any:
    losses = 0.5 * (np.log(var) + (x - t) ** 2 / var)
    return np.mean(losses + (0.5 * math.log(2 * math.pi) if full else 0.0))


@tried(
    ref=_numpy_gaussian,
    samples=[
        (real(3, 5), real(3, 5), positive(3, 5)),
        (real(3, 5), real(3, 5), positive(3, 1), True),
    ],
    family="sums",
)
@composite
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (x - t)^2 / var) / 2 of a normal distribution, ``full``: + log(2 pi) / 2.

    ``var`` has the input's shape, a last size of 1, or no last dimension; it counts as at least
    eps, with the gradient it would have itself.
    """
    if not isinstance(var, Tensor):
        if not isinstance(var, (int, float)) or var < 0:
            raise ValueError(f"gaussian_nll_loss: var must be a tensor or >= 0; got {var!r}")
        kind = input.dtype if input.dtype.is_floating_point else float32
        var = input.new_full(tuple(input.shape), float(var), dtype=kind)
    if tuple(var.shape) != tuple(input.shape):
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = unsqueeze(var, -1)
        elif tuple(var.shape) != (*input.shape[:-1], 1):
            raise ValueError(
                f"gaussian_nll_loss: var does not fit; got {tuple(var.shape)} for "
                f"{tuple(input.shape)}"
            )
    refuse(lt(var, 0.0), "gaussian_nll_loss: var must not be negative; got negative elements")
    var = var + clamp(eps - var.detach(), min=0.0)
    losses = (log(var) + square(input - target) / var) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return _reduce("gaussian_nll_loss", losses, reduction)


def _numpy_poisson(x: Any, t: Any, log_input: bool = True, full: bool = False) -> Any:
    losses = np.exp(x) - t * x if log_input else x - t * np.log(x + 1e-8)
    if full:
        losses = losses + np.where(t > 1, t * np.log(t) - t + 0.5 * np.log(2 * np.pi * t), 0.0)
    return np.mean(losses)


@tried(
    ref=_numpy_poisson,
    samples=[
        (real(3, 5), positive(3, 5)),
        (positive(3, 5), positive(3, 5), False),
        (real(9), index(9, below=5), True, True),
    ],
    vjp=FIRST,
    family="sums",
)
@composite
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - t x, or x - t log(x + eps) without ``log_input``.

    ``full`` adds Stirling's t log(t) - t + log(2 pi t) / 2 where t is above 1.
    """
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        large = gt(target, 1)
        t = where(large, convert(target, losses.dtype), 2.0)
        stirling = t * log(t) - t + log(t * (2 * math.pi)) * 0.5
        losses = losses + where(large, stirling, 0.0)
    return _reduce("poisson_nll_loss", losses, reduction)


@tried(
    ref=lambda x, t: np.mean(np.logaddexp(0, -t * x)),
    samples=[(real(3, 5), SIGNS(3, 5)), (real(7), SIGNS(7))],
    vjp=FIRST,
    family="sums",
)
@composite
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-t x)) for targets 1 and -1."""
    _same_shape("soft_margin_loss", input, target)
    losses = softplus(neg(target) * input, 1.0, math.inf)
    return _reduce("soft_margin_loss", losses, reduction)


def _rows_of(name: str, input: Tensor, target: Tensor, wanted: int) -> tuple[Tensor, Tensor]:
    """(N, C) with targets of as many rows; a vector of classes is one row."""
    x, t = input._h, target._h
    ndim = x.ndim
    fits = ndim in (1, 2) and x.numel and t.ndim == ndim - wanted
    if not fits or (ndim == 2 and t.shape[0] != x.shape[0]):
        raise ValueError(
            f"{name}: sizes do not fit; got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    if ndim == 1:
        input, target = unsqueeze(input, 0), unsqueeze(target, 0)
    if target.dtype.is_floating_point:
        raise TypeError(f"{name}: targets must be classes; got {target.dtype.name}")
    return input, target


def _numpy_margin(x: Any, t: Any, weight: Any = None, margin: float = 1.0, p: int = 1) -> Any:
    losses = []
    for row, labels in zip(x, t.reshape(len(x), -1), strict=True):
        given = labels[: np.argmax(np.append(labels, -1) < 0)]
        others = np.delete(row, given)
        total = sum(np.sum(_numpy_above(margin - row[j] + others) ** p) for j in given)
        losses.append(total * (1.0 if weight is None else weight[labels[0]]) / len(row))
    return np.array(losses, x.dtype)


def _numpy_margin_backward(
    g: Any, x: Any, t: Any, weight: Any = None, margin: float = 1.0, p: int = 1
) -> Any:
    slopes = np.zeros(x.shape)
    for row, labels, slope in zip(x, t.reshape(len(x), -1), slopes, strict=True):
        given = labels[: np.argmax(np.append(labels, -1) < 0)]
        for j in given:
            lack = _numpy_above(margin - row[j] + row)
            each = (lack > 0) * (1.0 if p == 1 else 2 * lack)
            each[given] = 0.0
            slope += each
            slope[j] -= each.sum()
        slope *= (1.0 if weight is None else weight[labels[0]]) / len(row)
    return slopes * g[:, None]


LISTED = Draw(kind="integer", low=-1, high=5)
MARGINS: list[tuple[Any, ...]] = [
    (real(4, 3), index(4, below=3)),
    (real(4, 3), index(4, below=3), positive(3), 0.7, 2),
    (real(4, 3), index(4, below=3), None, 1.0, 2),
    (real(4, 3), index(4, 3, below=3)),
    (real(3, 5), LISTED(3, 5)),
    (real(2, 70), index(2, below=70), positive(70)),
    (real(2, 70), LISTED(2, 70)),
]


@op(
    kernel="margin_loss",
    vjp={
        "input": lambda g, input, target, weight, margin, p: margin_loss_backward(
            g, input, target, weight, margin, p
        )
    },
    ref=_numpy_margin,
    samples=MARGINS,
    family="loss",
)
def _margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, margin: float = 1.0, p: int = 1
) -> Any:
    """Of each row of (N, C), by a label (N,) or labels (N, C) up to the first -1: the sum over them
    and all other classes i of max(0, margin - x[t] + x[i])^p weight[t] / C."""
    return lib.tk_margin_loss(input._h, target._h, _weight_handle(weight), margin, p)


def _margin_bend(
    g_out: Tensor,
    g: Tensor,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    margin: float,
    p: int,
) -> Tensor:
    """The slopes of squares, of a label a row, are linear where they are not 0."""
    if p == 1:
        return zeros_like(input)
    places = unsqueeze(target, 1)
    counted = scatter(gt(margin - gather(input, 1, places) + input, 0.0), 1, places, False)
    share = g if weight is None else g * gather(weight, 0, target)
    change = where(counted, g_out - gather(g_out, 1, places), 0.0)
    change = change * unsqueeze(share * (2.0 / input.shape[1]), 1)
    return scatter_add(change, 1, places, neg(_sum(change, 1, True)))


@op(
    kernel="margin_loss_backward",
    vjp={
        "g": lambda g_out, input, target, weight, margin, p: _sum(
            g_out * margin_loss_backward(ones_like(g_out[:, 0]), input, target, weight, margin, p),
            1,
        ),
        "input": _margin_bend,
    },
    ref=_numpy_margin_backward,
    samples=[(real(each[0].shape[0]), *each) for each in MARGINS],
    family="loss",
)
def margin_loss_backward(
    g: Tensor,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    margin: float = 1.0,
    p: int = 1,
) -> Any:
    """The gradient of the input from that of each row's loss; 0 where a margin is just kept."""
    return lib.tk_margin_loss_backward(g._h, input._h, target._h, _weight_handle(weight), margin, p)


def _numpy_multi_margin(x: Any, t: Any, p: int = 1, margin: float = 1.0, weight: Any = None) -> Any:
    return np.mean(_numpy_margin(x, t, weight, margin, p))


@tried(
    ref=_numpy_multi_margin,
    samples=[
        (real(4, 3), index(4, below=3)),
        (real(4, 3), index(4, below=3), 2, 0.7),
        (real(4, 3), index(4, below=3), 1, 1.0, positive(3)),
        (real(3, 20), index(3, below=20), 2, 0.7, positive(20)),
        (real(3, 130), index(3, below=130), 2),
    ],
    vjp=FIRST,
    family="sums",
)
@composite
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over i != t of max(0, margin - x[t] + x[i])^p / C, for classes t; scaled by weight[t]."""
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2; got {p!r}")
    rows, labels = _rows_of("multi_margin_loss", input, target, 1)
    losses = _margin_loss(rows, labels, weight, float(margin), int(p))
    return _reduce("multi_margin_loss", _like_target(losses, input), reduction)


def _like_target(losses: Tensor, input: Tensor) -> Tensor:
    return losses if input.ndim == 2 else _reshape(losses, ())


@tried(
    ref=lambda x, t: np.mean(_numpy_margin(x, t)),
    samples=[(real(4, 3), index(4, 3, below=3)), (real(2, 5), LISTED(2, 5))],
    vjp=FIRST,
    family="sums",
)
@composite
def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """sum over given classes j and others i of max(0, 1 - (x[j] - x[i])) / C.

    A row of the target lists classes up to the first -1.
    """
    rows, labels = _rows_of("multilabel_margin_loss", input, target, 0)
    if labels.shape != rows.shape:
        raise ValueError(
            "multilabel_margin_loss: sizes do not fit; got "
            f"{tuple(input.shape)} and {tuple(target.shape)}"
        )
    losses = _margin_loss(rows, labels)
    return _reduce("multilabel_margin_loss", _like_target(losses, input), reduction)


@tried(
    ref=lambda x, t, w=1.0: np.mean(w * (t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x))),
    samples=[(real(3, 5), index(3, 5, below=2)), (real(3, 5), index(3, 5, below=2), positive(5))],
    vjp=FIRST,
    family="sums",
)
@composite
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(t log s(x) + (1 - t) log s(-x)), s the sigmoid; the mean over the classes."""
    _same_shape("multilabel_soft_margin_loss", input, target)
    losses = neg(target * logsigmoid(input) + sub(1, target) * logsigmoid(neg(input)))
    if weight is not None:
        losses = mul(losses, weight)
    return _reduce("multilabel_soft_margin_loss", _mean(losses, -1), reduction)
