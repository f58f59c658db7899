"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..backend import world
from ..nn import Module
from ..ops.join import stack
from ..tensor import Tensor


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other tensors for parameters and buffers, by path.

    Several dicts may be given, without a common name. What is not named is the module's own. With
    ``tie_weights`` a parameter that stands under several names is replaced under all of them.
    ``strict`` refuses missing names; unknown ones always are a RuntimeError. The module is as it
    was afterwards, also after an exception. Calls nest; threads must not call it at once with one
    module, as the tensors stand in the module meanwhile.
    """
    dicts = parameter_and_buffer_dicts
    several = [dicts] if isinstance(dicts, Mapping) else list(dicts)
    given: dict[str, Tensor] = {}
    for each in several:
        both = given.keys() & each.keys()
        if both:
            raise ValueError(f"functional_call: {sorted(both)} are given twice")
        given.update(each)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


# Where plain tensors stand for parameters in the calls that are running.
_standing: dict[Module, tuple[str, ...]] = {}


@contextmanager
def _replaced(
    module: Module, given: dict[str, Tensor], tie_weights: bool, strict: bool
) -> Iterator[None]:
    places: dict[str, tuple[Module, str, Tensor]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        stand_ins = [(name, part.__dict__[name]) for name in _standing.get(part, ())]
        for name, value in (*part._own_parameters(), *part._own_buffers(), *stand_ins):
            places[f"{path}.{name}" if path else name] = (part, name, value)
    unknown = [name for name in given if name not in places]
    missing = [name for name in places if name not in given]
    if unknown or (strict and missing):
        told = [f"unexpected: {', '.join(unknown)}"] if unknown else []
        told += [f"missing: {', '.join(missing)}"] if strict and missing else []
        raise RuntimeError(
            f"functional_call: the names do not fit {type(module).__name__}; {'; '.join(told)}"
        )
    new: dict[str, Tensor] = {}
    by_value = {id(places[name][2]): value for name, value in given.items()}
    for name, (_, _, value) in places.items():
        if name in given:
            new[name] = given[name]
        elif tie_weights and id(value) in by_value:
            new[name] = by_value[id(value)]
    outer = dict(_standing)
    try:
        for name, value in new.items():
            part, attribute, _ = places[name]
            part.__dict__[attribute] = value
            _standing[part] = (*_standing.get(part, ()), attribute)
        world.change_details()
        yield
    finally:
        for name in new:
            part, attribute, before = places[name]
            part.__dict__[attribute] = before
        _standing.clear()
        _standing.update(outer)
        world.change_details()


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and buffers of models of one form, stacked by name: an ensemble for ``vmap``.

    The parameters are leaves of their own that require grad where all of the models' do.
    """
    several = list(models)
    if not several:
        raise RuntimeError("stack_module_state: there must be at least one model")
    if any(type(each) is not type(several[0]) for each in several):
        raise RuntimeError("stack_module_state: the models must be of one class")
    stacked: list[dict[str, Tensor]] = []
    for members in (Module.named_parameters, Module.named_buffers):
        columns = [dict(members(each)) for each in several]
        if any(each.keys() != columns[0].keys() for each in columns):
            raise RuntimeError("stack_module_state: the models must have the same names")
        joined = {}
        for name in columns[0]:
            tensors = [each[name] for each in columns]
            together = stack([each.detach() for each in tensors])
            joined[name] = together.requires_grad_(all(each.requires_grad for each in tensors))
        stacked.append(joined)
    return stacked[0], stacked[1]
