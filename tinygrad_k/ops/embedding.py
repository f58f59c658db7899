"""Rows of a table by number, alone or in bags; forms in two vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function
from ..backend import int32, int64
from ..tensor import Tensor, number_as, wrap
from .comparison import ne, where
from .declare import composite, through, tried
from .einsum import einsum
from .host import check, host
from .index import _index_sum, gather, index_select
from .linear_algebra import vector_norm
from .ranges import arange
from .reduction import _sum
from .samples import distinct, index, real
from .shape import _expand, _reshape, convert, narrow, unsqueeze
from .sort import searchsorted

FUNCTIONAL = True


def _check_table(name: str, input: Tensor, weight: Tensor, sparse: bool) -> None:
    if input.dtype not in (int64, int32):
        raise TypeError(f"{name}: indices must be int64 or int32; got {input.dtype.name}")
    if weight.ndim != 2:
        raise ValueError(f"{name}: the weight must be a matrix; got {tuple(weight.shape)}")
    if sparse:
        raise ValueError(f"{name}: sparse gradients are not supported; got sparse=True")


def _padding(name: str, padding_idx: int | None, weight: Tensor) -> int | None:
    if padding_idx is None:
        return None
    rows = weight.shape[0]
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
    def forward(ctx: Any, rows: Tensor, places: Tensor, count: int) -> Tensor:
        ones = _expand(number_as("embedding", 1, rows.dtype), tuple(places.shape))
        often = index_select(_index_sum(ones, (count,), 0, places), 0, places)
        ctx.save_for_backward(unsqueeze(1.0 / often, -1))
        return rows.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient * ctx.saved_tensors[0], None, None


def _rows(
    weight: Tensor,
    places: Tensor,
    max_norm: float | None,
    norm_type: float,
    scale_grad_by_freq: bool,
) -> Tensor:
    """The rows at ``places``, which are first shortened."""
    if max_norm is not None:
        _shorten(weight, places, max_norm, norm_type)
    rows = index_select(weight, 0, places)
    return _ByFrequency.apply(rows, places, weight.shape[0]) if scale_grad_by_freq else rows


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
    padding = _padding("embedding", padding_idx, weight)
    flat = input.flatten()
    rows = _rows(weight, flat, max_norm, norm_type, scale_grad_by_freq)
    if padding is not None:
        rows = where(unsqueeze(flat == padding, -1), rows.detach(), rows)
    return rows if flat is input else _reshape(rows, (*input.shape, weight.shape[1]))


def _bag_of_each(input: Tensor, offsets: Tensor | None, last: bool) -> tuple[Tensor, int]:
    """In which bag each index is, and how many bags there are, which stands for none of them."""
    if offsets is None:
        raise ValueError("embedding_bag: a vector of indices needs offsets")
    if offsets.ndim != 1 or offsets.dtype not in (int64, int32) or len(offsets) < last:
        raise ValueError(
            "embedding_bag: offsets must be a vector of int64 or int32, with the end where "
            f"include_last_offset says so; got {offsets.dtype.name} {tuple(offsets.shape)}"
        )
    n = input.shape[0]

    def compute(starts: np.ndarray) -> None:
        if starts.size and (starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > n):
            raise ValueError(
                f"embedding_bag: offsets must ascend from 0 up to {n}; got {starts.tolist()}"
            )

    check(compute, offsets)
    if not len(offsets):
        return input.new_zeros(n), 0
    return searchsorted(convert(offsets, int64), arange(n), right=True) - 1, len(offsets) - last


def _first_largest(rows: np.ndarray, bags: np.ndarray, count: int) -> np.ndarray:
    """Which row has the largest element of each column of each bag, the first of equal ones."""
    (kept,) = np.nonzero(bags < count)
    if not kept.size:
        return np.zeros((count, rows.shape[1]), np.int64)
    sizes = np.bincount(bags[kept], minlength=count)
    starts, steps = np.cumsum(sizes) - sizes, np.arange(sizes.max())
    places = kept[np.minimum(starts[:, None] + steps, len(kept) - 1)]  # a row a bag, and padding
    padded = np.where((steps < sizes[:, None])[..., None], rows[places], -np.inf)
    return np.take_along_axis(places, padded.argmax(1), 1)


def _ragged(rows: Tensor, bags: Tensor, count: int, mode: str) -> Tensor:
    """The sum, mean or maximum of the rows (n, width) of each bag: (count, width)."""
    ones = _expand(number_as("embedding_bag", 1, rows.dtype), (len(rows),))
    counts = unsqueeze(narrow(_index_sum(ones, (count + 1,), 0, bags), 0, 0, count), 1)
    if mode == "max" and len(rows):
        places = wrap(
            host(lambda x, bags: _first_largest(x, bags, count), rows.detach(), bags, kind=int64)
        )
        return where(counts > 0, gather(rows, 0, places), 0.0)
    total = narrow(_index_sum(rows, (count + 1, rows.shape[1]), 0, bags), 0, 0, count)
    return total / counts.clamp(min=1) if mode == "mean" else total


def _numpy_bag(
    input: Any, weight: Any, offsets: Any = None, mode: str = "mean", weights: Any = None,
    last: bool = False, padding: int | None = None,
) -> Any:  # fmt: skip
    reduce: Any = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    if offsets is None:
        bags = list(np.arange(input.size).reshape(input.shape))
    else:
        ends = offsets[1:] if last else [*offsets[1:], len(input)]
        bags = [np.arange(a, b) for a, b in zip(offsets, ends, strict=False)]
    flat, result = input.reshape(-1), np.zeros((len(bags), weight.shape[1]))
    scale = np.ones(flat.shape) if weights is None else weights.reshape(-1)
    for i, bag in enumerate(bags):
        kept = bag[flat[bag] != padding]
        if kept.size:
            result[i] = reduce(weight[flat[kept]] * scale[kept, None], 0)
    return result


@tried(
    ref=_numpy_bag,
    samples=[
        (index(3, 4, below=5), distinct(5, 3)),
        (index(3, 4, below=5), distinct(5, 3), None, "max", None, False, 1),
        (index(3, 4, below=5), real(5, 3), None, "sum", real(3, 4)),
        (index(8, below=5), distinct(5, 3), np.array([0, 3, 3, 5])),
        (index(8, below=5), distinct(5, 3), np.array([0, 3, 3, 5]), "max", None, True),
        (index(8, below=5), distinct(5, 3), np.array([0, 3, 3, 5]), "max", None, False, 2),
        (index(8, below=5), real(5, 3), np.array([0, 0, 5]), "sum", real(8)),
        (index(8, below=5), real(5, 3), np.array([0, 2, 7]), "mean", None, True, 0),
        (index(0, below=5), real(5, 3), np.array([0, 0]), "max"),
    ],
    vjp={"weight": through, "per_sample_weights": through},
    family="sums",
    name="embedding_bag",
)
def _bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    mode: str = "mean",
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    return embedding_bag(
        input,
        weight,
        offsets,
        mode=mode,
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx,
    )


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
    padding = _padding("embedding_bag", padding_idx, weight)
    flat = input.flatten()
    rows = _rows(weight, flat, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * unsqueeze(per_sample_weights.flatten(), -1)
    if input.ndim == 1:
        bags, count = _bag_of_each(input, offsets, include_last_offset)
        if padding is not None:
            bags = where(ne(input, padding), bags, count)
        return _ragged(rows, bags, count, mode)
    if input.ndim != 2 or offsets is not None:
        raise ValueError("embedding_bag: a matrix of indices, or a vector and offsets")
    rows = _reshape(rows, (*input.shape, weight.shape[1]))
    inside = None if padding is None else ne(input, padding)
    if mode == "max":
        return _largest(rows, inside)
    if inside is None:
        total, size = _sum(rows, 1), float(max(input.shape[1], 1))
        return total / size if mode == "mean" else total
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
