"""Functions that take what a body takes, and hand all of it on by position.

Python binds their arguments itself, by name as quickly as by position; packing and unpacking takes
as long as a small op. How many are handed on is fixed in a function's code: so it is compiled from
a text, once for each number of them, and then given the names of the body's parameters.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from ..tensor import Tensor, wrap
from .mistakes import MEANINGS, MISTAKES, explain, meant, wraps
from .table import RECORD, Op, attach, record

ABSENT: Any = object()  # the default of an argument that has none, but may be given by another name

# The names of its own have an underscore in front, which those of no body's parameters have: a
# debugger that writes back a frame's variables would mistake one for the other.
TEXT = """
def make(_body, _function, _row):
    def call(ARGS, **_others):
        if _others:
            return mistaken(_function, _row, None, (ARGS,), _others)
        FILL
        try:
            _found = _body(ARGS)
        except Exception as _error:
            if isinstance(_error, MISTAKES) or is_absent(ARGS):
                return mistaken(_function, _row, _error, (ARGS,), _others)
            raise
        REST
    return call
"""
RESTS = {
    "call": "return _found",
    "op": "return finish(_row, _found, (ARGS,))",
    "op of one": """_out = wrap(_found)
        _node = _0._node
        if _node is not None and (_flags := _found.flags) & RECORD:
            attach(_row, _out, (ARGS,), 1, (_node,), (_0,), _flags)
        return _out""",
}

# An argument that has another name, too, and a default: so it is known whether it was given.
FILLED = "the default of argument NUMBER"
FILL = f"""if _NUMBER is ABSENT:
            _NUMBER = {FILLED!r}"""

FOLDER = os.path.dirname(__file__)  # where a text is said to lie, as it is code of this package


def bound(body: Callable[..., Any], row: Op | None = None) -> Any:
    """The function that calls a body, and is the op of ``row`` if one is given.

    It is made when it is first called, as most of what a program imports never is.
    """
    _original, _body, _row = body, _by_position(body), row

    def _function(*args: Any, **kwargs: Any) -> Any:
        _settle(_function, _body, _row)
        return _function(*args, **kwargs)

    return wraps(_function, _original)


def _settle(function: Any, body: Callable[..., Any], row: Op | None) -> None:
    """Gives a function its code, whose variables from outside are these three."""
    original = function.__wrapped__.__code__
    names, positional = body.__code__.co_varnames, original.co_argcount
    count = body.__code__.co_argcount
    kind = "call" if row is None else "op of one" if row.takes == "one" else "op"
    defaults = _defaults(function.__wrapped__)
    renamed = tuple([i for i, name in enumerate(names[:count]) if name in MEANINGS])
    filled = tuple([i for i in renamed if names[i] in defaults])
    code = _code(kind, count, filled)
    own = code.co_varnames[count:] + code.co_freevars
    assert not {*names[:count]} & {*own}, (
        f"{original.co_name}: a parameter is named as one of {own}"
    )
    absent = {names[i]: ABSENT for i in renamed}
    optional = {**defaults, **absent}
    first = next((i for i in range(positional) if names[i] in optional), positional)
    function.__defaults__ = tuple([optional.get(each, ABSENT) for each in names[first:positional]])
    function.__kwdefaults__ = {n: optional[n] for n in names[positional:count] if n in optional}
    places = {FILLED.replace("NUMBER", str(i)): defaults[names[i]] for i in filled}
    function.__code__ = code.replace(  # the last, as other threads may call it
        co_consts=tuple([places.get(each, each) for each in code.co_consts]),
        co_name=original.co_name,
        co_argcount=positional,
        co_posonlyargcount=original.co_posonlyargcount,
        co_kwonlyargcount=original.co_kwonlyargcount,
        co_varnames=names[:count] + code.co_varnames[count:],
    )


def _defaults(body: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of a body's parameters."""
    code, values = body.__code__, body.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
    return dict(zip(names, values, strict=True)) | (body.__kwdefaults__ or {})


@functools.cache
def _code(kind: str, count: int, filled: tuple[int, ...]) -> CodeType:
    """That of the text's function for so many arguments, where ``filled`` are the positions of
    those whose defaults it fills in; tracebacks show the text."""
    names = ", ".join(f"_{i}" for i in range(count))
    fill = "\n        ".join(FILL.replace("NUMBER", str(i)) for i in filled)
    text = TEXT.replace("REST", RESTS[kind]).replace("FILL", fill).replace("ARGS", names)
    place = os.path.join(FOLDER, f"<{kind}, {count} arguments, {filled} filled in>")
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    scope: dict[str, Any] = {}
    exec(compile(text, place, "exec"), scope)
    return scope["make"](None, None, None).__code__


def _by_position(body: Callable[..., Any]) -> Callable[..., Any]:
    """The body, or its twin that takes all arguments by position."""
    code = body.__code__
    if not code.co_kwonlyargcount:
        return body
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    return FunctionType(code, body.__globals__, body.__name__, None, body.__closure__)


def mistaken(
    function: Any, row: Op | None, error: Any, values: tuple[Any, ...], others: dict[str, Any]
) -> Any:
    """Does what the arguments meant by other names, or for batched tensors; else explains the
    mistake. An argument that equals its default counts as not given, unless it has other names."""
    body = function.__wrapped__
    args, kwargs = _given(function, values, _defaults(body) if error else {})
    kwargs.update(others)
    meaning = meant(body, args, kwargs)
    if meaning is not None:
        return function(*meaning[0], **meaning[1])
    if error is None or is_absent(*values):
        try:
            body(*args, **kwargs)
        except TypeError as refused:
            refused.__suppress_context__ = True  # what a body made of ABSENT says nothing
            error = refused
    return explain(body, error, args, kwargs, row or function)


def is_absent(*values: Any) -> bool:
    """Whether one of a function's arguments was not given, and has no default."""
    return any(value is ABSENT for value in values)


def _given(
    function: Any, values: tuple[Any, ...], filled: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that are no defaults, some of which may have been filled in already: by
    position up to the first that is, then by name."""
    code = function.__code__
    names, positional = code.co_varnames, code.co_argcount
    defaults = {**_defaults(function), **filled}
    args: list[Any] = []
    kwargs = {}
    for i, (name, value) in enumerate(zip(names, values, strict=False)):
        if value is defaults.get(name, ABSENT):
            continue
        if i == len(args) and i < positional:
            args.append(value)
        else:
            kwargs[name] = value
    return tuple(args), kwargs


def finish(row: Op, handle: Any, args: tuple[Any, ...]) -> Tensor:
    """The result of an op whose body gave a handle for all of its arguments."""
    kept: tuple[Tensor, ...] = ()
    if row.keeps and type(handle) is tuple:
        kept = tuple(map(wrap, handle[1:]))
        handle = handle[0]
    out = wrap(handle)
    if row.takes == "list":
        for each in args[0]:
            if each._node is not None:
                if handle.flags & RECORD:
                    record(row, out, args)
                break
        return out
    wanted, bit = 0, 1
    for arg in args:
        if isinstance(arg, Tensor):
            node = arg._node
            if node is not None:
                if not wanted:
                    inputs, operands = [node], [arg]
                else:
                    inputs.append(node)
                    operands.append(arg)
                wanted += bit
        bit += bit
    if wanted and (flags := handle.flags) & RECORD:
        attach(row, out, args + kept, wanted, tuple(inputs), operands, flags)
    return out


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its mistakes explained."""
    code = function.__code__
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or not code.co_argcount:
        return _checked_variadic(function)
    return bound(function)


def _checked_variadic(function: Callable[..., Any]) -> Callable[..., Any]:
    """The first arguments are handed on one by one, as packing and unpacking them costs 0.1 us."""
    code = function.__code__
    several = (*code.co_varnames, None)[code.co_argcount + code.co_kwonlyargcount]

    def call(
        a: Any = ABSENT, b: Any = ABSENT, c: Any = ABSENT, /, *more: Any, **kwargs: Any
    ) -> Any:
        try:
            if kwargs or more or a is ABSENT:
                args = _present(a, b, c, more)
                if several in kwargs:
                    args, kwargs = meant(function, args, kwargs) or (args, kwargs)
                return function(*args, **kwargs)
            if b is ABSENT:
                return function(a)
            return function(a, b) if c is ABSENT else function(a, b, c)
        except MISTAKES as error:
            args = _present(a, b, c, more)
            meaning = meant(function, args, kwargs)
            if meaning is None:
                return explain(function, error, args, kwargs, call)
            return function(*meaning[0], **meaning[1])

    return wraps(call, function)


def _present(a: Any, b: Any, c: Any, more: tuple[Any, ...]) -> Any:
    """The arguments that are given."""
    if b is ABSENT:
        return () if a is ABSENT else (a,)
    return (a, b) if c is ABSENT else (a, b, c, *more)
