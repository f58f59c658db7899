"""Every op of the table on large and middling tensors, against PyTorch and NumPy.

    python benchmarks/ops.py [--threads 1] [--elements 3000000 30000] [--only softmax]

Elementwise ops run on the declared domain; reductions, scans and rows on a matrix, over its rows
and its columns; products on square matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import harness


def elementwise(elements: int, rng: Any) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    """(case, name of the function, arrays, keywords) for every unary and binary op."""
    import numpy as np

    from tinygrad_k.ops import OPS

    for name, op in OPS.items():
        if op.family not in ("unary", "binary") or name.startswith("_"):
            continue
        arrays = []
        for draw in op.domain:
            array = draw(elements).make(rng, np.float32)
            arrays.append(array)
        yield f"{name} {elements:,}", name, arrays, {}


def along_dimensions(
    elements: int, rng: Any
) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    import numpy as np

    columns = 1000 if elements >= 1_000_000 else 100
    matrix = rng.standard_normal((elements // columns, columns), dtype=np.float32)
    for name in (
        "sum",
        "mean",
        "amax",
        "argmax",
        "var",
        "logsumexp",
        "softmax",
        "log_softmax",
        "cumsum",
    ):
        for dim in (1, 0):
            yield f"{name} {matrix.shape} dim {dim}", name, [matrix], {"dim": dim}
    yield f"sum {elements:,}", "sum", [matrix], {}


def products(rng: Any) -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    import numpy as np

    for n in (16, 64, 256, 512, 1024):
        a = rng.standard_normal((n, n), dtype=np.float32)
        b = rng.standard_normal((n, n), dtype=np.float32)
        yield f"matmul {n}", "matmul", [a, b], {}


def function_of(lib: Any, name: str, tensors: list[Any], kwargs: dict[str, Any]) -> Any:
    """The library's function of this name, bound to its arguments; None where it has none."""
    function = getattr(lib, name, None)
    if function is None and hasattr(lib, "nn"):
        function = getattr(lib.nn.functional, name, None)
    if function is None:
        return None
    try:
        function(*tensors, **kwargs)
    except (TypeError, RuntimeError, ValueError):
        return None
    return lambda: function(*tensors, **kwargs)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--elements", type=int, nargs="+", default=[3_000_000, 30_000])
    options.add_argument("--only", default="", help="only cases whose name contains this")
    options.set_defaults(rounds=7)
    args = options.parse_args()
    harness.limit_threads(args.threads)
    import numpy as np

    import tinygrad_k as tk

    torch = harness.import_torch(args.threads)
    peers = [*(["torch"] if torch else []), "numpy"]
    report = harness.Report("Ops", peers, args.threads)
    report.start()
    rng = np.random.default_rng(0)
    sources = [products(rng)]
    for elements in args.elements:
        sources += [elementwise(elements, rng), along_dimensions(elements, rng)]
    for source in sources:
        for case, name, arrays, kwargs in source:
            if args.only not in case:
                continue
            contenders = {
                harness.OURS: function_of(tk, name, [tk.from_numpy(a) for a in arrays], kwargs)
            }
            if torch:
                tensors = [torch.from_numpy(a) for a in arrays]
                contenders["torch"] = function_of(torch, name, tensors, kwargs)
            axis = {"axis": kwargs["dim"]} if "dim" in kwargs else {}
            contenders["numpy"] = function_of(np, name, arrays, axis)
            present = {key: call for key, call in contenders.items() if call}
            if harness.OURS in present:
                report.add(case, harness.compare(present, args.rounds))
    report.write(args.json)


if __name__ == "__main__":
    main()
