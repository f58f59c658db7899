"""Inverses, solutions and decompositions of batches of matrices, by LAPACK through NumPy.

A decomposition of several parts is one op whose result holds them side by side, so that its rule
sees all their gradients at once; the public functions take it apart. Repeated singular values or
eigenvalues have no derivative of single vectors; there the rules leave out the infinite terms,
which is right for functions that do not depend on the choice of vectors.

Giles: An extended collection of matrix derivative results for forward and reverse mode automatic
differentiation, 2008.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor, store
from .arithmetic import neg, square
from .comparison import eq, ne, where
from .declare import op
from .diagonal import diag_embed, tril, triu
from .host import decide, host
from .linalg import matmul
from .samples import Dominant, Singular, real
from .shape import transpose, unsqueeze

FAMILY = "lapack"


class LinAlgError(RuntimeError, ValueError):
    """A matrix without an inverse or without the decomposition asked for."""


def lapack(name: str, fact: str, compute: Callable[..., Any], *operands: Tensor) -> Any:
    """A handle of what ``compute`` gives; where it fails, an error says for which matrix."""

    def careful(*arrays: np.ndarray) -> Any:
        try:
            return compute(*arrays)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(f"{name}: {fact}; {_culprit(compute, arrays)}") from error

    return host(careful, *operands)


def finite(a: np.ndarray) -> np.ndarray:
    """The array, if LAPACK's iterations end for it: with infinities some do not."""
    if not np.isfinite(a).all():
        raise np.linalg.LinAlgError
    return a


def _culprit(compute: Callable[..., Any], arrays: tuple[np.ndarray, ...]) -> str:
    """Which matrix of a batch it was."""
    shape = arrays[0].shape
    for place in np.ndindex(shape[:-2]):
        try:
            compute(*(each[place] for each in arrays))
        except np.linalg.LinAlgError:
            return f"got {shape}, at {place}" if place else f"got {shape}"
    return f"got {shape}"


def check_matrices(name: str, *tensors: Tensor, square: bool = False) -> None:
    """Refuses what is no batch of (square) matrices of floats of one dtype."""
    for each in tensors:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}: expected a Tensor; got {type(each).__name__}")
        if each.ndim < 2:
            raise ValueError(f"{name}: expected matrices; got {tuple(each.shape)}")
        if not each.dtype.is_floating_point:
            raise TypeError(f"{name}: expected a floating tensor; got {each.dtype.name}")
        if each.dtype is not tensors[0].dtype:
            raise TypeError(
                f"{name}: dtypes differ; got {tensors[0].dtype.name} and {each.dtype.name}"
            )
    first = tensors[0].shape
    if square and first[-1] != first[-2]:
        raise ValueError(f"{name}: the matrices must be square; got {tuple(first)}")


def turned(t: Tensor) -> Tensor:
    """Every matrix transposed."""
    return transpose(t, -1, -2)


def identity(like: Tensor, n: int) -> Tensor:
    return store(np.eye(n), like.dtype)


# -- inverse and solutions ----------------------------------------------------------------------

SINGULAR = "the matrix is singular"


@op(
    vjp={"input": lambda g, result: neg(matmul(turned(result), matmul(g, turned(result))))},
    ref=np.linalg.inv,
    samples=[(Dominant(3, 3),), (Dominant(2, 4, 4),), (Dominant(0, 0),), (Dominant(0, 2, 2),)],
    family=FAMILY,
)
def _inv(input: Tensor) -> Any:
    """The inverse. Giles, 2.2.3."""
    check_matrices("linalg.inv", input, square=True)
    return lapack("linalg.inv", SINGULAR, np.linalg.inv, input)


@op(
    vjp={
        "input": lambda g, input, result: neg(matmul(_solve(turned(input), g), turned(result))),
        "other": lambda g, input: _solve(turned(input), g),
    },
    ref=np.linalg.solve,
    samples=[
        (Dominant(3, 3), real(3, 2)),
        (Dominant(2, 4, 4), real(2, 4, 1)),
        (Dominant(3, 3), real(3, 0)),
        (Dominant(0, 0), real(0, 2)),
    ],
    family=FAMILY,
)
def _solve(input: Tensor, other: Tensor) -> Any:
    """X with A X = B, of batches of one shape. Giles, 2.3.1."""
    _check_system("linalg.solve", input, other)
    return lapack("linalg.solve", SINGULAR, np.linalg.solve, input, other)


def _check_system(name: str, input: Tensor, other: Tensor) -> None:
    check_matrices(name, input, other, square=True)
    if input.shape[:-1] != other.shape[:-1]:
        raise ValueError(
            f"{name}: the systems do not fit; got {tuple(input.shape)} and {tuple(other.shape)}"
        )


def _substitute(a: Any, b: Any, upper: bool, unitriangular: bool) -> Any:
    """By LU, which finds nothing to do for an upper triangle; a lower one is one read backwards."""
    a = np.triu(a) if upper else np.tril(a)[..., ::-1, ::-1]
    if unitriangular:
        n = a.shape[-1]
        a = np.where(np.eye(n, dtype=bool), np.ones((), a.dtype), a)
    if upper:
        return np.linalg.solve(a, b)
    return np.linalg.solve(a, b[..., ::-1, :])[..., ::-1, :]


def _triangle_rule(
    g: Tensor, input: Tensor, result: Tensor, upper: bool, unitriangular: bool
) -> Tensor:
    slopes = neg(
        matmul(_solve_triangle(turned(input), g, not upper, unitriangular), turned(result))
    )
    offset = 1 if unitriangular else 0
    return triu(slopes, offset) if upper else tril(slopes, -offset)


@op(
    vjp={
        "input": _triangle_rule,
        "other": lambda g, input, upper, unitriangular: _solve_triangle(
            turned(input), g, not upper, unitriangular
        ),
    },
    ref=_substitute,
    samples=[
        (Dominant(3, 3), real(3, 2), True, False),
        (Dominant(2, 4, 4), real(2, 4, 3), False, False),
        (real(3, 3), real(3, 2), False, True),
        (real(3, 3), real(3, 2), True, True),
        (Dominant(3, 3), real(3, 0), True, False),
    ],
    family=FAMILY,
)
def _solve_triangle(input: Tensor, other: Tensor, upper: bool, unitriangular: bool) -> Any:
    """X with A X = B, of A one triangle alone; its diagonal counts as ones if unitriangular."""
    name = "linalg.solve_triangular"
    _check_system(name, input, other)

    def compute(a: Any, b: Any) -> Any:
        return _substitute(a, b, upper, unitriangular)

    return lapack(name, SINGULAR, compute, input, other)


# -- decompositions -----------------------------------------------------------------------------


def _halved(t: Tensor) -> Tensor:
    """The lower triangle with half the diagonal."""
    return (tril(t) + tril(t, -1)) * 0.5


def _symmetric(t: Tensor) -> Tensor:
    return (t + turned(t)) * 0.5


def _cholesky_rule(g: Tensor, result: Tensor) -> Tensor:
    """L^-T Phi(L^T g) L^-1, made symmetric. Murray 2016, arXiv 1602.07527, eq. 10."""
    inner = _halved(matmul(turned(result), g))
    left = _solve_triangle(turned(result), inner, True, False)
    return _symmetric(turned(_solve_triangle(turned(result), turned(left), True, False)))


@op(vjp={"input": _cholesky_rule}, family=FAMILY)
def _cholesky(input: Tensor) -> Any:
    """The lower L with L L^T = A. Only the lower triangle is read; the gradient is symmetric."""
    check_matrices("linalg.cholesky", input, square=True)
    fact = "the matrix is not positive definite"
    return lapack("linalg.cholesky", fact, np.linalg.cholesky, input)


def split_rows(packed: Tensor, *sizes: int) -> list[Tensor]:
    """Parts that stand below each other, each of so many rows."""
    ends = np.cumsum([0, *sizes])
    return [packed.narrow(-2, int(start), size) for start, size in zip(ends, sizes, strict=False)]


def _qr_rule(g: Tensor, result: Tensor) -> Tensor:
    """(gQ + Q copyltu(R gR^T - gQ^T Q)) R^-T, copyltu the symmetric matrix of a lower triangle.

    Walter and Lehmann 2013, Algorithmic differentiation of linear algebra functions, section 5.
    """
    n = result.shape[-1]
    m = result.shape[-2] - n
    (q, r), (gq, gr) = split_rows(result, m, n), split_rows(g, m, n)
    inner = matmul(r, turned(gr)) - matmul(turned(gq), q)
    lower = tril(inner) + turned(tril(inner, -1))
    return turned(_solve_triangle(r, turned(gq + matmul(q, lower)), True, False))


def _numpy_qr(a: Any) -> Any:
    return np.concatenate(np.linalg.qr(a), -2)


@op(
    vjp={"input": _qr_rule},
    ref=_numpy_qr,
    samples=[(Dominant(3, 3),), (real(5, 3),), (real(2, 4, 2),), (real(0, 0),)],
    family=FAMILY,
)
def _qr(input: Tensor) -> Any:
    """Q above R, for matrices with at least as many rows as columns."""
    check_matrices("linalg.qr", input)
    if input.shape[-2] < input.shape[-1]:
        raise ValueError(f"linalg.qr: more columns than rows; got {tuple(input.shape)}")
    return lapack("linalg.qr", "no decomposition was found", _numpy_qr, input)


def _apart(values: Tensor) -> Tensor:
    """1 / (v_j - v_i) at (i, j), and 0 where the two are equal."""
    gap = unsqueeze(values, -2) - unsqueeze(values, -1)
    same = eq(gap, 0.0)
    return where(same, 0.0, 1.0 / where(same, 1.0, gap))


def _eigh_rule(g: Tensor, result: Tensor) -> Tensor:
    """U (diag(gw) + F * (U^T gU)) U^T, F_ij = 1 / (w_j - w_i), made symmetric. Giles, 3.1."""
    n = result.shape[-1]
    (u, w), (gu, gw) = split_rows(result, n, 1), split_rows(g, n, 1)
    inner = diag_embed(gw.squeeze(-2)) + _apart(w.squeeze(-2)) * matmul(turned(u), gu)
    return _symmetric(matmul(u, matmul(inner, turned(u))))


@op(vjp={"input": _eigh_rule}, family=FAMILY)
def _eigh(input: Tensor, upper: bool) -> Any:
    """Eigenvectors, a column each, above a row of their values, ascending."""
    check_matrices("linalg.eigh", input, square=True)

    def compute(a: Any) -> Any:
        values, vectors = np.linalg.eigh(finite(a), "U" if upper else "L")
        return np.concatenate([vectors, values[..., None, :]], -2)

    return lapack("linalg.eigh", "the eigenvalues did not converge", compute, input)


def _svd_rule(g: Tensor, input: Tensor, result: Tensor) -> Tensor:
    """U ((F * (U^T gU - gU^T U)) S + S (F * (V^T gV - gV^T V)) + diag(gs)) V^T, and what leads out
    of the spaces of U and V; F_ij = 1 / (s_j^2 - s_i^2). Townsend 2016, Differentiating the SVD.
    """
    m, n = input.shape[-2:]
    (u, s, v), (gu, gs, gv) = split_rows(result, m, 1, n), split_rows(g, m, 1, n)
    apart = _apart(square(s.squeeze(-2)))

    def turn(x: Tensor, gx: Tensor) -> Tensor:
        both = matmul(turned(x), gx)
        return apart * (both - turned(both))

    def outside(x: Tensor, gx: Tensor) -> Tensor:
        rest = gx / where(eq(s, 0.0), 1.0, s)
        return rest - matmul(x, matmul(turned(x), rest))

    inner = turn(u, gu) * s + turned(s) * turn(v, gv) + diag_embed(gs.squeeze(-2))
    total = matmul(u, matmul(inner, turned(v)))
    if m > n:
        return total + matmul(outside(u, gu), turned(v))
    return total + matmul(u, turned(outside(v, gv))) if n > m else total


def _numpy_svd(a: Any) -> Any:
    u, s, vh = np.linalg.svd(finite(a), full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], -2)


@op(vjp={"input": _svd_rule}, family=FAMILY)
def _svd(input: Tensor) -> Any:
    """U above a row of the singular values, descending, above V."""
    check_matrices("linalg.svd", input)
    return lapack("linalg.svd", "the singular values did not converge", _numpy_svd, input)


# -- determinant and pseudoinverse --------------------------------------------------------------


def _det_rule(g: Tensor, input: Tensor, result: Tensor) -> Tensor:
    """det(A) A^-T; of singular matrices the cofactors. Giles, 2.2.4."""
    g = g[..., None, None]
    if decide("linalg.det, backward: whether no matrix is singular", ne(result, 0.0)):
        return g * result[..., None, None] * turned(_inv(input))
    u, s, v = split_rows(_svd(input), input.shape[-2], 1, input.shape[-1])
    n = input.shape[-1]
    # for each singular value, the product of the others
    others = where(identity(input, n) == 1, 1.0, s.expand(*s.shape[:-2], n, n)).prod(-1)
    turn = (_det(u.detach()) * _det(v.detach()))[..., None, None]
    return g * turn * matmul(u * unsqueeze(others, -2), turned(v))


@op(
    vjp={"input": _det_rule},
    ref=np.linalg.det,
    samples=[
        (Dominant(3, 3),),
        (Dominant(2, 4, 4),),
        (Dominant(0, 0),),
        (Dominant(1, 1),),
        (Singular(2, 2),),
        (Singular(2, 1, 3, 3),),
    ],
    family=FAMILY,
)
def _det(input: Tensor) -> Any:
    """The determinant."""
    check_matrices("linalg.det", input, square=True)
    return lapack("linalg.det", SINGULAR, np.linalg.det, input)


def _numpy_slogdet(a: Any) -> Any:
    return np.stack(np.linalg.slogdet(a), -1)


@op(
    vjp={"input": lambda g, input: g[..., 1, None, None] * turned(_inv(input))},
    ref=_numpy_slogdet,
    samples=[(Dominant(3, 3),), (Dominant(2, 4, 4),), (Dominant(0, 0),)],
    family=FAMILY,
)
def _slogdet(input: Tensor) -> Any:
    """The determinant's sign and the logarithm of its size, side by side. Giles, 2.2.5."""
    check_matrices("linalg.slogdet", input, square=True)
    return lapack("linalg.slogdet", SINGULAR, _numpy_slogdet, input)


def _pinv_rule(g: Tensor, input: Tensor, result: Tensor) -> Tensor:
    """-P^T g P^T + (I - A P) g^T P P^T + P^T P g^T (I - P A); Golub and Pereyra 1973, eq. 4.12."""
    a, p, h = input, result, turned(g)
    pt = turned(p)
    left, right = matmul(h, matmul(p, pt)), matmul(matmul(pt, p), h)
    outside = left - matmul(a, matmul(p, left)) + right - matmul(matmul(right, p), a)
    return outside - matmul(pt, matmul(g, pt))


def _numpy_pinv(a: Any, atol: float = 0.0, rtol: float | None = None) -> Any:
    u, s, vh = np.linalg.svd(finite(a), full_matrices=False)
    if rtol is None:
        rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    cutoff = np.maximum(atol, rtol * np.max(s, -1, keepdims=True, initial=0))
    inverse = np.divide(1, s, where=s > cutoff, out=np.zeros_like(s))
    return np.swapaxes(vh, -1, -2) @ (inverse[..., None] * np.swapaxes(u, -1, -2))


@op(
    vjp={"input": _pinv_rule},
    ref=_numpy_pinv,
    samples=[(Dominant(3, 3),), (real(5, 3),), (real(2, 2, 4),), (real(0, 3),), (real(2, 0),)],
    family=FAMILY,
)
def _pinv(input: Tensor, atol: float = 0.0, rtol: float | None = None) -> Any:
    """The pseudoinverse; singular values up to max(atol, rtol * the largest) count as 0."""
    check_matrices("linalg.pinv", input)
    fact = "the singular values did not converge"
    return lapack("linalg.pinv", fact, lambda a: _numpy_pinv(a, atol, rtol), input)
