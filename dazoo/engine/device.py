"""Where and how precisely to compute."""

from __future__ import annotations

import os

import torch

from dazoo.engine.peers import launched
from dazoo.errors import SettingsError


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" is CUDA where there is one. Each process that torchrun started has a GPU of its own.

    Raises:
        SettingsError: a device that this machine or this build of torch does not have.
    """
    try:
        device = torch.device(name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    except RuntimeError:
        raise SettingsError(f"device is {name!r}; expected auto, cpu, cuda or cuda:N.") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SettingsError(f"device is {name!r}, but torch {torch.__version__} sees no CUDA device here; use --device cpu.")
    if device.type == "cuda" and device.index is None and launched():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 arithmetic is fast on the device (an old CPU emulates it, slower than fp32)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # there is no public question for this yet
    return bool(supported and supported())


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The autocast context of a run: bf16, or nothing."""
    on = precision == "bf16" or precision == "auto" and has_bf16(device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=on)
