"""The limits of this machine, measured: multiply-adds a second, the time of a copy, of reading."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROUNDS = 7  # of which the best counts: a limit is what the machine can do
CHAINS = 12  # of multiply-adds, as in limits.c
SECONDS = 0.005  # a round, at least


@functools.cache
def library() -> ctypes.CDLL:
    source = Path(__file__).with_name("limits.c")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "limits.so"
        compiler = os.environ.get("CC", "cc")
        subprocess.run(
            [compiler, "-O2", "-ffp-contract=fast", "-shared", "-fPIC", str(source), "-o", target],
            check=True,
        )
        return ctypes.CDLL(str(target))


def at_once(threads: int, work: Callable[[int, int], object], repeats: int) -> float:
    """Seconds in which every thread i does work(i, repeats), each on a processor of its own: woken
    together, threads may share one for milliseconds."""
    if threads == 1:
        start = time.perf_counter()
        work(0, repeats)
        return time.perf_counter() - start
    gate = threading.Barrier(threads + 1)
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

    def run(i: int) -> None:
        if cpus:
            os.sched_setaffinity(0, cpus[i % len(cpus) :][:1])  # of this thread alone
        gate.wait()
        work(i, repeats)

    team = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
    for each in team:
        each.start()
    gate.wait()
    start = time.perf_counter()
    for each in team:
        each.join()
    return time.perf_counter() - start


def best(threads: int, work: Callable[[int, int], object]) -> float:
    """Seconds of one repeat, the best of the rounds."""
    repeats = 1
    while at_once(threads, work, repeats) < SECONDS:
        repeats *= 2
    return min(at_once(threads, work, repeats) for _ in range(ROUNDS)) / repeats


def multiply_adds(isa: str, dtype: str) -> tuple[Callable[[int, int], object], int]:
    """Work of multiply-adds in registers alone, as `at_once` takes it, and the operations of one
    repeat: multiply-adds count two."""
    function = getattr(library(), f"fma_{isa}_{dtype}")
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
    lanes = {"base": 16, "avx2": 32, "avx512": 64}[isa] // {"f32": 4, "f64": 8}[dtype]
    return lambda i, repeats: function(1000 * repeats), 1000 * CHAINS * lanes * 2


@functools.cache
def flops_a_second(isa: str, dtype: str, threads: int) -> float:
    work, flops = multiply_adds(isa, dtype)
    return threads * flops / best(threads, work)


def rounded(nbytes: int) -> int:
    """Speeds are measured at four sizes an octave."""
    step = 1 << max(nbytes.bit_length() - 3, 8)
    return -(-nbytes // step) * step


def traffic_seconds(read: int, written: int, threads: int) -> float:
    """The shortest time in which so many bytes are read and written, again and again: that of a
    copy of as many in all, or of reading alone where an eighth at the most is written."""
    moved = read + written
    speed = reading_speed if 8 * written <= moved else copy_speed
    return moved / speed(rounded(moved), threads)


def blocks(count: int, each: int) -> list[tuple[np.ndarray, int]]:
    """Memory of `each` bytes, and where in it a cache line begins."""
    made = [np.ones(each + 64, np.uint8) for _ in range(count)]  # zeros would be one page, shared
    return [(block, block.ctypes.data + -block.ctypes.data % 64) for block in made]


@functools.cache
def copy_speed(nbytes: int, threads: int) -> float:
    """Bytes read and written a second by the fastest of three copies."""
    each = max(nbytes // 2 // threads // 128 * 128, 128)
    memory = blocks(threads, 2 * each)
    seconds = []
    for function in (library().copy_library, library().copy_loop, library().copy_stream):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]

        def copy(i: int, repeats: int, function: Callable[..., None] = function) -> None:
            function(memory[i][1] + each, memory[i][1], each, repeats)

        seconds.append(best(threads, copy))
    return 2 * each * threads / min(seconds)


@functools.cache
def reading_speed(nbytes: int, threads: int) -> float:
    each = max(nbytes // threads // 128 * 128, 128)
    memory = blocks(threads, each)
    function = library().read_loop
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
    seconds = best(threads, lambda i, repeats: function(memory[i][1], each, repeats))
    return each * threads / seconds
