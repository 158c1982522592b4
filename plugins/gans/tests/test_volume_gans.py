"""Volumes: published sizes, shapes, silhouettes and their gradient, the game of 3D-VAE-GAN, and training beside a classifier."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dazoo.contracts import Ask
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.models.bridging import bridge_for
from dazoo.registry.plugins import zoo
from dazoo.testing import Clause
from dazoo.testing import parametrize_with_contract
from dazoo_volume_gans.dataset import Silhouettes
from dazoo_volume_gans.fitting import accuracy
from dazoo_volume_gans.fitting import fit
from dazoo_volume_gans.networks import Encoder
from dazoo_volume_gans.networks import Generator
from dazoo_volume_gans.networks import VolumeCritic
from dazoo_volume_gans.rendering import silhouettes
from dazoo_volume_gans.rendering import turned
from dazoo_volume_gans.shapes import KINDS
from dazoo_volume_gans.shapes import iou
from dazoo_volume_gans.shapes import procedural
from dazoo_volume_gans.shapes import read_voxels
from dazoo_volume_gans.voxgan import VoxGAN


SMALL = {"width": 4, "noise": 8}


def build(**arguments) -> VoxGAN:
    torch.manual_seed(0)
    return VoxGAN(**{"channels": 1, "size": 16, "num_classes": 3, **SMALL, **arguments})


def count(module) -> int:
    return sum(p.numel() for p in module.parameters())


@parametrize_with_contract("gan", ["voxgan"], settings={"voxgan": SMALL})
def test_contract(clause: Clause) -> None:
    clause()


@parametrize_with_contract("gan", ["voxgan"], settings={"voxgan": {**SMALL, "shapes": "procedural", "views": 4}})
def test_contract_with_shapes(clause: Clause) -> None:
    clause()


@parametrize_with_contract("dataset", ["silhouettes"], settings={"silhouettes": {"count": 20}})
def test_contract_of_the_data_set(clause: Clause) -> None:
    clause()


def test_silhouettes_come_in_kinds_and_leave_the_dice_alone():
    before = torch.get_rng_state()
    found = Silhouettes().draw(8, 32, "train")
    assert torch.equal(torch.get_rng_state(), before) and found.classes == KINDS and found.labels.tolist() == [0, 1, 2, 3] * 2
    assert ((found.images > 200).mean((1, 2, 3)) > 0.02).all() and len({picture.tobytes() for picture in found.images}) == 8
    train, other, test = (
        Silhouettes(count=20, seed=seed).load(split, size=16) for seed, split in ((0, "train"), (1, "train"), (0, "test"))
    )
    assert (len(train), len(test)) == (20, 5) and len({one.images[:4].tobytes() for one in (train, other, test)}) == 3
    with pytest.raises(SettingsError, match="at least 20"):
        Silhouettes(count=19)
    with pytest.raises(DataError, match="no split 'val'"):
        Silhouettes().load("val")


@pytest.mark.parametrize("shapes", ["none", "procedural"])
@pytest.mark.parametrize(("backbone", "channels", "size"), [("lenet", 1, 28), ("fcn", 3, 40)])
def test_two_steps_beside_a_classifier(two_steps, backbone, channels, size, shapes):
    had = two_steps("voxgan", backbone, channels, size, **SMALL, shapes=shapes)
    assert len(had) == (2 if shapes == "none" else 4) and all(amount > 0 for amount in had.values()), had


def test_networks_have_the_size_of_the_papers_layers():
    with torch.device("meta"):
        assert count(Generator(200, 64, 64)) == 17_569_664
        assert count(VolumeCritic(64, 64)) == 11_048_704
        assert count(Encoder(3, 256, 200, 64)) == 17_433_552
        assert Encoder(3, 256, 200, 64)(torch.zeros(2, 3, 256, 256))[0].shape == (2, 200)


@pytest.mark.parametrize("side", [16, 32, 64])
def test_volumes_have_the_side_asked_for(side):
    gan = build(side=side, code_size=5)
    volumes = gan.volumes(torch.randn(2, 5), gan.draw(2, torch.device("cpu")))
    assert volumes.shape == (2, 1, side, side, side) and 0 <= volumes.min() and volumes.max() <= 1
    assert gan.volume_critic(volumes).shape == (2,)


def test_wrong_settings_are_named(two_steps, tmp_path):
    with pytest.raises(SettingsError, match="gan.side is 20; expected 16, 32 or 64"):
        build(side=20)
    with pytest.raises(SettingsError, match="gan.views is 0"):
        build(views=0)
    with pytest.raises(SettingsError, match="size is 8, but the GAN 'voxgan' needs at least 16"):
        two_steps("voxgan", "fcn", 3, 8, **SMALL)
    with pytest.raises(DataError, match="nothing.npz cannot be read"):
        build(shapes=str(tmp_path / "nothing.npz")).phases()
    assert bridge_for(zoo(), "voxgan") == "generate_to_adapt"


def test_it_learns_shapes_alone_and_none_beside_a_classifier():
    alone, beside = build(), build(code_size=7)
    assert set(alone.groups()) == {"generator", "critic", "generator_encoder", "critic_volumes"} and alone.phases()
    assert set(beside.groups()) == {"generator", "critic"} and not beside.phases()
    assert (alone.jobs, beside.jobs) == (("voxelize",), ())
    with pytest.raises(SettingsError, match="has learnt no volumes"):
        beside.voxelize(torch.zeros(1, 1, 16, 16))
    with pytest.raises(SettingsError, match="gan.shapes is 'none'"):
        fit(beside, 1)


def test_a_silhouette_is_one_minus_exp_of_what_lies_behind():
    volume = torch.zeros(1, 1, 4, 4, 4)
    volume[0, 0, :3, 1, 2] = 1.0
    volume[0, 0, 0, 3, 0] = 0.5
    seen = silhouettes(volume, 4)[0, 0]
    assert seen[1, 2].item() == pytest.approx(1 - math.exp(-3)) and seen[3, 0].item() == pytest.approx(1 - math.exp(-0.5))
    assert seen.sum().item() == pytest.approx(2 - math.exp(-3) - math.exp(-0.5))
    assert silhouettes(volume, 9).shape == (1, 1, 9, 9)


def test_a_gradient_reaches_every_voxel_that_is_seen():
    volume = torch.full((1, 1, 4, 4, 4), 0.2, requires_grad=True)
    silhouettes(volume, 8, torch.tensor([0.3])).sum().backward()
    assert (volume.grad[0, 0, 1:3, :, 1:3] > 0).all()


def test_a_quarter_turn_swaps_depth_and_width():
    torch.manual_seed(0)
    volume = (torch.rand(1, 1, 6, 6, 6) > 0.5).float()
    quarter = turned(volume, torch.tensor([math.pi / 2]))
    assert torch.allclose(quarter, volume.rot90(1, (2, 4)), atol=1e-4) or torch.allclose(quarter, volume.rot90(-1, (2, 4)), atol=1e-4)
    assert torch.allclose(turned(volume, torch.zeros(1)), volume, atol=1e-5)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_procedural_shapes_are_solid_and_vary(kind):
    torch.manual_seed(0)
    volumes = procedural(24, 16, kinds=torch.full((24,), kind))
    assert volumes.shape == (24, 1, 16, 16, 16) and set(volumes.unique().tolist()) == {0.0, 1.0}
    filled = volumes.flatten(1).mean(1)
    assert 0.01 < filled.min() and filled.max() < 0.6 and filled.std() > 0.005
    again = procedural(24, 16, kinds=torch.full((24,), kind))
    assert iou(volumes, again).max() < 0.98


def test_a_chair_stands_on_its_legs_and_a_torus_has_a_hole():
    torch.manual_seed(0)
    chairs = procedural(8, 32, kinds=torch.full((8,), KINDS.index("chair")))[:, 0]
    by_height = chairs.sum((1, 3))  # (8, 32), rows count downwards
    assert (by_height[:, :6] == 0).any() and (by_height.max(1).values > 2 * by_height[:, 24]).all()  # the seat is wider than the legs
    ball = procedural(8, 32, kinds=torch.zeros(8, dtype=torch.int64))
    centre = (slice(None), 0, 16, 16, 16)
    assert ball[centre].all() and procedural(8, 32, kinds=torch.full((8,), 2))[centre].sum() <= 2


def test_iou_counts_voxels():
    a, b = torch.zeros(2, 2, 2, 2), torch.zeros(2, 2, 2, 2)
    a[0, 0, 0], b[0, 0, 0, 0] = 1, 1
    b[0, 1, 1, 1] = 1
    assert iou(a, b).tolist() == [pytest.approx(1 / 3), 1.0]


def test_voxels_are_read_shrunk_and_turned_upright(tmp_path):
    voxels = np.zeros((3, 64, 64, 64), np.uint8)
    voxels[1, 5, 60, 9] = 1  # high up
    np.savez_compressed(tmp_path / "a.npz", voxels=voxels, names=np.array(["a", "b", "c"]))
    read = read_voxels(tmp_path / "a.npz", 16)
    assert read.shape == (3, 1, 16, 16, 16) and read.sum() == 1 and read[1, 0, 1, 0, 2] == 1
    np.savez(tmp_path / "b.npz", a=voxels, b=voxels)
    with pytest.raises(DataError, match="holds 2 arrays of four dimensions"):
        read_voxels(tmp_path / "b.npz", 16)
    gan = build(shapes=str(tmp_path / "a.npz"))
    gan.phases()
    drawn = gan.shapes_like(torch.zeros(64, 1, 16, 16))
    assert drawn.shape == (64, 1, 16, 16, 16) and set(drawn.flatten(1).sum(1).tolist()) == {0.0, 1.0}
    places = {tuple(place) for place in drawn.nonzero()[:, 2:].tolist()}
    assert len(places) == 4 and {height for _, height, _ in places} == {0}  # four directions, always upright


def test_the_critic_of_volumes_rests_after_a_batch_that_it_told_apart():
    gan = build()
    shapes = gan.shapes_like(torch.zeros(8, 1, 16, 16))
    assert set(gan.critic_loss(shapes)) == {"critic/volumes"} and 0 < gan.volume_critic.accuracy <= 1
    gan.volume_critic.accuracy.fill_(0.81)
    assert gan.critic_loss(shapes) == {}
    gan.volume_critic.accuracy.fill_(0.8)
    assert gan.critic_loss(shapes)


def test_the_encoder_is_pulled_to_the_normal_distribution():
    gan = build(kl=2.0)
    gan.encoder.forward = lambda x: (torch.ones(len(x), 8), torch.zeros(len(x), 8))
    terms = gan.generator_loss(gan.shapes_like(torch.zeros(4, 1, 16, 16)))
    assert terms["generator/kl"].item() == pytest.approx(2.0 * 8 / 2)


def test_fitting_trains_generator_encoder_and_critic_of_volumes():
    gan = build()
    before, seen = {name: [p.clone() for p in module.parameters()] for name, module in gan.groups().items()}, []
    fit(gan, 12, batch=4, report=lambda number, terms: seen.append(terms["generator/reconstruction"]))
    assert len(seen) == 12 and sum(seen[-3:]) < sum(seen[:3])
    for name, module in gan.groups().items():
        assert not module.training
        moved = any(not torch.equal(p, old) for p, old in zip(module.parameters(), before[name], strict=True))
        assert moved == (name != "critic")  # that of pictures plays elsewhere


@pytest.mark.slow
def test_fitting_learns_to_read_volumes_from_pictures(tmp_path):
    """Two spheres of different size, told apart by their pictures."""
    torch.manual_seed(1)
    spheres = procedural(16, 16, kinds=torch.zeros(16, dtype=torch.int64))
    order = spheres.flatten(1).sum(1).argsort()
    both = spheres[order[[0, -1]]]
    np.savez(tmp_path / "two.npz", voxels=both[:, 0].numpy())
    gan = build(width=16, kl=0.001, shapes=str(tmp_path / "two.npz"))
    gan.phases()
    for network in gan.groups().values():
        network.eval()
    before, seen = accuracy(gan, gan.known), []
    fit(gan, 160, batch=8, report=lambda number, terms: seen.append(terms["generator/reconstruction"]))
    assert len(seen) == 160 and sum(seen[-10:]) < 0.3 * sum(seen[:10])
    assert before < 0.3 and accuracy(gan, gan.known) > 0.6 > float(iou(both[:1], both[1:]))


def test_pictures_are_equal_in_all_channels_and_views_differ():
    gan = build(channels=3, size=20, views=8)
    chair = procedural(1, 16, kinds=torch.tensor([3])).expand(12, -1, -1, -1, -1)
    seen = gan.seen(chair)
    assert seen.shape == (12, 3, 20, 20) and torch.equal(seen[:, 0], seen[:, 2]) and seen.abs().max() <= 1
    assert len({round(float(s.sum()), 2) for s in seen}) > 2
    assert gan.generate(Ask(n=2)).shape == (2, 3, 20, 20)


def test_beside_a_classifier_shapes_are_played_with_by_the_batch():
    gan = build(code_size=5, shapes="procedural")
    step = SimpleNamespace(source=SimpleNamespace(images=torch.zeros(6, 1, 16, 16)))
    critic, generator = gan.phases()
    assert set(critic.loss(step)) == {"critic/volumes"}
    terms = generator.loss(step)
    assert set(terms) == {"generator/volumes", "generator/kl", "generator/reconstruction"}
    sum(terms.values()).backward()
    assert gan.encoder.layers[0].weight.grad.abs().sum() > 0 and gan.generator.layers[0].weight.grad.abs().sum() > 0
