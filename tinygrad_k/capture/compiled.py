"""``tk.compile``: a function that is recorded once for each kind of arguments, then replayed."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import ffi, lib, world
from ..ops.creation import as_tensor
from ..tensor import Tensor
from ..trees import Nest
from .guards import Guards
from .program import MISS, SHARED, Program, Unfit
from .recording import Recording, any_meet, tensors_in
from .structure import PLACE, put_together, take_apart

SIGNATURES = 16  # programs kept for one function; the one used longest ago goes first
_SHARED = "an argument shares memory with another tensor that is used"
PATIENCE = 8  # recordings that could not be replayed, after which no more are made


class Compiled:
    """A function whose launches are recorded at its first call and replayed from C afterwards."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        # Each with the structure of its arguments, None for tensors by position alone.
        self._programs: list[tuple[Program, Any, Guards | None]] = []
        self._notes: list[str] = []
        self._failures = 0
        self._attribute: str | None = None  # in the class where it is a method
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._programs and not kwargs and not world.recorders:
            program, structure, guards = self._programs[0]
            if (
                structure is None
                and len(args) == program.count
                and (guards is None or guards.hold())
            ):
                for each in args:
                    if type(each) is not Tensor or each._node is not None:
                        break
                else:
                    result = program(args)
                    if result is not MISS and result is not SHARED:
                        return result
        return self._call(args, kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: each instance has programs of its own."""
        if instance is None:
            return self
        name = self._attribute
        if name is None or getattr(type(instance), name, None) is not self:
            name = f"{self._name} compiled"  # behind super(), or under a name not known here
        made = vars(instance)
        if name not in made:
            made[name] = Compiled(self._function.__get__(instance, owner))
        return made[name]

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    def __reduce__(self) -> Any:
        """Copies and pickles record for themselves."""
        return Compiled, (self._function,)

    # -- all but the common case ------------------------------------------------------------------

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if lib.tk_recording():
            return self._function(*args, **kwargs)  # a part of the function that is recorded
        tensors: list[Tensor] = []
        structure: Any = take_apart((args, kwargs), tensors, _as_input)
        if any(not isinstance(each._h, ffi.CData) for each in tensors):
            return self._function(*args, **kwargs)  # inside of vmap
        plain = _is_plain(structure)
        shared = False
        for i, (program, other, guards) in enumerate(self._programs):
            same = other is None if plain else other == structure
            if same and program.count == len(tensors) and (guards is None or guards.hold()):
                if any(each._node is not None for each in tensors):
                    break
                result = program(tensors)
                shared = result is SHARED
                if shared:
                    break
                if result is not MISS:
                    if i:
                        self._programs.insert(0, self._programs.pop(i))
                    return result
        args, kwargs = put_together(structure, tensors)
        reason = _SHARED if shared else self._reason(tensors)
        if reason:
            self._note(reason)
            return self._function(*args, **kwargs)
        return self._record(args, kwargs, tensors, None if plain else structure)

    def _reason(self, tensors: Sequence[Tensor]) -> str:
        """Why this call is not worth recording, if so."""
        if self._failures >= PATIENCE:
            return "it runs eagerly: too many recordings could not be replayed"
        if any(each._node is not None for each in tensors):
            return "an argument requires grad"
        storages = [each._h.storage for each in tensors]
        if any(a == b for i, a in enumerate(storages) for b in storages[:i]):
            return _SHARED
        return ""

    def _record(self, args: Any, kwargs: Any, tensors: list[Tensor], structure: Any) -> Any:
        function = self._function
        stale = [each for each in self._programs if each[0].structure != world.structure]
        if stale:
            self._note(f"{len(stale)} programs dropped: tensors or modules were replaced")
            self._programs = [each for each in self._programs if each not in stale]
        guards = Guards.of(function)
        with Recording(tensors) as recording:
            result = function(*args, **kwargs)
        made: list[Tensor] = []
        shape = take_apart(result, made, lambda value: value if isinstance(value, Tensor) else None)
        try:
            if any_meet(
                tensors, [*recording.reachable(), *tensors_in(guards.values() if guards else [])]
            ):
                raise Unfit(_SHARED)
            recording.holds(getattr(function, "__self__", None))
            for value in guards.values() if guards else ():
                recording.holds(value)
            program = Program(recording, tensors, made, shape)
        except Unfit as why:
            if not recording.settling and str(why) != _SHARED:
                self._failures += 1
                if self._failures == PATIENCE:
                    warnings.warn(f"compile: {self._name} runs eagerly: {why}", stacklevel=3)
            self._note(f"not replayed: {why}")
        else:
            self._programs.insert(0, (program, structure, guards))
            del self._programs[SIGNATURES:]
        return _without_graph(result, made, shape)

    def _over_rows(
        self,
        data: Sequence[Tensor],
        order: Tensor,
        start: int,
        batches: int,
        batch_size: int,
        totals: list[float],
    ) -> Any:
        """Batches in C, as ``Program.over_rows``; MISS where no program is for them."""
        wanted = [(each.dtype, (batch_size, *each.shape[1:])) for each in data]
        for program, structure, guards in self._programs:
            if structure is None and program.inputs == wanted and (guards is None or guards.hold()):
                return program.over_rows(data, order, start, batches, totals)
        return MISS

    @property
    def _name(self) -> str:
        return getattr(self._function, "__qualname__", type(self._function).__name__)

    def _note(self, text: str) -> None:
        if not self._notes or self._notes[-1] != text:
            self._notes = [*self._notes[-7:], text]

    # -- what is there ----------------------------------------------------------------------------

    def explain(self) -> str:
        """What is replayed, for each kind of arguments: launches, what was fused or left out,
        bytes, shares of the time; and why something was recorded again or runs eagerly."""
        parts = [f"{self._name}: {len(self._programs)} programs"]
        for program, _, _ in self._programs:
            shapes = ", ".join(f"{kind.name} {shape}" for kind, shape in program.inputs)
            parts.append(f"({shapes}): {program.text()}")
        return "\n".join([*parts, *(f"note: {note}" for note in self._notes)])

    def memory(self) -> dict[str, int]:
        """Bytes of the program that was used last: ``arena``, its scratch memory; ``results``, made
        anew at each call; ``gradients``; ``outside``, parameters and the like."""
        if not self._programs:
            raise RuntimeError(f"memory: {self._name} has not been recorded; call it first")
        return self._programs[0][0].bytes()


def _as_input(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    return as_tensor(value) if isinstance(value, np.ndarray) else None


def _is_plain(structure: Nest) -> bool:
    """Whether the arguments are tensors by position and nothing else."""
    args, kwargs = structure.parts
    return not kwargs.parts and all(part is PLACE for part in args.parts)


def _without_graph(result: Any, made: list[Tensor], shape: Any) -> Any:
    """The result of a recorded run as a replay would give it: outside the graph."""
    if all(each._node is None or each.is_leaf for each in made):
        return result
    return put_together(
        shape, [each if each._node is None or each.is_leaf else each.detach() for each in made]
    )


def compile(function: Callable[..., Any] | None = None) -> Any:
    """Records what a function does at its first call, and replays it from C afterwards.

    For functions of tensors, NumPy arrays (which arrive as tensors) and plain values, that return
    tensors, plain values, or nested tuples, lists and dicts of them: a training step with forward,
    loss, ``backward()``, clipping and ``optimizer.step()``, or inference under ``no_grad()``. Also
    a decorator. Each kind of arguments (shapes, dtypes, strides, plain values), module modes and
    grad mode is recorded once; results equal those of the plain function bit for bit.

    Python itself is not run again: what the function prints, appends or counts happens when it is
    recorded, and lists or arrays that it turns into tensors are taken as they were then, as are the
    attributes of objects that are no modules. It cannot read values (``item()``, ``bool``,
    printing): that is a RuntimeError at the line. Parameters, learning rates, dropout and batch
    statistics go on as in the plain function. Results are outside the graph. ``explain()`` tells
    what is replayed, ``memory()`` its bytes.
    """
    if function is None:
        return compile
    if not callable(function):
        raise TypeError(f"compile: expected a function; got {type(function).__name__}")
    return Compiled(function)
