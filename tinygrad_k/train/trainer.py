"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack, contextmanager
from operator import is_not
from types import FunctionType
from typing import Any

from .. import capture
from ..autograd import no_grad
from ..backend import float64
from ..capture import Compiled, over_batches
from ..checks import count
from ..data import DataLoader
from ..data.dataset import tensors_of
from ..nn import Module
from ..ops.comparison import where
from ..ops.creation import tensor
from ..ops.join import cat
from ..ops.ranges import arange
from ..optim import Optimizer
from ..tensor import Tensor
from .callbacks import Callback
from .feed import batches, split_batch, to_input
from .history import History
from .interrupt import Interrupts
from .progress import Progress

Measure = Callable[[Any, Any], Any]
KINDS: dict[str, type] = {"model": Module, "optimizer": Optimizer}


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

    Steps are recorded and replayed from C (see `tk.compile`), data in memory a whole epoch at a
    time, with the same results. `compile`: None does so where model, loss, metrics and optimizer
    are all of this package, so that no Python code of others would be left out; True always, False
    never.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Measure,
        metrics: Sequence[Measure] | Mapping[str, Measure] = (),
        *,
        compile: bool | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = _named(metrics)
        self.history = History()
        self.stop = False
        self._compile = compile
        self._compiled: dict[str, Compiled] = {}
        self._compiled_for: list[Any] = []

    def __setattr__(self, name: str, value: Any) -> None:
        """Each part may be replaced at any time; what comes afterwards is of the new one."""
        if name in KINDS and not isinstance(value, KINDS[name]):
            raise TypeError(
                f"Trainer: {name} is not of class {KINDS[name].__name__}; "
                f"got {type(value).__name__}"
            )
        if name == "loss" and not callable(value):
            raise TypeError(f"Trainer: loss is callable; got {type(value).__name__}")
        object.__setattr__(self, name, _named(value) if name == "metrics" else value)

    @property
    def _names(self) -> list[str]:
        return ["loss", *self.metrics]

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
        epochs = count("fit", "epochs", epochs, 1)
        if isinstance(callbacks, Callback):
            raise TypeError("fit: callbacks is a list of them; got one")
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
        batch_size = count("predict", "batch_size", batch_size, 1)
        with _mode(self.model, False), no_grad():
            # Without rows there is still one call, for the shape of the outputs.
            starts = range(0, max(1, rows.shape[0]), batch_size)
            forward = self._step("_forward")
            outputs = [forward(rows[low : low + batch_size]) for low in starts]
            if len(outputs) > 1:
                return cat(outputs)
            result = outputs[0]
            # A model that does nothing in evaluation gives a view of X, which is the caller's.
            shared = isinstance(result, Tensor) and result._h.storage == rows._h.storage
            return result.clone() if shared else result

    # -- passes over the data ---------------------------------------------------------------------

    def _train_step(self, *batch: Any) -> list[Any]:
        """One step on a batch; for each name a sum over it, and the number or weight it is of."""
        inputs, target, n = split_batch("fit", batch)
        output = self.model(*inputs)
        loss = self.loss(output, target)
        _check_loss(loss)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return self._sums(output, target, loss, n)

    def _check_step(self, *batch: Any) -> list[Any]:
        """The same without a step."""
        inputs, target, n = split_batch("evaluate", batch)
        output = self.model(*inputs)
        loss = self.loss(output, target)
        _check_loss(loss)
        return self._sums(output, target, loss, n)

    def _forward(self, input: Tensor) -> Any:
        return self.model(input)

    def _sums(self, output: Any, target: Any, loss: Tensor, n: int) -> list[Any]:
        with no_grad():
            first: tuple[Any, Any] = (loss.double() * n, n)
            mean_over = getattr(self.loss, "mean_over", None)
            if getattr(self.loss, "reduction", "mean") == "sum":
                first = (loss.double(), n)
            elif mean_over is not None:
                over = tensor(mean_over(output, target), dtype=float64)
                # A batch in which no label counts has no mean, and adds nothing.
                first = (where(over == 0.0, 0.0, loss.double() * over), over)
            values = [_wide(name, each(output, target)) for name, each in self.metrics.items()]
            return [first, *((value * n, n) for value in values)]

    def _step(self, name: str) -> Any:
        """One of the three above, replayed from C where it may be."""
        plain = getattr(self, name)
        if not (self._is_ours() if self._compile is None else self._compile):
            return plain
        parts = [self.model, self.optimizer, self.loss, *self.metrics.values()]
        if len(parts) != len(self._compiled_for) or any(map(is_not, parts, self._compiled_for)):
            self._compiled, self._compiled_for = {}, parts
        return self._compiled.setdefault(name, capture.compile(plain))

    def _is_ours(self) -> bool:
        """Whether no Python code of others takes part in a step."""
        modules = [*self.model.modules(), *([self.loss] if isinstance(self.loss, Module) else [])]
        parts = [*modules, self.loss, self.optimizer, *self.metrics.values()]
        return (
            all(_is_ours(each) for each in parts)
            and not any(m._hook_count or m.reads_values for m in modules)
            and not any(
                p._node is not None and (p._node.hooks or p._node.around)
                for p in self.model.parameters()
            )
        )

    def _train_epoch(
        self,
        loader: Iterable[Any],
        callbacks: list[Callback],
        interrupts: Interrupts,
        show: Progress,
    ) -> dict[str, float]:
        means = _Means(self._names)
        each = [callback for callback in callbacks if callback.follows_batches]
        with _mode(self.model, True):
            step = self._step("_train_step")
            if not each and self._whole(means, loader, step, interrupts, show):
                return means.result("fit")
            for number, batch in enumerate(loader):
                inputs, target, _ = split_batch("fit", batch)
                interrupts.hold()
                try:
                    sums = step(*inputs, target)
                finally:
                    interrupts.release()
                means.add(sums)
                for callback in each:
                    callback.on_batch_end(self, number)
                show.step(1)
        return means.result("fit")

    def _measure(
        self, name: str, loader: Iterable[Any], interrupts: Interrupts
    ) -> dict[str, float]:
        means = _Means(self._names)
        with _mode(self.model, False), no_grad():
            step = self._step("_check_step")
            if self._whole(means, loader, step, interrupts, None):
                return means.result(name)
            for batch in loader:
                inputs, target, _ = split_batch(name, batch)
                means.add(step(*inputs, target))
                interrupts.release()
        return means.result(name)

    def _whole(
        self,
        means: _Means,
        loader: Iterable[Any],
        step: Any,
        interrupts: Interrupts,
        show: Progress | None,
    ) -> bool:
        """A pass over data in memory by one call, if it can be made so; whether it was."""
        if not isinstance(step, Compiled) or type(loader) is not DataLoader:
            return False
        if loader.collate_fn is not None or loader.batch_size is None:
            return False
        if tensors_of(loader.dataset, arange(0)) is None:
            return False
        found = tensors_of(loader.dataset, loader.order())
        assert found is not None
        data, order = found
        if len(data) < 2:
            return False

        def pause(batches: int) -> None:
            interrupts.release()
            if show is not None:
                show.step(batches)
            interrupts.hold()

        interrupts.hold()
        try:
            sums = over_batches(
                step, data, order, loader.batch_size, drop_last=loader.drop_last, progress=pause
            )
        finally:
            interrupts.release()
        if sums is not None:
            means.add(sums)
        return True


class _Means:
    """Sums over batches and what they are of, kept as float64 tensors: nothing is read back before
    the end."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.totals: list[Any] = [0.0] * len(names)
        self.counts: list[Any] = [0] * len(names)
        self.batches = 0

    def add(self, values: list[Any]) -> None:
        """Adds a batch: for each name a sum and the number or weight of what was summed."""
        self.batches += 1
        for i, (total, weight) in enumerate(values):
            self.totals[i] = self.totals[i] + total
            self.counts[i] = self.counts[i] + weight

    def result(self, name: str) -> dict[str, float]:
        if not self.batches:
            raise ValueError(f"{name}: the data gave no rows (an exhausted iterator, or drop_last)")
        pairs = zip(self.totals, self.counts, strict=True)
        values = [float(total) / float(count) if count else math.nan for total, count in pairs]
        return dict(zip(self.names, values, strict=True))


def _is_ours(value: Any) -> bool:
    """Whether an object, or a function, is of this package."""
    owner = value if isinstance(value, FunctionType) else type(value)
    return owner.__module__.partition(".")[0] == __name__.partition(".")[0]


def _wide(name: str, value: Any) -> Any:
    """What a metric gave, in float64."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.double()
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"Trainer: the metric {name!r} gives a number or a tensor of one element; "
            f"got {_kind(value)}"
        ) from None


def _kind(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


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
        raise ValueError(f"Trainer: the loss of a batch is a scalar tensor; got {_kind(loss)}")


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
