"""Where in a model an exception came from."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module

_PATH = "_module_path"  # attribute of an exception: (modules from the outermost on, the note)


def add_path(error: Exception, module: Module) -> None:
    """Notes on an exception that it passed through a module's call.

    Every module on the way out replaces the note by a longer one, so that the last reads
    ``in Sequential > 2: Linear(in_features=64, out_features=10, bias=True)``. Before Python 3.11
    exceptions have no notes, and it stands at the end of the message.
    """
    with suppress(Exception):  # never in the way of the exception itself
        modules, before = getattr(error, _PATH, ((), None))
        modules = (module, *modules)
        note = _describe(modules)
        _replace(error, before, note)
        setattr(error, _PATH, (modules, note))


def _describe(modules: tuple[Any, ...]) -> str:
    last = modules[-1]
    text = type(last).__name__ if any(last.children()) else repr(last)
    if len(modules) == 1:
        return f"in {text}"
    names = [type(modules[0]).__name__]
    for parent, child in pairwise(modules):
        found = [name for name, module in parent.named_modules() if module is child]
        names.append(found[0] if found and found[0] else type(child).__name__)
    return f"in {' > '.join(names)}: {text}"


def _replace(error: Exception, before: str | None, note: str) -> None:
    if hasattr(error, "add_note"):
        notes = getattr(error, "__notes__", [])
        if before in notes:
            notes.remove(before)
        error.add_note(note)
    elif error.args and isinstance(error.args[0], str):
        message = error.args[0]
        if before is not None:
            message = message.removesuffix(f"\n{before}")
        error.args = (f"{message}\n{note}", *error.args[1:])
