"""Who brought a thing that a registry has built, so that messages can name its plugin long after it was looked up."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


_NOTE = "_dazoo_origin"


def note(thing: object, text: str) -> None:
    """Remember what messages call a thing, such as "method 'dann' of dazoo-methods 0.1.0". One that takes no attribute keeps none."""
    with suppress(Exception):  # slots, or a class with ideas of its own about attributes
        object.__setattr__(thing, _NOTE, text)


def noted(thing: Any) -> str:
    """What was noted of a thing, or an empty string."""
    found = vars(thing).get(_NOTE) if hasattr(thing, "__dict__") else None
    return found if isinstance(found, str) else ""


def called(thing: Any) -> str:
    """What messages call a thing: as a registry noted it, or its class and module for one that nobody registered."""
    return noted(thing) or f"class {type(thing).__name__} ({type(thing).__module__})"
