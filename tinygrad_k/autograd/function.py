"""Functions with a backward of their own, written by the user over tensors."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from ..backend import lib
from ..tensor import Tensor, wrap
from .mode import is_grad_enabled
from .node import Node, Part, Plan, SavedOutput


class FunctionContext:
    """What a Function's forward leaves for its backward.

    ``save_for_backward(*tensors)`` keeps inputs and outputs; other values can be set as attributes.
    ``needs_input_grad`` says for each input whether its gradient is wanted.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._saved: tuple[Tensor | None, ...] = ()
        self._not_differentiable: set[int] = set()
        self._recorded: tuple[Any, ...] | None = None  # the node's saved values, during backward
        # The node, and those of its outputs by position; weak, for the node keeps this context.
        self._node: weakref.ref[Node] | None = None
        self._outputs: dict[int, weakref.ref[Node]] = {}

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors, and checks in backward that nobody changed them in place."""
        for each in tensors:
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(f"save_for_backward: expected tensors; got {type(each).__name__}")
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What ``save_for_backward`` kept."""
        if self._recorded is None:
            return self._saved
        return tuple(self._reveal(each) for each in self._recorded)

    def _reveal(self, value: Any) -> Any:
        """A saved output in its place in the graph, so that it can be differentiated again."""
        if not isinstance(value, SavedOutput):
            return value
        place = self._outputs.get(value.position)  # None: not differentiable
        node = place() if place else None
        if place and node is None and self._node:
            # nobody holds that output any more; it gets another node
            whole = self._node()
            node = None if whole is None else _part(whole, value.position)
        return wrap(lib.tk_retain(value.tensor._h), node)

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says that these outputs have no gradient."""
        self._not_differentiable.update(id(each) for each in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Gradients of unused outputs are always given as zeros; only True is possible."""
        if not value:
            raise ValueError("set_materialize_grads: only True is supported")


class _Name:
    """Stands where an op stands in a Plan."""

    def __init__(self, name: str) -> None:
        self.name = name


class Function:
    """A differentiable function: subclass it with static ``forward`` and ``backward``.

    ``forward(ctx, *args)`` computes, unrecorded, one tensor or a tuple of them. ``backward(ctx,
    *gradients)``, one for each output, returns a gradient for each argument (None where there is
    none). If backward is made of tensor operations it can be differentiated again. Call it by
    ``apply(*args)``.
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        raise NotImplementedError("Function: forward is missing")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise NotImplementedError("Function: backward is missing")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Computes forward(*args) and records it."""
        tensors = [arg if isinstance(arg, Tensor) else None for arg in args]
        wanted = tuple(t is not None and t._node is not None for t in tensors)
        recorded = is_grad_enabled() and any(wanted)
        ctx = FunctionContext(wanted)
        before = lib.tk_set_grad_mode(0)
        try:
            results = cls.forward(ctx, *args)
        finally:
            lib.tk_set_grad_mode(before)
        single = isinstance(results, Tensor)
        outputs = [results] if single else list(results)
        for each in outputs:
            if not isinstance(each, Tensor):
                raise TypeError(
                    f"{cls.__name__}: forward must return tensors; got {type(each).__name__}"
                )
        hidden = {i for i, each in enumerate(outputs) if id(each) in ctx._not_differentiable}
        # An output that is an input (or a saved one) must not take the place of that tensor.
        outputs = [wrap(lib.tk_alias(each._h)) if _is_in(each, args) else each for each in outputs]
        if recorded:
            _record(cls, ctx, args, wanted, outputs, results if not single else [results], hidden)
        return outputs[0] if single else tuple(outputs)


def _is_in(value: Any, items: Sequence[Any]) -> bool:
    return any(value is item for item in items)


def _record(
    cls: type[Function],
    ctx: FunctionContext,
    args: tuple[Any, ...],
    wanted: tuple[bool, ...],
    outputs: list[Tensor],
    results: Sequence[Tensor],
    hidden: set[int],
) -> None:
    node = Node()
    shapes = [
        (arg.shape, arg.dtype) if want else None for arg, want in zip(args, wanted, strict=True)
    ]
    geometry = [(each.shape, each._h.dtype) for each in outputs]

    def rule(gradients: Any, *saved: Any) -> list[Any]:
        given = gradients if isinstance(gradients, list) else [gradients]
        filled = [
            wrap(lib.tk_full_float(kind, len(shape), shape, 0.0)) if g is None else g
            for g, (shape, kind) in zip(given, geometry, strict=True)
        ]
        ctx._recorded = saved
        try:
            answer = cls.backward(ctx, *filled)
        finally:
            ctx._recorded = None
        answer = answer if isinstance(answer, tuple) else (answer,)
        if len(answer) != len(args):
            raise RuntimeError(
                f"{cls.__name__}: backward returned {len(answer)} gradients for {len(args)} inputs"
            )
        kept = []
        for i, (gradient, shape) in enumerate(zip(answer, shapes, strict=True)):
            if shape is None:
                continue
            if gradient is not None and not isinstance(gradient, Tensor):
                raise TypeError(
                    f"{cls.__name__}: backward must return tensors or None; "
                    f"got {type(gradient).__name__} for input {i}"
                )
            if gradient is not None and gradient.shape != shape[0]:
                raise RuntimeError(
                    f"{cls.__name__}: the gradient of input {i} has shape "
                    f"{tuple(gradient.shape)}, the input {tuple(shape[0])}"
                )
            kept.append(gradient)
        return kept

    node.plan = Plan(_Name(cls.__name__), (), rule, joint=True)
    node.inputs = tuple(arg._node for arg, want in zip(args, wanted, strict=True) if want)
    node.saved = [
        SavedOutput(each, next(i for i, r in enumerate(results) if r is each))
        if each is not None and _is_in(each, results)
        else each
        for each in ctx._saved
    ]
    node.stamp = lib.tk_clock
    ctx._saved = ()
    node.outputs = len(outputs)
    node.shapes = tuple(shape for shape in shapes if shape is not None)
    ctx._node = weakref.ref(node)
    for i, output in enumerate(outputs):
        if i not in hidden:
            made_by = node if len(outputs) == 1 else _part(node, i)
            output._node = made_by
            ctx._outputs[i] = weakref.ref(made_by)


def _part(node: Node, position: int) -> Node:
    """The node of one output: it puts its gradient in that place of the list."""
    part = Node()
    part.plan = Plan(node.op, (), lambda g: [Part(position, g)], joint=True)
    part.inputs = (node,)
    part.saved = ()
    return part
