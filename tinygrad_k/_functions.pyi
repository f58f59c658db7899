"""Functions of the package's root. Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .backend import dtype as dtype_class
from .random import Generator
from .tensor import Size, Tensor

def abs(
    input: Tensor,
) -> Tensor:
    """The absolute value |x|, elementwise. The derivative at 0 is 0."""

def absolute(
    input: Tensor,
) -> Tensor:
    """The absolute value |x|, elementwise. The derivative at 0 is 0."""

def acos(
    input: Tensor,
) -> Tensor:
    """The angle in [0, pi] of this cosine; NaN outside [-1, 1]."""

def acosh(
    input: Tensor,
) -> Tensor:
    """The inverse of cosh, from 0 up; NaN below 1."""

def add(
    input: Any,
    other: Any,
    *,
    alpha: builtins.float = ...,
) -> Tensor:
    """input + alpha * other, elementwise."""

def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
) -> Tensor:
    """beta * input + alpha * the sum of all batch1[i] @ batch2[i]; the input broadcasts."""

def addcdiv(
    input: Tensor,
    tensor1: Tensor,
    tensor2: Tensor,
    *,
    value: builtins.float = ...,
) -> Tensor:
    """input + value * tensor1 / tensor2, elementwise."""

def addcmul(
    input: Tensor,
    tensor1: Tensor,
    tensor2: Tensor,
    *,
    value: builtins.float = ...,
) -> Tensor:
    """input + value * tensor1 * tensor2, elementwise; integers, if all four are and fit."""

def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); the input broadcasts. beta 0 ignores the ..."""

def addmv(
    input: Tensor,
    mat: Tensor,
    vec: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
) -> Tensor:
    """beta * input + alpha * (mat @ vec); the input broadcasts."""

def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2); the input broadcasts."""

def adjoint(
    input: Tensor,
) -> Tensor:
    """The tensor with its last two dimensions exchanged; a view."""

def all(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """Whether all elements over ``dim`` are nonzero; of nothing True."""

def allclose(
    input: Tensor,
    other: Tensor,
    rtol: builtins.float = ...,
    atol: builtins.float = ...,
    equal_nan: builtins.bool = ...,
) -> builtins.bool:
    """Whether ``isclose`` holds everywhere, as a Python bool."""

def amax(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """The largest element over ``dim``, NaN if there is one; equal ones share the ..."""

def amin(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """The smallest element over ``dim``, NaN if there is one; equal ones share the ..."""

def aminmax(
    input: Tensor,
    *,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
) -> Any:
    """The smallest and the largest element over one dimension or all; NaN if there is ..."""

def any(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """Whether any element over ``dim`` is nonzero; of nothing False."""

def arange(
    start: Any = ...,
    end: Any = ...,
    step: Any = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """start, start + step, ... as long as it lies before ``end``; ``arange(end)`` ..."""

def arccos(
    input: Tensor,
) -> Tensor:
    """The angle in [0, pi] of this cosine; NaN outside [-1, 1]."""

def arccosh(
    input: Tensor,
) -> Tensor:
    """The inverse of cosh, from 0 up; NaN below 1."""

def arcsin(
    input: Tensor,
) -> Tensor:
    """The angle in [-pi/2, pi/2] of this sine; NaN outside [-1, 1]."""

def arcsinh(
    input: Tensor,
) -> Tensor:
    """The inverse of sinh."""

def arctan(
    input: Tensor,
) -> Tensor:
    """The angle in [-pi/2, pi/2] of this tangent."""

def arctan2(
    input: Any,
    other: Any,
) -> Tensor:
    """The angle of the point (other, input) in [-pi, pi]."""

def arctanh(
    input: Tensor,
) -> Tensor:
    """The inverse of tanh; NaN outside [-1, 1]."""

def argmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """The position of the first largest element along ``dim``, or in the flattened ..."""

def argmin(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """The position of the first smallest element along ``dim``, or in the flattened ..."""

def argsort(
    input: Tensor,
    dim: builtins.int = ...,
    descending: builtins.bool = ...,
    stable: builtins.bool = ...,
) -> Tensor:
    """Where the elements along ``dim`` are in order; see ``sort``."""

def argwhere(
    input: Tensor,
) -> Tensor:
    """The indices of what is not zero, [n, ndim]."""

def as_strided(
    input: Tensor,
    size: Any,
    stride: Any,
    storage_offset: builtins.int | None = ...,
) -> Tensor:
    """A view of the storage with any sizes and strides; ValueError where it would ..."""

def as_tensor(
    data: Any,
    dtype: Any = ...,
    device: Any = ...,
) -> Tensor:
    """As ``tensor``, but without a copy where the memory can be shared."""

def asarray(
    obj: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    copy: builtins.bool | None = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """A tensor of anything array-like; it shares memory unless ``copy`` or a ..."""

def asin(
    input: Tensor,
) -> Tensor:
    """The angle in [-pi/2, pi/2] of this sine; NaN outside [-1, 1]."""

def asinh(
    input: Tensor,
) -> Tensor:
    """The inverse of sinh."""

def atan(
    input: Tensor,
) -> Tensor:
    """The angle in [-pi/2, pi/2] of this tangent."""

def atan2(
    input: Any,
    other: Any,
) -> Tensor:
    """The angle of the point (other, input) in [-pi, pi]."""

def atanh(
    input: Tensor,
) -> Tensor:
    """The inverse of tanh; NaN outside [-1, 1]."""

def atleast_1d(
    *tensors: Any,
) -> Any:
    """Each tensor with at least one dimension; views."""

def atleast_2d(
    *tensors: Any,
) -> Any:
    """Each tensor with at least two dimensions, the new ones in front; views."""

def atleast_3d(
    *tensors: Any,
) -> Any:
    """Each tensor with at least three dimensions: [n] gives [1, n, 1], [n, m] [n, m, ..."""

def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), of batches of matrices; the input ..."""

def bernoulli(
    input: Tensor,
    p: builtins.float | None = ...,
    *,
    generator: Generator | None = ...,
) -> Tensor:
    """1 with the probability that the input gives, or ``p`` everywhere, else 0, ..."""

def bilinear(
    input1: Tensor,
    input2: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
) -> Tensor:
    """input1^T W_a input2 + bias_a: (..., n), (..., m), (out, n, m), (out,) -> (..., ..."""

def bincount(
    input: Tensor,
    weights: Tensor | None = ...,
    minlength: builtins.int = ...,
) -> Tensor:
    """How often each integer 0, 1, ... appears in a vector; or the sum of the weights ..."""

def bitwise_and(
    input: Any,
    other: Any,
) -> Tensor:
    """The bits set in both, elementwise; integers and bools."""

def bitwise_left_shift(
    input: Any,
    other: Any,
) -> Tensor:
    """input shifted left by other bits, elementwise; by the width or more gives 0."""

def bitwise_not(
    input: Tensor,
) -> Tensor:
    """Every bit inverted, elementwise; of bools, the logical not."""

def bitwise_or(
    input: Any,
    other: Any,
) -> Tensor:
    """The bits set in either, elementwise; integers and bools."""

def bitwise_right_shift(
    input: Any,
    other: Any,
) -> Tensor:
    """input shifted right by other bits, elementwise, keeping the sign."""

def bitwise_xor(
    input: Any,
    other: Any,
) -> Tensor:
    """The bits set in exactly one, elementwise; integers and bools."""

def block_diag(
    *tensors: Tensor,
) -> Tensor:
    """The matrices along the diagonal of one of zeros; vectors and numbers are rows."""

def bmm(
    input: Tensor,
    mat2: Tensor,
) -> Tensor:
    """The products of two batches of matrices (b, n, k) and (b, k, m)."""

def broadcast_shapes(
    *shapes: Any,
) -> Size:
    """The shape to which all shapes broadcast."""

def broadcast_tensors(
    *tensors: Any,
) -> builtins.tuple[Tensor, ...]:
    """The tensors expanded to their common shape; views."""

def broadcast_to(
    input: Tensor,
    size: Sequence[builtins.int],
) -> Tensor:
    """As ``expand``."""

def bucketize(
    input: Any,
    boundaries: Tensor,
    *,
    out_int32: builtins.bool = ...,
    right: builtins.bool = ...,
) -> Tensor:
    """The number of the bucket each element falls into, between sorted boundaries."""

def cartesian_prod(
    *tensors: Tensor,
) -> Tensor:
    """All combinations of the elements of vectors, one a row; of one vector, itself."""

def cat(
    tensors: Sequence[Tensor],
    dim: builtins.int = ...,
) -> Tensor:
    """The tensors behind each other along a dimension; they agree in all other sizes."""

def cdist(
    x1: Tensor,
    x2: Tensor,
    p: builtins.float = ...,
    compute_mode: builtins.str = ...,
) -> Tensor:
    """The p-norm distances of all pairs of rows: (..., n, k), (..., m, k) -> (..., n, m)."""

def ceil(
    input: Tensor,
) -> Tensor:
    """The smallest integer not below x, elementwise."""

def celu(
    input: Tensor,
    alpha: builtins.float = ...,
) -> Tensor:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron 2017."""

def chain_matmul(
    *matrices: Tensor,
) -> Tensor:
    """The product of matrices in the order of the fewest multiplications."""

def channel_shuffle(
    input: Tensor,
    groups: builtins.int,
) -> Tensor:
    """Channels (dimension 1) of ``groups`` groups dealt out in turn. Zhang et al. 2018."""

def chunk(
    input: Tensor,
    chunks: builtins.int,
    dim: builtins.int = ...,
) -> builtins.tuple[Tensor, ...]:
    """At most ``chunks`` parts of one size, but for the last; views."""

def clamp(
    input: Tensor,
    min: Any = ...,
    max: Any = ...,
) -> Tensor:
    """x brought into [min, max], elementwise; bounds are numbers, tensors or None."""

def clamp_max(
    input: Tensor,
    max: Any,
) -> Tensor:
    """``clamp`` from above."""

def clamp_min(
    input: Tensor,
    min: Any,
) -> Tensor:
    """``clamp`` from below."""

def clip(
    input: Tensor,
    min: Any = ...,
    max: Any = ...,
) -> Tensor:
    """x brought into [min, max], elementwise; bounds are numbers, tensors or None."""

def clone(
    input: Tensor,
) -> Tensor:
    """A copy with memory of its own, row-major."""

def column_stack(
    tensors: Sequence[Tensor],
) -> Tensor:
    """The tensors along dimension 1; vectors are columns."""

def combinations(
    input: Tensor,
    r: builtins.int = ...,
    with_replacement: builtins.bool = ...,
) -> Tensor:
    """All combinations of r elements of a vector, in order, one a row."""

def concat(
    tensors: Sequence[Tensor],
    dim: builtins.int = ...,
) -> Tensor:
    """The tensors behind each other along a dimension; they agree in all other sizes."""

def concatenate(
    tensors: Sequence[Tensor],
    dim: builtins.int = ...,
) -> Tensor:
    """The tensors behind each other along a dimension; they agree in all other sizes."""

def contiguous(
    input: Tensor,
) -> Tensor:
    """The tensor itself where it is row-major, else a copy that is."""

def convert(
    input: Tensor,
    dtype: dtype_class,
) -> Tensor:
    """A copy of another dtype."""

def copysign(
    input: Any,
    other: Any,
) -> Tensor:
    """|input| with the sign of other, that of a zero too, elementwise."""

def corrcoef(
    input: Tensor,
) -> Tensor:
    """The correlations of the variables, a row each; columns are observations."""

def cos(
    input: Tensor,
) -> Tensor:
    """The cosine of an angle in radians."""

def cosh(
    input: Tensor,
) -> Tensor:
    """The hyperbolic cosine."""

def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1."""

def cosine_similarity(
    x1: Tensor,
    x2: Tensor,
    dim: builtins.int = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """The cosine of the angle between x1 and x2 along ``dim``; norms count as at ..."""

def count_nonzero(
    input: Tensor,
    dim: Any = ...,
) -> Tensor:
    """How many elements over ``dim`` are nonzero."""

def cov(
    input: Tensor,
    *,
    correction: builtins.float = ...,
    fweights: Tensor | None = ...,
    aweights: Tensor | None = ...,
) -> Tensor:
    """The covariances of the variables, a row each; columns are observations."""

def cross(
    input: Tensor,
    other: Tensor,
    dim: builtins.int | None = ...,
) -> Tensor:
    """The vector product along ``dim`` of size 3; by default the first dimension of ..."""

def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: builtins.int = ...,
    reduction: builtins.str = ...,
    zero_infinity: builtins.bool = ...,
) -> Tensor:
    """-log of the probability that (T, N, C) log-probabilities give to the targets."""

def cummax(
    input: Tensor,
    dim: builtins.int,
) -> Any:
    """The largest of everything up to each element along ``dim``, and where it was ..."""

def cummin(
    input: Tensor,
    dim: builtins.int,
) -> Any:
    """The smallest of everything up to each element along ``dim``, and where it was ..."""

def cumprod(
    input: Tensor,
    dim: builtins.int,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The products of everything up to each element along ``dim``."""

def cumsum(
    input: Tensor,
    dim: builtins.int,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The sums of everything up to each element along ``dim``."""

def deg2rad(
    input: Tensor,
) -> Tensor:
    """Degrees as radians."""

def det(
    A: Tensor,
) -> Tensor:
    """The determinants of square matrices."""

def detach(
    input: Tensor,
) -> Any:
    """The tensor outside the graph, on the same memory."""

def diag(
    input: Tensor,
    diagonal: builtins.int = ...,
) -> Tensor:
    """The diagonal of a matrix, as a copy; or the matrix that has a vector as diagonal."""

def diag_embed(
    input: Tensor,
    offset: builtins.int = ...,
    dim1: builtins.int = ...,
    dim2: builtins.int = ...,
) -> Tensor:
    """Square matrices of zeros, in the dims dim1 and dim2, with the last dimension as ..."""

def diagflat(
    input: Tensor,
    offset: builtins.int = ...,
) -> Tensor:
    """The matrix that has all elements of a tensor as diagonal."""

def diagonal(
    input: Tensor,
    offset: builtins.int = ...,
    dim1: builtins.int = ...,
    dim2: builtins.int = ...,
) -> Tensor:
    """The diagonal of two dimensions, as a new last one; a view."""

def diagonal_scatter(
    input: Tensor,
    src: Tensor,
    offset: builtins.int = ...,
    dim1: builtins.int = ...,
    dim2: builtins.int = ...,
) -> Tensor:
    """A copy of the input with ``src`` on its diagonal."""

def diff(
    input: Tensor,
    n: builtins.int = ...,
    dim: builtins.int = ...,
    prepend: Tensor | None = ...,
    append: Tensor | None = ...,
) -> Tensor:
    """The n-th differences of neighbours along ``dim``; of bools whether they differ."""

def digamma(
    input: Tensor,
) -> Tensor:
    """The derivative of lgamma; NaN at -1, -2, ..., infinite at 0."""

def div(
    input: Any,
    other: Any,
    *,
    rounding_mode: builtins.str | None = ...,
) -> Tensor:
    """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

def divide(
    input: Any,
    other: Any,
    *,
    rounding_mode: builtins.str | None = ...,
) -> Tensor:
    """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

def dot(
    input: Tensor,
    tensor: Tensor,
) -> Tensor:
    """The sum of products of two vectors."""

def dsplit(
    input: Tensor,
    indices_or_sections: Any,
) -> builtins.tuple[Tensor, ...]:
    """As ``tensor_split`` along dimension 2, into equal parts; views."""

def dstack(
    tensors: Sequence[Tensor],
) -> Tensor:
    """The tensors along dimension 2; matrices and vectors get one there."""

def einsum(
    *args: Any,
) -> Tensor:
    """Sums of products by Einstein's convention: ``einsum("ij,jk->ik", a, b)``."""

def empty(
    *sizes: Any,
    size: Any = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Memory as it comes; the sizes are ints or one sequence."""

def empty_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Memory as it comes, of another tensor's shape and, unless told otherwise, dtype."""

def eq(
    input: Any,
    other: Any,
) -> Tensor:
    """input == other, elementwise."""

def equal(
    input: Tensor,
    other: Tensor,
) -> builtins.bool:
    """Whether both have the same shape and equal elements, as a Python bool; NaN ..."""

def erf(
    input: Tensor,
) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

def erfc(
    input: Tensor,
) -> Tensor:
    """1 - erf(x), accurate where erf is near 1."""

def erfinv(
    input: Tensor,
) -> Tensor:
    """The inverse of erf: infinite at -1 and 1, NaN beyond."""

def exp(
    input: Tensor,
) -> Tensor:
    """e to the power x."""

def exp2(
    input: Tensor,
) -> Tensor:
    """2 to the power x."""

def expand(
    input: Tensor,
    *sizes_: Any,
    size: Any = ...,
) -> Tensor:
    """A view in which dimensions of size 1 are repeated without copying; -1 keeps a size."""

def expand_as(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """As ``expand`` to the shape of another tensor."""

def expm1(
    input: Tensor,
) -> Tensor:
    """exp(x) - 1, accurate near 0."""

def eye(
    n: builtins.int,
    m: builtins.int | None = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Ones on the diagonal of an n x m (or n x n) matrix of zeros."""

def fix(
    input: Tensor,
) -> Tensor:
    """The integer part, elementwise."""

def flatten(
    input: Tensor,
    start_dim: builtins.int = ...,
    end_dim: builtins.int = ...,
) -> Tensor:
    """The dimensions start_dim .. end_dim as one; the tensor itself where that is one ..."""

def flip(
    input: Tensor,
    *dims: Any,
) -> Tensor:
    """The tensor with the order in the dimensions given reversed; a copy."""

def fliplr(
    input: Tensor,
) -> Tensor:
    """The tensor with the order in dimension 1 reversed; a copy."""

def flipud(
    input: Tensor,
) -> Tensor:
    """The tensor with the order in dimension 0 reversed; a copy."""

def float_power(
    input: Any,
    exponent: Any,
) -> Tensor:
    """input ** exponent in float64, elementwise; either may be a number."""

def floor(
    input: Tensor,
) -> Tensor:
    """The largest integer not above x, elementwise."""

def floor_divide(
    input: Any,
    other: Any,
) -> Tensor:
    """The quotient rounded toward minus infinity, elementwise, as Python's //."""

def fmax(
    input: Any,
    other: Any,
) -> Tensor:
    """The larger of the two, elementwise; the other one where one is NaN."""

def fmin(
    input: Any,
    other: Any,
) -> Tensor:
    """The smaller of the two, elementwise; the other one where one is NaN."""

def fmod(
    input: Any,
    other: Any,
) -> Tensor:
    """The rest of the division rounded toward zero, with the sign of input, elementwise."""

def frac(
    input: Tensor,
) -> Tensor:
    """What stands behind the point, x - trunc(x), with the sign of x; integers give ..."""

def from_dlpack(
    ext_tensor: Any,
) -> Tensor:
    """A tensor on the memory of another library's array, or of a DLPack capsule; ..."""

def frombuffer(
    buffer: Any,
    *,
    dtype: Any,
    count: builtins.int = ...,
    offset: builtins.int = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """A vector on the memory of a bytes-like object: ``count`` elements from byte ..."""

def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """One number everywhere; without a dtype the number's: float32, int64 or bool."""

def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """One number everywhere, of another tensor's shape and, unless told otherwise, dtype."""

def gather(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    *,
    sparse_grad: builtins.bool = ...,
) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on: an index for each element."""

def ge(
    input: Any,
    other: Any,
) -> Tensor:
    """input >= other, elementwise."""

def ger(
    input: Tensor,
    vec2: Tensor,
) -> Tensor:
    """Every product of two vectors (n,) and (m,): (n, m)."""

def greater(
    input: Any,
    other: Any,
) -> Tensor:
    """input > other, elementwise."""

def greater_equal(
    input: Any,
    other: Any,
) -> Tensor:
    """input >= other, elementwise."""

def group_norm(
    input: Tensor,
    num_groups: builtins.int,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with statistics over groups of ..."""

def gt(
    input: Any,
    other: Any,
) -> Tensor:
    """input > other, elementwise."""

def hardshrink(
    input: Tensor,
    lambd: builtins.float = ...,
) -> Tensor:
    """0 between -lambd and lambd, else x."""

def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1."""

def histc(
    input: Tensor,
    bins: builtins.int = ...,
    min: builtins.float = ...,
    max: builtins.float = ...,
) -> Tensor:
    """How many elements fall into each of ``bins`` equal parts of [min, max], in the ..."""

def hsplit(
    input: Tensor,
    indices_or_sections: Any,
) -> builtins.tuple[Tensor, ...]:
    """As ``tensor_split`` along dimension 1, into equal parts; views."""

def hstack(
    tensors: Sequence[Tensor],
) -> Tensor:
    """Vectors behind each other; other tensors along dimension 1."""

def hypot(
    input: Any,
    other: Any,
) -> Tensor:
    """sqrt(input^2 + other^2) without overflow, elementwise; the gradient at (0, 0) is 0."""

def index_add(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    source: Tensor,
    *,
    alpha: builtins.float = ...,
) -> Tensor:
    """``input`` with alpha * source added to the parts of a dimension that the index ..."""

def index_copy(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    source: Tensor,
) -> Tensor:
    """``input`` with the parts of a dimension that the index names replaced by those ..."""

def index_fill(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    value: Any,
) -> Tensor:
    """``input`` with the parts of a dimension that the index names filled with one ..."""

def index_put(
    input: Tensor,
    indices: Any,
    values: Tensor,
    accumulate: builtins.bool = ...,
) -> Tensor:
    """``input`` with input[indices] = values, or, with ``accumulate``, += over ..."""

def index_select(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
) -> Tensor:
    """The parts of a dimension that a vector of indices names, in its order."""

def inner(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """The sums of products over the last dimension of both: (..., k), (... , k) -> ..."""

def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = ...,
    running_var: Tensor | None = ...,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    use_input_stats: builtins.bool = ...,
    momentum: builtins.float = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel of each sample."""

def inverse(
    input: Tensor,
) -> Tensor:
    """The inverse of square matrices; LinAlgError for a singular one."""

def is_complex(
    input: Tensor,
) -> Any:
    """Whether the dtype is complex: never."""

def is_floating_point(
    input: Tensor,
) -> Any:
    """Whether the dtype is float32 or float64."""

def is_nonzero(
    input: Tensor,
) -> Any:
    """Whether the only element is nonzero; ValueError of more or none."""

def is_same_size(
    input: Tensor,
    other: Tensor,
) -> builtins.bool:
    """Whether two tensors have the same shape."""

def is_signed(
    input: Tensor,
) -> Any:
    """Whether the dtype has negative numbers."""

def is_tensor(
    obj: Any,
) -> builtins.bool:
    """Whether something is a tensor."""

def isclose(
    input: Tensor,
    other: Tensor,
    rtol: builtins.float = ...,
    atol: builtins.float = ...,
    equal_nan: builtins.bool = ...,
) -> Tensor:
    """Whether |input - other| <= atol + rtol * |other|, elementwise; both of one dtype."""

def isfinite(
    input: Tensor,
) -> Tensor:
    """Whether x is neither infinite nor NaN, elementwise."""

def isin(
    elements: Any,
    test_elements: Any,
    *,
    assume_unique: builtins.bool = ...,
    invert: builtins.bool = ...,
) -> Tensor:
    """Whether each element is among the test elements; whether it is not, if ``invert``."""

def isinf(
    input: Tensor,
) -> Tensor:
    """Whether x is infinite, elementwise."""

def isnan(
    input: Tensor,
) -> Tensor:
    """Whether x is NaN, elementwise."""

def isneginf(
    input: Tensor,
) -> Tensor:
    """Whether x is infinite and below 0, elementwise."""

def isposinf(
    input: Tensor,
) -> Tensor:
    """Whether x is infinite and above 0, elementwise."""

def kron(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """Kronecker's product: each element of ``input`` times the whole of ``other``, in ..."""

def kthvalue(
    input: Tensor,
    k: builtins.int,
    dim: builtins.int = ...,
    keepdim: builtins.bool = ...,
) -> Any:
    """The k-th smallest element along ``dim``, counted from 1, and where it is."""

def ldexp(
    input: Any,
    other: Any,
) -> Tensor:
    """input * 2 ** other, elementwise; integers give float32."""

def le(
    input: Any,
    other: Any,
) -> Tensor:
    """input <= other, elementwise."""

def lerp(
    input: Tensor,
    end: Tensor,
    weight: Any,
) -> Tensor:
    """input + weight * (end - input), elementwise; the weight is a tensor or a number."""

def less(
    input: Any,
    other: Any,
) -> Tensor:
    """input < other, elementwise."""

def less_equal(
    input: Any,
    other: Any,
) -> Tensor:
    """input <= other, elementwise."""

def lgamma(
    input: Tensor,
) -> Tensor:
    """The logarithm of |Gamma(x)|; infinite at 0, -1, -2, ..."""

def linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
) -> Tensor:
    """input @ weight^T + bias: (..., in), (out, in), (out,) -> (..., out)."""

def linspace(
    start: Any,
    end: Any,
    steps: builtins.int,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """``steps`` numbers in equal distances from ``start`` to ``end``, both included."""

def log(
    input: Tensor,
) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below."""

def log10(
    input: Tensor,
) -> Tensor:
    """The logarithm to base 10."""

def log1p(
    input: Tensor,
) -> Tensor:
    """log(1 + x), accurate near 0."""

def log2(
    input: Tensor,
) -> Tensor:
    """The logarithm to base 2."""

def log_softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """log(softmax(x)) along ``dim``, without overflow."""

def logaddexp(
    input: Any,
    other: Any,
) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""

def logaddexp2(
    input: Any,
    other: Any,
) -> Tensor:
    """log2(2^input + 2^other), without overflow."""

def logcumsumexp(
    input: Tensor,
    dim: builtins.int,
) -> Tensor:
    """log of the running sum of exp(x) along ``dim``, without overflow."""

def logdet(
    input: Tensor,
) -> Tensor:
    """The logarithm of the determinants of square matrices; NaN below 0, -inf of ..."""

def logical_and(
    input: Any,
    other: Any,
) -> Tensor:
    """Whether both are nonzero, elementwise."""

def logical_not(
    input: Tensor,
) -> Tensor:
    """Whether x is zero, elementwise."""

def logical_or(
    input: Any,
    other: Any,
) -> Tensor:
    """Whether either is nonzero, elementwise."""

def logical_xor(
    input: Any,
    other: Any,
) -> Tensor:
    """Whether exactly one is nonzero, elementwise."""

def logit(
    input: Tensor,
    eps: builtins.float | None = ...,
) -> Tensor:
    """log(x / (1 - x)), the inverse of sigmoid; NaN outside [0, 1]."""

def logspace(
    start: Any,
    end: Any,
    steps: builtins.int,
    base: builtins.float = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """base ** x for ``steps`` x in equal distances from ``start`` to ``end``, both ..."""

def logsumexp(
    input: Tensor,
    dim: Any,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """log(sum(exp(x))) over ``dim``, without overflow; -inf of nothing."""

def lt(
    input: Any,
    other: Any,
) -> Tensor:
    """input < other, elementwise."""

def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """max(0, margin - t (x1 - x2)): the target 1 wants x1 ranked higher, -1 lower."""

def masked_fill(
    input: Tensor,
    mask: Tensor,
    value: Any,
) -> Tensor:
    """``value`` where the mask holds, else the input; the mask broadcasts with it."""

def masked_scatter(
    input: Tensor,
    mask: Tensor,
    source: Tensor,
) -> Tensor:
    """The input with its elements where the mask holds replaced by the first ones of ..."""

def masked_select(
    input: Tensor,
    mask: Tensor,
) -> Tensor:
    """The elements where the mask holds, as a vector; the two broadcast."""

def matmul(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m); batches broadcast."""

def matrix_power(
    A: Tensor,
    n: builtins.int,
) -> Tensor:
    """The n-th power of square matrices, by repeated squaring; of the inverse for n < 0."""

def max(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    other: Tensor | None = ...,
) -> Any:
    """The maximum: of all elements; along ``dim`` as (values, indices); or, given a ..."""

def maximum(
    input: Any,
    other: Any,
) -> Tensor:
    """The larger of the two, elementwise; NaN if either is. Equal operands share the ..."""

def mean(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The mean over ``dim``; floating dtypes only, NaN of nothing."""

def median(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Any:
    """The lower of the two middle elements: of all; or along ``dim`` as (values, ..."""

def meshgrid(
    *tensors: Any,
    indexing: builtins.str = ...,
) -> builtins.tuple[Tensor, ...]:
    """The coordinates of a grid: tensor i of the result varies along dimension i as ..."""

def min(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    other: Tensor | None = ...,
) -> Any:
    """The minimum: of all elements; along ``dim`` as (values, indices); or, given a ..."""

def minimum(
    input: Any,
    other: Any,
) -> Tensor:
    """The smaller of the two, elementwise; NaN if either is. Equal operands share the ..."""

def mm(
    input: Tensor,
    mat2: Tensor,
) -> Tensor:
    """The product of two matrices (n, k) and (k, m)."""

def mode(
    input: Tensor,
    dim: builtins.int = ...,
    keepdim: builtins.bool = ...,
) -> Any:
    """The most frequent value along ``dim``, of several the smallest, and where it ..."""

def moveaxis(
    input: Tensor,
    source: Any,
    destination: Any,
) -> Tensor:
    """The dims ``source`` moved to the places ``destination``, the others in order; a ..."""

def movedim(
    input: Tensor,
    source: Any,
    destination: Any,
) -> Tensor:
    """The dims ``source`` moved to the places ``destination``, the others in order; a ..."""

def msort(
    input: Tensor,
) -> Tensor:
    """The elements along dimension 0 in order."""

def mul(
    input: Any,
    other: Any,
) -> Tensor:
    """input * other, elementwise."""

def multinomial(
    input: Tensor,
    num_samples: builtins.int,
    replacement: builtins.bool = ...,
    *,
    generator: Generator | None = ...,
) -> Tensor:
    """Indices drawn with the probabilities that the rows of the input are ..."""

def multiply(
    input: Any,
    other: Any,
) -> Tensor:
    """input * other, elementwise."""

def mv(
    input: Tensor,
    vec: Tensor,
) -> Tensor:
    """The product of a matrix (n, k) and a vector (k,)."""

def nan_to_num(
    input: Tensor,
    nan: builtins.float = ...,
    posinf: builtins.float | None = ...,
    neginf: builtins.float | None = ...,
) -> Tensor:
    """``nan`` for NaN, ``posinf`` and ``neginf`` for the infinities, elementwise."""

def nanmean(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The mean over ``dim`` of the elements that are not NaN; NaN if there are none."""

def nanmedian(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
) -> Any:
    """As ``median`` of the elements that are not NaN."""

def nanquantile(
    input: Tensor,
    q: Any,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    interpolation: builtins.str = ...,
) -> Tensor:
    """As ``quantile`` of the elements that are not NaN."""

def nansum(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The sum over ``dim`` of the elements that are not NaN."""

def narrow(
    input: Tensor,
    dim: builtins.int,
    start: builtins.int,
    length: builtins.int,
) -> Tensor:
    """``length`` elements of a dimension from ``start`` on; a view."""

def narrow_copy(
    input: Tensor,
    dim: builtins.int,
    start: builtins.int,
    length: builtins.int,
) -> Tensor:
    """As ``narrow``, but a copy."""

def ne(
    input: Any,
    other: Any,
) -> Tensor:
    """input != other, elementwise."""

def neg(
    input: Tensor,
) -> Tensor:
    """The negative, -x, elementwise."""

def negative(
    input: Tensor,
) -> Tensor:
    """The negative, -x, elementwise."""

def nonzero(
    input: Tensor,
    *,
    as_tuple: builtins.bool = ...,
) -> Any:
    """The indices of what is not zero, [n, ndim]; or a tuple of one vector a dimension."""

def norm(
    input: Tensor,
    p: builtins.float | builtins.str | None = ...,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The p-norm over ``dim``: (sum |x|^p)^(1/p); for inf, -inf and 0 the limits."""

def normal(
    mean: Any = ...,
    std: Any = ...,
    size: Any = ...,
    *,
    generator: Generator | None = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Normal random numbers; mean and std are numbers (with a size) or tensors, which ..."""

def not_equal(
    input: Any,
    other: Any,
) -> Tensor:
    """input != other, elementwise."""

def numel(
    input: Tensor,
) -> Any:
    """The number of elements."""

def ones(
    *sizes: Any,
    size: Any = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Ones; the sizes are ints or one sequence."""

def ones_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Ones of another tensor's shape and, unless told otherwise, dtype."""

def outer(
    input: Tensor,
    vec2: Tensor,
) -> Tensor:
    """Every product of two vectors (n,) and (m,): (n, m)."""

def pairwise_distance(
    x1: Tensor,
    x2: Tensor,
    p: builtins.float = ...,
    eps: builtins.float = ...,
    keepdim: builtins.bool = ...,
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension."""

def pdist(
    input: Tensor,
    p: builtins.float = ...,
) -> Tensor:
    """The p-norm distances of all pairs of different rows of (n, k): (n (n - 1) / 2,)."""

def permute(
    input: Tensor,
    *order: Any,
    dims: Any = ...,
) -> Tensor:
    """The dimensions in another order; a view."""

def pinverse(
    input: Tensor,
    rcond: builtins.float = ...,
) -> Tensor:
    """The pseudoinverse. Singular values up to rcond times the largest count as 0."""

def pixel_shuffle(
    input: Tensor,
    upscale_factor: builtins.int,
) -> Tensor:
    """(..., C r^2, H, W) -> (..., C, H r, W r). Shi et al. 2016."""

def pixel_unshuffle(
    input: Tensor,
    downscale_factor: builtins.int,
) -> Tensor:
    """(..., C, H r, W r) -> (..., C r^2, H, W), the inverse of ``pixel_shuffle``."""

def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: builtins.bool = ...,
    full: builtins.bool = ...,
    eps: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """exp(x) - t x, or x - t log(x + eps) without ``log_input``."""

def polygamma(
    n: builtins.int,
    input: Tensor,
) -> Tensor:
    """The n-th derivative of digamma; infinite at 0, -1, -2, ..., with the sign from ..."""

def positive(
    input: Tensor,
) -> Tensor:
    """x itself; not for bool."""

def pow(
    input: Any,
    exponent: Any,
) -> Tensor:
    """input ** exponent, elementwise; either may be a number."""

def prelu(
    input: Tensor,
    weight: Tensor,
) -> Tensor:
    """x above 0, else weight * x; one weight, or one for each channel (dimension 1)."""

def prod(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The product over one dimension or all; integers and bools in int64. Nothing ..."""

def put(
    input: Tensor,
    index: Tensor,
    source: Tensor,
    accumulate: builtins.bool = ...,
) -> Tensor:
    """``input`` with the elements at positions counted over all of them replaced, or ..."""

def quantile(
    input: Tensor,
    q: Any,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    interpolation: builtins.str = ...,
) -> Tensor:
    """What the share q of the elements lies below: of all, or along ``dim``; NaN if ..."""

def rad2deg(
    input: Tensor,
) -> Tensor:
    """Radians as degrees."""

def rand(
    *sizes_: Any,
    size: Any = ...,
    generator: Generator | None = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Uniform random numbers of [0, 1)."""

def rand_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Uniform random numbers of [0, 1), of another tensor's shape and dtype."""

def randint(
    low: Any = ...,
    high: Any = ...,
    size: Any = ...,
    *,
    generator: Generator | None = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Random integers of [low, high); ``randint(high, size)`` starts at 0. int64 ..."""

def randint_like(
    input: Tensor,
    low: builtins.int,
    high: builtins.int | None = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Random integers of [low, high), or [0, low), of another tensor's shape and dtype."""

def randn(
    *sizes_: Any,
    size: Any = ...,
    generator: Generator | None = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Normal random numbers of mean 0 and standard deviation 1."""

def randn_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Normal random numbers, as ``randn``, of another tensor's shape and dtype."""

def randperm(
    n: builtins.int,
    *,
    generator: Generator | None = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """The integers 0 .. n-1 in random order."""

def ravel(
    input: Tensor,
) -> Tensor:
    """The elements in order as a vector; a view where it can be."""

def reciprocal(
    input: Tensor,
) -> Tensor:
    """1 / x, elementwise; integers give float32."""

def relu(
    input: Tensor,
) -> Tensor:
    """max(x, 0); the derivative at 0 is 0."""

def remainder(
    input: Any,
    other: Any,
) -> Tensor:
    """input - other * floor(input / other), with the sign of other, elementwise, as ..."""

def repeat_interleave(
    input: Tensor,
    repeats: Any = ...,
    dim: builtins.int | None = ...,
    *,
    output_size: builtins.int | None = ...,
) -> Tensor:
    """Each part of a dimension so many times in a row; without dim, each element of all."""

def reshape(
    input: Tensor,
    *sizes_: Any,
    shape: Any = ...,
) -> Tensor:
    """The same elements, in order, in another shape; one size may be -1. A view where ..."""

def reshape_as(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """As ``reshape`` to the shape of another tensor."""

def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = ...,
    eps: builtins.float | None = ...,
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions, of sizes ..."""

def roll(
    input: Tensor,
    shifts: Any,
    dims: Any = ...,
) -> Tensor:
    """The elements moved on by ``shifts`` along ``dims``; what leaves comes in on the ..."""

def rot90(
    input: Tensor,
    k: builtins.int = ...,
    dims: Sequence[builtins.int] = ...,
) -> Tensor:
    """The tensor turned by k quarters in the plane of two dimensions, first to second."""

def round(
    input: Tensor,
    *,
    decimals: builtins.int = ...,
) -> Tensor:
    """The nearest number of so many ``decimals``, below 0 of tens, halves to the even ..."""

def row_stack(
    tensors: Sequence[Tensor],
) -> Tensor:
    """The tensors along dimension 0; vectors are rows."""

def rrelu(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
) -> Tensor:
    """x above 0, else x times a number drawn from [lower, upper] for each element."""

def rsqrt(
    input: Tensor,
) -> Tensor:
    """1 / sqrt(x)."""

def scalar_tensor(
    s: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """A tensor without dimensions; float32 unless told otherwise."""

def scatter(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    src: Any = ...,
    *,
    value: Any = ...,
    reduce: builtins.str | None = ...,
) -> Tensor:
    """``input`` with out[index[i][j]][j] = src[i][j] for dim 0, and so on."""

def scatter_add(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    src: Tensor,
) -> Tensor:
    """``input`` with src[i][j] added to out[index[i][j]][j] for dim 0, and so on."""

def scatter_reduce(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    src: Tensor,
    reduce: builtins.str,
    *,
    include_self: builtins.bool = ...,
) -> Tensor:
    """The values of ``src`` that an index sends to one place, reduced, as ``scatter`` ..."""

def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: builtins.bool = ...,
    right: builtins.bool = ...,
    side: builtins.str | None = ...,
    sorter: Tensor | None = ...,
) -> Tensor:
    """Where in a sorted sequence each element would be put in so that it stays sorted."""

def select(
    input: Tensor,
    dim: builtins.int,
    index: builtins.int,
) -> Tensor:
    """The part at one index of a dimension, which disappears; a view."""

def select_scatter(
    input: Tensor,
    src: Tensor,
    dim: builtins.int,
    index: builtins.int,
) -> Tensor:
    """A copy of the input with ``src`` at one index of a dimension."""

def selu(
    input: Tensor,
) -> Tensor:
    """scale * elu(x, alpha) with the fixed point's constants. Klambauer et al. 2017."""

def sgn(
    input: Tensor,
) -> Tensor:
    """-1, 0 or 1 as the sign of x, elementwise; 0 for NaN."""

def sigmoid(
    input: Tensor,
) -> Tensor:
    """The logistic function 1 / (1 + exp(-x))."""

def sign(
    input: Tensor,
) -> Tensor:
    """-1, 0 or 1 as the sign of x, elementwise; 0 for NaN."""

def sin(
    input: Tensor,
) -> Tensor:
    """The sine of an angle in radians."""

def sinc(
    input: Tensor,
) -> Tensor:
    """sin(pi x) / (pi x); 1 at 0."""

def sinh(
    input: Tensor,
) -> Tensor:
    """The hyperbolic sine."""

def slice_dim(
    input: Tensor,
    dim: builtins.int,
    start: builtins.int | None,
    stop: builtins.int | None,
    step: builtins.int | None = ...,
) -> Tensor:
    """The part start:stop:step of a dimension, by Python's rules; a view."""

def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: builtins.int = ...,
    start: builtins.int | None = ...,
    end: builtins.int | None = ...,
    step: builtins.int = ...,
) -> Tensor:
    """A copy of the input with ``src`` in a slice of a dimension."""

def slogdet(
    A: Tensor,
) -> Any:
    """The sign and the logarithm of the size of determinants; 0 and -inf of a ..."""

def softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """exp(x) over its sum along ``dim``: positive, and 1 in all."""

def sort(
    input: Tensor,
    dim: builtins.int = ...,
    descending: builtins.bool = ...,
    stable: builtins.bool = ...,
) -> Any:
    """The elements along ``dim`` in order, and where they were: (values, indices)."""

def split(
    tensor: Tensor,
    split_size_or_sections: Any,
    dim: builtins.int = ...,
) -> builtins.tuple[Tensor, ...]:
    """Parts of one size (the last may be smaller), or of the sizes given; views."""

def split_with_sizes(
    input: Tensor,
    split_sizes: Sequence[builtins.int],
    dim: builtins.int = ...,
) -> builtins.tuple[Tensor, ...]:
    """As ``split`` by a list of sizes."""

def sqrt(
    input: Tensor,
) -> Tensor:
    """The square root; NaN below 0."""

def square(
    input: Tensor,
) -> Tensor:
    """The square x * x, elementwise."""

def squeeze(
    input: Tensor,
    dim: Any = ...,
) -> Tensor:
    """Without the dimensions of size 1, or without the named ones that have size 1; a ..."""

def stack(
    tensors: Sequence[Tensor],
    dim: builtins.int = ...,
) -> Tensor:
    """Tensors of one shape along a new dimension."""

def std(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool | None = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
) -> Tensor:
    """The standard deviation over ``dim``, the root of ``var``."""

def std_mean(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool | None = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
) -> builtins.tuple[Tensor, Tensor]:
    """Standard deviation and mean over ``dim``."""

def sub(
    input: Any,
    other: Any,
    *,
    alpha: builtins.float = ...,
) -> Tensor:
    """input - alpha * other, elementwise; not for bool."""

def subtract(
    input: Any,
    other: Any,
    *,
    alpha: builtins.float = ...,
) -> Tensor:
    """input - alpha * other, elementwise; not for bool."""

def sum(
    input: Tensor,
    dim: Any = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """The sum over ``dim``; integers and bools are summed in int64. Nothing sums to 0."""

def sum_to(
    input: Tensor,
    shape: builtins.tuple[builtins.int, ...],
) -> Tensor:
    """The sum over the dimensions in which ``shape`` was expanded to the input's shape."""

def sum_to_size(
    input: Tensor,
    *size: Any,
) -> Tensor:
    """The sum over the dimensions in which ``size`` broadcasts to the input's shape."""

def swapaxes(
    input: Tensor,
    axis0: builtins.int,
    axis1: builtins.int,
) -> Tensor:
    """As ``transpose``."""

def swapdims(
    input: Tensor,
    dim0: builtins.int,
    dim1: builtins.int,
) -> Tensor:
    """As ``transpose``."""

def t(
    input: Tensor,
) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is."""

def take(
    input: Tensor,
    index: Tensor,
) -> Tensor:
    """The elements at positions counted over all of them; the result has the index's ..."""

def take_along_dim(
    input: Tensor,
    indices: Tensor,
    dim: builtins.int | None = ...,
) -> Tensor:
    """``gather`` with input and indices broadcast outside ``dim``; without it, of all ..."""

def tan(
    input: Tensor,
) -> Tensor:
    """The tangent of an angle in radians."""

def tanh(
    input: Tensor,
) -> Tensor:
    """The hyperbolic tangent."""

def tensor(
    data: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """A tensor of a number, of nested sequences, of a NumPy array or of another ..."""

def tensor_split(
    input: Tensor,
    indices_or_sections: Any,
    dim: builtins.int = ...,
) -> builtins.tuple[Tensor, ...]:
    """``n`` parts whose sizes differ by at most one, or parts cut at the indices ..."""

def tensordot(
    a: Tensor,
    b: Tensor,
    dims: Any = ...,
) -> Tensor:
    """The sum of products over the last ``dims`` dimensions of a and the first of b; ..."""

def threshold(
    input: Tensor,
    threshold: builtins.float,
    value: builtins.float,
) -> Tensor:
    """x above the threshold, else the value."""

def tile(
    input: Tensor,
    *dims: Any,
) -> Tensor:
    """As ``repeat``, but missing numbers in front are 1."""

def to(
    input: Tensor,
    *args: Any,
    dtype: Any = ...,
    device: Any = ...,
    non_blocking: builtins.bool = ...,
    copy: builtins.bool = ...,
) -> Tensor:
    """The tensor in another dtype, or in that of another tensor; itself where nothing ..."""

def topk(
    input: Tensor,
    k: builtins.int,
    dim: builtins.int = ...,
    largest: builtins.bool = ...,
    sorted: builtins.bool = ...,
) -> Any:
    """The k largest (or smallest) along ``dim``, in order, and where they are."""

def trace(
    input: Tensor,
) -> Tensor:
    """The sum of a matrix's diagonal."""

def transpose(
    input: Tensor,
    dim0: builtins.int,
    dim1: builtins.int,
) -> Tensor:
    """The tensor with two dimensions exchanged; a view."""

def trapezoid(
    y: Tensor,
    x: Tensor | None = ...,
    *,
    dx: builtins.float | None = ...,
    dim: builtins.int = ...,
) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, at the places x or dx apart ..."""

def trapz(
    y: Tensor,
    x: Tensor | None = ...,
    *,
    dx: builtins.float | None = ...,
    dim: builtins.int = ...,
) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, at the places x or dx apart ..."""

def tril(
    input: Tensor,
    diagonal: builtins.int = ...,
) -> Tensor:
    """The lower triangles of matrices, zeros above; ``diagonal`` is the last one kept."""

def tril_indices(
    row: builtins.int,
    col: builtins.int,
    offset: builtins.int = ...,
    *,
    dtype: Any = ...,
) -> Tensor:
    """The rows and columns, [2, n], of the lower triangle of a row x col matrix."""

def triu(
    input: Tensor,
    diagonal: builtins.int = ...,
) -> Tensor:
    """The upper triangles of matrices, zeros below; ``diagonal`` is the first one kept."""

def triu_indices(
    row: builtins.int,
    col: builtins.int,
    offset: builtins.int = ...,
    *,
    dtype: Any = ...,
) -> Tensor:
    """The rows and columns, [2, n], of the upper triangle of a row x col matrix."""

def true_divide(
    input: Any,
    other: Any,
    *,
    rounding_mode: builtins.str | None = ...,
) -> Tensor:
    """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

def trunc(
    input: Tensor,
) -> Tensor:
    """The integer part, elementwise."""

def trunc_divide(
    input: Any,
    other: Any,
) -> Tensor:
    """The quotient rounded toward zero, elementwise; zero divisors as for ..."""

def type_as(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """The tensor in the dtype of another."""

def unbind(
    input: Tensor,
    dim: builtins.int = ...,
) -> builtins.tuple[Tensor, ...]:
    """The parts of a dimension, one tensor for each index of it; views."""

def unflatten(
    input: Tensor,
    dim: builtins.int,
    sizes: Sequence[builtins.int],
) -> Tensor:
    """One dimension as several, whose sizes multiply to its size (one may be -1)."""

def unique(
    input: Tensor,
    sorted: builtins.bool = ...,
    return_inverse: builtins.bool = ...,
    return_counts: builtins.bool = ...,
    dim: builtins.int | None = ...,
) -> Any:
    """The different elements in order, or the different parts of a dimension."""

def unique_consecutive(
    input: Tensor,
    return_inverse: builtins.bool = ...,
    return_counts: builtins.bool = ...,
    dim: builtins.int | None = ...,
) -> Any:
    """The elements (or the parts of a dimension) without those equal to the one before."""

def unsqueeze(
    input: Tensor,
    dim: builtins.int,
) -> Tensor:
    """The tensor with a dimension of size 1 put in at ``dim``; a view."""

def vander(
    x: Tensor,
    N: builtins.int | None = ...,
    increasing: builtins.bool = ...,
) -> Tensor:
    """The powers of a vector's elements, one a column, from N - 1 down to 0, or up."""

def var(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool | None = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
) -> Tensor:
    """The variance over ``dim``: the squared deviations over (n - correction)."""

def var_mean(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool | None = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
) -> builtins.tuple[Tensor, Tensor]:
    """Variance and mean over ``dim``."""

def vdot(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """The sum of products of two vectors; real dtypes have no conjugates."""

def view(
    input: Tensor,
    *sizes_: Any,
    size: Any = ...,
    dtype: Any = ...,
) -> Tensor:
    """The same memory in another shape; RuntimeError where the strides do not allow it."""

def view_as(
    input: Tensor,
    other: Tensor,
) -> Tensor:
    """As ``view`` in the shape of another tensor."""

def vsplit(
    input: Tensor,
    indices_or_sections: Any,
) -> builtins.tuple[Tensor, ...]:
    """As ``tensor_split`` along dimension 0, into equal parts; views."""

def vstack(
    tensors: Sequence[Tensor],
) -> Tensor:
    """The tensors along dimension 0; vectors are rows."""

def where(
    condition: Tensor,
    input: Any = ...,
    other: Any = ...,
) -> Any:
    """``input`` where ``condition`` (bool) holds, else ``other``; the three broadcast."""

def xlogy(
    input: Any,
    other: Any,
) -> Tensor:
    """input * log(other); 0 where the input is 0, but for a NaN in other."""

def zeros(
    *sizes: Any,
    size: Any = ...,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Zeros; the sizes are ints or one sequence."""

def zeros_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor:
    """Zeros of another tensor's shape and, unless told otherwise, dtype."""
