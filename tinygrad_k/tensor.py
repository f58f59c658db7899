"""The Tensor: a typed, strided window on memory, and its place in the autograd graph.

No mathematics: every op, as a function, a method or an operator, is attached from the op table
when ``tinygrad_k.ops`` is imported.
"""

from __future__ import annotations

import array as arrays
import functools
import itertools
import math
import operator
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .backend import (
    CPU,
    DTYPES,
    FROM_NUMPY,
    Holder,
    bool_,
    check_readable,
    device as device_class,
    dtype,
    fail,
    ffi,
    float64,
    get_default_dtype,
    int64,
    lib,
    of_array,
    owners,
    recorder,
    shapes,
    struct_of,
    use_tensor,
    world,
    wrap as _wrap,
)
from .dtypes import promote_types

if TYPE_CHECKING:
    from ._methods import Methods
    from .autograd.node import Leaf, Node
else:
    Methods = Holder  # what the op table attaches has its types in a stub

_release, _retain, _plain_bytes = lib.tk_release, lib.tk_retain, lib.tk_plain_bytes
_transpose = lib.tk_transpose
_item_float, F64, CONTIGUOUS = lib.tk_item_float, lib.TK_F64, lib.TK_CONTIGUOUS
_cast, ADDRESS = ffi.cast, ffi.typeof("intptr_t")
_buffer, _from_buffer, NULL = ffi.buffer, ffi.from_buffer, ffi.NULL
_of_memory, _ndarray, _asarray = lib.tk_of_memory, np.ndarray, np.asarray
MAX_NDIM = lib.TK_MAX_NDIM
LIMITS = {
    kind: (int(np.iinfo(kind.numpy).min), int(np.iinfo(kind.numpy).max))
    for kind in DTYPES
    if kind.numpy.kind in "iu"
}
TAPES = ffi.addressof(lib, "tk_tapes")  # read through a pointer in half the time
_owner_keys = itertools.count(-1, -1)  # in ``owners``; those from 1 on are ``of_array``'s


class Size(tuple):
    """A shape: a tuple of sizes, printed as PyTorch prints it."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements, the product of the sizes."""
        product = 1
        for size in self:
            product *= size
        return product

    def __repr__(self) -> str:
        return f"Size({list(self)})"


class Tensor(Methods):
    """An n-dimensional array that can record what is done to it.

    ``_h`` is the C handle; the base (csrc/holder.h) releases it when this object goes. ``_node`` is
    the autograd node that made the tensor, a ``Leaf`` for a leaf that wants a gradient, None where
    nothing is recorded. Make tensors with ``tk.tensor``, ``tk.zeros``, ``tk.from_numpy`` and the
    like; ``Tensor()`` is a blank, to be given both by whoever made it.
    """

    __slots__ = ("__weakref__",)

    if TYPE_CHECKING:
        _h: Any
        _node: Node | Leaf | None

    __array_priority__ = 1000  # NumPy's operators give way to ours

    # -- what it is ------------------------------------------------------------------------------

    if TYPE_CHECKING:

        @property
        def shape(self) -> Size:
            """The sizes of the dimensions."""

        @property
        def ndim(self) -> int:
            """The number of dimensions."""

        @property
        def dtype(self) -> dtype:
            """The element type."""

    def _new_shape(self) -> Size:
        """The shape, where it was not asked for before: the base looks among ``shapes``."""
        h = self._h
        shape = Size(ffi.unpack(h.shape, h.ndim))
        if h.key >= 0 and len(shapes) < 4096:  # beyond, a program makes shapes without end
            shapes[h.key] = shape
        return shape

    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[self._dim(dim, "size")]

    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Elements between neighbours along each dimension, or along one."""
        h = self._h
        strides = tuple(ffi.unpack(h.stride, h.ndim))
        return strides if dim is None else strides[self._dim(dim, "stride")]

    def _dim(self, dim: int, op: str) -> int:
        """A possibly negative dim as 0..ndim-1."""
        ndim = self.ndim
        if type(dim) is int and -ndim <= dim < ndim:
            return dim % ndim
        try:
            dim = operator.index(dim)
        except TypeError:
            raise TypeError(f"{op}: dim must be an int; got {type(dim).__name__}") from None
        if not -ndim <= dim < ndim:
            raise IndexError(f"{op}: dim {dim} is out of range for {ndim} dimensions")
        return dim % ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._h.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._h.numel

    nelement = numel

    def element_size(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._h.numel * self.dtype.itemsize

    def is_contiguous(self) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        return bool(self._h.flags & CONTIGUOUS)

    def is_floating_point(self) -> bool:
        """Whether the dtype is float32 or float64."""
        return self.dtype.is_floating_point

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(_cast(ADDRESS, self._h.data))

    def storage_offset(self) -> int:
        """Elements from the start of the storage to the first element."""
        return (self._h.data - self._h.storage.data) // self.dtype.itemsize

    @property
    def _version(self) -> int:
        """How often the storage was changed in place."""
        return self._h.storage.version

    @property
    def device(self) -> device_class:
        """Always ``tk.device("cpu")``, a string."""
        return CPU

    @property
    def is_cpu(self) -> bool:
        """Always True."""
        return True

    @property
    def is_cuda(self) -> bool:
        """Always False."""
        return False

    def get_device(self) -> int:
        """Always -1, which stands for the CPU."""
        return -1

    # -- values ----------------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number; ValueError unless there is exactly one."""
        h = self._h
        if h.numel != 1:
            raise ValueError(f"item: only a tensor of one element has one; got {tuple(self.shape)}")
        if TAPES[0]:
            check_readable("item")
        kind = h.dtype
        if kind <= F64:
            return _item_float(h)
        value = lib.tk_item_int(h)
        return bool(value) if kind == lib.TK_BOOL else value

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers; without dimensions one number."""
        h = self._h
        if h.ndim == 0:
            return self.item()
        if TAPES[0]:
            check_readable("tolist")
        nbytes = _plain_bytes(h)
        if nbytes <= 0:
            return self._window().tolist()
        kind = DTYPES[h.dtype].numpy.char
        return memoryview(_buffer(h.data, nbytes)).cast(kind, self.shape).tolist()

    def _array(self) -> np.ndarray:
        """A NumPy view of the memory; it keeps the storage alive through a tensor of its own."""
        if TAPES[0]:
            check_readable("numpy")
        return self._window()

    def _window(self) -> np.ndarray:
        """As ``_array``, also while the thread records: for those who have it done again."""
        window = _Window()
        window._h = _retain(self._h)
        window._node = None
        return _asarray(window)

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array that shares this tensor's memory.

        Refused with RuntimeError where a gradient is recorded, but with ``force``: detach() first.
        Changes through the array are not seen by autograd's version counters.
        """
        if self._node is not None and not force:
            raise RuntimeError("numpy: the tensor requires grad; use detach().numpy()")
        if TAPES[0]:
            check_readable("numpy")
        return self._window()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"__array__: {array.dtype} to {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __bool__(self) -> bool:
        if self._h.numel != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {tuple(self.shape)} is ambiguous; "
                "use any() or all()"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._h.dtype <= lib.TK_F64:
            raise TypeError(f"index: only an integer tensor is an index; got {self.dtype}")
        if self._h.numel != 1:
            raise TypeError(
                f"index: only a tensor of one element is an index; got {tuple(self.shape)}"
            )
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __len__(self) -> int:
        if self._h.ndim == 0:
            raise TypeError("len: a tensor without dimensions has no length")
        return self._h.shape[0]

    __hash__ = object.__hash__  # by identity; __eq__ is an op

    def __repr__(self) -> str:
        from .printing import tensor_text

        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        if self._h.ndim == 0:
            return format(self.item(), spec)
        if not spec:
            return str(self)
        raise TypeError(
            f"format: {spec!r} is for a tensor without dimensions; got {tuple(self.shape)}"
        )

    # -- autograd's state ------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Makes a leaf of a floating dtype want a gradient, or stop wanting one."""
        raise RuntimeError("requires_grad_: tinygrad_k.autograd is not loaded")

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return self._node is None or self._node.op is None

    @property
    def grad_fn(self) -> Any:
        """The node that made this tensor; None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() accumulated here."""
        node = self._node
        if node is None:
            return None
        if world.recorders and (recording := recorder()) is not None:
            recording.reads_gradient(node)
        return node.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None; got {type(value).__name__}")
            if value.shape != self.shape or value.dtype is not self.dtype:
                raise ValueError(
                    f"grad: expected {self.dtype} of {tuple(self.shape)}; "
                    f"got {value.dtype} of {tuple(value.shape)}"
                )
        if self._node is None:
            if value is not None:
                raise RuntimeError("grad: the tensor does not require grad")
            return
        if world.recorders and (recording := recorder()) is not None:
            recording.sets_gradient(self._node)
        self._node.grad = value

    @property
    def data(self) -> Tensor:
        """The tensor outside the graph, on the same memory.

        Assigning a tensor makes this one a window on that tensor's memory; what a graph has saved
        of this one then counts as changed.
        """
        return wrap(lib.tk_detach(self._h))

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data: expected a Tensor; got {type(value).__name__}")
        node: Any = self._node
        fits = value.dtype is self.dtype and value.shape == self.shape
        if node is not None and not fits and (not self.is_leaf or node.grad is not None):
            raise ValueError(
                f"data: {value.dtype.name} of {tuple(value.shape)} does not fit the gradient, "
                f"which is {self.dtype.name} of {tuple(self.shape)}"
            )
        if node is not None and not value.dtype.is_floating_point:
            raise TypeError(f"data: only floating tensors have gradients; got {value.dtype.name}")
        set_data(self, lib.tk_detach(value._h))
        lib.tk_touch(self._h)
        if node is not None and self.is_leaf:
            node.fit(self)

    # -- copies and pickles ------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A leaf with memory of its own; it has a copy of the gradient, too."""
        if not self.is_leaf:
            raise RuntimeError("deepcopy: only leaves can be copied; detach() or clone() it")
        copy = wrap_as(type(self), lib.tk_cast(self._h, self._h.dtype))
        memo[id(self)] = copy
        if self._node is not None:
            copy.requires_grad_()
            if self._node.grad is not None:
                copy.grad = self._node.grad.__deepcopy__({})
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickles values and requires_grad, not the gradient."""
        if not self.is_leaf:
            raise RuntimeError("pickle: only leaves can be pickled; detach() it")
        return _unpickle, (type(self), np.asarray(self._array(), order="C"), self.requires_grad)

    @property
    def T(self) -> Tensor:
        """The tensor with its dimensions reversed; a view."""
        h = self._h
        if h.ndim != 2:
            return self.permute(*range(h.ndim - 1, -1, -1))
        plain = self._node is None and type(self) is Tensor
        return wrap(_transpose(h, 0, 1)) if plain else self.transpose(0, 1)

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two dimensions exchanged; a view."""
        return self.transpose(-2, -1)

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix; a view."""
        if self._h.ndim not in (0, 2):
            raise ValueError(f"H: expected a matrix; got {tuple(self.shape)}")
        return self.t()

    @property
    def mH(self) -> Tensor:
        """As ``mT``: there are no complex dtypes."""
        return self.transpose(-2, -1)

    if TYPE_CHECKING:  # the ops are attached at import from the op table

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rlshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __rrshift__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __getitem__(self, index: Any) -> Tensor: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __contains__(self, element: Any) -> bool: ...
        def __reversed__(self) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...


# A Tensor around a new handle from a door, outside the graph; raises the door's error for NULL.
wrap: Callable[[Any], Tensor] = _wrap
use_tensor(Tensor, fail, DTYPES)


def wrap_as(cls: type[Tensor], handle: Any) -> Tensor:
    """As ``wrap``, of a subclass."""
    if not handle:
        fail()
    t = object.__new__(cls)
    t._h = handle
    t._node = None
    return t


def alias_as(cls: type[Tensor], t: Tensor) -> Tensor:
    """A Tensor of a subclass on the same memory, outside the graph, with a handle of its own."""
    return wrap_as(cls, lib.tk_detach(t._h))


def alias(t: Tensor) -> Tensor:
    """Another Tensor on the same handle, outside the graph."""
    return wrap(_retain(t._h))


def dense_strides(t: Tensor) -> tuple[int, ...] | None:
    """The strides, if the elements fill one piece of memory without meeting; else None."""
    h = t._h
    shape, strides = t.shape, tuple(ffi.unpack(h.stride, h.ndim))
    step = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size != 1:
            if stride != step:
                return None
            step *= size
    return strides


def empty_strided(kind: dtype, shape: Any, strides: Any, start: int = 0, room: int = 0) -> Tensor:
    """Memory as it comes, of at least ``room`` elements, seen from ``start`` with these strides."""
    reach = sum([(size - 1) * stride for size, stride in zip(shape, strides, strict=True)])
    memory = wrap(lib.tk_empty(kind.number, 1, (max(room, start + reach + 1),)))
    return wrap(lib.tk_as_strided(memory._h, len(shape), shape, strides, start))


def _unpickle(cls: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    shared = from_numpy(array)
    t = wrap_as(cls, lib.tk_cast(shared._h, shared._h.dtype))
    return t.requires_grad_() if requires_grad else t


class _Window(Tensor):
    """What NumPy asks for an array's memory; it stays alive as the array's base."""

    __slots__ = ()

    @property
    def __array_struct__(self) -> Any:
        return struct_of(self._h)


def array_interface(h: Any) -> dict[str, Any]:
    """A handle's memory as NumPy describes it."""
    kind = DTYPES[h.dtype]
    return {
        "version": 3,
        "data": (int(ffi.cast("intptr_t", h.data)), bool(h.storage.readonly)),
        "typestr": kind.numpy.str,
        "shape": tuple(ffi.unpack(h.shape, h.ndim)),
        "strides": tuple(n * kind.itemsize for n in ffi.unpack(h.stride, h.ndim)),
    }


def set_data(t: Tensor, handle: Any) -> None:
    """Gives t a new handle, on other memory; other handles on t's old memory keep it.

    The old handle is released when nobody holds the cffi object around it any more: a door that
    another thread is in, without the GIL, holds the objects of its arguments.
    """
    if not handle:
        fail()
    old, t._h = t._h, handle
    world.restructure()
    weakref.finalize(old, _retire, ffi.cast("tk_tensor *", old)).atexit = False


def _retire(handle: Any) -> None:
    owner = _release(handle)
    if owner:
        del owners[owner]


# -- from NumPy and Python ----------------------------------------------------------------------


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares a NumPy array's memory, strides and all.

    A read-only array gives a tensor that refuses in-place changes. Byte-swapped, unaligned or
    oddly strided arrays, and bools whose bytes are not 0 or 1, cannot be shared and are an error;
    ``tk.tensor`` copies them.
    """
    if not isinstance(array, _ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array; got {type(array).__name__}")
    handle = of_array(array)
    if handle is None:
        handle = _share(array)
    return wrap(handle)


def _share(array: np.ndarray) -> Any:
    """A handle on the memory of an array that is strided, read-only, or of bools."""
    kind, key, flags = FROM_NUMPY.get(array.dtype), next(_owner_keys), array.flags
    if kind is None:
        if not array.dtype.isnative:
            raise ValueError(f"from_numpy: the array is byte-swapped ({array.dtype.str}); copy it")
        raise TypeError(f"from_numpy: no tensor dtype for {array.dtype}")
    dense = flags.c_contiguous
    fits = dense or not any(step % kind.itemsize for step in array.strides)
    if not (fits and flags.aligned):
        raise ValueError(
            f"from_numpy: strides {array.strides} or the address are no multiple of "
            f"{kind.itemsize} bytes; copy the array"
        )
    if kind is bool_ and not _is_truth(array):
        raise ValueError("from_numpy: the bytes of a bool array must be 0 or 1; copy it")
    if array.ndim > MAX_NDIM:
        raise ValueError(f"from_numpy: at most {MAX_NDIM} dimensions; got {array.ndim}")
    strides: Any
    if dense:
        memory, span, strides = _from_buffer(array), array.nbytes, NULL
    else:
        memory = ffi.cast("char *", array.__array_interface__["data"][0])
        strides = [step // kind.itemsize for step in array.strides]
        reach = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
        span = sum(step for step in reach if step > 0) + kind.itemsize if array.size else 0
    ndim, shape, readonly = array.ndim, array.shape, not flags.writeable
    handle = lib.tk_wrap(memory, span, key, readonly, kind.number, ndim, shape, strides)
    if handle:
        owners[key] = array
    return handle


def _is_truth(array: np.ndarray) -> bool:
    """Whether every byte of a bool array is 0 or 1, as kernels count on."""
    return not array.size or int(array.view(np.uint8).max()) <= 1


def number_as(name: str, value: Any, kind: dtype, shape: tuple[int, ...] = ()) -> Tensor:
    """A Python number as a tensor; an integer dtype that cannot hold it is a ValueError.

    Floats lose their fraction on the way to an integer, as in PyTorch.
    """
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: expected a number; got {type(value).__name__}")
    if kind.is_floating_point:
        value = float(value)
    elif kind is bool_:
        value = value != 0
    else:
        whole = int(value) if isinstance(value, int) or math.isfinite(value) else None
        if whole is None or not LIMITS[kind][0] <= whole <= LIMITS[kind][1]:
            raise ValueError(f"{name}: the number {value} does not fit {kind.name}")
        value = whole
    if isinstance(value, float):
        return wrap(lib.tk_full_float(kind.number, len(shape), shape, value))
    return wrap(lib.tk_full_int(kind.number, len(shape), shape, value))


def from_data(data: Any, kind: dtype | None = None, *, copy: bool = True) -> Tensor:
    """A tensor of Python numbers, nested sequences, NumPy arrays or tensors.

    Without a dtype: Python floats give the default dtype, ints int64, bools bool; NumPy arrays keep
    theirs.
    """
    if isinstance(data, Tensor):
        source = data
        if kind is not None and kind is not source.dtype:
            return wrap(lib.tk_cast(source._h, kind.number))
        return wrap(lib.tk_cast(source._h, source._h.dtype)) if copy else source
    scalar = type(data)
    if scalar is float:
        return number_as("tensor", data, kind or get_default_dtype())
    if scalar is bool or scalar is int:
        return number_as("tensor", data, kind or (bool_ if scalar is bool else int64))
    if scalar is list and (handle := _of_list(data, kind)):
        return wrap(handle)
    own: dtype | None = None
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
    else:
        array, own = _nested(data)
    if kind is None:
        kind = own or _kind_of(array, float64)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"tensor: expected numbers; got {array.dtype}")
    same = array.dtype == kind.numpy and array.flags.aligned and array.dtype.isnative
    odd = kind is bool_ and not _is_truth(array)
    if copy or not same or odd or any(step % kind.itemsize for step in array.strides):
        return store(array, kind)
    return from_numpy(array)


def _of_list(data: list[Any], kind: dtype | None) -> Any:
    """A handle of lists of lists of one length that end in floats, ints or bools alone; of anything
    else None. The dtype may be a floating one, or that of such numbers."""
    shape = [len(data)]
    kinds = set(map(type, data))
    while kinds == {list} and len(shape) < MAX_NDIM:  # a list may stand in itself
        sizes = set(map(len, data))
        if len(sizes) > 1:
            return None
        shape.append(sizes.pop())
        data = list(itertools.chain.from_iterable(data))
        kinds = set(map(type, data))
    if kinds == {float}:
        own = get_default_dtype()
    elif kinds == {int} and -(2**63) <= min(data) <= max(data) < 2**63:
        own = int64
    elif kinds == {bool}:
        own = bool_
    else:
        return None
    kind = kind or own
    if (kind is not own and not kind.is_floating_point) or recording():
        return None
    values = _from_buffer(bytes(data) if kind is bool_ else arrays.array(kind.numpy.char, data))
    return _of_memory(kind.number, len(shape), shape, values)


def store(array: np.ndarray, kind: dtype) -> Tensor:
    """A tensor with memory of its own and an array's values, which an integer dtype must hold."""
    if kind.numpy.kind in "iu" and array.dtype != kind.numpy and array.size:
        for each in (array.min(), array.max()):  # NaN if there is one
            number_as("tensor", each.item(), kind)
    elif kind is bool_ and array.dtype.kind == "b":
        array = array.view(np.uint8) != 0
    if recording():
        with np.errstate(invalid="ignore", over="ignore"):
            constant = from_numpy(np.array(array, kind.numpy, order="C"))
        return wrap(lib.tk_cast(constant._h, kind.number))
    return filled(array, kind)


def filled(array: np.ndarray, kind: dtype) -> Tensor:
    """A tensor with memory of its own and an array's values, which a replay does not see again."""
    if array.dtype != kind.numpy:
        with np.errstate(invalid="ignore", over="ignore"):
            array = array.astype(kind.numpy)
    if not array.flags.c_contiguous:
        array = array.copy("C")
    return wrap(_of_memory(kind.number, array.ndim, array.shape, _from_buffer(array)))


def recording() -> bool:
    """Whether this thread records: then values are copied by a launch, so that a replay finds them
    again."""
    return lib.tk_tapes and lib.tk_recording()


def _nested(data: Any) -> tuple[np.ndarray, dtype | None]:
    """An array of nested sequences, and the dtype its leaves promote to.

    The dtype is None for something that is no sequence, and has one of its own. Python numbers
    among tensors and NumPy numbers count as what they would be by themselves.
    """
    if isinstance(data, (list, tuple)):
        if any(isinstance(each, (list, tuple, Tensor, np.ndarray, np.generic)) for each in data):
            parts = [_leaf(each) for each in data]
            data = [part[0] for part in parts]
            kind = functools.reduce(promote_types, {part[1] for part in parts})
        else:
            kind = None
        try:
            array = np.array(data) if len(data) else np.empty(0)
        except ValueError as error:
            raise ValueError(f"tensor: the nested sequences are ragged: {error}") from None
        if kind is None:
            _check_plain(array, data)
        return array, kind or _kind_of(array, get_default_dtype())
    try:
        array = np.asarray(data)
    except Exception as error:
        raise TypeError(f"tensor: cannot read a {type(data).__name__}: {error}") from None
    if array.dtype == object:
        raise TypeError(f"tensor: expected numbers; got {type(data).__name__}")
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return array, None
    return array, _kind_of(array, get_default_dtype())


def _check_plain(array: np.ndarray, data: Any) -> None:
    """An error for an array of Python's values that are no numbers, or integers beyond int64, which
    NumPy takes for objects, uint64, or among smaller ones for floats."""
    if array.dtype.kind == "f":
        if not (np.abs(array) >= 2.0**63).any():
            return
        array = np.array(data, object)
        if any(isinstance(each, float) for each in array.flat):
            return
    elif array.dtype.kind not in "OuUS":
        return
    for each in array.ravel().tolist():
        if not isinstance(each, (int, float)):
            raise TypeError(f"tensor: expected numbers; got {type(each).__name__}")
        if isinstance(each, int) and not -(2**63) <= each < 2**63:
            raise ValueError(f"tensor: the number {each} does not fit int64")


def _leaf(each: Any) -> tuple[np.ndarray, dtype]:
    if isinstance(each, Tensor):
        return each._array(), each.dtype
    if isinstance(each, (np.ndarray, np.generic)):
        return np.asarray(each), _kind_of(np.asarray(each), float64)
    array, kind = _nested(each)
    return array, kind or _kind_of(array, float64)


def _kind_of(array: np.ndarray, double: dtype) -> dtype:
    """The dtype of an array; ``double`` for NumPy's own floats, which Python's become."""
    kind = FROM_NUMPY.get(array.dtype) or FROM_NUMPY.get(array.dtype.newbyteorder("="))
    if kind is None:
        raise TypeError(f"tensor: no tensor dtype for {array.dtype}")
    return double if kind is float64 else kind
