"""`dazoo publish`, `card`, `cards check` and `search`, with GANs and classifiers, on a loopback Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dazoo
from dazoo.registry.plugins import zoo
from dazoo.testing.hub import Fault
from dazoo.testing.hub import LoopbackHub
from dazoo.testing.hub import loopback_hub


GAN = [word for pair in ("epochs=1", "steps_per_epoch=2", "batch=4", "size=16", "gan.width=4") for word in ("--set", pair)]
ENTRY = "fcn-source-gtsrb2india"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackHub]:
    with loopback_hub(cache=tmp_path / "cache", token="hf_ada") as made:
        yield made


def test_a_gan_is_published_and_drawn_with(run, own, server: LoopbackHub, tmp_path: Path) -> None:
    out = tmp_path / "gan"
    assert run("gan", "train", "dcgan", "--images", own.loose, "--out", out, "--device", "cpu", "-q", *GAN).code == 0
    dry = run("publish", out, "ada/gan", "--dry-run")
    assert dry.code == 1 and "generator.safetensors" in dry.out and "## Use it" in dry.out and server.requests == []
    assert "problem: No licence was chosen" in dry.err and "1 problem(s) stand in its way" in dry.err
    made = run("publish", out, "ada/gan", "--license", "mit")
    assert made.code == 0, made.err
    commit = server.repositories["ada/gan"].refs["main"]
    assert f'"hub:ada/gan@{commit}", sha256="' in made.out
    assert run("publish", out, "ada/gan", "--license", "mit").out.startswith("It was there already")
    card = server.repositories["ada/gan"].at("main").files["README.md"].decode()
    assert "pipeline_tag: unconditional-image-generation" in card and "license: mit" in card and "(samples.png)" in card
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    space: dict = {}
    exec(compile(code, "card", "exec"), space)  # dazoo.load_gan("hub:ada/gan")
    assert space["drawn"].shape == (8, 3, 16, 16)
    assert run("gan", "generate", f"hub:ada/gan@{commit}", "--out", tmp_path / "sheet.png").code == 0
    assert run("card", "hub:ada/gan").out.rstrip() == card.rstrip()
    (out / "model" / "README.md").unlink()
    assert 'dazoo.load_gan("path/to/folder")' in run("card", out / "model").out  # written from the config
    refused = run("predict", "hub:ada/gan", own.loose)
    assert refused.code != 0 and "dazoo.load_gan" in refused.err


def test_a_gan_that_redraws_pictures(run, own, server: LoopbackHub, tmp_path: Path) -> None:
    out, tiny = tmp_path / "gan", [*GAN, "--set", "gan.blocks=1"]
    pictures = ("--images", own.loose, "--to", own.labelled)
    assert run("gan", "train", "cyclegan", *pictures, "--out", out, "--device", "cpu", "-q", *tiny).code == 0
    made = run("publish", out, "ada/redraws", "--license", "mit", "--json")
    assert made.code == 0 and "pipeline_tag: image-to-image" in made.json["card"] and "samples.png" not in made.json["files"]
    assert dazoo.load_gan("hub:ada/redraws").translate(own.loose / "cross0.png").shape == (1, 3, 16, 16)


def test_a_run_of_own_pictures(run, model: Path, server: LoopbackHub) -> None:
    made = run("publish", model.parent, "ada/own", "--license", "apache-2.0", "--private", "--message", "First")
    assert made.code == 0 and "note: examples.png shows some of your own pictures" in made.err, made.err
    repository = server.repositories["ada/own"]
    assert repository.private and repository.at("main").title == "First"
    assert {"run.json", "confusion.png", "examples.png", "calibration.png"} <= set(repository.at("main").files)
    assert str(model.parent.parent) not in "".join(f.decode("latin-1") for f in repository.at("main").files.values())  # no path goes out
    assert run("eval", "hub:ada/own", "--target", model.parent.parent / "labelled").code == 0


def test_search_lists_what_others_published_apart(run, server: LoopbackHub) -> None:
    card = "---\nlibrary_name: {}\npipeline_tag: image-classification\n---\n"
    for repo, library in (("bob/signs", "dazoo"), ("bob/other", "timm"), ("ada/gtsrb2india", "dazoo")):
        server.add(repo, {"README.md": card.format(library).encode()})
    server.page = 1
    found = run("search", "--json")
    assert [hit["ref"] for hit in found.json["hub"]] == ["hub:bob/signs", "hub:ada/gtsrb2india"]
    assert [entry["name"] for entry in found.json["entries"]] == zoo().entries.names()
    found = run("search", "GTSRB2india")
    rows = [line.split("\t")[:2] for line in found.out.splitlines()]
    assert ["hub:ada/gtsrb2india", "hub"] in rows and [ENTRY, "dazoo-signs"] in rows and not any("bob" in row[0] for row in rows)
    assert "nobody has checked what is on the Hub" in found.err
    server.inject(Fault("status", "/api/models", status=401))
    failed = run("search")
    assert failed.code != 0 and ENTRY in failed.out and "the list of models: HTTP 401" in failed.err


def test_cards_of_the_repository_are_true(run) -> None:
    """The cards in model_cards/ are those of the entries that ship, and their numbers those of config.json."""
    folder = Path(__file__).parents[2] / "model_cards"
    found = run("cards", "check", folder)
    assert found.code == 0, found.out


def test_a_card_that_is_not_true_is_told_and_mended(run, tmp_path: Path) -> None:
    for name in zoo().entries.names():
        (tmp_path / f"{name}.md").write_text(run("card", name).out)
    assert run("cards", "check", tmp_path).code == 0
    card = tmp_path / f"{ENTRY}.md"
    card.write_text(card.read_text().replace("| Source-only |", "| Source only |"))
    found = run("cards", "check", tmp_path)
    assert found.code == 1 and f"{card}: it differs from the entry's card: line" in found.out and "'| Source only |" in found.out
    card.unlink()
    assert "it is missing" in run("cards", "check", tmp_path).out
    assert run("cards", "check", tmp_path, "--write").code == 0 and card.is_file()
    (tmp_path / "nobody.md").write_text("# nobody\n")
    assert "no installed entry has this name" in run("cards", "check", tmp_path).out
    assert run("cards", "check", tmp_path / "nowhere").code == 2
