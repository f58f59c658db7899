"""What an op is tried on: descriptions of arguments, from which tests and benchmarks make arrays.

A sample is a tuple of arguments, or ``call(...)`` where some are keywords. A ``Draw`` among them
stands for a tensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Draw:
    """A tensor to be drawn: its shape, its kind and its range.

    ``kind`` is ``"real"`` (floating), ``"integer"``, ``"boolean"``, ``"sign"`` (-1 or 1) or
    ``"permutation"``. Reals keep
    ``gap`` away from the ``kinks``, where an op has no derivative; of ``distinct`` ones no two are
    close. (No dataclass: hundreds are made at import.)
    """

    __slots__ = ("distinct", "gap", "high", "kind", "kinks", "low", "shape")

    def __init__(
        self,
        shape: tuple[int, ...] = (),
        kind: str = "real",
        low: float = -3.0,
        high: float = 3.0,
        kinks: tuple[float, ...] = (),
        gap: float = 0.05,
        distinct: bool = False,
    ) -> None:
        self.shape = shape
        self.kind = kind
        self.low = low
        self.high = high
        self.kinks = kinks
        self.gap = gap
        self.distinct = distinct

    def __call__(self, *shape: int) -> Draw:
        """The same of another shape."""
        return Draw(shape, self.kind, self.low, self.high, self.kinks, self.gap, self.distinct)

    def __repr__(self) -> str:
        return f"{self.kind}{self.shape}"

    def make(self, rng: np.random.Generator, dtype: Any = np.float64) -> np.ndarray:
        """An array as described; ``dtype`` is that of the reals."""
        size = int(np.prod(self.shape, dtype=np.int64))
        if self.kind == "boolean":
            return np.asarray(rng.random(self.shape) < 0.5)
        if self.kind == "sign":
            return np.asarray(rng.integers(0, 2, self.shape) * 2 - 1)
        if self.kind == "integer":
            return np.asarray(rng.integers(int(self.low), int(self.high), self.shape))
        if self.kind == "permutation":
            return rng.permutation(size).reshape(self.shape)
        if self.distinct:
            steps = np.linspace(self.low, self.high, size + 2)[1:-1] if size else np.empty(0)
            values = rng.permutation(steps).reshape(self.shape)
        else:
            values = rng.uniform(self.low, self.high, self.shape)
        for kink in self.kinks:
            near = np.abs(values - kink) < self.gap
            values = np.where(near, kink + np.where(values < kink, -1, 1) * 2 * self.gap, values)
        return np.asarray(values, dtype=dtype)


class Dominant(Draw):
    """Square matrices far from singular: the diagonal outweighs the rest of its row."""

    __slots__ = ()

    def __init__(self, *shape: int) -> None:
        super().__init__(shape)

    def __call__(self, *shape: int) -> Dominant:
        return Dominant(*shape)

    def make(self, rng: np.random.Generator, dtype: Any = np.float64) -> np.ndarray:
        n = self.shape[-1]
        return np.asarray(super().make(rng) + 3.0 * n * np.eye(n), dtype=dtype)


class Singular(Dominant):
    """As ``Dominant``, but the first and the last row of the first matrix are equal."""

    __slots__ = ()

    def __call__(self, *shape: int) -> Singular:
        return Singular(*shape)

    def make(self, rng: np.random.Generator, dtype: Any = np.float64) -> np.ndarray:
        matrices = super().make(rng, dtype)
        first = matrices[(0,) * (matrices.ndim - 2)]
        first[-1] = first[0]
        return matrices


class Column(Draw):
    """Matrices of zeros but for their first column."""

    __slots__ = ()

    def __call__(self, *shape: int) -> Column:
        return Column(shape)

    def make(self, rng: np.random.Generator, dtype: Any = np.float64) -> np.ndarray:
        return super().make(rng, dtype) * (np.arange(self.shape[-1]) == 0)


real = Draw()
positive = Draw(low=0.2, high=4.0)
integer = Draw(kind="integer", low=-5, high=6)
boolean = Draw(kind="boolean")
permutation = Draw(kind="permutation")  # of 0 .. size-1


def between(low: float, high: float) -> Draw:
    """Reals of a range."""
    return Draw(low=low, high=high)


def away_from(*kinks: float, low: float = -3.0, high: float = 3.0) -> Draw:
    """Reals that keep clear of the points where an op has no derivative."""
    return Draw(kinks=kinks, low=low, high=high)


def distinct(*shape: int) -> Draw:
    """Reals of which no two are close, so that none ties for a maximum."""
    return Draw(shape=shape, distinct=True)


def index(*shape: int, below: int) -> Draw:
    """Integers 0 .. below-1."""
    return Draw(shape=shape, kind="integer", low=0, high=below)


class Sample:
    """Arguments of a call: positional and keyword."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> None:
        self.args = args
        self.kwargs = kwargs or {}

    def __repr__(self) -> str:
        return f"{self.args}{self.kwargs or ''}"


def call(*args: Any, **kwargs: Any) -> Sample:
    """A sample with keyword arguments."""
    return Sample(args, kwargs)
