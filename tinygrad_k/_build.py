"""Describes the extension module to cffi; read by setup.py, never imported at run time.

The definitions are the marked part of csrc/tk.h, verbatim: one list of doors, written once.
"""

from pathlib import Path

from cffi import FFI

# setup.py runs in the root of the project, and distutils wants paths relative to it.
CSRC = Path("csrc")


def read_doors() -> str:
    """The text of csrc/tk.h between its two marks."""
    text = (CSRC / "tk.h").read_text(encoding="utf-8")
    return text.split("/* cdef begin */")[1].split("/* cdef end */")[0]


ffi = FFI()
ffi.cdef(read_doors())
ffi.cdef('extern "Python" int tk_call_python(void *function, char **data);')  # a tk_host_call
ffi.set_source(
    "tinygrad_k._kernels",
    '#include "csrc/tk.h"',
    sources=sorted(path.as_posix() for path in (CSRC / "core").glob("*.c")),
    include_dirs=["."],
    extra_compile_args=[
        "-std=gnu11",
        "-O2",
        "-g0",
        "-ffp-contract=fast",
        "-fno-math-errno",
        "-fwrapv",
        "-fvisibility=hidden",
        "-Wall",
        "-Wextra",
        "-Wshadow",
    ],
    libraries=["m", "pthread"],
)
