"""Arguments and results as trees: tuples, lists and dicts, with anything else for leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves, in order."""
    if isinstance(tree, (tuple, list)):
        for each in tree:
            yield from leaves(each)
    elif isinstance(tree, dict):
        for each in tree.values():
            yield from leaves(each)
    else:
        yield tree


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same form with other leaves, taken in order."""
    if isinstance(tree, (tuple, list)):
        return _as(tree, [rebuild(each, values) for each in tree])
    if isinstance(tree, dict):
        return {key: rebuild(each, values) for key, each in tree.items()}
    return next(values)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with the function of each leaf."""
    return rebuild(tree, iter([function(each) for each in leaves(tree)]))


def spread(what: str, given: Any, tree: Any) -> list[Any]:
    """A leaf of ``given`` for each leaf of the tree: ``given`` has the tree's form from the top
    down, and one of its leaves stands for all that lies below."""
    if isinstance(given, (tuple, list)) and isinstance(tree, (tuple, list)):
        if len(given) != len(tree):
            raise ValueError(f"vmap: {what} has {len(given)} entries for {len(tree)}")
        pairs = zip(given, tree, strict=True)
        return [each for pair in pairs for each in spread(what, *pair)]
    if isinstance(given, dict) and isinstance(tree, dict):
        if given.keys() != tree.keys():
            raise ValueError(f"vmap: {what} has the keys {list(given)} for {list(tree)}")
        return [each for key in tree for each in spread(what, given[key], tree[key])]
    if isinstance(given, (tuple, list, dict)):
        raise ValueError(f"vmap: {what} is more deeply nested than what it is for; got {given!r}")
    return [given for _ in leaves(tree)]


def _as(like: Any, items: list[Any]) -> Any:
    """A tuple, list or namedtuple."""
    if hasattr(like, "_fields"):
        return type(like)(*items)
    return type(like)(items)
