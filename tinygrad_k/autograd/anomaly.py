"""Anomaly mode: which line of the forward pass made the NaN that backward met.

Off, it costs nothing: what it needs is put in place when it is switched on. It is of the whole
process, not of a thread.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

import numpy as np

from ..tensor import Tensor
from . import engine
from .node import PACKAGE, Node, Part, place, unwatch, watch

F = TypeVar("F", bound=Callable[..., Any])

_mode = (False, True)  # enabled, whether backward looks for NaN


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _mode[0]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether backward looks for NaN in anomaly mode."""
    return _mode[1]


def _switch(enabled: bool, check_nan: bool) -> None:
    global _mode
    if enabled and not _mode[0]:
        watch(_trace)
        engine.apply_node = _apply
    elif not enabled and _mode[0]:
        unwatch(_trace)
        engine.apply_node = engine.plain_apply
    _mode = (enabled, check_nan)


class set_detect_anomaly:
    """Switches anomaly mode at once; as a context manager or decorator, for a block.

    In anomaly mode every recorded op notes where it was called. An error in its backward, and with
    ``check_nan`` a NaN in the gradients it returns, is a RuntimeError that shows that place.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _mode
        self._wanted = (bool(mode), bool(check_nan))
        _switch(*self._wanted)

    def __enter__(self) -> None:
        _switch(*self._wanted)

    def __exit__(self, *exception: Any) -> None:
        _switch(*self._before)


class detect_anomaly:
    """Anomaly mode for a block, or as a decorator for a function; see ``set_detect_anomaly``."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = bool(check_nan)
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append(_mode)
        _switch(True, self._check_nan)

    def __exit__(self, *exception: Any) -> None:
        _switch(*self._before.pop())

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with detect_anomaly(self._check_nan):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


def _trace(node: Node) -> None:
    """Notes in a new node who called, outside this package."""
    calls: list[tuple[CodeType, int]] = []
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            calls.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back  # type: ignore[assignment]
    node.trace = tuple(reversed(calls))


def _forward_lines(node: Node) -> str:
    if not node.trace:
        return "it was recorded before anomaly mode was on"
    return "it was recorded at (innermost last)\n  " + "\n  ".join(
        place(*call) for call in node.trace
    )


def _has_nan(value: Any) -> bool:
    while hasattr(value, "_value"):  # of vmap: a whole batch
        value = value._value
    return bool(np.isnan(value.detach().numpy()).any())


def _apply(node: Node, gradient: Any, create_graph: bool) -> Any:
    """Applies a node, and shows where it was recorded if that goes wrong."""
    try:
        results = engine.plain_apply(node, gradient, create_graph)
    except Exception as error:
        note = f"in the backward of {node.name()}; {_forward_lines(node)}"
        if hasattr(error, "add_note"):
            error.add_note(note)
        elif error.args and isinstance(error.args[0], str):
            error.args = (f"{error.args[0]}\n{note}", *error.args[1:])
        raise
    if _mode[1]:
        for i, result in enumerate(results):
            value = result.gradient if type(result) is Part else result
            if isinstance(value, Tensor) and _has_nan(value):
                raise RuntimeError(
                    f"backward: {node.name()} returned NaN for its input {i}; "
                    f"{_forward_lines(node)}"
                )
    return results
