"""How a running epoch shows itself: a bar on a terminal, one line per epoch everywhere."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """Bar (on stderr) while an epoch runs, and a line (on stdout) when it is finished.

    `mode` None draws bars only where stderr is a terminal, True draws them anywhere, False prints
    nothing at all. The bar is tqdm's where that is installed, else a plain count of batches.
    """

    def __init__(self, mode: bool | None, epochs: int) -> None:
        self.lines = mode is not False
        self.bars = sys.stderr.isatty() if mode is None else mode
        self.epochs = epochs
        self._bar: Any = None

    def begin(self, epoch: int, batches: int | None) -> None:
        """Opens the bar of an epoch (from 0); `batches` is None where it is not known."""
        if self.bars:
            self._bar = _make_bar(f"epoch {epoch + 1}/{self.epochs}", batches)

    def step(self, batches: int) -> None:
        """So many batches are done."""
        if self._bar is not None:
            self._bar.update(batches)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def end(self, epoch: int, logs: dict[str, float]) -> None:
        """Prints the line of a finished epoch."""
        self.close()
        if self.lines:
            values = "  ".join(f"{name} {value:.4g}" for name, value in logs.items())
            print(f"epoch {epoch + 1}/{self.epochs}  {values}", flush=True)


def _make_bar(title: str, batches: int | None) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return _PlainBar(title, batches)
    return tqdm(total=batches, desc=title, unit="batch", leave=False)


class _PlainBar:
    """The part of tqdm's interface used here, in text that overwrites itself."""

    def __init__(self, title: str, batches: int | None) -> None:
        self.title, self.batches, self.done = title, batches, 0
        self.width = 0

    def update(self, n: int) -> None:
        self.done += n
        # A hundred updates per epoch are enough for the eye, and cost nothing.
        if n > 1 or self.done % max(1, (self.batches or 100) // 100) == 0:
            text = f"{self.title}  {self.done}/{self.batches or '?'}"
            self.width = max(self.width, len(text))
            print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(f"\r{' ' * self.width}\r", end="", file=sys.stderr, flush=True)
