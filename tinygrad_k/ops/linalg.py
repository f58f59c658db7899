"""Products of vectors, matrices and batches of matrices. The dtypes of the operands must agree."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from ..backend import fail, ffi, kernel_number, lib
from ..tensor import F64, Tensor, from_data, wrap
from .arithmetic import mul
from .declare import composite, op, root, tried
from .join import stack
from .reduction import _sum
from .samples import call, real
from .shape import _reshape, common_shape, sum_to, transpose, unsqueeze

_MATMUL, _LINEAR = kernel_number("matmul"), kernel_number("linear")
_tk_matmul, _NULL = lib.tk_matmul, ffi.NULL


def _rows(t: Tensor) -> Tensor:
    """A matrix of the last dimension; -1 would not tell how many rows of nothing there are."""
    return _reshape(t, (math.prod(t.shape[:-1]), t.shape[-1]))


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
        return matmul(transpose(_rows(input), 0, 1), _rows(g))
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
        (real(2, 3, 0), real(0, 5)),
        (real(2, 3, 4), real(4, 0)),
        (real(17, 33), real(33, 18)),
    ],
    dtypes="number",
    family="matmul",
)
def matmul(input: Tensor, other: Tensor) -> Any:
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m); batches broadcast.

    A vector on the left is a row, on the right a column, and that dimension disappears.
    """
    return _tk_matmul(_MATMUL, input._h, other._h, _NULL)


def _at(self: Tensor, other: Any) -> Tensor:
    """``matmul``, also with a NumPy array on the right; sooner where nothing is recorded."""
    try:
        if self._node is None and other._node is None:
            return wrap(_tk_matmul(_MATMUL, self._h, other._h, _NULL))
    except (AttributeError, TypeError):
        pass  # not a tensor, or one in vmap: the general path converts it or says what it is
    return matmul(self, from_data(other, copy=False) if isinstance(other, np.ndarray) else other)


Tensor.__matmul__ = _at


def _linear_input(g: Tensor, weight: Tensor) -> Tensor:
    return matmul(g, weight) if weight.ndim == 2 else unsqueeze(g, -1) * weight


def _linear_weight(g: Tensor, input: Tensor, weight_shape: Any) -> Tensor:
    if len(weight_shape) == 1:
        return sum_to(unsqueeze(g, -1) * input, weight_shape)
    if input.ndim == 1:
        return unsqueeze(g, -1) * input
    if input.ndim > 2:
        input, g = _rows(input), _rows(g)
    return matmul(transpose(g, 0, 1), input)


def _linear_bias(g: Tensor) -> Tensor:
    return g if g.ndim <= 1 else _sum(g, tuple(range(g.ndim - 1)))


def _linear_rule(g: Tensor, input: Tensor, weight: Tensor, *, wanted: int) -> list[Tensor | None]:
    """One door; made of ops where this gradient is to be differentiated itself."""
    if lib.tk_grad_mode() or weight.ndim != 2:
        return [
            _linear_input(g, weight) if wanted & 1 else None,
            _linear_weight(g, input, weight.shape) if wanted & 2 else None,
            _linear_bias(g) if wanted & 4 else None,
        ]
    out = ffi.new("tk_tensor *[3]")
    if lib.tk_linear_backward(g._h, input._h, weight._h, wanted, out):
        fail()
    return [wrap(handle) if handle else None for handle in out]


@op(
    kernel="linear",
    vjp=_linear_rule,
    ref=lambda x, w, b=None: x @ w.T + (0 if b is None else b),
    samples=[
        (real(3, 4), real(5, 4), real(5)),
        (real(4), real(5, 4), real(5)),
        (real(2, 3, 4), real(5, 4)),
        (real(2, 3, 4), real(5, 4), real(5)),
        (real(0, 4), real(5, 4), real(5)),
        (real(3, 0), real(5, 0), real(5)),
        (real(2, 3, 0), real(5, 0), real(5)),
        (real(2, 3, 4), real(0, 4), real(0)),
        (real(17, 33), real(18, 33), real(18)),
        (real(4), real(4)),
        (real(2, 3, 4), real(4)),
    ],
    family="matmul",
)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """input @ weight^T + bias: (..., in), (out, in), (out,) -> (..., out)."""
    return _tk_matmul(_LINEAR, input._h, weight._h, _NULL if bias is None else bias._h)


def _check_dims(name: str, *pairs: tuple[Tensor, int]) -> None:
    for tensor, ndim in pairs:
        if tensor._h.ndim != ndim:
            raise ValueError(f"{name}: expected {ndim} dimensions; got {tuple(tensor.shape)}")


MATRICES, BATCHES = (real(3, 4), real(4, 5)), (real(2, 3, 4), real(2, 4, 5))


@tried(ref=np.matmul, samples=[MATRICES, (real(0, 4), real(4, 5)), (real(3, 0), real(0, 5))])
@composite
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices (n, k) and (k, m)."""
    if not input._h.ndim == mat2._h.ndim == 2:
        _check_dims("mm", (input, 2), (mat2, 2))
    return _at(input, mat2)


@tried(
    ref=np.matmul, samples=[BATCHES, (real(2, 3, 0), real(2, 0, 5)), (real(0, 3, 4), real(0, 4, 5))]
)
@composite
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices (b, n, k) and (b, k, m)."""
    _check_dims("bmm", (input, 3), (mat2, 3))
    if input._h.shape[0] != mat2._h.shape[0]:
        raise ValueError(f"bmm: batches differ; got {tuple(input.shape)} and {tuple(mat2.shape)}")
    return matmul(input, mat2)


@tried(ref=np.matmul, samples=[(real(3, 4), real(4)), (real(3, 0), real(0)), (real(0, 4), real(4))])
@composite
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,)."""
    if not (input._h.ndim == 2 and vec._h.ndim == 1):
        _check_dims("mv", (input, 2), (vec, 1))
    return _at(input, vec)


@tried(ref=np.dot, samples=[(real(7), real(7)), (real(0), real(0)), (real(1), real(1))])
@composite
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The sum of products of two vectors."""
    if not input._h.ndim == tensor._h.ndim == 1:
        _check_dims("dot", (input, 1), (tensor, 1))
    return _at(input, tensor)


@tried(ref=np.outer, samples=[(real(3), real(4)), (real(0), real(4))], dtypes="number")
@composite
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of two vectors (n,) and (m,): (n, m)."""
    if not input._h.ndim == vec2._h.ndim == 1:
        _check_dims("outer", (input, 1), (vec2, 1))
    return mul(unsqueeze(input, -1), vec2)


@tried(ref=np.inner, samples=[(real(2, 4), real(3, 4)), (real(4), real(4)), (real(), real(3))])
@composite
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sums of products over the last dimension of both: (..., k), (... , k) -> (..., ...)."""
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ValueError(
            f"inner: last sizes differ; got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    product = matmul(_rows(input), transpose(_rows(other), 0, 1))
    return _reshape(product, (*input.shape[:-1], *other.shape[:-1]))


@tried(ref=np.dot, samples=[(real(7), real(7)), (real(0), real(0)), (real(1), real(1))])
@composite
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors; real dtypes have no conjugates."""
    _check_dims("vdot", (input, 1), (other, 1))
    return matmul(input, other)


def _blend(name: str, input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """beta * input + alpha * product; the input broadcasts, and beta 0 ignores it, NaN and all."""
    kind = product._h.dtype
    if kind > F64 and not (isinstance(beta, int) and isinstance(alpha, int)):
        raise TypeError(f"{name}: integers need integer beta and alpha; got {beta} and {alpha}")
    if alpha != 1:
        product = product * alpha
        kind = product._h.dtype
    if input._h.dtype != kind:
        raise TypeError(f"{name}: dtypes differ; got {input.dtype.name} and {product.dtype.name}")
    have, wanted = input.shape, product.shape
    fits = have == wanted or (len(have) == 1 and have[0] == wanted[-1])
    if not fits and common_shape(name, have, wanted) != wanted:
        raise ValueError(
            f"{name}: the input does not fit the product; got {tuple(have)} and {tuple(wanted)}"
        )
    if beta == 0:
        return product
    return product + (input if beta == 1 else input * beta)


def _plus(multiply: Any) -> Any:
    """The reference of the sums below, by NumPy's product."""
    return lambda x, a, b, beta=1, alpha=1: beta * x + alpha * multiply(a, b)


@tried(
    ref=_plus(np.matmul),
    samples=[(real(3, 5), *MATRICES), call(real(5), *MATRICES, beta=0.5, alpha=2.0)],
)
@composite
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); the input broadcasts. beta 0 ignores the input."""
    if not mat1._h.ndim == mat2._h.ndim == 2:
        _check_dims("addmm", (mat1, 2), (mat2, 2))
    return _blend("addmm", input, _at(mat1, mat2), beta, alpha)


@tried(
    ref=_plus(np.matmul),
    samples=[(real(2, 3, 5), *BATCHES), call(real(3, 1), *BATCHES, beta=0.5, alpha=2.0)],
)
@composite
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), of batches of matrices; the input broadcasts."""
    return _blend("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@tried(
    ref=_plus(lambda a, b: (a @ b).sum(0)),
    samples=[(real(3, 5), *BATCHES), call(real(5), *BATCHES, beta=0.5, alpha=2.0)],
)
@composite
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * the sum of all batch1[i] @ batch2[i]; the input broadcasts."""
    _check_dims("addbmm", (batch1, 3), (batch2, 3))
    if batch1.shape[0] != batch2.shape[0]:
        raise ValueError(
            f"addbmm: batches differ; got {tuple(batch1.shape)} and {tuple(batch2.shape)}"
        )
    wide = transpose(batch1, 0, 1).flatten(1)  # one product over batch and inner size together
    return _blend("addbmm", input, matmul(wide, batch2.flatten(0, 1)), beta, alpha)


@tried(
    ref=_plus(np.matmul),
    samples=[(real(3), real(3, 4), real(4)), call(real(), real(3, 4), real(4), alpha=2.0)],
)
@composite
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec); the input broadcasts."""
    return _blend("addmv", input, mv(mat, vec), beta, alpha)


@tried(
    ref=_plus(np.outer),
    samples=[(real(3, 4), real(3), real(4)), call(real(4), real(3), real(4), beta=0.5)],
)
@composite
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2); the input broadcasts."""
    return _blend("addr", input, outer(vec1, vec2), beta, alpha)


def _cheapest(sizes: list[int]) -> list[list[int]]:
    """Where to split each stretch i..j of a chain of matrices sizes[i] x sizes[i + 1].

    Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, section 15.2.
    """
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


def product_of_chain(name: str, tensors: Any) -> Tensor:
    """The product of many matrices in the cheapest order; the first and last may be vectors."""
    if not isinstance(tensors, (list, tuple)) or len(tensors) < 2:
        raise ValueError(f"{name}: expected a list of at least two tensors")
    chain = list(tensors)
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    if row:
        chain[0] = unsqueeze(chain[0], 0)
    if column:
        chain[-1] = unsqueeze(chain[-1], 1)
    _check_dims(name, *((each, 2) for each in chain))
    for one, two in itertools.pairwise(chain):
        if one.shape[1] != two.shape[0]:
            raise ValueError(
                f"{name}: inner sizes differ; got {tuple(one.shape)} and {tuple(two.shape)}"
            )
    split = _cheapest([*(each.shape[0] for each in chain), chain[-1].shape[1]])

    def product(i: int, j: int) -> Tensor:
        k = split[i][j]
        return chain[i] if i == j else matmul(product(i, k), product(k + 1, j))

    shape = (*chain[0].shape[:1], *chain[-1].shape[1:])
    kept = shape[1:] if row else shape
    return _reshape(product(0, len(chain) - 1), kept[:-1] if column else kept)


@tried(
    ref=lambda *x: functools.reduce(np.matmul, x),
    samples=[(real(3, 4), real(4, 2), real(2, 5)), (real(3, 4), real(4, 0)), (real(2, 3),)],
    family="sums",
)
@root
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices in the order of the fewest multiplications."""
    return matrices[0] if len(matrices) == 1 else product_of_chain("chain_matmul", matrices)


def _cross(name: str, input: Tensor, other: Tensor, dim: int) -> Tensor:
    axis = max(input.ndim, other.ndim) - 1 if dim == -1 else dim
    for each in (input, other):
        if each.ndim == 0 or each.shape[each._dim(dim, name)] != 3:
            raise ValueError(
                f"{name}: dimension {dim} must be of size 3; "
                f"got {tuple(input.shape)} and {tuple(other.shape)}"
            )
    parts = [(a, b) for a, b in zip(input.unbind(dim), other.unbind(dim), strict=True)]
    turned = [
        parts[i][0] * parts[j][1] - parts[j][0] * parts[i][1] for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    return stack(turned, axis)


@tried(
    ref=lambda x, y, dim=-1: np.cross(x, y, axis=dim),
    samples=[(real(3), real(3)), (real(4, 3), real(4, 3), 1), (real(2, 3, 4), real(2, 3, 4), 1)],
)
@composite
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along ``dim`` of size 3; by default the first dimension of that size."""
    if dim is None:
        if 3 not in input.shape:
            raise ValueError(f"cross: no dimension has size 3; got {tuple(input.shape)}")
        dim = list(input.shape).index(3)
    return _cross("cross", input, other, dim)


@tried(ref=np.trace, samples=[(real(3, 3),), (real(2, 4),), (real(0, 3),)], dtypes="number")
@composite
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    _check_dims("trace", (input, 2))
    return input.diagonal().sum()
