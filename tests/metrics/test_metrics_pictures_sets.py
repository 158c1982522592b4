"""Distances of sets: against what can be worked out on paper, against a second library, and on input that is wrong."""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor
from torch import nn

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures import Extractor
from dazoo.metrics.pictures import compare_features
from dazoo.metrics.pictures import compare_sets
from dazoo.metrics.pictures.neighbours import density_coverage


def needs_library() -> None:
    pytest.importorskip("torch_fidelity", reason="the extra 'metrics' is not installed")


def values(real: Tensor, drawn: Tensor, *which: str, **more: object) -> dict[str, float]:
    needs_library()
    return {m.name: m.value for m in compare_features(real, drawn, which=which, **more)}  # type: ignore[arg-type]


def normal(n: int, width: int, seed: int) -> Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def whitened(n: int, width: int, seed: int) -> Tensor:
    """A sample whose mean is 0 and whose covariance is the unit matrix, exactly."""
    x = normal(n, width, seed)
    x = x - x.mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(x.T @ x / (n - 1)), x.T, upper=False).T


# ------------------------------------------------------------------ worked out on paper


def test_fid_of_two_gaussians_is_ten() -> None:
    """N(0, I_8) and N(0.5, 4 I_8): 8 * 0.25 + 8 * (1 + 4 - 4)."""
    assert values(whitened(50, 8, 0), whitened(60, 8, 1) * 2 + 0.5, "fid")["fid"] == pytest.approx(10.0, abs=1e-6)


def test_fid_is_the_nuclear_norm_where_there_are_fewer_pictures_than_features() -> None:
    a, b = normal(12, 40, 0), normal(15, 40, 1) * 1.5 + 0.2
    x, y = a - a.mean(0), b - b.mean(0)
    cross = torch.linalg.matrix_norm(x @ y.T, "nuc") / math.sqrt(11 * 14)
    expected = (a.mean(0) - b.mean(0)).square().sum() + x.square().sum() / 11 + y.square().sum() / 14 - 2 * cross
    assert values(a, b, "fid")["fid"] == pytest.approx(expected.item(), rel=1e-4)


def test_fid_falls_with_the_number_of_pictures() -> None:
    found = [values(normal(n, 16, 0), normal(n, 16, 1), "fid")["fid"] for n in (100, 500, 2000)]
    assert found == pytest.approx([1.55, 0.326, 0.081], rel=0.25)


def test_kid_of_a_shifted_gaussian() -> None:
    """The cubic kernel's MMD of N(0, I_d) and N(m, I_d) in closed form."""
    d, shift = 16, 0.3
    a = d * shift**2
    exact = 3 * a / d + 3 * a**2 / d**2 + 3 * a / d**2 + (a**3 + 6 * a**2 + 6 * a) / d**3
    assert exact == pytest.approx(0.31705, abs=1e-5)
    assert values(normal(4000, d, 0), normal(4000, d, 1) + shift, "kid")["kid"] == pytest.approx(exact, abs=0.02)


def test_kid_has_no_bias_and_its_subsets_follow_the_seed() -> None:
    needs_library()
    a, b = normal(300, 16, 0), normal(300, 16, 1)
    (first,), (again,), (other,) = (compare_features(a, b, which=["kid"], seed=seed) for seed in (0, 0, 1))
    assert first == again and first.value != other.value
    assert first.spread is not None and abs(first.value) < first.spread
    assert first.settings == "100 subsets of 150"


def test_inception_score_of_sure_and_of_constant_answers() -> None:
    sure = 1000 * torch.eye(7, dtype=torch.float64).repeat(20, 1)
    nothing = torch.zeros(140, 2)
    assert values(nothing, nothing, "inception_score", logits=sure)["inception_score"] == pytest.approx(7.0)
    assert values(nothing, nothing, "inception_score", logits=torch.ones(140, 7))["inception_score"] == pytest.approx(1.0)


def test_precision_and_recall_of_equal_and_of_disjoint_sets() -> None:
    a = normal(60, 8, 0)
    assert values(a, a, "precision_recall") == {"precision": 1.0, "recall": 1.0}
    assert values(a, a + 1000, "precision_recall") == {"precision": 0.0, "recall": 0.0}


def test_precision_and_recall_tell_quality_from_diversity() -> None:
    real = normal(400, 4, 0)
    narrow = values(real, normal(400, 4, 1) * 0.2, "precision_recall")
    wide = values(real, normal(400, 4, 1) * 5, "precision_recall")
    assert narrow["precision"] > 0.95 and narrow["recall"] < 0.2
    assert wide["precision"] < 0.4 and wide["recall"] > 0.9


def test_density_and_coverage_of_two_samples_of_one_distribution() -> None:
    found = values(normal(2000, 16, 0), normal(2000, 16, 1), "density_coverage")
    assert found["coverage"] == pytest.approx(1 - 1 / 2**5, abs=0.01)
    assert found["density"] == pytest.approx(1.0, abs=0.05)


def test_density_and_coverage_by_hand() -> None:
    """Real ones at 0, 1, 3; with one neighbour their reach is 1, 1, 2. A drawn one at 1.5 lies within that of 1 and of 3."""
    real, drawn = (torch.tensor(x, dtype=torch.float64)[:, None] for x in ([0, 1, 3], [1.5, 100]))
    assert density_coverage(real, drawn, k=1) == (pytest.approx(2 / (1 * 2)), pytest.approx(2 / 3))


def test_density_counts_and_coverage_is_not_fooled_by_an_outlier() -> None:
    real = torch.cat([normal(200, 4, 0), torch.full((1, 4), 50.0, dtype=torch.float64)])
    near_the_outlier = torch.full((200, 4), 30.0, dtype=torch.float64)
    found = values(real, near_the_outlier, "precision_recall", "density_coverage")
    assert found["precision"] == 1.0 and found["density"] <= 0.2 and found["coverage"] < 0.01


# ------------------------------------------------------------------ a second library


class Columns(nn.Module):
    """Features of pictures that anybody can count: means of rows, of columns and of channels."""

    num_features = 19

    def forward(self, images: Tensor) -> Tensor:
        x = images.double() / 255
        return torch.cat([x.mean((1, 2)), x.mean((1, 3)), x.mean((2, 3))], 1)


def by_columns(**others: object) -> Extractor:
    net = Columns()
    return Extractor("columns", "0" * 64, 8, lambda x: (net((x + 1) * 127.5), 10 * net((x + 1) * 127.5)), **others)  # type: ignore[arg-type]


def two_sets(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, (n, 8, 8, 3), dtype=np.uint8), rng.integers(60, 256, (n, 8, 8, 3), dtype=np.uint8)


def test_torchmetrics_with_the_same_network_agrees() -> None:
    needs_library()
    pytest.importorskip("torchmetrics", reason="the extra 'metrics' is not installed")
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    real, drawn = two_sets()
    ours = compare_sets(real, drawn, extractor=by_columns(), which=("fid", "kid", "inception_score"))
    a, b = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in (real, drawn))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that features are kept in memory
        fid, kid = FrechetInceptionDistance(feature=Columns()), KernelInceptionDistance(feature=Columns(), subset_size=60, subsets=1)
        scaled = nn.Sequential(Columns(), nn.Linear(19, 19, bias=False).double())
        nn.init.eye_(scaled[1].weight).data.mul_(10)  # type: ignore[operator]
        score = InceptionScore(feature=scaled, splits=1)
        for metric in (fid, kid):
            metric.update(a, real=True)
            metric.update(b, real=False)
        score.update(b)
        assert ours["fid"].value == pytest.approx(fid.compute().item(), rel=1e-5)
        assert ours["kid"].value == pytest.approx(kid.compute()[0].item(), rel=0.1)  # ours is over subsets of half of them
        assert ours["inception_score"].value == pytest.approx(score.compute()[0].item(), rel=1e-5)


# ------------------------------------------------------------------ pictures


def test_what_carries_a_picture_does_not_matter() -> None:
    needs_library()
    real, drawn = two_sets()
    as_float = torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1
    by_array = compare_sets(real, drawn, extractor=by_columns())
    assert compare_sets(real, as_float, extractor=by_columns()).all == by_array.all
    assert compare_sets(real, torch.from_numpy(drawn).permute(0, 3, 1, 2), extractor=by_columns(batch=7)).all == by_array.all


def test_pictures_are_resized_and_grey_ones_are_read_by_a_colour_network() -> None:
    needs_library()
    real, drawn = two_sets()
    big = real.repeat(4, axis=1).repeat(4, axis=2)
    found = compare_sets(big, real, extractor=by_columns(), which="fid")
    assert 0 <= found["fid"].value < compare_sets(real, drawn, extractor=by_columns(), which="fid")["fid"].value / 20
    assert any("32x32" in remark and "8x8" in remark for remark in found.remarks)
    grey = compare_sets(real[..., :1], drawn[..., :1], extractor=by_columns(), which="fid")
    assert grey["fid"].value > 0
    one_channel = Extractor("mean", "", 8, lambda x: (x.mean(3).flatten(1), None), channels=1)
    assert compare_sets(real, drawn, extractor=one_channel, which="fid")["fid"].value > 0


def test_the_real_and_the_drawn_pictures_keep_their_places() -> None:
    """One real picture, drawn again and again: each is good, and most of the real ones are missing."""
    needs_library()
    real, _ = two_sets()
    found = compare_sets(real, np.repeat(real[:1], 40, 0), extractor=by_columns(), which=("precision_recall", "density_coverage"))
    assert found["precision"].value == 1.0 and found["recall"].value < 0.1
    assert found["coverage"].value < 0.2 and found["recall"].protocol.real == 60 and found["recall"].protocol.drawn == 40
    score = compare_sets(real, np.repeat(real[:1], 40, 0), extractor=by_columns(), which="inception_score")["inception_score"]
    assert score.value == pytest.approx(1.0)  # of the drawn ones, which are all equal


def test_lpips_like_diversity_shows_a_collapse() -> None:
    real, _ = two_sets()
    drawn = np.repeat(real[:1], len(real), 0)
    extractor = by_columns(layers=lambda x: (x, x[:, :, ::2, ::2]))
    found = compare_sets(real, drawn, extractor=extractor, which="lpips_like")
    assert found["lpips_like_drawn"].value == 0 and found["lpips_like_real"].value > 0.01
    assert found["lpips_like_real"].protocol.size == 0 and found["lpips_like_real"].protocol.settings == "30 pairs"
    with pytest.raises(SettingsError, match="no feature maps.*vgg16_features"):
        compare_sets(real, drawn, extractor=by_columns(), which="lpips_like")


def test_few_pictures_are_a_remark_and_no_error() -> None:
    needs_library()
    real, drawn = two_sets(10)
    (remark,) = compare_sets(real, drawn, extractor=by_columns(), which=("fid", "kid")).remarks
    assert "19 features and 10 pictures" in remark and "KID" in remark
    assert compare_sets(*two_sets(60), extractor=by_columns(), which="fid").remarks == ()


def test_floats_that_look_like_0_to_1_are_a_remark() -> None:
    needs_library()
    real, drawn = two_sets()
    found = compare_sets(real, torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 255, extractor=by_columns(), which="fid")
    assert any("2 * pictures - 1" in remark for remark in found.remarks)


GOOD = torch.zeros(4, 3, 8, 8)


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (GOOD[:1], "drawn pictures are 1; at least 2"),
        (GOOD[:, :1], r"3 channel\(s\), the drawn ones 1"),
        (GOOD + 1.5, r"run from 1.5 to 1.5; expected floats in \[-1, 1\]: give uint8"),
        (GOOD - 3, "undo their normalisation"),
        (GOOD.index_fill(0, torch.tensor([2]), torch.nan), "not finite, in 1 of 4"),
        (GOOD[0], r"float32 \(3, 8, 8\); expected"),
        (GOOD.permute(0, 2, 3, 1), "was read as"),
        (np.zeros((4, 8, 8, 3), np.float32), "float32"),
        (np.zeros((4, 3, 8, 8), np.uint8), "uint8 .* was read as"),
        (GOOD[..., :0], "no pixel"),
        ("pictures", "expected"),
    ],
)
def test_input_that_is_wrong_is_told(drawn: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        compare_sets(GOOD, drawn, extractor=by_columns())


def test_settings_that_are_wrong_are_told() -> None:
    with pytest.raises(SettingsError, match="'fdi'.*expected some of fid, kid"):
        compare_sets(GOOD, GOOD, extractor=by_columns(), which=("fdi",))
    with pytest.raises(SettingsError, match="expected some of"):
        compare_sets(GOOD, GOOD, extractor=by_columns(), which=())
    with pytest.raises(SettingsError, match="extractor is a str.*extractor_of"):
        compare_sets(GOOD, GOOD, extractor="vgg16")  # type: ignore[arg-type]
    no_logits = Extractor("x", "", 8, lambda x: (x.flatten(1), None))
    with pytest.raises(SettingsError, match="logits.*take a classifier"):
        compare_sets(GOOD, GOOD, extractor=no_logits, which="inception_score")
    broken = Extractor("x", "", 8, lambda x: (x.flatten(1) / 0, None))
    with pytest.raises(DataError, match="x gives features that are not finite"):
        compare_sets(GOOD, GOOD, extractor=broken, which="fid")
    maps = Extractor("x", "", 8, lambda x: (x, None))
    with pytest.raises(DataError, match=r"\(4, 3, 8, 8\) for 4 pictures"):
        compare_sets(GOOD, GOOD, extractor=maps, which="fid")


def test_too_few_pictures_for_neighbours_are_told() -> None:
    with pytest.raises(DataError, match="3 real and 3 drawn.*need 4"):
        compare_features(normal(3, 2, 0), normal(3, 2, 1), which=["precision_recall"])
    with pytest.raises(DataError, match="5 real.*at least 6"):
        compare_features(normal(5, 2, 0), normal(5, 2, 1), which=["density_coverage"])
    with pytest.raises(DataError, match="not finite"):
        compare_features(normal(5, 2, 0) * torch.nan, normal(5, 2, 1))


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch_fidelity"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(SettingsError, match=r'torch-fidelity.*pip install "dazoo\[metrics\]"'):
        compare_features(normal(5, 2, 0), normal(5, 2, 1), which=["fid"])
    assert {m.name for m in compare_features(normal(9, 2, 0), normal(9, 2, 1), which=["density_coverage"])} == {"density", "coverage"}
