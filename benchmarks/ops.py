"""Every op of the table on large and middling tensors, against PyTorch and NumPy.

    python benchmarks/ops.py [--threads 1] [--elements 30000 3000000] [--only softmax] [--slow]

The operands are the op's declared domain and samples, drawn larger; a peer is shown where it has a
function of that name which returns the same. Composite ops and products stand at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cases
import harness
import numpy as np


def as_numpy(value: Any) -> np.ndarray:
    value = value.detach() if hasattr(value, "detach") else value
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def same(ours: Callable[[], Any], theirs: Callable[[], Any]) -> bool:
    """Whether the two mean the same function: names alone can deceive."""
    a, b = as_numpy(ours()), as_numpy(theirs())
    return a.shape == b.shape and bool(
        np.allclose(a.astype(float), b.astype(float), rtol=1e-3, atol=1e-3, equal_nan=True)
    )


def lookup(lib: Any, name: str) -> Callable[..., Any] | None:
    """PyTorch's and NumPy's function of this name; a fused gradient is called as they call it."""
    name = {"_gelu_exact": "gelu", "_choose": "where", "convert": ""}.get(name, name.strip("_"))
    functional = getattr(getattr(lib, "nn", None), "functional", None)
    aten = getattr(getattr(lib, "ops", None), "aten", None)
    for place in (lib, functional, aten if name.endswith("_backward") else None):
        if callable(function := getattr(place, name, None)):
            return function
    return None


def one(make: Callable[[Any, Any], Any], *arrays: Any) -> Any:
    """The call of what `make` does to these arrays as tensors."""

    def bind(lib: Any, t: Callable[[Any], Any]) -> Callable[[], Any]:
        tensors = [t(a) for a in arrays]
        return lambda: make(lib, tensors)

    return bind


def composites(elements: int) -> Iterator[tuple[str, Callable[[Any, Callable[[Any], Any]], Any]]]:
    """(case, what it calls) for functions made of several ops, alike in both libraries; and their
    gradients, from leaf to leaf."""
    rng = np.random.default_rng(1)
    columns = cases.COLUMNS[elements > 1_000_000]
    rows = elements // columns
    matrix = rng.standard_normal((rows, columns), dtype=np.float32)
    labels = rng.integers(0, columns, rows)
    vector = rng.standard_normal(columns, dtype=np.float32)
    edge = int(elements**0.5) // 8 * 8
    square = rng.standard_normal((edge, edge), dtype=np.float32)
    images = rng.standard_normal((32, 32, elements // 1024), dtype=np.float32)
    scale = rng.standard_normal(32, dtype=np.float32)

    def losses(lib: Any, t: Callable[[Any], Any], **kwargs: Any) -> Callable[[], Any]:
        x, y = t(matrix), t(labels)
        return lambda: lib.nn.functional.cross_entropy(x, y, **kwargs)

    side = int((elements // 80) ** 0.5)
    pixels = rng.standard_normal((8, 10, side, side), dtype=np.float32)
    shown = rng.integers(0, 10, (8, side, side))

    def of_images(lib: Any, x: Any) -> Any:
        return lib.nn.functional.cross_entropy(x[0], lib.from_numpy(shown))

    def backward(make: Callable[[Any, Any], Any], *arrays: Any) -> Any:
        def bind(lib: Any, t: Callable[[Any], Any]) -> Callable[[], Any]:
            leaves = [t(a.copy()).requires_grad_() for a in arrays]

            def step() -> Any:
                return lib.autograd.grad(make(lib, leaves).sum(), leaves)

            return step

        return bind

    def norm(lib: Any, leaves: Any) -> Any:
        x, w, b = leaves
        mean, var = lib.zeros(32), lib.ones(32)
        return lib.nn.functional.batch_norm(x, mean, var, w, b, True)

    def layer(lib: Any, leaves: Any) -> Any:
        x, w, b = leaves
        return lib.nn.functional.layer_norm(x, (columns,), w, b)

    def entropy(lib: Any, leaves: Any) -> Any:
        y = lib.from_numpy(labels)
        return lib.nn.functional.cross_entropy(leaves[0], y)

    yield "cross_entropy", losses
    yield "cross_entropy, smoothing", lambda lib, t: losses(lib, t, label_smoothing=0.1)
    yield "cross_entropy and gradient", backward(entropy, matrix)
    yield "cross_entropy of images", one(of_images, pixels)
    yield "cross_entropy of images and gradient", backward(of_images, pixels)
    yield "nll_loss", one(lambda lib, x: lib.nn.functional.nll_loss(x[0], x[1]), matrix, labels)
    yield "batch_norm", one(norm, images, scale, scale)
    yield "batch_norm and gradient", backward(norm, images, scale, scale)
    yield "layer_norm", one(layer, matrix, vector, vector)
    yield "layer_norm and gradient", backward(layer, matrix, vector, vector)
    narrow = matrix.reshape(-1, 10)
    yield "sum last of 10", one(lambda lib, x: x[0].sum(-1), narrow)
    yield "sum first of many", one(lambda lib, x: x[0].sum(0), narrow)
    yield "softmax of 10", one(lambda lib, x: x[0].softmax(-1), narrow)
    yield "nonzero", one(lambda lib, x: lib.nonzero(x[0]), matrix > 0)
    yield "masked_select", one(lambda lib, x: lib.masked_select(x[0], x[1]), matrix, matrix > 0)
    yield "transposed copy", one(lambda lib, x: x[0].t().contiguous(), square)
    yield "add transposed", one(lambda lib, x: x[0] + x[0].t(), square)
    yield "add a row", one(lambda lib, x: x[0] + x[1], matrix, vector)
    yield "add a column", one(lambda lib, x: x[0] + x[0][:, :1], matrix)
    yield "exp of a slice", one(lambda lib, x: x[0][:, 1:-1].exp(), matrix)
    yield "softmax of transposed", one(lambda lib, x: x[0].t().softmax(-1), square)
    yield "cumsum of transposed", one(lambda lib, x: x[0].t().cumsum(-1), square)
    yield "cat", one(lambda lib, x: lib.cat([x[0], x[0]]), matrix)
    yield "cat of columns", one(lambda lib, x: lib.cat([x[0], x[0]], 1), matrix)
    yield "stack", one(lambda lib, x: lib.stack([x[0], x[0]], 1), matrix)
    yield "one_hot", one(lambda lib, x: lib.nn.functional.one_hot(x[0], columns), labels)
    yield "pad", one(lambda lib, x: lib.nn.functional.pad(x[0], (1, 1)), matrix)
    yield "pad, reflect", one(lambda lib, x: lib.nn.functional.pad(x[0], (1, 1), "reflect"), matrix)
    small = matrix.reshape(-1, 1, 10, 10)
    yield (
        "pad of small images, reflect",
        one(lambda lib, x: lib.nn.functional.pad(x[0], (1, 1, 1, 1), "reflect"), small),
    )
    counts = rng.integers(0, 3, rows)
    yield "repeat_interleave", one(lambda lib, x: lib.repeat_interleave(*x, 0), matrix, counts)
    edges = np.sort(rng.standard_normal(1000, dtype=np.float32))
    yield "searchsorted", one(lambda lib, x: lib.searchsorted(x[0], x[1]), edges, matrix)
    yield "roll", one(lambda lib, x: lib.roll(x[0], 3, 1), matrix)
    yield "flip", one(lambda lib, x: lib.flip(x[0], (1,)), matrix)
    yield "rot90", one(lambda lib, x: lib.rot90(x[0]), square)
    yield "tril", one(lambda lib, x: lib.tril(x[0]), square)
    yield "repeat", one(lambda lib, x: x[0].repeat(2, 2), matrix)
    yield "an element a row", one(lambda lib, x: x[0][x[1], x[2]], matrix, np.arange(rows), labels)
    yield "rows by index", one(lambda lib, x: x[0][x[1]], matrix, rng.integers(0, rows, rows))
    yield "mul by a number", one(lambda lib, x: x[0] * 2.0, matrix)
    yield "clone", one(lambda lib, x: x[0].clone(), matrix)
    yield "to float64", one(lambda lib, x: x[0].to(lib.float64), matrix)
    yield "bools to float32", one(lambda lib, x: x[0].to(lib.float32), matrix > 0)
    yield "transposed copy of bools", one(lambda lib, x: x[0].t().contiguous(), square > 0)
    yield "rolled as a vector", one(lambda lib, x: lib.roll(x[0], 3), matrix)
    yield "each row twice", one(lambda lib, x: lib.repeat_interleave(x[0], 2, 0), matrix)
    yield "tril in place", one(lambda lib, x: x[0].tril_(), square.copy())
    places = np.argsort(matrix, 1)
    yield (
        "scatter in place",
        one(lambda lib, x: x[0].scatter_(1, *x[1:]), matrix.copy(), places, matrix),
    )
    order = rng.permutation(rows)
    yield (
        "rows set",
        one(lambda lib, x: x[0].index_put_((x[1],), x[2]), matrix.copy(), order, matrix),
    )
    drawn = rng.integers(0, rows, rows)
    yield (
        "rows added",
        one(lambda lib, x: x[0].index_put_((x[1],), x[2], True), matrix.copy(), drawn, matrix),
    )
    bags = rng.integers(0, rows, (rows // 10, 10))

    def bag(lib: Any, leaves: Any) -> Any:
        return lib.nn.functional.embedding_bag(lib.from_numpy(bags), leaves[0])

    yield "bags", one(bag, matrix)
    yield "bags and gradient", backward(bag, matrix)
    yield "windows and gradient", backward(lambda lib, x: x[0].unfold(1, 10, 5), matrix)
    yield "sort", one(lambda lib, x: lib.sort(x[0].reshape(-1))[0], matrix)
    yield "topk of all", one(lambda lib, x: lib.topk(x[0].reshape(-1), 100)[0], matrix)
    numbers = rng.integers(0, 1000, elements)
    yield "bincount", one(lambda lib, x: lib.bincount(x[0]), numbers)
    yield "unique", one(lambda lib, x: lib.unique(x[0]), numbers)
    yield "unique of floats", one(lambda lib, x: lib.unique(x[0]), matrix)
    runs = np.sort(numbers)
    yield "unique_consecutive", one(lambda lib, x: lib.unique_consecutive(x[0]), runs)
    yield (
        "unique_consecutive of all kinds",
        one(lambda lib, x: lib.unique_consecutive(x[0], True, True)[1], runs),
    )
    yield "indices of a triangle", one(lambda lib, x: lib.triu_indices(edge, edge))
    yield "nan_to_num", one(lambda lib, x: lib.nan_to_num(x[0]), matrix)


def products() -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(2)
    for n in (16, 64, 256, 512, 1024):
        a = rng.standard_normal((n, n), dtype=np.float32)
        yield f"matmul {n}", one(lambda lib, x: x[0] @ x[0], a)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--elements", type=int, nargs="+", default=[30_000, 3_000_000])
    options.add_argument("--only", default="", help="only cases whose name contains this")
    options.add_argument("--slow", action="store_true", help="print only where a peer is faster")
    options.add_argument("--seconds", type=float, default=0.01, help="of one round")
    options.set_defaults(rounds=7)
    args = options.parse_args()
    harness.limit_threads(args.threads)
    import tinygrad_k as tk

    torch = harness.import_torch(args.threads)
    libraries = {harness.OURS: tk, **({"torch": torch} if torch else {})}
    report = harness.Report("Ops", [*list(libraries)[1:], "numpy"], args.threads)
    report.start()

    def measure(name: str, contenders: dict[str, Any]) -> None:
        present = {key: bound for key, bound in contenders.items() if bound}
        medians = harness.compare(present, args.rounds, args.seconds)
        if not args.slow or min(medians.values()) < medians[harness.OURS]:
            report.add(name, medians)

    for elements in args.elements:
        for case in cases.cases(elements):
            if args.only not in case.name:
                continue
            from tinygrad_k.ops import OPS

            ours = cases.call(OPS[case.op].function, case, tk.from_numpy)
            if ours is None:
                continue
            contenders = {harness.OURS: ours}
            for peer, lib in (("torch", torch), ("numpy", np)):
                function = lookup(lib, case.op) if lib else None
                make = np.asarray if lib is np else lib and lib.from_numpy
                bound = cases.call(function, case, make) if function else None
                if bound and same(ours, bound):
                    contenders[peer] = bound
            measure(case.name, contenders)
        for name, bind in composites(elements):
            if args.only in name:
                bound = {key: bind(lib, lib.from_numpy) for key, lib in libraries.items()}
                measure(f"{name} {elements:,}", bound)
    for name, bind in products():
        if args.only in name:
            bound = {key: bind(lib, lib.from_numpy) for key, lib in libraries.items()}
            measure(name, {**bound, "numpy": bind(np, np.asarray)})
    report.write(args.json)


if __name__ == "__main__":
    main()
