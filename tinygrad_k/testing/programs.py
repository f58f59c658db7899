"""Random programs over tensors, with views and in-place steps, and what NumPy makes of them.

A program is a list of steps over numbered values; the first values are its inputs. It is run on
tensors by the ops and on NumPy arrays by their references, with the same views of the same memory.
Needs Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..ops import OPS, Op
from ..ops.samples import real
from ..tensor import Tensor
from .strategies import shapes, subscripts

LIMIT = 50.0  # values beyond this are not made: differences of large numbers show nothing

# Elementwise ops that are smooth everywhere: programs of them have derivatives everywhere.
SMOOTH: tuple[Op, ...] = tuple(
    op
    for op in OPS.values()
    if op.domain and op.differentiable and op.ref and all(each is real for each in op.domain)
)


@dataclass(frozen=True)
class Step:
    """``values[target]`` is made, or changed in place, from the values at ``sources``.

    ``kind`` is ``"op"``, ``"view"`` (``how`` is a subscript or a permutation), ``"inplace"`` (an op
    whose first operand is the target) or ``"assign"`` (``values[target][how] = source``).
    """

    kind: str
    target: int
    sources: tuple[int, ...]
    op: str = ""
    how: tuple[Any, ...] = ()
    permute: bool = False

    def __str__(self) -> str:
        names = ", ".join(f"v{i}" for i in self.sources)
        shown = ", ".join(str(each) for each in self.how)
        if self.kind == "op":
            return f"v{self.target} = {self.op}({names})"
        if self.kind == "inplace":
            return f"v{self.target}.{self.op}_({', '.join(f'v{i}' for i in self.sources[1:])})"
        if self.kind == "assign":
            return f"v{self.target}[{shown}] = {names}"
        return f"v{self.target} = {names}" + (
            f".permute({shown})" if self.permute else f"[{shown}]"
        )


class Program:
    """Steps over values; the result is the sum of every value that the steps left."""

    def __init__(self, inputs: int, steps: Sequence[Step]) -> None:
        self.inputs, self.steps = inputs, list(steps)

    def __repr__(self) -> str:
        return "\n".join([f"inputs v0 .. v{self.inputs - 1}", *map(str, self.steps)])

    def run(self, *inputs: Tensor) -> list[Tensor]:
        """All values on tensors. Inputs are cloned, so that none is a leaf that is changed."""
        values = [each.clone() for each in inputs]
        for step in self.steps:
            sources = [values[i] for i in step.sources]
            if step.kind == "op":
                values.append(OPS[step.op].function(*sources))
            elif step.kind == "view":
                view = sources[0].permute(*step.how) if step.permute else sources[0][step.how]
                values.append(view)
            elif step.kind == "inplace":
                getattr(values[step.target], f"{step.op}_")(*sources[1:])
            else:
                values[step.target][step.how] = sources[0]
        return values

    def reference(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """All values on arrays, by the references of the ops."""
        values = [np.array(each) for each in inputs]
        for step in self.steps:
            play(step, values)
        return values


def play(step: Step, values: list[np.ndarray]) -> None:
    """One step on arrays."""
    sources = [values[i] for i in step.sources]
    with np.errstate(all="ignore"):
        if step.kind == "op":
            values.append(np.asarray(_reference(step.op)(*sources)))
        elif step.kind == "view":
            x = sources[0]
            values.append(x.transpose(step.how) if step.permute else x[_whole(step.how)])
        elif step.kind == "inplace":
            values[step.target][...] = _reference(step.op)(*(np.array(x) for x in sources))
        else:
            values[step.target][step.how] = np.array(sources[0])


def _whole(how: tuple[Any, ...]) -> tuple[Any, ...]:
    """The subscript with an ellipsis, so that NumPy gives a view also of a single element."""
    return how if ... in how else (*how, ...)


def _reference(name: str) -> Callable[..., Any]:
    reference = OPS[name].ref
    assert reference is not None
    return reference


@st.composite
def programs(
    draw: Any,
    max_inputs: int = 2,
    max_steps: int = 8,
    inplace: bool = True,
    shape: Any = None,
    ops: Sequence[Op] = SMOOTH,
) -> tuple[Program, list[np.ndarray]]:
    """A program of elementwise ops, and float64 inputs on which all its values stay tame."""
    count = draw(st.integers(1, max_inputs))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    strategy = shapes(max_dims=3, min_side=1, max_side=3) if shape is None else shape
    sizes = strategy if isinstance(strategy, tuple) else draw(strategy)
    inputs = [np.asarray(rng.uniform(-1.5, 1.5, sizes)) for _ in range(count)]
    values = [np.array(each) for each in inputs]
    steps: list[Step] = []
    kinds = ("op", "op", "view", "inplace", "assign") if inplace else ("op", "op", "view")
    for _ in range(draw(st.integers(1, max_steps))):
        step = _step(draw, draw(st.sampled_from(kinds)), values, ops)
        if step is not None and _tame(steps, step, inputs):
            steps.append(step)
            play(step, values)
    return Program(count, steps), inputs


def _tame(steps: list[Step], step: Step, inputs: list[np.ndarray]) -> bool:
    """Whether all values are still within the limit after another step."""
    values = Program(len(inputs), [*steps, step]).reference(*inputs)
    return all(np.all(np.abs(each) <= LIMIT) for each in values)


def _step(draw: Any, kind: str, values: list[np.ndarray], ops: Sequence[Op]) -> Step | None:
    source = draw(st.integers(0, len(values) - 1))
    x = values[source]
    if kind == "view":
        if x.ndim > 1 and draw(st.booleans()):
            order = tuple(draw(st.permutations(range(x.ndim))))
            return Step("view", len(values), (source,), how=order, permute=True)
        how = draw(subscripts(x.shape))
        made = x[_whole(how)]
        return Step("view", len(values), (source,), how=how) if made.size else None
    if kind == "assign":
        how = draw(subscripts(x.shape))
        window = x[_whole(how)]
        fitting = _fitting(values, window.shape)
        if not fitting or not window.size:
            return None
        return Step("assign", source, (draw(st.sampled_from(fitting)),), how=how)
    op = draw(st.sampled_from(ops))
    if kind == "inplace" and not hasattr(Tensor, f"{op.name}_"):
        kind = "op"
    others: tuple[int, ...] = ()
    if len(op.domain) > 1:
        fitting = _fitting(values, x.shape)
        others = tuple(draw(st.sampled_from(fitting)) for _ in op.domain[1:])
    return Step(kind, source if kind == "inplace" else len(values), (source, *others), op=op.name)


def _fitting(values: list[np.ndarray], shape: tuple[int, ...]) -> list[int]:
    """Values that broadcast to a shape."""

    def fits(x: np.ndarray) -> bool:
        try:
            return np.broadcast_shapes(x.shape, shape) == shape
        except ValueError:
            return False

    return [i for i, x in enumerate(values) if fits(x)]
