"""How an op is declared: one block that the function, the method, the tests and the documents use.

``op`` takes any function that returns a new handle from a door. ``unary``, ``binary``,
``predicate`` and ``comparison`` declare an elementwise op whose kernel does everything: their
functions have only a docstring. ``composite`` marks an ordinary function over ops that belongs to
the public face.

A derivative rule is a function of the gradient and of what it needs, by name: the op's arguments,
``result``, or ``input_shape`` for the shape of an argument ``input``, whose values may then change.
It is made of ops, so that second derivatives come by themselves. Broadcasting and conversion of
operands are undone by the engine, never by a rule.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd import batching
from ..autograd.node import CLOCK, Node, Plan, getter, note_change
from ..backend import fail, ffi, kernel_number, lib
from ..tensor import Tensor, alias, from_data, wrap
from .samples import Draw, Sample, real

RECORD = lib.TK_RECORD
SHARED = lib.TK_BROADCAST | lib.TK_CONVERTED
NULL = ffi.NULL
RESULT_ONLY = (Plan.RESULT,)


class no_grad:
    """In the place of a rule: why there is no gradient."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def vanishes(g: Tensor) -> None:
    """The rule of an operand whose derivative is zero wherever it exists."""
    return


class Op:
    """A row of the op table."""

    def __init__(
        self, function: Callable[..., Any], kernel: str | None, vjp: Any, name: str | None = None
    ) -> None:
        self.name = name or function.__name__
        self.body = function
        self.kernel_name = kernel
        self.kernel = kernel_number(kernel) if kernel else -1
        self.vjp = vjp
        # Read from the code object: inspect is slow, and this runs for every op at import.
        code = function.__code__
        self.parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        positional = function.__defaults__ or ()
        missing = (inspect.Parameter.empty,) * (code.co_argcount - len(positional))
        keywords = function.__kwdefaults__ or {}
        only = self.parameters[code.co_argcount :]
        self.defaults = (
            *missing,
            *positional,
            *(keywords.get(name, inspect.Parameter.empty) for name in only),
        )
        self.positions = {name: i for i, name in enumerate(self.parameters)}
        # Whether an argument is a list of tensors; whether only the first argument is a tensor.
        kinds = [str(function.__annotations__.get(name)) for name in self.parameters]
        self.lists = any("Sequence[Tensor]" in kind for kind in kinds)
        self.lone = kinds[:1] == ["Tensor"] and not any("Tensor" in kind for kind in kinds[1:])
        self.ref: Callable[..., Any] | None = None
        self.given: tuple[Any, ...] = ()  # samples as they were declared
        self.dtypes: str = "float"  # which dtypes the tests try: "float", "number", "all"
        self.family: str = "other"
        self.domain: tuple[Draw, ...] = ()  # of an elementwise op: one draw an operand
        self.function: Callable[..., Any]
        self._plans: dict[int, Plan] = {}

    @functools.cached_property
    def samples(self) -> tuple[Sample, ...]:
        """What the op is tried on; made when it is asked for, as only tests and benchmarks do."""
        found = _samples(self.given)
        if self.domain:
            n = len(self.domain)
            shapes = PAIRS if n == 2 else [(shape,) * n for shape in SHAPES]
            found += tuple(
                Sample(tuple(draw(*s) for draw, s in zip(self.domain, each, strict=True)))
                for each in shapes
            )
        return found

    @property
    def doc(self) -> str:
        """What it computes."""
        return inspect.getdoc(self.body) or ""

    @property
    def signature(self) -> inspect.Signature:
        """The arguments, with defaults and annotations."""
        return inspect.signature(self.body)

    @property
    def differentiable(self) -> bool:
        return not isinstance(self.vjp, no_grad)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments in the order of the signature; the call itself has checked the names."""
        if len(args) < len(self.parameters):
            args += self.defaults[len(args) :]
        if kwargs:
            values = list(args)
            for name, value in kwargs.items():
                values[self.positions[name]] = value
            args = tuple(values)
        return args

    def plan(self, wanted: int) -> Plan:
        """How to record when the operands of these bits want a gradient."""
        plan = self._plans.get(wanted)
        if plan is None:
            make = self._joint_plan if callable(self.vjp) else self._plan
            plan = self._plans[wanted] = make(wanted)
        return plan

    def _needs(self, rule: Callable[..., Any]) -> list[int]:
        parameters = list(inspect.signature(rule).parameters.values())[1:]
        return [self._need(each.name) for each in parameters if each.kind != each.KEYWORD_ONLY]

    def _need(self, name: str) -> int:
        if name == "result":
            return Plan.RESULT
        if name in self.positions:
            return self.positions[name]
        return Plan.SHAPES - self.positions[name.removesuffix("_shape")]

    def _plan(self, wanted: int) -> Plan:
        saves: list[int] = []
        rules = []
        for name, i in self.positions.items():
            if not wanted >> i & 1:
                continue
            rule = self.vjp.get(name)
            if rule is None or isinstance(rule, no_grad):
                reason = rule.reason if rule else "this argument has no derivative"
                raise RuntimeError(f"{self.name}: no gradient for {name}: {reason}")
            takes = []
            for need in self._needs(rule):
                if need not in saves:
                    saves.append(need)
                takes.append(saves.index(need))
            rules.append((rule, takes))
        everything = list(range(len(saves)))
        return Plan(
            self,
            tuple(saves),
            tuple((rule, None if takes == everything else getter(takes)) for rule, takes in rules),
            joint=False,
        )

    def _joint_plan(self, wanted: int) -> Plan:
        """For ``vjp`` a single function: it returns the gradients of all the tensors."""
        rule = self.vjp
        if "wanted" in inspect.signature(rule).parameters:
            rule = functools.partial(rule, wanted=wanted)
        picked = [i for i in range(wanted.bit_length()) if wanted >> i & 1]
        pick = getter(picked)

        def rules(gradient: Tensor, *saved: Any) -> Any:
            return pick(rule(gradient, *saved))

        return Plan(self, tuple(self._needs(self.vjp)), rules, joint=True)


OPS: dict[str, Op] = {}
COMPOSITES: dict[str, Callable[..., Any]] = {}
LINALG: dict[str, Callable[..., Any]] = {}  # what stands in tk.linalg
TRIED: dict[str, Op] = {}  # what is not one kernel but has a reference and samples of its own
ROOT_ONLY: set[str] = set()


def record(op: Op, out: Tensor, args: tuple[Any, ...]) -> None:
    """Puts ``out = op(*args)`` into the graph if one of the operands is there."""
    wanted, position = 0, 0
    inputs, operands = [], []
    for arg in args:
        for each in arg if type(arg) is list or type(arg) is tuple else (arg,):
            if isinstance(each, Tensor):
                node = each._node
                if node is not None:
                    wanted |= 1 << position
                    inputs.append(node)
                    operands.append(each)
            position += 1
    if wanted:
        attach(op, out, args, wanted, tuple(inputs), operands, out._h.flags)


def attach(
    op: Op,
    out: Tensor,
    args: tuple[Any, ...],
    wanted: int,
    inputs: tuple[Any, ...],
    operands: Sequence[Tensor],
    flags: int,
) -> None:
    """Gives ``out`` its node. ``wanted`` are the bits of the operands that are in the graph,
    ``inputs`` their nodes and ``operands`` they themselves; ``flags`` are the new handle's."""
    try:
        plan = op._plans[wanted]
    except KeyError:
        if isinstance(op.vjp, no_grad):
            _refuse_gradient(op, out)
            return
        plan = op.plan(wanted)
    node = Node()
    node.plan = plan
    node.inputs = inputs
    saves = plan.saves
    if not saves:
        node.saved = ()
    else:
        node.stamp = CLOCK[0]
        pick = plan.pick
        if pick is not None:
            node.saved = pick(args)
        elif saves == RESULT_ONLY:
            node.saved = (alias(out),)
        else:
            node.saved = plan.derive(args, out)
    node.shapes = None
    if flags & SHARED:
        node.shapes = tuple([(each.shape, each.dtype) for each in operands])
    node.hooks = None
    out._node = node


def _refuse_gradient(op: Op, out: Tensor) -> None:
    """Integer and bool results simply have no gradient; for a floating one the reason is told."""
    if out._h.dtype <= lib.TK_F64:
        raise RuntimeError(f"{op.name}: no gradient: {op.vjp.reason}; use it on detach()ed data")


# -- any op -------------------------------------------------------------------------------------


def _samples(given: Iterable[Any]) -> tuple[Sample, ...]:
    return tuple(each if isinstance(each, Sample) else Sample(tuple(each)) for each in given)


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
    With ``keeps`` the body returns more handles behind the result: by-products that nobody sees,
    which rules may take by these names.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        row = Op(body, kernel, vjp)
        lone, lists = row.lone, row.lists
        row.ref, row.given, row.dtypes, row.family = ref, tuple(samples), dtypes, family
        for name in keeps:
            row.positions[name] = len(row.positions)

        @functools.wraps(body)
        def function(*args: Any, **kwargs: Any) -> Tensor:
            kept: tuple[Tensor, ...] = ()
            try:
                handle = body(*args, **kwargs)
            except MISTAKES as error:
                meant = _meant(body, args, kwargs)
                if meant is None:
                    return explain(body, error, args, kwargs, row)
                return function(*meant[0], **meant[1])
            if keeps and handle:
                handle, *others = handle
                kept = tuple(wrap(other) for other in others)
            if not handle:
                fail()
            out = Tensor()
            out._h = handle
            out._node = None
            if lone and args:
                node = args[0]._node
                if node is not None and (flags := handle.flags) & RECORD:
                    attach(row, out, row.bind(args, kwargs) + kept, 1, (node,), args, flags)
            elif kwargs or lists:
                if handle.flags & RECORD:
                    record(row, out, row.bind(args, kwargs) + kept)
            else:
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
                    args = row.bind(args, kwargs) + kept
                    attach(row, out, args, wanted, tuple(inputs), operands, flags)
            return out

        row.function = function
        OPS[row.name] = row
        return function

    return declare


MISTAKES = (AttributeError, TypeError, OverflowError, ValueError, KeyError, RecursionError)
_OURS = re.compile(r"[A-Za-z_][\w.]*(:|\(\)) ")  # "name: fact", or Python's "name() takes ..."


def explain(
    function: Callable[..., Any],
    error: Exception,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    target: Any = None,
) -> Any:
    """Raises in the function's name a mistake in its arguments that only Python noticed.

    Batched tensors are none: then this is what ``target``, the op or the function that was called,
    gives for them.
    """
    if batching.call is not None and target is not None:
        answer = batching.call(target, error, args, kwargs)
        if answer is not batching.ORDINARY:
            return answer
    if _OURS.match(str(error)):
        raise error
    name = function.__name__.strip("_")
    parameters = inspect.signature(function).parameters
    given = dict(zip(parameters, args, strict=False)) | kwargs
    for each, value in given.items():
        allowed = str(parameters[each].annotation) if each in parameters else ""
        if allowed.startswith("Tensor") and not isinstance(value, Tensor):
            if value is None and "None" in allowed:
                continue
            raise TypeError(f"{name}: {each} must be a Tensor; got {_kind(value)}") from error
    what = ", ".join(f"{each} {_kind(value)}" for each, value in given.items())
    if isinstance(error, RecursionError):
        raise ValueError(f"{name}: an argument is nested too deeply; got {what}") from None
    if isinstance(error, ValueError):
        raise ValueError(f"{name}: {error}; got {what}") from error
    if isinstance(error, OverflowError):
        raise ValueError(f"{name}: a number is out of range; got {what}") from error
    raise TypeError(f"{name}: these arguments do not fit; got {what}") from error


def _kind(value: Any) -> str:
    """An argument in a message: a tensor by dtype and shape, a number by value, others by type."""
    if isinstance(value, Tensor):
        return f"{value.dtype.name} {tuple(value.shape)}"
    if value is None or isinstance(value, (int, float)):
        return repr(value)
    return type(value).__name__


# -- elementwise --------------------------------------------------------------------------------

SHAPES = ((3, 5), (), (0, 3), (33,), (2, 1, 4))
PAIRS = (((3, 5), (3, 5)), ((3, 5), (5,)), ((2, 1, 4), (3, 1)), ((), (4,)), ((0, 3), (1, 3)))


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
        number, map1, new, plans = row.kernel, lib.tk_map1, Tensor, row._plans

        @functools.wraps(body)
        def function(input: Tensor) -> Tensor:
            try:
                handle = map1(number, input._h, 0.0, 0.0)
            except (AttributeError, TypeError) as error:
                return explain(body, error, (input,), {}, row)
            if not handle:
                fail()
            out = new()
            out._h = handle
            out._node = None
            node = input._node
            if node is not None and (flags := handle.flags) & RECORD:
                try:
                    plan = plans[1]
                except KeyError:
                    attach(row, out, (input,), 1, (node,), (input,), flags)
                    return out
                # As in ``attach``: the call would cost more than this. Nothing was broadcast, and
                # what wants a gradient is floating, so nothing was converted.
                made = Node()
                made.plan = plan
                made.inputs = (node,)
                made.shapes = made.hooks = None
                saves = plan.saves
                if not saves:
                    made.saved = ()
                else:
                    made.stamp = CLOCK[0]
                    if saves == RESULT_ONLY:
                        made.saved = (alias(out),)
                    elif plan.pick is None:
                        made.saved = plan.derive((input,), out)
                    else:
                        made.saved = (input,)
                out._node = made
            return out

        row.function = function
        OPS[row.name] = row
        if inplace:
            _add_inplace(
                row, lambda input: lib.tk_map_into(number, input._h, input._h, NULL, NULL, 0.0, 0.0)
            )
        return function

    return declare


def binary(
    *,
    vjp: Any,
    ref: Callable[..., Any],
    domain: tuple[Draw, Draw] = (real, real),
    name: str | None = None,
    dtypes: str = "number",
    operator: str | None = None,
    inplace: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Declares an elementwise op of two operands, tensors or numbers; ``vjp`` maps both to rules.

    ``operator`` is the Python operator's name (``"add"`` for ``+``), which is attached with its
    reflected and in-place forms.
    """

    def declare(body: Callable[..., Any]) -> Callable[..., Tensor]:
        row = Op(body, name or body.__name__, vjp, name)
        row.ref, row.dtypes, row.family, row.domain = ref, dtypes, "binary", domain
        row.function = _binary_function(row, body, _refuse)
        OPS[row.name] = row
        if inplace:

            def write(input: Tensor, other: Any) -> int:
                operand = as_operand(other, input)  # named: a handle dies with its Tensor
                return lib.tk_map_into(row.kernel, input._h, input._h, operand._h, NULL, 0.0, 0.0)

            _add_inplace(row, write)
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
    number, map2, new = row.kernel, lib.tk_map2, Tensor
    map_float, map_int = lib.tk_map_float, lib.tk_map_int

    @functools.wraps(body)
    def function(input: Any, other: Any) -> Any:
        kind = type(other)
        try:
            if kind is float:
                handle = map_float(number, input._h, other, 0)
            elif kind is int:
                handle = map_int(number, input._h, other, 0, 0)
            else:
                handle = map2(number, input._h, other._h, 0.0, 0.0)
        except MISTAKES:
            return mixed(input, other)
        if not handle:
            fail()
        out = new()
        out._h = handle
        out._node = None
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

    return function


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
    ref: Callable[..., Any],
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
                row.function, row.ref = _output(function, i), _output(ref, i)
            TRIED[key] = row
        return function

    return declare


def _output(function: Callable[..., Any], i: int) -> Callable[..., Any]:
    return functools.wraps(function)(lambda *args, **kwargs: function(*args, **kwargs)[i])


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its mistakes explained."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except MISTAKES as error:
            meant = _meant(function, args, kwargs)
            if meant is None:
                return explain(function, error, args, kwargs, call)
            return function(*meant[0], **meant[1])

    return call


# NumPy's names, which PyTorch takes, too; and one that differs for the method.
OTHER_NAMES = {"axis": "dim", "keepdims": "keepdim", "split_size": "split_size_or_sections"}


def _meant(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of a call that failed for the name of one, if another name is the same.

    That is one of OTHER_NAMES, or that of an argument list: ``size`` of ``rand(*size)``.
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
            other = OTHER_NAMES.get(name, name)
            same = name in known or other not in known or other in kwargs
            named[name if same else other] = value
    return None if len(named) == len(kwargs) and named.keys() == kwargs.keys() else (args, named)


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


# -- in place -----------------------------------------------------------------------------------


def as_operand(value: Any, like: Tensor) -> Tensor:
    """A tensor, or a number as a tensor without dimensions of the dtype it would promote to."""
    if isinstance(value, Tensor):
        return value
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
            fail()
        note_change(target, name)
        return target
    _check_changeable(name, target)
    result = compute()
    if result.shape != target.shape:
        raise ValueError(
            f"{name}: the result does not fit the output; got {tuple(result.shape)} for "
            f"{tuple(target.shape)}"
        )
    if result.dtype is not target.dtype:
        raise TypeError(
            f"{name}: a result of {result.dtype.name} cannot be stored in {target.dtype.name}"
        )
    if lib.tk_copy_into(target._h, result._h):
        fail()
    note_change(target, name)
    target._node = result._node
    return target


def _recorded(target: Tensor, operands: tuple[Any, ...]) -> bool:
    """Whether a change of ``target`` has a place in the graph."""
    if target._node is not None:
        return bool(lib.tk_grad_mode())
    for each in operands:
        if isinstance(each, Tensor) and each._node is not None:
            return bool(lib.tk_grad_mode())
    return False


def _check_changeable(name: str, target: Tensor) -> None:
    """Errors for a recorded change of a leaf, or of memory that other tensors see too."""
    if target._node is not None and target.is_leaf:
        raise RuntimeError(
            f"{name}: a leaf that requires grad cannot be changed in place; use no_grad()"
        )
    if target._h.storage.refs > 1:
        raise RuntimeError(
            f"{name}: the tensor shares its memory with a view, and gradients are recorded; "
            "that is not supported: use the op that returns a new tensor, or clone() first"
        )


def keep_value(target: Tensor) -> Tensor:
    """The tensor's value, in the graph, in memory that the change to come does not touch."""
    return target if target._node is None else OPS["clone"].function(target)


def _needs_operand(row: Op) -> bool:
    """Whether a rule takes the value of the first operand."""
    if not isinstance(row.vjp, dict):
        return False
    rules = [rule for rule in row.vjp.values() if not isinstance(rule, no_grad)]
    return any(row.parameters[0] in inspect.signature(rule).parameters for rule in rules)


def _add_inplace(row: Op, write: Callable[..., int]) -> None:
    name = f"{row.name}_"

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
            return explain(row.body, error, (self, *operands), {})

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"``{row.name}`` in place: writes the result here and returns this tensor."
    method.__wrapped__ = row.body  # type: ignore[attr-defined]
    setattr(Tensor, name, method)


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
        _check_changeable(name, target)
    if write():
        fail()
    note_change(target, name)
    if recorded:
        record(row, target, (target, *operands))
    return target
