"""Conversions of dtype, and what a tensor is, as functions."""

from __future__ import annotations

from typing import Any

from ..backend import (
    DTYPES,
    as_dtype,
    bool_,
    dtype as dtype_class,
    float32,
    float64,
    int32,
    int64,
    uint8,
)
from ..tensor import Tensor
from .declare import composite, method, root_face
from .shape import to

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
        return self if self.dtype is kind else to(self, kind)

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


# -- what a tensor is -----------------------------------------------------------------------------


@root_face
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
