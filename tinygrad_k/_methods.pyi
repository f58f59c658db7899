"""Methods of Tensor that the op table attaches. Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .backend import dtype as dtype_class
from .random import Generator
from .tensor import Size, Tensor

class Methods:
    def abs(
        self,
    ) -> Tensor:
        """The absolute value |x|, elementwise. The derivative at 0 is 0."""

    def abs_(
        self,
    ) -> Tensor:
        """``abs`` in place: writes the result here and returns this tensor."""

    def absolute(
        self,
    ) -> Tensor:
        """The absolute value |x|, elementwise. The derivative at 0 is 0."""

    def absolute_(
        self,
    ) -> Tensor:
        """``abs`` in place: writes the result here and returns this tensor."""

    def acos(
        self,
    ) -> Tensor:
        """The angle in [0, pi] of this cosine; NaN outside [-1, 1]."""

    def acos_(
        self,
    ) -> Tensor:
        """``acos`` in place: writes the result here and returns this tensor."""

    def acosh(
        self,
    ) -> Tensor:
        """The inverse of cosh, from 0 up; NaN below 1."""

    def acosh_(
        self,
    ) -> Tensor:
        """``acosh`` in place: writes the result here and returns this tensor."""

    def add(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """input + alpha * other, elementwise."""

    def add_(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``add`` in place: writes the result here and returns this tensor."""

    def addbmm(
        self,
        batch1: Tensor,
        batch2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """beta * input + alpha * the sum of all batch1[i] @ batch2[i]; the input broadcasts."""

    def addbmm_(
        self,
        batch1: Tensor,
        batch2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``addbmm`` in place: writes the result here and returns this tensor."""

    def addcdiv(
        self,
        tensor1: Tensor,
        tensor2: Tensor,
        *,
        value: builtins.float = ...,
    ) -> Tensor:
        """input + value * tensor1 / tensor2, elementwise."""

    def addcdiv_(
        self,
        tensor1: Tensor,
        tensor2: Tensor,
        *,
        value: builtins.float = ...,
    ) -> Tensor:
        """``addcdiv`` in place: writes the result here and returns this tensor."""

    def addcmul(
        self,
        tensor1: Tensor,
        tensor2: Tensor,
        *,
        value: builtins.float = ...,
    ) -> Tensor:
        """input + value * tensor1 * tensor2, elementwise; integers, if all four are and fit."""

    def addcmul_(
        self,
        tensor1: Tensor,
        tensor2: Tensor,
        *,
        value: builtins.float = ...,
    ) -> Tensor:
        """``addcmul`` in place: writes the result here and returns this tensor."""

    def addmm(
        self,
        mat1: Tensor,
        mat2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """beta * input + alpha * (mat1 @ mat2); the input broadcasts. beta 0 ignores the ..."""

    def addmm_(
        self,
        mat1: Tensor,
        mat2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``addmm`` in place: writes the result here and returns this tensor."""

    def addmv(
        self,
        mat: Tensor,
        vec: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """beta * input + alpha * (mat @ vec); the input broadcasts."""

    def addmv_(
        self,
        mat: Tensor,
        vec: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``addmv`` in place: writes the result here and returns this tensor."""

    def addr(
        self,
        vec1: Tensor,
        vec2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """beta * input + alpha * outer(vec1, vec2); the input broadcasts."""

    def addr_(
        self,
        vec1: Tensor,
        vec2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``addr`` in place: writes the result here and returns this tensor."""

    def adjoint(
        self,
    ) -> Tensor:
        """The tensor with its last two dimensions exchanged; a view."""

    def all(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """Whether all elements over ``dim`` are nonzero; of nothing True."""

    def allclose(
        self,
        other: Tensor,
        rtol: builtins.float = ...,
        atol: builtins.float = ...,
        equal_nan: builtins.bool = ...,
    ) -> builtins.bool:
        """Whether ``isclose`` holds everywhere, as a Python bool."""

    def amax(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """The largest element over ``dim``, NaN if there is one; equal ones share the ..."""

    def amin(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """The smallest element over ``dim``, NaN if there is one; equal ones share the ..."""

    def aminmax(
        self,
        *,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
    ) -> Any:
        """The smallest and the largest element over one dimension or all; NaN if there is ..."""

    def any(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """Whether any element over ``dim`` is nonzero; of nothing False."""

    def arccos(
        self,
    ) -> Tensor:
        """The angle in [0, pi] of this cosine; NaN outside [-1, 1]."""

    def arccos_(
        self,
    ) -> Tensor:
        """``acos`` in place: writes the result here and returns this tensor."""

    def arccosh(
        self,
    ) -> Tensor:
        """The inverse of cosh, from 0 up; NaN below 1."""

    def arccosh_(
        self,
    ) -> Tensor:
        """``acosh`` in place: writes the result here and returns this tensor."""

    def arcsin(
        self,
    ) -> Tensor:
        """The angle in [-pi/2, pi/2] of this sine; NaN outside [-1, 1]."""

    def arcsin_(
        self,
    ) -> Tensor:
        """``asin`` in place: writes the result here and returns this tensor."""

    def arcsinh(
        self,
    ) -> Tensor:
        """The inverse of sinh."""

    def arcsinh_(
        self,
    ) -> Tensor:
        """``asinh`` in place: writes the result here and returns this tensor."""

    def arctan(
        self,
    ) -> Tensor:
        """The angle in [-pi/2, pi/2] of this tangent."""

    def arctan2(
        self,
        other: Any,
    ) -> Tensor:
        """The angle of the point (other, input) in [-pi, pi]."""

    def arctan2_(
        self,
        other: Any,
    ) -> Tensor:
        """``atan2`` in place: writes the result here and returns this tensor."""

    def arctan_(
        self,
    ) -> Tensor:
        """``atan`` in place: writes the result here and returns this tensor."""

    def arctanh(
        self,
    ) -> Tensor:
        """The inverse of tanh; NaN outside [-1, 1]."""

    def arctanh_(
        self,
    ) -> Tensor:
        """``atanh`` in place: writes the result here and returns this tensor."""

    def argmax(
        self,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """The position of the first largest element along ``dim``, or in the flattened ..."""

    def argmin(
        self,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """The position of the first smallest element along ``dim``, or in the flattened ..."""

    def argsort(
        self,
        dim: builtins.int = ...,
        descending: builtins.bool = ...,
        stable: builtins.bool = ...,
    ) -> Tensor:
        """Where the elements along ``dim`` are in order; see ``sort``."""

    def argwhere(
        self,
    ) -> Tensor:
        """The indices of what is not zero, [n, ndim]."""

    def as_strided(
        self,
        size: Any,
        stride: Any,
        storage_offset: builtins.int | None = ...,
    ) -> Tensor:
        """A view of the storage with any sizes and strides; ValueError where it would ..."""

    def as_strided_(
        self,
        size: Any,
        stride: Any,
        storage_offset: builtins.int | None = ...,
    ) -> Tensor:
        """``as_strided`` in place: the tensor itself becomes that view of its memory."""

    def asin(
        self,
    ) -> Tensor:
        """The angle in [-pi/2, pi/2] of this sine; NaN outside [-1, 1]."""

    def asin_(
        self,
    ) -> Tensor:
        """``asin`` in place: writes the result here and returns this tensor."""

    def asinh(
        self,
    ) -> Tensor:
        """The inverse of sinh."""

    def asinh_(
        self,
    ) -> Tensor:
        """``asinh`` in place: writes the result here and returns this tensor."""

    def atan(
        self,
    ) -> Tensor:
        """The angle in [-pi/2, pi/2] of this tangent."""

    def atan2(
        self,
        other: Any,
    ) -> Tensor:
        """The angle of the point (other, input) in [-pi, pi]."""

    def atan2_(
        self,
        other: Any,
    ) -> Tensor:
        """``atan2`` in place: writes the result here and returns this tensor."""

    def atan_(
        self,
    ) -> Tensor:
        """``atan`` in place: writes the result here and returns this tensor."""

    def atanh(
        self,
    ) -> Tensor:
        """The inverse of tanh; NaN outside [-1, 1]."""

    def atanh_(
        self,
    ) -> Tensor:
        """``atanh`` in place: writes the result here and returns this tensor."""

    def backward(
        self,
        gradient: Tensor | None = ...,
        retain_graph: builtins.bool | None = ...,
        create_graph: builtins.bool = ...,
        inputs: Any = ...,
    ) -> None:
        """Adds this tensor's gradients with respect to the leaves to their ``grad``."""

    def baddbmm(
        self,
        batch1: Tensor,
        batch2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """beta * input + alpha * (batch1 @ batch2), of batches of matrices; the input ..."""

    def baddbmm_(
        self,
        batch1: Tensor,
        batch2: Tensor,
        *,
        beta: builtins.float = ...,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``baddbmm`` in place: writes the result here and returns this tensor."""

    def bernoulli(
        self,
        p: builtins.float | None = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """1 with the probability that the input gives, or ``p`` everywhere, else 0, ..."""

    def bernoulli_(
        self,
        p: Any = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """1 with a probability, a number or a tensor of them, else 0, everywhere; in place."""

    def bfloat16(
        self,
    ) -> Tensor:
        """Refused with TypeError: bfloat16 is not supported."""

    def bilinear(
        self,
        input2: Tensor,
        weight: Tensor,
        bias: Tensor | None = ...,
    ) -> Tensor:
        """input1^T W_a input2 + bias_a: (..., n), (..., m), (out, n, m), (out,) -> (..., ..."""

    def bincount(
        self,
        weights: Tensor | None = ...,
        minlength: builtins.int = ...,
    ) -> Tensor:
        """How often each integer 0, 1, ... appears in a vector; or the sum of the weights ..."""

    def bitwise_and(
        self,
        other: Any,
    ) -> Tensor:
        """The bits set in both, elementwise; integers and bools."""

    def bitwise_and_(
        self,
        other: Any,
    ) -> Tensor:
        """``bitwise_and`` in place: writes the result here and returns this tensor."""

    def bitwise_left_shift(
        self,
        other: Any,
    ) -> Tensor:
        """input shifted left by other bits, elementwise; by the width or more gives 0."""

    def bitwise_left_shift_(
        self,
        other: Any,
    ) -> Tensor:
        """``bitwise_left_shift`` in place: writes the result here and returns this tensor."""

    def bitwise_not(
        self,
    ) -> Tensor:
        """Every bit inverted, elementwise; of bools, the logical not."""

    def bitwise_not_(
        self,
    ) -> Tensor:
        """``bitwise_not`` in place: writes the result here and returns this tensor."""

    def bitwise_or(
        self,
        other: Any,
    ) -> Tensor:
        """The bits set in either, elementwise; integers and bools."""

    def bitwise_or_(
        self,
        other: Any,
    ) -> Tensor:
        """``bitwise_or`` in place: writes the result here and returns this tensor."""

    def bitwise_right_shift(
        self,
        other: Any,
    ) -> Tensor:
        """input shifted right by other bits, elementwise, keeping the sign."""

    def bitwise_right_shift_(
        self,
        other: Any,
    ) -> Tensor:
        """``bitwise_right_shift`` in place: writes the result here and returns this tensor."""

    def bitwise_xor(
        self,
        other: Any,
    ) -> Tensor:
        """The bits set in exactly one, elementwise; integers and bools."""

    def bitwise_xor_(
        self,
        other: Any,
    ) -> Tensor:
        """``bitwise_xor`` in place: writes the result here and returns this tensor."""

    def bmm(
        self,
        mat2: Tensor,
    ) -> Tensor:
        """The products of two batches of matrices (b, n, k) and (b, k, m)."""

    def bool(
        self,
    ) -> Tensor:
        """The tensor in bool; itself where it is that already."""

    def broadcast_to(
        self,
        size: Sequence[builtins.int],
    ) -> Tensor:
        """As ``expand``."""

    def byte(
        self,
    ) -> Tensor:
        """The tensor in uint8; itself where it is that already."""

    def cdist(
        self,
        x2: Tensor,
        p: builtins.float = ...,
        compute_mode: builtins.str = ...,
    ) -> Tensor:
        """The p-norm distances of all pairs of rows: (..., n, k), (..., m, k) -> (..., n, m)."""

    def ceil(
        self,
    ) -> Tensor:
        """The smallest integer not below x, elementwise."""

    def ceil_(
        self,
    ) -> Tensor:
        """``ceil`` in place: writes the result here and returns this tensor."""

    def celu(
        self,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron 2017."""

    def channel_shuffle(
        self,
        groups: builtins.int,
    ) -> Tensor:
        """Channels (dimension 1) of ``groups`` groups dealt out in turn. Zhang et al. 2018."""

    def char(
        self,
    ) -> Tensor:
        """Refused with TypeError: int8 is not supported."""

    def chunk(
        self,
        chunks: builtins.int,
        dim: builtins.int = ...,
    ) -> builtins.tuple[Tensor, ...]:
        """At most ``chunks`` parts of one size, but for the last; views."""

    def clamp(
        self,
        min: Any = ...,
        max: Any = ...,
    ) -> Tensor:
        """x brought into [min, max], elementwise; bounds are numbers, tensors or None."""

    def clamp_(
        self,
        min: Any = ...,
        max: Any = ...,
    ) -> Tensor:
        """``clamp`` in place: writes the result here and returns this tensor."""

    def clamp_max(
        self,
        max: Any,
    ) -> Tensor:
        """``clamp`` from above."""

    def clamp_max_(
        self,
        max: Any,
    ) -> Tensor:
        """``clamp_max`` in place: writes the result here and returns this tensor."""

    def clamp_min(
        self,
        min: Any,
    ) -> Tensor:
        """``clamp`` from below."""

    def clamp_min_(
        self,
        min: Any,
    ) -> Tensor:
        """``clamp_min`` in place: writes the result here and returns this tensor."""

    def clip(
        self,
        min: Any = ...,
        max: Any = ...,
    ) -> Tensor:
        """x brought into [min, max], elementwise; bounds are numbers, tensors or None."""

    def clip_(
        self,
        min: Any = ...,
        max: Any = ...,
    ) -> Tensor:
        """``clamp`` in place: writes the result here and returns this tensor."""

    def clone(
        self,
    ) -> Tensor:
        """A copy with memory of its own, row-major."""

    def combinations(
        self,
        r: builtins.int = ...,
        with_replacement: builtins.bool = ...,
    ) -> Tensor:
        """All combinations of r elements of a vector, in order, one a row."""

    def contiguous(
        self,
    ) -> Tensor:
        """The tensor itself where it is row-major, else a copy that is."""

    def convert(
        self,
        dtype: dtype_class,
    ) -> Tensor:
        """A copy of another dtype."""

    def copy_(
        self,
        src: Any,
        non_blocking: builtins.bool = ...,
    ) -> Tensor:
        """The values of ``src``, broadcast and converted as by ``to``; in place."""

    def copysign(
        self,
        other: Any,
    ) -> Tensor:
        """|input| with the sign of other, that of a zero too, elementwise."""

    def copysign_(
        self,
        other: Any,
    ) -> Tensor:
        """``copysign`` in place: writes the result here and returns this tensor."""

    def corrcoef(
        self,
    ) -> Tensor:
        """The correlations of the variables, a row each; columns are observations."""

    def cos(
        self,
    ) -> Tensor:
        """The cosine of an angle in radians."""

    def cos_(
        self,
    ) -> Tensor:
        """``cos`` in place: writes the result here and returns this tensor."""

    def cosh(
        self,
    ) -> Tensor:
        """The hyperbolic cosine."""

    def cosh_(
        self,
    ) -> Tensor:
        """``cosh`` in place: writes the result here and returns this tensor."""

    def cosine_embedding_loss(
        self,
        input2: Tensor,
        target: Tensor,
        margin: builtins.float = ...,
        reduction: builtins.str = ...,
    ) -> Tensor:
        """1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1."""

    def cosine_similarity(
        self,
        x2: Tensor,
        dim: builtins.int = ...,
        eps: builtins.float = ...,
    ) -> Tensor:
        """The cosine of the angle between x1 and x2 along ``dim``; norms count as at ..."""

    def count_nonzero(
        self,
        dim: Any = ...,
    ) -> Tensor:
        """How many elements over ``dim`` are nonzero."""

    def cov(
        self,
        *,
        correction: builtins.float = ...,
        fweights: Tensor | None = ...,
        aweights: Tensor | None = ...,
    ) -> Tensor:
        """The covariances of the variables, a row each; columns are observations."""

    def cpu(
        self,
    ) -> Tensor:
        """The tensor itself: it is on the CPU."""

    def cross(
        self,
        other: Tensor,
        dim: builtins.int | None = ...,
    ) -> Tensor:
        """The vector product along ``dim`` of size 3; by default the first dimension of ..."""

    def ctc_loss(
        self,
        targets: Tensor,
        input_lengths: Any,
        target_lengths: Any,
        blank: builtins.int = ...,
        reduction: builtins.str = ...,
        zero_infinity: builtins.bool = ...,
    ) -> Tensor:
        """-log of the probability that (T, N, C) log-probabilities give to the targets."""

    def cummax(
        self,
        dim: builtins.int,
    ) -> Any:
        """The largest of everything up to each element along ``dim``, and where it was ..."""

    def cummin(
        self,
        dim: builtins.int,
    ) -> Any:
        """The smallest of everything up to each element along ``dim``, and where it was ..."""

    def cumprod(
        self,
        dim: builtins.int,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The products of everything up to each element along ``dim``."""

    def cumprod_(
        self,
        dim: builtins.int,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """``cumprod`` in place: writes the result here and returns this tensor."""

    def cumsum(
        self,
        dim: builtins.int,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The sums of everything up to each element along ``dim``."""

    def cumsum_(
        self,
        dim: builtins.int,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """``cumsum`` in place: writes the result here and returns this tensor."""

    def deg2rad(
        self,
    ) -> Tensor:
        """Degrees as radians."""

    def deg2rad_(
        self,
    ) -> Tensor:
        """``deg2rad`` in place: writes the result here and returns this tensor."""

    def det(
        self,
    ) -> Tensor:
        """The determinants of square matrices."""

    def detach(
        self,
    ) -> Tensor:
        """A tensor outside the graph that shares the memory."""

    def detach_(
        self,
    ) -> Tensor:
        """Takes this tensor out of the graph."""

    def diag(
        self,
        diagonal: builtins.int = ...,
    ) -> Tensor:
        """The diagonal of a matrix, as a copy; or the matrix that has a vector as diagonal."""

    def diag_embed(
        self,
        offset: builtins.int = ...,
        dim1: builtins.int = ...,
        dim2: builtins.int = ...,
    ) -> Tensor:
        """Square matrices of zeros, in the dims dim1 and dim2, with the last dimension as ..."""

    def diagflat(
        self,
        offset: builtins.int = ...,
    ) -> Tensor:
        """The matrix that has all elements of a tensor as diagonal."""

    def diagonal(
        self,
        offset: builtins.int = ...,
        dim1: builtins.int = ...,
        dim2: builtins.int = ...,
    ) -> Tensor:
        """The diagonal of two dimensions, as a new last one; a view."""

    def diagonal_scatter(
        self,
        src: Tensor,
        offset: builtins.int = ...,
        dim1: builtins.int = ...,
        dim2: builtins.int = ...,
    ) -> Tensor:
        """A copy of the input with ``src`` on its diagonal."""

    def diff(
        self,
        n: builtins.int = ...,
        dim: builtins.int = ...,
        prepend: Tensor | None = ...,
        append: Tensor | None = ...,
    ) -> Tensor:
        """The n-th differences of neighbours along ``dim``; of bools whether they differ."""

    def digamma(
        self,
    ) -> Tensor:
        """The derivative of lgamma; NaN at -1, -2, ..., infinite at 0."""

    def digamma_(
        self,
    ) -> Tensor:
        """``digamma`` in place: writes the result here and returns this tensor."""

    def div(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

    def div_(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """``div`` in place: writes the result here and returns this tensor."""

    def divide(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

    def divide_(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """``div`` in place: writes the result here and returns this tensor."""

    def dot(
        self,
        tensor: Tensor,
    ) -> Tensor:
        """The sum of products of two vectors."""

    def double(
        self,
    ) -> Tensor:
        """The tensor in float64; itself where it is that already."""

    def dsplit(
        self,
        indices_or_sections: Any,
    ) -> builtins.tuple[Tensor, ...]:
        """As ``tensor_split`` along dimension 2, into equal parts; views."""

    def eq(
        self,
        other: Any,
    ) -> Tensor:
        """input == other, elementwise."""

    def eq_(
        self,
        other: Any,
    ) -> Tensor:
        """``eq`` in place: writes the result here and returns this tensor."""

    def equal(
        self,
        other: Tensor,
    ) -> builtins.bool:
        """Whether both have the same shape and equal elements, as a Python bool; NaN ..."""

    def erf(
        self,
    ) -> Tensor:
        """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

    def erf_(
        self,
    ) -> Tensor:
        """``erf`` in place: writes the result here and returns this tensor."""

    def erfc(
        self,
    ) -> Tensor:
        """1 - erf(x), accurate where erf is near 1."""

    def erfc_(
        self,
    ) -> Tensor:
        """``erfc`` in place: writes the result here and returns this tensor."""

    def erfinv(
        self,
    ) -> Tensor:
        """The inverse of erf: infinite at -1 and 1, NaN beyond."""

    def erfinv_(
        self,
    ) -> Tensor:
        """``erfinv`` in place: writes the result here and returns this tensor."""

    def exp(
        self,
    ) -> Tensor:
        """e to the power x."""

    def exp2(
        self,
    ) -> Tensor:
        """2 to the power x."""

    def exp2_(
        self,
    ) -> Tensor:
        """``exp2`` in place: writes the result here and returns this tensor."""

    def exp_(
        self,
    ) -> Tensor:
        """``exp`` in place: writes the result here and returns this tensor."""

    def expand(
        self,
        *sizes_: Any,
        size: Any = ...,
    ) -> Tensor:
        """A view in which dimensions of size 1 are repeated without copying; -1 keeps a size."""

    def expand_as(
        self,
        other: Tensor,
    ) -> Tensor:
        """As ``expand`` to the shape of another tensor."""

    def expm1(
        self,
    ) -> Tensor:
        """exp(x) - 1, accurate near 0."""

    def expm1_(
        self,
    ) -> Tensor:
        """``expm1`` in place: writes the result here and returns this tensor."""

    def exponential_(
        self,
        lambd: builtins.float = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """Exponential random numbers of a rate everywhere; in place."""

    def fill_(
        self,
        value: Any,
    ) -> Tensor:
        """One number, or the value of a tensor without dimensions, everywhere; in place."""

    def fill_diagonal_(
        self,
        fill_value: builtins.float,
        wrap: builtins.bool = ...,
    ) -> Tensor:
        """One number on the main diagonal, in place: where all indices are equal."""

    def fix(
        self,
    ) -> Tensor:
        """The integer part, elementwise."""

    def fix_(
        self,
    ) -> Tensor:
        """``trunc`` in place: writes the result here and returns this tensor."""

    def flatten(
        self,
        start_dim: builtins.int = ...,
        end_dim: builtins.int = ...,
    ) -> Tensor:
        """The dimensions start_dim .. end_dim as one; the tensor itself where that is one ..."""

    def flip(
        self,
        *dims: Any,
    ) -> Tensor:
        """The tensor with the order in the dimensions given reversed; a copy."""

    def fliplr(
        self,
    ) -> Tensor:
        """The tensor with the order in dimension 1 reversed; a copy."""

    def flipud(
        self,
    ) -> Tensor:
        """The tensor with the order in dimension 0 reversed; a copy."""

    def float(
        self,
    ) -> Tensor:
        """The tensor in float32; itself where it is that already."""

    def float_power(
        self,
        exponent: Any,
    ) -> Tensor:
        """input ** exponent in float64, elementwise; either may be a number."""

    def float_power_(
        self,
        exponent: Any,
    ) -> Tensor:
        """``float_power`` in place: writes the result here and returns this tensor."""

    def floor(
        self,
    ) -> Tensor:
        """The largest integer not above x, elementwise."""

    def floor_(
        self,
    ) -> Tensor:
        """``floor`` in place: writes the result here and returns this tensor."""

    def floor_divide(
        self,
        other: Any,
    ) -> Tensor:
        """The quotient rounded toward minus infinity, elementwise, as Python's //."""

    def floor_divide_(
        self,
        other: Any,
    ) -> Tensor:
        """``floor_divide`` in place: writes the result here and returns this tensor."""

    def fmax(
        self,
        other: Any,
    ) -> Tensor:
        """The larger of the two, elementwise; the other one where one is NaN."""

    def fmax_(
        self,
        other: Any,
    ) -> Tensor:
        """``fmax`` in place: writes the result here and returns this tensor."""

    def fmin(
        self,
        other: Any,
    ) -> Tensor:
        """The smaller of the two, elementwise; the other one where one is NaN."""

    def fmin_(
        self,
        other: Any,
    ) -> Tensor:
        """``fmin`` in place: writes the result here and returns this tensor."""

    def fmod(
        self,
        other: Any,
    ) -> Tensor:
        """The rest of the division rounded toward zero, with the sign of input, elementwise."""

    def fmod_(
        self,
        other: Any,
    ) -> Tensor:
        """``fmod`` in place: writes the result here and returns this tensor."""

    def frac(
        self,
    ) -> Tensor:
        """What stands behind the point, x - trunc(x), with the sign of x; integers give ..."""

    def frac_(
        self,
    ) -> Tensor:
        """``frac`` in place: writes the result here and returns this tensor."""

    def gather(
        self,
        dim: builtins.int,
        index: Tensor,
        *,
        sparse_grad: builtins.bool = ...,
    ) -> Tensor:
        """out[i][j] = input[index[i][j]][j] for dim 0, and so on: an index for each element."""

    def ge(
        self,
        other: Any,
    ) -> Tensor:
        """input >= other, elementwise."""

    def ge_(
        self,
        other: Any,
    ) -> Tensor:
        """``ge`` in place: writes the result here and returns this tensor."""

    def ger(
        self,
        vec2: Tensor,
    ) -> Tensor:
        """Every product of two vectors (n,) and (m,): (n, m)."""

    def greater(
        self,
        other: Any,
    ) -> Tensor:
        """input > other, elementwise."""

    def greater_(
        self,
        other: Any,
    ) -> Tensor:
        """``gt`` in place: writes the result here and returns this tensor."""

    def greater_equal(
        self,
        other: Any,
    ) -> Tensor:
        """input >= other, elementwise."""

    def greater_equal_(
        self,
        other: Any,
    ) -> Tensor:
        """``ge`` in place: writes the result here and returns this tensor."""

    def group_norm(
        self,
        num_groups: builtins.int,
        weight: Tensor | None = ...,
        bias: Tensor | None = ...,
        eps: builtins.float = ...,
    ) -> Tensor:
        """(x - mean) / sqrt(var + eps) * weight + bias, with statistics over groups of ..."""

    def gt(
        self,
        other: Any,
    ) -> Tensor:
        """input > other, elementwise."""

    def gt_(
        self,
        other: Any,
    ) -> Tensor:
        """``gt`` in place: writes the result here and returns this tensor."""

    def half(
        self,
    ) -> Tensor:
        """Refused with TypeError: float16 is not supported."""

    def hardshrink(
        self,
        lambd: builtins.float = ...,
    ) -> Tensor:
        """0 between -lambd and lambd, else x."""

    def hardsigmoid_(
        self,
    ) -> Tensor:
        """``hardsigmoid`` in place: writes the result here and returns this tensor."""

    def hardswish_(
        self,
    ) -> Tensor:
        """``hardswish`` in place: writes the result here and returns this tensor."""

    def hinge_embedding_loss(
        self,
        target: Tensor,
        margin: builtins.float = ...,
        reduction: builtins.str = ...,
    ) -> Tensor:
        """x where the target is 1, max(0, margin - x) where it is -1."""

    def histc(
        self,
        bins: builtins.int = ...,
        min: builtins.float = ...,
        max: builtins.float = ...,
    ) -> Tensor:
        """How many elements fall into each of ``bins`` equal parts of [min, max], in the ..."""

    def hsplit(
        self,
        indices_or_sections: Any,
    ) -> builtins.tuple[Tensor, ...]:
        """As ``tensor_split`` along dimension 1, into equal parts; views."""

    def hypot(
        self,
        other: Any,
    ) -> Tensor:
        """sqrt(input^2 + other^2) without overflow, elementwise; the gradient at (0, 0) is 0."""

    def hypot_(
        self,
        other: Any,
    ) -> Tensor:
        """``hypot`` in place: writes the result here and returns this tensor."""

    def index_add(
        self,
        dim: builtins.int,
        index: Tensor,
        source: Tensor,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``input`` with alpha * source added to the parts of a dimension that the index ..."""

    def index_add_(
        self,
        dim: builtins.int,
        index: Tensor,
        source: Tensor,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``index_add`` in place."""

    def index_copy(
        self,
        dim: builtins.int,
        index: Tensor,
        source: Tensor,
    ) -> Tensor:
        """``input`` with the parts of a dimension that the index names replaced by those ..."""

    def index_copy_(
        self,
        dim: builtins.int,
        index: Tensor,
        source: Tensor,
    ) -> Tensor:
        """``index_copy`` in place."""

    def index_fill(
        self,
        dim: builtins.int,
        index: Tensor,
        value: Any,
    ) -> Tensor:
        """``input`` with the parts of a dimension that the index names filled with one ..."""

    def index_fill_(
        self,
        dim: builtins.int,
        index: Tensor,
        value: Any,
    ) -> Tensor:
        """``index_fill`` in place."""

    def index_put(
        self,
        indices: Any,
        values: Tensor,
        accumulate: builtins.bool = ...,
    ) -> Tensor:
        """``input`` with input[indices] = values, or, with ``accumulate``, += over ..."""

    def index_put_(
        self,
        indices: Any,
        values: Tensor,
        accumulate: builtins.bool = ...,
    ) -> Tensor:
        """``index_put`` in place."""

    def index_select(
        self,
        dim: builtins.int,
        index: Tensor,
    ) -> Tensor:
        """The parts of a dimension that a vector of indices names, in its order."""

    def inner(
        self,
        other: Tensor,
    ) -> Tensor:
        """The sums of products over the last dimension of both: (..., k), (... , k) -> ..."""

    def instance_norm(
        self,
        running_mean: Tensor | None = ...,
        running_var: Tensor | None = ...,
        weight: Tensor | None = ...,
        bias: Tensor | None = ...,
        use_input_stats: builtins.bool = ...,
        momentum: builtins.float = ...,
        eps: builtins.float = ...,
    ) -> Tensor:
        """(x - mean) / sqrt(var + eps) * weight + bias for each channel of each sample."""

    def int(
        self,
    ) -> Tensor:
        """The tensor in int32; itself where it is that already."""

    def inverse(
        self,
    ) -> Tensor:
        """The inverse of square matrices; LinAlgError for a singular one."""

    def is_complex(
        self,
    ) -> Any:
        """Whether the dtype is complex: never."""

    def is_nonzero(
        self,
    ) -> Any:
        """Whether the only element is nonzero; ValueError of more or none."""

    def is_same_size(
        self,
        other: Tensor,
    ) -> builtins.bool:
        """Whether two tensors have the same shape."""

    def is_signed(
        self,
    ) -> Any:
        """Whether the dtype has negative numbers."""

    def isclose(
        self,
        other: Tensor,
        rtol: builtins.float = ...,
        atol: builtins.float = ...,
        equal_nan: builtins.bool = ...,
    ) -> Tensor:
        """Whether |input - other| <= atol + rtol * |other|, elementwise; both of one dtype."""

    def isfinite(
        self,
    ) -> Tensor:
        """Whether x is neither infinite nor NaN, elementwise."""

    def isinf(
        self,
    ) -> Tensor:
        """Whether x is infinite, elementwise."""

    def isnan(
        self,
    ) -> Tensor:
        """Whether x is NaN, elementwise."""

    def isneginf(
        self,
    ) -> Tensor:
        """Whether x is infinite and below 0, elementwise."""

    def isposinf(
        self,
    ) -> Tensor:
        """Whether x is infinite and above 0, elementwise."""

    def kron(
        self,
        other: Tensor,
    ) -> Tensor:
        """Kronecker's product: each element of ``input`` times the whole of ``other``, in ..."""

    def kthvalue(
        self,
        k: builtins.int,
        dim: builtins.int = ...,
        keepdim: builtins.bool = ...,
    ) -> Any:
        """The k-th smallest element along ``dim``, counted from 1, and where it is."""

    def ldexp(
        self,
        other: Any,
    ) -> Tensor:
        """input * 2 ** other, elementwise; integers give float32."""

    def ldexp_(
        self,
        other: Any,
    ) -> Tensor:
        """``ldexp`` in place: writes the result here and returns this tensor."""

    def le(
        self,
        other: Any,
    ) -> Tensor:
        """input <= other, elementwise."""

    def le_(
        self,
        other: Any,
    ) -> Tensor:
        """``le`` in place: writes the result here and returns this tensor."""

    def lerp(
        self,
        end: Tensor,
        weight: Any,
    ) -> Tensor:
        """input + weight * (end - input), elementwise; the weight is a tensor or a number."""

    def lerp_(
        self,
        end: Tensor,
        weight: Any,
    ) -> Tensor:
        """``lerp`` in place: writes the result here and returns this tensor."""

    def less(
        self,
        other: Any,
    ) -> Tensor:
        """input < other, elementwise."""

    def less_(
        self,
        other: Any,
    ) -> Tensor:
        """``lt`` in place: writes the result here and returns this tensor."""

    def less_equal(
        self,
        other: Any,
    ) -> Tensor:
        """input <= other, elementwise."""

    def less_equal_(
        self,
        other: Any,
    ) -> Tensor:
        """``le`` in place: writes the result here and returns this tensor."""

    def lgamma(
        self,
    ) -> Tensor:
        """The logarithm of |Gamma(x)|; infinite at 0, -1, -2, ..."""

    def lgamma_(
        self,
    ) -> Tensor:
        """``lgamma`` in place: writes the result here and returns this tensor."""

    def linear(
        self,
        weight: Tensor,
        bias: Tensor | None = ...,
    ) -> Tensor:
        """input @ weight^T + bias: (..., in), (out, in), (out,) -> (..., out)."""

    def log(
        self,
    ) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below."""

    def log10(
        self,
    ) -> Tensor:
        """The logarithm to base 10."""

    def log10_(
        self,
    ) -> Tensor:
        """``log10`` in place: writes the result here and returns this tensor."""

    def log1p(
        self,
    ) -> Tensor:
        """log(1 + x), accurate near 0."""

    def log1p_(
        self,
    ) -> Tensor:
        """``log1p`` in place: writes the result here and returns this tensor."""

    def log2(
        self,
    ) -> Tensor:
        """The logarithm to base 2."""

    def log2_(
        self,
    ) -> Tensor:
        """``log2`` in place: writes the result here and returns this tensor."""

    def log_(
        self,
    ) -> Tensor:
        """``log`` in place: writes the result here and returns this tensor."""

    def log_softmax(
        self,
        dim: builtins.int | None = ...,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """log(softmax(x)) along ``dim``, without overflow."""

    def logaddexp(
        self,
        other: Any,
    ) -> Tensor:
        """log(exp(input) + exp(other)), without overflow."""

    def logaddexp2(
        self,
        other: Any,
    ) -> Tensor:
        """log2(2^input + 2^other), without overflow."""

    def logaddexp2_(
        self,
        other: Any,
    ) -> Tensor:
        """``logaddexp2`` in place: writes the result here and returns this tensor."""

    def logaddexp_(
        self,
        other: Any,
    ) -> Tensor:
        """``logaddexp`` in place: writes the result here and returns this tensor."""

    def logcumsumexp(
        self,
        dim: builtins.int,
    ) -> Tensor:
        """log of the running sum of exp(x) along ``dim``, without overflow."""

    def logdet(
        self,
    ) -> Tensor:
        """The logarithm of the determinants of square matrices; NaN below 0, -inf of ..."""

    def logical_and(
        self,
        other: Any,
    ) -> Tensor:
        """Whether both are nonzero, elementwise."""

    def logical_and_(
        self,
        other: Any,
    ) -> Tensor:
        """``logical_and`` in place: writes the result here and returns this tensor."""

    def logical_not(
        self,
    ) -> Tensor:
        """Whether x is zero, elementwise."""

    def logical_not_(
        self,
    ) -> Tensor:
        """``logical_not`` in place: writes the result here and returns this tensor."""

    def logical_or(
        self,
        other: Any,
    ) -> Tensor:
        """Whether either is nonzero, elementwise."""

    def logical_or_(
        self,
        other: Any,
    ) -> Tensor:
        """``logical_or`` in place: writes the result here and returns this tensor."""

    def logical_xor(
        self,
        other: Any,
    ) -> Tensor:
        """Whether exactly one is nonzero, elementwise."""

    def logical_xor_(
        self,
        other: Any,
    ) -> Tensor:
        """``logical_xor`` in place: writes the result here and returns this tensor."""

    def logit(
        self,
        eps: builtins.float | None = ...,
    ) -> Tensor:
        """log(x / (1 - x)), the inverse of sigmoid; NaN outside [0, 1]."""

    def logit_(
        self,
        eps: builtins.float | None = ...,
    ) -> Tensor:
        """``logit`` in place: writes the result here and returns this tensor."""

    def logsigmoid_(
        self,
    ) -> Tensor:
        """``logsigmoid`` in place: writes the result here and returns this tensor."""

    def logsumexp(
        self,
        dim: Any,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """log(sum(exp(x))) over ``dim``, without overflow; -inf of nothing."""

    def long(
        self,
    ) -> Tensor:
        """The tensor in int64; itself where it is that already."""

    def lt(
        self,
        other: Any,
    ) -> Tensor:
        """input < other, elementwise."""

    def lt_(
        self,
        other: Any,
    ) -> Tensor:
        """``lt`` in place: writes the result here and returns this tensor."""

    def margin_ranking_loss(
        self,
        input2: Tensor,
        target: Tensor,
        margin: builtins.float = ...,
        reduction: builtins.str = ...,
    ) -> Tensor:
        """max(0, margin - t (x1 - x2)): the target 1 wants x1 ranked higher, -1 lower."""

    def masked_fill(
        self,
        mask: Tensor,
        value: Any,
    ) -> Tensor:
        """``value`` where the mask holds, else the input; the mask broadcasts with it."""

    def masked_fill_(
        self,
        mask: Tensor,
        value: Any,
    ) -> Tensor:
        """``masked_fill`` in place."""

    def masked_scatter(
        self,
        mask: Tensor,
        source: Tensor,
    ) -> Tensor:
        """The input with its elements where the mask holds replaced by the first ones of ..."""

    def masked_scatter_(
        self,
        mask: Tensor,
        source: Tensor,
    ) -> Tensor:
        """``masked_scatter`` in place."""

    def masked_select(
        self,
        mask: Tensor,
    ) -> Tensor:
        """The elements where the mask holds, as a vector; the two broadcast."""

    def matmul(
        self,
        other: Tensor,
    ) -> Tensor:
        """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m); batches broadcast."""

    def matrix_power(
        self,
        n: builtins.int,
    ) -> Tensor:
        """The n-th power of square matrices, by repeated squaring; of the inverse for n < 0."""

    def max(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        other: Tensor | None = ...,
    ) -> Any:
        """The maximum: of all elements; along ``dim`` as (values, indices); or, given a ..."""

    def maximum(
        self,
        other: Any,
    ) -> Tensor:
        """The larger of the two, elementwise; NaN if either is. Equal operands share the ..."""

    def maximum_(
        self,
        other: Any,
    ) -> Tensor:
        """``maximum`` in place: writes the result here and returns this tensor."""

    def mean(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The mean over ``dim``; floating dtypes only, NaN of nothing."""

    def median(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Any:
        """The lower of the two middle elements: of all; or along ``dim`` as (values, ..."""

    def min(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        other: Tensor | None = ...,
    ) -> Any:
        """The minimum: of all elements; along ``dim`` as (values, indices); or, given a ..."""

    def minimum(
        self,
        other: Any,
    ) -> Tensor:
        """The smaller of the two, elementwise; NaN if either is. Equal operands share the ..."""

    def minimum_(
        self,
        other: Any,
    ) -> Tensor:
        """``minimum`` in place: writes the result here and returns this tensor."""

    def mish_(
        self,
    ) -> Tensor:
        """``mish`` in place: writes the result here and returns this tensor."""

    def mm(
        self,
        mat2: Tensor,
    ) -> Tensor:
        """The product of two matrices (n, k) and (k, m)."""

    def mode(
        self,
        dim: builtins.int = ...,
        keepdim: builtins.bool = ...,
    ) -> Any:
        """The most frequent value along ``dim``, of several the smallest, and where it ..."""

    def moveaxis(
        self,
        source: Any,
        destination: Any,
    ) -> Tensor:
        """The dims ``source`` moved to the places ``destination``, the others in order; a ..."""

    def movedim(
        self,
        source: Any,
        destination: Any,
    ) -> Tensor:
        """The dims ``source`` moved to the places ``destination``, the others in order; a ..."""

    def msort(
        self,
    ) -> Tensor:
        """The elements along dimension 0 in order."""

    def mul(
        self,
        other: Any,
    ) -> Tensor:
        """input * other, elementwise."""

    def mul_(
        self,
        other: Any,
    ) -> Tensor:
        """``mul`` in place: writes the result here and returns this tensor."""

    def multinomial(
        self,
        num_samples: builtins.int,
        replacement: builtins.bool = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """Indices drawn with the probabilities that the rows of the input are ..."""

    def multiply(
        self,
        other: Any,
    ) -> Tensor:
        """input * other, elementwise."""

    def multiply_(
        self,
        other: Any,
    ) -> Tensor:
        """``mul`` in place: writes the result here and returns this tensor."""

    def mv(
        self,
        vec: Tensor,
    ) -> Tensor:
        """The product of a matrix (n, k) and a vector (k,)."""

    def nan_to_num(
        self,
        nan: builtins.float = ...,
        posinf: builtins.float | None = ...,
        neginf: builtins.float | None = ...,
    ) -> Tensor:
        """``nan`` for NaN, ``posinf`` and ``neginf`` for the infinities, elementwise."""

    def nan_to_num_(
        self,
        nan: builtins.float = ...,
        posinf: builtins.float | None = ...,
        neginf: builtins.float | None = ...,
    ) -> Tensor:
        """``nan_to_num`` in place: writes the result here and returns this tensor."""

    def nanmean(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The mean over ``dim`` of the elements that are not NaN; NaN if there are none."""

    def nanmedian(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
    ) -> Any:
        """As ``median`` of the elements that are not NaN."""

    def nanquantile(
        self,
        q: Any,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
        *,
        interpolation: builtins.str = ...,
    ) -> Tensor:
        """As ``quantile`` of the elements that are not NaN."""

    def nansum(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The sum over ``dim`` of the elements that are not NaN."""

    def narrow(
        self,
        dim: builtins.int,
        start: builtins.int,
        length: builtins.int,
    ) -> Tensor:
        """``length`` elements of a dimension from ``start`` on; a view."""

    def narrow_copy(
        self,
        dim: builtins.int,
        start: builtins.int,
        length: builtins.int,
    ) -> Tensor:
        """As ``narrow``, but a copy."""

    def ndimension(
        self,
    ) -> builtins.int:
        """The number of dimensions."""

    def ne(
        self,
        other: Any,
    ) -> Tensor:
        """input != other, elementwise."""

    def ne_(
        self,
        other: Any,
    ) -> Tensor:
        """``ne`` in place: writes the result here and returns this tensor."""

    def neg(
        self,
    ) -> Tensor:
        """The negative, -x, elementwise."""

    def neg_(
        self,
    ) -> Tensor:
        """``neg`` in place: writes the result here and returns this tensor."""

    def negative(
        self,
    ) -> Tensor:
        """The negative, -x, elementwise."""

    def negative_(
        self,
    ) -> Tensor:
        """``neg`` in place: writes the result here and returns this tensor."""

    def new_empty(
        self,
        *size: Any,
        dtype: Any = ...,
        requires_grad: builtins.bool = ...,
    ) -> Tensor:
        """Memory as it comes, in this tensor's dtype unless told otherwise."""

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = ...,
        requires_grad: builtins.bool = ...,
    ) -> Tensor:
        """One number everywhere, in this tensor's dtype unless told otherwise."""

    def new_ones(
        self,
        *size: Any,
        dtype: Any = ...,
        requires_grad: builtins.bool = ...,
    ) -> Tensor:
        """Ones in this tensor's dtype, unless told otherwise."""

    def new_tensor(
        self,
        data: Any,
        *,
        dtype: Any = ...,
        requires_grad: builtins.bool = ...,
    ) -> Tensor:
        """``tk.tensor`` in this tensor's dtype, unless told otherwise."""

    def new_zeros(
        self,
        *size: Any,
        dtype: Any = ...,
        requires_grad: builtins.bool = ...,
    ) -> Tensor:
        """Zeros in this tensor's dtype, unless told otherwise."""

    def nonzero(
        self,
        *,
        as_tuple: builtins.bool = ...,
    ) -> Any:
        """The indices of what is not zero, [n, ndim]; or a tuple of one vector a dimension."""

    def norm(
        self,
        p: builtins.float | builtins.str | None = ...,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The p-norm over ``dim``: (sum |x|^p)^(1/p); for inf, -inf and 0 the limits."""

    def normal_(
        self,
        mean: builtins.float = ...,
        std: builtins.float = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """Normal random numbers everywhere; in place."""

    def not_equal(
        self,
        other: Any,
    ) -> Tensor:
        """input != other, elementwise."""

    def not_equal_(
        self,
        other: Any,
    ) -> Tensor:
        """``ne`` in place: writes the result here and returns this tensor."""

    def outer(
        self,
        vec2: Tensor,
    ) -> Tensor:
        """Every product of two vectors (n,) and (m,): (n, m)."""

    def pairwise_distance(
        self,
        x2: Tensor,
        p: builtins.float = ...,
        eps: builtins.float = ...,
        keepdim: builtins.bool = ...,
    ) -> Tensor:
        """The p-norm of x1 - x2 + eps over the last dimension."""

    def pdist(
        self,
        p: builtins.float = ...,
    ) -> Tensor:
        """The p-norm distances of all pairs of different rows of (n, k): (n (n - 1) / 2,)."""

    def permute(
        self,
        *order: Any,
        dims: Any = ...,
    ) -> Tensor:
        """The dimensions in another order; a view."""

    def pinverse(
        self,
        rcond: builtins.float = ...,
    ) -> Tensor:
        """The pseudoinverse. Singular values up to rcond times the largest count as 0."""

    def pixel_shuffle(
        self,
        upscale_factor: builtins.int,
    ) -> Tensor:
        """(..., C r^2, H, W) -> (..., C, H r, W r). Shi et al. 2016."""

    def pixel_unshuffle(
        self,
        downscale_factor: builtins.int,
    ) -> Tensor:
        """(..., C, H r, W r) -> (..., C r^2, H, W), the inverse of ``pixel_shuffle``."""

    def poisson_nll_loss(
        self,
        target: Tensor,
        log_input: builtins.bool = ...,
        full: builtins.bool = ...,
        eps: builtins.float = ...,
        reduction: builtins.str = ...,
    ) -> Tensor:
        """exp(x) - t x, or x - t log(x + eps) without ``log_input``."""

    def polygamma(
        self,
        n: builtins.int,
    ) -> Tensor:
        """The n-th derivative of digamma."""

    def polygamma_(
        self,
        n: builtins.int,
    ) -> Tensor:
        """``polygamma`` in place: writes the result here and returns this tensor."""

    def positive(
        self,
    ) -> Tensor:
        """x itself; not for bool."""

    def pow(
        self,
        exponent: Any,
    ) -> Tensor:
        """input ** exponent, elementwise; either may be a number."""

    def pow_(
        self,
        exponent: Any,
    ) -> Tensor:
        """``pow`` in place: writes the result here and returns this tensor."""

    def prelu(
        self,
        weight: Tensor,
    ) -> Tensor:
        """x above 0, else weight * x; one weight, or one for each channel (dimension 1)."""

    def prod(
        self,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The product over one dimension or all; integers and bools in int64. Nothing ..."""

    def put(
        self,
        index: Tensor,
        source: Tensor,
        accumulate: builtins.bool = ...,
    ) -> Tensor:
        """``input`` with the elements at positions counted over all of them replaced, or ..."""

    def put_(
        self,
        index: Tensor,
        source: Tensor,
        accumulate: builtins.bool = ...,
    ) -> Tensor:
        """``put`` in place."""

    def quantile(
        self,
        q: Any,
        dim: builtins.int | None = ...,
        keepdim: builtins.bool = ...,
        *,
        interpolation: builtins.str = ...,
    ) -> Tensor:
        """What the share q of the elements lies below: of all, or along ``dim``; NaN if ..."""

    def rad2deg(
        self,
    ) -> Tensor:
        """Radians as degrees."""

    def rad2deg_(
        self,
    ) -> Tensor:
        """``rad2deg`` in place: writes the result here and returns this tensor."""

    def random_(
        self,
        from_: builtins.int = ...,
        to: builtins.int | None = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """Random integers of [from, to), or [0, from), everywhere; in place."""

    def ravel(
        self,
    ) -> Tensor:
        """The elements in order as a vector; a view where it can be."""

    def reciprocal(
        self,
    ) -> Tensor:
        """1 / x, elementwise; integers give float32."""

    def reciprocal_(
        self,
    ) -> Tensor:
        """``reciprocal`` in place: writes the result here and returns this tensor."""

    def register_hook(
        self,
        hook: Any,
    ) -> Any:
        """Calls ``hook(gradient)`` in backward; a tensor it returns replaces the gradient."""

    def register_post_accumulate_grad_hook(
        self,
        hook: Any,
    ) -> Any:
        """Calls ``hook(tensor)`` after backward has added to the ``grad`` of this leaf."""

    def relu(
        self,
    ) -> Tensor:
        """max(x, 0); the derivative at 0 is 0."""

    def relu_(
        self,
    ) -> Tensor:
        """``relu`` in place: writes the result here and returns this tensor."""

    def remainder(
        self,
        other: Any,
    ) -> Tensor:
        """input - other * floor(input / other), with the sign of other, elementwise, as ..."""

    def remainder_(
        self,
        other: Any,
    ) -> Tensor:
        """``remainder`` in place: writes the result here and returns this tensor."""

    def repeat(
        self,
        *repeats: Any,
    ) -> Tensor:
        """The tensor so many times along each dimension; more numbers than dimensions add ..."""

    def repeat_interleave(
        self,
        repeats: Any = ...,
        dim: builtins.int | None = ...,
        *,
        output_size: builtins.int | None = ...,
    ) -> Tensor:
        """Each part of a dimension so many times in a row; without dim, each element of all."""

    def reshape(
        self,
        *sizes_: Any,
        shape: Any = ...,
    ) -> Tensor:
        """The same elements, in order, in another shape; one size may be -1. A view where ..."""

    def reshape_as(
        self,
        other: Tensor,
    ) -> Tensor:
        """As ``reshape`` to the shape of another tensor."""

    def retain_grad(
        self,
    ) -> None:
        """Makes a tensor that is no leaf keep its gradient in ``grad``."""

    def rms_norm(
        self,
        normalized_shape: Any,
        weight: Tensor | None = ...,
        eps: builtins.float | None = ...,
    ) -> Tensor:
        """x / sqrt(mean(x^2) + eps) * weight over the last dimensions, of sizes ..."""

    def roll(
        self,
        shifts: Any,
        dims: Any = ...,
    ) -> Tensor:
        """The elements moved on by ``shifts`` along ``dims``; what leaves comes in on the ..."""

    def rot90(
        self,
        k: builtins.int = ...,
        dims: Sequence[builtins.int] = ...,
    ) -> Tensor:
        """The tensor turned by k quarters in the plane of two dimensions, first to second."""

    def round(
        self,
        *,
        decimals: builtins.int = ...,
    ) -> Tensor:
        """The nearest number of so many ``decimals``, below 0 of tens, halves to the even ..."""

    def round_(
        self,
        *,
        decimals: builtins.int = ...,
    ) -> Tensor:
        """``round`` in place: writes the result here and returns this tensor."""

    def rrelu(
        self,
        lower: builtins.float = ...,
        upper: builtins.float = ...,
        training: builtins.bool = ...,
    ) -> Tensor:
        """x above 0, else x times a number drawn from [lower, upper] for each element."""

    def rsqrt(
        self,
    ) -> Tensor:
        """1 / sqrt(x)."""

    def rsqrt_(
        self,
    ) -> Tensor:
        """``rsqrt`` in place: writes the result here and returns this tensor."""

    def scatter(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Any = ...,
        *,
        value: Any = ...,
        reduce: builtins.str | None = ...,
    ) -> Tensor:
        """``input`` with out[index[i][j]][j] = src[i][j] for dim 0, and so on."""

    def scatter_(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Any = ...,
        *,
        value: Any = ...,
        reduce: builtins.str | None = ...,
    ) -> Tensor:
        """``scatter`` in place."""

    def scatter_add(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Tensor,
    ) -> Tensor:
        """``input`` with src[i][j] added to out[index[i][j]][j] for dim 0, and so on."""

    def scatter_add_(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Tensor,
    ) -> Tensor:
        """``scatter_add`` in place."""

    def scatter_reduce(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Tensor,
        reduce: builtins.str,
        *,
        include_self: builtins.bool = ...,
    ) -> Tensor:
        """The values of ``src`` that an index sends to one place, reduced, as ``scatter`` ..."""

    def scatter_reduce_(
        self,
        dim: builtins.int,
        index: Tensor,
        src: Tensor,
        reduce: builtins.str,
        *,
        include_self: builtins.bool = ...,
    ) -> Tensor:
        """``scatter_reduce`` in place."""

    def select(
        self,
        dim: builtins.int,
        index: builtins.int,
    ) -> Tensor:
        """The part at one index of a dimension, which disappears; a view."""

    def select_scatter(
        self,
        src: Tensor,
        dim: builtins.int,
        index: builtins.int,
    ) -> Tensor:
        """A copy of the input with ``src`` at one index of a dimension."""

    def selu(
        self,
    ) -> Tensor:
        """scale * elu(x, alpha) with the fixed point's constants. Klambauer et al. 2017."""

    def selu_(
        self,
    ) -> Tensor:
        """``selu`` in place: writes the result here and returns this tensor."""

    def set_(
        self,
        source: Tensor | None = ...,
        storage_offset: builtins.int | None = ...,
        size: Any = ...,
        stride: Any = ...,
    ) -> Tensor:
        """Makes the tensor a window on the memory of another of its dtype; without one, ..."""

    def sgn(
        self,
    ) -> Tensor:
        """-1, 0 or 1 as the sign of x, elementwise; 0 for NaN."""

    def sgn_(
        self,
    ) -> Tensor:
        """``sign`` in place: writes the result here and returns this tensor."""

    def short(
        self,
    ) -> Tensor:
        """Refused with TypeError: int16 is not supported."""

    def sigmoid(
        self,
    ) -> Tensor:
        """The logistic function 1 / (1 + exp(-x))."""

    def sigmoid_(
        self,
    ) -> Tensor:
        """``sigmoid`` in place: writes the result here and returns this tensor."""

    def sign(
        self,
    ) -> Tensor:
        """-1, 0 or 1 as the sign of x, elementwise; 0 for NaN."""

    def sign_(
        self,
    ) -> Tensor:
        """``sign`` in place: writes the result here and returns this tensor."""

    def silu_(
        self,
    ) -> Tensor:
        """``silu`` in place: writes the result here and returns this tensor."""

    def sin(
        self,
    ) -> Tensor:
        """The sine of an angle in radians."""

    def sin_(
        self,
    ) -> Tensor:
        """``sin`` in place: writes the result here and returns this tensor."""

    def sinc(
        self,
    ) -> Tensor:
        """sin(pi x) / (pi x); 1 at 0."""

    def sinc_(
        self,
    ) -> Tensor:
        """``sinc`` in place: writes the result here and returns this tensor."""

    def sinh(
        self,
    ) -> Tensor:
        """The hyperbolic sine."""

    def sinh_(
        self,
    ) -> Tensor:
        """``sinh`` in place: writes the result here and returns this tensor."""

    def slice_dim(
        self,
        dim: builtins.int,
        start: builtins.int | None,
        stop: builtins.int | None,
        step: builtins.int | None = ...,
    ) -> Tensor:
        """The part start:stop:step of a dimension, by Python's rules; a view."""

    def slice_scatter(
        self,
        src: Tensor,
        dim: builtins.int = ...,
        start: builtins.int | None = ...,
        end: builtins.int | None = ...,
        step: builtins.int = ...,
    ) -> Tensor:
        """A copy of the input with ``src`` in a slice of a dimension."""

    def slogdet(
        self,
    ) -> Any:
        """The sign and the logarithm of the size of determinants; 0 and -inf of a ..."""

    def softmax(
        self,
        dim: builtins.int | None = ...,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """exp(x) over its sum along ``dim``: positive, and 1 in all."""

    def softsign_(
        self,
    ) -> Tensor:
        """``softsign`` in place: writes the result here and returns this tensor."""

    def sort(
        self,
        dim: builtins.int = ...,
        descending: builtins.bool = ...,
        stable: builtins.bool = ...,
    ) -> Any:
        """The elements along ``dim`` in order, and where they were: (values, indices)."""

    def split(
        self,
        split_size_or_sections: Any,
        dim: builtins.int = ...,
    ) -> builtins.tuple[Tensor, ...]:
        """Parts of one size (the last may be smaller), or of the sizes given; views."""

    def split_with_sizes(
        self,
        split_sizes: Sequence[builtins.int],
        dim: builtins.int = ...,
    ) -> builtins.tuple[Tensor, ...]:
        """As ``split`` by a list of sizes."""

    def sqrt(
        self,
    ) -> Tensor:
        """The square root; NaN below 0."""

    def sqrt_(
        self,
    ) -> Tensor:
        """``sqrt`` in place: writes the result here and returns this tensor."""

    def square(
        self,
    ) -> Tensor:
        """The square x * x, elementwise."""

    def square_(
        self,
    ) -> Tensor:
        """``square`` in place: writes the result here and returns this tensor."""

    def squeeze(
        self,
        dim: Any = ...,
    ) -> Tensor:
        """Without the dimensions of size 1, or without the named ones that have size 1; a ..."""

    def squeeze_(
        self,
        dim: Any = ...,
    ) -> Tensor:
        """``squeeze`` in place: the tensor itself becomes that view of its memory."""

    def std(
        self,
        dim: Any = ...,
        unbiased: builtins.bool | None = ...,
        keepdim: builtins.bool = ...,
        *,
        correction: builtins.float | None = ...,
    ) -> Tensor:
        """The standard deviation over ``dim``, the root of ``var``."""

    def std_mean(
        self,
        dim: Any = ...,
        unbiased: builtins.bool | None = ...,
        keepdim: builtins.bool = ...,
        *,
        correction: builtins.float | None = ...,
    ) -> builtins.tuple[Tensor, Tensor]:
        """Standard deviation and mean over ``dim``."""

    def sub(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """input - alpha * other, elementwise; not for bool."""

    def sub_(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``sub`` in place: writes the result here and returns this tensor."""

    def subtract(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """input - alpha * other, elementwise; not for bool."""

    def subtract_(
        self,
        other: Any,
        *,
        alpha: builtins.float = ...,
    ) -> Tensor:
        """``sub`` in place: writes the result here and returns this tensor."""

    def sum(
        self,
        dim: Any = ...,
        keepdim: builtins.bool = ...,
        *,
        dtype: dtype_class | None = ...,
    ) -> Tensor:
        """The sum over ``dim``; integers and bools are summed in int64. Nothing sums to 0."""

    def sum_to(
        self,
        shape: builtins.tuple[builtins.int, ...],
    ) -> Tensor:
        """The sum over the dimensions in which ``shape`` was expanded to the input's shape."""

    def sum_to_size(
        self,
        *size: Any,
    ) -> Tensor:
        """The sum over the dimensions in which ``size`` broadcasts to the input's shape."""

    def swapaxes(
        self,
        axis0: builtins.int,
        axis1: builtins.int,
    ) -> Tensor:
        """As ``transpose``."""

    def swapaxes_(
        self,
        dim0: builtins.int,
        dim1: builtins.int,
    ) -> Tensor:
        """``swapaxes`` in place: the tensor itself becomes that view of its memory."""

    def swapdims(
        self,
        dim0: builtins.int,
        dim1: builtins.int,
    ) -> Tensor:
        """As ``transpose``."""

    def swapdims_(
        self,
        dim0: builtins.int,
        dim1: builtins.int,
    ) -> Tensor:
        """``swapdims`` in place: the tensor itself becomes that view of its memory."""

    def t_(
        self,
    ) -> Tensor:
        """``t`` in place: the tensor itself becomes that view of its memory."""

    def take(
        self,
        index: Tensor,
    ) -> Tensor:
        """The elements at positions counted over all of them; the result has the index's ..."""

    def take_along_dim(
        self,
        indices: Tensor,
        dim: builtins.int | None = ...,
    ) -> Tensor:
        """``gather`` with input and indices broadcast outside ``dim``; without it, of all ..."""

    def tan(
        self,
    ) -> Tensor:
        """The tangent of an angle in radians."""

    def tan_(
        self,
    ) -> Tensor:
        """``tan`` in place: writes the result here and returns this tensor."""

    def tanh(
        self,
    ) -> Tensor:
        """The hyperbolic tangent."""

    def tanh_(
        self,
    ) -> Tensor:
        """``tanh`` in place: writes the result here and returns this tensor."""

    def tensor_split(
        self,
        indices_or_sections: Any,
        dim: builtins.int = ...,
    ) -> builtins.tuple[Tensor, ...]:
        """``n`` parts whose sizes differ by at most one, or parts cut at the indices ..."""

    def threshold(
        self,
        threshold: builtins.float,
        value: builtins.float,
    ) -> Tensor:
        """x above the threshold, else the value."""

    def tile(
        self,
        *dims: Any,
    ) -> Tensor:
        """As ``repeat``, but missing numbers in front are 1."""

    def to(
        self,
        *args: Any,
        dtype: Any = ...,
        device: Any = ...,
        non_blocking: builtins.bool = ...,
        copy: builtins.bool = ...,
    ) -> Tensor:
        """The tensor in another dtype, or in that of another tensor; itself where nothing ..."""

    def topk(
        self,
        k: builtins.int,
        dim: builtins.int = ...,
        largest: builtins.bool = ...,
        sorted: builtins.bool = ...,
    ) -> Any:
        """The k largest (or smallest) along ``dim``, in order, and where they are."""

    def trace(
        self,
    ) -> Tensor:
        """The sum of a matrix's diagonal."""

    def transpose(
        self,
        dim0: builtins.int,
        dim1: builtins.int,
    ) -> Tensor:
        """The tensor with two dimensions exchanged; a view."""

    def transpose_(
        self,
        dim0: builtins.int,
        dim1: builtins.int,
    ) -> Tensor:
        """``transpose`` in place: the tensor itself becomes that view of its memory."""

    def trapezoid(
        self,
        x: Tensor | None = ...,
        *,
        dx: builtins.float | None = ...,
        dim: builtins.int = ...,
    ) -> Tensor:
        """The integral along ``dim`` by the trapezoidal rule, at the places x or dx apart ..."""

    def trapz(
        self,
        x: Tensor | None = ...,
        *,
        dx: builtins.float | None = ...,
        dim: builtins.int = ...,
    ) -> Tensor:
        """The integral along ``dim`` by the trapezoidal rule, at the places x or dx apart ..."""

    def tril(
        self,
        diagonal: builtins.int = ...,
    ) -> Tensor:
        """The lower triangles of matrices, zeros above; ``diagonal`` is the last one kept."""

    def tril_(
        self,
        diagonal: builtins.int = ...,
    ) -> Tensor:
        """``tril`` in place."""

    def triu(
        self,
        diagonal: builtins.int = ...,
    ) -> Tensor:
        """The upper triangles of matrices, zeros below; ``diagonal`` is the first one kept."""

    def triu_(
        self,
        diagonal: builtins.int = ...,
    ) -> Tensor:
        """``triu`` in place."""

    def true_divide(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """input / other, elementwise; ``rounding_mode`` None, ``"trunc"`` or ``"floor"``."""

    def true_divide_(
        self,
        other: Any,
        *,
        rounding_mode: builtins.str | None = ...,
    ) -> Tensor:
        """``div`` in place: writes the result here and returns this tensor."""

    def trunc(
        self,
    ) -> Tensor:
        """The integer part, elementwise."""

    def trunc_(
        self,
    ) -> Tensor:
        """``trunc`` in place: writes the result here and returns this tensor."""

    def trunc_divide(
        self,
        other: Any,
    ) -> Tensor:
        """The quotient rounded toward zero, elementwise; zero divisors as for ..."""

    def trunc_divide_(
        self,
        other: Any,
    ) -> Tensor:
        """``trunc_divide`` in place: writes the result here and returns this tensor."""

    def type(
        self,
        dtype: Any = ...,
    ) -> Any:
        """The tensor in another dtype, or that of a name as "FloatTensor"; without one, ..."""

    def type_as(
        self,
        other: Tensor,
    ) -> Tensor:
        """The tensor in the dtype of another."""

    def unbind(
        self,
        dim: builtins.int = ...,
    ) -> builtins.tuple[Tensor, ...]:
        """The parts of a dimension, one tensor for each index of it; views."""

    def unflatten(
        self,
        dim: builtins.int,
        sizes: Sequence[builtins.int],
    ) -> Tensor:
        """One dimension as several, whose sizes multiply to its size (one may be -1)."""

    def unfold(
        self,
        dimension: builtins.int,
        size: builtins.int,
        step: builtins.int,
    ) -> Tensor:
        """Windows of ``size`` elements of a dimension, ``step`` apart, as a new last one; ..."""

    def uniform_(
        self,
        from_: builtins.float = ...,
        to: builtins.float = ...,
        *,
        generator: Generator | None = ...,
    ) -> Tensor:
        """Uniform random numbers of [from, to) everywhere; in place."""

    def unique(
        self,
        sorted: builtins.bool = ...,
        return_inverse: builtins.bool = ...,
        return_counts: builtins.bool = ...,
        dim: builtins.int | None = ...,
    ) -> Any:
        """The different elements in order, or the different parts of a dimension."""

    def unique_consecutive(
        self,
        return_inverse: builtins.bool = ...,
        return_counts: builtins.bool = ...,
        dim: builtins.int | None = ...,
    ) -> Any:
        """The elements (or the parts of a dimension) without those equal to the one before."""

    def unsqueeze(
        self,
        dim: builtins.int,
    ) -> Tensor:
        """The tensor with a dimension of size 1 put in at ``dim``; a view."""

    def unsqueeze_(
        self,
        dim: builtins.int,
    ) -> Tensor:
        """``unsqueeze`` in place: the tensor itself becomes that view of its memory."""

    def vander(
        self,
        N: builtins.int | None = ...,
        increasing: builtins.bool = ...,
    ) -> Tensor:
        """The powers of a vector's elements, one a column, from N - 1 down to 0, or up."""

    def var(
        self,
        dim: Any = ...,
        unbiased: builtins.bool | None = ...,
        keepdim: builtins.bool = ...,
        *,
        correction: builtins.float | None = ...,
    ) -> Tensor:
        """The variance over ``dim``: the squared deviations over (n - correction)."""

    def var_mean(
        self,
        dim: Any = ...,
        unbiased: builtins.bool | None = ...,
        keepdim: builtins.bool = ...,
        *,
        correction: builtins.float | None = ...,
    ) -> builtins.tuple[Tensor, Tensor]:
        """Variance and mean over ``dim``."""

    def vdot(
        self,
        other: Tensor,
    ) -> Tensor:
        """The sum of products of two vectors; real dtypes have no conjugates."""

    def view(
        self,
        *sizes_: Any,
        size: Any = ...,
        dtype: Any = ...,
    ) -> Tensor:
        """The same memory in another shape; RuntimeError where the strides do not allow it."""

    def view_as(
        self,
        other: Tensor,
    ) -> Tensor:
        """As ``view`` in the shape of another tensor."""

    def vsplit(
        self,
        indices_or_sections: Any,
    ) -> builtins.tuple[Tensor, ...]:
        """As ``tensor_split`` along dimension 0, into equal parts; views."""

    def where(
        self,
        condition: Tensor,
        other: Any,
    ) -> Tensor:
        """This tensor where ``condition`` (bool) holds, else ``other``; the three broadcast."""

    def xlogy(
        self,
        other: Any,
    ) -> Tensor:
        """input * log(other); 0 where the input is 0, but for a NaN in other."""

    def xlogy_(
        self,
        other: Any,
    ) -> Tensor:
        """``xlogy`` in place: writes the result here and returns this tensor."""

    def zero_(
        self,
    ) -> Tensor:
        """Zeros everywhere; in place."""
