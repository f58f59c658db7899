"""Trains a small network to read handwritten digits, and says how well it does.

Without arguments: the 1,797 images of 8x8 that come with scikit-learn, to be read at least 97%
right. With --data DIR: MNIST-style IDX files of a directory, at least 95.5%. Exits with 1 when the
target is missed.
"""

import argparse
import sys
import time

import numpy as np

import tinygrad_k as tk

HIDDEN = 256


def read(directory, seed):
    """Training, validation and test images and labels, and the share to read right in the test."""
    if directory is None:
        images, labels = tk.data.load_digits()
        return tk.data.train_val_test_split(images, labels, (0.7, 0.15, 0.15), seed=seed), 0.97
    images, labels = tk.data.load_mnist(directory)
    parts = tk.data.train_val_test_split(images, labels, (0.95, 0.05), seed=seed)
    return [*parts, tk.data.load_mnist(directory, train=False)], 0.955


def rows(images, mean, scale):
    """Images as rows of float32, shifted and scaled as the training images ask for."""
    return ((images.reshape(len(images), -1) - mean) / scale).astype(np.float32)


def draw(path, history, images, labels, predicted):
    """Curves of loss and accuracy, and test images with what was read (red where wrong)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2, 3))
    for axes, name in zip(top.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot(range(1, history.epochs + 1), history[key], label=label)
        axes.set(title=name, xlabel="epoch")
        axes.legend()
    # The mistakes first: they are what one wants to see.
    order = np.argsort(predicted == labels, kind="stable")[:40]
    for axes in (grid := bottom.subplots(4, 10)).flat:
        axes.axis("off")
    for axes, i in zip(grid.flat, order, strict=False):
        axes.imshow(images[i], cmap="gray_r")
        right = predicted[i] == labels[i]
        title = f"{predicted[i]}" if right else f"{predicted[i]}, is {labels[i]}"
        axes.set_title(title, color="black" if right else "red", fontsize=9)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="directory of MNIST-style IDX files")
    parser.add_argument("--plot", metavar="FILE.png", help="draw curves and predictions")
    parser.add_argument("--epochs", type=int, help="passes over the data (40, MNIST 12)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    epochs = options.epochs
    if epochs is None:
        epochs = 40 if options.data is None else 12
    elif epochs < 1:
        parser.error(f"--epochs is at least 1; got {epochs}")

    start = time.perf_counter()
    tk.manual_seed(options.seed)
    parts, target = read(options.data, options.seed)
    (train_images, train_labels), (val_images, val_labels), (test_images, test_labels) = parts
    mean, scale = train_images.mean(), train_images.std()
    size, classes = train_images[0].size, int(train_labels.max()) + 1

    model = tk.nn.Sequential(
        tk.nn.Dropout(0.1),
        tk.nn.Linear(size, HIDDEN),
        tk.nn.ReLU(),
        tk.nn.Dropout(0.3),
        tk.nn.Linear(HIDDEN, classes),
    )
    optimizer = tk.optim.Adam(model.parameters(), lr=4e-3)
    trainer = tk.train.Trainer(
        model,
        optimizer,
        tk.nn.CrossEntropyLoss(label_smoothing=0.1),
        metrics=[tk.train.accuracy],
    )
    schedule = tk.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    history = trainer.fit(
        (rows(train_images, mean, scale), train_labels),
        (rows(val_images, mean, scale), val_labels),
        epochs=epochs,
        batch_size=32 if options.data is None else 64,
        callbacks=[tk.train.LRSchedulerCallback(schedule)],
    )

    scores = trainer.predict(rows(test_images, mean, scale), batch_size=256)
    predicted = scores.argmax(1).numpy()
    share = float((predicted == test_labels).mean())
    print(
        f"test: {share:.2%} of {len(test_labels)} images right (target {target:.1%}), "
        f"{time.perf_counter() - start:.1f} s"
    )
    if options.plot:
        draw(options.plot, history, test_images, test_labels, predicted)
        print(f"wrote {options.plot}")
    return 0 if share >= target else 1


if __name__ == "__main__":
    sys.exit(main())
