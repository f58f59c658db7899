"""Writes the types of what the op table attaches at import: methods of Tensor, and functions.

    python tools/stubs.py            writes tinygrad_k/_methods.pyi, _functions.pyi, _functional.pyi
    python tools/stubs.py --check    exits with 1 where they are not what it would write

Editors and mypy read them; nothing imports them at run time. Run it after adding an op.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tinygrad_k
from tinygrad_k import Tensor
from tinygrad_k.ops import functional_functions, load, root_functions

PACKAGE = Path(tinygrad_k.__file__).parent
HEAD = '''"""{what} Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .backend import dtype as dtype_class
from .random import Generator
from .tensor import Size, Tensor

'''
# Methods and functions have some of these names, so annotations say whose they are.
BUILTINS = {"int", "float", "bool", "str", "tuple", "list", "dict", "type", "object"}
BUILTINS |= {"bytes", "memoryview", "complex"}
KNOWN = {"Any", "Callable", "Generator", "Iterable", "Iterator", "None", "Sequence", "Size"}
KNOWN |= {"Tensor", "dtype_class"}
NAMES = {"dtype": "dtype_class", "torch_dtype": "dtype_class"}


def annotation(given: Any) -> str:
    """An annotation in the words of the stub; Any where it names something else."""
    if given is inspect.Parameter.empty:
        return "Any"
    text = given if isinstance(given, str) else getattr(given, "__name__", "Any")
    words = {NAMES.get(word, word) for word in re.findall(r"[A-Za-z_][\w.]*", text)}
    if not words <= BUILTINS | KNOWN:
        return "Any"
    text = re.sub(r"[A-Za-z_][\w.]*", lambda m: NAMES.get(m.group(), m.group()), text)
    return re.sub(
        r"[A-Za-z_]\w*",
        lambda m: f"builtins.{m.group()}" if m.group() in BUILTINS else m.group(),
        text,
    )


def lines(name: str, function: Callable[..., Any], method: bool) -> Iterator[str]:
    """The declaration of a function, with the first line of its docstring."""
    signature = inspect.signature(function)
    parts: list[str] = []
    star = False
    for i, each in enumerate(signature.parameters.values()):
        kind = each.kind
        if kind is each.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or kind in (each.VAR_POSITIONAL, each.KEYWORD_ONLY)
        prefix = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(kind, "")
        if method and i == 0 and not prefix:
            parts.append("self")
            continue
        default = "" if each.default is each.empty else " = ..."
        parts.append(f"{prefix}{each.name}: {annotation(each.annotation)}{default}")
    if method and "self" not in parts:
        parts.insert(0, "self")
    in_place = name.endswith("_")
    returns = "Tensor" if in_place else annotation(signature.return_annotation)
    if returns == "Any" and getattr(function, "__wrapped__", None) and name in tinygrad_k.ops.OPS:
        returns = "Tensor"  # the body of an op returns a handle, the op a tensor
    indent = "    " if method else ""
    yield f"{indent}def {name}("
    yield from (f"{indent}    {part}," for part in parts)
    yield f"{indent}) -> {returns}:"
    doc = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    quoted = doc.replace("\\", "\\\\").replace('"""', "'''")
    short = quoted if len(quoted) < 84 else quoted[:80].rsplit(" ", 1)[0] + " ..."
    yield f'{indent}    """{short}"""' if short else f"{indent}    ..."


def attached() -> dict[str, Callable[..., Any]]:
    """The public methods of Tensor that its class statement does not have."""
    source = (PACKAGE / "tensor.py").read_text(encoding="utf-8")
    own = set(re.findall(r"^    (?:def )?(\w+)(?:\(| =|:)", source, re.MULTILINE))
    found = {}
    for name in sorted(dir(Tensor)):
        value = inspect.getattr_static(Tensor, name)
        if not name.startswith("_") and name not in own and inspect.isfunction(value):
            found[name] = value
    return found


def functions(what: str, table: dict[str, Callable[..., Any]]) -> str:
    """A stub of functions."""
    body = [line for name in sorted(table) for line in (*lines(name, table[name], False), "")]
    return HEAD.format(what=what) + "\n".join(body)


def stubs() -> dict[str, str]:
    """The text of each file."""
    load()
    methods = attached()
    body = [line for name in methods for line in (*lines(name, methods[name], True), "")]
    return {
        "_methods.pyi": HEAD.format(what="Methods of Tensor that the op table attaches.")
        + "class Methods:\n"
        + "\n".join(body).rstrip()
        + "\n",
        "_functions.pyi": functions("Functions of the package's root.", root_functions()),
        "_functional.pyi": functions("Functions of nn.functional.", functional_functions()),
    }


def main() -> int:
    stale = 0
    for name, text in stubs().items():
        path = PACKAGE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale += 1
            if "--check" in sys.argv:
                print(f"{name} is not what the op table says; run python tools/stubs.py")
            else:
                path.write_text(text, encoding="utf-8")
    return min(stale, 1) if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
