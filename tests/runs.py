"""Nets, optimizers and schedules in one training step, always begun alike."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from cases import array_of

import tinygrad_k as tk

nn, F = tk.nn, tk.nn.functional


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda n: nn.ReLU(),
    "tanh": lambda n: nn.Tanh(),
    "gelu": lambda n: nn.GELU(),
    "silu": lambda n: nn.SiLU(),
    "sigmoid": lambda n: nn.Sigmoid(),
    "dropout": lambda n: nn.Dropout(0.3),
    "batch_norm": lambda n: nn.BatchNorm1d(n),
    "layer_norm": lambda n: nn.LayerNorm(n),
}
OPTIMIZERS: dict[str, Callable[[Any], tk.optim.Optimizer]] = {
    "sgd": lambda p: tk.optim.SGD(p, lr=0.05),
    "momentum": lambda p: tk.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: tk.optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: tk.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: tk.optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: tk.optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
}
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "none": lambda o: None,
    "exponential": lambda o: tk.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: tk.optim.lr_scheduler.CosineAnnealingLR(o, 5),
}


class Run:
    """A net, its optimizer and a training step, always begun alike."""

    def __init__(
        self, sizes: list[int], layers: list[str], optimizer: str, schedule: str, clip: bool
    ) -> None:
        tk.manual_seed(5)
        parts: list[nn.Module] = []
        for i, (n, m) in enumerate(pairwise(sizes)):
            parts.append(nn.Linear(n, m))
            if i < len(sizes) - 2:
                parts += [LAYERS[name](m) for name in layers]
        self.model = nn.Sequential(*parts)
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.schedule = SCHEDULES[schedule](self.optimizer)
        self.clip = clip
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.1)

    def step(self, x: tk.Tensor, y: tk.Tensor) -> Any:
        self.optimizer.zero_grad()
        output = self.model(x)
        loss = self.loss(output, y)
        loss.backward()
        if self.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        self.optimizer.step()
        return loss.detach(), output.detach()

    def state(self) -> list[np.ndarray]:
        """Everything the run has changed."""
        values = [array_of(each) for each in self.model.state_dict().values()]
        values += [array_of(each.grad) for each in self.model.parameters() if each.grad is not None]
        for each in self.optimizer.state_dict()["state"].values():
            values += [np.asarray(v if isinstance(v, int) else array_of(v)) for v in each.values()]
        return [*values, array_of(tk.get_rng_state())]


def small_run(**settings: Any) -> tuple[Run, tk.Tensor, tk.Tensor]:
    choice = {"layers": ["relu"], "optimizer": "adam", "schedule": "none", "clip": False}
    run = Run([5, 7, 3], **{**choice, **settings})
    rng = np.random.default_rng(1)
    x = tk.tensor(rng.standard_normal((4, 5)).astype(np.float32))
    return run, x, tk.tensor(rng.integers(0, 3, 4))
