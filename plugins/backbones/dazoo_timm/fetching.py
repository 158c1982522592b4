"""timm's own weights: which there are, and how they come without a pickle that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pathlib import PurePosixPath
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import timm
import torch
from huggingface_hub import constants
from huggingface_hub import hf_hub_download
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.errors import LocalEntryNotFoundError
from timm.models import PretrainedCfg
from timm.models import get_arch_pretrained_cfgs
from torch import nn

from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo_wrapping.finding import answers
from dazoo_wrapping.weights import BROKEN
from dazoo_wrapping.weights import check_form
from dazoo_wrapping.weights import is_path
from dazoo_wrapping.weights import tensors_only


SAFETENSORS = "model.safetensors"
_NETWORK = (LocalEntryNotFoundError, HfHubHTTPError, URLError, ConnectionError, TimeoutError)


def cfg_of(arch: str, pretrained: Any) -> tuple[str, PretrainedCfg]:
    """timm's "name.tag" and what it says of these weights (mean, deviation, size); of a file: of the architecture's default.

    Raises:
        SettingsError: an unknown architecture or tag, or no weights.
    """
    if not timm.is_model(arch):
        raise SettingsError(f"timm {timm.__version__} has no architecture {arch!r}; `dazoo list backbones 'timm_*'` shows what it has.")
    check_form(pretrained, arch)
    if pretrained is False or is_path(pretrained):
        return arch, _cfg(arch)
    known = {name.partition(".")[2]: cfg for name, cfg in get_arch_pretrained_cfgs(arch).items() if cfg.has_weights}
    if not known:
        raise SettingsError(f"timm has no pretrained weights for {arch}; name timm_{arch} for a random start, or give a file's path.")
    if pretrained is not True and pretrained not in known:
        has = ", ".join(filter(None, known)) or "one set, pretrained=True"
        raise SettingsError(f"timm's {arch} has no weights tagged {pretrained!r}; it has {has}. A path to a file ends in .safetensors.")
    name = arch if pretrained is True else f"{arch}.{pretrained}"
    return name, _cfg(name)


def in_cache(cfg: PretrainedCfg) -> Path | None:
    """The file of these weights in a cache: huggingface_hub's, or torch's for weights that come from an address."""
    if cfg.hf_hub_id:
        repo, _, revision = cfg.hf_hub_id.partition("@")
        found = try_to_load_from_cache(repo, cfg.hf_hub_filename or SAFETENSORS, revision=revision or None)
        return Path(found) if isinstance(found, str) else None
    file = Path(torch.hub.get_dir(), "checkpoints", PurePosixPath(urlparse(str(cfg.url or "")).path).name)
    return file if file.is_file() else None


def arrives(cfg: PretrainedCfg, seconds: float) -> bool:
    """Whether a server that answers within that time hands over the weights; they are in the cache then."""
    if not cfg.hf_hub_id or constants.HF_HUB_OFFLINE or not answers(constants.ENDPOINT, seconds):
        return False
    repo, _, revision = cfg.hf_hub_id.partition("@")
    try:
        hf_hub_download(repo, cfg.hf_hub_filename or SAFETENSORS, revision=revision or None, etag_timeout=seconds)
    except (*_NETWORK, OSError):
        return False
    return True


def fetch(name: str, options: Mapping[str, Any]) -> nn.Module:
    """The whole network with timm's weights, loaded strictly by timm from its cache or source. A cached file is used without a request.

    Raises:
        OfflineError: they are not in the cache and cannot be downloaded.
        WeightsError: they are damaged, do not fit, or are a pickle of more than tensors.
    """
    here = in_cache(_cfg(name))
    found: dict[str, Any] = {} if here is None else {"pretrained_cfg_overlay": {"file": str(here)}}
    try:
        with tensors_only():
            return timm.create_model(name, pretrained=True, **found, **options)
    except Exception as exc:
        cfg = _cfg(name)
        where = cfg.hf_hub_id or cfg.url
        reason = f"{type(exc).__name__}: {' '.join(str(exc).split())[:160]}"
        if _is_network(exc):
            how = f"`hf download {cfg.hf_hub_id}`" if cfg.hf_hub_id else "download that file to torch's hub cache"
            raise OfflineError(
                f"The pretrained weights of timm's {name} ({where}) are not in the cache and cannot be downloaded ({reason}). Fetch them "
                f"where there is a network ({how}; HF_HOME names the cache folder, HF_HUB_OFFLINE=1 forbids downloads), give a file with "
                "pretrained=PATH, or name the backbone without _pretrained for a random start."
            ) from exc
        if isinstance(exc, BROKEN):
            raise WeightsError(
                f"The pretrained weights of timm's {name} ({where}) cannot be used ({reason}). "
                "Remove them from the cache and fetch them again."
            ) from exc
        raise


def _cfg(name: str) -> PretrainedCfg:
    """timm's record of the weights; where it has none, its defaults, as timm itself takes them."""
    found = timm.get_pretrained_cfg(name)
    return PretrainedCfg() if found is None else found


def _is_network(exc: BaseException | None) -> bool:
    """Whether an error, or what caused it, is the network's or the cache's."""
    while exc is not None:
        if isinstance(exc, _NETWORK) or type(exc).__module__.partition(".")[0] in ("httpx", "requests", "urllib3"):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
