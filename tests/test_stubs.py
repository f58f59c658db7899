"""The types that editors and mypy see are those of the op table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SEEN = """
import tinygrad_k as tk
import tinygrad_k.nn.functional as F

x = tk.zeros(2, 3)
reveal_type(x.sum(0))
reveal_type(x.add_(1.0))
reveal_type(tk.matmul(x, x))
reveal_type(F.relu(x))
reveal_type([row for row in x])
tk.matmul(x)
"""


def test_stubs_are_fresh() -> None:
    if not (ROOT / "tools" / "stubs.py").exists():
        pytest.skip("the tools are not beside the package")
    result = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "stubs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_sees_methods_and_functions(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    script = tmp_path / "seen.py"
    script.write_text(SEEN, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    shown = [line.split("note: ")[-1] for line in result.stdout.splitlines() if "note: " in line]
    tensor = 'Revealed type is "tinygrad_k.tensor.Tensor"'
    assert shown[:4] == [tensor] * 4, result.stdout
    assert "list[tinygrad_k.tensor.Tensor]" in shown[4], result.stdout
    assert "Missing positional argument" in result.stdout, result.stdout
