"""Every rule is the derivative of its op, and can be differentiated again."""

from __future__ import annotations

import numpy as np
import pytest
from cases import FLOATS, Case, array_of, cases, elementwise_case, name_of, rows
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_k as tk
from tinygrad_k.autograd import gradcheck, gradgradcheck
from tinygrad_k.ops import Op
from tinygrad_k.testing.grads import normal
from tinygrad_k.testing.laws import (
    call,
    check_alone,
    check_bends,
    check_constant,
    check_edges,
    check_first,
    check_integers,
    check_linear,
    check_minus_infinity,
    check_precision,
    check_second,
    differentiable,
    edge_case,
    gradients,
    leaves_of,
    number_cases,
    operands,
    random_number_cases,
    sample_cases,
)
from tinygrad_k.testing.layouts import reversed_, transposed

with_rule = pytest.mark.parametrize("op", rows(differentiable), ids=name_of)
elementwise = pytest.mark.parametrize(
    "op", rows(lambda op: differentiable(op) and op.domain), ids=name_of
)
two_operands = pytest.mark.parametrize(
    "op", rows(lambda op: differentiable(op) and len(op.domain) == 2), ids=name_of
)


@with_rule
def test_first_derivative(op: Op) -> None:
    for case in sample_cases(op):
        check_first(case)


@with_rule
def test_second_derivative(op: Op) -> None:
    for case in sample_cases(op):
        check_second(case)


@with_rule
def test_linear_in_the_gradient(op: Op) -> None:
    for case in sample_cases(op):
        check_linear(case)


@with_rule
def test_equal_elements(op: Op) -> None:
    for case in sample_cases(op):
        check_constant(case)


@elementwise
def test_kinks_and_ties(op: Op) -> None:
    check_edges(edge_case(op))
    check_bends(edge_case(op))


@elementwise
def test_every_digit(op: Op) -> None:
    check_precision(elementwise_case(op, ((64,),) * len(op.domain), tk.float64, 1))


@two_operands
def test_integer_operands(op: Op) -> None:
    check_integers(elementwise_case(op, ((7, 9), (7, 9)), tk.float64, 3))


@two_operands
def test_a_number_on_either_side(op: Op) -> None:
    for case in number_cases(op):
        check_edges(case)
        check_bends(case)
    for case in random_number_cases(op):
        check_first(case)
        check_second(case)


@with_rule
def test_masked_out(op: Op) -> None:
    for case in sample_cases(op):
        check_minus_infinity(case)


@elementwise
@given(data=st.data())
def test_drawn_shapes(op: Op, data: st.DataObject) -> None:
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(
            num_shapes=len(op.domain), max_dims=3, max_side=4, min_side=0
        )
    ).input_shapes
    seed = data.draw(st.integers(0, 2**32))
    case = elementwise_case(op, shapes, tk.float64, seed)
    check_first(case, seed)
    check_second(case, seed)


@with_rule
def test_gradcheck_agrees(op: Op) -> None:
    """The public checks, entry by entry, on the smallest sample of each op."""
    small = min(
        (each for each in sample_cases(op) if all(x.size for x in each.arrays())),
        key=lambda each: sum(x.size for x in each.arrays()),
        default=None,
    )
    if small is None:
        return
    places = operands(small)
    tensors = leaves_of(places, small.arrays())
    if not call(small, tensors).requires_grad:
        return

    def function(*values: tk.Tensor) -> tk.Tensor:
        return call(small, list(values))

    assert gradcheck(function, tensors)
    assert gradgradcheck(function, tensors)


@with_rule
@pytest.mark.parametrize("kind", FLOATS, ids=name_of)
def test_gradient_has_the_type_of_its_input(op: Op, kind: tk.dtype) -> None:
    """Also where the operands' dtypes differ, if the op takes that at all."""
    for case in cases(op, (kind,)):
        places = operands(case)
        if not places:
            continue
        for odd in [None, *places] if len(places) > 1 else [None]:
            other = np.float32 if kind is tk.float64 else np.float64
            arrays = [x.astype(other) if i == odd else x for i, x in enumerate(case.arrays())]
            tensors = leaves_of(places, arrays)
            try:
                result = call(case, tensors)
            except TypeError:
                assert odd is not None, f"{case} is refused"
                continue
            wanted = [tensors[i] for i in places]
            found = tk.autograd.grad(result, wanted, ones(result), allow_unused=True)
            for i, each in zip(places, found, strict=True):
                if each is not None:
                    assert each.dtype is tensors[i].dtype, f"{case}: operand {i}"
                    assert each.shape == tensors[i].shape, f"{case}: operand {i}"


@with_rule
def test_each_operand_alone(op: Op) -> None:
    for case in sample_cases(op):
        check_alone(case)


@with_rule
def test_layout_of_the_gradient_does_not_matter(op: Op) -> None:
    """An expanded, reversed or transposed gradient from above gives what a plain one gives."""
    for case in sample_cases(op):
        arrays, places = case.arrays(), operands(case)
        if not places:
            continue
        shape = call(case, leaves_of([], arrays)).shape
        drawn = normal(np.random.default_rng(0), shape)
        for g in (np.broadcast_to(0.75, shape), transposed(drawn), reversed_(drawn)):
            plain, laid = (
                gradients(case, leaves_of(places, arrays), places, tk.from_numpy(each))
                for each in (np.array(g, order="C"), g)
            )
            for a, b in zip(plain, laid, strict=True):
                if a is not None and b is not None and np.isfinite(array_of(a)).all():
                    scale = np.max(np.abs(array_of(a)), initial=1)
                    close = np.allclose(array_of(a), array_of(b), rtol=0, atol=1e-13 * scale)
                    assert close, f"{case}: {a} {b}"


def ones(like: tk.Tensor) -> tk.Tensor:
    return tk.from_numpy(np.ones(like.shape, like.dtype.numpy))


@pytest.mark.parametrize("op", rows(lambda op: not differentiable(op)), ids=name_of)
def test_no_rule_no_gradient(op: Op) -> None:
    """An op without a derivative refuses, or its result is outside the graph."""
    for case in sample_cases(op):
        arrays = case.arrays()
        places = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
        if not places:
            continue
        try:
            result = call(case, leaves_of(places, arrays))
        except RuntimeError as error:
            assert str(error).startswith(f"{op.name}: no gradient"), str(error)
            continue
        assert not result.requires_grad, f"{case} is recorded without a rule"
        constant = op.family == "constant" or not result.dtype.is_floating_point
        assert constant, f"{case} drops the gradient without a word"


def test_checks_see_a_wrong_rule() -> None:
    """The laws themselves can fail: each is shown an op whose rule is wrong."""
    op = next(iter(rows(lambda op: op.domain and differentiable(op) and len(op.domain) == 1)))
    case = Case(op, (np.linspace(0.5, 1.5, 6),))
    right = op.vjp["input"]
    try:
        op.vjp["input"] = lambda g: g * 1.01 + g * 0.7
        op._plans.clear()
        for law in (check_first, check_constant):
            with pytest.raises(AssertionError):
                law(case)
        op.vjp["input"] = lambda g: g.detach() * 1.0
        op._plans.clear()
        with pytest.raises(AssertionError):
            check_second(case)
        op.vjp["input"] = lambda g: g * g
        op._plans.clear()
        with pytest.raises(AssertionError):
            check_linear(case)
    finally:
        op.vjp["input"] = right
        op._plans.clear()
