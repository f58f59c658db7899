"""Rows of a table by number, alone or in bags; forms in two vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..backend import bool_, int32, int64
from ..tensor import Tensor, number_as, store
from .comparison import logical_and, ne, where
from .declare import composite, through, tried
from .einsum import einsum
from .index import _index_sum, index_select
from .linear_algebra import vector_norm
from .reduction import _sum
from .samples import index, real
from .shape import _expand, _reshape, convert, unsqueeze

FUNCTIONAL = True


def _check_table(name: str, input: Tensor, weight: Tensor, sparse: bool) -> None:
    if input.dtype not in (int64, int32):
        raise TypeError(f"{name}: indices must be int64 or int32; got {input.dtype.name}")
    if weight.ndim != 2:
        raise ValueError(f"{name}: the weight must be a matrix; got {tuple(weight.shape)}")
    if sparse:
        raise ValueError(f"{name}: sparse gradients are not supported; got sparse=True")


def _padding(name: str, padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{name}: padding_idx must be one of {rows} rows; got {padding_idx}")
    return padding_idx % rows


def _shorten(weight: Tensor, used: Tensor, max_norm: float, norm_type: float) -> None:
    """Rows that are used and longer than max_norm are scaled to it, in place."""
    rows = index_select(weight.detach(), 0, used)
    norms = vector_norm(rows, norm_type, -1, True)
    scaled = where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)
    weight.detach().index_copy_(0, used, scaled)  # one that is used twice is written twice, alike


class _ByFrequency(Function):
    """Rows, whose gradients are divided by how often each stands among the indices."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, places: Tensor, given: Tensor, count: int) -> Tensor:
        ones = _expand(number_as("embedding", 1, rows.dtype), tuple(given.shape))
        often = index_select(_index_sum(ones, (count,), 0, given), 0, places)
        ctx.save_for_backward(unsqueeze(1.0 / often, -1))
        return rows.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return gradient * ctx.saved_tensors[0], None, None, None


def _rows(
    weight: Tensor,
    places: Tensor,
    given: Tensor,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
) -> Tensor:
    """The rows at ``places``, which are the ``given`` indices or some of them over again."""
    if max_norm is not None:
        _shorten(weight, given, max_norm, norm_type)
    rows, count = index_select(weight, 0, places), weight.shape[0]
    return _ByFrequency.apply(rows, places, given, count) if scale_grad_by_freq else rows


@tried(
    ref=lambda places, weight: weight[places],
    samples=[
        (index(7, below=4), real(4, 3)),
        (index(below=4), real(4, 3)),
        (index(0, below=4), real(4, 3)),
    ],
    vjp={"weight": through},
)
@composite
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` (rows, width) at integer indices: (...) -> (..., width).

    An index outside 0 .. rows-1 is an IndexError. The row ``padding_idx`` gets no gradient.
    ``max_norm``: rows that are used are first scaled down to this norm, in place.
    """
    _check_table("embedding", input, weight, sparse)
    padding = _padding("embedding", padding_idx, weight.shape[0])
    flat = input.flatten()
    rows = _rows(weight, flat, flat, max_norm, norm_type, scale_grad_by_freq)
    if padding is not None:
        rows = where(unsqueeze(flat == padding, -1), rows.detach(), rows)
    return rows if flat is input else _reshape(rows, (*input.shape, weight.shape[1]))


def _bags(input: Tensor, offsets: Tensor | None, last: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places in the flat indices, a row a bag, and which of them count."""
    if offsets is None:
        raise ValueError("embedding_bag: a vector of indices needs offsets")
    starts = offsets.numpy().astype(np.int64)
    n = input.shape[0]
    if starts.ndim != 1 or (starts.size and starts[0] != 0):
        raise ValueError("embedding_bag: offsets must be a vector that starts with 0")
    ends = starts[1:] if last else np.append(starts[1:], n)
    starts = starts[: len(ends)]
    if (np.diff(np.append(starts, ends[-1:])) < 0).any() or (ends > n).any():
        raise ValueError(f"embedding_bag: offsets must ascend up to {n}; got {offsets.tolist()}")
    longest = int((ends - starts).max(initial=0))
    places = starts[:, None] + np.arange(longest)
    inside = places < ends[:, None]
    return np.where(inside, places, 0), inside


@composite
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows in each bag: (bags, n) -> (bags, width).

    Or a vector of indices and the ``offsets`` where bags begin. An empty bag gives zeros; the row
    ``padding_idx`` does not count. ``per_sample_weights``, of the input's shape, scale a sum.
    """
    _check_table("embedding_bag", input, weight, sparse)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode must be 'sum', 'mean' or 'max'; got {mode!r}")
    if per_sample_weights is not None:
        if mode != "sum":
            raise ValueError(f"embedding_bag: per_sample_weights need mode='sum'; got {mode!r}")
        if per_sample_weights.shape != input.shape:
            raise ValueError(
                "embedding_bag: per_sample_weights must have the input's shape; got "
                f"{tuple(per_sample_weights.shape)} and {tuple(input.shape)}"
            )
    weights, inside, given = per_sample_weights, None, input.flatten()
    if input.ndim == 1:
        places, kept = _bags(input, offsets, include_last_offset)
        bags, inside = store(places, int64), store(kept, bool_)
        flat = _reshape(bags, (places.size,))
        if not input.numel():
            return weight.new_zeros(len(places), weight.shape[1])
        input = _reshape(index_select(input, 0, flat), tuple(places.shape))
        if weights is not None:
            weights = _reshape(index_select(weights, 0, flat), tuple(places.shape))
    elif input.ndim != 2 or offsets is not None:
        raise ValueError("embedding_bag: a matrix of indices, or a vector and offsets")
    padding = _padding("embedding_bag", padding_idx, weight.shape[0])
    if padding is not None:
        real_ones = ne(input, padding)
        inside = real_ones if inside is None else logical_and(inside, real_ones)
    rows = _rows(weight, input.flatten(), given, max_norm, norm_type, scale_grad_by_freq)
    rows = _reshape(rows, (*input.shape, weight.shape[1]))
    if weights is not None:
        rows = rows * unsqueeze(weights, -1)
    if mode == "max":
        return _largest(rows, inside)
    if inside is None:
        total, count = _sum(rows, 1), float(max(input.shape[1], 1))
        return total / count if mode == "mean" else total
    total = _sum(where(unsqueeze(inside, -1), rows, 0.0), 1)
    counts = convert(_sum(inside, 1, True).clamp(min=1), rows.dtype)
    return total / counts if mode == "mean" else total


def _largest(rows: Tensor, inside: Tensor | None) -> Tensor:
    """The maximum over dimension 1 of what counts; of nothing 0."""
    if not rows.shape[1]:
        return _sum(rows, 1)
    if inside is None:
        return rows.max(1).values
    kept = where(unsqueeze(inside, -1), rows, float("-inf"))
    return where(unsqueeze(inside.any(1), -1), kept.max(1).values, 0.0)


@tried(
    ref=lambda x, y, w, b=None: np.einsum("...n,anm,...m->...a", x, w, y) + (0 if b is None else b),
    samples=[
        (real(4, 3), real(4, 2), real(5, 3, 2), real(5)),
        (real(2, 4, 3), real(2, 4, 2), real(5, 3, 2)),
        (real(3), real(2), real(1, 3, 2), real(1)),
    ],
    family="sums",
)
@composite
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1^T W_a input2 + bias_a: (..., n), (..., m), (out, n, m), (out,) -> (..., out)."""
    if weight.ndim != 3 or input1.shape[:-1] != input2.shape[:-1]:
        raise ValueError(
            "bilinear: sizes differ; got "
            f"{tuple(input1.shape)}, {tuple(input2.shape)}, {tuple(weight.shape)}"
        )
    if (input1.shape[-1:] + input2.shape[-1:]) != weight.shape[1:]:
        raise ValueError(
            f"bilinear: the weight {tuple(weight.shape)} does not fit "
            f"{tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    result = einsum("...n,anm,...m->...a", input1, weight, input2)
    return result if bias is None else result + bias
