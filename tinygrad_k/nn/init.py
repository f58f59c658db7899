"""Initial values: each function fills a tensor in place, outside the graph, and returns it.

``generator`` is the source of random numbers; without one, the default that ``manual_seed`` seeds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..backend import float64
from ..ops.comparison import where
from ..ops.creation import as_tensor, empty, full
from ..ops.transcendental import erf
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {
    "linear": 1.0,
    "identity": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on a weight's deviation that makes up for what an activation takes away.

    ``param`` is the slope of ``"leaky_relu"``, 0.01 if not given.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the slope must be a number; got {slope!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(f"calculate_gain: known are {known}; got {nonlinearity!r}")
    return _GAINS[nonlinearity]


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal, of a mean and standard deviation."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Normal, restricted to [a, b]."""
    if not a < b:
        raise ValueError(f"trunc_normal_: a must be below b; got {a} and {b}")
    if not std > 0:
        raise ValueError(f"trunc_normal_: std must be above 0; got {std}")
    ends = [max(-_FAR, min(_FAR, (end - mean) / std)) for end in (a, b)]
    shares = [math.erf(end / math.sqrt(2.0)) for end in ends]
    if not shares[0] < shares[1]:
        raise ValueError(
            f"trunc_normal_: [{a}, {b}] is too far from mean {mean} for std {std} to draw from"
        )
    # The inverse of the distribution function, by bisection: 60 halvings of at most 2 * _FAR
    # leave less than 1e-16.
    goal = empty(*tensor.shape, dtype=float64).uniform_(*shares, generator=generator)
    low, high = (full(tensor.shape, end, dtype=float64) for end in ends)
    for _ in range(60):
        middle = (low + high) / 2
        below = erf(middle / math.sqrt(2.0)) < goal
        low, high = where(below, middle, low), where(below, high, middle)
    return tensor.copy_((low * std + mean).clamp(a, b))


_FAR = 40.0  # deviations; what lies beyond has no probability even in float64


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere."""
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """A matrix with ones on the diagonal, zeros elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix; got {tuple(tensor.shape)}")
    return tensor.copy_(as_tensor(np.eye(*tensor.shape)))


def _fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """Inputs and outputs of one element: of (out, in, ...) the sizes times those that follow."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(f"{name}: a tensor of at least 2 dimensions has fans; got {tuple(shape)}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _xavier_deviation(name: str, tensor: Tensor, gain: float) -> float:
    total = sum(_fans(name, tensor))
    return gain * math.sqrt(2.0 / total) if total else 0.0


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform, of deviation gain * sqrt(2 / (fan_in + fan_out)). Glorot and Bengio 2010."""
    bound = math.sqrt(3.0) * _xavier_deviation("xavier_uniform_", tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal, of deviation gain * sqrt(2 / (fan_in + fan_out)). Glorot and Bengio 2010."""
    return normal_(tensor, 0.0, _xavier_deviation("xavier_normal_", tensor, gain), generator)


def _kaiming_deviation(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out'; got {mode!r}")
    fan = _fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Uniform, of deviation gain / sqrt(fan). He et al. 2015.

    ``a`` is the slope of a leaky ReLU. ``fan_in`` keeps the variance of the forward pass,
    ``fan_out`` that of the backward pass.
    """
    deviation = _kaiming_deviation("kaiming_uniform_", tensor, a, mode, nonlinearity)
    bound = math.sqrt(3.0) * deviation
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normal, of deviation gain / sqrt(fan); arguments as of ``kaiming_uniform_``."""
    deviation = _kaiming_deviation("kaiming_normal_", tensor, a, mode, nonlinearity)
    return normal_(tensor, 0.0, deviation, generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """(rows, everything else) times ``gain`` as a matrix with orthonormal rows, or columns.

    From the QR decomposition of a normal matrix, its signs chosen so that all such matrices are
    equally likely. Saxe et al. 2014.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions; got {tuple(tensor.shape)}")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    normal_(tensor, 0.0, 1.0, generator)
    drawn = tensor.detach().numpy().astype(np.float64).reshape(rows, -1)
    tall = drawn if rows >= drawn.shape[1] else drawn.T
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    matrix = q if tall is drawn else q.T
    return tensor.copy_(as_tensor(gain * matrix.reshape(tensor.shape)))
