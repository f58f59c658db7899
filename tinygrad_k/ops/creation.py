"""New tensors: of data and of constants."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import (
    DEFAULT,
    as_dtype,
    bool_,
    check_device,
    int64,
    lib,
)
from ..tensor import Tensor, from_data, from_numpy, number_as, wrap
from .declare import (
    CONSTANT,
    MADE,
    MISTAKES,
    checked,
    explain,
    method,
    root,
    root_face,
    tried,
)
from .mistakes import wraps
from .samples import real
from .shape import sizes, to

_index = operator.index
_full_float, _empty = lib.tk_full_float, lib.tk_empty
_of_float, _of_int = lib.tk_of_float, lib.tk_of_int


def finish(handle: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around a new handle."""
    t = wrap(handle)
    return t.requires_grad_() if requires_grad else t


def size_of(name: str, size: Any) -> tuple[int, ...]:
    """Sizes given as ints or as one sequence, checked."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    for each in size:
        if type(each) is not int:
            break
    else:
        return size
    try:
        return tuple(map(_index, size))
    except TypeError:
        return sizes(name, size)


def named_size(name: str, sizes: tuple[Any, ...], size: Any) -> tuple[Any, ...]:
    """Sizes that were given by the name ``size``; a TypeError if there are others beside."""
    if sizes:
        raise TypeError(f"{name}: the sizes are given twice; got {sizes} and size={size!r}")
    return (size,)


# -- of data --------------------------------------------------------------------------------------


@root_face
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of a number, of nested sequences, of a NumPy array or of another tensor; a copy.

    Python floats give the default dtype, float32; ints int64, bools bool; arrays and tensors keep
    their dtype.
    """
    kind = type(data)
    if kind is float and dtype is device is None:
        handle = _of_float(data)
    elif kind is int and dtype is device is None and -(2**63) <= data < 2**63:
        handle = _of_int(data)
    else:
        return _tensor(data, dtype, device, requires_grad)
    t = wrap(handle)
    return t.requires_grad_() if requires_grad else t


@checked
def _tensor(data: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    check_device("tensor", device)
    t = from_data(data, None if dtype is None else as_dtype("tensor", dtype))
    return t.requires_grad_() if requires_grad else t


@root
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As ``tensor``, but without a copy where the memory can be shared.

    A tensor of that dtype is returned itself, in its place in the graph.
    """
    if device is not None:
        check_device("as_tensor", device)
    kind = None if dtype is None else as_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return data if kind is None else to(data, kind)
    return from_data(data, kind, copy=False)


@root
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of anything array-like; it shares memory unless ``copy`` or a conversion forbids.

    ``copy=False``: ValueError where only a copy can do.
    """
    check_device("asarray", device)
    kind = None if dtype is None else as_dtype("asarray", dtype)
    if isinstance(obj, Tensor):
        t = to(obj, kind, copy=bool(copy))
        shared = t._h.storage == obj._h.storage
        t = t.detach() if requires_grad and not t.is_leaf else t
    else:
        t = from_data(obj, kind, copy=bool(copy))
        shared = isinstance(obj, np.ndarray) and np.shares_memory(t.detach().numpy(), obj)
    if copy is False and not shared:
        raise ValueError(f"asarray: a {type(obj).__name__} cannot become {t.dtype} without a copy")
    return t.requires_grad_() if requires_grad else t


@root
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector on the memory of a bytes-like object: ``count`` elements from byte ``offset`` on."""
    kind = as_dtype("frombuffer", dtype)
    try:
        array = np.frombuffer(buffer, kind.numpy, count, offset)
    except (ValueError, BufferError) as error:
        raise ValueError(f"frombuffer: {error}") from None
    t = from_numpy(array)
    return t.requires_grad_() if requires_grad else t


@tried(ref=np.asarray, samples=[(1.5,), (2,), (math.inf,)], vjp=CONSTANT, family=MADE)
@root
def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor without dimensions; float32 unless told otherwise."""
    return constant("scalar_tensor", (), s, as_dtype("scalar_tensor", dtype), device, requires_grad)


# -- of constants ---------------------------------------------------------------------------------


def _everywhere(name: str, value: float | None, doc: str) -> Callable[..., Tensor]:
    """``tk.zeros`` and its like: one number everywhere; of None the memory as it comes."""
    doors = [getattr(lib, f"tk_{name}_{count}") for count in range(5)]

    def careful(
        *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:  # fmt: skip
        size = sizes if size is None else named_size(name, sizes, size)
        number = DEFAULT[0].number if dtype is None else as_dtype(name, dtype).number
        return _filled(name, size, value, number, device, requires_grad)

    def make(*sizes: Any, **options: Any) -> Tensor:
        if options:
            return careful(*sizes, **options)
        for each in sizes:
            if type(each) is not int:
                return careful(*sizes)
        try:
            handle = doors[len(sizes)](*sizes)
        except (IndexError, OverflowError):
            return careful(*sizes)
        return wrap(handle)

    careful.__name__ = careful.__qualname__ = name
    careful.__doc__ = doc
    return root_face(wraps(make, careful))


FILLED: dict[str, Any] = {"samples": [((2, 3),), ((),), ((0, 3),)], "vjp": CONSTANT, "family": MADE}
zeros = tried(ref=np.zeros, **FILLED)(
    _everywhere("zeros", 0.0, "Zeros; the sizes are ints or one sequence.")
)
ones = tried(ref=np.ones, **FILLED)(
    _everywhere("ones", 1.0, "Ones; the sizes are ints or one sequence.")
)
empty = _everywhere("empty", None, "Memory as it comes; the sizes are ints or one sequence.")


def _filled(
    name: str, size: Any, value: float | None, number: int, device: Any, requires_grad: bool
) -> Tensor:
    """One value everywhere, of the dtype of this number; None leaves the memory as it comes."""
    for each in size:
        if type(each) is not int:
            size = size_of(name, size)
            break
    if device is not None:
        check_device(name, device)
    try:
        if value is None:
            handle = _empty(number, len(size), size)
        else:
            handle = _full_float(number, len(size), size, value)
    except OverflowError:
        raise ValueError(f"{name}: the sizes do not fit int64; got {size}") from None
    t = wrap(handle)
    return t.requires_grad_() if requires_grad else t


@tried(
    ref=np.full,
    samples=[((2, 3), 1.5), ((), 2), ((0, 3), True), (4, math.nan), ((3,), -math.inf)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """One number everywhere; without a dtype the number's: float32, int64 or bool."""
    if type(fill_value) is float and dtype is None:
        size = (size,) if isinstance(size, int) else size
        return _filled("full", size, fill_value, DEFAULT[0].number, device, requires_grad)
    return constant("full", size, fill_value, dtype, device, requires_grad)


def constant(
    name: str, size: Any, value: Any, kind: Any, device: Any, requires_grad: bool
) -> Tensor:
    size = size_of(name, (size,) if isinstance(size, int) else size)
    check_device(name, device)
    if isinstance(value, (Tensor, np.generic)):
        value = value.item()
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: fill_value must be a number; got {type(value).__name__}")
    default = None if isinstance(value, float) else bool_ if isinstance(value, bool) else int64
    t = number_as(name, value, as_dtype(name, kind, default), size)
    return t.requires_grad_() if requires_grad else t


def _filled_like(
    function: Any, input: Any, value: float | None, kind: Any, device: Any, requires_grad: bool
) -> Any:
    """As ``_filled`` with the shape of a tensor and, without a dtype, its dtype."""
    try:
        h = input._h
        if device is not None:
            check_device(function.__name__, device)
        number = h.dtype if kind is None else as_dtype(function.__name__, kind).number
        if value is None:
            handle = _empty(number, h.ndim, h.shape)
        else:
            handle = _full_float(number, h.ndim, h.shape, value)
    except MISTAKES as error:
        given = {"dtype": kind, "device": device, "requires_grad": requires_grad}
        return explain(function, error, (input,), given, function)
    return finish(handle, requires_grad)


LIKES = [(real(3, 5),), (real(),), (real(0, 3),)]


@tried(ref=np.zeros_like, samples=LIKES, vjp=CONSTANT, dtypes="all", family="constant")
@root_face
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of another tensor's shape and, unless told otherwise, dtype."""
    return _filled_like(zeros_like, input, 0.0, dtype, device, requires_grad)


@tried(ref=np.ones_like, samples=LIKES, vjp=CONSTANT, dtypes="all", family="constant")
@root_face
def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of another tensor's shape and, unless told otherwise, dtype."""
    return _filled_like(ones_like, input, 1.0, dtype, device, requires_grad)


@root_face
def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Memory as it comes, of another tensor's shape and, unless told otherwise, dtype."""
    return _filled_like(empty_like, input, None, dtype, device, requires_grad)


@tried(
    ref=np.full_like,
    samples=[(*each, 2) for each in LIKES],
    vjp=CONSTANT,
    dtypes="number",
    family="constant",
)
@root
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """One number everywhere, of another tensor's shape and, unless told otherwise, dtype."""
    if type(fill_value) is float and dtype is None and input._h.dtype <= lib.TK_F64:
        return _filled_like(full_like, input, fill_value, dtype, device, requires_grad)
    kind = as_dtype("full_like", dtype, input.dtype)
    return constant("full_like", input.shape, fill_value, kind, device, requires_grad)


# -- beside a tensor ------------------------------------------------------------------------------


@method
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``tk.tensor`` in this tensor's dtype, unless told otherwise."""
    kind = as_dtype("new_tensor", dtype, self.dtype)
    return tensor(data, dtype=kind, requires_grad=requires_grad)


@method
def new_zeros(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in this tensor's dtype, unless told otherwise."""
    number = self._h.dtype if dtype is None else as_dtype("new_zeros", dtype).number
    return _filled("new_zeros", size, 0.0, number, None, requires_grad)


@method
def new_ones(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in this tensor's dtype, unless told otherwise."""
    number = self._h.dtype if dtype is None else as_dtype("new_ones", dtype).number
    return _filled("new_ones", size, 1.0, number, None, requires_grad)


@method
def new_empty(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory as it comes, in this tensor's dtype unless told otherwise."""
    number = self._h.dtype if dtype is None else as_dtype("new_empty", dtype).number
    return _filled("new_empty", size, None, number, None, requires_grad)


@method
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number everywhere, in this tensor's dtype unless told otherwise."""
    kind = self.dtype if dtype is None else dtype
    return constant("new_full", size, fill_value, kind, None, requires_grad)
