"""A sample of what benchmarks/fuzz_models.py tries: mutated model folders end in dazoo's own errors, soon and in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_no_mutated_folder_escapes() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "fuzz_models.py"
    done = subprocess.run([sys.executable, "-W", "ignore", script, "300", "7"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "300 folders, seed 7: 0 escaped" in done.stdout
