"""Softmax along a dimension, and normalisation by batch or layer statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.node import note_change
from ..backend import dtype as dtype_class, fail, ffi, float64, kernel_number, lib
from ..tensor import Tensor, wrap
from .arithmetic import mul, neg
from .declare import composite, like, op, through, tried
from .reduction import _as_dtype, _mean, _sum, _var
from .samples import call, positive, real
from .shape import _reshape
from .transcendental import exp, rsqrt

FUNCTIONAL = True
ROOT = ("softmax", "log_softmax")

ROWS = [
    (real(3, 5), 1),
    (real(3, 5), 0),
    (real(2, 3, 4), 1),
    (real(), 0),
    (real(0, 3), 1),
    (real(2, 40), -1),
]


_tk_rows, _NULL = lib.tk_rows, ffi.NULL
_SOFTMAX, _SOFTMAX_BACKWARD = map(kernel_number, ("softmax", "softmax_backward"))
_LOG_SOFTMAX, _LOG_SOFTMAX_BACKWARD = map(kernel_number, ("log_softmax", "log_softmax_backward"))


def _numpy_softmax(x: Any, dim: int, dtype: Any = None) -> Any:
    if not x.size:
        return x
    e = np.exp(x - np.max(x, axis=dim, keepdims=True)) if x.ndim else np.ones(())
    return e / np.sum(e, axis=dim, keepdims=True) if x.ndim else e


@op(
    kernel="softmax",
    vjp={"input": lambda g, result, dim: softmax_backward(g, result, dim)},
    ref=_numpy_softmax,
    samples=ROWS,
    family="rows",
)
def _softmax(input: Tensor, dim: int) -> Any:
    return _tk_rows(_SOFTMAX, input._h, _NULL, dim)


def _inner(a: Tensor, b: Tensor, dim: int) -> Tensor:
    return _sum(mul(a, b), dim, True)


@op(
    kernel="softmax_backward",
    vjp={
        "g": lambda g_out, y, dim: softmax_backward(g_out, y, dim),
        "y": lambda g_out, g, y, dim: (
            g * (g_out - _inner(g_out, y, dim)) - g_out * _inner(g, y, dim)
        ),
    },
    ref=lambda g, y, dim: y * (g - np.sum(g * y, axis=dim, keepdims=True)) if y.ndim else 0 * g,
    samples=[(real(3, 5), real(3, 5), 1), (real(2, 3, 4), real(2, 3, 4), 0)],
    family="rows",
)
def softmax_backward(g: Tensor, y: Tensor, dim: int) -> Any:
    """The gradient of softmax whose result was y: y (g - sum(g y))."""
    return _tk_rows(_SOFTMAX_BACKWARD, g._h, y._h, dim)


@op(
    kernel="log_softmax",
    vjp={"input": lambda g, result, dim: log_softmax_backward(g, result, dim)},
    ref=lambda x, dim, dtype=None: np.log(_numpy_softmax(x, dim)),
    samples=ROWS,
    family="rows",
)
def _log_softmax(input: Tensor, dim: int) -> Any:
    return _tk_rows(_LOG_SOFTMAX, input._h, _NULL, dim)


@op(
    kernel="log_softmax_backward",
    vjp={
        "g": lambda g_out, y, dim: g_out - _inner(g_out, exp(y), dim),
        "y": lambda g_out, g, y, dim: neg(g_out * exp(y) * _sum(g, dim, True)),
    },
    ref=lambda g, y, dim: g - np.exp(y) * np.sum(g, axis=dim, keepdims=True),
    samples=[(real(3, 5), real(3, 5), 1), (real(2, 3, 4), real(2, 3, 4), 0)],
    family="rows",
)
def log_softmax_backward(g: Tensor, y: Tensor, dim: int) -> Any:
    """The gradient of log_softmax whose result was y: g - exp(y) sum(g)."""
    return _tk_rows(_LOG_SOFTMAX_BACKWARD, g._h, y._h, dim)


def _needed(name: str, dim: int | None) -> int:
    if dim is None:
        raise TypeError(f"{name}: dim is missing; say along which dimension, -1 for the last")
    return dim


@tried(**like(_softmax, call(real(4), dim=0, dtype=float64)))
@composite
def softmax(input: Tensor, dim: int | None = None, dtype: dtype_class | None = None) -> Tensor:
    """exp(x) over its sum along ``dim``: positive, and 1 in all."""
    if dim is not None and dtype is None:
        return _softmax(input, dim)
    return _softmax(_as_dtype(input, dtype), _needed("softmax", dim))


@tried(**like(_log_softmax, call(real(4), dim=0, dtype=float64)))
@composite
def log_softmax(input: Tensor, dim: int | None = None, dtype: dtype_class | None = None) -> Tensor:
    """log(softmax(x)) along ``dim``, without overflow."""
    if dim is not None and dtype is None:
        return _log_softmax(input, dim)
    return _log_softmax(_as_dtype(input, dtype), _needed("log_softmax", dim))


@tried(**like(_softmax, ref=lambda x, dim: _numpy_softmax(-x, dim)))
@composite
def softmin(input: Tensor, dim: int | None = None, dtype: dtype_class | None = None) -> Tensor:
    """softmax(-x) along ``dim``."""
    return softmax(neg(input), dim, dtype)


def _handle(tensor: Tensor | None) -> Any:
    return ffi.NULL if tensor is None else tensor._h


def _layer_norm_rule(
    g: Tensor,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    ndim: int,
    eps: float,
    mean: Tensor,
    rstd: Tensor,
) -> list[Tensor | None]:
    """One fused kernel; made of ops where this gradient is to be differentiated itself."""
    if lib.tk_grad_mode():
        return _layer_norm_slopes(g, input, weight, bias, ndim, eps)
    return _fused_slopes(lib.tk_layer_norm_backward, g, input, weight, bias, ndim, mean, rstd)


def _fused_slopes(
    door: Any,
    g: Tensor,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    parts: int,
    mean: Tensor | None,
    rstd: Tensor,
) -> list[Tensor | None]:
    out = ffi.new("tk_tensor *[3]")
    failed = door(
        g._h,
        input._h,
        _handle(mean),
        rstd._h,
        _handle(weight),
        parts,
        weight is not None,
        bias is not None,
        out,
    )
    if failed:
        fail()
    return [wrap(handle) if handle else None for handle in out]


def _layer_norm_slopes(
    g: Tensor, input: Tensor, weight: Tensor | None, bias: Tensor | None, ndim: int, eps: float
) -> list[Tensor | None]:
    """With z the normalised input and h = g weight: rstd (h - mean(h) - z mean(h z)), g z and g,
    the last two summed over the rows."""
    dims, rows = tuple(range(-ndim, 0)), tuple(range(input.ndim - ndim))
    rstd = rsqrt(_var(input, dims, 0, True) + eps)
    z = (input - _mean(input, dims, True)) * rstd
    h = g if weight is None else g * weight
    slopes = rstd * (h - _mean(h, dims, True) - z * _mean(h * z, dims, True))
    scale, shift = (_sum(each, rows) if rows else each for each in (g * z, g))
    return [slopes, scale if weight is not None else None, shift if bias is not None else None]


def _numpy_layer_norm(x: Any, weight: Any, bias: Any, ndim: int, eps: float = 1e-5) -> Any:
    dims = tuple(range(-ndim, 0))
    y = (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


@op(
    kernel="layer_norm",
    vjp=_layer_norm_rule,
    keeps=("mean", "rstd"),
    ref=_numpy_layer_norm,
    samples=[
        (real(3, 5), real(5), real(5), 1),
        (real(3, 5), None, None, 1),
        (real(2, 3, 4), real(3, 4), real(3, 4), 2),
        (real(7), real(7), None, 1),
        (real(2, 40), None, real(40), 1, 1e-3),
    ],
    family="norm",
)
def _layer_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, ndim: int, eps: float = 1e-5
) -> Any:
    return _normalised(lib.tk_layer_norm, input, weight, bias, ndim, eps)


def _normalised(
    door: Any,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    parts: int,
    eps: float,
    keeps: int = 2,
) -> Any:
    plain = input._node is None
    gain, shift = ffi.NULL, ffi.NULL
    if weight is not None:
        gain, plain = weight._h, plain and weight._node is None
    if bias is not None:
        shift, plain = bias._h, plain and bias._node is None
    kept = ffi.NULL if plain else ffi.new("tk_tensor *[]", keeps)  # only a gradient wants them
    out = door(input._h, gain, shift, parts, eps, kept)
    return out if plain else (out, *kept)


@tried(
    ref=lambda x, shape, weight=None, bias=None, eps=1e-5: _numpy_layer_norm(
        x, weight, bias, len(shape) if isinstance(shape, tuple) else 1, eps
    ),
    samples=[
        (real(3, 5), 5, real(5), real(5)),
        (real(2, 3, 4), (3, 4), None, real(3, 4), 1e-3),
        (real(0, 4), (4,), real(4)),
    ],
    family="norm",
)
@composite
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions.

    ``normalized_shape`` are their sizes; weight and bias have that shape. Ba et al. 2016.
    """
    if isinstance(normalized_shape, int):
        normalized_shape = (normalized_shape,)
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(
            f"layer_norm: the input's last dimensions must be {shape}; got {tuple(input.shape)}"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != shape:
            raise ValueError(f"layer_norm: {name} must be {shape}; got {tuple(value.shape)}")
    return _layer_norm(input, weight, bias, len(shape), eps)


def _batch_norm_rule(
    g: Tensor,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    eps: float,
    mean: Tensor,
    variance: Tensor,
) -> list[Tensor | None]:
    """One fused kernel; made of ops where this gradient is to be differentiated itself."""
    if lib.tk_grad_mode():
        slopes = _batch_norm_slopes(g, input, weight, eps)
    else:
        slopes = _fused_batch_slopes(g, input, mean, variance, weight, eps, 0)
    return [
        slopes[0],
        None if weight is None else slopes[1],
        None if bias is None else slopes[2],
        None,
        None,
    ]


def _fused_batch_slopes(
    g: Tensor,
    input: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    eps: float,
    frozen: int,
) -> list[Tensor]:
    """The gradients of input, weight and bias; the statistics are constants if frozen."""
    out = ffi.new("tk_tensor *[3]")
    handles = (g._h, input._h, mean._h, variance._h, _handle(weight))
    if lib.tk_batch_norm_backward(*handles, eps, frozen, out):
        fail()
    return [wrap(handle) for handle in out]


def _batch_norm_slopes(g: Tensor, input: Tensor, weight: Tensor | None, eps: float) -> list[Tensor]:
    """With z the normalised input and h = g weight: rstd (h - mean(h) - z mean(h z)), g z and g,
    the last two summed over all but the channels."""
    dims, shape = (0, *range(2, input.ndim)), (1, -1) + (1,) * (input.ndim - 2)
    rstd = rsqrt(_var(input, dims, 0, True) + eps)
    z = (input - _mean(input, dims, True)) * rstd
    h = g if weight is None else g * _reshape(weight, shape)
    slopes = rstd * (h - _mean(h, dims, True) - z * _mean(h * z, dims, True))
    return [slopes, _sum(g * z, dims), _sum(g, dims)]


def _numpy_batch_norm(
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any = None,
    running_var: Any = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    dims, shape = (0, *range(2, x.ndim)), (1, -1) + (1,) * (x.ndim - 2)
    y = (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)
    y = y * (1 if weight is None else weight.reshape(shape))
    return y + (0 if bias is None else bias.reshape(shape))


@op(
    kernel="batch_norm",
    vjp=_batch_norm_rule,
    keeps=("mean", "variance"),
    ref=_numpy_batch_norm,
    samples=[
        (real(5, 3), real(3), real(3)),
        (real(4, 3, 2), None, None),
        (real(2, 3, 2, 2), real(3), None),
        (real(2, 2, 20), None, real(2), None, None, 0.1, 1e-3),
        (real(3, 2, 9, 8), real(2), real(2)),
    ],
    family="norm",
)
def _batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    out = ffi.new("tk_tensor *[3]")
    failed = lib.tk_batch_norm(
        input._h,
        _handle(weight),
        _handle(bias),
        _handle(running_mean),
        _handle(running_var),
        momentum,
        eps,
        out,
    )
    if failed:
        return None
    for running in (running_mean, running_var):
        if running is not None:
            note_change(running, "batch_norm")
    return tuple(out)


def _batch_norm_frozen_rule(
    g: Tensor,
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
    *,
    wanted: int,
) -> list[Tensor | None]:
    """One fused kernel for more than the input's; made of ops where this gradient is to be
    differentiated itself."""
    dims, shape = (0, *range(2, input.ndim)), (1, -1) + (1,) * (input.ndim - 2)
    rstd = rsqrt(running_var + eps)
    scale = rstd if weight is None else rstd * weight
    if wanted == 1:
        return [g * _reshape(scale, shape), None, None, None, None]
    if lib.tk_grad_mode() or 0 in input.shape:
        z = (input - _reshape(running_mean, shape)) * _reshape(rstd, shape)
        slopes, product, total = g * _reshape(scale, shape), _sum(g * z, dims), _sum(g, dims)
    else:
        slopes, product, total = _fused_batch_slopes(
            g, input, running_mean, running_var, weight, eps, 1
        )
    return [
        slopes,
        neg(total * scale) if wanted & 2 else None,
        product * scale * rstd * -0.5 if wanted & 4 else None,
        product if wanted & 8 else None,
        total if wanted & 16 else None,
    ]


def _numpy_batch_norm_by(
    x: Any, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    if training:
        return _numpy_batch_norm(x, weight, bias, eps=eps)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    y = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    y = y * (1 if weight is None else weight.reshape(shape))
    return y + (0 if bias is None else bias.reshape(shape))


@op(
    kernel="addcmul",
    vjp=_batch_norm_frozen_rule,
    ref=lambda x, mean, var, weight, bias, eps=1e-5: _numpy_batch_norm_by(
        x, mean, var, weight, bias, eps=eps
    ),
    samples=[
        (real(5, 3), real(3), positive(3), real(3), real(3)),
        (real(2, 3, 2, 2), real(3), positive(3), None, real(3), 1e-3),
        (real(2, 2, 9, 8), real(2), positive(2), real(2), None),
        (real(1, 2, 4), real(2), positive(2), None, None),
        (real(0, 3), real(3), positive(3), real(3), None),
    ],
    family="norm",
)
def _batch_norm_frozen(
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float = 1e-5,
) -> Any:
    return lib.tk_batch_norm_frozen(
        input._h, running_mean._h, running_var._h, _handle(weight), _handle(bias), eps
    )


@tried(
    ref=_numpy_batch_norm_by,
    samples=[
        (real(5, 3), real(3), positive(3), real(3), real(3)),
        (real(2, 3, 2, 2), real(3), positive(3), None, real(3), False, 0.1, 1e-3),
        (real(4, 3, 2), None, None, real(3), real(3), True),
        (real(4, 3), None, None, None, None, True, 0.1, 1e-3),
        (real(0, 3), real(3), positive(3)),
    ],
    vjp={"input": through, "weight": through, "bias": through},
    family="norm",
)
@composite
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel, dimension 1.

    In training with the batch's statistics, which move the running ones by ``momentum`` (in place;
    the running variance is unbiased); else with the running ones. Ioffe and Szegedy 2015.
    """
    if input.ndim < 2:
        raise ValueError(f"batch_norm: at least 2 dimensions; got {tuple(input.shape)}")
    channels = input.shape[1]
    for name, value in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if value is not None and tuple(value.shape) != (channels,):
            raise ValueError(
                f"batch_norm: {name} must be ({channels},) for {tuple(input.shape)}; "
                f"got {tuple(value.shape)}"
            )
    if training:
        count = math.prod(input.shape) // max(channels, 1)
        if count <= 1:
            raise ValueError(
                "batch_norm: training needs more than one value a channel; "
                f"got {tuple(input.shape)}"
            )
        return _batch_norm(input, weight, bias, running_mean, running_var, momentum, eps)
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: evaluation needs running_mean and running_var")
    return _batch_norm_frozen(input, running_mean, running_var, weight, bias, eps)
