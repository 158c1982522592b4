"""README.md: its examples run; docs/catalogue.md: its tables name what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import dazoo


ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CATALOGUE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(own: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders and pictures that the examples speak of."""
    own.labelled.rename(tmp_path / "checked")
    own.loose.rename(tmp_path / "new")
    own.source.rename(tmp_path / "labelled")
    noise = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)
    for name in ("sign.png", "other.png", "road.png"):
        Image.fromarray(noise).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_examples_run(here: Path, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    entry = re.search(r'dazoo\.load\("([^"]+)"\)', PYTHON[number])
    if entry and entry[1] not in dazoo.list_entries():
        pytest.skip(f"the entry {entry[1]} is not installed")
    exec(compile(PYTHON[number], f"README.md, example {number + 1}", "exec"), {})
    assert capsys.readouterr().out


def test_own_pictures_example_runs(here: Path, run, settings: list[str]) -> None:
    (block,) = re.findall(r"^<!-- test: run -->\n```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    lines = block.strip().splitlines()
    assert [shlex.split(line)[1] for line in lines] == ["doctor", "train", "predict", "eval"]
    for line in lines:
        words = shlex.split(line)[1:]
        small = settings if words[0] == "train" else []
        found = run(*words, *small)
        assert found.code == 0, f"{line}: {found.err}"
    assert (here / "runs" / "mine" / "model" / "model.safetensors").is_file()


def test_every_command_that_is_mentioned_exists(run) -> None:
    words = "list|show|plugins|doctor|train|compare|adapt|eval|predict|bench (?:run|status|report|compare)|data (?:list|get|pack|info)"
    mentioned = set(re.findall(rf"`?dazoo ({words})\b", TEXT + CATALOGUE))
    assert {"list", "show", "doctor", "predict", "data list", "data get"} <= mentioned
    for command in mentioned:
        assert run(*command.split(), "--help").code == 0


def test_the_table_names_what_is_installed() -> None:
    kinds = "backbones|GANs|methods|scenarios|executors|loggers|augmentations|validators"
    rows = dict(re.findall(rf"^\| ({kinds}) \| (.*) \|$", CATALOGUE, re.MULTILINE))
    for kind, row in rows.items():
        there = set(getattr(dazoo, f"list_{kind.lower()}")())
        told = set(re.findall(r"`([a-z0-9_]+)`", row))
        assert told <= there, f"README names {kind} that are not there: {told - there}"
        unnamed = {n for n in there - told if not n.startswith(("tv_", "timm_"))}
        assert not unnamed, f"README does not name the {kind} {unnamed}"
    assert len(rows) == 8


def test_the_readme_is_short() -> None:
    assert len(re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL).split()) <= 500


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_links_lead_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_of_the_guides_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if not t.startswith("https://") and not (page.parent / t).exists()] == []
