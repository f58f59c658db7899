"""Mistakes are Python exceptions that name the op and what it was given; never a crash.

Every argument of every op and public function is spoiled in turn: another type, shape, dtype, an
absurd number. The call must work or say what is wrong in the words of the project.
"""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from typing import Any, NamedTuple

import numpy as np
import pytest
from cases import FLOATS, GROUPS, Case, cases, name_of, rows

import tinygrad_k as tk
from tinygrad_k.backend import DTYPES
from tinygrad_k.ops import OPS, Op, linalg_functions, mistakes, public_functions, table
from tinygrad_k.ops.declare import MADE

# What is absurd and yet accepted must be a MemoryError, wherever there is more.
pytestmark = pytest.mark.usefixtures("little_memory")

# What is made of sizes alone takes any that there is memory for.
every_op = pytest.mark.parametrize(
    "op", rows(lambda op: op.samples and op.family not in ("storage", MADE)), ids=name_of
)

REFUSALS = (TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError, BufferError)
HUGE = (2**31, -(2**31) - 1, 2**62, 2**63, -(2**63) - 1, 2**200)
NO_TENSORS = (None, "text", object(), [], {}, 1j, b"bytes", [1.0, "x"], np.zeros(2, "c16"))
NO_NUMBERS = (None, "text", object(), 1.5, True, (1,), 99, -99, float("nan"), *HUGE)
NO_TUPLES = (None, "text", 99, -99, (99,), (-99,), ("a",), (1.5,), (0, 0), (1,) * 40, *HUGE)

# What may stand before the colon of a message: an op, a public function, a method, or what Python
# calls the use of a tensor as a truth value, an index or a length.
KNOWN = {name.strip("_") for name in (*OPS, *public_functions(), *dir(tk.Tensor), *dir(tk))}
KNOWN |= {*linalg_functions()}
KNOWN |= {"slice"}


def says_who(error: BaseException, *names: str) -> None:
    """The message starts with a name of ours, or with the call that Python itself refused; once."""
    message = str(error)
    found = re.match(r"([A-Za-z_][\w.]*)(: |\(\))", message)
    assert found, f"{type(error).__name__} without a name: {message!r}"
    name = found.group(1).split(".")[-1].strip("_")
    assert name in KNOWN or name in {each.strip("_") for each in names}, message
    assert len(message) > len(found.group(0)) + 8, message
    assert error.__suppress_context__ or str(error.__context__) != message, "told twice"


def attempt(what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> None:
    """The call works, or refuses in our words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*args, **kwargs)
    except REFUSALS as error:
        try:
            says_who(error, getattr(function, "__name__", ""))
        except AssertionError as complaint:
            raise AssertionError(f"{what}: {complaint}") from error
    except MemoryError:
        pass
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}: {error}") from error
    else:
        if isinstance(result, tk.Tensor) and math.prod(n or 1 for n in result.shape) <= 10_000:
            result.tolist()


def spoiled(value: Any) -> Iterator[Any]:
    """What might stand in an argument's place by mistake."""
    if isinstance(value, tk.Tensor):
        yield from NO_TENSORS
        yield from wrong_tensors(value)
    elif isinstance(value, bool):
        yield from (None, "text", 7)
    elif isinstance(value, (int, float)):
        yield from NO_NUMBERS
    elif isinstance(value, (tuple, list)) and all(isinstance(each, int) for each in value):
        yield from NO_TUPLES
        yield (*value, 1)
        yield value[1:]
        yield (*value[1:], 77)
    elif isinstance(value, list):
        yield from (None, [], (), "text", [None], [*value, None], [*value, "x"], [1.0])
        for wrong in wrong_tensors(value[0]):
            yield [*value[1:], wrong]
    elif value is None:
        yield from NO_NUMBERS
        yield from wrong_tensors(tk.from_numpy(np.zeros((2, 3))))
    else:
        yield from (None, "text", 3, object())


def wrong_tensors(like: tk.Tensor) -> Iterator[tk.Tensor]:
    shape = tuple(like.shape)
    for wrong in ((), (7,), (0,), (*shape, 7), (7, *shape), shape[1:], shape[::-1], (1,) * 16):
        yield tk.from_numpy(np.ones(wrong, like.dtype.numpy))
    for kind in DTYPES:
        yield tk.from_numpy(np.full(shape, 1, kind.numpy))
    if not like.dtype.is_floating_point:
        for number in (-1, 120):
            yield tk.from_numpy(np.full(shape, number).astype(like.dtype.numpy))


@every_op
def test_spoiled_arguments(op: Op) -> None:
    for case in cases(op, (GROUPS[op.dtypes][0],)):
        ready = case.changed(tk.from_numpy)
        for i, value in enumerate(ready.args):
            for wrong in spoiled(value):
                args = (*ready.args[:i], wrong, *ready.args[i + 1 :])
                attempt(f"{case} with {wrong!r} for argument {i}", op.function, args, ready.kwargs)
        for name, value in ready.kwargs.items():
            for wrong in spoiled(value):
                kwargs = {**ready.kwargs, name: wrong}
                attempt(f"{case} with {name}={wrong!r}", op.function, ready.args, kwargs)


@every_op
def test_spoiled_arguments_that_want_a_gradient(op: Op) -> None:
    """What the doors accept is recorded, and goes backward, or is refused there."""

    def and_back(*args: Any, **kwargs: Any) -> None:
        result = op.function(*args, **kwargs)
        if isinstance(result, tk.Tensor) and result.requires_grad and result.numel() < 1000:
            seed = tk.from_numpy(np.ones(result.shape, result.dtype.numpy))
            result.backward(seed)

    and_back.__name__ = op.name
    for case in cases(op, (FLOATS[0],)):
        for i, value in enumerate(leaves(case).args):
            for wrong in spoiled(value):
                ready = leaves(case)
                args = (*ready.args[:i], wrong, *ready.args[i + 1 :])
                attempt(f"{case} with {wrong!r} for argument {i}", and_back, args, ready.kwargs)


def leaves(case: Case) -> Case:
    def leaf(x: np.ndarray) -> tk.Tensor:
        tensor = tk.from_numpy(np.array(x))
        return tensor.requires_grad_() if x.dtype.kind == "f" else tensor

    return case.changed(leaf)


FUNCTIONS = sorted(public_functions().items())
ARGUMENTS: tuple[Any, ...] = (
    tk.from_numpy(np.ones((2, 3), np.float32)),
    tk.from_numpy(np.ones((2, 3), np.int64)),
    tk.from_numpy(np.ones((), np.float64)),
    tk.from_numpy(np.ones((0, 3), bool)),
    None,
    1,
    -1,
    2**70,
    0.5,
    "text",
    (2, 3),
    (0,),
    [],
)


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_functions_given_anything(name: str, function: Callable[..., Any]) -> None:
    """Up to three arguments of any kind in any order."""
    rng = np.random.default_rng(0)
    attempt(f"{name}()", function, (), {})
    for first in ARGUMENTS:
        attempt(f"{name}({first!r})", function, (first,), {})
    for _ in range(150):
        picked = rng.integers(0, len(ARGUMENTS), rng.integers(2, 4))
        args = tuple(ARGUMENTS[i] for i in picked)
        attempt(f"{name}{args!r}", function, args, {})


@pytest.mark.parametrize("op", rows(lambda op: op.domain and len(op.domain) == 2), ids=name_of)
def test_shapes_that_do_not_broadcast(op: Op) -> None:
    """The message holds both shapes."""
    kind = GROUPS[op.dtypes][0].numpy
    a, b = (tk.from_numpy(np.ones(shape, kind)) for shape in ((3, 5), (4, 5)))
    with pytest.raises(ValueError) as caught:
        op.function(a, b)
    says_who(caught.value, op.name)
    assert "(3, 5)" in str(caught.value), str(caught.value)
    assert "(4, 5)" in str(caught.value), str(caught.value)


COMPOSED = [
    each
    for name, each in sorted(table.TRIED.items())
    if each.family != MADE and each.function is table.COMPOSITES.get(name)
]


@pytest.mark.parametrize("op", COMPOSED, ids=name_of)
def test_mistakes_are_told_in_the_name_of_what_was_called(op: Op) -> None:
    """Not in that of an op that it is made of."""
    for case in cases(op, (GROUPS[op.dtypes][0],)):
        ready = case.changed(tk.from_numpy)
        for i, value in enumerate(ready.args):
            for wrong in spoiled(value):
                try:
                    op.function(*ready.args[:i], wrong, *ready.args[i + 1 :], **ready.kwargs)
                except (ValueError, TypeError, IndexError) as error:
                    assert re.match(rf"(\w+\.)*{op.function.__name__}(: |\(\))", str(error)), error
                except (RuntimeError, MemoryError):
                    pass


OTHER_NAMES = {name: other for other, names in mistakes.OTHER_NAMES.items() for name in names}


def others_of(name: str) -> list[str]:
    return [other for other, names in mistakes.OTHER_NAMES.items() if name in names]


def has_other_names(op: Op) -> bool:
    """Not where a private helper stands for the function."""
    helper = op.body.__name__.startswith("_") and not op.name.startswith("_")
    return not helper and not OTHER_NAMES.keys().isdisjoint(op.parameters)


@pytest.mark.parametrize("op", rows(has_other_names), ids=name_of)
def test_arguments_given_by_both_of_their_names(op: Op) -> None:
    """They are refused, by place or by name, also where one is what the argument is by default."""
    case = next(cases(op, (GROUPS[op.dtypes][0],))).changed(tk.from_numpy)
    sample = dict(zip(op.parameters, case.args, strict=False)) | case.kwargs
    optional = {name: each.default for name, each in op.signature.parameters.items()}
    for name in OTHER_NAMES.keys() & optional.keys():
        twice, before = rf"\(\) got multiple values .* '{name}'$", op.parameters.index(name)
        for value in {optional[name], sample.get(name, optional[name])} - {Parameter.empty}:
            given = {**sample, name: value, OTHER_NAMES[name]: sample.get(name, 0)}
            with pytest.raises(TypeError, match=twice):
                op.function(**given)
            if before < op.body.__code__.co_argcount:
                args = [given.pop(each, optional[each]) for each in op.parameters[: before + 1]]
                with pytest.raises(TypeError, match=twice):
                    op.function(*args, **given)
        for first, second in itertools.combinations(others_of(name), 2):
            given = {**sample, first: sample.get(name, 0), second: sample.get(name, 0)}
            given.pop(name, None)
            with pytest.raises(TypeError, match=twice):
                op.function(**given)


@every_op
def test_unknown_arguments(op: Op) -> None:
    case = next(cases(op, (GROUPS[op.dtypes][0],)))
    ready = case.changed(tk.from_numpy)
    with pytest.raises(TypeError):
        op.function(*ready.args, **ready.kwargs, no_such_argument=1)
    parameters = signature(op.function).parameters.values()
    if not any(each.kind is each.VAR_POSITIONAL for each in parameters):
        with pytest.raises(TypeError):
            op.function()


def test_any_sequence_of_tensors_is_recorded() -> None:
    """Lists, tuples, named tuples and generators alike; a tensor is no sequence of its rows."""
    parts = [tk.ones(2).requires_grad_() for _ in range(2)]
    for given in (parts, tuple(parts), (each for each in parts), Pair(*parts)):
        tk.cat(given).sum().backward()
    assert all(each.grad.tolist() == [4.0, 4.0] for each in parts)
    with pytest.raises(ValueError, match=r"^cat: expected a sequence"):
        tk.cat(tk.ones(2, 2))


class Pair(NamedTuple):
    """Two tensors."""

    one: tk.Tensor
    two: tk.Tensor


def test_shapes_alone_and_none() -> None:
    """No shapes broadcast; one alone is looked at as several are."""
    assert tk.broadcast_shapes() == ()
    for wrong in ((-1,), (-1,)), ((-1,),), ((2,), (3,)):
        with pytest.raises(ValueError, match="broadcast_shapes: the shapes do not broadcast"):
            tk.broadcast_shapes(*wrong)
