"""Batches of a dataset, in order, shuffled, or as a sampler says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..checks import check_flag, count
from ..random import Generator
from ..tensor import Tensor
from .dataset import fetch
from .sampler import RandomSampler, SequentialSampler, check_generator, indices_of, starts


class DataLoader:
    """Iterates over `dataset` in batches; every pass covers each item once.

    With `shuffle=True` each pass draws a new order from `generator`, or from the default
    generator (`manual_seed`) when there is none. The last, smaller batch is left out with
    `drop_last=True`. A batch is a copy: changing it leaves the dataset as it was.
    `TensorDataset`, and subsets of it, gather a whole batch by one indexing call per tensor; the
    items of other datasets are joined by `collate_fn` (default `collate`).

    A `sampler` gives the indices in another order; a `batch_sampler` gives a list of indices for
    each batch; with `batch_size=None` the items come one by one, as they are. Batches are made in
    the caller's process: `num_workers` and `pin_memory` are taken for PyTorch's sake alone.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(
                f"DataLoader: a dataset has __len__ and __getitem__; got {type(dataset).__name__}"
            )
        for name, flag in (("shuffle", shuffle), ("drop_last", drop_last)):
            if flag is not None:
                check_flag("DataLoader", name, flag)
        settled = batch_size != 1 or shuffle or sampler is not None or drop_last
        if batch_sampler is not None and settled:
            raise ValueError(
                "DataLoader: a batch_sampler stands for batch_size, shuffle, sampler and drop_last"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: give a sampler or shuffle=True, not both")
        if batch_size is None and drop_last:
            raise ValueError("DataLoader: without batches there is none for drop_last to leave out")
        for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given is not None and not (hasattr(given, "__iter__") and hasattr(given, "__len__")):
                raise TypeError(
                    f"DataLoader: a {name} has __iter__ and __len__; got {type(given).__name__}"
                )
        self.dataset = dataset
        if batch_size is not None:
            batch_size = count("DataLoader", "batch_size", batch_size, 1)
        self.batch_size = None if batch_sampler is not None else batch_size
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        self.generator = check_generator("DataLoader", generator)
        self.num_workers = count("DataLoader", "num_workers", num_workers)
        self.pin_memory = bool(pin_memory)
        self.collate_fn = collate_fn
        self.batch_sampler = batch_sampler
        if sampler is None:
            random = RandomSampler(dataset, generator=generator)
            sampler = random if shuffle else SequentialSampler(dataset)
        self.sampler: Any = sampler

    def __len__(self) -> int:
        """Batches in one pass."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        n = len(self.sampler)
        if self.batch_size is None:
            return n
        return len(starts(n, self.batch_size, self.drop_last))

    def order(self) -> Tensor:
        """The order of the items in the next pass; with `shuffle` it is drawn here."""
        return indices_of(self.sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is not None:
            for chosen in self.batch_sampler:
                yield self._batch(indices_of(chosen))
        elif self.batch_size is None:
            for i in self.sampler:
                item = self.dataset[i]
                yield item if self.collate_fn is None else self.collate_fn(item)
        else:
            size, order = self.batch_size, self.order()
            for low in starts(len(order), size, self.drop_last):
                yield self._batch(order[low : low + size])

    def _batch(self, index: Tensor) -> Any:
        if self.collate_fn is not None:
            return self.collate_fn([self.dataset[i] for i in index.tolist()])
        return fetch(self.dataset, index)
