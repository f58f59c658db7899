"""tinygrad_k: a small, fast deep-learning engine for the CPU.

``import tinygrad_k as tk``; names and semantics are PyTorch's wherever PyTorch has the thing.
"""

from . import autograd, ops
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .backend import (
    bool_ as bool,
)
from .backend import (
    dtype,
    float32,
    float64,
    get_num_threads,
    int32,
    int64,
    memory_stats,
    set_num_threads,
    show_config,
    uint8,
)
from .printing import set_printoptions
from .tensor import Size, Tensor, from_numpy

globals().update(ops.root_functions())
