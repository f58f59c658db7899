"""``verify``: every law that the ops of this library are held to, for an op of one's own."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..backend import float64
from ..ops import Op
from ..ops.samples import Draw, Sample
from ..tensor import from_numpy
from .cases import FLOATS, Case, assert_agrees, case_of
from .grads import array_of, check_grads
from .laws import call as run
from .layouts import LAYOUTS, contiguous, expanded


class Own:
    """A function in the place of a row of the op table."""

    family = "other"
    dtypes = "float"
    domain = ()
    vjp = staticmethod(lambda g: g)  # every floating operand has a gradient

    def __init__(self, function: Callable[..., Any], ref: Callable[..., Any] | None) -> None:
        self.function, self.ref = function, ref
        owner = getattr(function, "__self__", None)
        self.name = getattr(owner or function, "__qualname__", type(function).__name__)
        self.parameters = itertools.repeat("")

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        return (*args, *kwargs.values())


def verify(
    target: Any,
    *samples: Any,
    ref: Callable[..., Any] | None = None,
    order: int = 2,
    dtypes: Iterable[Any] = FLOATS,
    seeds: Iterable[int] = (0, 1),
) -> None:
    """Holds an op to the laws of this library; AssertionError where one is broken.

    ``target`` is a function of tensors, a subclass of ``autograd.Function``, or a row of the op
    table (its own samples and reference are used then). Each sample is a tuple of arguments, or
    ``call(...)`` with keywords; a ``Draw`` in it (``real(3, 5)``, ``positive(4)``,
    ``index(7, below=3)``) is drawn anew for every seed. A single ``Draw`` is a sample of one
    argument. The laws: ``ref``, a function of NumPy arrays in float64, gives the same values; the
    layout of the operands in memory does not show; operands are not changed; the same call gives
    the same bits; derivatives up to ``order`` pass ``check_grads`` (0: no derivative is expected).
    """
    if isinstance(target, type) and hasattr(target, "apply"):
        target = target.apply
    if isinstance(target, Op):
        row: Any = target
        samples = samples or target.samples
        order = order if target.differentiable else 0
    else:
        row = Own(target, ref)
    if not samples:
        raise ValueError(f"verify: {row.name} needs at least one sample")
    first = case_of(row, _sample(samples[0]), float64).call()
    if isinstance(first, (tuple, list)):
        for i in range(len(first)):
            function, expected = _item(row.function, i), row.ref and _item(row.ref, i)
            verify(function, *samples, ref=expected, order=order, dtypes=dtypes, seeds=seeds)
        return
    for sample, seed in itertools.product(map(_sample, samples), seeds):
        for kind in dtypes:
            _check_values(case_of(row, sample, kind, seed))
        if order:
            _check_derivatives(case_of(row, sample, float64, seed), order, seed)


def _item(function: Callable[..., Any], i: int) -> Callable[..., Any]:
    """The function that returns one of another's results."""

    @functools.wraps(function)
    def item(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)[i]

    item.__qualname__ = f"{getattr(function, '__qualname__', 'function')}[{i}]"
    return item


def _sample(given: Any) -> Sample:
    if isinstance(given, Sample):
        return given
    return Sample((given,) if isinstance(given, Draw) else tuple(given))


def _check_values(case: Case) -> None:
    before = [np.array(x) for x in case.arrays()]
    result = array_of(case.call())
    expected = case.reference()
    if expected is not None:
        assert_agrees(case, result, expected)
    again = array_of(case.call())
    assert again.tobytes() == result.tobytes(), f"{case}: a second call gives other values"
    for layout in LAYOUTS:
        laid = case.changed(layout)
        plain = array_of(laid.changed(contiguous).call()) if layout is expanded else result
        try:
            assert_agrees(case, array_of(laid.call()), plain)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n  with operands laid out as {layout.__name__}"
            ) from None
    for x, old in zip(case.arrays(), before, strict=True):
        assert x.tobytes() == old.tobytes(), f"{case} changed an operand"


def _check_derivatives(case: Case, order: int, seed: int) -> None:
    arrays = case.arrays()
    places = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]

    def function(*leaves: Any) -> Any:
        tensors: list[Any] = [from_numpy(np.array(x)) for x in arrays]
        for i, leaf in zip(places, leaves, strict=True):
            tensors[i] = leaf
        return run(case, tensors)

    if places:
        try:
            check_grads(function, *(arrays[i] for i in places), order=order, seed=seed)
        except AssertionError as error:
            raise AssertionError(f"{case}: {error}") from None


def verified(
    *samples: Any, ref: Callable[..., Any] | None = None, order: int = 2
) -> Callable[[Callable[..., Any]], Callable[[], None]]:
    """Decorator: makes a function of tensors a test without arguments that verifies it.

    ::

        @verified((real(3, 5), positive(5)), ref=lambda x, y: x / np.sqrt(y))
        def test_scaled(x, y):
            return Scaled.apply(x, y)
    """

    def declare(function: Callable[..., Any]) -> Callable[[], None]:
        @functools.wraps(function)
        def test() -> None:
            verify(function, *samples, ref=ref, order=order)

        # pytest would take the arguments of the function itself for fixtures
        test.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
        del test.__wrapped__
        return test

    return declare
