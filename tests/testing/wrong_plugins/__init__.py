"""Wrong plugins: each breaks one clause of the contract kit, which has to catch it there and say so in words that help.

Every module holds right plugins of a kind, and wrong ones that change one thing. They began as a stranger's attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """One wrong plugin.

    Attributes:
        kind: of what it brings, or "plugin". title: what is wrong with it, as the name of the class or in words.
        clause: that must catch it. words: each must be in the message, which is one for its author.
        target: the class that is registered; for a plugin the source of its module.
        arguments: that it is registered with.
    """

    kind: str
    title: str
    clause: str
    words: tuple[str, ...]
    target: Any
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}-{self.title}"


class Collection(list[Wrong]):
    """The wrong ones of a kind; a decorator of their classes."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __call__(self, clause: str, *words: str, **arguments: Any) -> Callable[[Any], Any]:
        def add(target: Any) -> Any:
            self.append(Wrong(self.kind, target.__name__, clause, words, target, arguments))
            return target

        return add
