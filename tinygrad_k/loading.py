"""Loads the ops with garbage collection paused.

Nothing of them becomes garbage meanwhile, and the collector would go over them again and again: a
fifth of the time of ``import tinygrad_k``.
"""

import gc

_collecting = gc.isenabled()
gc.disable()
try:
    from . import ops
finally:
    if _collecting:
        gc.enable()

__all__ = ["ops"]
