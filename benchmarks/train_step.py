"""One training step of an MLP with Adam, compiled, against eager, PyTorch eager and JAX jit.

python benchmarks/train_step.py [--threads 2] [--only 784] [--json FILE]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import harness

CASES = (
    ((2, 16, 2), 4),
    ((64, 32, 32, 10), 1),
    ((64, 128, 10), 32),
    ((784, 128, 10), 64),
    ((784, 512, 512, 10), 128),
    ((784, 1024, 1024, 1024, 10), 256),
)


LR = 1e-6  # so small that 100,000 steps on one batch do not bring its gradients to denormal numbers


def build(lib: Any, sizes: tuple[int, ...]) -> tuple[Any, Any]:
    """Model and optimizer, written once: tinygrad_k and PyTorch share their names."""
    layers: list[Any] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [lib.nn.Linear(inputs, outputs), lib.nn.ReLU()]
    model = lib.nn.Sequential(*layers[:-1])
    return model, lib.optim.Adam(model.parameters(), lr=LR)


def eager(lib: Any, sizes: tuple[int, ...], x: Any, y: Any) -> Callable[[], Any]:
    """A plain step."""
    model, optimizer = build(lib, sizes)
    loss_of = lib.nn.CrossEntropyLoss()
    data, labels = lib.from_numpy(x), lib.from_numpy(y)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(data), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def compiled(tk: Any, sizes: tuple[int, ...], x: Any, y: Any) -> Callable[[], Any]:
    """The same step, recorded and replayed, on a batch that is handed to it."""
    model, optimizer = build(tk, sizes)
    loss_of = tk.nn.CrossEntropyLoss()
    data, labels = tk.from_numpy(x), tk.from_numpy(y)

    @tk.compile
    def step(data: Any, labels: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(data), labels)
        loss.backward()
        optimizer.step()
        return loss

    return lambda: step(data, labels)


def jax_jit(jax: Any, sizes: tuple[int, ...], x: Any, y: Any) -> Callable[[], Any]:
    import numpy as np

    jnp = jax.numpy
    rng = np.random.default_rng(0)
    weights = [
        (
            jnp.asarray(rng.standard_normal((a, b), dtype=np.float32) / a**0.5),
            jnp.zeros(b, dtype=jnp.float32),
        )
        for a, b in itertools.pairwise(sizes)
    ]
    zeros = jax.tree_util.tree_map(jnp.zeros_like, weights)
    state = [weights, zeros, zeros, jnp.float32(0)]
    data, labels = jnp.asarray(x), jnp.asarray(y)

    def loss_of(weights: Any) -> Any:
        h = data
        for i, (w, b) in enumerate(weights):
            h = h @ w + b
            if i + 1 < len(weights):
                h = jax.nn.relu(h)
        return -jax.nn.log_softmax(h)[jnp.arange(len(labels)), labels].mean()

    @jax.jit
    def update(weights: Any, m: Any, v: Any, count: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_of)(weights)
        count = count + 1
        tree = jax.tree_util.tree_map
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        weights = tree(
            lambda w, m, v: (
                w - LR * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
            ),
            weights,
            m,
            v,
        )
        return weights, m, v, count, loss

    def step() -> Any:
        *new, loss = update(*state)
        state[:] = new
        return loss.block_until_ready()

    return step


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--only", default="", help="only cases whose name contains this")
    args = options.parse_args()
    harness.limit_threads(args.threads)
    import numpy as np

    import tinygrad_k as tk

    torch, jax = harness.import_torch(args.threads), harness.optional("jax")
    peers = ["eager", *(name for name, module in (("torch", torch), ("jax", jax)) if module)]
    report = harness.Report("One training step with Adam, compiled", peers, args.threads)
    report.start()
    for sizes, batch in CASES:
        case = f"{list(sizes)} batch {batch}"
        if args.only not in case:
            continue
        rng = np.random.default_rng(0)
        x = rng.standard_normal((batch, sizes[0]), dtype=np.float32)
        y = rng.integers(0, sizes[-1], batch)
        contenders = {harness.OURS: compiled(tk, sizes, x, y), "eager": eager(tk, sizes, x, y)}
        if torch:
            contenders["torch"] = eager(torch, sizes, x, y)
        if jax:
            contenders["jax"] = jax_jit(jax, sizes, x, y)
        report.add(case, harness.compare(contenders, args.rounds))
    report.write(args.json)


if __name__ == "__main__":
    main()
