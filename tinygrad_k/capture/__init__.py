"""Capture and replay: a recorded function runs again without Python."""

from .compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
