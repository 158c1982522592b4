"""Where weights are: a folder of the user's own, the library's cache, or a server that answers at once."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request
from urllib.request import urlopen

from dazoo.data import expanded


FOLDER = "DAZOO_WEIGHTS"
"""Variable that names a folder of safetensors files, each called after its architecture: `resnet18.safetensors`, or
`timm_resnet18.safetensors` where files of several libraries lie together."""


def in_folder(prefix: str, arch: str) -> Path | None:
    """The file of an architecture's weights in the user's folder, or None."""
    named = os.environ.get(FOLDER)
    if not named:
        return None
    names = (f"{prefix}{arch}.safetensors", f"{arch}.safetensors")
    return next((file for name in names if (file := expanded(named) / name).is_file()), None)


@cache
def answers(host: str, seconds: float) -> bool:
    """Whether a server ("https://host") answers within that time; asked once, without a second try."""
    found: list[bool] = []

    def ask() -> None:
        try:
            urlopen(Request(host, method="HEAD"), timeout=seconds).close()
        except HTTPError:  # it answers, and only dislikes the question
            found.append(True)
        except (OSError, ValueError):
            pass
        else:
            found.append(True)

    thread = threading.Thread(target=ask, daemon=True)  # a name that is not resolved can take longer than any timeout
    thread.start()
    thread.join(seconds)
    return bool(found)
