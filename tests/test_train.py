"""The training loop: its numbers, its callbacks, and how it ends."""

import csv
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_k as tk
from tinygrad_k.data import BatchSampler, DataLoader, TensorDataset
from tinygrad_k.train import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LRSchedulerCallback,
    ModelCheckpoint,
    Trainer,
    accuracy,
    mae,
    mse,
)


def blobs(n: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Three classes of points around three corners."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 2)) + np.array([[0, 0], [4, 0], [0, 4]])[y]
    return tk.tensor(X.astype(np.float32)), tk.tensor(y)


def make(metrics: Any = (accuracy,), seed: int = 0, lr: float = 0.05, drop: float = 0.2) -> Trainer:
    tk.manual_seed(seed)
    model = tk.nn.Sequential(
        tk.nn.Linear(2, 8), tk.nn.ReLU(), tk.nn.Dropout(drop), tk.nn.Linear(8, 3)
    )
    return Trainer(
        model, tk.optim.Adam(model.parameters(), lr=lr), tk.nn.CrossEntropyLoss(), metrics
    )


def weights(trainer: Trainer) -> list:
    return [p.detach().tolist() for p in trainer.model.parameters()]


def quiet(trainer: Trainer, *arguments: Any, **options: Any) -> History:
    return trainer.fit(*arguments, progress=False, **options)


# Numbers


@pytest.mark.parametrize("kind", ["weights", "ignored", "both", "smooth", "probabilities", "nll"])
def test_the_loss_of_an_epoch_is_that_of_all_samples_at_once(kind: str) -> None:
    """Class weights and ignored labels included; one batch here has only ignored labels."""
    X, y = blobs(23, seed=3)
    loss: Any = tk.nn.CrossEntropyLoss(
        weight=None if kind == "ignored" else tk.tensor([1.0, 10.0, 0.1]),
        label_smoothing=0.3 if kind == "smooth" else 0.0,
    )
    if kind in ("ignored", "both"):
        y[5:11] = -100
    if kind == "probabilities":
        y = tk.softmax(tk.randn(23, 3), 1)
    model: Any = tk.nn.Linear(2, 3)
    if kind == "nll":
        loss = tk.nn.NLLLoss(weight=tk.tensor([1.0, 10.0, 0.1]))
        model = tk.nn.Sequential(model, tk.nn.LogSoftmax(1))
    expected = loss(model(X), y).item()
    trainer = Trainer(model, tk.optim.SGD(model.parameters(), lr=0.0), loss)
    assert trainer.evaluate((X, y), batch_size=5)["loss"] == pytest.approx(expected, rel=1e-6)
    if kind not in ("ignored", "both"):  # a step without any label gives NaN, and the rest after it
        history = quiet(trainer, (X, y), batch_size=5)
        assert history["loss"] == pytest.approx([expected], rel=1e-6)


def test_fit_equals_the_loop_by_hand() -> None:
    X, y = blobs(50)
    Xv, yv = blobs(21, seed=1)
    trainer = make()
    history = quiet(trainer, (X, y), (Xv, yv), epochs=3, batch_size=8)

    other = make()
    model, optimizer, loss_of = other.model, other.optimizer, other.loss
    for epoch in range(3):
        total, right, count = 0.0, 0.0, 0
        model.train()
        for xb, yb in DataLoader(TensorDataset(X, y), 8, shuffle=True):
            output = model(xb)
            loss = loss_of(output, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
            right += accuracy(output, yb).item() * len(yb)
            count += len(yb)
        assert history["loss"][epoch] == total / count
        assert history["accuracy"][epoch] == right / count
        model.eval()
        with tk.no_grad():
            val = [
                (loss_of(model(xb), yb).item() * len(yb), len(yb))
                for xb, yb in DataLoader(TensorDataset(Xv, yv), 8)
            ]
        assert history["val_loss"][epoch] == sum(v for v, _ in val) / sum(n for _, n in val)
    assert weights(trainer) == weights(other)


@given(n=st.integers(1, 30), size=st.integers(1, 31), seed=st.integers(0, 99))
@settings(deadline=None)
def test_values_are_means_over_the_samples(n: int, size: int, seed: int) -> None:
    trainer = make(seed=seed)
    X, y = blobs(n, seed)
    got = trainer.evaluate((X, y), batch_size=size)
    whole = trainer.evaluate((X, y), batch_size=n)
    assert got["accuracy"] == pytest.approx(whole["accuracy"], rel=1e-12)
    assert got["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    summed = Trainer(trainer.model, trainer.optimizer, tk.nn.CrossEntropyLoss(reduction="sum"))
    assert summed.evaluate((X, y), batch_size=size)["loss"] == pytest.approx(
        whole["loss"], rel=1e-5
    )
    predicted = trainer.predict(X, batch_size=size)
    assert tuple(predicted.shape) == (n, 3)
    assert accuracy(predicted, y).item() == pytest.approx(whole["accuracy"], rel=1e-12)


def test_values_read_as_means_of_many_batches_stay_exact() -> None:
    # A sum of 20,000 float32 halves and quarters would lose its low bits; a float64 one does not.
    model = tk.nn.Linear(1, 1)
    trainer = Trainer(model, tk.optim.SGD(model.parameters(), lr=0.0), lambda _, y: y.mean())
    y = tk.tensor(np.tile([1e6 + 0.5, 0.25], 10_000).astype(np.float32)).reshape(-1, 1)
    got = trainer.evaluate((tk.zeros(20_000, 1), y), batch_size=1)
    assert got["loss"] == (1e6 + 0.75) / 2


def test_training_learns_and_is_repeatable() -> None:
    first = make()
    a = quiet(first, blobs(200), epochs=8)
    second = make()
    b = quiet(second, blobs(200), epochs=8)
    assert a["loss"] == b["loss"] and weights(first) == weights(second)
    assert a["loss"][-1] < a["loss"][0] / 2 and a["accuracy"][-1] > 0.9


def test_shuffle_false_keeps_the_order() -> None:
    seen: list[float] = []
    model = tk.nn.Linear(1, 1)

    def loss(output: Any, target: Any) -> Any:
        seen.extend(target.reshape(-1).tolist())
        return (output - target).square().mean()

    trainer = Trainer(model, tk.optim.SGD(model.parameters(), lr=0.01), loss)
    X = tk.arange(10.0).reshape(10, 1)
    quiet(trainer, (X, X), batch_size=4, shuffle=False)
    assert seen == list(range(10))
    seen.clear()
    quiet(trainer, (X, X), batch_size=4)
    assert seen != sorted(seen) and sorted(seen) == list(range(10))


# Data in every form


def test_forms_of_data_give_the_same() -> None:
    X, y = blobs(30)
    forms = [
        (X, y),
        [X, y],
        (X.numpy(), y.numpy()),
        (X.numpy().astype(np.float64), y.numpy()),
        (X.tolist(), y.tolist()),
        TensorDataset(X, y),
        DataLoader(TensorDataset(X, y), 7),
        DataLoader(TensorDataset(X, y), 7, sampler=range(len(X))),
        DataLoader(TensorDataset(X, y), batch_sampler=BatchSampler(range(len(X)), 7, False)),
        [(X[i], y[i]) for i in range(30)],
        [(X[:20], y[:20]), (X[20:], y[20:])].__iter__,
    ]
    values = []
    for form in forms:
        if callable(form):
            form = form()
        values.append(make(drop=0.0).evaluate(form, batch_size=7))
    assert [v["accuracy"] for v in values] == pytest.approx([values[0]["accuracy"]] * len(forms))
    assert [v["loss"] for v in values] == pytest.approx([values[0]["loss"]] * len(forms))
    assert make().predict(X.numpy().astype(np.float64)).tolist() == make().predict(X).tolist()


def test_float_arrays_take_the_dtype_of_the_model() -> None:
    model = tk.nn.Linear(2, 1).double()
    trainer = Trainer(model, tk.optim.SGD(model.parameters(), lr=0.1), tk.nn.MSELoss(), [mae, mse])
    X, y = np.ones((6, 2), np.float32), np.ones((6, 1), np.float32)
    history = quiet(trainer, (X, y), (X, y))
    assert history["val_mse"] == history["val_loss"]
    assert trainer.predict(X).dtype == tk.float64


def test_several_inputs() -> None:
    class Sum(tk.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = tk.nn.Linear(2, 1)

        def forward(self, a: Any, b: Any) -> Any:
            return self.layer(a + b)

    model = Sum()
    trainer = Trainer(model, tk.optim.SGD(model.parameters(), lr=0.1), tk.nn.MSELoss())
    ones = tk.ones(5, 2)
    quiet(trainer, (ones, ones, tk.zeros(5, 1)))


@pytest.mark.parametrize("compile", [False, None])
def test_what_is_predicted_is_not_the_input(compile: bool | None) -> None:
    model = tk.nn.Sequential(tk.nn.Dropout(0.5), tk.nn.Flatten())
    trainer = Trainer(model, make().optimizer, tk.nn.MSELoss(), compile=compile)
    x = np.ones((8, 2), np.float32)
    trainer.predict(x).zero_()
    assert (x == 1).all()


def test_predict_without_rows() -> None:
    assert tuple(make().predict(tk.zeros(0, 2)).shape) == (0, 3)


# Modes


def modes(model: Any) -> list[bool]:
    return [module.training for module in model.modules()]


@pytest.mark.parametrize("training", [False, True])
def test_modes_during_and_after(training: bool) -> None:
    trainer = make()
    trainer.model.train(training)
    trainer.model[0].train(not training)  # one module apart from the rest
    before = modes(trainer.model)
    seen = []
    real = trainer.loss

    def loss(output: Any, target: Any) -> Any:
        seen.append((modes(trainer.model), tk.is_grad_enabled()))
        return real(output, target)

    trainer.loss = loss
    quiet(trainer, blobs(8), blobs(8), epochs=2, batch_size=8)
    n = len(before)
    assert seen == [([True] * n, True), ([False] * n, False)] * 2
    trainer.evaluate(blobs(8))
    assert seen[-1] == ([False] * n, False)
    assert not trainer.predict(blobs(8)[0]).requires_grad
    assert modes(trainer.model) == before

    def fail(output: Any, target: Any) -> Any:
        raise RuntimeError("on purpose")

    trainer.loss = fail
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(RuntimeError, match="on purpose"):
            call(blobs(8))
        assert modes(trainer.model) == before and tk.is_grad_enabled()


# Arguments


class Bare:
    """Has a length, and nothing else of a dataset."""

    def __len__(self) -> int:
        return 3


X, Y = blobs(6)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1"),
        ({"epochs": 2.0}, TypeError, "epochs must be an int"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"callbacks": [print]}, TypeError, "callbacks are Callback objects"),
        ({"callbacks": EarlyStopping()}, TypeError, "callbacks is a list"),
        ({"train": (X,)}, ValueError, r"given as \(X, y\)"),
        ({"train": (X, Y[:4])}, ValueError, "first sizes differ"),
        ({"train": X}, TypeError, "got one array"),
        ({"train": Bare()}, TypeError, "got Bare"),
        ({"train": 7}, TypeError, "got int"),
        ({"train": (X[:0], Y[:0])}, ValueError, "empty"),
        ({"train": []}, ValueError, "given as"),
        ({"train": TensorDataset(X)}, TypeError, "a batch is .*got tuple of 1"),
        ({"train": iter([])}, ValueError, "no rows"),
        ({"train": DataLoader(TensorDataset(X, Y), 9, drop_last=True)}, ValueError, "no rows"),
        ({"train": iter([3])}, TypeError, "a batch is .*got int"),
        ({"validation": iter([])}, ValueError, "no rows"),
    ],
)
def test_fit_refuses(arguments: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        quiet(make(), **({"train": (X, Y)} | arguments))


@pytest.mark.parametrize(
    ("position", "value", "error", "text"),
    [
        (0, print, TypeError, "model is not of class Module"),
        (1, 0.1, TypeError, "optimizer is not of class Optimizer"),
        (2, "mse", TypeError, "loss is callable"),
        (3, ["accuracy"], TypeError, "metrics are callables"),
        (3, [mae, mae], ValueError, "same name"),
        (3, {"loss": mae}, ValueError, "itself"),
        (3, {"val_mae": mae}, ValueError, "itself"),
    ],
)
def test_trainer_refuses(position: int, value: Any, error: type[Exception], text: str) -> None:
    good = make()
    arguments: list[Any] = [good.model, good.optimizer, good.loss, ()]
    arguments[position] = value
    with pytest.raises(error, match=f"Trainer: .*{text}"):
        Trainer(*arguments)


@pytest.mark.parametrize("loss", [lambda o, t: o.sum(1), lambda o, t: 1.0])
def test_the_loss_is_a_scalar(loss: Any) -> None:
    trainer = make()
    trainer.loss = loss
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(ValueError, match="the loss of a batch is a scalar tensor"):
            call((X, Y))


def test_predict_refuses() -> None:
    with pytest.raises(ValueError, match="predict: X has a first dimension"):
        make().predict(3.0)
    with pytest.raises(ValueError, match="predict: batch_size"):
        make().predict(X, batch_size=0)


# Metrics


def test_metrics_against_numpy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 3)).astype(np.float32)
    assert mae(tk.tensor(a), tk.tensor(b)).item() == pytest.approx(abs(a - b).mean(), rel=1e-5)
    assert mse(tk.tensor(a), tk.tensor(b)).item() == pytest.approx(((a - b) ** 2).mean(), rel=1e-5)
    labels = np.array([0, 1, 2, 2, 1])
    expected = (a.argmax(1) == labels).mean()
    assert accuracy(tk.tensor(a), tk.tensor(labels)).item() == expected
    weight = tk.ones(5, 3, requires_grad=True)
    for metric, target in ((mae, tk.tensor(b)), (mse, tk.tensor(b)), (accuracy, tk.tensor(labels))):
        assert not metric(weight * 2, target).requires_grad


@pytest.mark.parametrize("metric", [mae, mse, accuracy])
def test_metrics_refuse_shapes_that_would_broadcast(metric: Any) -> None:
    with pytest.raises(ValueError, match=rf"{metric.__name__}: .*\(4, 1\) and \(4, 4\)"):
        metric(tk.ones(4, 1), tk.ones(4, 4))
    with pytest.raises(ValueError, match=f"{metric.__name__}: "):
        metric(tk.ones(4, 1), tk.ones(1))


def test_metrics_by_name_and_as_numbers() -> None:
    trainer = make({"share": accuracy, "rows": lambda output, target: len(target)})
    history = quiet(trainer, blobs(10), batch_size=5)
    assert list(history) == ["loss", "share", "rows", "lr", "seconds"]
    assert history["rows"] == [5.0]


@pytest.mark.parametrize("metric", [lambda o, t: o.argmax(1) == t, lambda o, t: None])
def test_a_metric_is_a_number(metric: Any) -> None:
    trainer = make({"hits": metric})
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(TypeError, match=r"the metric 'hits' gives .* got (shape \(6,\)|None)"):
            call(blobs(6))


# History


def test_history() -> None:
    trainer = make()
    history = quiet(trainer, blobs(20), blobs(10), epochs=3)
    assert history is trainer.history and isinstance(history, dict)
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert list(history) == names and history.epochs == 3
    assert all(len(values) == 3 for values in history.values())
    assert all(isinstance(v, float) for values in history.values() for v in values)
    assert history["lr"] == [0.05] * 3
    lines = str(history).splitlines()
    assert lines[0].split() == ["epoch", *names] and len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert str(History()) == "epoch"
    with pytest.raises(ValueError, match="History: names differ"):
        history.append({"loss": 1.0})


def test_history_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(["loss", "val_loss", "mae", "seconds"])
    history.append({"loss": 1.0, "val_loss": 2.0, "mae": 3.0, "seconds": 0.1})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ImportError, match=r"History.plot: .*tinygrad_k\[examples\]"):
            history.plot(tmp_path / "h.png")
    pytest.importorskip("matplotlib")
    history.plot(tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


# Callbacks


class Scripted(Callback):
    """Sets the first weight to the epoch, so that weights tell where they come from; and makes the
    validation loss follow a script."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
        with tk.no_grad():
            next(iter(trainer.model.parameters())).fill_(float(epoch))
        logs["val_loss"] = self.values[epoch]


def mark(trainer: Trainer) -> float:
    return next(iter(trainer.model.parameters())).reshape(-1)[0].item()


def scripted(values: list[float], *callbacks: Callback, **options: Any) -> Trainer:
    trainer = make()
    quiet(
        trainer,
        blobs(6),
        blobs(6),
        epochs=len(values),
        callbacks=[Scripted(values), *callbacks],
        **options,
    )
    return trainer


@given(
    values=st.lists(st.integers(0, 9) | st.just(math.nan), min_size=1, max_size=8),
    patience=st.integers(1, 4),
    delta=st.integers(0, 2),
    mode=st.sampled_from(["min", "max"]),
    restore=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_early_stopping(
    values: list[float], patience: int, delta: int, mode: str, restore: bool
) -> None:
    stop = EarlyStopping("val_loss", patience, delta, mode, restore)
    trainer = scripted(values, stop)

    best: int | None = None
    end = None
    for epoch, value in enumerate(values):
        gain = -math.inf
        if not math.isnan(value):
            sign = 1 if mode == "max" else -1
            gain = math.inf if best is None else sign * (value - values[best])
        if gain > delta:
            best = epoch
        elif epoch - (-1 if best is None else best) >= patience:
            end = epoch
            break
    ran = len(values) if end is None else end + 1
    assert trainer.history.epochs == ran
    assert stop.stopped_epoch == end and stop.best_epoch == best
    assert stop.best == (None if best is None else values[best])
    assert mark(trainer) == (best if restore and best is not None else ran - 1)


def test_early_stopping_can_be_used_again() -> None:
    stop = EarlyStopping(patience=1)
    assert scripted([1, 2, 0], stop).history.epochs == 2
    assert scripted([5, 4, 3], stop).history.epochs == 3
    assert stop.best == 3 and stop.stopped_epoch is None


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), KeyboardInterrupt()])
def test_early_stopping_restores_after_an_exception(error: BaseException) -> None:
    class Break(Callback):
        def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
            if epoch == 3:
                raise error

    trainer = make()
    with pytest.raises(type(error)):
        quiet(
            trainer,
            blobs(6),
            blobs(6),
            epochs=5,
            callbacks=[Scripted([3, 1, 2, 0, 0]), EarlyStopping(patience=9), Break()],
        )
    assert mark(trainer) == 1 and trainer.history.epochs == 3


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: EarlyStopping(patience=0), "EarlyStopping: patience"),
        (lambda: EarlyStopping(patience=math.nan), "EarlyStopping: patience"),
        (lambda: EarlyStopping(patience=1.5), "EarlyStopping: patience"),
        (lambda: EarlyStopping(min_delta=-1.0), "EarlyStopping: min_delta"),
        (lambda: EarlyStopping(min_delta=None), "EarlyStopping: min_delta"),
        (
            lambda: LRSchedulerCallback(0.1),
            "LRSchedulerCallback: a scheduler has a step; got float",
        ),
        (lambda: EarlyStopping(mode="least"), "EarlyStopping: mode"),
        (lambda: EarlyStopping("val_f1"), "EarlyStopping: whether .*'val_f1'"),
        (lambda: ModelCheckpoint("f", "f1", save_best_only=True), "ModelCheckpoint: whether"),
        (lambda: LRSchedulerCallback(None, every="step"), "LRSchedulerCallback: every"),
    ],
)
def test_callbacks_refuse(build: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        build()


def test_a_monitor_that_is_not_there_is_told_before_training() -> None:
    trainer = make()
    before = weights(trainer)
    plateau = tk.optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer)
    for callback in (
        EarlyStopping(),
        ModelCheckpoint("f", save_best_only=True),
        LRSchedulerCallback(plateau),
    ):
        with pytest.raises(ValueError, match=r"no 'val_loss' among loss, .*pass validation="):
            quiet(trainer, blobs(6), callbacks=[callback])
    assert weights(trainer) == before


@pytest.mark.parametrize("path", ["{val_loss}", "{}", "{epoch", "{loss:d}", "{loss.none}"])
def test_a_name_that_cannot_be_filled_in_is_told_before_training(path: str) -> None:
    trainer = make()
    before = weights(trainer)
    with pytest.raises(ValueError, match=r"Checkpoint: .*epoch, loss, accuracy, lr, seconds; "):
        quiet(trainer, blobs(6), callbacks=[ModelCheckpoint(path)])
    assert weights(trainer) == before


def test_a_directory_that_is_missing_is_told_before_training(tmp_path: Path) -> None:
    trainer = make()
    before = weights(trainer)
    with pytest.raises(FileNotFoundError, match=r"ModelCheckpoint: there is no directory .*/none"):
        quiet(trainer, blobs(6), callbacks=[ModelCheckpoint(tmp_path / "none" / "{epoch}")])
    assert weights(trainer) == before
    os.mkdir(tmp_path / "0")
    quiet(trainer, blobs(6), callbacks=[ModelCheckpoint(os.fsencode(tmp_path / "{epoch}" / "f"))])
    assert os.listdir(tmp_path / "0") == ["f"]


def test_model_checkpoint(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path / "best", save_best_only=True)
    each = ModelCheckpoint(tmp_path / "{epoch}-{val_loss:.1f}")
    trainer = scripted([3, 1, 2], best, each)
    assert sorted(os.listdir(tmp_path)) == ["0-3.0", "1-1.0", "2-2.0", "best"]
    for name, epoch in (("best", 1), ("0-3.0", 0), ("2-2.0", 2)):
        trainer.model.load_state_dict(tk.load(tmp_path / name))
        assert mark(trainer) == epoch


def test_lr_scheduler() -> None:
    def rates(build: Any, **options: Any) -> tuple[list[float], float]:
        trainer = make(lr=1.0)
        callback = LRSchedulerCallback(build(trainer.optimizer), **options)
        follow = [Scripted([1.0, 1.0, 1.0, 1.0]), callback]
        history = quiet(trainer, blobs(6), blobs(6), epochs=4, batch_size=2, callbacks=follow)
        return history["lr"], trainer.optimizer.param_groups[0]["lr"]

    schedules = tk.optim.lr_scheduler
    halve = lambda optimizer: schedules.ExponentialLR(optimizer, 0.5)  # noqa: E731
    assert rates(halve) == ([1, 0.5, 0.25, 0.125], 0.0625)
    assert rates(halve, every="batch") == ([1, 2**-3, 2**-6, 2**-9], 2**-12)
    plateau = lambda o: schedules.ReduceLROnPlateau(o, factor=0.5, patience=0)  # noqa: E731
    assert rates(plateau) == ([1, 1, 0.5, 0.25], 0.125)
    assert rates(plateau, monitor="seconds")[0][0] == 1
    with pytest.raises(ValueError, match="the scheduler belongs to another optimizer"):
        rates(lambda o: schedules.StepLR(make().optimizer, 1))
    with pytest.raises(ValueError, match="ReduceLROnPlateau steps every epoch"):
        rates(plateau, every="batch")


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    trainer = make()
    rows_seen = []

    class Look(Callback):
        def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
            rows_seen.append(len(path.read_text(encoding="utf-8").splitlines()))

    history = quiet(trainer, blobs(6), epochs=3, callbacks=[CSVLogger(path), Look()])
    assert rows_seen == [2, 3, 4]  # a row is there as soon as its epoch is finished
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row.pop("epoch") for row in rows] == ["0", "1", "2"]
    assert {k: [float(row[k]) for row in rows] for k in rows[0]} == history

    quiet(trainer, blobs(6), callbacks=[CSVLogger(path, append=True)])
    assert len(path.read_text(encoding="utf-8").splitlines()) == 5
    with pytest.raises(ValueError, match="CSVLogger: columns differ"):
        quiet(trainer, blobs(6), blobs(6), callbacks=[CSVLogger(path, append=True)])
    quiet(trainer, blobs(6), callbacks=[CSVLogger(path)])
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


LOGGED = """
import sys, types
from tinygrad_k.train import CSVLogger
trainer = types.SimpleNamespace(history={"Gr\\xf6\\xdfe": [1.0]})
log = CSVLogger(sys.argv[1])
log.on_fit_begin(trainer)
log.on_fit_end(trainer)
"""


def test_a_log_has_one_encoding_everywhere(tmp_path: Path) -> None:
    """That of the locale would depend on the machine, and may lack letters of a metric's name."""
    settings = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", LOGGED, str(tmp_path / "log.csv")]
    subprocess.run(command, env={**os.environ, **settings}, check=True)
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines() == ["epoch,Größe"]


def test_order_of_calls() -> None:
    calls: list[str] = []

    class Note(Callback):
        def __init__(self, name: str, fail: str = "") -> None:
            self.name, self.fail = name, fail

        def note(self, what: str) -> None:
            calls.append(f"{self.name} {what}")
            if what == self.fail:
                raise RuntimeError("on purpose")

        def on_fit_begin(self, trainer: Trainer) -> None:
            self.note("begin")

        def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
            self.note(f"epoch {epoch}")

        def on_batch_end(self, trainer: Trainer, batch: int) -> None:
            self.note(f"batch {batch}")

        def on_epoch_end(self, trainer: Trainer, epoch: int, logs: dict[str, float]) -> None:
            self.note(f"end {epoch}")
            trainer.stop = epoch == 1

        def on_fit_end(self, trainer: Trainer) -> None:
            self.note("done")

    quiet(make(), blobs(6), batch_size=3, epochs=9, callbacks=[Note("a")])
    epoch = "a epoch {0},a batch 0,a batch 1,a end {0}"
    expected = f"a begin,{epoch.format(0)},{epoch.format(1)},a done"
    assert ",".join(calls) == expected
    calls.clear()
    with pytest.raises(RuntimeError):
        quiet(make(), blobs(6), callbacks=[Note("a"), Note("b", "begin")])
    assert calls == ["a begin", "b begin", "a done"]
    calls.clear()
    with pytest.raises(RuntimeError):
        quiet(make(), blobs(6), callbacks=[Note("a"), Note("b", "done")])
    assert calls[-2:] == ["b done", "a done"]


# Interrupts


@pytest.fixture
def python_sigint() -> Iterator[None]:
    """Python's own SIGINT handler, which a process started in the background does not have."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
def test_interrupt_inside_a_step_waits_for_its_end(python_sigint: None) -> None:
    trainer = make()
    steps = 0
    real_step, real_loss = trainer.optimizer.step, trainer.loss

    def loss(output: Any, target: Any) -> Any:
        if steps == 13:  # the third of ten steps of the second epoch
            signal.raise_signal(signal.SIGINT)
        return real_loss(output, target)

    def step() -> None:
        nonlocal steps
        real_step()
        steps += 1

    trainer.loss, trainer.optimizer.step = loss, step
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        quiet(trainer, blobs(20), epochs=3, batch_size=2)
    assert signal.getsignal(signal.SIGINT) is handler
    assert steps == 14
    assert trainer.history.epochs == 1 and len(trainer.history["loss"]) == 1
    assert trainer.model.training


def test_a_second_interrupt_does_not_wait(python_sigint: None) -> None:
    trainer = make()
    reached = []

    def loss(output: Any, target: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        reached.append(1)
        signal.raise_signal(signal.SIGINT)
        reached.append(2)

    trainer.loss = loss
    with pytest.raises(KeyboardInterrupt):
        quiet(trainer, blobs(6))
    assert reached == [1]


def test_interrupt_between_steps_is_at_once(python_sigint: None) -> None:
    reached = []

    def rows() -> Iterator[Any]:
        yield blobs(6)
        signal.raise_signal(signal.SIGINT)
        reached.append(1)

    with pytest.raises(KeyboardInterrupt):
        quiet(make(), rows())
    assert reached == []


class Finalized:
    """Something whose finalizer is interrupted, where Python ignores the exception."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("where", ["training", "validation", "evaluate"])
def test_an_interrupt_that_python_ignores_is_not_lost(
    python_sigint: None, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ignored: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda u: ignored.append(u.exc_type))
    trainer, later = make(), 0

    def rows(interrupt: bool) -> Iterator[Any]:
        nonlocal later
        for batch in range(9):
            if interrupt and batch == 3:
                Finalized()
            later += batch > 3
            yield blobs(6)

    with pytest.raises(KeyboardInterrupt):
        if where == "evaluate":
            trainer.evaluate(rows(True))
        elif where == "training":
            quiet(trainer, rows(True))
        else:
            quiet(trainer, blobs(6), rows(True))
    assert ignored == [KeyboardInterrupt] and later == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_waits_for_the_endings(python_sigint: None) -> None:
    ended = []

    class Slow(Callback):
        def on_batch_end(self, trainer: Trainer, batch: int) -> None:
            signal.raise_signal(signal.SIGINT)

        def on_fit_end(self, trainer: Trainer) -> None:
            signal.raise_signal(signal.SIGINT)
            ended.append(1)

    with pytest.raises(KeyboardInterrupt):
        quiet(make(), blobs(6), callbacks=[Slow()])
    assert ended == [1]


def test_other_handlers_and_threads_are_left_alone(python_sigint: None) -> None:
    seen = []
    own = lambda *_: seen.append(1)  # noqa: E731
    old = signal.signal(signal.SIGINT, own)
    try:
        trainer = make()
        real = trainer.loss

        def loss(output: Any, target: Any) -> Any:
            signal.raise_signal(signal.SIGINT)
            return real(output, target)

        trainer.loss = loss
        quiet(trainer, blobs(6))
        assert seen == [1] and signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, old)
    results: list[History] = []
    thread = threading.Thread(target=lambda: results.append(quiet(make(), blobs(6))))
    thread.start()
    thread.join()
    assert results[0].epochs == 1


# Progress


@pytest.mark.parametrize("tqdm", [False, True])
@pytest.mark.parametrize("mode", [None, True, False])
@pytest.mark.parametrize("terminal", [False, True])
def test_progress(
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    mode: bool | None,
    terminal: bool,
    tqdm: bool,
) -> None:
    if tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    make().fit(blobs(20), blobs(20), epochs=2, batch_size=4, progress=mode)
    out, err = capsys.readouterr()
    if mode is False:
        assert out == err == ""
        return
    lines = out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("epoch 2/2  loss ")
    for name in ("accuracy", "val_loss", "val_accuracy", "lr", "seconds"):
        assert f"  {name} " in lines[0]
    if terminal or mode:
        assert "epoch 1/2" in err and "epoch 2/2" in err and "5" in err
        assert err.endswith("\r")  # the bar is gone, the next line begins at the left
    else:
        assert err == ""


def test_optional_packages_are_not_imported() -> None:
    code = (
        "import sys, tinygrad_k\n"
        "heavy = {'sklearn', 'matplotlib', 'tqdm', 'gzip', 'csv', 'safetensors', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    numpy_only = code.replace("tinygrad_k", "numpy")
    out = [
        subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, check=True
        ).stdout
        for text in (code, numpy_only)
    ]
    assert out[0] == out[1]
