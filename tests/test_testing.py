"""The verification kit notices what it is there to notice, and says where."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_k as tk
from tinygrad_k import testing
from tinygrad_k.ops import OPS
from tinygrad_k.testing import assert_close, check_grads, programs, real, strategies, verify


class Cube(tk.autograd.Function):
    """x^3, right."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor) -> tk.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        return g * 3.0 * x * x


class WrongCube(Cube):
    """Its gradient is wrong in the first element alone."""

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        off = tk.from_numpy(np.eye(1, x.numel()).reshape(tuple(x.shape))).to(x.dtype)
        return g * (3.0 * x * x + off)


class OnceCube(Cube):
    """Its gradient cannot be differentiated again."""

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        return g * (3.0 * x * x).detach()


class CrookedCube(Cube):
    """Its backward is right for a gradient of ones, and not linear."""

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor) -> tk.Tensor:
        (x,) = ctx.saved_tensors
        return g * g.abs() * 3.0 * x * x


class Swapped(tk.autograd.Function):
    """Two outputs."""

    @staticmethod
    def forward(ctx: Any, x: tk.Tensor, y: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
        ctx.save_for_backward(x, y)
        return x * y, y.exp()

    @staticmethod
    def backward(ctx: Any, g: tk.Tensor, h: tk.Tensor) -> tuple[tk.Tensor, tk.Tensor]:
        x, y = ctx.saved_tensors
        return g * y, g * x + h * y.exp()


def test_right_functions_pass() -> None:
    verify(Cube, real(3, 5), real(), real(0, 2), ref=lambda x: x**3)
    verify(Swapped, (real(2, 3), real(2, 3)), ref=lambda x, y: (x * y, np.exp(y)))
    verify(OPS["matmul"])
    assert check_grads(Cube.apply, np.linspace(-1, 2, 5), order=3).worst < 1e-6


@testing.verified(real(3, 2), ref=lambda x: x**3)
def test_as_a_decorator(x: tk.Tensor) -> tk.Tensor:
    return Cube.apply(x)


def test_wrong_element_is_shown() -> None:
    with pytest.raises(AssertionError, match=r"order 1 for input 0: 1 of 6 .*\n  \[0, 0\]: ana.*4"):
        check_grads(WrongCube.apply, np.ones((2, 3)))


def test_missing_second_derivative_is_noticed() -> None:
    x = np.linspace(0.5, 1.5, 3)
    check_grads(OnceCube.apply, x, order=1)
    with pytest.raises(AssertionError, match=r"order 2 for input 0"):
        check_grads(OnceCube.apply, x)


def test_backward_that_is_not_linear_is_noticed() -> None:
    with pytest.raises(AssertionError):
        verify(CrookedCube, real(3), ref=lambda x: x**3)
    checked, at = testing.grads.subject(CrookedCube.apply, [np.ones(3)])
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="not linear"):
        testing.grads.check_linear(checked, at, rng)
    with pytest.raises(AssertionError, match="<v, Jw>"):
        testing.grads.check_adjoint(checked, at, rng)


def test_wrong_values_and_changed_operands_are_noticed() -> None:
    with pytest.raises(AssertionError, match=r"6 of 6 elements differ"):
        verify(Cube, real(2, 3), ref=lambda x: x**3 + 1)

    def changes(x: tk.Tensor) -> tk.Tensor:
        if x.requires_grad:
            return x * 2.0
        x.numpy().flags.writeable and x.mul_(2.0)
        return x.clone()

    with pytest.raises(AssertionError, match=r"another|other values|changed an operand"):
        verify(changes, real(3))

    def by_memory(x: tk.Tensor) -> tk.Tensor:
        return x * 2.0 if x.is_contiguous() else x * 3.0

    with pytest.raises(AssertionError, match=r"laid out as \w+"):
        verify(by_memory, real(3, 4))


@pytest.mark.parametrize("at", [0.0, 1e-9])
def test_kinks_are_reported_not_failed(at: float) -> None:
    x = np.array([-1.0, at, 2.0])
    with pytest.warns(testing.KinkWarning, match=r"order 1, input 0\[1\]: slopes of"):
        report = check_grads(tk.relu, x)
    assert {kink.element for kink in report.kinks} == {(1,)}
    with pytest.warns(testing.KinkWarning):
        check_grads(tk.abs, np.zeros(2))


def test_near_a_kink_smaller_steps_are_taken() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_grads(tk.relu, np.array([-1.0, 5e-4, 2.0]))


def test_a_wrong_gradient_beside_a_kink_still_fails() -> None:
    with pytest.raises(AssertionError, match=r"\[1\]: analytic"):
        check_grads(lambda x: tk.relu(WrongCube.apply(x.flip(0))), np.array([0.0, 0.5]), order=1)


def test_what_check_grads_takes() -> None:
    x, w = tk.randn(3, 4), tk.randn(4).requires_grad_()
    check_grads(lambda x, w, n: (x @ w) * n, x, w, 3)
    check_grads(lambda x: {"a": x.exp(), "b": [x.sin(), x > 0]}, x)
    for wrong, message in (
        (lambda: check_grads(tk.exp, tk.arange(3)), "no floating input"),
        (lambda: check_grads(tk.exp, x, order=0), "order"),
        (lambda: check_grads(lambda x: x > 0, x), "no floating tensor"),
        (lambda: check_grads(lambda x: x.float(), x), "must be float64"),
    ):
        with pytest.raises(ValueError, match=rf"^check_grads: .*{message}"):
            wrong()


# -- assert_close ------------------------------------------------------------------------------


def test_assert_close_accepts() -> None:
    x = tk.tensor([1.0, 2.0])
    assert_close(x, x + 1e-6)
    assert_close({"a": [x, 3]}, {"a": [x.clone(), 3]})
    assert_close(x, np.array([1.0, 2.0], np.float32))
    assert_close(tk.tensor([float("nan")]), tk.tensor([float("nan")]), equal_nan=True)
    assert_close(tk.tensor([2**62 + 1]), tk.tensor([2**62 + 1]))
    assert_close(x, x + 0.5, rtol=0, atol=0.6)
    assert_close(x, x.double(), check_dtype=False)


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (tk.tensor([1.0, 2.0]), tk.tensor([1.0, 2.1]), r"\[1\]: actual 2, expected 2.0999"),
        (tk.tensor([1.0]), tk.tensor([[1.0]]), "shapes differ"),
        (tk.tensor([1.0]), tk.tensor([1.0]).double(), "dtypes differ"),
        (tk.tensor([2**62 + 1]), tk.tensor([2**62]), "1 of 1"),
        (tk.tensor([float("nan")]), tk.tensor([float("nan")]), "1 of 1"),
        ([1, 2], [1, 2, 3], "lengths differ"),
        ({"a": 1}, {"b": 1}, "keys differ"),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 3.0]}, r"\['a'\]\[1\]"),
        ("x", "x", "cannot compare"),
    ],
)
def test_assert_close_refuses(actual: Any, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_close(actual, expected)


# -- strategies and programs -------------------------------------------------------------------


@given(data=st.data())
def test_drawn_tensors_and_views(data: st.DataObject) -> None:
    array = data.draw(strategies.arrays())
    tensor = tk.from_numpy(array)
    assert np.array_equal(tensor.numpy(), array, equal_nan=array.dtype.kind == "f")
    view = data.draw(strategies.views(tensor))
    assert view.data_ptr() or not view.numel()
    before = view.clone()
    assert np.array_equal(before.numpy(), view.numpy(), equal_nan=array.dtype.kind == "f")


@given(drawn=programs.programs())
def test_programs_equal_their_reference(drawn: Any) -> None:
    """Views see what is done to their base and it sees what is done to them, as in NumPy."""
    program, inputs = drawn
    found = program.run(*(tk.from_numpy(each) for each in inputs))
    for i, (a, b) in enumerate(zip(found, program.reference(*inputs), strict=True)):
        assert_close(a, b, rtol=1e-12, atol=1e-12, msg=f"v{i} of\n{program}")


@given(drawn=programs.programs(max_steps=6))
def test_derivatives_of_programs(drawn: Any) -> None:
    """In-place steps on what views share, too, are differentiated rightly; the one excuse is that
    a value was changed that an op had saved."""
    program, inputs = drawn

    def function(*leaves: tk.Tensor) -> Any:
        total: Any = 0.0
        for each in program.run(*leaves):
            total = total + each.sum()
        return total

    try:
        check_grads(function, *inputs)
    except RuntimeError as error:
        assert re.search("saved for its gradient was changed", str(error)), f"{error} in\n{program}"
    except AssertionError as error:
        raise AssertionError(f"{error} in\n{program}") from error


# Their rules need no values, so nothing that is changed can have been saved.
LINEAR = tuple(OPS[name] for name in ("add", "sub", "neg"))


@given(drawn=programs.programs(max_steps=10, ops=LINEAR))
def test_derivatives_of_programs_that_save_nothing(drawn: Any) -> None:
    """Every in-place step on memory that tensors share is differentiated, and twice."""
    program, inputs = drawn

    def function(*leaves: tk.Tensor) -> Any:
        total: Any = 0.0
        for each in program.run(*leaves):
            total = total + (each * each * each).sum()
        return total

    try:
        check_grads(function, *inputs)
    except (AssertionError, RuntimeError) as error:
        raise AssertionError(f"{error} in\n{program}") from error


def test_hypothesis_is_needed_only_by_strategies() -> None:
    code = """
import sys
sys.modules["hypothesis"] = None
from tinygrad_k import testing
import numpy as np
testing.check_grads(lambda x: x.exp(), np.ones(3))
try:
    testing.strategies
except ImportError as error:
    assert "pip install" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
