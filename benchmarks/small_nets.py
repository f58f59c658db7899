"""Small nets as they are used: an epoch over scikit-learn's digits, and one sample to classify.

python benchmarks/small_nets.py [--threads 1] [--json FILE]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness

EPOCHS = 20  # in one timing, so that what a call of fit costs does not count


def fit(tk: Any, x: Any, y: Any) -> Callable[[], Any]:
    """Epochs of a 64-16-10 net with Adam, batches of 32."""
    model = tk.nn.Sequential(tk.nn.Linear(64, 16), tk.nn.ReLU(), tk.nn.Linear(16, 10))
    optimizer = tk.optim.Adam(model.parameters(), lr=1e-3)
    trainer = tk.train.Trainer(model, optimizer, tk.nn.CrossEntropyLoss())
    return lambda: trainer.fit((x, y), epochs=EPOCHS, batch_size=32, progress=False)


def sklearn_fit(sklearn: Any, x: Any, y: Any) -> Callable[[], Any]:
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore", message=".*Maximum iterations")
    options = {"batch_size": 32, "max_iter": EPOCHS, "tol": 0, "n_iter_no_change": EPOCHS}
    return lambda: MLPClassifier((16,), **options).fit(x, y)


def classify(lib: Any, sample: Any) -> Callable[[], Any]:
    """One sample through a 64-128-10 net, without gradients."""
    model = lib.nn.Sequential(lib.nn.Linear(64, 128), lib.nn.ReLU(), lib.nn.Linear(128, 10))
    x = lib.from_numpy(sample)
    mode = lib.inference_mode

    def call() -> Any:
        with mode():
            return model(x)

    return call


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    harness.limit_threads(args.threads)
    import numpy as np

    import tinygrad_k as tk

    torch, sklearn = harness.import_torch(args.threads), harness.optional("sklearn")
    peers = [name for name, there in (("torch", torch), ("sklearn", sklearn)) if there]
    report = harness.Report("Small nets", ["eager", *peers], args.threads)
    report.start()
    sample = np.random.default_rng(0).standard_normal((1, 64), dtype=np.float32)
    model = tk.nn.Sequential(tk.nn.Linear(64, 128), tk.nn.ReLU(), tk.nn.Linear(128, 10))
    compiled, x = tk.compile(model), tk.from_numpy(sample)
    with tk.inference_mode():
        contenders = {harness.OURS: lambda: compiled(x), "eager": classify(tk, sample)}
        if torch:
            contenders["torch"] = classify(torch, sample)
        report.add("one sample, 64-128-10", harness.compare(contenders, args.rounds))
    if sklearn:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = (images / 16).astype(np.float32)
        contenders = {
            harness.OURS: fit(tk, images, labels),
            "sklearn": sklearn_fit(sklearn, images, labels),
        }
        times = harness.compare(contenders, min(args.rounds, 5))
        report.add(f"{EPOCHS} epochs, 64-16-10", times)
    report.write(args.json)


if __name__ == "__main__":
    main()
