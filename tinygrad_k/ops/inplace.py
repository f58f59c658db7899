"""Ops in place: what is written where nothing is recorded, and what is recorded."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import batching
from ..autograd.node import followers, hand_on, move_to, note_change, noted
from ..backend import fail, ffi, lib
from ..dtypes import can_cast
from ..tensor import Tensor, from_data, wrap
from .mistakes import MISTAKES, explain, wraps
from .table import OPS, Op, no_grad, record

change2 = lib.tk_change2
change_float, change_int, grad_mode = lib.tk_change_float, lib.tk_change_int, lib.tk_grad_mode


def as_operand(value: Any, like: Tensor) -> Tensor:
    """A tensor, or a number as a tensor without dimensions of the dtype it would promote to."""
    if isinstance(value, Tensor):
        return value
    if type(value) is float and like._h.dtype <= lib.TK_F64:
        return wrap(lib.tk_full_float(like._h.dtype, 0, ffi.NULL, value))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float)):
        keeps = like.dtype.is_floating_point or (
            isinstance(value, int) and (isinstance(value, bool) or like.dtype.name != "bool")
        )
        return from_data(value, like.dtype if keeps else None)
    if isinstance(value, np.ndarray):
        return from_data(value, copy=False)
    raise TypeError(f"expected a tensor or a number; got {type(value).__name__}")


def inplace(
    name: str, target: Tensor, operands: tuple[Any, ...], write: Any, compute: Any
) -> Tensor:
    """Changes ``target`` in place: by ``write()`` where nothing is recorded, else by ``compute()``,
    whose result is copied into the memory and takes the tensor's place in the graph."""
    if not isinstance(target, Tensor):
        raise TypeError(f"{name}: expected a Tensor; got {type(target).__name__}")
    if type(target) is not Tensor and batching.change is not None:
        answer = batching.change(name, target, operands, compute)
        if answer is not batching.ORDINARY:
            return answer
    if not _recorded(target, operands):
        if write():
            fail(name)
        note_change(target, name)
        return target
    others = _check_changeable(name, target)
    result = compute()
    if result.shape != target.shape:
        raise ValueError(
            f"{name}: the result does not fit the output; got {tuple(result.shape)} for "
            f"{tuple(target.shape)}"
        )
    if result.dtype is not target.dtype:
        if not can_cast(result.dtype, target.dtype):
            raise TypeError(
                f"{name}: a result of {result.dtype.name} cannot be stored in {target.dtype.name}"
            )
        result = OPS["convert"].function(result, target.dtype)
    if lib.tk_copy_into(target._h, result._h):
        fail(name)
    note_change(target, name)
    move_to(target, result._node)
    for each in others:
        each.follow(target)
    return target


def _recorded(target: Tensor, operands: tuple[Any, ...]) -> bool:
    """Whether a change of ``target`` has a place in the graph."""
    if target._node is not None:
        return bool(lib.tk_grad_mode())
    for each in operands:
        if isinstance(each, Tensor) and each._node is not None:
            return bool(lib.tk_grad_mode())
    return False


def _check_changeable(name: str, target: Tensor) -> Sequence[Any]:
    """An error for a recorded change of a leaf; what follows the tensor."""
    if target._node is not None and target.is_leaf:
        raise RuntimeError(
            f"{name}: a leaf that requires grad cannot be changed in place; use no_grad()"
        )
    return followers(name, target)


def keep_value(target: Tensor) -> Tensor:
    """The tensor's value, in the graph, in memory that the change to come does not touch."""
    return target if target._node is None else OPS["clone"].function(target)


@functools.cache
def _needs_operand(row: Op) -> bool:
    """Whether a rule takes the value of the first operand."""
    if not isinstance(row.vjp, dict):
        return False
    rules = [rule for rule in row.vjp.values() if not isinstance(rule, no_grad)]
    return any(row.parameters[0] in inspect.signature(rule).parameters for rule in rules)


def quick(
    name: str, fast: Callable[..., int], slow: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    """An in-place method: what ``fast`` does by one door, or else ``slow``.

    ``fast`` returns the door's stamp, or 0 where the change is recorded or it cannot do it; what it
    is given may be no tensors. ``slow`` explains mistakes.
    """

    def alone(self: Tensor) -> Tensor:
        try:
            stamp = fast(self)
        except MISTAKES:
            stamp = 0
        if stamp:
            noted(stamp, name)
            return self
        return slow(self)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        try:
            if kwargs or len(args) > 1:
                stamp = fast(self, *args, **kwargs)
            else:  # without unpacking, which costs 0.1 us
                stamp = fast(self, args[0]) if args else fast(self)
        except MISTAKES:
            stamp = 0
        if stamp:
            noted(stamp, name)
            return self
        return slow(self, *args, **kwargs)

    code = getattr(fast, "__code__", None)  # a partial function has none, and takes more
    lone = code is not None and code.co_argcount + code.co_kwonlyargcount == 1
    return named(wraps(alone if lone else method, slow), name)


def named(method: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The function as the in-place method of this name."""
    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    if method.__doc__ is None:
        method.__doc__ = (
            f"``{name[:-1]}`` in place: writes the result here and returns this tensor."
        )
    return method


def is_unrecorded(self: Tensor, other: Tensor) -> bool:
    """Whether a change by an operand has no place in the graph."""
    return self._node is None is other._node or not grad_mode()


def unary_inplace(row: Op) -> None:
    """Attaches ``row_`` for an elementwise op of one tensor."""
    door = getattr(lib, f"tk_change1_{row.kernel_name}")

    def fast(self: Tensor) -> int:
        return door(self._h) if self._node is None or not grad_mode() else 0

    setattr(Tensor, f"{row.name}_", quick(f"{row.name}_", fast, _by_op(row)))


def binary_inplace(row: Op) -> None:
    """Attaches ``row_`` for an elementwise op of two operands."""
    setattr(Tensor, f"{row.name}_", quick(f"{row.name}_", changed_by(row), _by_op(row)))


def changed_by(row: Op) -> Callable[..., int]:
    """What ``quick`` takes for a binary op: by a tensor or a number."""
    kernel = row.kernel

    def fast(self: Tensor, other: Any) -> int:
        kind = type(other)
        if kind is float or kind is int:
            if self._node is None or not grad_mode():
                return (change_float if kind is float else change_int)(kernel, self._h, other)
        elif self._node is None is other._node or not grad_mode():
            return change2(kernel, self._h, other._h)
        return 0

    return fast


def _by_op(row: Op) -> Callable[..., Tensor]:
    """The change of a tensor by an elementwise op with whatever operands, recorded or not."""
    name = f"{row.name}_"

    def write(self: Tensor, *others: Any) -> int:
        row.body(self, *others)  # it has no text, but says how many it takes
        operands = [as_operand(each, self) for each in others]  # named: a handle dies with it
        second = operands[0]._h if operands else ffi.NULL
        return lib.tk_map_into(row.kernel, self._h, self._h, second, ffi.NULL, 0.0, 0.0)

    def method(self: Tensor, *operands: Any) -> Tensor:
        try:
            return inplace(
                name,
                self,
                operands,
                lambda: write(self, *operands),
                lambda: row.function(keep_value(self) if _needs_operand(row) else self, *operands),
            )
        except (TypeError, AttributeError) as error:
            if batching.change is not None:
                batching.change(name, self, operands, None)
            return explain(row.body, error, (self, *operands), {}, name=row.name)

    method.__wrapped__ = row.body  # type: ignore[attr-defined]
    return method


def change(row: Op, target: Tensor, operands: tuple[Any, ...], write: Callable[[], int]) -> Tensor:
    """Changes ``target`` in place by ``write()`` and records it as ``row(target, *operands)``.

    For ops whose rules need neither the old values nor the result: nothing is computed twice.
    """
    name = f"{row.name.lstrip('_')}_"
    if type(target) is not Tensor and batching.change is not None:
        answer = batching.change(name, target, operands, lambda: row.function(target, *operands))
        if answer is not batching.ORDINARY:
            return answer
    recorded = _recorded(target, operands)
    if recorded:
        others = _check_changeable(name, target)
    if write():
        fail(name)
    note_change(target, name)
    if recorded:
        old = target._node
        record(row, target, (target, *operands))
        hand_on(old, target._node)
        for each in others:
            each.follow(target)
    return target
