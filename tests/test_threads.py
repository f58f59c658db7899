"""Threads that share tensors: what the others forget or replace meanwhile is never read when freed.

Each test runs two loops against each other for a moment. A fault shows as a crash, as a report of
AddressSanitizer (tests/sanitize.py), or in memory that does not come back.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tinygrad_k as tk
from tinygrad_k import optim
from tinygrad_k.nn.utils import clip_grad_norm_

SECONDS = 0.4
SIZE = 40_000  # kernels long enough for the other thread to take the GIL in the middle


@pytest.fixture(autouse=True)
def short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def against(*loops: Callable[[], object]) -> None:
    """Runs every function over and over in a thread of its own; errors are raised here."""
    end = time.monotonic() + SECONDS
    errors: list[BaseException] = []

    def work(loop: Callable[[], object]) -> None:
        try:
            while time.monotonic() < end and not errors:
                loop()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(loop,)) for loop in loops]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        raise errors[0]


def parameters(n: int = 4) -> list[tk.Tensor]:
    return [tk.rand(SIZE).requires_grad_() for _ in range(n)]


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_gradients_forgotten_during_a_step(make: Callable[..., optim.Optimizer]) -> None:
    params = parameters()
    optimizer = make(params, lr=1e-6)

    def forget() -> None:
        optimizer.zero_grad()
        for each in params:
            each.grad = tk.ones(SIZE)

    against(optimizer.step, forget)
    assert all(np.isfinite(each.detach().numpy()).all() for each in params)


def test_steps_of_one_optimizer_in_two_threads() -> None:
    params = parameters()
    optimizer = optim.SGD(params, lr=1e-6)

    def step() -> None:
        for each in params:
            each.grad = tk.ones(SIZE)
        optimizer.step()

    against(step, step)
    assert all(np.isfinite(each.detach().numpy()).all() for each in params)


def test_gradients_forgotten_while_they_are_clipped() -> None:
    params = parameters()

    def forget() -> None:
        for each in params:
            each.grad = None
            each.grad = tk.ones(SIZE)

    against(lambda: clip_grad_norm_(params, 1.0), forget)


def test_data_replaced_during_an_op() -> None:
    """The op sees the old values or the new ones, never something between or freed."""
    x = tk.zeros(SIZE)

    def replace() -> None:
        for value in (1.0, 2.0):
            x.data = tk.full((SIZE,), value)

    def use() -> None:
        for result in (x * 1.0, tk.cat([x, x]), x.sum(), x[x > -1.0]):
            assert result.numel()
        seen = (x * 1.0).numpy()
        assert seen.min() == seen.max()

    against(use, replace, replace)


def test_data_replaced_during_a_step() -> None:
    params = parameters()
    optimizer = optim.SGD(params, lr=1e-6)
    for each in params:
        each.grad = tk.ones(SIZE)

    def replace() -> None:
        for each in params:
            each.data = tk.zeros(SIZE)

    against(optimizer.step, replace)


def test_replaced_data_is_freed() -> None:
    """At once where nobody uses it; memory borrowed from NumPy is given back, too."""
    gc.collect()
    before = tk.memory_stats()
    x = tk.zeros(SIZE)
    for _ in range(10):
        x.data = tk.from_numpy(np.ones(SIZE, np.float32))
        x.data = tk.ones(SIZE)
    held = x.numpy()
    x.data = tk.zeros(SIZE)
    assert held.max() == 1.0
    del held, x
    after = tk.memory_stats()
    assert (after["tensors"], after["in_use"]) == (before["tensors"], before["in_use"])


def test_backward_in_two_threads() -> None:
    """Graphs of their own over shared leaves, whose gradients are read by grad()."""
    shared = tk.ones(SIZE).requires_grad_()

    def go() -> None:
        (found,) = tk.autograd.grad((shared * shared * 3.0).sum(), [shared])
        assert found is not None and float(found[0].item()) == 6.0
        (shared * 2.0).sum().backward()
        shared.grad = None

    against(go, go)


LONG: dict[str, Callable[[tk.Tensor], object]] = {
    "map": lambda x: x.exp(),
    "change": lambda x: x.add_(1.0),
    "reduce": lambda x: x.sum(),
    "make": lambda x: tk.ones(2000, 2000),
    "join": lambda x: tk.cat([x, x]),
    "draw": lambda x: x.normal_(),
    "rows": lambda x: x.view(2000, 2000).softmax(-1),
    "pick": lambda x: x.index_select(0, tk.arange(4_000_000)),
    "multiply": lambda x: x.view(2000, 2000)[:200] @ x.view(2000, 2000),
}


@pytest.mark.parametrize("name", LONG)
def test_others_have_their_turn_during_a_long_launch(name: str) -> None:
    x, ran, gate, came = tk.rand(4_000_000), [], threading.Lock(), threading.Event()

    def pass_by() -> None:
        came.set()
        with gate:
            ran.append(True)

    with gate:
        other = threading.Thread(target=pass_by)
        other.start()
        assert came.wait(300)
        time.sleep(0.05)  # it stands at the gate
        sys.setswitchinterval(3600.0)  # now nobody takes Python's lock to whom it is not given
    late = time.monotonic() + 300.0  # seconds; asking the time keeps the lock
    while not ran and time.monotonic() < late:  # a busy machine wakes the other when it likes
        LONG[name](x)
    assert ran
    other.join()
