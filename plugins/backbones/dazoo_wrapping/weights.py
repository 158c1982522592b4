"""Weights from elsewhere: safetensors or plain tensors, never a pickle that runs code, and strict but for layers that are left out."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from typing import TypeGuard

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch import nn

from dazoo.data import expanded
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError


BROKEN = (UnpicklingError, SafetensorError, EOFError, RuntimeError)
"""What readers of weights raise for a file that is damaged, does not fit, or holds more than tensors."""


def is_path(pretrained: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether it names a file and no tag of the library: it ends in .safetensors or has a separator in it."""
    if isinstance(pretrained, str):
        return pretrained.endswith(".safetensors") or "/" in pretrained or os.sep in pretrained
    return isinstance(pretrained, os.PathLike)


def digest_of(path: str | os.PathLike[str]) -> str:
    """sha256 of a file of weights.

    Raises:
        WeightsError: it cannot be read.
    """
    file = _found(path)
    try:
        facts = file.stat()
        return _digest(file, facts.st_size, facts.st_mtime_ns)
    except OSError as exc:
        raise WeightsError(f"{file} cannot be read: {exc.strerror or exc}.") from exc


@cache
def _digest(file: Path, size: int, changed: int) -> str:
    """Once for each version of a file: a benchmark asks for it with every cell."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        WeightsError: it is missing, damaged, or of another format.
    """
    file = _found(path)
    try:
        return load_file(file)
    except OSError as exc:
        raise WeightsError(f"{file} cannot be read: {exc.strerror or exc}.") from exc
    except (SafetensorError, ValueError, KeyError) as exc:
        raise WeightsError(
            f"{file} is no whole safetensors file ({exc}); copy or fetch it again, or convert a pickled state_dict with "
            "safetensors.torch.save_file. Pickles are not read from a path."
        ) from exc


def fill(net: nn.Module, tensors: Mapping[str, Tensor], kept: Collection[str], whose: str, known: Collection[str] = ()) -> None:
    """Load tensors into a network, strictly for what is kept of it.

    Args:
        kept: names in the network that must come from `tensors`. Those of layers that are left out, such as the library's own head, may be
            there or not, in any shape.
        whose: what messages call the weights, such as "weights.safetensors as weights of timm's resnet18".
        known: names that may be there although the network no longer has them.

    Raises:
        WeightsError: names that are missing or strange, shapes that differ; the message says which.
    """
    state = net.state_dict()
    # torch itself fills in this counter, which older states do not have
    missing = [k for k in kept if k not in tensors and not k.endswith("num_batches_tracked")]
    strange = [k for k in tensors if k not in state and k not in known]
    found = {k: tensors[k] for k in kept if k in tensors}
    shapes = [f"{k} is {tuple(v.shape)} and not {tuple(state[k].shape)}" for k, v in found.items() if v.shape != state[k].shape]
    problems = [f"{what}: {_few(names)}" for what, names in (("missing", missing), ("unknown", strange), ("shapes", shapes)) if names]
    if problems:
        raise WeightsError(f"{whose}: they do not fit ({'; '.join(problems)}). Choose the architecture that they were trained with.")
    net.load_state_dict({**state, **found}, strict=True)


@contextlib.contextmanager
def tensors_only() -> Iterator[None]:
    """Inside, torch.load reads tensors alone, whatever the library asks for: no pickle runs code."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def check_form(pretrained: Any, arch: str) -> None:
    """Raises SettingsError for a `pretrained` that is no bool, text or path."""
    if not isinstance(pretrained, bool | str | os.PathLike) or pretrained == "":
        raise SettingsError(
            f"pretrained of {arch} is {pretrained!r}; expected True, a tag of the library, or a path to a safetensors file."
        )


def _found(path: str | os.PathLike[str]) -> Path:
    file = expanded(path)
    if not file.is_file():
        raise WeightsError(
            f"pretrained names {file}, which is {'no file' if file.exists() else 'not there'}; give a safetensors file's path."
        )
    return file


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
