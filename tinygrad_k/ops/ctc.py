"""Connectionist temporal classification: the loss of a sequence over all its alignments.

Graves et al. 2006. The forward variables of section 4.1 are computed in logarithms, all sequences
of the batch side by side; the backward variables are what differentiating them gives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import bool_, int64
from ..tensor import Tensor, from_data, store
from .arithmetic import neg
from .comparison import eq, where
from .declare import composite
from .index import gather
from .join import cat, stack
from .loss import _reduce
from .reduction import _mean, logsumexp
from .shape import narrow, unsqueeze

FUNCTIONAL = True


def _lengths(name: str, given: Any, count: int, most: int) -> np.ndarray:
    array = np.atleast_1d(given.numpy() if isinstance(given, Tensor) else np.asarray(given))
    if array.dtype.kind not in "iu" or array.shape != (count,):
        raise ValueError(f"ctc_loss: {name} must be {count} integers; got {given!r}")
    if array.size and (array.min() < 0 or array.max() > most):
        raise ValueError(
            f"ctc_loss: {name} must lie in 0 to {most}; got {int(array.min())} to "
            f"{int(array.max())}"
        )
    return array.astype(np.int64)


def _padded(targets: Tensor, given: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, S), whatever stands behind a row's length, and the lengths."""
    labels = targets.numpy().astype(np.int64)
    if labels.ndim == 2:
        if labels.shape[0] != count:
            raise ValueError(f"ctc_loss: targets for {count} sequences; got {labels.shape}")
        return labels, _lengths("target_lengths", given, count, labels.shape[1])
    lengths = _lengths("target_lengths", given, count, labels.size)
    if labels.ndim != 1 or lengths.sum() > labels.size:
        raise ValueError(
            f"ctc_loss: {lengths.sum()} labels are needed; got targets of {labels.shape}"
        )
    rows = np.zeros((count, int(lengths.max(initial=0))), np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = labels[: lengths.sum()]
    return rows, lengths


def _alignments(
    log_probs: Tensor, labels: np.ndarray, lengths: np.ndarray, times: np.ndarray, blank: int
) -> Tensor:
    """The logarithm of the probability of all alignments, (N,)."""
    steps, count = log_probs.shape[0], log_probs.shape[1]
    path = np.full((count, 2 * labels.shape[1] + 1), blank)  # blanks around every label
    path[:, 1::2] = labels
    places = np.arange(path.shape[1])
    inside = places < 2 * lengths[:, None] + 1
    path = np.where(inside, path, blank)
    skips = np.zeros(path.shape, bool)  # a blank may be left out between different labels
    skips[:, 2:] = (path[:, 2:] != blank) & (path[:, 2:] != path[:, :-2])
    index = store(np.broadcast_to(path, (steps, *path.shape)), int64)
    emitted = where(store(inside, bool_), gather(log_probs, 2, index), -math.inf)
    never = from_data(-math.inf, log_probs.dtype).expand(count, 2)
    skippable, first = store(skips, bool_), store(places < 2, bool_)
    alpha = where(first, emitted[0], -math.inf)
    for step in range(1, steps):
        wide = cat([never, alpha], 1)
        size = path.shape[1]
        skipped = where(skippable, narrow(wide, 1, 0, size), -math.inf)
        came = logsumexp(stack([alpha, narrow(wide, 1, 1, size), skipped]), 0) + emitted[step]
        alpha = where(unsqueeze(store(step < times, bool_), 1), came, alpha)
    ends = store((places >= 2 * lengths[:, None] - 1) & inside, bool_)
    total = logsumexp(where(ends, alpha, -math.inf), 1)
    # no time at all: certain for an empty target, else impossible
    nothing = np.where(lengths == 0, 0.0, -math.inf)
    return where(store(times == 0, bool_), store(nothing, log_probs.dtype), total)


@composite
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability that (T, N, C) log-probabilities give to the targets.

    ``targets`` are (N, S), or all behind each other; classes but ``blank``. Without a batch (T, C)
    and (S,). ``"mean"`` first divides by the targets' lengths. ``zero_infinity``: a target too long
    for its input counts 0 instead of infinity.
    """
    if not log_probs.dtype.is_floating_point or log_probs.ndim not in (2, 3):
        raise ValueError(
            "ctc_loss: log_probs must be floating (T, N, C) or (T, C); got "
            f"{log_probs.dtype.name} {tuple(log_probs.shape)}"
        )
    if targets.dtype.is_floating_point:
        raise TypeError(f"ctc_loss: targets must be classes; got {targets.dtype.name}")
    rows = log_probs if log_probs.ndim == 3 else unsqueeze(log_probs, 1)
    steps, count, classes = rows.shape
    if not isinstance(blank, int) or not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be one of {classes} classes; got {blank!r}")
    if not steps:
        raise ValueError(f"ctc_loss: no time steps; got {tuple(log_probs.shape)}")
    times = _lengths("input_lengths", input_lengths, count, steps)
    labels, lengths = _padded(targets, target_lengths, count)
    used = labels[np.arange(labels.shape[1]) < lengths[:, None]]
    if used.size and (used.min() < 0 or used.max() >= classes):
        raise ValueError(
            f"ctc_loss: labels must be 0 to {classes - 1}; got {used.min()} to {used.max()}"
        )
    losses = neg(_alignments(rows, labels, lengths, times, blank))
    if zero_infinity:
        losses = where(eq(losses, math.inf), 0.0, losses)
    if reduction == "mean":
        return _mean(losses / store(np.maximum(lengths, 1), rows.dtype))
    if log_probs.ndim == 2:
        losses = losses.squeeze(0)
    return _reduce("ctc_loss", losses, reduction)
