"""What happened in each epoch of a training run."""

from __future__ import annotations

import os
from collections.abc import Iterable


class History(dict[str, list[float]]):
    """One list per quantity (`loss`, `val_loss`, metrics, `lr`, `seconds`), one entry per epoch.

    Prints as a table.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__((name, []) for name in names)

    @property
    def epochs(self) -> int:
        """Epochs finished."""
        return min(map(len, self.values()), default=0)

    def append(self, values: dict[str, float]) -> None:
        """Adds an epoch; `values` has exactly the names of the history."""
        if values.keys() != self.keys():
            raise ValueError(f"History: names differ; got {list(values)}, kept {list(self)}")
        for name, value in values.items():
            self[name].append(value)

    def __str__(self) -> str:
        head = ["epoch", *self]
        rows = [
            [str(epoch + 1), *(f"{values[epoch]:.4g}" for values in self.values())]
            for epoch in range(self.epochs)
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in [head, *rows]
        )

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the losses, and each metric beside its `val_` twin, to an image file.

        ImportError when matplotlib is missing.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "History.plot: matplotlib is not installed; pip install 'tinygrad_k[examples]'"
            ) from error
        panels = [name for name in self if not name.startswith("val_") and name != "seconds"]
        figure = Figure(figsize=(4 * max(1, len(panels)), 3.2), layout="constrained")
        for i, name in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), i + 1)
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                if key in self:
                    axes.plot(range(1, len(self[key]) + 1), self[key], marker=".", label=label)
            axes.set(title=name, xlabel="epoch")
            if f"val_{name}" in self:
                axes.legend()
        figure.savefig(path)
