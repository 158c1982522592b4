"""docs/publishing.md: its examples run, in order, in one place, on a loopback Hub."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import dazoo
from dazoo.cli.main import main
from dazoo.models.load import located
from dazoo.testing.hub import loopback_hub


TEXT = (Path(__file__).parent.parent / "docs" / "publishing.md").read_text(encoding="utf-8")
ENTRY = "fcn-source-gtsrb2india"


def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if ENTRY not in dazoo.list_entries():
        pytest.skip(f"the entry {ENTRY} is not installed")
    from PIL import Image

    from dazoo_signs.synsigns import draw

    monkeypatch.chdir(tmp_path)
    shutil.copytree(located(ENTRY).folder, tmp_path / "runs" / "mine" / "model")
    Image.fromarray(draw(1, variant="indian", seed=1, size=60)[0][0]).save("sign.png")
    found = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (command,) = re.findall(r"^```sh\ndazoo (.*?)\n```", TEXT, re.MULTILINE)
    assert len(found) == 5
    with loopback_hub(cache=tmp_path / "cache", token="hf_ada"):
        assert main(command.split()) == 0
        space: dict[str, object] = {}
        for number, code in enumerate(found):
            exec(compile(code, f"docs/publishing.md, example {number + 1}", "exec"), space)
    out = capsys.readouterr().out
    assert 'register("fcn-source-gtsrb2india", "hub:ada/signs@' in out and "hub:ada/signs image-classification" in out


def test_every_option_is_explained() -> None:
    from dazoo.models.publish import _More
    from dazoo.models.send import Way

    flags = {"pull_request": "pr", "evaluations": "evaluations"}
    for name in (*Way.__dataclass_fields__, *_More.__dataclass_fields__):
        assert f"--{flags.get(name, name).replace('_', '-')}" in TEXT, name
