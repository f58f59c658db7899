"""The state of a module: its parameters and persistent buffers by path, and how they are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..autograd import no_grad
from ..tensor import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find, and what it did not need."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def places(module: Module) -> Iterator[tuple[str, Module, str]]:
    """Path, owner and name of each parameter and persistent buffer; shared ones at each path."""
    for path, owner in module.named_modules(remove_duplicate=False):
        for name, _ in (*owner._own_parameters(), *owner._own_buffers(persistent=True)):
            yield f"{path}.{name}" if path else name, owner, name


def load(
    module: Module, state_dict: Mapping[str, Tensor], strict: bool, assign: bool
) -> IncompatibleKeys:
    """Loads all or, where something does not fit, nothing."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"load_state_dict: expected a dict of tensors; got {type(state_dict).__name__}"
        )
    owners = {path: (owner, name) for path, owner, name in places(module)}
    targets = {path: owner.__dict__[name] for path, (owner, name) in owners.items()}
    missing = [path for path in targets if path not in state_dict]
    unexpected = [path for path in state_dict if path not in targets]
    given = {path: state_dict[path] for path in targets if path in state_dict}
    wrong = []
    if strict:
        wrong += [f"missing: {', '.join(missing)}"] if missing else []
        wrong += [f"unexpected: {', '.join(map(str, unexpected))}"] if unexpected else []
    for path, value in given.items():
        wrong += _misfits(path, targets[path], value, assign)
    if wrong:
        raise RuntimeError(
            f"load_state_dict: the state does not fit {type(module).__name__}, and nothing was "
            "changed:\n  " + "\n  ".join(wrong)
        )
    if assign:
        for path, value in given.items():
            owner, name = owners[path]
            setattr(owner, name, _in_place_of(targets[path], value))
    else:
        _copy([(targets[path], value) for path, value in given.items()])
    return IncompatibleKeys(missing, unexpected)


def _misfits(path: str, target: Tensor, value: Any, assign: bool) -> list[str]:
    """What is wrong with a value for this place."""
    if not isinstance(value, Tensor):
        return [f"not a tensor: {path} is of class {type(value).__name__}"]
    if value.shape != target.shape:
        return [
            f"another shape: {path} is {tuple(target.shape)} in the module and "
            f"{tuple(value.shape)} in the state"
        ]
    if assign and target.is_floating_point() and not value.is_floating_point():
        return [f"not floating: {path} is of {value.dtype.name}"]
    if not assign and target._h.storage.readonly:
        return [f"read-only: the memory of {path} in the module"]
    return []


def _in_place_of(target: Tensor, value: Tensor) -> Tensor:
    """The value as a parameter where one stood, with its ``requires_grad``."""
    if not isinstance(target, Parameter) or isinstance(value, Parameter):
        return value
    return Parameter(value.detach(), requires_grad=target.requires_grad)


def _copy(pairs: list[tuple[Tensor, Tensor]]) -> None:
    # All that can fail, for want of memory, comes before the first change. A value on memory that
    # is about to be overwritten, as of two parameters exchanged, is copied first.
    overwritten = {target._h.storage for target, _ in pairs}
    with no_grad():
        ready = []
        for target, value in pairs:
            value = value.detach()
            if value.dtype is not target.dtype:
                value = value.to(target.dtype)
            elif value._h.storage in overwritten and value.data_ptr() != target.data_ptr():
                value = value.clone()
            ready.append((target, value))
        for target, value in ready:
            target.copy_(value)
