"""Reductions and softmax of lines of any length: where what decides stands does not matter."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_k as tk

LENGTHS = (1, 7, 16, 65, 300, 2100, 17_000)
every_dtype = pytest.mark.parametrize("kind", tk.backend.DTYPES, ids=lambda each: each.name)


def places(length: int) -> set[int]:
    return {0, length // 3, length // 2, length - 1}


@every_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_one_element_decides(kind: tk.dtype, length: int) -> None:
    for rest in (0, 1):
        for at in places(length):
            x = np.full((3, length), rest, kind.numpy)
            x[1, at] = 1 - rest
            t = tk.from_numpy(x)
            for one in (t, t.t().contiguous().t(), t[:, ::2]):
                y = one.numpy()
                for name, reference in (("any", np.any), ("all", np.all)):
                    assert np.array_equal(getattr(one, name)(1).numpy(), reference(y, 1))
                    assert getattr(one, name)().item() == reference(y)
                assert np.array_equal(one.count_nonzero(1).numpy(), np.count_nonzero(y, 1))
                assert one.count_nonzero().item() == np.count_nonzero(y)


@every_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_first_extreme_of_equal_ones(kind: tk.dtype, length: int) -> None:
    for at in places(length):
        x = np.zeros((2, length), kind.numpy)
        x[1, at:] = 1
        assert np.array_equal(tk.from_numpy(x).argmax(1).numpy(), [0, at])
        assert np.array_equal(tk.from_numpy(1 - x).argmin(1).numpy(), [0, at])
        if kind.is_floating_point:
            x[1, at] = np.nan
            assert np.array_equal(tk.from_numpy(x).argmax(1).numpy(), [0, at])
            assert np.array_equal(tk.from_numpy(x).argmin(1).numpy(), [0, at])


@pytest.mark.parametrize("kind", [tk.float32, tk.float64], ids=lambda each: each.name)
@pytest.mark.parametrize("shape", [(5, 3), (17, 40), (1100, 19), (30, 1100), (2, 520, 9)], ids=str)
def test_softmax_across_equals_softmax_along(kind: tk.dtype, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 30).astype(kind.numpy)
    x[..., 3, 0] = np.inf
    x[..., 4, 1] = -np.inf
    x[..., :, 2] = -np.inf
    x[..., 2, -1] = np.nan if shape[-1] > 3 else 0
    g = tk.from_numpy(rng.standard_normal(shape).astype(kind.numpy))
    t = tk.from_numpy(x)
    for name in ("softmax", "log_softmax"):
        results = []
        for one, dim in ((t, -2), (t.swapaxes(-1, -2).contiguous(), -1)):
            leaf = one.clone().requires_grad_()
            y = getattr(leaf, name)(dim)
            y.backward(g if dim == -2 else g.swapaxes(-1, -2).contiguous())
            pair = (y.detach(), leaf.grad)
            results.append([a if dim == -2 else a.swapaxes(-1, -2) for a in pair])
        for across, along in zip(*results, strict=True):
            close = 1e-5 if kind is tk.float32 else 1e-13
            assert np.allclose(
                across.numpy(), along.numpy(), rtol=close, atol=close, equal_nan=True
            )
