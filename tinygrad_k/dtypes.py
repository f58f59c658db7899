"""What dtypes can hold, and what they become together: PyTorch's rules of promotion."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backend import bool_, dtype, get_default_dtype, int64


def _checked(name: str, kind: Any) -> dtype:
    if not isinstance(kind, dtype):
        raise TypeError(f"{name}: expected a dtype as tk.float32; got {kind!r}")
    return kind


def _category(kind: dtype) -> int:
    """bool, integer, floating: each gives way to the next."""
    return 2 if kind.is_floating_point else 0 if kind is bool_ else 1


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The dtype that holds what either holds; float32 for float32 and int64, as in PyTorch."""
    one, two = _checked("promote_types", type1), _checked("promote_types", type2)
    if _category(one) != _category(two):
        return one if _category(one) > _category(two) else two
    if one is two:
        return one
    # of the integers uint8 and int32 the wider, of floats float64: the wider is always the answer
    return one if one.itemsize > two.itemsize else two


def result_type(*tensors: Any) -> dtype:
    """The dtype of an operation on tensors and numbers.

    A tensor without dimensions counts only where its category (bool, integer, floating) is higher
    than that of the tensors with dimensions, and a number only where it is higher than both.
    """
    from .tensor import Tensor

    found: list[dtype | None] = [None, None, None]
    for each in tensors:
        if isinstance(each, Tensor):
            place, kind = (0 if each.ndim else 1), each.dtype
        elif isinstance(each, (bool, np.bool_)):
            place, kind = 2, bool_
        elif isinstance(each, (int, np.integer)):
            place, kind = 2, int64
        elif isinstance(each, (float, np.floating)):
            place, kind = 2, get_default_dtype()
        else:
            raise TypeError(f"result_type: expected tensors and numbers; got {type(each).__name__}")
        before = found[place]
        found[place] = kind if before is None else promote_types(before, kind)
    result: dtype | None = None
    for each in found:
        if result is None or (each is not None and _category(each) > _category(result)):
            result = each
    if result is None:
        raise TypeError("result_type: expected at least one tensor or number")
    return result


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result may be stored in a dtype: no float in an integer, no number in a bool."""
    return _category(_checked("can_cast", from_)) <= _category(_checked("can_cast", to))


class iinfo:
    """What an integer dtype holds: ``min``, ``max`` and ``bits``."""

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: dtype) -> None:
        kind = _checked("iinfo", type)
        if kind.numpy.kind not in "iu":
            raise TypeError(f"iinfo: expected an integer dtype; got {kind!r}")
        limits = np.iinfo(kind.numpy)
        self.dtype = kind.name
        self.bits = int(limits.bits)
        self.min = int(limits.min)
        self.max = int(limits.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


class finfo:
    """What a floating dtype holds; of the default dtype where none is named.

    ``eps`` is the distance from 1 to the next number, ``tiny`` and ``smallest_normal`` the smallest
    positive normal number, ``resolution`` the power of ten of its exact decimal digits.
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: dtype | None = None) -> None:
        kind = get_default_dtype() if type is None else _checked("finfo", type)
        if not kind.is_floating_point:
            raise TypeError(f"finfo: expected a floating dtype; got {kind!r}")
        limits = np.finfo(kind.numpy)
        self.dtype = kind.name
        self.bits = int(limits.bits)
        self.eps = float(limits.eps)
        self.min = float(limits.min)
        self.max = float(limits.max)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )
