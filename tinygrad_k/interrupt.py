"""A Ctrl-C that arrives in the finalizer of a tensor, where Python ignores exceptions."""

from __future__ import annotations

import _thread
import sys
import time
from typing import Any

from .tensor import Tensor

DELAY = 0.01  # seconds; long enough for finalizer and hook to have ended, too short to notice

_before: Any = sys.unraisablehook


def _hook(unraisable: Any) -> None:
    """Finishes the finalizer, and sends the Ctrl-C once more a moment later.

    Only where SIGINT has Python's own handler: others have noted the first one.
    """
    if unraisable.exc_type is not KeyboardInterrupt or unraisable.object is not Tensor.__del__:
        _before(unraisable)
        return
    import signal

    trace = unraisable.exc_traceback
    while trace is not None:
        tensor = trace.tb_frame.f_locals.get("self")
        if trace.tb_frame.f_code is Tensor.__del__.__code__ and hasattr(tensor, "_h"):
            tensor.__del__()
        trace = trace.tb_next
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _thread.start_new_thread(_send, ())
    else:
        _before(unraisable)


def _send() -> None:
    time.sleep(DELAY)
    _thread.interrupt_main()


sys.unraisablehook = _hook
