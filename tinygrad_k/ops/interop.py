"""Tensors among others' arrays: NumPy's functions on tensors, DLPack, buffers, copies.

Nothing is copied on the way in or out: the arrays share the tensor's memory and keep it alive.
Changes through them are not seen by autograd's version counters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.node import note_change
from ..tensor import Tensor, alias_as, from_data, from_numpy
from .declare import COMPOSITES, OPS, method, root
from .names import ALIASES
from .rearrange import flip

CPU = (1, 0)  # DLPack's device type of the host, and its number

# NumPy's universal functions whose ops have other names, beside PyTorch's second names.
NAMES = {
    **ALIASES,
    "conjugate": "positive",
    "degrees": "rad2deg",
    "equal": "eq",
    "fabs": "abs",
    "invert": "bitwise_not",
    "left_shift": "bitwise_left_shift",
    "power": "pow",
    "radians": "deg2rad",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
}


def _op_of(ufunc: np.ufunc) -> Any:
    name = NAMES.get(ufunc.__name__, ufunc.__name__)
    return COMPOSITES.get(name) or (OPS[name].function if name in OPS else None)


@method
def __array_ufunc__(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A universal function of NumPy, of which a tensor is an operand: ``array + tensor`` too.

    The op of the same meaning computes it, with gradients; where there is none, NumPy does, from
    tensors outside the graph. The result is a tensor, unless ``out`` says where it goes.
    """
    if method == "__call__" and not kwargs and ufunc.nout == 1:
        function = _op_of(ufunc)
        if function is not None:
            return function(*(_operand(each) for each in inputs))
    outs = kwargs.get("out", ())
    if outs:
        kwargs["out"] = tuple(each.numpy() if isinstance(each, Tensor) else each for each in outs)
    arrays = [each.numpy() if isinstance(each, Tensor) else each for each in inputs]
    results = getattr(ufunc, method)(*arrays, **kwargs)
    for each in outs:
        if isinstance(each, Tensor):
            note_change(each, ufunc.__name__)
    if outs:
        return outs[0] if len(outs) == 1 else outs
    if isinstance(results, tuple):
        return tuple(from_data(each, copy=False) for each in results)
    return None if results is None else from_data(results, copy=False)


def _operand(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return from_data(value, copy=False)
    return value.item() if isinstance(value, np.generic) else value


# -- DLPack ---------------------------------------------------------------------------------------


@method
def __dlpack__(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule of the memory, for ``from_dlpack`` of another library.

    BufferError for a tensor that requires grad, for another device than the CPU, and for read-only
    memory unless the other side knows DLPack 1.0, which can say so.
    """
    if self.requires_grad:
        raise BufferError("__dlpack__: the tensor requires grad; export detach()")
    if stream is not None:
        raise BufferError(f"__dlpack__: the CPU has no streams; got {stream!r}")
    if dl_device is not None and tuple(dl_device) != CPU:
        raise BufferError(f"__dlpack__: only the CPU, {CPU}, is supported; got {dl_device!r}")
    array = self._array()
    if copy:
        array = array.copy()
    try:
        if max_version is None:
            return array.__dlpack__()
        return array.__dlpack__(max_version=max_version)
    except TypeError:  # NumPy before 2.1 knows only the old protocol
        return array.__dlpack__()
    except BufferError as error:
        raise BufferError(f"__dlpack__: {error}") from None


@method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    """Where the memory is: always the CPU."""
    return CPU


class _Capsule:
    """A bare capsule, as old exporters hand it over, with the methods NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU


@root
def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor on the memory of another library's array, or of a DLPack capsule; nothing is copied.

    TypeError for what does not export DLPack, BufferError for devices, dtypes and strides that
    have no tensor here.
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: a {type(ext_tensor).__name__} has no __dlpack__")
    try:
        array = np.from_dlpack(ext_tensor)
        return from_numpy(array)
    except (BufferError, RuntimeError, ValueError, TypeError) as error:
        raise BufferError(f"from_dlpack: {error}") from error


# -- buffers, copies, the end ---------------------------------------------------------------------


@method
def __buffer__(self: Tensor, flags: int) -> memoryview:
    """The memory as a buffer (Python 3.12 on): ``memoryview(tensor)``, ``file.write(tensor)``."""
    view = memoryview(self.numpy().data)
    if flags & 1 and view.readonly:  # PyBUF_WRITABLE
        raise BufferError("__buffer__: the memory is read-only")
    return view


@method
def __copy__(self: Tensor) -> Tensor:
    """Another tensor of the same type on the same memory; a leaf, as only leaves can be copied."""
    if not self.is_leaf:
        raise RuntimeError("copy: only leaves can be copied; detach() or clone() it")
    return alias_as(type(self), self).requires_grad_(self.requires_grad)


@method
def __reversed__(self: Tensor) -> Tensor:
    """The tensor with its first dimension reversed."""
    return flip(self, (0,)) if self.ndim else self
