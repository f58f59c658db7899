"""tinygrad_k: a small, fast deep-learning engine for the CPU.

``import tinygrad_k as tk``; names and semantics are PyTorch's wherever PyTorch has the thing.
"""

from . import autograd, ops
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .backend import (
    bool_ as bool,
    dtype,
    empty_cache,
    float32,
    float64,
    get_num_threads,
    int32,
    int64,
    memory_stats,
    reset_peak_memory,
    set_num_threads,
    show_config,
    uint8,
)
from .tensor import Size, Tensor, from_numpy

float = float32
double = float64
long = int64
int = int32

globals().update(ops.root_functions())
