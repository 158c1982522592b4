"""The state of a loopback Hub: what it keeps, who asks, what came, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase

from dazoo.testing.hub_store import GITATTRIBUTES
from dazoo.testing.hub_store import Commit
from dazoo.testing.hub_store import Repository


USERS = {"hf_ada": "ada", "hf_bob": "bob"}
"""Names by token."""
KINDS = ("status", "drop", "slow", "truncate", "flip", "lost")


@dataclass
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: "status", an answer with `status` and `headers`; "drop", the connection is cut, in the midst of the body where there is one;
            "slow", the answer comes after `seconds`; "truncate", half of the body, whole by its own header; "flip", a wrong last byte of
            the body; "lost", the request is carried out and the connection cut before the answer.
        path: which requests, with wildcards ("*/model.safetensors", "*/commit/*").
        method: "GET", "HEAD", "POST", "PUT", or "" for all.
        times: how often; -1 for ever.
    """

    kind: str
    path: str = "*"
    method: str = ""
    times: int = -1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"A fault is {self.kind!r}; expected one of {', '.join(KINDS)}.")


@dataclass(frozen=True)
class Request:
    """A request: `path` is decoded and without its query, `host` is "localhost" for large files; `token` and `agent` are headers."""

    method: str
    path: str
    query: str
    host: str
    token: str | None
    agent: str


class HubState:
    """What a loopback Hub keeps.

    Attributes:
        repositories: by "user/name". blobs: large files by sha256, as they were uploaded.
        requests: all that came, in order; the client's own telemetry is left out.
        faults: what goes wrong; the first that fits a request is taken. users: names by token.
        endpoint: its address, for `Hub(endpoint=...)` and HF_ENDPOINT. store: the address of large files.
        page: models in one page of a listing.
    """

    page = 50
    endpoint = store = ""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.users = dict(USERS)
        self.lock = threading.Lock()

    def add(self, repo: str, files: Mapping[str, bytes], *, private: bool = False, gated: bool = False) -> Commit:
        """A repository with these files beside the Hub's own, in one commit on its main branch."""
        made = self.create(repo, private=private, gated=gated)
        return made.commit({**made.commits[made.refs["main"]].files, **files}, title="files")

    def create(self, repo: str, *, private: bool = False, gated: bool = False) -> Repository:
        """A new repository with the Hub's first commit."""
        made = self.repositories[repo] = Repository(repo, private, gated)
        made.commit({".gitattributes": GITATTRIBUTES.encode()}, title="initial commit")
        return made

    def inject(self, *faults: Fault) -> None:
        """Let things go wrong from now on; `self.faults.clear()` ends it."""
        self.faults.extend(faults)

    def fault(self, method: str, path: str) -> Fault | None:
        """What goes wrong with a request now."""
        with self.lock:
            for fault in self.faults:
                bodiless = fault.kind in ("flip", "truncate") and method != "GET"
                if fault.times and not bodiless and fault.method in ("", method) and fnmatchcase(path, fault.path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, method: str = "", path: str = "*") -> int:
        """How many requests came; wildcards as in `Fault.path`. The client asks for the head of a file at the Hub ("*/resolve/*/NAME"), and
        gets a large one from its store ("/store/*/NAME")."""
        return sum(method in ("", r.method) and fnmatchcase(r.path, path) for r in self.requests)
