"""The online protocol: every batch once, in order, answered as it comes; and the paper's TENT, written out here, beside ours."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dazoo.engine.settings import Settings
from dazoo.engine.stream import Stream
from dazoo.engine.stream import batches
from dazoo.registry.plugins import zoo
from dazoo.runs.second import stage_settings


sys.path.insert(0, str(Path(__file__).parent))
import toy  # noqa: E402


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = zoo().backbones.build("fcn", num_classes=3, width=4)
    net.train()
    for _ in range(3):  # running statistics that are not the initial ones
        net(torch.rand(16, 3, 16, 16) * 2 - 1)
    return net.eval()


def made(net: nn.Module, **settings: object) -> Stream:
    from dazoo.contracts import Problem

    method = zoo().methods.build("tent", Problem(net, 3, 3, 16, (1, 1, 1), 1))
    own = stage_settings(Settings(precision="fp32"), method, settings)
    return Stream(method, own, seed=0, device=torch.device("cpu"))


def targets(n: int = 4) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.rand(12, 3, 16, 16) * 1.5 - 1 for _ in range(n)]


def published(net: nn.Module, stream: list[torch.Tensor], lr: float) -> list[torch.Tensor]:
    """TENT as in its authors' code: batch statistics, Adam on scales and shifts, the outputs of the pass that the update is made from."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
    norms = [p for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()]
    optimizer = torch.optim.Adam(norms, lr=lr, betas=(0.9, 0.999), weight_decay=0.0)
    answers = []
    for images in stream:
        logits = net(images)
        answers.append(logits.detach())
        loss = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return answers


def test_tent_answers_as_the_published_code_does() -> None:
    net, stream = network(), targets()
    expected = published(net, stream, lr=0.05)
    ours = made(copy.deepcopy(net), lr=0.05)
    for images, want in zip(stream, expected, strict=True):
        torch.testing.assert_close(ours(images), want, rtol=1e-3, atol=1e-4)


def test_it_adapts_and_reset_forgets() -> None:
    ours = made(network(), lr=0.05)
    first = [ours(images) for images in targets()]
    still = [ours(images) for images in targets()]
    assert ours.number == 8 and not torch.equal(first[0], still[0]), "a stream that has adapted answers otherwise"
    ours.reset()
    assert ours.number == 0
    again = [ours(images) for images in targets()]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_every_picture_is_answered_once_and_a_last_one_has_company() -> None:
    rows = torch.arange(9)
    assert [b.tolist() for b in batches(rows, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert [len(b) for b in batches(rows, 200)] == [9]
    assert torch.cat(batches(torch.arange(11), 4)).tolist() == list(range(11))


def test_a_recipe_that_streams_counts_what_was_answered_online() -> None:
    result = toy.run("fcn-tent")
    offline = toy.run("fcn-tent_offline")
    assert len(result.history.predictions) == 1 and result.history.scores == [{}] and result.chosen == {}
    assert len(offline.history.predictions) == 5 and result.first_stage is not None
    assert result.history.predictions[0].shape == (24,)


def test_the_answers_stand_in_the_order_of_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures come in an order that the seed fixes; predictions go back to where their pictures are."""
    plain = toy.run("fcn-tent", seed=1)
    with_itself = toy.run("fcn-tent", seed=1)
    assert torch.equal(plain.history.predictions[0], with_itself.history.predictions[0])
    frozen = made(plain.method.problem.backbone, lr=1e-12)
    data = toy.domains().target_test
    from dazoo.engine.batches import as_tensor
    from dazoo.engine.batches import normalise

    direct = frozen(normalise(as_tensor(data.images))).argmax(1)
    agree = (direct == plain.history.predictions[0]).float().mean()
    assert agree > 0.6, "one batch of all pictures, in the order of the set, must mostly agree with the stream's answers"
