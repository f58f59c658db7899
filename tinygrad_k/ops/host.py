"""Ops that NumPy computes: done at once, and noted where the thread records, to be done again.

A replay calls back to Python, which gives the function arrays in the memory of the replay. So the
function must depend on nothing but the values of its arrays, and say nothing about the shape of its
result by them.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import RAISED, dtype, fail, ffi, lib, recorder
from ..tensor import Tensor, array_interface, filled

Compute = Callable[..., Any]


def host(compute: Compute, *operands: Tensor, kind: dtype | None = None) -> Any:
    """A handle of the array that ``compute`` gives for the operands' values.

    Its dtype is ``kind``, by default the first operand's. What it raises, a replay raises too.
    """
    result = np.asarray(_quietly(compute, [each._window() for each in operands]))
    out = filled(result, kind or operands[0].dtype)  # named: a handle dies with its Tensor
    if lib.tk_tapes and result.size:
        _note(compute, out._h, operands)
    return lib.tk_retain(out._h)


def check(compute: Compute, *operands: Tensor) -> None:
    """Calls a function that raises where the operands' values are bad; a replay does, too."""
    _quietly(compute, [each._window() for each in operands])
    if lib.tk_tapes:
        _note(compute, ffi.NULL, operands)


def refuse(bad: Tensor, message: str) -> None:
    """ValueError with this message if one of the bools is true."""
    if not lib.tk_tapes:
        if bad.any():
            raise ValueError(message)
        return

    def compute(array: np.ndarray) -> None:
        if array.any():
            raise ValueError(message)

    check(compute, bad)


def decide(question: str, values: Tensor) -> bool:
    """Whether all of the bools are true; a replay for which the answer has changed raises."""
    answer = bool(values._window().all())

    def compute(array: np.ndarray) -> None:
        if bool(array.all()) is not answer:
            raise RuntimeError(
                f"{question}; it was {answer} when the compiled function was recorded, and is "
                f"{not answer} now"
            )

    if lib.tk_tapes:
        _note(compute, ffi.NULL, (values,))
    return answer


def _quietly(compute: Compute, arrays: list[Any]) -> Any:
    """Infinities and NaN are results, as in C; NumPy would warn of them."""
    with np.errstate(all="ignore"):
        return compute(*arrays)


def _note(compute: Compute, out: Any, operands: tuple[Tensor, ...]) -> None:
    recording = recorder()
    if recording is None:
        return
    handles = [out, *(each._h for each in operands)]
    again = ffi.new_handle(_Again(compute, handles))
    recording.keep(again)
    if lib.tk_note_host(lib.tk_call_python, again, len(handles), handles):
        fail()


class _Again:
    """What a replay calls: a function, and what its arrays are but for their addresses."""

    def __init__(self, compute: Compute, handles: list[Any]) -> None:
        self.compute = compute
        self.forms = [array_interface(each) if each else None for each in handles]

    def __call__(self, data: Any) -> None:
        out, *arrays = [_array(form, data[i], i > 0) for i, form in enumerate(self.forms)]
        result = _quietly(self.compute, arrays)
        if out is not None:
            out[...] = result


class _Memory:
    """An array to be, without an owner."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface


def _array(form: dict[str, Any] | None, address: Any, readonly: bool) -> Any:
    if form is None:
        return None
    if not address:  # without elements
        return np.empty(form["shape"], form["typestr"])
    place = int(ffi.cast("intptr_t", address)), readonly
    return np.asarray(_Memory({**form, "data": place}))


@ffi.def_extern()
def tk_call_python(again: Any, data: Any) -> int:
    """Called by C in the middle of a replay; nonzero where an exception waits for ``fail``."""
    try:
        ffi.from_handle(again)(data)
    except BaseException as error:  # an interrupt too stops the replay
        # Frames would keep arrays of memory that the program owns.
        error.__cause__ = error.__context__ = None
        RAISED[get_ident()] = error.with_traceback(None)
        return -1
    return 0
