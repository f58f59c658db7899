"""Linear algebra: norms, decompositions, inverses and determinants of batches of matrices.

Decompositions are computed by LAPACK through NumPy; their gradients are made of ops. A matrix that
has no inverse or no decomposition raises ``LinAlgError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .ops import linalg_functions
from .ops.decompositions import LinAlgError

globals().update(linalg_functions())
__all__ = ["LinAlgError", *sorted(linalg_functions())]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
