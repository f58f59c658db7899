"""The verification kit: what this library's own tests are made of, for ops of one's own.

    from tinygrad_k import testing
    from tinygrad_k.testing import real

    def test_cube():
        testing.verify(Cube, real(3, 5), ref=lambda x: x**3)

``verify`` holds a function or an ``autograd.Function`` to every law; ``verified`` is the same as a
decorator; ``check_grads`` checks derivatives to any order of any function; ``assert_close``
compares values as ``torch.testing.assert_close`` does. ``strategies`` and ``programs`` draw shapes,
values, tensors, views and whole programs by Hypothesis (``pip install tinygrad_k[testing]``), which
is imported when one of them is used.
"""

import importlib
from typing import Any

from ..ops.samples import (
    Draw,
    Sample,
    away_from,
    between,
    boolean,
    call,
    distinct,
    index,
    integer,
    permutation,
    positive,
    real,
)
from .close import assert_close
from .grads import GradReport, Kink, KinkWarning, check_grads
from .verify import verified, verify

NEED_HYPOTHESIS = ("programs", "strategies")


def __getattr__(name: str) -> Any:
    """The modules that need Hypothesis."""
    if name not in NEED_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        importlib.import_module("hypothesis")
    except ImportError as error:
        raise ImportError(
            f"testing.{name}: needs Hypothesis; pip install 'tinygrad_k[testing]'"
        ) from error
    return importlib.import_module(f".{name}", __name__)


__all__ = [
    "Draw",
    "GradReport",
    "Kink",
    "KinkWarning",
    "Sample",
    "assert_close",
    "away_from",
    "between",
    "boolean",
    "call",
    "check_grads",
    "distinct",
    "index",
    "integer",
    "permutation",
    "positive",
    "programs",
    "real",
    "strategies",
    "verified",
    "verify",
]
