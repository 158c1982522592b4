"""What each method does to its terms and parts, beyond the contract kit."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.contracts import batch_statistics
from dazoo.engine.groups import merged_settings
from dazoo.engine.passes import Pass
from dazoo.errors import SettingsError
from dazoo.losses.shares import BalancedLabels
from dazoo.losses.shares import RunningShares
from dazoo.registry.plugins import zoo


class Plain(Backbone):
    """No normalisation layer."""

    def __init__(self, *, num_classes: int = 3, in_channels: int = 3) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.num_features = 4
        self.conv = nn.Conv2d(in_channels, 4, 3)
        self.head = nn.Linear(4, num_classes)

    def forward_features(self, x):
        return self.conv(x)


def problem(backbone: Backbone | None = None, classes: int = 3) -> Problem:
    torch.manual_seed(0)
    backbone = backbone or zoo().backbones.build("fcn", num_classes=classes, width=4)
    return Problem(backbone, classes, 3, 16, (5,) * classes, 10)


def step_for(method: Method, progress: float = 0.5) -> Pass:
    torch.manual_seed(1)
    images = torch.rand(6, 3, 16, 16) * 2 - 1
    return Pass(Labelled(images, torch.arange(6) % 3), Unlabelled(-images, lambda: images * 0.5), progress, 0, method, method)


def terms(method, step: Pass, phase: int = 0) -> dict:
    chosen = method.phases()[phase]
    step.enter(chosen)
    return dict(chosen.loss(step))


def test_dann_reverses_the_gradient_for_the_body_only():
    p = problem()
    grads = {}
    for reversal in (0.0, 1.0):
        torch.manual_seed(2)
        dann = zoo().methods.build("dann", p, reversal=reversal, match_prior=False)
        p.backbone.zero_grad()
        terms(dann, step_for(dann))["domain"].backward()
        grads[reversal] = (p.backbone.fc7[0].weight.grad.clone(), dann.critic[0].weight.grad.clone())
    assert grads[0.0][0].abs().sum() == 0 and grads[1.0][0].abs().sum() > 0
    assert torch.allclose(grads[0.0][1], grads[1.0][1])  # the critic's own gradient is not scaled


def test_cdan_sees_the_outer_product_and_projects_a_large_one():
    small = zoo().methods.build("cdan", problem())
    assert small.seen.out_features == 32 * 3 and "critic_map" not in small.groups()
    wide = zoo().backbones.build("fcn", num_classes=200, width=4)
    large = zoo().methods.build("cdan", Problem(wide, 200, 3, 16, (1,) * 200, 10))
    assert large.seen.out_features == 1024
    assert large.groups()["critic_map"].state_dict(), "the random matrices must be saved, or a reload changes the loss"


def test_mcd_classifiers_disagree_and_the_body_agrees():
    mcd = zoo().methods.build("mcd", problem(), repeat=3)
    names = [(phase.name, phase.repeat) for phase in mcd.phases()]
    assert names == [("task", 1), ("disagree", 1), ("agree", 3)]
    step = step_for(mcd)
    assert terms(mcd, step, 1)["disagree/gap"] <= 0 <= terms(mcd, step, 2)["agree/gap"]


def test_mcd_answers_with_the_two_classifiers_of_the_game():
    mcd = zoo().methods.build("mcd", problem())
    mcd.classifiers.eval()  # without drop-out the same features give the same answer
    step = step_for(mcd)
    step.enter(mcd.phases()[0])
    features = step.source_outputs.features
    first, second = (head(features) for head in mcd.classifiers.values())
    assert torch.allclose(step.source_outputs.logits, (first + second) / 2)
    assert not any("backbone.head" in phase.groups for phase in mcd.phases())


def test_mean_teacher_without_an_average_learns_from_the_network_itself():
    method = zoo().methods.build("mean_teacher", problem(), threshold=0.0)
    step = step_for(method, 0.9)
    alone = Pass(step.source, step.target, 0.9, 0, method, teacher=None)
    assert terms(method, alone)["target"] > 0


def test_mean_teacher_starts_without_the_target_and_needs_no_label_of_it():
    method = zoo().methods.build("mean_teacher", problem(), start=0.4, ramp=0.2, threshold=0.0)
    assert terms(method, step_for(method, 0.3))["target"] == 0
    assert terms(method, step_for(method, 0.9))["target"] > 0


def test_tent_trains_scales_and_shifts_alone_and_refuses_what_has_none():
    tent = zoo().methods.build("tent", problem())
    trained = {id(q) for q in tent.groups()["norms"]}
    for module in tent.problem.backbone.modules():
        for q in module.parameters(recurse=False):
            assert (id(q) in trained) == isinstance(module, nn.BatchNorm2d)
    tent.set_mode(tent.problem.backbone)
    assert tent.problem.backbone.fc7[1].training and not tent.problem.backbone.drop.training
    with pytest.raises(SettingsError, match="Plain has none"):
        zoo().methods.build("tent", problem(Plain()))


def test_running_shares_weigh_source_samples():
    shares = RunningShares(3, decay=0.0)
    shares.update(torch.tensor([[0.8, 0.1, 0.1]]))
    weights = shares.importance(torch.tensor([0, 1, 2]))
    assert weights[0] > 1 > weights[1] and weights.mean() == pytest.approx(1.0)


def test_labels_need_confidence_and_a_rare_class_less_of_it():
    labels, sure = BalancedLabels(3).choose(torch.tensor([[0.75, 0.2, 0.05], [0.4, 0.3, 0.3]]), 0.7, 0.0)
    assert labels.tolist() == [0, 0] and sure.tolist() == [1.0, 0.0]
    skewed = BalancedLabels(3, decay=0.999)
    skewed.shares.copy_(torch.tensor([0.9, 0.09, 0.01]))
    labels, sure = skewed.choose(torch.tensor([[0.1, 0.5, 0.4]]), threshold=0.9, progress=0.0, balance=0.0)
    assert labels.item() == 1 and sure.item() == 1.0  # half the bar, because the class is rare


def test_labels_are_balanced_until_late_in_the_run():
    """Half of the stream is of a class that the teacher always takes for another, a little less surely."""
    stream = torch.tensor([[0.97, 0.02, 0.01], [0.90, 0.09, 0.01], [0.01, 0.01, 0.98]])
    labels = BalancedLabels(3)
    assert labels.choose(stream, 0.5, 0.0)[0].tolist() == [0, 0, 2]
    for _ in range(200):
        chosen, _ = labels.choose(stream, 0.5, 0.3)
    assert chosen.tolist() == [0, 1, 2] and labels.offsets.isfinite().all()
    assert labels.choose(stream, 0.5, 0.3, balance=0.0)[0].tolist() == [0, 0, 2]
    assert labels.choose(stream, 0.5, 0.9)[0].tolist() == [0, 0, 2], "late in the run the network's own opinion counts"


def test_a_second_opinion_that_agrees_halves_the_bar():
    labels = BalancedLabels(3, decay=0.999)
    p = torch.tensor([[0.6, 0.2, 0.2], [0.6, 0.2, 0.2]])
    _, alone = labels.choose(p, 0.8, 0.0)
    _, backed = labels.choose(p, 0.8, 0.0, second=torch.tensor([[0.9, 0.1, 0.0]]))
    _, opposed = labels.choose(p, 0.8, 0.0, second=torch.tensor([[0.1, 0.9, 0.0]]))
    assert alone.tolist() == [0.0, 0.0] and backed.tolist() == [1.0, 0.0] and opposed.tolist() == [0.0, 0.0]


def test_a_teacher_reads_the_target_through_its_own_statistics_and_keeps_its_running_ones():
    backbone = zoo().backbones.build("fcn", num_classes=3, width=4)
    backbone.eval()
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    x = torch.randn(8, 3, 16, 16) * 0.1 + 0.5
    plain = backbone(x)
    with batch_statistics(backbone):
        assert not torch.allclose(backbone(x), plain)
        assert not backbone.training, "only batch norm changes: drop-out stays off"
    assert torch.equal(backbone(x), plain)
    assert all(torch.equal(v, before[k]) for k, v in backbone.state_dict().items())


def test_mean_teacher_labels_with_the_statistics_of_the_target():
    method = zoo().methods.build("mean_teacher", problem(), threshold=0.0)
    teacher, step = copy.deepcopy(method), step_for(method, 0.9)
    teacher.problem.backbone.eval()
    step = Pass(step.source, step.target, 0.9, 0, method, teacher)
    seen = []
    norm = next(m for m in teacher.problem.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d))
    norm.register_forward_hook(lambda m, i, o: seen.append(m.training))
    terms(method, step)
    assert seen == [True] and not norm.training


def test_a_linear_probe_learns_the_head_alone():
    method = zoo().methods.build("linear_probe", problem())
    assert [phase.groups for phase in method.phases()] == [("backbone.head",)]
    method.set_mode(method.problem.backbone)
    assert not any(m.training for m in method.problem.backbone.modules())


def test_mcd_takes_the_momentum_from_the_body_and_leaves_a_pretrained_one_its_rate():
    mcd = zoo().methods.build("mcd", problem())
    merged = merged_settings([{"backbone.body": {"lr_factor": 0.1}}, mcd.optimizers()])
    assert merged == {"backbone.body": {"lr_factor": 0.1, "momentum": 0.0}}
