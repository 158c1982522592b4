from __future__ import annotations

import pytest
import torch

from dazoo.errors import SettingsError
from dazoo.losses.augment import POLICY
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
