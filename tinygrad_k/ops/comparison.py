"""Comparisons, tests and logic, elementwise; the results are bool. ``where`` chooses by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import ffi, float32, kernel_number, lib
from ..tensor import Tensor
from .declare import (
    as_operand,
    binary,
    comparison,
    composite,
    method,
    no_grad,
    op,
    predicate,
    tried,
    unary,
)
from .samples import Draw, boolean, integer, real

INTEGERS = "bit operations have no derivative"


@comparison(ref=np.equal, operator="__eq__")
def eq(input: Any, other: Any) -> Tensor:
    """input == other, elementwise."""


@comparison(ref=np.not_equal, operator="__ne__")
def ne(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""


@comparison(ref=np.less, operator="__lt__")
def lt(input: Any, other: Any) -> Tensor:
    """input < other, elementwise."""


@comparison(ref=np.less_equal, operator="__le__")
def le(input: Any, other: Any) -> Tensor:
    """input <= other, elementwise."""


@comparison(ref=np.greater, operator="__gt__")
def gt(input: Any, other: Any) -> Tensor:
    """input > other, elementwise."""


@comparison(ref=np.greater_equal, operator="__ge__")
def ge(input: Any, other: Any) -> Tensor:
    """input >= other, elementwise."""


@predicate(ref=np.isnan)
def isnan(input: Tensor) -> Tensor:
    """Whether x is NaN, elementwise."""


@predicate(ref=np.isinf)
def isinf(input: Tensor) -> Tensor:
    """Whether x is infinite, elementwise."""


@predicate(ref=np.isfinite)
def isfinite(input: Tensor) -> Tensor:
    """Whether x is neither infinite nor NaN, elementwise."""


@predicate(ref=np.logical_not)
def logical_not(input: Tensor) -> Tensor:
    """Whether x is zero, elementwise."""


@comparison(ref=np.logical_and)
def logical_and(input: Any, other: Any) -> Tensor:
    """Whether both are nonzero, elementwise."""


@comparison(ref=np.logical_or)
def logical_or(input: Any, other: Any) -> Tensor:
    """Whether either is nonzero, elementwise."""


@comparison(ref=np.logical_xor)
def logical_xor(input: Any, other: Any) -> Tensor:
    """Whether exactly one is nonzero, elementwise."""


@unary(vjp=no_grad(INTEGERS), ref=np.invert, domain=integer, dtypes="logic")
def bitwise_not(input: Tensor) -> Tensor:
    """Every bit inverted, elementwise; of bools, the logical not."""


Tensor.__invert__ = bitwise_not


@binary(
    vjp=no_grad(INTEGERS),
    ref=np.bitwise_and,
    domain=(integer, integer),
    dtypes="logic",
    operator="and",
)
def bitwise_and(input: Any, other: Any) -> Tensor:
    """The bits set in both, elementwise; integers and bools."""


@binary(
    vjp=no_grad(INTEGERS),
    ref=np.bitwise_or,
    domain=(integer, integer),
    dtypes="logic",
    operator="or",
)
def bitwise_or(input: Any, other: Any) -> Tensor:
    """The bits set in either, elementwise; integers and bools."""


@binary(
    vjp=no_grad(INTEGERS),
    ref=np.bitwise_xor,
    domain=(integer, integer),
    dtypes="logic",
    operator="xor",
)
def bitwise_xor(input: Any, other: Any) -> Tensor:
    """The bits set in exactly one, elementwise; integers and bools."""


SHIFT = Draw(kind="integer", low=0, high=5)


@binary(
    vjp=no_grad(INTEGERS),
    ref=np.left_shift,
    domain=(SHIFT, SHIFT),
    dtypes="integer",
    operator="lshift",
)
def bitwise_left_shift(input: Any, other: Any) -> Tensor:
    """input shifted left by other bits, elementwise; by the width or more gives 0."""


@binary(
    vjp=no_grad(INTEGERS),
    ref=np.right_shift,
    domain=(SHIFT, SHIFT),
    dtypes="integer",
    operator="rshift",
)
def bitwise_right_shift(input: Any, other: Any) -> Tensor:
    """input shifted right by other bits, elementwise, keeping the sign."""


_WHERE = kernel_number("where")


@op(
    kernel="where",
    vjp={
        "input": lambda g, condition: where(condition, g, 0.0),
        "other": lambda g, condition: where(condition, 0.0, g),
    },
    ref=np.where,
    samples=[
        (boolean(3, 5), real(3, 5), real(3, 5)),
        (boolean(5), real(3, 1), real()),
        (boolean(), real(2, 1, 4), real(3, 1)),
        (boolean(0, 3), real(1, 3), real(3)),
    ],
    dtypes="all",
    family="where",
)
def _choose(condition: Tensor, input: Tensor | float, other: Tensor | float) -> Any:
    if isinstance(input, float):  # then the other is none
        return lib.tk_map3_float(_WHERE, condition._h, ffi.NULL, other._h, input)  # type: ignore[union-attr]
    if isinstance(other, float):
        return lib.tk_map3_float(_WHERE, condition._h, input._h, ffi.NULL, other)
    return lib.tk_map3(_WHERE, condition._h, input._h, other._h, 0.0, 0.0)


@tried(
    ref=np.where,
    samples=[
        (boolean(3, 5), real(3, 5), 2),
        (boolean(3, 1), 2, real(5)),
        (boolean(3, 5), real(5), 0.3),
        (boolean(3, 1), 0.3, real()),
        (boolean(4), real(), real(4)),
    ],
    dtypes="all",
)
@composite
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` (bool) holds, else ``other``; the three broadcast.

    Either may be a number. With only a condition: the indices of its nonzero elements, a tuple of
    one int64 tensor a dimension.
    """
    if input is None and other is None:
        from .index import nonzero

        return nonzero(condition, as_tuple=True)
    if not isinstance(input, Tensor):
        like = other if isinstance(other, Tensor) else None
        if like is None:
            input = _plain(input)
        elif type(input) is not float:
            input = as_operand(input, like)
    if not isinstance(other, Tensor) and type(other) is not float:
        other = as_operand(other, input)
    return _choose(condition, input, other)


def _where_of(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This tensor where ``condition`` (bool) holds, else ``other``; the three broadcast."""
    return where(condition, self, other)


method(_where_of, "where")


def _plain(value: Any) -> Tensor:
    from ..tensor import from_data

    return from_data(value)


@tried(ref=lambda x: x == np.inf, domain=(real,), dtypes="all", vjp=no_grad("the result is bool"))
@composite
def isposinf(input: Tensor) -> Tensor:
    """Whether x is infinite and above 0, elementwise."""
    return eq(input, math.inf)


@tried(ref=lambda x: x == -np.inf, domain=(real,), dtypes="all", vjp=no_grad("the result is bool"))
@composite
def isneginf(input: Tensor) -> Tensor:
    """Whether x is infinite and below 0, elementwise."""
    return eq(input, -math.inf)


def _numpy_isclose(
    x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, nan: bool = False
) -> Any:
    return np.isclose(x, y, rtol, atol, nan)


@tried(
    ref=_numpy_isclose,
    samples=[
        (real(3, 5), real(3, 5)),
        (real(3, 5), real(5), 0.5),
        (real(2, 1, 4), real(3, 1), 0.0, 1.0),
        (integer(4), integer(4), 0.0, 1.0, True),
        (boolean(9), boolean(9), 0.0, 1.0),
        (real(0, 3), real(3)),
    ],
    vjp=no_grad("the result is bool"),
)
@composite
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether |input - other| <= atol + rtol * |other|, elementwise; both of one dtype.

    Integers and bools that differ are compared as float32, so that no difference overflows.
    Infinities are close to themselves; NaN to nothing, or to NaN with ``equal_nan``.
    """
    if input.dtype is not other.dtype:
        raise TypeError(
            f"isclose: both must have one dtype; got {input.dtype.name} and {other.dtype.name}"
        )
    if not (rtol >= 0 and atol >= 0):
        raise ValueError(f"isclose: rtol and atol cannot be negative; got {rtol} and {atol}")
    close = eq(input, other)
    if equal_nan:
        close = logical_or(close, logical_and(isnan(input), isnan(other)))
    if rtol == 0 and atol == 0:
        return close
    if not input.dtype.is_floating_point:
        input, other = input.to(float32), other.to(float32)
    apart = (input - other).abs()
    near = logical_and(le(apart, (other * rtol).abs() + atol), isfinite(apart))
    return logical_or(close, logical_and(near, isfinite(other)))


@composite
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether ``isclose`` holds everywhere, as a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@composite
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and equal elements, as a Python bool; NaN equals nothing."""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal: other must be a Tensor; got {type(other).__name__}")
    return input.shape == other.shape and bool(eq(input, other).all())
