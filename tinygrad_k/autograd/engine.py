"""Backward: gradients flow from the roots to the leaves, each node once, without recursion."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from ..backend import DEBUG, fail, lib, recorder, world
from ..tensor import CONTIGUOUS, Tensor, alias, dense_strides, empty_strided
from . import batching
from .node import CLOCK, Leaf, Node, Part, check_unchanged

# The engine needs three operations that must be recorded when second derivatives are wanted. The op
# layer lies above this one and hands them over when it is loaded.
_add: Any = None
_add_kernel: int = -1
_sum_to: Any = None
_convert: Any = None


def use_operations(add: Any, sum_to: Any, convert: Any) -> None:
    """Gives the engine the op ``add``, and ``sum_to(g, shape)`` and ``convert(g, dtype)``."""
    global _add, _add_kernel, _sum_to, _convert
    _add, _add_kernel, _sum_to, _convert = add.function, add.kernel, sum_to, convert


def run(
    roots: Iterable[tuple[Any, Tensor]],
    *,
    retain_graph: bool,
    create_graph: bool,
    wanted: Sequence[Any] | None = None,
) -> dict[Any, Tensor]:
    """Sends gradients from root nodes through the graph.

    ``roots`` are (node, gradient). With ``wanted`` (nodes) nothing is accumulated in the leaves,
    and the gradients that reached those nodes are returned; without, leaves accumulate into
    ``grad``.
    """
    arrived: dict[Any, Any] = {}
    for node, gradient in roots:
        arrived[node] = _add(arrived[node], gradient) if node in arrived else gradient
    waiting = _count_edges(arrived)
    goal: set[Any] = set()
    if wanted is not None:
        goal.update(wanted)
        waiting = _restrict(waiting, goal)
    ready = [node for node in arrived if not waiting.get(node)]
    found: dict[Any, Tensor] = {}
    before = lib.tk_grad_mode()
    try:
        lib.tk_set_grad_mode(create_graph)
        while ready:
            node = ready.pop()
            gradient = arrived.pop(node, None)
            if gradient is not None:
                hooks = node.hooks
                if hooks is not None:
                    if hooks:
                        gradient = _call_hooks(node, gradient, create_graph)
                    if wanted is None and node.keep_grad and type(node) is not Leaf:
                        accumulate(node, gradient, create_graph)
                if wanted is None:
                    if type(node) is Leaf:
                        accumulate(node, gradient, create_graph)
                        continue
                elif node in goal:
                    found[node] = gradient
            inputs = node.inputs
            if not inputs or (wanted is not None and waiting.keys().isdisjoint(inputs)):
                continue
            results: Any
            if gradient is None:
                results = (None,) * len(inputs)
            else:
                results = apply_node(node, gradient, create_graph)
                del gradient
            if not retain_graph:
                node.saved = None
            for parent, result in zip(inputs, results, strict=True):
                left = waiting.get(parent)
                if left is None:
                    continue  # leads to nothing that is wanted
                if left == 1:
                    ready.append(parent)
                else:
                    waiting[parent] = left - 1
                if result is None:
                    continue
                if type(result) is Part:
                    _put_part(arrived.setdefault(parent, [None] * parent.outputs), result)
                elif parent in arrived:
                    arrived[parent] = _add(arrived[parent], result)
                else:
                    arrived[parent] = result
            results = result = None
    finally:
        lib.tk_set_grad_mode(before)
    return found


def _put_part(parts: list[Any], part: Part) -> None:
    """Adds the gradient of one output to those of all."""
    present = parts[part.position]
    parts[part.position] = part.gradient if present is None else _add(present, part.gradient)


def _count_edges(starts: Iterable[Any]) -> dict[Any, int]:
    """How many gradients each reachable node waits for."""
    counts: dict[Any, int] = dict.fromkeys(starts, 0)
    stack = list(counts)
    while stack:
        for parent in stack.pop().inputs:
            if parent in counts:
                counts[parent] += 1
            else:
                counts[parent] = 1
                if type(parent) is not Leaf:
                    stack.append(parent)
    return counts


def _restrict(counts: dict[Any, int], wanted: set[Any]) -> dict[Any, int]:
    """The counts without the nodes from which no wanted node can be reached."""
    children: dict[Any, list[Any]] = {}
    for node in counts:
        for parent in node.inputs:
            children.setdefault(parent, []).append(node)
    useful = {node for node in wanted if node in counts}
    stack = list(useful)
    while stack:
        for child in children.get(stack.pop(), ()):
            if child not in useful:
                useful.add(child)
                stack.append(child)
    kept = dict.fromkeys(useful, 0)
    for node in useful:
        for parent in node.inputs:
            if parent in kept:
                kept[parent] += 1
    return kept


def plain_apply(node: Node, gradient: Any, create_graph: bool) -> Any:
    """The gradients of a node's inputs, each of its input's shape and dtype."""
    plan, saved = node.plan, node.saved
    if saved is None:
        raise RuntimeError(
            f"backward: the values that {node.op.name.strip('_')} saved were released by an "
            "earlier backward; pass retain_graph=True there to go through the graph again"
        )
    if saved:
        if not plan.fixed and CLOCK[0] != node.stamp:
            check_unchanged(node)
        if create_graph and plan.results:
            saved = list(saved)
            for i in plan.results:
                saved[i] = _reveal(saved[i], node)
    if plan.foreign:
        if type(gradient) is list:
            gradient = [_take(gradient, i, create_graph) for i in range(len(gradient))]
        elif not _alone(sys.getrefcount(gradient), gradient):
            gradient = copy_of(gradient, create_graph)
    try:
        if plan.joint:
            results = plan.rules(gradient, *saved)
        else:
            results = []
            for rule, take in plan.rules:
                values = saved if take is None else take(saved)
                results.append(rule(gradient, *values))
    except (AttributeError, TypeError):
        if batching.backward is None:
            raise
        results = batching.backward(plan, gradient, saved)
        if results is batching.ORDINARY:
            raise
    if node.shapes is not None:
        results = [
            None if result is None else _fit(result, shape, kind)
            for result, (shape, kind) in zip(results, node.shapes, strict=True)
        ]
    if DEBUG:
        _check(node, results)
    return results


def convert(gradient: Tensor, kind: Any) -> Tensor:
    """A copy of another dtype."""
    return _convert(gradient, kind)


apply_node = plain_apply  # anomaly mode puts another in its place


def _reveal(result: Tensor, node: Node) -> Tensor:
    """An operation's own result, in its place in the graph again."""
    t = alias(result)
    t._node = node
    return t


def _fit(gradient: Tensor, shape: Any, kind: Any) -> Tensor:
    """Undoes broadcasting and conversion of an operand."""
    if gradient.shape != shape:
        gradient = _sum_to(gradient, shape)
    return gradient if gradient.dtype is kind else _convert(gradient, kind)


def _check(node: Node, results: Any) -> None:
    for parent, result in zip(node.inputs, results, strict=True):
        if result is None or not isinstance(parent, Leaf):
            continue
        if result.shape != parent.shape or result.dtype is not parent.dtype:
            raise RuntimeError(
                f"{node.op.name}: its gradient is {result.dtype} of {tuple(result.shape)}, the "
                f"input {parent.dtype} of {tuple(parent.shape)}"
            )


def _call_hooks(node: Any, gradient: Tensor, create_graph: bool) -> Tensor:
    """What the hooks make of a gradient. They may change it in place: it is theirs alone."""
    if not _alone(sys.getrefcount(gradient), gradient):
        gradient = copy_of(gradient, create_graph)
    for hook in list(node.hooks.values()):
        changed = hook(gradient)
        if changed is not None:
            check_hook(node, hook, gradient, changed)
            gradient = changed
    return gradient


def check_hook(node: Any, hook: Any, gradient: Tensor, changed: Any) -> None:
    """An error unless what a hook returned can stand for the gradient."""
    got = type(changed).__name__
    kind: type[Exception] = TypeError
    if isinstance(changed, Tensor):
        if changed.shape != gradient.shape:
            kind = ValueError
        elif changed.dtype is gradient.dtype:
            return
        got = f"{changed.dtype.name} {tuple(changed.shape)}"
    raise kind(
        f"hook: {getattr(hook, '__qualname__', repr(hook))} on the gradient of {node.name()} must "
        f"return None or a Tensor of {gradient.dtype.name} {tuple(gradient.shape)}; got {got}"
    )


def _references(gradient: object) -> int:
    return sys.getrefcount(gradient)


def _own_references() -> int:
    """What ``accumulate`` counts for a gradient that only ``run`` holds: it differs between
    versions of Python."""
    gradient = object()
    return _references(gradient)


_OWN = _own_references()


def _alone(references: int, gradient: Tensor) -> bool:
    """Whether nobody but ``run`` and the function it called can see a gradient's memory, given the
    references counted in that function."""
    return references <= _OWN and type(gradient) is Tensor and lib.tk_is_sole(gradient._h)


def _take(gradients: list[Any], i: int, create_graph: bool) -> Tensor | None:
    """One of the gradients of several outputs, whose memory nobody else sees."""
    gradient = gradients[i]
    gradients[i] = None
    return None if gradient is None else owned(gradient, create_graph)


def owned(gradient: Tensor, create_graph: bool) -> Tensor:
    """A gradient that one name of the caller's holds, or a copy if anybody else sees its memory."""
    ours = _alone(sys.getrefcount(gradient), gradient)
    if ours and (create_graph or gradient._h.flags & CONTIGUOUS or dense_strides(gradient)):
        return gradient
    return copy_of(gradient, create_graph)


def copy_of(gradient: Tensor, create_graph: bool) -> Tensor:
    """A contiguous copy, recorded if the backward pass is."""
    before = lib.tk_grad_mode()
    try:
        lib.tk_set_grad_mode(create_graph)
        return _convert(gradient, gradient.dtype)
    finally:
        lib.tk_set_grad_mode(before)


def accumulate(node: Any, gradient: Tensor, create_graph: bool) -> None:
    """Adds a gradient to node.grad, which never shares memory with anything else.

    The first lies in memory as the leaf does, or contiguously where that has gaps: what changes a
    parameter by its gradient then goes through both in one order.
    """
    if world.recorders and (recording := recorder()) is not None:
        recording.reads_gradient(node)
    around = node.around
    if around is not None:
        gradient = around.enter(node, gradient)
    present = node.grad
    if present is None:
        ours = _alone(sys.getrefcount(gradient), gradient)
        if ours and (create_graph or _lies_as(gradient, node.strides)):
            node.grad = gradient
        elif node.strides is None or create_graph:
            node.grad = copy_of(gradient, create_graph)
        else:
            node.grad = _laid_out(gradient, node.strides)
    elif create_graph:
        node.grad = _add(present, gradient)
    else:
        _add_into(present, gradient)
    if around is not None:
        around.leave(gradient)


def _lies_as(gradient: Tensor, strides: Any) -> bool:
    """Whether a gradient has these strides where they count; None for those of row-major order."""
    h = gradient._h
    if strides is None:
        return bool(h.flags & CONTIGUOUS)
    return all(h.shape[d] == 1 or h.stride[d] == wanted for d, wanted in enumerate(strides))


def _laid_out(gradient: Tensor, strides: Any) -> Tensor:
    """A copy with these strides."""
    copy = empty_strided(gradient.dtype, gradient.shape, strides)
    if lib.tk_copy_into(copy._h, gradient._h):
        fail()
    return copy


def _add_into(target: Tensor, gradient: Tensor) -> None:
    if lib.tk_change2(_add_kernel, target._h, gradient._h) < 0:
        fail()
