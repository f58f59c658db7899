"""The schedule that looks at a metric."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_numbers, check_optimizer, for_each


class ReduceLROnPlateau(LRScheduler):
    """Times ``factor`` when a metric has not become better for more than ``patience`` steps.

    ``mode`` ``"min"`` or ``"max"`` says what is better, by more than ``threshold``, which is
    relative (``"rel"``) or absolute (``"abs"``). After a reduction ``cooldown`` steps do not
    count. Rates stay at least ``min_lr``, one or one for each group, and as they are where the
    change would be at most ``eps``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0,
        eps: float = 1e-8,
    ) -> None:
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1; got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max'; got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs'; got {threshold_mode!r}"
            )
        check_optimizer("ReduceLROnPlateau", optimizer)
        check_numbers(
            "ReduceLROnPlateau", patience=patience, threshold=threshold, cooldown=cooldown, eps=eps
        )
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = for_each("min_lr", optimizer.param_groups, min_lr)
        for each in self.min_lrs:
            check_numbers("ReduceLROnPlateau", min_lr=each)
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self._lrs

    @property
    def in_cooldown(self) -> bool:
        """Whether steps do not count."""
        return self.cooldown_counter > 0

    def is_better(self, value: float, best: float) -> bool:
        """Whether a metric is better than the best so far."""
        if self.mode == "min":
            if self.threshold_mode == "rel":
                return value < best * (1 - self.threshold)
            return value < best - self.threshold
        if self.threshold_mode == "rel":
            return value > best * (1 + self.threshold)
        return value > best + self.threshold

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Notes a metric, a number or a tensor of one element, and sets the optimizer's rates."""
        value = float(metrics)
        self.last_epoch += 1
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            lowered = [
                max(rate * self.factor, least)
                for rate, least in zip(self._lrs, self.min_lrs, strict=True)
            ]
            self._set(
                new if old - new > self.eps else old
                for old, new in zip(self._lrs, lowered, strict=True)
            )
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._lrs
