"""autograd.functional against what gradcheck's differences and each other say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_k as tk
from tinygrad_k.autograd import gradcheck
from tinygrad_k.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def draw(*shape: int, seed: int = 0) -> tk.Tensor:
    return tk.from_numpy(np.asarray(np.random.default_rng(seed).standard_normal(shape)))


def values(t: Any) -> np.ndarray:
    return np.array(t.detach().numpy())


X, Y = draw(3, seed=1), draw(2, 3, seed=2)


def several(x: tk.Tensor, y: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
    return (y @ x.sin()).exp(), (x * x).sum() * y


def scalar(x: tk.Tensor, y: tk.Tensor) -> tk.Tensor:
    return ((y @ x.sin()).exp() * y.sum(1)).sum() + x.prod()


def numeric(function: Any, points: tuple[tk.Tensor, ...], output: int, which: int) -> np.ndarray:
    """The Jacobian by central differences."""
    at = [values(each) for each in points]
    columns = []
    for i in range(at[which].size):
        sides = []
        for step in (1e-5, -1e-5):
            moved = [each.copy() for each in at]
            moved[which].reshape(-1)[i] += step
            result = function(*map(tk.from_numpy, moved))
            result = result[output] if isinstance(result, tuple) else result
            sides.append(values(result))
        columns.append((sides[0] - sides[1]) / 2e-5)
    return np.stack(columns, -1).reshape(*columns[0].shape, *at[which].shape)


WAYS = [
    {},
    {"vectorize": True},
    {"vectorize": True, "strategy": "forward-mode"},
    {"create_graph": True},
    {"strict": True},
]


@pytest.mark.parametrize("ways", WAYS)
def test_jacobian_is_that_of_differences(ways: dict[str, Any]) -> None:
    found = jacobian(several, (X, Y), **ways)
    for i in (0, 1):
        for j in (0, 1):
            expected = numeric(several, (X, Y), i, j)
            assert found[i][j].shape == expected.shape
            assert np.allclose(values(found[i][j]), expected, rtol=1e-6, atol=1e-7)
    single = jacobian(lambda x: x.cos(), X, **ways)
    assert isinstance(single, tk.Tensor) and np.allclose(
        values(single), np.diag(-np.sin(values(X)))
    )
    row = jacobian(lambda x: (x.cos(), x.sum()), X, **ways)
    assert row[0].shape == (3, 3) and row[1].shape == (3,)
    assert single.requires_grad is bool(ways.get("create_graph"))


@pytest.mark.parametrize(
    "ways",
    [{}, {"vectorize": True}, {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}],
)
def test_hessian_is_that_of_differences(ways: dict[str, Any]) -> None:
    found = hessian(scalar, (X, Y), **ways)

    def first(*points: tk.Tensor) -> Any:
        return vjp(scalar, points)[1]

    for i in (0, 1):
        for j in (0, 1):
            expected = numeric(first, (X, Y), i, j)
            assert np.allclose(values(found[i][j]), expected, rtol=1e-6, atol=1e-7)
    alone = hessian(lambda x: (x**3).sum(), X, **ways)
    assert np.allclose(values(alone), np.diag(6 * values(X)))


def test_products_are_those_of_the_matrices() -> None:
    table = jacobian(several, (X, Y))
    v = (draw(3, seed=5), draw(2, 3, seed=6))
    u = (draw(2, seed=7), draw(2, 3, seed=8))
    output, rows = vjp(several, (X, Y), u)
    assert all(
        np.allclose(values(a), values(b)) for a, b in zip(output, several(X, Y), strict=True)
    )
    for j in (0, 1):
        expected = sum(np.tensordot(values(u[i]), values(table[i][j]), u[i].ndim) for i in (0, 1))
        assert np.allclose(values(rows[j]), expected)
    _, columns = jvp(several, (X, Y), v)
    for i in (0, 1):
        expected = sum(np.tensordot(values(table[i][j]), values(v[j]), v[j].ndim) for j in (0, 1))
        assert np.allclose(values(columns[i]), expected)
    second = hessian(scalar, (X, Y))
    for function in (vhp, hvp):
        value, found = function(scalar, (X, Y), v)
        assert value.item() == scalar(X, Y).item() and not value.requires_grad
        for i in (0, 1):
            parts = [np.tensordot(values(second[i][j]), values(v[j]), v[j].ndim) for j in (0, 1)]
            assert np.allclose(values(found[i]), sum(parts))


def test_with_create_graph_they_can_be_differentiated() -> None:
    x = X.clone().requires_grad_()
    v = draw(3, seed=3).requires_grad_()
    assert gradcheck(lambda a: jacobian(lambda t: t.sin() * t.sum(), a, create_graph=True), [x])
    assert gradcheck(lambda a: hessian(lambda t: (t.sin() * t).sum(), a, create_graph=True), [x])
    for function in (vjp, jvp):
        assert gradcheck(
            lambda a, b, f=function: f(lambda t: t.sin() * t.sum(), a, b, create_graph=True), [x, v]
        )
    for function in (vhp, hvp):
        assert gradcheck(
            lambda a, b, f=function: f(lambda t: (t.sin() * t).prod(), a, b, create_graph=True),
            [x, v],
        )
    assert not vjp(lambda t: t.sum(), x)[1].requires_grad and x.grad is None


def test_independence() -> None:
    """Zeros, or with ``strict`` an error that says what does not depend on what."""

    def first_only(x: tk.Tensor, y: tk.Tensor) -> tk.Tensor:
        return x * 2.0

    table = jacobian(first_only, (X, Y))
    assert table[1].shape == (3, 2, 3) and not values(table[1]).any()
    assert not values(hessian(lambda x: x.sum(), X)).any()
    assert not values(jvp(lambda x: tk.ones(2), X, X)[1]).any()
    assert jacobian(lambda x: x[:0], X).shape == (0, 3)
    for call, told in (
        (lambda: jacobian(first_only, (X, Y), strict=True), "jacobian: .* input 1"),
        (lambda: jacobian(lambda x: tk.ones(2), X, strict=True), "jacobian: output 0"),
        (lambda: vjp(first_only, (X, Y), X, strict=True), "vjp: .* input 1"),
        (lambda: hessian(lambda x: x.sum(), X, strict=True), "hessian: .* derivative .* input 0"),
        (lambda: hvp(lambda x: x.sum(), X, X, strict=True), "vhp: .* derivative .* input 0"),
        (lambda: vjp(several, (X, Y)), "vjp: v can be left out only"),
        (lambda: vjp(lambda x: x, X, Y), r"vjp: v\[0\] has shape \(2, 3\)"),
        (lambda: jvp(several, (X, Y), X), "jvp: v has 1 tensors for 2"),
        (lambda: hessian(lambda x: x, X), "hessian: .* one element"),
        (lambda: jacobian(lambda x: x, X, vectorize=True, strict=True), "jacobian: strict"),
    ):
        with pytest.raises(RuntimeError, match=rf"^{told}"):
            call()
    for wrong, error in (
        (lambda: jacobian(lambda x: 3.0, X), TypeError),
        (lambda: jacobian(lambda x: x, 3.0), TypeError),
        (lambda: jacobian(lambda x: x, X.long()), TypeError),
        (lambda: jacobian(lambda x: x, X, strategy="sideways"), ValueError),
        (lambda: jacobian(lambda x: x, X, strategy="forward-mode"), NotImplementedError),
    ):
        with pytest.raises(error, match=r"^jacobian: "):
            wrong()
