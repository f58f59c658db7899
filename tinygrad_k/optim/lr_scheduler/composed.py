"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


def _together(
    name: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None
) -> list[LRScheduler]:
    """The schedules, checked to belong to one optimizer, this one if it is given."""
    if not schedulers:
        raise ValueError(f"{name}: expected one schedule or more; got none")
    for scheduler in schedulers:
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"{name}: expected schedules; got {type(scheduler).__name__}")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{name}: ReduceLROnPlateau needs a metric at each step")
        if scheduler.optimizer is not (optimizer or schedulers[0].optimizer):
            raise ValueError(f"{name}: the schedules belong to another optimizer")
    return list(schedulers)


class _Composed(LRScheduler):
    """What is made of ``_schedulers``: their states are a part of its own."""

    _unsaved = ("optimizer", "_schedulers")
    _schedulers: list[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def _check_state(self, state: Any) -> None:
        super()._check_state(state)
        states = state.get("_schedulers", ())
        if not isinstance(states, (list, tuple)) or len(states) != len(self._schedulers):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: expected a list of the states of "
                f"{len(self._schedulers)} schedules"
            )
        for scheduler, each in zip(self._schedulers, states, strict=True):
            scheduler._check_state(each)

    def _take_state(self, state: dict[str, Any]) -> None:
        for scheduler, each in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler._take_state(each)
        super()._take_state(state)


class SequentialLR(_Composed):
    """One schedule after the other: the i-th begins at ``milestones[i - 1]``."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "SequentialLR: there is one milestone less than schedules; got "
                f"{len(milestones)} and {len(schedulers)}"
            )
        self._schedulers = _together("SequentialLR", schedulers, optimizer)
        self._milestones = list(milestones)
        self._attach(optimizer, last_epoch)
        self.base_lrs = self._first.base_lrs
        self.last_epoch += 1
        self._first._restart()
        self._last_lr = self._lrs

    @property
    def _first(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, 0)]

    def _rewind(self) -> None:
        self.last_epoch = 0
        self._first._rewind()
        self._last_lr = self._lrs

    def step(self) -> None:
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[number]
        if number and self._milestones[number - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """All of several schedules of one optimizer at each step, in their order."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._schedulers = _together("ChainedScheduler", schedulers, optimizer)
        self.optimizer = self._schedulers[0].optimizer
        self.base_lrs = self._schedulers[0].base_lrs
        self.last_epoch = 0
        self._last_lr = self._lrs

    def step(self) -> None:
        self.last_epoch += 1
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._lrs

    def _rewind(self) -> None:
        self.last_epoch = 0
        for scheduler in self._schedulers:
            scheduler._rewind()
        self._last_lr = self._lrs
