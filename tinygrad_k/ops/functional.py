"""What stands in nn.functional only: dropout and its kin, padding, one-hot rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import check_readable, fail, ffi, int64, kernel_number, lib
from ..random import handle
from ..tensor import Tensor, number_as, wrap
from .creation import finish, zeros_like
from .declare import composite, no_grad, op, tried
from .index import scatter
from .normalization import softmax
from .random import BERNOULLI, EXPONENTIAL, drawn
from .rearrange import _extend, widths
from .reduction import argmax
from .samples import call, index, real
from .shape import sizes
from .transcendental import log

FUNCTIONAL = True

DROPOUT = kernel_number("dropout_mask")


# -- dropout --------------------------------------------------------------------------------------


def _dropped(name: str, input: Tensor, shape: Any, p: float, inplace: bool) -> Tensor:
    if not input.dtype.is_floating_point:
        raise TypeError(f"{name}: expected a floating tensor; got {input.dtype.name}")
    mask = finish(lib.tk_empty(input._h.dtype, len(shape), shape))
    if lib.tk_random(DROPOUT, mask._h, handle(name, None), p, 0.0):
        fail()
    return input.mul_(mask) if inplace else input * mask


def _probability(name: str, p: Any) -> float:
    if not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise ValueError(f"{name}: p must be a probability, 0 to 1; got {p!r}")
    return float(p)


@tried(ref=None, samples=[(real(3, 50),), (real(7), 0.3), (real(3), 0.5, False), (real(0, 3), 1)])
@composite
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability p, else divided by 1 - p; as it is unless ``training``."""
    p = _probability("dropout", p)
    if not training or p == 0:
        return input
    return _dropped("dropout", input, input.shape, p, inplace)


def _drop_channels(
    name: str, input: Tensor, p: float, training: bool, inplace: bool, dims: int
) -> Tensor:
    p = _probability(name, p)
    if input.ndim not in (dims, dims + 1):
        raise ValueError(
            f"{name}: expected [C, ...] or [N, C, ...] of {dims} or {dims + 1} dimensions; got "
            f"{tuple(input.shape)}"
        )
    if not training or p == 0:
        return input
    kept = input.ndim - dims + 1
    shape = tuple(n if i < kept else 1 for i, n in enumerate(input.shape))
    return _dropped(name, input, shape, p, inplace)


@tried(ref=None, samples=[(real(2, 3, 4),), (real(2, 3, 4), 0.3, False), (real(2, 3, 4), 1)])
@composite
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, L] or [C, L]."""
    return _drop_channels("dropout1d", input, p, training, inplace, 2)


@tried(
    ref=None, samples=[(real(2, 3, 2, 4),), (real(2, 3, 2, 4), 0.3, False), (real(2, 3, 2, 4), 1)]
)
@composite
def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, H, W] or [C, H, W]."""
    return _drop_channels("dropout2d", input, p, training, inplace, 3)


@tried(
    ref=None, samples=[(real(3, 2, 2, 2),), (real(3, 2, 2, 2), 0.3, False), (real(3, 2, 2, 2), 1)]
)
@composite
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, D, H, W] or [C, D, H, W]."""
    return _drop_channels("dropout3d", input, p, training, inplace, 4)


@tried(ref=None, samples=[(real(3, 50), 0.5, True), (real(2, 3, 4), 1, True), (real(3, 2), 0.5)])
@composite
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Elements set to SELU's lower limit with probability p, mean and variance kept by scaling.

    Klambauer et al., 2017, section 2: for inputs of mean 0 and variance 1.
    """
    return _alpha_dropped("alpha_dropout", input, input.shape, p, training, inplace)


@tried(ref=None, samples=[(real(3, 50), 0.5, True), (real(2, 3, 4), 1, True), (real(3, 2), 0.5)])
@composite
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """As ``alpha_dropout`` for whole channels of [N, C, ...]."""
    if input.ndim < 2:
        raise ValueError(f"feature_alpha_dropout: expected [N, C, ...]; got {tuple(input.shape)}")
    shape = (*input.shape[:2], *(1 for _ in input.shape[2:]))
    return _alpha_dropped("feature_alpha_dropout", input, shape, p, training, inplace)


LIMIT = -1.7580993408473766  # of SELU at -infinity, -lambda alpha


def _alpha_dropped(
    name: str, input: Tensor, shape: Any, p: float, training: bool, inplace: bool
) -> Tensor:
    p = _probability(name, p)
    if not input.dtype.is_floating_point:
        raise TypeError(f"{name}: expected a floating tensor; got {input.dtype.name}")
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * 0.0
    kept = drawn(BERNOULLI, shape, input.dtype, None, 1 - p)
    scale = ((1 - p) * (1 + p * LIMIT**2)) ** -0.5
    shift = (1.0 - kept) * (scale * LIMIT) - scale * LIMIT * p
    if inplace:
        return input.mul_(kept * scale).add_(shift)
    return input * (kept * scale) + shift


@tried(ref=None, samples=[(real(3, 5),), (real(3, 5), 0.5), call(real(7), dim=0)], family="rows")
@composite
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the softmax of ``logits`` that has a gradient: softmax((logits + Gumbel) / tau).

    With ``hard`` a one-hot vector in value, with the gradient of the soft one. ``eps`` is not used.
    Jang, Gu and Poole, 2017, equation 2.
    """
    if not logits.dtype.is_floating_point:
        raise TypeError(f"gumbel_softmax: expected a floating tensor; got {logits.dtype.name}")
    waits = drawn(EXPONENTIAL, logits.shape, logits.dtype, None, 1.0)
    soft = softmax((logits - log(waits)) / tau, dim)
    if not hard:
        return soft
    chosen = argmax(soft.detach(), dim, True)
    return scatter(zeros_like(soft), dim, chosen, 1.0) - soft.detach() + soft


# -- padding --------------------------------------------------------------------------------------


def _numpy_pad(x: Any, pads: tuple[int, ...], value: float) -> np.ndarray:
    widths = [(0, 0)] * (x.ndim - len(pads) // 2) + [
        pads[i : i + 2] for i in range(len(pads) - 2, -1, -2)
    ]
    cut = x[
        tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, widths, strict=True))
    ]
    return np.pad(cut, [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=value)


@op(
    kernel="extend",
    vjp={"input": lambda g, pads: _pad(g, tuple(-n for n in pads), 0.0)},
    ref=_numpy_pad,
    samples=[
        (real(3, 5), (1, 2), 0.0),
        (real(2, 3, 4), (1, 0, 0, 2), 1.5),
        (real(3, 5), (-1, 2, 1, -2), 0.0),
        (real(0, 3), (1, 1, 2, 0), 0.0),
        (real(3, 5), (), 0.0),
    ],
    dtypes="all",
    family="place",
)
def _pad(input: Tensor, pads: tuple[int, ...], value: float) -> Any:
    """``pads``: before and after, of the last dimension first; negative ones cut off."""
    before, after = widths("pad", input.ndim, pads)
    if value == 0 and math.copysign(1, value) > 0:
        return lib.tk_extend(input._h, before, after, lib.TK_EXTEND_FILL, ffi.NULL)
    number = number_as("pad", value, input.dtype)  # -0.0 too
    return lib.tk_extend(input._h, before, after, lib.TK_EXTEND_FILL, number._h)


FARTHEST = 2**24  # elements that a border is repeated: enough, and what it takes stays small


def _numpy_pad_modes(x: Any, pad: tuple[int, ...], mode: str = "constant") -> np.ndarray:
    if mode == "constant":
        return _numpy_pad(x, pad, 0)
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [
        pad[i : i + 2] for i in range(len(pad) - 2, -1, -2)
    ]
    known: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    return np.pad(x, widths, known[mode])


@tried(
    ref=_numpy_pad_modes,
    samples=[
        (real(3, 5), (1, 2), "reflect"),
        (real(2, 3, 4), (1, 2, 3, 0), "replicate"),
        (real(2, 3, 4), (0, 3, 1, 2), "circular"),
        (real(2, 3), (1, 0, 0, 2)),
    ],
    dtypes="all",
)
@composite
def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Wider dimensions: ``pad`` is (before, after) of the last one, then of the one before it, ...

    ``mode``: ``"constant"`` fills with ``value`` (0), and negative numbers cut off; ``"reflect"``
    mirrors at the border elements, ``"replicate"`` repeats them, ``"circular"`` wraps around.
    """
    pads = sizes("pad", (pad,))
    if mode == "constant":
        return _pad(input, pads, 0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise ValueError(
            f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular'; got {mode!r}"
        )
    if value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value; got {value!r}")
    ndim, shape = input._h.ndim, input._h.shape
    for i in range(0, min(len(pads), 2 * ndim) - 1, 2):
        d = ndim - 1 - i // 2
        size = shape[d]
        most = (
            size - 1 if mode == "reflect" else size if mode == "circular" or not size else FARTHEST
        )
        if not (0 <= pads[i] <= most and 0 <= pads[i + 1] <= most):
            raise ValueError(
                f"pad: {mode} of {pads[i]} and {pads[i + 1]} needs 0 to {most} for size {size} of "
                f"dim {d}"
            )
    return _extend(input, pads, mode) if any(pads) else input


# -- one-hot --------------------------------------------------------------------------------------


@tried(
    ref=lambda labels, n: np.eye(n, dtype=np.int64)[labels],
    samples=[(index(3, 4, below=4), 5), (index(0, below=2), 2)],
    vjp=no_grad("the result are integers"),
)
@composite
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Rows of zeros with a 1 at each label: [...] gives [..., num_classes], int64.

    Without ``num_classes``, one more than the largest label.
    """
    if not isinstance(tensor, Tensor) or tensor.dtype is not int64:
        kind = tensor.dtype.name if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(f"one_hot: expected an int64 tensor; got {kind}")
    if num_classes == -1:
        if not tensor.numel():
            raise ValueError("one_hot: num_classes cannot be inferred from no labels")
        check_readable("one_hot without num_classes")
        num_classes = int(tensor.max().item()) + 1
    if num_classes < 1:
        raise ValueError(f"one_hot: num_classes must be positive; got {num_classes}")
    return wrap(lib.tk_one_hot(tensor._h, num_classes))
