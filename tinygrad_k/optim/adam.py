"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checks import check_flag, check_number
from .optimizer import Optimizer


class Adam(Optimizer):
    """p -= lr * m / (sqrt(v) + eps), with m and v running means of the gradient and its square.

    Both means are corrected for their start at zero (Kingma and Ba 2015, algorithm 1). ``betas``
    are the shares of the past in m and v. ``weight_decay`` adds weight_decay * p to the gradient.
    ``amsgrad`` uses the largest v so far (Reddi et al. 2018); ``maximize`` goes up instead of down.
    """

    _rule = "adam"
    _reads = ("lr", "beta1", "beta2", "eps", "weight_decay", "amsgrad", "maximize")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def _check(self, group: Mapping[str, Any]) -> None:
        name = type(self).__name__
        for each in ("lr", "eps", "weight_decay"):
            check_number(name, each, group[each])
        for each in ("amsgrad", "maximize"):
            check_flag(name, each, group[each])
        betas = group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"{name}: betas are two numbers; got {betas!r}")
        for i, beta in enumerate(betas):
            check_number(name, f"betas[{i}]", beta, below=1.0)

    def _hyper(self, group: Mapping[str, Any]) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]),
            float(beta1),
            float(beta2),
            group["eps"],
            group["weight_decay"],
            group["amsgrad"],
            group["maximize"],
        )

    def _state_names(self, group: Mapping[str, Any]) -> tuple[str | None, ...]:
        if group["amsgrad"]:
            return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return ("exp_avg", "exp_avg_sq")


class AdamW(Adam):
    """Adam whose weight decay is no part of the gradient: first p *= 1 - lr * weight_decay.

    Loshchilov and Hutter 2019, algorithm 2. The arguments are those of ``Adam``.
    """

    _rule = "adamw"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
