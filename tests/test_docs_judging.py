"""docs/judging.md: its commands and its Python run, in order, and its thresholds are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dazoo.cli.main import main
from dazoo.data import twins
from dazoo.data.looking import MOST
from dazoo.metrics import seen
from dazoo.metrics import trend
from dazoo.metrics import verdict


TEXT = (Path(__file__).parents[1] / "docs" / "judging.md").read_text(encoding="utf-8")
SMALL = [w for pair in ("epochs=1", "steps_per_epoch=2", "batch=4", "size=16", "backbone.width=4", "augment=none") for w in ("--set", pair)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes in `labelled/` and pictures in `new/`."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(("dark", "light")):
        for i in range(8):
            for side in (tmp_path / "labelled" / name / f"{i}.png", tmp_path / "new" / f"{name}{i}.png"):
                side.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(100 * k, 100 * k + 120, (24, 24, 3), dtype=np.uint8)).save(side)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_its_commands_and_its_python_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^<!-- test: run -->\n```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line)[1:] for block in blocks for line in block.strip().splitlines()]
    assert [words[0] for words in lines] == ["doctor", "train", "train", "adapt", "train", "bench", "bench", "compare"]
    for words in lines:
        whole = [str(p.relative_to(here)) for p in sorted(here.glob(words[-1]))] if words[-1].endswith("*") else words[-1:]
        small = SMALL if words[0] == "train" or words[:2] == ["bench", "run"] else ["--set", "epochs=1"] if words[0] == "adapt" else []
        assert main([*words[:-1], *whole, *small]) == 0, (words, capsys.readouterr().err)
    said = capsys.readouterr().out
    assert "Does it work?" in said and re.search(r"^Use |^The scores", said, re.MULTILINE), said
    (python,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(compile(python, "docs/judging.md", "exec"), {})
    assert capsys.readouterr().out.startswith("True ")


def test_its_thresholds_are_those_of_the_code() -> None:
    assert (verdict.DOMINANT, verdict.DIVERSITY, verdict.ALONE, verdict.LEAST_RIGHT, verdict.CHANCE) == (0.5, 0.25, 0.1, 0.5, 0.01)
    assert (verdict.SKILL, verdict.GUESSING, verdict.ALIKE, seen.FOLDS) == (0.5, 0.01, 0.05, 10)
    assert (trend.FEWEST, trend.LEARNT, trend.DROP, trend.RESTLESS) == (4, 0.1, 0.1, 0.2)
    assert (MOST, twins.BITS, twins.ALIKE) == (5000, 44, 0.98)
    for state in verdict.STATES:
        assert re.search(rf"^\| {state} \|", TEXT, re.MULTILINE), f"docs/judging.md has no row for {state}"
