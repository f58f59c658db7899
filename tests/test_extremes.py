"""Corners that drawn examples rarely meet."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_k as tk


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_division_of_every_pair_of_extreme_integers(kind: type) -> None:
    limits = np.iinfo(kind)
    near = {*range(limits.min, limits.min + 3), *range(limits.max - 2, limits.max + 1), 1, 2, 37}
    ends = np.array(sorted(near), kind)
    a, b = (np.ascontiguousarray(each) for each in np.broadcast_arrays(ends[:, None], ends))
    b = np.where(b == 0, kind(1), b)
    x, y = tk.from_numpy(a), tk.from_numpy(b)
    with np.errstate(over="ignore"):
        assert np.array_equal((x // y).numpy(), a // b)
        assert np.array_equal((x % y).numpy(), a % b)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_division_beside_whole_quotients(kind: type) -> None:
    """Numbers of all lengths: kernels divide floats, whose quotients could be rounded up."""
    limits, rng = np.iinfo(kind), np.random.default_rng(1)
    drawn = rng.integers(limits.min, limits.max, (2, 20_000), kind, endpoint=True)
    whole, b = drawn >> rng.integers(0, limits.bits, drawn.shape).astype(kind)
    b[b == 0] = 3
    a = whole * b + rng.integers(-1, 2, whole.size).astype(kind)
    x, y = tk.from_numpy(a), tk.from_numpy(b)
    with np.errstate(over="ignore"):
        assert np.array_equal((x // y).numpy(), a // b)
        assert np.array_equal((x % y).numpy(), a % b)
        assert np.array_equal(tk.fmod(x, y).numpy(), np.fmod(a, b))
        truncated = (a - np.fmod(a, b)) // b
        assert np.array_equal(tk.div(x, y, rounding_mode="trunc").numpy(), truncated)


def test_absurd_repeats_are_refused() -> None:
    with pytest.raises(ValueError, match="repeat_interleave"):
        tk.arange(4).repeat_interleave(tk.tensor([2**62] * 4))


def test_a_copy_from_its_own_memory_through_numpy() -> None:
    x = tk.arange(5)
    x.copy_(tk.from_numpy(x.numpy()[::-1]))
    assert x.tolist() == [4, 3, 2, 1, 0]


def test_equal_values_spread_nothing_back() -> None:
    x = tk.ones(3, requires_grad=True)
    x.std().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.0, 0.0]


def test_squares_bend_everywhere() -> None:
    x = tk.tensor([np.inf, -np.inf, np.nan, 3e38, 1.0], requires_grad=True)
    far = tk.tensor([0.0, np.inf, 0.0, -3e38, 0.0])
    loss = tk.nn.functional.mse_loss(x, far, reduction="sum")
    (slope,) = tk.autograd.grad(loss, x, create_graph=True)
    (bend,) = tk.autograd.grad(slope.sum(), x)
    assert bend.tolist() == [2.0] * 5


def test_binary_cross_entropy_of_certainties() -> None:
    """Its slope is finite where the logarithm is not: (x - t) over at least 1e-12."""
    x = tk.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    losses = tk.nn.functional.binary_cross_entropy(x, tk.tensor([0.0, 1.0, 1.0, 0.0]), None, "none")
    assert losses.tolist() == [0.0, 0.0, 100.0, 100.0]
    losses.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [0.0, 0.0, -1e12, 1e12], rtol=1e-6)


def test_digamma_beside_its_poles() -> None:
    near = np.array([-1e-16, -2.2e-16, -1e-300, -1 + 2.0**-50, -3 - 2.0**-48])
    expected = np.array([1e16, 1 / 2.2e-16, 1e300, -(2.0**50), 2.0**48])
    assert np.allclose(tk.digamma(tk.from_numpy(near)).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("alpha", [np.inf, 1e39, 1e-50, -np.inf, np.nan])
def test_numbers_of_the_other_side_stay_out_of_positive_ones(alpha: float, isa: str) -> None:
    """Also those that are infinite, or 0, in the type of the elements."""
    x = tk.tensor([1e-40, 1.0, 100.0, np.inf] * 30)
    for result in (tk.nn.functional.elu(x, alpha), tk.nn.functional.celu(x, alpha)):
        assert result.tolist() == x.tolist()
