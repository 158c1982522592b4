"""A sample of what benchmarks/fuzz_data.py tries: damaged pictures, tables, packs and archives end in dazoo's own errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_no_damaged_file_escapes() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "fuzz_data.py"
    done = subprocess.run([sys.executable, "-W", "ignore", script, "300", "7"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "300 folders, seed 7: 0 escaped" in done.stdout
