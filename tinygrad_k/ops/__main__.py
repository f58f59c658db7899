"""``python -m tinygrad_k.ops``: the op table, one line an op.

Columns: the name; its kernel, or ``-`` where it is made of other ops or of NumPy; the dtypes its
laws are tried on; how often it can be differentiated (rules are made of ops, so it is either any
number of times or not at all), with the operands that have no derivative; the reason if there is
none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import OPS, Op, linalg_functions, public_functions, row_of
from .declare import no_grad, vanishes

HEADINGS = ("name", "kernel", "dtypes", "order", "remark")


def line_of_op(op: Op) -> tuple[str, ...]:
    """An op's cells."""
    order, remark = "any", ""
    if isinstance(op.vjp, no_grad):
        order, remark = "0", op.vjp.reason
    elif isinstance(op.vjp, dict):
        flat = [name for name, rule in op.vjp.items() if rule is vanishes]
        refused = [f"{k}: {rule.reason}" for k, rule in op.vjp.items() if isinstance(rule, no_grad)]
        remark = "; ".join([f"{name}: 0" for name in flat] + refused)
    return op.name, op.kernel_name or "-", op.dtypes, order, remark


def line_of_composite(name: str, function: Callable[..., Any]) -> tuple[str, ...]:
    """The cells of a function over ops, from its first output that is under the laws."""
    row = row_of(name, function)
    if row is None:
        return name, "-", "", "", "not tried by the laws of ops"
    return (name, *line_of_op(row)[1:])


def lines() -> Iterator[tuple[str, ...]]:
    """All ops, then all public functions that are no op themselves."""
    yield from (line_of_op(op) for op in sorted(OPS.values(), key=lambda op: op.name))
    linear = {f"linalg.{name}": each for name, each in linalg_functions().items()}
    for name, function in sorted((public_functions() | linear).items()):
        if name not in OPS or OPS[name].function is not function:
            yield line_of_composite(name, function)


def main() -> None:
    """Prints the table in columns as wide as their longest entry."""
    table = [HEADINGS, *lines()]
    widths = [max(len(row[i]) for row in table) for i in range(len(HEADINGS) - 1)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())


if __name__ == "__main__":
    main()
