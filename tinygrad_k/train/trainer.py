"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack, contextmanager
from typing import Any

from ..autograd import no_grad
from ..backend import float64
from ..nn import Module
from ..ops.comparison import where
from ..ops.creation import tensor
from ..ops.join import cat
from ..optim import Optimizer
from ..tensor import Tensor
from .callbacks import Callback
from .feed import batches, split_batch, to_input
from .history import History
from .interrupt import Interrupts
from .progress import Progress

Measure = Callable[[Any, Any], Any]


class Trainer:
    """Trains a model with an optimizer on a loss: `fit`, `evaluate`, `predict`.

    `loss(output, target)` gives a scalar tensor, the mean over a batch (or the sum, if it has
    `reduction="sum"`); each of `metrics`, callables or a dict of them by name, a mean over a batch
    as a scalar tensor or a number. Reported values are means over the samples: batches count by
    their size. A loss whose mean is over something else says what it divides by with a method
    `mean_over(output, target)`, as CrossEntropyLoss does for class weights and ignored labels: the
    reported loss is then the one of all samples as a single batch. `history` is the History of the
    last or running `fit`; also after an exception or Ctrl-C it holds the finished epochs, and the
    model is as the last whole step left it.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Measure,
        metrics: Sequence[Measure] | Mapping[str, Measure] = (),
    ) -> None:
        for what, value, kind in (("model", model, Module), ("optimizer", optimizer, Optimizer)):
            if not isinstance(value, kind):
                raise TypeError(
                    f"Trainer: {what} is not of class {kind.__name__}; got {type(value).__name__}"
                )
        if not callable(loss):
            raise TypeError(f"Trainer: loss is callable; got {type(loss).__name__}")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = _named(metrics)
        self.history = History()
        self.stop = False
        self._names = ["loss", *self.metrics]
        self._summed = getattr(loss, "reduction", "mean") == "sum"
        self._mean_over = None if self._summed else getattr(loss, "mean_over", None)

    def fit(
        self,
        train: Any,
        validation: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        callbacks: Iterable[Callback] = (),
        shuffle: bool = True,
        progress: bool | None = None,
    ) -> History:
        """Trains for `epochs` passes over `train`, and returns what happened in each.

        `train` and `validation` are `(X, y)` of tensors or arrays, a dataset, or a DataLoader,
        which brings its own batch size and order. Floating arrays take the dtype of the model's
        weights; tensors are used as they are. A batch of more than two has several inputs:
        `(x1, x2, y)` calls `model(x1, x2)`. Training values are of the running epoch, in training
        mode; validation is in evaluation mode at the epoch's end. Afterwards every module has the
        mode it had. `progress`: None a line per epoch, and on a terminal a bar; True a bar
        anywhere; False nothing.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"fit: epochs is an int, at least 1; got {epochs!r}")
        callbacks = list(callbacks)
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"fit: callbacks are Callback objects; got {callback!r}")
        loader = batches("fit", train, self.model, batch_size, shuffle)
        check = None
        names = list(self._names)
        if validation is not None:
            check = batches("fit", validation, self.model, batch_size, False)
            names += [f"val_{name}" for name in self._names]
        self.history = History([*names, "lr", "seconds"])
        self.stop = False

        show = Progress(progress, epochs)
        with Interrupts() as interrupts, ExitStack() as stack:
            for callback in callbacks:
                callback.on_fit_begin(self)
                stack.callback(callback.on_fit_end, self)
            stack.push(interrupts.hold_endings)  # so that they are not cut short
            stack.callback(show.close)
            for epoch in range(epochs):
                for callback in callbacks:
                    callback.on_epoch_begin(self, epoch)
                start = time.perf_counter()
                rate = float(self.optimizer.param_groups[0]["lr"])
                show.begin(epoch, len(loader) if isinstance(loader, Sized) else None)
                logs = self._train_epoch(loader, callbacks, interrupts, show)
                if check is not None:
                    values = self._measure("fit", check, interrupts)
                    logs.update((f"val_{name}", value) for name, value in values.items())
                logs.update(lr=rate, seconds=time.perf_counter() - start)
                self.history.append(logs)
                show.end(epoch, logs)
                for callback in callbacks:
                    callback.on_epoch_end(self, epoch, logs)
                if self.stop:
                    break
        return self.history

    def evaluate(self, data: Any, batch_size: int = 32) -> dict[str, float]:
        """Loss and metrics on `data` (as in `fit`), in evaluation mode and without gradients."""
        loader = batches("evaluate", data, self.model, batch_size, False)
        with Interrupts() as interrupts:
            return self._measure("evaluate", loader, interrupts)

    def predict(self, X: Any, batch_size: int = 32) -> Tensor:
        """The model's outputs for the rows of `X`, in evaluation mode and without gradients."""
        rows = to_input(X, self.model)
        if not rows.ndim:
            raise ValueError("predict: X has a first dimension, of rows; got a scalar")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"predict: batch_size is an int, at least 1; got {batch_size!r}")
        with _mode(self.model, False), no_grad():
            # Without rows there is still one call, for the shape of the outputs.
            starts = range(0, max(1, rows.shape[0]), batch_size)
            outputs = [self.model(rows[low : low + batch_size]) for low in starts]
            return outputs[0] if len(outputs) == 1 else cat(outputs)

    def _train_epoch(
        self,
        loader: Iterable[Any],
        callbacks: list[Callback],
        interrupts: Interrupts,
        show: Progress,
    ) -> dict[str, float]:
        means = _Means(self._names)
        each = [c for c in callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        with _mode(self.model, True):
            for number, batch in enumerate(loader):
                inputs, target, n = split_batch("fit", batch)
                interrupts.hold()
                try:
                    output = self.model(*inputs)
                    loss = self.loss(output, target)
                    _check_loss(loss)
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                finally:
                    interrupts.release()
                self._count(means, output, target, loss, n)
                for callback in each:
                    callback.on_batch_end(self, number)
                show.step()
        return means.result("fit")

    def _measure(
        self, name: str, loader: Iterable[Any], interrupts: Interrupts
    ) -> dict[str, float]:
        means = _Means(self._names)
        with _mode(self.model, False), no_grad():
            for batch in loader:
                inputs, target, n = split_batch(name, batch)
                output = self.model(*inputs)
                loss = self.loss(output, target)
                _check_loss(loss)
                self._count(means, output, target, loss, n)
                interrupts.release()
        return means.result(name)

    def _count(self, means: _Means, output: Any, target: Any, loss: Tensor, n: int) -> None:
        with no_grad():
            first: tuple[Any, Any] = (_wide(loss) * n, n)
            if self._summed:
                first = (loss.double(), n)
            elif self._mean_over is not None:
                over = tensor(self._mean_over(output, target), dtype=float64)
                # A batch in which no label counts has no mean, and adds nothing.
                first = (where(over == 0.0, 0.0, loss.double() * over), over)
            values = [metric(output, target) for metric in self.metrics.values()]
            means.add(n, [first, *((_wide(value) * n, n) for value in values)])


class _Means:
    """Sums over batches and what they are of, kept as float64 tensors: nothing is read back before
    the end."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.totals: list[Any] = [0.0] * len(names)
        self.counts: list[Any] = [0] * len(names)
        self.rows = 0

    def add(self, rows: int, values: list[tuple[Any, Any]]) -> None:
        """Adds a batch: for each name a sum and the number or weight of what was summed."""
        self.rows += rows
        for i, (total, count) in enumerate(values):
            self.totals[i] = self.totals[i] + total
            self.counts[i] = self.counts[i] + count

    def result(self, name: str) -> dict[str, float]:
        if not self.rows:
            raise ValueError(f"{name}: the data gave no rows (an exhausted iterator, or drop_last)")
        pairs = zip(self.totals, self.counts, strict=True)
        values = [float(total) / float(count) if count else math.nan for total, count in pairs]
        return dict(zip(self.names, values, strict=True))


def _wide(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) else float(value)


@contextmanager
def _mode(model: Module, training: bool) -> Iterator[None]:
    """Every module in training or evaluation mode, and afterwards as it was."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, flag in before:
            module.training = flag


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, Tensor) or loss.ndim:
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"Trainer: the loss of a batch is a scalar tensor; got {got}")


def _named(metrics: Sequence[Measure] | Mapping[str, Measure]) -> dict[str, Measure]:
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    else:
        pairs = [(getattr(metric, "__name__", type(metric).__name__), metric) for metric in metrics]
    for name, metric in pairs:
        if not callable(metric):
            raise TypeError(f"Trainer: metrics are callables; got {metric!r}")
        if name in ("loss", "lr", "seconds", "epoch") or name.startswith("val_"):
            raise ValueError(f"Trainer: the history uses the name {name!r} itself")
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError(
            f"Trainer: metrics with the same name; got {[name for name, _ in pairs]}; "
            "give a dict of names"
        )
    return named
