"""Matrix products against the processor's peak and against PyTorch, NumPy and JAX.

    python benchmarks/gemm.py [--threads 1] [--dtype float32] [--sizes 256 2048] [--only square]

square: n x n products in the four transpositions, as shares of the multiply-add peak measured in
turn with them on one core (limits.py), as clocks change from one second to the next; and, on
several threads, the time of one thread over theirs, away from peers, whose threads wait busily.
layers: what a linear layer computes forward and backward for batches of 1 to 128, the whole call
(JAX aside, whose calls cost tens of microseconds); a peer's column is its time over ours.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import harness

SIZES = (256, 512, 1000, 1023, 1024, 1536, 2000, 2048)
BATCHES, WIDTHS = (1, 8, 32, 128), (8, 32, 64, 128, 256, 512, 1024)
PEAK_REPEATS = 5000  # 10 ms
LAYER_SECONDS = 4e-4  # a contender and round: 588 cases must not take minutes

Call = Callable[[], Any]
Contenders = dict[str, Callable[[Any, Any], Call]]  # a library's call of the product of two arrays


def stored(matrix: Any) -> tuple[Any, bool]:
    """The contiguous array that a matrix views, and whether it views it transposed."""
    return (matrix, False) if matrix.flags.c_contiguous else (matrix.T, True)


def eager(to_tensor: Callable[[Any], Any]) -> Callable[[Any, Any], Call]:
    def bind(*matrices: Any) -> Call:
        x, y = (
            to_tensor(array).T if transposed else to_tensor(array)
            for array, transposed in map(stored, matrices)
        )
        return lambda: x @ y

    return bind


def jitted(jax: Any) -> Callable[[Any, Any], Call]:
    def bind(a: Any, b: Any) -> Call:
        (a, across), (b, down) = stored(a), stored(b)
        multiply = jax.jit(lambda x, y: (x.T if across else x) @ (y.T if down else y))
        x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
        return lambda: multiply(x, y).block_until_ready()

    return bind


def transpositions(a: Any, b: Any) -> tuple[tuple[Any, Any], ...]:
    return (a, b), (a.T, b), (a, b.T), (a.T, b.T)


def gain(options: Any, a: Any, b: Any) -> list[str]:
    """How often faster the product is on all threads than on one, in the four transpositions."""
    import tinygrad_k as tk

    def on(threads: int, product: Call) -> Call:
        def call() -> None:
            tk.set_num_threads(threads)
            product()

        return call

    ratios = []
    for x, y in transpositions(a, b):
        product = eager(tk.tensor)(x, y)
        contenders = {threads: on(threads, product) for threads in (1, options.threads)}
        one, several = harness.compare(contenders, options.rounds).values()
        ratios.append(f"{one / several:.2f}")
    return ratios


def square(options: Any, libraries: Contenders, isa: str) -> None:
    import limits
    import numpy as np

    work, flops = limits.multiply_adds(isa, {"float32": "f32", "float64": "f64"}[options.dtype])

    def peak() -> None:
        work(0, PEAK_REPEATS)  # on one core: peers' threads, waiting busily, disturb several

    flops *= options.threads * PEAK_REPEATS
    print("shares of the peak: A B, A^T B, A B^T, A^T B^T\n")
    for n in options.sizes:
        rng = np.random.default_rng(1)
        a, b = (rng.standard_normal((n, n)).astype(options.dtype) for _ in "ab")
        shares: dict[str, list[str]] = {name: [] for name in libraries}
        peaks = []
        for x, y in transpositions(a, b):
            calls = {name: bind(x, y) for name, bind in libraries.items()}
            medians = harness.compare({"peak": peak} | calls, options.rounds)
            peaks.append(flops / medians.pop("peak"))
            for name, seconds in medians.items():
                shares[name].append(f"{2 * n**3 / seconds / peaks[-1]:.2f}")
        print(
            f"n {n:5}",
            *(f"   {name} {' '.join(each)}" for name, each in shares.items()),
            f"   peak {min(peaks) / 1e9:.0f} to {max(peaks) / 1e9:.0f} GFLOP/s",
            flush=True,
        )
        if options.threads > 1:
            print(" " * 7, "   over one thread", *gain(options, a, b), flush=True)


def layers(options: Any, libraries: Contenders) -> None:
    import numpy as np

    peers = [name for name in libraries if name != harness.OURS]
    worst: list[tuple[float, str]] = []
    print(
        f"\n{'batch':>6} {'product':10}"
        + "".join(f"{p + ' least':>16}{'median':>8}" for p in peers)
    )
    for batch in BATCHES:
        for kind in ("y = x W^T", "dx = g W", "dW = g^T x"):
            ratios: dict[str, list[float]] = {peer: [] for peer in peers}
            for inputs in WIDTHS:
                for outputs in WIDTHS:
                    rng = np.random.default_rng(1)
                    x, w, g = (
                        rng.standard_normal(shape).astype(options.dtype)
                        for shape in ((batch, inputs), (outputs, inputs), (batch, outputs))
                    )
                    a, b = {"y": (x, w.T), "dx": (g, w), "dW": (g.T, x)}[kind.split()[0]]
                    calls = {name: bind(a, b) for name, bind in libraries.items()}
                    medians = harness.compare(calls, 5, LAYER_SECONDS)
                    ours = medians[harness.OURS]
                    for peer in peers:
                        ratio = medians[peer] / ours
                        ratios[peer].append(ratio)
                        case = f"{kind}, batch {batch}, {inputs} -> {outputs}"
                        worst.append((ratio, f"{peer} {ratio:.2f}x  {case}"))
            cells = "".join(f"{min(r):>16.2f}{statistics.median(r):>8.2f}" for r in ratios.values())
            print(f"{batch:>6} {kind:10}{cells}", flush=True)
    for peer in peers:
        below = [each for each in sorted(worst) if each[1].startswith(peer) and each[0] < 1]
        print(f"\n{peer}: ahead of ours in {len(below)} of {len(worst) // len(peers)} cases")
        for _, line in below[:8]:
            print(f"  {line}")


def main() -> None:
    options = harness.parser(__doc__ or "")
    options.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options.add_argument("--only", choices=("square", "layers"))
    options = options.parse_args()
    harness.limit_threads(options.threads)
    torch = harness.import_torch(options.threads)
    jax = harness.optional("jax") if options.only != "layers" else None
    import numpy as np

    import tinygrad_k as tk

    libraries: Contenders = {harness.OURS: eager(tk.tensor)}
    if torch is not None:
        libraries["torch"] = eager(torch.from_numpy)
    libraries["numpy"] = eager(np.asarray)
    facts = harness.machine(options.threads)
    print(*(f"{key}: {value}" for key, value in facts.items()), sep="\n")
    if options.only != "layers":
        if jax is not None:
            jax.config.update("jax_enable_x64", True)
        peers = {"jax": jitted(jax)} if jax is not None else {}
        square(options, libraries | peers, facts["isa"])
    if options.only != "square":
        layers(options, libraries)


if __name__ == "__main__":
    main()
