"""The op table, the kernel registry and the public names hold together; nothing is left over."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import GROUPS, name_of, rows

import tinygrad_k as tk
from tinygrad_k.backend import kernel_rows
from tinygrad_k.ops import OPS, Op, linalg_functions, public_functions, row_of
from tinygrad_k.ops.declare import no_grad

PACKAGE = Path(tk.__file__).parent
SOURCE = PACKAGE.parent / "csrc"
FUNCTIONS = sorted(public_functions().items()) + sorted(linalg_functions().items())

PUBLIC_MODULES = (
    *("autograd", "autograd.functional", "data", "func", "io", "linalg", "nn", "nn.functional"),
    *("nn.init", "nn.utils", "optim", "optim.lr_scheduler", "testing", "train", "utils"),
    "utils.checkpoint",
)

every_op = pytest.mark.parametrize("op", list(OPS.values()), ids=name_of)
every_function = pytest.mark.parametrize(
    ("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS]
)


def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its dotted name below the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@every_function
def test_docstrings(name: str, function: Callable[..., Any]) -> None:
    """Every public function says what it computes, in a first line that is a sentence."""
    doc = inspect.getdoc(function) or ""
    first = doc.split("\n\n")[0].replace("\n", " ")
    assert len(first) > 8, f"{name} has no docstring"
    assert first.rstrip().endswith((".", ":", "?")), f"{name}: {first!r} is no sentence"


@every_function
def test_functions_stand_in_the_package(name: str, function: Callable[..., Any]) -> None:
    """A public function is found in tk, tk.linalg or tk.nn.functional under its name."""
    homes = [tk, tk.linalg, getattr(getattr(tk, "nn", None), "functional", None)]
    assert any(hasattr(home, name) for home in homes), name


def test_public_methods_have_docstrings() -> None:
    missing = [
        name
        for name in dir(tk.Tensor)
        if not name.startswith("_") and not inspect.getdoc(getattr(tk.Tensor, name))
    ]
    assert not missing, missing


@every_op
def test_rows_are_complete(op: Op) -> None:
    """A name, a known group of dtypes, rules for known arguments; a reference needs samples."""
    assert op.dtypes in GROUPS
    assert op.function.__wrapped__ is op.body
    if op.ref is not None:
        assert op.samples, f"{op.name} has a reference but no samples"
    if isinstance(op.vjp, no_grad):
        assert len(op.vjp.reason) > 8, f"{op.name} does not say why it has no gradient"
    elif not callable(op.vjp):
        assert set(op.vjp) <= set(op.parameters), f"{op.name} has a rule for no argument of it"
    rules = [] if isinstance(op.vjp, no_grad) else [op.vjp] if callable(op.vjp) else op.vjp.values()
    for rule in rules:
        if callable(rule):
            needs = set(list(inspect.signature(rule).parameters)[1:])
            shapes = {f"{name}_shape" for name in op.parameters}
            assert needs <= {*op.positions, *shapes, "result", "wanted"}, (
                f"{op.name}: it takes {needs}"
            )


def test_every_op_is_tried() -> None:
    """An op without samples is one that an op with samples needs for its derivative."""
    untried = {op.name for op in OPS.values() if not op.samples and op.family != "storage"}
    used = {name for op in rows(lambda op: op.samples) for name in names_in_rules(op)}
    assert untried <= used, untried - used


# What the laws of ops cannot try, and why; each of these has tests of its own.
UNTRIED = {
    "no tensor goes in": "broadcast_shapes is_tensor",
    "no tensor comes out": "allclose equal is_complex is_floating_point is_nonzero is_same_size "
    "is_signed numel",
    "there is nothing to compare": "empty empty_like",
    "it is drawn at random": "bernoulli multinomial normal rand rand_like randint randint_like "
    "randn randn_like randperm",
    "it is about the memory, which a reference does not have": "as_strided detach from_dlpack "
    "frombuffer",
    "it takes anything": "as_tensor asarray tensor",
}


def test_every_public_function_is_tried() -> None:
    """What ``python -m tinygrad_k.ops`` prints is an op, or has a reference and samples."""
    everything = public_functions() | {f"linalg.{k}": f for k, f in linalg_functions().items()}
    untried = {name for name, function in everything.items() if row_of(name, function) is None}
    assert untried == set(" ".join(UNTRIED.values()).split())


def names_in_rules(op: Op) -> Iterator[str]:
    """The global names that an op's rules use, through private helpers too."""
    todo: list[Any] = [op.function] if op.name not in OPS else []
    if isinstance(op.vjp, dict):
        todo += [rule for rule in op.vjp.values() if callable(rule)]
    elif callable(op.vjp):
        todo += [op.vjp]
    seen = set()
    while todo:
        function = inspect.unwrap(todo.pop())
        code = getattr(function, "__code__", None)
        if code is None or code in seen:
            continue
        seen.add(code)
        for name in code.co_names:
            value = function.__globals__.get(name)
            if callable(value) and str(getattr(value, "__module__", "")).startswith(
                "tinygrad_k.ops"
            ):
                yield getattr(value, "__name__", name)
                todo.append(value)


def strings() -> set[str]:
    """Every string constant of the package."""
    return {
        node.value
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def numbers_in_c() -> set[str]:
    """Kernels that the core chooses by itself, by the numbers it names."""
    if not SOURCE.exists():
        pytest.skip("the C sources are not beside the package")
    text = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "core").glob("*.c"))
    found = set(re.findall(r"\bTK_K_(\w+)", text))
    for name in set(found):  # `TK_K_cast_f32 + dtype` reaches the rows of that prefix
        if re.search(rf"TK_K_{name}\s*\+", text):
            prefix = name.rsplit("_", 1)[0] + "_"
            found |= {row for row, _, _ in kernel_rows() if row.startswith(prefix)}
    return found


def test_every_kernel_is_used() -> None:
    """A row of csrc/kernels.def belongs to an op, or is named in the package or the core."""
    used = {op.kernel_name for op in OPS.values()} | strings() | numbers_in_c()
    unused = [name for name, _, _ in kernel_rows() if name not in used]
    assert not unused, unused


def test_kernel_rows_have_bodies() -> None:
    """Every row has a dtype, and an op of a kernel takes what the kernel has a body for."""
    bodies = {name: set(kinds) for name, _, kinds in kernel_rows()}
    assert all(bodies.values())
    for op in OPS.values():
        if op.kernel_name and op.domain:
            assert set(GROUPS[op.dtypes]) <= bodies[op.kernel_name], op.name


def test_names_are_unique() -> None:
    """No module declares an op that another one declared."""
    declared: dict[str, str] = {}
    for op in OPS.values():
        key = f"{op.body.__module__}.{op.body.__qualname__}"
        assert declared.setdefault(op.name, key) == key


# -- layers ------------------------------------------------------------------------------------

LAYERS = (
    "backend",
    "tensor",
    "autograd",
    "ops",
    "nn",
    "optim",
    "func",
    "utils",
    "capture",
    "io",
    "data",
    "train",
    "testing",
)


def imports(name: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What a module imports from the package, also late, but for types: (dotted name, line)."""
    is_package = (PACKAGE / name.replace(".", "/") / "__init__.py").exists() or name == "__init__"
    parts = [] if name == "__init__" else name.split(".")
    for_types = {
        inner for node in ast.walk(tree) if is_type_checking(node) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parts[: len(parts) - node.level + is_package]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield ".".join([*base, alias.name]), node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinygrad_k"):
            inside = node.module.split(".")[1:] if node.module else []
            for alias in node.names:
                yield ".".join([*inside, alias.name]), node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("tinygrad_k."):
                    yield alias.name.removeprefix("tinygrad_k."), node.lineno


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def test_imports_go_down() -> None:
    """backend < tensor < autograd < ops < nn < optim < func < utils < capture <
    io < data < train < testing."""
    wrong = []
    for name, tree in modules().items():
        layer = name.split(".")[0]
        if layer not in LAYERS:
            continue
        for target, line in imports(name, tree):
            other = target.split(".")[0]
            if other in LAYERS and LAYERS.index(other) > LAYERS.index(layer):
                wrong.append(f"{name}:{line} imports {target}")
    assert not wrong, wrong


def test_one_importer_of_the_extension() -> None:
    found = {
        name
        for name, tree in modules().items()
        for target, _ in imports(name, tree)
        if target.split(".")[0] == "_kernels"
    }
    assert found == {"backend"}, found


def test_upper_layers_name_no_kernel() -> None:
    """nn and what lies above it compute by ops: they do not reach for doors."""
    for name, tree in modules().items():
        if name.split(".")[0] in ("nn", "optim", "utils", "io", "data", "train"):
            doors = [
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and node.attr.startswith("tk_")
            ]
            assert not doors, f"{name} calls {doors}"


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_public_modules_offer_their_own_names_alone(name: str) -> None:
    module = importlib.import_module(f"tinygrad_k.{name}")
    assert len(set(module.__all__)) == len(module.__all__)
    for each in module.__all__:
        home = getattr(getattr(module, each), "__module__", "tinygrad_k")
        assert home.startswith("tinygrad_k"), f"{each} of {home}"


def test_autograd_names_no_op() -> None:
    names = {name for name in OPS if len(name) > 4}
    for name, tree in modules().items():
        if name.split(".")[0] == "autograd" and name != "autograd.gradcheck":
            texts = {
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            assert not texts & names, (name, texts & names)


def test_annotations_resolve() -> None:
    """The types that signatures name exist, so that editors and the stub can show them."""
    for op in OPS.values():
        typing.get_type_hints(op.body)
