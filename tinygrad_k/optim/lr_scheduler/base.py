"""What all schedules share: the rates at the start, steps and states."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...checks import check_number, count
from ..optimizer import Optimizer


def check_optimizer(owner: str, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{owner}: expected an Optimizer; got {type(optimizer).__name__}")


class LRScheduler:
    """Base of the schedules. ``last_epoch`` counts the steps; subclasses define ``get_lr``.

    The constructor sets the first rates. To go on with a run, load the state dicts of optimizer and
    schedule; or give ``last_epoch``, where the groups must have their ``initial_lr``.
    """

    _unsaved: tuple[str, ...] = ("optimizer",)  # attributes that are no part of the state

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer, last_epoch)
        self.step()

    def _attach(self, optimizer: Optimizer, last_epoch: int) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        count(name, "last_epoch", last_epoch, -1)
        self.optimizer = optimizer
        self.last_epoch = last_epoch
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"{name}: group {i} has no 'initial_lr', which last_epoch needs")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]

    @property
    def _lrs(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float]:
        """The rates of the groups at ``last_epoch``, computed from their present ones."""
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """The rates that the last step has set."""
        return self._last_lr

    def step(self) -> None:
        """Goes on by one, and sets the optimizer's rates."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def _set(self, rates: Iterable[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._lrs

    def _restart(self) -> None:
        """Begins again, whatever the rates are now."""
        self._set(self.base_lrs)
        self._rewind()

    def _rewind(self) -> None:
        """Begins again from the present rates."""
        self.last_epoch = 0
        self._set(self.get_lr())

    def state_dict(self) -> dict[str, Any]:
        """All that ``load_state_dict`` needs: copies of plain values."""
        own = {key: value for key, value in self.__dict__.items() if key not in self._unsaved}
        return copy.deepcopy(own)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a copy of a state; the optimizer's rates are in the optimizer's own.

        ValueError or TypeError for the state of another schedule; then nothing was changed.
        """
        self._check_state(state_dict)
        self._take_state(copy.deepcopy(dict(state_dict)))

    def _check_state(self, state: Any) -> None:
        where = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state, Mapping):
            raise TypeError(f"{where}: expected a dict; got {type(state).__name__}")
        unknown = sorted(map(str, set(state) - (set(self.__dict__) - {"optimizer"})))
        if unknown:
            raise ValueError(f"{where}: unknown: {unknown}")
        for name, value in state.items():
            present = self.__dict__[name]
            kind = (int, float) if isinstance(present, (int, float)) else type(present)
            if not isinstance(value, kind):
                raise TypeError(f"{where}: {name} is like {present!r}; got {value!r}")
        groups = len(self.optimizer.param_groups)
        for rates in (state[name] for name in ("base_lrs", "_last_lr") if name in state):
            if len(rates) != groups:
                raise ValueError(f"{where}: {len(rates)} rates for {groups} groups")

    def _take_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def check_numbers(owner: str, **given: Any) -> None:
    """TypeError or ValueError unless all are numbers and none is NaN."""
    for name, value in given.items():
        check_number(owner, name, value, least=-math.inf)


def for_each(name: str, groups: Sequence[Any], value: Any) -> list[float]:
    """One value for each group, of one for all or a list of them."""
    if not isinstance(value, (list, tuple)):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise ValueError(f"{name}: {len(value)} values for {len(groups)} groups")
    return list(value)
