"""Packages that import their names when asked: every name is there, and asking for the package alone costs little."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize("package", ["dazoo", "dazoo.contracts", "dazoo.models"])
def test_every_public_name_is_there(package: str) -> None:
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    assert all(getattr(module, name) is getattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing


@pytest.mark.parametrize("package", ["dazoo", "dazoo.contracts", "dazoo.models", "dazoo.bridges.plugin"])
def test_importing_it_imports_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in ('torch', 'torchvision', 'timm', 'numpy', 'typer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_importing_dazoo_takes_less_than_60_ms() -> None:
    code = "import time; start = time.process_time(); import dazoo; print(time.process_time() - start)"
    runs = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    assert min(runs) < 0.06
