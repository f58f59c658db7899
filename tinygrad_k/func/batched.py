"""The batched tensor: what a function under ``vmap`` sees of one example, for all of them at once.

It has the shape and dtype of one example, and no handle. A door refuses it, the op that explains
the mistake asks here, and the op's rule (``rules.py``) does it on the whole batch. Where there is
no rule, the op runs on each example and the results are stacked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import trees
from ..autograd import Function, batching
from ..backend import dtype
from ..ops.declare import Op
from ..ops.join import stack
from ..ops.shape import VIEW
from ..ops.strides import movedim
from ..ops.subscript import VIEWS
from ..random import get_rng_state, set_rng_state
from ..tensor import Size, Tensor

MISTAKES = (AttributeError, TypeError, OverflowError)


class Unbatchable(AttributeError):
    """Something that needs a value, which a batched tensor does not have.

    A composite that asks for it is run on each example instead; in the user's own code ``vmap``
    makes a RuntimeError of it.
    """


class DrawEach(AttributeError):
    """Random numbers are wanted under ``randomness="different"``: the function that draws is run
    for each example."""


class Level:
    """One call of vmap that is running: its batch size, and how it wants random numbers."""

    __slots__ = ("number", "randomness", "size")

    def __init__(self, number: int, size: int, randomness: str) -> None:
        self.number = number
        self.size = size
        self.randomness = randomness


class _Levels(threading.local):
    def __init__(self) -> None:
        self.stack: list[Level] = []


running = _Levels()


class Handle:
    """What code that looks into a handle finds; no door takes it."""

    __slots__ = ("dtype", "ndim", "numel", "refs", "shape")

    flags = 0

    def __init__(self, t: Batched) -> None:
        self.shape = t.shape
        self.ndim = len(self.shape)
        self.numel = self.shape.numel()
        self.dtype = t._value._h.dtype
        self.refs = 2  # never the engine's alone


class Batched(Tensor):
    """One example of ``_value``, whose first dimension counts the examples of vmap ``_level``."""

    __slots__ = ("_copied", "_level", "_value")

    _level: Level
    _value: Tensor
    _copied: bool  # what should be a view of another one's memory, but is a copy

    @property
    def _h(self) -> Any:
        return Handle(self)

    @property
    def _node(self) -> Any:  # type: ignore[override]
        return self._value._node

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions of an example."""
        return Size(self._value.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of dimensions of an example."""
        return self._value.ndim - 1

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return self._value.dtype

    def stride(self, dim: int | None = None) -> Any:
        """Elements between neighbours of an example."""
        strides: Any = self._value.stride()
        strides = strides[1:]
        return strides if dim is None else strides[self._dim(dim, "stride")]

    def is_contiguous(self) -> bool:
        """Whether the elements of the whole batch lie in row-major order."""
        return self._value.is_contiguous()

    def detach(self) -> Tensor:
        """A tensor outside the graph."""
        return wrapped(self._value.detach(), self._level)

    def detach_(self) -> Tensor:
        """Takes this tensor out of the graph."""
        self._value = self._value.detach()
        return self

    def __getitem__(self, key: Any) -> Tensor:
        items = key if isinstance(key, tuple) else (key,)
        used = sum(each is not None and each is not Ellipsis for each in items)
        views = all(isinstance(each, VIEWS) and not isinstance(each, bool) for each in items)
        if views and used <= self.ndim:
            whole = (slice(None), *items)
            return wrapped(self._value[whole], self._level, self._copied)
        return Tensor.__getitem__(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.copy_(each_example(_with_item, (self, key, value), {}))

    def unfold(self, dimension: int, size: int, step: int) -> Tensor:
        """Windows of a dimension; a view."""
        if not self.ndim:
            return self.reshape(1).unfold(0, size, step).squeeze(0)
        d = self._dim(dimension, "unfold")
        return wrapped(self._value.unfold(d + 1, size, step), self._level, self._copied)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iter: a tensor without dimensions cannot be iterated over")
        return iter(self.unbind(0))

    def __repr__(self) -> str:
        return f"Batched(level={self._level.number}, shape={list(self.shape)}, of={self._value!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise Unbatchable("vmap: pickle: a batched tensor is many examples")


def _needs_value(name: str) -> Callable[..., Any]:
    def refuse(self: Batched, *args: Any, **kwargs: Any) -> Any:
        raise Unbatchable(
            f"vmap: {name.strip('_')}: a batched tensor stands for many examples and has no single "
            "value; use where() in the place of control flow"
        )

    refuse.__name__ = name
    return refuse


def _needs_graph(name: str) -> Callable[..., Any]:
    def refuse(self: Batched, *args: Any, **kwargs: Any) -> Any:
        raise Unbatchable(f"vmap: {name}: use func.grad, func.vjp or func.jacrev inside")

    refuse.__name__ = name
    return refuse


for _name in ("requires_grad_", "backward", "register_hook", "retain_grad"):
    setattr(Batched, _name, _needs_graph(_name))

for _name in (
    "item", "tolist", "numpy", "_array", "_window", "data_ptr", "storage_offset", "__array__",
    "__bool__", "__float__", "__int__", "__index__", "__complex__", "__format__", "__deepcopy__",
):  # fmt: skip
    setattr(Batched, _name, _needs_value(_name))


def _with_item(t: Tensor, key: Any, value: Any) -> Tensor:
    copy = t.clone()
    copy[key] = value
    return copy


def wrapped(value: Tensor, level: Level, copied: bool = False) -> Tensor:
    """The examples in the first dimension of ``value``, as one batched tensor."""
    t = object.__new__(Batched)
    t._copied = copied
    t._level = level
    t._value = value
    return t


def innermost(values: Any) -> Level | None:
    """The vmap that was entered last, of those whose examples are among the values."""
    found: Level | None = None
    for each in trees.leaves(values):
        if isinstance(each, Batched) and (found is None or each._level.number > found.number):
            found = each._level
    return found


def spread(what: str, given: Any, tree: Any) -> list[Any]:
    """A leaf of ``given`` for each leaf of the tree: ``given`` has the tree's form from the top
    down, and one of its leaves stands for all that lies below."""
    if isinstance(given, (tuple, list)) and isinstance(tree, (tuple, list)):
        if len(given) != len(tree):
            raise ValueError(f"vmap: {what} has {len(given)} entries for {len(tree)}")
        pairs = zip(given, tree, strict=True)
        return [each for pair in pairs for each in spread(what, *pair)]
    if isinstance(given, dict) and isinstance(tree, dict):
        if given.keys() != tree.keys():
            raise ValueError(f"vmap: {what} has the keys {list(given)} for {list(tree)}")
        return [each for key in tree for each in spread(what, given[key], tree[key])]
    if isinstance(given, (tuple, list, dict)):
        raise ValueError(f"vmap: {what} is more deeply nested than what it is for; got {given!r}")
    return [given for _ in trees.leaves(tree)]


def unwrap(value: Any, level: Level) -> tuple[Any, bool]:
    """The whole batch of a value of this level, and True; anything else as it is, and False."""
    if isinstance(value, Batched) and value._level is level:
        return value._value, True
    return value, False


def example(value: Any, level: Level, i: int, own: bool = False) -> Any:
    """The i-th example of all that is batched in a tree; with memory of its own, or a view."""

    def pick(each: Any) -> Any:
        batch, batched = unwrap(each, level)
        if not batched:
            return each
        return batch.select(0, i).clone() if own else batch.select(0, i)

    return trees.map_leaves(pick, value)


def each_example(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """A function of batched tensors by running it on each example."""
    level = innermost((args, kwargs))
    if level is None:
        level = running.stack[-1]
    return _each(function, args, kwargs, level)


def _each(function: Callable[..., Any], args: Any, kwargs: Any, level: Level) -> Any:
    if level.size == 0:
        raise Unbatchable(
            f"vmap: {_name_of(function)} has no rule for batches, and there is no example to run"
        )
    own = _name_of(function) == "as_strided"  # which counts from the start of the storage
    results = []
    with _drawing(level) as start:
        for i in range(level.size):
            start()
            given = example(args, level, i, own), example(kwargs, level, i, own)
            results.append(function(*given[0], **given[1]))
    memory = _storages(given)
    columns = [list(trees.leaves(each)) for each in results]
    joined = []
    for each in zip(*columns, strict=True):
        if isinstance(each[0], Tensor):
            if any(other.shape != each[0].shape for other in each):
                shapes = [tuple(other.shape) for other in each[:2]]
                raise Unbatchable(
                    f"vmap: {_name_of(function)} gives examples of different shapes; {shapes}"
                )
            joined.append(
                wrapped(stack(list(each)), level, not memory.isdisjoint(_storages(each[-1])))
            )
        elif any(other != each[0] for other in each):
            raise Unbatchable(f"vmap: {_name_of(function)} gives another value for each example")
        else:
            joined.append(each[0])
    return trees.rebuild(results[0], iter(joined))


def _storages(values: Any) -> set[Any]:
    """The memory of the tensors in a tree."""
    handles = [each._h for each in trees.leaves(values) if isinstance(each, Tensor)]
    return {handle.storage for handle in handles if not isinstance(handle, Handle)}


def _name_of(function: Callable[..., Any]) -> str:
    owner = getattr(function, "__self__", None)  # of a Function's apply
    return getattr(owner or function, "__name__", repr(function)).strip("_")


# -- what ops ask ---------------------------------------------------------------------------------

Rule = Callable[..., Tensor]
RULES: dict[str, Rule] = {}  # by the op's name: (level, args, batched) -> the whole batch
FAMILIES: dict[str, Rule] = {}  # by its family


def call(target: Any, error: Exception | None, args: tuple[Any, ...], kwargs: Any) -> Any:
    """An op, or a function over ops, of batched tensors."""
    if isinstance(error, DrawEach):
        return _draw_each(target.function if isinstance(target, Op) else target, args, kwargs)
    level = innermost((args, kwargs))
    if level is None:
        return batching.ORDINARY
    if not isinstance(target, Op):
        owner = getattr(target, "__self__", None)
        if isinstance(owner, type) and issubclass(owner, Function) and owner.has_vmap():
            return _by_own_rule(owner, args, level)
        return _each(target, args, kwargs, level)
    rule = RULES.get(target.name) or FAMILIES.get(target.family)
    if rule is None:
        return _each(target.function, args, kwargs, level)
    values: list[Any] = []
    batched: list[Any] = []
    for value in target.bind(args, kwargs):
        if isinstance(value, (list, tuple)) and any(isinstance(each, Tensor) for each in value):
            pairs = [unwrap(each, level) for each in value]
            values.append([each for each, _ in pairs])
            batched.append([flag for _, flag in pairs])
        else:
            value, flag = unwrap(value, level)
            values.append(value)
            batched.append(flag)
    try:
        result = rule(_positional(target), level.size, values, batched)
    except (IndexError, TypeError, ValueError):
        if level.size:
            target.function(*example(args, level, 0), **example(kwargs, level, 0))
        raise  # the line above tells the same mistake in the shapes of an example
    if result is NotImplemented:
        return _each(target.function, args, kwargs, level)
    copied = target.family == VIEW and isinstance(args[0], Batched) and args[0]._copied
    return wrapped(result, level, copied)


class VmapInfo(NamedTuple):
    """What a Function's ``vmap`` is told of the vmap that runs."""

    batch_size: int
    randomness: str


def _by_own_rule(function: type[Function], args: tuple[Any, ...], level: Level) -> Any:
    """A user's Function of a batch, by its own ``vmap``."""
    parts = [unwrap(each, level) for each in trees.leaves(args)]
    whole = trees.rebuild(args, iter([each for each, _ in parts]))
    dims = trees.rebuild(args, iter([0 if batched else None for _, batched in parts]))
    answer = function.vmap(VmapInfo(level.size, level.randomness), dims, *whole)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError(f"{function.__name__}: vmap must return (output, out_dims)")
    output, places = answer
    results = [
        each if dim is None else wrapped(movedim(each, dim, 0), level)
        for each, dim in zip(trees.leaves(output), spread("out_dims", places, output), strict=True)
    ]
    return trees.rebuild(output, iter(results))


def _positional(op: Op) -> Callable[..., Any]:
    """The op's function, which may be given all arguments by position."""
    count = op.body.__code__.co_argcount
    if count == len(op.parameters):
        return op.function

    def function(*args: Any, **kwargs: Any) -> Any:
        named = dict(zip(op.parameters[count:], args[count:], strict=False))
        return op.function(*args[:count], **named, **kwargs)

    function.__name__ = op.name
    return function


def _draw_each(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Draws for each example, in their order, as a loop would."""
    level = next(each for each in reversed(running.stack) if each.randomness == "different")
    return _each(function, args, kwargs, level)


@contextmanager
def _drawing(level: Level) -> Iterator[Callable[[], None]]:
    """While examples are run one by one: each draws its own random numbers, or from the same place.

    Gives what is to be called at the start of each example.
    """
    before = level.randomness
    state = get_rng_state() if before == "same" else None
    if before == "different":
        level.randomness = "drawn here"
    try:
        yield lambda: None if state is None else set_rng_state(state)
    finally:
        level.randomness = before


def change(name: str, target: Tensor, operands: tuple[Any, ...], compute: Any) -> Any:
    """An in-place op on a batched tensor: the batch takes over what the op computes."""
    if not isinstance(target, Batched):
        if any(isinstance(each, Batched) for each in operands):
            raise Unbatchable(
                f"vmap: {name}: the tensor is the same for all examples and the new values are "
                "not; use the op that returns a new tensor"
            )
        return batching.ORDINARY
    if target._copied:
        raise Unbatchable(
            f"vmap: {name}: the tensor should be a view and, made example by example, is a copy; "
            "clone() it first"
        )
    result = compute()
    if result.shape != target.shape:
        raise ValueError(
            f"{name}: the result does not fit the output; got {tuple(result.shape)} for "
            f"{tuple(target.shape)}"
        )
    level = innermost((result,))
    if level is not None and level.number > target._level.number:
        raise Unbatchable(
            f"vmap: {name}: the tensor is the same for all examples of an inner vmap and the new "
            "values are not; use the op that returns a new tensor"
        )
    values = result._value if level is target._level else result
    target._value.copy_(values)
    return target


def backward(plan: Any, gradient: Any, saved: Any) -> Any:
    """The rules of an op, which reach for doors, for each of a batch of gradients."""
    level = innermost((gradient,))
    if level is None:
        return batching.ORDINARY

    def rules(g: Any) -> Any:
        if plan.joint:
            return list(plan.rules(g, *saved))
        return [rule(g, *(saved if take is None else take(saved))) for rule, take in plan.rules]

    return _each(rules, (gradient,), {}, level)


def intercept_random(name: str) -> None:
    """Called before random numbers are drawn while a vmap runs."""
    for level in reversed(running.stack):
        if level.randomness == "different":
            raise DrawEach(name)
        if level.randomness == "error":
            raise RuntimeError(
                f"vmap: {name}: draws random numbers; say by randomness='same' or "
                "randomness='different' whether the examples share them"
            )


def as_tensor(value: Any) -> Any:
    """A NumPy array or scalar as a tensor; anything else as it is."""
    if isinstance(value, (np.ndarray, np.generic)):
        from ..ops.creation import as_tensor as convert

        return convert(value)
    return value


batching.hand_over(call, change, backward)
