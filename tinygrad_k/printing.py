"""How tensors are printed: as PyTorch prints them."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from .backend import bool_, get_default_dtype, int64
from .tensor import Tensor


class PrintOptions(NamedTuple):
    """What ``set_printoptions`` sets; the values are PyTorch's."""

    precision: int = 4
    threshold: float = 1000  # more elements than this are summarised
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed; what is not given stays, ``profile`` first sets everything.

    ``precision`` digits behind the point; more than ``threshold`` elements are summarised by
    ``edgeitems`` at both ends of a dimension; ``linewidth`` characters a line; profiles
    ``"default"``, ``"short"`` and ``"full"``; ``sci_mode`` None chooses by the numbers.
    """
    global _options
    base = _options
    if profile is not None:
        if profile not in PROFILES:
            raise ValueError(
                f"set_printoptions: profile must be one of {list(PROFILES)}; got {profile!r}"
            )
        base = PROFILES[profile]
    given: dict[str, Any] = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not value >= 0):
            raise ValueError(f"set_printoptions: {name} must be a number, 0 or more; got {value!r}")
    changes = {name: value for name, value in given.items() if value is not None}
    _options = base._replace(**changes, sci_mode=sci_mode)


class _Format:
    """The text of single elements, all of one width."""

    def __init__(self, values: np.ndarray) -> None:
        self.floating = values.dtype.kind == "f"
        self.whole = self.scientific = False
        if self.floating:
            measured = values[np.isfinite(values) & (values != 0)].astype(np.float64)
            self._choose(measured)
        else:
            measured = values.reshape(-1)
        self.width = max([len(self._plain(value)) for value in measured.tolist()], default=1)

    def _choose(self, measured: np.ndarray) -> None:
        """Whole numbers are written without decimals; a wide range in scientific notation."""
        self.whole = bool(np.all(measured == np.ceil(measured)))
        if measured.size:
            largest, smallest = float(np.abs(measured).max()), float(np.abs(measured).min())
            self.scientific = (
                largest / smallest > 1000 or largest > 1e8 or (not self.whole and smallest < 1e-4)
            )
        if _options.sci_mode is not None:
            self.scientific = _options.sci_mode

    def _plain(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{_options.precision}e}"
        if self.whole:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{_options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self._plain(value).rjust(self.width)


MOST_SHOWN = 2**16  # elements of a summary: one a dimension's end of the most dimensions, 16


def _edgeitems(array: np.ndarray) -> int:
    """How many elements a summary shows at the ends of a dimension: fewer where there are many."""
    n = _options.edgeitems
    while n > 1 and math.prod(min(2 * n, size) for size in array.shape) > MOST_SHOWN:
        n -= 1
    return n


def _edges(array: np.ndarray, n: int) -> np.ndarray:
    """The elements that a summary shows."""
    kept = [
        [*range(n), *range(size - n, size)] if size > 2 * n else range(size) for size in array.shape
    ]
    return array[np.ix_(*kept)]  # in one step: along one axis alone it may still be enormous


def _nested(array: np.ndarray, indent: int, n: int, form: _Format) -> str:
    """The elements, at most ``n`` at both ends of a dimension, in brackets, one pair a dimension.

    ``indent`` columns stand to the left.
    """
    if array.ndim == 0:
        return form(array.item())
    cut = len(array) > 2 * n
    shown = [*array[:n], *array[len(array) - n :]] if cut else array
    if array.ndim > 1:
        parts = [_nested(each, indent + 1, n, form) for each in shown]
        if cut:
            parts.insert(n, "...")
        return "[" + (",".ljust(array.ndim, "\n") + " " * (indent + 1)).join(parts) + "]"
    items = [form(value.item()) for value in shown]
    if cut:
        items.insert(n, " ...")
    per_line = max(1, (_options.linewidth - indent) // (form.width + 2))
    lines = [", ".join(line) for line in _batches(items, per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _batches(items: list[str], size: int) -> list[list[str]]:
    rest = iter(items)
    return list(iter(lambda: list(itertools.islice(rest, size)), []))


def tensor_text(t: Tensor) -> str:
    """A tensor's elements, and its size, dtype and grad_fn where they do not show."""
    prefix = "tensor("
    array, kind, suffixes = t._array(), t.dtype, []
    if array.size:
        n = _edgeitems(array) if array.size > _options.threshold else array.size
        form = _Format(_edges(array, n))
        body = _nested(array, len(prefix), n, form)
        plain = kind in (get_default_dtype(), int64, bool_)
    else:
        body, plain = "[]", kind is get_default_dtype()
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
    if not plain:
        suffixes.append(f"dtype={kind!r}")
    if not t.is_leaf:
        suffixes.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    text = prefix + body
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            column = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"
