"""Whether operations are recorded: per thread, as context managers and decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..backend import lib

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return bool(lib.tk_grad_mode())


class _Mode:
    """Sets the grad mode of the thread for a block or a function."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._before: list[int] = []

    def __enter__(self) -> None:
        self._before.append(lib.tk_set_grad_mode(self.enabled))

    def __exit__(self, *exception: Any) -> None:
        lib.tk_set_grad_mode(self._before.pop())

    def __call__(self, function: F) -> F:
        enabled = self.enabled

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with _Mode(enabled):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class no_grad(_Mode):
    """Nothing is recorded: ``with no_grad():`` or ``@no_grad()``."""

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        _Mode.__init__(self, False)
        return _Mode.__call__(self, function)  # @no_grad without parentheses

    def __init__(self, function: Any = None) -> None:
        super().__init__(False)


class enable_grad(_Mode):
    """Operations are recorded, also inside ``no_grad``."""

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_Mode):
    """Records or not, as asked: at once as a call, and for the block as a context manager."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._at_call = lib.tk_set_grad_mode(self.enabled)

    def __enter__(self) -> None:
        self._before.append(self._at_call)

    def __call__(self, function: F) -> F:
        lib.tk_set_grad_mode(self._at_call)
        return super().__call__(function)


class inference_mode(_Mode):
    """As ``no_grad``; named for code that only serves."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
