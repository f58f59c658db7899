"""An op of one's own, and the proof that its derivatives are right.

``SoftClip`` squeezes numbers smoothly between -limit and limit. Its backward is written by hand;
one line holds it to the laws that the library's own ops are held to. Then a wrong sign is put into
the backward, to see the proof fail and say where. Exits with 1 unless both happen.
"""

import sys

import numpy as np

import tinygrad_k as tk
from tinygrad_k import testing
from tinygrad_k.testing import real


class SoftClip(tk.autograd.Function):
    """limit * tanh(x / limit)."""

    @staticmethod
    def forward(ctx, x, limit):
        result = limit * tk.tanh(x / limit)
        ctx.save_for_backward(result)
        ctx.limit = limit
        return result

    @staticmethod
    def backward(ctx, gradient):
        (result,) = ctx.saved_tensors
        return gradient * (1.0 - (result / ctx.limit) ** 2), None


class WrongSoftClip(SoftClip):
    """The same with a wrong sign."""

    @staticmethod
    def backward(ctx, gradient):
        (result,) = ctx.saved_tensors
        return gradient * (1.0 + (result / ctx.limit) ** 2), None


def reference(x, limit):
    return limit * np.tanh(x / limit)


def main():
    testing.verify(SoftClip, (real(3, 5), 2.0), (real(), 0.5), ref=reference)
    print("SoftClip: values, layouts, first and second derivative are right")

    # a point where an op has no derivative is reported, not failed
    report = testing.check_grads(lambda x: tk.relu(SoftClip.apply(x, 2.0)), np.array([-1.0, 0, 1]))
    print(f"relu of it: {len(report.kinks)} kinks; the first: {report.kinks[0]}")

    try:
        testing.verify(WrongSoftClip, (real(3, 5), 2.0), ref=reference)
    except AssertionError as error:
        print(f"WrongSoftClip: {error}")
        return 0
    print("the wrong sign went unnoticed")
    return 1


if __name__ == "__main__":
    sys.exit(main())
