"""Seeds, numbers, devices and places that a person may type: they work, or are told at once with what was expected."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest


DIGITS = "9" * 310


@pytest.mark.parametrize(
    ("words", "part"),
    [
        *((f"train fcn-dann-synsigns --set {name}={DIGITS}", f"{name} is") for name in ("lr", "batch", "epochs", "method.weight")),
        *((f"train fcn-dann-synsigns --set {name}=1e999", f"{name} is") for name in ("lr", "batch", "ema", "method.weight")),
        ("train fcn-dann-synsigns --set batch=nan", "a whole number"),
        ("train fcn-dann-synsigns --set size=100000", "8 to 4,096"),
        ("train fcn-dann-synsigns --set augment=nothing", "Unknown augmentation"),
        ("train fcn-dann-synsigns --set validator=nothing", "Unknown validator"),
        ("train fcn-dann-synsigns --seed 9223372036854775808", "9223372036854775807"),
        *((f"train fcn-dann-synsigns --device {name}", "can use here: cpu") for name in ("meta", "vulkan", "cuda:99", "gpu")),
        ("predict fcn-source-gtsrb2india x.png --device meta", "can use here: cpu"),
        ("predict dir:~nosuchuser/x x.png", "home folder"),
        ("predict fcn-source-gtsrb2india ~nosuchuser/x", "home folder"),
        ("eval ~nosuchuser/x", "is no folder that exists"),
        ("show dir:~nosuchuser/x", "home folder"),
        ("adapt fcn-source-gtsrb2india --method tent --target ~nosuchuser/x --out o", "home folder"),
        ("adapt fcn-source-gtsrb2india --method tent --target . --out o --seed -1", "--seed"),
        ("data list --data ~nosuchuser/x", "home folder"),
        ("data pack . ~nosuchuser/x", "home folder"),
        ("data info ~nosuchuser/x", "home folder"),
        ("data pack . o --size 100000", "--size"),
        ("bench status --out ~nosuchuser/x", "home folder"),
    ],
)
def test_told_at_once(run, words: str, part: str) -> None:
    found = run(*words.split())
    assert found.code == 2, found.err
    assert part in found.err and len(found.err) < 600 and "Traceback" not in found.err
    assert not list(Path.cwd().iterdir()), "a run that never was must leave nothing behind"


@pytest.mark.parametrize("seed", [time.time_ns(), 2**63 - 1], ids=["clock", "largest"])
def test_a_clock_is_a_seed(run, own, settings: list[str], tmp_path: Path, seed: int) -> None:
    words = ("--source", own.source, "--target", own.loose, "--no-source-only", "--device", "cpu", "-q", *settings)
    found = run("train", "fcn-source", *words, "--out", tmp_path / "o", "--seed", seed)
    assert found.code == 0, found.err
    model = f"dir:{tmp_path / 'o' / 'model'}"
    made = run("adapt", model, "--method", "tent", "--target", own.loose, "--out", tmp_path / "a", "--seed", seed, "-q", "--device", "cpu")
    assert made.code == 0, made.err
    assert run("predict", f"dir:{tmp_path / 'a'}", own.loose / "disc0.png").code == 0


@pytest.mark.skipif(os.name == "nt", reason="/dev/null")
def test_a_place_that_cannot_be_written(run, own, settings: list[str]) -> None:
    found = run("train", "fcn-source", "--source", own.source, "--target", own.loose, "--out", "/dev/null/o", "-q", *settings)
    assert found.code != 0 and "/dev/null/o cannot be written" in found.err and "(DAZOO_DEBUG" not in found.err
