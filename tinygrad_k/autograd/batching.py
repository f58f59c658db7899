"""What ``tinygrad_k.func`` hands over when it is loaded, so that ops meet batched tensors.

A batched tensor has no handle, so a door refuses it; where the op explains the mistake it asks here
first. Before that module is loaded there are none, and nothing is asked.
"""

from __future__ import annotations

from typing import Any

ORDINARY = object()  # the answer where nothing is batched

# (op or function, the mistake, args, kwargs) -> the result, or ORDINARY
call: Any = None
# (name, target, operands, compute) -> the target, or ORDINARY
change: Any = None
# (plan, gradient, saved) -> the gradients, or ORDINARY
backward: Any = None


def hand_over(call_: Any, change_: Any, backward_: Any) -> None:
    """Sets the three."""
    global call, change, backward
    call, change, backward = call_, change_, backward_
