"""The op table. Importing it loads every declaration and attaches the methods to Tensor."""

from collections.abc import Callable
from typing import Any

from ..autograd import engine, node
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    comparison,
    creation,
    ctc,
    decompositions,
    diagonal,
    distance,
    einsum,
    embedding,
    functional,
    groups,
    index,
    interop,
    join,
    linalg,
    linear_algebra,
    loss,
    margin,
    names,
    normalization,
    numbers,
    piecewise,
    pixels,
    random,
    reduction,
    scan,
    scatter,
    shape,
    sharing,
    sort,
    special,
    statistics,
    subscript,
    transcendental,
    views,
    windows,
)
from .declare import COMPOSITES, LINALG, OPS, ROOT_ONLY, TRIED, Op

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
    einsum,
    decompositions,
    linear_algebra,
    piecewise,
    activation,
    normalization,
    loss,
    distance,
    groups,
    margin,
    ctc,
    creation,
    diagonal,
    index,
    subscript,
    join,
    scatter,
    views,
    sharing,
    sort,
    statistics,
    random,
    functional,
    embedding,
    pixels,
    windows,
    names,
    interop,
)

engine.use_operations(OPS["add"], shape.sum_to, shape.convert)
node.use_followers(sharing.followers)


def _public() -> dict[str, Callable[..., Any]]:
    """Every op and composite of the public face; fused gradients and helpers are not."""
    functions = {name: op.function for name, op in OPS.items()} | COMPOSITES
    return {
        name: function
        for name, function in functions.items()
        if not name.startswith("_") and not name.endswith("_backward")
    }


# The modules whose functions stand in nn.functional, and which of them the root has, too.
_FUNCTIONAL = {
    each.__name__: getattr(each, "ROOT", ()) for each in MODULES if hasattr(each, "FUNCTIONAL")
}


def root_functions() -> dict[str, Callable[..., Any]]:
    """What stands in the package's root."""
    limits = _FUNCTIONAL
    return {
        name: f
        for name, f in _public().items()
        if f.__module__ not in limits or name in limits[f.__module__]
    }


def functional_functions() -> dict[str, Callable[..., Any]]:
    """What stands in nn.functional: activations, normalisation, losses, and linear."""
    return {
        name: f
        for name, f in _public().items()
        if f.__module__ in _FUNCTIONAL or name in ("linear", "sigmoid", "tanh")
    } | names.faces()


def linalg_functions() -> dict[str, Callable[..., Any]]:
    """What stands in tk.linalg."""
    return dict(LINALG)


def public_functions() -> dict[str, Callable[..., Any]]:
    """Every public function, wherever it stands."""
    return root_functions() | functional_functions()


for _name, _function in root_functions().items():
    if not hasattr(Tensor, _name) and _name not in ROOT_ONLY:
        setattr(Tensor, _name, _function)

__all__ = [
    "COMPOSITES",
    "MODULES",
    "OPS",
    "TRIED",
    "Op",
    "functional_functions",
    "linalg_functions",
    "public_functions",
    "root_functions",
]
