"""Hooks: what is called in backward with the gradients of a tensor, or of a node of the graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..backend import world
from ..tensor import Tensor
from . import engine
from .mode import is_grad_enabled
from .node import Leaf, Node, Plan, new_node


class RemovableHandle:
    """Takes a hook away again: ``remove()``, or the end of a ``with`` block."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self.remove = remove

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.remove()


def _add(hooks: dict[object, Any], hook: Any, of_leaf: bool) -> RemovableHandle:
    key = object()

    def remove() -> None:
        hooks.pop(key, None)
        if of_leaf:
            world.restructure()

    hooks[key] = hook
    if of_leaf:
        world.restructure()
    return RemovableHandle(remove)


def _check_callable(name: str, hook: Any) -> None:
    if not callable(hook):
        raise TypeError(f"{name}: expected a callable; got {type(hook).__name__}")


# -- of tensors -----------------------------------------------------------------------------------


def register_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Calls ``hook(gradient)`` in backward; a tensor it returns replaces the gradient."""
    node = self._node
    if node is None:
        raise RuntimeError("register_hook: the tensor does not require grad")
    _check_callable("register_hook", hook)
    if node.hooks is None:
        node.hooks = {}
    return _add(node.hooks, hook, type(node) is Leaf)


def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> RemovableHandle:
    """Calls ``hook(tensor)`` after backward has added to the ``grad`` of this leaf."""
    name = "register_post_accumulate_grad_hook"
    node = self._node
    if not isinstance(node, Leaf):
        what = "does not require grad" if node is None else "is no leaf"
        raise RuntimeError(f"{name}: the tensor {what}")
    _check_callable(name, hook)
    # The leaf must not keep its tensor alive.
    tensor = weakref.ref(self)

    def call() -> None:
        present = tensor()
        if present is not None:
            hook(present)

    return _add(_around(node).accumulated, call, True)


# -- of nodes -------------------------------------------------------------------------------------

Gradients = tuple[Tensor | None, ...]


class Around:
    """What is called before a leaf accumulates a gradient, and after it: first what is the
    tensor's."""

    def __init__(self) -> None:
        self.before: dict[object, Callable[[Gradients], Any]] = {}
        self.accumulated: dict[object, Callable[[], Any]] = {}
        self.after: dict[object, Callable[[Gradients, Gradients], Any]] = {}

    def enter(self, leaf: Leaf, gradient: Tensor) -> Tensor:
        """The gradient to accumulate."""
        given: Gradients = (gradient,)
        for hook in list(self.before.values()):
            given = replaced(leaf, hook, given, hook(given))
        return given[0]  # type: ignore[return-value]

    def leave(self, gradient: Tensor) -> None:
        """The gradient has been added."""
        for hook in list(self.accumulated.values()):
            hook()
        for after in list(self.after.values()):
            after((), (gradient,))


def _around(leaf: Leaf) -> Around:
    if leaf.around is None:
        leaf.around = Around()
    return leaf.around


class Hooked:
    """The rules of a node with hooks of its own: what is called around those it had."""

    def __init__(self, node: Node) -> None:
        plan = node.plan
        self._plan = Plan(plan.op, (), plan.rules, plan.joint, plan.foreign)
        self._node = weakref.ref(node)
        self._inputs, self._shapes = node.inputs, node.shapes
        self.before: dict[object, Callable[[Gradients], Any]] = {}
        self.after: dict[object, Callable[[Gradients, Gradients], Any]] = {}
        node.plan = Plan(plan.op, plan.saves, self, joint=True, foreign=plan.foreign)
        node.shapes = None

    def __call__(self, gradient: Any, *saved: Any) -> Gradients:
        several = type(gradient) is list
        given = _copies(gradient if several else [gradient])
        node = self._node()
        for before in list(self.before.values()):
            given = replaced(node, before, given, before(given))
        twin = new_node(self._plan, self._inputs, saved, self._shapes)
        results = _copies(
            engine.apply_node(twin, list(given) if several else given[0], is_grad_enabled())
        )
        for after in list(self.after.values()):
            results = replaced(node, after, results, after(results, given))
        return results


def _copies(gradients: Sequence[Tensor | None]) -> Gradients:
    """What hooks may change in place."""
    create = is_grad_enabled()
    return tuple(None if each is None else engine.copy_of(each, create) for each in gradients)


def replaced(node: Any, hook: Any, present: Gradients, changed: Any) -> Gradients:
    """The gradients after a hook of ``node``, which returned others in their place, or None."""
    if changed is None:
        return present
    several = changed if isinstance(changed, (tuple, list)) else (changed,)
    if len(several) != len(present):
        raise RuntimeError(
            f"hook: {getattr(hook, '__qualname__', repr(hook))} on {node.name()} must return "
            f"{len(present)} gradients; got {len(several)}"
        )
    for new, old in zip(several, present, strict=True):
        if new is not None and old is not None:
            engine.check_hook(node, hook, old, new)
    return tuple(several)


def _hooked(node: Node) -> Hooked:
    (first, *others) = node.inputs or (None,)
    if not others and getattr(first, "outputs", 1) > 1:
        node = first  # this one stands for one of several outputs of that
    return node.plan.rules if isinstance(node.plan.rules, Hooked) else Hooked(node)


def _node_hook(self: Node, fn: Any) -> RemovableHandle:
    """Calls ``fn(grad_inputs, grad_outputs)`` after the node went backward.

    Both are tuples of gradients, of the inputs that want one and of the outputs; what it returns
    stands in the place of ``grad_inputs``.
    """
    _check_callable("register_hook", fn)
    return _add(_hooked(self).after, fn, False)


def _node_prehook(self: Node, fn: Any) -> RemovableHandle:
    """Calls ``fn(grad_outputs)`` before the node goes backward, with what it returns, if so."""
    _check_callable("register_prehook", fn)
    return _add(_hooked(self).before, fn, False)


def _leaf_hook(self: Leaf, fn: Any) -> RemovableHandle:
    """Calls ``fn((), grad_outputs)`` after the gradient was accumulated."""
    _check_callable("register_hook", fn)
    return _add(_around(self).after, fn, True)


def _leaf_prehook(self: Leaf, fn: Any) -> RemovableHandle:
    """Calls ``fn(grad_outputs)`` before the gradient is accumulated; see ``Node``."""
    _check_callable("register_prehook", fn)
    return _add(_around(self).before, fn, True)


def _attach(kind: Any, hook: Any, prehook: Any) -> None:
    for name, method in (("register_hook", hook), ("register_prehook", prehook)):
        method.__name__ = name
        method.__qualname__ = f"{kind.__name__}.{name}"
        setattr(kind, name, method)


_attach(Node, _node_hook, _node_prehook)
_attach(Leaf, _leaf_hook, _leaf_prehook)
