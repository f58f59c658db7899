"""Whether operations are recorded: per thread, as context managers and decorators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from ..backend import lib

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:

    class Block:
        enabled: bool
        behind: int

        def __enter__(self) -> None: ...
        def __exit__(self, *exception: Any) -> None: ...

else:
    from ..backend import Block


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return bool(lib.tk_grad_mode())


class _Mode(Block):
    """Sets the grad mode of the thread for a block (csrc/mode.h) or a function.

    Here and wherever a mode is set for a while, it is read first and set inside the ``try``: a
    Ctrl-C may be raised as soon as the call that sets it returns. Blocks are in C for that.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __reduce__(self) -> Any:
        return _not_entered, (type(self), self.enabled, self.behind)

    def __call__(self, function: F) -> F:
        """The function with this mode inside; of a generator, whenever it runs."""
        enabled = self.enabled

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            before = lib.tk_grad_mode()
            try:
                lib.tk_set_grad_mode(enabled)
                return function(*args, **kwargs)
            finally:
                lib.tk_set_grad_mode(before)

        if inspect.isgeneratorfunction(function):
            return _generator(function, enabled)  # type: ignore[return-value]
        return wrapped  # type: ignore[return-value]


def _not_entered(cls: type[_Mode], enabled: bool, behind: int) -> _Mode:
    """A copy, which sets nothing yet."""
    mode = object.__new__(cls)
    mode.enabled, mode.behind = enabled, behind
    return mode


def _generator(function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
    """A generator function that has a mode while it runs, and leaves the caller's alone."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        source = function(*args, **kwargs)
        step: Callable[[], Any] = source.__next__
        while True:
            before = lib.tk_grad_mode()
            try:
                lib.tk_set_grad_mode(enabled)
                value = step()
            except StopIteration as end:
                return end.value
            finally:
                lib.tk_set_grad_mode(before)
            try:
                sent = yield value
            except GeneratorExit:
                source.close()
                raise
            except BaseException as error:
                step = functools.partial(source.throw, error)
            else:
                step = functools.partial(source.send, sent)

    return wrapped


class _PlainMode(_Mode):
    """A mode without settings: a decorator with or without brackets."""

    _enabled = False

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        self.__init__()  # type: ignore[misc]
        return self(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__(self._enabled)


class no_grad(_PlainMode):
    """Nothing is recorded: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``."""


class enable_grad(_PlainMode):
    """Operations are recorded, also inside ``no_grad``."""

    _enabled = True


class set_grad_enabled(_Mode):
    """Records or not, as asked: at once as a call, and for the block as a context manager."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.behind = 1 + lib.tk_set_grad_mode(self.enabled)

    def __call__(self, function: F) -> F:
        lib.tk_set_grad_mode(self.behind - 1)
        return super().__call__(function)


class inference_mode(_Mode):
    """As ``no_grad``; named for code that only serves. Its results are ordinary tensors."""

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if not callable(mode):
            return self
        self.__init__()  # type: ignore[misc]
        return self(mode)  # @inference_mode without brackets

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
