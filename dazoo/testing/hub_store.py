"""What the loopback Hub keeps: repositories with their commits, branches, tags and pull requests, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from huggingface_hub import RepoCard


GITATTRIBUTES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
"""What the Hub puts into a new repository."""
DATE = "2026-01-01T00:00:00.000Z"
"""Of every commit: nothing here depends on a clock."""


def is_large(path: str) -> bool:
    """Whether a file is stored as a large one (LFS), which is fetched from another host."""
    return path.endswith((".safetensors", ".bin"))


def sha256(data: bytes) -> str:
    """The digest by which large files are known."""
    return hashlib.sha256(data).hexdigest()


def blob_id(data: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass(frozen=True)
class Commit:
    """All files of a repository at one moment. `oid` has 40 hexadecimal digits; `message` is the text below the title."""

    oid: str
    parent: str | None
    files: Mapping[str, bytes]
    title: str
    message: str
    author: str


@dataclass
class Repository:
    """One repository: its commits by oid, and what branches, tags and pull requests ("refs/pr/1") point at.

    Attributes:
        private: nobody but its owner sees that it exists. gated: its files go to nobody but its owner.
        disabled: closed by the Hub.
    """

    id: str
    private: bool = False
    gated: bool = False
    disabled: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.id.partition("/")[0]

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, a pull request or a full hash."""
        oid = self.refs.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(oid)

    def commit(self, files: Mapping[str, bytes], *, title: str, message: str = "", author: str = "", ref: str = "main") -> Commit:
        """Put a new commit with exactly these files behind a branch, or begin a pull request."""
        parent = self.refs.get(ref) or self.refs.get("main")
        content = "\n".join(f"{path} {sha256(data)}" for path, data in sorted(files.items()))
        oid = hashlib.sha1(f"{parent}\n{title}\n{message}\n{len(self.commits)}\n{content}".encode()).hexdigest()
        made = Commit(oid, parent, dict(files), title, message, author or self.owner)
        self.commits[oid] = made
        self.refs[ref] = oid
        return made

    def history(self, commit: Commit) -> list[Commit]:
        """A commit and those before it, newest first."""
        found = [commit]
        while (parent := found[-1].parent) is not None:
            found.append(self.commits[parent])
        return found

    def new_pull_request(self) -> str:
        """The name of the next pull request's reference."""
        return f"refs/pr/{1 + sum(ref.startswith('refs/pr/') for ref in self.refs)}"

    def card(self) -> dict[str, Any]:
        """The front matter of README.md on the main branch; empty where there is none."""
        main = self.at("main")
        text = (main.files.get("README.md", b"") if main else b"").decode("utf-8", "replace")
        try:
            return front_matter(text)
        except ValueError:
            return {}

    def listed(self) -> dict[str, Any]:
        """What the Hub says of it in a listing."""
        card, main = self.card(), self.at("main")
        library = card.get("library_name")
        tags = [str(tag) for tag in (library, card.get("pipeline_tag"), *(card.get("tags") or ())) if tag]
        return {
            "id": self.id,
            "modelId": self.id,
            "sha": main.oid if main else None,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "tags": list(dict.fromkeys(tags)),
            "library_name": library,
            "pipeline_tag": card.get("pipeline_tag"),
            "downloads": 0,
            "likes": 0,
            "createdAt": DATE,
            "lastModified": DATE,
            "siblings": [{"rfilename": path} for path in sorted(main.files if main else ())],
        }


def front_matter(text: str) -> dict[str, Any]:
    """The YAML at the head of a card, as the client reads it.

    Raises:
        ValueError: it is none.
    """
    if not text.startswith("---"):
        return {}
    try:
        return dict(RepoCard(text).data.to_dict())
    except Exception as exc:  # whatever the parser says of it
        raise ValueError(str(exc)) from exc


def entry_of(path: str, data: bytes) -> dict[str, Any]:
    """What a listing of files says of one."""
    large = {"lfs": {"oid": sha256(data), "size": len(data), "pointerSize": 134}} if is_large(path) else {}
    return {"type": "file", "path": path, "oid": blob_id(data), "size": len(data), **large}
