from __future__ import annotations

import csv
import io
import os
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dazoo.bench.record import Record
from dazoo.errors import DataError
from dazoo.leaderboard import page as pages
from dazoo.leaderboard import svg
from dazoo.leaderboard.page import Samples
from dazoo.leaderboard.published import Figure
from dazoo.leaderboard.report import write_report
from tests.bench.synthetic import record
from tests.bench.synthetic import runs


EVIL = "<b>&\"'|"
SAMPLES = {"samples.png": {"sha256": "0" * 64, "bytes": 1}}
VOID = {"meta", "input", "img", "br"}


class Balance(HTMLParser):
    """Fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def png(size: int = 4) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size)).save(out, "png")
    return out.getvalue()


def example() -> tuple[list[Record], Samples]:
    records = [
        r for k, m in enumerate(("source", "dann", "cdan")) for s in ("a2b", "b2a") for r in runs(f"net-{m}-{s}", [0.5 + k / 10, 0.6])
    ]
    gan = record("net-dcgan-a2b", 0, 0.7, gan="dcgan", files=SAMPLES, classes=[EVIL, "y"], settings={"note": EVIL})
    large = record("big-dann-a2b", 0, 0.7, classes=[f"c{k}" for k in range(20)], confusion=(np.eye(20, dtype=int) * 3).tolist())
    failed = record("net-mcd-a2b", 0, error={"type": "Oops", "message": f"{EVIL}\nnext", "traceback": f"at {EVIL}"})
    return [*records, gan, large, failed], lambda run: png() if run.id == gan.id else None


def written(folder: Path, records: list[Record], **more: object) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in write_report(records, folder, **more)}


def test_the_same_records_make_the_same_bytes(tmp_path: Path) -> None:
    records, samples = example()
    figures = [Figure("net-dann-a2b", 0.9, "x"), Figure("net-cdan-a2b", 0.8, "y")]
    first = written(tmp_path / "a", records, published=figures, samples=samples)
    shuffled = random.Random(1).sample(records, len(records))
    second = written(tmp_path / "b", shuffled, published=figures[::-1], samples=samples)
    assert first == second and set(first) == {"leaderboard.md", "leaderboard.csv", "report.html"}
    for text in first.values():
        assert str(tmp_path) not in text and os.uname().nodename not in re.sub(r"base64,[^\"]*", "", text)
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(first)  # no temporary file is left


def test_another_process_makes_the_same_bytes_without_torch(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from tests.leaderboard.test_leaderboard_report import example, write_report
records, samples = example()
write_report(records, sys.argv[1], samples=samples)
assert "torch" not in sys.modules and "matplotlib" not in sys.modules
"""
    root = Path(__file__).parents[2]
    for seed in "01":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, cwd=root, env=environment)
    assert all((tmp_path / "0" / f.name).read_bytes() == f.read_bytes() for f in (tmp_path / "1").iterdir())


def test_the_page_is_well_formed_escaped_and_alone(tmp_path: Path) -> None:
    records, samples = example()
    text = written(tmp_path, records, published=[Figure("net-dann-a2b", 0.9, EVIL)], samples=samples)["report.html"]
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert text.startswith("<!doctype html>") and "<b>&" not in text and text.count("&lt;b&gt;&amp;") >= 5
    for tag, attributes in parser.seen:
        assert not {"onclick", "onload"} & set(attributes)
        assert tag not in {"link", "iframe"} and not str(attributes.get("src", "data:")).startswith(("http", "/"))
    assert "http://" not in text and "https://" not in text and "default-src 'none'" in text
    heads = [a for t, a in parser.seen if t == "th"]
    assert heads and all("scope" in a for a in heads) and any(a.get("aria-sort") == "none" for a in heads)
    figures = [a for t, a in parser.seen if t == "svg" and "aria-hidden" not in a]
    assert figures and all(a.get("role") == "img" for a in figures) and text.count("<title>") > len(figures)
    assert all(a.get("alt") for t, a in parser.seen if t == "img")


def test_the_page_shows_what_there_is(tmp_path: Path) -> None:
    records, samples = example()
    text = written(tmp_path, records, published=[Figure("net-dann-a2b", 0.917, "somebody")], samples=samples)["report.html"]
    for part in ("source-only", "91.7", "somebody", "Training curves", "Confusion", "Pictures drawn by GANs", "Accuracy against cost"):
        assert part in text
    for part in ("heat", "Failed cells", "Oops", "traceback", "critical difference", "Linux x86_64", "A single run has no rank"):
        assert part in text
    assert svg.data_address(png()) in text and "no number" not in text


def test_samples_that_are_no_png_are_left_out(tmp_path: Path) -> None:
    assert "Pictures drawn" not in written(tmp_path, example()[0], samples=lambda run: b"<svg onload=x>")["report.html"]


def test_limits_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, samples = example()
    for name, value in (("CURVES", 2), ("ENTRIES", 8), ("PICTURES", 10), ("FAILURES", 0)):
        monkeypatch.setattr(pages, name, value)
    text = written(tmp_path, records, samples=samples)["report.html"]
    assert (
        "Not drawn: 3 rows" in text and text.count('class="card"') == 4 and "Not shown: 1 sheet" in text and "The first 0 are shown" in text
    )
    many = [record(f"net-m{k}-a2b", 0, 0.5 + k / 1000) for k in range(50)]
    monkeypatch.setattr(pages, "ROWS", 20)
    text = written(tmp_path, many)["report.html"]
    assert "30 more are in leaderboard.csv" in text


def test_markdown(tmp_path: Path) -> None:
    records, _ = example()
    text = written(tmp_path, records, published=[Figure("net-dann-a2b", 0.917, "somebody")])["leaderboard.md"]
    row = next(line for line in text.splitlines() if "net-dann-a2b" in line)
    assert [c.strip() for c in row.strip("|").split("|")][1:4] == ["net-dann-a2b", "60.0 ± 0.0 (n=2)", "+5.0 ± 63.5 (n=2)"]
    assert "91.7 (1)" in row and "(1) somebody" in text and "Friedman" in text
    assert "Oops: \\<b\\>&amp;\"'\\| next" in text  # one line, and no cell of its own
    widths = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert all(w > 3 for w in widths)


def test_csv(tmp_path: Path) -> None:
    records, _ = example()
    rows = list(csv.DictReader(io.StringIO(written(tmp_path, records)["leaderboard.csv"])))
    assert len(rows) == 8 and {r["scenario"] for r in rows} == {"a2b", "b2a"}
    row = next(r for r in rows if r["recipe"] == "net-cdan-a2b")
    assert (row["n"], row["seeds"], row["runs"], row["last"], row["gain"], row["gain_n"]) == ("2", "0 1", "0.7 0.6", "0.65", "0.1", "2")
    single = next(r for r in rows if r["recipe"] == "net-dcgan-a2b")
    assert (single["gan"], single["method"], single["rank"], single["last_low"]) == ("dcgan", "", "", "")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_no_text_of_the_csv_is_a_formula(begin: str, tmp_path: Path) -> None:
    figures = [Figure("net-dann-a2b", 0.5, f"{begin}1+1")]
    (row,) = csv.DictReader(io.StringIO(written(tmp_path, [record()], published=figures)["leaderboard.csv"]))
    assert row["published_source"] == f"'{begin}1+1" and row["last"] == "0.5"


def test_nothing_and_nothing_but_failures(tmp_path: Path) -> None:
    assert "0 finished cells" in written(tmp_path, [])["report.html"]
    text = written(tmp_path, [record(error={"type": "E", "message": "m"})])
    assert "1 failed cell" in text["report.html"] and "Failed cells (1)" in text["leaderboard.md"]


def test_epochs_without_a_number_and_missing_costs(tmp_path: Path) -> None:
    cost = {"seconds": None, "images_per_second": None, "memory": None, "device_memory": None}
    records = [record(seed=0, accuracies=[None, 0.5], cost=cost), record(seed=1, epochs=[], confusion=[], cost=cost)]
    text = written(tmp_path, records)["report.html"]
    assert "None" not in text and "nan" not in text


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        write_report([record()], tmp_path / "file" / "below")


def test_heat_maps_are_png(tmp_path: Path) -> None:
    import base64

    shares = np.random.default_rng(0).random((300, 300))  # more than one stored block
    data = base64.b64decode(svg.heat_map(shares).partition(",")[2])
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    alpha = np.asarray(picture)[..., 3]
    assert alpha.shape == (300, 300) and np.abs(alpha / 255.0 - np.sqrt(shares)).max() < 0.003
