"""Values written into a tensor: one number, zeros, or those of another tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import lib
from ..tensor import Tensor, number_as, wrap
from .creation import constant, zeros_like
from .declare import OPS, change, is_unrecorded, op, quick_method
from .samples import real
from .shape import converted, sum_to, to


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
    h = input._h
    if value.dtype is not input.dtype:
        raise TypeError(
            f"{name}: the dtypes must agree; got {input.dtype.name} and {value.dtype.name}"
        )
    return wrap(lib.tk_expand(value._h, h.ndim, h.shape))


def _fills(self: Tensor, value: Any) -> int:
    door = WRITERS.get(type(value))
    if door is not None and (self._node is None or not lib.tk_grad_mode()):
        return door(self._h, value)
    return 0


WRITERS = {float: lib.tk_write_float, int: lib.tk_write_int}  # by the kind of number


@quick_method(_fills)
def fill_(self: Tensor, value: Any) -> Tensor:
    """One number, or the value of a tensor without dimensions, everywhere; in place."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(
                f"fill_: value must have no dimensions; got {tuple(value.shape)}; use copy_"
            )
        value = to(value, self.dtype)
    elif type(value) in WRITERS:
        value = number_as("fill_", value, self.dtype)
    else:
        value = constant("fill_", (), value, self.dtype, None, False)
    return change(OPS["_fill"], self, (value,), lambda: lib.tk_copy_into(self._h, value._h))


_write_zero = lib.tk_write_zero


def _zeroes(self: Tensor) -> int:
    return _write_zero(self._h) if self._node is None or not lib.tk_grad_mode() else 0


@quick_method(_zeroes)
def zero_(self: Tensor) -> Tensor:
    """Zeros everywhere; in place."""
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


def _copies(self: Tensor, src: Tensor) -> int:
    return lib.tk_write(self._h, src._h) if is_unrecorded(self, src) else 0


@quick_method(_copies)
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """The values of ``src``, broadcast and converted as by ``to``; in place."""
    src = converted("copy_", src, self)
    return change(OPS["_copy"], self, (src,), lambda: lib.tk_copy_into(self._h, src._h))
