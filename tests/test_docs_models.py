"""docs/models.md: its examples run, in order, in one place."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dazoo


ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^(?:<!-- test: needs (.*?) -->\n)?```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore")
def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if "fcn-source-gtsrb2india" not in dazoo.list_entries():
        pytest.skip("the entry fcn-source-gtsrb2india is not installed")
    from dazoo_signs.synsigns import draw

    images, labels = draw(24, variant="indian", seed=1, size=60)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = tmp_path / "new" / ("round" if label % 2 else "other")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    Image.fromarray(images[0]).save(tmp_path / "sign.png")
    Image.fromarray(images[1]).save(tmp_path / "other.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 150, 3), np.uint8)).save(tmp_path / "road.png")
    monkeypatch.chdir(tmp_path)
    found = EXAMPLE.findall(TEXT)
    assert len(found) == TEXT.count("```python\n") == 9
    space: dict[str, object] = {}
    for number, (needs, code) in enumerate(found):
        if not all(find_spec(name) for name in needs.split(", ") if name):
            continue
        exec(compile(code, f"docs/models.md, example {number + 1}", "exec"), space)
    out = capsys.readouterr().out
    assert "Model fcn-source-gtsrb2india" in out and all(len(line) <= 120 for line in out.splitlines() if "[(" not in line)


def test_what_the_readme_says_of_its_entry_is_what_the_card_says() -> None:
    said = re.search(r'load\("(?P<name>[\w-]+)"\)  # right on (?P<right>\d+) of (?P<all>\d+) ', (ROOT / "README.md").read_text())
    assert said is not None
    card = (ROOT / "model_cards" / f"{said['name']}.md").read_text()
    assert f": {100 * int(said['right']) / int(said['all']):.1f} % (" in card
    assert f"{said['all']} pictures of 22 classes" in card
