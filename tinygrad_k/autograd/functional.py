"""``jacobian``, ``hessian``, ``vjp``, ``jvp``, ``vhp`` and ``hvp``: see ``func/derivatives.py``.

They are made of ops and of vmap, which lie above this layer, and are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]  # noqa: F822  (lazily, below)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package = __name__.partition(".")[0]
    return getattr(importlib.import_module(f"{package}.func.derivatives"), name)


def __dir__() -> list[str]:
    return __all__
