"""Loading from a Hub, with the real client against a loopback server that serves what downloads need, and faults."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

import dazoo
from dazoo.errors import InvalidName
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.hub import Hub
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.verify import verify


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """HEAD and GET of /{user}/{repo}/resolve/{revision}/{file}."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.requests: list[tuple[str, str]] = []
        self.agents: set[str] = set()
        self.corrupt: dict[str, int] = {}  # file: how often its bytes are wrong, or cut short when negative
        self.cut: set[str] = set()
        self.status = 200
        self.gated = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, verb: str) -> list[str]:
        return [path for v, path in self.requests if v == verb]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        hub = self.server
        if "/resolve/" not in self.path:  # the client's own telemetry
            return self.reply(404, {}, b"")
        repo, _, rest = self.path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        hub.requests.append((self.command, name))
        hub.agents.add(self.headers.get("User-Agent", ""))
        if hub.status != 200:
            return self.reply(hub.status, {}, b"")
        if hub.gated:
            return self.reply(403, {"X-Error-Code": "GatedRepo"}, b"")
        if repo != "me/model":
            return self.reply(404, {"X-Error-Code": "RepoNotFound"}, b"")
        if revision not in ("main", "v1", COMMIT):
            return self.reply(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        common = {"X-Repo-Commit": COMMIT}
        if name not in hub.files:
            return self.reply(404, {**common, "X-Error-Code": "EntryNotFound"}, b"")
        data = hub.files[name]
        headers = {**common, "ETag": f'"{hashlib.sha256(data).hexdigest()}"', "Content-Length": str(len(data))}
        if not body:
            return self.reply(200, headers, b"")
        if hub.corrupt.get(name, 0) > 0:
            hub.corrupt[name] -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        if name in hub.cut:
            headers["Content-Length"] = str(len(data) // 2)
            data = data[: len(data) // 2]
        start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
        if start != "0":  # a transfer that is resumed
            rest = data[int(start) :]
            headers |= {"Content-Length": str(len(rest)), "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return self.reply(206, headers, rest)
        self.reply(200, headers, data)

    def reply(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    fake = FakeHub({p.name: p.read_bytes() for p in folder.iterdir()})
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield fake
    fake.shutdown()
    fake.server_close()
    thread.join()


@pytest.fixture
def hub(server: FakeHub, tmp_path: Path) -> Hub:
    return Hub(endpoint=server.endpoint, cache_dir=tmp_path / "cache")


def test_a_model_comes_from_the_hub(model: Model, server: FakeHub, hub: Hub) -> None:
    got = load("hub:me/model", hub=hub)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), got.state_dict().values(), strict=True))
    assert torch.equal(got.generate(2, labels=0, seed=1), model.generate(2, labels=0, seed=1))
    assert got.card == server.files["README.md"].decode()
    assert server.asked("GET").count("config.json") == 1 and sorted(server.asked("GET")) == sorted(server.files)
    assert any(f"dazoo/{dazoo.__version__}" in agent for agent in server.agents)


def test_a_commit_in_the_cache_needs_no_request(server: FakeHub, hub: Hub) -> None:
    load(f"hub:me/model@{COMMIT}", hub=hub)
    server.requests.clear()
    load(f"hub:me/model@{COMMIT}", hub=hub)
    load("hub:me/model", revision=COMMIT, hub=hub)
    verify("hub:me/model", revision=COMMIT, hub=hub)
    assert server.requests == []


def test_a_branch_costs_one_question(server: FakeHub, hub: Hub) -> None:
    load("hub:me/model@v1", hub=hub)
    server.requests.clear()
    load("hub:me/model@v1", hub=hub)
    assert server.requests == [("HEAD", "config.json")]


def test_a_repository_without_a_card_is_asked_for_it_once(server: FakeHub, hub: Hub) -> None:
    del server.files["README.md"]
    assert "# tiny-tinygan-left2right" in load("hub:me/model", hub=hub).card
    server.requests.clear()
    load("hub:me/model", revision=COMMIT, hub=hub)
    assert server.requests == []


def test_offline_once_it_is_cached(server: FakeHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    load("hub:me/model", hub=hub)
    server.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    load("hub:me/model", hub=hub)
    assert server.requests == []
    with pytest.raises(OfflineError, match="config.json of hub:me/other@main is not in the cache, and the Hub cannot be reached"):
        load("hub:me/other", hub=hub)


def test_wrong_bytes_are_fetched_once_more(server: FakeHub, hub: Hub) -> None:
    server.corrupt["model.safetensors"] = 1
    load("hub:me/model", hub=hub)
    assert server.asked("GET").count("model.safetensors") == 2


def test_wrong_bytes_twice_are_an_error_and_are_not_kept(server: FakeHub, hub: Hub) -> None:
    server.corrupt["model.safetensors"] = 2
    with pytest.raises(WeightsError, match="model.safetensors is altered"):
        load("hub:me/model", hub=hub)
    load("hub:me/model", hub=hub)  # the server is well again, and so is the cache
    assert server.asked("GET").count("model.safetensors") == 3


def test_a_copy_that_went_bad_on_disk_is_replaced(server: FakeHub, hub: Hub, tmp_path: Path) -> None:
    folder = load("hub:me/model", hub=hub).folder
    for name, size in (("model.safetensors", 9), ("generator.safetensors", 0)):
        copy = (folder / name).resolve()
        copy.write_bytes(copy.read_bytes()[:size])
    server.requests.clear()
    load("hub:me/model", revision=COMMIT, hub=hub)
    assert sorted(server.asked("GET")) == ["generator.safetensors", "model.safetensors"]


def test_a_config_that_went_bad_on_disk_is_replaced(server: FakeHub, hub: Hub) -> None:
    folder = load("hub:me/model", hub=hub).folder
    (folder / "config.json").resolve().write_bytes(b"{")
    load("hub:me/model", revision=COMMIT, hub=hub)
    server.files["config.json"] = b'{"dazoo": {}}'
    with pytest.raises(WeightsError, match="lacks 'schema'"):
        load("hub:me/model", hub=Hub(hub.endpoint, Path(hub.cache_dir) / "other"))


def test_a_bad_copy_offline_says_so(server: FakeHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load("hub:me/model", hub=hub).folder
    (folder / "model.safetensors").resolve().write_bytes(b"bad")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineError, match="model.safetensors of hub:me/model@0123"):
        load("hub:me/model", revision=COMMIT, hub=hub)


def test_a_cut_transfer(server: FakeHub, hub: Hub) -> None:
    server.cut.add("model.safetensors")
    with pytest.raises(OfflineError, match="model.safetensors of hub:me/model@0123.* cannot be fetched: .*Try again later"):
        load("hub:me/model", hub=hub)
    server.cut.clear()
    load("hub:me/model", hub=hub)


def test_a_file_larger_than_its_config_says_is_not_fetched(server: FakeHub, hub: Hub) -> None:
    server.files["model.safetensors"] *= 2
    with pytest.raises(WeightsError, match="over-large: [0-9]+ bytes, expected at most [0-9]+. Nothing was fetched"):
        load("hub:me/model", hub=hub)
    assert "model.safetensors" not in server.asked("GET")


def test_what_is_not_there(server: FakeHub, hub: Hub) -> None:
    with pytest.raises(UnknownName, match="hub:me/modle@main: no such repository, or it is private"):
        load("hub:me/modle", hub=hub)
    with pytest.raises(UnknownName, match="hub:me/model@v9: there is no such revision"):
        load("hub:me/model@v9", hub=hub)
    del server.files["critic.safetensors"]
    with pytest.raises(WeightsError, match="critic.safetensors of hub:me/model@0123.* is missing; the repository is no complete model"):
        load("hub:me/model", hub=hub)
    del server.files["config.json"]
    with pytest.raises(WeightsError, match="config.json of hub:me/model@v1 is missing"):
        load("hub:me/model@v1", hub=Hub(hub.endpoint, Path(hub.cache_dir) / "other"))


def test_no_right_to_see_it(server: FakeHub, hub: Hub) -> None:
    server.gated = True
    with pytest.raises(UnknownName, match="is gated. Ask for access"):
        load("hub:me/model", hub=hub)


def test_names_that_are_no_repository(hub: Hub, server: FakeHub) -> None:
    for bad in ("model", "a/b/c", "me/../model", "-me/model", "me/model.git", "me/a--b", f"me/{'x' * 100}", "me/mod el", "/model"):
        with pytest.raises(InvalidName, match="names no repository"):
            load(f"hub:{bad}", hub=hub)
    with pytest.raises(InvalidName, match="ends after '@'"):
        load("hub:me/model@", hub=hub)
    with pytest.raises(SettingsError, match="give one of them"):
        load("hub:me/model@v1", revision="v2", hub=hub)
    assert server.requests == []


def test_a_disk_that_is_full(server: FakeHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dazoo.models.hub.client.hf_hub_download", full)
    with pytest.raises(OfflineError, match="config.json of hub:me/model@main cannot be written to the cache: No space left on device"):
        load("hub:me/model", hub=hub)
