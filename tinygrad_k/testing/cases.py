"""The op table as test cases: arguments drawn for an op in a dtype, and what NumPy says of them.

Nothing here knows an op by name. A new row of the table is tested without a line of test.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..backend import DTYPES, dtype
from ..ops import OPS, TRIED, Op
from ..ops.samples import Draw, Sample
from ..random import manual_seed
from ..tensor import Tensor, from_numpy
from .close import describe

FLOATS = tuple(each for each in DTYPES if each.is_floating_point)
INTEGERS = tuple(each for each in DTYPES if each.numpy.kind in "iu")
BOOL = tuple(each for each in DTYPES if each.numpy.kind == "b")

# What the word in an op's declaration stands for.
GROUPS: dict[str, tuple[dtype, ...]] = {
    "float": FLOATS,
    "number": FLOATS + INTEGERS,
    "all": FLOATS + INTEGERS + BOOL,
    "integer": INTEGERS,
    "logic": INTEGERS + BOOL,
}


def rows(condition: Callable[[Op], Any] = lambda op: True) -> list[Op]:
    """The rows of the op table, and the composites tried like them, that fulfil a condition."""
    return [op for op in (*OPS.values(), *TRIED.values()) if condition(op)]


def mapped(function: Callable[[Any], Any], value: Any, kinds: Any) -> Any:
    """``value`` with every instance of ``kinds`` in it replaced, also inside lists and tuples."""
    if isinstance(value, kinds):
        return function(value)
    if type(value) in (list, tuple):
        return type(value)(mapped(function, each, kinds) for each in value)
    return value


def instances(value: Any, kinds: Any) -> list[Any]:
    """Every instance of ``kinds`` in a value, in order."""
    found: list[Any] = []
    mapped(found.append, value, kinds)
    return found


def follows_dtype(op: Op, draw: Draw) -> bool:
    """Whether a drawn argument takes the dtype under test, rather than being an index or a mask."""
    return draw.kind == "real" or (draw.kind == "integer" and op.dtypes in ("integer", "logic"))


def make(draw: Draw, rng: np.random.Generator, op: Op, kind: dtype) -> np.ndarray:
    """The array that a draw stands for."""
    if not follows_dtype(op, draw) or kind.is_floating_point:
        return np.asarray(draw.make(rng, kind.numpy))
    if kind.numpy.kind == "b":
        return np.asarray(rng.random(draw.shape) < 0.5)
    if draw.distinct:
        size = int(np.prod(draw.shape, dtype=np.int64))
        return rng.permutation(size).reshape(draw.shape).astype(kind.numpy)
    low, high = int(np.rint(draw.low)), int(np.rint(draw.high))
    if kind.numpy.kind == "u":
        low, high = max(low, 0), max(high, 0)
    return rng.integers(low, high + 1, draw.shape).astype(kind.numpy)


@dataclass
class Case:
    """A call of an op: its arguments, tensors as NumPy arrays."""

    op: Op
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> list[np.ndarray]:
        """The tensor arguments in order."""
        return instances((self.args, list(self.kwargs.values())), np.ndarray)

    def changed(self, function: Callable[[np.ndarray], Any]) -> Case:
        """The case with every array replaced by what the function makes of it."""
        kwargs = {key: mapped(function, each, np.ndarray) for key, each in self.kwargs.items()}
        return replace(self, args=mapped(function, self.args, np.ndarray), kwargs=kwargs)

    def replaced(self, arrays: list[Any]) -> Case:
        """The case with its arrays replaced, in order."""
        supply = iter(arrays)
        return self.changed(lambda _: next(supply))

    def call(self) -> Tensor:
        """The op's result; arrays go in as they lie in memory, and random ops start from a seed."""
        ready = self.changed(from_numpy)
        manual_seed(0)
        return self.op.function(*ready.args, **ready.kwargs)

    def reference(self) -> np.ndarray | None:
        """What NumPy says, floats in double precision; None where it has no answer."""
        if self.op.ref is None:
            return None
        double = self.changed(lambda x: x.astype(np.float64) if x.dtype.kind == "f" else x.copy())
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return np.asarray(self.op.ref(*double.args, **double.kwargs))
            except (ValueError, TypeError) as error:
                if "Integers to negative integer powers" in str(error):
                    return None
                raise

    def __str__(self) -> str:
        shown = mapped(lambda x: f"{x.dtype}{list(x.shape)}", self.args, np.ndarray)
        words = [str(each) for each in shown]
        words += [f"{k}={getattr(v, 'shape', v)}" for k, v in self.kwargs.items()]
        return f"{self.op.name}({', '.join(words)})"


def case_of(op: Op, sample: Sample, kind: dtype, seed: int = 0) -> Case:
    """A sample of an op with its tensors drawn in a dtype."""
    rng = np.random.default_rng(seed)

    def draw(each: Draw) -> np.ndarray:
        return make(each, rng, op, kind)

    kwargs = {key: mapped(draw, each, Draw) for key, each in sample.kwargs.items()}
    return Case(op, mapped(draw, sample.args, Draw), kwargs)


def cases(op: Op, kinds: tuple[dtype, ...] | None = None, seed: int = 0) -> Iterator[Case]:
    """Every sample of an op in every dtype it takes."""
    for kind in GROUPS[op.dtypes] if kinds is None else kinds:
        for i, sample in enumerate(op.samples):
            yield case_of(op, sample, kind, seed + i)


def elementwise_case(op: Op, shapes: Any, kind: dtype, seed: int) -> Case:
    """A call of an elementwise op with operands of these shapes, drawn from its domain."""
    rng = np.random.default_rng(seed)
    pairs = zip(op.domain, shapes, strict=True)
    return Case(op, tuple(make(draw(*shape), rng, op, kind) for draw, shape in pairs))


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same bytes, NaNs and signs of zero included."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def sensitivity(case: Case, expected: np.ndarray, change: float) -> np.ndarray:
    """How far an elementwise reference and its operands move, by this relative change."""
    total = np.zeros(expected.shape)
    arrays = case.arrays()
    for i, x in enumerate(arrays):
        if x.dtype.kind == "f":
            moved = [
                x.astype(np.float64) * (1 + change) if i == j else y for j, y in enumerate(arrays)
            ]
            total += np.abs(case.replaced(moved).reference() - expected) + change * np.abs(x)
    return np.nan_to_num(total)


def assert_agrees(case: Case, found: np.ndarray, expected: np.ndarray) -> None:
    """Integers and bools exactly; floats within what rounding may do.

    An elementwise result may be off by some units in its last place or in that of an operand, and
    by what a change of the operands by that much makes of it, where terms cancel. Behind a sum
    stand many roundings of numbers as large as the largest operand: the error of n random roundings
    grows as the root of n.
    """
    assert found.shape == expected.shape, f"{case}: shape {found.shape}, NumPy's {expected.shape}"
    if found.dtype.kind != "f":
        exact = expected.astype(found.dtype)
        assert np.array_equal(found, exact), f"{case}: {found!r}, NumPy says {expected!r}"
        return
    eps = np.finfo(found.dtype).eps
    expected = expected.astype(np.float64)
    with np.errstate(all="ignore"):
        allowed = 8 * eps * np.abs(expected)
        floats = [x for x in case.arrays() if x.dtype.kind == "f" and x.size]
        if case.op.domain:
            allowed = allowed + sensitivity(case, expected, 2 * eps)
        else:
            size = max([x.size for x in case.arrays()], default=1)
            sizes = [*(np.max(np.abs(x)) for x in floats), np.max(np.abs(expected), initial=1)]
            allowed = allowed + 4 * eps * np.sqrt(size) * float(np.max(sizes))
        narrow = expected.astype(found.dtype)
        good = (found == narrow) | (np.abs(found - expected) <= allowed)
        good |= np.isnan(found) & np.isnan(expected)
    if not good.all():
        rows = (
            ("found", found),
            ("NumPy", expected),
            ("allowed", np.broadcast_to(allowed, good.shape)),
        )
        raise AssertionError(f"{case}: {describe(~np.asarray(good), rows)}")
