"""Figures of pairs, of colour and of volumes, against values that can be worked out by hand."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures import Extractor
from dazoo.metrics.pictures import colourfulness
from dazoo.metrics.pictures import compare_pairs
from dazoo.metrics.pictures import cycle_error
from dazoo.metrics.pictures import volume_iou
from dazoo.metrics.pictures.colour import lab
from dazoo.metrics.pictures.colour import luminance
from dazoo.metrics.pictures.perceptual import lpips_like


def pictures(n: int = 3, size: int = 24, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 246, (n, size, size, channels), dtype=np.uint8)


def colour(*rgb: int, size: int = 16) -> np.ndarray:
    return np.full((1, size, size, 3), rgb, np.uint8)


def value(name: str, real: object, drawn: object, **more: object) -> float:
    if name in ("psnr", "ssim"):
        pytest.importorskip("torchmetrics", reason="the extra 'metrics' is not installed")
    return compare_pairs(real, drawn, which=name, **more)[name].value  # type: ignore[arg-type]


def test_psnr_is_its_formula_for_each_picture_and_then_the_mean() -> None:
    real = pictures(2)
    drawn = real.copy()
    drawn[0] += 2
    drawn[1] += 10
    expected = [-10 * math.log10((shift / 255) ** 2) for shift in (2, 10)]
    assert value("psnr", real, drawn) == pytest.approx(sum(expected) / 2, rel=1e-6)
    assert value("psnr", real, real) == math.inf
    assert value("mean_error", real, drawn) == pytest.approx(6.0)


def test_a_border_is_left_out() -> None:
    real = pictures()
    drawn = real.copy()
    drawn[:, :3] = 255
    drawn[:, :, -3:] = 255
    assert value("psnr", real, drawn) < 30
    assert value("psnr", real, drawn, border=3) == math.inf
    assert value("mean_error", real, drawn, border=2) > 0
    assert compare_pairs(real, drawn, which="mean_error", border=2)["mean_error"].protocol.settings == "RGB, border 2"


def test_luminance_is_that_of_the_tables_of_super_resolution() -> None:
    """MATLAB's rgb2ycbcr: black 16, white 235, and 65.481, 128.553 and 24.966 of a full red, green and blue."""
    for rgb, y in (((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81.481), ((0, 255, 0), 144.553), ((0, 0, 255), 40.966)):
        assert luminance(torch.from_numpy(colour(*rgb)).permute(0, 3, 1, 2))[0, 0, 0, 0].item() == pytest.approx(y)
    shift = value("psnr", colour(100, 100, 100), colour(110, 110, 110), channel="y")
    assert shift == pytest.approx(-20 * math.log10(10 * 219 / 255 / 255), rel=1e-6)
    same_luminance = value("psnr", colour(0, 0, 0), colour(10, 0, 0), channel="y") - value("psnr", colour(0, 0, 0), colour(10, 0, 0))
    assert same_luminance > 6


def test_ssim_of_equal_and_of_constant_pictures() -> None:
    assert value("ssim", pictures(), pictures()) == pytest.approx(1.0)
    a, b, c = 100.0, 150.0, (0.01 * 255) ** 2
    assert value("ssim", colour(100, 100, 100), colour(150, 150, 150)) == pytest.approx((2 * a * b + c) / (a * a + b * b + c), rel=1e-4)
    assert value("ssim", pictures(), pictures(seed=1)) < 0.1
    with pytest.raises(DataError, match="window of 11 pixels"):
        value("ssim", pictures(size=16), pictures(size=16), border=4)


def test_lab_of_known_colours() -> None:
    known = {
        (255, 0, 0): (53.24, 80.09, 67.20),
        (0, 255, 0): (87.73, -86.18, 83.18),
        (0, 0, 255): (32.30, 79.19, -107.86),
        (255,) * 3: (100, 0, 0),
    }
    for rgb, expected in known.items():
        found = lab(torch.from_numpy(colour(*rgb)).permute(0, 3, 1, 2))[0, :, 0, 0]
        assert found.tolist() == pytest.approx(expected, abs=0.02), rgb
    grey_for_red = value("ab_error", colour(255, 0, 0), colour(127, 127, 127))
    assert grey_for_red == pytest.approx(math.hypot(80.09, 67.20), abs=0.05)
    assert value("ab_error", colour(200, 200, 200), colour(20, 20, 20)) == pytest.approx(0, abs=0.05)  # a and b alone
    with pytest.raises(DataError, match="no a and b"):
        value("ab_error", pictures(channels=1), pictures(channels=1))


def test_colourfulness_by_hand() -> None:
    """Half red, half blue: rg is 255 or 0, yb 127.5 or -255."""
    picture = np.concatenate([colour(255, 0, 0), colour(0, 0, 255)], axis=2)
    spread = math.hypot(127.5, 191.25)
    assert colourfulness(picture).tolist() == pytest.approx([spread + 0.3 * math.hypot(127.5, -63.75)])
    assert colourfulness(colour(9, 9, 9)).tolist() == [0.0]
    with pytest.raises(DataError, match="3 channels"):
        colourfulness(pictures(channels=1))


def test_lpips_like_distance_by_hand() -> None:
    """One layer of the pixels: colours at a right angle are 2 apart, however bright; a second layer adds up."""
    extractor = Extractor("pixels", "12", 8, lambda x: (x.flatten(1), None), layers=lambda x: ((x + 1) / 2,))
    red, green, dark = (torch.from_numpy(colour(*rgb)).permute(0, 3, 1, 2) for rgb in ((255, 0, 0), (0, 255, 0), (60, 0, 0)))
    assert lpips_like(red, green, extractor).tolist() == pytest.approx([2.0], abs=1e-5)
    assert lpips_like(red, dark, extractor).tolist() == pytest.approx([0.0], abs=1e-5)
    found = compare_pairs(red, green, which=("lpips_like", "mean_error"), extractor=extractor)
    assert found["lpips_like"].value == pytest.approx(2.0, abs=1e-5) and found["lpips_like"].protocol.extractor == "pixels"
    assert found["mean_error"].protocol.extractor == "" and found["mean_error"].value == pytest.approx(170.0)
    with pytest.raises(SettingsError, match="needs extractor="):
        compare_pairs(red, green, which="lpips_like")


def test_what_comes_back() -> None:
    images = torch.zeros(2, 3, 8, 8)
    returned = torch.stack([images[0], images[1] + 0.5])
    assert cycle_error(images, returned).tolist() == pytest.approx([0.0, 0.5], abs=1 / 127.5)  # of 8 bits
    with pytest.raises(DataError, match="equal in shape"):
        cycle_error(images, returned[:1])


def test_iou_of_volumes_by_hand() -> None:
    real, drawn = torch.full((3, 4, 4, 4), -1.0), torch.full((3, 4, 4, 4), -1.0)
    real[0, :2], drawn[0, 1:3] = 1, 1  # a third in common
    real[1, 0] = 1
    assert volume_iou(real, drawn).tolist() == pytest.approx([1 / 3, 0, 1])
    assert volume_iou(real > 0, drawn > 0).tolist() == volume_iou((real + 1) / 2, (drawn + 1) / 2, threshold=0.5).tolist()
    with pytest.raises(DataError, match="the same"):
        volume_iou(real, drawn[:2])
    with pytest.raises(DataError, match="not finite"):
        volume_iou(real, drawn * torch.nan)


def test_pairs_that_do_not_pair_and_settings_that_are_wrong_are_told() -> None:
    with pytest.raises(DataError, match="equal in shape"):
        compare_pairs(pictures(3), pictures(2), which="mean_error")
    with pytest.raises(DataError, match=r"3 channel\(s\), the drawn ones 1"):
        compare_pairs(pictures(), pictures(channels=1), which="mean_error")
    with pytest.raises(DataError, match="border of 12"):
        compare_pairs(pictures(), pictures(), which="mean_error", border=12)
    for wrong in ({"which": "pnsr"}, {"channel": "l"}, {"border": -1}, {"which": ()}):
        with pytest.raises(SettingsError, match="expected"):
            compare_pairs(pictures(), pictures(), **wrong)  # type: ignore[arg-type]


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(SettingsError, match=r'torchmetrics.*pip install "dazoo\[metrics\]"'):
        compare_pairs(pictures(), pictures(), which="psnr")
