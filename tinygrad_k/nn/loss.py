"""Losses as modules: the functions of ``nn.functional`` with their settings.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``. A target of another shape than the input is an
error, never broadcast.
"""

from __future__ import annotations

from ..ops.labels import total_weight
from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Loss(Module):
    _shown: tuple[str, ...] = ()

    def __init__(self, reduction: str = "mean") -> None:
        known = ("mean", "sum", "none", *self._more_reductions)
        if reduction not in known:
            raise ValueError(
                f"{type(self).__name__}: reduction must be one of {', '.join(known)}; "
                f"got {reduction!r}"
            )
        self.reduction = reduction

    _more_reductions: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self._shown]
        if self.reduction != "mean":
            shown.append(f"reduction={self.reduction!r}")
        return ", ".join(shown)


class MSELoss(_Loss):
    """(input - target)^2."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """d^2 / (2 beta) where d = |input - target| is below ``beta``, else d - beta / 2."""

    _shown = ("beta",)

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """d^2 / 2 where d = |input - target| is below ``delta``, else delta (d - delta / 2)."""

    _shown = ("delta",)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(_Loss):
    """target (log(target) - input), the input in logarithms; so is the target with ``log_target``.

    The reduction ``"batchmean"`` divides the sum by the first size.
    """

    _shown = ("log_target",)
    _more_reductions = ("batchmean",)

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class _WeightedLoss(_Loss):
    """A loss with a tensor of weights, which is a buffer."""

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    weight: Tensor | None


class _LabelLoss(_WeightedLoss):
    """A loss of classes, whose mean is over the weights of the labels that count."""

    ignore_index: int

    def mean_over(self, input: Tensor, target: Tensor) -> Tensor | int:
        """What the mean of a batch is divided by, so that means of batches can be put together."""
        return total_weight(input, target, self.weight, self.ignore_index)


class BCELoss(_WeightedLoss):
    """-(target log(input) + (1 - target) log(1 - input)), of probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """``BCELoss`` of sigmoid(input), without overflow; ``pos_weight`` weighs positive targets."""

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class NLLLoss(_LabelLoss):
    """-input[class], of logarithms (N, C, ...) and classes (N, ...).

    ``weight`` (C) weighs the classes, also in the mean; ``ignore_index`` is a class that does not
    count.
    """

    _shown = ("ignore_index",)

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class CrossEntropyLoss(_LabelLoss):
    """``NLLLoss`` of log_softmax(input); the target may also be probabilities (N, C, ...).

    ``label_smoothing`` mixes that share of the uniform distribution into the target.
    """

    _shown = ("ignore_index", "label_smoothing")

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"CrossEntropyLoss: label_smoothing must be in 0 to 1; got {label_smoothing}"
            )
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
