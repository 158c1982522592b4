"""`dazoo gan`: train, use and explain GANs from a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dazoo.registry.plugins import zoo


TINY = [word for pair in ("epochs=1", "steps_per_epoch=2", "batch=4", "size=16", "gan.width=4") for word in ("--set", pair)]


def test_train_generate_and_explain(run, own, tmp_path: Path) -> None:
    out = tmp_path / "gan"
    found = run("gan", "train", "dcgan", "--images", own.loose, "--out", out, "--device", "cpu", "-q", *TINY)
    assert found.code == 0, found.err
    assert "likeness" in found.out and "it can generate" in found.out
    sheet, each = tmp_path / "sheet.png", tmp_path / "each"
    assert run("gan", "generate", out / "model", "--out", sheet, "-n", 3, "--each", each).code == 0
    with Image.open(sheet) as picture:
        assert picture.size == (3 * 66 + 2, 68)
    with Image.open(each / "00002.png") as picture:
        assert picture.size == (16, 16) and picture.mode == "RGB"
    told = run("gan", "explain", "dcgan", "--run", out, "--strip", tmp_path / "strip.png")
    assert told.code == 0 and "critic/adversarial" in told.out and (tmp_path / "strip.png").is_file()


def test_translate_writes_a_file_for_each_picture_and_a_sheet(run, own, tmp_path: Path) -> None:
    out = tmp_path / "gan"
    tiny = [*TINY, "--set", "gan.blocks=1"]
    found = run("gan", "train", "cyclegan", "--images", own.loose, "--to", own.labelled, "--out", out, "--device", "cpu", "-q", *tiny)
    assert found.code == 0, found.err
    made = tmp_path / "made"
    assert run("gan", "translate", out / "model", own.loose, "--out", made).code == 0
    assert len(list(made.glob("*.png"))) == 13 and (made / "sheet.png").is_file() and (made / "cross0.png").is_file()
    refused = run("gan", "upscale", out / "model", own.loose, "--out", made)
    assert refused.code != 0 and "cannot upscale; it can translate" in refused.err


@pytest.mark.parametrize("name", zoo().gans.names())
def test_every_gan_is_explained(run, name: str) -> None:
    found = run("gan", "explain", name, "--size", 32)
    assert found.code == 0, found.err
    for heading in ("Who plays", "What they see", "What they want", "One step", "Where it ends"):
        assert heading in found.out


@pytest.mark.skipif("srgan-leaves" not in zoo().entries.names(), reason="the entry is not installed")
def test_a_trained_gan_is_explained_as_it_was_trained(run) -> None:
    found = run("gan", "explain", "srgan-leaves")
    assert found.out.startswith("srgan: ") and "Pictures of 3 x 48 x 48" in found.out and "No critic learns" in found.out


def test_wrong_words_are_told_before_torch_is_imported(run, own) -> None:
    assert "dcgan" in run("gan", "train", "dcgn", "--images", own.loose).err
    assert "expected 'last' or 'chosen'" in run("gan", "train", "dcgan", "--images", own.loose, "--select", "best").err
    assert "is a classifier" in run("gan", "generate", zoo().entries.names("fcn-*")[0], "--out", "x.png").err


def test_an_explanation_names_every_loss_and_what_the_critic_is_told(run) -> None:
    auxiliary, concat = (run("gan", "explain", "cgan", "--set", f"gan.condition={c}").out for c in ("auxiliary", "concat"))
    assert "generator/auxiliary" in auxiliary and "with their class" not in auxiliary
    assert "generator/auxiliary" not in concat and "real pictures and drawn ones, with their class" in concat
    assert "generator/l1" in run("gan", "explain", "pix2pix").out
    assert ", every 16 steps\n    critic/r1 " in run("gan", "explain", "stylegan").out
    assert "of the run\n    generator/pixels" in run("gan", "explain", "srgan").out
    alone = run("gan", "explain", "srgan", "--set", "gan.pixels=1").out
    assert "No critic learns" in alone and "Where it ends" not in alone
