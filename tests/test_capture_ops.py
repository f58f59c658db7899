"""Every op, and random programs: a replay gives the bits of the plain function."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import FLOATS, Case, array_of, cases, mapped, name_of, replays, rows, same_bits
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k.capture import over_batches
from tinygrad_k.ops import Op
from tinygrad_k.ops.declare import FOUND
from tinygrad_k.ops.host import host
from tinygrad_k.tensor import wrap
from tinygrad_k.testing.laws import differentiable, operands
from tinygrad_k.testing.programs import Program, programs

nn, F = tk.nn, tk.nn.functional


def tensors_of(case: Case) -> list[tk.Tensor]:
    return [tk.tensor(np.array(x)) for x in case.arrays()]


def call(case: Case, tensors: list[tk.Tensor]) -> Any:
    supply = iter(tensors)
    args, kwargs = (
        mapped(lambda _: next(supply), case.args, np.ndarray),
        {k: mapped(lambda _: next(supply), v, np.ndarray) for k, v in case.kwargs.items()},
    )
    return case.op.function(*args, **kwargs)


def replayable(op: Op) -> bool:
    return bool(op.samples) and op.family != FOUND


@pytest.mark.parametrize("op", rows(replayable), ids=name_of)
def test_every_op_replays_the_bits_of_the_plain_one(op: Op) -> None:
    """On other values than those of the recording; memory that is used again was full of NaN."""
    for first, second in zip(cases(op), cases(op, seed=100), strict=True):
        inputs = tensors_of(second)
        if not inputs:
            continue

        def function(*tensors: tk.Tensor, case: Case = first) -> Any:
            return call(case, list(tensors)).clone()

        with tk.no_grad():
            tk.manual_seed(0)
            expected = array_of(function(*inputs))
            compiled = tk.compile(function)
            compiled(*tensors_of(first))
            for _ in range(3):
                tk.manual_seed(0)
                found = compiled(*[each.clone() for each in inputs])
                assert same_bits(array_of(found), expected), f"{second}: {found} {expected}"


@pytest.mark.parametrize("op", rows(lambda op: op.family == FOUND), ids=name_of)
def test_what_depends_on_values_is_refused(op: Op) -> None:
    """Where values decide how large results are, the line that asks for them says so."""
    case = next(cases(op))
    with pytest.raises(RuntimeError, match="cannot be part of a compiled function"):
        tk.compile(lambda *tensors: call(case, list(tensors)).clone())(*tensors_of(case))


@pytest.mark.parametrize("op", rows(lambda op: replayable(op) and differentiable(op)), ids=name_of)
def test_every_gradient_is_replayed(op: Op) -> None:
    for first, second in zip(cases(op, FLOATS[:1]), cases(op, FLOATS[:1], 100), strict=True):
        places, inputs = operands(first), tensors_of(second)
        if not places:
            continue

        def function(
            *tensors: tk.Tensor, case: Case = first, places: list[int] = places
        ) -> list[tk.Tensor]:
            leaves = [each.clone() for each in tensors]
            wanted = [leaves[i].requires_grad_() for i in places]
            result = call(case, leaves)
            if result.requires_grad and result.is_floating_point():
                result.square().sum().backward()
            return [leaf.grad for leaf in wanted if leaf.grad is not None]

        tk.manual_seed(0)
        expected = function(*inputs)
        compiled = tk.compile(function)
        compiled(*tensors_of(first))
        for _ in range(2):
            tk.manual_seed(0)
            for a, b in zip(compiled(*inputs), expected, strict=True):
                assert same_bits(array_of(a), array_of(b)), f"{second}: {a} {b}"


@given(programs(max_steps=12), st.integers(0, 99))
def test_programs_with_steps_in_place(drawn: tuple[Program, list[np.ndarray]], seed: int) -> None:
    program, arrays = drawn
    rng = np.random.default_rng(seed)

    def function(*inputs: tk.Tensor) -> list[tk.Tensor]:
        return [value.clone() for value in program.run(*inputs)]

    compiled = tk.compile(function)
    with tk.no_grad():
        for _ in range(4):
            inputs = [tk.tensor(x * rng.uniform(0.5, 1)) for x in arrays]
            for found, expected in zip(compiled(*inputs), function(*inputs), strict=True):
                assert same_bits(array_of(found), array_of(expected)), program
    assert replays(compiled) == 1, compiled.explain()


def test_rows_of_a_buffer_that_gradients_go_through() -> None:
    def step(x: tk.Tensor, w: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
        w = w.detach().requires_grad_()
        buffer = tk.zeros(4, 3)
        whole, columns = buffer.t(), buffer[:, 1:]
        for i in range(4):
            buffer[i].copy_(x[i] * w)
        buffer[1:3] += buffer[:2].clone()
        columns.mul_(w[1:])
        (gradient,) = tk.autograd.grad((whole * whole).sum(), [w])
        return buffer.detach(), gradient

    compiled = tk.compile(step)
    for seed in range(4):
        tk.manual_seed(seed)
        x, w = tk.randn(4, 3), tk.randn(3)
        for found, expected in zip(compiled(x, w), step(x, w), strict=True):
            assert same_bits(array_of(found), array_of(expected))
    assert replays(compiled) == 1


def test_outside_memory_that_a_recording_holds() -> None:
    """The recording's hold on a buffer is no tensor that would have to follow."""
    buffer = tk.zeros(2, 3)

    def step(w: tk.Tensor) -> tk.Tensor:
        w = w.detach().requires_grad_()
        buffer.detach_().zero_()
        buffer[0].copy_(w)
        buffer[1].copy_(w * w)
        (gradient,) = tk.autograd.grad((buffer * buffer).sum(), [w])
        buffer.detach_()
        return gradient

    compiled = tk.compile(step)
    for _ in range(3):
        w = tk.randn(3)
        assert same_bits(array_of(compiled(w)), array_of(step(w)))


@given(programs(max_steps=12), st.integers(0, 99))
def test_programs_replay_values_and_gradients(
    drawn: tuple[Program, list[np.ndarray]], seed: int
) -> None:
    program, arrays = drawn
    rng = np.random.default_rng(seed)

    def step(*inputs: tk.Tensor) -> Any:
        leaves = [each.clone().requires_grad_() for each in inputs]
        values = program.run(*leaves)
        total = sum((value.sum() for value in values[1:]), values[0].sum())
        total.backward()
        return {"total": total.detach(), "gradients": [leaf.grad.clone() for leaf in leaves]}

    try:
        step(*map(tk.tensor, arrays))
    except RuntimeError as refusal:
        assert "saved for its gradient was changed" in str(refusal)
        return
    compiled = tk.compile(step)
    for _ in range(4):
        inputs = [tk.tensor(x * rng.uniform(0.5, 1)) for x in arrays]
        expected, found = step(*inputs), compiled(*inputs)
        assert same_bits(array_of(found["total"]), array_of(expected["total"]))
        for a, b in zip(found["gradients"], expected["gradients"], strict=True):
            assert same_bits(array_of(a), array_of(b)), program
    assert replays(compiled) == 1, compiled.explain()


# -- what Python does, and what it refuses ---------------------------------------------------------


def called_back(function: Callable[..., Any]) -> Callable[[tk.Tensor], tk.Tensor]:
    """An op that NumPy computes by this function."""
    return lambda x: wrap(host(function, x))


BAD_VALUES = {
    "singular": (lambda x: tk.linalg.inv(x), [[1.0, 2.0], [2.0, 4.0]], "singular"),
    "unused": (lambda x: (tk.linalg.inv(x), x * 2)[1], [[1.0, 2.0], [2.0, 4.0]], "singular"),
    "probability": (
        lambda x: F.binary_cross_entropy(x.diagonal() / 4, tk.ones(2)),
        [[9.0, 0.0], [0.0, 1.0]],
        r"\[0, 1\]",
    ),
    "quantile": (
        lambda x: tk.arange(3.0).quantile(x[0, 0] / 2),
        [[9.0, 0.0], [0.0, 1.0]],
        "0 to 1",
    ),
    "weights": (lambda x: x.multinomial(1), [[1.0, 2.0], [0.0, 0.0]], "all zero"),
    "divisor": (lambda x: 7 // x.int(), [[1.0, 2.0], [0.0, 1.0]], "division by zero"),
    "single divisor": (lambda x: 7 % x.int()[1, 0], [[1.0, 2.0], [0.0, 1.0]], "division by zero"),
    "class": (lambda x: F.one_hot(x.long(), 3), [[1.0, 2.0], [3.0, 0.0]], "out of range"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_values_without_a_result_stop_a_replay(name: str) -> None:
    function, values, message = BAD_VALUES[name]
    compiled = tk.compile(function)
    good, bad = tk.tensor([[2.0, 1.0], [1.0, 1.0]]), tk.tensor(values)
    for _ in range(3):
        tk.manual_seed(0)
        expected = function(good)
        with pytest.raises(Exception) as plain:
            function(bad)
        tk.manual_seed(0)
        assert compiled(good).tolist() == expected.tolist()
        with pytest.raises(Exception, match=message) as replayed:
            compiled(bad)
        if name != "class":  # the index as such is out of range
            assert type(replayed.value) is type(plain.value)
    assert replays(compiled) == 1


def test_what_came_behind_an_exception_is_not_done() -> None:
    @tk.compile
    def function(x: tk.Tensor, sum_: tk.Tensor) -> None:
        sum_ += tk.linalg.det(tk.linalg.inv(x))

    total = tk.zeros(())
    for _ in range(3):
        function(tk.eye(2), total)
        with pytest.raises(tk.linalg.LinAlgError):
            function(tk.zeros(2, 2), total)
    assert total.item() == 3.0


def test_options_of_an_embedding() -> None:
    """Rows that are too long are scaled in place, gradients divided by how often a row is used."""
    table = tk.randn(5, 3) * 3

    def function(weight: tk.Tensor, places: tk.Tensor) -> tk.Tensor:
        leaf = weight.clone().requires_grad_()
        F.embedding(places, leaf, max_norm=1.5, scale_grad_by_freq=True).square().sum().backward()
        return leaf.grad

    compiled = tk.compile(function)
    for places in ([0, 1, 1], [2, 2, 2], [4, 0, 4]):
        expected = function(table, tk.tensor(places))
        assert same_bits(array_of(compiled(table, tk.tensor(places))), array_of(expected))
    assert replays(compiled) == 1


def test_an_interrupt_in_a_replay() -> None:
    calls = []

    def interrupted(x: np.ndarray) -> np.ndarray:
        calls.append(1)
        if x[0] < 0:
            raise KeyboardInterrupt
        return x * 2

    op = called_back(interrupted)
    compiled = tk.compile(lambda x: op(x + 1) * 3)
    for _ in range(3):
        gc.collect()
        assert compiled(tk.ones(2)).tolist() == [12.0, 12.0]
        with pytest.raises(KeyboardInterrupt):
            compiled(tk.full((2,), -5.0))
    assert len(calls) == 6 and replays(compiled) == 1


def test_a_replay_within_itself_is_refused() -> None:
    compiled: Any = None

    def again(x: np.ndarray) -> np.ndarray:
        if compiled is not None and x[0] > 1:
            compiled(tk.ones(2))
        return x * 2

    compiled = tk.compile(called_back(again))
    assert compiled(tk.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="again"):
        compiled(tk.full((2,), 3.0))
    assert compiled(tk.ones(2)).tolist() == [2.0, 2.0]


def test_strided_operands_of_what_numpy_computes() -> None:
    """Arrays have the strides of the tensors, so that sums are taken in the same order."""
    op = called_back(lambda x: np.add.reduce(x, -1))
    compiled = tk.compile(lambda x, y: op(x.T) + op(y[:, ::3]) + op((x + 1).T))
    for _ in range(3):
        x, y = tk.randn(1001, 301), tk.randn(301, 3003)
        with tk.no_grad():
            expected = op(x.T) + op(y[:, ::3]) + op((x + 1).T)
            assert same_bits(array_of(compiled(x, y)), array_of(expected))


def test_threads_and_batches_call_back() -> None:
    compiled = tk.compile(lambda x: tk.linalg.det(x @ x.T + tk.eye(3)))
    inputs = [tk.randn(3, 3) for _ in range(8)]
    with tk.no_grad():
        expected = [compiled(x).item() for x in inputs]
        found: list[Any] = [None] * 8

        def work(i: int) -> None:
            for _ in range(50):
                found[i] = compiled(inputs[i]).item()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert found == expected
        sums = over_batches(compiled, [tk.cat(inputs)], tk.arange(24), 3)
        assert np.isclose(sums, sum(expected))


def test_bags_and_targets_of_other_lengths() -> None:
    """What offsets and lengths say is computed again, and checked, in every replay."""
    table, scores = tk.randn(5, 3), tk.randn(6, 2, 4)

    def bags(x: tk.Tensor, offsets: tk.Tensor) -> tk.Tensor:
        return tk.cat([F.embedding_bag(x, table, offsets, mode=m) for m in ("sum", "mean", "max")])

    compiled = tk.compile(bags)
    for starts in ([0, 2, 4], [0, 0, 0], [0, 6, 6], [0, 1, 5]):
        x, offsets = tk.randint(0, 5, (6,)), tk.tensor(starts)
        assert same_bits(array_of(compiled(x, offsets)), array_of(bags(x, offsets)))
    with pytest.raises(ValueError, match="embedding_bag: offsets must ascend from 0 up to 6"):
        compiled(tk.zeros(6, dtype=tk.int64), tk.tensor([0, 3, 2]))
    assert replays(compiled) == 1

    def loss(labels: tk.Tensor, lengths: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
        leaf = scores.clone().requires_grad_()
        value = F.ctc_loss(leaf, labels, [6, 5], lengths)
        return value.detach(), tk.autograd.grad(value, leaf)[0]

    compiled = tk.compile(loss)
    for lengths in ([2, 1], [0, 3], [3, 3], [1, 0]):
        labels, sizes = tk.randint(1, 4, (6,)), tk.tensor(lengths)
        for found, expected in zip(compiled(labels, sizes), loss(labels, sizes), strict=True):
            assert same_bits(array_of(found), array_of(expected))
    with pytest.raises(ValueError, match="ctc_loss: 7 labels are needed"):
        compiled(tk.ones(6, dtype=tk.int64), tk.tensor([4, 3]))
    with pytest.raises(ValueError, match="ctc_loss: labels must be 0 to 3; got 1 to 9"):
        compiled(tk.tensor([1, 9, 1, 1, 1, 1]), tk.tensor([2, 1]))
    assert replays(compiled) == 1


def fit(a: tk.Tensor) -> tk.Tensor:
    found = tk.linalg.lstsq(a, tk.ones(3, 1))
    return tk.cat([found.solution.flatten(), found.residuals])


def slope_of_det(a: tk.Tensor) -> tk.Tensor:
    leaf = a.clone().requires_grad_()
    return tk.autograd.grad(tk.linalg.det(leaf), leaf)[0]


@pytest.mark.parametrize(
    ("function", "rows", "fact"),
    [
        (fit, 3, "whether all matrices have full rank"),
        (slope_of_det, 2, "whether no matrix is singular"),
    ],
)
def test_what_decides_must_not_change(
    function: Callable[[tk.Tensor], tk.Tensor], rows: int, fact: str
) -> None:
    regular, singular = tk.eye(3)[:rows, :2] + 0.5, tk.ones(rows, 2)
    for first, second in ((regular, singular), (singular, regular)):
        compiled = tk.compile(function)
        for factor in (1.0, 2.0):
            expected = function(first * factor)
            assert same_bits(array_of(compiled(first * factor)), array_of(expected))
        with pytest.raises(RuntimeError, match=fact):
            compiled(second)
        assert replays(compiled) == 1
