"""Mistakes in the arguments of ops that only Python notices, in the words of the op."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from ..autograd import batching
from ..tensor import Tensor
from .table import COMPOSITES, LINALG, OPS

MISTAKES = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
# What else messages begin with: doors, and what Python calls a use of a tensor.
DOORS = ("array_ufunc", "index", "iter", "len", "shape", "slice", "tensor")
_OURS = r"([A-Za-z_][\w.]*)(:|\(\)) "  # "name: fact", or Python's "name() takes ..."


def explain(
    function: Callable[..., Any],
    error: Exception,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    target: Any = None,
    name: str | None = None,
) -> Any:
    """Raises in the function's name a mistake in its arguments that only Python noticed.

    What an op refused that the function called is told in the function's name, too. ``name`` is
    told instead where it is given. Batched tensors are no mistake: then this is what ``target``,
    the op or the function that was called, gives for them.
    """
    if batching.call is not None and target is not None:
        answer = batching.call(target, error, args, kwargs)
        if answer is not batching.ORDINARY:
            return answer
    name = name or function.__name__.strip("_")
    ours = re.match(_OURS, str(error))
    inner = ours[1].split(".")[-1].strip("_") if ours else ""
    if ours and (ours[2] == ":" or inner == name.strip("_")):
        if inner != name.strip("_") and _is_public(name.strip("_")) and _is_op(inner):
            home = "linalg." if name in LINALG and name not in COMPOSITES else ""
            error.args = (home + name + str(error)[ours.end(1) :],)
        raise error
    parameters = inspect.signature(function).parameters
    given = dict(zip(parameters, args, strict=False)) | kwargs
    for each, value in given.items():
        allowed = str(parameters[each].annotation) if each in parameters else ""
        if allowed.startswith("Tensor") and not isinstance(value, Tensor):
            if ("None" if value is None else type(value).__name__) in allowed:
                continue
            raise TypeError(f"{name}: {each} must be a Tensor; got {_kind(value)}") from error
    what = ", ".join(f"{each} {_kind(value)}" for each, value in given.items())
    if isinstance(error, RecursionError):
        raise ValueError(f"{name}: an argument is nested too deeply; got {what}") from None
    if isinstance(error, (ValueError, IndexError)):
        kind = IndexError if isinstance(error, IndexError) else ValueError
        raise kind(f"{name}: {error}; got {what}") from error
    if isinstance(error, OverflowError):
        raise ValueError(f"{name}: a number is out of range; got {what}") from error
    raise TypeError(f"{name}: these arguments do not fit; got {what}") from error


def _is_public(name: str) -> bool:
    return name in COMPOSITES or name in LINALG or hasattr(Tensor, name)


def _is_op(name: str) -> bool:
    """Whether a message that begins so is one of an op or a door."""
    return _is_public(name) or name in OPS or f"_{name}" in OPS or name in DOORS


def _kind(value: Any) -> str:
    """An argument in a message: a tensor by dtype and shape, a number by value, others by type."""
    if isinstance(value, Tensor):
        return f"{value.dtype.name} {tuple(value.shape)}"
    if value is None or isinstance(value, (int, float)):
        return repr(value)
    return type(value).__name__


def wraps(function: Callable[..., Any], body: Callable[..., Any]) -> Callable[..., Any]:
    """As ``functools.wraps(body)(function)`` in a third of the time: an import does it 500 times.

    Annotations are found by ``__wrapped__``.
    """
    function.__name__ = body.__name__
    function.__qualname__ = body.__qualname__
    function.__module__ = body.__module__
    function.__doc__ = body.__doc__
    function.__wrapped__ = body  # type: ignore[attr-defined]
    return function


# NumPy's names, which PyTorch takes, too; and names that differ for the method, by what is given,
# and for the first argument of functions in tk.linalg and the root.
OTHER_NAMES = {
    "axis": ("dim",),
    "keepdims": ("keepdim",),
    "split_size": ("split_size_or_sections",),
    "sections": ("indices_or_sections",),
    "indices": ("indices_or_sections",),
    "input": ("A", "x"),
}
MEANINGS = {name for names in OTHER_NAMES.values() for name in names}


def meant(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of a call that failed for the name of one, if another name is the same.

    That is one of OTHER_NAMES, or that of an argument list: ``size`` of ``rand(*size)``. TypeError
    if the argument is given by both names.
    """
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    known = code.co_varnames[:count]
    several = code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else None
    named: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name == several and len(args) == code.co_argcount:
            args = (*args, value)
        else:
            others = [each for each in OTHER_NAMES.get(name, ()) if each in known]
            same = name in known or not others
            if not same and (others[0] in kwargs or others[0] in named):
                who = f"{function.__name__.strip('_')}()"
                raise TypeError(f"{who} got multiple values for argument {others[0]!r}") from None
            named[name if same else others[0]] = value
    return None if len(named) == len(kwargs) and named.keys() == kwargs.keys() else (args, named)
