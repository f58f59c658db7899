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
    labels = lib.zeros(1, dtype=lib.int64)
    functional = lib.nn.functional

    def write() -> None:
        matrix[1] = 2.0

    def write_part() -> None:
        matrix[1:3, 0] = 2.0

    def chain() -> None:
        x = wanted
        for _ in range(5):
            x = (x * b).tanh()
        x.backward()

    def fresh_leaf() -> None:
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
        "mul by a number, recorded": lambda: wanted * 2.0,
        "sum": lambda: row.sum(),
        "sum over a dim": lambda: row.sum(-1),
        "matmul (1, 4) @ (4, 4)": lambda: row @ matrix,
        "linear (1, 4), (4, 4)": lambda: functional.linear(row, matrix, bias),
        "softmax (1, 4)": lambda: row.softmax(-1),
        "cross_entropy (1, 4)": lambda: functional.cross_entropy(row, labels),
        "tensor(1.0)": lambda: lib.tensor(1.0),
        "zeros(4, 8)": lambda: lib.zeros(4, 8),
        "arange(10)": lambda: lib.arange(10),
        "view (4, 4) as (16,)": lambda: matrix.view(16),
        "reshape (4, 4) as (2, 8)": lambda: matrix.reshape(2, 8),
        "transpose": lambda: matrix.transpose(0, 1),
        "permute": lambda: matrix.permute(1, 0),
        "unsqueeze": lambda: matrix.unsqueeze(0),
        "expand (1, 4) as (4, 4)": lambda: row.expand(4, 4),
        "shape": lambda: matrix.shape,
        "t[1]": lambda: matrix[1],
        "t[1:3]": lambda: matrix[1:3],
        "t[:, 0]": lambda: matrix[:, 0],
        "t[None]": lambda: matrix[None],
        "t[..., 0]": lambda: matrix[..., 0],
        "t[1] = 2.0": write,
        "t[1:3, 0] = 2.0": write_part,
        "10 ops, recorded, and backward": chain,
        "leaf, mul, add, exp, backward": fresh_leaf,
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
