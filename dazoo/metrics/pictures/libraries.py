"""The libraries that figures come from, imported when a figure is asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

from dazoo.errors import SettingsError
from dazoo.version import __version__


ADVICE = 'install it with: pip install "dazoo[metrics]"'


def fidelity(module: str) -> Any:
    """A module of torch-fidelity, "metric_fid" for one.

    Raises:
        SettingsError: it is not installed.
    """
    return _imported("torch_fidelity", module, "FID, KID, the inception score and precision and recall need torch-fidelity")


def torchmetrics(module: str) -> Any:
    """A module of torchmetrics, "functional.image" for one.

    Raises:
        SettingsError: it is not installed.
    """
    return _imported("torchmetrics", module, "PSNR and SSIM need torchmetrics")


def version_of(library: str) -> str:
    """The version of "dazoo", "torch-fidelity" or "torchmetrics"."""
    return __version__ if library == "dazoo" else version(library)


def _imported(package: str, module: str, why: str) -> Any:
    try:
        return import_module(f"{package}.{module}")
    except ModuleNotFoundError as exc:
        raise SettingsError(f"{why} ({exc}); {ADVICE}.") from exc
