"""Batches of a dataset, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..checks import count
from ..ops.random import randperm
from ..ops.ranges import arange
from ..random import Generator
from ..tensor import Tensor
from .dataset import fetch


class DataLoader:
    """Iterates over `dataset` in batches; every pass covers each item once.

    With `shuffle=True` each pass draws a new order from `generator`, or from the default
    generator (`manual_seed`) when there is none. The last, smaller batch is left out with
    `drop_last=True`. A batch is a copy: changing it leaves the dataset as it was.
    `TensorDataset`, and subsets of it, gather a whole batch by one indexing call per tensor; the
    items of other datasets are joined by `collate_fn` (default `collate`).
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        generator: Generator | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(
                f"DataLoader: a dataset has __len__ and __getitem__; got {type(dataset).__name__}"
            )
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(f"DataLoader: generator is a Generator; got {type(generator).__name__}")
        self.dataset = dataset
        self.batch_size = count("DataLoader", "batch_size", batch_size, 1)
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        self.generator = generator
        self.collate_fn = collate_fn

    def __len__(self) -> int:
        """Batches in one pass."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def order(self) -> Tensor:
        """The order of the items in the next pass; with `shuffle` it is drawn here."""
        n = len(self.dataset)
        return randperm(n, generator=self.generator) if self.shuffle else arange(n)

    def __iter__(self) -> Iterator[Any]:
        size, order = self.batch_size, self.order()
        for low in range(0, len(self) * size, size):
            index = order[low : low + size]
            if self.collate_fn is not None:
                yield self.collate_fn([self.dataset[i] for i in index.tolist()])
            else:
                yield fetch(self.dataset, index)
