"""Whole passes over data in memory, batch after batch in C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..tensor import Tensor
from .compiled import Compiled
from .program import MISS
from .structure import put_together, take_apart


def over_batches(
    step: Compiled,
    data: Sequence[Tensor],
    order: Tensor,
    batch_size: int,
    *,
    drop_last: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Any:
    """Calls ``step`` on batches of rows of ``data``, and returns the sums of its results.

    ``order``, int64 of one dimension, says which rows, ``batch_size`` of them a call. The results
    of ``step`` are nested tuples, lists and dicts of numbers and of tensors of one element; the
    sums, in float64, have the same structure (None without a batch). What is done is what a loop of
    calls does, bit for bit, but batches that are like one that was recorded run in C without
    returning to Python; every tenth of a second ``progress`` is told how many batches are done
    since, and a Ctrl-C is heard.
    """
    if batch_size < 1:
        raise ValueError(f"over_batches: batch_size must be at least 1; got {batch_size}")
    rows = order.shape[0]
    end = rows - rows % batch_size if drop_last else rows
    sums: list[float] = []
    build: Callable[[list[float]], Any] | None = None
    dense = [each.is_contiguous() and each._node is None for each in data]
    position = 0
    while position < end:
        batches = (end - position) // batch_size
        done: Any = MISS
        if build is not None and batches and all(dense):
            done = step._over_rows(data, order, position, batches, batch_size, sums)
        if done is MISS:
            index = order[position : min(position + batch_size, end)]
            numbers, build = _numbers(step(*[each[index] for each in data]))
            sums = [a + b for a, b in zip(sums or [0.0] * len(numbers), numbers, strict=True)]
            done = 1
        position = min(position + done * batch_size, end)
        if progress is not None:
            progress(done)
    return None if build is None else build(sums)


def _numbers(result: Any) -> tuple[list[float], Callable[[list[float]], Any]]:
    """The numbers of a nested result, and what puts others into the same structure."""
    numbers: list[Any] = []
    structure = take_apart(result, numbers, _number)
    return [float(each) for each in numbers], lambda sums: put_together(structure, sums)


def _number(value: Any) -> Any:
    one = isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.numel() == 1)
    if not one:
        raise TypeError(
            "over_batches: results must be numbers or tensors of one element; got "
            f"{type(value).__name__}"
        )
    return value
