"""Map-style datasets: anything with a length and an item for every index."""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..ops.creation import as_tensor
from ..tensor import Tensor
from .collate import collate


class Dataset:
    """Base class of datasets: `__len__` and `__getitem__(int)` are the subclass's.

    `batch` may be overridden where many items are read faster together than one by one.
    Any other object with those two methods works in a `DataLoader` as well.
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__}: __len__ is not defined")

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: __getitem__ is not defined")

    def batch(self, index: Tensor) -> Any:
        """The items at `index` (int64, one dimension) as one collated batch."""
        return collate([self[i] for i in index.tolist()])

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Rows of tensors that belong together: item i is `(t[i] for t in tensors)`.

    NumPy arrays are taken as well and share their memory. ValueError when the first sizes differ.
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("TensorDataset: no tensors; at least one is needed")
        self.tensors: tuple[Tensor, ...] = tuple(as_tensor(t) for t in tensors)
        shapes = [tuple(t.shape) for t in self.tensors]
        if any(not shape for shape in shapes):
            raise ValueError(
                f"TensorDataset: a tensor without dimensions has no rows; got {shapes}"
            )
        if len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: first sizes differ; got {shapes}")

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def batch(self, index: Tensor) -> tuple[Tensor, ...]:
        """Rows `index` of every tensor, by one indexing call each."""
        return self[index]


class Subset(Dataset):
    """The items of `dataset` at `indices`, in that order.

    Negative indices count from the end. IndexError for one out of range.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray | Tensor) -> None:
        given = np.asarray(indices.numpy() if isinstance(indices, Tensor) else indices)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise ValueError(
                f"Subset: indices are a list of ints; got {given.dtype} of shape {given.shape}"
            )
        chosen, n = given.astype(np.int64), len(dataset)
        wrong = given[(chosen < -n) | (chosen >= n) | ((chosen < 0) & (given > 0))]  # or of uint64
        if wrong.size:
            raise IndexError(f"Subset: index {wrong[0]} out of range for {n} items")
        self.dataset = dataset
        self.indices: Tensor = as_tensor(np.where(chosen < 0, chosen + n, chosen))

    def __len__(self) -> int:
        return int(self.indices.shape[0])

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[chosen.item()] if chosen.ndim == 0 else fetch(self.dataset, chosen)

    def batch(self, index: Tensor) -> Any:
        return fetch(self.dataset, self.indices[index])


class ConcatDataset(Dataset):
    """The items of several datasets, one dataset after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: no datasets; at least one is needed")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> Any:
        place = _at("ConcatDataset", index, len(self))
        number = bisect_right(self.cumulative_sizes, place)
        return self.datasets[number][place - ([0, *self.cumulative_sizes][number])]


class StackDataset(Dataset):
    """Datasets whose items belong together: item i is the tuple, or by names the dict, of their
    items i. ValueError when the lengths differ."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: give datasets, or datasets by name")
        self.datasets: Any = args or kwargs
        sizes = [len(each) for each in args or kwargs.values()]
        if len(set(sizes)) > 1:
            raise ValueError(f"StackDataset: lengths differ; got {sizes}")

    def _of_each(self, function: Callable[[Any], Any]) -> Any:
        if isinstance(self.datasets, dict):
            return {name: function(each) for name, each in self.datasets.items()}
        return tuple(function(each) for each in self.datasets)

    def __len__(self) -> int:
        first = self.datasets if isinstance(self.datasets, tuple) else [*self.datasets.values()]
        return len(first[0])

    def __getitem__(self, index: Any) -> Any:
        return self._of_each(lambda dataset: dataset[index])

    def batch(self, index: Tensor) -> Any:
        return self._of_each(lambda dataset: fetch(dataset, index))


def _at(owner: str, index: Any, length: int) -> int:
    """A place from the beginning; negative indices count from the end."""
    place = operator.index(index)
    if not -length <= place < length:
        raise IndexError(f"{owner}: index {place} out of range for {length} items")
    return place % length


def tensors_of(dataset: Any, order: Tensor) -> tuple[tuple[Tensor, ...], Tensor] | None:
    """The tensors whose rows a dataset hands out, and which rows those at `order` are; None where
    it is no TensorDataset or subset of one."""
    while type(dataset) is Subset:
        dataset, order = dataset.dataset, dataset.indices[order]
    return (dataset.tensors, order) if type(dataset) is TensorDataset else None


def fetch(dataset: Any, index: Tensor) -> Any:
    """The items of any map-style dataset at `index` (int64, one dimension) as one batch."""
    if isinstance(dataset, Dataset):
        return dataset.batch(index)
    return collate([dataset[i] for i in index.tolist()])
