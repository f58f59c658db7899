"""The op table. Importing it attaches the methods to Tensor.

It loads the declarations that programs begin with. Those of ``LATE`` follow, all at once, when
something of them, or the whole table, is asked for.
"""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

from ..autograd import engine, node
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    comparison,
    conversion,
    creation,
    declare,
    diagonal,
    filling,
    index,
    interop,
    join,
    linalg,
    names,
    normalization,
    numbers,
    piecewise,
    random,
    ranges,
    rearrange,
    reduction,
    scan,
    scatter,
    shape,
    sharing,
    sort,
    special,
    strides,
    subscript,
    transcendental,
    views,
)
from .declare import LINALG, ROOT_ONLY, Op

MODULES = (
    comparison,
    arithmetic,
    numbers,
    transcendental,
    special,
    shape,
    reduction,
    scan,
    linalg,
    piecewise,
    activation,
    normalization,
    creation,
    ranges,
    conversion,
    filling,
    diagonal,
    index,
    subscript,
    join,
    rearrange,
    strides,
    scatter,
    views,
    sharing,
    sort,
    random,
    names,
    interop,
)

engine.use_operations(declare.OPS["add"], shape.sum_to, shape.convert)
node.use_followers(sharing.followers)


# What is loaded when it is first used, and the names that the package's root has of it.
LATE = {
    "ctc": "ctc_loss",
    "distance": "cdist cosine_similarity pairwise_distance pdist",
    "einsum": "einsum kron tensordot",
    "embedding": "bilinear",
    "functional": "",
    "groups": "group_norm instance_norm rms_norm",
    "linear_algebra": "det inverse logdet matrix_power pinverse slogdet",
    "labels": "",
    "loss": "",
    "margin": "cosine_embedding_loss hinge_embedding_loss margin_ranking_loss poisson_nll_loss",
    "pixels": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "statistics": "aminmax corrcoef cov diff logcumsumexp median mode nanmean nanmedian "
    "nanquantile nansum quantile trapezoid trapz",
    "windows": "",
}
LATE_NAMES = frozenset(" ".join(LATE.values()).split())
LATE_METHODS = LATE_NAMES - {"einsum", "tensordot"}  # all but what takes several tensors alike

# The names that the root has of modules which it does not have whole.
_ROOT = {f"{__name__}.{name}": names.split() for name, names in LATE.items()}
_ROOT |= {each.__name__: each.ROOT for each in MODULES if hasattr(each, "ROOT")}


@functools.cache
def load() -> None:
    """Loads what is late; its methods take the places of those that did so."""
    for name in LATE:
        importlib.import_module(f".{name}", __name__)
    for name in LATE_METHODS:
        setattr(Tensor, name, declare.COMPOSITES.get(name) or declare.OPS[name].function)


def _late(name: str) -> Callable[..., Any]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        load()
        return getattr(self, name)(*args, **kwargs)

    method.__name__ = name
    return method


def _public() -> dict[str, Callable[..., Any]]:
    """Every op and composite of the public face; fused gradients and helpers are not."""
    functions = {name: op.function for name, op in declare.OPS.items()} | declare.COMPOSITES
    return {
        name: function
        for name, function in functions.items()
        if not name.startswith("_") and not name.endswith("_backward")
    }


def _early() -> dict[str, Callable[..., Any]]:
    """What stands in the package's root from the beginning."""
    return {
        name: f
        for name, f in _public().items()
        if f.__module__ not in _ROOT or name in _ROOT[f.__module__]
    }


def root_functions() -> dict[str, Callable[..., Any]]:
    """What stands in the package's root."""
    load()
    return _early()


def functional_functions() -> dict[str, Callable[..., Any]]:
    """What stands in nn.functional: activations, normalisation, losses, and linear."""
    load()
    return {
        name: f
        for name, f in _public().items()
        if getattr(sys.modules[f.__module__], "FUNCTIONAL", False)
        or name in ("linear", "sigmoid", "tanh")
    } | names.faces()


def linalg_functions() -> dict[str, Callable[..., Any]]:
    """What stands in tk.linalg."""
    load()
    return dict(LINALG)


def public_functions() -> dict[str, Callable[..., Any]]:
    """Every public function, wherever it stands."""
    return root_functions() | functional_functions()


def row_of(name: str, function: Callable[..., Any]) -> Op | None:
    """The row by whose laws a public function is tried: its own, or that of its first name."""
    load()
    rows = [*declare.TRIED.values(), *declare.OPS.values()]
    own = [row for row in rows if row.name.partition("[")[0] == name]
    body = inspect.unwrap(function)
    found = own or [row for row in rows if inspect.unwrap(row.function) is body]
    return next((row for row in found if row.samples), None)


def __getattr__(name: str) -> Any:
    """The whole table is asked for."""
    if name in ("COMPOSITES", "OPS", "TRIED"):
        load()
        return getattr(declare, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


EARLY = _early()
for _name, _function in EARLY.items():
    if _name not in ROOT_ONLY and _name not in vars(Tensor):
        setattr(Tensor, _name, _function)
for _name in LATE_METHODS:
    setattr(Tensor, _name, _late(_name))

__all__ = [
    "COMPOSITES",
    "EARLY",
    "LATE_METHODS",
    "LATE_NAMES",
    "MODULES",
    "OPS",
    "TRIED",
    "Op",
    "functional_functions",
    "linalg_functions",
    "load",
    "public_functions",
    "root_functions",
    "row_of",
]
