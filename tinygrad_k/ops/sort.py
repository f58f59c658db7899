"""Order: sorting, the largest and smallest, and what is found by comparing.

A kernel finds places; values are gathered, so that gradients go back to where they came from. NaN
is larger than every number, and equal elements keep their order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import bool_, check_readable, fail, ffi, float32, float64, int32, int64, lib
from ..dtypes import result_type
from ..tensor import Tensor, store, wrap
from .arithmetic import clamp
from .comparison import eq, logical_not
from .creation import zeros
from .declare import FOUND, as_operand, composite, no_grad, op, root, through, tried
from .host import host
from .index import _index_sum, flat_nonzero, gather, index_copy, index_select
from .reduction import ValuesIndices
from .samples import Draw, distinct, index, integer, real
from .scan import _cumsum
from .shape import _reshape, in_range, select, to

POSITIONS = no_grad("the result are positions")
NULL = ffi.NULL
STARTS, RANKS, COUNTS = lib.TK_RUN_STARTS, lib.TK_RUN_RANKS, lib.TK_RUN_COUNTS


def _values(input: Tensor) -> np.ndarray:
    return input.detach().numpy()


def _numpy_order(x: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    if x.ndim == 0:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(x, dim, kind="stable")
    # sorted from the end and read backward, so that equal elements stay in order
    order = np.argsort(np.flip(x, dim), dim, kind="stable")
    return x.shape[dim] - 1 - np.flip(order, dim)


ALL, LAST, MEDIAN, NANMEDIAN = (
    lib.TK_ORDER_ALL, lib.TK_ORDER_LAST, lib.TK_ORDER_MEDIAN, lib.TK_ORDER_NANMEDIAN
)  # fmt: skip


def _numpy_places(x: np.ndarray, dim: int, k: int, descending: bool, mode: int = ALL) -> np.ndarray:
    order = _numpy_order(x, dim, descending)
    if x.ndim == 0:
        return order
    k = x.shape[dim] if k < 0 else k
    if mode == NANMEDIAN:
        nans = np.isnan(x).sum(dim, keepdims=True)
        return np.take_along_axis(order, np.maximum(x.shape[dim] - nans - 1, 0) // 2, dim)
    if mode == MEDIAN and x.dtype.kind == "f":  # NaN come last
        nans = np.isnan(x).sum(dim, keepdims=True)
        return np.take_along_axis(order, np.where(nans > 0, x.shape[dim] - nans, k - 1), dim)
    return np.take(order, np.arange(k) if mode == ALL else [k - 1], dim)


@op(
    vjp=POSITIONS,
    ref=_numpy_places,
    samples=[
        (real(3, 5), 0, 3, False),
        (real(3, 5), -1, 5, True),
        (real(2, 3, 4), 1, -1, True),
        (real(), 0, 1, False),
        (real(0, 3), 0, 0, False),
        (real(0, 3), 1, 3, True),
        (Draw(low=0, high=2)(40), 0, 40, True),
        (Draw(low=0, high=2)(300, 2), 0, 300, False),  # longer than what is sorted by counting
        (Draw(low=0, high=2)(2, 300), 1, 100, True),
        (real(3, 300), 1, 7, True),
        (real(3, 5), 0, 2, False, LAST),
        (Draw(low=0, high=2)(300), 0, 100, False, LAST),
        (real(2, 300), 1, 150, False, MEDIAN),
        (real(2, 300), 1, 150, False, NANMEDIAN),
    ],
    dtypes="all",
    family="sort",
)
def _order(input: Tensor, dim: int, k: int, descending: bool, mode: int = ALL) -> Any:
    """The places of the first k along a dimension in order, or that of the k-th."""
    return lib.tk_order(input._h, dim, k, descending, mode)


def _numpy_sort(x: Any, dim: int = -1, descending: bool = False) -> tuple[Any, Any]:
    order = _numpy_order(x, dim, descending)
    return (np.take_along_axis(x, order, dim) if x.ndim else x), order


def _numpy_part(x: Any, places: Any, dim: int, descending: bool) -> tuple[Any, ...]:
    return tuple(np.take(each, places, dim) for each in _numpy_sort(x, dim, descending))


@tried(
    ref=_numpy_sort,
    samples=[(distinct(3, 5),), (distinct(3, 5), 0, True), (distinct(),), (distinct(0, 3), 0)],
    dtypes="all",
    outputs=(0,),  # the indices have laws of their own
)
@composite
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True
) -> ValuesIndices:
    """The elements along ``dim`` in order, and where they were: (values, indices).

    NaN is larger than every number; equal elements keep their order, ``stable`` or not.
    """
    indices = argsort(input, dim, descending)
    return ValuesIndices(gather(input, dim, indices), indices)


@tried(
    ref=lambda x, dim=-1, descending=False: _numpy_order(x, dim, descending),
    samples=[(real(3, 5),), (real(3, 5), 0, True), (real(),), (real(0, 3), 0)],
    vjp=POSITIONS,
    dtypes="all",
    family="sort",
)
@composite
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Where the elements along ``dim`` are in order; see ``sort``."""
    return _order(input, dim, -1, descending)


@tried(
    ref=lambda x: np.sort(x, 0),
    samples=[(distinct(3, 5),), (distinct(4),)],
    dtypes="all",
)
@composite
def msort(input: Tensor) -> Tensor:
    """The elements along dimension 0 in order."""
    return sort(input, 0).values


@tried(
    ref=lambda x, k, dim=-1, largest=True: _numpy_part(x, np.arange(k), dim, largest),
    samples=[(distinct(3, 5), 2), (distinct(3, 5), 2, 0, False), (distinct(40), 3)],
    outputs=(0,),  # the indices have laws of their own
)
@composite
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """The k largest (or smallest) along ``dim``, in order, and where they are.

    NaN is larger than every number. Which of equal elements are taken is not said.
    """
    if in_range("topk", k) < 0:
        raise ValueError(f"topk: k must not be negative; got {k}")
    h = input._h
    # A tensor without dimensions has one element, of which k = 0 takes as much as k = 1.
    k = k if h.ndim else max(k, 1)
    if input._node is None:
        indices = wrap(lib.tk_order(h, dim, k, largest, ALL))
        return ValuesIndices(wrap(lib.tk_gather(h, dim, indices._h)), indices)
    indices = _order(input, dim, k, largest)
    return ValuesIndices(gather(input, dim, indices), indices)


@tried(
    ref=lambda x, k, dim=-1: _numpy_part(x, k - 1, dim, False),
    samples=[(distinct(3, 5), 2), (distinct(3, 5), 1, 0), (distinct(40), 3)],
    outputs=(0,),  # the indices have laws of their own
)
@composite
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along ``dim``, counted from 1, and where it is."""
    return at_places(input, dim, _order(input, dim, in_range("kthvalue", k), False, LAST), keepdim)


def at_places(input: Tensor, dim: int, places: Tensor, keepdim: bool) -> ValuesIndices:
    """What stands at the one place that each line along ``dim`` has."""
    values = gather(input, dim, places)
    if keepdim or not input.ndim:
        return ValuesIndices(values, places)
    return ValuesIndices(select(values, dim, 0), select(places, dim, 0))


# -- places in a sorted sequence -------------------------------------------------------------------


def _common(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the dtype that they promote to."""
    if len({each.dtype for each in tensors}) == 1:
        return list(tensors)
    kind = result_type(*tensors)
    return [to(each, kind) for each in tensors]


def _numpy_searchsorted(sequence: np.ndarray, x: np.ndarray, right: bool) -> np.ndarray:
    side: Any = "right" if right else "left"
    if sequence.ndim == 1:
        return np.searchsorted(sequence, x, side)
    count = math.prod(x.shape[:-1])
    rows = sequence.reshape(count, sequence.shape[-1])
    wanted = x.reshape(count, x.shape[-1])
    found = [np.searchsorted(row, each, side) for row, each in zip(rows, wanted, strict=True)]
    return np.array(found, np.int64).reshape(x.shape)


@op(vjp=POSITIONS, dtypes="all", family="sort")
def _insertion(sequence: Tensor, input: Tensor, right: bool) -> Any:
    """Places in the sorted rows of a sequence."""
    if sequence.ndim == 0:
        raise ValueError("searchsorted: the sorted sequence needs a dimension; got ()")
    return lib.tk_searchsorted(sequence._h, input._h, right)


def _places(
    name: str, sequence: Tensor, input: Any, right: bool, side: str | None, narrow: bool
) -> Tensor:
    if not isinstance(input, Tensor):
        input = as_operand(input, sequence)
    if side not in (None, "left", "right"):
        raise ValueError(f"{name}: side must be 'left' or 'right'; got {side!r}")
    if side == "left" and right:
        raise ValueError(f"{name}: right=True contradicts side='left'")
    found = _insertion(*_common(sequence, input), bool(right or side == "right"))
    return to(found, int32) if narrow else found


@root
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where in a sorted sequence each element would be put in so that it stays sorted.

    The sequence is a vector, or [..., n] for an input [..., m]; ``right`` (or ``side="right"``)
    behind equal elements, else before. ``sorter`` are the indices that sort the sequence.
    """
    if sorter is not None:
        sorted_sequence = gather(sorted_sequence, -1, sorter)
    return _places("searchsorted", sorted_sequence, input, right, side, out_int32)


@tried(
    ref=lambda sequence, x, right: _numpy_searchsorted(np.sort(sequence, -1), x, right),
    samples=[
        (real(5), real(3, 4), False),
        (real(5), real(), True),
        (real(0), real(3), False),
        (real(2, 5), real(2, 4), True),
        (real(2, 5), real(2, 0), True),
        (Draw(low=0, high=2)(9), Draw(low=0, high=2)(5), True),
    ],
    vjp=POSITIONS,
    dtypes="number",
    family="sort",
    name="searchsorted",
)
def _searched(sequence: Tensor, input: Tensor, right: bool) -> Tensor:
    return searchsorted(sort(sequence, -1).values, input, right=right)


@root
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The number of the bucket each element falls into, between sorted boundaries.

    An element equal to a boundary belongs to the bucket below it; above it, if ``right``.
    """
    if boundaries.ndim != 1:
        raise ValueError(f"bucketize: boundaries must be a vector; got {tuple(boundaries.shape)}")
    return _places("bucketize", boundaries, input, right, None, out_int32)


@tried(
    ref=lambda x, edges, right: _numpy_searchsorted(np.sort(edges), x, right),
    samples=[(real(3, 4), real(5), False), (integer(9), integer(4), True), (real(), real(0), True)],
    vjp=POSITIONS,
    dtypes="number",
    family="sort",
    name="bucketize",
)
def _bucket(input: Tensor, boundaries: Tensor, right: bool) -> Tensor:
    return bucketize(input, sort(boundaries).values, right=right)


# -- sets and counts -------------------------------------------------------------------------------


@root
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is among the test elements; whether it is not, if ``invert``.

    One of the two may be a number. NaN is among nothing.
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin: elements or test_elements must be a Tensor")
    pair = [
        each if isinstance(each, Tensor) else as_operand(each, other)
        for each, other in ((elements, test_elements), (test_elements, elements))
    ]
    found = _is_found(*_common(*pair))
    return logical_not(found) if invert else found


def _is_found(elements: Tensor, test: Tensor) -> Tensor:
    count = test.numel()
    if not count:
        return zeros(elements.shape, dtype=bool_)
    ordered = sort(_reshape(test, (-1,))).values
    places = clamp(_insertion(ordered, elements, False), max=count - 1)
    nearest = index_select(ordered, 0, _reshape(places, (-1,)))
    return eq(_reshape(nearest, tuple(elements.shape)), elements)


@tried(
    ref=np.isin,
    samples=[
        (Draw(low=0, high=2)(3, 5), Draw(low=0, high=2)(2, 2)),
        (integer(6), integer(3)),
        (real(), real(4)),
        (real(3), real(0)),
    ],
    vjp=no_grad("the result is bool"),
    dtypes="all",
    family="sort",
    name="isin",
)
def _isin(elements: Tensor, test: Tensor) -> Tensor:
    return isin(elements, test)


def _parts(name: str, input: Tensor, dim: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """The parts of a dimension, one a row; and the shape they stand in."""
    x = _values(input)
    lines = np.moveaxis(x, input._dim(in_range(name, dim), name), 0)
    if not x.size and len(lines):
        raise ValueError(f"{name}: the parts of dim {dim} are empty; got {x.shape}")
    return lines.reshape(len(lines), -1 if x.size else 1), lines.shape[:1]


def _starts(rows: np.ndarray) -> np.ndarray:
    """The places of rows that differ from the one before; NaN differs from everything."""
    starts = np.ones(len(rows), np.bool_)
    starts[1:] = (rows[1:] != rows[:-1]).any(1)
    return np.flatnonzero(starts)


def _runs(line: Tensor, starts: Any, ranks: bool, counts: bool) -> tuple[Tensor, list[Any]]:
    """The elements of a vector that differ from the one before, and, as wanted: their
    places, how many of them came before each element, and how long their runs are."""
    wanted = (STARTS if starts else 0) + (RANKS if ranks else 0) + (COUNTS if counts else 0)
    found = ffi.new("tk_tensor *[3]")
    values = wrap(lib.tk_runs(line._h, wanted, found))
    return values, [wrap(each) if each else None for each in found]


def _lengths(starts: np.ndarray, size: int) -> np.ndarray:
    return np.diff(np.append(starts, size))


def _ranks(starts: np.ndarray, size: int) -> np.ndarray:
    """Which run each element or part belongs to."""
    marks = np.zeros(size, np.int64)
    marks[starts[1:]] = 1
    return np.cumsum(marks)


def _together(values: Tensor, inverse: Any, counts: Any) -> Any:
    """What unique returns: the first of each kind, then as wanted."""
    found = [values, *(each for each in (inverse, counts) if each is not None)]
    return tuple(found) if len(found) > 1 else values


def _parts_of_runs(
    input: Tensor, dim: int, first: np.ndarray, inverse: np.ndarray | None, lengths: Any
) -> Any:
    values = index_select(input, dim, store(first, int64))
    more = [None if each is None else store(each, int64) for each in (inverse, lengths)]
    return _together(values, *more)


@tried(
    ref=lambda x, sorted=True, inverse=False, counts=False, dim=None: np.unique(x, axis=dim),
    samples=[
        (distinct(3, 5),),
        (distinct(3, 5), True, False, False, 0),
        (distinct(3, 5), True, False, False, -1),
        (distinct(0),),
    ],
    dtypes="all",
    family=FOUND,
)
@composite
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements in order, or the different parts of a dimension.

    With ``return_inverse`` also the place of each element among them, with ``return_counts`` how
    often each appears. Every NaN is different. Gradients go to the first of equal elements.
    """
    check_readable("unique")
    if dim is None and input.dtype is bool_:
        return _kinds_of_bools(input, return_inverse, return_counts)
    if dim is None and input.dtype.numpy.kind in "iu" and input.numel():
        found = _counted(input, return_inverse, return_counts)
        if found is not None:
            return found
    if dim is None:
        return _sorted_kinds(input, return_inverse, return_counts)
    rows, shape = _parts("unique", input, dim)
    order = np.lexsort(rows.T[::-1])
    edges = _starts(rows[order])
    inverse: np.ndarray | None = None
    if return_inverse:
        inverse = np.empty(len(order), np.int64)
        inverse[order] = _ranks(edges, len(order))
        inverse = inverse.reshape(shape)
    counts = _lengths(edges, len(order)) if return_counts else None
    return _parts_of_runs(input, dim, order[edges], inverse, counts)


def _sorted_kinds(input: Tensor, return_inverse: bool, return_counts: bool) -> Any:
    """What unique returns for elements, by sorting."""
    line = _reshape(input, (-1,))
    order = _order(line.detach(), 0, -1, False)
    ordered = index_select(line.detach(), 0, order)
    values, (starts, ranks, counts) = _runs(ordered, line._node, return_inverse, return_counts)
    if line._node:
        values = index_select(line, 0, index_select(order, 0, starts))
    if return_inverse:
        ranks = _reshape(index_copy(ranks, 0, order, ranks), tuple(input.shape))
    return _together(values, ranks, counts)


def _kinds_of_bools(input: Tensor, return_inverse: bool, return_counts: bool) -> Any:
    """What unique returns for bools."""
    if not (return_inverse or return_counts):
        return wrap(lib.tk_kinds_of_bools(input._h, 0, NULL))
    wanted = (RANKS if return_inverse else 0) + (COUNTS if return_counts else 0)
    found = ffi.new("tk_tensor *[3]")
    values = wrap(lib.tk_kinds_of_bools(input._h, wanted, found))
    return _together(values, *(wrap(each) if each else None for each in found[1:3]))


def _counted(input: Tensor, return_inverse: bool, return_counts: bool) -> Any:
    """What unique returns for integers in a narrow range, by counting; else None."""
    line, low = _reshape(input, (-1,)), 0
    if input.dtype in (int64, int32):
        x = _values(input)
        low, high = int(x.min()), int(x.max())
        if high - low > 4 * x.size + 1024:  # so large a table would take longer than to sort
            return None
        line = to(line, int64) - low if low else line
    counts = wrap(lib.tk_bincount(line._h, 0))
    kinds = flat_nonzero(counts)
    found = [to(kinds + low if low else kinds, input.dtype)]
    if return_inverse:
        ranks = _cumsum(to(counts > 0, int64), 0) - 1
        found.append(_reshape(index_select(ranks, 0, to(line, int64)), tuple(input.shape)))
    if return_counts:
        found.append(index_select(counts, 0, kinds))
    return tuple(found) if len(found) > 1 else found[0]


def _numpy_runs(x: Any) -> Any:
    line = x.reshape(-1)
    return line[np.append(True, line[1:] != line[:-1])] if line.size else line


@tried(
    ref=_numpy_runs,
    samples=[(distinct(3, 5),), (distinct(),), (distinct(0),)],
    dtypes="all",
    family=FOUND,
)
@composite
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The elements (or the parts of a dimension) without those equal to the one before.

    With ``return_inverse`` also the place of each element among them, with ``return_counts`` the
    length of each run.
    """
    check_readable("unique_consecutive")
    if dim is not None:
        rows, shape = _parts("unique_consecutive", input, dim)
        size, first = len(rows), _starts(rows)
        inverse = _ranks(first, size).reshape(shape) if return_inverse else None
        lengths = _lengths(first, size) if return_counts else None
        return _parts_of_runs(input, dim, first, inverse, lengths)
    values, (starts, ranks, counts) = _runs(input, input._node, return_inverse, return_counts)
    if input._node:
        values = index_select(_reshape(input, (-1,)), 0, starts)
    return _together(values, ranks, counts)


@tried(
    ref=lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
    samples=[
        (index(20, below=6),),
        (index(20, below=6), real(20)),
        (index(0, below=6), real(0)),
    ],
    vjp={"weights": through},
    family=FOUND,
)
@composite
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer 0, 1, ... appears in a vector; or the sum of the weights there.

    Counts are int64; sums float32 for float32 weights, else float64.
    """
    if input.ndim != 1 or input.dtype.numpy.kind not in "iu":
        raise ValueError(
            f"bincount: expected a vector of integers; got {input.dtype.name} {tuple(input.shape)}"
        )
    if in_range("bincount", minlength) < 0:
        raise ValueError(f"bincount: minlength must not be negative; got {minlength}")
    check_readable("bincount")
    if weights is None:
        return wrap(lib.tk_bincount(input._h, minlength))
    if weights.shape != input.shape:
        raise ValueError(
            f"bincount: the shapes must agree; got {tuple(input.shape)} and {tuple(weights.shape)}"
        )
    weights = weights if weights.dtype is float32 else to(weights, float64)
    length = lib.tk_bins(input._h, minlength)
    if length < 0:
        fail()
    return _index_sum(weights, (length,), 0, to(input, int64))


MOST_BINS = 2**24  # up to there float32 counts are exact


def _range_of(x: np.ndarray, low: float, high: float) -> tuple[Any, Any]:
    """The ends of [low, high] in the dtype of x; where they are equal, those of the elements."""
    kind = x.dtype.type
    whole = low == high
    if whole and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    left, right = kind(low), kind(high)
    if whole and left == right:  # too large to feel a 1
        largest = np.finfo(kind).max
        left, right = np.nextafter(left, -largest), np.nextafter(right, largest)
    if not 0 < right - left < math.inf:
        raise ValueError(f"histc: the range [{left}, {right}] is not finite or not in order")
    return left, right


def _numpy_histc(x: np.ndarray, bins: int, low: float, high: float) -> np.ndarray:
    left, right = _range_of(x, low, high)
    beyond, width, count = x[(x >= left) & (x <= right)] - left, right - left, x.dtype.type(bins)
    fits = width * count < math.inf
    shares = beyond * count / width if fits else beyond / width * count
    return np.bincount(np.minimum(shares.astype(np.int64), bins - 1), minlength=bins)


@op(
    vjp=no_grad("counts are constant but where an element changes its bin"),
    ref=lambda x, bins, low, high: np.histogram(x, bins, (low, high) if low < high else None)[0],
    samples=[
        (real(3, 50), 7, -2.0, 2.0),
        (real(0), 3, 0.0, 1.0),
        (real(), 2, -4.0, 4.0),
        (real(40), 5, 0, 0),
    ],
    family="sort",
)
def _histogram(input: Tensor, bins: int, low: float, high: float) -> Any:
    if not 0 < in_range("histc", bins) <= MOST_BINS:
        raise ValueError(f"histc: bins must be 1 to {MOST_BINS}; got {bins}")
    for each in (low, high):
        if not isinstance(each, (int, float)):
            raise TypeError(f"histc: min and max must be numbers; got {type(each).__name__}")
    return host(lambda x: _numpy_histc(x, bins, low, high), input)


@tried(
    ref=lambda x, bins=100, min=0, max=0: np.histogram(x, bins, (min, max) if min < max else None)[
        0
    ],
    samples=[(real(3, 50), 7, -2.0, 2.0), (real(40),), (real(0), 3, 0, 1)],
    vjp=no_grad("counts are constant but where an element changes its bin"),
    family="constant",
)
@composite
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of ``bins`` equal parts of [min, max], in the input's dtype.

    What lies outside is not counted. Where min equals max, the smallest and the largest element.
    """
    if not input.is_floating_point():
        raise TypeError(f"histc: expected a floating tensor; got {input.dtype.name}")
    return _histogram(input.detach(), bins, min, max)
