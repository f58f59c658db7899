"""The only importer of the C extension: doors, dtypes, errors, and the runtime's settings.

Environment, read once at import:

``TK_NUM_THREADS``  threads of the pool; default: the CPUs this process may use.
``TK_ISA``          ``base``, ``avx2`` or ``avx512``: lowers the instruction set that is chosen.
``TK_DEBUG``        ``1``: backward also checks shape and dtype of the gradients of leaves.
"""

from __future__ import annotations

import os
from _thread import get_ident  # without the rest of threading, which NumPy does not load
from typing import Any, NoReturn

import numpy as np

from ._kernels import (
    Block,
    Holder,
    array_dtypes,
    ffi,
    lib,
    of_array,
    owners,
    shapes,
    struct_of,
    use_tensor,
    wrap,
)
from .version import __version__

__all__ = [
    "DTYPES",
    "Block",
    "Holder",
    "bool_",
    "dtype",
    "fail",
    "ffi",
    "float32",
    "float64",
    "get_default_dtype",
    "get_num_threads",
    "int32",
    "int64",
    "kernel_number",
    "lib",
    "memory_stats",
    "of_array",
    "owners",
    "set_default_dtype",
    "set_num_threads",
    "shapes",
    "show_config",
    "struct_of",
    "uint8",
    "use_tensor",
    "wrap",
]

DEBUG = os.environ.get("TK_DEBUG", "0") == "1"

_ERRORS: dict[int, type[Exception]] = {
    lib.TK_SHAPE_ERROR: ValueError,
    lib.TK_DTYPE_ERROR: TypeError,
    lib.TK_INDEX_ERROR: IndexError,
    lib.TK_VALUE_ERROR: ValueError,
    lib.TK_RUNTIME_ERROR: RuntimeError,
    lib.TK_MEMORY_ERROR: MemoryError,
    lib.TK_ZERO_DIVISION: ZeroDivisionError,
}


RAISED: dict[int, BaseException] = {}  # by thread: what Python raised in the middle of a replay


def fail(op: str = "") -> NoReturn:
    """Raises what the last door of this thread refused, as the Python exception of its kind.

    In the name of ``op``, if given, where the message begins with the name of what it is made of.
    """
    if lib.tk_last_error() == lib.TK_HOST_ERROR:
        raise RAISED.pop(get_ident())
    message = ffi.string(lib.tk_last_message()).decode("utf-8", "replace")
    name, colon, fact = message.partition(": ")
    if op and name.isidentifier():
        message = op + colon + fact
    raise _ERRORS.get(lib.tk_last_error(), RuntimeError)(message)


if lib.tk_init(os.environ["TK_ISA"].encode() if os.environ.get("TK_ISA") else ffi.NULL):
    fail()


class dtype:
    """An element type: ``tk.float32`` and its kin. Compare with ``is`` or ``==``."""

    __slots__ = ("is_floating_point", "itemsize", "name", "number", "numpy")

    is_complex = False

    def __init__(self, name: str, number: int, numpy_type: Any) -> None:
        self.name = name
        self.number = number
        self.numpy = np.dtype(numpy_type)
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = self.numpy.kind == "f"

    @property
    def is_signed(self) -> bool:
        return self.numpy.kind in "fi"

    def __repr__(self) -> str:
        return f"tinygrad_k.{self.name}"

    def __reduce__(self) -> str:
        return f"{self.name}_" if self.name == "bool" else self.name


float32 = dtype("float32", lib.TK_F32, np.float32)
float64 = dtype("float64", lib.TK_F64, np.float64)
int64 = dtype("int64", lib.TK_I64, np.int64)
int32 = dtype("int32", lib.TK_I32, np.int32)
uint8 = dtype("uint8", lib.TK_U8, np.uint8)
bool_ = dtype("bool", lib.TK_BOOL, np.bool_)

DTYPES = (float32, float64, int64, int32, uint8, bool_)  # a dtype's place is its number in C
FROM_NUMPY = {each.numpy: each for each in DTYPES}
array_dtypes[:] = FROM_NUMPY

DEFAULT = [float32]  # what get_default_dtype() gives, for those to whom a call is dear


def get_default_dtype() -> dtype:
    """The floating dtype of what is made without one: float32, unless set otherwise."""
    return DEFAULT[0]


def set_default_dtype(d: dtype) -> None:
    """Sets the floating dtype of Python floats, of new tensors and of integers made floats."""
    if not isinstance(d, dtype):
        raise TypeError(f"set_default_dtype: expected a dtype; got {d!r}")
    if lib.tk_set_default_float(d.number):
        fail()
    if DEFAULT[0] is not d:
        world.restructure()
    DEFAULT[0] = d


PYTHON_TYPES = {float: float64, int: int64, bool: bool_}


def as_dtype(name: str, kind: Any, default: dtype | None = None) -> dtype:
    """A dtype, or float, int or bool for float64, int64 and bool; None gives the default."""
    if kind is None:
        return default or get_default_dtype()
    if isinstance(kind, dtype):
        return kind
    if isinstance(kind, type) and kind in PYTHON_TYPES:
        return PYTHON_TYPES[kind]
    raise TypeError(f"{name}: expected a dtype as tk.float32; got {kind!r}")


def check_device(name: str, device: Any) -> None:
    """An error for any device but the CPU."""
    if device is not None and str(device) != "cpu":
        raise ValueError(f"{name}: the only device is 'cpu'; got {device!r}")


class device(str):
    """Where tensors are: ``"cpu"``, of type ``"cpu"`` and without an index."""

    __slots__ = ()
    type = "cpu"
    index = None  # type: ignore[assignment]

    def __new__(cls, device: Any = "cpu") -> device:
        check_device("device", device)
        return super().__new__(cls, "cpu")

    def __repr__(self) -> str:
        return "device(type='cpu')"


CPU = device()


_NUMBERS = {
    ffi.string(lib.tk_kernel_name(number)).decode(): number
    for number in range(lib.tk_kernel_count())
}

KERNEL_NAMES = tuple(_NUMBERS)  # a kernel's place is its number
KERNEL_FAMILIES = tuple(
    ffi.string(lib.tk_kernel_family(number)).decode() for number in range(len(_NUMBERS))
)


def kernel_number(name: str) -> int:
    """The number of a row of csrc/kernels.def."""
    return _NUMBERS[name]


def kernel_rows() -> list[tuple[str, str, tuple[dtype, ...]]]:
    """Every row of the kernel registry: name, family, dtypes with a body of their own."""
    return [
        (
            name,
            KERNEL_FAMILIES[number],
            tuple(each for each in DTYPES if lib.tk_kernel_dtypes(number) >> each.number & 1),
        )
        for number, name in enumerate(KERNEL_NAMES)
    ]


# -- what a recorded function depends on -----------------------------------------------------------


class World:
    """Counts the changes that a recorded function must hear of.

    ``structure``: a tensor, module, parameter group or the default dtype was put in the place of
    another one, or a leaf was frozen or got a hook.
    ``details``: a module's attributes or hooks, a leaf's wish for a gradient or an optimizer's
    state may have been changed.
    ``settings``: any of that, or a hyperparameter or a module's mode was changed.
    ``recorders``: what is recorded now, by thread; empty almost always, and asked before all else.
    """

    __slots__ = ("details", "recorders", "settings", "structure")

    def __init__(self) -> None:
        self.structure = 0
        self.settings = 0
        self.details = 0
        self.recorders: dict[int, Any] = {}

    def restructure(self) -> None:
        """Notes that something was put in the place of something else."""
        self.structure += 1
        self.settings += 1

    def change_details(self) -> None:
        """Makes compiled functions look closely before their next replay."""
        self.details += 1
        self.settings += 1


world = World()


def recorder() -> Any:
    """What this thread records, or None."""
    return world.recorders.get(get_ident())


def check_readable(op: str) -> None:
    """An error where the calling thread records: values that are read now would be replayed."""
    if lib.tk_tapes and lib.tk_refuse_recording(op.encode()):
        fail()


# -- settings -----------------------------------------------------------------------------------


def set_num_threads(n: int) -> None:
    """Sets the number of threads, 1 to 1024. Results do not depend on it."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"set_num_threads: expected an int; got {n!r}")
    if not 1 <= n <= 1024 or lib.tk_set_num_threads(int(n)):
        raise ValueError(f"set_num_threads: 1 to 1024 threads; got {n}")


def get_num_threads() -> int:
    """The number of threads a large kernel may use."""
    return int(lib.tk_get_num_threads())


def memory_stats() -> dict[str, int]:
    """What the allocator holds, in bytes and counts.

    ``in_use``, ``peak`` and ``cached`` are bytes; ``allocations`` and ``reused`` count requests
    since import; ``tensors`` counts live handles.
    """
    stats = ffi.new("tk_memory *")
    lib.tk_memory_stats(stats)
    names = ("in_use", "peak", "cached", "allocations", "reused", "tensors")
    return {name: int(getattr(stats, name)) for name in names}


def reset_peak_memory() -> None:
    """Makes the bytes in use now the peak of ``memory_stats()``."""
    lib.tk_memory_reset_peak()


def empty_cache() -> None:
    """Gives the blocks that are kept for reuse back to the system."""
    lib.tk_memory_trim()


def config() -> dict[str, str]:
    """Version, compiler, instruction sets and threads, as ``show_config`` prints them."""

    def text(value: Any) -> str:
        return ffi.string(value).decode()

    built = text(lib.tk_isa_built()).split()
    supported = [isa for isa in built if lib.tk_isa_supported(isa.encode())]
    return {
        "tinygrad_k": __version__,
        "numpy": np.__version__,
        "compiler": text(lib.tk_compiler()),
        "isa built": " ".join(built),
        "isa supported": " ".join(supported),
        "isa chosen": text(lib.tk_isa()),
        "threads": text(lib.tk_threads_reason()),
        "kernels": str(lib.tk_kernel_count()),
    }


def show_config() -> None:
    """Prints version, compiler, the instruction sets built and chosen, threads and why."""
    for key, value in config().items():
        print(f"{key + ':':16}{value}")
