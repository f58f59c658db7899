"""Builds the one extension module; everything else stands in pyproject.toml.

The kernels of each instruction set are the same text compiled with other flags, which setuptools
cannot say: build_ext compiles csrc/units/*.c once for each itself and hands over the objects.
"""

import glob
import itertools
import os
import platform
import subprocess
from concurrent.futures import ThreadPoolExecutor

from setuptools import setup
from setuptools.command.build_ext import build_ext

AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"]
ISA_FLAGS = {"base": ["-DTK_ISA=base", "-DTK_VECTOR_BYTES=16"]}
if platform.machine() in ("x86_64", "AMD64"):
    avx2 = ["-mavx2", "-mfma"]
    ISA_FLAGS["avx2"] = [*avx2, "-DTK_ISA=avx2", "-DTK_VECTOR_BYTES=32"]
    ISA_FLAGS["avx512"] = [*avx2, *AVX512, "-DTK_ISA=avx512", "-DTK_VECTOR_BYTES=64"]
UNITS = sorted(glob.glob("csrc/units/*.c"))
# A unit uses a part of what its headers define; the types of one instantiation make a test idle.
UNIT_FLAGS = ["-Wno-unused-function", "-Wno-type-limits"]


def is_clang(command):
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return "clang" in version.stdout


class BuildKernels(build_ext):
    def build_extension(self, ext):
        if is_clang(self.compiler.compiler):
            # On "fast" it fuses a * b + c after other changes, or no longer: the same element would
            # have other bits at the end of a block. What "on" means, gcc only does on "fast".
            ext.extra_compile_args = [
                flag.replace("-ffp-contract=fast", "-ffp-contract=on")
                for flag in ext.extra_compile_args
            ]
        headers = [
            os.path.join(folder, name)
            for folder, _, names in os.walk("csrc")
            for name in names
            if name.endswith((".h", ".def"))
        ]
        ext.depends = headers

        def compile_unit(job):
            isa, unit = job
            return self.compiler.compile(
                [unit],
                output_dir=os.path.join(self.build_temp, isa),
                extra_postargs=[*ext.extra_compile_args, *ISA_FLAGS[isa], *UNIT_FLAGS],
                depends=headers,
            )

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            ext.extra_objects = [
                *ext.extra_objects,
                *(
                    path
                    for objects in pool.map(compile_unit, itertools.product(ISA_FLAGS, UNITS))
                    for path in objects
                ),
            ]
        super().build_extension(ext)


setup(cffi_modules=["tinygrad_k/_build.py:ffi"], cmdclass={"build_ext": BuildKernels})
