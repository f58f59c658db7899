"""Locks that outlive a fork."""

from __future__ import annotations

import os
import weakref
from _thread import RLock  # without the rest of threading, which NumPy does not load
from typing import Any


class Lock:
    """A lock for ``with``, which its owner may take again.

    In a forked child it is free, unless the thread that forked holds it: no other thread of the
    parent is there to give it back.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: Any) -> None:
        self._lock.release()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _free() -> None:
    for each in _locks:
        if not each._lock._is_owned():  # type: ignore[attr-defined]
            each._lock = RLock()


os.register_at_fork(after_in_child=_free)
