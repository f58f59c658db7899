"""The functions behind the modules: activations, normalisation, losses, ``linear`` and others.

They are what the op table says belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops import functional_functions

globals().update(functional_functions())
__all__ = sorted(functional_functions())

if TYPE_CHECKING:
    from .._functional import *

    def __getattr__(name: str) -> Any: ...
