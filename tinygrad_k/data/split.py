"""Datasets cut into disjoint parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..ops.creation import as_tensor
from ..ops.random import randperm
from ..random import Generator
from ..tensor import Tensor
from .dataset import Subset

# Sums of fractions such as 0.7 + 0.15 + 0.15 miss 1 by a few units of 1e-16, and products with a
# count by 1e-16 times the count; a thousandth of a millionth is beyond both and below any intent.
_FUZZ = 1e-9


def random_split(
    dataset: Any,
    lengths: Sequence[int] | Sequence[float],
    generator: Generator | None = None,
) -> list[Subset]:
    """Disjoint random subsets of `dataset` that cover it, of the given lengths.

    `lengths` are ints that add up to `len(dataset)`, or fractions that add up to 1: then each part
    gets the whole number below its share, and what is left goes one by one to the first parts.
    """
    n = len(dataset)
    lengths = list(lengths)
    if not lengths:
        raise ValueError("random_split: no lengths; at least one is needed")
    if all(isinstance(length, int | np.integer) for length in lengths):
        sizes = [int(length) for length in lengths]
        if min(sizes) < 0 or sum(sizes) != n:
            raise ValueError(
                f"random_split: lengths are not negative and add up to the {n} items; got {sizes}"
            )
    else:
        shares = _fractions("random_split", lengths)
        sizes = [math.floor(n * share + _FUZZ) for share in shares]
        for part in range(n - sum(sizes)):
            sizes[part % len(sizes)] += 1
    order = randperm(n, generator=generator)
    ends = np.cumsum([0, *sizes]).tolist()
    return [Subset(dataset, order[a:b]) for a, b in pairwise(ends)]


def train_val_test_split(
    X: Any,
    y: Any,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    stratify: bool = True,
    *,
    generator: Generator | None = None,
    seed: int | None = None,
) -> list[tuple[Any, Any]]:
    """Rows of `X` and labels `y` cut at random into parts: `[(X_train, y_train), ...]`.

    Each part is a copy of the kind that came in: tensors give tensors, anything else NumPy arrays.
    There is one part per fraction; the sizes differ from the exact shares by less than one row.
    With `stratify` every class is shared out in the same fractions, to within one row, which needs
    integer or boolean labels of one dimension. The order comes from `generator`, from a new
    generator seeded with `seed`, or else from the default generator.
    """
    name = "train_val_test_split"
    rows, labels = _array(X), _array(y)
    if not rows.ndim or not labels.ndim or len(rows) != len(labels):
        raise ValueError(
            f"{name}: X and y have the same first size; got {rows.shape} and {labels.shape}"
        )
    shares = _fractions(name, fractions)
    if seed is not None:
        if generator is not None:
            raise ValueError(f"{name}: give generator or seed, not both")
        generator = Generator().manual_seed(seed)
    n = len(rows)
    order = randperm(n, generator=generator).numpy()
    if not stratify:
        ends = np.cumsum(_apportion(n, shares))[:-1]
        parts = np.split(order, ends)
    elif labels.ndim != 1 or labels.dtype.kind not in "biuUS":
        raise ValueError(
            f"{name}: stratify needs one class label per row, integer or bool; got {labels.dtype} "
            f"of shape {labels.shape}; pass stratify=False for other targets"
        )
    else:
        parts = _stratified(labels, order, shares)
    return [(_rows(X, part), _rows(y, part)) for part in parts]


def _stratified(labels: np.ndarray, order: np.ndarray, shares: list[float]) -> list[np.ndarray]:
    """`order` cut into parts that hold each class, and all rows together, in these shares.

    Every cell of the table class x part is its exact share rounded down or up: the rows left over
    by rounding down are given out class by class, to the parts furthest below their own size
    (Gale 1957 and Ryser 1957: this choice meets both margins whenever they can be met).
    """
    _, kind, counts = np.unique(labels, return_inverse=True, return_counts=True)
    table = np.floor(np.outer(counts, shares) + _FUZZ).astype(np.int64)
    missing = np.array(_apportion(len(labels), shares), np.int64) - table.sum(0)
    # Classes come up in the order of their first row in the random order, so that none is favoured.
    first = np.full(len(counts), len(labels))
    np.minimum.at(first, kind[order], np.arange(len(order)))
    for row in np.argsort(first, kind="stable"):
        extra = counts[row] - table[row].sum()
        best = np.argsort(-missing, kind="stable")[:extra]
        table[row, best] += 1
        missing[best] -= 1

    part = np.empty(len(labels), np.int64)  # the part of each row, in `order`'s positions
    by_class = np.argsort(kind[order], kind="stable")
    part[by_class] = np.repeat(np.tile(np.arange(len(shares)), len(counts)), table.ravel())
    return [order[part == p] for p in range(len(shares))]


def _apportion(n: int, shares: list[float]) -> list[int]:
    """n as a sum of whole numbers nearest to `shares` of it (largest remainders first)."""
    sizes = [math.floor(n * share + _FUZZ) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda p: sizes[p] - n * shares[p])
    for p in by_remainder[: n - sum(sizes)]:
        sizes[p] += 1
    return sizes


def _fractions(name: str, values: Sequence[float]) -> list[float]:
    shares = [float(value) for value in values]
    if not shares or not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > _FUZZ:
        raise ValueError(f"{name}: fractions are not negative and add up to 1; got {shares}")
    return shares


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _rows(values: Any, index: np.ndarray) -> Any:
    if isinstance(values, Tensor):
        return values[as_tensor(index)]
    return np.asarray(values)[index]
