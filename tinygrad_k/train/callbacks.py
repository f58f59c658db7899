"""What can be done between the epochs of a training run."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from ..checks import check_number, count
from ..io import save
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Base class of callbacks; every method is optional.

    `trainer.model`, `.optimizer` and `.history` may be read and changed; setting `trainer.stop` to
    True ends the run after the epoch. `on_fit_end` is called however the run ends, also by an
    exception, for every callback whose `on_fit_begin` has returned.
    """

    @property
    def follows_batches(self) -> bool:
        """Whether `on_batch_end` does something; if not, an epoch may be one call to C."""
        return type(self).on_batch_end is not Callback.on_batch_end

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch; `trainer.history` has its names, and no entries yet."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before an epoch; `epoch` counts from 0."""

    def on_batch_end(self, trainer: Trainer, batch: int) -> None:
        """After an optimizer step; `batch` counts from 0 in each epoch."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        """After an epoch and its validation; `logs` are the newest entries of the history."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch."""


class _Monitor:
    """The best value so far of one entry of the history. NaN is never better."""

    def __init__(self, owner: str, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{owner}: mode is 'auto', 'min' or 'max'; got {mode!r}")
        check_number(owner, "min_delta", min_delta)
        if mode == "auto":
            known = monitor.removeprefix("val_")
            if known not in ("loss", "mae", "mse", "accuracy"):
                raise ValueError(
                    f"{owner}: whether less or more of {monitor!r} is better is not known; "
                    "give mode='min' or mode='max'"
                )
            mode = "max" if known == "accuracy" else "min"
        self.owner = owner
        self.monitor = monitor
        self.sign = -1.0 if mode == "max" else 1.0
        self.min_delta = min_delta
        self.best: float | None = None

    def begin(self, trainer: Trainer) -> None:
        """Forgets the last run, and checks that this one has the entry."""
        self.best = None
        _check_monitor(self.owner, self.monitor, trainer)

    def improved(self, logs: dict[str, float]) -> bool:
        """Whether the entry is better than the best by more than min_delta; keeps it if so."""
        value = logs[self.monitor]
        if self.best is None:
            better = value == value
        else:
            better = self.sign * (self.best - value) > self.min_delta
        if better:
            self.best = value
        return better


class EarlyStopping(Callback):
    """Ends the run when `monitor` has not improved for `patience` epochs in a row.

    Less is better for a loss, mae or mse and more for an accuracy (`mode="auto"`), or as `mode`
    says; an improvement counts from `min_delta` up. With `restore_best` the model has the weights
    of the best epoch when the run ends, however it ends. After the run `best` and `best_epoch`
    (from 0) tell the best, and `stopped_epoch` where it stopped, or None.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        self.patience = count("EarlyStopping", "patience", patience, 1)
        self.restore_best = restore_best
        self._monitor = _Monitor("EarlyStopping", monitor, mode, min_delta)
        self._reset()

    def _reset(self) -> None:
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._waited = 0
        self._weights: dict[str, Any] | None = None

    @property
    def best(self) -> float | None:
        """The best value of the monitored entry, None before the first epoch."""
        return self._monitor.best

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._reset()
        self._monitor.begin(trainer)

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        if self._monitor.improved(logs):
            self.best_epoch, self._waited = epoch, 0
            if self.restore_best:
                state = trainer.model.state_dict()
                self._weights = {name: value.detach().clone() for name, value in state.items()}
            return
        self._waited += 1
        if self._waited >= self.patience:
            self.stopped_epoch = epoch
            trainer.stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._weights is not None:
            trainer.model.load_state_dict(self._weights)
            self._weights = None


class ModelCheckpoint(Callback):
    """Saves `model.state_dict()` to `path` after each epoch, or only after the best so far.

    `path` may have fields for the epoch (from 0) and the entries of the history, as in
    `"model-{epoch:03d}-{val_loss:.3f}.safetensors"`. `mode` as for `EarlyStopping`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        self.path = os.fsdecode(path)
        self._monitor = _Monitor("ModelCheckpoint", monitor, mode) if save_best_only else None

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self._monitor is not None:
            self._monitor.begin(trainer)
        try:
            path = self.path.format(epoch=0, **dict.fromkeys(trainer.history, 0.0))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(
                f"ModelCheckpoint: {self.path!r} cannot be filled in with epoch, "
                f"{', '.join(trainer.history)}; {type(error).__name__}: {error}"
            ) from None
        directory = os.path.dirname(path)
        if "{" not in os.path.dirname(self.path) and not os.path.isdir(directory or "."):
            raise FileNotFoundError(f"ModelCheckpoint: there is no directory {directory}")

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        if self._monitor is None or self._monitor.improved(logs):
            save(trainer.model.state_dict(), self.path.format(epoch=epoch, **logs))


class LRSchedulerCallback(Callback):
    """Steps a learning-rate scheduler after each epoch, or each batch with `every="batch"`.

    `ReduceLROnPlateau` gets the entry `monitor` of the history, which only an epoch has.
    """

    def __init__(self, scheduler: Any, monitor: str = "val_loss", every: str = "epoch") -> None:
        if every not in ("epoch", "batch"):
            raise ValueError(f"LRSchedulerCallback: every is 'epoch' or 'batch'; got {every!r}")
        if not callable(getattr(scheduler, "step", None)):
            raise TypeError(
                f"LRSchedulerCallback: a scheduler has a step; got {type(scheduler).__name__}"
            )
        self._plateau = isinstance(scheduler, ReduceLROnPlateau)
        if self._plateau and every == "batch":
            raise ValueError("LRSchedulerCallback: ReduceLROnPlateau steps every epoch")
        self.scheduler = scheduler
        self.monitor = monitor
        self.every = every

    @property
    def follows_batches(self) -> bool:
        """Whether it steps after each batch."""
        return self.every == "batch"

    def on_fit_begin(self, trainer: Trainer) -> None:
        ours = isinstance(self.scheduler, LRScheduler)
        if ours and self.scheduler.optimizer is not trainer.optimizer:
            raise ValueError("LRSchedulerCallback: the scheduler belongs to another optimizer")
        if self._plateau:
            _check_monitor("LRSchedulerCallback", self.monitor, trainer)

    def on_batch_end(self, trainer: Trainer, batch: int) -> None:
        if self.follows_batches:
            self.scheduler.step()

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        if self._plateau:
            self.scheduler.step(logs[self.monitor])
        elif self.every == "epoch":
            self.scheduler.step()


class CSVLogger(Callback):
    """Writes the history to a CSV file, a row per epoch as soon as it is finished.

    The columns are `epoch` (from 0) and the names of the history. A file that is there is
    overwritten when a run begins, or with `append` continued, if its columns are the same.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = os.fspath(path)
        self.append = append
        self._file: IO[str] | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        import csv

        columns = ["epoch", *trainer.history]
        old: list[str] = []
        if self.append and os.path.exists(self.path):
            with open(self.path, newline="", encoding="utf-8") as file:
                old = next(csv.reader(file), [])
            if old and old != columns:
                raise ValueError(
                    f"CSVLogger: columns differ; {self.path} has {old}, the run {columns}"
                )
        mode = "a" if self.append else "w"
        self._file = open(self.path, mode, newline="", encoding="utf-8")  # noqa: SIM115
        if not old:
            self._write(columns)

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        self._write([epoch, *logs.values()])

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, row: list[Any]) -> None:
        import csv

        assert self._file is not None
        csv.writer(self._file).writerow(row)
        self._file.flush()


def _check_monitor(owner: str, monitor: str, trainer: Trainer) -> None:
    if monitor not in trainer.history:
        hint = "; pass validation= to fit" if monitor.startswith("val_") else ""
        raise ValueError(
            f"{owner}: there is no {monitor!r} among {', '.join(trainer.history)}{hint}"
        )
