"""Capture and replay: a recorded function runs again without Python."""

from .compiled import Compiled, compile
from .epoch import over_batches

__all__ = ["Compiled", "compile", "over_batches"]
