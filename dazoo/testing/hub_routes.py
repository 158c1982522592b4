"""How the loopback Hub answers: the routes, headers and refusals of the real one, as far as its client asks."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from typing import cast
from urllib.parse import parse_qs
from urllib.parse import unquote
from urllib.parse import urlsplit

from dazoo.testing.hub_state import Fault
from dazoo.testing.hub_state import HubState
from dazoo.testing.hub_state import Request
from dazoo.testing.hub_store import DATE
from dazoo.testing.hub_store import Commit
from dazoo.testing.hub_store import Repository
from dazoo.testing.hub_store import blob_id
from dazoo.testing.hub_store import entry_of
from dazoo.testing.hub_store import front_matter
from dazoo.testing.hub_store import is_large
from dazoo.testing.hub_store import sha256


_REPO = r"(?P<repo>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>refs/(?:pr|convert)/[^/]+|[^/]+)"


class Refused(Exception):
    """An answer that is no success: `status`, `headers`, and JSON for the body."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: Any = None) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, dict(headers or {}), body


def _not_found(what: str, **more: str) -> Refused:
    return Refused(404, {"X-Error-Code": what, **more})


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubState:
        """What the server keeps."""
        return cast("HubState", self.server)

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    # ------------------------------------------------------------------ one request

    def _serve(self) -> None:
        split = urlsplit(self.path)
        self.route, self.query = unquote(split.path), {k: v[-1] for k, v in parse_qs(split.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        if self.route == "/api/agent-harnesses":  # the client's own telemetry
            return self._reply(404, {}, b"")
        host = (self.headers.get("Host") or "").partition(":")[0]
        self.hub.requests.append(Request(self.command, self.route, split.query, host, self.token, self.headers.get("User-Agent", "")))
        self.fault: Fault | None = self.hub.fault(self.command, self.route)
        kind = self.fault.kind if self.fault else ""
        if self.fault and kind == "slow":
            time.sleep(self.fault.seconds)
        try:
            if self.fault and kind == "status":
                raise Refused(self.fault.status, self.fault.headers)
            if kind == "drop" and self.command != "GET":
                return self._hang_up()
            status, headers, data = self._answer()
        except Refused as no:
            data = b"" if no.body is None else json.dumps(no.body).encode()
            status, headers = no.status, no.headers
        if kind == "lost":
            return self._hang_up()
        self._reply(status, headers, data, kind)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)

    def _reply(self, status: int, headers: Mapping[str, str], data: bytes, kind: str = "") -> None:
        if kind == "flip" and data:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if kind == "truncate":
            data = data[: len(data) // 2]
        length = {} if self.command == "HEAD" and "Content-Length" in headers else {"Content-Length": str(len(data))}
        with suppress(OSError):  # the client has gone
            self.send_response(status)
            for key, value in {**headers, **length}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if kind == "drop" else data)
        if kind == "drop":
            self._hang_up()

    def _answer(self) -> tuple[int, dict[str, str], bytes]:
        for method, pattern, action in _ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, self.route)):
                answer = getattr(self, action)(**found.groupdict())
                if isinstance(answer, tuple):
                    return answer
                return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
        raise Refused(404)

    # ------------------------------------------------------------------ who may see what

    def _user(self) -> str | None:
        if self.token is not None and self.token not in self.hub.users:
            raise Refused(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        return self.hub.users.get(self.token or "")

    def _writer(self) -> str:
        user = self._user()
        if user is None:
            raise Refused(401, body={"error": "Unauthorized"})
        return user

    def _repository(self, repo: str) -> Repository:
        found, user = self.hub.repositories.get(repo), self._user()
        if found is None or found.private and user != found.owner:
            raise Refused(404 if user else 401, {"X-Error-Code": "RepoNotFound"})
        if found.disabled:
            raise Refused(403, {"X-Error-Message": "Access to this resource is disabled."})
        return found

    def _commit_of(self, repo: str, revision: str) -> tuple[Repository, Commit]:
        found = self._repository(repo)
        commit = found.at(revision)
        if commit is None:
            raise _not_found("RevisionNotFound")
        return found, commit

    def _writable(self, repo: str) -> tuple[Repository, str]:
        found, user = self._repository(repo), self._writer()
        if user != found.owner and "create_pr" not in self.query:
            raise Refused(403, body={"error": "Forbidden: you have no write access here"})
        return found, user

    # ------------------------------------------------------------------ reading

    def whoami(self) -> Any:
        role = {"displayName": "test", "role": "write"}
        return {"type": "user", "name": self._writer(), "fullname": "", "orgs": [], "auth": {"accessToken": role}}

    def models(self) -> Any:
        user, wanted, text = self._user(), self.query.get("filter", ""), self.query.get("search", "").lower()
        rows = [r.listed() for r in self.hub.repositories.values() if not r.private or r.owner == user]
        rows = [r for r in rows if (not wanted or wanted in r["tags"]) and text in r["id"].lower()]
        start = int(self.query.get("cursor", 0))
        page = min(int(self.query.get("limit", self.hub.page)), self.hub.page)
        query = "&".join(f"{k}={v}" for k, v in self.query.items() if k != "cursor")
        more = {"Link": f'<{self.hub.endpoint}/api/models?{query}&cursor={start + page}>; rel="next"'} if rows[start + page :] else {}
        return 200, {"Content-Type": "application/json", **more}, json.dumps(rows[start : start + page]).encode()

    def model(self, repo: str, revision: str = "main") -> Any:
        found, commit = self._commit_of(repo, revision)
        return {**found.listed(), "sha": commit.oid, "siblings": [{"rfilename": path} for path in sorted(commit.files)]}

    def tree(self, repo: str, revision: str) -> Any:
        return [entry_of(path, data) for path, data in sorted(self._commit_of(repo, revision)[1].files.items())]

    def refs(self, repo: str) -> Any:
        found = self._repository(repo)
        rows = [{"name": ref.rpartition("/")[2], "ref": ref, "targetCommit": oid} for ref, oid in found.refs.items() if "/" in ref]
        branches = [{"name": ref, "ref": f"refs/heads/{ref}", "targetCommit": oid} for ref, oid in found.refs.items() if "/" not in ref]
        tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in found.tags.items()]
        return {"branches": branches, "tags": tags, "converts": [], "pullRequests": rows}

    def commits(self, repo: str, revision: str) -> Any:
        found, commit = self._commit_of(repo, revision)
        return [
            {"id": c.oid, "title": c.title, "message": c.message, "authors": [{"user": c.author}], "date": DATE}
            for c in found.history(commit)
        ]

    def resolve(self, repo: str, revision: str, path: str) -> Any:
        found, commit = self._commit_of(repo, revision)
        user, told = self._user(), {"X-Repo-Commit": commit.oid}
        if found.gated and user != found.owner:
            raise Refused(403 if user else 401, {"X-Error-Code": "GatedRepo"})
        if path not in commit.files:
            raise _not_found("EntryNotFound", **told)
        data = commit.files[path]
        if not is_large(path):
            return self._bytes(data, {**told, "ETag": f'"{blob_id(data)}"'})
        digest = sha256(data)
        self.hub.blobs[digest] = data
        large = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data)), "ETag": f'"{digest}"'}
        return 302, {**told, **large, "Location": f"{self.hub.store}/store/{digest}/{path}"}, b""

    def stored(self, digest: str, **_: str) -> Any:
        if digest not in self.hub.blobs:
            raise Refused(404)
        return self._bytes(self.hub.blobs[digest], {"ETag": f'"{digest}"'})

    def _bytes(self, data: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start >= len(data) > 0:
            raise Refused(416, {"Content-Range": f"bytes */{len(data)}"})
        part = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        head = {"Content-Length": str(len(data) - start)} if self.command == "HEAD" else {}
        return 206 if start else 200, {**headers, **part, **head}, data[start:]

    # ------------------------------------------------------------------ writing

    def create(self) -> Any:
        asked, user = json.loads(self.body), self._writer()
        owner = asked.get("organization") or user
        if owner != user:
            raise Refused(403, body={"error": "Forbidden: that is another's name"})
        repo = f"{owner}/{asked['name']}"
        if repo in self.hub.repositories:
            raise Refused(409, body={"error": "You already created this model repo", "url": f"{self.hub.endpoint}/{repo}"})
        private = asked.get("private") is True or asked.get("visibility") == "private"
        self.hub.create(repo, private=private)
        return {"url": f"{self.hub.endpoint}/{repo}"}

    def validate(self) -> Any:
        try:
            front_matter(json.loads(self.body)["content"])
        except ValueError as exc:
            raise Refused(400, body={"errors": [{"message": str(exc)}], "warnings": []}) from exc
        return {"errors": [], "warnings": []}

    def preupload(self, repo: str, revision: str) -> Any:
        found, _ = self._writable(repo)
        commit = found.at(revision)
        if commit is None:
            raise _not_found("RevisionNotFound")
        rows = []
        for file in json.loads(self.body)["files"]:
            data, large = commit.files.get(file["path"]), is_large(file["path"])
            oid = None if data is None else sha256(data) if large else blob_id(data)
            rows.append({"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid})
        return {"files": rows}

    def batch(self, repo: str) -> Any:
        self._repository(repo)
        self._writer()  # whoever is logged in: it may become a pull request
        rows = []
        for wanted in json.loads(self.body)["objects"]:
            oid = wanted["oid"]
            actions = {"upload": {"href": f"{self.hub.store}/upload/{oid}"}, "verify": {"href": f"{self.hub.endpoint}/verify/{oid}"}}
            rows.append({**wanted, **({} if oid in self.hub.blobs else {"actions": actions})})
        return {"transfer": "basic", "objects": rows}

    def upload(self, digest: str) -> Any:
        if sha256(self.body) != digest:
            raise Refused(400)
        self.hub.blobs[digest] = self.body
        return 200, {}, b""

    def verify(self, digest: str) -> Any:
        if digest not in self.hub.blobs:
            raise Refused(404)
        return {}

    def commit(self, repo: str, revision: str) -> Any:
        found, user = self._writable(repo)
        rows = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        head = next(row["value"] for row in rows if row["key"] == "header")
        with self.hub.lock:
            base = found.at(revision)
            if base is None:
                raise _not_found("RevisionNotFound")
            if head.get("parentCommit") not in (None, base.oid):
                raise Refused(412, body={"error": "A commit has happened since. Please refresh and try again."})
            files = dict(base.files)
            for row in rows:
                value = row["value"]
                if row["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif row["key"] == "lfsFile":
                    if value["oid"] not in self.hub.blobs:
                        raise Refused(400, body={"error": f"{value['path']} was never uploaded"})
                    files[value["path"]] = self.hub.blobs[value["oid"]]
                elif row["key"] == "deletedFile":
                    files.pop(value["path"], None)
            ref = found.new_pull_request() if "create_pr" in self.query else revision
            made = found.commit(files, title=head["summary"], message=head.get("description", ""), author=user, ref=ref)
        address = f"{self.hub.endpoint}/{repo}"
        pull = {"pullRequestUrl": f"{address}/discussions/{ref.rpartition('/')[2]}"} if "create_pr" in self.query else {}
        return {"success": True, "commitOid": made.oid, "commitUrl": f"{address}/commit/{made.oid}", **pull}

    def branch(self, repo: str, revision: str) -> Any:
        found, _ = self._writable(repo)
        if revision in found.refs:
            raise Refused(409, body={"error": "Reference already exists"})
        start = found.at(json.loads(self.body or b"{}").get("startingPoint") or "main")
        if start is None:
            raise _not_found("RevisionNotFound")
        found.refs[revision] = start.oid
        return {}

    def tag(self, repo: str, revision: str) -> Any:
        found, commit = self._commit_of(repo, revision)
        self._writable(repo)
        name = json.loads(self.body)["tag"]
        if name in found.tags:
            raise Refused(409, body={"error": "Tag already exists"})
        found.tags[name] = commit.oid
        return {}


_API = f"/api/models/{_REPO}"
_ROUTES = (
    ("GET", "/api/whoami-v2", "whoami"),
    ("GET", "/api/models", "models"),
    ("GET", _API, "model"),
    ("GET", f"{_API}/revision/{_REVISION}", "model"),
    ("GET", f"{_API}/tree/{_REVISION}", "tree"),
    ("GET", f"{_API}/refs", "refs"),
    ("GET", f"{_API}/commits/{_REVISION}", "commits"),
    ("HEAD", f"/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", "resolve"),
    ("GET", f"/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", "resolve"),
    ("HEAD", "/store/(?P<digest>[0-9a-f]{64})/.*", "stored"),
    ("GET", "/store/(?P<digest>[0-9a-f]{64})/.*", "stored"),
    ("POST", "/api/repos/create", "create"),
    ("POST", "/api/validate-yaml", "validate"),
    ("POST", f"{_API}/preupload/{_REVISION}", "preupload"),
    ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", "/upload/(?P<digest>[0-9a-f]{64})", "upload"),
    ("POST", "/verify/(?P<digest>[0-9a-f]{64})", "verify"),
    ("POST", f"{_API}/commit/{_REVISION}", "commit"),
    ("POST", f"{_API}/branch/{_REVISION}", "branch"),
    ("POST", f"{_API}/tag/{_REVISION}", "tag"),
)
