"""Loads the ops with garbage collection paused.

Nothing of them becomes garbage meanwhile, and the collector would go over them again and again: a
fifth of the time of ``import tinygrad_k``. Nor does it go over them once at the end: freezing and
unfreezing makes all there is old, without a look at it.
"""

import gc

_collecting = gc.isenabled()
gc.disable()
try:
    from . import ops
finally:
    if _collecting:
        if not gc.get_freeze_count():  # what somebody froze before stays so
            gc.freeze()
            gc.unfreeze()
        gc.enable()

__all__ = ["ops"]
