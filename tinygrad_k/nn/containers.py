"""Modules that hold others: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ..tensor import Tensor
from .module import Module
from .parameter import Parameter

L = TypeVar("L", bound="_List")


class _List(Module):
    """Members of one kind under the names "0", "1", ... and possibly others, in order."""

    _kind: type[Any] = Module

    def _items(self) -> list[tuple[str, Any]]:
        kind = self._kind
        return [(name, value) for name, value in self.__dict__.items() if isinstance(value, kind)]

    def _values(self) -> list[Any]:
        return [value for _, value in self._items()]

    def _check(self, value: Any) -> Any:
        if not isinstance(value, self._kind):
            raise TypeError(
                f"{type(self).__name__}: expected a {self._kind.__name__}; "
                f"got {type(value).__name__}"
            )
        return value

    def _replace(self, values: Iterable[Any]) -> None:
        """Makes these the members, renumbered."""
        values = list(values)
        for name, _ in self._items():
            delattr(self, name)
        for i, value in enumerate(values):
            setattr(self, str(i), value)

    def _place(self, index: Any, items: list[Any]) -> int:
        """Where a member stands among these, from their end if negative."""
        n = len(items)
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"{type(self).__name__}: an index is an int or a slice; got {index!r}")
        i = index.__index__()
        if not -n <= i < n:
            raise IndexError(f"{type(self).__name__}: index {i} is out of range for {n} members")
        return i % n

    def _new(self: L, items: Iterable[tuple[str, Any]]) -> L:
        return type(self)([value for _, value in items])  # type: ignore[call-arg]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

    def __contains__(self, value: object) -> bool:
        return any(value is each for each in self._values())

    def __getitem__(self, index: Any) -> Any:
        items = self._items()
        if isinstance(index, slice):
            return self._new(items[index])
        return items[self._place(index, items)][1]

    def __setitem__(self, index: Any, value: Any) -> None:
        items = self._items()
        if isinstance(index, slice):
            names = [name for name, _ in items[index]]
            values = [self._check(each) for each in value]
            if len(names) != len(values):
                raise ValueError(
                    f"{type(self).__name__}: {len(values)} values for {len(names)} members"
                )
            for name, each in zip(names, values, strict=True):
                setattr(self, name, each)
        else:
            setattr(self, items[self._place(index, items)][0], self._check(value))

    def __delitem__(self, index: Any) -> None:
        values = self._values()
        del values[index if isinstance(index, slice) else self._place(index, values)]
        self._replace(values)

    def append(self: L, value: Any) -> L:
        """Adds a member at the end."""
        number = len(self)
        while str(number) in self.__dict__:
            number += 1
        setattr(self, str(number), self._check(value))
        return self

    def insert(self: L, index: int, value: Any) -> L:
        """Puts a member before the one at ``index``; the later ones move on."""
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"insert: index {index} is out of range for {n} members")
        values = self._values()
        values.insert(index + n if index < 0 else index, self._check(value))
        self._replace(values)
        return self

    def extend(self: L, values: Iterable[Any]) -> L:
        """Adds members at the end."""
        for value in [self._check(each) for each in values]:
            self.append(value)
        return self

    def pop(self, index: int = -1) -> Any:
        """Takes a member out, and returns it."""
        value = self[index]
        del self[index]
        return value

    def __add__(self: L, other: Iterable[Any]) -> L:
        if not isinstance(other, (_List, list, tuple)):
            return NotImplemented
        return self._new(enumerate([*self, *other]))  # type: ignore[arg-type]

    def __iadd__(self: L, other: Iterable[Any]) -> L:
        return self.extend(other)


class Sequential(_List):
    """Modules called one after the other, each with what the one before returned.

    ``Sequential(a, b)`` numbers them; ``Sequential({"first": a, "then": b})`` names them. A slice
    is a Sequential of the same modules.
    """

    def __init__(self, *args: Any) -> None:
        named = len(args) == 1 and isinstance(args[0], Mapping)
        for name, module in args[0].items() if named else enumerate(args):
            self.add_module(str(name), self._check(module))

    def _new(self, items: Iterable[tuple[str, Any]]) -> Any:
        return Sequential(dict(items))

    def forward(self, input: Any) -> Any:
        for module in [each for each in self.__dict__.values() if isinstance(each, Module)]:
            input = module(input)
        return input


class ModuleList(_List):
    """A list of modules; it has no forward."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(modules or ())


class ParameterList(_List):
    """A list of parameters; tensors become parameters."""

    _kind = Parameter

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(values or ())

    def _check(self, value: Any) -> Any:
        if isinstance(value, Tensor) and not isinstance(value, Parameter):
            value = Parameter(value, requires_grad=value.is_floating_point())
        return super()._check(value)

    def extra_repr(self) -> str:
        return "\n".join(f"({name}): {_summary(value)}" for name, value in self._items())


class _Dict(Module):
    """Members of one kind by name."""

    _kind: type[Any] = Module

    def _members(self) -> dict[str, Any]:
        kind = self._kind
        return {name: each for name, each in self.__dict__.items() if isinstance(each, kind)}

    def __getitem__(self, key: str) -> Any:
        return self._members()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if self._kind is Parameter:
            if isinstance(value, Tensor) and not isinstance(value, Parameter):
                value = Parameter(value, requires_grad=value.is_floating_point())
            self.register_parameter(key, value)
        else:
            self.add_module(key, value)

    def __delitem__(self, key: str) -> None:
        self._members()[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __contains__(self, key: object) -> bool:
        return key in self._members()

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._members().keys()

    def values(self) -> Iterable[Any]:
        """The members."""
        return self._members().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """The names with the members."""
        return self._members().items()

    def update(self, members: Any) -> None:
        """Adds or replaces members: a dict, or pairs of names and members."""
        for name, value in members.items() if hasattr(members, "items") else members:
            self[name] = value

    def pop(self, key: str) -> Any:
        """Takes a member out, and returns it."""
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """Takes all members out."""
        for key in list(self):
            del self[key]


class ModuleDict(_Dict):
    """A dict of modules; it has no forward."""

    def __init__(self, modules: Any = None) -> None:
        self.update(modules or ())


class ParameterDict(_Dict):
    """A dict of parameters; tensors become parameters."""

    _kind = Parameter

    def __init__(self, parameters: Any = None) -> None:
        self.update(parameters or ())

    def extra_repr(self) -> str:
        return "\n".join(f"({name}): {_summary(value)}" for name, value in self.items())


def _summary(value: Tensor) -> str:
    sizes = "x".join(map(str, value.shape)) or "1 number"
    return f"Parameter of {value.dtype.name}, {sizes}"
