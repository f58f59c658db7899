"""The graph: a Node for every recorded operation, a Leaf for every tensor that wants a gradient."""

from __future__ import annotations

import linecache
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from types import CodeType
from typing import Any

from ..backend import fail, ffi, lib
from ..tensor import CONTIGUOUS, Tensor, alias, dense_strides

# Reading it through a pointer is twice as fast as ``lib.tk_clock``.
CLOCK = ffi.addressof(lib, "tk_clock")


def getter(positions: Sequence[int]) -> Callable[[Any], Any]:
    """A function that takes these positions out of a tuple, as a tuple."""
    if len(positions) > 1:
        return itemgetter(*positions)
    first = positions[0] if positions else 0
    return itemgetter(slice(first, first + len(positions)))


class Plan:
    """How an op is recorded when a given set of its operands wants a gradient.

    ``op``      the op: it has a ``name``.
    ``saves``   what to save: positions among the op's arguments, RESULT for the result itself,
                SHAPES - i for the shape of argument i.
    ``pick``    takes it from the arguments, where it is nothing but arguments; else None.
    ``of_result``, ``of_shape``  whether it is the result alone, or the shape of the first argument.
    ``rest``    takes what else is saved, where that is such a shape and arguments; else None.
    ``fixed``   whether it is shapes alone, which no change in place concerns.
    ``results`` the positions in what was saved that are the result.
    ``rules``   for each operand that wants a gradient a function of (gradient, saved values...) and
                what takes these out of ``saved``, None for all of them; or, where ``joint``, one
                function of (gradient, all saved values...) that returns the gradients of all.
    ``foreign`` whether the rule is a user's, who may change the gradient it is given in place.
    """

    __slots__ = (
        "fixed", "foreign", "joint", "of_result", "of_shape", "op", "pick", "rest", "results",
        "rules", "saves",
    )  # fmt: skip

    RESULT, SHAPES = -1, -2

    def __init__(
        self, op: Any, saves: tuple[int, ...], rules: Any, joint: bool, foreign: bool = False
    ) -> None:
        self.op = op
        self.saves = saves
        self.results = tuple(i for i, which in enumerate(saves) if which == self.RESULT)
        self.rules = rules
        self.joint = joint
        self.foreign = foreign
        self.pick = getter(saves) if min(saves, default=0) >= 0 else None
        self.of_result, self.of_shape = saves == (self.RESULT,), saves == (self.SHAPES,)
        begins = saves[:1] == (self.SHAPES,) and min(saves[1:], default=-1) >= 0
        self.rest = getter(saves[1:]) if begins else None
        self.fixed = max(saves, default=0) <= self.SHAPES

    def derive(self, args: tuple[Any, ...], out: Tensor) -> tuple[Any, ...]:
        """What to save, with the result as a tensor outside the graph, and shapes (of a list of
        tensors, all of them)."""
        saved = []
        for i in self.saves:
            if i >= 0:
                saved.append(args[i])
            elif i == self.RESULT:
                saved.append(alias(out))
            else:
                saved.append(shape_of(args[self.SHAPES - i]))
        return tuple(saved)


def shape_of(arg: Any) -> tuple[Any, ...]:
    """The shape of a tensor, or of each in a list."""
    if type(arg) is list or type(arg) is tuple:
        return tuple([each.shape for each in arg])
    return arg.shape


class Node:
    """One recorded operation.

    ``plan``    how it goes backward.
    ``inputs``  the nodes of the operands that want a gradient.
    ``saved``   what backward needs; None once it was released. The op's own result stands there as
                a tensor outside the graph, which would be a cycle otherwise.
    ``stamp``   the process's clock of in-place changes when the operation was recorded; not set
                where nothing but shapes is saved.
    ``shapes``  (shape, dtype) of each input where the launch broadcast or converted, else None.
    ``hooks``   what is called with the gradient; not None, too, where the gradient is kept.

    Whoever makes one sets all of these (there is no ``__init__``: the call would cost more).
    """

    __slots__ = ("__dict__", "__weakref__", "hooks", "inputs", "plan", "saved", "shapes", "stamp")

    plan: Plan
    inputs: tuple[Any, ...]
    saved: Any
    stamp: int
    shapes: Any
    hooks: dict[Any, Callable[[Tensor], Tensor | None]] | None

    # Rarely another value, so they stand here once for all nodes.
    grad: Tensor | None = None
    strides: Any = None  # the kept gradient is contiguous
    keep_grad: bool = False
    around: Any = None  # a leaf's hooks
    outputs: int = 1  # of several outputs each has a node of its own that sends a Part here
    trace: tuple[tuple[CodeType, int], ...] | None = (
        None  # anomaly mode: who called, outermost first
    )

    @property
    def op(self) -> Any:
        return self.plan.op

    def name(self) -> str:
        """The operation's name, as PyTorch writes it."""
        if self.plan.foreign:
            return f"{self.op.name}Backward"
        return f"{self.op.name.title().replace('_', '')}Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes a gradient goes to next, each with the number of its output."""
        return tuple((node, 0) for node in self.inputs)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


_watchers: list[Callable[[Node], None]] = []


def watch(watcher: Callable[[Node], None]) -> None:
    """Calls ``watcher`` with every new node, in any thread. Without watchers that costs nothing."""
    _watchers.append(watcher)
    Node.__init__ = _made  # type: ignore[assignment]


def unwatch(watcher: Callable[[Node], None]) -> None:
    """Ends it."""
    _watchers.remove(watcher)
    if not _watchers:
        del Node.__init__


def _made(self: Node) -> None:
    for watcher in tuple(_watchers):
        watcher(self)


def new_node(plan: Plan, inputs: tuple[Any, ...], saved: Any = (), shapes: Any = None) -> Node:
    """A node, recorded now."""
    node = Node()
    node.plan = plan
    node.inputs = inputs
    node.saved = saved
    node.stamp = CLOCK[0]
    node.shapes = shapes
    node.hooks = None
    return node


def move_to(tensor: Tensor, node: Any) -> None:
    """Gives a tensor that was changed another place in the graph."""
    hand_on(tensor._node, node)
    tensor._node = node


def hand_on(old: Any, node: Any) -> None:
    """A gradient that was to be kept at a tensor's old place is kept at its new one."""
    if isinstance(old, Node) and old.keep_grad and isinstance(node, Node):
        old.keep_grad, node.keep_grad = False, True
        if node.hooks is None:
            node.hooks = {}


class Leaf:
    """The end of the graph: where a gradient is accumulated.

    A leaf does not know its tensor, so that neither keeps the other alive. ``strides`` are those
    of a tensor that fills one piece of memory, but in another order than the usual; else None.
    """

    __slots__ = ("__weakref__", "around", "dtype", "grad", "hooks", "shape", "strides")

    op = None
    inputs: tuple[Any, ...] = ()
    keep_grad = True

    def __init__(self, tensor: Tensor) -> None:
        self.grad: Tensor | None = None
        self.hooks: dict[Any, Callable[[Tensor], Tensor | None]] | None = None
        self.around: Any = None  # what is called before and after a gradient is accumulated
        self.fit(tensor)

    def fit(self, tensor: Tensor) -> None:
        """Takes the geometry of the tensor that it stands for."""
        self.shape = tensor.shape
        self.dtype = tensor.dtype
        self.strides = None if tensor._h.flags & CONTIGUOUS else dense_strides(tensor)

    def name(self) -> str:
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


class Part:
    """A gradient for one output of a node of several, whose gradient is a list."""

    __slots__ = ("gradient", "position")

    def __init__(self, position: int, gradient: Tensor) -> None:
        self.position = position
        self.gradient = gradient


class SavedOutput:
    """A saved output of a user's function, without the node that would make the graph a cycle."""

    __slots__ = ("position", "tensor")

    def __init__(self, tensor: Tensor, position: int) -> None:
        self.tensor = alias(tensor)
        self.position = position


# -- in-place changes ---------------------------------------------------------------------------

# What the latest in-place changes were, by the clock, and where: only for error messages.
_recent: deque[tuple[int, str, CodeType, int]] = deque(maxlen=1024)
_remember, _getframe = _recent.append, sys._getframe

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


_followers: Any = None


def use_followers(find: Callable[[str, Tensor], Sequence[Any]]) -> None:
    """What ``followers`` gives for memory that several tensors see; the op layer hands it over."""
    global _followers
    _followers = find


def followers(name: str, t: Tensor) -> Sequence[Any]:
    """What is to ``follow(t)`` once the op ``name`` has changed it in place, and recorded that."""
    return () if t._h.storage.refs == 1 else _followers(name, t)


_outside: Any = None  # the code that changed something last: mostly it does so again


def note_change(t: Tensor, name: str, depth: int = 3) -> None:
    """Notes that the op ``name`` changed t's memory; an error where it is read-only."""
    noted(-1 if lib.tk_touch(t._h) else CLOCK[0], name, depth + 1)


def noted(stamp: int, name: str, depth: int = 2) -> None:
    """Notes that the op ``name`` made the change with this stamp of a door; below 0 it failed.

    The user's code is at least ``depth`` calls out: every step looked at costs 5% of an op.
    """
    global _outside
    if stamp < 0:
        fail(name)
    try:
        frame: Any = _getframe(depth)
    except ValueError:  # called from C, as by atexit
        frame = _getframe()
    code = frame.f_code
    while code is not _outside:
        if not code.co_filename.startswith(PACKAGE) or frame.f_back is None:
            _outside = code
            break
        frame = frame.f_back
        code = frame.f_code
    # The line is worked out when it is asked for; a frame would keep its variables alive.
    _remember((stamp, name, code, frame.f_lasti))


def who_changed(t: Tensor) -> str:
    """The op that last changed t's memory in place, and where it was called."""
    stamp = t._h.storage.stamp
    for when, name, code, offset in reversed(_recent):
        if when == stamp:
            return f"{name} ({place(code, offset)})"
    return "an earlier change"


def place(code: CodeType, offset: int) -> str:
    """File, line and function of an instruction, and the line's text where it can be read."""
    found = [line for start, end, line in code.co_lines() if start <= offset < end]
    line = (found and found[0]) or code.co_firstlineno
    text = linecache.getline(code.co_filename, line).strip()
    shown = f": {text}" if text else ""
    return f"{code.co_filename}:{line} in {code.co_name}{shown}"


def check_unchanged(node: Node) -> None:
    """An error if anything the node saved was changed in place since."""
    saved: list[Any] = []
    for each in node.saved:
        saved.extend(each if isinstance(each, (tuple, list)) else (each,))
    for each in saved:
        value = each.tensor if isinstance(each, SavedOutput) else each
        if isinstance(value, Tensor) and value._h.storage.stamp > node.stamp:
            trace = node.trace
            where = f" ({place(*trace[-1])})" if trace else ""
            raise RuntimeError(
                f"backward: a tensor of {value.dtype.name} {tuple(value.shape)} that "
                f"{node.op.name.strip('_')}{where} saved for its gradient was changed in place by "
                f"{who_changed(value)}, and is at version {value._version}; change a clone instead"
            )
