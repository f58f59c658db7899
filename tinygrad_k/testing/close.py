"""``assert_close``: values that agree within what their dtype can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor

# (rtol, atol) as torch.testing.assert_close has them; other dtypes must agree exactly.
TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
SHOWN = 5  # differing elements in a message


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        return value.detach()._array()
    return np.asarray(value)


def _dtype_name(value: Any, array: np.ndarray) -> str:
    return value.dtype.name if isinstance(value, Tensor) else str(array.dtype)


def describe(wrong: np.ndarray, rows: Sequence[tuple[str, np.ndarray]]) -> str:
    """The first elements where ``wrong`` holds, with what each named array has there."""
    places = np.argwhere(wrong)
    lines = [f"{len(places)} of {wrong.size} elements differ:"]
    for place in places[:SHOWN]:
        where = tuple(int(i) for i in place)
        values = ", ".join(f"{name} {array[where]:.9g}" for name, array in rows)
        lines.append(f"  [{', '.join(map(str, where))}]: {values}")
    return "\n".join(lines)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    check_stride: bool = False,
    msg: str | None = None,
) -> None:
    """|actual - expected| <= atol + rtol * |expected| for every element, else AssertionError.

    Tensors, NumPy arrays, numbers, and sequences and mappings of these. Without tolerances those of
    the dtype are used: 1.3e-6 and 1e-5 for float32, 1e-7 and 1e-7 for float64, none for integers;
    of two dtypes the wider tolerances. Shapes must be equal, dtypes too unless ``check_dtype`` is
    False. The message shows the elements that differ; ``msg`` replaces it.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"assert_close: rtol and atol go together; got {rtol} and {atol}")
    try:
        _compare(actual, expected, "", rtol, atol, equal_nan, check_dtype, check_stride)
    except AssertionError as error:
        raise AssertionError(msg or str(error)) from None


def _compare(
    actual: Any,
    expected: Any,
    path: str,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_dtype: bool,
    check_stride: bool,
) -> None:
    settings = (rtol, atol, equal_nan, check_dtype, check_stride)
    here = f"assert_close{path}"
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        assert set(actual) == set(expected), (
            f"{here}: keys differ; {sorted(map(str, actual))} and {sorted(map(str, expected))}"
        )
        for key in expected:
            _compare(actual[key], expected[key], f"{path}[{key!r}]", *settings)
        return
    if isinstance(actual, (list, tuple)) and isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), (
            f"{here}: lengths differ; {len(actual)} and {len(expected)}"
        )
        for i, (one, two) in enumerate(zip(actual, expected, strict=True)):
            _compare(one, two, f"{path}[{i}]", *settings)
        return
    a, b = _array(actual), _array(expected)
    assert a.dtype.kind in "fiub" and b.dtype.kind in "fiub", (
        f"{here}: cannot compare {type(actual).__name__} and {type(expected).__name__}"
    )
    names = _dtype_name(actual, a), _dtype_name(expected, b)
    assert a.shape == b.shape, f"{here}: shapes differ; {a.shape} and {b.shape}"
    typed = hasattr(actual, "dtype") and hasattr(expected, "dtype")
    assert not (check_dtype and typed) or names[0] == names[1], (
        f"{here}: dtypes differ; {names[0]} and {names[1]}"
    )
    if check_stride:
        assert a.strides == b.strides, f"{here}: strides differ; {a.strides} and {b.strides}"
    if rtol is None or atol is None:
        known = [TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        rtol, atol = max(each[0] for each in known), max(each[1] for each in known)
    if rtol or atol or "f" in (a.dtype.kind, b.dtype.kind):
        with np.errstate(all="ignore"):
            wide = a.astype(np.float64), b.astype(np.float64)
            wrong = ~np.isclose(*wide, rtol=rtol, atol=atol, equal_nan=equal_nan)
    else:
        wrong = a != b  # as integers: float64 holds them only up to 2**53
    wrong = np.asarray(wrong)
    if wrong.any():
        shown = describe(wrong, (("actual", a), ("expected", b)))
        raise AssertionError(f"{here}: within rtol {rtol:.3g} and atol {atol:.3g}, {shown}")
