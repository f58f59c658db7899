"""Gradients where there is no derivative: what we give there, which no law can tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_k as tk

NAN, INF = math.nan, math.inf


def rounded_division(x: tk.Tensor, y: tk.Tensor) -> tk.Tensor:
    return tk.div(x, y, rounding_mode="trunc")


# function, operands, their gradients
CHOICES: tuple[tuple[Any, list[Any], list[Any]], ...] = (
    # a power of 0 to the 0, and what is multiplied by a logarithm of 0 or less: 0
    (tk.pow, [[0.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]),
    (tk.xlogy, [[0.0, 0.0], [0.0, -1.0]], [[0.0, 0.0], [0.0, 0.0]]),
    # the origin has no angle, and its distance a kink
    (tk.atan2, [[0.0], [0.0]], [[0.0], [0.0]]),
    (tk.hypot, [[0.0], [0.0]], [[0.0], [0.0]]),
    # outside of the domain
    (tk.logit, [[-0.5, 1.5]], [[NAN, NAN]]),
    # NaN: the element that it comes from
    (lambda x: tk.amax(x, -1), [[1.0, NAN, 3.0, NAN]], [[0.0, 0.5, 0.0, 0.5]]),
    (tk.max, [[1.0, NAN, 3.0]], [[0.0, 1.0, 0.0]]),
    (tk.median, [[1.0, NAN, 3.0]], [[0.0, 1.0, 0.0]]),
    (tk.nanmedian, [[1.0, NAN, 3.0]], [[1.0, 0.0, 0.0]]),
    (tk.maximum, [[NAN, 1.0], [0.0, NAN]], [[1.0, 1.0], [1.0, 1.0]]),
    (tk.relu, [[NAN, -0.0]], [[1.0, 0.0]]),
    # replaced by numbers
    (tk.nan_to_num, [[NAN, INF, -INF, 2.0]], [[0.0, 0.0, 0.0, 1.0]]),
    # steps, also beside a pole
    (rounded_division, [[1.0, INF, 0.0], [0.0, 0.0, 0.0]], [[0.0] * 3, [0.0] * 3]),
    # poles of a sign each side
    (lambda x: tk.polygamma(1, x), [[0.0, -1.0]], [[-INF, -INF]]),
    # no direction is steepest
    (tk.std, [[2.0, 2.0]], [[0.0, 0.0]]),
    (lambda x: tk.norm(x), [[0.0, 0.0]], [[0.0, 0.0]]),
    (lambda x: 1 / tk.norm(x), [[0.0, 0.0]], [[0.0, 0.0]]),
    # all is masked out
    (lambda x: tk.logsumexp(x, 0), [[-INF, -INF]], [[0.0, 0.0]]),
    (tk.logaddexp, [[-INF, INF], [-INF, INF]], [[0.5, 0.5], [0.5, 0.5]]),
)


@pytest.mark.parametrize(("function", "operands", "gradients"), CHOICES)
def test_choices(function: Any, operands: list[Any], gradients: list[Any]) -> None:
    leaves = [tk.tensor(x, dtype=tk.float64, requires_grad=True) for x in operands]
    function(*leaves).sum().backward()
    for leaf, expected in zip(leaves, gradients, strict=True):
        np.testing.assert_array_equal(leaf.grad.numpy(), expected)


def test_second_derivative_of_a_root_at_0() -> None:
    x = tk.zeros(2, dtype=tk.float64, requires_grad=True)
    w = tk.ones((), dtype=tk.float64, requires_grad=True)
    (gradient,) = tk.autograd.grad(w * x.norm(), x, create_graph=True)
    by_x, by_w = tk.autograd.grad(gradient.sum(), [x, w])
    assert by_x.tolist() == [0.0, 0.0] and by_w.item() == 0.0
