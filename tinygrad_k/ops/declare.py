"""How an op is declared: one block that the function, the method, the tests and the documents use.

``op`` takes any function that returns a new handle from a door. ``unary``, ``binary``,
``predicate`` and ``comparison`` declare an elementwise op whose kernel does everything: their
functions have only a docstring. ``composite`` marks an ordinary function over ops that belongs to
the public face. Modules that declare ops import from here alone.

A derivative rule is a function of the gradient and of what it needs, by name: the op's arguments,
``result``, or ``input_shape`` for the shape of an argument ``input``, whose values may then change.
It is made of ops, so that second derivatives come by themselves. Broadcasting and conversion of
operands are undone by the engine, never by a rule.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ..tensor import Tensor
from .binding import bound, checked
from .elementwise import binary, comparison, predicate, unary
from .inplace import (
    as_operand,
    change,
    changed_by,
    inplace,
    is_unrecorded,
    keep_value,
    named,
    quick,
)
from .mistakes import MISTAKES, explain, wraps
from .samples import Draw
from .table import (
    COMPOSITES,
    LINALG,
    OPS,
    RECORD,
    ROOT_ONLY,
    TRIED,
    Op,
    attach,
    no_grad,
    record,
    vanishes,
)

__all__ = [
    "COMPOSITES",
    "CONSTANT",
    "FOUND",
    "LINALG",
    "MADE",
    "MISTAKES",
    "OPS",
    "RECORD",
    "ROOT_ONLY",
    "TRIED",
    "Op",
    "as_operand",
    "attach",
    "binary",
    "change",
    "changed_by",
    "checked",
    "comparison",
    "composite",
    "explain",
    "face",
    "inplace",
    "is_unrecorded",
    "keep_value",
    "like",
    "linear_algebra",
    "method",
    "named",
    "no_grad",
    "op",
    "predicate",
    "quick",
    "quick_method",
    "record",
    "root",
    "root_face",
    "through",
    "tried",
    "unary",
    "vanishes",
]


def op(
    *,
    vjp: Any,
    ref: Callable[..., Any] | None = None,
    samples: Iterable[Any] = (),
    kernel: str | None = None,
    dtypes: str = "float",
    family: str = "other",
    keeps: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an op whose body returns a new handle from a door.

    ``vjp`` maps each differentiable parameter to its rule; or it is one function that returns the
    gradients of all tensor arguments (lists of tensors are flattened), and may take by the keyword
    ``wanted`` the bits of those that are wanted; or ``no_grad(reason)``.
    With ``keeps`` the body may return a tuple, of the result and by-products that nobody sees but
    rules, which take them by these names: where an operand is in the graph it does.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        row = Op(body, kernel, vjp)
        row.ref, row.given, row.dtypes, row.family = ref, tuple(samples), dtypes, family
        row.keeps, row.takes = keeps, _takes(body, keeps)
        row.function = bound(body, row)
        OPS[row.name] = row
        return row.function

    return declare


def _takes(body: Callable[..., Any], keeps: tuple[str, ...]) -> str:
    """Whether only the first argument is a tensor; or it is a list of them."""
    kinds = {name: str(kind) for name, kind in body.__annotations__.items()}
    tensors = [name for name in kinds if "Tensor" in kinds[name] and name != "return"]
    first = body.__code__.co_varnames[0]
    if tensors == [first] and kinds[first] == "Tensor" and not keeps:
        return "one"
    return "list" if kinds.get(first) == "Sequence[Tensor]" else "any"


def composite(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks an ordinary function over ops as part of the public face."""
    COMPOSITES[function.__name__] = function = checked(function)
    return function


def face(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``composite``, for one that only hands its arguments to an op: that explains mistakes."""
    COMPOSITES[function.__name__] = function
    return function


def through(g: Tensor) -> None:
    """In the place of a composite's rules: the ops it is made of have them."""


def tried(
    *,
    ref: Callable[..., Any] | None,
    samples: Iterable[Any] = (),
    domain: tuple[Draw, ...] = (),
    dtypes: str = "float",
    family: str = "composite",
    vjp: Any = through,
    outputs: tuple[int, ...] | int = 1,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts a function over ops under the laws of the ops, by its reference and samples.

    ``vjp`` is ``no_grad(reason)``, or a dict with ``through`` for each argument that has a
    derivative, where not all have one. Of several ``outputs``, function and reference return
    tuples, and each output, or those of the places given, is tried. ``domain`` stands for samples
    of an elementwise function.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        known = name or function.__name__
        given = tuple(samples)
        for i in range(outputs) if isinstance(outputs, int) else outputs:
            key = known if outputs == 1 else f"{known}[{i}]"
            row = Op(inspect.unwrap(function), None, vjp, key)
            row.given, row.dtypes, row.family, row.domain = given, dtypes, family, domain
            row.function, row.ref = function, ref
            if outputs != 1:
                row.function = _output(function, i)
                row.ref = ref and _output(ref, i)
            TRIED[key] = row
        return function

    return declare


def like(function: Callable[..., Any], *more: Any, **changes: Any) -> dict[str, Any]:
    """For ``tried`` of a face: what the op behind it is tried on, and more samples."""
    row = OPS[function.__name__]
    given = {"ref": row.ref, "samples": (*row.given, *more)}
    return given | {"dtypes": row.dtypes, "family": row.family} | changes


CONSTANT = no_grad("the result is made of numbers alone")
MADE = "made"  # the family of what no tensor goes into
FOUND = "found"  # the family of what has as many elements as are found in the data


def _output(function: Callable[..., Any], i: int) -> Callable[..., Any]:
    def output(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        if len(found) <= i:
            raise IndexError(f"{function.__name__}: there are only {len(found)} results")
        return found[i]

    return wraps(output, function)


def root(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``composite``, for a function that is no method of Tensor."""
    ROOT_ONLY.add(function.__name__)
    return composite(function)


def root_face(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``face``, for a function that is no method of Tensor."""
    ROOT_ONLY.add(function.__name__)
    return face(function)


def linear_algebra(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``composite``, for a function of ``tk.linalg``."""
    LINALG[function.__name__] = function = checked(function)
    return function


def method(function: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
    """Attaches to Tensor, by its own name or another, a function that stands nowhere else."""
    function.__name__ = name or function.__name__
    function.__qualname__ = f"Tensor.{function.__name__}"
    setattr(Tensor, function.__name__, checked(function))
    return getattr(Tensor, function.__name__)


def quick_method(fast: Callable[..., int]) -> Callable[..., Any]:
    """As ``method``, for an in-place one that ``fast`` does by one door where it can; see
    ``quick``."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        slow, name = method(function), function.__name__
        setattr(Tensor, name, quick(name, fast, slow))
        return getattr(Tensor, name)

    return declare
