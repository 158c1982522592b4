"""Loading from a Hub: the real client against the loopback Hub, what it costs, and every way in which it fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

import dazoo
import dazoo.models.hub
from dazoo.errors import InvalidName
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.hub import Hub
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.verify import verify
from dazoo.testing.hub import Fault
from dazoo.testing.hub import LoopbackHub
from dazoo.testing.hub import loopback_hub


REPO = "ada/model"


@pytest.fixture
def server(folder: Path) -> Iterator[LoopbackHub]:
    with loopback_hub() as made:
        made.add(REPO, {p.name: p.read_bytes() for p in folder.iterdir()})
        made.repositories[REPO].tags["v1"] = made.repositories[REPO].refs["main"]
        yield made


@pytest.fixture
def hub(server: LoopbackHub, tmp_path: Path, naps: list[float]) -> Hub:
    return Hub(endpoint=server.endpoint, cache_dir=tmp_path / "cache")


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, or would have been."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def commit(server: LoopbackHub) -> str:
    return server.repositories[REPO].refs["main"]


def change(server: LoopbackHub, **files: bytes | None) -> str:
    """A commit with other files; None takes one away. `_` in a keyword is the "." of a name."""
    repository = server.repositories[REPO]
    now = dict(repository.commits[repository.refs["main"]].files)
    for name, data in files.items():
        now.pop(name.replace("_", "."), None)
        if data is not None:
            now[name.replace("_", ".")] = data
    return repository.commit(now, title="change").oid


def elsewhere(hub: Hub) -> Hub:
    """The same Hub with an empty cache."""
    return Hub(hub.endpoint, Path(str(hub.cache_dir)).with_name(f"{Path(str(hub.cache_dir)).name}x"))


# ---------------------------------------------------------------------- what it gives, and what it costs


def test_a_model_comes_from_the_hub(model: Model, server: LoopbackHub, hub: Hub, folder: Path) -> None:
    got = load(f"hub:{REPO}", hub=hub)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), got.state_dict().values(), strict=True))
    assert torch.equal(got.generate(2, labels=0, seed=1), model.generate(2, labels=0, seed=1))
    assert got.card == (folder / "README.md").read_text()
    assert all(server.count("GET", f"*/{p.name}") == 1 for p in folder.iterdir())
    assert all(f"dazoo/{dazoo.__version__}" in r.agent for r in server.requests if r.method == "HEAD")


def test_a_commit_in_the_cache_needs_no_request(server: LoopbackHub, hub: Hub, commit: str) -> None:
    load(f"hub:{REPO}@{commit}", hub=hub)
    server.requests.clear()
    load(f"hub:{REPO}@{commit}", hub=hub)
    load(f"hub:{REPO}", revision=commit, hub=hub)
    verify(f"hub:{REPO}", revision=commit, hub=hub)
    assert server.requests == []


def test_a_branch_costs_one_question(server: LoopbackHub, hub: Hub) -> None:
    for ref in ("hub:ada/model@v1", "hub:ada/model"):
        load(ref, hub=hub)
        server.requests.clear()
        load(ref, hub=hub)
        assert [(r.method, r.path.rpartition("/")[2]) for r in server.requests] == [("HEAD", "config.json")]


def test_a_branch_that_moved_is_followed_and_the_old_commit_stays(server: LoopbackHub, hub: Hub, commit: str) -> None:
    load(f"hub:{REPO}", hub=hub)
    change(server, README_md=b"# another\n")
    assert load(f"hub:{REPO}", hub=hub).card == "# another\n"
    assert server.count("GET", "*/model.safetensors") == 1  # its bytes are those of before
    assert "tiny-tinygan" in load(f"hub:{REPO}@{commit}", hub=hub).card


def test_a_repository_without_a_card_is_asked_for_it_once(server: LoopbackHub, hub: Hub) -> None:
    commit = change(server, README_md=None)
    assert "# tiny-tinygan-left2right" in load(f"hub:{REPO}", hub=hub).card
    server.requests.clear()
    load(f"hub:{REPO}", revision=commit, hub=hub)
    assert server.requests == []


def test_every_file_is_hashed_once(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = dazoo.models.tensors.digest_of
    monkeypatch.setattr("dazoo.models.tensors.digest_of", lambda path: (seen.append(path.name), plain(path))[1])
    load(f"hub:{REPO}", hub=hub)
    assert seen.count("model.safetensors") == 1


def test_the_token_goes_to_the_hub_and_never_to_the_store_of_large_files(server: LoopbackHub, hub: Hub) -> None:
    server.repositories[REPO].private = True
    load(f"hub:{REPO}", hub=Hub(hub.endpoint, hub.cache_dir, token="hf_ada"))
    stored = [r for r in server.requests if r.host == "localhost"]
    assert len(stored) == 4 and all(r.token is None for r in stored)
    assert all(r.token == "hf_ada" for r in server.requests if r.host != "localhost")


def test_files_that_another_program_put_into_the_cache_are_not_looked_at(server: LoopbackHub, hub: Hub) -> None:
    """`hf download` brings everything; only what config.json lists is read."""
    folder = load(f"hub:{REPO}", hub=hub).folder
    (folder / "other.safetensors").write_bytes(b"of another library")
    load(f"hub:{REPO}", hub=hub)


# ---------------------------------------------------------------------- offline, and a Hub that does not answer


def test_offline_once_it_is_cached(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    load(f"hub:{REPO}", hub=hub)
    server.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    load(f"hub:{REPO}", hub=hub)
    with pytest.raises(OfflineError, match="config.json of hub:ada/other@main is not in the cache, and the Hub cannot be reached"):
        load("hub:ada/other", hub=hub)
    assert server.requests == []


def test_a_hub_that_is_gone(server: LoopbackHub, hub: Hub) -> None:
    load(f"hub:{REPO}", hub=hub)
    gone = Hub("http://127.0.0.1:9", hub.cache_dir)  # nobody listens there
    load(f"hub:{REPO}", hub=gone)
    with pytest.raises(OfflineError, match="config.json of hub:ada/other@main cannot be fetched: Connect.*Try again later"):
        load("hub:ada/other", hub=gone)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_hub(server: LoopbackHub, hub: Hub, status: int, naps: list[float]) -> None:
    load(f"hub:{REPO}", hub=hub)
    server.inject(Fault("status", status=status))
    naps.clear()
    load(f"hub:{REPO}", hub=hub)  # what is cached is used at once
    assert naps == []
    server.requests.clear()
    with pytest.raises(OfflineError, match=f"config.json of hub:{REPO}@main: HTTP {status}, the Hub has a fault of its own. Try again"):
        load(f"hub:{REPO}", hub=elsewhere(hub))
    assert server.count("HEAD") == 4 and sum(naps) < 10


def test_a_hub_that_comes_back(server: LoopbackHub, hub: Hub) -> None:
    server.inject(Fault("status", "*/config.json", times=2, status=503), Fault("status", "*/model.safetensors", times=1, status=502))
    load(f"hub:{REPO}", hub=hub)


def test_too_many_requests(server: LoopbackHub, hub: Hub, naps: list[float]) -> None:
    server.inject(Fault("status", "*/config.json", times=1, status=429, headers={"Retry-After": "7"}))
    load(f"hub:{REPO}", hub=hub)
    assert naps == [7.5]
    server.inject(Fault("status", "*/config.json", status=429, headers={"Retry-After": "300"}))
    naps.clear()
    with pytest.raises(OfflineError, match="HTTP 429, too many requests. Try again in 300 s; with a login more are allowed"):
        load(f"hub:{REPO}", hub=elsewhere(hub))
    assert naps == []  # nobody waits for five minutes without a word


def test_a_slow_hub(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr("dazoo.testing.hub_routes.time.sleep", threading.Event().wait)  # this one is to be slow
    server.inject(Fault("slow", "*/config.json", seconds=0.6))
    with pytest.raises(OfflineError, match="config.json of hub:ada/model@main cannot be fetched: ReadTimeout.*Try again later"):
        load(f"hub:{REPO}", hub=hub)


def test_a_connection_that_is_cut(server: LoopbackHub, hub: Hub) -> None:
    server.inject(Fault("drop", "/store/*/model.safetensors", times=1))
    load(f"hub:{REPO}", hub=hub)  # the client goes on
    server.inject(Fault("drop", "/store/*/model.safetensors"))
    with pytest.raises(OfflineError, match="model.safetensors of hub:ada/model@[0-9a-f]{40} cannot be fetched"):
        load(f"hub:{REPO}", hub=elsewhere(hub))
    server.faults.clear()
    load(f"hub:{REPO}", hub=elsewhere(hub))


def test_a_card_that_does_not_come_costs_one_try(server: LoopbackHub, hub: Hub, naps: list[float]) -> None:
    server.inject(Fault("status", "*/README.md", status=503))
    assert "# tiny-tinygan-left2right" in load(f"hub:{REPO}", hub=hub).card
    assert server.count(path="*/README.md") == 1 and naps == []


# ---------------------------------------------------------------------- bytes that are not those of the author


def test_wrong_bytes_are_fetched_once_more(server: LoopbackHub, hub: Hub) -> None:
    server.inject(Fault("flip", "/store/*/model.safetensors", times=1))
    load(f"hub:{REPO}", hub=hub)
    assert server.count("GET", "*/model.safetensors") == 2


def test_wrong_bytes_twice_are_an_error_and_are_never_used(server: LoopbackHub, hub: Hub) -> None:
    server.inject(Fault("flip", "/store/*/model.safetensors", times=2))
    with pytest.raises(WeightsError, match="model.safetensors is altered"):
        load(f"hub:{REPO}", hub=hub)
    load(f"hub:{REPO}", hub=hub)  # the server is well again, and so is the cache
    assert server.count("GET", "*/model.safetensors") == 3


def test_a_body_that_is_too_short(server: LoopbackHub, hub: Hub) -> None:
    server.inject(Fault("truncate", "/store/*/model.safetensors"))
    with pytest.raises(OfflineError, match="model.safetensors of hub:ada/model@.* cannot be fetched: it came incomplete. Try again later"):
        load(f"hub:{REPO}", hub=hub)
    server.faults.clear()
    load(f"hub:{REPO}", hub=hub)


def test_a_copy_that_went_bad_on_disk_is_replaced(server: LoopbackHub, hub: Hub, commit: str) -> None:
    folder = load(f"hub:{REPO}", hub=hub).folder
    for name, size in (("model.safetensors", 9), ("generator.safetensors", 0)):
        copy = (folder / name).resolve()
        copy.write_bytes(copy.read_bytes()[:size])
    (folder / "critic.safetensors").resolve().unlink()  # a link without a file
    server.requests.clear()
    load(f"hub:{REPO}", revision=commit, hub=hub)
    asked = {r.path.rpartition("/")[2] for r in server.requests if r.method == "GET"}
    assert asked == {"generator.safetensors", "model.safetensors", "critic.safetensors"}


def test_a_config_that_went_bad_on_disk_is_replaced(server: LoopbackHub, hub: Hub, commit: str) -> None:
    folder = load(f"hub:{REPO}", hub=hub).folder
    (folder / "config.json").resolve().write_bytes(b"{")
    load(f"hub:{REPO}", revision=commit, hub=hub)
    change(server, config_json=b'{"dazoo": {}}')
    with pytest.raises(WeightsError, match="lacks 'schema'"):
        load(f"hub:{REPO}", hub=hub)


def test_a_bad_copy_offline_says_so_and_stays(server: LoopbackHub, hub: Hub, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load(f"hub:{REPO}", hub=hub).folder
    (folder / "model.safetensors").resolve().write_bytes(b"bad")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="model.safetensors is truncated.*may be damaged, and another could not be fetched.*offline"):
        load(f"hub:{REPO}", revision=commit, hub=hub)
    assert (folder / "model.safetensors").read_bytes() == b"bad"


def test_a_model_of_a_newer_dazoo_is_not_thrown_away(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = json.loads(server.repositories[REPO].at("main").files["config.json"])
    outer["dazoo"]["schema"] = 99
    change(server, config_json=json.dumps(outer).encode())
    for offline in (False, True, True):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
        with pytest.raises(WeightsError, match="has schema 99.*pip install -U dazoo"):
            load(f"hub:{REPO}", hub=hub)


def test_a_file_larger_than_its_config_says_is_not_fetched(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    main = server.repositories[REPO].at("main").files
    change(server, model_safetensors=main["model.safetensors"] * 2)
    with pytest.raises(WeightsError, match="over-large: [0-9]+ bytes, expected at most [0-9]+. Nothing was fetched"):
        load(f"hub:{REPO}", hub=hub)
    assert server.count("GET", "*/model.safetensors") == 0
    monkeypatch.setattr("dazoo.models.hub.MAX_CONFIG", 100)
    with pytest.raises(WeightsError, match="config.json of hub:ada/model@main is over-large: [0-9]+ bytes, expected at most 100"):
        load(f"hub:{REPO}", hub=elsewhere(hub))
    assert server.count("GET", "*/config.json") == 1


# ---------------------------------------------------------------------- what is not there, or not for everybody


def test_what_is_not_there(server: LoopbackHub, hub: Hub) -> None:
    with pytest.raises(UnknownName, match="hub:ada/modle@main: no such repository, or it is private"):
        load("hub:ada/modle", hub=hub)
    with pytest.raises(UnknownName, match="hub:ada/model@v9: there is no such revision"):
        load("hub:ada/model@v9", hub=hub)
    change(server, critic_safetensors=None)
    with pytest.raises(
        WeightsError, match="critic.safetensors of hub:ada/model@[0-9a-f]{40} is missing; the repository is no complete model"
    ):
        load(f"hub:{REPO}", hub=hub)
    change(server, config_json=None)
    with pytest.raises(WeightsError, match="config.json of hub:ada/model@main is missing"):
        load(f"hub:{REPO}", hub=elsewhere(hub))


def test_no_right_to_see_it(server: LoopbackHub, hub: Hub) -> None:
    repository = server.repositories[REPO]
    repository.gated = True
    with pytest.raises(UnknownName, match="is gated. Ask for access on its page, then log in"):
        load(f"hub:{REPO}", hub=hub)
    repository.gated, repository.private = False, True
    for stranger in (None, "hf_bob"):
        with pytest.raises(UnknownName, match="no such repository, or it is private. Check the spelling, or log in"):
            load(f"hub:{REPO}", hub=Hub(hub.endpoint, hub.cache_dir, stranger))
    repository.private, repository.disabled = False, True
    with pytest.raises(UnknownName, match="the Hub has closed this repository"):
        load(f"hub:{REPO}", hub=hub)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "HTTP 401, the token was refused"), (403, "HTTP 403, this is forbidden"), (400, "HTTP 400, the Hub refuses"), (416, "HTTP 416")],
)
def test_a_refusal_is_told_by_its_number(server: LoopbackHub, hub: Hub, status: int, words: str) -> None:
    headers = {"X-Error-Message": "Invalid credentials in Authorization header"} if status == 401 else {}
    server.inject(Fault("status", status=status, headers=headers))
    with pytest.raises((UnknownName, OfflineError), match=f"config.json of hub:ada/model@main: {words}") as caught:
        load(f"hub:{REPO}", hub=Hub(hub.endpoint, hub.cache_dir, "hf_secret"))
    assert "hf_secret" not in str(caught.value) and "onnection" not in str(caught.value)


def test_names_that_are_no_repository(hub: Hub, server: LoopbackHub) -> None:
    for bad in (
        "model",
        "a/b/c",
        "me/../model",
        "-me/model",
        "me/model.git",
        "me/a--b",
        f"me/{'x' * 100}",
        "me/mod el",
        "/model",
        "me\\model",
    ):
        with pytest.raises(InvalidName, match="names no repository"):
            load(f"hub:{bad}", hub=hub)
    for bad in ("a b", "a\nc", "../main", "x" * 300, "a?b", "-\x1b[31m"):
        with pytest.raises(InvalidName, match="hub:ada/model has no revision '") as caught:
            load(f"hub:{REPO}@{bad}", hub=hub)
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    with pytest.raises(InvalidName, match="ends after '@'"):
        load(f"hub:{REPO}@", hub=hub)
    with pytest.raises(SettingsError, match="give one of them"):
        load(f"hub:{REPO}@v1", revision="v2", hub=hub)
    assert server.requests == []


# ---------------------------------------------------------------------- the disk, and other processes


def test_a_disk_that_is_full(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as inside:
        inside.setattr("huggingface_hub.file_download.http_get", full)
        with pytest.raises(OfflineError, match="config.json of hub:ada/model@main cannot be written to the cache: No space left on device"):
            load(f"hub:{REPO}", hub=hub)
    load(f"hub:{REPO}", hub=hub)


def test_a_cache_that_cannot_be_written(server: LoopbackHub, hub: Hub, commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load(f"hub:{REPO}", hub=hub).folder

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("os.replace", "os.makedirs", "os.symlink", "os.unlink", "shutil.move", "os.mkdir"):
        monkeypatch.setattr(name, refuse)
    load(f"hub:{REPO}", hub=hub)
    load(f"hub:{REPO}@{commit}", hub=hub)
    (folder / "model.safetensors").resolve().write_bytes(b"bad")
    with pytest.raises(WeightsError, match="model.safetensors is truncated.*cannot be written to the cache: Read-only file system"):
        load(f"hub:{REPO}", hub=hub)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_without_rights(server: LoopbackHub, hub: Hub) -> None:
    load(f"hub:{REPO}", hub=hub)
    places = [p for p in Path(str(hub.cache_dir)).rglob("*") if p.is_dir()]
    for place in places:
        place.chmod(stat.S_IREAD | stat.S_IEXEC)
    load(f"hub:{REPO}", hub=hub)
    for place in places:
        place.chmod(stat.S_IRWXU)


def test_a_folder_in_a_files_place(server: LoopbackHub, hub: Hub) -> None:
    folder = load(f"hub:{REPO}", hub=hub).folder
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises((OfflineError, WeightsError), match="model.safetensors"):
        load(f"hub:{REPO}", hub=hub)


def test_a_cache_on_a_file_system_without_links(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.are_symlinks_supported", lambda *_: False)
    folder = load(f"hub:{REPO}", hub=hub).folder
    assert not (folder / "model.safetensors").is_symlink()
    (folder / "model.safetensors").write_bytes(b"bad")
    load(f"hub:{REPO}", hub=hub)


CODE = """
import os, sys
from dazoo.models.hub import Hub
blobs = os.path.join(sys.argv[2], "models--ada--model", "blobs")
failed = 0
for round in range(int(sys.argv[3])):  # first an empty cache, then one that all of them want to repair
    for name in os.listdir(blobs) if round else ():
        with open(os.path.join(blobs, name), "r+b") as file:
            file.truncate(9)
    children = []
    while len(children) < int(sys.argv[4]):
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)
            try:
                Hub(sys.argv[1], sys.argv[2]).snapshot("ada/model")
            except BaseException as exc:
                print(exc, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        children.append(child)
    failed += sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children)
sys.exit(failed)
"""


def processes(server: LoopbackHub, hub: Hub, rounds: int, count: int) -> subprocess.Popen[str]:
    """A program in which `count` processes at once fetch the model, `rounds` times."""
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(Path(dazoo.__file__).parents[1])}
    command = [sys.executable, "-c", CODE, server.endpoint, str(hub.cache_dir), str(rounds), str(count)]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_eight_processes_at_once(server: LoopbackHub, hub: Hub) -> None:
    process = processes(server, hub, 4, 8)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert load(f"hub:{REPO}", hub=hub).name == "tiny-tinygan-left2right"


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_midst_of_a_download(server: LoopbackHub, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    monkeypatch.setattr("dazoo.testing.hub_routes.time.sleep", lambda _: stopped.wait(120))
    server.inject(Fault("slow", "/store/*", seconds=60.0))
    process = processes(server, hub, 1, 1)
    until = time.monotonic() + 120
    while not server.count(path="/store/*") and time.monotonic() < until:
        stopped.wait(0.05)
    assert process.stdout is not None
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    assert process.wait() == 1
    server.faults.clear()
    stopped.set()
    load(f"hub:{REPO}", hub=hub)
    assert verify(f"hub:{REPO}", hub=hub).difference == 0


def test_a_cache_that_was_copied_elsewhere_still_loads(server: LoopbackHub, hub: Hub, commit: str, tmp_path: Path) -> None:
    load(f"hub:{REPO}", hub=hub)
    shutil.copytree(str(hub.cache_dir), tmp_path / "copied", symlinks=True)
    server.requests.clear()
    load(f"hub:{REPO}@{commit}", hub=Hub(hub.endpoint, tmp_path / "copied"))
    assert server.requests == []
