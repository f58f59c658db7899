"""The functions of ``tk.linalg``: norms, and what decompositions.py computes, as PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import dtype as dtype_class
from ..tensor import Tensor, wrap
from . import reduction
from .arithmetic import abs, square
from .comparison import eq, gt, lt, where
from .declare import LINALG, composite, linear_algebra, tried
from .decompositions import (
    _cholesky,
    _det,
    _eigh,
    _inv,
    _pinv,
    _qr,
    _slogdet,
    _solve,
    _solve_triangle,
    _svd,
    check_matrices,
    finite,
    identity,
    lapack,
    split_rows,
    turned,
)
from .diagonal import diagonal as _diagonal, triu
from .host import decide
from .join import cat
from .linalg import _cross, matmul, product_of_chain
from .reduction import APART, _as_dtype, _sum
from .results import Results
from .samples import Column, Dominant, call, real
from .shape import common_shape, unsqueeze

# -- norms --------------------------------------------------------------------------------------

NORMS = [(order,) for order in (2, 1, 3, 0.5, -1, math.inf, -math.inf)]


@tried(
    ref=lambda x, order=2, dim=None, keepdim=False: np.linalg.norm(
        x.reshape(-1) if dim is None else x, order, dim, keepdim
    ),
    samples=[
        *((APART(3, 5), *order) for order in NORMS),
        *((APART(3, 5), *order, 0, True) for order in NORMS),
        (real(70),),
        (real(0, 3), 2, 1),
    ],
    family="sums",
    name="linalg.vector_norm",
)
@linear_algebra
def vector_norm(
    x: Tensor,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: dtype_class | None = None,
) -> Tensor:
    """The norm of vectors over ``dim``: (sum |x|^ord)^(1/ord), for inf, -inf and 0 the limits.

    The gradient at a zero vector is 0.
    """
    return reduction.vector_norm(_as_dtype(x, dtype), ord, dim, keepdim)


def _two_dims(name: str, A: Tensor, dim: Any) -> tuple[int, int]:
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ValueError(f"{name}: dim must be two dimensions; got {dim!r}")
    first, second = (A._dim(each, name) for each in dim)
    if first == second:
        raise ValueError(f"{name}: dim must be two different dimensions; got {tuple(dim)}")
    return first, second


@tried(
    ref=lambda x, order="fro", dim=(-2, -1), keepdim=False: np.linalg.norm(x, order, dim, keepdim),
    samples=[
        *((APART(3, 5), each) for each in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)),
        (APART(2, 3, 4), 1, (0, 2), True),
        (APART(2, 3, 4), 2, (2, 0)),
        (APART(2, 3, 4), "nuc", (0, 1), True),
        (Column((4, 3)), 2),
        (Column((2, 4)), 2),
    ],
    family="sums",
    name="linalg.matrix_norm",
)
@linear_algebra
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: dtype_class | None = None,
) -> Tensor:
    """The norm of matrices over two dimensions.

    ``"fro"``: of all elements; ``"nuc"``: the sum of the singular values; 2 and -2: the largest and
    smallest of them; 1 and -1: the largest and smallest sum of a column's |x|; inf and -inf: of a
    row's.
    """
    A = _as_dtype(A, dtype)
    check_matrices("linalg.matrix_norm", A)
    rows, columns = _two_dims("linalg.matrix_norm", A, dim)
    if ord == "fro":
        return reduction.vector_norm(A, 2, (rows, columns), keepdim)
    if ord == "nuc" or (isinstance(ord, (int, float)) and ord in (2, -2)):
        values = svdvals(A.movedim((rows, columns), (-2, -1)))
        reduce = {2: reduction.amax, -2: reduction.amin}.get(ord, _sum)
        norm = reduce(values, -1)
        return norm.unsqueeze(min(rows, columns)).unsqueeze(max(rows, columns)) if keepdim else norm
    if isinstance(ord, (int, float)) and ord in (1, -1, math.inf, -math.inf):
        along, over = (rows, columns) if ord in (1, -1) else (columns, rows)
        sums = _sum(abs(A), along, True)
        norm = (reduction.amax if ord > 0 else reduction.amin)(sums, over, True)
        return norm if keepdim else norm.squeeze((rows, columns))
    raise ValueError(
        f"linalg.matrix_norm: ord must be 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2; got {ord!r}"
    )


@tried(
    ref=lambda a, order=None, dim=None, keepdim=False: (
        np.sqrt(np.sum(a * a, dim, keepdims=keepdim))
        if order is None
        else np.linalg.norm(a, order, dim, keepdim)
    ),
    samples=[
        (APART(2, 3, 4),),
        (APART(3, 5), None, 0),
        (APART(5), 3),
        (APART(3, 5), 1),
        (APART(2, 3, 4), "nuc", (0, 2), True),
        (APART(3, 5), math.inf, 1),
    ],
    family="sums",
    name="linalg.norm",
)
@linear_algebra
def norm(
    A: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: dtype_class | None = None,
) -> Tensor:
    """``vector_norm`` over one dimension, ``matrix_norm`` over two, of a matrix over both.

    Without ``ord``, the root of the sum of squares over ``dim``.
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None:
        if A.ndim not in (1, 2):
            raise ValueError(
                f"linalg.norm: with ord, 1 or 2 dimensions or dim; got {tuple(A.shape)}"
            )
        dim = tuple(range(A.ndim))
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    return (matrix_norm if pair else vector_norm)(A, ord, dim, keepdim, dtype=dtype)


# -- inverses and solutions ---------------------------------------------------------------------


@tried(
    ref=np.linalg.inv,
    samples=[(Dominant(3, 3),), (Dominant(2, 2, 2),), (Dominant(0, 2, 2),)],
    family="lapack",
    name="linalg.inv",
)
@linear_algebra
def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices; LinAlgError for a singular one."""
    return _inv(A)


def _common_batch(name: str, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both expanded to the same batch dimensions."""
    if A.shape[:-2] == B.shape[:-2]:
        return A, B
    batch = common_shape(name, A.shape[:-2], B.shape[:-2])
    return A.expand(*batch, *A.shape[-2:]), B.expand(*batch, *B.shape[-2:])


@tried(
    ref=lambda a, b, left=True: (
        np.linalg.solve(a, b)
        if left
        else np.swapaxes(np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    ),
    samples=[
        (Dominant(2, 3, 3), real(3, 2)),
        (Dominant(3, 3), real(2, 3, 2)),
        call(Dominant(3, 3), real(2, 3), left=False),
    ],
    family="lapack",
    name="linalg.solve",
)
@linear_algebra
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B (``left`` False: X A = B); B is a matrix, or a vector for each A.

    Batches broadcast; LinAlgError for a singular A.
    """
    check_matrices("linalg.solve", A, square=True)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    if vector and not left:
        raise ValueError("linalg.solve: left=False needs matrices on the right side")
    if vector:
        return _solve(*_common_batch("linalg.solve", A, unsqueeze(B, -1))).squeeze(-1)
    if not left:
        return turned(_solve(*_common_batch("linalg.solve", turned(A), turned(B))))
    return _solve(*_common_batch("linalg.solve", A, B))


def _numpy_triangular(
    a: Any, b: Any, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    a = (np.triu if upper else np.tril)(a)
    if unitriangular:
        a = a - a * np.eye(a.shape[-1]) + np.eye(a.shape[-1])
    return np.linalg.solve(a, b) if left else b @ np.linalg.inv(a)


@tried(
    ref=_numpy_triangular,
    samples=[
        call(Dominant(3, 3), real(3, 2), upper=True),
        call(Dominant(2, 3, 3), real(3, 1), upper=False),
        call(Dominant(3, 3), real(2, 3), upper=True, left=False),
        call(real(3, 3), real(3, 2), upper=False, unitriangular=True),
    ],
    family="lapack",
    name="linalg.solve_triangular",
)
@linear_algebra
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with A X = B (``left`` False: X A = B), reading only the upper or lower triangle of A.

    ``unitriangular``: its diagonal counts as ones. Batches broadcast.
    """
    check_matrices("linalg.solve_triangular", A, B)
    if not left:
        A, B = _common_batch("linalg.solve_triangular", turned(A), turned(B))
        return turned(_solve_triangle(A, B, not upper, unitriangular))
    A, B = _common_batch("linalg.solve_triangular", A, B)
    return _solve_triangle(A, B, upper, unitriangular)


@tried(
    ref=lambda a, atol=None, rtol=None, hermitian=False: np.linalg.pinv(
        (np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)) if hermitian else a
    ),
    samples=[(real(3, 2),), (real(2, 2, 4),), call(Dominant(3, 3), hermitian=True)],
    family="lapack",
    name="linalg.pinv",
)
@linear_algebra
def pinv(
    A: Tensor, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False
) -> Tensor:
    """The pseudoinverse. Singular values up to max(atol, rtol * the largest) count as 0.

    ``rtol`` is by default the larger size times the dtype's precision, or 0 if ``atol`` is given.
    """
    if hermitian:
        A = A.tril() + turned(A.tril(-1))
    if rtol is None and atol:
        rtol = 0.0
    return _pinv(A, 0.0 if atol is None else atol, rtol)


class LeastSquares(Results):
    """What ``lstsq`` returns."""

    __slots__ = ()
    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


@tried(
    ref=lambda a, b: np.linalg.pinv(a) @ b,
    samples=[(real(5, 3), real(5, 2)), (real(2, 3, 4), real(2, 3, 1))],
    family="lapack",
    name="linalg.lstsq",
)
def _least_squares(A: Tensor, B: Tensor) -> Tensor:
    return lstsq(A, B).solution


@linear_algebra
def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> LeastSquares:
    """X of the smallest |A X - B|, and of those the smallest, by the pseudoinverse.

    Also the squared residuals, one a column (empty unless A has more rows than columns and full
    rank), the rank, and the singular values. ``rcond``: those up to rcond times the largest count
    as 0. ``driver`` is accepted and makes no difference.
    """
    check_matrices("linalg.lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f"linalg.lstsq: unknown driver; got {driver!r}")
    vector = B.ndim == A.ndim - 1
    right = unsqueeze(B, -1) if vector else B
    if right.ndim < 2 or right.shape[-2] != A.shape[-2]:
        raise ValueError(f"linalg.lstsq: sizes differ; got {tuple(A.shape)} and {tuple(B.shape)}")
    X = matmul(_pinv(A, 0.0, rcond), right)
    values = svdvals(A.detach())
    m, n = A.shape[-2:]
    least = max(m, n) * float(np.finfo(A.dtype.numpy).eps) if rcond is None else rcond
    rank = gt(values, values.narrow(-1, 0, min(1, min(m, n))) * least).sum(-1)
    whole = m > n and decide("linalg.lstsq: whether all matrices have full rank", eq(rank, n))
    residuals = square(matmul(A, X) - right).sum(-2) if whole else B.new_empty(0)
    return LeastSquares(X.squeeze(-1) if vector else X, residuals, rank, values)


# -- decompositions -----------------------------------------------------------------------------


@linear_algebra
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L L^T = A (``upper``: L^T), of a positive definite A.

    Only the lower triangle of A is read (``upper``: the upper); the gradient is symmetric.
    """
    return turned(_cholesky(turned(A))) if upper else _cholesky(A)


class QR(Results):
    """What ``qr`` returns."""

    __slots__ = ()
    Q: Tensor
    R: Tensor


@linear_algebra
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Q with orthonormal columns and an upper triangular R with Q R = A.

    ``mode``: ``"reduced"`` gives (m, k) and (k, n), k = min(m, n); ``"complete"`` (m, m) and
    (m, n), for m > n without gradient; ``"r"`` an empty Q.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"linalg.qr: mode must be 'reduced', 'complete' or 'r'; got {mode!r}")
    check_matrices("linalg.qr", A)
    m, n = A.shape[-2:]
    if mode == "complete" and m > n:
        if A.requires_grad:
            raise RuntimeError(
                "linalg.qr: no gradient: the columns that complete Q can be chosen at will; use "
                "mode='reduced'"
            )

        def whole(a: np.ndarray) -> np.ndarray:
            return np.concatenate(np.linalg.qr(a, "complete"), -1)

        both = wrap(lapack("linalg.qr", "no decomposition was found", whole, A))
        return QR(both.narrow(-1, 0, m).contiguous(), both.narrow(-1, m, n).contiguous())
    k = min(m, n)
    Q, R = split_rows(_qr(A.narrow(-1, 0, k)), m, k)
    R = triu(R)
    if n > k:  # the other columns by what Q makes of them
        R = cat([R, matmul(turned(Q), A.narrow(-1, k, n - k))], -1)
    return QR(A.new_empty(0) if mode == "r" else Q.contiguous(), R)


class Eigen(Results):
    """What ``eigh`` returns."""

    __slots__ = ()
    eigenvalues: Tensor
    eigenvectors: Tensor


@linear_algebra
def eigh(A: Tensor, UPLO: str = "L") -> Eigen:
    """Eigenvalues, ascending, and orthonormal eigenvectors, a column each, of symmetric matrices.

    Only the lower (``UPLO="U"``: upper) triangle is read; the gradient is symmetric.
    """
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ValueError(f"linalg.eigh: UPLO must be 'L' or 'U'; got {UPLO!r}")
    vectors, values = split_rows(_eigh(A, UPLO.upper() == "U"), A.shape[-1], 1)
    return Eigen(values.squeeze(-2).contiguous(), vectors.contiguous())


@linear_algebra
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO).eigenvalues


class SVD(Results):
    """What ``svd`` returns."""

    __slots__ = ()
    U: Tensor
    S: Tensor
    Vh: Tensor


@linear_algebra
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """U, S and V^T with U diag(S) V^T = A: orthonormal columns, S descending.

    With ``full_matrices`` U and V are square; the columns that complete them have no gradient.
    """
    m, n = _matrix_sizes("linalg.svd", A)
    U, S, V = split_rows(_svd(A), m, 1, n)
    U, S, Vh = U.contiguous(), S.squeeze(-2).contiguous(), turned(V).contiguous()
    if full_matrices and m != n:
        fact, wide = "the singular values did not converge", m < n

        def others(a: np.ndarray) -> np.ndarray:
            u, _, vh = np.linalg.svd(finite(a))
            return vh[..., m:, :] if wide else u[..., n:]

        rest = wrap(lapack("linalg.svd", fact, others, A.detach()))
        U, Vh = (U, cat([Vh, rest], -2)) if wide else (cat([U, rest], -1), Vh)
    return SVD(U, S, Vh)


def _matrix_sizes(name: str, A: Tensor) -> tuple[int, int]:
    check_matrices(name, A)
    return A.shape[-2], A.shape[-1]


@tried(
    ref=lambda a: np.linalg.svd(a, compute_uv=False),
    samples=[(real(3, 3),), (real(2, 4, 2),)],
    family="lapack",
    name="linalg.svdvals",
)
@linear_algebra
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, descending."""
    m, n = _matrix_sizes("linalg.svdvals", A)
    return split_rows(_svd(A), m, 1, n)[1].squeeze(-2).contiguous()


# -- determinants, powers, products -------------------------------------------------------------


@tried(
    ref=np.linalg.det,
    samples=[(Dominant(3, 3),), (Dominant(2, 2, 2),), (Dominant(0, 2, 2),)],
    family="lapack",
    name="linalg.det",
)
@linear_algebra
def det(A: Tensor) -> Tensor:
    """The determinants of square matrices."""
    return _det(A)


class SignLogdet(Results):
    """What ``slogdet`` returns."""

    __slots__ = ()
    sign: Tensor
    logabsdet: Tensor


@tried(
    ref=lambda a: tuple(np.linalg.slogdet(a)),
    samples=[(Dominant(3, 3),), (Dominant(2, 2, 2),)],
    family="lapack",
    name="linalg.slogdet",
    outputs=(1,),  # the sign has no gradient
)
@linear_algebra
def slogdet(A: Tensor) -> SignLogdet:
    """The sign and the logarithm of the size of determinants; 0 and -inf of a singular matrix."""
    pair = _slogdet(A)
    return SignLogdet(pair.select(-1, 0).detach(), pair.select(-1, 1))


@tried(
    ref=np.linalg.matrix_power,
    samples=[(Dominant(3, 3), n) for n in (3, 1, -2)] + [(Dominant(2, 2, 2), 5)],
    family="lapack",
    name="linalg.matrix_power",
)
@linear_algebra
def matrix_power(A: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices, by repeated squaring; of the inverse for n < 0."""
    check_matrices("linalg.matrix_power", A, square=True)
    if not isinstance(n, int):
        raise TypeError(f"linalg.matrix_power: n must be an int; got {n!r}")
    if n == 0:
        return identity(A, A.shape[-1]).expand(*A.shape).clone()
    base = A if n > 0 else _inv(A)
    result = base.clone()
    for bit in f"{n:b}".lstrip("-")[1:]:  # from the top: square, and multiply where it is set
        result = matmul(result, result)
        if bit == "1":
            result = matmul(result, base)
    return result


@tried(
    ref=np.linalg.multi_dot,
    samples=[
        ([real(3, 4), real(4, 2), real(2, 5)],),
        ([real(4), real(4, 2), real(2, 5), real(5, 3), real(3)],),
        ([real(3, 4), real(4, 1)],),
    ],
    family="sums",
    name="linalg.multi_dot",
)
@linear_algebra
def multi_dot(tensors: Any) -> Tensor:
    """The product of many matrices in the cheapest order; the first and last may be vectors."""
    return product_of_chain("linalg.multi_dot", tensors)


LINALG["matmul"] = matmul


@tried(
    ref=lambda a, offset=0, dim1=-2, dim2=-1: np.diagonal(a, offset, dim1, dim2),
    samples=[(real(2, 3, 4),), call(real(3, 5), offset=-1), call(real(2, 3, 0), dim1=0)],
    dtypes="all",
    family="view",
    name="linalg.diagonal",
)
@linear_algebra
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices; a view."""
    return _diagonal(A, offset, dim1, dim2)


@tried(
    ref=lambda x, y, dim=-1: np.cross(x, y, axis=dim),
    samples=[(real(4, 3), real(4, 3)), call(real(2, 3, 4), real(2, 3, 4), dim=1)],
    name="linalg.cross",
)
@linear_algebra
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along a dimension of size 3."""
    return _cross("linalg.cross", input, other, dim)


# -- what the laws try --------------------------------------------------------------------------


def _gram(a: Tensor) -> Tensor:
    """A positive definite matrix of any other."""
    return matmul(a, turned(a)) + identity(a, a.shape[-2])


def _numpy_gram(a: Any) -> Any:
    return a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-2])


SQUARES = [(real(3, 4),), (real(2, 3, 3),), (real(0, 2),)]


@tried(
    ref=lambda a: np.linalg.cholesky(_numpy_gram(a)),
    samples=SQUARES,
    family="lapack",
    name="linalg.cholesky",
)
def _cholesky_of_gram(a: Tensor) -> Tensor:
    return cholesky(_gram(a))


@tried(
    ref=lambda a: np.swapaxes(np.linalg.cholesky(_numpy_gram(a)), -1, -2),
    samples=SQUARES,
    family="lapack",
    name="linalg.cholesky upper",
)
def _upper_cholesky_of_gram(a: Tensor) -> Tensor:
    return cholesky(_gram(a), upper=True)


# Signs of vectors can be chosen, so the laws see their squares and products.
def _numpy_eigen(a: Any) -> Any:
    values, vectors = np.linalg.eigh(_numpy_gram(a))
    return values, vectors**2


@tried(
    ref=_numpy_eigen,
    samples=[(real(3, 3),), (real(2, 3, 4),)],
    outputs=2,
    family="lapack",
    name="linalg.eigh",
)
def _eigen_of_gram(a: Tensor) -> Any:
    values, vectors = eigh(_gram(a))
    return values, square(vectors)


@tried(
    ref=lambda a, uplo="L": np.linalg.eigvalsh(_numpy_gram(a), uplo),
    samples=[(real(3, 3),), (real(2, 3, 4), "U")],
    family="lapack",
    name="linalg.eigvalsh",
)
def _eigenvalues_of_gram(a: Tensor, uplo: str = "L") -> Tensor:
    return eigvalsh(_gram(a), uplo)


def _numpy_singular(a: Any) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return u**2, s, vh**2, u @ vh


@tried(
    ref=_numpy_singular,
    samples=[(real(3, 3),), (real(4, 2),), (real(2, 2, 3),)],
    outputs=4,
    family="lapack",
    name="linalg.svd",
)
def _singular(a: Tensor) -> Any:
    u, s, vh = svd(a, full_matrices=False)
    return square(u), s, square(vh), matmul(u, vh)


@tried(
    ref=lambda a: tuple(np.linalg.qr(a)),
    samples=[(real(3, 3),), (real(5, 3),), (real(2, 2, 4),)],
    outputs=2,
    family="lapack",
    name="linalg.qr",
)
def _orthogonal(a: Tensor) -> Any:
    return tuple(qr(a))


@tried(
    ref=lambda a: np.log(np.linalg.det(a)),
    samples=[(Dominant(3, 3),), (Dominant(2, 2, 2),)],
    family="lapack",
)
@composite
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinants of square matrices; NaN below 0, -inf of singular ones."""
    sign, size = slogdet(input)
    return where(lt(sign, 0), math.nan, size)


@tried(ref=np.linalg.inv, samples=[(Dominant(3, 3),), (Dominant(2, 2, 2),)], family="lapack")
@composite
def inverse(input: Tensor) -> Tensor:
    """The inverse of square matrices; LinAlgError for a singular one."""
    return inv(input)


@tried(ref=np.linalg.pinv, samples=[(real(3, 2),), (real(2, 2, 4),)], family="lapack")
@composite
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverse. Singular values up to rcond times the largest count as 0."""
    return pinv(input, rtol=rcond)


# PyTorch has these in the root, too.
for _name in ("det", "slogdet", "matrix_power"):
    composite(globals()[_name].__wrapped__)
