"""Launches over whole lists of tensors: optimizer steps, and what is done to all gradients.

They work in place or have no derivative, so they are no rows of the op table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend import fail, ffi, kernel_number, lib
from ..locks import new_lock
from ..tensor import Tensor, wrap

KERNELS = (
    "sgd",
    "adam",
    "adamw",
    "rmsprop",
    "total_norm",
    "combine_norms",
    "scale_all",
    "clamp_all",
)

# Where a step finds its hyperparameters.
HYPER = {
    name: getattr(lib, f"TK_HYPER_{name.upper()}")
    for name in (
        "lr",
        "step",
        "weight_decay",
        "maximize",
        "eps",
        "beta1",
        "beta2",
        "amsgrad",
        "momentum",
        "dampening",
        "nesterov",
        "alpha",
        "centered",
    )
}
HYPER_STEP = HYPER["step"]


class Step:
    """One optimizer rule, launched on many parameters at once.

    ``hyper`` is the C array from which every launch reads its hyperparameters anew, by ``HYPER``. A
    rule has up to three state tensors a parameter.
    """

    __slots__ = (
        "_arrays",
        "_block",
        "_kernel",
        "_lock",
        "_n",
        "_states",
        "_values",
        "counted",
        "followers",
        "hyper",
        "rule",
    )

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self._kernel = kernel_number(rule)
        self._states: tuple[str | None, ...] | None = None
        self._values: Any = None
        self._lock = new_lock()  # the block and the hyperparameters are of one launch
        self.hyper = ffi.new("double[]", lib.TK_HYPER_COUNT)
        # A replayed step counts in ``hyper`` alone; these dicts hear of it when they are looked at.
        self.counted = 0
        self.followers: list[dict[str, Any]] = []

    def tell(self) -> None:
        """Writes the number of steps where those who follow it look."""
        count = int(self.hyper[HYPER_STEP])
        if count != self.counted:
            self.counted = count
            for each in self.followers:
                each["step"] = count

    def set(self, names: tuple[str, ...], values: tuple[float, ...]) -> None:
        """Writes hyperparameters, if they are not those that stand there."""
        if values != self._values:
            for name, value in zip(names, values, strict=True):
                self.hyper[HYPER[name]] = value
            self._values = values

    def __reduce__(self) -> Any:
        return Step, (self.rule,)

    def __call__(
        self, n: int, handles: list[Any], states: tuple[str | None, ...], count: int
    ) -> None:
        """Changes n parameters and their states in place, for the ``count``-th time from 1 on.

        ``handles`` are n of the parameters, n of their gradients, n of each of the ``states`` that
        is not None, in that order. They are written to C anew each time.
        """
        with self._lock:
            if states is not self._states or n != self._n:
                self._arrange(n, states)
            self.hyper[HYPER_STEP] = self.counted = count
            self._block[0 : len(handles)] = handles
            if lib.tk_optim_step(self._kernel, n, *self._arrays, self.hyper):
                fail()

    def _arrange(self, n: int, states: tuple[str | None, ...]) -> None:
        """Room for the handles, and where each list of them begins."""
        used = [True, True, *(name is not None for name in states)]
        self._block = ffi.new("tk_tensor *[]", max(1, n * sum(used)))
        arrays = [ffi.NULL] * 5
        start = 0
        for i, there in enumerate(used):
            if there:
                arrays[i] = self._block + start
                start += n
        self._arrays, self._n, self._states = tuple(arrays), n, states


def _handles(tensors: Sequence[Tensor]) -> list[Any]:
    """For a door, which holds the list, and with it the handles, as long as it runs."""
    return [tensor._h for tensor in tensors]


def total_norm(tensors: Sequence[Tensor], ord: float = 2.0) -> Tensor:
    """The norm of all elements of floating tensors together, of order ``ord`` > 0 or infinite."""
    return wrap(lib.tk_total_norm(len(tensors), _handles(tensors), ord))


def scale_all_(tensors: Sequence[Tensor], factor: Tensor) -> None:
    """Multiplies floating tensors in place by a factor of one element."""
    if lib.tk_scale_all(len(tensors), _handles(tensors), factor._h):
        fail()


def clamp_all_(tensors: Sequence[Tensor], low: float, high: float) -> None:
    """Brings the elements of floating tensors into [low, high], in place."""
    if lib.tk_clamp_all(len(tensors), _handles(tensors), low, high):
        fail()
