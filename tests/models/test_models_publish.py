"""Publishing: checked as a whole before anything is sent, one commit or none, over nobody else's change, whatever goes wrong."""

from __future__ import annotations

import json
import os
import re
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

import dazoo
from dazoo.errors import DazooError
from dazoo.errors import OfflineError
from dazoo.errors import PublishError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.models.card import results_of
from dazoo.models.config import PICTURES
from dazoo.models.hub import Hub
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.package import packed
from dazoo.models.publish import publish
from dazoo.models.save import save
from dazoo.registry.plugins import zoo
from dazoo.testing.hub import Fault
from dazoo.testing.hub import LoopbackHub
from dazoo.testing.hub import loopback_hub


REPO = "ada/tiny"
OWN = ".gitattributes"
NASTY = "a \"quoted\" 'name': with | pipes, {{ braces }}, # and <b>é</b> \\ %"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with loopback_hub(cache=tmp_path / "cache", token="hf_ada") as made:
        yield made


@pytest.fixture
def put(server: LoopbackHub, folder: Path):
    """`put(...)` publishes the saved model, under MIT unless told otherwise."""
    return lambda what=folder, repo=REPO, **options: publish(what, repo, **{"license": "mit", **options})


def main_of(server: LoopbackHub, repo: str = REPO) -> dict[str, bytes]:
    return dict(server.repositories[repo].at("main").files)


def commits(server: LoopbackHub) -> int:
    return len(server.repositories[REPO].history(server.repositories[REPO].at("main"))) - 1  # the Hub's own is none


def front(card: str) -> dict:
    return yaml.safe_load(card[4 : card.index("\n---\n", 4)])


# ---------------------------------------------------------------------- what is there afterwards


def test_what_is_published_is_loaded_again(put, server: LoopbackHub, folder: Path, model: Model) -> None:
    made = put()
    assert made.changed and made.commit == server.repositories[REPO].refs["main"] and commits(server) == 1
    got = dazoo.load(f"hub:{REPO}@{made.commit}")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), got.state_dict().values(), strict=True))
    files = main_of(server)
    weights = {p.name for p in folder.iterdir() if p.suffix == ".safetensors"}
    assert set(files) == {"config.json", "README.md", "results.json", "samples.png", OWN, *weights}
    record = json.loads(files["results.json"])
    assert record["recipe"]["gan"] == "tinygan" and set(record["files"]) == weights
    assert made.card.encode() == files["README.md"]


def test_the_code_on_the_card_runs(put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    card = put().card
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert f'dazoo.load("hub:{REPO}")' in code
    Image.new("RGB", (24, 24)).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)
    space: dict[str, torch.Tensor] = {}
    code = code.replace("generate(8, seed=0)", "generate(8, labels=0, seed=0)")  # the tiny GAN of these tests draws for a class
    exec(compile(code, "card", "exec"), space)
    assert capsys.readouterr().out.strip() in ("stop", "give way", "no entry") and space["drawn"].shape == (8, 3, 24, 24)


def test_the_card_says_what_the_hub_reads(put, model: Model, tmp_path: Path) -> None:
    four = [FourNumbers(0.6, last, last - 0.01, last + 0.02, 153, "snd", 3, 4) for last in (0.70, 0.72, 0.74)]
    model.config["results"] = results_of(four)
    model.pictures = dict.fromkeys(PICTURES, b"\x89PNG")
    card = put(model, license="other", license_name="mine", license_link="LICENSE", co2=12.5).card
    data = front(card)
    assert (data["library_name"], data["pipeline_tag"], data["metrics"]) == ("dazoo", "image-classification", ["accuracy"])
    assert (data["license"], data["license_name"], data["license_link"]) == ("other", "mine", "LICENSE")
    assert data["co2_eq_emissions"]["emissions"] == 12.5 and {"tiny", "source:left", "target:right"} <= set(data["tags"])
    last = data["model-index"][0]["results"][0]["metrics"][1]
    assert last["value"] == 0.72 and last["args"] == {"spread": 0.02, "low": 0.6703, "high": 0.7697}
    titles = ("Use it", "Data and their terms", "Results", "Scores", "Failures", "Pictures", "Limits", "How to reproduce", "Licence")
    assert [t for t in re.findall(r"^## (.*)$", card, re.MULTILINE) if t in titles] == list(titles)
    for text in (
        "(calibration.png)",
        "46 of 153 target pictures are read wrong",
        "(confusion.png)",
        "(samples.png)",
        "Weights: [mine](LICENSE).",
        "67.0 to 77.0",
    ):
        assert text in card, text


def test_a_pretrained_start_and_data_sets_on_the_hub_are_named(put, parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts.Tiny, "origin", classmethod(lambda cls, **arguments: f"timm/tiny.{len(arguments)}"))
    monkeypatch.setattr(parts.Left, "hub_id", "ada/signs")
    data = front(put().card)
    assert data["base_model"] == "timm/tiny.0" and data["base_model_relation"] == "finetune" and data["datasets"] == ["ada/signs"]


def test_the_words_of_an_author_stay(put, folder: Path) -> None:
    own = (folder / "README.md").read_text().replace("## Limits\n", "## Limits\n\n- Not for use in a vehicle.\n")
    (folder / "README.md").write_text(own)
    assert "- Not for use in a vehicle." in put().card


@pytest.mark.parametrize("field", ["name", "classes", "settings", "licence", "terms"])
def test_any_text_keeps_the_card_whole(put, model: Model, parts: types.ModuleType, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if field == "terms":
        monkeypatch.setattr(parts.Left, "terms", NASTY)
    else:
        model.config |= {"name": NASTY} if field == "name" else {"classes": [NASTY, "b", "c"]} if field == "classes" else {}
        model.config |= {"settings": {"augment": NASTY}} if field == "settings" else {}
    licence = {"license": "other", "license_name": NASTY, "license_link": "x"} if field == "licence" else {}
    made = put(model, **licence)  # the Hub itself reads the front matter before it takes the commit
    assert front(made.card)["library_name"] == "dazoo"
    if field == "name":
        assert made.registration.startswith('register("tiny", ')


def test_the_line_that_registers_it_works(put, parts: types.ModuleType) -> None:
    made = put()
    found = {}
    exec(made.registration, {"register": lambda name, target, **more: found.update(name=name, target=target, **more)})
    assert found["name"] == "tiny-tinygan-left2right" and found["target"] == f"hub:{REPO}@{made.commit}"
    entry = zoo().entries.get("tiny-tinygan-left2right")
    zoo().entries._brought[entry.name] = {entry.dist: replace(entry, target=found["target"], arguments={"sha256": found["sha256"]})}
    assert dazoo.load(entry.name).name == entry.name
    zoo().entries._brought[entry.name] = {entry.dist: replace(entry, target=found["target"], arguments={"sha256": "0" * 64})}
    with pytest.raises(WeightsError, match="config.json is altered"):
        dazoo.load(entry.name)


# ---------------------------------------------------------------------- before anything is sent


def test_a_dry_run_shows_everything_and_asks_nobody(put, server: LoopbackHub, parts: types.ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(parts.Left, "weights_may_be_shared", False)
    os.environ["HF_TOKEN"] = ""  # the loopback Hub puts the environment back; monkeypatch would do so after it, and leave a login
    made = put(repo="ada/../tiny", license=None, branch="b", pull_request=True, evaluations=True, dry_run=True)
    assert made.commit is None and server.requests == [] and "## Use it" in made.card and made.files["model.safetensors"] > 1000
    expected = (
        "names no repository",
        "give one of them",
        "not logged in",
        "No licence was chosen",
        "forbid giving away weights",
        "on the Hub",
    )
    assert all(any(words in problem for problem in made.problems) for words in expected), made.problems
    with pytest.raises(PublishError, match="nothing was sent") as caught:
        put(repo="ada/../tiny", license=None, branch="b", pull_request=True, evaluations=True)
    assert caught.value.problems == made.problems and server.requests == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"license": None}, "No licence was chosen"),
        ({"license": "Apache-2.0"}, "knows no licence 'Apache-2.0'. Did you mean 'apache-2.0'"),
        ({"license": "other"}, "needs --license-name and --license-link"),
        ({"license": "mit", "license_link": "LICENSE"}, "go with --license other alone"),
    ],
)
def test_the_licence_is_never_guessed(put, server: LoopbackHub, given: dict, words: str) -> None:
    with pytest.raises(PublishError, match=words):
        put(**given)
    assert server.requests == []


def test_terms_stop_it(put, server: LoopbackHub, parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("do not say whether weights may be shared" in note for note in put(dry_run=True).notes)
    monkeypatch.setattr(parts.Left, "weights_may_be_shared", False)
    with pytest.raises(PublishError, match="'left' forbid giving away weights.*\n.*'right' forbid"):
        put()
    monkeypatch.setattr(parts.Left, "weights_may_be_shared", True)
    assert put(dry_run=True).problems == ()
    assert server.requests == []


def test_terms_that_cannot_be_read_stop_it(put, folder: Path) -> None:
    outer = json.loads((folder / "config.json").read_text())
    outer["dazoo"]["recipe"]["scenario"] = "elsewhere"
    (folder / "config.json").write_text(json.dumps(outer))
    with pytest.raises(PublishError, match="The terms of the data of 'elsewhere' cannot be read"):
        put()


def test_a_model_that_is_not_whole_stops_it(put, server: LoopbackHub, folder: Path, model: Model, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"has no golden\.safetensors"):
        put(save(model, tmp_path / "plain", golden=False))
    model.config["results"] = {"weights": "best", "seed": 0, **json.loads(FourNumbers(None, 0.5, 0.5, 0.6, 9, "snd", 0, 0).to_json())}
    with pytest.raises(PublishError, match="an oracle, and no result"):
        put(model)
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="is truncated"):
        put()
    with pytest.raises(PublishError, match="No licence was chosen.*\n.*is truncated"):
        put(license=None)
    assert server.requests == []


def test_options_that_are_none(put) -> None:
    with pytest.raises(SettingsError, match="no option 'licence'; it has license, dry_run"):
        put(licence="mit")


def test_a_run_brings_its_record(put, server: LoopbackHub, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    folder.rename(run / "model")
    (run / "run.json").write_text('{"recipe": "x", "settings": {}, "seed": 1}')
    card = put(run).card
    assert main_of(server)["run.json"] == (run / "run.json").read_bytes() and "dazoo train --config run.json --data DIR" in card


# ---------------------------------------------------------------------- once, twice, and over somebody else's change


def test_twice_changes_nothing(put, server: LoopbackHub) -> None:
    first = put()
    server.requests.clear()
    again = put()
    assert (again.commit, again.changed, again.registration) == (first.commit, False, first.registration)
    assert all(r.method == "GET" for r in server.requests) and commits(server) == 1


def test_equal_models_give_equal_files(model: Model, server: LoopbackHub) -> None:
    found = []
    for _ in range(2):
        with packed(model, Hub()) as made:
            found.append({name: data if isinstance(data, bytes) else data.read_bytes() for name, data in made.files.items()})
    assert found[0] == found[1]


def test_a_new_state_replaces_the_old_one(put, server: LoopbackHub, model: Model, tmp_path: Path) -> None:
    put()
    with torch.no_grad():
        model.backbone.head.bias += 1
    made = put(save(model, tmp_path / "next", gan=False), message="Better")
    repository = server.repositories[REPO]
    assert made.changed and commits(server) == 2 and repository.at("main").title == "Better"
    assert not {"generator.safetensors", "critic.safetensors", "samples.png"} & set(main_of(server))  # it has no GAN any more
    assert OWN in main_of(server)


def test_somebody_elses_change_stays(put, server: LoopbackHub, model: Model, tmp_path: Path) -> None:
    put()
    repository = server.repositories[REPO]
    for author, title in (("bob", "A better card"), ("ada", "By hand")):
        edited = repository.commit({**main_of(server), "README.md": b"# by hand\n", "LICENSE": b"mine"}, title=title, author=author)
        with pytest.raises(PublishError, match=f"last changed by {author} \\('{title}', commit {edited.oid[:12]}\\).*Nothing was sent"):
            put()
        assert repository.refs["main"] == edited.oid
    with pytest.raises(PublishError, match="--replace names 0123456, which is another one"):
        put(replace="0123456")
    assert put(replace=edited.oid[:12]).changed and main_of(server)["LICENSE"] == b"mine"
    assert not put().changed


def test_a_repository_of_something_else_is_left_alone(put, server: LoopbackHub) -> None:
    server.add(REPO, {"model.bin": b"1"})
    with pytest.raises(PublishError, match="last changed by ada"):
        put()


def test_a_change_while_it_is_sent(put, server: LoopbackHub) -> None:
    put()
    server.inject(Fault("status", "*/commit/*", "POST", status=412))
    server.repositories[REPO].commit({OWN: b"x"}, title="dazoo", message="Published-by: dazoo", author="ada")
    with pytest.raises(PublishError, match="was changed meanwhile; nothing was published"):
        put()
    assert commits(server) == 2


# ---------------------------------------------------------------------- what goes wrong on the way


def test_an_answer_that_is_lost(put, server: LoopbackHub) -> None:
    server.inject(Fault("lost", "*/commit/*", "POST", times=1))
    made = put()
    assert made.changed and made.commit == server.repositories[REPO].refs["main"] and commits(server) == 1
    assert not put().changed


@pytest.mark.parametrize("fault", [Fault("status", "*/commit/*", "POST", status=503), Fault("drop", "*/commit/*", "POST")])
def test_a_commit_that_is_refused(put, server: LoopbackHub, fault: Fault) -> None:
    server.inject(replace(fault))
    with pytest.raises(OfflineError, match="Nothing was published"):
        put()
    assert commits(server) == 0
    server.faults.clear()
    assert put().changed and commits(server) == 1


@pytest.mark.parametrize("times", [2, -1])
def test_an_upload_that_fails(put, server: LoopbackHub, times: int) -> None:
    server.inject(Fault("status", "/upload/*", "PUT", times=times, status=500))
    if times < 0:
        with pytest.raises(OfflineError, match=f"hub:{REPO}: HTTP 500"):
            put()
        assert commits(server) == 0
        server.faults.clear()
    assert put().changed and commits(server) == 1


@pytest.mark.parametrize("path", ["*/whoami-v2", "/api/models/*", "/api/repos/create", "*/preupload/*", "*/objects/batch"])
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_every_request_may_be_refused(put, server: LoopbackHub, path: str, status: int) -> None:
    server.inject(Fault("status", path, status=status, headers={"Retry-After": "1"}))
    with pytest.raises(DazooError, match=f"hub:{REPO}: .*") as caught:
        put()
    assert "hf_ada" not in str(caught.value)
    server.faults.clear()
    assert put().changed and commits(server) == 1


def test_a_card_that_the_hub_refuses(put, server: LoopbackHub) -> None:
    server.inject(Fault("status", "/api/validate-yaml", status=400))
    with pytest.raises(DazooError, match=f"hub:{REPO}"):
        put()
    assert commits(server) == 0


def test_no_right_to_write(put, server: LoopbackHub, folder: Path) -> None:
    put()
    with pytest.raises(UnknownName, match="HTTP 403, this is forbidden"):
        put(repo="bob/tiny")
    with pytest.raises(UnknownName, match="the token was refused"):
        put(hub=Hub(server.endpoint, token="hf_wrong"))


def test_the_token_goes_to_the_hub_alone(put, server: LoopbackHub) -> None:
    put()
    assert {r.token for r in server.requests if r.host == "localhost"} == {None}
    assert {r.token for r in server.requests if r.host != "localhost"} == {"hf_ada"}


# ---------------------------------------------------------------------- private, branch, pull request


def test_a_private_repository(put, server: LoopbackHub) -> None:
    put(private=True)
    assert server.repositories[REPO].private
    with pytest.raises(UnknownName, match="or it is private"):
        load(f"hub:{REPO}", hub=Hub(token="hf_bob"))
    assert dazoo.load(f"hub:{REPO}").name == "tiny-tinygan-left2right"
    server.create("ada/public")
    with pytest.raises(PublishError, match="is there and public, and this was to be private; nothing was sent"):
        put(repo="ada/public", private=True)
    assert set(main_of(server, "ada/public")) == {OWN}


def test_a_branch(put, server: LoopbackHub) -> None:
    made = put(branch="next")
    assert set(main_of(server)) == {OWN} and server.repositories[REPO].refs["next"] == made.commit
    assert dazoo.load(f"hub:{REPO}@next").name == "tiny-tinygan-left2right"
    assert not put(branch="next").changed and put(branch="other").changed


def test_a_pull_request(put, server: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="no such repository"):
        put(pull_request=True)
    server.add(REPO, {"README.md": b"# somebody's\n"})
    os.environ["HF_TOKEN"] = "hf_bob"  # who has no right to write there
    made = put(pull_request=True)
    assert made.changed and made.url.endswith("/ada/tiny/discussions/1") and commits(server) == 1
    again = put(pull_request=True)
    assert (again.changed, again.url, again.commit) == (False, made.url, made.commit)
    assert dazoo.load(f"hub:{REPO}@refs/pr/1").name == "tiny-tinygan-left2right"
    server.inject(Fault("lost", "*/commit/*", "POST", times=1))
    put(license="apache-2.0", pull_request=True)
    assert sum(ref.startswith("refs/pr/") for ref in server.repositories[REPO].refs) == 2


def test_results_in_the_newer_form(put, server: LoopbackHub, model: Model, parts: types.ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(parts.Left, "hub_id", "ada/signs")
    model.config["results"] = results_of([FourNumbers(0.6, 0.7, 0.7, 0.8, 153, "snd", 3, 4)])
    put(model, evaluations=True)
    rows = yaml.safe_load(main_of(server)[".eval_results/dazoo.yaml"])
    assert [(row["dataset"]["id"], row["value"]) for row in rows] == [("ada/signs", 60.0), ("ada/signs", 70.0), ("ada/signs", 70.0)]
    put(model)
    assert ".eval_results/dazoo.yaml" not in main_of(server)
