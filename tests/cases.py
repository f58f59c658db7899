"""What this suite adds to ``tinygrad_k.testing``: big operands, instruction sets, test ids."""

from __future__ import annotations

import math
import resource
import time
from pathlib import Path
from typing import Any

import tinygrad_k as tk
from tinygrad_k.backend import dtype, ffi, lib
from tinygrad_k.capture import Compiled
from tinygrad_k.ops import Op
from tinygrad_k.ops.samples import Draw, Sample
from tinygrad_k.testing.cases import (
    FLOATS,
    GROUPS,
    INTEGERS,
    Case,
    assert_agrees,
    case_of,
    cases,
    elementwise_case,
    instances,
    make,
    mapped,
    rows,
    same_bits,
)
from tinygrad_k.testing.grads import array_of

__all__ = [
    "BIG",
    "FLOATS",
    "GROUPS",
    "INSTRUCTION_SETS",
    "INTEGERS",
    "Case",
    "array_of",
    "assert_agrees",
    "big_case",
    "case_of",
    "cases",
    "elementwise_case",
    "instances",
    "limit_memory",
    "make",
    "mapped",
    "name_of",
    "replays",
    "rows",
    "same_bits",
]

LONG = 0.05  # seconds of CPU; work that grows faster than its operands need not go on to BIG
MEMORY = 1 << 30  # bytes; what is absurd, and not refused, must be a MemoryError before that
BIG = 200_000  # elements, far above the size from which a kernel is given to several threads

INSTRUCTION_SETS = tuple(
    isa
    for isa in ffi.string(lib.tk_isa_built()).decode().split()
    if lib.tk_isa_supported(isa.encode())
)


def limit_memory() -> None:
    """Allows this process a little more address space than it has, its pool included."""
    tk.ones(1_000_000).exp()  # the pool begins with its first launch
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most, (before, hard) = (
        pages * resource.getpagesize() + MEMORY,
        resource.getrlimit(resource.RLIMIT_AS),
    )
    if before == resource.RLIM_INFINITY or most < before:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def name_of(value: Any) -> str:
    """A short name for a test's parameter."""
    return value.name if isinstance(value, (Op, dtype)) else str(value)


def replays(compiled: Compiled) -> int:
    """How many programs a function has: 0 if it runs eagerly."""
    return len(compiled._programs)


def big_case(op: Op, kind: dtype) -> Case | None:
    """A sample of the op, its dimensions stretched alike to about BIG elements.

    None where no sample can be stretched: an argument says what the shape must be.
    """
    if op.domain:
        return elementwise_case(op, [(BIG // 400, 401)] * len(op.domain), kind, 0)
    for sample in op.samples:
        found = instances((sample.args, list(sample.kwargs.values())), Draw)
        sizes = sorted({n for draw in found for n in draw.shape if n > 1})
        largest = max((draw.shape for draw in found), key=math.prod, default=())
        free = sum(n > 1 for n in largest)
        if not free or 0 in largest:
            continue
        for doubling in range(1, BIG.bit_length()):  # products of shapes are large much sooner
            case = stretched(op, sample, kind, sizes, 2 ** (doubling / free))
            start = time.process_time()
            try:
                result = case.call()
            except (ValueError, IndexError, RuntimeError, MemoryError):
                break
            size = max(result.numel(), *(x.size for x in case.arrays()))
            if size >= BIG or time.process_time() - start > LONG:
                return case
    return None


def stretched(op: Op, sample: Sample, kind: dtype, sizes: list[int], factor: float) -> Case:
    """The sample with every size multiplied, different ones to different sizes."""
    table = {n: int(n * factor) + i for i, n in enumerate(sizes)}

    def stretch(draw: Draw) -> Draw:
        return draw(*(table.get(n, n) for n in draw.shape))

    kwargs = {key: mapped(stretch, each, Draw) for key, each in sample.kwargs.items()}
    return case_of(op, Sample(mapped(stretch, sample.args, Draw), kwargs), kind)
