"""Python values that a function's own code refers to, and whether they are still the same."""

from __future__ import annotations

from types import CodeType, ModuleType
from typing import Any

_EMPTY = object()


class Guards:
    """The closure variables and globals of a function, by identity.

    What stands inside of containers, or belongs to functions that it calls, is not looked at.
    """

    def __init__(self, function: Any) -> None:
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        self._cells: list[tuple[Any, Any]] = []
        self._globals: list[tuple[dict[str, Any], str, Any]] = []
        if not isinstance(code, CodeType):
            return
        for cell in function.__closure__ or ():
            self._cells.append((cell, _content(cell)))
        space = function.__globals__
        for name in sorted(_names(code)):
            value = space.get(name, _EMPTY)
            if value is not _EMPTY and not isinstance(value, ModuleType):
                self._globals.append((space, name, value))

    @classmethod
    def of(cls, function: Any) -> Guards | None:
        """The guards of a function; None where there is nothing to guard."""
        guards = cls(function)
        return guards if guards._cells or guards._globals else None

    def values(self) -> list[Any]:
        """What the names stood for."""
        return [value for _, value in self._cells] + [value for _, _, value in self._globals]

    def hold(self) -> bool:
        """Whether every name still stands for the same object."""
        for cell, value in self._cells:
            if _content(cell) is not value:
                return False
        return all(space.get(name) is value for space, name, value in self._globals)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _names(code: CodeType) -> set[str]:
    """The names that a code object and those in it look up."""
    names = set(code.co_names)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            names |= _names(each)
    return names
