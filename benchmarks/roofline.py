"""Each kernel's share of what the machine can do, by instruction set, dtype and threads.

    python benchmarks/roofline.py [--elements 30000 3000000] [--isa avx2 avx512] [--only sum]

The limit of products is the processor's multiply-adds; of everything else the fastest copy (the
library's, a plain loop, or one whose stores go around the caches) that reads and writes as many
bytes in all, in cache or out of it; of what writes next to nothing, a loop that only reads. What
computes more than it moves stays below. Out of cache: --elements 20000000 --op add relu sum Adam.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import cases
import harness
import limits
import numpy as np

DTYPES = {"f32": np.float32, "f64": np.float64}
SIDES = (128, 256, 512, 1024)


def nbytes(*tensors: Any) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if hasattr(t, "element_size"))


def elementwise(elements: int, dtype: str, args: Any) -> Iterator[tuple[str, Any, int, int]]:
    """(case, call, bytes it must read, and write)."""
    import tinygrad_k as tk
    from tinygrad_k.ops import OPS

    for case in cases.cases(elements, DTYPES[dtype], args.op):
        if args.only not in case.name:
            continue
        if bound := cases.call(OPS[case.op].function, case, tk.from_numpy):
            arrays = [a.nbytes for a in case.args if cases.is_array(a)]
            yield case.name, bound, sum(arrays), nbytes(bound())


def optimizers(elements: int, dtype: str, args: Any) -> Iterator[tuple[str, Any, int, int]]:
    """The same for a step of one parameter: it reads the gradient and rewrites its states."""
    import tinygrad_k as tk

    for kind, states, settings in (
        (tk.optim.SGD, 0, {}),
        (tk.optim.SGD, 1, {"momentum": 0.9}),
        (tk.optim.Adam, 2, {}),
        (tk.optim.AdamW, 2, {}),
        (tk.optim.RMSprop, 1, {}),
    ):
        name = f"{kind.__name__} step [{elements}]" + (" with momentum" if settings else "")
        if args.only in name and (not args.op or kind.__name__ in args.op):
            p = tk.from_numpy(np.ones(elements, DTYPES[dtype])).requires_grad_()
            p.grad = tk.from_numpy(np.full(elements, 1e-3, DTYPES[dtype]))
            size = nbytes(p)
            optimizer = kind([p], lr=1e-3, **settings)
            yield name, optimizer.step, (2 + states) * size, (1 + states) * size


def products(dtype: str, only: str) -> Iterator[tuple[str, Any, int]]:
    """(case, call, floating-point operations)."""
    import tinygrad_k as tk

    for n in SIDES:
        a = tk.from_numpy(np.random.default_rng(0).random((n, n)).astype(DTYPES[dtype]))
        if only in (name := f"matmul [{n},{n}]"):
            yield name, lambda a=a: a @ a, 2 * n**3


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--elements", type=int, nargs="+", default=[30_000, 3_000_000])
    options.add_argument("--isa", nargs="+", help="default: all but base that this machine has")
    options.add_argument("--dtype", nargs="+", default=list(DTYPES), choices=list(DTYPES))
    options.add_argument("--only", default="", help="only cases whose name contains this")
    options.add_argument("--op", nargs="+", default=[], help="only these ops, optimizers by class")
    options.set_defaults(rounds=3, threads=2)
    args = options.parse_args()
    harness.limit_threads(args.threads)
    import tinygrad_k as tk
    from tinygrad_k.backend import config, lib

    isas = args.isa or [isa for isa in config()["isa supported"].split() if isa != "base"]
    threads = sorted({1, args.threads})
    print(f"Shares of the machine's limits, percent\n  {harness.machine(args.threads)}")
    for isa, dtype, n in itertools.product(isas, args.dtype, threads):
        print(
            f"  FMA {isa} {dtype}, {n} threads: {limits.flops_a_second(isa, dtype, n) / 1e9:.0f}"
            " GFLOP/s"
        )
    for elements, n in itertools.product(args.elements, threads):
        size = 4 * elements
        copied = 2 * size / limits.traffic_seconds(size, size, n) / 1e9
        read = size / limits.traffic_seconds(size, 0, n) / 1e9
        print(
            f"  {elements:,} float32, {n} threads: copied at {copied:.0f} GB/s read and written, "
            f"read at {read:.0f}"
        )
    rows: dict[str, dict[str, float]] = {}
    columns = []
    for isa, dtype, n in itertools.product(isas, args.dtype, threads):
        columns.append(column := f"{isa} {dtype} x{n}")
        if lib.tk_choose_isa(isa.encode()):
            raise SystemExit(f"this machine has no {isa}")
        tk.set_num_threads(n)

        def add(name: str, call: Any, shortest: float, column: str = column) -> None:
            seconds = harness.compare({"": call}, args.rounds, 0.002)[""]
            rows.setdefault(name, {})[column] = 100 * shortest / seconds

        for elements in args.elements:
            for make in (elementwise, optimizers):
                for name, call, read, written in make(elements, dtype, args):
                    add(name, call, limits.traffic_seconds(read, written, n))
        for name, call, flops in products(dtype, args.only) if not args.op else ():
            add(name, call, flops / limits.flops_a_second(isa, dtype, n))
    print(f"\n{'case':40}" + "".join(f"{column:>14}" for column in columns))
    for name, shares in rows.items():
        print(f"{name:40}" + "".join(f"{shares.get(c, 0):>14.0f}" for c in columns))
    harness.write(args.json, {"machine": harness.machine(args.threads), "percent": rows})


if __name__ == "__main__":
    main()
