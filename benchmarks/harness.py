"""What the benchmarks share: peers, alternating measurement, tables.

Machines are noisy, so nothing is timed alone: the contenders of a case run in turn, round after
round, and the figure to quote is the ratio of their medians in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

OURS = "tinygrad_k"


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--threads", type=int, default=1, help="threads of every contender")
    options.add_argument("--rounds", type=int, default=15, help="alternating rounds a case")
    options.add_argument("--json", metavar="FILE", help="write the figures there as well")
    return options


def limit_threads(threads: int) -> None:
    """Sets the thread counts that peers read at import. A process that has imported NumPy starts
    anew with them."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TK_NUM_THREADS")
    counts = dict.fromkeys(names, str(threads))
    known = counts.items() <= os.environ.items()
    os.environ.update(counts)
    if "numpy" in sys.modules and not known:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ.setdefault("XLA_FLAGS", flags)
    if hasattr(os, "sched_setaffinity"):  # JAX has no thread count of its own
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(0, cpus)


def optional(name: str) -> Any:
    """A peer, or None where it is not installed."""
    try:
        return __import__(name)
    except ImportError:
        return None


def import_torch(threads: int) -> Any:
    torch = optional("torch")
    if torch is not None:
        torch.set_num_threads(threads)
    return torch


def machine(threads: int) -> dict[str, str]:
    """Processor, instruction set, threads and the versions of everyone measured."""
    import tinygrad_k as tk
    from tinygrad_k.backend import config

    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next(
                line.split(":")[1].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        pass
    facts = {
        "processor": f"{name}, {os.cpu_count()} CPUs",
        "isa": config()["isa chosen"],
        "threads": str(threads),
        "python": platform.python_version(),
        OURS: getattr(tk, "__version__", ""),
    }
    for peer in ("torch", "jax", "numpy", "sklearn"):
        if peer in sys.modules:
            facts[peer] = str(sys.modules[peer].__version__)
    return facts


def seconds_a_call(function: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def compare(
    contenders: dict[str, Callable[[], Any]], rounds: int = 15, seconds: float = 0.02
) -> dict[str, float]:
    """Median seconds a call of each contender, measured in turn.

    A round calls each as often as fills ``seconds``; the first round warms up and is not counted.
    """
    calls = {}
    for name, function in contenders.items():
        for _ in range(3):  # caches fill, functions are compiled or recorded
            function()
        once = min(seconds_a_call(function, 1) for _ in range(3))
        calls[name] = max(1, min(100_000, int(seconds / max(once, 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for lap in range(rounds + 1):
        for name, function in contenders.items():
            spent = seconds_a_call(function, calls[name])
            if lap:
                times[name].append(spent)
    return {name: statistics.median(values) for name, values in times.items()}


@dataclass
class Report:
    """Rows of medians, printed as they come, with every peer as a multiple of ours."""

    title: str
    peers: Sequence[str]
    threads: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> None:
        print(self.title)
        for key, value in machine(self.threads).items():
            print(f"  {key}: {value}")
        print("times are medians; a peer's column is its time over ours, above 1 we are faster\n")
        head = "".join(f"{peer:>12}" for peer in self.peers)
        print(f"{'case':44}{OURS:>12}{head}")

    def add(self, case: str, medians: dict[str, float]) -> None:
        ours = medians[OURS]
        ratios = {peer: medians[peer] / ours for peer in self.peers if peer in medians}
        cells = "".join(
            f"{ratios[peer]:>11.2f}x" if peer in ratios else f"{'-':>12}" for peer in self.peers
        )
        print(f"{case:44}{readable(ours):>12}{cells}", flush=True)
        self.rows.append({"case": case, "seconds": medians, "ratios": ratios})

    def write(self, path: str | None) -> None:
        write(path, {"title": self.title, "machine": machine(self.threads), "rows": self.rows})


def write(path: str | None, results: dict[str, Any]) -> None:
    """The results as JSON, where a path was given."""
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)


def readable(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
