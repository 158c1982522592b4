"""Where data sets live and where decoded copies are kept."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dazoo.errors import DataError
from dazoo.plain import expanded


def cache_dir() -> Path:
    """The folder for decoded copies and downloads: variable DAZOO_CACHE, else `$XDG_CACHE_HOME/dazoo`, else `~/.cache/dazoo`.

    It may be one that cannot be made or written. A user without a home folder (a container with a user id that has no name)
    gets `/.cache/dazoo`, as if HOME were "/".

    Raises:
        SettingsError: DAZOO_CACHE is no path (see `expanded`).
    """
    named = os.environ.get("DAZOO_CACHE")
    if named:
        return expanded(named)
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):  # its specification has others ignored
        return Path(shared) / "dazoo"
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/")
    return home / ".cache" / "dazoo"


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder that holds data sets: the argument, else variable DAZOO_DATA, else `data` in the cache folder.

    Raises:
        DataError: a folder was named, by the argument or the variable, and is not there.
        SettingsError: see `expanded`.
    """
    named = root or os.environ.get("DAZOO_DATA")
    if not named:
        return cache_dir() / "data"
    path = expanded(named)
    if not os.path.isdir(path):
        what = "is a file" if os.path.exists(path) else "does not exist"
        where = "--data / root" if root else "the variable DAZOO_DATA"
        raise DataError(f"The data folder {path} ({where}) {what}; name the folder that holds the data sets.")
    return path


def find(root: Path, names: Iterable[str], folder: str) -> Path | None:
    """The first of `names` (files or folders, relative) that is in `root` or `root/folder`; None when none is."""
    places = (root, root / folder)
    return next((p / n for n in names for p in places if (p / n).exists()), None)


def missing(dataset: str, root: Path, looked_for: Iterable[str], how: str, *, split: str = "") -> DataError:
    """The error for a data set that is not under `root`: what was looked for in the places of `find`, and how to get it.

    Args:
        dataset: its name, which is that of its subfolder too.
        split: the part that is not there, where others may be.
    """
    listed = "\n".join(f"  - {name}" for name in looked_for)
    part = f" ({split})" if split else ""
    return DataError(
        f"The data set {dataset!r}{part} is not in {root}. Looked there, and in its subfolder {dataset}/, for one of\n{listed}\n{how}\n"
        "Another data folder is named with --data DIR or the variable DAZOO_DATA."
    )
