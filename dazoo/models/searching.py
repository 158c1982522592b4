"""Models on the Hub that say that they are dazoo's, whoever published them."""

from __future__ import annotations

from dataclasses import dataclass

from dazoo.models.hub import Hub
from dazoo.models.hub_errors import spoken
from dazoo.streams import one_line


LIBRARY = "dazoo"
"""The library tag by which they are found."""


@dataclass(frozen=True)
class Hit:
    """A repository: "user/name", its task, tags, and how often it was fetched and liked. What it says of itself nobody has checked."""

    repo: str
    task: str
    tags: tuple[str, ...]
    downloads: int
    likes: int

    @property
    def ref(self) -> str:
        """What `dazoo.load` or `dazoo.load_gan` takes."""
        return f"hub:{self.repo}"


def search(text: str = "", *, limit: int = 50, hub: Hub | None = None) -> tuple[Hit, ...]:
    """Models on the Hub with the library tag "dazoo".

    Args:
        text: a part of their names; all of them unless given.
        limit: at most so many.
        hub: where to look; the public Hub unless given.

    Raises:
        OfflineError: the Hub cannot be reached.
    """
    with spoken("the list of models"):
        found = list((hub or Hub()).api().list_models(filter=LIBRARY, search=text or None, limit=limit))
    return tuple(
        Hit(one_line(m.id), one_line(m.pipeline_tag or ""), tuple(map(one_line, m.tags or ())), m.downloads or 0, m.likes or 0)
        for m in found
        if (m.library_name or LIBRARY) == LIBRARY
    )
