"""GANs that start from pictures: published sizes, what they take away and give back, Lab, the pool, training beside a classifier."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Ask
from dazoo.errors import SettingsError
from dazoo.models.bridging import bridge_for
from dazoo.registry.plugins import zoo
from dazoo.testing import Clause
from dazoo.testing import parametrize_with_contract
from dazoo_image_gans import context_encoder
from dazoo_image_gans import cyclegan
from dazoo_image_gans import discogan
from dazoo_image_gans import perceptual
from dazoo_image_gans import pix2pix
from dazoo_image_gans import srgan
from dazoo_image_gans.cyclegan import CycleGAN
from dazoo_image_gans.cyclegan import ImagePool
from dazoo_image_gans.lab import grey_of
from dazoo_image_gans.lab import lab_of
from dazoo_image_gans.lab import rgb_of


SMALL = {
    "cyclegan": {"width": 4, "blocks": 1, "pool": 4},
    "discogan": {"width": 4},
    "pix2pix": {"width": 4},
    "context_encoder": {"width": 4, "bottleneck": 16},
    "srgan": {"width": 4, "blocks": 1},
}
OTHER = {
    "discogan": {"width": 4, "bottleneck": 8},
    "pix2pix": {"width": 4, "task": "edges"},
    "context_encoder": {"width": 4, "bottleneck": 16, "hole": "random"},
    "srgan": {"width": 4, "blocks": 1, "scale": 2},
}
"""The other choice of each GAN that has one."""


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def build(name: str, channels: int = 3, size: int = 16, **arguments):
    torch.manual_seed(0)
    return zoo().gans.build(name, channels=channels, size=size, num_classes=3, **{**SMALL[name], **arguments})


def pictures(n: int = 2, channels: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1


def step_of(source, target, progress: float = 0.9, number: int = 0):
    kept: dict = {}
    return SimpleNamespace(
        source=SimpleNamespace(images=source),
        target=SimpleNamespace(images=target),
        progress=progress,
        number=number,
        kept=kept,
        once=lambda key, make: make(),
    )


@parametrize_with_contract("gan", list(SMALL), settings=SMALL)
def test_contract(clause: Clause) -> None:
    clause()


@parametrize_with_contract("gan", list(OTHER), settings=OTHER)
def test_contract_of_the_other_choice(clause: Clause) -> None:
    clause()


@pytest.mark.parametrize(("backbone", "channels", "size"), [("lenet", 1, 28), ("fcn", 3, 40)])
@pytest.mark.parametrize("name", list(SMALL))
def test_two_steps_beside_a_classifier(two_steps, name, backbone, channels, size):
    had = two_steps(name, backbone, channels, size, **SMALL[name])
    assert had and all(amount > 0 for amount in had.values()), had


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        (lambda: cyclegan.Generator(3, 64, 6), 7_837_699),
        (lambda: cyclegan.Generator(3, 64, 9), 11_378_179),
        (lambda: cyclegan.Critic(3, 64, 3), 2_764_737),
        (lambda: discogan.Generator(3, 64, 64, 0), 5_513_856),
        (lambda: discogan.Critic(3, 64, 64), 2_765_568),
        (lambda: pix2pix.UNet(3, 3, 64, pix2pix.depth_for(256)), 54_413_955),
        (lambda: cyclegan.Critic(6, 64, 3, nn.BatchNorm2d), 2_768_705),
        (lambda: context_encoder.Generator(3, 128, 64, 64, 4000), 71_124_544),
        (lambda: context_encoder.Critic(3, 64, 64), 2_765_568),
        (lambda: srgan.SRResNet(3, 4, 64, 16), 1_549_462),
        (lambda: srgan.Critic(3, 96, 64), 23_565_505),
    ],
)
def test_networks_have_the_published_size(module, parameters):
    with torch.device("meta"):
        assert count(module()) == parameters


def test_defaults_are_the_papers_at_the_papers_sizes():
    with torch.device("meta"):
        translators = [CycleGAN(channels=3, size=128, num_classes=2), discogan.DiscoGAN(channels=3, size=64, num_classes=2)]
        restorer = context_encoder.ContextEncoder(channels=3, size=128, num_classes=2)
    assert [count(gan.forth) for gan in translators] == [7_837_699, 5_513_856]
    assert [count(gan.critic_target) for gan in translators] == [2_764_737, 2_765_568]
    assert count(restorer.generator) == 71_124_544 and restorer.length == 64 and restorer.overlap == 4


def test_patch_critic_sees_patches():
    assert cyclegan.Critic(3, 4, 3)(torch.zeros(1, 3, 256, 256)).logits[0].shape == (1, 1, 30, 30)


@pytest.mark.parametrize("name", list(SMALL))
def test_pictures_that_are_not_given_or_too_small_are_refused(two_steps, name):
    with pytest.raises(ValueError, match="images="):
        build(name).generate(Ask(n=2))
    with pytest.raises(SettingsError, match=f"size is 8, but the GAN '{name}' needs at least 16"):
        two_steps(name, "fcn", 3, 8, **SMALL[name])
    assert bridge_for(zoo(), name) == "translate"


@pytest.mark.parametrize(("name", "wrong"), [("pix2pix", "task"), ("context_encoder", "hole"), ("srgan", "scale")])
def test_a_wrong_choice_is_named(name, wrong):
    with pytest.raises(SettingsError, match=f"gan.{wrong} is 7; expected|gan.{wrong} is '7'; expected"):
        build(name, **{wrong: 7 if name == "srgan" else "7"})


@pytest.mark.parametrize(
    ("colour", "lab"),
    [  # sRGB under D65: Bruce Lindbloom's calculator
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((128, 128, 128), (53.59, 0.0, 0.0)),
        ((5, 5, 5), (1.37, 0.0, 0.0)),
    ],
)
def test_lab_of_known_colours(colour, lab):
    image = (torch.tensor(colour) / 127.5 - 1).view(1, 3, 1, 1)
    assert lab_of(image).flatten().tolist() == pytest.approx(lab, abs=0.03)
    assert torch.allclose(rgb_of(lab_of(image)), image, atol=1e-4)


def test_lab_there_and_back_has_a_gradient():
    images = pictures(2).requires_grad_()
    back = rgb_of(lab_of(images))
    assert torch.allclose(back, images, atol=1e-4)
    back.sum().backward()
    assert images.grad is not None and torch.allclose(images.grad, torch.ones_like(images), atol=0.02)
    assert torch.equal(grey_of(images[:, :1]), images[:, :1])
    assert torch.allclose(lab_of(grey_of(images).expand(-1, 3, -1, -1))[:, 0], lab_of(images)[:, 0], atol=0.01)


def test_colorize_keeps_the_lightness_and_is_told_no_colour():
    gan, images = build("pix2pix"), pictures()
    given = gan.start(images)
    assert given.shape == images.shape and torch.equal(given[:, 0], given[:, 2])
    drawn = gan.generate(Ask(images=given))
    inside = drawn.abs().amax(1) < 0.99  # a colour that sRGB does not have is cut, and so is its lightness
    assert inside.float().mean() > 0.3
    assert (lab_of(drawn)[:, 0] - lab_of(images)[:, 0]).abs()[inside].max() < 0.1
    truth = gan.task.picture(gan.task.read(given), gan.task.answer(images))
    assert torch.allclose(truth, images, atol=2e-3)


def test_colorize_of_grey_pictures_leaves_them_once_it_predicts_no_colour():
    gan, images = build("pix2pix", channels=1), pictures(channels=1)
    assert torch.equal(gan.start(images), images) and gan.task.answer(images).abs().max() < 1e-4
    a = gan.task.read(images)
    assert torch.allclose(gan.task.picture(a, torch.zeros(2, 2, 16, 16)), images, atol=1e-3)


def test_a_verb_is_offered_for_the_task_that_it_names():
    assert build("pix2pix").jobs == ("colorize",) and build("pix2pix", task="blur").jobs == ("restore",)
    assert {name: zoo().gans.resolve(name).jobs for name in SMALL} == {
        "cyclegan": ("translate",),
        "discogan": ("translate",),
        "pix2pix": ("colorize",),
        "context_encoder": ("inpaint",),
        "srgan": ("upscale",),
    }


def test_edges_are_dark_where_a_picture_changes():
    images = torch.full((1, 3, 16, 16), -1.0)
    images[..., 8:] = 1.0
    given = build("pix2pix", task="edges").start(images)
    assert given[..., 7:9].max() == -1 and given[..., :6].min() > 0.999 and given[..., 10:].min() > 0.999


def test_blur_keeps_what_is_flat():
    gan = build("pix2pix", task="blur")
    assert torch.allclose(gan.start(torch.full((1, 3, 18, 18), 0.3)), torch.tensor(0.3))
    assert (gan.start(pictures()) - pictures()).abs().mean() > 0.2


@pytest.mark.parametrize("hole", ["centre", "random"])
def test_context_encoder_fills_the_hole_and_keeps_the_rest(hole):
    gan, images = build("context_encoder", size=32, hole=hole), pictures(4, size=32)
    given = gan.start(images)
    holes = (given != images).any(1)
    side = 32 // 2 - 2 * gan.overlap
    assert holes.sum((1, 2)).tolist() == [side * side] * 4
    filled = gan.generate(Ask(images=given))
    kept = ~holes[:, None].expand_as(images)
    assert torch.equal(filled[kept], images[kept]) and not torch.equal(filled, given)
    places = holes.flatten(1).float().argmax(1)
    assert (len(set(places.tolist())) > 1) == (hole == "random")
    assert torch.equal(gan.generate(Ask(images=images)), images)  # there is no hole


def test_context_encoder_weighs_the_overlap_ten_times():
    gan = build("context_encoder", size=32)
    images = pictures(4, size=32)
    square = gan._square(images)
    for where, weight in (((0, 0), 10), ((8, 8), 1)):
        off = square.clone()
        off[:, :, where[0], where[1]] += 1
        gan.generator.forward = lambda x, off=off: off
        difference, _ = gan._predict(images)
        assert difference.item() == pytest.approx(weight / 16**2)


def test_discogan_critics_learn_in_every_second_step_and_reconstruction_weighs_more_later():
    gan = build("discogan")
    generators, critics = gan.phases()
    assert (generators.every, critics.every) == (1, 2)
    early, late = (generators.loss(step_of(pictures(), pictures() * 0.5, progress)) for progress in (0.0, 0.9))
    assert (late["generator/reconstruction"] / early["generator/reconstruction"]).item() == pytest.approx(50, rel=0.02)
    assert (late["generator/features"] / early["generator/features"]).item() == pytest.approx(0.5 / 0.99, rel=0.02)


def test_feature_matching_compares_batch_means():
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    assert discogan.feature_matching([real], [fake]).item() == pytest.approx((2**2 + 1) / 2)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("size", [16, 33, 50])
def test_srgan_enlarges_any_size(scale, size):
    gan = build("srgan", size=size, scale=scale)
    small = gan.start(pictures(size=size))
    assert small.shape[-1] == -(-size // scale)
    assert gan.generate(Ask(images=small)).shape == (2, 3, size, size)
    assert gan.generate(Ask(images=torch.zeros(1, 3, 20, 24))).shape == (1, 3, 20 * scale, 24 * scale)


def test_srgan_learns_pixels_first_and_plays_later():
    gan = build("srgan", pixels=0.4)
    early, late = ([p.name for p in gan.phases() if p.runs(0, progress)] for progress in (0.39, 0.4))
    assert early == ["generator"] and late == ["generator", "critic"]
    step = step_of(pictures(), pictures())
    pixels, game, _ = (phase.loss for phase in gan.phases())
    assert set(pixels(step)) == {"generator/pixels"}
    assert set(game(step)) == {"generator/adversarial", "generator/pixels", "generator/content"}


def test_srgan_begins_with_the_enlarged_picture():
    small = torch.rand(2, 3, 8, 8) * 2 - 1
    easy = F.interpolate(small, scale_factor=4, mode="bilinear", align_corners=False)
    with_skip, without = (build("srgan", skip=skip).generator.eval()(small) for skip in (True, False))
    assert F.mse_loss(with_skip, easy) < 0.1 * F.mse_loss(without, easy)


def test_srgan_can_learn_pixels_alone():
    assert [(p.groups, p.begin, p.end) for p in build("srgan", pixels=1).phases()] == [(("generator",), 0.0, 1)]
    with pytest.raises(SettingsError, match=r"a share of the run in \(0, 1\]"):
        build("srgan", pixels=1.1)


def test_srgan_reads_features_strictly_and_saves_none_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(perceptual, "WIDTHS", (4, 0, 8))
    torch.manual_seed(0)
    convolutions = {"0": nn.Conv2d(3, 4, 3), "3": nn.Conv2d(4, 8, 3)}
    tensors = {f"features.{at}.{name}": t.half() for at, conv in convolutions.items() for name, t in conv.state_dict().items()}
    save_file(tensors, tmp_path / "vgg.safetensors")
    gan = build("srgan", channels=1, features=str(tmp_path / "vgg.safetensors"))
    assert gan.content is None  # so a saved model is built without the file
    game = gan.phases()[1].loss
    terms = game(step_of(pictures(channels=1), pictures(channels=1)))
    assert set(terms) == {"generator/adversarial", "generator/content"} and set(gan.groups()) == {"generator", "critic"}
    terms["generator/content"].backward()
    assert gan.generator.first[0].weight.grad.abs().sum() > 0
    assert gan.content(pictures(), pictures()) == 0
    for broken in (dict(list(tensors.items())[1:]), {**tensors, "features.9.weight": torch.zeros(1)}):
        save_file(broken, tmp_path / "broken.safetensors")
        with pytest.raises(SettingsError, match="gan.features is .*broken"):
            build("srgan", features=str(tmp_path / "broken.safetensors")).phases()
    with pytest.raises(SettingsError, match="gan.features is .*nowhere"):
        build("srgan", features=str(tmp_path / "nowhere")).phases()


def test_the_pool_returns_the_same_until_full_and_then_mixes():
    torch.manual_seed(0)
    pool = ImagePool(8, 1, 2)
    first = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 2, 2)
    assert set(pool.exchange(first[:4])[:, 0, 0, 0].tolist()) <= set(range(4))
    pool.exchange(first[4:])
    assert int(pool.filled) == 8 and sorted(pool.images[:, 0, 0, 0].tolist()) == list(range(8))
    old = 0
    for i in range(20):
        fresh = torch.full((4, 1, 2, 2), 100.0 + i)
        shown = pool.exchange(fresh)
        old += int((shown != fresh).any(dim=(1, 2, 3)).sum())
        assert pool.images.shape == (8, 1, 2, 2)
    assert 20 < old < 60  # about half of 80
    again = ImagePool(8, 1, 2)
    again.load_state_dict(pool.state_dict())
    assert torch.equal(again.images, pool.images) and int(again.filled) == 8


@pytest.mark.parametrize("game", ["nonsaturating", "least_squares", "hinge", "wasserstein", "relativistic"])
@pytest.mark.parametrize("name", list(SMALL))
def test_every_game_and_penalty_is_a_setting(name, game):
    gan = build(name, game=game, r1=0.1, r2=0.1, gradient_penalty=1.0, augment="color,translation,cutout", critic_repeats=2)
    step, seen = step_of(pictures(4), pictures(4) * 0.5), {}
    for phase in gan.phases():
        if not phase.runs(0, 0.9):
            continue
        seen[phase.name] = terms = phase.loss(step)
        torch.stack(list(terms.values())).sum().backward()
        learnt = [p for group in phase.groups for p in gan.groups()[group].parameters()]
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in learnt), f"{phase.name} had no gradient"
    assert {"r1", "r2", "gradient_penalty"} <= {term.split("/")[1] for term in seen["critic"]}
    assert next(phase for phase in gan.phases() if phase.name == "critic").repeat == 2


@pytest.mark.parametrize("name", ["pix2pix", "context_encoder", "srgan"])
def test_a_gan_that_restores_learns_on_the_target_and_restores_the_source(name):
    gan, target = build(name), pictures(4)
    unknown = torch.full((4, 3, 16, 16), float("nan"))
    step = step_of(unknown, target)
    phases = [phase for phase in gan.phases() if phase.runs(0, 0.9)]
    assert len(phases) == 2 and all(term.isfinite() for phase in phases for term in phase.loss(step).values())
    for group in gan.groups().values():
        group.eval()
    source = target.flip(2)
    restored = gan.translated(step_of(source, unknown))
    torch.manual_seed(0)
    assert torch.equal(restored, gan.generate(Ask(images=gan.start(source)))) and not torch.equal(restored, source)
