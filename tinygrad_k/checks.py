"""Counts and numbers that are given as arguments, checked."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .tensor import Tensor


def count(owner: str, name: str, value: Any, least: int = 0) -> int:
    """``value`` as an int of at least ``least``; TypeError or ValueError name the argument."""
    try:
        found = None if isinstance(value, bool) else operator.index(value)
    except (TypeError, ValueError):  # also of a tensor of floats, or of several elements
        found = None
    if found is None:
        raise TypeError(f"{owner}: {name} must be an int; got {value!r}")
    if found < least:
        raise ValueError(f"{owner}: {name} must be at least {least}; got {value}")
    return found


def check_flag(owner: str, name: str, value: Any) -> None:
    """TypeError unless ``value`` is a bool, or 0 or 1."""
    if not isinstance(value, (bool, np.bool_, int, np.integer)) or value not in (0, 1):
        raise TypeError(f"{owner}: {name} must be a bool; got {value!r}")


def check_number(
    owner: str, name: str, value: Any, least: float = 0.0, below: float | None = None
) -> None:
    """An error unless ``value`` is a number in [least, below)."""
    number = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
        raise TypeError(f"{owner}: {name} must be a number; got {value!r}")
    if not number >= least or (below is not None and not number < below):
        limits = f"at least {least:g}" if below is None else f"in [{least:g}, {below:g})"
        if least == -math.inf:
            limits = "a number"
        raise ValueError(f"{owner}: {name} must be {limits}; got {number}")
