"""Files to a repository on the Hub: one commit or none, on what was read, and over nobody else's change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub as client
from huggingface_hub import errors as failures

from dazoo.errors import OfflineError
from dazoo.errors import PublishError
from dazoo.models.config import PICTURES
from dazoo.models.config import WEIGHTS
from dazoo.models.hub import MAIN
from dazoo.models.hub import Hub
from dazoo.models.hub_errors import spoken
from dazoo.models.package import RESULTS
from dazoo.models.package import RUN
from dazoo.models.package import SAMPLES
from dazoo.version import __version__


EVALUATIONS = ".eval_results/dazoo.yaml"
OURS = ("config.json", "README.md", RESULTS, RUN, SAMPLES, EVALUATIONS, *WEIGHTS, *PICTURES)
"""Files that dazoo writes, and takes away where a model no longer has them; all others are the author's and stay."""
SIGNED = "Published-by: dazoo"
"""Stands below the title of every commit that dazoo makes."""
PULLS = 20
"""Open pull requests that are looked at."""


@dataclass(frozen=True)
class Way:
    """How files are sent.

    Attributes:
        private: make a private repository. pull_request: propose the files instead of committing them. branch: another than main.
        message: title of the commit. replace: the commit of somebody else that may be replaced, as its hash.
    """

    private: bool = False
    pull_request: bool = False
    branch: str | None = None
    message: str | None = None
    replace: str | None = None


@dataclass(frozen=True)
class Sent:
    """The commit that holds the files, whether it was made now, and where it is to be looked at."""

    commit: str
    changed: bool
    url: str


def send(hub: Hub, repo: str, files: Mapping[str, Path | bytes], way: Way) -> Sent:
    """Make a repository hold these files; it is created where it is not there.

    Raises:
        UnknownName: no login, or no right to write there.
        PublishError: it holds somebody else's change, is public while it should be private, or was changed meanwhile.
        OfflineError: the Hub does not answer. Nothing is half done; the same call goes on.
    """
    api, where = hub.api(), f"hub:{repo}"
    with spoken(where):
        user = str(api.whoami()["name"])
        head = _opened(api, repo, way)
        mine = {name: _digests(data) for name, data in files.items()}
        there = _tree(api, repo, head)
    page = f"{api.endpoint}/{repo}"
    steps = _steps(files, mine, there)
    if not steps:
        return Sent(head, False, page)
    with spoken(where):
        if way.pull_request:
            for ref in reversed(_pulls(api, repo)[-PULLS:]):
                if not _steps(files, mine, _tree(api, repo, ref.target_commit)):
                    return Sent(ref.target_commit, False, f"{page}/discussions/{ref.ref.rpartition('/')[2]}")
        else:
            _check_head(api, repo, head, there, user, way.replace)
    title = way.message or f"dazoo {__version__}"
    how: dict[str, Any] = {"revision": way.branch or MAIN, "parent_commit": head, "create_pr": way.pull_request or None}
    try:
        with spoken(where):
            made = api.create_commit(repo, steps, commit_message=title, commit_description=f"{SIGNED} {__version__}", **how)
    except OfflineError as exc:
        if getattr(getattr(exc.__cause__, "response", None), "status_code", None) == 412:
            raise PublishError(f"{where} was changed meanwhile; nothing was published. Look at the change, then publish again.") from exc
        return _arrived(api, repo, files, mine, way, exc)
    return Sent(made.oid, True, made.pr_url or page)


def _opened(api: client.HfApi, repo: str, way: Way) -> str:
    """The head of the branch that is written to; repository and branch are made where they are not there."""
    try:
        found = api.model_info(repo)
    except failures.GatedRepoError:
        raise
    except failures.RepositoryNotFoundError:
        if way.pull_request:
            raise
        api.create_repo(repo, private=way.private, exist_ok=True)
        found = api.model_info(repo)
    if way.private and not found.private:
        raise PublishError(f"hub:{repo} is there and public, and this was to be private; nothing was sent. Name another one, or hide it.")
    if way.branch in (None, MAIN):
        return str(found.sha)
    try:
        return str(api.model_info(repo, revision=way.branch).sha)
    except failures.RevisionNotFoundError:
        api.create_branch(repo, branch=str(way.branch), exist_ok=True)
        return str(api.model_info(repo, revision=way.branch).sha)


def _digests(data: Path | bytes) -> tuple[str, str]:
    """How the Hub knows a file: git's name of its content, and the sha256 of a large one."""
    content = data if isinstance(data, bytes) else data.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), hashlib.sha256(content).hexdigest()


def _tree(api: client.HfApi, repo: str, revision: str) -> dict[str, str]:
    """The digest of every file at a commit."""
    entries = api.list_repo_tree(repo, revision=revision, recursive=True)
    return {e.path: e.lfs.sha256 if e.lfs else e.blob_id for e in entries if isinstance(e, client.hf_api.RepoFile)}


def _steps(files: Mapping[str, Path | bytes], mine: Mapping[str, tuple[str, str]], there: Mapping[str, str]) -> list[Any]:
    """What makes a tree hold the files; empty where it does."""
    added = [(name, data if isinstance(data, bytes) else str(data)) for name, data in files.items() if there.get(name) not in mine[name]]
    gone = [name for name in OURS if name in there and name not in files]
    adds = [client.CommitOperationAdd(name, data) for name, data in added]
    return [*adds, *(client.CommitOperationDelete(name) for name in gone)]


def _pulls(api: client.HfApi, repo: str) -> list[Any]:
    return list(api.list_repo_refs(repo, include_pull_requests=True).pull_requests or [])


def _check_head(api: client.HfApi, repo: str, head: str, there: Mapping[str, str], user: str, replace: str | None) -> None:
    """See that the last change is ours, or none at all, or the one that may be replaced.

    Raises:
        PublishError: it is somebody else's.
    """
    if set(there) <= {".gitattributes"}:  # as the Hub made it
        return
    last = api.list_repo_commits(repo, revision=head)[0]
    if replace is not None and len(replace) >= 7 and head.startswith(replace):
        return
    if SIGNED in (last.message or "") and user in last.authors:
        return
    who = ", ".join(last.authors) or "somebody"
    asked = f" --replace names {replace}, which is another one." if replace else ""
    raise PublishError(
        f"hub:{repo} was last changed by {who} ({last.title!r}, commit {head[:12]}), not by a publish of {user}.{asked} Nothing was sent. "
        f"Look at it, then give --replace {head[:12]} to put these files over it (other files stay), or publish with --pr."
    )


def _arrived(api: client.HfApi, repo: str, files: Mapping[str, Path | bytes], mine: Mapping[str, Any], way: Way, exc: OfflineError) -> Sent:
    """What became of a commit whose answer was lost.

    Raises:
        OfflineError: it was not made; the first error.
    """
    try:
        for ref in [r.ref for r in _pulls(api, repo)[-PULLS:]] if way.pull_request else [way.branch or MAIN]:
            if not _steps(files, mine, _tree(api, repo, ref)):
                page = f"/discussions/{ref.rpartition('/')[2]}" if way.pull_request else ""
                return Sent(str(api.model_info(repo, revision=ref).sha), True, f"{api.endpoint}/{repo}{page}")
    except Exception:  # the Hub is gone: nobody knows
        raise type(exc)(f"{exc} Nothing is half done; publish again, and what is there already is not sent twice.") from exc
    raise type(exc)(f"{exc} Nothing was published.") from exc
