"""Names in a library's sources: what a plugin that wraps the library registers, without importing it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path


_BUILDER = re.compile(r"(?:@.*\n)*def (\w+)")


def decorated(package: str, folder: str, decorator: str) -> list[str]:
    """Names of the functions that a decorator marks, sorted; the library is found but not imported (that may take seconds).

    Args:
        package: a top-level package, such as "timm".
        folder: which of its folders to read; folders inside it are not.
        decorator: the line before each function without the "@", such as "register_model".

    Returns:
        Empty when the package is not installed or has no source files beside it.

    Example:
        >>> decorated("a_package_that_is_not_installed", "models", "register_model")
        []
    """
    spec = importlib.util.find_spec(package)
    names: list[str] = []
    for root in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(root, folder).glob("*.py"):
            parts = file.read_text(encoding="utf-8").split(f"\n@{decorator}\n")
            names += [m[1] for m in map(_BUILDER.match, parts[1:]) if m]
    return sorted(names)
