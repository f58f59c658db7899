"""Random numbers: their moments, their ranges, and that a seed repeats them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_k as tk
import tinygrad_k.nn.functional as F

N = 40_000  # a mean of so many is off by more than 5 / sqrt(N) standard deviations never

# What is drawn: its mean and its standard deviation.
MADE: dict[str, tuple[Callable[[], tk.Tensor], float, float]] = {
    "rand": (lambda: tk.rand(N), 0.5, 12**-0.5),
    "randn": (lambda: tk.randn(N), 0, 1),
    "rand_like": (lambda: tk.rand_like(tk.zeros(N, dtype=tk.float64)), 0.5, 12**-0.5),
    "randn_like": (lambda: tk.randn_like(tk.zeros(N)), 0, 1),
    "randint": (lambda: tk.randint(-2, 3, (N,)), 0, 2**0.5),
    "randint_like": (lambda: tk.randint_like(tk.zeros(N), 5), 2, 2**0.5),
    "normal": (lambda: tk.normal(3.0, 0.5, (N,)), 3, 0.5),
    "normal of means": (lambda: tk.normal(tk.full((N,), 3.0), 2.0), 3, 2),
    "normal of deviations": (lambda: tk.normal(1.0, tk.full((N,), 2.0)), 1, 2),
    "bernoulli": (lambda: tk.bernoulli(tk.full((N,), 0.3)), 0.3, 0.21**0.5),
    "multinomial": (lambda: tk.multinomial(tk.tensor([1.0, 0, 3]), N, True), 1.5, 0.75**0.5),
    "uniform_": (lambda: tk.empty(N).uniform_(-1, 3), 1, 4 / 12**0.5),
    "normal_": (lambda: tk.empty(N).normal_(2, 3), 2, 3),
    "exponential_": (lambda: tk.empty(N).exponential_(2), 0.5, 0.5),
    "bernoulli_": (lambda: tk.empty(N).bernoulli_(0.25), 0.25, 0.1875**0.5),
    "bernoulli_ of many": (lambda: tk.empty(N).bernoulli_(tk.tensor(0.5)), 0.5, 0.5),
    "random_": (lambda: tk.empty(N).random_(4), 1.5, 1.25**0.5),
    "random_ of a range": (lambda: tk.zeros(N, dtype=tk.int32).random_(-1, 2), 0, (2 / 3) ** 0.5),
    "dropout": (lambda: F.dropout(tk.ones(N), 0.25), 1, (1 / 3) ** 0.5),
    "alpha_dropout": (lambda: F.alpha_dropout(tk.randn(N), 0.3, True), 0, 1),
    "feature_alpha_dropout": (
        lambda: F.feature_alpha_dropout(tk.randn(N // 4, 4), 0.3, True),
        0,
        1,
    ),
    "gumbel_softmax": (
        lambda: F.gumbel_softmax(tk.tensor([3.0, 1.0]).log().expand(N, 2), hard=True)[:, 0],
        0.75,
        0.1875**0.5,
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_moments_and_seeds(name: str) -> None:
    function, mean, deviation = MADE[name]
    tk.manual_seed(1)
    x = function()
    values = x.numpy().astype(np.float64)
    assert abs(values.mean() - mean) < 5 * deviation / N**0.5
    assert abs(values.std() - deviation) < 0.05 * deviation
    assert not np.array_equal(function().numpy(), x.numpy())
    tk.manual_seed(1)
    assert np.array_equal(function().numpy(), x.numpy())


def test_states_go_back() -> None:
    state = tk.get_rng_state()
    first = tk.rand(3).tolist()
    tk.set_rng_state(state)
    assert tk.rand(3).tolist() == first
    own = tk.Generator().manual_seed(3)
    again = tk.Generator().manual_seed(3)
    assert tk.rand(3, generator=own).tolist() == tk.rand(3, generator=again).tolist()


def test_every_index_once_without_replacement() -> None:
    picks = tk.multinomial(tk.tensor([[1.0, 2.0, 0.0, 3.0]]).expand(50, 4), 3)
    assert all(sorted(row) == [0, 1, 3] for row in picks.tolist())


def test_gumbel_has_the_gradient_of_the_soft_sample() -> None:
    results = []
    for hard in (False, True):
        tk.manual_seed(0)
        leaf = tk.tensor([[0.5, -1.0, 2.0]], dtype=tk.float64, requires_grad=True)
        sample = F.gumbel_softmax(leaf, 0.7, hard)
        assert np.isclose(sample.sum().item(), 1)
        assert not hard or sorted(np.round(sample.tolist()[0], 12)) == [0.0, 0.0, 1.0]
        (sample * tk.tensor([1.0, 2.0, 3.0])).sum().backward()
        assert leaf.grad is not None
        results.append(leaf.grad.tolist())
    assert np.allclose(results[0], results[1])


@pytest.mark.parametrize(
    "function",
    [
        lambda: tk.randint(3, 3, (2,)),
        lambda: tk.randint(0, 300, (2,), dtype=tk.uint8),
        lambda: tk.normal(0.0, -1.0, (2,)),
        lambda: tk.normal(tk.zeros(2), tk.full((2,), -1.0)),
        lambda: tk.bernoulli(tk.full((2,), 1.5)),
        lambda: tk.bernoulli(tk.arange(2)),
        lambda: tk.empty(2).bernoulli_(-0.1),
        lambda: tk.empty(2).uniform_(1, 0),
        lambda: tk.empty(2).exponential_(0),
        lambda: tk.multinomial(tk.tensor([1.0, 0.0]), 2),
        lambda: tk.multinomial(tk.tensor([1.0, -1.0]), 1),
        lambda: tk.zeros(2, dtype=tk.int64).normal_(),
        lambda: F.alpha_dropout(tk.ones(2), 2, True),
        lambda: F.gumbel_softmax(tk.arange(3)),
        lambda: tk.set_rng_state(tk.zeros(3)),
        lambda: tk.manual_seed(2**64),
    ],
)
def test_mistakes(function: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^\w+: "):
        function()


def test_a_permutation_names_itself() -> None:
    for n, error in ((2.5, TypeError), (-1, ValueError)):
        with pytest.raises(error, match="randperm: n must be"):
            tk.randperm(n)


def test_other_names_of_arguments() -> None:
    """NumPy's names, and those of argument lists, as PyTorch takes them."""
    x = tk.arange(6.0).reshape(2, 3)
    assert x.sum(axis=0, keepdims=True).shape == (1, 3)
    assert x.argmax(axis=1).shape == (2,)
    assert tk.cat([x, x], axis=1).shape == (2, 6)
    assert x.softmax(axis=0).shape == (2, 3)
    assert tk.rand(size=(2, 3)).shape == tk.zeros(size=(2, 3)).shape == (2, 3)
    assert x.reshape(shape=(3, 2)).shape == x.view(size=(3, 2)).shape == (3, 2)
    assert x.permute(dims=(1, 0)).shape == (3, 2)
    assert x.flip(dims=(0,)).tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]
    assert x.expand(size=(4, 2, 3)).shape == x.repeat(repeats=(4, 1, 1)).shape == (4, 2, 3)
    for wrong in (
        lambda: x.sum(axis=0, dim=1),
        lambda: x.sum(axes=0),
        lambda: tk.rand(2, size=(2,)),
    ):
        with pytest.raises((TypeError, IndexError)):
            wrong()


def test_conversions_in_any_order() -> None:
    x = tk.ones(2)
    for kind in (
        x.to(tk.float64),
        x.to("cpu", tk.float64),
        x.to(tk.float64, True),
        x.to(dtype=float),
        x.to(tk.zeros(1, dtype=tk.float64)),
        x.to(device="cpu", dtype=tk.float64, non_blocking=True),
    ):
        assert kind.dtype is tk.float64
    assert x.to("cpu") is x
    assert x.to(tk.float32, False, True) is not x
    for wrong in ("cuda", 3, "text"):
        with pytest.raises((TypeError, ValueError), match=r"^to: "):
            x.to(wrong)


def test_a_number_may_be_called_value() -> None:
    index = tk.tensor([[0], [1]])
    x = tk.ones(2, 2)
    assert x.scatter(1, index, value=3).tolist() == [[3.0, 1.0], [1.0, 3.0]]
    assert x.clone().scatter_(1, index, 3.0, reduce="multiply").tolist() == [[3.0, 1.0], [1.0, 3.0]]
    assert x.clone().scatter_(1, index, value=3, reduce="add").tolist() == [[4.0, 1.0], [1.0, 4.0]]
    with pytest.raises(TypeError, match="either src or value"):
        x.scatter(1, index)
