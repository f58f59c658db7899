"""What all optimizers share: parameter groups, state, and one launch a step."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from .. import checks
from ..autograd import enable_grad
from ..autograd.api import clear_gradients
from ..backend import recorder, world
from ..ops.creation import zeros_like
from ..ops.lists import Step
from ..tensor import Tensor, empty_strided


def _told(name: str) -> Any:
    change = getattr(dict, name)

    def method(self: Group, *args: Any, **kwargs: Any) -> Any:
        world.settings += 1
        if world.recorders and (recording := recorder()) is not None:
            recording.refuse("it changes the settings of an optimizer")
        return change(self, *args, **kwargs)

    method.__name__ = name
    return method


class Group(dict[str, Any]):
    """The settings of a parameter group: a dict whose changes compiled functions hear of."""

    __setitem__ = _told("__setitem__")
    __delitem__ = _told("__delitem__")
    __ior__ = _told("__ior__")
    update = _told("update")
    setdefault = _told("setdefault")
    pop = _told("pop")
    popitem = _told("popitem")
    clear = _told("clear")


def _zeros_beside(param: Tensor) -> Tensor:
    """Zeros that lie in memory as the parameter does, so that a step needs no copies."""
    strides = param._node.strides if param._node is not None else None
    if strides is None:
        return zeros_like(param)
    return empty_strided(param.dtype, param.shape, strides).zero_()


class Optimizer:
    """Base of the optimizers: changes parameters by their gradients.

    ``params`` are tensors, or dicts with ``"params"`` and settings of their own. A parameter
    without a gradient is left alone. ``param_groups`` may be changed between steps; ``state`` has
    a dict for every parameter that has been changed.

    A subclass of yours calls ``super().__init__(params, defaults)`` and defines ``step``, which
    changes the parameters of ``param_groups`` under ``no_grad``; groups, state and its dicts are
    inherited. One of this package names its ``_rule``, a kernel, what that ``_reads``, and says how
    settings become values; the inherited ``step`` then is one launch a group.
    """

    _rule = ""
    _reads: tuple[str, ...] = ()  # keys of HYPER
    _counts = True  # whether a parameter's steps are counted in its state

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []  # each a Group
        self._steps: list[Step] = []
        if isinstance(params, Tensor):
            raise TypeError(
                f"{self._name}: expected an iterable of tensors or dicts; got a single Tensor"
            )
        groups = list(params)
        if not groups:
            raise ValueError(f"{self._name}: the list of parameters is empty")
        if not any(isinstance(group, dict) for group in groups):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    # -- what a subclass says ---------------------------------------------------------------------

    def _check(self, group: Mapping[str, Any]) -> None:
        """An error unless the settings of a group make sense."""

    def _state_names(self, group: Mapping[str, Any]) -> tuple[str | None, ...]:
        """The rule's states by the names they have in ``state``; None for one it does not use."""
        return ()

    def _hyper(self, group: Mapping[str, Any]) -> tuple[float, ...]:
        """The values of what the rule reads."""
        raise NotImplementedError

    # -- groups -----------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with settings of their own; what is not given has the default."""
        if not isinstance(param_group, dict):
            raise TypeError(
                f"{self._name}: a parameter group is a dict; got {type(param_group).__name__}"
            )
        if "params" not in param_group:
            raise ValueError(f"{self._name}: a parameter group has no 'params'")
        given = param_group["params"]
        if isinstance(given, (set, frozenset)):
            raise TypeError(f"{self._name}: parameters need an order; got a set")
        params = [given] if isinstance(given, Tensor) else list(given)
        taken = {param for group in self.param_groups for param in group["params"]}
        for i, param in enumerate(params):
            if not isinstance(param, Tensor):
                raise TypeError(
                    f"{self._name}: parameter {i} is no Tensor; got {type(param).__name__}"
                )
            what = f"parameter {i} of shape {tuple(param.shape)}"
            if not param.is_leaf:
                raise ValueError(f"{self._name}: {what} is no leaf: it was computed")
            if not param.is_floating_point():
                raise TypeError(
                    f"{self._name}: {what} is {param.dtype.name}, which has no gradient"
                )
            if param in taken:
                raise ValueError(f"{self._name}: {what} appears twice")
            taken.add(param)
        group = Group(params=params)
        group.update((key, value) for key, value in param_group.items() if key != "params")
        for key, value in self.defaults.items():
            group.setdefault(key, value)
        self._check(group)
        self.param_groups.append(group)
        if self._rule:
            self._steps.append(Step(self._rule))
        world.restructure()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or fills them with zeros."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    # -- a step -----------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes every parameter that has a gradient.

        ``closure`` computes gradients and returns the loss; it is called first, and its result
        returned.
        """
        if not self._rule:
            raise NotImplementedError(f"{self._name}: step is not defined")
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, step in zip(self.param_groups, self._steps, strict=True):
            self._update(group, step)
        return loss

    def _update(self, group: dict[str, Any], step: Step) -> None:
        """The common case: all have gradients and equally many steps behind them."""
        step.set(self._reads, self._hyper(group))
        names = self._state_names(group)
        params, state = group["params"], self.state
        if world.recorders and (recording := recorder()) is not None:
            recording.steps(self, group, step, names)
        states = []
        count = 1
        try:
            # Everything is looked up anew, as all of it may have been replaced since the last step.
            # The list keeps it alive where another thread forgets a gradient during the launch.
            tensors = [*params, *[param._node.grad for param in params]]
            if self._counts or names:
                states = [state[param] for param in params]
            for name in names:
                if name is not None:
                    tensors += [each[name] for each in states]
            handles = [each._h for each in tensors]
            if self._counts:
                counts = [each["step"] for each in states]
                count = counts[0]
                if counts.count(count) != len(counts):
                    raise KeyError
        except (AttributeError, KeyError, IndexError):
            self._update_some(group, step, names)
            return
        step(len(params), handles, names, count + 1)
        if self._counts:
            for each in states:
                each["step"] = count + 1
            step.followers = states

    def _update_some(
        self, group: dict[str, Any], step: Step, names: tuple[str | None, ...]
    ) -> None:
        """Some have no gradient, or no state yet, or have had fewer gradients than others."""
        among: dict[int, list[tuple[Tensor, Tensor, dict[str, Any]]]] = {}
        recording = recorder() if world.recorders else None
        for param in group["params"]:
            grad = param.grad
            if grad is not None:
                state = dict(self.state.get(param, {}))
                among.setdefault(self._count(state), []).append((param, grad, state))
        for count, several in sorted(among.items()):
            tensors = [param for param, _, _ in several] + [grad for _, grad, _ in several]
            for name in names:
                if name is None:
                    continue
                for param, _, state in several:
                    if state.get(name) is None:
                        state[name] = _zeros_beside(param)
                        if recording is not None:
                            recording.begins_state()
                    tensors.append(state[name])
            step(len(several), [each._h for each in tensors], names, count + 1)
            for param, _, state in several:
                if self._counts:
                    state["step"] = count + 1
                if state:
                    self.state[param].update(state)
        followers = [self._state[param] for several in among.values() for param, _, _ in several]
        step.followers = followers if self._counts else []
        if recording is not None and len(among) > 1:
            recording.refuse("parameters of one group have taken different numbers of steps")

    def _count(self, state: dict[str, Any]) -> int:
        """How many steps a parameter of this state has behind it, as far as the rule cares."""
        return state.get("step", 0)

    # -- state ------------------------------------------------------------------------------------

    @property
    def state(self) -> defaultdict[Tensor, dict[str, Any]]:
        """What the rule remembers of each parameter: its steps so far, and its tensors."""
        for step in self._steps:
            step.tell()
        world.change_details()  # whoever looks may change it
        return self._state

    @state.setter
    def state(self, value: defaultdict[Tensor, dict[str, Any]]) -> None:
        for step in self._steps:
            step.followers = []
        self._state = value
        world.restructure()

    def __getstate__(self) -> dict[str, Any]:
        assert self.state is self._state  # replayed steps are told of
        return dict(self.__dict__)

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {number: state}, "param_groups": [settings]}``, as PyTorch has it.

        Parameters are numbered through all groups, and stand in them as numbers. The tensors are
        the optimizer's own.
        """
        numbers: dict[Tensor, int] = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                numbers[param] = len(numbers)
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[param] for param in group["params"]]
            groups.append(packed)
        state = {numbers[param]: dict(each) for param, each in self.state.items() if each}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes over copies of a state and the settings that belong to it.

        Tensors are converted to their parameter's dtype. ValueError or TypeError for a state of
        other groups, sizes or shapes; then nothing was changed.
        """
        where = f"{self._name}.load_state_dict"
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(f"{where}: expected a dict with 'state' and 'param_groups'")
        given, states = state_dict["param_groups"], state_dict["state"]
        if not isinstance(states, Mapping):
            raise TypeError(f"{where}: 'state' is a dict; got {type(states).__name__}")
        if not isinstance(given, (list, tuple)):
            raise TypeError(f"{where}: 'param_groups' is a list; got {type(given).__name__}")
        if len(given) != len(self.param_groups):
            raise ValueError(f"{where}: {len(given)} parameter groups for {len(self.param_groups)}")
        groups: list[dict[str, Any]] = []
        by_number: dict[Any, Tensor] = {}
        for i, (old, new) in enumerate(zip(self.param_groups, given, strict=True)):
            if not isinstance(new, Mapping) or not isinstance(new.get("params"), (list, tuple)):
                raise ValueError(f"{where}: group {i} is no dict with a list of 'params'")
            there, have = len(new["params"]), len(old["params"])
            if there != have:
                raise ValueError(f"{where}: {there} parameters for {have} in group {i}")
            for number, param in zip(new["params"], old["params"], strict=True):
                if number in by_number:
                    raise ValueError(f"{where}: parameter {number!r} stands in the groups twice")
                by_number[number] = param
            group = Group({**self.defaults, **copy.deepcopy(dict(new)), "params": old["params"]})
            self._check(group)
            groups.append(group)
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        tensors = {name for group in groups for name in self._state_names(group)}
        for number, values in states.items():
            if number not in by_number:
                raise ValueError(f"{where}: there is a state of parameter {number!r}, but no such")
            if not isinstance(values, Mapping):
                raise TypeError(f"{where}: the state of parameter {number} is no dict")
            if self._rule and self._counts and values and "step" not in values:
                raise ValueError(f"{where}: the state of parameter {number} has no 'step'")
            param = by_number[number]
            state[param] = {
                name: _loaded(f"{where}: {name} of parameter {number}", name, value, param)
                for name, value in values.items()
            }
            for name in tensors & set(values):
                if not isinstance(values[name], Tensor | None):
                    raise TypeError(
                        f"{where}: {name} of parameter {number} is no tensor; got {values[name]!r}"
                    )
        self.param_groups = groups
        self.state = state

    def __repr__(self) -> str:
        lines = [f"{self._name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _loaded(what: str, name: str, value: Any, param: Tensor) -> Any:
    """A state of ``param`` as it is kept: the step an int, tensors of the parameter's shape."""
    if name == "step":
        number = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
        if isinstance(number, float) and number.is_integer():  # as PyTorch counts
            number = int(number)
        return checks.count(what, "the count", number)
    if not isinstance(value, Tensor):
        return copy.deepcopy(value)
    if value.shape != param.shape:
        raise ValueError(
            f"{what} has another shape than the parameter; got {tuple(value.shape)} and "
            f"{tuple(param.shape)}"
        )
    return value.detach().to(param.dtype, copy=True)
