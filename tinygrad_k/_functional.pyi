"""Functions of nn.functional. Written by tools/stubs.py."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .backend import dtype as dtype_class
from .random import Generator
from .tensor import Size, Tensor

def alpha_dropout(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """Elements set to SELU's lower limit with probability p, mean and variance kept ..."""

def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    training: builtins.bool = ...,
    momentum: builtins.float = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel, dimension 1."""

def bilinear(
    input1: Tensor,
    input2: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
) -> Tensor:
    """input1^T W_a input2 + bias_a: (..., n), (..., m), (out, n, m), (out,) -> (..., ..."""

def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)) for probabilities x; logarithms are at least -100."""

def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    reduction: builtins.str = ...,
    pos_weight: Tensor | None = ...,
) -> Tensor:
    """``binary_cross_entropy`` of sigmoid(input), without overflow; ``pos_weight`` ..."""

def cdist(
    x1: Tensor,
    x2: Tensor,
    p: builtins.float = ...,
    compute_mode: builtins.str = ...,
) -> Tensor:
    """The p-norm distances of all pairs of rows: (..., n, k), (..., m, k) -> (..., n, m)."""

def celu(
    input: Tensor,
    alpha: builtins.float = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)). Barron 2017."""

def celu_(
    input: Tensor,
    alpha: builtins.float = ...,
) -> Tensor:
    """``celu`` in place: writes the result here and returns this tensor."""

def channel_shuffle(
    input: Tensor,
    groups: builtins.int,
) -> Tensor:
    """Channels (dimension 1) of ``groups`` groups dealt out in turn. Zhang et al. 2018."""

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

def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    ignore_index: builtins.int = ...,
    reduction: builtins.str = ...,
    label_smoothing: builtins.float = ...,
) -> Tensor:
    """The negative log-likelihood of ``softmax(input)``, for logits (N, C, ...)."""

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

def dropout(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """Each element 0 with probability p, else divided by 1 - p; as it is unless ..."""

def dropout1d(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, L] or [C, L]."""

def dropout2d(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, H, W] or [C, H, W]."""

def dropout3d(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """As ``dropout`` for whole channels of [N, C, D, H, W] or [C, D, H, W]."""

def elu(
    input: Tensor,
    alpha: builtins.float = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x above 0, else alpha (exp(x) - 1). Clevert et al. 2015, eq. 15."""

def elu_(
    input: Tensor,
    alpha: builtins.float = ...,
) -> Tensor:
    """``elu`` in place: writes the result here and returns this tensor."""

def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: builtins.int | None = ...,
    max_norm: builtins.float | None = ...,
    norm_type: builtins.float = ...,
    scale_grad_by_freq: builtins.bool = ...,
    sparse: builtins.bool = ...,
) -> Tensor:
    """The rows of ``weight`` (rows, width) at integer indices: (...) -> (..., width)."""

def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = ...,
    max_norm: builtins.float | None = ...,
    norm_type: builtins.float = ...,
    scale_grad_by_freq: builtins.bool = ...,
    mode: builtins.str = ...,
    sparse: builtins.bool = ...,
    per_sample_weights: Tensor | None = ...,
    include_last_offset: builtins.bool = ...,
    padding_idx: builtins.int | None = ...,
) -> Tensor:
    """The sum, mean or maximum of the rows in each bag: (bags, n) -> (bags, width)."""

def feature_alpha_dropout(
    input: Tensor,
    p: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """As ``alpha_dropout`` for whole channels of [N, C, ...]."""

def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = ...,
    padding: Any = ...,
    stride: Any = ...,
) -> Tensor:
    """Columns added up into images: the transpose of ``unfold``, not its inverse."""

def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Any,
    full: builtins.bool = ...,
    eps: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """(log(var) + (x - t)^2 / var) / 2 of a normal distribution, ``full``: + log(2 ..."""

def gelu(
    input: Tensor,
    approximate: builtins.str = ...,
) -> Tensor:
    """x Phi(x), Phi the normal distribution function; or its approximation by ``"tanh"``."""

def glu(
    input: Tensor,
    dim: builtins.int = ...,
) -> Tensor:
    """a sigmoid(b) of the two halves a, b of ``dim``. Dauphin et al. 2016."""

def group_norm(
    input: Tensor,
    num_groups: builtins.int,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with statistics over groups of ..."""

def gumbel_softmax(
    logits: Tensor,
    tau: builtins.float = ...,
    hard: builtins.bool = ...,
    eps: builtins.float = ...,
    dim: builtins.int = ...,
) -> Tensor:
    """A sample of the softmax of ``logits`` that has a gradient: softmax((logits + ..."""

def hardshrink(
    input: Tensor,
    lambd: builtins.float = ...,
) -> Tensor:
    """0 between -lambd and lambd, else x."""

def hardsigmoid(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x / 6 + 1/2 brought into [0, 1]."""

def hardswish(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x hardsigmoid(x)."""

def hardtanh(
    input: Tensor,
    min_val: builtins.float = ...,
    max_val: builtins.float = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x brought into [min_val, max_val]; the gradient is 0 at both ends."""

def hardtanh_(
    input: Tensor,
    min_val: builtins.float = ...,
    max_val: builtins.float = ...,
) -> Tensor:
    """``hardtanh`` in place: writes the result here and returns this tensor."""

def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1."""

def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
    delta: builtins.float = ...,
    weight: Tensor | None = ...,
) -> Tensor:
    """d^2 / 2 for d = |x - t| below delta, else delta (d - delta / 2). Huber 1964."""

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

def kl_div(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
    log_target: builtins.bool = ...,
) -> Tensor:
    """t (log t - x) for log-probabilities x; ``"batchmean"`` divides the sum by the ..."""

def l1_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
    weight: Tensor | None = ...,
) -> Tensor:
    """The absolute differences |x - t|; with weights their mean is over the sum of these."""

def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions."""

def leaky_relu(
    input: Tensor,
    negative_slope: builtins.float = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x above 0, else negative_slope * x."""

def leaky_relu_(
    input: Tensor,
    negative_slope: builtins.float = ...,
) -> Tensor:
    """``leaky_relu`` in place: writes the result here and returns this tensor."""

def linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
) -> Tensor:
    """input @ weight^T + bias: (..., in), (out, in), (out,) -> (..., out)."""

def log_softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """log(softmax(x)) along ``dim``, without overflow."""

def logsigmoid(
    input: Tensor,
) -> Tensor:
    """log(sigmoid(x)), without overflow."""

def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """max(0, margin - t (x1 - x2)): the target 1 wants x1 ranked higher, -1 lower."""

def mish(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x tanh(softplus(x)). Misra 2019."""

def mse_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
    weight: Tensor | None = ...,
) -> Tensor:
    """The squared differences (x - t)^2; with weights their mean is over the sum of ..."""

def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: builtins.int = ...,
    margin: builtins.float = ...,
    weight: Tensor | None = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """sum over i != t of max(0, margin - x[t] + x[i])^p / C, for classes t; scaled by ..."""

def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
) -> Tensor:
    """sum over given classes j and others i of max(0, 1 - (x[j] - x[i])) / C."""

def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """-(t log s(x) + (1 - t) log s(-x)), s the sigmoid; the mean over the classes."""

def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    ignore_index: builtins.int = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """-input[i, t_i] for log-probabilities (N, C, ...) and integer labels (N, ...)."""

def normalize(
    input: Tensor,
    p: builtins.float = ...,
    dim: Any = ...,
    eps: builtins.float = ...,
) -> Tensor:
    """x / max(|x|_p, eps), with the norm over ``dim``."""

def one_hot(
    tensor: Tensor,
    num_classes: builtins.int = ...,
) -> Tensor:
    """Rows of zeros with a 1 at each label: [...] gives [..., num_classes], int64."""

def pad(
    input: Tensor,
    pad: Any,
    mode: builtins.str = ...,
    value: builtins.float | None = ...,
) -> Tensor:
    """Wider dimensions: ``pad`` is (before, after) of the last one, then of the one ..."""

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

def prelu(
    input: Tensor,
    weight: Tensor,
) -> Tensor:
    """x above 0, else weight * x; one weight, or one for each channel (dimension 1)."""

def relu(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """max(x, 0); the derivative at 0 is 0."""

def relu6(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """min(max(x, 0), 6); the gradient is 0 at both ends."""

def relu_(
    input: Tensor,
) -> Tensor:
    """``relu`` in place: writes the result here and returns this tensor."""

def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = ...,
    eps: builtins.float | None = ...,
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions, of sizes ..."""

def rrelu(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x above 0, else x times a number drawn from [lower, upper] for each element."""

def rrelu_(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
) -> Tensor:
    """``rrelu`` in place: writes the result here and returns this tensor."""

def selu(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """scale * elu(x, alpha) with the fixed point's constants. Klambauer et al. 2017."""

def selu_(
    input: Tensor,
) -> Tensor:
    """``selu`` in place: writes the result here and returns this tensor."""

def sigmoid(
    input: Tensor,
) -> Tensor:
    """The logistic function 1 / (1 + exp(-x))."""

def silu(
    input: Tensor,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x sigmoid(x), also called swish."""

def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
    beta: builtins.float = ...,
) -> Tensor:
    """d^2 / (2 beta) for d = |x - t| below beta, else d - beta / 2. Girshick 2015, eq. 3."""

def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    reduction: builtins.str = ...,
) -> Tensor:
    """log(1 + exp(-t x)) for targets 1 and -1."""

def softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """exp(x) over its sum along ``dim``: positive, and 1 in all."""

def softmin(
    input: Tensor,
    dim: builtins.int | None = ...,
    dtype: dtype_class | None = ...,
) -> Tensor:
    """softmax(-x) along ``dim``."""

def softplus(
    input: Tensor,
    beta: builtins.float = ...,
    threshold: builtins.float = ...,
) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""

def softshrink(
    input: Tensor,
    lambd: builtins.float = ...,
) -> Tensor:
    """x moved towards 0 by lambd; 0 between -lambd and lambd."""

def softsign(
    input: Tensor,
) -> Tensor:
    """x / (1 + |x|)."""

def tanh(
    input: Tensor,
) -> Tensor:
    """The hyperbolic tangent."""

def tanhshrink(
    input: Tensor,
) -> Tensor:
    """x - tanh(x)."""

def threshold(
    input: Tensor,
    threshold: builtins.float,
    value: builtins.float,
    inplace: builtins.bool = ...,
) -> Tensor:
    """x above the threshold, else the value."""

def threshold_(
    input: Tensor,
    threshold: builtins.float,
    value: builtins.float,
) -> Tensor:
    """``threshold`` in place: writes the result here and returns this tensor."""

def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: builtins.float = ...,
    p: builtins.float = ...,
    eps: builtins.float = ...,
    swap: builtins.bool = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """max(0, |a - p| - |a - n| + margin), by ``pairwise_distance``; ``swap``: |p - n| ..."""

def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = ...,
    margin: builtins.float = ...,
    swap: builtins.bool = ...,
    reduction: builtins.str = ...,
) -> Tensor:
    """As ``triplet_margin_loss`` with a distance of one's own."""

def unfold(
    input: Tensor,
    kernel_size: Any,
    dilation: Any = ...,
    padding: Any = ...,
    stride: Any = ...,
) -> Tensor:
    """The windows of images as columns: [N, C, H, W] to [N, C * kernel area, windows]."""
