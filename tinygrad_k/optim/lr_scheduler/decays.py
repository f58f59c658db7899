"""Schedules that lead from the initial rate to another, once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...checks import check_number, count
from ..optimizer import Optimizer
from .base import LRScheduler, check_numbers, check_optimizer


def _functions(name: str, optimizer: Optimizer, given: Any) -> list[Any]:
    """One function for each group, of one for all or a list of them."""
    check_optimizer(name, optimizer)
    n = len(optimizer.param_groups)
    functions = list(given) if isinstance(given, (list, tuple)) else [given] * n
    if len(functions) != n:
        raise ValueError(f"{name}: {len(functions)} functions for {n} groups")
    for each in functions:
        if not callable(each):
            raise TypeError(f"{name}: expected functions; got {type(each).__name__}")
    return functions


class LambdaLR(LRScheduler):
    """The initial rate times ``lr_lambda(last_epoch)``; one function, or one for each group.

    Functions are not in the state dict.
    """

    _unsaved = ("optimizer", "lr_lambdas")

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = _functions("LambdaLR", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.lr_lambdas, self.base_lrs, strict=True)
        return [base * function(self.last_epoch) for function, base in pairs]


class MultiplicativeLR(LRScheduler):
    """The present rate times ``lr_lambda(last_epoch)``; one function, or one for each group.

    Functions are not in the state dict.
    """

    _unsaved = ("optimizer", "lr_lambdas")

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = _functions("MultiplicativeLR", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._lrs
        pairs = zip(self.lr_lambdas, self._lrs, strict=True)
        return [rate * function(self.last_epoch) for function, rate in pairs]


class StepLR(LRScheduler):
    """Times ``gamma`` every ``step_size`` steps."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        count("StepLR", "step_size", step_size, 1)
        check_numbers("StepLR", gamma=gamma)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._lrs
        return [rate * self.gamma for rate in self._lrs]


class MultiStepLR(LRScheduler):
    """Times ``gamma`` at each of the ``milestones``."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(milestones)
        check_numbers("MultiStepLR", gamma=gamma)
        for each in self.milestones:
            check_numbers("MultiStepLR", milestones=each)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        times = Counter(self.milestones)[self.last_epoch]
        return [rate * self.gamma**times for rate in self._lrs] if times else self._lrs


class ConstantLR(LRScheduler):
    """The initial rate times ``factor`` for ``total_iters`` steps, then the initial rate."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: factor must be above 0 and at most 1; got {factor}")
        count("ConstantLR", "total_iters", total_iters)
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [rate * self.factor for rate in self._lrs]
        if self.last_epoch == self.total_iters:
            return [rate / self.factor for rate in self._lrs]
        return self._lrs


class LinearLR(LRScheduler):
    """The initial rate times a factor that goes evenly to its end in ``total_iters`` steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor must be above 0 and at most 1; got {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be in 0 to 1; got {end_factor}")
        count("LinearLR", "total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters if self.total_iters else 1.0
        return self.start_factor + (self.end_factor - self.start_factor) * share

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [rate * self.start_factor for rate in self._lrs]
        if self.last_epoch > self.total_iters:
            return self._lrs
        change = self._factor(self.last_epoch) / self._factor(self.last_epoch - 1)
        return [rate * change for rate in self._lrs]


class PolynomialLR(LRScheduler):
    """The initial rate times (1 - t / total_iters) ** power; 0 from ``total_iters`` steps on."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = count("PolynomialLR", "total_iters", total_iters, 1)
        check_number("PolynomialLR", "power", power)
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, n = self.last_epoch, self.total_iters
        if t == 0 or t > n:
            return self._lrs
        change = ((1.0 - t / n) / (1.0 - (t - 1) / n)) ** self.power
        return [rate * change for rate in self._lrs]


class ExponentialLR(LRScheduler):
    """Times ``gamma`` at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        check_numbers("ExponentialLR", gamma=gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [rate * self.gamma for rate in self._lrs] if self.last_epoch else self._lrs


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate down to ``eta_min`` in ``T_max`` steps, and up again.

    eta_min + (initial - eta_min) (1 + cos(pi t / T_max)) / 2: Loshchilov and Hutter 2017, eq. 5.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        count("CosineAnnealingLR", "T_max", T_max, 1)
        check_numbers("CosineAnnealingLR", eta_min=eta_min)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, period, low = self.last_epoch, self.T_max, self.eta_min
        if t == 0:
            return self._lrs
        if (t - 1 - period) % (2 * period) == 0:  # from the bottom there is no ratio to go up by
            rise = (1 - math.cos(math.pi / period)) / 2
            pairs = zip(self._lrs, self.base_lrs, strict=True)
            return [rate + (base - low) * rise for rate, base in pairs]
        change = (1 + math.cos(math.pi * t / period)) / (1 + math.cos(math.pi * (t - 1) / period))
        return [low + (rate - low) * change for rate in self._lrs]
