"""What an eager call costs on one element or a few, against PyTorch: the price of the path, not of
the work.

python benchmarks/launch.py [--only PATTERN] [--json FILE]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import harness
import numpy as np

Calls = dict[str, Callable[[], Any]]


def elementwise(lib: Any) -> Calls:
    a, b = lib.tensor(1.5), lib.tensor(2.5)
    wanted = lib.tensor(1.5, requires_grad=True)
    return {
        "add": lambda: a + b,
        "add, recorded": lambda: wanted + b,
        "mul": lambda: a * b,
        "mul, recorded": lambda: wanted * b,
        "exp": lambda: a.exp(),
        "exp, recorded": lambda: wanted.exp(),
        "mul by a number": lambda: a * 2.0,
        "mul by a number, recorded": lambda: wanted * 2.0,
        "number minus tensor": lambda: 1.0 - a,
        "neg": lambda: -a,
        "pow 2": lambda: a**2,
        "pow": lambda: a**b,
        "relu": lambda: a.relu(),
        "sigmoid": lambda: a.sigmoid(),
        "gelu": lambda: lib.nn.functional.gelu(a),
        "leaky_relu": lambda: lib.nn.functional.leaky_relu(a),
        "softplus": lambda: lib.nn.functional.softplus(a),
        "clamp": lambda: a.clamp(0.0, 1.0),
        "eq": lambda: a == b,
        "gt a number": lambda: a > 0,
        "where": lambda: lib.where(a > b, a, b),
        "lerp": lambda: a.lerp(b, 0.5),
    }


def reductions(lib: Any) -> Calls:
    row, matrix, other = lib.ones(1, 4), lib.rand(4, 4), lib.rand(4, 4)
    bias, wanted = lib.ones(4), lib.ones(4, 4, requires_grad=True)
    functional = lib.nn.functional
    return {
        "sum": lambda: row.sum(),
        "sum, recorded": lambda: wanted.sum(),
        "sum over a dim": lambda: row.sum(-1),
        "sum over dims": lambda: matrix.sum((0, 1)),
        "mean": lambda: row.mean(),
        "std over a dim": lambda: matrix.std(0),
        "norm": lambda: matrix.norm(),
        "argmax": lambda: matrix.argmax(-1),
        "max": lambda: matrix.max(),
        "max over a dim": lambda: matrix.max(-1),
        "cumsum": lambda: matrix.cumsum(0),
        "matmul (1, 4) @ (4, 4)": lambda: row @ matrix,
        "matmul, recorded": lambda: row @ wanted,
        "mm": lambda: matrix.mm(other),
        "dot": lambda: bias.dot(bias),
        "outer": lambda: lib.outer(bias, bias),
        "addmm": lambda: lib.addmm(bias, matrix, other),
        "linear (1, 4), (4, 4)": lambda: functional.linear(row, matrix, bias),
        "linear, recorded": lambda: functional.linear(row, wanted, bias),
        "einsum ij,jk->ik": lambda: lib.einsum("ij,jk->ik", matrix, other),
        "softmax (1, 4)": lambda: row.softmax(-1),
        "log_softmax (1, 4)": lambda: row.log_softmax(-1),
        "layer_norm": lambda: functional.layer_norm(matrix, (4,), bias, bias),
        "batch_norm": lambda: functional.batch_norm(matrix, None, None, training=True),
        "dropout": lambda: functional.dropout(matrix, 0.5),
    }


def losses(lib: Any) -> Calls:
    row, labels = lib.ones(1, 4), lib.zeros(1, dtype=lib.int64)
    wanted = lib.ones(1, 4, requires_grad=True)
    matrix, other = lib.rand(4, 4), lib.rand(4, 4)
    functional = lib.nn.functional
    return {
        "cross_entropy (1, 4)": lambda: functional.cross_entropy(row, labels),
        "cross_entropy, recorded": lambda: functional.cross_entropy(wanted, labels),
        "nll_loss": lambda: functional.nll_loss(row, labels),
        "mse_loss": lambda: functional.mse_loss(matrix, other),
        "l1_loss": lambda: functional.l1_loss(matrix, other),
        "smooth_l1_loss": lambda: functional.smooth_l1_loss(matrix, other),
        "bce with logits": lambda: functional.binary_cross_entropy_with_logits(matrix, other),
    }


def creation(lib: Any) -> Calls:
    like, array = lib.ones(4, 4), np.ones((4, 4), np.float32)
    return {
        "tensor(1.0)": lambda: lib.tensor(1.0),
        "tensor(1)": lambda: lib.tensor(1),
        "tensor([1.0, 2.0, 3.0])": lambda: lib.tensor([1.0, 2.0, 3.0]),
        "tensor(array)": lambda: lib.tensor(array),
        "from_numpy": lambda: lib.from_numpy(array),
        "zeros(4, 8)": lambda: lib.zeros(4, 8),
        "ones(4, 8)": lambda: lib.ones(4, 8),
        "empty(4, 8)": lambda: lib.empty(4, 8),
        "full((4, 8), 2.0)": lambda: lib.full((4, 8), 2.0),
        "arange(10)": lambda: lib.arange(10),
        "arange(0, 10, 2)": lambda: lib.arange(0, 10, 2),
        "linspace(0, 1, 10)": lambda: lib.linspace(0, 1, 10),
        "eye(4)": lambda: lib.eye(4),
        "rand(4, 8)": lambda: lib.rand(4, 8),
        "randn(4, 8)": lambda: lib.randn(4, 8),
        "randint(0, 10, (4,))": lambda: lib.randint(0, 10, (4,)),
        "randperm(10)": lambda: lib.randperm(10),
        "zeros_like": lambda: lib.zeros_like(like),
        "ones_like": lambda: lib.ones_like(like),
        "empty_like": lambda: lib.empty_like(like),
        "randn_like": lambda: lib.randn_like(like),
        "new_zeros(4)": lambda: like.new_zeros(4),
        "clone": lambda: like.clone(),
        "detach": lambda: like.detach(),
        "double": lambda: like.double(),
        "numpy": lambda: like.numpy(),
        "item": lambda: like[0, 0].item(),
    }


def views(lib: Any) -> Calls:
    row, matrix = lib.ones(1, 4), lib.ones(4, 4)
    wanted = lib.ones(4, 4, requires_grad=True)
    return {
        "view (4, 4) as (16,)": lambda: matrix.view(16),
        "view, recorded": lambda: wanted.view(16),
        "reshape (4, 4) as (2, 8)": lambda: matrix.reshape(2, 8),
        "flatten": lambda: matrix.flatten(),
        "transpose": lambda: matrix.transpose(0, 1),
        "transpose, recorded": lambda: wanted.transpose(0, 1),
        "permute": lambda: matrix.permute(1, 0),
        "T": lambda: matrix.T,
        "squeeze": lambda: row.squeeze(0),
        "unsqueeze": lambda: matrix.unsqueeze(0),
        "expand (1, 4) as (4, 4)": lambda: row.expand(4, 4),
        "split": lambda: matrix.split(2),
        "unbind": lambda: matrix.unbind(),
        "shape": lambda: matrix.shape,
    }


def subscripts(lib: Any) -> Calls:
    matrix, wanted = lib.ones(4, 4), lib.ones(4, 4, requires_grad=True)
    places, others = lib.tensor([0, 2, 3]), lib.tensor([1, 0, 2])
    mask, row = matrix > 0, lib.ones(4)

    def write(key: Any, value: Any) -> Callable[[], None]:
        def assign() -> None:
            matrix[key] = value

        return assign

    return {
        "t[1]": lambda: matrix[1],
        "t[1], recorded": lambda: wanted[1],
        "t[0, 1]": lambda: matrix[0, 1],
        "t[1:3]": lambda: matrix[1:3],
        "t[:, 0]": lambda: matrix[:, 0],
        "t[:, 0], recorded": lambda: wanted[:, 0],
        "t[None]": lambda: matrix[None],
        "t[..., 0]": lambda: matrix[..., 0],
        "t[mask]": lambda: matrix[mask],
        "t[places]": lambda: matrix[places],
        "t[places], recorded": lambda: wanted[places],
        "t[:, places]": lambda: matrix[:, places],
        "t[places, others]": lambda: matrix[places, others],
        "t[1] = 2.0": write(1, 2.0),
        "t[1:3, 0] = 2.0": write((slice(1, 3), 0), 2.0),
        "t[0] = row": write(0, row),
        "t[mask] = 2.0": write(mask, 2.0),
        "t[places] = 2.0": write(places, 2.0),
    }


def rearrangements(lib: Any) -> Calls:
    matrix, other = lib.rand(4, 4), lib.rand(4, 4)
    wanted = lib.ones(4, 4, requires_grad=True)
    mask, places = matrix > 0.5, lib.tensor([0, 2, 3])
    column, each = lib.zeros(4, 1, dtype=lib.int64), lib.zeros(4, 4, dtype=lib.int64)
    functional = lib.nn.functional
    return {
        "cat": lambda: lib.cat([matrix, other]),
        "cat, recorded": lambda: lib.cat([wanted, other]),
        "stack": lambda: lib.stack([matrix, other]),
        "gather": lambda: matrix.gather(1, column),
        "scatter_add": lambda: matrix.scatter_add(0, each, other),
        "index_select": lambda: matrix.index_select(0, places),
        "embedding": lambda: functional.embedding(places, matrix),
        "one_hot": lambda: functional.one_hot(places, 4),
        "masked_fill": lambda: matrix.masked_fill(mask, 0.0),
        "tril": lambda: matrix.tril(),
        "sort": lambda: matrix.sort(),
        "topk": lambda: matrix.topk(2),
        "pad": lambda: functional.pad(matrix, (1, 1)),
        "flip": lambda: matrix.flip(0),
        "roll": lambda: matrix.roll(1, 0),
        "repeat": lambda: matrix.repeat(2, 1),
    }


def in_place(lib: Any) -> Calls:
    target, other = lib.zeros(4, 4), lib.zeros(4, 4)
    return {
        "add_": lambda: target.add_(other),
        "add_ a number": lambda: target.add_(0.0),
        "add_ with alpha": lambda: target.add_(other, alpha=0.1),
        "mul_ by a number": lambda: target.mul_(0.5),
        "zero_": lambda: target.zero_(),
        "fill_": lambda: target.fill_(1.0),
        "copy_": lambda: target.copy_(other),
        "clamp_": lambda: target.clamp_(0.0, 1.0),
        "normal_": lambda: target.normal_(),
    }


def graphs(lib: Any) -> Calls:
    wanted, a, b = lib.tensor(1.5, requires_grad=True), lib.tensor(1.5), lib.tensor(2.5)

    def chain() -> None:
        x = wanted
        for _ in range(5):
            x = (x * b).tanh()
        x.backward()

    def fresh_leaf() -> None:
        leaf = lib.tensor(1.5, requires_grad=True)
        (leaf * b + a).exp().backward()

    def unrecorded() -> None:
        with lib.no_grad():
            pass

    return {
        "10 ops, recorded, and backward": chain,
        "leaf, mul, add, exp, backward": fresh_leaf,
        "grad of exp(mul)": lambda: lib.autograd.grad((wanted * b).exp(), wanted),
        "with no_grad()": unrecorded,
    }


def modules(lib: Any) -> Calls:
    nn = lib.nn
    row, matrix, other = lib.ones(1, 4), lib.rand(4, 4), lib.rand(4, 4)
    labels, places = lib.zeros(1, dtype=lib.int64), lib.tensor([0, 2, 3])
    linear, relu, norm, drop = nn.Linear(4, 4), nn.ReLU(), nn.LayerNorm(4), nn.Dropout(0.5)
    batch_norm, table, flat = nn.BatchNorm1d(4), nn.Embedding(4, 4), nn.Flatten()
    entropy, squares = nn.CrossEntropyLoss(), nn.MSELoss()
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    return {
        "Linear": lambda: linear(row),
        "Sequential of 3": lambda: net(row),
        "ReLU": lambda: relu(matrix),
        "LayerNorm": lambda: norm(matrix),
        "BatchNorm1d": lambda: batch_norm(matrix),
        "Dropout": lambda: drop(matrix),
        "Embedding": lambda: table(places),
        "Flatten": lambda: flat(matrix),
        "CrossEntropyLoss": lambda: entropy(row, labels),
        "MSELoss": lambda: squares(matrix, other),
        "parameters()": lambda: list(net.parameters()),
    }


def training(lib: Any) -> Calls:
    nn, row, labels = lib.nn, lib.ones(1, 4), lib.zeros(1, dtype=lib.int64)
    found: Calls = {}

    def trained(rule: str, **settings: Any) -> tuple[Any, Any]:
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        net(row).sum().backward()
        return net, getattr(lib.optim, rule)(net.parameters(), lr=1e-9, **settings)

    for rule in ("SGD", "Adam", "AdamW"):
        found[f"{rule}.step, 4 parameters"] = trained(rule)[1].step
    net, _ = trained("SGD")
    parameters = list(net.parameters())
    found["clip_grad_norm_"] = lambda: nn.utils.clip_grad_norm_(parameters, 1.0)
    own, adam = trained("Adam")
    entropy = nn.CrossEntropyLoss()

    def step() -> None:
        adam.zero_grad()
        entropy(own(row), labels).backward()
        adam.step()

    found["step of 4-8-2, Adam"] = step
    data = lib.utils.data if hasattr(lib.utils, "data") else lib.data
    rows = data.TensorDataset(lib.ones(64, 4), lib.zeros(64, dtype=lib.int64))
    loader = data.DataLoader(rows, batch_size=8, shuffle=True)
    found["DataLoader, 8 batches of 8"] = lambda: list(loader)
    return found


GROUPS = (
    elementwise, reductions, losses, creation, views, subscripts, rearrangements, in_place, graphs,
    modules, training,
)  # fmt: skip


def main() -> None:
    parser = harness.parser("What an eager call costs, against PyTorch")
    parser.add_argument("--only", default="", help="a regular expression for group: case")
    args = parser.parse_args()
    harness.limit_threads(args.threads)
    import tinygrad_k as tk

    torch = harness.import_torch(args.threads)
    report = harness.Report("One eager call", ["torch"] if torch else [], args.threads)
    report.start()
    for group in GROUPS:
        ours, theirs = group(tk), group(torch) if torch else {}
        for name, call in ours.items():
            case = f"{group.__name__.replace('_', ' ')}: {name}"
            if not re.search(args.only, case):
                continue
            contenders = {harness.OURS: call}
            if torch:
                contenders["torch"] = theirs[name]
            report.add(case, harness.compare(contenders, args.rounds, 0.005))
    slower = [row["case"] for row in report.rows if row["ratios"].get("torch", 1.0) < 1.0]
    print(f"\nslower than PyTorch: {len(slower)} of {len(report.rows)}: {'; '.join(slower)}")
    report.write(args.json)


if __name__ == "__main__":
    main()
