"""The op table: a row for each op, and how a row puts its results into the graph."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..autograd.node import CLOCK, Node, Plan, getter, shape_of
from ..backend import kernel_number, lib
from ..tensor import Tensor, alias
from .samples import Draw, Sample

RECORD = lib.TK_RECORD
SHARED = lib.TK_BROADCAST | lib.TK_CONVERTED

# The shapes on which elementwise ops are tried, of one operand and of two.
SHAPES = ((3, 5), (), (0, 3), (33,), (2, 1, 4))
PAIRS = (((3, 5), (3, 5)), ((3, 5), (5,)), ((2, 1, 4), (3, 1)), ((), (4,)), ((0, 3), (1, 3)))


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
        self.keeps: tuple[str, ...] = ()  # by-products of the body that rules take
        self.takes = "any"  # tensors: "one", the first argument; a "list", likewise; or "any"
        self.ref: Callable[..., Any] | None = None
        self.given: tuple[Any, ...] = ()  # samples as they were declared
        self.dtypes: str = "float"  # which dtypes the tests try: "float", "number", "all"
        self.family: str = "other"
        self.domain: tuple[Draw, ...] = ()  # of an elementwise op: one draw an operand
        self.function: Callable[..., Any]
        self._plans: dict[int, Plan] = {}

    # Worked out when they are asked for: a program records few of the ops that it imports.

    @functools.cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments."""
        code = self.body.__code__
        return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.cached_property
    def defaults(self) -> tuple[Any, ...]:
        """What arguments are that are not given."""
        return tuple(each.default for each in self.signature.parameters.values())

    @functools.cached_property
    def positions(self) -> dict[str, int]:
        """Where the arguments and by-products stand among what a rule may take."""
        return {name: i for i, name in enumerate(self.parameters + self.keeps)}

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


def _samples(given: Iterable[Any]) -> tuple[Sample, ...]:
    return tuple(each if isinstance(each, Sample) else Sample(tuple(each)) for each in given)


OPS: dict[str, Op] = {}
COMPOSITES: dict[str, Callable[..., Any]] = {}
LINALG: dict[str, Callable[..., Any]] = {}  # what stands in tk.linalg
TRIED: dict[str, Op] = {}  # what is not one kernel but has a reference and samples of its own
ROOT_ONLY: set[str] = set()


def record(op: Op, out: Tensor, args: tuple[Any, ...]) -> None:
    """Puts ``out = op(*args)`` into the graph if one of the operands is there."""
    wanted, bit = 0, 1
    inputs, operands = [], []
    for arg in args:
        for each in arg if type(arg) is list or type(arg) is tuple else (arg,):
            if isinstance(each, Tensor):
                node = each._node
                if node is not None:
                    wanted += bit
                    inputs.append(node)
                    operands.append(each)
            bit += bit
    if wanted:
        args = op.bind(args, {})
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
    if not plan.saves:
        node.saved = ()
    elif plan.of_shape:
        node.saved = (shape_of(args[0]),)
    else:
        node.stamp = CLOCK[0]
        pick = plan.pick
        if pick is not None:
            node.saved = pick(args)
        elif plan.of_result:
            node.saved = (alias(out),)
        elif plan.rest is not None:
            node.saved = (shape_of(args[0]),) + plan.rest(args)  # noqa: RUF005 (in half the time)
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
