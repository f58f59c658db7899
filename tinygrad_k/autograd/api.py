"""``backward`` and ``grad``: what the user calls, with its arguments checked."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..backend import lib, recorder, world
from ..tensor import F64, Tensor, wrap
from . import engine, hooks
from .node import Leaf

TensorOrTensors = Tensor | Sequence[Tensor]


def _sequence(op: str, value: Any, holes: bool = False) -> list[Any]:
    """One tensor or several as a list; some may be None where there may be ``holes``."""
    if not (value is None or isinstance(value, (Tensor, Iterable))):
        raise TypeError(f"{op}: expected tensors; got {type(value).__name__}")
    items = [value] if isinstance(value, Tensor) or value is None else list(value)
    for item in items:
        if not (isinstance(item, Tensor) or (holes and item is None)):
            raise TypeError(f"{op}: expected tensors; got {type(item).__name__}")
    return items


def _weights(op: str, value: Any, outputs: list[Tensor]) -> list[Tensor | None]:
    """The gradients given for the outputs: None for all of them, or for some."""
    return [None] * len(outputs) if value is None else _sequence(op, value, holes=True)


def _start(op: str, outputs: list[Tensor], gradients: list[Tensor | None]) -> list[Any]:
    """The (node, gradient) pairs to begin with: ones for scalars where no gradient is given."""
    if len(outputs) != len(gradients):
        raise ValueError(f"{op}: {len(outputs)} outputs but {len(gradients)} gradients")
    return [_root(op, *pair) for pair in zip(outputs, gradients, strict=True)]


def _root(op: str, output: Tensor, gradient: Tensor | None) -> tuple[Any, Tensor]:
    node, h = output._node, output._h
    if node is None:
        raise RuntimeError(f"{op}: the tensor does not require grad and has no grad_fn")
    if gradient is None:
        if h.numel != 1:
            raise RuntimeError(
                f"{op}: a gradient can be implied only for one element; got shape "
                f"{tuple(output.shape)}; pass one"
            )
        return node, wrap(lib.tk_full_float(h.dtype, h.ndim, h.shape, 1.0))
    if gradient.shape != output.shape:
        raise ValueError(
            f"{op}: the gradient's shape differs from the tensor's; "
            f"{tuple(gradient.shape)} and {tuple(output.shape)}"
        )
    if gradient._h.dtype != h.dtype:
        gradient = engine.convert(gradient, output.dtype)
    return node, gradient


def backward(
    tensors: TensorOrTensors,
    grad_tensors: TensorOrTensors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: TensorOrTensors | None = None,
) -> None:
    """Adds the gradients of ``tensors`` with respect to all leaves to the leaves' ``grad``.

    ``grad_tensors`` weigh the outputs (same shapes); they may be left out for single elements. The
    graph is released unless ``retain_graph`` (default: ``create_graph``). With ``inputs`` only
    these accumulate, leaves or not.
    """
    if inputs is not None:
        _backward_to(tensors, grad_tensors, retain_graph, create_graph, inputs)
        return
    outputs = _sequence("backward", tensors)
    given = _weights("backward", grad_tensors, outputs)
    engine.run(
        _start("backward", outputs, given),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )


def _backward_to(
    tensors: TensorOrTensors,
    grad_tensors: TensorOrTensors | None,
    retain_graph: bool | None,
    create_graph: bool,
    inputs: TensorOrTensors,
) -> None:
    sources = list(dict.fromkeys(_sequence("backward", inputs)))
    if not sources:
        raise RuntimeError("backward: inputs is empty; None stands for all leaves")
    found = grad(tensors, sources, grad_tensors, retain_graph, create_graph, allow_unused=True)
    for source, value in zip(sources, found, strict=True):
        if value is not None:
            engine.accumulate(source._node, value, create_graph)


def grad(
    outputs: TensorOrTensors,
    inputs: TensorOrTensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; no ``grad`` is touched.

    An input that the outputs do not depend on is an error unless ``allow_unused`` (None) or
    ``materialize_grads`` (zeros). With ``is_grads_batched`` the first dimension of every tensor of
    ``grad_outputs`` counts vectors, and so does that of every result.
    """
    if is_grads_batched:
        ways = (create_graph, allow_unused, False, materialize_grads)
        return _batched_grad(outputs, inputs, grad_outputs, ways)
    targets, sources = _sequence("grad", outputs), _sequence("grad", inputs)
    given = _weights("grad", grad_outputs, targets)
    for source in sources:
        if source._node is None:
            raise RuntimeError("grad: one of the inputs does not require grad")
    found = engine.run(
        _start("grad", targets, given),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        wanted=[source._node for source in sources],
    )
    results: list[Tensor | None] = []
    for i, source in enumerate(sources):
        node = source._node
        if node in found:
            gradient = found.pop(node)
            if not create_graph or any(gradient is each for each in (*given, *results)):
                gradient = engine.owned(gradient, create_graph)
            found[node] = gradient  # for the next of the same source
            results.append(gradient)
        elif materialize_grads:
            results.append(
                wrap(lib.tk_full_float(source.dtype.number, source.ndim, source.shape, 0.0))
            )
        elif allow_unused:
            results.append(None)
        else:
            raise RuntimeError(
                f"grad: input {i} of shape {tuple(source.shape)} was not used to compute the "
                "outputs; pass allow_unused=True for None"
            )
    return tuple(results)


def _batched_grad(
    outputs: TensorOrTensors, inputs: TensorOrTensors, grad_outputs: Any, ways: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """``grad`` by vmap over ``grad_outputs``."""
    given = _sequence("grad", grad_outputs, holes=True)
    there: list[bool] = []

    def single(*vectors: Tensor) -> tuple[Tensor, ...]:
        supply = iter(vectors)
        seeds = [None if each is None else next(supply) for each in given]
        found = grad(outputs, inputs, seeds, True, *ways)
        there[:] = [each is not None for each in found]
        return tuple(each for each in found if each is not None)

    vmap = importlib.import_module(f"{__name__.partition('.')[0]}.func").vmap
    results = iter(vmap(single)(*(each for each in given if each is not None)))
    return tuple(next(results) if each else None for each in there)


# -- methods of Tensor --------------------------------------------------------------------------


def _backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: TensorOrTensors | None = None,
) -> None:
    """Adds this tensor's gradients with respect to the leaves to their ``grad``.

    ``gradient`` (same shape) weighs the elements; for a single element it is 1. With ``inputs``
    only those accumulate. RuntimeError where nothing was recorded or the graph was released before.
    """
    if inputs is not None or not (gradient is None or isinstance(gradient, Tensor)):
        backward(self, gradient, retain_graph, create_graph, inputs)
        return
    engine.run(
        [_root("backward", self, gradient)],
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )


def _requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Makes a leaf of a floating dtype want a gradient, or stop wanting one; returns it."""
    if not isinstance(requires_grad, (bool, np.bool_)):
        raise TypeError(
            f"requires_grad_: requires_grad must be a bool; got {type(requires_grad).__name__}"
        )
    if requires_grad:
        if self._h.dtype > F64:
            raise RuntimeError(f"requires_grad_: only floating tensors can; got {self.dtype.name}")
        if self._node is None:
            if world.recorders and (recording := recorder()) is not None:
                recording.makes_leaf(self)
            self._node = Leaf(self)
            world.change_details()
    else:
        if not self.is_leaf:
            raise RuntimeError("requires_grad_: only a leaf can stop; use detach()")
        if self._node is not None:
            world.restructure()
        self._node = None
    return self


def _detach(self: Tensor) -> Tensor:
    """A tensor outside the graph that shares the memory."""
    return wrap(lib.tk_detach(self._h))


def _detach_(self: Tensor) -> Tensor:
    """Takes this tensor out of the graph."""
    if type(self._node) is Leaf:
        world.restructure()
    self._node = None
    return self


def _retain_grad(self: Tensor) -> None:
    """Makes a tensor that is no leaf keep its gradient in ``grad``."""
    if self._node is None:
        raise RuntimeError("retain_grad: the tensor does not require grad")
    if not self.is_leaf:
        self._node.keep_grad = True
        if self._node.hooks is None:
            self._node.hooks = {}


def attach() -> None:
    """Gives Tensor its autograd methods."""
    methods: dict[str, Any] = {
        "backward": _backward,
        "requires_grad_": _requires_grad_,
        "detach": _detach,
        "detach_": _detach_,
        "retain_grad": _retain_grad,
        "register_hook": hooks.register_hook,
        "register_post_accumulate_grad_hook": hooks.register_post_accumulate_grad_hook,
    }
    for name, method in methods.items():
        method.__name__ = name
        method.__qualname__ = f"Tensor.{name}"
        setattr(Tensor, name, method)


attach()


def clear_gradients(tensors: Iterable[Tensor], set_to_none: bool) -> None:
    """Forgets the ``grad`` of each, or fills it with zeros, outside the graph."""
    recording = recorder() if world.recorders else None
    for tensor in tensors:
        node = tensor._node
        if node is None:
            continue
        if recording is not None:
            recording.clears_gradient(node, set_to_none)
        if node.grad is None:
            continue
        if set_to_none:
            node.grad = None
        else:
            node.grad = node.grad.detach().zero_()
