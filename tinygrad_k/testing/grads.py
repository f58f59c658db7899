"""``check_grads``: the derivatives of any function, to any order, against differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad
from ..backend import float64
from ..ops.creation import zeros_like
from ..tensor import Tensor, from_numpy
from .slopes import CLOSE, STEPS, Slope, inner, is_kink, slope

SHOWN = 5  # elements in a message
SMALL = 4096  # elements of an input up to which every one is searched for a kink


class KinkWarning(UserWarning):
    """A function has no derivative at the point where it is checked."""


def named(place: int) -> str:
    """An input in a message."""
    return f"input {place}" if place >= 0 else f"the gradient of output {-1 - place}"


@dataclass
class Kink:
    """An element at which the slopes on the two sides differ: there is no derivative to compare.

    The slopes are those of <v, f> with the random weights v of the check. An ``input`` below 0 is
    the gradient of output -1 - input, which is an input of the second derivative.
    """

    order: int
    input: int
    element: tuple[int, ...]
    left: float
    right: float
    analytic: float

    def __str__(self) -> str:
        return (
            f"order {self.order}, {named(self.input)}{list(self.element)}: slopes of <v, f> "
            f"{self.left:.6g} and {self.right:.6g}, backward says {self.analytic:.6g}"
        )


@dataclass
class GradReport:
    """What ``check_grads`` found: kinks, and the largest error as a share of the terms' sizes."""

    kinks: list[Kink] = field(default_factory=list)
    worst: float = 0.0


def outputs_of(results: Any) -> list[Tensor]:
    """The floating tensors of a function's result, in order, out of sequences and mappings."""
    if isinstance(results, Tensor):
        return [results] if results.dtype.is_floating_point else []
    if isinstance(results, Mapping):
        results = list(results.values())
    if isinstance(results, (list, tuple)):
        return [each for item in results for each in outputs_of(item)]
    return []


def normal(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Normal numbers as an array, also without dimensions."""
    return np.asarray(rng.standard_normal(tuple(shape)))


def array_of(tensor: Tensor) -> np.ndarray:
    """A copy of a tensor's values."""
    return np.array(tensor.detach()._array())


class Subject:
    """A function of arrays: those at ``places`` are the leaves, everything else is passed on.

    ``fixed`` are the arguments; at ``places`` stand float64 arrays, of which fresh leaves are made
    for every call, so that nothing that the function does to them lasts.
    """

    def __init__(self, function: Callable[..., Any], fixed: Sequence[Any], places: list[int]):
        self.function, self.fixed, self.places = function, list(fixed), places

    def leaves(self, at: Sequence[np.ndarray]) -> list[Tensor]:
        return [from_numpy(np.array(x)).requires_grad_() for x in at]

    def __call__(self, leaves: Sequence[Tensor]) -> list[Tensor]:
        arguments = list(self.fixed)
        for place, leaf in zip(self.places, leaves, strict=True):
            arguments[place] = leaf
        return outputs_of(self.function(*arguments))

    def gradients(
        self, leaves: Sequence[Tensor], seeds: Sequence[Tensor], create_graph: bool = False
    ) -> list[Tensor | None]:
        """The gradients of sum <seed, output> for the leaves; None where there is none."""
        pairs = zip(self(leaves), seeds, strict=True)
        used = [(out, seed) for out, seed in pairs if out.requires_grad]
        if not used:
            return [None] * len(leaves)
        outputs, weights = zip(*used, strict=True)
        found = grad(outputs, leaves, weights, create_graph=create_graph, allow_unused=True)
        for i, (each, leaf) in enumerate(zip(found, leaves, strict=True)):
            if each is not None and (each.shape != leaf.shape or each.dtype is not leaf.dtype):
                raise AssertionError(
                    f"check_grads: the gradient of input {self.places[i]} is {each.dtype.name} "
                    f"{tuple(each.shape)}, the input {leaf.dtype.name} {tuple(leaf.shape)}"
                )
        return list(found)

    def derivative(self, seeds: int) -> Callable[..., Any]:
        """The function of leaves and seeds that backward computes, to be checked in its turn."""

        def function(*values: Tensor) -> list[Tensor]:
            leaves, weights = values[:-seeds], values[-seeds:]
            found = self.gradients(leaves, weights, create_graph=True)
            return [
                zeros_like(leaf) if each is None else each
                for leaf, each in zip(leaves, found, strict=True)
            ]

        return function


def subject(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Subject, list[Any]]:
    """The function over float64 copies of its floating inputs, and these copies.

    If some of the inputs require grad, these alone are differentiated, otherwise all floating ones.
    """
    chosen = any(isinstance(each, Tensor) and each.requires_grad for each in inputs)
    fixed: list[Any] = []
    places: list[int] = []
    for i, each in enumerate(inputs):
        if isinstance(each, (Tensor, np.ndarray)):
            values = array_of(each) if isinstance(each, Tensor) else np.array(each)
            if values.dtype.kind != "f":
                fixed.append(from_numpy(values))
                continue
            values = values.astype(np.float64)
            wants = each.requires_grad if chosen and isinstance(each, Tensor) else not chosen
            if wants:
                places.append(i)
            fixed.append(values if wants else from_numpy(values))
        else:
            fixed.append(each)
    if not places:
        raise ValueError("check_grads: no floating input to differentiate")
    return Subject(function, fixed, places), [fixed[i] for i in places]


def check_grads(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 2,
    steps: tuple[float, ...] = STEPS,
    tolerance: float = CLOSE,
    seed: int = 0,
) -> GradReport:
    """The derivatives of ``fn`` up to ``order`` are those that differences show, in float64.

    ``inputs`` are tensors, arrays and anything else ``fn`` takes; floating ones are copied to
    float64 and differentiated (if some require grad, only these). ``fn`` returns a tensor or
    several; it must compute in float64 and give the same values every time.

    Each derivative is compared along random directions, with steps of several sizes until one
    agrees within ``tolerance`` of the sizes of the terms. Where that fails, element by element: the
    AssertionError shows element, analytic and numeric value. An element at which the slopes on the
    two sides differ has no derivative; it is not an error, but is in the result's ``kinks`` and in
    a KinkWarning. Checked too: that backward is linear in the gradient from above, and from order 2
    on that <v, Jw> = <J'v, w>, where Jw comes from differentiating J'v by v.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"check_grads: order must be an int from 1 on; got {order!r}")
    rng = np.random.default_rng(seed)
    report = GradReport()
    with enable_grad():
        checked, at = subject(fn, inputs)
        origin = list(checked.places)
        for level in range(1, order + 1):
            seeds = _seeds(checked, at, rng)
            _check_level(checked, at, seeds, level, origin, steps, tolerance, rng, report)
            if level == 1:
                check_linear(checked, at, rng)
                if order > 1:
                    check_adjoint(checked, at, rng)
            if level < order:
                function = checked.derivative(len(seeds))
                at = [*at, *seeds]
                origin += [-1 - i for i in range(len(seeds))]
                checked = Subject(function, [None] * len(at), list(range(len(at))))
    if report.kinks:
        listed = "\n  ".join(map(str, report.kinks[:SHOWN]))
        warnings.warn(
            KinkWarning(f"check_grads: {len(report.kinks)} kinks, not checked:\n  {listed}"),
            stacklevel=2,
        )
    return report


def _seeds(checked: Subject, at: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    results = checked(checked.leaves(at))
    if not results:
        raise ValueError("check_grads: the function returns no floating tensor")
    for i, each in enumerate(results):
        if each.dtype is not float64:
            raise ValueError(f"check_grads: output {i} must be float64; got {each.dtype.name}")
    return [normal(rng, each.shape) for each in results]


def _check_level(
    checked: Subject,
    at: list[np.ndarray],
    seeds: list[np.ndarray],
    level: int,
    places: list[int],
    steps: tuple[float, ...],
    tolerance: float,
    rng: np.random.Generator,
    report: GradReport,
) -> None:
    def value(arrays: list[np.ndarray]) -> float:
        results = checked(checked.leaves(arrays))
        return sum(inner(array_of(out), g) for out, g in zip(results, seeds, strict=True))

    found = checked.gradients(checked.leaves(at), [from_numpy(g) for g in seeds])
    for i, each in enumerate(found):
        analytic = np.zeros(at[i].shape) if each is None else array_of(each)
        along = normal(rng, at[i].shape)
        whole = slope(value, at, i, along, analytic, steps, tolerance)
        if whole.agrees(tolerance) and is_kink(value, at, i, along) is None:
            report.worst = max(report.worst, whole.error)
            continue
        _search(value, at, i, analytic, level, places[i], whole, steps, tolerance, report)


def _search(
    value: Callable[[list[np.ndarray]], float],
    at: list[np.ndarray],
    i: int,
    analytic: np.ndarray,
    level: int,
    place: int,
    whole: Slope,
    steps: tuple[float, ...],
    tolerance: float,
    report: GradReport,
) -> None:
    """Finds the elements behind a direction that does not agree: wrong ones, or kinks."""
    wrong: list[str] = []
    kinks = 0
    for element in list(np.ndindex(at[i].shape))[:SMALL]:
        along = np.zeros(at[i].shape)
        along[element] = 1.0
        sides = is_kink(value, at, i, along)
        given = float(analytic[element])
        if sides is not None:
            kinks += 1
            report.kinks.append(Kink(level, place, element, *sides, given))
            continue
        each = slope(value, at, i, along, analytic, steps, tolerance)
        if not each.agrees(tolerance):
            wrong.append(f"  {list(element)}: analytic {given:.9g}, numeric {each.numeric:.9g}")
    what = f"check_grads: derivative of order {level} for {named(place)}"
    if wrong:
        listed = "\n".join(wrong[:SHOWN])
        raise AssertionError(f"{what}: {len(wrong)} of {at[i].size} elements differ:\n{listed}")
    if not kinks and not whole.agrees(tolerance):
        raise AssertionError(
            f"{what}: along a random direction analytic {whole.analytic:.9g}, "
            f"numeric {whole.numeric:.9g}"
        )


def check_linear(checked: Subject, at: list[np.ndarray], rng: np.random.Generator) -> None:
    """J'(2u - 3v) = 2 J'u - 3 J'v: backward is linear in the gradient from above."""
    shapes = [each.shape for each in checked(checked.leaves(at))]
    one, two = ([normal(rng, shape) for shape in shapes] for _ in range(2))
    both = [np.asarray(2 * u - 3 * v) for u, v in zip(one, two, strict=True)]
    results = [
        [
            np.zeros(x.shape) if each is None else array_of(each)
            for x, each in zip(at, checked.gradients(checked.leaves(at), tensors), strict=True)
        ]
        for tensors in ([from_numpy(g) for g in seeds] for seeds in (one, two, both))
    ]
    for place, a, b, c in zip(checked.places, *results, strict=True):
        scale = np.max(np.abs(a), initial=1) + np.max(np.abs(b), initial=1)
        if np.isfinite(scale) and not np.allclose(c, 2 * a - 3 * b, rtol=0, atol=1e-11 * scale):
            raise AssertionError(
                f"check_grads: backward for input {place} is not linear in the gradient from above"
            )


def check_adjoint(checked: Subject, at: list[np.ndarray], rng: np.random.Generator) -> None:
    """<v, Jw> = <J'v, w>, where Jw is the derivative of <J'v, w> by v."""
    leaves = checked.leaves(at)
    seeds = [normal(rng, each.shape) for each in checked(leaves)]
    weights = [normal(rng, x.shape) for x in at]
    sources = [from_numpy(np.array(v)).requires_grad_() for v in seeds]
    back = checked.gradients(leaves, sources, create_graph=True)
    terms = [
        (each * from_numpy(w)).sum()
        for each, w in zip(back, weights, strict=True)
        if each is not None
    ]
    if not terms:
        return
    right = sum(float(term.item()) for term in terms)
    found: Sequence[Tensor | None] = [None] * len(sources)
    if any(term.requires_grad for term in terms):
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        found = grad(total, sources, allow_unused=True)
    pairs = [(None if j is None else array_of(j), v) for j, v in zip(found, seeds, strict=True)]
    left = sum(inner(*pair) for pair in pairs)
    scale = 1 + sum(float(np.sum(np.abs(j * v))) for j, v in pairs if j is not None) + abs(right)
    if np.isfinite(left) and np.isfinite(right) and abs(left - right) > 1e-10 * scale:
        raise AssertionError(f"check_grads: <v, Jw> is {left:.12g}, but <J'v, w> is {right:.12g}")
