"""Batch and layer normalisation."""

from __future__ import annotations

from typing import Any

from ..autograd import no_grad
from ..backend import int64
from ..ops.creation import ones, tensor, zeros
from ..tensor import Tensor
from . import functional as F, init
from .linear import count
from .module import Module
from .parameter import Parameter


class _BatchNorm(Module):
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        self.num_features = count(type(self).__name__, "num_features", num_features)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        options = {"device": device, "dtype": dtype}
        self.weight = Parameter(ones(num_features, **options)) if affine else None
        self.bias = Parameter(zeros(num_features, **options)) if affine and bias else None
        tracks = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **options) if tracks else None)
        self.register_buffer("running_var", ones(num_features, **options) if tracks else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracks else None)

    @property
    def reads_values(self) -> bool:  # type: ignore[override]
        """With ``momentum=None`` the number of batches decides about the average."""
        return self.momentum is None and self.track_running_stats

    @no_grad()
    def reset_running_stats(self) -> None:
        """Forgets the statistics."""
        for buffer, fill in (
            (self.running_mean, init.zeros_),
            (self.running_var, init.ones_),
            (self.num_batches_tracked, init.zeros_),
        ):
            if buffer is not None:
                fill(buffer)

    def reset_parameters(self) -> None:
        """Forgets the statistics, and sets weight to 1, bias to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input(self, input: Tensor) -> None:
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        self._check_input(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        updates = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if updates else None,
            self.running_var if updates else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Each feature less its mean, over its deviation, times weight plus bias.

    Ioffe and Szegedy 2015. Of (N, C) or (N, C, L), to the same. In training mean and variance are
    those of the batch, and ``running_mean`` and ``running_var`` (unbiased) move toward them by
    ``momentum``, or are the plain average over all batches with ``momentum=None``. Evaluation uses
    the running statistics, and the batch's where ``track_running_stats`` is False.
    """

    def _check_input(self, input: Tensor) -> None:
        if input.ndim not in (2, 3) or input.shape[1] != self.num_features:
            n = self.num_features
            raise ValueError(
                f"BatchNorm1d: expected (N, {n}) or (N, {n}, L); got {tuple(input.shape)}"
            )


class LayerNorm(Module):
    """The last dimensions less their mean, over their deviation, times weight plus bias.

    Ba et al. 2016. ``normalized_shape`` are the sizes of those dimensions, an int for one;
    ``weight`` and ``bias`` are of that shape.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        sizes = normalized_shape if hasattr(normalized_shape, "__iter__") else [normalized_shape]
        self.normalized_shape = tuple(count("LayerNorm", "normalized_shape", n) for n in sizes)
        if not self.normalized_shape:
            raise ValueError("LayerNorm: normalized_shape is empty")
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        options = {"device": device, "dtype": dtype}
        affine = elementwise_affine
        self.weight = Parameter(ones(*self.normalized_shape, **options)) if affine else None
        has_bias = affine and bias
        self.bias = Parameter(zeros(*self.normalized_shape, **options)) if has_bias else None

    def reset_parameters(self) -> None:
        """Sets weight to 1, bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )
