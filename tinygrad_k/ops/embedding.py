"""Rows of a table by number, alone or in bags; forms in two vectors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..autograd import Function
from ..backend import ffi, int32, int64, kernel_number, lib
from ..tensor import Tensor, number_as, wrap
from .comparison import where
from .creation import full
from .declare import composite, no_grad, op, through, tried
from .einsum import einsum
from .host import check
from .index import _index_sum, gather, index_select
from .join import cat
from .linear_algebra import vector_norm
from .ranges import arange
from .samples import distinct, index, real
from .shape import _expand, _reshape, unsqueeze

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
    """A table, whose rows' gradients are divided by how often each stands among the indices."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, places: Tensor) -> Tensor:
        ones = _expand(number_as("embedding", 1, table.dtype), tuple(places.shape))
        often = _index_sum(ones, (len(table),), 0, places).clamp(min=1)
        ctx.save_for_backward(unsqueeze(often, -1))
        return table.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient / ctx.saved_tensors[0], None


def _table(
    weight: Tensor, places: Tensor, max_norm: float | None, norm_type: float, by_frequency: bool
) -> Tensor:
    """The weight, whose rows at ``places`` are first shortened."""
    if max_norm is not None:
        _shorten(weight, places, max_norm, norm_type)
    return _ByFrequency.apply(weight, places) if by_frequency else weight


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
    rows = index_select(_table(weight, flat, max_norm, norm_type, scale_grad_by_freq), 0, flat)
    if padding is not None and rows.requires_grad:
        rows = where(unsqueeze(flat == padding, -1), rows.detach(), rows)
    return rows if flat is input else _reshape(rows, (*input.shape, weight.shape[1]))


def _bag_starts(input: Tensor, offsets: Tensor | None, last: bool) -> Tensor:
    """The first entry of each bag, and the end of the last one."""
    if offsets is None:
        raise ValueError("embedding_bag: a vector of indices needs offsets")
    if offsets.ndim != 1 or offsets.dtype not in (int64, int32) or len(offsets) < last:
        raise ValueError(
            "embedding_bag: offsets must be a vector of int64 or int32, with the end where "
            f"include_last_offset says so; got {offsets.dtype.name} {tuple(offsets.shape)}"
        )
    n = input.shape[0]
    if lib.tk_tapes:  # the door looks at what it is given; a replay at what is there then

        def compute(starts: np.ndarray) -> None:
            if starts.size and (starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > n):
                raise ValueError(
                    f"embedding_bag: offsets must ascend from 0 up to {n}; got {starts.tolist()}"
                )

        check(compute, offsets)
        return offsets if last else cat([offsets, full((1,), n, dtype=offsets.dtype)])
    return offsets if last else wrap(lib.tk_bag_starts(offsets._h, n))


def _bag_door(name: str) -> Any:
    number = kernel_number(name)

    def door(
        a: Tensor, input: Tensor, starts: Tensor, other: Tensor | None, padding: int | None,
        mean: bool = False, rows: int = 0,
    ) -> Any:  # fmt: skip
        second, none = ffi.NULL if other is None else other._h, -1
        hidden = none if padding is None else padding
        return lib.tk_bag(number, a._h, input._h, starts._h, second, rows, hidden, mean)

    return door


_sum_door, _spread_door, _dots_door, _largest_door = (
    _bag_door("bag_" + name) for name in ("sum", "spread", "dots", "largest")
)


def _numpy_members(input: Any, starts: Any, padding: int | None) -> Any:
    """The entries of each bag that count."""
    bags = [np.arange(*ends) for ends in itertools.pairwise(starts)]
    return [bag[input[bag] != padding] for bag in bags]


def _numpy_matrix(
    input: Any, starts: Any, weights: Any, padding: int | None, mean: bool, rows: int
) -> np.ndarray:
    """[bags, rows]: what the sums multiply the table with."""
    matrix = np.zeros((len(starts) - 1, rows))
    scale = np.ones(len(input)) if weights is None else weights
    for line, bag in zip(matrix, _numpy_members(input, starts, padding), strict=True):
        np.add.at(line, input[bag], scale[bag] / (max(len(bag), 1) if mean else 1))
    return matrix


STARTS = np.array([0, 3, 3, 7])


@op(
    kernel="bag_sum",
    vjp={
        "table": lambda g, table_shape, input, starts, weights, padding, mean: _bag_spread(
            g, input, starts, weights, padding, mean, table_shape[0]
        ),
        "weights": lambda g, table, input, starts, padding: _bag_dots(
            table, input, starts, g, padding
        ),
    },
    ref=lambda table, input, starts, weights, padding, mean: (
        _numpy_matrix(input, starts, weights, padding, mean, len(table)) @ table
    ),
    samples=[
        (real(5, 3), index(8, below=5), STARTS, None, None, True),
        (real(5, 70), index(8, below=5), STARTS, None, 2, True),
        (real(5, 300), index(8, below=5), STARTS, real(8), 2, False),
        (real(5, 3), index(0, below=5), np.array([0, 0]), None, None, True),
    ],
    family="sums",
)
def _bag_sum(
    table: Tensor, input: Tensor, starts: Tensor, weights: Tensor | None, padding: int | None,
    mean: bool,
) -> Any:  # fmt: skip
    """The sum or mean of a table's rows in each bag, each times a weight."""
    return _sum_door(table, input, starts, weights, padding, mean)


@op(
    kernel="bag_spread",
    vjp={
        "gradient": lambda g, input, starts, weights, padding, mean: _bag_sum(
            g, input, starts, weights, padding, mean
        ),
        "weights": lambda g, gradient, input, starts, padding: _bag_dots(
            g, input, starts, gradient, padding
        ),
    },
    ref=lambda gradient, input, starts, weights, padding, mean, rows: (
        _numpy_matrix(input, starts, weights, padding, mean, rows).T @ gradient
    ),
    samples=[
        (real(3, 3), index(8, below=5), STARTS, None, None, True, 5),
        (real(3, 70), index(8, below=5), STARTS, None, 2, True, 5),
        (real(3, 3), index(8, below=5), STARTS, real(8), 2, False, 6),
        (real(1, 3), index(0, below=5), np.array([0, 0]), None, None, True, 5),
    ],
    family="place",
)
def _bag_spread(
    gradient: Tensor, input: Tensor, starts: Tensor, weights: Tensor | None, padding: int | None,
    mean: bool, rows: int,
) -> Any:  # fmt: skip
    """Zeros of so many rows, to which each bag's row is added at its entries."""
    return _spread_door(gradient, input, starts, weights, padding, mean, rows)


def _numpy_dots(table: Any, input: Any, starts: Any, gradient: Any, padding: Any) -> np.ndarray:
    out = np.zeros(len(input))
    for row, bag in zip(gradient, _numpy_members(input, starts, padding), strict=True):
        out[bag] = table[input[bag]] @ row
    return out


@op(
    kernel="bag_dots",
    vjp={
        "table": lambda g, table_shape, input, starts, gradient, padding: _bag_spread(
            gradient, input, starts, g, padding, False, table_shape[0]
        ),
        "gradient": lambda g, table, input, starts, padding: _bag_sum(
            table, input, starts, g, padding, False
        ),
    },
    ref=_numpy_dots,
    samples=[
        (real(5, 3), index(8, below=5), STARTS, real(3, 3), None),
        (real(5, 70), index(8, below=5), STARTS, real(3, 70), 2),
    ],
    family="place",
)
def _bag_dots(
    table: Tensor, input: Tensor, starts: Tensor, gradient: Tensor, padding: int | None
) -> Any:
    """The product of each entry's row of the table with its bag's row."""
    return _dots_door(table, input, starts, gradient, padding)


def _numpy_largest(table: Any, input: Any, starts: Any, padding: Any) -> np.ndarray:
    out = np.full((len(starts) - 1, table.shape[1]), -1)
    for line, bag in zip(out, _numpy_members(input, starts, padding), strict=True):
        if len(bag):
            line[:] = input[bag][table[input[bag]].argmax(0)]
    return out


@op(
    kernel="bag_largest",
    vjp=no_grad("the result are positions"),
    ref=_numpy_largest,
    samples=[
        (distinct(5, 3), index(8, below=5), STARTS, None),
        (distinct(5, 70), index(8, below=5), STARTS, 2),
        (distinct(5, 3), index(0, below=5), np.array([0, 0]), 2),
    ],
    family="index",
)
def _bag_largest(table: Tensor, input: Tensor, starts: Tensor, padding: int | None) -> Any:
    """Which row has the largest element of each column of each bag; of none -1."""
    return _largest_door(table, input, starts, None, padding)


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
    if input.ndim == 1:
        starts = _bag_starts(input, offsets, include_last_offset)
    elif input.ndim == 2 and offsets is None:
        starts = arange(input.shape[0] + 1) * input.shape[1]
    else:
        raise ValueError("embedding_bag: a matrix of indices, or a vector and offsets")
    flat, weights = input.flatten(), per_sample_weights
    table = _table(weight, flat, max_norm, norm_type, scale_grad_by_freq)
    if mode != "max" or not len(table):
        weights = weights if weights is None else weights.flatten()
        return _bag_sum(table, flat, starts, weights, padding, mode == "mean")
    rows = _bag_largest(table.detach(), flat, starts, padding)
    if input.ndim == 2 and input.shape[1] and padding is None:
        return gather(table, 0, rows)
    return where(rows >= 0, gather(table, 0, rows.clamp(min=0)), 0.0)


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
