"""Declarations of elementwise ops, whose kernels do everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import batching
from ..autograd.node import CLOCK, Node
from ..backend import lib
from ..tensor import Tensor, from_data, wrap
from .inplace import binary_inplace, unary_inplace
from .mistakes import MISTAKES, explain, wraps
from .samples import Draw, real
from .table import OPS, RECORD, Op, attach, no_grad, record


def unary(
    *,
    vjp: Any,
    ref: Callable[..., Any],
    domain: Draw = real,
    kernel: str | None = None,
    dtypes: str = "float",
    inplace: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an elementwise op of one tensor; ``vjp`` is the rule of its only operand."""

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        rule = vjp if isinstance(vjp, no_grad) else {"input": vjp}
        row = Op(body, kernel or body.__name__, rule)
        row.ref, row.dtypes, row.family, row.domain = ref, dtypes, "unary", (domain,)
        plans, retain = row._plans, lib.tk_retain
        door = getattr(lib, f"tk_map1_{row.kernel_name}")

        def function(input: Tensor) -> Tensor:
            try:
                handle = door(input._h)
            except (AttributeError, TypeError) as error:
                return explain(body, error, (input,), {}, row)
            out = wrap(handle)
            node = input._node
            if node is not None and (flags := handle.flags) & RECORD:
                try:
                    plan = plans[1]
                except KeyError:
                    attach(row, out, (input,), 1, (node,), (input,), flags)
                    return out
                # As in ``attach`` and ``alias``: the calls would cost more than this. Nothing was
                # broadcast, and what wants a gradient is floating, so nothing was converted.
                made = Node()
                made.plan = plan
                made.inputs = (node,)
                made.shapes = made.hooks = None
                if not plan.saves:
                    made.saved = ()
                else:
                    made.stamp = CLOCK[0]
                    if plan.of_result:
                        made.saved = (wrap(retain(handle)),)
                    elif plan.pick is None:
                        made.saved = plan.derive((input,), out)
                    else:
                        made.saved = (input,)
                out._node = made
            return out

        row.function = wraps(function, body)
        OPS[row.name] = row
        if inplace:
            unary_inplace(row)
        return function

    return declare


def binary(
    *,
    vjp: Any,
    ref: Callable[..., Any],
    domain: tuple[Draw, Draw] = (real, real),
    name: str | None = None,
    kernel: str | None = None,
    dtypes: str = "number",
    operator: str | None = None,
    inplace: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an elementwise op of two operands, tensors or numbers; ``vjp`` maps both to rules.

    ``operator`` is the Python operator's name (``"add"`` for ``+``), which is attached with its
    reflected and in-place forms.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        row = Op(body, kernel or name or body.__name__, vjp, name)
        row.ref, row.dtypes, row.family, row.domain = ref, dtypes, "binary", domain
        row.function = _binary_function(row, body, _refuse)
        OPS[row.name] = row
        if inplace:
            binary_inplace(row)
        if operator:
            method = _binary_function(row, body, _defer)
            setattr(Tensor, f"__{operator}__", method)
            setattr(Tensor, f"__r{operator}__", _reflected(method))
            if inplace:
                setattr(Tensor, f"__i{operator}__", getattr(Tensor, f"{row.name}_"))
        return row.function

    return declare


def _refuse(row: Op, value: Any) -> Any:
    raise TypeError(f"{row.name}: expected tensors or numbers; got {type(value).__name__}")


def _defer(row: Op, value: Any) -> Any:
    return NotImplemented


def _binary_function(row: Op, body: Callable[..., Any], foreign: Any) -> Callable[..., Any]:
    number, door = row.kernel, getattr(lib, f"tk_map2_{row.kernel_name}")
    map_float, map_int = lib.tk_map_float, lib.tk_map_int

    def function(input: Any, other: Any) -> Any:
        kind = type(other)
        try:
            if kind is float:
                handle = map_float(number, input._h, other, 0)
            elif kind is int:
                handle = map_int(number, input._h, other, 0, 0)
            else:
                handle = door(input._h, other._h)
        except MISTAKES:
            return mixed(input, other)
        out = wrap(handle)
        first = input._node
        second = None if kind is float or kind is int else other._node
        if first is None:
            if second is not None and (flags := handle.flags) & RECORD:
                attach(row, out, (input, other), 2, (second,), (other,), flags)
        elif (flags := handle.flags) & RECORD:
            if second is None:
                attach(row, out, (input, other), 1, (first,), (input,), flags)
            else:
                args = (input, other)
                attach(row, out, args, 3, (first, second), args, flags)
        return out

    def mixed(input: Any, other: Any) -> Any:
        """A number, a NumPy array, a batched tensor or something foreign on either side."""
        if batching.call is not None:
            answer = batching.call(row, None, (input, other), {})
            if answer is not batching.ORDINARY:
                return answer
        for value in (input, other):
            if not isinstance(value, (Tensor, int, float, np.ndarray, np.generic)):
                return foreign(row, value)
        if isinstance(input, Tensor):
            number_first, tensor, value = 0, input, other
        elif isinstance(other, Tensor):
            number_first, tensor, value = 1, other, input
        else:
            return function(from_data(input), other)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, np.ndarray):
            value = from_data(value, copy=False)
            return function(value, tensor) if number_first else function(tensor, value)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            if not tensor.dtype.is_floating_point:
                raise ValueError(f"{row.name}: the number {value} does not fit int64")
            value = float(value)
        if isinstance(value, float):
            handle = map_float(number, tensor._h, value, number_first)
        else:
            handle = map_int(number, tensor._h, value, isinstance(value, bool), number_first)
        out = wrap(handle)
        if tensor._node is not None and handle.flags & RECORD:
            record(row, out, (value, tensor) if number_first else (tensor, value))
        return out

    return wraps(function, body)


def _reflected(method: Callable[..., Any]) -> Callable[..., Any]:
    def reflected(self: Tensor, other: Any) -> Any:
        return method(other, self)

    return reflected


def predicate(
    *, ref: Callable[..., Any], domain: Draw = real, kernel: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an elementwise test of one tensor; the result is bool."""
    return unary(
        vjp=no_grad("the result is bool"),
        ref=ref,
        domain=domain,
        kernel=kernel,
        dtypes="all",
        inplace=False,
    )


def comparison(
    *, ref: Callable[..., Any], operator: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an elementwise comparison of two operands; the result is bool."""

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        function = binary(vjp=no_grad("the result is bool"), ref=ref, dtypes="all", inplace=False)(
            body
        )
        if operator:
            setattr(Tensor, operator, _binary_function(OPS[body.__name__], body, _defer))
        return function

    return declare
