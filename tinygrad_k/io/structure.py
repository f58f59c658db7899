"""Nested state as a flat dict of arrays and one JSON value that tells how they fit together.

In the JSON a string, int, finite float, bool or null stands for itself. Everything else is an
object with one key: `{"tensor": name}`, `{"dict": [[key, value], ...]}` (keys are strings or ints,
and keep their order), `{"list": [...]}`, `{"tuple": [...]}`, `{"float": "nan"}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..tensor import Tensor, from_data

_RESERVED = "__metadata__"  # safetensors keeps its metadata under this name


def flatten(state: Any) -> tuple[dict[str, np.ndarray], Any]:
    """(arrays by name, JSON value) of a nested state; TypeError names what cannot be stored.

    A tensor is named by the keys that lead to it, joined with dots. The arrays may share memory
    with the tensors, and are contiguous.
    """
    arrays: dict[str, np.ndarray] = {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Tensor):
            name = path
            while name in arrays or name == _RESERVED:
                name += "_"
            arrays[name] = np.asarray(value.detach().numpy(), order="C")
            return {"tensor": name}
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, Mapping):
            for key in value:
                if isinstance(key, bool) or not isinstance(key, str | int):
                    raise TypeError(f"save: keys are strings or ints; got {key!r} in {path!r}")
            return {"dict": [[key, walk(item, _join(path, key))] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [walk(item, _join(path, i)) for i, item in enumerate(value)]}
        raise TypeError(
            "save: a state holds tensors, numbers, strings, bools, None, dicts, lists and tuples; "
            f"got {type(value).__name__} at {path!r}"
        )

    return arrays, walk(state, "")


def unflatten(arrays: Mapping[str, np.ndarray], structure: Any) -> Any:
    """The state that `flatten` took apart. ValueError unless the structure is well formed and
    names every array exactly once."""
    left = dict(arrays)

    def walk(value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(f"malformed structure; got {_short(value)}")
        ((kind, content),) = value.items()
        if kind == "tensor" and isinstance(content, str):
            if content not in left:
                raise ValueError(f"tensor {_short(content)} is missing or named twice")
            return from_data(left.pop(content))
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind in ("list", "tuple") and isinstance(content, list):
            items = [walk(item) for item in content]
            return items if kind == "list" else tuple(items)
        if kind == "dict" and isinstance(content, list):
            result: dict[str | int, Any] = {}
            for pair in content:
                if not isinstance(pair, list) or len(pair) != 2:
                    raise ValueError(f"malformed dict entry; got {_short(pair)}")
                key = pair[0]
                if type(key) not in (str, int) or key in result:
                    raise ValueError(f"bad or repeated dict key; got {_short(key)}")
                result[key] = walk(pair[1])
            return result
        raise ValueError(f"malformed structure; got {_short(value)}")

    state = walk(structure)
    if left:
        raise ValueError(f"tensors outside the structure; got {_short(sorted(left))}")
    return state


def _join(path: str, key: str | int) -> str:
    return f"{path}.{key}" if path else str(key)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
