"""``t[...]`` and ``t[...] = value``.

Ints, slices (also with negative steps), Ellipsis and None make views. Integer tensors, arrays and
lists, and bool masks, gather and scatter; where several stand side by side their broadcast shape
takes their place, else it comes first. As in PyTorch, and unlike NumPy, an int beside an index
tensor is no index tensor.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import batching
from ..autograd.node import noted
from ..backend import bool_, ffi, int32, int64, lib
from ..tensor import Tensor, from_data, store, wrap
from .comparison import eq
from .declare import (
    OPS,
    RECORD,
    as_operand,
    attach,
    change,
    composite,
    inplace,
    is_unrecorded,
    op,
    quick_method,
    through,
    tried,
)
from .index import _index_sum, flat_nonzero, index_select, nonzero
from .samples import Draw, index, permutation, real
from .shape import VIEW, _expand, _permute, _reshape, converted, select, sum_to

_select_door, _subscript_door, _assign_door = lib.tk_select, lib.tk_subscript, lib.tk_assign
AT, NEW, REST, SLICE = lib.TK_AT, lib.TK_NEW, lib.TK_REST, lib.TK_SLICE
LAST = 2**63 - 1
ALL = slice(None)
VIEWS = (int, slice, type(None), type(Ellipsis))  # what makes a view
INDICES, MASK = {int64.number, int32.number}, {bool_.number}  # dtypes of what can index


# -- views ----------------------------------------------------------------------------------------


def _items(key: tuple[Any, ...]) -> Any:
    """A key as ``tk_subscript`` takes it; None where there is more in it than ints, slices of ints,
    None and Ellipsis."""
    items: list[int] = []
    for each in key:
        kind = type(each)
        if kind is int:
            items += (AT, each)
        elif kind is slice:
            start, stop, step = each.start, each.stop, each.step
            place = len(items)
            items.append(SLICE)
            if start is not None:
                if type(start) is not int:
                    return None
                items[place] += 1
                items.append(start)
            if stop is not None:
                if type(stop) is not int:
                    return None
                items[place] += 2
                items.append(stop)
            if step is not None:
                if type(step) is not int:
                    return None
                items[place] += 4
                items.append(step)
        elif each is None:
            items.append(NEW)
        elif each is Ellipsis:
            items.append(REST)
        else:
            return None
    return items


def _numpy_put(x: Any, shape: Any, key: Any) -> Any:
    out = np.zeros(shape, x.dtype)
    out[key] = x
    return out


KEYS: list[tuple[tuple[int, ...], Any]] = [
    ((5, 3), (1,)),
    ((5, 3), (slice(1, 4, 2),)),
    ((3, 5), (slice(None), slice(None, None, -2))),
    ((3, 5), (-1, slice(-2, None))),
    ((2, 3, 4), (Ellipsis, 0)),
    ((2, 3, 4), (1, None, Ellipsis, slice(3, 0, -1), None)),
    ((3, 4), ()),
    ((3, 4), (slice(2, 2), 1)),
]


@op(
    vjp={"input": lambda g, input_shape, key: _put(g, input_shape, key)},
    ref=lambda x, key: x[key],
    samples=[(real(*shape), key) for shape, key in KEYS],
    dtypes="all",
    family=VIEW,
)
def _subscript(input: Tensor, key: tuple[Any, ...]) -> Any:
    """input[key] for a tuple of ints, slices of ints, None and Ellipsis; a view."""
    items = _items(key)
    return _subscript_door(input._h, len(items), items)


@op(
    vjp={"input": lambda g, key: _subscript(g, key)},
    ref=_numpy_put,
    samples=[(real(*np.empty(shape)[key].shape), shape, key) for shape, key in KEYS],
    family="place",
)
def _put(input: Tensor, shape: tuple[int, ...], key: tuple[Any, ...]) -> Any:
    """Zeros of a shape with the input at a key."""
    items = _items(key)
    out = wrap(lib.tk_full_float(input._h.dtype, len(shape), shape, 0.0))
    window = wrap(_subscript_door(out._h, len(items), items))
    return None if lib.tk_copy_into(window._h, input._h) else lib.tk_retain(out._h)


_SELECT, _SUBSCRIPT = OPS["select"], OPS["_subscript"]


def _getitem(self: Tensor, key: Any) -> Tensor:
    """A part of the tensor; see this module."""
    try:
        if type(key) is int:
            handle = _select_door(self._h, 0, key)
        elif type(key) is Tensor:
            return _gathered(self, (key,))
        else:
            key = key if type(key) is tuple else (key,)
            items = _items(key)
            if items is None:
                return _gathered(self, key)
            handle = _subscript_door(self._h, len(items), items)
    except OverflowError:
        return Key(self, key).read(self)
    except (AttributeError, TypeError) as error:
        answer: Any = batching.ORDINARY
        if batching.call is not None:
            answer = batching.call(_getitem, error, (self, key), {})
        if answer is batching.ORDINARY:
            raise
        return answer
    out = wrap(handle)
    node = self._node
    if node is not None and (flags := handle.flags) & RECORD:
        if type(key) is int:
            attach(_SELECT, out, (self, 0, key), 1, (node,), (self,), flags)
        else:
            attach(_SUBSCRIPT, out, (self, key), 1, (node,), (self,), flags)
    return out


def _numpy_lookup(x: Any, dim: int, indices: Any) -> Any:
    return x[(slice(None),) * dim + tuple(indices)]


def _looked_up(g: Tensor, shape: Any, dim: int, indices: tuple[Tensor, ...]) -> Tensor:
    """Zeros of a shape, to which the gradient of ``_lookup`` is added."""
    last = dim + len(indices)
    sizes = shape[dim:last]
    places = wrap(lib.tk_linear_index(len(indices), [each._h for each in indices], sizes))
    flat = _reshape(g, (*shape[:dim], places.numel(), *shape[last:]))
    merged = (*shape[:dim], math.prod(sizes), *shape[last:])
    return _reshape(_index_sum(flat, merged, dim, _reshape(places, (-1,))), shape)


@op(
    kernel="index_gather",
    vjp={"input": lambda g, input_shape, dim, indices: _looked_up(g, input_shape, dim, indices)},
    ref=_numpy_lookup,
    samples=[
        (real(5, 3), 0, (index(4, below=5),)),
        (real(4, 5, 3), 0, (index(6, below=4), Draw(kind="integer", low=-5, high=5)(6))),
        (real(2, 3, 4), 1, (index(2, 1, below=3), index(3, below=4))),
        (real(2, 3), 1, (index(0, below=3),)),
    ],
    dtypes="all",
    family="index",
)
def _lookup(input: Tensor, dim: int, indices: tuple[Any, ...]) -> Any:
    """The parts that index tensors of the dimensions from dim on name, one behind the other.

    Negative indices count from the end; the broadcast shape of the indices takes their place.
    """
    return lib.tk_lookup(input._h, dim, len(indices), [each._h for each in indices])


_LOOKUP = OPS["_lookup"]


def _is_whole(part: slice) -> bool:
    return part.start is part.stop is part.step is None


def _gathered(self: Tensor, key: tuple[Any, ...]) -> Tensor:
    """Read by arrays. Index tensors one behind the other, behind whole dimensions, or one mask in
    front, are looked up at once; what is odder is worked out by ``Key``."""
    first = 0
    while first < len(key) and type(key[first]) is slice and _is_whole(key[first]):
        first += 1
    tensors = key[first:] if first else key
    kinds = set()
    for each in tensors:
        if type(each) is not Tensor:
            if isinstance(each, (list, np.ndarray)):
                return _gathered(self, tuple([_item(part) for part in key]))
            return Key(self, key).read(self)
        kinds.add(each._h.dtype)
    h, each = self._h, tensors[0]._h
    if type(self) is Tensor and first + len(tensors) <= h.ndim and each.ndim:
        if kinds <= INDICES:
            if self._node is None or not lib.tk_grad_mode():
                return _lookup(self, first, tensors)
            # backward wants them as they are now
            copies = tuple([wrap(lib.tk_cast(t._h, int64.number)) for t in tensors])
            out = wrap(lib.tk_lookup(h, first, len(copies), [t._h for t in copies]))
            attach(_LOOKUP, out, (self, first, copies), 1, (self._node,), (self,), out._h.flags)
            return out
        if kinds == MASK and len(tensors) == 1:
            if each.ndim == 1 and each.shape[0] == h.shape[first]:
                return index_select(self, first, flat_nonzero(tensors[0]))
            if not first and lib.tk_same_shape(h, each):
                return index_select(self.flatten(), 0, flat_nonzero(tensors[0]))
    return Key(self, key).read(self)


# -- with arrays ----------------------------------------------------------------------------------


class Key:
    """What stands in the brackets, worked out for a shape.

    ``plain``   a tuple of ints, slices, None and Ellipsis, that is, a view to be taken first.
    ``dims``    the dimensions of that view that ``places`` index, None where nothing does.
    ``places``  int64, never negative: positions in those dimensions, counted row-major over them.
    ``ndim``    the dimensions of what is named.
    """

    __slots__ = ("dims", "ndim", "places", "plain")

    def __init__(self, t: Tensor, key: Any) -> None:
        items = [_item(each) for each in (key if type(key) is tuple else (key,))]
        shape = t.shape
        used = sum(_consumes(each) for each in items)
        if used > len(shape):
            raise IndexError(f"index: {used} indices are too many for {tuple(shape)}")
        if sum(each is Ellipsis for each in items) > 1:
            raise IndexError("index: only one Ellipsis can be used")
        plain: list[Any] = []
        dim = source = 0  # in the view, in t
        dims: list[int] = []
        sizes: list[int] = []
        tensors: list[Tensor] = []
        for each in items:
            if each is Ellipsis:
                plain.append(each)
                dim += len(shape) - used
                source += len(shape) - used
            elif each is None or isinstance(each, bool):
                plain.append(None)
                if each is not None:
                    dims.append(dim)
                    sizes.append(1)
                    tensors.append(store(np.zeros(int(each), np.int64), int64))
                dim += 1
            elif isinstance(each, slice):
                plain.append(each)
                dim += 1
                source += 1
            elif isinstance(each, int):
                plain.append(each)
                source += 1
            else:
                n = _consumes(each)
                covered = shape[source : source + n]
                if each.dtype is bool_:
                    _check_mask(each, covered, source)
                plain.extend([ALL] * n)
                dims.extend(range(dim, dim + n))
                sizes.extend(covered)
                tensors.append(each)
                dim += n
                source += n
        self.plain = tuple(plain)
        self.dims = dims
        self.places = _places(tensors, sizes) if tensors else None
        self.ndim = dim + len(shape) - source
        if self.places is not None:
            self.ndim += self.places.ndim - len(dims)

    def _view(self, t: Tensor) -> Tensor:
        if self.places is not None and all(each is ALL for each in self.plain):
            return t
        return _subscript(t, self.plain)

    def _place(self) -> tuple[int, list[int]]:
        """Where the indexed dimensions go, and the order that brings them together there."""
        dims = self.dims
        if dims[-1] - dims[0] == len(dims) - 1:
            return dims[0], []
        return 0, dims

    def _together(self, t: Tensor) -> tuple[Tensor, int]:
        start, first = self._place()
        if first:
            t = _permute(t, (*first, *(d for d in range(t.ndim) if d not in first)))
        return t, start

    def read(self, t: Tensor) -> Tensor:
        """The part of a tensor of that shape, recorded."""
        view = self._view(t)
        if self.places is None:
            return view
        view, start = self._together(view)
        before, covered, after = _thirds(view, start, len(self.dims))
        if len(covered) > 1:
            view = _reshape(view, (*before, math.prod(covered), *after))
        if self.places.ndim == 1:
            return index_select(view, start, self.places)
        found = index_select(view, start, _reshape(self.places, (-1,)))
        return _reshape(found, (*before, *self.places.shape, *after))

    def write(self, t: Tensor, value: Tensor, door: Any = None) -> int:
        """Writes a value, broadcast, into the part, or adds it; 0, or -1 with the door's error."""
        door = door or _copy_door
        outside = wrap(lib.tk_retain(t._h))  # not in the graph
        view = self._view(outside)
        if self.places is None:
            return lib.tk_copy_into(view._h, value._h)
        view, start = self._together(view)
        before, covered, after = _thirds(view, start, len(self.dims))
        wanted = (*before, *self.places.shape, *after)
        spread = wrap(lib.tk_expand(value._h, len(wanted), wanted))
        flat = (*before, self.places.numel(), *after)
        source = wrap(lib.tk_reshape(spread._h, len(flat), flat))
        places = _reshape(self.places, (-1,))
        merged = (*before, math.prod(covered), *after)
        handle = lib.tk_view(view._h, len(merged), merged)
        if handle:
            target = wrap(handle)
            return door(target._h, start, places._h, source._h)
        # the strides do not let the dimensions be one: the part is written in a copy
        copy = wrap(lib.tk_cast(view._h, view._h.dtype))
        target = wrap(lib.tk_view(copy._h, len(merged), merged))
        if door(target._h, start, places._h, source._h):
            return -1
        return lib.tk_copy_into(view._h, copy._h)


def _thirds(t: Tensor, start: int, count: int) -> tuple[Any, Any, Any]:
    shape = tuple(t.shape)
    return shape[:start], shape[start : start + count], shape[start + count :]


def _item(each: Any) -> Any:
    """An index as an int, a slice, None, Ellipsis, a bool, or a tensor of indices or a mask."""
    if each is None or each is Ellipsis:
        return each
    if isinstance(each, slice):
        parts = (each.start, each.stop, each.step)
        return slice(*[None if part is None else _clamped(part) for part in parts])
    if isinstance(each, (bool, np.bool_)):
        return bool(each)
    if isinstance(each, (list, range)):
        each = _listed(each)
    if isinstance(each, np.ndarray):
        if each.dtype.kind in "iu":
            each = store(each, int64)
        elif each.dtype.kind == "b":
            each = store(each, bool_)
        else:
            raise IndexError(f"index: arrays of integers or bools can index; got {each.dtype}")
    if isinstance(each, Tensor):
        if each.dtype not in (int64, int32, bool_):
            raise IndexError(
                f"index: tensors of int64, int32 or bool can index; got {each.dtype.name}"
            )
        return each if each.ndim else each.item()
    number = _int(each)
    if not -LAST <= number <= LAST:
        raise IndexError(f"index: {number} is out of range")
    return number


def _int(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            "index: expected ints, slices, None, Ellipsis, tensors, arrays or lists; got "
            f"{type(value).__name__}"
        ) from None


def _clamped(part: Any) -> int:
    """A part of a slice: what is beyond the range of C is clamped there, as Python does."""
    return max(-LAST, min(LAST, _int(part)))


def _listed(values: Any) -> Any:
    t = from_data(list(values))
    if not t.numel() and t.dtype.is_floating_point:
        return t.to(int64)
    return t


def _consumes(each: Any) -> int:
    """How many of the tensor's dimensions an index stands for."""
    if each is None or each is Ellipsis or isinstance(each, bool):
        return 0
    return each.ndim if isinstance(each, Tensor) and each.dtype is bool_ else 1


def _check_mask(mask: Tensor, covered: Any, source: int) -> None:
    if mask.shape != covered:
        raise IndexError(
            f"index: a mask of {tuple(mask.shape)} does not fit sizes {tuple(covered)} from dim "
            f"{source} on"
        )


def _places(tensors: list[Tensor], sizes: list[int]) -> Tensor:
    """Index tensors and masks together as positions in the dimensions they cover."""
    if len(tensors) == 1 and tensors[0].dtype is bool_:
        return flat_nonzero(tensors[0])
    columns: list[Tensor] = []
    for each in tensors:
        columns.extend(nonzero(each, as_tuple=True) if each.dtype is bool_ else [each])
    return wrap(lib.tk_linear_index(len(columns), [each._h for each in columns], sizes))


# -- assignment -----------------------------------------------------------------------------------


def _numpy_setitem(x: Any, value: Any, key: Any) -> Any:
    out = np.array(x)
    out[key] = value
    return out


@op(
    vjp={
        "input": lambda g, key: _setitem(g, as_operand(0.0, g), key),
        "value": lambda g, value_shape, key: sum_to(_part(g, key), value_shape),
    },
    ref=_numpy_setitem,
    samples=[
        (real(4, 3), real(3), 1),
        (real(4, 3), real(), slice(None, None, 2)),
        (real(4, 3), real(2, 1), (slice(1, None, 2), slice(0, 2))),
        (real(3), real(), slice(0, 0)),
    ],
    dtypes="all",
    family="index",
)
def _setitem(input: Tensor, value: Tensor, key: Any) -> Any:
    """A copy of the input with ``value`` at a key."""
    if value.dtype is not input.dtype:
        raise TypeError(
            f"setitem: the dtypes must agree; got {input.dtype.name} and {value.dtype.name}"
        )
    out = wrap(lib.tk_cast(input._h, input._h.dtype))
    return None if _write(out, key, value) else lib.tk_retain(out._h)


def _part(t: Tensor, key: Any) -> Tensor:
    return key.read(t) if isinstance(key, Key) else t[key]


def _write(t: Tensor, key: Any, value: Tensor) -> int:
    """Writes a value, broadcast, into a part; 0, or -1 with the door's error."""
    if isinstance(key, Key):
        return key.write(t, value)
    items = _items(key if type(key) is tuple else (key,))
    try:
        window = None if items is None else wrap(_subscript_door(t._h, len(items), items))
    except OverflowError:
        window = None
    return Key(t, key).write(t, value) if window is None else lib.tk_copy_into(window._h, value._h)


def _assigned(name: str, self: Tensor, value: Any) -> Tensor:
    """The value as a tensor of this dtype."""
    if isinstance(value, (list, tuple)):
        value = from_data(value)
    elif not isinstance(value, (Tensor, np.ndarray, np.generic, int, float)):
        raise TypeError(f"{name}: expected a tensor or a number; got {type(value).__name__}")
    return converted(name, value, self)


def _ndim_of(t: Tensor, key: Any) -> int:
    return key.ndim if isinstance(key, Key) else t[key].ndim


def _set(self: Tensor, key: Any, value: Tensor) -> Tensor:
    # leading dimensions of size 1 in excess do not count, as in NumPy
    while value.ndim and value.shape[0] == 1 and value.ndim > _ndim_of(self, key):
        value = select(value, 0, 0)
    return change(OPS["_setitem"], self, (value, key), lambda: _write(self, key, value))


def _is_there(self: Tensor, key: Any, value: Tensor) -> bool:
    """Whether the value is that part of the tensor itself, as at the end of ``t[key] += x``."""
    if value._h.storage != self._h.storage:
        return False
    part = self[key]
    if lib.tk_relation(part._h, value._h, ffi.new("int64_t *")) != lib.TK_SAME:
        return False
    alike = value._h.flags // lib.TK_FAMILY == self._h.flags // lib.TK_FAMILY
    same_graph = alike and (value._node is None) == (self._node is None)
    return same_graph or not lib.tk_grad_mode()


# The doors that write a number, by its kind: to a subscript, and where one tensor says.
ASSIGN = {float: lib.tk_assign_float, int: lib.tk_assign_int}
ASSIGN_AT = {float: lib.tk_assign_float_at, int: lib.tk_assign_int_at}


def _put_at_once(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> int:
    vectors = [each._h for each in indices]
    return lib.tk_assign_at(self._h, len(vectors), vectors, values._h, accumulate)


def _assigned_at_once(self: Tensor, key: Any, value: Any) -> int:
    """What is one door's work, and not recorded: its stamp, or 0."""
    kind = type(value)
    if kind is Tensor:
        if not is_unrecorded(self, value):
            return 0
    elif kind not in ASSIGN or (self._node is not None and lib.tk_grad_mode()):
        return 0
    if type(key) is Tensor and kind is not Tensor:
        return ASSIGN_AT[kind](self._h, key._h, value)
    key = key if type(key) is tuple else (key,)
    items = _items(key)
    if items is None:
        return _put_at_once(self, key, value) if kind is Tensor else 0
    if kind is Tensor:
        return _assign_door(self._h, len(items), items, value._h)
    return ASSIGN[kind](self._h, len(items), items, value)


def _setitem_method(self: Tensor, key: Any, value: Any) -> None:
    """Writes a number, a tensor or an array, broadcast, into a part; see this module."""
    try:
        stamp = _assigned_at_once(self, key, value)
    except (AttributeError, TypeError, OverflowError):
        stamp = 0
    if stamp:
        noted(stamp, "setitem_")
        return
    items = _items(key if type(key) is tuple else (key,))
    if items is not None and type(value) is Tensor and _is_there(self, key, value):
        return
    # what is in an array or a list may be changed before it is read again
    _set(self, Key(self, key) if items is None else key, _assigned("setitem", self, value))


Tensor.__getitem__ = _getitem
Tensor.__setitem__ = _setitem_method


# -- the same as functions ------------------------------------------------------------------------


def _numpy_index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> np.ndarray:
    out = np.array(x)
    if accumulate:
        np.add.at(out, indices, values)
    else:
        out[indices] = values
    return out


@tried(
    ref=_numpy_index_put,
    samples=[
        (real(5, 3), (permutation(5),), real(5, 3)),
        (real(5, 3), (index(4, below=5),), real(3), True),
        (real(3, 4), (permutation(3), index(3, below=4)), real(3)),
        (real(3, 4), (index(2, 5, below=3), index(5, below=4)), real(2, 1), True),
    ],
    dtypes="number",
    vjp={"input": through, "values": through},
)
@composite
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """``input`` with input[indices] = values, or, with ``accumulate``, += over repeated indices."""
    key, values = Key(input, tuple(indices)), _assigned("index_put", input, values)
    if not accumulate:
        return _setitem(input, values, key)
    return _accumulated(input, key, values)


def _accumulated(input: Tensor, key: Key, values: Tensor) -> Tensor:
    numbers = store(np.arange(input.numel()).reshape(input.shape), int64)
    places = key.read(numbers)
    values = _expand(values, places.shape)
    return _reshape(
        _reshape(input, (-1,)).index_add(0, _reshape(places, (-1,)), _reshape(values, (-1,))),
        input.shape,
    )


def _copy_door(out: Any, dim: int, index: Any, source: Any) -> int:
    return lib.tk_index_copy(out, dim, index, source, 0)


def _add_door(out: Any, dim: int, index: Any, source: Any) -> int:
    return lib.tk_index_add(out, dim, index, source, 1.0, 0)


def _puts(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> int:
    return _put_at_once(self, indices, values, accumulate) if is_unrecorded(self, values) else 0


@quick_method(_puts)
def index_put_(self: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """``index_put`` in place."""
    key, values = Key(self, tuple(indices)), _assigned("index_put_", self, values)
    if not accumulate:
        return _set(self, key, values)
    if key.places is None:
        return self.copy_(_accumulated(self, key, values))
    return inplace(
        "index_put_",
        self,
        (values,),
        lambda: key.write(self, values, _add_door),
        lambda: _accumulated(self, key, values),
    )


def _iter(self: Tensor) -> Iterator[Tensor]:
    """The parts of the first dimension."""
    if self.ndim == 0:
        raise TypeError("iter: a tensor without dimensions cannot be iterated over")
    return (select(self, 0, i) for i in range(len(self)))


def _contains(self: Tensor, element: Any) -> bool:
    """Whether any element is equal to a number or a tensor."""
    return bool(eq(self, element).any())


Tensor.__iter__ = _iter
Tensor.__contains__ = _contains
