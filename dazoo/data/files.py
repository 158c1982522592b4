"""Finding picture files: each one once, and whatever is passed over is counted and told."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from dazoo.data.formats import SUFFIXES
from dazoo.data.formats import is_picture_file
from dazoo.data.formats import looks_like_picture
from dazoo.errors import DataError


_SKIPPED = frozenset({"__MACOSX", "__pycache__"})
_COPIES = frozenset(".git .hg .svn .ipynb_checkpoints .Trash .Trashes .Spotlight-V100 .fseventsd".split())
"""Hidden folders that hold no picture of the person's, or only copies."""

_COMPANIONS = frozenset(
    ".txt .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .md .rst .html .htm .py .ipynb .log .db .npy .npz .mat .pkl .h5 .lst"
    " .names .sha256 .md5".split()
)
"""Endings of what commonly lies beside pictures and is none."""


@dataclass
class Scan:
    """What lies in a folder.

    Attributes:
        folder: where it was looked.
        pictures: the files that are read, in natural order ("2" before "10"), each file once.
        repeats: further names of those files: links, and what lies in folders that can be reached on two ways.
        passed: files that are not read, by the reason in words ("ending in .heic", "hidden").
    """

    folder: Path
    pictures: list[Path] = field(default_factory=list)
    repeats: list[Path] = field(default_factory=list)
    passed: dict[str, list[Path]] = field(default_factory=dict)

    def passing(self) -> str:
        """A sentence on what is not read, or nothing."""
        return _sentence([self], self.folder)


def picture_files(folder: Path) -> list[Path]:
    """Every picture file under a folder, at any depth, in natural order; linked folders are followed, each file is found once.

    Pictures that are passed over (hidden, of an unknown ending, a link to nothing, a second name of the same file) are told in a warning.

    Raises:
        DataError: a folder that may not be read.
    """
    found = scan(folder)
    tell_passed([found], folder)
    return found.pictures


def scan(folder: Path, ending: str | None = None) -> Scan:
    """Look through a folder and those in it, through links too; see `Scan`. Each folder is entered once, so no loop of links is endless.

    Args:
        ending: look for files with this ending, such as ".xml", instead of pictures.

    Raises:
        DataError: a folder that may not be read.
    """
    found = Scan(folder)
    numbers: dict[tuple[int, int], Path] = {}
    for path, number in sorted(_walk(folder, found, ending), key=lambda entry: natural(str(entry[0]))):
        first = numbers.setdefault(number, path) if number[1] else path  # 0: the file system numbers no files
        if first is path or not _same(first, path):
            found.pictures.append(path)
        else:
            found.repeats.append(path)
    return found


def class_folders(folder: Path) -> list[Path]:
    """The visible subfolders, in natural order. A link back to the folder itself, or to one above, is none.

    Raises:
        DataError: the folder may not be read.
    """
    above = {_number(p) for p in (folder, *folder.resolve().parents)}
    inner = [Path(e.path) for e in _entries(folder) if _is_dir(e) and not e.name.startswith(".") and e.name not in _SKIPPED]
    return sorted((p for p in inner if not (p.is_symlink() and _number(p) in above)), key=lambda p: natural(p.name))


def tell_passed(scans: Iterable[Scan], folder: Path) -> None:
    """Warn, in one sentence, of what several scans passed over; silent where nothing was."""
    sentence = _sentence(list(scans), folder)
    if sentence:
        warnings.warn(sentence, stacklevel=3)


def natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts "2" before "10", and tells "1" from "01"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text)], text


def _walk(folder: Path, found: Scan, ending: str | None) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Wanted files under a folder with their (device, number); what is passed over goes into `found`."""
    seen = {_number(p) for p in folder.resolve().parents}  # a link that leads up leads round
    linked: list[Path] = []  # entered last, so that a file is known by the name that needs no link
    waiting = [folder]
    while waiting or linked:
        place = waiting.pop() if waiting else linked.pop(0)
        number = _number(place)
        if number in seen:
            continue
        seen.add(number)
        for entry in _entries(place):
            path = Path(entry.path)
            if _is_dir(entry):
                if entry.name in _SKIPPED:
                    continue
                if entry.name.startswith("."):
                    if ending is None and entry.name not in _COPIES and any(is_picture_file(Path(e.name)) for e in _entries(path)):
                        found.passed.setdefault("in hidden folders", []).append(path)
                    continue
                (linked if entry.is_symlink() else waiting).append(path)
                continue
            reason = _reason(entry, path) if ending is None else _is_other(entry, path, ending)
            if reason is None:
                yield path, _number(path) if entry.is_symlink() else (number[0], entry.inode())
            elif reason:
                found.passed.setdefault(reason, []).append(path)
        linked.sort(key=lambda p: natural(str(p)))


def _reason(entry: os.DirEntry[str], path: Path) -> str | None:
    """Why a file is not read: None where it is, "" where nobody would miss it."""
    if entry.name.startswith("._") or entry.name == "Thumbs.db":
        return ""
    kind = path.suffix.lower()
    hidden, known = entry.name.startswith("."), kind in SUFFIXES
    if hidden:
        return "hidden" if is_picture_file(Path(entry.name.lstrip("."))) else ""
    if not _is_file(entry):
        if entry.is_symlink() and kind not in _COMPANIONS:
            return "a link to nothing"
        return "no ordinary file" if known else ""
    if known:
        return None
    if kind in _COMPANIONS or not kind and not looks_like_picture(path):
        return ""
    return f"ending in {path.suffix}" if kind else "without an ending"


def _is_other(entry: os.DirEntry[str], path: Path, ending: str) -> str | None:
    """None for a file with the ending, "" for others."""
    wanted = path.suffix.lower() == ending and not entry.name.startswith(".") and _is_file(entry)
    return None if wanted else ""


def _sentence(scans: list[Scan], folder: Path) -> str:
    passed: dict[str, list[Path]] = {}
    for one in scans:
        for reason, paths in one.passed.items():
            passed.setdefault(reason, []).extend(paths)
    repeats = [p for one in scans for p in one.repeats]
    if repeats:
        passed["a further name of a picture that counts already"] = repeats
    if not passed:
        return ""
    missed, read = sum(map(len, passed.values())), sum(len(one.pictures) for one in scans)
    why = "; ".join(f"{len(paths)} {reason} (such as {os.path.relpath(paths[0], folder)})" for reason, paths in sorted(passed.items()))
    unread = any(r.startswith(("ending", "without")) for r in passed)
    known = f" Convert or rename pictures of other kinds; dazoo reads {' '.join(sorted(SUFFIXES))}." if unread else ""
    return f"{folder}: {missed} of {missed + read} files are passed over: {why}.{known}"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"The folder {folder} cannot be read ({error.strerror or error}); see its permissions, or remove it.") from error


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _number(path: Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); see its permissions, or remove it.") from error
    return stat.st_dev, stat.st_ino


def _same(one: Path, other: Path) -> bool:
    """Whether two names are those of one file; a listing's numbers alone may deceive where file systems lie over each other."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
