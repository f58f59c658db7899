"""What is done to the gradients or values of many parameters at once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..autograd import no_grad
from ..ops.arithmetic import clamp
from ..ops.join import cat, stack
from ..ops.lists import clamp_all_, scale_all_, total_norm
from ..ops.reduction import vector_norm
from ..ops.shape import convert
from ..tensor import Tensor

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]

Tensors = Tensor | Iterable[Tensor]


def _several(tensors: Tensors) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    return list(tensors)


def _gradients(parameters: Tensors) -> list[Tensor]:
    return [each.grad.detach() for each in _several(parameters) if each.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """The norm of all elements of floating tensors together, a tensor without dimensions.

    ``norm_type`` is infinite for the largest magnitude. Up to 0 it is the norm of the tensors'
    norms: 0 counts the tensors that are not all 0. RuntimeError for an infinite or NaN norm where
    ``error_if_nonfinite``.
    """
    several, order = _several(tensors), float(norm_type)
    if math.isnan(order):
        raise ValueError(f"get_total_norm: norm_type must be a number; got {norm_type!r}")
    if order > 0 or not several:
        norm = total_norm(several, order)
    else:
        norms = [convert(vector_norm(each, order), several[0].dtype) for each in several]
        norm = vector_norm(stack(norms), order)
    if error_if_nonfinite and not math.isfinite(norm.item()):
        raise RuntimeError(f"get_total_norm: the norm of order {norm_type} is {norm.item()}")
    return norm


@no_grad()
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scales all gradients together so that their norm is at most ``max_norm``.

    Returns the norm before, a tensor. The factor is max_norm / (norm + 1e-6), never above 1.
    """
    if not float(max_norm) >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must be at least 0; got {max_norm!r}")
    gradients = _gradients(parameters)
    norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    if gradients:
        scale_all_(gradients, clamp(float(max_norm) / (norm + 1e-6), max=1.0))
    return norm


def clip_grad_value_(parameters: Tensors, clip_value: float) -> None:
    """Brings every element of all gradients into [-clip_value, clip_value]."""
    if not float(clip_value) >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be at least 0; got {clip_value!r}")
    clamp_all_(_gradients(parameters), -float(clip_value), float(clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements, in order, as one vector."""
    return cat([each.reshape(-1) for each in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copies a vector's elements into tensors, in order; it must have just as many."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor; got {type(vec).__name__}")
    several = list(parameters)
    total = sum(each.numel() for each in several)
    if vec.ndim != 1 or vec.numel() != total:
        raise ValueError(
            f"vector_to_parameters: expected a vector of {total} elements; got {tuple(vec.shape)}"
        )
    start = 0
    with no_grad():
        for each in several:
            each.copy_(vec.narrow(0, start, each.numel()).reshape(each.shape))
            start += each.numel()
