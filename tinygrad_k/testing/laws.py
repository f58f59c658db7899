"""The laws of derivatives, as functions of a case: each raises AssertionError where it is broken.

A derivative is compared along random directions: one pair of evaluations sees every entry of the
Jacobian at once, and a wrong entry hides with probability 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import grad
from ..backend import float64
from ..ops import Op
from ..ops.declare import no_grad
from ..random import manual_seed
from ..tensor import Tensor, from_numpy
from .cases import Case, assert_agrees, case_of, elementwise_case, make, same_bits
from .grads import array_of, normal
from .slopes import inner, slope

STEP = 1e-5  # of differences over all elements at once
EDGE_STEP, EDGE_CLOSE = 1e-6, 1e-4  # of one-sided differences, whose error is the step itself


def differentiable(op: Op) -> bool:
    """Whether the op has a rule at all."""
    return not isinstance(op.vjp, no_grad)


def operands(case: Case) -> list[int]:
    """Which arrays of the case the op's rules give gradients for, by position."""
    places, position = [], 0
    bound = case.op.bind(case.args, case.kwargs)
    order = {id(x): i for i, x in enumerate(case.arrays())}
    names = itertools.chain(case.op.parameters, itertools.repeat("*"))
    for name, value in zip(names, bound, strict=False):
        found: list[np.ndarray] = []
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, np.ndarray):
                found.append(each)
        rule = True if callable(case.op.vjp) else case.op.vjp.get(name)
        position += len(found)
        if rule is None or isinstance(rule, no_grad):
            continue
        places += [order[id(x)] for x in found if x.dtype.kind == "f"]
    return places


def leaves_of(places: list[int], arrays: list[np.ndarray]) -> list[Tensor]:
    """All arrays as tensors, those at ``places`` as leaves."""
    tensors = [from_numpy(np.array(x)) for x in arrays]
    for i in places:
        tensors[i].requires_grad_()
    return tensors


def call(case: Case, tensors: list[Tensor]) -> Tensor:
    """The op's result on these tensors in the place of the case's arrays."""
    ready = case.replaced(list(tensors))
    manual_seed(0)
    return case.op.function(*ready.args, **ready.kwargs)


def gradients(
    case: Case, tensors: list[Tensor], places: list[int], seed: Tensor, create: bool = False
) -> list[Tensor | None]:
    """The gradients of <seed, op> for the tensors at ``places``."""
    result = call(case, tensors)
    assert result.requires_grad, f"{case}: the result is not in the graph"
    found = grad(result, [tensors[i] for i in places], seed, create_graph=create, allow_unused=True)
    for i, each in zip(places, found, strict=True):
        if each is not None:
            assert each.shape == tensors[i].shape, f"{case}: gradient {i} has shape {each.shape}"
            assert each.dtype is tensors[i].dtype, f"{case}: gradient {i} is {each.dtype}"
    return list(found)


def compare(
    case: Case,
    what: str,
    value: Callable[[list[np.ndarray]], float],
    at: list[np.ndarray],
    place: int,
    analytic: np.ndarray | None,
    rng: np.random.Generator,
) -> None:
    """The derivative of ``value`` along a random direction of one array against the gradient."""
    found = slope(value, at, place, normal(rng, at[place].shape), analytic)
    assert found.agrees(), (
        f"{case}: {what} for operand {place} along a direction is {found.analytic:.9g}, "
        f"{found.numeric:.9g} by differences"
    )


def check_first(case: Case, seed: int = 0) -> None:
    """The rule's gradient is the derivative of the op."""
    rng = np.random.default_rng(seed)
    arrays, places = case.arrays(), operands(case)
    if not places:
        return
    g = normal(rng, call(case, leaves_of([], arrays)).shape)

    def value(at: list[np.ndarray]) -> float:
        return inner(array_of(call(case, leaves_of([], at))), g)

    tensors = leaves_of(places, arrays)
    found = gradients(case, tensors, places, from_numpy(g))
    for i, each in zip(places, found, strict=True):
        analytic = None if each is None else array_of(each)
        compare(case, "the gradient", value, arrays, i, analytic, rng)


def check_second(case: Case, seed: int = 0) -> None:
    """The gradient's own gradient, for the operands and for what came from above."""
    rng = np.random.default_rng(seed)
    arrays, places = case.arrays(), operands(case)
    if not places:
        return
    g = normal(rng, call(case, leaves_of([], arrays)).shape)
    weights = [normal(rng, arrays[i].shape) for i in places]

    def scalar(tensors: list[Tensor], create: bool) -> Tensor | None:
        found = gradients(case, tensors[:-1], places, tensors[-1], create)
        terms = [
            (each * from_numpy(w)).sum()
            for each, w in zip(found, weights, strict=True)
            if each is not None
        ]
        total = None
        for term in terms:
            total = term if total is None else total + term
        return total

    def value(at: list[np.ndarray]) -> float:
        tensors = [*leaves_of(places, at[:-1]), from_numpy(np.array(at[-1]))]
        total = scalar(tensors, False)
        return 0.0 if total is None else total.item()

    at = [*arrays, g]
    wanted = [*places, len(arrays)]
    tensors = leaves_of(wanted, at)
    total = scalar(tensors, True)
    found: list[Any] = [None] * len(wanted)
    if total is not None and total.requires_grad:
        found = list(grad(total, [tensors[i] for i in wanted], allow_unused=True))
    for i, each in zip(wanted, found, strict=True):
        analytic = None if each is None else array_of(each)
        compare(case, "the second derivative", value, at, i, analytic, rng)


def check_adjoint(case: Case, seed: int = 0) -> None:
    """<v, Jw> = <J'v, w>, where Jw is the derivative of <J'v, w> by v."""
    rng = np.random.default_rng(seed)
    arrays, places = case.arrays(), operands(case)
    if not places:
        return
    tensors = leaves_of(places, arrays)
    v = from_numpy(normal(rng, call(case, tensors).shape)).requires_grad_()
    back = gradients(case, tensors, places, v, create=True)
    terms = [
        (each * from_numpy(normal(rng, each.shape))).sum()
        for each in back
        if each is not None and np.isfinite(array_of(each)).all()
    ]
    for term in terms:
        found = None
        if term.requires_grad:  # the terms may share parts of the graph
            found = grad(term, v, retain_graph=True, allow_unused=True)[0]
        left, right = inner(found if found is None else array_of(found), array_of(v)), term.item()
        scale = 1 + abs(left) + abs(right)
        assert not abs(left - right) > 1e-10 * scale, (
            f"{case}: <v, Jw> is {left:.12g}, but <J'v, w> is {right:.12g}"
        )


def check_linear(case: Case, seed: int = 0) -> None:
    """The gradient is linear in what comes from above."""
    rng = np.random.default_rng(seed)
    arrays, places = case.arrays(), operands(case)
    if not places:
        return
    shape = call(case, leaves_of([], arrays)).shape
    one, two = normal(rng, shape), normal(rng, shape)
    results = []
    for g in (one, two, 2 * one - 3 * two, np.zeros(shape)):
        tensors = leaves_of(places, arrays)
        found = gradients(case, tensors, places, from_numpy(np.array(g)))
        results.append([None if each is None else array_of(each) for each in found])
    for a, b, both, nothing in zip(*results, strict=True):
        assert (a is None) == (b is None) == (both is None), str(case)
        if a is not None and np.isfinite(a).all():
            scale = np.max(np.abs(a), initial=1) + np.max(np.abs(b), initial=1)
            assert np.allclose(both, 2 * a - 3 * b, rtol=0, atol=1e-12 * scale), str(case)
            assert not nothing.any(), f"{case}: the gradient of nothing is not 0"


def check_alone(case: Case, seed: int = 0) -> None:
    """A gradient has the same bits whether the other operands want one or not."""
    arrays, places = case.arrays(), operands(case)
    if not places:
        return
    shape = call(case, leaves_of([], arrays)).shape
    g = from_numpy(normal(np.random.default_rng(seed), shape))
    together = gradients(case, leaves_of(places, arrays), places, g)
    for i, expected in zip(places, together, strict=True):
        if expected is None and not call(case, leaves_of([i], arrays)).requires_grad:
            continue  # one of several results, which has nothing of this operand
        (alone,) = gradients(case, leaves_of([i], arrays), [i], g)
        assert (alone is None) == (expected is None), f"{case}: operand {i} alone"
        if alone is not None and expected is not None:
            same = same_bits(array_of(alone), array_of(expected))
            assert same, f"{case}: operand {i} alone has another gradient"


# Differences of the eighth order, at 1, 2, 3 and 4 steps to either side (Fornberg 1988). Four steps
# stay within the gap that domains keep from kinks.
WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
FINE_STEP, FINE = 2.0**-7, 1e-11


def check_precision(case: Case) -> None:
    """The gradient of an elementwise op has the digits of double precision, element by element.

    Two differences tell how far they can be trusted: by how far they are apart. Behind a jump they
    say nothing.
    """
    arrays, places = case.arrays(), operands(case)

    def value(i: int, step: float) -> np.ndarray:
        moved = [x + step if i == j else x for j, x in enumerate(arrays)]
        return array_of(call(case, leaves_of([], moved)))

    here = array_of(call(case, leaves_of([], arrays)))
    found = gradients(case, leaves_of(places, arrays), places, from_numpy(np.ones(here.shape)))
    for i, each in zip(places, found, strict=True):
        given = np.zeros(here.shape) if each is None else array_of(each)
        far, near = (
            sum(
                weight * (value(i, k * h) - value(i, -k * h)) / h
                for k, weight in enumerate(WEIGHTS, 1)
            )
            for h in (FINE_STEP, FINE_STEP / 2)
        )
        apart, size = np.abs(far - near), 1 + np.abs(here) + np.abs(near)
        bad = (apart < 1e-3 * size) & (np.abs(given - near) > apart + FINE * size)
        assert not bad.any(), (
            f"{case.op.name}: at {[x[bad][0] for x in arrays]} the derivative for operand {i} is "
            f"{given[bad][0]:.16g}, {near[bad][0]:.16g} by differences"
        )


def check_value(case: Case) -> None:
    """The op agrees with its reference."""
    expected = case.reference()
    if expected is not None:
        assert_agrees(case, array_of(case.call()), expected)


def check_integers(case: Case, seed: int = 0) -> None:
    """Beside an integer operand the gradient is that beside the same numbers as floats."""
    arrays, places = case.arrays(), operands(case)
    shape = call(case, leaves_of([], arrays)).shape
    g = from_numpy(normal(np.random.default_rng(seed), shape))
    for odd in range(len(arrays)):
        whole = [np.rint(x) + 0.0 if i == odd else x for i, x in enumerate(arrays)]  # and no -0
        mixed = [x.astype(np.int64) if i == odd else x for i, x in enumerate(whole)]
        rest = [i for i in places if i != odd]
        for a, b in zip(
            *(gradients(case, leaves_of(rest, each), rest, g) for each in (whole, mixed)),
            strict=True,
        ):
            assert (a is None) == (b is None), f"{case}: operand {odd} of integers"
            if a is not None and b is not None:
                x, y = array_of(a), array_of(b)
                close = np.allclose(x, y, rtol=1e-13, atol=1e-13, equal_nan=True)
                assert close, f"{case}: operand {odd} of integers gives {y}, of floats {x}"


# Where rules choose: kinks, ties, zeros and signs. Powers and logarithms meet their edges here too.
EDGES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)


def edge_case(op: Op) -> Case:
    """An elementwise op on every combination of edges and of the kinks it declares."""
    grids = [sorted({*EDGES, *draw.kinks}) for draw in op.domain]
    return Case(op, tuple(np.array(x).ravel() for x in np.meshgrid(*grids)))


def check_edges(case: Case) -> None:
    """At kinks and ties the gradient lies between the slopes on the two sides.

    Where the two agree, that is the derivative. Slopes that are not finite, or steps across a jump,
    say nothing. Where operands tie, the slope along the diagonal must be the sum of the gradients.
    """
    arrays, places = case.arrays(), operands(case)
    if not places:
        return

    def value(at: list[np.ndarray]) -> np.ndarray:
        return array_of(call(case, leaves_of([], at)))

    here = value(arrays)
    tensors = leaves_of(places, arrays)
    seed = from_numpy(np.ones(here.shape))
    found = gradients(case, tensors, places, seed)
    total = np.zeros(here.shape)
    for i, each in zip(places, found, strict=True):
        given = np.zeros(here.shape) if each is None else array_of(each)
        total += np.where(np.isfinite(given), given, 0.0)
        _between(case, i, given, *_slopes(value, arrays, here, [i]))
    if len(arrays) == 2 and len(places) == 2:
        tied = arrays[0] == arrays[1]
        left, right = _slopes(value, arrays, here, places)
        tied &= ~np.isin(arrays[1], case.op.domain[1].kinks)  # there it may jump by itself
        smooth = tied & (np.abs(left - right) < EDGE_CLOSE)
        _between(case, -1, total[smooth], left[smooth], right[smooth])


def check_bends(case: Case) -> None:
    """At kinks and ties the second derivative lies between the gradient's slopes on the sides."""
    arrays, places = case.arrays(), operands(case)

    def gradient(at: list[np.ndarray], i: int, create: bool) -> tuple[list[Tensor], Tensor | None]:
        tensors = leaves_of(places, at)
        result = call(case, tensors)
        seed = from_numpy(np.ones(result.shape))
        found = grad(result, [tensors[i]], seed, create_graph=create, allow_unused=True)
        return tensors, found[0]

    for i in places:

        def value(at: list[np.ndarray], i: int = i) -> np.ndarray:
            found = gradient(at, i, False)[1]
            assert found is not None, f"{case}: operand {i} has a gradient at times"
            return array_of(found)

        tensors, here = gradient(arrays, i, True)
        if here is None:
            continue
        wanted = [tensors[j] for j in places]
        found: Any = [None] * len(places)
        if here.requires_grad:
            found = grad(here.sum(), wanted, allow_unused=True)
        for j, each in zip(places, found, strict=True):
            given = np.zeros(here.shape) if each is None else array_of(each)
            _between(case, j, given, *_slopes(value, arrays, array_of(here), [j]), "gradient's")


def _slopes(
    value: Callable[[list[np.ndarray]], np.ndarray],
    arrays: list[np.ndarray],
    here: np.ndarray,
    moved: list[int],
) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):
        sides = [
            (value([x + step if i in moved else x for i, x in enumerate(arrays)]) - here) / step
            for step in (-EDGE_STEP, EDGE_STEP)
        ]
    return sides[0], sides[1]


def _between(
    case: Case, place: int, given: Any, left: Any, right: Any, whose: str = "value's"
) -> None:
    with np.errstate(all="ignore"):
        low, high = np.minimum(left, right), np.maximum(left, right)
        slack = EDGE_CLOSE * (1 + np.minimum(np.abs(low), np.abs(high)))
        finite = np.isfinite(low) & np.isfinite(high)
        # steeper than this is a jump or a root's infinite slope: no number stands between
        known = finite & (np.abs(low) < 100) & (np.abs(high) < 100)
        bad = known & ~((given >= low - slack) & (given <= high + slack))
        bad |= finite & np.isnan(given)
    assert not bad.any(), (
        f"{case.op.name}: at {[x[bad][0] for x in case.arrays() if x.shape == bad.shape]} the "
        f"derivative for operand {place} is {given[bad][0]}, the {whose} slopes {low[bad][0]}, "
        f"{high[bad][0]}"
    )


def check_constant(case: Case) -> None:
    """Where all elements of the operands tie, the slope in the direction of all ones is right."""
    arrays, places = case.arrays(), operands(case)
    if not places or case.op.family == "lapack":  # a matrix of equal numbers is singular
        return
    flat = [np.full(x.shape, 0.75) if i in places else x for i, x in enumerate(arrays)]

    def value(at: list[np.ndarray]) -> np.ndarray:
        return array_of(call(case, leaves_of([], at)))

    g = normal(np.random.default_rng(0), value(flat).shape)
    tensors = leaves_of(places, flat)
    found = gradients(case, tensors, places, from_numpy(g))
    sides = [
        inner(value([x + s if i in places else x for i, x in enumerate(flat)]), g)
        for s in (STEP, -STEP)
    ]
    left = (sides[0] - inner(value(flat), g)) / STEP
    right = (inner(value(flat), g) - sides[1]) / STEP
    numeric = (left + right) / 2
    given = sum(0.0 if each is None else float(array_of(each).sum()) for each in found)
    scale = 1 + abs(numeric) + abs(given) + abs(sides[0])
    if np.isfinite(numeric) and abs(left - right) < 1e-3 * scale:
        assert abs(numeric - given) <= 1e-5 * scale, (
            f"{case}: where all elements are equal, the slope is {given:.9g}, "
            f"{numeric:.9g} by differences"
        )


def check_minus_infinity(case: Case) -> None:
    """A reduction of nothing but -inf, which is how things are masked out, gives no NaN.

    (One whose value is +inf then, as a norm, measures sizes: there is no slope to give.)
    Nor does an op of two operands of which -inf is the neutral element, as a maximum: there they
    share the gradient.
    """
    arrays, places = case.arrays(), operands(case)
    masked = [np.full(x.shape, -np.inf) if i in places else x for i, x in enumerate(arrays)]
    if len(case.op.domain) == 2:
        half = array_of(call(case, leaves_of([], [masked[0], arrays[1]])))
        neutral = half.shape == arrays[1].shape and np.allclose(half, arrays[1])
    else:
        neutral = case.op.family == "reduction"
    if not places or not neutral:
        return
    result = array_of(call(case, leaves_of([], masked)))
    if np.isnan(result).any() or np.isposinf(result).any():
        return
    tensors = leaves_of(places, masked)
    found = gradients(case, tensors, places, from_numpy(np.ones(result.shape)))
    given = [array_of(each) for each in found if each is not None]
    assert not any(np.isnan(each).any() for each in given), f"{case}: NaN behind -inf"
    if len(case.op.domain) == 2:  # f(x, x) moves as x
        total = sum(float(each.sum()) for each in given)
        assert np.isclose(total, result.size), f"{case}: gradients behind -inf are {given}"


def sample_cases(op: Op, seed: int = 0) -> Iterator[Case]:
    """The op's samples in double precision, as far as the result is, too, and no NaN."""
    for i, sample in enumerate(op.samples):
        case = case_of(op, sample, float64, seed + i)
        if not differentiable(op):
            yield case
            continue
        result = case.call()
        if result.dtype is float64 and not np.isnan(array_of(result)).any():
            yield case


NUMBERS = (1.7, 0.6, *EDGES)


def number_cases(op: Op, seed: int = 0) -> Iterator[Case]:
    """A call of an op of two operands with a number on either side: at random, and at the edges."""
    for place in (0, 1):
        draw = op.domain[1 - place]
        for number in NUMBERS:
            for array in (
                make(draw(3, 2), np.random.default_rng(seed), op, float64),
                np.array(sorted({*EDGES, *draw.kinks})),
            ):
                yield Case(op, (number, array) if place == 0 else (array, number))


PAIRS_OF_SHAPES = (((2, 3), (2, 3)), ((2, 3), (3,)), ((), (2, 2)), ((1, 2), (3, 1)), ((0, 2), (2,)))


def random_number_cases(op: Op) -> Iterator[Case]:
    """A call of an op of two operands with a number of its domain on either side."""
    for place in (0, 1):
        both = elementwise_case(op, ((), (3, 2)) if place == 0 else ((3, 2), ()), float64, 11)
        number = float(both.args[place])
        yield Case(op, (number, both.args[1]) if place == 0 else (both.args[0], number))


def check_op(op: Op) -> None:
    """Every law on every sample of an op: what a run with changed rules must notice."""
    for seed in (0, 7):
        for case in sample_cases(op, seed):
            check_first(case, seed)
            check_second(case, seed)
    for case in sample_cases(op):
        check_value(case)
    for case in sample_cases(op, 3):
        check_linear(case)
        check_adjoint(case)
        check_constant(case)
        check_minus_infinity(case)
        check_alone(case)
    if op.domain:
        check_edges(edge_case(op))
        check_bends(edge_case(op))
        check_precision(elementwise_case(op, ((64,),) * len(op.domain), float64, 1))
        if len(op.domain) == 2:
            check_integers(elementwise_case(op, ((7, 9), (7, 9)), float64, 3))
            for case in number_cases(op):
                check_edges(case)
                check_bends(case)
            for case in random_number_cases(op):
                check_first(case)
                check_second(case)
            for shapes in PAIRS_OF_SHAPES:
                check_first(elementwise_case(op, shapes, float64, 5))
