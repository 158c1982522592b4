"""Where and how precisely to compute."""

from __future__ import annotations

import os

import torch

from dazoo.engine.peers import launched
from dazoo.errors import SettingsError
from dazoo.plain import shown


def choose_device(name: str | torch.device) -> torch.device:
    """The device called `name`; "auto" is CUDA where there is one. Each process that torchrun started has a GPU of its own.

    Raises:
        SettingsError: a device that this machine or this build of torch does not have.
    """
    have = devices()
    wanted = str(name) if name != "auto" else "cuda" if "cuda" in have else "cpu"
    if wanted == "cuda" and launched():
        wanted = f"cuda:{os.environ['LOCAL_RANK']}"
    if wanted not in have:
        raise SettingsError(
            f"device is {shown(wanted)}; expected auto, cpu, cuda or cuda:N. torch {torch.__version__} can use here: {', '.join(have)}."
        )
    return torch.device(wanted)


def devices() -> list[str]:
    """Names of the devices that torch can compute on here; a kind of device without a number is its current one."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.xpu.is_available():
        found += ["xpu", *(f"xpu:{i}" for i in range(torch.xpu.device_count()))]
    if torch.backends.mps.is_available():
        found += ["mps", "mps:0"]
    return found


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 arithmetic is fast on the device (an old CPU emulates it, slower than fp32)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    if device.type != "cpu":
        return False  # nothing here says that it is fast; --set precision=bf16 asks for it
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # there is no public question for this yet
    return bool(supported and supported())


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The autocast context of a run: bf16, or nothing."""
    on = precision == "bf16" or precision == "auto" and has_bf16(device)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=on)
