"""checkpoint: the numbers of the plain call, with less kept."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tinygrad_k as tk
from tinygrad_k import nn
from tinygrad_k.autograd import Function, grad, gradcheck, gradgradcheck
from tinygrad_k.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*shape: int, seed: int = 0) -> tk.Tensor:
    return tk.from_numpy(np.random.default_rng(seed).normal(size=shape)).requires_grad_()


def values(t: tk.Tensor | None) -> Any:
    assert t is not None
    return t.detach().tolist()


class Split(Function):
    """Two outputs, both saved."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
        s, c = x.sin(), x.cos()
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor, h: tk.Tensor) -> tk.Tensor:
        s, c = ctx.saved_tensors
        return g * c - h * s


WEIGHT = leaf(3, seed=5)


def several(x: tk.Tensor) -> Any:
    s, c = Split.apply(x * WEIGHT)
    return (s.exp() * c, {"sum": (x @ x.mT).tanh().sum()})


def total(function: Any) -> Any:
    def run(*args: Any) -> tk.Tensor:
        first, rest = function(*args)
        return (first * first).sum() + rest["sum"]

    return run


@pytest.mark.parametrize("create_graph", [False, True])
def test_equal_to_the_plain_call(create_graph: bool) -> None:
    """Bit for bit, in arguments that require grad and in what the function closes over; nested."""

    def nested(x: tk.Tensor) -> Any:
        return checkpoint(several, checkpoint(lambda t: t.sigmoid().exp(), x) * 2.0)

    def plain(x: tk.Tensor) -> Any:
        return several(x.sigmoid().exp() * 2.0)

    x = leaf(2, 3)
    for a, b in (
        (plain, nested),
        (several, lambda t: checkpoint(several, t)),
        (plain, lambda t: checkpoint(nested, t)),
    ):
        expected = grad(total(a)(x), [x, WEIGHT], create_graph=create_graph)
        found = grad(total(b)(x), [x, WEIGHT], create_graph=create_graph)
        for want, have in zip(expected, found, strict=True):
            assert values(want) == values(have)
        if create_graph:
            wanted = [(each * each).sum() for each in expected]
            having = [(each * each).sum() for each in found]
            for want, have in zip(
                grad(wanted, [x, WEIGHT]), grad(having, [x, WEIGHT]), strict=True
            ):
                assert np.allclose(values(want), values(have), rtol=1e-13)


def test_derivatives_by_differences() -> None:
    x = leaf(2, 3)
    assert gradcheck(lambda t: checkpoint(total(several), t), [x])
    assert gradgradcheck(lambda t: checkpoint(total(several), t), [x])


def test_backward_twice_and_in_parts() -> None:
    x = leaf(2, 3)
    y = checkpoint(total(several), x)
    first = grad(y, [x], retain_graph=True)[0]
    assert values(grad(y, [WEIGHT], retain_graph=True)[0]) == values(
        grad(total(several)(x), [WEIGHT])[0]
    )
    assert values(grad(y, [x])[0]) == values(first)
    with pytest.raises(RuntimeError, match="released by an earlier backward"):
        y.backward()


def test_parameters_only() -> None:
    """Where no argument requires grad, the parameters of a module get their gradients."""
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = tk.randn(5, 3)
    net(x).sum().backward()
    expected = [values(p.grad) for p in net.parameters()]
    net.zero_grad()
    checkpoint(net, x, use_reentrant=False).sum().backward()
    assert [values(p.grad) for p in net.parameters()] == expected


def test_random_numbers_are_the_same_again() -> None:
    x = leaf(50)
    y = checkpoint(lambda t: tk.nn.functional.dropout(t, 0.5) * t.exp(), x)
    mask = y.detach() != 0.0
    state = tk.get_rng_state().tolist()
    y.sum().backward()
    assert x.grad is not None and ((x.grad != 0.0) == mask).all().item()
    assert tk.get_rng_state().tolist() == state


def test_less_is_kept() -> None:
    def deep(t: tk.Tensor) -> tk.Tensor:
        for _ in range(20):
            t = t.tanh().exp().sigmoid()
        return t

    gc.collect()
    x = leaf(1000)
    before = tk.memory_stats()["tensors"]
    y = deep(x)
    plain = tk.memory_stats()["tensors"] - before
    del y
    y = checkpoint(deep, x)
    gc.disable()
    try:
        assert plain >= 60 and tk.memory_stats()["tensors"] - before <= 4
        y.sum().backward()
        del y
        x.grad = None
        assert tk.memory_stats()["tensors"] - before <= 0
    finally:
        gc.enable()


def test_what_cannot_be_repeated() -> None:
    calls = []

    def changes(t: tk.Tensor) -> tk.Tensor:
        calls.append(0)
        return t.sin() if len(calls) == 1 else t.cos()

    with pytest.raises(RuntimeError, match=r"^checkpoint: .* op 0 was sin, now cos"):
        checkpoint(changes, leaf(2)).sum().backward()
    calls.clear()

    def shrinks(t: tk.Tensor) -> tk.Tensor:
        calls.append(0)
        return t.sin().cos() if len(calls) == 1 else t.sin()

    with pytest.raises(RuntimeError, match=r"^checkpoint: .* op 1 was cos, now none"):
        checkpoint(shrinks, leaf(2)).sum().backward()
    x = leaf(2)
    middle = x * 1.0
    y = checkpoint(lambda t: t.sin().exp(), middle)
    middle.detach().mul_(2.0)
    with pytest.raises(RuntimeError, match=r"^checkpoint: .* changed in place by mul_"):
        y.sum().backward()
    for wrong in (lambda: checkpoint(3), lambda: checkpoint(abs, x, determinism_check="so")):
        with pytest.raises((TypeError, ValueError), match=r"^checkpoint: "):
            wrong()


def test_without_gradients_it_is_the_call() -> None:
    with tk.no_grad():
        assert not checkpoint(lambda t: t * 2.0, leaf(2)).requires_grad


def test_sequential() -> None:
    net = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(5)])
    x = tk.randn(4, 3, requires_grad=True)
    net(x).sum().backward()
    expected, x.grad = x.grad, None
    for segments in (1, 2, 5):
        checkpoint_sequential(net, segments, x).sum().backward()
        assert values(x.grad) == values(expected)
        x.grad = None
    with pytest.raises(ValueError, match="6 segments of 5"):
        checkpoint_sequential(net, 6, x)
