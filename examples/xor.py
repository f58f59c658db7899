"""Exclusive or: a linear model cannot learn it, a network with one hidden layer can.

Points of the square are labelled by whether their coordinates have different signs. Exits with 1
unless the linear model stays near chance and the network gets nearly all points right.
"""

import argparse
import sys

import numpy as np

import tinygrad_k as tk

POINTS = 400


def points(seed):
    """Points of the square [-1, 1]^2 and their labels, 0. or 1., of shape (n, 1)."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (POINTS, 2)).astype(np.float32)
    X += 0.05 * np.sign(X)  # a gap between the classes: points on an axis have no label
    y = (X[:, :1] * X[:, 1:] < 0).astype(np.float32)
    return X, y


def right(output, target):
    """Share of logits on the side of their label."""
    return ((output > 0) == (target > 0.5)).double().mean()


def train(model, X, y, epochs):
    """The share of points the model gets right after training."""
    trainer = tk.train.Trainer(
        model,
        tk.optim.Adam(model.parameters(), lr=0.02),
        tk.nn.BCEWithLogitsLoss(),
        metrics={"right": right},
    )
    trainer.fit((X, y), epochs=epochs, batch_size=40, progress=False)
    return trainer.evaluate((X, y), batch_size=POINTS)["right"]


def draw(path, models, X, y):
    """Each model's probability of label 1 over the square, and the points."""
    from matplotlib.figure import Figure

    side = np.linspace(-1.1, 1.1, 200, dtype=np.float32)
    square = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, (title, model) in zip(figure.subplots(1, len(models)), models.items(), strict=True):
        with tk.no_grad():
            chance = tk.sigmoid(model(tk.tensor(square))).numpy().reshape(200, 200)
        axes.contourf(side, side, chance, levels=20, cmap="RdBu", vmin=0, vmax=1, alpha=0.7)
        axes.contour(side, side, chance, levels=[0.5], colors="black")
        axes.scatter(*X.T, c=y[:, 0], cmap="RdBu", edgecolors="black", s=14)
        axes.set(title=title, aspect="equal")
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE.png", help="draw the decision boundaries")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs is at least 1; got {options.epochs}")

    tk.manual_seed(options.seed)
    X, y = points(options.seed)
    models = {
        "linear": tk.nn.Linear(2, 1),
        "hidden layer of 8": tk.nn.Sequential(tk.nn.Linear(2, 8), tk.nn.Tanh(), tk.nn.Linear(8, 1)),
    }
    shares = [train(model, X, y, options.epochs) for model in models.values()]
    for name, share in zip(models, shares, strict=True):
        print(f"{name}: {share:.1%} of {POINTS} points right")
    if options.plot:
        draw(options.plot, models, X, y)
        print(f"wrote {options.plot}")
    # No line gets more than three of the four quadrants right.
    return 0 if shares[0] <= 0.77 and shares[1] >= 0.98 else 1


if __name__ == "__main__":
    sys.exit(main())
