"""What was recorded, as planning sees it: launches that read and write blocks of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..backend import KERNEL_FAMILIES, KERNEL_NAMES, ffi, lib

INSIDE, OUTSIDE, INPUT, CONSTANT = (
    lib.TK_BLOCK_INSIDE,
    lib.TK_BLOCK_OUTSIDE,
    lib.TK_BLOCK_INPUT,
    lib.TK_BLOCK_CONSTANT,
)


@dataclass(slots=True)
class Launch:
    """One kernel on some blocks.

    ``reads`` and ``writes`` are pairs of (block, offset in bytes). ``steps`` are, of an elementwise
    launch over contiguous operands, the bytes from one element to the next by operand, the result
    first (0: one element for all); else empty.
    """

    number: int
    kernel: int
    dtype: int
    units: int
    reads: list[tuple[int, int]]
    writes: list[tuple[int, int]]
    steps: tuple[int, ...]
    bound: bool  # it has an effect of its own: it counts steps, draws numbers, checks indices

    @property
    def name(self) -> str:
        """The kernel's name."""
        return KERNEL_NAMES[self.kernel]


@dataclass(slots=True)
class Block:
    """Memory: made inside the recording, an argument, or from outside; ``alive`` at its end."""

    kind: int
    nbytes: int
    alive: bool


def read(tape: Any) -> tuple[list[Launch], list[Block]]:
    """The launches and blocks of a C tape."""
    counts = ffi.new("int64_t[3]")
    lib.tk_tape_counts(tape, counts)
    num_launches, num_pointers, num_blocks = counts
    width, each, per_block = lib.TK_TAPE_LAUNCH, lib.TK_TAPE_POINTER, lib.TK_TAPE_BLOCK
    rows = ffi.new("int64_t[]", num_launches * width + 1)
    pointers = ffi.new("int64_t[]", num_pointers * each + 1)
    blocks = ffi.new("int64_t[]", num_blocks * per_block + 1)
    lib.tk_tape_read(tape, rows, pointers, blocks)
    row, pointer = ffi.unpack(rows, len(rows)), ffi.unpack(pointers, len(pointers))
    block = ffi.unpack(blocks, len(blocks))

    launches = []
    for number in range(num_launches):
        at = number * width
        kernel, dtype, units, first, count, operands = row[at : at + 6]
        reads, writes, bound = [], [], KERNEL_FAMILIES[kernel] == "RANDOM"
        for i in range(first * each, (first + count) * each, each):
            place, offset, mode = pointer[i : i + 3]
            if mode & lib.TK_READS:
                reads.append((place, offset))
            if mode & lib.TK_WRITES:
                writes.append((place, offset))
            if mode & (lib.TK_CHECKS | lib.TK_HYPER):
                bound = True
        steps = tuple(row[at + 6 : at + 6 + operands])
        launches.append(Launch(number, kernel, dtype, units, reads, writes, steps, bound))
    return launches, [
        Block(block[i], block[i + 1], bool(block[i + 2]))
        for i in range(0, num_blocks * per_block, per_block)
    ]
