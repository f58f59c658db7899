"""State dicts in files: safetensors and JSON, nothing that executes."""

from .files import load, save

__all__ = ["load", "save"]
