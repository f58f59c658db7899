"""Numeric derivatives along a direction, and where there is none: the ground of all checks here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Of central differences, tried in this order. The first has an error of 1e-10 of the third
# derivative and rounding of 1e-11; longer steps help where the values are large, shorter ones where
# a kink or a pole is near.
STEPS = (1e-5, 1e-4, 1e-6, 1e-3, 1e-7)
CLOSE = 2e-6  # of the sum of the sizes of the terms compared
BEND = 1e-3  # of the slopes: one-sided slopes this far apart at every step do not meet
KINK_STEPS = (1e-4, 1e-5, 1e-6)
STEEPER = 20  # from the first step to the last: a jump's slope grows by 100, a square root's by 10

Values = list[np.ndarray]


@dataclass
class Slope:
    """The derivative of a number along a direction, by backward and by differences."""

    analytic: float
    numeric: float
    step: float
    scale: float  # sizes of the terms compared
    finite: bool = True

    @property
    def error(self) -> float:
        """The difference, as a share of the sizes of the terms."""
        if not self.finite:
            return np.inf if np.isfinite(self.analytic) else 0.0
        return abs(self.analytic - self.numeric) / self.scale

    def agrees(self, tolerance: float = CLOSE) -> bool:
        return self.error <= tolerance


def moved(at: Values, place: int, direction: np.ndarray, step: float) -> Values:
    """The arrays with one of them moved along a direction."""
    arrays = list(at)
    arrays[place] = np.asarray(at[place] + step * direction)
    return arrays


def inner(a: np.ndarray | None, b: np.ndarray) -> float:
    """<a, b>; no array is zeros."""
    with np.errstate(invalid="ignore"):
        return 0.0 if a is None else float(np.sum(a * b))


def slope(
    value: Callable[[Values], float],
    at: Values,
    place: int,
    direction: np.ndarray,
    analytic: np.ndarray | None,
    steps: tuple[float, ...] = STEPS,
    tolerance: float = CLOSE,
) -> Slope:
    """The derivative of ``value`` when one array moves along a direction, against the gradient.

    Steps are tried until one agrees; else the one that comes nearest is the answer. Where the value
    is not finite, the gradient must not be finite either.
    """
    given = inner(analytic, direction)
    size = 0.0 if analytic is None else float(np.sum(np.abs(analytic * direction)))
    best: Slope | None = None
    for step in steps:
        up, down = (value(moved(at, place, direction, each)) for each in (step, -step))
        if not np.isfinite((up, down)).all():
            return Slope(given, np.nan, step, 1.0, finite=False)
        numeric = (up - down) / (2 * step)
        found = Slope(given, numeric, step, 1 + abs(numeric) + size + abs(up))
        if best is None or not best.error <= found.error:
            best = found
        if best.agrees(tolerance):
            break
    assert best is not None
    return best


def one_sided(
    value: Callable[[Values], float], at: Values, place: int, direction: np.ndarray, step: float
) -> tuple[float, float]:
    """The slopes on the left and on the right."""
    here = value(at)
    up, down = (value(moved(at, place, direction, each)) for each in (step, -step))
    return (here - down) / step, (up - here) / step


def is_kink(
    value: Callable[[Values], float], at: Values, place: int, direction: np.ndarray
) -> tuple[float, float] | None:
    """The slopes on the two sides where they do not meet as the step shrinks, else None.

    They differ by the step times the second derivative where there is no kink, so ten times less
    with each step; at a kink they stay apart, and at a jump they grow with every step.
    """
    gaps, sizes = [], []
    sides = (0.0, 0.0)
    for step in KINK_STEPS:
        sides = one_sided(value, at, place, direction, step)
        if not np.isfinite(sides).all():
            return None
        sizes.append(1 + min(abs(sides[0]), abs(sides[1])))
        gaps.append(abs(sides[0] - sides[1]) / sizes[-1])
    apart = min(gaps) > BEND and gaps[-1] > 0.5 * gaps[0]
    return sides if apart or sizes[-1] > STEEPER * sizes[0] else None
