"""The laws of the kernels in C: each tests/native/*.c is built with the core and run briefly."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cases import INSTRUCTION_SETS

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = sorted((ROOT / "tests" / "native").glob("*.c"))
CC = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")

# What makes a run short: every 400,009th float32, 11 products for each dtype.
SHORT = {"check_math": ["400009"], "check_gemm": ["11"]}
FLAGS = ["-std=gnu11", "-O2", "-ffp-contract=fast", "-fno-math-errno", "-fwrapv"]
AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"]
VECTOR_BYTES = {"base": 16, "avx2": 32, "avx512": 64}
ISA = {"base": [], "avx2": ["-mavx2", "-mfma"], "avx512": ["-mavx2", "-mfma", *AVX512]}

pytestmark = pytest.mark.skipif(
    not CC or platform.machine() not in ("x86_64", "AMD64") or not PROGRAMS,
    reason="needs the sources and a C compiler",
)


def compiled(source: Path, target: Path, flags: list[str]) -> Path:
    """The object file of a source."""
    includes = ["-I", str(ROOT), "-I", str(ROOT / "csrc")]
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [str(CC), *FLAGS, *flags, *includes, "-c", str(source), "-o", str(target)],
        check=True,
        cwd=ROOT,
    )
    return target


def of_instruction_set(isa: str) -> list[str]:
    return [*ISA[isa], f"-DTK_ISA={isa}", f"-DTK_VECTOR_BYTES={VECTOR_BYTES[isa]}"]


def sources() -> dict[Path, tuple[Path, list[str]]]:
    """What the programs are linked with, the core and the kernels of every instruction set: where a
    build puts an object, its source and flags."""

    def of(part: str, isa: str, flags: list[str]) -> dict[Path, tuple[Path, list[str]]]:
        return {
            Path(isa) / path.relative_to(ROOT).with_suffix(".o"): (path, flags)
            for path in sorted((ROOT / "csrc" / part).glob("*.c"))
        }

    found = of("core", "", [])
    for isa in ISA:
        found |= of("units", isa, of_instruction_set(isa))
    return found


def built() -> list[Path]:
    """The objects of a build of the extension in this tree, if none is older than a source."""
    newest = max(path.stat().st_mtime for path in (ROOT / "csrc").rglob("*") if path.is_file())
    for folder in ROOT.glob("build/temp.*"):
        found = [folder / path for path in sources()]
        if all(path.exists() and path.stat().st_mtime >= newest for path in found):
            return found
    return []


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Those of the build, or compiled here once, which takes a minute or two."""
    if found := built():
        return found
    folder = tmp_path_factory.mktemp("native")
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(
            pool.map(
                lambda item: compiled(item[1][0], folder / item[0], item[1][1]), sources().items()
            )
        )


# check_math holds the vector functions of the instruction set that it is itself compiled for.
RUNS = [
    pytest.param(path, isa, id=f"{path.stem}-{isa}" if path.stem == "check_math" else path.stem)
    for path in PROGRAMS
    for isa in (INSTRUCTION_SETS if path.stem == "check_math" else ("base",))
]


@pytest.mark.parametrize(("program", "isa"), RUNS)
def test_native(program: Path, isa: str, objects: list[Path], tmp_path: Path) -> None:
    target = tmp_path / program.stem
    main = compiled(program, tmp_path / "main.o", of_instruction_set(isa))
    subprocess.run(
        [str(CC), "-o", str(target), str(main), *map(str, objects), "-lm", "-lpthread"], check=True
    )
    result = subprocess.run(
        [str(target), *SHORT.get(program.stem, [])],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
