"""Distances and angles between vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import int64
from ..tensor import Tensor, store
from .arithmetic import clamp, square
from .declare import composite, tried
from .index import index_select
from .linalg import matmul
from .linear_algebra import vector_norm
from .reduction import _root, _sum
from .samples import call, real
from .shape import common_shape, transpose, unsqueeze

FUNCTIONAL = True

PRODUCT_ROWS = 25  # from here on cdist goes by a matrix product, as PyTorch's


@tried(
    ref=lambda x, y, p=2.0, eps=1e-6, keepdim=False: np.linalg.norm(
        x - y + eps, p, -1, keepdims=keepdim
    ),
    samples=[
        (real(3, 5), real(3, 5)),
        (real(3, 5), real(5), 1.0),
        (real(5), real(5), 3.0, 1e-3, True),
    ],
    family="sums",
)
@composite
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension."""
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def _numpy_cosine(x: Any, y: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    x, y = (v / np.maximum(np.linalg.norm(v, 2, dim, True), eps) for v in np.broadcast_arrays(x, y))
    return np.sum(x * y, dim)


@tried(
    ref=_numpy_cosine,
    samples=[
        (real(3, 5), real(3, 5)),
        (real(3, 5), real(3, 5), 0),
        (real(2, 1, 4), real(3, 4), -1),
        call(real(7), real(7), dim=0),
    ],
    family="sums",
)
@composite
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between x1 and x2 along ``dim``; norms count as at least eps."""
    if x1.shape != x2.shape:
        shape = common_shape("cosine_similarity", x1.shape, x2.shape)
        x1, x2 = (each.expand(*shape) for each in (x1, x2))
    sizes = [clamp(vector_norm(each, 2, dim), min=eps) for each in (x1, x2)]
    return _sum(x1 * x2, dim) / (sizes[0] * sizes[1])


def _numpy_cdist(x: Any, y: Any, p: float = 2.0) -> Any:
    return np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], p, -1)


@tried(
    ref=_numpy_cdist,
    samples=[
        (real(3, 5), real(4, 5)),
        (real(2, 3, 4), real(5, 4), 1.0),
        (real(3, 2), real(4, 2), 3.0),
        (real(3, 2), real(4, 2), float("inf")),
        (real(30, 3), real(2, 3)),
        (real(0, 2), real(4, 2)),
    ],
    family="sums",
)
@composite
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norm distances of all pairs of rows: (..., n, k), (..., m, k) -> (..., n, m).

    For p = 2 and more than 25 rows on a side by |a|^2 + |b|^2 - 2 a.b, which is fast and loses the
    digits of small distances; ``compute_mode`` says always, never or if so many.
    """
    modes = (
        "use_mm_for_euclid_dist_if_necessary",
        "use_mm_for_euclid_dist",
        "donot_use_mm_for_euclid_dist",
    )
    if compute_mode not in modes:
        raise ValueError(f"cdist: compute_mode must be one of {modes}; got {compute_mode!r}")
    if not p >= 0:
        raise ValueError(f"cdist: p cannot be negative; got {p}")
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(
            "cdist: expected matrices of one number of columns; got "
            f"{tuple(x1.shape)} and {tuple(x2.shape)}"
        )
    many = max(x1.shape[-2], x2.shape[-2]) > PRODUCT_ROWS
    if p == 2 and (compute_mode == modes[1] or (many and compute_mode == modes[0])):
        squares = _sum(square(x1), -1, True) + unsqueeze(_sum(square(x2), -1), -2)
        return _root(clamp(squares - matmul(x1, transpose(x2, -1, -2)) * 2.0, min=0.0), 0.5)
    return vector_norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


@tried(
    ref=lambda x, p=2.0: _numpy_cdist(x, x, p)[np.triu_indices(len(x), 1)],
    samples=[(real(4, 3),), (real(4, 3), 1.0), (real(1, 3),)],
    family="sums",
)
@composite
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of different rows of (n, k): (n (n - 1) / 2,)."""
    if input.ndim != 2:
        raise ValueError(f"pdist: expected a matrix; got {tuple(input.shape)}")
    first, second = (store(each, int64) for each in np.triu_indices(input.shape[0], 1))
    return vector_norm(index_select(input, 0, first) - index_select(input, 0, second), p, -1)
