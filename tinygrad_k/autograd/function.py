"""Functions with a backward of their own, written by the user over tensors."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ..backend import lib
from ..tensor import Tensor, alias, wrap
from . import batching
from .mode import is_grad_enabled, no_grad
from .node import Node, Part, Plan, SavedOutput, followers, move_to, new_node, note_change


class FunctionCtx:
    """What a Function's forward leaves for its backward; other values can be set as attributes.

    ``needs_input_grad`` says for each argument whether its gradient is wanted.
    """

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        self.needs_input_grad = tuple(
            isinstance(each, Tensor) and each._node is not None for each in args
        )
        self._name = name
        self._args = args  # while forward runs
        self._in_graph = is_grad_enabled() and any(self.needs_input_grad)
        self._saved: tuple[Tensor | None, ...] = ()
        self._not_differentiable: tuple[Tensor, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._followers: list[tuple[Tensor, Any]] = []
        self._materialize = True
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
            if self._node is not None:
                raise RuntimeError(
                    f"saved_tensors: {self._name} has them while its backward runs, and no longer"
                )
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
        output = alias(value.tensor)
        output._node = node
        return output

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says that these outputs have no gradient; integer and bool ones never have."""
        self._not_differentiable = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Says that forward changes these arguments in place; it must return them.

        RuntimeError for a leaf that requires grad.
        """
        for each in tensors:
            if not _is_in(each, self._args):
                raise RuntimeError(f"mark_dirty: only arguments of {self._name} can be dirty")
            if self._in_graph:
                if each._node is not None and each.is_leaf:
                    raise RuntimeError(
                        f"{self._name}: a leaf that requires grad cannot be changed in place"
                    )
                self._followers += [(each, other) for other in followers(self._name, each)]
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs without a gradient."""
        self._materialize = bool(value)


class _Name:
    """Stands where an op stands in a Plan."""

    def __init__(self, name: str) -> None:
        self.name = name


class Function:
    """A differentiable function: subclass it with static ``forward`` and ``backward``.

    ``forward(ctx, *args)`` computes, unrecorded, one tensor or a tuple; or ``forward(*args)`` does,
    and ``setup_context(ctx, inputs, output)`` leaves what backward needs. ``backward(ctx,
    *gradients)``, one for each output, returns a gradient for each argument (None where there is
    none). The gradients it is given are its own: it may change them in place. If backward is made
    of tensor operations it can be differentiated again. Call the function by ``apply(*args)``.

    Under ``func.vmap`` it runs on each example; a static ``vmap(info, in_dims, *args)`` is called
    instead, once, with whole batches: see there.
    """

    generate_vmap_rule = False  # as PyTorch's; true or not, a function without ``vmap`` can be used

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """What the function computes."""
        raise NotImplementedError("Function: forward is missing")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What backward will need, where forward takes no ctx."""
        raise NotImplementedError("Function: setup_context is missing")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients of the arguments, from those of the outputs."""
        raise NotImplementedError("Function: backward is missing")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """The function of whole batches: returns the output and ``out_dims``.

        ``in_dims`` says for each argument which dimension counts the examples, None for what all
        share; ``out_dims`` likewise, for each output. ``info`` has ``batch_size`` and
        ``randomness``. Gradients go through what is computed here.
        """
        raise NotImplementedError("Function: vmap is missing")

    @classmethod
    def has_vmap(cls) -> bool:
        """Whether there is a rule for batches; RuntimeError if it is to be generated as well."""
        own = cls.vmap is not Function.vmap
        if own and cls.generate_vmap_rule:
            raise RuntimeError(
                f"{cls.__name__}: there is a vmap, and generate_vmap_rule asks for another one"
            )
        return own

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Computes forward(*args) and records it."""
        if batching.call is not None:
            answer = batching.call(cls.apply, None, args, {})
            if answer is not batching.ORDINARY:
                return answer
        ctx = FunctionCtx(cls.__name__, args)
        before = lib.tk_grad_mode()
        try:
            lib.tk_set_grad_mode(0)
            if cls.setup_context is Function.setup_context:
                results = cls.forward(ctx, *args)
            else:
                results = cls.forward(*args)
                cls.setup_context(ctx, args, results)
        finally:
            lib.tk_set_grad_mode(before)
        single = not isinstance(results, (tuple, list))
        given: list[Any] = [results] if single else list(results)
        if not any(isinstance(each, Tensor) for each in given):
            raise TypeError(
                f"{cls.__name__}: forward must return tensors; got {type(results).__name__}"
            )
        for each in ctx._dirty:
            if not _is_in(each, given):
                raise RuntimeError(f"{cls.__name__}: forward must return what it marks as dirty")
            note_change(each, cls.__name__, depth=2)
        outputs = [_own(ctx, each, given[:i]) for i, each in enumerate(given)]
        if ctx._in_graph:
            _record(cls, ctx, outputs, given)
        ctx._args = ()
        return outputs[0] if single else tuple(outputs)


def _is_in(value: Any, items: Iterable[Any]) -> bool:
    return any(value is item for item in items)


def _own(ctx: FunctionCtx, value: Any, earlier: list[Any]) -> Any:
    """A tensor that can take its place in the graph: another one on the same memory for an
    argument, for what is in the graph already, and for what is returned a second time."""
    if not isinstance(value, Tensor) or (_is_in(value, ctx._dirty) and not _is_in(value, earlier)):
        return value
    if value._node is not None or _is_in(value, ctx._args) or _is_in(value, earlier):
        return wrap(lib.tk_alias(value._h))
    return value


def _record(cls: type[Function], ctx: FunctionCtx, outputs: list[Any], results: list[Any]) -> None:
    shapes = [
        (arg.shape, arg.dtype) if wanted else None
        for arg, wanted in zip(ctx._args, ctx.needs_input_grad, strict=True)
    ]
    geometry = [
        (each.shape, each._h.dtype) if isinstance(each, Tensor) else None for each in outputs
    ]
    whole = len(outputs) == 1

    def rule(gradients: Any, *saved: Any) -> list[Any]:
        given = [gradients] if whole else gradients
        if ctx._materialize:
            given = [
                wrap(lib.tk_full_int(form[1], len(form[0]), form[0], 0))
                if g is None and form is not None
                else g
                for g, form in zip(given, geometry, strict=True)
            ]
        before, ctx._recorded = ctx._recorded, saved
        try:
            answer = cls.backward(ctx, *given)
        finally:
            ctx._recorded = before
        return _check(cls.__name__, answer, shapes)

    plan = Plan(_Name(cls.__name__), (), rule, joint=True, foreign=True)
    inputs = tuple(
        arg._node for arg, wanted in zip(ctx._args, ctx.needs_input_grad, strict=True) if wanted
    )
    saved = [_saved(each, results) for each in ctx._saved]
    node = new_node(plan, inputs, saved, tuple(shape for shape in shapes if shape is not None))
    ctx._saved = ()
    node.outputs = len(outputs)
    ctx._node = weakref.ref(node)
    for i, output in enumerate(outputs):
        if (
            isinstance(output, Tensor)
            and output.dtype.is_floating_point
            and not _is_in(results[i], ctx._not_differentiable)
        ):
            made_by = node if whole else _part(node, i)
            move_to(output, made_by)
            ctx._outputs[i] = weakref.ref(made_by)
    for changed, follower in ctx._followers:
        follower.follow(changed)
    ctx._not_differentiable = ctx._dirty = ()
    ctx._followers = []


def _saved(value: Tensor | None, results: list[Any]) -> Any:
    """A saved tensor; an output stands there without its node, which would make a cycle."""
    for i, result in enumerate(results):
        if value is result and value is not None:
            return SavedOutput(value, i)
    return value


def _check(name: str, answer: Any, shapes: list[Any]) -> list[Any]:
    """The gradients of the arguments that want one, from what a backward returned."""
    answer = answer if isinstance(answer, tuple) else (answer,)
    if len(answer) < len(shapes) or any(each is not None for each in answer[len(shapes) :]):
        raise RuntimeError(
            f"{name}: backward returned {len(answer)} gradients for {len(shapes)} inputs"
        )
    kept = []
    for i, (gradient, shape) in enumerate(zip(answer, shapes, strict=False)):
        if shape is None:
            continue
        if gradient is not None and not isinstance(gradient, Tensor):
            raise TypeError(
                f"{name}: backward must return tensors or None; "
                f"got {type(gradient).__name__} for input {i}"
            )
        if gradient is not None and not _reducible(gradient.shape, shape[0]):
            raise RuntimeError(
                f"{name}: the gradient of input {i} has shape "
                f"{tuple(gradient.shape)}, the input {tuple(shape[0])}"
            )
        kept.append(gradient)
    return kept


def _reducible(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a gradient can be summed over what was broadcast."""
    extra = len(shape) - len(target)
    return extra >= 0 and all(
        wanted in (1, size) for size, wanted in zip(shape[extra:], target, strict=True)
    )


def _part(node: Node, position: int) -> Node:
    """The node of one output: it puts its gradient in that place of the list."""
    return new_node(Plan(node.op, (), lambda g: [Part(position, g)], joint=True), (node,))


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a Function's backward that is not made of differentiable operations.

    It runs unrecorded, and differentiating its results is an error.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *gradients: Any) -> Any:
        with no_grad():
            results = backward(ctx, *gradients)
        inputs = [each._node for each in gradients if isinstance(each, Tensor)]
        inputs = [each for each in inputs if each is not None]
        if not is_grad_enabled() or not inputs:
            return results
        several = results if isinstance(results, tuple) else (results,)
        refused = tuple(_refusal(ctx._name, each, tuple(inputs)) for each in several)
        return refused if isinstance(results, tuple) else refused[0]

    return once


def _refusal(name: str, value: Any, inputs: tuple[Any, ...]) -> Any:
    """A tensor whose differentiation is an error."""
    if not isinstance(value, Tensor):
        return value

    def rule(gradient: Tensor) -> Any:
        raise RuntimeError(f"{name}: its backward is marked once_differentiable")

    node = new_node(Plan(_Name(name), (), rule, joint=True), inputs)
    refusing = wrap(lib.tk_alias(value._h))
    refusing._node = node
    return refusing
