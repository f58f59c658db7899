"""Learning-rate schedules: after each epoch, or batch, ``scheduler.step()``.

Most compute the new rate from the present one, so that several may act on one optimizer, and a rate
set by hand stays.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..checks import check_number, count
from .optimizer import Optimizer

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


def _check_optimizer(owner: str, optimizer: Any) -> None:
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
        _check_optimizer(name, optimizer)
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
        self.last_epoch = 0
        self._set(self.base_lrs)
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

    def _take_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class LambdaLR(LRScheduler):
    """The initial rate times ``lr_lambda(last_epoch)``; one function, or one for each group.

    Functions are not in the state dict.
    """

    _unsaved = ("optimizer", "lr_lambdas")

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        _check_optimizer("LambdaLR", optimizer)
        n = len(optimizer.param_groups)
        self.lr_lambdas = (
            list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * n
        )
        if len(self.lr_lambdas) != n:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {n} groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        pairs = zip(self.lr_lambdas, self.base_lrs, strict=True)
        return [base * function(self.last_epoch) for function, base in pairs]


class StepLR(LRScheduler):
    """Times ``gamma`` every ``step_size`` steps."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        count("StepLR", "step_size", step_size, 1)
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


class ExponentialLR(LRScheduler):
    """Times ``gamma`` at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
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

    def _restart(self) -> None:
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
        _check_optimizer("OneCycleLR", optimizer)
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
        for top in _for_each("max_lr", groups, max_lr):
            check_number("OneCycleLR", "max_lr", top)
            low = top / div_factor
            settings.append({"initial_lr": low, "max_lr": top, "min_lr": low / final_div_factor})
        if momenta is None:
            return settings
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError("OneCycleLR: the optimizer has no momentum; cycle_momentum=False")
        for what, value in zip(("base_momentum", "max_momentum"), momenta, strict=True):
            for group, own, each in zip(
                groups, settings, _for_each(what, groups, value), strict=True
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
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return rates


def _for_each(name: str, groups: Sequence[Any], value: Any) -> list[float]:
    """One value for each group, of one for all or a list of them."""
    if not isinstance(value, (list, tuple)):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise ValueError(f"{name}: {len(value)} values for {len(groups)} groups")
    return list(value)


class SequentialLR(LRScheduler):
    """One schedule after the other: the i-th begins at ``milestones[i - 1]``."""

    _unsaved = ("optimizer", "_schedulers")

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "SequentialLR: there is one milestone less than schedules; got "
                f"{len(milestones)} and {len(schedulers)}"
            )
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError("SequentialLR: ReduceLROnPlateau needs a metric at each step")
            if scheduler.optimizer is not optimizer:
                raise ValueError("SequentialLR: the schedules belong to another optimizer")
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self._attach(optimizer, last_epoch)
        self.last_epoch += 1
        self._begin()

    def _restart(self) -> None:
        self.last_epoch = 0
        self._begin()

    def _begin(self) -> None:
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._restart()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[number]
        if number and self._milestones[number - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def _check_state(self, state: Any) -> None:
        super()._check_state(state)
        states = state.get("_schedulers", ())
        if not isinstance(states, (list, tuple)) or len(states) != len(self._schedulers):
            raise ValueError(
                "SequentialLR.load_state_dict: expected a list of the states of "
                f"{len(self._schedulers)} schedules"
            )
        for scheduler, each in zip(self._schedulers, states, strict=True):
            scheduler._check_state(each)

    def _take_state(self, state: dict[str, Any]) -> None:
        for scheduler, each in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler._take_state(each)
        super()._take_state(state)


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
        _check_optimizer("ReduceLROnPlateau", optimizer)
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = _for_each("min_lr", optimizer.param_groups, min_lr)
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
