"""How an array can lie in memory: the same values behind other strides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def transposed(x: np.ndarray) -> np.ndarray:
    """The first dimension runs fastest."""
    return np.array(x, order="F")


def stepped(x: np.ndarray) -> np.ndarray:
    """Every second element of a larger array whose other elements are poison."""
    wide = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    wide[...] = np.nan if x.dtype.kind == "f" else 1
    odd: tuple[Any, ...] = (..., *(slice(1, 2 * n, 2) for n in x.shape))
    window = wide[odd]
    window[...] = x
    return window


def reversed_(x: np.ndarray) -> np.ndarray:
    """The same values behind negative strides."""
    every: tuple[Any, ...] = (..., *(slice(None, None, -1),) * x.ndim)
    return np.array(x[every])[every]


def read_only(x: np.ndarray) -> np.ndarray:
    """A copy that must not be written to."""
    copy = np.array(x)
    copy.flags.writeable = False
    return copy


def shifted(x: np.ndarray) -> np.ndarray:
    """One element off every alignment a vector load may like."""
    room = np.empty(x.size + 1, x.dtype)
    room[1:] = x.reshape(-1)
    return room[1:].reshape(x.shape)


def expanded(x: np.ndarray) -> np.ndarray:
    """The first entry of the first dimension repeated with stride 0: other values, no copy."""
    if not x.size or not x.ndim:
        return x
    return np.broadcast_to(x[:1], x.shape)


def contiguous(x: np.ndarray) -> np.ndarray:
    """A plain copy."""
    return np.array(x, order="C")


LAYOUTS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    transposed,
    stepped,
    reversed_,
    read_only,
    shifted,
    expanded,
)
