"""What an eager op costs on one element, against PyTorch: the price of the path, not of the work.

python benchmarks/launch.py [--json FILE]
"""

from __future__ import annotations

from typing import Any

import harness


def cases(lib: Any) -> dict[str, Any]:
    """The same calls for tinygrad_k and PyTorch."""
    a, b = lib.tensor(1.5), lib.tensor(2.5)
    wanted = lib.tensor(1.5, requires_grad=True)
    row, matrix, bias = lib.ones(1, 4), lib.ones(4, 4), lib.ones(4)

    def chain() -> None:
        leaf = lib.tensor(1.5, requires_grad=True)
        (leaf * b + a).exp().backward()

    return {
        "add": lambda: a + b,
        "add, recorded": lambda: wanted + b,
        "mul": lambda: a * b,
        "mul, recorded": lambda: wanted * b,
        "exp": lambda: a.exp(),
        "exp, recorded": lambda: wanted.exp(),
        "mul by a number": lambda: a * 2.0,
        "sum": lambda: row.sum(),
        "matmul (1, 4) @ (4, 4)": lambda: row @ matrix,
        "linear (1, 4), (4, 4)": lambda: lib.nn.functional.linear(row, matrix, bias),
        "softmax (1, 4)": lambda: row.softmax(-1),
        "tensor(1.0)": lambda: lib.tensor(1.0),
        "zeros(4, 8)": lambda: lib.zeros(4, 8),
        "view (4, 4) as (16,)": lambda: matrix.view(16),
        "index t[1]": lambda: matrix[1],
        "leaf, mul, add, exp, backward": chain,
    }


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    harness.limit_threads(args.threads)
    import tinygrad_k as tk

    torch = harness.import_torch(args.threads)
    report = harness.Report("One eager op, one element", ["torch"] if torch else [], args.threads)
    report.start()
    ours, theirs = cases(tk), cases(torch) if torch else {}
    for name, call in ours.items():
        contenders = {harness.OURS: call}
        if torch:
            contenders["torch"] = theirs[name]
        report.add(name, harness.compare(contenders, args.rounds, 0.01))
    report.write(args.json)


if __name__ == "__main__":
    main()
