"""How many wrong derivative rules do the laws notice?

``python tests/mutation.py [--jobs N] [--only NAME] [--list]``

Every rule of the op table, and every private helper that a rule calls, is changed in one place at a
time: a sign flipped, a term or a factor dropped, operands exchanged, a constant moved, a function
replaced by its neighbour, a branch taken away. The change is made in the running process, by giving
the function the code of the changed source, so that a mutant costs milliseconds; then the laws of
derivatives run for the ops whose rules reach the function. An op without samples of its own is
judged by the laws of the functions made of it. A mutant is killed when a law fails.

What is no rule is not changed: ops and public functions, also where a rule calls them or is one,
and how ops are declared. The laws of references and errors judge these.

Prints the share killed, and the survivors. Exits 1 below the goal.
"""

from __future__ import annotations

import argparse
import ast
import copy
import multiprocessing
import os
import signal
import sys
import textwrap
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from cases import rows

from tinygrad_k.ops import public_functions
from tinygrad_k.testing.laws import check_op, differentiable

# An op hides the composite of its name; other composites that are tried like ops are here, too.
OPS = {op.name: op for op in reversed(rows())}
FAILING: list[str] = []  # ops whose laws do not hold as they are
FACES = {id(op.function) for op in OPS.values()} | {id(x) for x in public_functions().values()}
GOAL = 0.99  # of all mutants that change a gradient
SECONDS = 10  # of CPU; a mutant that runs longer has an endless loop, and counts as killed

# One-operand functions that are easily confused; every op function is also replaced by its operand.
NEIGHBOURS = {
    "sin": "cos",
    "cos": "sin",
    "sinh": "cosh",
    "cosh": "sinh",
    "exp": "log",
    "log": "exp",
    "square": "neg",
    "sqrt": "square",
    "rsqrt": "sqrt",
    "reciprocal": "neg",
    "gt": "lt",
    "lt": "gt",
    "ge": "le",
    "le": "ge",
    "eq": "ne",
    "ne": "eq",
    "maximum": "minimum",
    "minimum": "maximum",
    "floor": "ceil",
    "trunc": "floor",
    "floor_divide": "remainder",
    "logical_and": "logical_or",
    "amax": "amin",
}

# Code that forward calls share: the laws of errors judge it.
FORWARD = {"mask_of", "widths"}
# How ops are declared, and how Python is called.
PLUMBING = ("declare", "elementwise", "host", "inplace", "mistakes", "table")

# Mutants that compute the same gradient wherever there is one: (function, what, why). Texts match
# from their beginning.
MINUS_ZERO = "0 and -0 are the same gradient"
NO_SHORTCUT = "the way around a shortcut: slower, the same values"
SAME_DIM = "names the same dimension: this tensor has two"
NO_ELEMENTS = "any step through no elements is the same"
MASKED = "any number: chosen away, or divides 0"
UNWANTED = "computes what nobody takes"
SIGNS = "both are 1 or -1"
CHOSEN = "there is no derivative; test_choices holds what we give"
CERTAIN = "no sample is certain; test_extremes has probabilities of 0 and 1"
WINDOWS = "every sample starts at the start of its memory; test_storage has windows that do not"
EQUIVALENT = (
    ("rule of", "sign of flat(", MINUS_ZERO),
    ("rule of", "sign of zeros_like(", MINUS_ZERO),
    ("flat", "sign of", MINUS_ZERO),
    ("_unstride", "sign of wrap(lib.tk_full_float", MINUS_ZERO),
    ("_power_base", "1.0 -> ", MASKED),
    ("_power_base", "input * 2 if other == 2", NO_SHORTCUT),
    ("_power_base", "sign of flat(", MINUS_ZERO),
    ("_power_exponent", "0 -> 1", NO_SHORTCUT),
    ("_power_exponent", "1.0 -> 2.0", CHOSEN),
    ("_apart", "1.0 -> ", MASKED),
    ("_svd_rule", "1.0 -> ", MASKED),
    ("_share_of", "1.0 -> ", MASKED),
    ("_squared_radius", "1.0 -> ", MASKED),
    ("_sinc_slope", "1.0 -> ", MASKED),
    ("_sinc_slope", "8 -> 9", "one more term, of no weight"),
    ("_xlogy_slope", "1.0 -> ", CHOSEN),
    ("_xlogy_slope", "0.0 -> 1.0", CHOSEN),
    ("_xlogy_slope", "where(", CHOSEN),
    ("rule of xlogy", "1.0 -> ", MASKED),
    ("rule of _logit", "where(", CHOSEN),
    ("_square_root_rule", "1.0 -> ", MASKED),
    ("_square_root_rule", "0.0 -> 1.0", CHOSEN),
    ("_square_root_rule", "where(", CHOSEN),
    ("_logsumexp_rule", "0.0 -> 1.0", CHOSEN),
    ("_norm_rule", "1.0 -> ", MASKED),
    ("_norm_rule", "0.0 -> 1.0", CHOSEN),
    ("_norm_rule", "where(", CHOSEN),
    ("_borrowed", "1 -> ", NO_ELEMENTS),
    ("_borrowed", "last - np.abs(places) -> np.abs(places) - last", "its size alone is taken"),
    ("_extreme_rule", "isnan(input)", CHOSEN),
    ("_extreme_rule", "where(isnan(total)", CHOSEN),
    ("_det_rule", "1 -> 2", "square matrices"),
    ("_det_rule", "_det(u.detach()) * ", SIGNS),
    ("_det_rule", "g * turn -> g / turn", SIGNS),
    ("rule of _slogdet", "1 -> -1", "the last of two"),
    ("_linear_rule", "_linear", UNWANTED),
    ("_linear_rule", "2 -> ", NO_SHORTCUT),
    ("_layer_norm_slopes", "s", UNWANTED),
    ("_layer_norm_slopes", "_sum(each, rows) if rows", NO_SHORTCUT),
    ("_batch_norm_rule", "None if ", UNWANTED),
    ("_group_norm_rule", "None if ", UNWANTED),
    ("_batch_norm_frozen_rule", "1 -> ", NO_SHORTCUT),
    ("_batch_norm_frozen_rule", "neg(total * scale) if", UNWANTED),
    ("_batch_norm_frozen_rule", "product * scale * rstd * -0.5 if", UNWANTED),
    ("_batch_norm_frozen_rule", "product if", UNWANTED),
    ("_batch_norm_frozen_rule", "total if", UNWANTED),
    ("_bent", "input - target -> target - input", "the size alone is taken"),
    ("_log_odds", "100.0 -> ", CERTAIN),
    ("_log_odds", "clamp(log(1.0 - x), min=-100.0) -> ", CERTAIN),
    ("_bernoulli_variance", "1e-12 -> ", CERTAIN),
    ("_bernoulli_variance", "clamp(x * (1.0 - x), min=1e-12) -> ", CERTAIN),
    ("_entropy_bend", "1e-12 -> ", CERTAIN),
    ("_entropy_bend", "0.0 -> 1.0", CERTAIN),
    ("_entropy_bend", "where(", CERTAIN),
    ("_rms_norm_rule", "2 -> 3", UNWANTED),
    ("_rms_norm_rule", "_sum(g * z, rows) if rows", NO_SHORTCUT),
    ("rule of _nan_to_num", "0.0 -> 1.0", CHOSEN),
    ("rule of _nan_to_num", "where(", CHOSEN),
    ("rule of _unfold", "2 -> -2", "the last two of four"),
    ("rule of _nanmedian", "False -> True", "a number broadcasts with a dimension or without"),
    ("_scaled", "1 -> -1", NO_SHORTCUT),
    ("_scaled", "t if alpha == 1", NO_SHORTCUT),
    ("_spread", "g if keepdim", NO_SHORTCUT),
    ("_matmul_input", "1 -> -1", NO_SHORTCUT),
    ("_matmul_input", "2 -> ", NO_SHORTCUT),
    ("_matmul_input", "full if", NO_SHORTCUT),
    ("_matmul_other", "2 -> ", NO_SHORTCUT),
    ("_matmul_other", "input.ndim > 2", NO_SHORTCUT),
    ("_matmul_other", "full if", NO_SHORTCUT),
    ("_matmul_other", "1 -> -1", SAME_DIM),
    ("_matmul_other", "-1 -> 1", SAME_DIM),
    ("_linear_weight", "1 -> -1", SAME_DIM),
    ("_linear_weight", "2 -> -2", NO_SHORTCUT),
    ("_rows", "sign of", "both factors change their sign"),
    ("_linear_weight", "-1 -> 1", SAME_DIM),
    ("_linear_bias", "1 -> -1", NO_SHORTCUT),
    ("_linear_bias", "g if", NO_SHORTCUT),
    ("_part", "key.read(t) if", NO_SHORTCUT),
    ("_exclusive", "sign of one", "both factors change their sign"),
    ("_prod_rule", "False -> True", "a dropped dimension of size 1 broadcasts as well"),
    ("_inverse", "0 -> 1", "every entry is overwritten"),
    ("_inverse", "d % len(dims) -> d", "Python counts from the end by itself"),
    ("_unselect", "1 -> 2", "a step over one element"),
    ("_cat_gradients", "0 -> 1", NO_ELEMENTS),
    ("_cat_gradients", "1 -> ", NO_ELEMENTS),
    ("_unstride", "0 -> 1", "either test alone finds an empty tensor"),
    ("_unstride", "n > 1 -> n <= 1", "no sample is expanded; test_storage has one that is"),
    ("_unstride", "1 -> -1", "no sample has one element with a step of 0"),
    ("_unstride", "1 -> 2", "a longer buffer than needed"),
    ("_unstride", "_ends(size, stride", WINDOWS),
    ("_unstride", "max(ends) - low", WINDOWS),
    ("_unstride", "start - low", WINDOWS),
    ("_unstride", "storage_offset - low", WINDOWS),
    ("_unstride", "True -> False", "the shapes agree"),
    ("_ends", "", WINDOWS),
    ("_is_apart", "", NO_SHORTCUT),
    ("rule of _spread", "1 -> 2", "NumPy takes any size below 0 for the missing one"),
    ("_places", "True -> False", "the shapes agree"),
    ("_places", "1 -> 2", "NumPy takes any size of one element for one"),
)


# -- which functions ---------------------------------------------------------------------------


def rules_of(op: Any) -> list[types.FunctionType]:
    """The rules of an op that are not ops themselves."""
    found = op.vjp.values() if isinstance(op.vjp, dict) else [op.vjp]
    return [rule for rule in found if is_rule(rule)]


def is_rule(value: Any) -> bool:
    """Whether this is a function of the op modules that belongs to rules: no op, nothing public."""
    return (
        isinstance(value, types.FunctionType)
        and str(value.__module__).startswith("tinygrad_k.ops")
        and value.__module__.split(".")[-1] not in PLUMBING
        and value.__name__ not in FORWARD
        and id(value) not in FACES
    )


def helpers(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """The private functions that a function calls."""
    names = list(function.__code__.co_names)
    for constant in function.__code__.co_consts:
        if isinstance(constant, types.CodeType):
            names += constant.co_names
    yield from filter(is_rule, map(function.__globals__.get, names))
    yield from filter(is_rule, (cell.cell_contents for cell in function.__closure__ or ()))


def judges() -> dict[str, list[str]]:
    """For every op with a rule, the ops whose laws judge it.

    That is itself, if it has samples; else those whose laws record it, which shows in its plans.
    """
    found: dict[str, list[str]] = {op.name: [] for op in OPS.values() if differentiable(op)}
    orphans = [OPS[name] for name in found if not OPS[name].samples]
    for name in found:
        forget_plans()
        failure = broken_law(OPS[name])
        if failure:
            print(f"{name}: the laws fail without any change, so say nothing: {failure}")
            FAILING.append(name)
        elif OPS[name].samples:
            found[name].append(name)
            for op in orphans:
                if op._plans:
                    found[op.name].append(name)
    return found


class Target:
    """Functions of one code that rules reach, the ops whose rules do, and those that judge it."""

    def __init__(self) -> None:
        self.functions: dict[types.FunctionType, None] = {}
        self.owners: dict[str, None] = {}
        self.judges: dict[str, None] = {}


def reached() -> Iterator[Target]:
    """What rules reach."""
    found: dict[types.CodeType, Target] = {}
    for owner, judging in judges().items():
        todo, seen = rules_of(OPS[owner]), set()
        while todo:
            function = todo.pop()
            if function in seen:
                continue
            seen.add(function)
            target = found.setdefault(function.__code__, Target())
            target.functions[function] = target.owners[owner] = None
            target.judges.update(dict.fromkeys(judging))
            todo += helpers(function)
    yield from found.values()


def forget_plans() -> None:
    """Plans know which arguments a rule takes."""
    for op in OPS.values():
        op._plans.clear()


# -- changes -----------------------------------------------------------------------------------


def changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], ast.AST]]]:
    """What can be done to a node: (description, the node in its place)."""

    def text(each: ast.AST) -> str:
        return " ".join(ast.unparse(each).split())

    if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.BitAnd, ast.RShift)):
        here = text(node)
        yield f"{here} -> {text(node.left)}", lambda: node.left
        yield f"{here} -> {text(node.right)}", lambda: node.right
        other = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
        if type(node.op) in other:
            changed = ast.BinOp(node.left, other[type(node.op)](), node.right)
            yield f"{here} -> {text(changed)}", lambda: changed
        if isinstance(node.op, (ast.Sub, ast.Div)):
            swapped = ast.BinOp(node.right, node.op, node.left)
            yield f"{here} -> {text(swapped)}", lambda: swapped
    elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        another = ast.BinOp(node.left, node.op, ast.Constant(2 * node.right.value))
        yield f"{text(node)} -> {text(another)}", lambda: another
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield f"{text(node)} -> {text(node.operand)}", lambda: node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in {node.value + 1, -node.value} - {node.value}:
            yield f"{node.value} -> {value}", lambda value=value: ast.Constant(value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", lambda: ast.Constant(not node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name, here = node.func.id, text(node)
        if name in NEIGHBOURS:
            call = ast.Call(ast.Name(NEIGHBOURS[name], ast.Load()), node.args, node.keywords)
            yield f"{here} -> {text(call)}", lambda: call
        if name in OPS and len(node.args) == 1:
            yield f"{here} -> {text(node.args[0])}", lambda: node.args[0]
        if name == "where" and len(node.args) == 3:
            a, b, c = node.args
            swapped_call = ast.Call(node.func, [a, c, b], [])
            yield f"{here} -> {text(swapped_call)}", lambda: swapped_call
            yield f"{here} -> {text(b)}", lambda: b
            yield f"{here} -> {text(c)}", lambda: c
    elif isinstance(node, ast.IfExp):
        yield f"{text(node)} -> {text(node.body)}", lambda: node.body
        yield f"{text(node)} -> {text(node.orelse)}", lambda: node.orelse
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        flipped: dict[type, type] = {
            ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq,
            ast.Lt: ast.GtE,
            ast.Gt: ast.LtE,
            ast.LtE: ast.Gt,
            ast.GtE: ast.Lt,
            ast.Is: ast.IsNot,
            ast.IsNot: ast.Is,
        }
        kind = flipped.get(type(node.ops[0]))
        if kind:
            compare = ast.Compare(node.left, [kind()], node.comparators)
            yield f"{text(node)} -> {text(compare)}", lambda: compare


def mutate(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Copies of a function's tree, each with one change."""
    body = [tree.body] if isinstance(tree, ast.Lambda) else list(tree.body)  # type: ignore[attr-defined]
    places = [each for part in body for each in walk(part)]
    for i, node in enumerate(places):
        for k, (what, _) in enumerate(list(changes(node))):
            fresh = copy.deepcopy(tree)
            parts = [fresh.body] if isinstance(fresh, ast.Lambda) else list(fresh.body)  # type: ignore[attr-defined]
            target = [each for part in parts for each in walk(part)][i]
            made = list(changes(target))[k][1]()
            yield what, Replace(target, made).visit(fresh)
    results = [tree] if isinstance(tree, ast.Lambda) else returns(tree)
    for i in range(len(results)):
        fresh = copy.deepcopy(tree)
        holder = [fresh] if isinstance(fresh, ast.Lambda) else returns(fresh)
        each = holder[i]
        value = each.body if isinstance(each, ast.Lambda) else each.value
        negated = ast.BinOp(value, ast.Mult(), ast.Constant(-1))
        if isinstance(each, ast.Lambda):
            each.body = negated
        else:
            each.value = negated
        yield f"sign of {' '.join(ast.unparse(value).split())}", fresh


def returns(tree: ast.AST) -> list[Any]:
    """Return statements with a value that may be a tensor: a tuple or a comparison is none."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Return)
        and node.value is not None
        and not isinstance(node.value, (ast.Tuple, ast.List, ast.Compare, ast.Constant))
    ]


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a rule that compute: no annotations, docstrings, raised messages or masks."""
    if isinstance(node, (ast.Raise, ast.Import, ast.ImportFrom)):
        return
    yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ctx"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from walk(each)


class Replace(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return self.new
        return self.generic_visit(node)


# -- making mutants ----------------------------------------------------------------------------


class Mutant:
    """One change of one piece of code: where, what, and the changed code."""

    def __init__(self, target: Target, where: str, what: str, code: types.CodeType) -> None:
        self.target, self.where, self.what, self.code = target, where, what, code

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def find(module: ast.Module, function: types.FunctionType) -> Any:
    """The lambda or def of a function in its module's tree."""
    line, name = function.__code__.co_firstlineno, function.__name__
    found: list[Any] = []
    for node in ast.walk(module):
        if name == "<lambda>" and isinstance(node, ast.Lambda) and node.lineno == line:
            wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
            if tuple(each.arg for each in node.args.args) == wanted:
                found.append(node)
        elif isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if line in (first, node.lineno):
                found.append(node)
    if len(found) > 1:  # several lambdas on a line: the one whose columns the code has
        first, last = columns(function.__code__)
        found = [x for x in found if x.body.col_offset <= first and last <= x.body.end_col_offset]
    return found[0] if len(found) == 1 else None


def columns(code: types.CodeType) -> tuple[int, int]:
    """The first and the last column of a function's body on its line."""
    line = code.co_firstlineno
    places = [each for each in code.co_positions() if each[0] == line and each[1] == line]
    ends = [(start, end) for _, _, start, end in places if start is not None and end]
    return min(start for start, _ in ends), max(end for _, end in ends)


def code_of(node: ast.AST, function: types.FunctionType) -> types.CodeType:
    """The code of a function's tree, closed over the same free variables."""
    free = function.__code__.co_freevars
    if isinstance(node, ast.Lambda):
        inner: ast.stmt = ast.Assign([ast.Name("made", ast.Store())], node)
    else:
        inner = copy.deepcopy(node)  # type: ignore[assignment]
        inner.decorator_list = []  # type: ignore[attr-defined]
        inner.name = "made"  # type: ignore[attr-defined]
    outer = ast.parse("def outer(): pass").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.args.args = [ast.arg(name) for name in free]
    outer.body = [inner, ast.Return(ast.Name("made", ast.Load()))]
    future = ast.parse("from __future__ import annotations").body
    tree = ast.fix_missing_locations(ast.Module([*future, outer], []))
    space: dict[str, Any] = {}
    exec(compile(tree, "<mutant>", "exec"), function.__globals__ | {}, space)
    made = space["outer"](*[None] * len(free))
    return made.__code__


def mutants(only: str | None) -> Iterator[Mutant]:
    """Every mutant, or those of the functions that one op's rules reach, or of one function."""
    trees: dict[str, ast.Module] = {}
    for target in reached():
        function = next(iter(target.functions))
        if only and only not in target.owners and only != function.__name__:
            continue
        path = function.__code__.co_filename
        if path not in trees:
            trees[path] = ast.parse(Path(path).read_text(encoding="utf-8"))
        node = find(trees[path], function)
        name = function.__name__.replace("<lambda>", f"rule of {next(iter(target.owners))}")
        if node is None:
            print(f"not found: {name} in {path}:{function.__code__.co_firstlineno}")
            continue
        where = f"{Path(path).name}:{function.__code__.co_firstlineno} {name}"
        for what, changed in mutate(node):
            try:
                code = code_of(changed, function)
            except (SyntaxError, TypeError, ValueError):
                continue
            if len(code.co_freevars) == len(function.__code__.co_freevars):
                yield Mutant(target, where, what, code)


# -- judging -----------------------------------------------------------------------------------


class TooLong(Exception):
    """The mutant does not come to an end."""


def _alarm(*_: Any) -> None:
    raise TooLong


def broken_law(op: Any) -> str | None:
    """What the laws say against an op as it is now."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_op(op)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def verdict(mutant: Mutant) -> str | None:
    """What killed a mutant; None if it lives."""
    functions = list(mutant.target.functions)
    original = functions[0].__code__
    put(functions, mutant.code)
    signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return next(filter(None, (broken_law(OPS[name]) for name in mutant.target.judges)), None)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        put(functions, original)


def put(functions: list[types.FunctionType], code: types.CodeType) -> None:
    """Gives the functions this code, and lets the plans be made anew."""
    for each in functions:
        each.__code__ = code
    forget_plans()


def excuse(mutant: Mutant) -> tuple[str, str, str] | None:
    """The row of EQUIVALENT that a mutant falls under."""
    name = mutant.where.split(" ", 1)[1]
    for row in EQUIVALENT:
        if name.startswith(row[0]) and mutant.what.startswith(row[1]):
            return row
    return None


MUTANTS: list[Mutant] = []  # filled before the processes that judge them are forked


def judged(number: int) -> tuple[str, str, Any]:
    """The fate of a mutant, its name, and why."""
    mutant = MUTANTS[number]
    killer = verdict(mutant)
    row = excuse(mutant)
    state = "killed" if killer else "equivalent" if row else "alive"
    return state, str(mutant), killer or row


def main() -> int:
    """Judges all mutants and prints what lives."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", help="an op, or a helper of rules")
    parser.add_argument("--list", action="store_true", help="print every mutant and its fate")
    options = parser.parse_args()
    MUTANTS.extend(mutants(options.only))
    with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
        results = pool.map(judged, range(len(MUTANTS)), chunksize=8)
    count = {
        state: sum(each[0] == state for each in results)
        for state in ("killed", "alive", "equivalent")
    }
    for state, what, why in sorted(results):
        if state == "alive" or options.list:
            reason = why[2] if state == "equivalent" else why.splitlines()[0][:100] if why else "?"
            print(f"{state:10}  {what}  [{reason}]")
    used = {why for state, _, why in results if state == "equivalent"}
    idle = [] if options.only else [row for row in EQUIVALENT if row not in used]
    for row in idle:
        print(f"excuses nothing: {row}")
    changed = count["killed"] + count["alive"]
    rate = count["killed"] / changed if changed else 0.0
    print(
        f"{len(results)} mutants: {count['killed']} killed, {count['alive']} alive, "
        f"{count['equivalent']} equivalent; {100 * rate:.2f}% killed, goal {100 * GOAL:.0f}%"
    )
    return 0 if rate >= GOAL and not FAILING and not idle else 1


if __name__ == "__main__":
    sys.exit(main())
