"""Saved models from the Hub: data alone, one commit at a time, in the Hub client's own cache."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub as client
from huggingface_hub import constants

from dazoo.data.paths import cache_dir
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import OfflineError
from dazoo.errors import WeightsError
from dazoo.models.config import MAX_CONFIG
from dazoo.models.config import listed_files
from dazoo.models.hub_errors import Unreachable
from dazoo.models.hub_errors import spoken
from dazoo.models.tensors import AlteredFile
from dazoo.models.tensors import check_file
from dazoo.plain import shown
from dazoo.version import __version__


COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"
TRIES, LONGEST_WAIT = 4, 30.0
"""How often the Hub is asked for something that the cache lacks, and the seconds that dazoo waits where it asks for patience."""
_NAME = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?", re.ASCII)
_REVISION = re.compile(r"[\w.+-]+(?:/[\w.+-]+)*", re.ASCII)
_MAX_CARD = 2**20
_OWN: Any = {"library_name": "dazoo", "library_version": __version__}


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository in the cache: its folder, and sha256 and length of its weights files by name."""

    repo: str
    commit: str
    folder: Path
    files: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Hub:
    """Where repositories are looked up and kept.

    Attributes:
        endpoint: address of the Hub; HF_ENDPOINT or the public one unless given.
        cache_dir: the cache; HF_HOME's unless given.
        token: for private repositories; the stored one unless given.
    """

    endpoint: str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    token: str | None = None

    @property
    def cache(self) -> str | None:
        """`cache_dir` as the client takes it."""
        return None if self.cache_dir is None else os.fspath(self.cache_dir)

    def __post_init__(self) -> None:
        for name, variable in (("endpoint", "HF_ENDPOINT"), ("cache_dir", "HF_HUB_CACHE")):  # the client reads them when it is imported
            if getattr(self, name) is None:
                object.__setattr__(self, name, os.environ.get(variable) or None)
        if self.cache_dir is None and constants.HF_HUB_CACHE.startswith("~"):  # the client found no home folder
            object.__setattr__(self, "cache_dir", cache_dir() / "hub")

    def api(self) -> client.HfApi:
        """The client, for what is no download."""
        return client.HfApi(endpoint=self.endpoint, token=self.token, **_OWN)

    def snapshot(self, repo: str, revision: str = MAIN) -> Snapshot:
        """Fetch what is missing of a saved model, and see that every file is the one that its config.json lists.

        A commit that is in the cache needs no request, a branch one. config.json is fetched once and first (the Hub counts its requests as
        downloads); the others follow at the commit that it came from, so that one model never mixes two commits. A file whose cached copy
        is damaged is fetched once more; the copy is replaced only when the new one is there.

        Raises:
            InvalidName: no name of a repository or revision.
            UnknownName: no such repository or revision, or no right to see it.
            WeightsError: a file that is missing, altered, or larger than its config says.
            OfflineError: the Hub cannot be reached, and the cache does not have the file.
        """
        check_repo(repo)
        check_revision(repo, revision)
        config = self._config(repo, revision)
        commit = config.parent.name if COMMIT.fullmatch(config.parent.name) else revision
        try:
            files = listed_files(config)
        except WeightsError as damaged:  # a damaged copy, or truly a bad config: one more look tells
            files = listed_files(self._anew(repo, "config.json", commit, damaged, MAX_CONFIG))
        for name, facts in files.items():
            path = self._fetch(repo, name, commit, facts["bytes"])
            try:
                check_file(path, facts)
            except AlteredFile as damaged:  # a broken transfer or cache, most often
                check_file(self._anew(repo, name, commit, damaged, facts["bytes"]), facts)
            except OSError as exc:
                raise WeightsError(f"{path} cannot be read: {exc.strerror}. Remove it, and it is fetched again.") from exc
        self._fetch_card(repo, commit)
        return Snapshot(repo, commit, config.parent, files)

    def _cached(self, repo: str, name: str, revision: str) -> Any:
        """The path of a file in the cache, a mark that the commit has no such file, or None where nothing is known."""
        return client.try_to_load_from_cache(repo, name, cache_dir=self.cache, revision=revision)

    def _config(self, repo: str, revision: str) -> Path:
        """The path of config.json at a revision; a cached one where the Hub does not answer."""
        here = self._cached(repo, "config.json", revision)
        if isinstance(here, str) and (COMMIT.fullmatch(revision) or constants.HF_HUB_OFFLINE):
            return Path(here)
        try:
            head = self._head(repo, "config.json", revision, tries=1 if isinstance(here, str) else TRIES)
        except Unreachable:
            if isinstance(here, str):
                return Path(here)
            raise
        if isinstance(here, str) and head is not None and Path(here).parent.name == head.commit_hash:
            return Path(here)
        self._within(repo, "config.json", revision, head, MAX_CONFIG)
        return self._download(repo, "config.json", revision)

    def _fetch_card(self, repo: str, commit: str) -> None:
        """Fetch README.md where there is one of a sensible length, in one try; without it, a card is written from the config."""
        if self._cached(repo, "README.md", commit) is not None:  # it is there, or is known not to be
            return
        with suppress(DazooError):
            try:
                head = self._head(repo, "README.md", commit, 1)
            except WeightsError:
                head = None  # there is none; the client remembers that only when it was asked for the file itself
            self._within(repo, "README.md", commit, head, _MAX_CARD)
            self._download(repo, "README.md", commit)

    def _fetch(self, repo: str, name: str, commit: str, most: int) -> Path:
        """The path of a file at a commit, downloaded where the cache lacks it and it has `most` bytes or fewer."""
        here = self._cached(repo, name, commit)
        if isinstance(here, str):
            return Path(here)
        self._within(repo, name, commit, self._head(repo, name, commit, TRIES), most)
        return self._download(repo, name, commit)

    def _anew(self, repo: str, name: str, commit: str, damaged: WeightsError, most: int) -> Path:
        """A file fetched once more, in place of a copy that is damaged.

        Raises:
            WeightsError: nothing came; it says what is wrong with the copy, which stays, and why there is no other.
        """
        try:
            head = self._head(repo, name, commit, 2)
            self._within(repo, name, commit, head, most)
            path = self._download(repo, name, commit, force_download=True)
            with spoken(f"{name} of hub:{repo}@{commit}"):
                blob = path.parents[2] / "blobs" / str(head.etag)
                if not path.is_symlink() and blob.is_file():  # no links there: the client leaves the old copy in its place
                    os.replace(blob, path)
            return path
        except OfflineError as exc:
            raise WeightsError(f"{damaged} The copy in the cache may be damaged, and another could not be fetched: {exc}") from exc

    def _within(self, repo: str, name: str, revision: str, head: Any, most: int) -> None:
        """Refuse a file that is larger than its config says before it fills the disk."""
        if head is not None and head.size is not None and head.size > most:
            raise WeightsError(
                f"{name} of hub:{repo}@{revision} is over-large: {head.size} bytes, expected at most {most}. Nothing was fetched."
            )

    def _head(self, repo: str, name: str, revision: str, tries: int) -> Any:
        """What the Hub says of a file (commit, size) before it is fetched. It is asked again while it is out of breath.

        Raises:
            UnknownName, WeightsError, OfflineError: see `spoken`.
        """
        if constants.HF_HUB_OFFLINE:
            raise Unreachable(
                f"{name} of hub:{repo}@{revision} is not in the cache, and the Hub cannot be reached: offline mode is enabled "
                "(HF_HUB_OFFLINE). Go online once."
            )
        url = client.hf_hub_url(repo, name, revision=revision, endpoint=self.endpoint)
        for again in range(tries - 1, -1, -1):
            try:
                with spoken(f"{name} of hub:{repo}@{revision}"):
                    return client.get_hf_file_metadata(
                        url, token=self.token, endpoint=self.endpoint, timeout=constants.HF_HUB_ETAG_TIMEOUT, **_OWN
                    )
            except Unreachable as exc:
                wait = 2.0 ** (tries - 2 - again) if exc.wait is None else exc.wait + 0.5
                if not again or wait > LONGEST_WAIT:
                    raise
                time.sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")

    def _download(self, repo: str, name: str, revision: str, **how: Any) -> Path:
        """The path of a file that was downloaded; a transfer that is cut goes on once where the client gives up (before 1.20)."""
        for again in (True, False):
            try:
                with spoken(f"{name} of hub:{repo}@{revision}"):
                    path = client.hf_hub_download(
                        repo, name, revision=revision, cache_dir=self.cache, endpoint=self.endpoint, token=self.token, **_OWN, **how
                    )
                    return Path(path)
            except Unreachable:
                if not again:
                    raise
        raise AssertionError("unreachable: the second try returns or raises")


def check_repo(repo: str) -> None:
    """Refuse what the Hub would not take as "user/repo".

    Raises:
        InvalidName: it says what a name looks like.
    """
    parts = repo.split("/")
    bad = len(parts) != 2 or len(repo) > 96 or "--" in repo or ".." in repo or repo.endswith(".git")
    if bad or not all(_NAME.fullmatch(p) for p in parts):
        raise InvalidName(f"{shown(f'hub:{repo}', 120)} names no repository; expected 'hub:user/repo' or 'hub:user/repo@revision'.")


def check_revision(repo: str, revision: str) -> None:
    """Refuse what is no branch, tag, pull request ("refs/pr/1") or commit.

    Raises:
        InvalidName: it has a character that none of them has.
    """
    if len(revision) > 200 or ".." in revision or not _REVISION.fullmatch(revision):
        raise InvalidName(f"hub:{repo} has no revision {shown(revision, 80)}; give a branch, a tag or a full commit hash.")
