"""Training data in the forms that `Trainer` takes, as an iterable of batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..data import DataLoader, TensorDataset
from ..nn import Module
from ..ops.creation import as_tensor
from ..tensor import Tensor


def batches(name: str, data: Any, model: Module, batch_size: int, shuffle: bool) -> Iterable[Any]:
    """`data` as an iterable of batches: a loader as it is, a dataset or arrays in a new loader.

    `name` is the caller's, for errors.
    """
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, tuple) or (
        isinstance(data, list) and all(isinstance(item, Tensor | np.ndarray) for item in data)
    ):
        if len(data) < 2:
            raise ValueError(f"{name}: arrays are given as (X, y); got {len(data)} of them")
        data = TensorDataset(*(to_input(item, model) for item in data))
    if isinstance(data, Tensor | np.ndarray):
        raise TypeError(f"{name}: data is (X, y), a dataset or a DataLoader; got one array")
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        if not len(data):
            raise ValueError(f"{name}: the data is empty")
        return DataLoader(data, batch_size, shuffle)
    if isinstance(data, Iterable):
        return data
    raise TypeError(f"{name}: data is (X, y), a dataset or a DataLoader; got {type(data).__name__}")


def to_input(values: Any, model: Module) -> Tensor:
    """A tensor as it is; anything else as a tensor, floats in the dtype of the model's weights."""
    if isinstance(values, Tensor):
        return values
    result = as_tensor(values)
    if result.is_floating_point():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                return result.to(parameter.dtype)
    return result


def split_batch(name: str, batch: Any) -> tuple[tuple[Any, ...], Any, int]:
    """(inputs, target, rows) of a batch `(input, ..., target)`."""
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        count = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise TypeError(f"{name}: a batch is (input, target); got {type(batch).__name__}{count}")
    *inputs, target = batch
    return tuple(inputs), target, len(target)
