"""Normalisation of groups of channels, of single instances, and by length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import lib
from ..tensor import Tensor
from .arithmetic import clamp, square
from .declare import composite, op, tried
from .linear_algebra import vector_norm
from .normalization import (
    _fused_slopes,
    _layer_norm_slopes,
    _normalised,
    batch_norm,
)
from .reduction import _mean, _sum, _var
from .samples import call, real
from .shape import _reshape
from .transcendental import rsqrt

FUNCTIONAL = True


def _check_channels(name: str, input: Tensor, **given: Tensor | None) -> None:
    """Refuses what has not one value for each channel, dimension 1."""
    if input.ndim < 2:
        raise ValueError(f"{name}: at least 2 dimensions; got {tuple(input.shape)}")
    channels = input.shape[1]
    for what, value in given.items():
        if value is not None and tuple(value.shape) != (channels,):
            raise ValueError(
                f"{name}: {what} must be ({channels},) for {tuple(input.shape)}; "
                f"got {tuple(value.shape)}"
            )


def _numpy_group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    rows = x.reshape(x.shape[0], groups, -1)
    y = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + eps)
    shape = (-1,) + (1,) * (x.ndim - 2)
    scale, shift = ((d if v is None else v.reshape(shape)) for d, v in ((1, weight), (0, bias)))
    return y.reshape(x.shape) * scale + shift


def _group_norm_rule(
    g: Tensor,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    groups: int,
    eps: float,
    mean: Tensor,
    rstd: Tensor,
) -> list[Tensor | None]:
    """One fused kernel; made of ops where this gradient is to be differentiated itself."""
    if not lib.tk_grad_mode():
        door = lib.tk_group_norm_backward
        return _fused_slopes(door, g, input, weight, bias, groups, mean, rstd)
    shape, rows = tuple(input.shape), (input.shape[0], groups, math.prod(input.shape[1:]) // groups)
    x = _reshape(input, rows)
    z = (x - _mean(x, -1, True)) * rsqrt(_var(x, -1, 0, True) + eps)
    h = g if weight is None else g * _reshape(weight, (-1,) + (1,) * (len(shape) - 2))
    slopes = _layer_norm_slopes(_reshape(h, rows), x, None, None, 1, eps)[0]
    assert slopes is not None
    dims = (0, *range(2, len(shape)))
    return [
        _reshape(slopes, shape),
        None if weight is None else _sum(g * _reshape(z, shape), dims),
        None if bias is None else _sum(g, dims),
    ]


@op(
    kernel="layer_norm",
    vjp=_group_norm_rule,
    keeps=("mean", "rstd"),
    ref=lambda x, weight, bias, groups, eps=1e-5: _numpy_group_norm(x, groups, weight, bias, eps),
    samples=[
        (real(2, 6, 4), real(6), real(6), 3),
        (real(2, 4, 3, 3), None, real(4), 1),
        (real(3, 4, 70), real(4), None, 2, 1e-3),
        (real(2, 2, 9, 17), real(2), real(2), 2),
    ],
    family="norm",
)
def _group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, groups: int, eps: float = 1e-5
) -> Any:
    return _normalised(lib.tk_group_norm, input, weight, bias, groups, eps)


@tried(
    ref=_numpy_group_norm,
    samples=[
        (real(2, 6, 4), 3, real(6), real(6)),
        (real(2, 4, 3, 3), 2),
        (real(3, 4), 1, None, real(4), 1e-3),
        (real(2, 4, 3, 3), 2, real(4), real(4)),
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
    _check_channels("group_norm", input, weight=weight, bias=bias)
    channels = input.shape[1]
    if not isinstance(num_groups, int) or num_groups < 1 or channels % num_groups:
        raise ValueError(
            f"group_norm: num_groups must divide {channels} channels; got {num_groups!r}"
        )
    return _group_norm(input, weight, bias, num_groups, eps)


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
    _check_channels(
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
    if running_mean is not None or running_var is not None:
        plain = _reshape(input.detach(), (*input.shape[:2], size))
        if running_mean is not None:
            running_mean.detach().lerp_(_mean(_mean(plain, -1), 0), momentum)
        if running_var is not None:
            running_var.detach().lerp_(_mean(_var(plain, -1, 1), 0), momentum)
    return _group_norm(input, weight, bias, input.shape[1], eps)


def _numpy_rms_norm(x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    dims = tuple(range(-len(shape), 0))
    eps = np.finfo(x.dtype).eps if eps is None else eps
    y = x / np.sqrt(np.mean(x * x, dims, keepdims=True) + eps)
    return y if weight is None else y * weight


def _rms_norm_rule(
    g: Tensor, input: Tensor, weight: Tensor | None, ndim: int, eps: float, rstd: Tensor
) -> list[Tensor | None]:
    """One fused kernel; made of ops where this gradient is to be differentiated itself: with z the
    result without weight and h = g weight, rstd (h - z mean(h z)), and g z summed over the rows."""
    if not lib.tk_grad_mode():
        door = lib.tk_layer_norm_backward
        return _fused_slopes(door, g, input, weight, None, ndim, None, rstd)[:2]
    dims, rows = tuple(range(-ndim, 0)), tuple(range(input.ndim - ndim))
    rstd = rsqrt(_mean(square(input), dims, True) + eps)
    z = input * rstd
    h = g if weight is None else g * weight
    slopes = rstd * (h - z * _mean(h * z, dims, True))
    if weight is None:
        return [slopes, None]
    return [slopes, _sum(g * z, rows) if rows else g * z]


@op(
    kernel="layer_norm",
    vjp=_rms_norm_rule,
    keeps=("rstd",),
    ref=lambda x, weight, ndim, eps=1e-5: _numpy_rms_norm(x, x.shape[-ndim:], weight, eps),
    samples=[
        (real(3, 5), real(5), 1),
        (real(3, 5), None, 1),
        (real(2, 3, 4), real(3, 4), 2),
        (real(7), real(7), 1),
        (real(2, 40), real(40), 1, 1e-3),
        (real(2, 300), None, 1),
    ],
    family="norm",
)
def _rms_norm(input: Tensor, weight: Tensor | None, ndim: int, eps: float = 1e-5) -> Any:
    return _normalised(lib.tk_rms_norm, input, weight, None, ndim, eps, 1)


@tried(
    ref=_numpy_rms_norm,
    samples=[
        (real(3, 5), (5,), real(5), 1e-5),
        (real(2, 3, 4), (3, 4), real(3, 4), 1e-6),
        (real(4, 7), (7,), None, 1e-3),
    ],
    family="norm",
)
@composite
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions, of sizes normalized_shape.

    ``eps`` is by default the dtype's precision; the result has the input's dtype. Zhang and
    Sennrich 2019.
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
    gain = weight if weight is None or weight.dtype == input.dtype else weight.to(input.dtype)
    return _rms_norm(input, gain, len(shape), eps)


@tried(
    ref=lambda x, p=2.0, dim=1, eps=1e-12: x / np.maximum(np.linalg.norm(x, p, dim, True), eps),
    samples=[(real(3, 5),), (real(3, 5), 1.0, 0), (real(2, 3, 4), 3.0, -1), call(real(7), dim=0)],
    family="sums",
)
@composite
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|_p, eps), with the norm over ``dim``."""
    return input / clamp(vector_norm(input, p, dim, True), min=eps)
