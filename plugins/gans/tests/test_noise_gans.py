"""GANs that draw from noise: sizes, classes, pyramids, styles, latent points, the contract, training alone and beside a classifier."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dazoo.bridges.alone import Alone
from dazoo.bridges.alone import Nobody
from dazoo.bridges.alone import Nothing
from dazoo.contracts import Ask
from dazoo.contracts import Labelled
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.settings import Settings
from dazoo.engine.updates import Updates
from dazoo.errors import SettingsError
from dazoo.models.bridging import make_gan
from dazoo.registry.plugins import zoo
from dazoo.testing import Clause
from dazoo.testing import parametrize_with_contract
from dazoo.testing.rehearsal import HOW
from dazoo_noise_gans import cgan
from dazoo_noise_gans import filters
from dazoo_noise_gans import lapgan
from dazoo_noise_gans import r3gan
from dazoo_noise_gans import styles
from dazoo_noise_gans.layers import halvings


SMALL: dict = {
    "vanilla": {},
    "dcgan": {"width": 4},
    "cgan": {"width": 4},
    "lapgan": {"width": 4},
    "stylegan": {"width": 4, "style": 16},
    "r3gan": {"width": 16},
}
OTHERS = [
    ("cgan", {"condition": "cbn"}),
    ("cgan", {"condition": "concat"}),
    ("cgan", {"condition": "auxiliary"}),
    ("lapgan", {"conditional": True}),
    ("stylegan", {"mixing": 0.5, "path_length": 2.0}),
]
"""Other choices of a GAN, beside the default ones."""


def build(name: str, channels: int = 3, size: int = 16, code_size: int = 0, **arguments):
    torch.manual_seed(0)
    problem = Problem(Nobody(), 3, channels, size, (4, 4, 4), 12)
    return make_gan(zoo(), name, problem, {**SMALL[name], **arguments}, code_size=code_size)


def pictures(n: int = 4, channels: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def train_alone(name: str, channels: int, size: int, steps: int = 2, **arguments) -> dict[str, float]:
    """A few steps of the GAN's own game; for each group the absolute gradients that it had, summed."""
    torch.manual_seed(0)
    problem = Problem(Nobody(), 3, channels, size, (4, 4, 4), 12)
    game = Alone(problem, lambda **given: make_gan(zoo(), name, problem, {**SMALL[name], **arguments}, **given))
    had = dict.fromkeys((name for name, module in game.gan.groups().items() if list(module.parameters())), 0.0)

    def watch(phase, terms) -> None:
        assert terms and all(value.isfinite() for value in terms.values()), (phase.name, terms)
        for group in set(phase.groups) & set(had):
            had[group] += sum(float(p.grad.abs().sum()) for p in updates.groups.parameters[group] if p.grad is not None)

    updates = Updates(Nothing(problem), game, Settings.layered(HOW, {"size": size}), torch.device("cpu"), watch=watch)
    images = pictures(4, channels, size)
    for number in range(steps):
        batch, target = Labelled(images, torch.arange(4) % 3), Unlabelled(images, lambda: images)
        updates.step([updates.make_pass(batch, target, number / steps, number)], number, number / steps)
    return had


@parametrize_with_contract("gan", list(SMALL), settings=SMALL)
def test_contract(clause: Clause) -> None:
    clause()


@pytest.mark.parametrize(("name", "other"), OTHERS, ids=str)
def test_contract_of_the_other_choices(name, other):
    from dazoo.testing import check

    assert check("gan", name, **SMALL[name], **other) == {}


@parametrize_with_contract("gan", list(SMALL), settings={name: {**own, "ada": 0.6, "spectral": True} for name, own in SMALL.items()})
def test_contract_with_adaptive_augmentation_and_spectral_norm(clause: Clause) -> None:
    clause()


@pytest.mark.parametrize(("backbone", "channels", "size"), [("lenet", 1, 28), ("fcn", 3, 40)])
@pytest.mark.parametrize("name", list(SMALL))
def test_two_steps_beside_a_classifier(two_steps, name, backbone, channels, size):
    had = two_steps(name, backbone, channels, size, **SMALL[name])
    assert had and all(amount > 0 for amount in had.values()), had


@pytest.mark.parametrize(("name", "other"), [*((name, {}) for name in SMALL), *OTHERS], ids=str)
def test_two_steps_alone(name, other):
    had = train_alone(name, 1, 20, **other)
    assert had and all(amount > 0 for amount in had.values()), had


@pytest.mark.parametrize(("name", "other"), [*((name, {}) for name in SMALL), *OTHERS], ids=str)
@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 9), (3, 28), (1, 45), (3, 64)])
def test_any_size_is_drawn_and_judged(name, other, channels, size):
    gan = build(name, channels, size, **other)
    with torch.no_grad():
        drawn = gan.generate(Ask(n=3))
        verdict = gan.judge(drawn, torch.tensor([0, 1, 2]))
    assert drawn.shape == (3, channels, size, size) and drawn.abs().max() <= 1
    assert all(logits.shape == (3,) for logits in verdict.logits) and verdict.features.shape == (3, gan.num_critic_features)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "vanilla"])
def test_the_largest_size_can_be_built(name):
    with torch.device("meta"):
        assert count(zoo().gans.build(name, channels=3, size=256, num_classes=3, **SMALL[name]).groups()["critic"]) > 0


def test_dcgan_alone_has_the_published_size():
    with torch.device("meta"):
        gan = zoo().gans.build("dcgan", channels=3, size=64, num_classes=3)
    assert count(gan.generator) == 3_576_704 and count(gan.critic) == 2_765_568
    assert (gan.noise_size, gan.optimizers()["critic"]["lr"], gan.optimizers()["generator"]["betas"]) == (100, 2e-4, (0.5, 0.999))


def test_dcgan_beside_a_classifier_keeps_the_layout_of_saved_models():
    gan = zoo().gans.build("dcgan", channels=3, size=40, num_classes=22, code_size=151)
    layers = gan.generator.state_dict()
    assert layers["layers.0.weight"].shape == (151 + 64, 128, 5, 5) and layers["layers.9.bias"].shape == (3,)
    assert gan.critic.last.weight.shape == (1, 128, 5, 5) and gan.num_critic_features == 3200


def test_vanilla_has_the_widths_in_common_use():
    with torch.device("meta"):
        gan = zoo().gans.build("vanilla", channels=1, size=28, num_classes=3)
    assert count(gan.generator) == 1_510_032 and count(gan.critic) == 533_505  # by hand: sums of (in + 1) * out, and 2 * out for a norm


def test_halvings_leave_a_map_of_four_to_seven_pixels():
    assert [halvings(size) for size in (8, 16, 28, 32, 40, 48, 64, 128, 256)] == [1, 2, 3, 3, 3, 3, 4, 5, 6]
    assert all(4 <= -(-size // 2 ** halvings(size)) <= 7 for size in range(8, 257))


@pytest.mark.parametrize("condition", cgan.CONDITIONS)
def test_a_class_changes_what_is_drawn_and_what_is_said_of_it(condition):
    gan = build("cgan", condition=condition)
    noise, images = gan.latent(2, torch.device("cpu")), pictures(2)
    for p in gan.generator.parameters():
        nn.init.normal_(p, std=0.3)  # conditional norms start equal for all classes
    gan.generator.eval(), gan.critic.eval()
    with torch.no_grad():
        a, b, unknown = (gan.render(noise, torch.tensor([y, y])) for y in (0, 1, 3))
        assert not torch.equal(a, b) and torch.equal(unknown, gan.render(noise))
        on_a, on_b = (gan.judge(images, torch.tensor([y, y])).logits[0] for y in (0, 1))
        assert torch.equal(on_a, on_b) == (condition == "auxiliary")
        assert torch.equal(gan.judge(images).logits[0], gan.judge(images, torch.tensor([3, 3])).logits[0])


def test_an_auxiliary_head_names_the_classes_that_are_known():
    gan = build("cgan", condition="auxiliary")
    features = torch.ones(1, gan.num_critic_features)
    assert not torch.equal(gan.critic.named(features), gan.critic.named(features)), "drop-out"
    gan.critic.eval()
    labels = torch.tensor([0, 3, 2, 3])
    verdict = gan.look(pictures(), labels)
    logits = gan.critic.classes(verdict.features)
    expected = F.cross_entropy(logits[[0, 2]], labels[[0, 2]])
    terms = gan.generator_terms(verdict)
    torch.testing.assert_close(terms["generator/auxiliary"], expected)
    drawn = gan.look(-pictures(), labels)
    torch.testing.assert_close(gan.critic_terms(verdict, drawn)["critic/auxiliary"], expected)  # of the real ones alone
    nobody = gan.generator_terms(gan.look(pictures(), torch.full((4,), 3)))
    assert nobody["generator/auxiliary"] == 0
    assert set(build("cgan", condition="concat").generator_terms(verdict)) == {"generator/adversarial"}
    with pytest.raises(SettingsError, match=r"gan.condition is 'ac'; expected one of auxiliary, concat, projection, cbn"):
        build("cgan", condition="ac")


@pytest.mark.parametrize("condition", cgan.CONDITIONS)
def test_each_condition_plays_the_game_of_its_paper(condition):
    gan = build("cgan", condition=condition)
    projected = condition in ("projection", "cbn")
    kinds = {type(m) for m in gan.critic.modules()}
    assert gan.rules.game == ("hinge" if projected else "nonsaturating") and (nn.BatchNorm2d in kinds) != projected
    assert {o["betas"] for o in gan.optimizers().values()} == {(0.0, 0.9) if projected else (0.5, 0.999)}
    assert build("cgan", condition=condition, game="relativistic").rules.game == "relativistic", "the user's word goes over it"


def test_a_pyramid_is_made_of_means_and_put_together_again():
    gan = build("lapgan", size=28)
    assert gan.sides == [28, 14, 7] == lapgan.sides(28) and lapgan.sides(8) == [8] and lapgan.sides(64) == [64, 32, 16, 8]
    levels = gan.pyramid(pictures(size=28))
    torch.testing.assert_close(levels[1][:, :, 0, 0], levels[0][:, :, :2, :2].mean((2, 3)))
    details = [fine - lapgan.enlarge(coarse, fine.shape[-1]) for fine, coarse in zip(levels, levels[1:], strict=False)]
    whole = levels[-1]
    for h in reversed(details):
        whole = lapgan.enlarge(whole, h.shape[-1]) + h
    torch.testing.assert_close(whole, levels[0])


def test_levels_learn_apart_when_alone_and_as_a_chain_beside_a_classifier():
    """Alone, a fine level's loss reaches no coarser generator; beside a classifier the last picture's verdict reaches all of them."""
    gan = build("lapgan", size=28)
    assert gan.own_game and {phase.name: phase.repeat for phase in gan.phases()} == {
        "critic": 1, "generator": 1, "coarsest_critic": 4, "coarsest_generator": 4
    }  # fmt: skip
    finest = gan._drawn([0], gan.pyramid(pictures(size=28)), Ask(n=4))[0]
    finest.square().sum().backward()
    assert gan.generators[0].layers[0].weight.grad.abs().sum() > 0
    assert all(p.grad is None for level in gan.generators[1:] for p in level.parameters())
    nothing = SimpleNamespace(source=Labelled(pictures(size=28), torch.zeros(4, dtype=torch.long)))
    gan.phases()[2].loss(nothing)["critic/adversarial/coarsest"].backward()
    assert [any(p.grad is not None for p in level.parameters()) for level in gan.critics] == [False, False, True]
    with pytest.raises(SettingsError, match="1 update or more"):
        build("lapgan", coarse_repeats=0)
    beside = build("lapgan", size=28, code_size=5)
    assert not beside.own_game and beside.phases() == []
    verdict = beside.judge(beside.generate(Ask(torch.randn(2, 5))))
    assert len(verdict.logits) == 3
    verdict.logits[0].sum().backward()
    assert all(p.grad.abs().sum() > 0 for level in beside.generators for p in level.parameters() if p.ndim > 1)


def test_a_level_s_critic_sees_the_low_pass_and_the_details_together():
    gan = build("lapgan", size=16)
    real = gan.pyramid(pictures(size=16))
    drawn = gan._drawn([0], real, Ask(n=4))
    for p in gan.generators[0].parameters():
        nn.init.zeros_(p)
    torch.testing.assert_close(gan._drawn([0], real, Ask(n=4))[0], lapgan.enlarge(real[1], 16))  # without details, l alone
    assert not torch.equal(drawn[0], lapgan.enlarge(real[1], 16))


def test_labels_are_taken_by_the_lapgan_that_is_told_them():
    assert "labels" not in build("lapgan").takes and "labels" in build("lapgan", conditional=True).takes
    gan = build("lapgan", conditional=True)
    noise = gan.latent(2, torch.device("cpu"))
    a, b = (gan.render(noise, torch.tensor([y, y])) for y in (0, 1))
    assert not torch.equal(a, b)


def test_a_modulated_convolution_is_that_with_scaled_and_normalised_weights():
    torch.manual_seed(0)
    layer, x, w = styles.Modulated(3, 5, 3, 4), torch.randn(2, 3, 6, 6), torch.randn(2, 4)
    got = layer(x, w)
    for i in range(2):
        weight = layer.conv.weight * layer.conv.gain * layer.style(w)[i][None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(got[i : i + 1], F.conv2d(x[i : i + 1], weight, padding=1))


def test_filters_keep_constants_and_equalised_layers_keep_variance():
    ones = torch.ones(1, 2, 8, 8)
    torch.testing.assert_close(filters.halve(ones)[..., 1:-1, 1:-1], torch.ones(1, 2, 2, 2))
    torch.testing.assert_close(filters.double(ones)[..., 1:-1, 1:-1], torch.ones(1, 2, 14, 14))
    assert filters.halve(torch.ones(1, 2, 7, 7)).shape == (1, 2, 4, 4)
    noise, taps = torch.randn(1, 2, 8, 8), torch.outer(*[torch.tensor([1.0, 3.0, 3.0, 1.0])] * 2).expand(2, 1, 4, 4)
    torch.testing.assert_close(filters.halve(noise), F.conv2d(noise, taps / 64, stride=2, padding=1, groups=2))
    torch.testing.assert_close(filters.double(noise), F.conv_transpose2d(noise, taps / 16, stride=2, padding=1, groups=2))
    torch.manual_seed(0)
    assert styles.Linear(256, 256, rate=0.01)(torch.randn(512, 256)).std().item() == pytest.approx(1, abs=0.1)
    x = torch.randn(6, 2, 4, 4)
    assert styles.deviation(x).shape == (6, 3, 4, 4) and styles.deviation(x[:1].expand(4, -1, -1, -1))[:, 2].abs().max() < 1e-3


def test_r1_of_a_stylegan_is_lazy():
    gan = build("stylegan", r1=0.5)
    real, fake = (gan.look(pictures(), penalised=True) for _ in range(2))
    assert set(gan.critic_terms(real, fake)) == {"critic/adversarial"}
    phases = {phase.name: phase for phase in gan.phases()}
    assert set(phases) == {"critic"} and phases["critic"].every == 16
    step = SimpleNamespace(source=SimpleNamespace(images=pictures()))
    (term,) = phases["critic"].loss(step).values()
    eager = gan.rules.penalties((real.images, real.logits), (fake.images, fake.logits), lambda x: gan.look(x).logits)["critic/r1"]
    assert term.item() == pytest.approx(16 * eager.item(), rel=1e-4)
    assert build("stylegan", r1=0.0).phases() == []


def test_path_lengths_are_every_fourth_step_and_reach_the_generator():
    gan = build("stylegan", path_length=2.0, code_size=5)
    lazy = next(phase for phase in gan.phases() if phase.name == "generator")
    assert lazy.every == 4
    lazy.loss(SimpleNamespace(source=SimpleNamespace(images=pictures())))["generator/path_length"].backward()
    assert gan.mapping.path > 0 and gan.synthesis.start.grad.abs().sum() > 0
    assert build("stylegan", size=32).path_length == 0 and build("stylegan", size=96, width=1).path_length == 2


def test_truncation_draws_styles_towards_their_mean():
    gan = build("stylegan")
    for _ in range(3):
        gan.generate(Ask(n=8))
    middle = gan.mapping.middle.clone()
    assert middle.abs().sum() > 0
    gan.mapping.eval()
    cpu = torch.device("cpu")
    spread = [(gan.latent(64, cpu, truncation=psi) - middle).norm(dim=1).mean().item() for psi in (0.0, 0.5, 1.0)]
    assert spread[0] < 1e-5 and spread[1] == pytest.approx(0.5 * spread[2], rel=0.2)
    torch.testing.assert_close(gan.mapping.middle, middle)  # drawing moves nothing
    w = gan.latent(2, torch.device("cpu"))
    torch.testing.assert_close(gan.synthesise(w), gan.synthesise(w[:, None].expand(-1, gan.synthesis.styles, -1)))


def test_residual_blocks_start_as_nothing():
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(r3gan.Block(16, 4)(x), x)
    assert build("r3gan").rules.game == "relativistic" and build("r3gan").rules.r1 == build("r3gan").rules.r2 > 0


@pytest.mark.parametrize(("name", "other"), [*((name, {}) for name in SMALL), *OTHERS], ids=str)
def test_the_same_point_is_the_same_picture_and_neighbours_are_alike(name, other):
    gan = build(name, **other)
    for module in gan.groups().values():
        module.eval()
    with torch.no_grad():
        points = gan.latent(2, torch.device("cpu"))
        torch.testing.assert_close(gan.render(points), gan.render(points))
        near, far = gan.between(points[0], points[1], 0.01), gan.between(points[0], points[1], 1.0)
        torch.testing.assert_close(far, points[1], rtol=1e-3, atol=1e-4)
        first, close, other_end = gan.render(torch.stack([points[0], near, points[1]]))
        assert 0 < (first - close).norm() < (first - other_end).norm()
        assert not torch.equal(gan.generate(Ask(n=1)), gan.generate(Ask(n=1)))  # it draws its own noise again


def test_points_between_two_draws_are_as_long_as_they_are():
    gan = build("dcgan")
    a, b = F.normalize(gan.latent(2, torch.device("cpu")), dim=1)
    assert all(gan.between(a, b, share).norm().item() == pytest.approx(1, abs=1e-3) for share in (0.0, 0.3, 0.5, 1.0))
    torch.testing.assert_close(gan.between(a, a, 0.5), a, rtol=1e-3, atol=1e-3)


def critics_of(gan) -> list[nn.Module]:
    return [gan.groups()[name] for name in gan.side("critic")]


@pytest.mark.parametrize("name", zoo().gans.names())
def test_spectral_norm_is_a_setting_of_every_gan(name):
    """Every convolution and linear layer of the critics has a largest singular value of 1; no layer of a generator is touched."""
    problem = Problem(Nobody(), 3, 3, 16, (4, 4, 4), 12)
    torch.manual_seed(0)
    gan = make_gan(zoo(), name, problem, {**SMALL.get(name, {"width": 4}), "spectral": True})
    layers = [m for critic in critics_of(gan) for m in critic.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert layers
    for layer in layers:
        for _ in range(30):
            weight = layer.weight
        weight = weight if isinstance(layer, nn.Linear) else weight.flatten(1)
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.15), layer
    plain = make_gan(zoo(), name, problem, SMALL.get(name, {"width": 4}))
    for group in gan.side("generator"):
        assert gan.groups()[group].state_dict().keys() == plain.groups()[group].state_dict().keys()
    with pytest.raises(SettingsError, match="gan.spectral is 1; expected true or false"):
        make_gan(zoo(), name, problem, {"spectral": 1})


@pytest.mark.parametrize("name", zoo().gans.names())
def test_adaptive_augmentation_is_a_setting_of_every_gan(name):
    """The probability is part of a critic's state; it rises while the critic is sure of real pictures, and falls while it is not."""
    problem = Problem(Nobody(), 3, 3, 16, (4, 4, 4), 12)
    torch.manual_seed(0)
    gan = make_gan(zoo(), name, problem, {**SMALL.get(name, {"width": 4}), "ada": 0.6})
    state = {f"{group}/{key}" for group, module in gan.groups().items() for key in module.state_dict()}
    assert sum(key.endswith("/augment_probability") for key in state) == 1
    assert gan.rules.adaptive is not None
    logits = [torch.full((1000,), 5.0)]
    before = gan.rules.shown(pictures(size=16))
    torch.testing.assert_close(before, pictures(size=16))  # it is 0 at first
    for _ in range(3):
        gan.rules.critic_loss(logits, [-logits[0]])
    assert gan.rules.adaptive.probability.item() == pytest.approx(3 * 1000 / 500_000)
    gan.rules.critic_loss([-logits[0]], [-logits[0]])
    assert gan.rules.adaptive.probability.item() == pytest.approx(2 * 1000 / 500_000)
    with pytest.raises(SettingsError, match=r"gan.ada is 1.5; expected a share in \[0, 1\)"):
        make_gan(zoo(), name, problem, {"ada": 1.5})
