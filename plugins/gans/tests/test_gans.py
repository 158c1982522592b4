"""DCGAN and CycleGAN: shapes, sizes, published parameter counts, the image pool, and their bridges."""

from __future__ import annotations

import pytest
import torch

from dazoo.bridges import bridge_for
from dazoo.bridges import build_bridge
from dazoo.bridges.generate_to_adapt import GenerateToAdapt
from dazoo.bridges.translate import Translate
from dazoo.contracts import Labelled
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts import Unlabelled
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo
from dazoo_image_gans.cyclegan import Critic
from dazoo_image_gans.cyclegan import CycleGAN
from dazoo_image_gans.cyclegan import Generator
from dazoo_image_gans.cyclegan import ImagePool
from dazoo_noise_gans.dcgan import DCGAN


def count(module) -> int:
    return sum(p.numel() for p in module.parameters())


def problem(size: int = 16) -> Problem:
    torch.manual_seed(0)
    return Problem(zoo().backbones.build("fcn", num_classes=3, width=4), 3, 3, size, (5, 5, 5), 10)


def step_for(p: Problem, progress: float = 1.0) -> Step:
    images = torch.rand(6, 3, p.size, p.size) * 2 - 1
    return Step(Labelled(images, torch.arange(6) % 3), Unlabelled(-images, lambda: images), progress, 0, p.backbone)


@pytest.mark.parametrize(("blocks", "parameters"), [(6, 7_837_699), (9, 11_378_179)])
def test_cyclegan_generators_have_the_published_size(blocks, parameters):
    assert count(Generator(3, 64, blocks)) == parameters


def test_cyclegan_critic_has_the_published_size_and_patch():
    critic = Critic(3, 64, 3)
    assert count(critic) == 2_764_737
    assert critic(torch.zeros(1, 3, 256, 256)).logits.shape == (1, 1, 30, 30)


@pytest.mark.parametrize("size", [16, 28, 40, 48, 50, 65])
def test_pictures_come_out_at_the_size_asked_for(size):
    noise = DCGAN(channels=1, size=size, num_classes=3, code_size=7, width=4)
    drawn = noise.generate(torch.randn(2, 7))
    assert drawn.shape == (2, 1, size, size) and drawn.abs().max() <= 1
    assert noise.judge(drawn).logits.shape == (2,) and noise.judge(drawn).features.shape == (2, noise.num_critic_features)
    image = CycleGAN(channels=3, size=size, num_classes=3, width=4, blocks=1)
    assert image.generate(torch.zeros(2, 3, size, size + 3)).shape == (2, 3, size, size + 3)


def test_the_paper_sizes_are_the_defaults():
    gan = CycleGAN(channels=3, size=128, num_classes=2)
    assert count(gan.forth) == 7_837_699 and count(gan.critic_target) == 2_764_737


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


def test_the_bridge_is_chosen_from_what_the_gan_takes():
    assert bridge_for(zoo(), "dcgan") is GenerateToAdapt
    assert bridge_for(zoo(), "cyclegan") is Translate


def test_an_unknown_bridge_setting_is_named_with_the_nearest_one():
    with pytest.raises(SettingsError, match=r"bridge\.nois.*Did you mean 'noise'"):
        build_bridge(zoo(), "dcgan", problem(), {}, {"nois": 3})


def test_generate_to_adapt_shapes_the_body_through_the_frozen_generator():
    p = problem()
    bridge = build_bridge(zoo(), "dcgan", p, {"width": 4}, {"guide": 0.0})
    task = next(phase for phase in bridge.phases() if phase.name == "task")
    step = step_for(p)
    step.enter(task)
    p.backbone.zero_grad()
    sum(bridge._task(step).values()).backward()
    assert all(q.grad is not None and q.grad.abs().sum() > 0 for q in p.backbone.stages.parameters() if q.ndim == 4)


def test_generate_to_adapt_draws_classes_and_forgets_no_label():
    p = problem()
    bridge = build_bridge(zoo(), "dcgan", p, {"width": 4}, {})
    assert bridge.sample(5).shape == (5, 3, 16, 16)
    torch.manual_seed(1)
    a = bridge.sample(2, labels=torch.tensor([0, 0]))
    torch.manual_seed(1)
    b = bridge.sample(2, labels=torch.tensor([1, 1]))
    assert not torch.equal(a, b)


def test_translate_adds_labelled_pictures_after_its_start():
    p = problem()
    bridge = build_bridge(zoo(), "cyclegan", p, {"width": 4, "blocks": 1}, {"start": 0.5, "share": 0.5})
    with torch.no_grad():
        assert len(bridge.extend(step_for(p, 0.4)).labels) == 6
        extended = bridge.extend(step_for(p, 0.6))
    assert len(extended.images) == len(extended.labels) == 9
    assert torch.equal(extended.labels[6:], extended.labels[:3])
    with pytest.raises(SettingsError, match="translates pictures"):
        bridge.sample(2)
    with pytest.raises(SettingsError, match=r"in \(0, 1\]"):
        build_bridge(zoo(), "cyclegan", p, {}, {"share": 0})
