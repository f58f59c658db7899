"""Arguments and results as flat lists of tensors and the structure they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..trees import Nest

PLACE = object()  # stands for a tensor in a structure


class Plain:
    """A value that is no tensor: equal to another of the same type if it is that, or equals it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plain) or type(self.value) is not type(other.value):
            return False
        if self.value is other.value:
            return True
        if not isinstance(self.value, _COMPARED) or not self.value == other.value:
            return False
        return repr(self.value) == repr(other.value)  # the sign of a zero is a difference

    __hash__ = None  # type: ignore[assignment]


_COMPARED = (bool, int, float, complex, str, bytes, np.generic, slice, range, frozenset)


def take_apart(value: Any, tensors: list[Any], make: Callable[[Any], Any]) -> Any:
    """Appends the tensors of a tree to ``tensors`` and returns the structure without them.

    ``make`` turns a leaf into a tensor, or gives None for one that is none. In the structure a
    tensor is PLACE; structures that are equal have tensors in the same places and equal values
    elsewhere.
    """
    nest = Nest.of(value)
    if nest is not None:
        nest.parts = tuple(take_apart(each, tensors, make) for each in nest.parts)
        return nest
    tensor = make(value)
    if tensor is None:
        return Plain(value)
    tensors.append(tensor)
    return PLACE


def put_together(structure: Any, tensors: Sequence[Any]) -> Any:
    """The inverse of ``take_apart``."""
    return _build(structure, iter(tensors))


def _build(part: Any, left: Iterator[Any]) -> Any:
    if part is PLACE:
        return next(left)
    if isinstance(part, Plain):
        return part.value
    return part.holding([_build(each, left) for each in part.parts])


def ends(structure: Any) -> list[Any]:
    """What stands at the ends of a structure, in order: PLACE for a tensor, or a plain value."""
    if isinstance(structure, Nest):
        return [end for part in structure.parts for end in ends(part)]
    return [structure.value if isinstance(structure, Plain) else structure]
