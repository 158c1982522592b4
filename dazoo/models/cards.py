"""The cards of the entries that are installed: to read, and to hold a folder of copies true to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from huggingface_hub import RepoCard

from dazoo.models.card import render_card
from dazoo.models.card_hub import put
from dazoo.models.card_hub import section
from dazoo.models.card_hub import without_front
from dazoo.models.config import PICTURES
from dazoo.models.config import read_config
from dazoo.models.gan_card import gan_card
from dazoo.models.gan_files import is_gan_folder
from dazoo.models.gan_files import read_gan
from dazoo.models.hub import Hub
from dazoo.models.load import CARD
from dazoo.models.load import located
from dazoo.models.load import read_card
from dazoo.registry.plugins import zoo


COUNTED = ("Results", "Scores")
"""Sections whose numbers are those of config.json."""


def card(ref: str | os.PathLike[str], hub: Hub | None = None) -> str:
    """The card of what a reference names (see `dazoo.load`); written from the config where the folder has none.

    Raises:
        InvalidName, UnknownName, AmbiguousName, WeightsError, OfflineError: see `dazoo.load`.
    """
    folder = located(ref, hub=hub).folder
    text = read_card(folder / CARD)
    if text is not None:
        return text
    if not is_gan_folder(folder):
        return render_card(read_config(folder / "config.json"), pictures=_pictures(folder))
    model = read_gan(folder)
    return gan_card(model.config, model.verbs())


def true_card(text: str, config: Mapping[str, Any], pictures: list[str]) -> str:
    """A classifier's card with the numbers of its config: in its results, its scores and its front matter. All else stays."""
    fresh = render_card(config, pictures=pictures)
    old, new = RepoCard(text).data.to_dict(), RepoCard(fresh).data.to_dict()
    for key in ("model-index", "metrics"):
        old.pop(key, None)
        if key in new:
            old[key] = new[key]
    body = without_front(text)
    for title in COUNTED:
        if (counted := section(fresh, title)) is not None:
            body = put(body, title, counted, before="Limits")
    return f"---\n{ModelCardData(**old).to_yaml()}\n---\n\n{body}"


def check_cards(folder: Path, *, write: bool = False) -> dict[str, list[str]]:
    """What is not true in a folder of cards, NAME.md for each installed entry, by file; empty where all is.

    Args:
        folder: of the cards. write: mend it: write the cards that differ, and an entry's own README.md too where its numbers differ.

    Raises:
        OSError: a file that cannot be written.
    """
    found: dict[str, list[str]] = {}
    names = {name: name.replace(":", ".") for name in zoo().entries.names()}
    for name, stem in names.items():
        file, place = folder / f"{stem}.md", located(name).folder
        own = card(name)
        wanted = own if is_gan_folder(place) else true_card(own, read_config(place / "config.json"), _pictures(place))
        problems = []
        if own != wanted:
            problems.append(f"the entry's own {CARD} differs from its config.json: {_difference(own, wanted)}")
            if write:
                (place / CARD).write_text(wanted, encoding="utf-8")
        there = read_card(file)
        if there != wanted:
            problems.append("it is missing" if there is None else f"it differs from the entry's card: {_difference(there, wanted)}")
            if write:
                file.write_text(wanted, encoding="utf-8")
        if problems:
            found[file.name] = problems
    for file in sorted(folder.glob("*.md")):
        if file.stem not in names.values() and file.name != CARD:
            found[file.name] = ["no installed entry has this name; remove it, or install the plugin"]
    return found


def _difference(there: str, wanted: str) -> str:
    """The first line that differs."""
    mine, right = there.splitlines(), wanted.splitlines()
    for i, (a, b) in enumerate(zip([*mine, *[""] * len(right)], [*right, *[""] * len(mine)], strict=False), 1):
        if a != b:
            return f"line {i} is {a[:80]!r}, expected {b[:80]!r}"
    return "the end of the file"


def _pictures(folder: Path) -> list[str]:
    return sorted(name for name in PICTURES if (folder / name).is_file())
