"""Normalisation of groups of channels, of single instances, and by length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .arithmetic import clamp, square
from .declare import composite, tried
from .linear_algebra import vector_norm
from .normalization import _layer_norm, batch_norm
from .reduction import _mean, _var
from .samples import call, real
from .shape import _reshape
from .transcendental import rsqrt

FUNCTIONAL = True


def _check_channels(name: str, input: Tensor, **given: Tensor | None) -> tuple[int, ...]:
    """The shape of a value for each channel, dimension 1."""
    if input.ndim < 2:
        raise ValueError(f"{name}: at least 2 dimensions; got {tuple(input.shape)}")
    channels = input.shape[1]
    for what, value in given.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise ValueError(
                f"{name}: {what} must be ({channels},) for {tuple(input.shape)}; "
                f"got {tuple(value.shape)}"
            )
    return (channels,) + (1,) * (input.ndim - 2)


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Any) -> Tensor:
    if weight is not None:
        x = x * _reshape(weight, shape)
    return x if bias is None else x + _reshape(bias, shape)


def _numpy_group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    rows = x.reshape(x.shape[0], groups, -1)
    y = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + eps)
    shape = (-1,) + (1,) * (x.ndim - 2)
    scale, shift = ((d if v is None else v.reshape(shape)) for d, v in ((1, weight), (0, bias)))
    return y.reshape(x.shape) * scale + shift


@tried(
    ref=_numpy_group_norm,
    samples=[
        (real(2, 6, 4), 3, real(6), real(6)),
        (real(2, 4, 3, 3), 2),
        (real(3, 4), 1, None, real(4), 1e-3),
    ],
    family="sums",
)
@composite
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with statistics over groups of channels.

    Channels are dimension 1; weight and bias have one value each. Wu and He 2018.
    """
    shape = _check_channels("group_norm", input, weight=weight, bias=bias)
    channels = input.shape[1]
    if not isinstance(num_groups, int) or num_groups < 1 or channels % num_groups:
        raise ValueError(
            f"group_norm: num_groups must divide {channels} channels; got {num_groups!r}"
        )
    size = math.prod(input.shape[1:]) // num_groups
    rows = _reshape(input, (input.shape[0], num_groups, size))
    y = _reshape(_layer_norm(rows, None, None, 1, eps), tuple(input.shape))
    return _affine(y, weight, bias, shape)


@tried(
    ref=lambda x: _numpy_group_norm(x, x.shape[1]),
    samples=[(real(2, 3, 4),), (real(2, 2, 3, 3),)],
    family="sums",
)
@composite
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel of each sample.

    Running statistics, if given, are moved as in ``batch_norm``, by the samples' averages; without
    ``use_input_stats`` they are used. Ulyanov et al. 2016.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    shape = _check_channels(
        "instance_norm",
        input,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    size = math.prod(input.shape[2:])
    if size <= 1:
        raise ValueError(
            f"instance_norm: more than one value a channel is needed; got {tuple(input.shape)}"
        )
    rows = _reshape(input, (*input.shape[:2], size))
    if running_mean is not None or running_var is not None:
        plain = rows.detach()
        if running_mean is not None:
            running_mean.detach().lerp_(_mean(_mean(plain, -1), 0), momentum)
        if running_var is not None:
            running_var.detach().lerp_(_mean(_var(plain, -1, 1), 0), momentum)
    y = _reshape(_layer_norm(rows, None, None, 1, eps), tuple(input.shape))
    return _affine(y, weight, bias, shape)


def _numpy_rms_norm(x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    dims = tuple(range(-len(shape), 0))
    eps = np.finfo(x.dtype).eps if eps is None else eps
    y = x / np.sqrt(np.mean(x * x, dims, keepdims=True) + eps)
    return y if weight is None else y * weight


@tried(
    ref=_numpy_rms_norm,
    samples=[
        (real(3, 5), (5,), real(5), 1e-5),
        (real(2, 3, 4), (3, 4), real(3, 4), 1e-6),
        (real(4, 7), (7,), None, 1e-3),
    ],
    family="sums",
)
@composite
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions, of sizes normalized_shape.

    ``eps`` is by default the dtype's precision. Zhang and Sennrich 2019.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"rms_norm: the input's last dimensions must be {shape}; got {tuple(input.shape)}"
        )
    if weight is not None and tuple(weight.shape) != shape:
        raise ValueError(f"rms_norm: weight must be {shape}; got {tuple(weight.shape)}")
    if eps is None:
        eps = float(np.finfo(input.dtype.numpy).eps)
    y = input * rsqrt(_mean(square(input), tuple(range(-len(shape), 0)), True) + eps)
    return y if weight is None else y * weight


@tried(
    ref=lambda x, p=2.0, dim=1, eps=1e-12: x / np.maximum(np.linalg.norm(x, p, dim, True), eps),
    samples=[(real(3, 5),), (real(3, 5), 1.0, 0), (real(2, 3, 4), 3.0, -1), call(real(7), dim=0)],
    family="sums",
)
@composite
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|_p, eps), with the norm over ``dim``."""
    return input / clamp(vector_norm(input, p, dim, True), min=eps)
