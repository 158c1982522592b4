"""Signs of trouble on cases that were made so, and what a classifier reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch import nn

from dazoo.errors import DataError
from dazoo.metrics.pictures import Collapse
from dazoo.metrics.pictures import Critic
from dazoo.metrics.pictures import collapse
from dazoo.metrics.pictures import critic
from dazoo.metrics.pictures import diagnose
from dazoo.metrics.pictures import read_classes
from dazoo.metrics.pictures import trouble


def normal(n: int, width: int = 32, seed: int = 0) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def names(real: Tensor, drawn: Tensor, **more: object) -> list[str]:
    return list(diagnose(collapse=collapse(real, drawn, **more)).findings)  # type: ignore[arg-type]


def test_pictures_as_various_as_real_ones_are_no_trouble() -> None:
    found = collapse(normal(64), normal(64, seed=1))
    assert found.spread == pytest.approx(1, abs=0.05) and found.nearest == pytest.approx(1, abs=0.1)
    assert not diagnose(collapse=found) and str(diagnose(collapse=found)) == "no sign of trouble"


def test_one_picture_with_a_little_noise_is_collapsed() -> None:
    found = diagnose(collapse=collapse(normal(64), normal(1, seed=1) + 0.1 * normal(64, seed=2)))
    assert bool(found) and str(found) == "collapsed: the 64 drawn pictures differ a tenth as much as real ones do"


def test_four_pictures_again_and_again_are_repeating() -> None:
    """Their mean distance alone would pass: it is still about three quarters."""
    drawn = normal(4, seed=1).repeat(16, 1) + 0.01 * normal(64, seed=2)
    found = collapse(normal(64), drawn)
    assert found.spread > trouble.ALIKE and found.nearest < 0.05
    assert names(normal(64), drawn) == ["repeating"]


def test_one_picture_for_each_class_is_told_though_all_together_vary() -> None:
    classes = torch.arange(64) % 8
    real, centres = normal(64) + 2 * normal(8, seed=3)[classes], normal(8, seed=1)
    alike = 2 * centres[classes] + 0.42 * normal(64, seed=2)
    assert names(real, alike, of_real=classes, of_drawn=classes) == ["collapsed_within"]
    assert str(diagnose(collapse=collapse(real, alike, of_real=classes, of_drawn=classes))).startswith(
        "collapsed within classes: two drawn pictures of one class differ half as much as real ones do"
    )
    assert names(real, 2 * centres[classes] + normal(64, seed=2), of_real=classes, of_drawn=classes) == []
    assert collapse(real, alike).within is None, "nobody knows the classes"
    assert collapse(real, alike, of_real=classes, of_drawn=classes + 8).within is None, "no class in common"


@pytest.mark.parametrize(("share", "word"), [(0.34, "a third"), (0.11, "a tenth"), (0.018, "a fiftieth"), (0.001, "less than a hundredth")])
def test_shares_are_told_in_words(share: float, word: str) -> None:
    assert f"differ {word} as much" in str(diagnose(collapse=Collapse(64, share, share)))


def test_the_thresholds_are_where_they_are_said_to_be() -> None:
    for spread, nearest, expected in ((0.49, 1, ["collapsed"]), (0.51, 0.34, []), (0.51, 0.33, ["repeating"])):
        assert list(diagnose(collapse=Collapse(64, spread, nearest)).findings) == expected
    for ranked, expected in (
        (1.0, "critic_won"),
        (0.985, ""),
        (0.56, ""),
        (0.54, "critic_blind"),
        (0.46, "critic_blind"),
        (0.4, "critic_reversed"),
    ):
        assert list(diagnose(critic=Critic(10**4, 10**4, 1, 0.5, ranked)).findings) == ([expected] if expected else [])


def test_one_class_alone_is_told_unless_the_real_pictures_are_so() -> None:
    real, drawn = normal(64), normal(64, seed=1)
    mixed, single = np.arange(64) % 8, np.where(np.arange(64) < 48, 3, 5)
    found = diagnose(collapse=collapse(real, drawn, read_real=mixed, read_drawn=single))
    assert str(found) == "one class: 75.0 % of the 64 drawn pictures are read as the same class, which 12.5 % of the real ones are"
    assert names(real, drawn, read_real=single, read_drawn=single) == []
    assert names(real, drawn, read_real=mixed, read_drawn=mixed) == []


def test_pictures_that_are_not_finite_are_told() -> None:
    assert names(normal(8), normal(8, seed=1) * torch.nan) == ["diverged"]
    assert list(diagnose(critic=critic(torch.zeros(8), torch.full((8,), torch.nan))).findings) == ["diverged"]


def test_a_critic_by_hand() -> None:
    found = critic(torch.tensor([2.0, 1.0, -1.0]), torch.tensor([-2.0, 1.0]))
    assert found.margin == pytest.approx(2 / 3 + 0.5)
    assert found.accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.ranked == pytest.approx((3 + 1 + 0.5) / 6)


def test_a_critic_of_patches_counts_by_its_mean() -> None:
    maps = torch.tensor([3.0, -1.0]).view(2, 1, 1, 1) + torch.tensor([1.0, -1.0]).view(1, 1, 1, 2)
    assert critic(maps, maps - 1) == critic(torch.tensor([3.0, -1.0]), torch.tensor([2.0, -2.0]))


def test_critics_that_have_won_see_nothing_or_are_reversed() -> None:
    real, drawn = normal(64, 1) + 8, normal(64, 1, seed=1) - 8
    won = diagnose(critic=critic(real, drawn))
    assert str(won) == (
        "the critic has won: in 100.0 % of the pairs it scores the real picture higher, so the generator learns little from it"
    )
    assert list(diagnose(critic=critic(real + 100, drawn + 100)).findings) == ["critic_won"]  # a Wasserstein critic has no zero
    assert list(diagnose(critic=critic(drawn, real)).findings) == ["critic_reversed"]
    assert str(diagnose(critic=critic(normal(64, 1), normal(64, 1, seed=1)))).startswith("the critic sees no difference: in ")
    assert not diagnose(critic=critic(normal(64, 1) + 1.5, normal(64, 1, seed=1)))


def test_few_pictures_prove_no_difference() -> None:
    """With four of each, two standard errors of chance are a third."""
    few = critic(torch.tensor([1.0, 2.0, 3.0, 6.0]), torch.tensor([0.0, 2.5, 4.0, 1.5]))
    assert few.ranked == pytest.approx(0.625) and few.chance > 0.3
    assert list(diagnose(critic=few).findings) == ["critic_blind"]


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(DataError, match="3 rows or more"):
        collapse(normal(2), normal(2))
    with pytest.raises(DataError, match="nothing compares"):
        collapse(torch.zeros(8, 2), normal(8, 2))
    with pytest.raises(DataError, match="one row or more"):
        critic(torch.zeros(0), torch.zeros(3))


# ------------------------------------------------------------------ reading


class ByBrightness(nn.Module):
    """Dark is class 0, middling 1, bright 2; it sees no class 3. In training mode it always answers 3."""

    size, channels = 8, 1

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[1:] == (1, 8, 8)
        mean = images.mean((1, 2, 3))
        logits = torch.stack([-(mean + 1).abs(), -mean.abs(), -(mean - 1).abs(), torch.full_like(mean, -9)], 1)
        return logits + 100 * torch.eye(4)[3] if self.training else logits


def test_shares_of_drawn_pictures_that_are_read_as_asked() -> None:
    drawn = np.repeat(np.array([0, 0, 128, 255, 255], np.uint8), 16 * 16 * 3).reshape(5, 16, 16, 3)
    net = ByBrightness()
    found = read_classes(net, drawn, [0, 0, 1, 2, 0], batch=2)
    assert found.read.tolist() == [0, 0, 1, 2, 2] and found.share == pytest.approx(0.8)
    assert found.per_class[:3].tolist() == pytest.approx([2 / 3, 1, 1]) and np.isnan(found.per_class[3])
    assert found.commonest == pytest.approx(0.4)
    assert "80.0 % of 5" in str(found) and "of class 0 66.7 %" in str(found)
    assert net.training


def test_a_callable_reads_too() -> None:
    images = torch.linspace(-1, 1, 4).view(4, 1, 1, 1).expand(4, 3, 8, 8)
    found = read_classes(lambda x: torch.stack([-x.mean((1, 2, 3)), x.mean((1, 2, 3))], 1), images, torch.tensor([0, 0, 1, 1]))
    assert found.share == 1.0 and found.per_class.tolist() == [1.0, 1.0]


def test_classes_that_do_not_fit_are_told() -> None:
    images = torch.zeros(2, 3, 8, 8)
    two = lambda x: torch.zeros(len(x), 2)  # noqa: E731
    for asked, says in (([0], "one class index for each"), ([0.5, 1.0], "one class index"), ([0, 2], "2 classes")):
        with pytest.raises(DataError, match=says):
            read_classes(two, images, asked)
    with pytest.raises(DataError, match="finite logits"):
        read_classes(lambda x: torch.full((len(x), 2), torch.nan), images, [0, 1])
