"""New tensors: of data, of constants and of ranges; and conversions of dtype."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..backend import (
    DEFAULT,
    DTYPES,
    as_dtype,
    bool_,
    check_device,
    dtype as dtype_class,
    fail,
    ffi,
    float32,
    float64,
    int32,
    int64,
    lib,
    uint8,
)
from ..tensor import Tensor, from_data, from_numpy, number_as, recording, store
from .declare import (
    MISTAKES,
    OPS,
    change,
    checked,
    composite,
    explain,
    method,
    op,
    root,
    root_face,
    unrecorded,
    written,
)
from .samples import real
from .shape import converted, expand, sizes, sum_to, to

_index, NULL = operator.index, ffi.NULL
_full_float, _full_int, _empty = lib.tk_full_float, lib.tk_full_int, lib.tk_empty
_of_floats, _of_ints = lib.tk_of_floats, lib.tk_of_ints
BOOL, INT64 = bool_.number, int64.number


def finish(handle: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around a new handle."""
    if not handle:
        fail()
    t = Tensor()
    t._h = handle
    t._node = None
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
    if dtype is not None or device is not None:
        return _tensor(data, dtype, device, requires_grad)
    kind = type(data)
    if kind is float:
        handle = _full_float(DEFAULT[0].number, 0, NULL, data)
    elif kind is int and -(2**63) <= data < 2**63:
        handle = _full_int(INT64, 0, NULL, data)
    elif kind is bool:
        handle = _full_int(BOOL, 0, NULL, data)
    elif kind is list:
        handle = _of_list(data)
        if handle is None:
            return _tensor(data, dtype, device, requires_grad)
    else:
        return _tensor(data, dtype, device, requires_grad)
    return finish(handle, requires_grad)


def _of_list(data: list[Any]) -> Any:
    """A vector of floats alone, or of ints; None for any other list."""
    kinds = set(map(type, data))
    if len(kinds) != 1 or recording():
        return None
    kind = kinds.pop()
    if kind is float:
        return _of_floats(DEFAULT[0].number, len(data), data)
    if kind is int and -(2**63) <= min(data) <= max(data) < 2**63:
        return _of_ints(len(data), data)
    return None


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
    check_device("as_tensor", device)
    kind = None if dtype is None else as_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        return to(data, kind)
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


@root
def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor without dimensions; float32 unless told otherwise."""
    return _constant(
        "scalar_tensor", (), s, as_dtype("scalar_tensor", dtype), device, requires_grad
    )


# -- of constants ---------------------------------------------------------------------------------


@root_face
def zeros(
    *sizes_: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Zeros; the sizes are ints or one sequence."""
    size = sizes_ if size is None else named_size("zeros", sizes_, size)
    return _filled("zeros", size, 0.0, dtype, device, requires_grad)


@root_face
def ones(
    *sizes_: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Ones; the sizes are ints or one sequence."""
    size = sizes_ if size is None else named_size("ones", sizes_, size)
    return _filled("ones", size, 1.0, dtype, device, requires_grad)


def _filled(
    name: str, size: Any, value: float | None, kind: Any, device: Any, requires_grad: bool
) -> Tensor:
    """One number everywhere; None leaves the memory as it comes."""
    for each in size:
        if type(each) is not int:
            size = size_of(name, size)
            break
    number = DEFAULT[0].number if kind is None else as_dtype(name, kind).number
    if device is not None:
        check_device(name, device)
    try:
        if value is None:
            handle = _empty(number, len(size), size)
        else:
            handle = _full_float(number, len(size), size, value)
    except OverflowError:
        raise ValueError(f"{name}: the sizes do not fit int64; got {size}") from None
    if not handle:
        fail()
    t = Tensor()
    t._h = handle
    t._node = None
    return t.requires_grad_() if requires_grad else t


@root_face
def empty(
    *sizes_: Any, size: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Memory as it comes, without values of any meaning."""
    size = sizes_ if size is None else named_size("empty", sizes_, size)
    return _filled("empty", size, None, dtype, device, requires_grad)


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
        return _filled("full", size, fill_value, None, device, requires_grad)
    return _constant("full", size, fill_value, dtype, device, requires_grad)


def _constant(
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


@root_face
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of another tensor's shape and, unless told otherwise, dtype."""
    return _filled_like(zeros_like, input, 0.0, dtype, device, requires_grad)


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
    return _constant("full_like", input.shape, fill_value, kind, device, requires_grad)


@root
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal of an n x m (or n x n) matrix of zeros."""
    if type(n) is int and (m is None or type(m) is int) and not recording():
        kind = as_dtype("eye", dtype)
        if kind.is_floating_point and device is None and 0 <= n < 2**48 > (m or 0) >= 0:
            return finish(lib.tk_eye(kind.number, n, n if m is None else m), requires_grad)
    t = zeros(n, n if m is None else m, dtype=dtype, device=device)
    rows, columns = t.shape
    shape, stride = (min(rows, columns),), (columns + 1,)
    diagonal = finish(lib.tk_as_strided(t._h, 1, shape, stride, 0))
    one = full((), 1, dtype=t.dtype)
    if lib.tk_copy_into(diagonal._h, one._h):
        fail()
    return t.requires_grad_() if requires_grad else t


# -- of ranges ------------------------------------------------------------------------------------


def _number(name: str, what: str, value: Any) -> Any:
    if isinstance(value, (Tensor, np.generic)):
        value = value.item()
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {what} must be a number; got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: {what} must be finite; got {value}")
    return value


def _from_doubles(name: str, values: np.ndarray, kind: dtype_class, requires_grad: bool) -> Tensor:
    """The values in the dtype; those that an integer type cannot hold are an error."""
    if not kind.is_floating_point and kind is not bool_ and values.size:
        limits = np.iinfo(kind.numpy)
        low, high = values.min(), values.max()
        if low < limits.min or high > limits.max:
            raise ValueError(f"{name}: {low} to {high} does not fit {kind.name}")
    t = store(values, kind)
    return t.requires_grad_() if requires_grad else t


@root
def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... as long as it lies before ``end``; ``arange(end)`` starts at 0.

    int64 if all three are ints, else float32. Each element is start + i * step, computed in double
    precision (exactly for integers).
    """
    if end is None:
        start, end = 0, start
    if type(start) is type(end) is type(step) is int and dtype is device is None:
        count = -((start - end) // step) if step else -1
        most = 2**48  # what lies further out is looked at closely, with everything that is odd
        if 0 <= count < most and -most < start < most and -most < step < most and not recording():
            return finish(lib.tk_range_int(count, start, step), requires_grad)
    check_device("arange", device)
    given = zip(("start", "end", "step"), (start, end, step), strict=True)
    start, end, step = (_number("arange", what, value) for what, value in given)
    whole = all(isinstance(each, int) for each in (start, end, step))
    kind = as_dtype("arange", dtype, int64 if whole else None)
    if kind is bool_:
        raise TypeError("arange: no range of bools")
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: step {step} leads from {start} away from {end}")
    length = -((start - end) // step) if whole else (end - start) / step
    if length >= 2**48:
        raise ValueError(f"arange: {start} to {end} by {step} is too long")
    count = math.ceil(length)
    if not kind.is_floating_point:
        start, step = int(start), int(step)
    if kind.is_floating_point:
        if not recording():
            last = start + (count - 1) * step
            return finish(lib.tk_range_float(kind.number, count, start, step, last), requires_grad)
        values = start + np.arange(count, dtype=np.float64) * step
    else:
        last = start + (count - 1) * step if count else 0
        if not all(-(2**63) <= each < 2**63 for each in (start, last)):
            raise ValueError(f"arange: {start} to {last} does not fit int64")
        values = start + np.arange(count, dtype=np.int64) * (step if count > 1 else 1)
    return _from_doubles("arange", values, kind, requires_grad)


def _steps(name: str, start: Any, end: Any, steps: Any) -> tuple[Any, Any, int]:
    """Start, end and number of a range, checked."""
    start, end = _number(name, "start", start), _number(name, "end", end)
    if isinstance(steps, bool) or not hasattr(steps, "__index__"):
        raise TypeError(f"{name}: steps must be an int; got {steps!r}")
    steps = steps.__index__()
    if not 0 <= steps < 2**48:
        raise ValueError(f"{name}: steps must be 0 or more; got {steps}")
    return start, end, steps


@root
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers in equal distances from ``start`` to ``end``, both included."""
    check_device("linspace", device)
    start, end, steps = _steps("linspace", start, end, steps)
    kind = as_dtype("linspace", dtype)
    if kind.is_floating_point and steps > 1 and not recording():
        step = (end - start) / (steps - 1)
        if step and math.isfinite(step):
            handle = lib.tk_range_float(kind.number, steps, start, step, end)
            return finish(handle, requires_grad)
    return _from_doubles("linspace", np.linspace(start, end, steps), kind, requires_grad)


@root
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** x for ``steps`` x in equal distances from ``start`` to ``end``, both included."""
    check_device("logspace", device)
    exponents = np.linspace(*_steps("logspace", start, end, steps))
    with np.errstate(all="ignore"):
        values = np.power(float(_number("logspace", "base", base)), exponents)
    return _from_doubles("logspace", values, as_dtype("logspace", dtype), requires_grad)


@root
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: tensor i of the result varies along dimension i as vector i.

    With ``indexing="xy"`` the first two dimensions are exchanged. The results are views.
    """
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy'; got {indexing!r}")
    if not tensors or not all(isinstance(each, Tensor) and each.ndim <= 1 for each in tensors):
        raise ValueError("meshgrid: expected one or more tensors of at most one dimension")
    shape = tuple(each.numel() for each in tensors)
    grids = []
    for i, each in enumerate(tensors):
        line = each.reshape(*(-1 if j == i else 1 for j in range(len(shape))))
        grids.append(expand(line, shape))
    if indexing == "xy" and len(grids) > 1:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids)


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
    kind = as_dtype("new_zeros", dtype, self.dtype)
    return _filled("new_zeros", size, 0.0, kind, None, requires_grad)


@method
def new_ones(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in this tensor's dtype, unless told otherwise."""
    kind = as_dtype("new_ones", dtype, self.dtype)
    return _filled("new_ones", size, 1.0, kind, None, requires_grad)


@method
def new_empty(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory as it comes, in this tensor's dtype unless told otherwise."""
    kind = as_dtype("new_empty", dtype, self.dtype)
    return _filled("new_empty", size, None, kind, None, requires_grad)


@method
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number everywhere, in this tensor's dtype unless told otherwise."""
    kind = as_dtype("new_full", dtype, self.dtype)
    return _constant("new_full", size, fill_value, kind, None, requires_grad)


# -- conversions ----------------------------------------------------------------------------------

TYPE_NAMES = {
    float32: "FloatTensor",
    float64: "DoubleTensor",
    int64: "LongTensor",
    int32: "IntTensor",
    uint8: "ByteTensor",
    bool_: "BoolTensor",
}


def _type(self: Tensor, dtype: Any = None) -> Any:
    """The tensor in another dtype, or that of a name as "FloatTensor"; without one, its name."""
    if dtype is None:
        return f"tinygrad_k.{TYPE_NAMES[self.dtype]}"
    for kind, name in TYPE_NAMES.items():
        if isinstance(dtype, str) and dtype.split(".")[-1] == name:
            return to(self, kind)
    return to(self, as_dtype("type", dtype))


method(_type, "type")


def _conversion(name: str, kind: dtype_class) -> None:
    def convert(self: Tensor) -> Tensor:
        return to(self, kind)

    convert.__doc__ = f"The tensor in {kind.name}; itself where it is that already."
    method(convert, name)


for _name, _kind in zip(("float", "double", "long", "int", "byte", "bool"), DTYPES, strict=True):
    _conversion(_name, _kind)


def _missing(name: str, kind: str) -> None:
    def convert(self: Tensor) -> Tensor:
        known = ", ".join(each.name for each in DTYPES)
        raise TypeError(f"{name}: {kind} is not supported; there are {known}")

    convert.__doc__ = f"Refused with TypeError: {kind} is not supported."
    method(convert, name)


for _name, _missed in zip(
    ("half", "bfloat16", "char", "short"), ("float16", "bfloat16", "int8", "int16"), strict=True
):
    _missing(_name, _missed)


@method
def cpu(self: Tensor) -> Tensor:
    """The tensor itself: it is on the CPU."""
    return self


# -- what a tensor is, as functions ----------------------------------------------------------------


@root
def is_tensor(obj: Any) -> bool:
    """Whether something is a tensor."""
    return isinstance(obj, Tensor)


def _asking(name: str, ask: Any, doc: str) -> None:
    def asked(input: Tensor) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}: expected a Tensor; got {type(input).__name__}")
        return ask(input)

    asked.__name__ = asked.__qualname__ = name
    asked.__doc__ = doc
    composite(asked)


_asking(
    "is_floating_point",
    lambda t: t.dtype.is_floating_point,
    "Whether the dtype is float32 or float64.",
)
_asking("is_complex", lambda t: False, "Whether the dtype is complex: never.")
_asking("is_signed", lambda t: t.dtype.is_signed, "Whether the dtype has negative numbers.")
_asking("numel", Tensor.numel, "The number of elements.")
_asking("detach", lambda t: t.detach(), "The tensor outside the graph, on the same memory.")
_asking("is_nonzero", bool, "Whether the only element is nonzero; ValueError of more or none.")


# -- in place -------------------------------------------------------------------------------------


@op(
    vjp={
        "input": lambda g: zeros_like(g),
        "value": lambda g, value_shape: sum_to(g, value_shape),
    },
    ref=lambda x, value: np.broadcast_to(value, np.shape(x)),
    samples=[(real(3, 5), real()), (real(), real()), (real(0, 3), real())],
    family="copy",
)
def _fill(input: Tensor, value: Tensor) -> Any:
    spread = _of_dtype("fill_", input, value)
    return lib.tk_cast(spread._h, input._h.dtype)


def _of_dtype(name: str, input: Tensor, value: Tensor) -> Tensor:
    """The value expanded to the input's shape, outside the graph."""
    if value.dtype is not input.dtype:
        raise TypeError(
            f"{name}: the dtypes must agree; got {input.dtype.name} and {value.dtype.name}"
        )
    return expand(value.detach(), input.shape)


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """One number, or the value of a tensor without dimensions, everywhere; in place."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(
                f"fill_: value must have no dimensions; got {tuple(value.shape)}; use copy_"
            )
        value = to(value, self.dtype)
    else:
        if type(value) in (float, int):
            value = number_as("fill_", value, self.dtype)
        else:
            value = _constant("fill_", (), value, self.dtype, None, False)
        if unrecorded(self, ()):
            return written("fill_", self, lib.tk_copy_into(self._h, value._h))
    return change(OPS["_fill"], self, (value,), lambda: lib.tk_copy_into(self._h, value._h))


ZERO = finish(_full_int(BOOL, 0, NULL, 0))  # in every dtype it is copied to


@method
def zero_(self: Tensor) -> Tensor:
    """Zeros everywhere; in place."""
    if unrecorded(self, ()):
        return written("zero_", self, lib.tk_copy_into(self._h, ZERO._h))
    return fill_(self, 0)


@op(
    vjp={"input": lambda g: zeros_like(g), "src": lambda g, src_shape: sum_to(g, src_shape)},
    ref=lambda x, src: np.broadcast_to(src, np.shape(x)),
    samples=[
        (real(3, 5), real(3, 5)),
        (real(3, 5), real(5)),
        (real(2, 3), real(1, 1)),
        (real(), real()),
        (real(0, 3), real(3)),
    ],
    family="copy",
)
def _copy(input: Tensor, src: Tensor) -> Any:
    spread = _of_dtype("copy_", input, src)
    return lib.tk_cast(spread._h, input._h.dtype)


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """The values of ``src``, broadcast and converted as by ``to``; in place."""
    if type(src) is Tensor and unrecorded(self, (src,)):
        return written("copy_", self, lib.tk_copy_into(self._h, src._h))
    src = converted("copy_", src, self)
    return change(OPS["_copy"], self, (src,), lambda: lib.tk_copy_into(self._h, src._h))
