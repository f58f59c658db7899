"""Recorded in-place changes of memory that several tensors see.

Nothing is kept for the day when this happens, so views cost what they cost without it. The tensors
that see the memory are looked for when it is changed, and each that shares elements with the
changed one gets a node: its elements there are the new ones, the others its own as before.

The storage knows how many they are. They are looked for among the youngest objects that the garbage
collector knows, then among older ones, until all are found; those that were found once are
remembered, so that a long process is not searched again and again.
"""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd.node import Leaf, Plan, move_to, new_node
from ..backend import ffi, int64, lib
from ..tensor import Tensor, store, wrap
from .declare import op
from .samples import real
from .shape import _permute, _reshape, strides_of

APART, FAMILY = lib.TK_APART, lib.TK_FAMILY

# -- windows on row-major memory ------------------------------------------------------------------

WINDOWS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]] = [
    ((3, 5), (3,), (5,), 1),
    ((4, 6), (2, 3), (12, -2), 5),
    ((7,), (), (), 3),
    ((2, 3), (0, 2), (1, 1), 0),
]


def positions(size: Sequence[int], stride: Sequence[int], offset: int) -> np.ndarray:
    """Where the elements of a window lie, in the window's shape; int64."""
    places = np.full((), offset, np.int64)
    for n, step in zip(size, stride, strict=True):
        places = places[..., None] + np.arange(n) * step
    return places


def _view(t: Tensor, size: Sequence[int], stride: Sequence[int], offset: int) -> Any:
    """A handle of the window on a contiguous tensor's elements."""
    if len(size) != len(stride):
        raise ValueError(f"window: a stride for each size is needed; got {size} and {stride}")
    return lib.tk_as_strided(t._h, len(size), size, stride, t.storage_offset() + offset)


def _numpy_inlay(x: Any, shape: Any, stride: Any, offset: int) -> np.ndarray:
    out = np.zeros(math.prod(shape), x.dtype)
    out[positions(x.shape, stride, offset)] = x
    return out.reshape(shape)


def _numpy_blank(x: Any, size: Any, stride: Any, offset: int) -> np.ndarray:
    out = np.array(x).reshape(-1)
    out[positions(size, stride, offset)] = 0
    return out.reshape(x.shape)


@op(
    vjp={"input": lambda g, input_shape, stride, offset: _inlay(g, input_shape, stride, offset)},
    ref=lambda x, size, stride, offset: x.reshape(-1)[positions(size, stride, offset)],
    samples=[(real(*shape), *window) for shape, *window in WINDOWS],
    family="place",
)
def _window(input: Tensor, size: Sequence[int], stride: Sequence[int], offset: int) -> Any:
    """The elements of these strides and offset in the row-major order of the input.

    A copy: a gradient of few elements shall not keep the memory of many.
    """
    flat = input if input.is_contiguous() else wrap(lib.tk_cast(input._h, input._h.dtype))
    window = wrap(_view(flat, size, stride, offset))
    return lib.tk_cast(window._h, window._h.dtype)


@op(
    vjp={"input": lambda g, input_shape, stride, offset: _window(g, input_shape, stride, offset)},
    ref=_numpy_inlay,
    samples=[(real(*size), shape, stride, offset) for shape, size, stride, offset in WINDOWS],
    family="place",
)
def _inlay(input: Tensor, shape: Sequence[int], stride: Sequence[int], offset: int) -> Any:
    """Zeros with the input in that window, whose elements are distinct."""
    out = wrap(lib.tk_full_float(input._h.dtype, len(shape), shape, 0.0))
    window = wrap(_view(out, input.shape, stride, offset))
    return None if lib.tk_copy_into(window._h, input._h) else lib.tk_retain(out._h)


@op(
    vjp={"input": lambda g, size, stride, offset: _blank(g, size, stride, offset)},
    ref=_numpy_blank,
    samples=[(real(*shape), *window) for shape, *window in WINDOWS],
    family="place",
)
def _blank(input: Tensor, size: Sequence[int], stride: Sequence[int], offset: int) -> Any:
    """A copy with zeros in that window, whose elements are distinct."""
    out = wrap(lib.tk_cast(input._h, input._h.dtype))
    window = wrap(_view(out, size, stride, offset))
    zero = wrap(lib.tk_full_float(input._h.dtype, 0, (), 0.0))
    return None if lib.tk_copy_into(window._h, zero._h) else lib.tk_retain(out._h)


# -- how they follow ------------------------------------------------------------------------------
#
# The rules of a follower's node: what the gradient gives to what the tensor was, and to the changed
# one. What they take is worked out when the change is made; ``order`` are the dimensions of a piece
# of memory from the outermost inwards, None where that is their own order.

Order = tuple[int, ...] | None


def _order(t: Tensor) -> Order:
    if t.is_contiguous():
        return None
    strides = strides_of(t)
    return tuple(sorted(range(t.ndim), key=lambda d: -strides[d]))


def _ordered(t: Tensor, order: Order) -> Tensor:
    return t if order is None else _permute(t, order)


def _restored(t: Tensor, order: Order) -> Tensor:
    return t if order is None else _permute(t, tuple(order.index(d) for d in range(len(order))))


def _around(g: Tensor, order: Order, *window: Any) -> Tensor:
    return _restored(_blank(_ordered(g, order), *window), order)


def _inside(g: Tensor, order: Order, *window: Any) -> Tensor:
    return _window(_ordered(g, order), *window)


def _embedded(g: Tensor, order: Order, shape: Any, stride: Any, start: int) -> Tensor:
    return _restored(_inlay(g, shape, stride, start), order)


def _others(g: Tensor, here: Tensor, there: Tensor, shape: Any) -> Tensor:
    return _reshape(_reshape(g, (-1,)).index_fill(0, here, 0.0), tuple(g.shape))


def _shared(g: Tensor, here: Tensor, there: Tensor, shape: Any) -> Tensor:
    none = _nothing(g, (math.prod(shape),))
    return _reshape(
        none.index_add(0, there, _reshape(g, (-1,)).index_select(0, here)), tuple(shape)
    )


def _outside_piece(g: Tensor, count: int, own: int, other: int, shape: Any) -> Tensor:
    return _blank(g, (count,), (1,), own)


def _piece(g: Tensor, count: int, own: int, other: int, shape: Any) -> Tensor:
    return _inlay(_window(g, (count,), (1,), own), shape, (1,), other)


def _nothing(g: Tensor, shape: Any) -> Tensor:
    return wrap(lib.tk_full_float(g._h.dtype, len(shape), shape, 0.0))


class _Op:
    """Stands where an op stands in a Plan."""

    name = "view_of_changed"


def _plans(*rules: Any) -> dict[tuple[bool, bool], Plan]:
    """By whether the tensor was in the graph, and whether the changed one is."""
    found = {}
    for old, new in itertools.product((False, True), repeat=2):
        wanted = [(rule, None) for rule, there in zip(rules, (old, new), strict=True) if there]
        found[old, new] = Plan(_Op, (), tuple(each for each in wanted if each[0]), joint=False)
    return found


PIECE = -1  # as TK_MIXED, where what they share is one piece of memory in the order of both
PLANS = {
    PIECE: _plans(_outside_piece, _piece),
    lib.TK_SEPARATE: _plans(None, _nothing),
    lib.TK_COVERS: _plans(_around, _inside),
    lib.TK_COVERED: _plans(None, _embedded),
    lib.TK_MIXED: _plans(_others, _shared),
}


class Follower:
    """A tensor whose place in the graph depends on the change of another; ``relation`` is
    tk_relation's or PIECE, and ``saved`` what the rules take."""

    __slots__ = ("relation", "saved", "tensor")

    def __init__(self, tensor: Tensor, relation: int, *saved: Any) -> None:
        self.tensor, self.relation, self.saved = tensor, relation, saved

    def follow(self, changed: Tensor) -> None:
        """Gives the tensor its place in the graph behind the changed one's."""
        old, new = self.tensor._node, changed._node
        if self.relation == lib.TK_SAME:
            move_to(self.tensor, new)
            return
        if self.relation == lib.TK_COVERED:
            old = None
        plan = PLANS[self.relation][old is not None, new is not None]
        inputs = tuple(node for node in (old, new) if node is not None)
        move_to(self.tensor, new_node(plan, inputs, self.saved) if inputs else None)


def _follower(each: Tensor, target: Tensor) -> Follower | None:
    """How a tensor follows a change of another on the same memory; None: not at all."""
    place = ffi.new("int64_t *")
    relation, start = lib.tk_relation(each._h, target._h, place), place[0]
    if relation == lib.TK_COVERS:
        return Follower(
            each, relation, _order(each), tuple(target.shape), strides_of(target), start
        )
    if relation == lib.TK_COVERED:
        order = _order(target)
        shape = target.shape if order is None else [target.shape[d] for d in order]
        return Follower(each, relation, order, tuple(shape), strides_of(each), -start)
    if relation == lib.TK_MIXED and each.is_contiguous() and target.is_contiguous():
        low, high = max(start, 0), min(start + target.numel(), each.numel())
        return Follower(each, PIECE, high - low, low, low - start, tuple(target.shape))
    if relation == lib.TK_MIXED:
        places = _common(each, target, start)
        if places is not None:
            return Follower(each, relation, *places, tuple(target.shape))
        relation = lib.TK_SEPARATE
    if relation == lib.TK_SEPARATE:
        # one without a node gets one: so all of a family are in the graph, or none
        return Follower(each, relation, target.shape) if each._node is None else None
    return Follower(each, relation)


def _common(each: Tensor, target: Tensor, start: int) -> tuple[Tensor, Tensor] | None:
    """Which elements two tensors have in common: positions in each, [n] int64; None: none."""
    others = positions(target.shape, strides_of(target), start).reshape(-1)
    own = positions(each.shape, strides_of(each), 0).reshape(-1)
    low, high = others.min(), others.max()
    table = np.full(high - low + 1, -1)
    table[others - low] = np.arange(others.size)
    near = np.flatnonzero((own >= low) & (own <= high))
    there = table[own[near] - low]
    here, there = near[there >= 0], there[there >= 0]
    return (store(here, int64), store(there, int64)) if here.size else None


# -- who follows ----------------------------------------------------------------------------------


def followers(name: str, target: Tensor) -> list[Follower]:
    """The tensors whose place in the graph depends on a change of ``target``.

    RuntimeError where one of them cannot follow.
    """
    if not target.dtype.is_floating_point:
        return []
    flags = target._h.flags
    family, apart, recorded = flags // FAMILY, flags & APART, target._node is not None
    relatives = []
    for each in _sharers(name, target):
        flags = each._h.flags
        if flags // FAMILY != family:
            if apart or (flags & APART and each._node is not None):
                raise RuntimeError(
                    f"{name}: the tensor shares its memory with a view that was made without "
                    "recording, under no_grad() or inside a Function, and gradients are recorded; "
                    "make the view while gradients are recorded, or clone() first"
                )
        elif each is not target and (each._node is not None or not recorded):
            # Where the target was recorded its views were, too: others are what nodes have saved.
            relatives.append(each)
    if len(relatives) > 1:  # the order of the nodes shall not depend on where objects lie
        relatives.sort(key=lambda t: (t.storage_offset(), t.shape, strides_of(t)))
    found = [each for each in (_follower(each, target) for each in relatives) if each is not None]
    if any(type(each.tensor._node) is Leaf for each in found):
        raise RuntimeError(
            f"{name}: the tensor shares its memory with a leaf that requires grad, which cannot be "
            "changed in place; use no_grad()"
        )
    return found


# -- finding them ---------------------------------------------------------------------------------


class _Sight(weakref.ref):
    """A tensor that was found on a storage."""

    __slots__ = ("address", "storage")

    address: int
    storage: Any


_seen: dict[Any, dict[int, _Sight]] = {}  # by the storage and the tensor's address


def _forget(sight: Any, seen: dict[Any, dict[int, _Sight]] = _seen) -> None:
    there = seen.get(sight.storage)
    if there is not None:
        there.pop(sight.address, None)
        if not there:
            seen.pop(sight.storage, None)


def _sharers(name: str, target: Tensor) -> Iterable[Tensor]:
    """The tensors on the target's storage; RuntimeError if not all that see it can be found."""
    storage = target._h.storage
    there = _seen.get(storage, {})
    found = {id(target): target}
    _add(found, (sight() for sight in list(there.values())), storage)
    looks = iter(LOOKS)
    while not _complete(found.values(), storage):
        where = next(looks, None)
        if where is None:
            raise RuntimeError(
                f"{name}: the tensor shares its memory with something that is no tensor, and "
                "gradients are recorded; that is not supported: clone() first"
            )
        _add(found, _tensors(*where), storage)
    for address, each in found.items():
        if address not in there:
            sight = there[address] = _Sight(each, _forget)
            sight.storage, sight.address = storage, address
    _seen[storage] = there  # the last one may have gone meanwhile
    return found.values()


def _add(found: dict[int, Tensor], candidates: Iterable[Any], storage: Any) -> None:
    """Adds those on a storage. What was remembered may be of another that lay at this address."""
    for each in candidates:
        handle = getattr(each, "_h", None)
        if handle is not None and handle.storage == storage:
            found[id(each)] = each


def _complete(found: Iterable[Tensor], storage: Any) -> bool:
    """Whether these are all that have a handle on a storage."""
    handles = set()
    for each in found:
        handle = each._h
        if handle.refs > 1 and sum(other._h == handle for other in found) < handle.refs:
            return False
        handles.add(handle)
    return len(handles) == storage.refs - storage.held


# Generations of the garbage collector, and which of their objects, the youngest last: views mostly
# change where they were made. To look at 64 takes 4 us, at all of the youngest generation 30.
LOOKS = ((0, slice(-64, None)), (0, slice(None)), (1, slice(None)), (2, slice(None)))


def _tensors(generation: int, which: slice) -> list[Any]:
    """The tensors among these objects. The list of all is not kept: it may hold who keeps it."""
    kinds, new = set(), [Tensor]
    while new:
        kind = new.pop()
        if kind not in kinds and (kind is Tensor or "_h" not in vars(kind)):  # batches have none
            kinds.add(kind)
            new.extend(kind.__subclasses__())
    objects = gc.get_objects(generation)[which]
    # Ten times as fast as isinstance, and it runs no code of the objects'.
    return list(itertools.compress(objects, map(kinds.__contains__, map(type, objects))))
