"""Clauses for an entry: a saved model that a plugin brings under the name of its recipe. Those on the Hub are skipped without a network."""

from __future__ import annotations

from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import OfflineError
from dazoo.models.gan_files import is_gan_folder
from dazoo.models.gan_files import read_gan
from dazoo.models.hub import Hub
from dazoo.models.load import Found
from dazoo.models.load import check_entry_name
from dazoo.models.load import found_entry
from dazoo.models.load import read_folder
from dazoo.models.verify import verify
from dazoo.registry.plugins import zoo
from dazoo.testing.clauses import Skip


def is_whole(name: str, settings: dict[str, Any]) -> None:
    """Its folder is there, no file is missing or altered, and the weights fit the networks that its config names."""
    with _telling(name):
        found = _found(name)
        reader = read_gan if is_gan_folder(found.folder) else read_folder
        reader(found.folder, compared=found.compared)


def is_called_like_its_recipe(name: str, settings: dict[str, Any]) -> None:
    """Its name is that of the recipe in its config, so that whoever reads the name knows what it is."""
    with _telling(name):
        check_entry_name(zoo().entries.get(name), _found(name).folder)


def answers_as_when_it_was_saved(name: str, settings: dict[str, Any]) -> None:
    """It gives the golden logits (a GAN: the pictures) that were saved beside it, with the packages that are installed here."""
    with _telling(name):
        found = _found(name)
        verify(name if found.compared else found.folder)


def _found(name: str) -> Found:
    return found_entry(zoo().entries.get(name), None, Hub())


class _telling:
    """A block in which what is wrong with an entry is an AssertionError that names it, and being offline a Skip."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, exc: BaseException | None, trace: Any) -> None:
        if isinstance(exc, OfflineError):
            raise Skip(str(exc)) from exc
        if isinstance(exc, DazooError):
            raise AssertionError(f"{self.name}: {exc}") from exc
