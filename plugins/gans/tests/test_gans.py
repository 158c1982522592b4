"""What holds for all GANs: games, bridges; shapes, sizes, published parameter counts, the image pool, and their bridges."""

from __future__ import annotations

import math

import pytest
import torch

from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.groups import merge
from dazoo.engine.passes import Pass
from dazoo.errors import SettingsError
from dazoo.models.bridging import bridge_for
from dazoo.models.bridging import build_bridge
from dazoo.registry.plugins import zoo
from dazoo_image_gans.cyclegan import CycleGAN
from dazoo_noise_gans.dcgan import DCGAN


def problem(size: int = 16) -> Problem:
    torch.manual_seed(0)
    return Problem(zoo().backbones.build("fcn", num_classes=3, width=4), 3, 3, size, (5, 5, 5), 10)


def step_for(p: Problem, progress: float = 1.0) -> Pass:
    images = torch.rand(6, 3, p.size, p.size) * 2 - 1
    return Pass(Labelled(images, torch.arange(6) % 3), Unlabelled(-images, lambda: images), progress, 0, Method(p))


def bridge_of(name: str, p: Problem | None = None, bridge: dict | None = None, **gan) -> Bridge:
    return build_bridge(zoo(), name, p or problem(), {"gan": gan, "bridge": bridge or {}})


def terms(bridge: Bridge, step: Pass, phase: str) -> dict:
    chosen = next(one for one in bridge.phases() if one.name == phase)
    step.enter(chosen)
    return dict(chosen.loss(step))


@pytest.mark.parametrize("size", [16, 28, 40, 48, 50, 65])
def test_pictures_come_out_at_the_size_asked_for(size):
    noise = DCGAN(channels=1, size=size, num_classes=3, code_size=7, width=4)
    drawn = noise.generate(Ask(code=torch.randn(2, 7)))
    assert drawn.shape == (2, 1, size, size) and drawn.abs().max() <= 1
    assert noise.judge(drawn).logits[0].shape == (2,) and noise.judge(drawn).features.shape == (2, noise.num_critic_features)
    image = CycleGAN(channels=3, size=size, num_classes=3, width=4, blocks=1)
    assert image.generate(Ask(images=torch.zeros(2, 3, size, size + 3))).shape == (2, 3, size, size + 3)


def test_the_bridge_is_chosen_from_what_the_gan_takes():
    assert bridge_for(zoo(), "dcgan") == "generate_to_adapt"
    assert bridge_for(zoo(), "cyclegan") == "translate"
    assert bridge_for(zoo(), "cgan") == "synthesize" and bridge_for(zoo(), "cgan", "generate_to_adapt") == "generate_to_adapt"
    with pytest.raises(SettingsError, match=r"bridge.kind is 'translate', which does not fit 'cgan'.*generate_to_adapt or synthesize"):
        bridge_for(zoo(), "cgan", "translate")


def test_an_unknown_bridge_setting_is_named_with_the_nearest_one():
    with pytest.raises(SettingsError, match=r"bridge\.shar.*Did you mean 'share'"):
        bridge_of("dcgan", bridge={"shar": 3})
    with pytest.raises(SettingsError, match=r"Unknown setting 'gan.gama'. DCGAN takes: width, noise, lr, game, r1"):
        bridge_of("dcgan", gama="hinge")
    with pytest.raises(SettingsError, match=r"gan.game is 'hindge'; expected one of nonsaturating"):
        bridge_of("dcgan", game="hindge")
    with pytest.raises(SettingsError, match=r"size is 8, but the GAN 'cyclegan' needs at least 16"):
        bridge_of("cyclegan", problem(8))


def test_generate_to_adapt_shapes_the_body_through_the_frozen_generator():
    p = problem()
    bridge = bridge_of("dcgan", p, {"guide": 0.0}, width=4)
    task = next(phase for phase in bridge.phases() if phase.name == "task")
    step = step_for(p)
    step.enter(task)
    p.backbone.zero_grad()
    sum(bridge._task(step).values()).backward()
    assert all(q.grad is not None and q.grad.abs().sum() > 0 for q in p.backbone.stages.parameters() if q.ndim == 4)


def test_generate_to_adapt_draws_classes_and_forgets_no_label():
    p = problem()
    bridge = bridge_of("dcgan", p, width=4)
    assert bridge.sample(5).shape == (5, 3, 16, 16)
    torch.manual_seed(1)
    a = bridge.sample(2, labels=torch.tensor([0, 0]))
    torch.manual_seed(1)
    b = bridge.sample(2, labels=torch.tensor([1, 1]))
    assert not torch.equal(a, b)


def test_translate_adds_labelled_pictures_after_its_start():
    p = problem()
    bridge = bridge_of("cyclegan", p, {"start": 0.5, "share": 0.5}, width=4, blocks=1)
    with torch.no_grad():
        assert len(bridge.extend(step_for(p, 0.4)).labels) == 6
        extended = bridge.extend(step_for(p, 0.6))
    assert len(extended.images) == len(extended.labels) == 9
    assert torch.equal(extended.labels[6:], extended.labels[:3])
    with pytest.raises(SettingsError, match="translates pictures"):
        bridge.sample(2)
    with pytest.raises(SettingsError, match=r"in \(0, 1\]"):
        bridge_of("cyclegan", p, {"share": 0})


@pytest.mark.parametrize("game", ["nonsaturating", "least_squares", "hinge", "wasserstein", "relativistic"])
@pytest.mark.parametrize("name", zoo().gans.names())
def test_every_game_and_penalty_is_a_setting_of_every_gan(name, game):
    """Generators and critics both get a gradient, and the penalties are terms of the critics' loss."""
    size = {} if name == "vanilla" else {"width": 16 if name == "r3gan" else 4}
    bridge = bridge_of(name, **size, game=game, r1=0.1, r2=0.1, gradient_penalty=1.0, augment="color,translation,cutout", critic_repeats=2)
    step, sides, repeats = step_for(problem()), {"critic": {}, "generator": {}}, set()
    for phase in merge(phase for phase in bridge.phases() if phase.runs(0, 0.9)):
        side = phase.name.partition("_")[0]
        if side in sides:
            step.enter(phase)
            found = dict(phase.loss(step))
            torch.stack([t.float() for t in found.values()]).sum().backward()
            sides[side] |= found
            repeats |= {phase.repeat} if side == "critic" else set()
    for side in sides:
        learnt = [p for group in bridge.gan.side(side) for p in bridge.gan.groups()[group].parameters()]
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in learnt), f"{side} had no gradient"
    kinds = {term.split("/")[1] for term in sides["critic"]}
    assert {"r1", "r2", "gradient_penalty"} <= kinds and repeats == {2}


def test_a_relativistic_generator_is_shown_real_pictures():
    """RpGAN with R1 and R2 (R3GAN): the generator's loss falls when the critic's opinion of real pictures falls."""
    rules = bridge_of("dcgan", width=4, game="relativistic", r1=0.05, r2=0.05).gan.rules
    fake, real = [torch.zeros(4)], [torch.ones(4)]
    assert rules.generator_loss(fake, real) > rules.generator_loss(fake, fake)
    paired = rules.critic_loss(real, [torch.zeros(8)])  # 4 real pictures beside 8 generated ones
    assert paired.item() == pytest.approx(math.log1p(math.exp(-1)))
    with pytest.raises(ValueError, match="compares generated pictures with real ones"):
        rules.generator_loss(fake)


def test_a_projection_critic_is_told_the_class():
    bridge = bridge_of("cgan", width=4, condition="projection")
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    for _ in range(3):  # spectral norm settles
        bridge.gan.judge(images, torch.tensor([0, 1]))
    bridge.gan.critic.eval()
    a, b = (bridge.gan.judge(images, torch.tensor(y)).logits[0] for y in ([0, 0], [1, 1]))
    assert not torch.equal(a, b)
    assert torch.equal(bridge.gan.judge(images).logits[0], bridge.gan.judge(images, torch.tensor([3, 3])).logits[0])  # unknown is class K


def test_synthesize_adds_pictures_with_the_labels_that_were_asked_for():
    bridge = bridge_of("cgan", bridge={"start": 0.5, "share": 0.5}, width=4)
    with torch.no_grad():
        assert len(bridge.extend(step_for(problem(), 0.4)).labels) == 6
        extended = bridge.extend(step_for(problem(), 0.6))
    assert extended.images.shape == (9, 3, 16, 16) and extended.labels[6:].max() < 3
    shown = terms(bridge, step_for(problem(), 0.1), "critic")
    assert set(shown) == {"critic/adversarial", "critic/auxiliary"}


def test_cyclegan_keeps_each_micro_batch_fakes_apart():
    """With two micro-batches each critic loss compares a micro-batch with its own translations."""
    bridge = bridge_of("cyclegan", width=4, blocks=1, pool=1)
    p = problem()
    steps = [step_for(p) for _ in range(2)]
    for step in steps:
        terms(bridge, step, "generator")
    fakes = [step.kept["cyclegan/fakes"][1] for step in steps]
    assert not torch.equal(*fakes)
