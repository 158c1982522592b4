"""Tables that stand beside the code: class names, one a line."""

from __future__ import annotations

from importlib import resources


def class_names(file: str) -> tuple[str, ...]:
    """The lines of a text file of this package."""
    return tuple(resources.files("dazoo_signs").joinpath(file).read_text(encoding="utf-8").splitlines())
