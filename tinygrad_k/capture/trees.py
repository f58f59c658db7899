"""Nested tuples, lists and dicts of tensors as flat lists, and back."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


def take_apart(value: Any, tensors: list[Any], make: Callable[[Any], Any]) -> Any:
    """Appends the tensors of a structure to ``tensors`` and returns the structure without them.

    ``make`` turns a leaf into a tensor, or gives None for one that is none. In the structure a
    tensor is a ``Place``; structures that are equal have tensors in the same places and equal
    values elsewhere.
    """
    if isinstance(value, (tuple, list)):
        parts = tuple(take_apart(each, tensors, make) for each in value)
        return Nest(type(value), tuple(range(len(parts))), parts)
    if isinstance(value, dict):
        kind: Any = type(value)
        if kind is not dict and kind is not OrderedDict:  # made again from an empty copy
            kind = _Emptied(value)
        parts = tuple(take_apart(each, tensors, make) for each in value.values())
        return Nest(kind, tuple(value), parts)
    tensor = make(value)
    if tensor is None:
        return Plain(value)
    tensors.append(tensor)
    return PLACE


def put_together(structure: Any, tensors: Sequence[Any]) -> Any:
    """The inverse of ``take_apart``."""
    return _build(structure, iter(tensors))


def leaves(structure: Any) -> list[Any]:
    """What stands at the ends of a structure, in order: PLACE for a tensor, or a plain value."""
    if isinstance(structure, Nest):
        return [leaf for part in structure.parts for leaf in leaves(part)]
    return [structure.value if isinstance(structure, Plain) else structure]


def _build(part: Any, left: Iterator[Any]) -> Any:
    if part is PLACE:
        return next(left)
    if isinstance(part, Plain):
        return part.value
    values = [_build(each, left) for each in part.parts]
    if isinstance(part.kind, _Emptied):
        return part.kind.fill(part.keys, values)
    if issubclass(part.kind, dict):
        return part.kind(zip(part.keys, values, strict=True))
    if hasattr(part.kind, "_fields"):  # a named tuple
        return part.kind(*values)
    return part.kind(values)


class _Emptied:
    """The type and the own attributes of a dict of another type, as ``defaultdict``."""

    def __init__(self, value: dict[Any, Any]) -> None:
        self.type = type(value)
        self._shell = copy.copy(value)
        self._shell.clear()

    def fill(self, keys: Sequence[Any], values: Sequence[Any]) -> dict[Any, Any]:
        made = copy.copy(self._shell)
        for key, value in zip(keys, values, strict=True):
            made[key] = value
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Emptied) and self.type is other.type

    __hash__ = None  # type: ignore[assignment]


class Nest:
    """A tuple, list or dict."""

    __slots__ = ("keys", "kind", "parts")

    def __init__(self, kind: Any, keys: tuple[Any, ...], parts: tuple[Any, ...]) -> None:
        self.kind, self.keys, self.parts = kind, keys, parts

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Nest)
            and self.kind == other.kind
            and self.keys == other.keys
            and self.parts == other.parts
        )

    __hash__ = None  # type: ignore[assignment]


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
PLACE = object()
