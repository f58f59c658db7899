"""One recorded run of a function: its launches, and what they depend on beside the arguments."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ..autograd.node import Leaf
from ..backend import fail, ffi, lib, world
from ..tensor import Tensor, wrap
from .tape import OUTSIDE, read

ANYTHING = object()  # a gradient whose first use is that it is forgotten


class Recording:
    """Records the calling thread from ``with`` to its end.

    Engine, optimizers, modules and generators tell it what they do that is no launch.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        # Leaves, with their gradients before the first use. One that dies with the function's
        # variables is nobody's concern.
        self.gradients: WeakKeyDictionary[Leaf, Any] = WeakKeyDictionary()
        self.modules: dict[Any, bool] = {}
        self.updates: list[tuple[Any, Any, Any, tuple[str | None, ...]]] = []
        self.kept: list[Any] = []
        self.settling = False  # something was made that stays: the next run will be another one
        self.problem = ""
        self._inputs = inputs
        self.tape: Any = None

    def __enter__(self) -> Recording:
        handles = [each._h for each in self._inputs]
        tape = lib.tk_tape_begin(len(handles), handles)
        if not tape:
            fail()
        self.tape = ffi.gc(tape, lib.tk_tape_free)
        self.structure = world.structure
        world.recorders[threading.get_ident()] = self
        return self

    def __exit__(self, *exception: Any) -> None:
        del world.recorders[threading.get_ident()]
        lib.tk_tape_end(self.tape)
        self.problem = self.problem or ffi.string(lib.tk_tape_problem(self.tape)).decode()
        self.launches, self.blocks = read(self.tape)
        # Held from here on, whatever becomes of the recording: the tape does not own it.
        self.outside = {
            i: self.memory(i) for i, block in enumerate(self.blocks) if block.kind == OUTSIDE
        }
        if world.structure != self.structure:
            self.refuse("it puts a tensor, module or parameter group in the place of another one")

    # -- what others tell -------------------------------------------------------------------------

    def refuse(self, why: str) -> None:
        """Notes why what was recorded cannot be replayed."""
        self.problem = self.problem or why

    def reads_gradient(self, node: Any) -> None:
        """The gradient of a leaf is used."""
        if isinstance(node, Leaf):
            self.gradients.setdefault(node, node.grad)

    def sets_gradient(self, node: Any) -> None:
        """The gradient of a leaf is replaced."""
        if isinstance(node, Leaf):
            self.gradients.setdefault(node, ANYTHING)

    def clears_gradient(self, node: Any, set_to_none: bool) -> None:
        """The gradient of a leaf is forgotten, or filled with zeros."""
        if set_to_none:
            self.sets_gradient(node)
        else:
            self.reads_gradient(node)

    def calls(self, module: Any) -> None:
        """A module is called, in its present mode."""
        self.modules[module] = module.training
        self.holds(module)

    def holds(self, value: Any) -> None:
        """What the function does depends on a value: if it is a module, on all that is in it."""
        if callable(getattr(value, "named_modules", None)):
            for _, each in value.named_modules():
                self.modules.setdefault(each, each.training)

    def steps(self, optimizer: Any, group: Any, step: Any, names: tuple[str | None, ...]) -> None:
        """An optimizer changes the parameters of a group."""
        self.updates.append((optimizer, group, step, names))
        for parameter in group["params"]:
            self.reads_gradient(parameter._node)

    def begins_state(self) -> None:
        """An optimizer has made the state of a parameter, which will be there next time."""
        self.settling = True

    def keep(self, what: Any) -> None:
        """C memory of this object is used at replay."""
        self.kept.append(what)

    def makes_leaf(self, tensor: Tensor) -> None:
        """A tensor begins to want a gradient."""
        if any(tensor is each for each in self._inputs):
            self.refuse("it makes an argument require grad")

    # -- afterwards -------------------------------------------------------------------------------

    def block(self, tensor: Tensor) -> int:
        """The number of the block that holds a tensor, or -1."""
        return int(lib.tk_tape_find(self.tape, tensor._h))

    def reachable(self) -> list[Tensor]:
        """The tensors of the modules and optimizers that took part."""
        found = tensors_in([*self.modules, *(group for _, group, _, _ in self.updates)])
        return found + [leaf.grad for leaf in self.gradients if leaf.grad is not None]

    def memory(self, block: int) -> Tensor:
        """The memory of a block from outside, which this keeps alive."""
        return wrap(lib.tk_tape_memory(self.tape, block))


def tensors_in(values: Sequence[Any]) -> list[Tensor]:
    """The tensors among some values, in their modules, and in lists, tuples and dicts of them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, dict):
            found += tensors_in(list(value.values()))
        elif isinstance(value, (list, tuple)):
            found += tensors_in([each for each in value if not isinstance(each, (int, float))])
        elif callable(getattr(value, "parameters", None)) and hasattr(value, "buffers"):
            found += [*value.parameters(), *value.buffers()]
    return found


def any_meet(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether a tensor of one sequence and one of the other have bytes in common."""
    spans = [_span(each) for each in others if isinstance(each._h, ffi.CData)]
    return any(low < b and a < high for low, high in map(_span, some) for a, b in spans)


def _span(tensor: Tensor) -> tuple[int, int]:
    storage = tensor._h.storage
    low = int(ffi.cast("intptr_t", storage.data))
    return low, low + storage.nbytes
