"""tinygrad_k: a small, fast deep-learning engine for the CPU.

``import tinygrad_k as tk``; names and semantics are PyTorch's wherever PyTorch has the thing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .loading import ops  # isort: split

from . import autograd, random
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .backend import (
    DTYPES,
    bool_ as bool,
    device,
    dtype,
    empty_cache,
    float32,
    float64,
    get_default_dtype,
    get_num_threads,
    int32,
    int64,
    memory_stats,
    reset_peak_memory,
    set_default_dtype,
    set_num_threads,
    show_config,
    uint8,
)
from .dtypes import can_cast, finfo, iinfo, promote_types, result_type
from .random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .tensor import Size, Tensor, from_numpy
from .version import __version__

float, double, long, int = float32, float64, int64, int32  # PyTorch's short names

if TYPE_CHECKING:
    from . import linalg, nn, optim
    from ._functions import *
    from .printing import set_printoptions

globals().update(ops.EARLY)


PACKAGES = ("capture", "data", "func", "io", "linalg", "nn", "optim", "testing", "train", "utils")


def __getattr__(name: str) -> Any:
    """What is imported when it is first used, such as ``tk.data`` and ``tk.compile``."""
    if name in PACKAGES:
        return importlib.import_module(f".{name}", __name__)
    if name in ops.LATE_NAMES:
        known = ops.root_functions()
        globals().update({each: known[each] for each in ops.LATE_NAMES})
        return known[name]
    if name == "vmap":
        return importlib.import_module(".func", __name__).vmap
    if name == "compile":
        return importlib.import_module(".capture", __name__).compile
    if name == "set_printoptions":
        return importlib.import_module(".printing", __name__).set_printoptions
    if name in ("load", "save"):
        return getattr(importlib.import_module(".io", __name__), name)
    if name in ("float16", "half", "bfloat16", "int8", "int16", "complex64", "complex128"):
        dtypes = ", ".join(each.name for each in DTYPES)
        raise AttributeError(f"{name}: the dtype is not supported; there are {dtypes}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    others = ("compile", "load", "save", "set_printoptions", "vmap")
    return sorted({*globals(), *PACKAGES, *ops.LATE_NAMES, *others})
