"""Losses of margins, distances and distributions as modules, and CTC."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .loss import _Loss, _WeightedLoss


class _Configured(_Loss):
    """Hands its inputs, and the settings named in ``_shown``, to the function ``_function``."""

    _function = ""

    def forward(self, *inputs: Tensor) -> Tensor:
        settings = {name: getattr(self, name) for name in self._shown}
        return getattr(F, self._function)(*inputs, **settings, reduction=self.reduction)


class SoftMarginLoss(_Configured):
    """log(1 + exp(-target input)), of targets 1 and -1."""

    _function = "soft_margin_loss"


class MultiLabelMarginLoss(_Configured):
    """max(0, 1 - (x[j] - x[i])) / C over the listed classes j and the others i."""

    _function = "multilabel_margin_loss"


class _Margin(_Configured):
    _shown = ("margin",)

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin


class CosineEmbeddingLoss(_Margin):
    """1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1."""

    _function = "cosine_embedding_loss"


class MarginRankingLoss(_Margin):
    """max(0, margin - target (x1 - x2))."""

    _function = "margin_ranking_loss"


class HingeEmbeddingLoss(_Margin):
    """x where the target is 1, max(0, margin - x) where it is -1."""

    _function = "hinge_embedding_loss"

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)


class TripletMarginLoss(_Configured):
    """max(0, |a - p| - |a - n| + margin), of an anchor, a positive and a negative."""

    _function = "triplet_margin_loss"
    _shown = ("margin", "p", "eps", "swap")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: margin must be above 0; got {margin}")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap


class TripletMarginWithDistanceLoss(_Configured):
    """As ``TripletMarginLoss`` with a distance of one's own."""

    _function = "triplet_margin_with_distance_loss"
    _shown = ("distance_function", "margin", "swap")

    def __init__(
        self,
        *,
        distance_function: Any = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: margin must be above 0; got {margin}")
        self.distance_function, self.margin, self.swap = distance_function, margin, swap


class GaussianNLLLoss(_Configured):
    """(log(var) + (input - target)^2 / var) / 2."""

    _function = "gaussian_nll_loss"
    _shown = ("full", "eps")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps


class PoissonNLLLoss(_Configured):
    """exp(x) - target x, or x - target log(x + eps) without ``log_input``."""

    _function = "poisson_nll_loss"
    _shown = ("log_input", "full", "eps")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps


class MultiMarginLoss(_WeightedLoss):
    """max(0, margin - x[t] + x[i])^p / C over the classes i but t."""

    _shown = ("p", "margin")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2; got {p!r}")
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """-(t log s(x) + (1 - t) log s(-x)), s the sigmoid, the mean over the classes."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class CTCLoss(_Loss):
    """-log of the probability that log-probabilities (T, N, C) give to the targets."""

    _shown = ("blank", "zero_infinity")

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
