"""Schedules that go up and down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...checks import check_number, count
from ..optimizer import Optimizer
from .base import LRScheduler, check_numbers, check_optimizer, for_each


def _set_momentum(group: Any, momentum: float) -> None:
    """Momentum, or where there is none Adam's first beta."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to ``eta_min`` in ``T_0`` steps, then from the top in ``T_mult`` times as
    many, and so on. Loshchilov and Hutter 2017.

    ``step`` may be given the epoch, also a fraction of one.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        count("CosineAnnealingWarmRestarts", "T_0", T_0, 1)
        count("CosineAnnealingWarmRestarts", "T_mult", T_mult, 1)
        check_numbers("CosineAnnealingWarmRestarts", eta_min=eta_min)
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_i = T_0
        self.T_cur: float = 0
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Goes on by one, or to an epoch, and sets the optimizer's rates."""
        now = self.last_epoch + 1 if epoch is None else epoch
        if now < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: the epoch cannot be {epoch}")
        self.last_epoch = math.floor(now)
        self.T_cur, self.T_i = now, self.T_0
        if self.T_mult == 1:
            self.T_cur = now % self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        self._set(self.get_lr())

    def _rewind(self) -> None:
        self.step(0)


class OneCycleLR(LRScheduler):
    """Up from max_lr / div_factor to ``max_lr``, then down to the start over final_div_factor.

    Smith and Topin 2018. The way takes ``total_steps``, or ``epochs * steps_per_epoch``, one step
    a batch; ``pct_start`` of it leads up. With ``three_phase`` it comes down as it went up, and
    then to the end. ``cycle_momentum`` moves momentum, or the first beta, the other way.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("OneCycleLR", optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            count("OneCycleLR", "epochs", epochs, 1)
            count("OneCycleLR", "steps_per_epoch", steps_per_epoch, 1)
            total_steps = epochs * steps_per_epoch
        count("OneCycleLR", "total_steps", total_steps, 1)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be in 0 to 1; got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy must be 'cos' or 'linear'; got {anneal_strategy!r}"
            )
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        # (the step it ends at, key of the rate it starts from, of the rate it leads to; the same of
        # the momentum)
        up = float(pct_start * total_steps) - 1
        if three_phase:
            self.phases = [
                (up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                (2 * up, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                (total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self.phases = [
                (up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                (total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"),
            ]
        if last_epoch == -1:
            momenta = (base_momentum, max_momentum) if cycle_momentum else None
            settings = self._settings(optimizer, max_lr, div_factor, final_div_factor, momenta)
            for group, own in zip(optimizer.param_groups, settings, strict=True):
                group.update(own)
        super().__init__(optimizer, last_epoch)

    @staticmethod
    def _settings(
        optimizer: Optimizer,
        max_lr: Any,
        div_factor: float,
        final_div_factor: float,
        momenta: tuple[Any, Any] | None,
    ) -> list[dict[str, float]]:
        """What is written into the groups: for each a dict. All mistakes are found here."""
        groups = optimizer.param_groups
        for what, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            check_number("OneCycleLR", what, value)
            if value == 0:
                raise ValueError(f"OneCycleLR: {what} must be above 0; got {value}")
        settings: list[dict[str, float]] = []
        for top in for_each("max_lr", groups, max_lr):
            check_number("OneCycleLR", "max_lr", top)
            low = top / div_factor
            settings.append({"initial_lr": low, "max_lr": top, "min_lr": low / final_div_factor})
        if momenta is None:
            return settings
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("OneCycleLR: the optimizer has no momentum; cycle_momentum=False")
        for what, value in zip(("base_momentum", "max_momentum"), momenta, strict=True):
            for group, own, each in zip(
                groups, settings, for_each(what, groups, value), strict=True
            ):
                check_number("OneCycleLR", what, each, below=1.0 if "betas" in group else None)
                own[what] = each
        return settings

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * share
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: step {t} of a schedule of {self.total_steps} steps")
        begin = 0.0
        for phase in self.phases:
            if t <= phase[0] or phase is self.phases[-1]:
                break
            begin = phase[0]
        end, *keys = phase
        share = (t - begin) / (end - begin) if end != begin else 1.0
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[keys[0]], group[keys[1]], share))
            if self.cycle_momentum:
                momentum = self._between(group[keys[2]], group[keys[3]], share)
                _set_momentum(group, momentum)
        return rates


class CyclicLR(LRScheduler):
    """Up from ``base_lr`` to ``max_lr`` in ``step_size_up`` steps, down in ``step_size_down``.

    Smith 2017. The height of a cycle is scaled by 1 in mode ``"triangular"``, halved at each cycle
    in ``"triangular2"``, and gamma ** step in ``"exp_range"``; or by ``scale_fn``, of the cycle's
    number (from 1) or with ``scale_mode="iterations"`` of the step's. ``cycle_momentum`` moves
    momentum, or the first beta, the other way. ``scale_fn`` is not in the state dict.
    """

    _unsaved = ("optimizer", "_scale")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("CyclicLR", optimizer)
        check_numbers("CyclicLR", gamma=gamma)
        down = step_size_up if step_size_down is None else step_size_down
        self.step_size_up = count("CyclicLR", "step_size_up", step_size_up, 1)
        self.step_size_down = count("CyclicLR", "step_size_down", down, 1)
        modes: dict[str, tuple[Callable[[float], float], str]] = {
            "triangular": (lambda cycle: 1.0, "cycle"),
            "triangular2": (lambda cycle: 0.5 ** (cycle - 1), "cycle"),
            "exp_range": (lambda step: gamma**step, "iterations"),
        }
        if mode not in modes and scale_fn is None:
            raise ValueError(f"CyclicLR: mode must be one of {', '.join(modes)}; got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(
                f"CyclicLR: scale_mode must be 'cycle' or 'iterations'; got {scale_mode!r}"
            )
        self._scale, self.scale_mode = modes[mode] if scale_fn is None else (scale_fn, scale_mode)
        groups = optimizer.param_groups
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not all({"momentum", "betas"} & set(group) for group in groups):
            raise ValueError("CyclicLR: the optimizer has no momentum; cycle_momentum=False")

        def values(name: str, given: Any) -> list[float]:
            found = for_each(f"CyclicLR: {name}", groups, given)
            for each in found:
                check_number("CyclicLR", name, each)
            return found

        low, self.max_lrs = values("base_lr", base_lr), values("max_lr", max_lr)
        self.base_momentums = values("base_momentum", base_momentum)
        self.max_momentums = values("max_momentum", max_momentum)
        if last_epoch == -1:
            for group, rate in zip(groups, low, strict=True):
                group.update(lr=rate, initial_lr=rate)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = low

    def get_lr(self) -> list[float]:
        cycle, at = divmod(self.last_epoch, self.step_size_up + self.step_size_down)
        way = at - self.step_size_up
        share = 1 - way / self.step_size_down if way > 0 else at / self.step_size_up
        share *= self._scale(cycle + 1 if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, momenta, strict=True):
                _set_momentum(group, high - (high - low) * share)
        limits = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * share for low, high in limits]
