"""What the benchmarks of single ops run, derived from the op table: its domains and samples, drawn
larger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

COLUMNS = {True: 1000, False: 100}  # of a matrix of more than a million elements or not
SCALED = ("where", "elementwise", "reduction", "rows", "norm", "loss", "scan", "index", "copy")


@dataclass
class Case:
    """A call: arrays stand for tensors."""

    op: str
    elements: int
    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        shapes = [str(list(a.shape)).replace(" ", "") for a in self.args if is_array(a)]
        other = [repr(a) for a in self.args if not is_array(a) and a is not None]
        other += [f"{key}={value}" for key, value in self.kwargs.items()]
        return " ".join([self.op.strip("_"), *shapes[:1], *other])


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def scaled(args: tuple[Any, ...], elements: int) -> list[Any] | None:
    """The sample with the sizes of its largest tensor, of one or two dimensions, replaced by large
    ones wherever they occur; None where it has no such tensor, or tensors of other sizes. A size
    that only an index has becomes the number of rows."""
    from tinygrad_k.ops.samples import Draw

    draws = [each for each in args if isinstance(each, Draw)]
    largest = max(draws, key=lambda draw: int(np.prod(draw.shape)), default=None)
    if largest is None or not 1 <= len(largest.shape) <= 2 or 0 in largest.shape:
        return None
    columns = COLUMNS[elements > 1_000_000]
    sizes = {largest.shape[-1]: columns, largest.shape[0]: elements // columns}
    if len(largest.shape) == 1:
        sizes = {largest.shape[0]: elements}
    result: list[Any] = []
    for each in args:
        if isinstance(each, Draw):
            if each.kind != "integer" and not set(each.shape) <= set(sizes):
                return None
            drawn = each(*(sizes.get(n, elements // columns) for n in each.shape))
            if each.kind == "integer":
                drawn.high = sizes.get(int(each.high), each.high)
            each = drawn
        result.append(each)
    return result


def from_table(elements: int) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """(op, arguments with draws in them, keywords)."""
    from tinygrad_k.ops import OPS

    for name, op in OPS.items():
        if op.family in ("unary", "binary"):
            yield name, [draw(elements) for draw in op.domain], {}
        seen = set()
        for sample in op.samples if op.family in SCALED else ():
            args = scaled(sample.args, elements)
            if args is not None and (what := f"{args}{sample.kwargs}") not in seen:
                seen.add(what)
                yield name, args, sample.kwargs


def cases(elements: int, dtype: Any = np.float32, ops: Sequence[str] = ()) -> Iterator[Case]:
    """Every op of the table that works through its operands, about so many elements each; where
    names are given, only those."""
    from tinygrad_k.ops.samples import Draw

    rng = np.random.default_rng(0)
    for name, args, kwargs in from_table(elements):
        if ops and name.strip("_") not in ops:
            continue
        arrays = [a.make(rng, dtype) if isinstance(a, Draw) else a for a in args]
        yield Case(name, elements, arrays, dict(kwargs))


def call(function: Callable[..., Any], case: Case, make: Callable[[Any], Any]) -> Any:
    """The case bound to one library's function and tensors; None where it does not take them."""
    args = [make(a) if is_array(a) else a for a in case.args]
    try:
        function(*args, **case.kwargs)
    except (TypeError, RuntimeError, ValueError, IndexError, AttributeError):
        return None
    return lambda: function(*args, **case.kwargs)
