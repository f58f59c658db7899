"""The sign, the size and the kind of numbers, elementwise: what arithmetic leaves over."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..backend import dtype, float64, kernel_number, lib
from ..tensor import Tensor
from .arithmetic import STEPS, mul, power, round as to_whole, sign
from .comparison import eq, ge, gt, isfinite, isinf, isnan, le, logical_or, where
from .declare import as_operand, binary, composite, op, tried, unary, vanishes
from .samples import Draw, away_from, call, integer, positive as above_zero, real
from .shape import convert, in_range


@unary(vjp=lambda g: g, ref=lambda x: x - np.trunc(x), domain=STEPS)
def frac(input: Tensor) -> Tensor:
    """What stands behind the point, x - trunc(x), with the sign of x; integers give float32."""


def _first(test: Any, input: Any, other: Any) -> Tensor:
    """Where the first operand is taken: by the test, or since the other is NaN."""
    return logical_or(test(input, other), as_operand(other, input).isnan())


@binary(
    vjp={
        "input": lambda g, input, other: where(_first(ge, input, other), g, 0.0),
        "other": lambda g, input, other: where(_first(ge, input, other), 0.0, g),
    },
    ref=np.fmax,
    dtypes="all",
)
def fmax(input: Any, other: Any) -> Tensor:
    """The larger of the two, elementwise; the other one where one is NaN.

    Of equal operands the first has the gradient.
    """


@binary(
    vjp={
        "input": lambda g, input, other: where(_first(le, input, other), g, 0.0),
        "other": lambda g, input, other: where(_first(le, input, other), 0.0, g),
    },
    ref=np.fmin,
    dtypes="all",
)
def fmin(input: Any, other: Any) -> Tensor:
    """The smaller of the two, elementwise; the other one where one is NaN.

    Of equal operands the first has the gradient.
    """


@binary(
    vjp={"input": lambda g, input, result: g * (sign(input) * sign(result)), "other": vanishes},
    ref=np.copysign,
    domain=(away_from(0.0), away_from(0.0)),
    dtypes="float",
)
def copysign(input: Any, other: Any) -> Tensor:
    """|input| with the sign of other, that of a zero too, elementwise."""


@binary(
    vjp={
        "input": lambda g, input, result: g * _share_of(input, result),
        "other": lambda g, other, result: g * _share_of(other, result),
    },
    ref=np.hypot,
    domain=(above_zero, real),
    dtypes="float",
)
def hypot(input: Any, other: Any) -> Tensor:
    """sqrt(input^2 + other^2) without overflow, elementwise; the gradient at (0, 0) is 0."""


def _share_of(side: Any, result: Tensor) -> Tensor:
    return side / where(eq(result, 0.0), 1.0, result)


TENTHS = Draw(low=-1.0, high=1.0, kinks=tuple((k + 0.5) / 10 for k in range(-11, 11)), gap=0.01)


@tried(
    ref=np.round,
    samples=[
        call(TENTHS(3, 5), decimals=1),
        call(real(4), decimals=-1),
        call(TENTHS(), decimals=0),
    ],
    name="round decimals",
)
@composite
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number of so many ``decimals``, below 0 of tens, halves to the even one."""
    if not decimals:
        return to_whole(input)
    if not input.dtype.is_floating_point:
        raise TypeError(f"round: decimals are for floating tensors; got {input.dtype.name}")
    step = 10.0 ** abs(in_range("round", decimals))
    return to_whole(input * step) / step if decimals > 0 else to_whole(input / step) * step


@tried(ref=np.positive, domain=(real,), dtypes="number")
@composite
def positive(input: Tensor) -> Tensor:
    """x itself; not for bool."""
    if input.dtype.name == "bool":
        raise TypeError("positive: bool has no sign; got a bool tensor")
    return input


@functools.cache
def _largest(kind: dtype) -> float:
    return float(np.finfo(kind.numpy).max)


NAN_TO_NUM = kernel_number("nan_to_num")


@op(
    kernel="nan_to_num",
    vjp={"input": lambda g, input: where(isfinite(input), g, 0.0)},
    ref=np.nan_to_num,
    samples=[(real(3, 5), 0.0), (real(), 1.5), (real(0, 3), -1.0)],
    family="elementwise",
)
def _nan_to_num(input: Tensor, nan: float) -> Any:
    """``nan`` for NaN, the largest and smallest finite numbers for the infinities."""
    return lib.tk_map1(NAN_TO_NUM, input._h, nan, 0.0)


@tried(ref=np.nan_to_num, domain=(real,), dtypes="number")
@composite
def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """``nan`` for NaN, ``posinf`` and ``neginf`` for the infinities, elementwise.

    By default the largest and smallest finite numbers of the dtype. Integers stay as they are.
    """
    if not input.dtype.is_floating_point:
        return input.clone()
    if posinf is None and neginf is None:
        return _nan_to_num(input, nan if nan is not None else 0.0)
    most = _largest(input.dtype)
    high = most if posinf is None else posinf
    low = -most if neginf is None else neginf
    ends = where(gt(input, 0.0), high, as_operand(low, input))
    return where(isnan(input), nan if nan is not None else 0.0, where(isinf(input), ends, input))


@tried(ref=lambda x, n: x * 2.0**n, domain=(real, real))
@composite
def ldexp(input: Any, other: Any) -> Tensor:
    """input * 2 ** other, elementwise; integers give float32."""
    exponent = as_operand(other, input) * 1.0
    return mul(input, power(2.0, exponent))


@tried(ref=np.float_power, samples=[(above_zero(3, 5), real(5)), (real(3), integer(2, 1))])
@composite
def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent in float64, elementwise; either may be a number."""
    sides = [convert(x, float64) if isinstance(x, Tensor) else x * 1.0 for x in (input, exponent)]
    return power(*sides)
