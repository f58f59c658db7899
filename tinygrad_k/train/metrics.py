"""Means over a batch that tell how good a model is. No gradient flows through them."""

from __future__ import annotations

from ..autograd import no_grad
from ..tensor import Tensor


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose largest score is at the label, a float64 scalar.

    `output` has shape (N, C) or (N, C, ...), `target` (N) or (N, ...) with integer labels.
    """
    if output.ndim < 2 or tuple(target.shape) != (output.shape[0], *output.shape[2:]):
        raise ValueError(
            "accuracy: scores (N, C, ...) go with labels (N, ...); "
            f"got {tuple(output.shape)} and {tuple(target.shape)}"
        )
    with no_grad():
        return (output.argmax(1) == target).double().mean()


def mae(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of the same shape."""
    _same_shape("mae", output, target)
    with no_grad():
        return (output - target).abs().mean()


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of two tensors of the same shape."""
    _same_shape("mse", output, target)
    with no_grad():
        return (output - target).square().mean()


def _same_shape(name: str, output: Tensor, target: Tensor) -> None:
    if tuple(output.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: shapes differ; got {tuple(output.shape)} and {tuple(target.shape)}"
        )
