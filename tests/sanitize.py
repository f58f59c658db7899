"""Runs the laws of the kernels on a build with address and undefined-behaviour sanitizers.

    python tests/sanitize.py [TEST ...]

Not collected by pytest. The extension is built in a temporary copy of the tree; any report of a
sanitizer ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What takes how long says nothing in such a build.
TIMED = "tests/test_capture.py::test_planning_takes_less_than_a_millisecond_for_100_launches"
TESTS = (
    "tests/test_reference.py",
    "tests/test_layout.py",
    "tests/test_threads.py",
    "tests/test_errors.py",
    "tests/test_indexing.py",
    "tests/test_scatter.py",
    "tests/test_sorting.py",
    "tests/test_numbers.py",
    "tests/test_inplace.py",
    "tests/test_storage.py",
    "tests/test_autograd.py",
    "tests/test_optim.py",
    "tests/test_nn.py",
    "tests/test_capture.py",
    "tests/test_capture_ops.py",
    "tests/test_capture_training.py",
)
# Null pointers are left to the address sanitizer: a check before every access makes the code large.
FLAGS = (
    "-fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=undefined "
    "-fno-omit-frame-pointer -g"
)


def library(name: str) -> str:
    """The path of the compiler's sanitizer runtime."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def build(tree: Path) -> None:
    shutil.copytree(
        ROOT, tree, ignore=shutil.ignore_patterns(".git", "build", "*.so", "__pycache__", ".venv")
    )
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tree,
        env={**os.environ, "CFLAGS": FLAGS, "LDFLAGS": FLAGS},
        check=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tests", nargs="*", metavar="TEST", help="what pytest runs; else the laws")
    given = parser.parse_args().tests
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        build(tree)
        tests = given or [test for test in TESTS if (tree / test).exists()]
        reports = Path(folder) / "report"
        options = ["-x", "-p", "no:cacheprovider", "--deselect", TIMED]
        result = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=tree,
            env={
                **os.environ,
                "PYTHONPATH": str(tree),
                "PYTHONMALLOC": "malloc",
                "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
                # pytest captures what a dying process writes, so reports go to files; absurd sizes
                # must come back as NULL, as malloc gives them.
                "ASAN_OPTIONS": f"detect_leaks=0:allocator_may_return_null=1:log_path={reports}",
                "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={reports}",
            },
            check=False,
        )
        for report in sorted(Path(folder).glob("report*")):
            print(report.read_text(encoding="utf-8", errors="replace"))
    code = result.returncode
    print(f"sanitizers: {'see above' if code else 'clean'}; pytest ended with {code}")
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
