"""docs/own-pictures.md: its commands and its Python run, and its table says what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

import dazoo_timm.fetching
import dazoo_torchvision.fetching
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import make_plan


TEXT = (Path(__file__).parents[2] / "docs" / "own-pictures.md").read_text(encoding="utf-8")


@pytest.fixture
def here(own: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders that the page speaks of, and no network."""
    for module in (dazoo_timm.fetching, dazoo_torchvision.fetching):
        monkeypatch.setattr(module, "answers", lambda *_: False)
    own.labelled.rename(tmp_path / "checked")
    own.loose.rename(tmp_path / "new")
    own.source.rename(tmp_path / "labelled")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_the_commands_run(here: Path, run, settings: list[str]) -> None:
    (block,) = re.findall(r"^<!-- test: run -->\n```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    lines = block.strip().splitlines()
    assert [shlex.split(line)[1] for line in lines] == ["show", "train", "eval", "predict"]
    for line in lines:
        words = shlex.split(line)[1:]
        found = run(*words, *(settings if words[0] == "train" else []))
        assert found.code == 0, f"{line}: {found.err}"
        if words[0] == "train":
            assert re.search("^Start: ", found.err, re.MULTILINE)


@pytest.mark.filterwarnings("ignore")
def test_the_python_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(compile(code, "own-pictures.md", "exec"), {"__name__": "own_pictures"})
    assert capsys.readouterr().out == "('cross', 'disc') 12\n"


def test_a_table_of_files_trains_on_the_command_line(here: Path, run, settings: list[str]) -> None:
    rows = [f"labelled/{p.parent.name}/{p.name},{p.parent.name}" for p in sorted((here / "labelled").glob("*/*.png"))]
    (here / "labels.csv").write_text("\n".join(["path,label", *rows]))
    command = re.search(r"^    dazoo (train mean_teacher --source labels.csv .*)$", TEXT, re.MULTILINE)[1]
    found = run(*shlex.split(command), "--quiet", "--no-source-only", *settings)
    assert found.code == 0, found.err
    (here / "labels.csv").write_text("\n".join([rows[0], "labelled/nothing.png,disc"]))
    found = run(*shlex.split(command), *settings)
    assert found.code != 0 and "labels.csv: 1 of 2 files are not there:\n  line 2: labelled/nothing.png" in found.err


def test_the_settings_are_those_of_the_page() -> None:
    name = "timm_tf_efficientnet_lite0_pretrained-mean_teacher"
    assert name in TEXT
    made = make_plan(zoo(), name, source="/nowhere", target="/nowhere").settings
    assert (made.crop, made.augment, made.batch, made.epochs) == (True, "photos", 32, 10)
    assert (made.optimizer, made.lr, made.weight_decay, made.schedule) == ("sgd", 0.01, 1e-3, "inverse")
    assert make_plan(zoo(), "fcn-mean_teacher", source="/nowhere", target="/nowhere").settings.augment == "objects"
