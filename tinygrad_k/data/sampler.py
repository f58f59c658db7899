"""The order in which a loader takes the items of a dataset, or whole batches of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend import float64, int64
from ..checks import count
from ..ops.creation import as_tensor
from ..ops.join import cat
from ..ops.random import multinomial, randint, randperm
from ..ops.ranges import arange
from ..random import Generator
from ..tensor import Tensor


def check_generator(owner: str, generator: Any) -> Generator | None:
    """TypeError unless it is a Generator or None."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"{owner}: generator is a Generator; got {type(generator).__name__}")
    return generator


class Sampler:
    """Base of samplers. A subclass has a length, and defines ``order`` or ``__iter__``.

    Any other iterable of indices with a length works in a `DataLoader` as well.
    """

    def order(self) -> Tensor:
        """The indices of one pass, int64; random ones are drawn here."""
        return indices_of(self)

    def __iter__(self) -> Iterator[Any]:
        if type(self).order is Sampler.order:
            raise NotImplementedError(f"{type(self).__name__}: neither order nor __iter__ is there")
        return iter(self.order().tolist())

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__}: __len__ is not defined")


def indices_of(sampler: Any) -> Tensor:
    """The indices of one pass of any sampler, as int64."""
    if isinstance(sampler, Sampler) and type(sampler).order is not Sampler.order:
        return sampler.order()
    indices = [*sampler]
    try:
        given = np.asarray(indices)
    except ValueError:  # lists of several lengths
        given = np.empty((), object)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        got = ", ".join(sorted({type(each).__name__ for each in indices}))
        raise TypeError(f"{type(sampler).__name__}: a sampler gives ints; got {got}")
    return as_tensor(given.astype(np.int64))


def starts(n: int, size: int, drop_last: bool) -> range:
    """Where the batches of n items begin, of `size` each but for the last."""
    return range(0, n - n % size if drop_last else n, size)


class SequentialSampler(Sampler):
    """0, 1, ... up to the length of `data_source`."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def order(self) -> Tensor:
        return arange(len(self))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A new random order of `data_source` at each pass, or `num_samples` indices.

    With `replacement` each index is drawn among all; else none comes again before all have come.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = bool(replacement)
        if num_samples is not None:
            num_samples = count("RandomSampler", "num_samples", num_samples, 1)
        self._num_samples = num_samples
        self.generator = check_generator("RandomSampler", generator)

    @property
    def num_samples(self) -> int:
        """Indices in one pass."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self) -> Tensor:
        n, wanted = len(self.data_source), self.num_samples
        if not n and wanted:
            raise ValueError(f"RandomSampler: {wanted} samples of an empty dataset")
        if self.replacement:
            return randint(0, max(n, 1), (wanted,), generator=self.generator)
        if wanted == n:
            return randperm(n, generator=self.generator)
        rounds = -(-wanted // n) if n else 0
        return cat([randperm(n, generator=self.generator) for _ in range(rounds)])[:wanted]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices, in a new random order at each pass."""

    def __init__(self, indices: Sequence[int] | Tensor, generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = check_generator("SubsetRandomSampler", generator)

    def order(self) -> Tensor:
        given = self.indices
        chosen = given if isinstance(given, Tensor) else indices_of(given)
        return chosen.to(int64)[randperm(len(self), generator=self.generator)]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` indices, drawn with probabilities proportional to the `weights`.

    So rare classes are seen as often as others: weigh each item by one over its class's size.
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.weights: Tensor = as_tensor(weights, dtype=float64)
        if self.weights.ndim != 1:
            raise ValueError(
                f"WeightedRandomSampler: weights have one dimension; got "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = count("WeightedRandomSampler", "num_samples", num_samples, 1)
        self.replacement = bool(replacement)
        self.generator = check_generator("WeightedRandomSampler", generator)
        if not self.replacement and self.num_samples > len(self.weights):
            raise ValueError(
                f"WeightedRandomSampler: {num_samples} different ones of {len(self.weights)}"
            )

    def order(self) -> Tensor:
        return multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of another sampler.

    With `drop_last` the last, smaller one is left out.
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = count("BatchSampler", "batch_size", batch_size, 1)
        self.drop_last = bool(drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        indices: list[int] = indices_of(self.sampler).tolist()
        for low in starts(len(indices), self.batch_size, self.drop_last):
            yield indices[low : low + self.batch_size]

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return len(starts(n, self.batch_size, self.drop_last))
