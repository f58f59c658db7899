"""Trees: tuples, lists and dicts in one another, with anything else for leaves."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Nest:
    """A tuple, list or dict: its ``kind``, its ``keys``, and what stands there."""

    __slots__ = ("keys", "kind", "parts")

    def __init__(self, kind: Any, keys: tuple[Any, ...], parts: Sequence[Any]) -> None:
        self.kind, self.keys, self.parts = kind, keys, parts

    @classmethod
    def of(cls, value: Any) -> Nest | None:
        """The first level of a tree; None for a leaf."""
        if isinstance(value, (tuple, list)):
            return cls(type(value), tuple(range(len(value))), value)
        if isinstance(value, dict):
            kind: Any = type(value)
            if kind is not dict and kind is not OrderedDict:  # made again from an empty copy
                kind = _Emptied(value)
            return cls(kind, tuple(value), tuple(value.values()))
        return None

    def holding(self, parts: Sequence[Any]) -> Any:
        """A tuple, list or dict of this kind, with these parts."""
        if isinstance(self.kind, _Emptied):
            return self.kind.fill(self.keys, parts)
        if issubclass(self.kind, dict):
            return self.kind(zip(self.keys, parts, strict=True))
        if hasattr(self.kind, "_fields"):  # a named tuple
            return self.kind(*parts)
        return self.kind(parts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Nest)
            and self.kind == other.kind
            and self.keys == other.keys
            and self.parts == other.parts
        )

    __hash__ = None  # type: ignore[assignment]


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


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves, in order."""
    nest = Nest.of(tree)
    if nest is None:
        yield tree
    else:
        for each in nest.parts:
            yield from leaves(each)


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same form with other leaves, taken in order."""
    nest = Nest.of(tree)
    if nest is None:
        return next(values)
    return nest.holding([rebuild(each, values) for each in nest.parts])


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with the function of each leaf."""
    return rebuild(tree, iter([function(each) for each in leaves(tree)]))
