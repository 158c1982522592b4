from __future__ import annotations

import pytest
import torch
from torch import nn

from dazoo.errors import SettingsError
from dazoo.losses.augment import POLICY
from dazoo.losses.augment import Adaptive
from dazoo.losses.augment import diff_augment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("policy", [("color",), ("translation",), ("cutout",), POLICY])
@pytest.mark.parametrize("shape", [(4, 3, 32, 24), (2, 1, 17, 33), (1, 3, 5, 5)])
def test_shape_type_draw_and_gradient(policy: tuple[str, ...], shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, requires_grad=True)
    out = diff_augment(x, policy, generator())
    assert out.shape == x.shape
    assert torch.equal(out, diff_augment(x, policy, generator()))
    out.square().sum().backward()
    assert x.grad.abs().sum() > 0
    assert diff_augment(x.detach().bfloat16(), policy, generator()).dtype == torch.bfloat16


def test_every_picture_has_a_draw_of_its_own() -> None:
    x = torch.rand(1, 3, 32, 32, generator=generator()).repeat(8, 1, 1, 1)
    for name in POLICY:
        out = diff_augment(x, (name,), generator(1))
        assert len(torch.unique(out.flatten(1), dim=0)) > 4, name


def test_translation_moves_whole_pictures_by_up_to_an_eighth() -> None:
    x = torch.arange(1.0, 1 + 16 * 16).view(1, 1, 16, 16).repeat(200, 1, 1, 1)
    out = diff_augment(x, ("translation",), generator())
    moves = set()
    for picture in out[:, 0]:
        row, column = torch.nonzero(picture)[0].tolist()
        first = int(picture[row, column]) - 1
        moves.add((row - first // 16, column - first % 16))
        seen = picture[picture > 0]
        assert len(seen) == (16 - abs(row - first // 16)) * (16 - abs(column - first % 16))
    assert {dy for dy, _ in moves} == {dx for _, dx in moves} == {-2, -1, 0, 1, 2}


def test_cutout_blanks_one_rectangle_of_at_most_half_a_side() -> None:
    out = diff_augment(torch.ones(300, 1, 16, 16), ("cutout",), generator())[:, 0]
    blank = out == 0
    rows, columns = blank.any(2).sum(1), blank.any(1).sum(1)
    assert torch.equal(blank.flatten(1).sum(1), rows * columns)
    assert rows.max() == columns.max() == 8
    assert rows.min() >= 4  # over the edge by half of itself at most
    assert blank.any(0).all()  # every pixel is hidden at times


def test_color_changes_no_place() -> None:
    x = torch.rand(6, 3, 8, 8, generator=generator())
    x[:, :, :4] = 0.25
    out = diff_augment(x, ("color",), generator())
    assert out[:, :, :4].flatten(2).std(2).abs().max() < 1e-6


def test_unknown_policy() -> None:
    with pytest.raises(SettingsError, match="colour.*color, translation, cutout"):
        diff_augment(torch.zeros(1, 3, 8, 8), ("colour",))


def test_a_probability_leaves_other_pictures_alone() -> None:
    x = torch.rand(4000, 1, 8, 8, generator=generator())
    for p in (0.0, 0.3, 1.0):
        out = diff_augment(x, ("color",), generator(1), torch.tensor(p))
        changed = (out != x).flatten(1).any(1).float().mean().item()
        assert changed == pytest.approx(p, abs=0.03)
    both = diff_augment(x, ("color", "cutout"), generator(1), torch.tensor(0.5))
    assert (both == x).flatten(1).all(1).float().mean().item() == pytest.approx(0.25, abs=0.04)  # each policy draws for itself


def test_adaptive_augmentation_follows_the_critic_and_lives_in_its_state() -> None:
    critic = nn.Linear(2, 1)
    ada = Adaptive(critic, 0.6)
    for logits, expected in ((torch.ones(50_000), 0.1), (torch.ones(50_000), 0.2), (-torch.ones(25_000), 0.15), (-torch.ones(10**6), 0.0)):
        ada.update([logits])
        assert ada.probability.item() == pytest.approx(expected, abs=1e-6)
    ada.update([torch.tensor([1.0, 1.0, 1.0, -1.0]).repeat(25_000)])  # 0.5 is below the target
    assert ada.probability == 0
    ada.update([torch.ones(500_000)])
    other = nn.Linear(2, 1)
    again = Adaptive(other, 0.6)
    other.load_state_dict(critic.state_dict())
    assert again.probability == ada.probability == 1
    x = torch.rand(2, 3, 8, 8, generator=generator())
    assert not torch.equal(again(x), x) and Adaptive(nn.Linear(2, 1), 0.6)(x).equal(x)
