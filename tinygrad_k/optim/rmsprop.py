"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checks import check_flag, check_number
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """p -= lr * g / (sqrt(v) + eps), with v a running mean of the gradient's square.

    ``alpha`` is the share of the past in v (Tieleman and Hinton 2012). ``centered`` takes the
    variance in place of the mean square; with ``momentum`` the steps are summed up with that share
    of the past. ``weight_decay`` adds weight_decay * p to the gradient; ``maximize`` goes up.
    """

    _rule = "rmsprop"
    _reads = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    def _check(self, group: Mapping[str, Any]) -> None:
        for name in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            check_number("RMSprop", name, group[name])
        for name in ("centered", "maximize"):
            check_flag("RMSprop", name, group[name])

    def _hyper(self, group: Mapping[str, Any]) -> tuple[float, ...]:
        return (
            float(group["lr"]),
            group["alpha"],
            group["eps"],
            group["weight_decay"],
            group["momentum"],
            group["centered"],
            group["maximize"],
        )

    def _state_names(self, group: Mapping[str, Any]) -> tuple[str | None, ...]:
        return (
            "square_avg",
            "momentum_buffer" if group["momentum"] != 0 else None,
            "grad_avg" if group["centered"] else None,
        )
