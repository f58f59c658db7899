"""Describes the extension module to cffi; read by setup.py, never imported at run time.

The definitions are the marked parts of csrc/tk.h and csrc/doors.h, verbatim: one list of doors,
written once. Only doors that say the same with fewer or plainer arguments are made here.
"""

import re
from pathlib import Path

from cffi import FFI

# setup.py runs in the root of the project, and distutils wants paths relative to it.
CSRC = Path("csrc")


def read_doors(header: str) -> str:
    """The text of a header between its two marks."""
    text = (CSRC / header).read_text(encoding="utf-8")
    return text.split("/* cdef begin */")[1].split("/* cdef end */")[0]


def elementwise_doors() -> list[tuple[str, str]]:
    """The prototype and the body of a door for each elementwise kernel of one or two tensors; for
    one of one tensor, also of one that changes it.

    Python calls a function of one argument in half the time of one that takes the kernel's number
    and two parameters as well.
    """
    rows = (CSRC / "kernels.def").read_text(encoding="utf-8")
    doors = []
    for name, count in re.findall(r"^KERNEL\((\w+), MAP([12]),", rows, re.MULTILINE):
        operands = ["a", "b"][: int(count)]
        takes = ", ".join(f"tk_tensor *{each}" for each in operands)
        body = f"return tk_map{count}(TK_K_{name}, {', '.join(operands)}, 0, 0);"
        doors.append((f"static tk_tensor *tk_map{count}_{name}({takes})", body))
        if count == "1":
            body = f"return tk_change1(TK_K_{name}, a, 0, 0);"
            doors.append((f"static int64_t tk_change1_{name}({takes})", body))
    return doors


# What makes a tensor of a shape, in the default dtype.
MAKERS = {
    "zeros": "tk_full_float(tk_default_float, {shape}, 0)",
    "ones": "tk_full_float(tk_default_float, {shape}, 1)",
    "empty": "tk_empty(tk_default_float, {shape})",
}


def sized_doors() -> list[tuple[str, str]]:
    """Doors for shapes of up to 4 sizes, taken one by one: an array of them costs Python more than
    all the rest of the call."""
    doors = []
    for name, call in MAKERS.items():
        for count in range(5):
            sizes = ["a", "b", "c", "d"][:count]
            takes = ", ".join(f"int64_t {each}" for each in sizes) or "void"
            shape = f"(int64_t[]){{{', '.join(sizes)}}}" if sizes else "NULL"
            made = call.format(shape=f"{count}, {shape}")
            doors.append((f"static tk_tensor *tk_{name}_{count}({takes})", f"return {made};"))
    return doors


# What csrc/holder.h calls to look into handles and to make them.
HANDLES = [
    ("static int64_t tk_key(tk_tensor *t)", "return t->key;"),
    ("static intptr_t tk_address(tk_tensor *t)", "return (intptr_t)t;"),
    ("static tk_tensor *tk_at_address(intptr_t address)", "return (tk_tensor *)address;"),
]

ZERO = ("static int64_t tk_write_zero(tk_tensor *t)", "return tk_write_int(t, 0);")

DOORS = [*elementwise_doors(), *sized_doors(), *HANDLES, ZERO]
INCLUDES = ["csrc/core/core.h", "csrc/python.h", "csrc/holder.h"]

ffi = FFI()
ffi.cdef(read_doors("tk.h") + read_doors("doors.h"))
ffi.cdef("".join(f"{prototype};\n" for prototype, _ in DOORS))
ffi.cdef('extern "Python" int tk_call_python(void *function, char **data);')  # a tk_host_call
ffi.set_source(
    "tinygrad_k._kernels",
    "".join(f'#include "{header}"\n' for header in INCLUDES)
    + "".join(f"{prototype} {{ {body} }}\n" for prototype, body in DOORS),
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
