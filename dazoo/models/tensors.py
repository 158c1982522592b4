"""Weights files: safetensors written so that equal weights give equal bytes, and read strictly, digest first."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save_file
from torch import Tensor
from torch import nn

from dazoo.engine.state import state_of
from dazoo.errors import WeightsError
from dazoo.plain import digest_of
from dazoo.plain import no_twins


MAX_HEADER = 25 * 2**20
"""Bytes of a safetensors header; the format allows 100 MB, which no network here needs."""


class AlteredFile(WeightsError):
    """A file whose bytes are not those that config.json promises; `path` is the file."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def write_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write a safetensors file.

    Every tensor is copied to the CPU, contiguous and by itself: tied weights are stored once for each name, so that a
    strict load finds every name. The metadata is {"format": "pt"} alone: two keys would come in a random order, and the
    same weights would have another digest each time. The file's mode follows the umask (safetensors itself leaves 0600).

    Raises:
        WeightsError: something in the state that is no tensor, or not finite.
        OSError: it cannot be written.
    """
    plain: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise WeightsError(f"{path.name}: the state {name!r} is a {type(value).__name__}; only tensors can be saved.")
        plain[name] = value.detach().to("cpu", copy=True).contiguous()
    _check_finite(path.name, plain)
    path.touch()
    mode = path.stat().st_mode & 0o777
    try:
        save_file(plain, path, metadata={"format": "pt"})
    except SafetensorError as exc:  # its text is the system's
        raise OSError(str(exc)) from exc
    os.chmod(path, mode)


def check_file(path: Path, facts: Mapping[str, Any]) -> None:
    """Compare a file with the length and sha256 that config.json gives for it, before anything in it is read.

    Raises:
        AlteredFile: missing, longer, shorter or with other bytes.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise AlteredFile(_missing(path), path) from None
    if size != facts["bytes"]:
        what = "truncated" if size < facts["bytes"] else "over-large"
        raise AlteredFile(f"{path} is {what}: {size} bytes, and config.json says {facts['bytes']}. Fetch or save the model again.", path)
    found = digest_of(path)["sha256"]
    if found != facts["sha256"]:
        raise AlteredFile(
            f"{path} is altered: its sha256 is {found[:12]}..., config.json says {facts['sha256'][:12]}.... Fetch it again.", path
        )


def _missing(path: Path) -> str:
    beside = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    pickles = [n for n in beside if n.endswith((".pt", ".pth", ".bin", ".pkl", ".ckpt"))]
    others = [n for n in beside if n.endswith(".safetensors")]
    hint = f" There is {', '.join(others)}; was it renamed?" if others else ""
    hint = f" There is {pickles[0]}, but dazoo reads no pickle." if pickles else hint
    return f"{path} is missing, and config.json lists it.{hint} Fetch or save the model again."


def read_header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of every tensor by name, without reading the tensors.

    Raises:
        WeightsError: no safetensors file, or a header that is too long or says a name twice.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(MAX_HEADER, max(path.stat().st_size - 8, 0)):
                raise ValueError(f"its header would be {length} bytes long")
            header = json.loads(file.read(length), object_pairs_hook=no_twins)
        header.pop("__metadata__", None)
        return {name: (str(facts["dtype"]), tuple(int(n) for n in facts["shape"])) for name, facts in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise WeightsError(f"{path} is no safetensors file ({exc}); dazoo reads nothing else. Fetch or save the model again.") from exc


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a file, on the CPU.

    Raises:
        WeightsError: no safetensors file, or values that are not finite.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as exc:
        raise WeightsError(f"{path} is no safetensors file ({exc}); dazoo reads nothing else. Fetch or save the model again.") from exc
    _check_finite(str(path), tensors)
    return tensors


def _check_finite(where: str, tensors: Mapping[str, Tensor]) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{where}: {name!r} holds values that are not finite; the training that made it had diverged.")


def check_fit(path: Path, state: Mapping[str, Any], whose: str) -> None:
    """Compare a file's header with a network's state (which may be on the meta device) before a tensor is read.

    Raises:
        WeightsError: a tensor that is missing, left over or of another shape or type.
    """
    if problems := misfits(read_header(path), state):
        raise WeightsError(f"{path} does not fit {whose}: it {problems}. Use the plugin version that saved it.")


def load_groups(path: Path, facts: Mapping[str, Any], modules: Mapping[str, nn.Module], whose: str) -> None:
    """Load what `state_of` named into the modules, strictly; `facts` is what config.json says of the file.

    Raises:
        WeightsError: a file that is missing or altered, or that does not fit.
    """
    check_file(path, facts)
    check_fit(path, state_of(modules), whose)
    tensors = read_tensors(path)
    for name, module in modules.items():
        module.load_state_dict({k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}, strict=True)


def misfits(found: Mapping[str, tuple[str, tuple[int, ...]]], state: Mapping[str, Any]) -> str:
    """How tensors differ from those of a network's state, in words after "it"; empty where they fit.

    Args:
        found: type (as safetensors or torch spells it) and shape by name.
        state: of the network; it may be on the meta device.
    """
    wanted = {k: v for k, v in state.items() if isinstance(v, Tensor)}
    problems = [f"lacks {_some(set(wanted) - set(found))}"] if set(wanted) - set(found) else []
    problems += [f"has {_some(set(found) - set(wanted))}, which the network lacks"] if set(found) - set(wanted) else []
    for name in sorted(set(found) & set(wanted)):
        kind, shape = found[name]
        if shape != tuple(wanted[name].shape):
            problems.append(f"has {name!r} with shape {list(shape)}, and the network has {list(wanted[name].shape)}")
        elif kind.lower().startswith(("f", "bf")) != wanted[name].is_floating_point():  # half precision may be stored, integers may not
            problems.append(f"has {name!r} as {kind}, and the network as {wanted[name].dtype}")
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return "; it ".join(problems[:3]) + more


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(map(repr, listed[:3])) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
