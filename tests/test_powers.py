"""A power by a number is the simpler function that it equals, to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_k as tk

NAN, INF = math.nan, math.inf
VALUES = [*np.linspace(-3.0, 3.0, 67), -INF, -0.0, 0.0, 1e-30, 1e30, INF, NAN]

SIMPLER: dict[float, Callable[[tk.Tensor], tk.Tensor]] = {
    0: tk.ones_like,
    1: tk.clone,
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    0.5: tk.sqrt,
    -0.5: tk.rsqrt,
    -1: tk.reciprocal,
    -2: lambda x: 1 / (x * x),
}


def same_bits(found: tk.Tensor, expected: tk.Tensor) -> None:
    a, b = found.detach().numpy(), expected.detach().numpy()
    np.testing.assert_array_equal(a, b, strict=True)
    if found.dtype.is_floating_point:
        np.testing.assert_array_equal(np.signbit(a[a == a]), np.signbit(b[b == b]))


@pytest.mark.parametrize("exponent", SIMPLER)
@pytest.mark.parametrize("dtype", [tk.float32, tk.float64])
def test_powers_of_floats(exponent: float, dtype: tk.dtype) -> None:
    x = tk.tensor(VALUES, dtype=dtype)
    expected = SIMPLER[exponent](x)
    compiled = tk.compile(lambda x: x**exponent)
    powers = [x**exponent, x ** float(exponent), tk.pow(x, exponent), compiled(x), compiled(x)]
    for found in (*powers, x.clone().pow_(exponent), x.reshape(-1, 2).t() ** exponent):
        same_bits(found.t().reshape(-1) if found.ndim == 2 else found, expected)
    same_bits(tk.float_power(x, exponent), SIMPLER[exponent](x.to(tk.float64)))


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
@pytest.mark.parametrize("dtype", [tk.int64, tk.int32, tk.uint8])
def test_powers_of_integers(exponent: int, dtype: tk.dtype) -> None:
    x = tk.arange(70).to(dtype)
    same_bits(x**exponent, SIMPLER[exponent](x))
    same_bits(x.clone().pow_(exponent), SIMPLER[exponent](x))
    same_bits(x ** float(exponent), SIMPLER[exponent](x.to(tk.float32)))
    same_bits(x**0.5, tk.sqrt(x))


@pytest.mark.parametrize("dtype", [tk.int64, tk.int32, tk.uint8])
def test_powers_of_integers_to_integers(dtype: tk.dtype, isa: str) -> None:
    """Products wrap around; of a negative power the fraction is cut off."""
    kind = tk.zeros(0, dtype=dtype).numpy().dtype
    bits, lowest = 8 * kind.itemsize, int(np.iinfo(kind).min)
    bases, exponents = np.meshgrid(np.arange(max(lowest, -9), 10), [0, 1, 2, 5, 31, 70, -1, -2, -9])
    pairs = [(a, b) for a, b in zip(bases.flat, exponents.flat, strict=True) if b >= lowest]
    expected = [
        (int(a) ** int(b) - lowest) % 2**bits + lowest
        if b >= 0
        else int(a) ** int(-b % 2)
        if abs(a) == 1
        else 0
        for a, b in pairs
    ]
    base, exponent = tk.tensor(pairs, dtype=dtype).t()
    assert (base**exponent).tolist() == expected


# exponent, operands, first and second derivatives
SLOPES = [
    (0, [0.0, INF, NAN], [0.0, 0.0, 0.0], None),
    (1, [0.0, INF, NAN], [1.0, 1.0, 1.0], None),
    (2, [0.0, -3.0, INF], [0.0, -6.0, INF], [2.0, 2.0, 2.0]),
    (3, [0.0, -2.0, INF], [0.0, 12.0, INF], [0.0, -12.0, INF]),
    (0.5, [0.0, 4.0, INF], [INF, 0.25, 0.0], [-INF, -1 / 32, 0.0]),
    (-0.5, [4.0, INF], [-1 / 16, 0.0], [3 / 128, 0.0]),
    (-1, [0.0, -2.0, INF], [-INF, -0.25, 0.0], [INF, -0.25, 0.0]),
    (-2, [0.0, -2.0, INF], [-INF, 0.25, 0.0], [INF, 0.375, 0.0]),
]


@pytest.mark.parametrize(("exponent", "values", "slopes", "bends"), SLOPES)
def test_derivatives_by_the_base(
    exponent: float, values: list[float], slopes: list[float], bends: list[float] | None
) -> None:
    x = tk.tensor(values, dtype=tk.float64, requires_grad=True)
    (slope,) = tk.autograd.grad((x**exponent).sum(), x, create_graph=bends is not None)
    np.testing.assert_allclose(slope.detach().numpy(), slopes, rtol=1e-14)
    if bends is not None:
        (bend,) = tk.autograd.grad(slope.sum(), x)
        np.testing.assert_allclose(bend.numpy(), bends, rtol=1e-14)


def test_an_exponent_that_is_a_tensor_may_change() -> None:
    compiled = tk.compile(lambda x, n: x**n)
    x = tk.tensor([1.5, 4.0])
    for n in (2.0, 0.5, 3.0):
        np.testing.assert_allclose(compiled(x, tk.tensor(n)).numpy(), x.numpy() ** n, rtol=1e-6)
