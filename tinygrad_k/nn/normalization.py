"""Normalisation by batch, instance, group and layer."""

from __future__ import annotations

from typing import Any

from ..autograd import no_grad
from ..backend import int64
from ..checks import count
from ..ops.creation import ones, tensor, zeros
from ..tensor import Tensor
from . import functional as F, init
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

    _ranks: tuple[int, ...] = ()  # numbers of dimensions, batch and channels included

    def _check_input(self, input: Tensor) -> None:
        if input.ndim not in self._ranks or input.shape[1] != self.num_features:
            n = self.num_features
            forms = " or ".join(
                f"(N, {n}{''.join(f', {each}' for each in 'DHWL'[-(rank - 2) :] if rank > 2)})"
                for rank in self._ranks
            )
            raise ValueError(f"{type(self).__name__}: expected {forms}; got {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input(input)
        counter = self.num_batches_tracked if self.training else None
        momentum = 0.0 if self.momentum is None else self.momentum
        if counter is not None and self.momentum is None:
            momentum = 1.0 / (float(counter) + 1.0)
        updates = not self.training or self.track_running_stats
        result = F.batch_norm(
            input,
            self.running_mean if updates else None,
            self.running_var if updates else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )
        if counter is not None:
            counter.add_(1)
        return result

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

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """As ``BatchNorm1d``, of (N, C, H, W)."""

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """As ``BatchNorm1d``, of (N, C, D, H, W)."""

    _ranks = (5,)


class _InstanceNorm(_BatchNorm):
    """Each channel of each sample less its mean, over its deviation. Ulyanov et al. 2016."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        single = input.ndim == self._ranks[0] - 1
        batch = input.unsqueeze(0) if single else input
        self._check_input(batch)
        momentum = 0.0 if self.momentum is None else self.momentum
        result = F.instance_norm(
            batch,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            momentum,
            self.eps,
        )
        return result.squeeze(0) if single else result


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each sample less its mean, over its deviation; of (N, C, L) or (C, L)."""

    _ranks = (3,)


class InstanceNorm2d(_InstanceNorm):
    """As ``InstanceNorm1d``, of (N, C, H, W) or (C, H, W)."""

    _ranks = (4,)


class InstanceNorm3d(_InstanceNorm):
    """As ``InstanceNorm1d``, of (N, C, D, H, W) or (C, D, H, W)."""

    _ranks = (5,)


class _Affine(Module):
    """Has a weight and a bias, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def reset_parameters(self) -> None:
        """Sets weight to 1, bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class GroupNorm(_Affine):
    """Groups of channels (dimension 1) less their mean, over their deviation. Wu and He 2018."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        self.num_groups = count("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels = count("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_groups must divide num_channels; got {num_groups}, {num_channels}"
            )
        self.eps = eps
        self.affine = affine
        options = {"device": device, "dtype": dtype}
        self.weight = Parameter(ones(num_channels, **options)) if affine else None
        self.bias = Parameter(zeros(num_channels, **options)) if affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def _sizes(owner: str, shape: Any) -> tuple[int, ...]:
    sizes = shape if hasattr(shape, "__iter__") else [shape]
    found = tuple(count(owner, "normalized_shape", n) for n in sizes)
    if not found:
        raise ValueError(f"{owner}: normalized_shape is empty")
    return found


class LayerNorm(_Affine):
    """The last dimensions less their mean, over their deviation, times weight plus bias.

    Ba et al. 2016. ``normalized_shape`` are the sizes of those dimensions, an int for one;
    ``weight`` and ``bias`` are of that shape.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = _sizes("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        options = {"device": device, "dtype": dtype}
        affine = elementwise_affine
        self.weight = Parameter(ones(*self.normalized_shape, **options)) if affine else None
        has_bias = affine and bias
        self.bias = Parameter(zeros(*self.normalized_shape, **options)) if has_bias else None

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """The last dimensions over the root of their mean square, times weight.

    Zhang and Sennrich 2019. ``eps`` is by default the dtype's precision.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = _sizes("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        whole = ones(*self.normalized_shape, device=device, dtype=dtype)
        self.weight = Parameter(whole) if elementwise_affine else None

    def reset_parameters(self) -> None:
        """Sets weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
