"""Stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..checks import check_flag, check_number
from .optimizer import Optimizer


class SGD(Optimizer):
    """p -= lr * v, with v the gradient, or with momentum a running sum of gradients.

    v = momentum * v + (1 - dampening) * g, the first v being g; with ``nesterov`` the step is
    along g + momentum * v (Sutskever et al. 2013). ``weight_decay`` adds weight_decay * p to the
    gradient; ``maximize`` goes up instead of down.
    """

    _rule = "sgd"
    _counts = False
    _reads = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            check_number("SGD", name, group[name])
        check_number("SGD", "dampening", group["dampening"], least=-math.inf)
        for name in ("nesterov", "maximize"):
            check_flag("SGD", name, group[name])
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(
                "SGD: nesterov needs a momentum and no dampening; got "
                f"momentum {group['momentum']}, dampening {group['dampening']}"
            )

    def _hyper(self, group: Mapping[str, Any]) -> tuple[float, ...]:
        return (
            float(group["lr"]),
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
        )

    def _state_names(self, group: Mapping[str, Any]) -> tuple[str | None, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _count(self, state: dict[str, Any]) -> int:
        """Only the first step is another one: there is no momentum yet."""
        return int(state.get("momentum_buffer") is not None)
