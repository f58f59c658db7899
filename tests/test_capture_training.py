"""Training steps: a replay gives the bits of the plain step, whatever changes in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import array_of, replays, same_bits
from hypothesis import given, strategies as st
from runs import LAYERS, OPTIMIZERS, SCHEDULES, Run, small_run

import tinygrad_k as tk
from tinygrad_k.capture import Compiled, over_batches

nn, F = tk.nn, tk.nn.functional


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    layers=st.lists(st.sampled_from(sorted(LAYERS)), max_size=2),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    clip=st.booleans(),
    batches=st.lists(st.sampled_from([1, 3, 32]), min_size=2, max_size=3),
    seed=st.integers(0, 99),
)
def test_training_replays_the_bits_of_the_plain_step(
    sizes: list[int],
    layers: list[str],
    optimizer: str,
    schedule: str,
    clip: bool,
    batches: list[int],
    seed: int,
) -> None:
    if "batch_norm" in layers:
        batches = [max(each, 3) for each in batches]
    rng = np.random.default_rng(seed)
    data = [
        (
            tk.tensor(rng.standard_normal((n, sizes[0])).astype(np.float32)),
            tk.tensor(rng.integers(0, sizes[-1], n)),
        )
        for n in batches * 4
    ]
    ends = []
    for compiles in (False, True):
        run = Run(sizes, layers, optimizer, schedule, clip)
        step: Any = tk.compile(run.step) if compiles else run.step
        tk.manual_seed(9)
        seen = []
        for i, (x, y) in enumerate(data):
            seen += [array_of(each) for each in step(x, y)]
            if run.schedule is not None and i % 3 == 2:
                run.schedule.step()
        ends.append(seen + run.state())
        if compiles:
            assert replays(step) == len(set(batches)), step.explain()
    plain, replayed = ends
    for a, b in zip(plain, replayed, strict=True):
        assert same_bits(a, b)


def assert_continues_alike(change: Callable[[Run], None], **settings: Any) -> Compiled:
    """A change between steps has the same effect on plain and replayed training."""
    ends = []
    for compiles in (False, True):
        run, x, y = small_run(**settings)
        step: Any = tk.compile(run.step) if compiles else run.step
        tk.manual_seed(3)
        for _ in range(4):
            step(x, y)
        change(run)
        for _ in range(4):
            loss = step(x, y)[0]
        ends.append([array_of(loss), *run.state()])
    for a, b in zip(*ends, strict=True):
        assert same_bits(a, b)
    assert isinstance(step, Compiled)
    return step


def replace_data(run: Run) -> None:
    for parameter in run.model.parameters():
        parameter.data = parameter.data * 0.5


def replace_parameter(run: Run) -> None:
    run.optimizer.state.clear()
    run.model[0].weight = nn.Parameter(run.model[0].weight.detach() * 2)
    run.optimizer.param_groups[0]["params"] = list(run.model.parameters())


def load_model(run: Run) -> None:
    run.model.load_state_dict({k: v * 0.5 for k, v in run.model.state_dict().items()})


def load_optimizer(run: Run) -> None:
    state = run.optimizer.state_dict()
    run.optimizer.load_state_dict(state)


def change_in_place(run: Run) -> None:
    with tk.no_grad():
        for parameter in run.model.parameters():
            parameter.mul_(0.5)


def plain_steps(run: Run) -> None:
    x, y = tk.ones(2, 5), tk.tensor([0, 2])
    for _ in range(2):
        run.step(x, y)


def forget_gradients(run: Run) -> None:
    run.optimizer.zero_grad()


def change_rate(run: Run) -> None:
    run.optimizer.param_groups[0]["lr"] = 0.3
    run.optimizer.param_groups[0].update(weight_decay=0.01)


def replace_group(run: Run) -> None:
    run.optimizer.param_groups[0] = {**run.optimizer.param_groups[0], "lr": 0.2}


def drop_parameter(run: Run) -> None:
    run.optimizer.param_groups[0]["params"].pop()


def evaluation_mode(run: Run) -> None:
    run.model.eval()


def keep_gradients(run: Run) -> None:
    run.kept = [p.grad for p in run.model.parameters()]  # type: ignore[attr-defined]


CHANGES = [
    replace_data,
    replace_parameter,
    load_model,
    load_optimizer,
    change_in_place,
    plain_steps,
    forget_gradients,
    change_rate,
    replace_group,
    evaluation_mode,
    keep_gradients,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("layer", ["relu", "dropout", "batch_norm"])
def test_changes_between_steps_are_seen(change: Callable[[Run], None], layer: str) -> None:
    step = assert_continues_alike(change, layers=[layer])
    assert replays(step) >= 1, step.explain()


def test_parameters_that_leave_their_group_rest() -> None:
    assert replays(assert_continues_alike(drop_parameter, optimizer="sgd")) >= 1


def test_gradients_that_are_held_keep_their_values() -> None:
    run, x, y = small_run()
    step = tk.compile(run.step)
    for _ in range(3):
        step(x, y)
    weight = run.model[0].weight
    tensors, arrays = [], []
    for look in (lambda: weight.grad, lambda: weight.grad.detach().numpy()):
        held = look()
        before = np.array(held.detach().numpy() if isinstance(held, tk.Tensor) else held)
        step(x, y)
        tensors.append(held)
        arrays.append(before)
        assert not np.array_equal(array_of(weight.grad), before)
    for held, before in zip(tensors, arrays, strict=True):
        assert np.array_equal(np.asarray(held), before)


@pytest.mark.parametrize("transposed", [False, True])
def test_held_gradients_that_are_parts_of_what_was_computed(transposed: bool) -> None:
    """The next replay computes all of it in other memory, as large and laid out as before."""
    weight = tk.ones(3, 5)
    weight = (weight.t() if transposed else weight).requires_grad_()
    shape = tuple(weight.shape)

    @tk.compile
    def step(x: tk.Tensor) -> None:
        weight.grad = None
        (tk.cat([x, weight]) * tk.cat([x, x[: shape[0]] * 2.0])).sum().backward()

    held = []
    for i in range(4):
        step(tk.full((50_000, shape[1]), float(i)))
        assert weight.grad is not None and weight.grad.shape == weight.shape
        held.append(weight.grad)
    assert [each.sum().item() for each in held] == [15 * 2.0 * i for i in range(4)]
    assert {each.stride() for each in held} == {weight.stride()}


def test_results_are_new_at_each_call() -> None:
    compiled = tk.compile(lambda x: (x * 2, {"view": (x * 3)[1:]}))
    outcomes = [compiled(tk.full((3,), float(i))) for i in range(5)]
    assert replays(compiled) == 1
    for i, (double, more) in enumerate(outcomes):
        assert double.tolist() == [2.0 * i] * 3 and more["view"].tolist() == [3.0 * i] * 2


def add_module_hook(run: Run) -> None:
    run.model[0].register_forward_hook(lambda module, args, output: output * 2)


def add_gradient_hook(run: Run) -> None:
    run.model[0].weight.register_hook(lambda gradient: gradient * 2)


def freeze(run: Run) -> None:
    run.model[0].bias.requires_grad = False


def freeze_and_thaw(run: Run) -> None:
    run.model.requires_grad_(False)
    run.model.requires_grad_(True)


def forget_state(run: Run) -> None:
    run.optimizer.state.clear()


def forget_state_of_one(run: Run) -> None:
    run.optimizer.state.pop(run.model[0].weight)


def begin_counting_again(run: Run) -> None:
    for parameter in run.model.parameters():
        run.optimizer.state[parameter]["step"] = 0


def replace_state(run: Run) -> None:
    for parameter in run.model.parameters():
        run.optimizer.state[parameter]["exp_avg"] = tk.zeros(*parameter.shape)


@pytest.mark.parametrize(
    "change",
    [
        add_module_hook,
        add_gradient_hook,
        freeze,
        freeze_and_thaw,
        forget_state,
        forget_state_of_one,
        begin_counting_again,
        replace_state,
    ],
    ids=lambda each: each.__name__,
)
def test_hooks_frozen_leaves_and_states_are_seen(change: Callable[[Run], None]) -> None:
    step = assert_continues_alike(change)
    assert replays(step) >= 1, step.explain()


# -- whole epochs ---------------------------------------------------------------------------------


def fitted(compiles: bool | None, layers: list[str], drop_last: bool, weights: bool) -> list[Any]:
    run, _, _ = small_run(layers=layers)
    rng = np.random.default_rng(2)
    data = tk.data.TensorDataset(
        rng.standard_normal((75, 5)).astype(np.float32), rng.integers(0, 3, 75)
    )
    tk.manual_seed(11)
    train, check = tk.data.random_split(data, [60, 15])
    loader = tk.data.DataLoader(train, 8, shuffle=True, drop_last=drop_last)
    loss = nn.CrossEntropyLoss(weight=tk.tensor([1.0, 2.0, 0.5]) if weights else None)
    metric = tk.train.accuracy
    trainer = tk.train.Trainer(run.model, run.optimizer, loss, [metric], compile=compiles)
    rate = tk.train.LRSchedulerCallback(tk.optim.lr_scheduler.ExponentialLR(run.optimizer, 0.9))
    history = trainer.fit(loader, check, epochs=3, callbacks=[rate], progress=False)
    values = [v for name in ("loss", "accuracy", "val_loss", "lr") for v in history[name]]
    predicted = trainer.predict(data.tensors[0], 32)
    return [np.asarray(values), array_of(predicted), *run.state()]


@pytest.mark.parametrize("layers", [["relu"], ["dropout", "batch_norm"]], ids=str)
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("weights", [False, True])
def test_fit_replays_the_bits_of_plain_training(
    layers: list[str], drop_last: bool, weights: bool
) -> None:
    plain = fitted(False, layers, drop_last, weights)
    for compiles in (None, True):
        for a, b in zip(plain, fitted(compiles, layers, drop_last, weights), strict=True):
            assert same_bits(a, b)


def test_batches_in_memory_are_summed_as_by_a_loop() -> None:
    x, order = tk.randn(50, 3), tk.randperm(50)
    told: list[int] = []
    step = tk.compile(lambda rows: {"sum": rows.double().sum(), "n": len(rows), "half": 0.1})
    sums = over_batches(step, [x], order, 8, progress=told.append)
    expected = {"sum": 0.0, "n": 0.0, "half": 0.0}
    for low in range(0, 50, 8):
        rows_ = x[order[low : low + 8]]
        expected["sum"] += rows_.double().sum().item()
        expected["n"] += len(rows_)
        expected["half"] += 0.1
    assert sums == expected and sum(told) == 7
    assert over_batches(step, [x], order[:0], 8) is None
    with pytest.raises(IndexError, match="50 is out of range"):
        over_batches(step, [x], tk.full((24,), 50), 8)
    with pytest.raises(TypeError, match="numbers"):
        over_batches(tk.compile(lambda rows: rows * 1), [x], order, 8)


def test_code_of_others_is_not_replayed_unless_asked() -> None:
    calls = []

    class Counting(nn.Module):
        def __init__(self) -> None:
            self.linear = nn.Linear(5, 3)

        def forward(self, x: tk.Tensor) -> tk.Tensor:
            calls.append(1)
            return self.linear(x)

    x, y = np.ones((40, 5), np.float32), np.zeros(40, np.int64)
    for compiles, expected in ((None, 10), (True, 3)):
        calls.clear()
        model = Counting()
        optimizer = tk.optim.SGD(model.parameters(), lr=0.1)
        trainer = tk.train.Trainer(model, optimizer, nn.CrossEntropyLoss(), compile=compiles)
        trainer.fit((x, y), epochs=2, batch_size=8, progress=False)
        assert len(calls) <= expected and (compiles or len(calls) == expected)
