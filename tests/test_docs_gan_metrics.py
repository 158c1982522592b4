"""docs/gan-metrics.md: its Python runs, in order, and its thresholds are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dazoo
from dazoo.metrics.pictures import measures
from dazoo.metrics.pictures import neighbours
from dazoo.metrics.pictures import trouble
from dazoo.metrics.pictures.protocol import HIGHER_IS_BETTER
from dazoo.metrics.pictures.protocol import LOWER_IS_BETTER
from dazoo.models import reference_networks


TEXT = (Path(__file__).parents[1] / "docs" / "gan-metrics.md").read_text(encoding="utf-8")


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("torch_fidelity", "torchmetrics"):
        pytest.importorskip(package, reason="the extra 'metrics' is not installed")
    if "fcn-source-gtsrb_synsigns2india" not in dazoo.list_entries():
        pytest.skip("the entry fcn-source-gtsrb_synsigns2india is not installed")
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    exec(compile("\n".join(blocks), "docs/gan-metrics.md", "exec"), {})
    said = capsys.readouterr().out
    assert re.search(r"^fid [\d.]+ \[fcn-source-gtsrb_synsigns2india \(", said, re.MULTILINE)
    assert re.search(r"^psnr [\d.]+ \[pixels, own size, 40 real .* Y, border 2", said, re.MULTILINE)
    assert "of 40 drawn pictures are read as the class" in said and "the critic has won" in said


def test_its_thresholds_are_those_of_the_code() -> None:
    values = (trouble.ALIKE, trouble.REPEATED, trouble.COMMONEST, trouble.WON, trouble.CHANCE)
    assert values == (0.5, 1 / 3, 0.5, 0.99, 0.05)
    for name, value in {"ALIKE": "0.5", "REPEATED": "1/3", "COMMONEST": "0.5", "WON": "0.99", "CHANCE": "0.05"}.items():
        assert f"`{name}`, {value}" in TEXT
    assert (measures.K, measures.SUBSETS, neighbours.NEAREST) == (3, 100, 5)
    assert [(n.name, n.size) for n in reference_networks.NETWORKS] == [
        (f"vgg16_features / {reference_networks.SCALE:g}", 64),
        ("tf_efficientnet_lite0", 224),
        ("inception_v3", 299),
    ]


@pytest.mark.parametrize("name", sorted({*LOWER_IS_BETTER, *HIGHER_IS_BETTER, "lpips_like_drawn", "lpips_like_real"}))
def test_every_figure_is_explained(name: str) -> None:
    assert f"`{name}`" in TEXT
