"""Products of vectors, matrices and batches of matrices. The dtypes of the operands must agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import ffi, kernel_number, lib
from ..tensor import Tensor
from .declare import composite, op
from .reduction import _sum
from .samples import real
from .shape import _reshape, sum_to, transpose, unsqueeze

_MATMUL, _LINEAR = kernel_number("matmul"), kernel_number("linear")


def _matmul_input(g: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """g @ other^T, with vectors as matrices, summed over the batches that were broadcast."""
    if input.ndim == 1 and other.ndim == 1:
        return g * other
    if other.ndim == 1:
        return unsqueeze(g, -1) * other
    if input.ndim == 1:
        full = matmul(other, unsqueeze(g, -1))
        return sum_to(_reshape(full, full.shape[:-1]), tuple(input.shape))
    full = matmul(g, transpose(other, -1, -2))
    return full if full.ndim == input.ndim == 2 else sum_to(full, tuple(input.shape))


def _matmul_other(g: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """input^T @ g, with vectors as matrices, summed over the batches that were broadcast."""
    if input.ndim == 1 and other.ndim == 1:
        return g * input
    if input.ndim == 1:
        return sum_to(unsqueeze(input, -1) * unsqueeze(g, -2), tuple(other.shape))
    if other.ndim == 1:
        full = matmul(transpose(input, -1, -2), unsqueeze(g, -1))
        return sum_to(_reshape(full, full.shape[:-1]), tuple(other.shape))
    if other.ndim == 2 and input.ndim > 2:  # one long product instead of a batch and a sum
        rows = _reshape(input, (-1, input.shape[-1]))
        return matmul(transpose(rows, 0, 1), _reshape(g, (-1, g.shape[-1])))
    full = matmul(transpose(input, -1, -2), g)
    return full if full.ndim == other.ndim == 2 else sum_to(full, tuple(other.shape))


@op(
    kernel="matmul",
    vjp={"input": _matmul_input, "other": _matmul_other},
    ref=np.matmul,
    samples=[
        (real(3, 4), real(4, 5)),
        (real(4), real(4)),
        (real(4), real(4, 5)),
        (real(3, 4), real(4)),
        (real(2, 3, 4), real(4, 5)),
        (real(2, 1, 3, 4), real(6, 4, 5)),
        (real(4), real(2, 4, 5)),
        (real(2, 3, 4), real(4)),
        (real(3, 4), real(2, 4, 5)),
        (real(0, 4), real(4, 5)),
        (real(3, 0), real(0, 5)),
        (real(17, 33), real(33, 18)),
    ],
    dtypes="number",
    family="matmul",
)
def matmul(input: Tensor, other: Tensor) -> Any:
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m); batches broadcast.

    A vector on the left is a row, on the right a column, and that dimension disappears.
    """
    return lib.tk_matmul(_MATMUL, input._h, other._h, ffi.NULL)


Tensor.__matmul__ = matmul


def _linear_weight(g: Tensor, input: Tensor) -> Tensor:
    if input.ndim == 1:
        return unsqueeze(g, -1) * input
    if input.ndim > 2:
        input, g = _reshape(input, (-1, input.shape[-1])), _reshape(g, (-1, g.shape[-1]))
    return matmul(transpose(g, 0, 1), input)


def _linear_bias(g: Tensor) -> Tensor:
    return g if g.ndim == 1 else _sum(g, tuple(range(g.ndim - 1)))


@op(
    kernel="linear",
    vjp={
        "input": lambda g, weight: matmul(g, weight),
        "weight": _linear_weight,
        "bias": _linear_bias,
    },
    ref=lambda x, w, b=None: x @ w.T + (0 if b is None else b),
    samples=[
        (real(3, 4), real(5, 4), real(5)),
        (real(4), real(5, 4), real(5)),
        (real(2, 3, 4), real(5, 4)),
        (real(2, 3, 4), real(5, 4), real(5)),
        (real(0, 4), real(5, 4), real(5)),
        (real(3, 0), real(5, 0), real(5)),
        (real(17, 33), real(18, 33), real(18)),
    ],
    family="matmul",
)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """input @ weight^T + bias: (..., in), (out, in), (out,) -> (..., out)."""
    return lib.tk_matmul(_LINEAR, input._h, weight._h, ffi.NULL if bias is None else bias._h)


def _check_dims(name: str, *pairs: tuple[Tensor, int]) -> None:
    for tensor, ndim in pairs:
        if tensor.ndim != ndim:
            raise ValueError(f"{name}: expected {ndim} dimensions; got {tuple(tensor.shape)}")


@composite
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices (n, k) and (k, m)."""
    _check_dims("mm", (input, 2), (mat2, 2))
    return matmul(input, mat2)


@composite
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices (b, n, k) and (b, k, m)."""
    _check_dims("bmm", (input, 3), (mat2, 3))
    if input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm: batches differ; got {tuple(input.shape)} and {tuple(mat2.shape)}")
    return matmul(input, mat2)


@composite
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,)."""
    _check_dims("mv", (input, 2), (vec, 1))
    return matmul(input, vec)


@composite
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of products of two vectors."""
    _check_dims("dot", (input, 1), (tensor, 1))
    return matmul(input, tensor)


@composite
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of two vectors (n,) and (m,): (n, m)."""
    _check_dims("outer", (input, 1), (vec2, 1))
    return unsqueeze(input, -1) * vec2


@composite
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); the input broadcasts. beta 0 ignores the input."""
    product = mm(mat1, mat2)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (input if beta == 1 else input * beta)


@composite
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    _check_dims("trace", (input, 2))
    return input.diagonal().sum()
