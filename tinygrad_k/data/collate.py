"""Items of a dataset joined into one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..backend import bool_, float64, int64
from ..ops.creation import as_tensor
from ..ops.join import stack
from ..tensor import Tensor


def collate(items: list[Any]) -> Any:
    """One batch from a list of items of the same structure, as PyTorch's `default_collate`.

    Tensors and arrays are stacked along a new first dimension; ints, bools and floats become a
    tensor that holds them all (with a float among them float64, which is what Python holds);
    strings stay a list. Tuples, lists and dicts are joined member by member. ValueError when
    shapes, lengths or keys differ, TypeError when items are of different kinds.
    """
    if not items:
        raise ValueError("collate: no items; at least one is needed")
    first = items[0]
    if _all(items, Tensor):
        _same("shapes", [tuple(item.shape) for item in items])
        return stack(items)
    if _all(items, bool | int | float):
        whole = bool_ if _all(items, bool) else int64
        return as_tensor(items, float64 if any(isinstance(x, float) for x in items) else whole)
    if _all(items, np.ndarray | np.generic | bool | int | float):
        _same("shapes", [np.shape(item) for item in items])
        return as_tensor(np.stack(items))
    if _all(items, str | bytes):
        return list(items)
    if _all(items, Mapping):
        _same("keys", [set(item) for item in items])
        return {key: collate([item[key] for item in items]) for key in first}
    if _all(items, tuple | list):
        _same("lengths", [len(item) for item in items])
        joined = [collate(list(members)) for members in zip(*items, strict=True)]
        return type(first)(*joined) if hasattr(first, "_fields") else tuple(joined)
    kinds = sorted({type(item).__name__ for item in items})
    raise TypeError(
        "collate: items are all tensors, or all arrays and numbers, strings, tuples and lists, or "
        f"dicts; got {', '.join(kinds)}"
    )


def _all(items: list[Any], kind: Any) -> bool:
    return all(isinstance(item, kind) for item in items)


def _same(what: str, values: list[Any]) -> None:
    for value in values:
        if value != values[0]:
            raise ValueError(f"collate: {what} of the items differ; got {values[0]} and {value}")
