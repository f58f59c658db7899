"""Drawn calls with one or two arguments spoiled: a result or an exception of ours, nothing else.

Each group of functions runs in a process of its own, so that a crash or a hang is a failure that
names the call. ``python tests/test_bad_arguments.py EXAMPLES SEED NAME ...`` runs some by hand.
"""

from __future__ import annotations

import faulthandler
import inspect
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import limit_memory, mapped
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from test_errors import REFUSALS, attempt, says_who

import tinygrad_k as tk
from tinygrad_k.ops import public_functions
from tinygrad_k.testing.arguments import arguments

SECONDS = 60  # of the processor for one call, far more than any of these takes: it hangs
PATIENCE = 600  # seconds for one call that may wait for something instead
GROUPS = 8
ENDLESS: list[Any] = [1]
ENDLESS.append(ENDLESS)


class Deep(list):
    """Deeper than the stack, and yet it can be printed."""

    def __repr__(self) -> str:
        return "DEEP"


DEEP = Deep()
for _ in range(5000):
    DEEP = Deep([DEEP])

BAD: tuple[Any, ...] = (
    None,
    "text",
    b"bytes",
    object(),
    1j,
    int,
    len,
    {},
    {"dim": 1},
    [],
    [None],
    [[1], [1, 2]],
    ENDLESS,
    DEEP,
    range(3),
    slice(None),
    ...,
    True,
    0,
    -1,
    99,
    -99,
    2**31,
    2**62,
    2**63,
    -(2**63) - 1,
    2**200,
    0.5,
    1e300,
    float("nan"),
    float("inf"),
    (2**31, 2**31),
    (2**40, 2**40, 0),
    (-1, -1),
    (-5,),
    (0, 0),
    (1.5,),
    (1,) * 40,
    (float("nan"),),
    np.float64(2.0),
    np.int64(-7),
    np.zeros(2, "c16"),
    np.array([None, 1]),
    np.array(["a"]),
    np.array([np.nan, 1.0]),
    np.array([2**62, -(2**62)]),
    np.array([[0, 99]]),
    np.ones((1,) * 17)[..., 0],
    np.zeros((0, 3)),
    np.ones(3, np.uint8),
    np.array(True),
    np.broadcast_to(1.0, (3, 3)),
)


def method_names() -> list[str]:
    """Methods of Tensor that are not among the functions."""
    functions = public_functions()
    return [
        name
        for name in dir(tk.Tensor)
        if not name.startswith("_")
        and name not in functions
        and callable(inspect.getattr_static(tk.Tensor, name))
    ]


def targets() -> dict[str, Callable[..., Any]]:
    """Everything public that computes, by name."""
    methods = {f"Tensor.{name}": getattr(tk.Tensor, name) for name in method_names()}
    return public_functions() | methods


@st.composite
def spoiled(draw: Any, function: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    """A drawn call, some of whose arguments were replaced, dropped or added."""
    args, kwargs = draw(arguments(function, special=draw(st.booleans())))
    is_method = int(function.__qualname__.startswith("Tensor.") and bool(args))
    for _ in range(draw(st.integers(1, 2))):
        wrong = draw(st.sampled_from(BAD))
        place = draw(st.integers(is_method, len(args) + len(kwargs)))
        if place < len(args):
            args[place] = wrong
        elif place < len(args) + len(kwargs):
            kwargs[list(kwargs)[place - len(args)]] = wrong
        elif draw(st.booleans()):
            args.append(wrong)
        elif len(args) > is_method:
            args.pop()
    return args, kwargs


def tensor_or_array(x: np.ndarray) -> Any:
    """A tensor where there is one of this dtype and shape, else the array itself."""
    try:
        return tk.from_numpy(x)
    except (TypeError, ValueError):
        return x


def as_tensors(value: Any) -> Any:
    """A drawn argument as it is passed; lists without an end are left alone."""
    endless = value is ENDLESS or value is DEEP
    return value if endless else mapped(tensor_or_array, value, np.ndarray)


# Calls that drawn ones found to fail in other words, or to answer.
MISTAKES = """
x.size(int) | x.size(n) | x.stride(2**70) | x.stride(n) | x.requires_grad_(n)
y.sum().backward(inputs=[None]) | y.sum().backward(inputs=None, gradient=[[None]])
tk.linalg.svd(m) | tk.linalg.svdvals(m) | tk.linalg.pinv(m) | tk.linalg.eigh(m)
tk.autograd.grad(y.sum(), None) | tk.autograd.grad([None], y)
"""


@pytest.mark.parametrize("call", [each.strip() for each in re.split(r"[|\n]", MISTAKES.strip())])
def test_found_before(call: str) -> None:
    names = {"tk": tk, "x": tk.ones(2, 3), "y": tk.ones(2).requires_grad_()}
    endless = [[-5e-324, np.inf, -2e-16], [np.inf, -np.inf, -0.5], [0.0, 2.225e-308, -0.0]]
    names["m"] = tk.tensor(endless, dtype=tk.float64)  # LAPACK iterates on it for ever
    names["n"] = np.array([None, 1])
    with pytest.raises(REFUSALS) as caught:
        eval(call, names)
    says_who(caught.value)


def text_of(name: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return f"{value.dtype}{list(value.shape)}"
        return repr(value)[:60]

    parts = [*map(short, args), *(f"{key}={short(value)}" for key, value in kwargs.items())]
    return f"{name}({', '.join(parts)})"


def run(name: str, function: Callable[..., Any], examples: int, first: int) -> None:
    """Draws and makes calls; before each, its text goes to stderr, where a crash leaves it."""

    @seed(first)
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=False,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(call=spoiled(function))
    def attempts(call: Any) -> None:
        args, kwargs = call
        text = text_of(name, args, kwargs)
        os.write(2, f"{text}\n".encode())
        ready = [as_tensors(each) for each in args]
        words = {key: as_tensors(value) for key, value in kwargs.items()}
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(PATIENCE)
        attempt(text, function, tuple(ready), words)
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)

    attempts()


def main(examples: int, first: int, names: list[str]) -> int:
    faulthandler.enable()
    limit_memory()
    found = targets()
    failures = 0
    for name in names:
        try:
            run(name, found[name], examples, first)
        except BaseException as error:  # an ExceptionGroup too: Hypothesis collects them
            parts = getattr(error, "exceptions", [error])
            failures += len(parts)
            for each in parts:
                print(f"{name}: {type(each).__name__}: {str(each)[:600]}")
    return min(failures, 100)


@pytest.mark.parametrize("group", range(GROUPS))
def test_spoiled_calls(group: int) -> None:
    """As many calls of each function as the profile says, and the same ones where it says so."""
    profile = settings.default
    first = 0 if profile.derandomize else random.SystemRandom().randrange(2**32)
    names = sorted(targets())[group::GROUPS]
    result = subprocess.run(
        [sys.executable, __file__, str(profile.max_examples), str(first), *names],
        capture_output=True,
        text=True,
        timeout=PATIENCE * profile.max_examples,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TK_NUM_THREADS": "2"},
        cwd=Path(__file__).parent,
    )
    last = "\n".join(result.stderr.splitlines()[-12:])
    assert result.returncode >= 0, f"died by signal {-result.returncode}, seed {first}:\n{last}"
    said = result.stdout or last
    assert result.returncode == 0, f"{profile.max_examples} examples, seed {first}\n{said}"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))


@pytest.mark.parametrize("dims", [[True, 0], (0, False), [1.0, 0]])
def test_planes_are_of_ints(dims: Any) -> None:
    with pytest.raises(TypeError, match=r"^rot90: expected ints; got (True|False|1\.0)$"):
        tk.rot90(tk.ones(2, 3), 1, dims)
