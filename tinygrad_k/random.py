"""Where random numbers come from: generators, and the default one that ``manual_seed`` seeds.

Philox, counter-based: a generator is a seed and a count, and the numbers it gives depend on these
and on the calls made, never on threads or instruction sets.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .backend import check_readable, ffi, recorder, uint8, world
from .tensor import Tensor, store


class Generator:
    """A stream of random numbers of its own: ``Generator().manual_seed(0)``."""

    __slots__ = ("_g",)

    def __init__(self, device: Any = "cpu") -> None:
        if str(device) != "cpu":
            raise ValueError(f"Generator: the only device is 'cpu'; got {device!r}")
        self._g = ffi.new("tk_generator *")
        self.seed()

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream of a seed, from -2**63 to 2**64 - 1; returns the generator."""
        check_readable("manual_seed")
        number = operator.index(seed)
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"manual_seed: the seed must fit 64 bits; got {number}")
        self._g.seed, self._g.offset = number % 2**64, 0
        return self

    def seed(self) -> int:
        """Starts the stream of a seed from the system's entropy; returns the seed."""
        number = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(number)
        return number

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return int(self._g.seed)

    def get_state(self) -> Tensor:
        """Seed and count as a tensor of 16 bytes."""
        check_readable("get_state")
        state = np.array([self._g.seed, self._g.offset], np.uint64)
        return store(state.view(np.uint8), uint8)

    def set_state(self, new_state: Tensor) -> Generator:
        """Goes on from where ``get_state()`` was called; returns the generator."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not uint8:
            raise TypeError("set_state: expected the uint8 tensor that get_state() gave")
        if tuple(new_state.shape) != (16,):
            raise ValueError(f"set_state: expected 16 bytes; got {tuple(new_state.shape)}")
        seed, offset = np.ascontiguousarray(new_state.numpy()).view(np.uint64)
        self._g.seed, self._g.offset = int(seed), int(offset)
        return self

    def clone_state(self) -> Generator:
        """Another generator at the same place of the same stream."""
        return Generator().set_state(self.get_state())

    @property
    def device(self) -> str:
        """Always ``"cpu"``."""
        return "cpu"

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return self.clone_state()

    def __reduce__(self) -> Any:
        return _restored, (int(self._g.seed), int(self._g.offset))

    def __repr__(self) -> str:
        return f"<Generator: seed {self._g.seed}, {self._g.offset} groups used>"


def _restored(seed: int, offset: int) -> Generator:
    generator = Generator().manual_seed(seed)
    generator._g.offset = offset
    return generator


default_generator = Generator()


intercept: Any = None  # called with the name of what draws; vmap puts its rules here


def handle(name: str, generator: Any) -> Any:
    """What the doors take: the generator's state, or that of the default generator."""
    if intercept is not None:
        intercept(name)
    if generator is None:
        generator = default_generator
    elif not isinstance(generator, Generator):
        raise TypeError(f"{name}: expected a Generator; got {type(generator).__name__}")
    if world.recorders and (recording := recorder()) is not None:
        recording.keep(generator)
    return generator._g


def manual_seed(seed: int) -> Generator:
    """Seeds the default generator, so that what follows can be repeated; returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seeds the default generator from the system's entropy; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, for ``set_rng_state``."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Puts the default generator back to where ``get_rng_state()`` was called."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """Puts the default generator back to its state at the end of the ``with`` block."""
    state = get_rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            set_rng_state(state)
