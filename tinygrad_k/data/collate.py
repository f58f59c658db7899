"""Items of a dataset joined into one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ops.creation import as_tensor
from ..ops.join import stack
from ..tensor import Tensor


def collate(items: list[Any]) -> Any:
    """One batch from a list of items of the same structure, as PyTorch's `default_collate`.

    Tensors and arrays are stacked along a new first dimension; ints, bools and floats become a
    tensor (floats in float64, which is what Python holds); strings stay a list. Tuples, lists and
    dicts are joined member by member. ValueError when shapes, lengths or keys differ.
    """
    first = items[0]
    if isinstance(first, Tensor):
        _same("shapes", [tuple(item.shape) for item in items])
        return stack(items)
    if isinstance(first, np.ndarray | np.generic):
        _same("shapes", [np.shape(item) for item in items])
        return as_tensor(np.stack(items))
    if isinstance(first, bool | int | float):
        dtype = bool if isinstance(first, bool) else np.int64
        return as_tensor(np.array(items, np.float64 if isinstance(first, float) else dtype))
    if isinstance(first, str | bytes):
        return list(items)
    if isinstance(first, Mapping):
        _same("keys", [list(item) for item in items])
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, tuple | list):
        _same("lengths", [len(item) for item in items])
        joined = [collate(list(members)) for members in zip(*items, strict=True)]
        return type(first)(*joined) if hasattr(first, "_fields") else tuple(joined)
    raise TypeError(
        f"collate: items are tensors, arrays, numbers, strings, tuples, lists or dicts; "
        f"got {type(first).__name__}"
    )


def _same(what: str, values: list[Any]) -> None:
    for value in values:
        if value != values[0]:
            raise ValueError(f"collate: {what} of the items differ; got {values[0]} and {value}")
