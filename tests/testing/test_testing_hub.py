"""The loopback Hub against the real client, for what no other test asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub import HfApi
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.errors import RepositoryNotFoundError

from dazoo.testing.hub import Fault
from dazoo.testing.hub import LoopbackHub
from dazoo.testing.hub import loopback_hub


@pytest.fixture
def server() -> Iterator[LoopbackHub]:
    with loopback_hub() as made:
        yield made


@pytest.fixture
def api(server: LoopbackHub) -> HfApi:
    return HfApi(server.endpoint, token="hf_ada")


def test_a_repository_from_first_to_last(api: HfApi, server: LoopbackHub, tmp_path: Path) -> None:
    assert not api.repo_exists("ada/x")
    api.create_repo("ada/x", private=True)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("ada/x")
    first = api.model_info("ada/x").sha
    files = {"a.txt": b"text", "w.safetensors": b"\x08" + bytes(999)}
    made = api.create_commit("ada/x", [CommitOperationAdd(n, d) for n, d in files.items()], commit_message="one", parent_commit=first)
    api.create_tag("ada/x", tag="v1")
    api.create_branch("ada/x", branch="next")
    assert sorted(api.list_repo_files("ada/x")) == [".gitattributes", "a.txt", "w.safetensors"]
    assert api.file_exists("ada/x", "a.txt", revision="v1") and not api.file_exists("ada/x", "b.txt")
    assert [(c.title, c.authors) for c in api.list_repo_commits("ada/x")] == [("one", ["ada"]), ("initial commit", ["ada"])]
    folder = Path(api.snapshot_download("ada/x", revision=made.oid, cache_dir=tmp_path))
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name in files} == files
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit("ada/x", [CommitOperationAdd("b.txt", b"b")], commit_message="late", parent_commit=first)
    assert api.create_commit("ada/x", [CommitOperationAdd("a.txt", b"text")], commit_message="same").oid == made.oid


def test_who_sees_what(api: HfApi, server: LoopbackHub) -> None:
    server.add("ada/secret", {"README.md": b"---\nlibrary_name: dazoo\n---\n"}, private=True)
    bob = HfApi(server.endpoint, token="hf_bob")
    assert api.whoami()["name"] == "ada" and [m.id for m in api.list_models(filter="dazoo")] == ["ada/secret"]
    assert list(bob.list_models(filter="dazoo")) == []
    with pytest.raises(RepositoryNotFoundError):
        bob.model_info("ada/secret")


def test_a_fault_of_no_kind() -> None:
    with pytest.raises(ValueError, match="expected one of status, drop"):
        Fault("explode")


def test_a_client_of_its_own_is_left_as_it_was(tmp_path: Path) -> None:
    import os

    before, disabled = dict(os.environ), constants.HF_HUB_DISABLE_XET
    with loopback_hub(cache=tmp_path) as server:
        assert os.environ["HF_ENDPOINT"] == server.endpoint
    assert dict(os.environ) == before and constants.HF_HUB_DISABLE_XET == disabled
