"""Elementwise arithmetic. Operands broadcast and promote as in PyTorch; either may be a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import bool_, ffi, int32, int64, kernel_number, lib, uint8
from ..tensor import Tensor, wrap
from .comparison import eq, ge, gt, isnan, le, logical_and, logical_or, lt, ne, where
from .declare import (
    OPS,
    Op,
    as_operand,
    binary,
    changed_by,
    composite,
    is_unrecorded,
    op,
    tried,
    unary,
)
from .samples import Draw, away_from, between, call, positive, real
from .shape import convert


def flat(g: Tensor) -> Tensor:
    """The gradient of a step function: zeros, also where g is infinite."""
    return wrap(lib.tk_full_float(g._h.dtype, g._h.ndim, g.shape, 0.0))


# -- one operand --------------------------------------------------------------------------------


@unary(vjp=lambda g: neg(g), ref=np.negative, dtypes="number")
def neg(input: Tensor) -> Tensor:
    """The negative, -x, elementwise."""


@unary(vjp=lambda g, input: g * sign(input), ref=np.abs, domain=away_from(0.0), dtypes="number")
def abs(input: Tensor) -> Tensor:
    """The absolute value |x|, elementwise. The derivative at 0 is 0."""


@unary(
    vjp=lambda g: flat(g),
    ref=lambda x: np.where(np.isnan(x), 0, np.sign(x)),
    domain=away_from(0.0),
    dtypes="number",
)
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1 as the sign of x, elementwise; 0 for NaN."""


@unary(vjp=lambda g, input: g * (input * 2), ref=np.square, dtypes="number")
def square(input: Tensor) -> Tensor:
    """The square x * x, elementwise."""


@unary(vjp=lambda g, result: neg(g * square(result)), ref=np.reciprocal, domain=positive)
def reciprocal(input: Tensor) -> Tensor:
    """1 / x, elementwise; integers give float32."""


STEPS = away_from(-3, -2, -1, 0, 1, 2, 3)


@unary(vjp=lambda g: flat(g), ref=np.floor, domain=STEPS, dtypes="number")
def floor(input: Tensor) -> Tensor:
    """The largest integer not above x, elementwise."""


@unary(vjp=lambda g: flat(g), ref=np.ceil, domain=STEPS, dtypes="number")
def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x, elementwise."""


@unary(
    vjp=lambda g: flat(g),
    ref=np.round,
    domain=away_from(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5),
    dtypes="number",
)
def round(input: Tensor) -> Tensor:
    """The nearest integer, halves to the even one, elementwise."""


@unary(vjp=lambda g: flat(g), ref=np.trunc, domain=STEPS, dtypes="number")
def trunc(input: Tensor) -> Tensor:
    """The integer part, elementwise."""


# -- two operands -------------------------------------------------------------------------------


@binary(
    name="add",
    vjp={"input": lambda g: g, "other": lambda g: g},
    ref=np.add,
    dtypes="all",
    operator="add",
)
def plus(input: Any, other: Any) -> Tensor:
    """input + other, elementwise."""


@binary(
    name="sub",
    vjp={"input": lambda g: g, "other": lambda g: neg(g)},
    ref=np.subtract,
    operator="sub",
)
def minus(input: Any, other: Any) -> Tensor:
    """input - other, elementwise; not for bool."""


@binary(
    vjp={"input": lambda g, other: g * other, "other": lambda g, input: g * input},
    ref=np.multiply,
    dtypes="all",
    operator="mul",
)
def mul(input: Any, other: Any) -> Tensor:
    """input * other, elementwise."""


@binary(
    name="div",
    vjp={
        "input": lambda g, other: g / other,
        "other": lambda g, other, result: neg(g * result / other),
    },
    ref=np.divide,
    domain=(real, positive),
    dtypes="float",
    operator="truediv",
)
def quotient(input: Any, other: Any) -> Tensor:
    """input / other, elementwise; integers give float32."""


def _scaled(name: str, input: Any, other: Any, alpha: Any) -> Any:
    """other * alpha; a bool counts as a number of the other operand's dtype."""
    if alpha == 1:
        return other
    if isinstance(alpha, float) and _all_integers(input, other):
        raise TypeError(f"{name}: integers need an integer alpha; got {alpha}")
    if isinstance(input, Tensor) and isinstance(other, Tensor) and other.dtype is bool_:
        if input.dtype is bool_:
            return logical_and(other, bool(alpha))
        other = convert(other, input.dtype)
    return other * alpha


@tried(
    ref=lambda x, y, alpha=1: x + alpha * y,
    samples=[call(real(3, 5), real(5), alpha=2), (real(), real(4)), (real(0, 3), real(1, 3))],
    dtypes="number",
)
@composite
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other, elementwise."""
    return plus(input, _scaled("add", input, other, alpha))


@tried(
    ref=lambda x, y, alpha=1: x - alpha * y,
    samples=[call(real(3, 5), real(5), alpha=2), (real(), real(4)), (real(0, 3), real(1, 3))],
    dtypes="number",
)
@composite
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other, elementwise; not for bool."""
    return minus(input, _scaled("sub", input, other, alpha))


def _numpy_trunc_divide(x: Any, y: Any) -> Any:
    if np.result_type(x, y).kind == "f":
        return np.trunc(x / y)
    return (x - np.fmod(x, y)) // y


ROUNDED: dict[str | None, Any] = {
    None: np.divide,
    "floor": np.floor_divide,
    "trunc": _numpy_trunc_divide,
}


@tried(
    ref=lambda x, y, rounding_mode=None: ROUNDED[rounding_mode](x, y),
    samples=[
        (real(3, 1), positive(5)),
        call(Draw(low=-6, high=6)(3, 5), between(0.7, 0.9)(5), rounding_mode="floor"),
        call(Draw(low=-6, high=6)(3, 5), between(0.7, 0.9)(5), rounding_mode="trunc"),
    ],
)
@composite
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""
    if rounding_mode is None:
        return quotient(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return trunc_divide(input, other)
    raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor'; got {rounding_mode!r}")


def _all_integers(*values: Any) -> bool:
    for value in values:
        if value.dtype.is_floating_point if isinstance(value, Tensor) else isinstance(value, float):
            return False
    return True


@binary(
    vjp={"input": lambda g: flat(g), "other": lambda g: flat(g)},
    ref=np.floor_divide,
    domain=(Draw(low=-6, high=6), between(0.7, 0.9)),
    operator="floordiv",
)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded toward minus infinity, elementwise, as Python's //.

    A zero divisor gives an infinity or NaN for floats and ZeroDivisionError for integers.
    """


@binary(
    vjp={"input": lambda g: flat(g), "other": lambda g: flat(g)},
    ref=_numpy_trunc_divide,
    domain=(Draw(low=-6, high=6), between(0.7, 0.9)),
)
def trunc_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded toward zero, elementwise; zero divisors as for ``floor_divide``."""


@binary(
    vjp={
        "input": lambda g: g,
        "other": lambda g, input, other: neg(g * floor_divide(input, other)),
    },
    ref=np.remainder,
    domain=(Draw(low=0.1, high=0.6), between(0.7, 0.9)),
    operator="mod",
)
def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other), with the sign of other, elementwise, as Python's %."""


@binary(
    vjp={
        "input": lambda g: g,
        "other": lambda g, input, other: neg(g * trunc_divide(input, other)),
    },
    ref=np.fmod,
    domain=(Draw(low=0.1, high=0.6), between(0.7, 0.9)),
)
def fmod(input: Any, other: Any) -> Tensor:
    """The rest of the division rounded toward zero, with the sign of input, elementwise."""


def _power_base(g: Tensor, input: Any, other: Any) -> Tensor:
    """other * input ** (other - 1); 0 where the exponent is 0, also at input 0 and NaN."""
    if isinstance(other, Tensor):
        sound = logical_or(gt(input, 0), ne(other, 0))
        return g * (other * power(where(sound, input, 1.0), other - 1))
    if other == 0:
        return flat(g)
    if other == 1:
        return g
    return g * (input * 2 if other == 2 else other * power(input, other - 1))


def _power_exponent(g: Tensor, input: Any, other: Tensor, result: Tensor) -> Tensor:
    """result * log(input); 0 where the base is 0 and so is, or will be, the result."""
    from .transcendental import log

    if not isinstance(input, Tensor) and input > 0:
        return g * result * math.log(input)
    base = as_operand(input, g).to(g.dtype)
    none = logical_and(ge(other, 0), eq(base, 0))
    return g * result * log(where(none, 1.0, base))


@binary(
    name="pow",
    vjp={"input": _power_base, "other": _power_exponent},
    ref=np.power,
    domain=(positive, real),
    operator="pow",
)
def power(input: Any, other: Any) -> Tensor:
    """input ** other, elementwise. A negative power of an integer is truncated (0, 1 or -1)."""


@tried(
    ref=np.power,
    samples=[(positive(3, 5), real(5)), (real(4), 3), (2.5, real(3, 1)), (positive(0, 3), real())],
)
@composite
def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, elementwise; either may be a number."""
    return power(input, exponent)


def _share(g: Tensor, loses: Tensor, ties: Tensor) -> Tensor:
    """The gradient of the operand that wins; half of it where both are equal, all beside a NaN."""
    return where(ties, g * 0.5, where(loses, 0.0, g))


@binary(
    vjp={
        "input": lambda g, input, other: _share(g, lt(input, other), eq(input, other)),
        "other": lambda g, input, other: _share(g, gt(input, other), eq(input, other)),
    },
    ref=np.maximum,
    dtypes="all",
)
def maximum(input: Any, other: Any) -> Tensor:
    """The larger of the two, elementwise; NaN if either is. Equal operands share the gradient."""


@binary(
    vjp={
        "input": lambda g, input, other: _share(g, gt(input, other), eq(input, other)),
        "other": lambda g, input, other: _share(g, lt(input, other), eq(input, other)),
    },
    ref=np.minimum,
    dtypes="all",
)
def minimum(input: Any, other: Any) -> Tensor:
    """The smaller of the two, elementwise; NaN if either is. Equal operands share the gradient."""


# -- bounds and mixtures ------------------------------------------------------------------------

_CLAMP = kernel_number("clamp")
# Integers that the dtype holds and a float64, in which a kernel's numbers travel, as well.
_WHOLE = {int64: (-(2**53), 2**53), int32: (-(2**31), 2**31 - 1), uint8: (0, 255)}


def _bounds(input: Tensor, min: Any, max: Any) -> tuple[float, float] | None:
    """The bounds as numbers for the kernel; None where they are none."""
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    dtype = input.dtype
    if dtype.is_floating_point:
        numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
        return (float(low), float(high)) if numbers else None
    if type(low) is type(high) is int and dtype in _WHOLE:
        least, most = _WHOLE[dtype]
        if least <= low <= most and least <= high <= most:
            return low, high
    return None


@op(
    kernel="clamp",
    vjp={
        "input": lambda g, input, min, max: where(
            logical_and(ge(input, min), le(input, max)), g, 0.0
        )
    },
    ref=lambda x, low, high: np.clip(x, low, high),
    samples=[
        (away_from(-1, 2)(3, 5), -1.0, 2.0),
        (away_from(0.5)(), 0.5, math.inf),
        (away_from(0.5)(7), -math.inf, 0.5),
        (real(0, 3), -1.0, 1.0),
    ],
    family="elementwise",
)
def _clamp(input: Tensor, min: float, max: float) -> Any:
    return lib.tk_map1(_CLAMP, input._h, min, max)


@tried(
    ref=lambda x, min=None, max=None: np.clip(x, min, max),
    samples=[
        (away_from(1, 2)(3, 5), 1, 2),
        (away_from(2)(7), None, 2),
        call(away_from(1)(), min=1),
        (away_from(1)(4), 2, 1),
        (real(3, 5), between(-2, -1)(5), between(0, 2)(3, 1)),
        (real(0, 3), real(3), None),
    ],
    dtypes="number",
)
@composite
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x brought into [min, max], elementwise; bounds are numbers, tensors or None.

    NaN stays NaN. Where min > max the result is max. The gradient passes inside and at the bounds.
    """
    if min is None and max is None:
        raise ValueError("clamp: min and max cannot both be None")
    bounds = _bounds(input, min, max) if isinstance(input, Tensor) else None
    if bounds:
        return _clamp(input, *bounds)
    result = input
    if isinstance(min, Tensor):
        result = where(logical_or(lt(result, min), isnan(min)), min, result)
    elif min is not None:
        result = maximum(result, min)
    if isinstance(max, Tensor):
        return where(logical_or(gt(result, max), isnan(max)), max, result)
    return result if max is None else minimum(result, max)


@tried(ref=np.maximum, samples=[(away_from(1)(3, 5), 1), (real(3, 5), real(5))], dtypes="number")
@composite
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """``clamp`` from below."""
    return clamp(input, min=min)


@tried(ref=np.minimum, samples=[(away_from(1)(3, 5), 1), (real(3, 5), real(5))], dtypes="number")
@composite
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """``clamp`` from above."""
    return clamp(input, max=max)


@op(
    kernel="addcmul",
    vjp={
        "input": lambda g: g,
        "tensor1": lambda g, tensor2, value: g * tensor2 * value,
        "tensor2": lambda g, tensor1, value: g * tensor1 * value,
    },
    ref=lambda x, a, b, value=1: x + value * a * b,
    samples=[
        (real(3, 5), real(3, 5), real(3, 5)),
        call(real(3, 1), real(5), real(), value=0.5),
    ],
    dtypes="number",
    family="elementwise",
)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Any:
    """input + value * tensor1 * tensor2, elementwise; integers, if all four are and fit."""
    return lib.tk_map3(_ADDCMUL, input._h, tensor1._h, tensor2._h, value, 0.0)


@op(
    kernel="addcdiv",
    vjp={
        "input": lambda g: g,
        "tensor1": lambda g, tensor2, value: g / tensor2 * value,
        "tensor2": lambda g, tensor1, tensor2, value: neg(g * tensor1 / square(tensor2) * value),
    },
    ref=lambda x, a, b, value=1: x + value * a / b,
    samples=[
        (real(3, 5), real(3, 5), positive(3, 5)),
        call(real(3, 1), real(5), positive(), value=0.5),
    ],
    family="elementwise",
)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Any:
    """input + value * tensor1 / tensor2, elementwise."""
    return lib.tk_map3(_ADDCDIV, input._h, tensor1._h, tensor2._h, value, 0.0)


@op(
    kernel="lerp",
    vjp={
        "input": lambda g, weight: g * (1.0 - weight),
        "end": lambda g, weight: g * weight,
        "weight": lambda g, input, end: g * (end - input),
    },
    ref=lambda start, end, weight: start + weight * (end - start),
    samples=[(real(3, 5), real(3, 5), real(3, 5)), (real(3, 1), real(5), real())],
    family="elementwise",
)
def _lerp(input: Tensor, end: Tensor, weight: Tensor | float) -> Any:
    if isinstance(weight, float):
        return lib.tk_map3_float(_LERP, input._h, end._h, ffi.NULL, weight)
    return lib.tk_map3(_LERP, input._h, end._h, weight._h, 0.0, 0.0)


_ADDCMUL, _ADDCDIV, _LERP = map(kernel_number, ("addcmul", "addcdiv", "lerp"))


@tried(
    ref=lambda start, end, weight: start + weight * (end - start),
    samples=[(real(3, 5), real(5), 0.3), (real(3, 1), real(5), real())],
)
@composite
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input), elementwise; the weight is a tensor or a number."""
    if type(weight) is not float:
        weight = as_operand(weight, input)
    return _lerp(input, end, weight)


# -- in place, where nothing is recorded: see ``quick`` ------------------------------------------


_add_scaled = lib.tk_add_scaled


def _adds_scaled(row: Op, sign: int) -> Callable[..., int]:
    plain = changed_by(row)

    def fast(self: Tensor, other: Any, *, alpha: Any = 1) -> int:
        if type(alpha) is int and alpha == 1:
            return plain(self, other)
        if type(alpha) in (float, int) and is_unrecorded(self, other):
            return _add_scaled(self._h, other._h, sign * alpha)
        return 0

    return fast


def _clamps(self: Tensor, min: Any = None, max: Any = None) -> int:
    bounds = None if min is max is None else _bounds(self, min, max)
    if bounds and (self._node is None or not lib.tk_grad_mode()):
        return lib.tk_change1(_CLAMP, self._h, *bounds)
    return 0


def _changed_by_two(kernel: int) -> Callable[..., int]:
    def fast(self: Tensor, first: Tensor, second: Tensor, *, value: float = 1) -> int:
        if self._node is first._node is second._node is None or not lib.tk_grad_mode():
            return lib.tk_change3(kernel, self._h, first._h, second._h, value)
        return 0

    return fast


def _mixes(self: Tensor, end: Tensor, weight: Any) -> int:
    return _mix(self, end, as_operand(weight, self))


_mix = _changed_by_two(_LERP)

FAST: dict[str, Callable[..., int]] = {
    "addcmul": _changed_by_two(_ADDCMUL),
    "addcdiv": _changed_by_two(_ADDCDIV),
    "lerp": _mixes,
    "add": _adds_scaled(OPS["add"], 1),
    "sub": _adds_scaled(OPS["sub"], -1),
    "div": changed_by(OPS["div"]),
    "clamp": _clamps,
    "clamp_min": lambda self, min: _clamps(self, min),
    "clamp_max": lambda self, max: _clamps(self, None, max),
}

Tensor.__neg__ = neg
Tensor.__abs__ = abs
Tensor.__pos__ = lambda self: self
