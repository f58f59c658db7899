"""Every op equals its NumPy reference, on every instruction set and in every dtype it takes."""

from __future__ import annotations

import inspect
import itertools
import sys
import traceback
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    FLOATS,
    GROUPS,
    INSTRUCTION_SETS,
    INTEGERS,
    Case,
    array_of,
    assert_agrees,
    cases,
    elementwise_case,
    name_of,
    rows,
    same_bits,
)
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_k.backend import lib
from tinygrad_k.ops import Op

with_reference = pytest.mark.parametrize("op", rows(lambda op: op.ref), ids=name_of)
elementwise = pytest.mark.parametrize("op", rows(lambda op: op.domain), ids=name_of)


def agree(case: Case) -> None:
    """The op's result is the reference's; a zero divisor of integers may be refused instead."""
    expected = case.reference()
    if expected is None:
        return
    try:
        found = case.call()
    except ZeroDivisionError:
        assert any((x == 0).any() for x in case.arrays() if x.dtype.kind in "iu"), str(case)
        return
    assert_agrees(case, array_of(found), expected)


@with_reference
def test_samples(op: Op, isa: str) -> None:
    tried = 0
    for seed in (0, 1):
        for case in cases(op, seed=seed):
            agree(case)
            tried += 1
    assert tried, f"{op.name} has a reference but no samples"


def takes_names(op: Op) -> bool:
    """A public one, whose arguments all have names."""
    lists = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    return not op.name.startswith("_") and not op.body.__code__.co_flags & lists


@pytest.mark.parametrize("op", rows(takes_names), ids=name_of)
def test_arguments_by_name(op: Op) -> None:
    """Names, in any order, say the same as places; one that is missing is told, never filled in."""
    for case in cases(op):
        expected = array_of(case.call())
        given = dict(zip(op.parameters, case.args, strict=False)) | case.kwargs
        for names in (list(given), list(reversed(given))):
            named = replace(case, args=(), kwargs={name: given[name] for name in names})
            assert same_bits(array_of(named.call()), expected), str(named)
        parameters = op.signature.parameters
        for left_out in (name for name in given if parameters[name].default is inspect._empty):
            kwargs = {name: value for name, value in given.items() if name != left_out}
            with pytest.raises(TypeError, match="missing") as caught:
                replace(case, args=(), kwargs=kwargs).call()
            shown = "".join(traceback.format_exception(caught.value))
            assert "During handling" not in shown, shown


@pytest.mark.parametrize("op", rows(takes_names), ids=name_of)
def test_a_debugger_changes_nothing(op: Op) -> None:
    """One that looks at the variables of every call, which older Pythons then write back."""

    def look(frame: Any, event: str, arg: Any) -> Any:
        assert frame.f_locals is not None
        return look

    case = next(iter(cases(op)))
    before = sys.gettrace()
    sys.settrace(look)
    try:
        seen = case.call()
    finally:
        sys.settrace(before)
    assert same_bits(array_of(seen), array_of(case.call()))


@st.composite
def drawn(draw: Any, op: Op) -> Case:
    """Shapes that broadcast, a dtype the op takes, values of its domain."""
    count = len(op.domain)
    shapes = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=4, max_side=9, min_side=0)
    ).input_shapes
    kind = draw(st.sampled_from(GROUPS[op.dtypes]))
    return elementwise_case(op, shapes, kind, draw(st.integers(0, 2**32)))


@elementwise
@given(data=st.data())
def test_drawn_shapes(op: Op, data: st.DataObject) -> None:
    assert lib.tk_choose_isa(data.draw(st.sampled_from(INSTRUCTION_SETS)).encode()) == 0
    agree(data.draw(drawn(op)))


@pytest.mark.parametrize("op", rows(lambda op: len(op.domain) == 2), ids=name_of)
@given(data=st.data())
def test_a_number_on_either_side(op: Op, data: st.DataObject) -> None:
    """A Python number is an operand without dimensions, of the tensor's dtype."""
    kind = data.draw(st.sampled_from(GROUPS[op.dtypes]))
    place = data.draw(st.sampled_from((0, 1)))
    case = elementwise_case(op, ((4, 3), (4, 3)), kind, data.draw(st.integers(0, 999)))
    number = case.args[place].reshape(-1)[0].item()
    spread = [np.full((4, 3), number, kind.numpy) if i == place else case.args[i] for i in (0, 1)]
    mixed = tuple(number if i == place else case.args[i] for i in (0, 1))
    agree(case.replaced(spread))
    try:
        expected = case.replaced(spread).call()
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            Case(op, mixed).call()
        return
    assert same_bits(array_of(Case(op, mixed).call()), array_of(expected)), f"{op.name}{mixed}"


@elementwise
@given(data=st.data())
def test_long_rows(op: Op, data: st.DataObject) -> None:
    """Lengths around multiples of every vector width, so that loops and tails are both used."""
    assert lib.tk_choose_isa(data.draw(st.sampled_from(INSTRUCTION_SETS)).encode()) == 0
    kind = data.draw(st.sampled_from(GROUPS[op.dtypes]))
    length = data.draw(st.integers(0, 5)) * 64 + data.draw(st.integers(0, 65))
    agree(elementwise_case(op, [(length,)] * len(op.domain), kind, data.draw(st.integers(0, 99))))


@pytest.mark.parametrize(
    "op", rows(lambda op: op.domain and op.dtypes in ("number", "all", "logic")), ids=name_of
)
@given(data=st.data())
def test_whole_range_of_integers(op: Op, data: st.DataObject) -> None:
    """Integers wrap as NumPy's do, whatever they are; nothing traps."""
    kind = data.draw(st.sampled_from(INTEGERS))
    limits = np.iinfo(kind.numpy)
    values = st.integers(int(limits.min), int(limits.max)) | st.sampled_from(
        [int(limits.min), int(limits.max), 0, 1, int(limits.max) - 1, int(limits.min) + 1]
    )
    arrays = [data.draw(hnp.arrays(kind.numpy, 5, elements=values)) for _ in op.domain]
    agree(Case(op, tuple(arrays)))


@pytest.mark.parametrize("op", rows(lambda op: op.domain and op.dtypes == "float"), ids=name_of)
def test_integers_convert(op: Op) -> None:
    """An op of floats takes integers and bools as the float32 they convert to."""
    for kind in (*INTEGERS, *GROUPS["logic"][-1:]):
        rng = np.random.default_rng(0)
        case = Case(op, tuple(rng.integers(0, 2, (3, 5)).astype(kind.numpy) for _ in op.domain))
        found = case.call()
        expected = case.changed(lambda x: x.astype(np.float32)).call()
        assert found.dtype is expected.dtype
        assert np.array_equal(array_of(found), array_of(expected), equal_nan=True)


def special_values(kind: Any) -> np.ndarray:
    limits = np.finfo(kind)
    positive = [
        0.0,
        limits.smallest_subnormal,
        limits.tiny,
        0.5,
        1.0,
        2.0,
        1e10,
        limits.max,
        np.inf,
    ]
    return np.array([np.nan, *positive, *(-x for x in positive)], dtype=kind)


def classes(x: np.ndarray) -> np.ndarray:
    """0 finite, 1 and -1 infinite, 2 NaN."""
    return np.where(np.isnan(x), 2, np.where(np.isinf(x), np.sign(x), 0))


@pytest.mark.parametrize(
    "op", rows(lambda op: op.domain and set(FLOATS) <= set(GROUPS[op.dtypes])), ids=name_of
)
@pytest.mark.parametrize("kind", FLOATS, ids=name_of)
def test_special_values(op: Op, kind: Any, isa: str) -> None:
    """NaN and infinities come out where NumPy has them, computing in this dtype or in double."""
    values = special_values(kind.numpy)
    columns = np.array(list(itertools.product(values, repeat=len(op.domain))), dtype=kind.numpy).T
    case = Case(op, tuple(np.ascontiguousarray(column) for column in columns))
    found = array_of(case.call())
    if found.dtype.kind != "f":
        assert np.array_equal(found, case.reference())
        return
    double = case.reference()
    assert double is not None
    with np.errstate(all="ignore"):
        own = np.asarray(op.ref(*case.args)) if op.ref else double
        good = classes(found) == classes(double.astype(kind.numpy))
        good |= classes(found) == classes(own.astype(kind.numpy))
    assert good.all(), [
        (column, result, wanted)
        for column, result, wanted in zip(
            columns.T[~good].tolist(), found[~good], double[~good], strict=True
        )
    ][:6]
