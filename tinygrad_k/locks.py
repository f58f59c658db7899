"""Locks that outlive a fork."""

from __future__ import annotations

import os
import weakref
from _thread import RLock  # without the rest of threading, which NumPy does not load


def new_lock() -> RLock:
    """A lock for ``with``, which its owner may take again.

    In a forked child it is free, unless the thread that forked holds it: no other thread of the
    parent is there to give it back. It is Python's own: a Ctrl-C can be raised at the first line of
    an ``__exit__`` written in Python, which then would never give it back.
    """
    lock = RLock()
    _locks.add(lock)
    return lock


_locks: weakref.WeakSet[RLock] = weakref.WeakSet()


def _free() -> None:
    for each in _locks:
        if not each._is_owned():  # type: ignore[attr-defined]
            each._at_fork_reinit()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_free)
