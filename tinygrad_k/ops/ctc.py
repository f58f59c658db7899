"""Connectionist temporal classification: the loss of a sequence over all its alignments.

Graves et al. 2006. The forward variables of section 4.1 are computed in logarithms, all sequences
of the batch side by side; the backward variables are what differentiating them gives.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ..backend import bool_, int64
from ..tensor import Tensor, from_data, recording, store, wrap
from .arithmetic import clamp, neg
from .comparison import eq, gt, le, where
from .declare import composite, through, tried
from .host import check, host
from .index import gather
from .join import cat, stack
from .loss import _reduce
from .ranges import arange
from .reduction import _mean, logsumexp
from .samples import index, real
from .shape import convert, narrow, unsqueeze

FUNCTIONAL = True


def _lengths(name: str, given: Any, count: int, most: int) -> Tensor:
    """Numbers from 0 to ``most``, one for each of the sequences, as int64."""
    lengths = given
    if not isinstance(given, Tensor):
        array = np.asarray(given)
        lengths = store(array, int64) if array.dtype.kind in "iu" or not array.size else None
    integers = lengths is not None and lengths.dtype.numpy.kind in "iu"
    if not integers or lengths.ndim > 1 or lengths.numel() != count:
        raise ValueError(f"ctc_loss: {name} must be {count} integers; got {given!r}")

    def compute(array: np.ndarray) -> None:
        if array.size and (array.min() < 0 or array.max() > most):
            raise ValueError(
                f"ctc_loss: {name} must lie in 0 to {most}; got {array.min()} to {array.max()}"
            )

    check(compute, lengths)
    return convert(lengths.reshape(count), int64)


def _path(
    targets: np.ndarray, lengths: np.ndarray, width: int, classes: int, blank: int
) -> np.ndarray:
    """Each target with blanks around every label, and behind it: (N, 2 * width + 1)."""
    inside = np.arange(width) < lengths[:, None]
    if targets.ndim == 1 and lengths.sum() > targets.size:
        raise ValueError(
            f"ctc_loss: {lengths.sum()} labels are needed; got targets of {targets.shape}"
        )
    used = targets[: lengths.sum()] if targets.ndim == 1 else targets[inside]
    if used.size and (used.min() < 0 or used.max() >= classes):
        raise ValueError(
            f"ctc_loss: labels must be 0 to {classes - 1}; got {used.min()} to {used.max()}"
        )
    path = np.full((len(lengths), 2 * width + 1), blank)
    path[:, 1::2][inside] = used
    return path


def _skips(path: np.ndarray, blank: int) -> np.ndarray:
    """Where the blank before a label may be left out: between different ones."""
    skips = np.zeros(path.shape, bool)
    skips[:, 2:] = (path[:, 2:] != blank) & (path[:, 2:] != path[:, :-2])
    return skips


def _alignments(
    log_probs: Tensor, path: Tensor, skippable: Tensor, lengths: Tensor, times: Tensor
) -> Tensor:
    """The logarithm of the probability of all alignments, (N,)."""
    steps, (count, size) = log_probs.shape[0], path.shape
    places, end = arange(size), unsqueeze(lengths * 2, 1)  # at the last blank of each path
    certain, never = (from_data(each, log_probs.dtype) for each in (0.0, -math.inf))
    emitted = where(le(places, end), gather(log_probs, 2, path.expand(steps, count, size)), never)
    alpha = where(le(places, 1), emitted[0], never)
    for step in range(1, steps):
        wide = cat([never.expand(count, 2), alpha], 1)
        skipped = where(skippable, narrow(wide, 1, 0, size), never)
        came = logsumexp(stack([alpha, narrow(wide, 1, 1, size), skipped]), 0) + emitted[step]
        alpha = where(gt(unsqueeze(times, 1), step), came, alpha)
    label = where(gt(end, 0), gather(alpha, 1, clamp(end - 1, 0)), never)
    total = logsumexp(cat([gather(alpha, 1, end), label], 1), 1)
    # no time at all: certain for an empty target, else impossible
    return where(eq(times, 0), where(eq(lengths, 0), certain, never), total)


def _numpy_ctc(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """By listing all alignments."""
    batch = log_probs if log_probs.ndim == 3 else log_probs[:, None]
    times, lengths = np.atleast_1d(input_lengths), np.atleast_1d(target_lengths)
    starts = np.cumsum(lengths) - lengths
    losses = []
    for i, (time, length) in enumerate(zip(times, lengths, strict=True)):
        labels = targets[i] if targets.ndim == 2 else targets[starts[i] :]
        total = -math.inf
        for path in itertools.product(range(batch.shape[2]), repeat=int(time)):
            merged = [label for label, _ in itertools.groupby(path) if label != blank]
            if merged == list(labels[:length]):
                total = np.logaddexp(total, batch[range(len(path)), i, path].sum())
        losses.append(0.0 if zero_infinity and total == -math.inf else -total)
    if reduction == "mean":
        return np.mean(losses / np.maximum(lengths, 1))
    return np.sum(losses) if reduction == "sum" else np.reshape(losses, batch.shape[1:-1])


@tried(
    ref=_numpy_ctc,
    samples=[
        (real(5, 2, 3), index(2, 3, below=2), [5, 5], index(2, below=4), 2, "sum"),
        (real(5, 2, 3), index(7, below=2), index(2, below=2), index(2, below=4), 2, "mean", True),
        (
            real(5, 2, 3),
            index(2, 3, below=2),
            index(2, below=6),
            index(2, below=4),
            2,
            "none",
            True,
        ),
        (real(4, 3), index(2, below=2), [4], [2], 2, "mean"),
        (real(3, 2, 3), index(2, 0, below=2), [0, 3], [0, 0], 2, "none"),
        (real(3, 0, 3), index(0, 2, below=2), [], [], 2, "sum"),
    ],
    vjp={"log_probs": through},
    family="sums",
)
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
    for its input counts 0 instead of infinity. A compiled function that is given the lengths of
    targets behind each other as a tensor reckons with the longest that there could be.
    """
    if not log_probs.dtype.is_floating_point or log_probs.ndim not in (2, 3):
        raise ValueError(
            "ctc_loss: log_probs must be floating (T, N, C) or (T, C); got "
            f"{log_probs.dtype.name} {tuple(log_probs.shape)}"
        )
    if targets.dtype.numpy.kind not in "iu":
        raise TypeError(f"ctc_loss: targets must be classes; got {targets.dtype.name}")
    rows = log_probs if log_probs.ndim == 3 else unsqueeze(log_probs, 1)
    steps, count, classes = rows.shape
    if not isinstance(blank, int) or not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be one of {classes} classes; got {blank!r}")
    if not steps:
        raise ValueError(f"ctc_loss: no time steps; got {tuple(log_probs.shape)}")
    times = _lengths("input_lengths", input_lengths, count, steps)
    if targets.ndim not in (1, 2) or (targets.ndim == 2 and targets.shape[0] != count):
        raise ValueError(f"ctc_loss: targets for {count} sequences; got {tuple(targets.shape)}")
    width = targets.shape[-1]  # enough for every target
    lengths = _lengths("target_lengths", target_lengths, count, width)
    if targets.ndim == 1 and not (recording() and isinstance(target_lengths, Tensor)):
        width = int(lengths._window().max(initial=0))  # the same bits, and sooner
    path = wrap(
        host(
            lambda labels, lengths: _path(labels, lengths, width, classes, blank),
            targets,
            lengths,
            kind=int64,
        )
    )
    skippable = wrap(host(lambda path: _skips(path, blank), path, kind=bool_))
    losses = neg(_alignments(rows, path, skippable, lengths, times))
    if zero_infinity:
        losses = where(eq(losses, math.inf), 0.0, losses)
    if reduction == "mean":
        return _mean(losses / convert(clamp(lengths, 1), rows.dtype))
    if log_probs.ndim == 2:
        losses = losses.squeeze(0)
    return _reduce("ctc_loss", losses, reduction)
