"""Saved models from the Hub: data alone, one commit at a time, in the Hub client's own cache."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub as client
from huggingface_hub import constants
from huggingface_hub import errors as failures

from dazoo.data.paths import cache_dir
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import OfflineError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.config import read_config
from dazoo.version import __version__


_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?", re.ASCII)
_MAX_CARD = 2**20


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
        if self.cache_dir is None and constants.HF_HUB_CACHE.startswith("~"):  # the client found no home folder
            object.__setattr__(self, "cache_dir", cache_dir() / "hub")

    def snapshot(self, repo: str, revision: str = "main") -> Snapshot:
        """Fetch what is missing of a saved model. A commit that is in the cache needs no request.

        config.json is fetched once and first (the Hub counts its requests as downloads); the others follow at the commit
        that it came from, so that one model never mixes two commits.

        Raises:
            InvalidName: no repository's name.
            UnknownName: no such repository or revision, or no right to see it.
            WeightsError: a file is missing, or is larger than its config says.
            OfflineError: the Hub cannot be reached, and the cache does not have the file.
        """
        check_repo(repo)
        config = self._fetch(repo, "config.json", revision)
        commit = config.parent.name if _COMMIT.fullmatch(config.parent.name) else revision
        try:
            files = read_config(config)["files"]
        except WeightsError:  # a damaged copy, or truly a bad config: one more look tells
            _drop(config)
            files = read_config(self._fetch(repo, "config.json", commit))["files"]
        for name, facts in files.items():
            self._within(repo, name, commit, facts["bytes"])
            self._fetch(repo, name, commit)
        if self._cached(repo, "README.md", commit) is None:  # no request when it is known that there is none
            self._fetch_card(repo, commit)
        return Snapshot(repo, commit, config.parent, files)

    def refetch(self, snapshot: Snapshot, name: str) -> None:
        """Throw a file's cached copy away and fetch it once more.

        Raises:
            OfflineError: the Hub cannot be reached.
        """
        _drop(snapshot.folder / name)
        self._fetch(snapshot.repo, name, snapshot.commit)

    def _cached(self, repo: str, name: str, commit: str) -> Any:
        """The path of a file in the cache, a mark that the commit has no such file, or None where nothing is known."""
        return client.try_to_load_from_cache(repo, name, cache_dir=self.cache, revision=commit)

    def _within(self, repo: str, name: str, commit: str, most: int) -> None:
        """Refuse a file that is larger than its config says before it fills the disk."""
        size = self._size(repo, name, commit)
        if size is not None and size > most:
            raise WeightsError(f"{name} of hub:{repo}@{commit} is over-large: {size} bytes, expected at most {most}. Nothing was fetched.")

    def _size(self, repo: str, name: str, commit: str) -> int | None:
        """Bytes that fetching a file would cost; None where it is cached, or the Hub does not say."""
        if self._cached(repo, name, commit) is not None or client.constants.HF_HUB_OFFLINE:
            return None
        url = client.hf_hub_url(repo, name, revision=commit, endpoint=self.endpoint)
        with _spoken(repo, commit, name):
            return client.get_hf_file_metadata(
                url, token=self.token, endpoint=self.endpoint, library_name="dazoo", library_version=__version__
            ).size

    def _fetch_card(self, repo: str, commit: str) -> None:
        """Fetch README.md where there is one of a sensible length; without it, a card is written from the config."""
        try:
            if (self._size(repo, "README.md", commit) or 0) > _MAX_CARD:
                return
        except DazooError:
            pass  # the client remembers a file that is not there only when it was asked for the file itself
        with suppress(DazooError):
            self._fetch(repo, "README.md", commit)

    def _fetch(self, repo: str, name: str, revision: str) -> Path:
        with _spoken(repo, revision, name):
            path = client.hf_hub_download(
                repo, name, revision=revision, library_name="dazoo", library_version=__version__,
                cache_dir=self.cache, endpoint=self.endpoint, token=self.token,
            )  # fmt: skip
        return Path(path)


def _drop(link: Path) -> None:
    """Remove a file of a snapshot, and the blob that it links to; nothing outside the repository's own cache is ever removed."""
    blob, own = link.resolve(), link.parents[2].resolve() / "blobs"  # <cache>/<repository>/snapshots/<commit>/<file>
    link.unlink(missing_ok=True)
    if blob.parent == own:
        blob.unlink(missing_ok=True)


def check_repo(repo: str) -> None:
    """Refuse what the Hub would not take as "user/repo".

    Raises:
        InvalidName: it says what a name looks like.
    """
    parts = repo.split("/")
    bad = len(parts) != 2 or len(repo) > 96 or "--" in repo or ".." in repo or repo.endswith(".git")
    if bad or not all(_NAME.fullmatch(p) for p in parts):
        raise InvalidName(f"'hub:{repo}' names no repository; expected 'hub:user/repo' or 'hub:user/repo@revision'.")


class _spoken:
    """A block whose Hub client errors become dazoo's own, with the repository, revision and file named."""

    def __init__(self, repo: str, revision: str, file: str) -> None:
        self.repo, self.where = repo, f"{file} of hub:{repo}@{revision}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if not isinstance(exc, Exception) or isinstance(exc, DazooError):
            return
        where, reason = self.where, " ".join(str(exc).split())[:300]
        if isinstance(exc, failures.LocalEntryNotFoundError | failures.OfflineModeIsEnabled):
            raise OfflineError(f"{where} is not in the cache, and the Hub cannot be reached: {reason} Go online once.") from exc
        if isinstance(exc, failures.GatedRepoError):
            raise UnknownName(f"{where}: the repository is gated. Ask for access on its page, then log in with 'hf auth login'.") from exc
        if isinstance(exc, failures.RepositoryNotFoundError):
            raise UnknownName(f"{where}: no such repository, or it is private. Check the spelling, or run 'hf auth login'.") from exc
        if isinstance(exc, failures.RevisionNotFoundError):
            raise UnknownName(f"{where}: there is no such revision. Leave it out, or give a branch, a tag or a full commit hash.") from exc
        if isinstance(exc, failures.EntryNotFoundError):
            raise WeightsError(f"{where} is missing; the repository is no complete model saved by dazoo.") from exc
        if isinstance(exc, OSError) and exc.errno is not None:
            raise OfflineError(f"{where} cannot be written to the cache: {exc.strerror}. Free space, or set HF_HOME.") from exc
        raise OfflineError(f"{where} cannot be fetched: {type(exc).__name__}: {reason}. Try again later, or load a folder.") from exc
