"""Ctrl-C between training steps, never inside one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupts:
    """While entered, a Ctrl-C during a held section waits for the section's end.

    Elsewhere it is raised at once, and remembered: raised where Python ignores exceptions, as in
    the finalizer of a tensor, it would be lost, and is raised again at the next `release`. A second
    Ctrl-C does not wait, so that a section that hangs can be left. Nothing is changed outside the
    main thread, or where SIGINT has a handler other than Python's own.
    """

    def __init__(self) -> None:
        self._held = False
        self._pending = False
        self._installed = False

    def __enter__(self) -> Interrupts:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False
        if isinstance(error, KeyboardInterrupt):
            self._pending = False  # it has arrived
        self.release()

    def hold(self) -> None:
        """Starts a held section."""
        self._held = True

    def hold_endings(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """`hold`, as an exit function: a Ctrl-C that is what ends the run counts as arrived, so
        that the next one waits for the endings."""
        if isinstance(error, KeyboardInterrupt):
            self._pending = False
        self.hold()

    def release(self) -> None:
        """Ends it; KeyboardInterrupt if a Ctrl-C came and has not ended the run yet."""
        self._held = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        wait = self._held and not self._pending
        self._pending = True
        if not wait:
            signal.default_int_handler(number, frame)
