"""New tensors of regular numbers: ranges, the identity matrix, coordinates of grids."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import as_dtype, bool_, check_device, dtype as dtype_class, fail, int64, lib
from ..tensor import Tensor, recording, store
from .creation import finish, full, zeros
from .declare import CONSTANT, MADE, root, tried
from .samples import real
from .shape import VIEW, _expand, _reshape, transpose


@tried(ref=np.eye, samples=[(3,), (2, 4), (4, 2), (0,), (0, 3)], vjp=CONSTANT, family=MADE)
@root
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal of an n x m (or n x n) matrix of zeros."""
    if type(n) is int and (m is None or type(m) is int) and not recording():
        kind = as_dtype("eye", dtype)
        if kind.is_floating_point and device is None and 0 <= n < 2**48 > (m or 0) >= 0:
            return finish(lib.tk_eye(kind.number, n, n if m is None else m), requires_grad)
    t = zeros(n, n if m is None else m, dtype=dtype, device=device)
    rows, columns = t.shape
    shape, stride = (min(rows, columns),), (columns + 1,)
    diagonal = finish(lib.tk_as_strided(t._h, 1, shape, stride, 0))
    one = full((), 1, dtype=t.dtype)
    if lib.tk_copy_into(diagonal._h, one._h):
        fail()
    return t.requires_grad_() if requires_grad else t


def _number(name: str, what: str, value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, (Tensor, np.generic)):
        value = value.item()
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name}: {what} must be a number; got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: {what} must be finite; got {value}")
    return value


def _from_doubles(name: str, values: np.ndarray, kind: dtype_class, requires_grad: bool) -> Tensor:
    """The values in the dtype; those that an integer type cannot hold are an error."""
    if not kind.is_floating_point and kind is not bool_ and values.size:
        limits = np.iinfo(kind.numpy)
        low, high = values.min(), values.max()
        if low < limits.min or high > limits.max:
            raise ValueError(f"{name}: {low} to {high} does not fit {kind.name}")
    t = store(values, kind)
    return t.requires_grad_() if requires_grad else t


@tried(
    ref=np.arange,
    samples=[(5,), (2, 7), (7, 2, -2), (0.5, 3.0, 0.7), (0,), (3, 3), (2.0, -1.0, -0.25)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... as long as it lies before ``end``; ``arange(end)`` starts at 0.

    int64 if all three are ints, else float32. Each element is start + i * step, computed in double
    precision (exactly for integers).
    """
    if start is None or end is None:
        start, end = 0, start if end is None else end
    if type(start) is type(end) is type(step) is int and dtype is device is None:
        count = -((start - end) // step) if step else -1
        most = 2**48  # what lies further out is looked at closely, with everything that is odd
        if 0 <= count < most and -most < start < most and -most < step < most and not recording():
            return finish(lib.tk_range_int(count, start, step), requires_grad)
    if device is not None:
        check_device("arange", device)
    start, end = _number("arange", "start", start), _number("arange", "end", end)
    step = _number("arange", "step", step)
    whole = isinstance(start, int) and isinstance(end, int) and isinstance(step, int)
    kind = as_dtype("arange", dtype, int64 if whole else None)
    if kind is bool_:
        raise TypeError("arange: no range of bools")
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: step {step} leads from {start} away from {end}")
    length = -((start - end) // step) if whole else (end - start) / step
    if length >= 2**48:
        raise ValueError(f"arange: {start} to {end} by {step} is too long")
    count = math.ceil(length)
    if not kind.is_floating_point:
        start, step = int(start), int(step)
    if kind.is_floating_point:
        if not recording():
            last = start + (count - 1) * step
            return finish(lib.tk_range_float(kind.number, count, start, step, last), requires_grad)
        values = start + np.arange(count, dtype=np.float64) * step
    else:
        last = start + (count - 1) * step if count else 0
        if not all(-(2**63) <= each < 2**63 for each in (start, last)):
            raise ValueError(f"arange: {start} to {last} does not fit int64")
        values = start + np.arange(count, dtype=np.int64) * (step if count > 1 else 1)
    return _from_doubles("arange", values, kind, requires_grad)


def _steps(name: str, start: Any, end: Any, steps: Any) -> tuple[Any, Any, int]:
    """Start, end and number of a range, checked."""
    start, end = _number(name, "start", start), _number(name, "end", end)
    if isinstance(steps, bool) or not hasattr(steps, "__index__"):
        raise TypeError(f"{name}: steps must be an int; got {steps!r}")
    steps = steps.__index__()
    if not 0 <= steps < 2**48:
        raise ValueError(f"{name}: steps must be in 0 to 2 ** 48; got {steps}")
    return start, end, steps


@tried(
    ref=np.linspace,
    samples=[(0, 1, 5), (2.5, -1, 33), (3, 3, 2), (0, 1, 1), (0, 1, 0)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers in equal distances from ``start`` to ``end``, both included."""
    check_device("linspace", device)
    start, end, steps = _steps("linspace", start, end, steps)
    kind = as_dtype("linspace", dtype)
    if kind.is_floating_point and steps > 1 and not recording():
        step = (end - start) / (steps - 1)
        if step and math.isfinite(step):
            handle = lib.tk_range_float(kind.number, steps, start, step, end)
            return finish(handle, requires_grad)
    return _from_doubles("linspace", np.linspace(start, end, steps), kind, requires_grad)


@tried(
    ref=lambda start, end, steps, base=10.0: np.logspace(start, end, steps, base=base),
    samples=[(0, 1, 5), (2.5, -1, 9, 2.0), (0, 1, 1), (0, 1, 0)],
    vjp=CONSTANT,
    family=MADE,
)
@root
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** x for ``steps`` x in equal distances from ``start`` to ``end``, both included."""
    check_device("logspace", device)
    exponents = np.linspace(*_steps("logspace", start, end, steps))
    with np.errstate(all="ignore"):
        values = np.power(float(_number("logspace", "base", base)), exponents)
    return _from_doubles("logspace", values, as_dtype("logspace", dtype), requires_grad)


@root
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: tensor i of the result varies along dimension i as vector i.

    With ``indexing="xy"`` the first two dimensions are exchanged. The results are views.
    """
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy'; got {indexing!r}")
    if not tensors or not all(isinstance(each, Tensor) and each.ndim <= 1 for each in tensors):
        raise ValueError("meshgrid: expected one or more tensors of at most one dimension")
    shape = tuple([each.numel() for each in tensors])
    grids, behind = [], (1,) * len(shape)
    for each in tensors:
        behind = behind[1:]  # dimensions; those before it need not be there
        grids.append(_expand(_reshape(each, (-1, *behind)) if behind else each, shape))
    if indexing == "xy" and len(grids) > 1:
        return tuple([transpose(grid, 0, 1) for grid in grids])
    return tuple(grids)


@tried(
    ref=lambda x, indexing="ij": tuple(np.meshgrid(*x, indexing=indexing)),
    samples=[([real(3), real(2)],), ([real(3), real(2), real()], "xy"), ([real(0), real(1)],)],
    dtypes="all",
    family=VIEW,
    outputs=2,
    name="meshgrid",
)
def _grid(tensors: Sequence[Tensor], indexing: str = "ij") -> tuple[Tensor, ...]:
    return meshgrid(*tensors, indexing=indexing)
