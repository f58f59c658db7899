"""From what was recorded to what is replayed: fewer launches, in less memory.

Every pass keeps each value's bits. In this order: launches that repeat another one are left out,
then those whose results nobody reads; elementwise launches behind a matrix product become its
epilogue; runs of elementwise launches over the same elements are done tile by tile, so that what
one leaves the next finds in the cache; and blocks that are not needed at the same time share a
place.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from ..backend import KERNEL_FAMILIES, lib
from .tape import INSIDE, Block, Launch

TILE = 1024  # elements: a chain over six float32 operands then takes 24 KiB, most of an L1 cache
ALIGNMENT = 64  # bytes, a cache line


@dataclass
class Plan:
    """What to replay: groups of launches, a place in the arena for each block that has one."""

    groups: list[list[Launch]]
    offsets: list[int]
    arena: int
    recorded: int
    removed: list[tuple[Launch, str]] = field(default_factory=list)
    folded: list[tuple[Launch, Launch]] = field(default_factory=list)  # product, what it took in

    @property
    def launches(self) -> list[Launch]:
        """Every launch, in order."""
        return [launch for group in self.groups for launch in group]


def make_plan(tape: Any, launches: list[Launch], blocks: list[Block], kept: set[int]) -> Plan:
    """A plan for the launches of a tape; ``kept`` are the blocks that are needed afterwards."""
    plan = Plan([], [], 0, len(launches))
    same = _merge_repeated(tape, launches, blocks, kept, plan)
    live = _drop_dead(
        [each for each in launches if each.number not in same.dropped], blocks, kept, plan
    )
    live = _fold_epilogues(tape, live, blocks, kept, plan)
    plan.groups = _group(live)
    plan.offsets, plan.arena = _place(plan.groups, blocks, kept, same.block)
    return plan


# -- launches that are not needed -----------------------------------------------------------------


@dataclass
class _Same:
    """Blocks that hold what another one holds, and the launches that made them."""

    block: dict[int, int] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)


def _merge_repeated(
    tape: Any, launches: list[Launch], blocks: list[Block], kept: set[int], plan: Plan
) -> _Same:
    """Finds launches that do again what one before did to the same values."""
    written = [0] * len(blocks)
    for launch in launches:
        for block, _ in launch.writes:
            written[block] += 1
    version = [0] * len(blocks)
    seen: dict[Any, list[Launch]] = {}
    same = _Same()
    for launch in launches:
        family = KERNEL_FAMILIES[launch.kernel]
        block, offset = launch.writes[0] if launch.writes else (-1, 0)
        single = len(launch.writes) == 1 and blocks[block].kind == INSIDE and written[block] == 1
        if single and family in _REPEATABLE:
            values = tuple(
                (same.block.get(at, at), where, version[at]) for at, where in launch.reads
            )
            key = (launch.kernel, launch.dtype, launch.units, offset, values)
            twins = seen.setdefault(key, [])
            twin = next(
                (each for each in twins if lib.tk_tape_alike(tape, each.number, launch.number)),
                None,
            )
            if twin is not None and kept.isdisjoint((block, twin.writes[0][0])):
                same.block[block] = twin.writes[0][0]
                same.dropped.add(launch.number)
                plan.removed.append((launch, f"as {twin.number}"))
                continue
            twins.append(launch)
        for block, _ in launch.writes:
            version[block] += 1
    if same.block:
        for launch in launches:
            launch.reads = [(same.block.get(at, at), where) for at, where in launch.reads]
    return same


_REPEATABLE = ("MAP1", "MAP2", "MAP3", "WHERE", "CAST", "INDEX")


def _drop_dead(
    launches: list[Launch], blocks: list[Block], kept: set[int], plan: Plan
) -> list[Launch]:
    """Without the launches whose results nobody reads."""
    needed = {i for i, block in enumerate(blocks) if block.kind != INSIDE} | kept
    live = []
    for launch in reversed(launches):
        if launch.bound or any(block in needed for block, _ in launch.writes):
            live.append(launch)
            needed.update(block for block, _ in launch.reads)
        else:
            plan.removed.append((launch, "never read"))
    live.reverse()
    return live


# -- epilogues ------------------------------------------------------------------------------------


def _fold_epilogues(
    tape: Any, launches: list[Launch], blocks: list[Block], kept: set[int], plan: Plan
) -> list[Launch]:
    """Moves elementwise launches into the matrix product whose result only they read."""
    readers: dict[int, list[int]] = {}
    writers: dict[int, list[int]] = {}
    for i, launch in enumerate(launches):
        for block, _ in launch.reads:
            readers.setdefault(block, []).append(i)
        for block, _ in launch.writes:
            writers.setdefault(block, []).append(i)
    result: list[Launch | None] = list(launches)
    for i, product in enumerate(launches):
        if KERNEL_FAMILIES[product.kernel] != "MATMUL":
            continue
        at = i
        while True:
            block = product.writes[0][0]
            uses = readers.get(block, [])
            if blocks[block].kind != INSIDE or block in kept or writers[block] != [at]:
                break
            if len(uses) != 1 or uses[0] <= at:
                break
            j = uses[0]
            follower = launches[j]
            # The product moves to where its follower stood: nothing it reads may change before.
            if not follower.steps or any(
                at < k < j for each, _ in product.reads for k in writers.get(each, ())
            ):
                break
            if not lib.tk_tape_fold(tape, product.number, follower.number):
                break
            plan.folded.append((product, follower))
            product.reads += [pair for pair in follower.reads if pair[0] != block]
            product.writes = follower.writes
            result[at], result[j] = None, product
            for each, _ in product.reads:
                readers[each] = [j if k == at else k for k in readers[each]]
            writers[follower.writes[0][0]] = [
                j if k == at else k for k in writers[follower.writes[0][0]]
            ]
            launches[j] = product
            at = j
    return [launch for launch in result if launch is not None]


# -- tiles ----------------------------------------------------------------------------------------


def _group(launches: list[Launch]) -> list[list[Launch]]:
    """Runs of flat elementwise launches over equally many elements, else single launches."""
    groups: list[list[Launch]] = []
    touched: dict[int, tuple[int, int]] = {}  # block -> (offset, step), in the last group
    for launch in launches:
        long = launch.steps and launch.units > TILE
        if long and groups and groups[-1][0].steps and groups[-1][0].units == launch.units:
            mine = _touches(launch)
            if mine and all(touched.get(block, how) == how for block, how in mine.items()):
                groups[-1].append(launch)
                touched.update(mine)
                continue
        groups.append([launch])
        touched = _touches(launch) if long else {}
        if long and not touched:
            groups[-1][0].steps = ()
    return groups


def _touches(launch: Launch) -> dict[int, tuple[int, int]]:
    """How a flat launch goes through its blocks; empty if it goes through one in two ways."""
    found: dict[int, tuple[int, int]] = {}
    for (block, offset), step in zip(launch.writes + launch.reads, launch.steps, strict=True):
        if found.setdefault(block, (offset, step)) != (offset, step):
            return {}
    return found


# -- memory ---------------------------------------------------------------------------------------


def _place(
    groups: list[list[Launch]], blocks: list[Block], kept: set[int], same: dict[int, int]
) -> tuple[list[int], int]:
    """An offset in the arena for each block inside (-1 for the others), and the arena's size."""
    last: dict[int, int] = {}
    for i, group in enumerate(groups):
        for launch in group:
            for block, _ in launch.reads:
                last[block] = i
            for block, _ in launch.writes:
                last[block] = i
    offsets = [-1] * len(blocks)
    ending: dict[int, list[int]] = {}
    for block, i in last.items():
        ending.setdefault(i, []).append(block)
    free: list[tuple[int, int]] = []  # (offset, bytes), by offset, never touching
    end = 0
    for i, group in enumerate(groups):
        for launch in group:
            for block, _ in launch.writes:
                if blocks[block].kind != INSIDE or block in kept or offsets[block] >= 0:
                    continue
                nbytes = -(-blocks[block].nbytes // ALIGNMENT) * ALIGNMENT
                offsets[block], end = _take(free, nbytes, end)
        for block in ending.get(i, ()):
            if offsets[block] >= 0:
                nbytes = -(-blocks[block].nbytes // ALIGNMENT) * ALIGNMENT
                _give(free, offsets[block], nbytes)
    for block, other in same.items():
        offsets[block] = offsets[other]
    return offsets, end


def _take(free: list[tuple[int, int]], nbytes: int, end: int) -> tuple[int, int]:
    """Where a block goes, the smallest gap that holds it or the end, and the new end."""
    best = min((gap for gap in free if gap[1] >= nbytes), key=lambda gap: gap[1], default=None)
    if best is not None:
        free.remove(best)
        if best[1] > nbytes:
            insort(free, (best[0] + nbytes, best[1] - nbytes))
        return best[0], end
    if free and sum(free[-1]) == end:  # the last gap reaches the end: it only needs to grow
        offset = free.pop()[0]
        return offset, offset + nbytes
    return end, end + nbytes


def _give(free: list[tuple[int, int]], offset: int, nbytes: int) -> None:
    """Gives a place back, joined with the gaps beside it."""
    insort(free, (offset, nbytes))
    i = free.index((offset, nbytes))
    if i + 1 < len(free) and offset + nbytes == free[i + 1][0]:
        nbytes += free.pop(i + 1)[1]
    if i and sum(free[i - 1]) == offset:
        i -= 1
        offset, nbytes = free[i][0], free[i][1] + nbytes
        free.pop(i + 1)
    free[i] = (offset, nbytes)
