"""Second names of ops, and the in-place methods that the declarations do not give themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..backend import lib
from ..tensor import Tensor
from . import (
    arithmetic,
    comparison,
    linalg,
    numbers,
    scan,
    special,
    strides,  # noqa: F401 (ops of it have second names)
)
from .declare import COMPOSITES, OPS, ROOT_ONLY, inplace, keep_value, named, quick

# PyTorch's second names. Where the first has an in-place method, so has the second.
ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clip": "clamp",
    "concat": "cat",
    "concatenate": "cat",
    "divide": "div",
    "fix": "trunc",
    "ger": "outer",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "moveaxis": "movedim",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "row_stack": "vstack",
    "sgn": "sign",
    "subtract": "sub",
    "true_divide": "div",
}

# Methods ``name_``: by what ``name`` computes. The result is copied into the tensor's memory.
INPLACE = {
    arithmetic: "add sub div pow clamp clamp_min clamp_max lerp addcmul addcdiv",
    numbers: "nan_to_num ldexp float_power round",
    special: "logit deg2rad rad2deg",
    comparison: "eq ne lt le gt ge logical_not logical_and logical_or logical_xor",
    scan: "cumsum cumprod",
    linalg: "addmm addbmm baddbmm addmv addr",
}

# Functions of nn.functional that take ``inplace`` as their last argument, and those among them that
# PyTorch also has as ``name_``.
INPLACE_ARGUMENT = (
    "celu elu hardsigmoid hardswish hardtanh leaky_relu mish relu relu6 rrelu selu silu threshold"
)
INPLACE_FUNCTIONS = "celu elu hardtanh leaky_relu relu rrelu selu threshold"

OPERATORS = ("add", "sub", "div")  # which without keywords are an op of that name

CATEGORY = {"f": 2, "i": 1, "u": 1, "b": 0}  # a result goes into its own or a higher one


def function_of(name: str) -> Callable[..., Any]:
    """The public function of a name."""
    return COMPOSITES[name] if name in COMPOSITES else OPS[name].function


def method_inplace(
    name: str,
    compute: Callable[..., Any],
    fast: Callable[..., int] | None = None,
    plain: Callable[..., Tensor] | None = None,
) -> Callable[..., Tensor]:
    """The method ``name`` that writes what ``compute`` gives into the tensor; ``fast`` as for
    ``quick``, and ``plain`` where there is one operand and no keyword."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if plain is not None and len(args) == 1 and not kwargs:
            return plain(self, *args)

        def write() -> int:
            result = compute(self, *args, **kwargs)
            have, want = (CATEGORY[each.dtype.numpy.kind] for each in (result, self))
            if result.shape != self.shape or have > want:
                raise ValueError(
                    f"{name}: a result of {result.dtype.name} {tuple(result.shape)} does not fit "
                    f"{self.dtype.name} {tuple(self.shape)}"
                )
            return lib.tk_copy_into(self._h, result._h)

        operands = (*args, *kwargs.values())
        return inplace(
            name, self, operands, write, lambda: compute(keep_value(self), *args, **kwargs)
        )

    method.__wrapped__ = compute  # type: ignore[attr-defined]
    return named(method, name) if fast is None else quick(name, fast, method)


for _module, _names in INPLACE.items():
    for _name in _names.split():
        _plain = getattr(Tensor, f"{_name}_") if _name in OPERATORS else None
        _compute, _fast = getattr(_module, _name), arithmetic.FAST.get(_name)
        setattr(Tensor, f"{_name}_", method_inplace(f"{_name}_", _compute, _fast, _plain))

Tensor.polygamma_ = method_inplace("polygamma_", Tensor.polygamma)

for _name, _first in ALIASES.items():
    COMPOSITES[_name] = function_of(_first)
    if _first in ROOT_ONLY:
        ROOT_ONLY.add(_name)
    if hasattr(Tensor, f"{_first}_"):
        setattr(Tensor, f"{_name}_", getattr(Tensor, f"{_first}_"))


def face_with_inplace(function: Callable[..., Any], write: Callable[..., Any]) -> Any:
    """``function`` with a last argument ``inplace``, which hands the call to ``write``."""
    signature = inspect.signature(function)
    count = len(signature.parameters)
    if count == 1:

        def face(input: Tensor, inplace: bool = False) -> Tensor:
            return write(input) if inplace else function(input)

    else:

        def face(*args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:  # type: ignore[misc]
            if len(args) == count + 1:
                *args, inplace = args  # type: ignore[assignment]
            if not isinstance(inplace, int):
                given = type(inplace).__name__
                raise TypeError(f"{function.__name__}: inplace must be a bool; got {given}")
            return (write if inplace else function)(*args, **kwargs)

    face = functools.wraps(function)(face)
    last = inspect.Parameter(
        "inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=bool
    )
    parameters = [*signature.parameters.values(), last]
    face.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return face


WRITERS: dict[str, Callable[..., Any]] = {}  # the in-place methods of INPLACE_ARGUMENT
for _name in INPLACE_ARGUMENT.split():
    WRITERS[_name] = getattr(Tensor, f"{_name}_", None) or method_inplace(
        f"{_name}_", function_of(_name)
    )
    if hasattr(Tensor, _name) and not hasattr(Tensor, f"{_name}_"):
        setattr(Tensor, f"{_name}_", WRITERS[_name])


@functools.cache
def faces() -> dict[str, Callable[..., Any]]:
    """What stands in nn.functional in the functions' place; made when that is loaded."""
    found = {}
    for name, write in WRITERS.items():
        function = function_of(name)
        found[name] = face_with_inplace(function, write)
        if name in INPLACE_FUNCTIONS.split():
            found[f"{name}_"] = method_inplace(f"{name}_", function)
    return found
