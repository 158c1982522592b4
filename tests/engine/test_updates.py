"""One step: what a phase may say, when it runs, what it may read, and the average that learns from it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn

from dazoo.contracts import BACKBONE
from dazoo.contracts import SOURCE
from dazoo.contracts import TARGET
from dazoo.contracts import Evidence
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.contracts import Validator
from dazoo.engine.average import Average
from dazoo.engine.groups import merge
from dazoo.engine.observe import Watch
from dazoo.engine.settings import Settings
from dazoo.engine.updates import Updates
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import TrainingError
from dazoo.testing.rehearsal import problem


def nothing(step: Any) -> dict[str, torch.Tensor]:
    return {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": "backbone.head"}, r"groups is 'backbone.head'; expected a tuple or a set of names"),
        ({"reads": "source"}, r"reads is 'source'"),
        ({"reads": {"sourse"}}, r"Phase 'p' reads \['sourse'\]; expected some of source, strong, target"),
        ({"every": 0}, r"every=0 and repeat=1; expected 1 or more"),
        ({"begin": 0.5, "end": 0.5}, r"runs from 0.5 to 0.5; expected 0 <= begin < end <= 1"),
    ],
)
def test_a_phase_that_cannot_be_says_so(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        Phase("p", **{"groups": BACKBONE, "loss": nothing, **arguments})


def test_a_phase_takes_any_collection() -> None:
    phase = Phase("p", ["backbone.head"], nothing, reads={"source"})
    assert phase.groups == ("backbone.head",) and phase.reads == SOURCE


class Recorded(Method):
    """Two phases of its own, one in the first half of the run, one after."""

    def __init__(self, p: Problem, *, every: int = 1) -> None:
        super().__init__(p)
        self.seen: list[str] = []
        self.every = every

    def phases(self) -> list[Phase]:
        early = Phase("task", BACKBONE, self._note("early"), reads=SOURCE, end=0.5)
        late = Phase("task", ("backbone.head",), self._note("late"), reads=SOURCE, begin=0.5, every=self.every)
        return [early, late]

    def _note(self, which: str) -> Any:
        def loss(step: Any) -> dict[str, torch.Tensor]:
            self.seen.append(which)
            return {which: step.source_outputs.logits.square().mean()}

        return loss


def updates(method: Method, **settings: Any) -> Updates:
    return Updates(method, None, Settings(**{"batch": 6, "size": 16, "precision": "fp32", **settings}), torch.device("cpu"))


def take(made: Updates, number: int, progress: float) -> None:
    torch.manual_seed(0)
    images = torch.rand(6, 3, 16, 16) * 2 - 1
    one = made.make_pass(Labelled(images, torch.arange(6) % 3), Unlabelled(-images, lambda: images), progress, number)
    made.step([one], number, progress)


def test_phases_run_in_their_share_of_the_run() -> None:
    method = Recorded(problem(), every=2)
    made = updates(method)
    before = [p.detach().clone() for p in method.problem.backbone.body_parameters()]
    for number in range(8):
        take(made, number, number / 8)
        if number == 3:
            middle = [p.detach().clone() for p in method.problem.backbone.body_parameters()]
    assert method.seen == ["early"] * 4 + ["late"] * 2  # steps 4 and 6
    assert not all(torch.equal(a, b) for a, b in zip(before, middle, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(middle, method.problem.backbone.body_parameters(), strict=True)), (
        "the body has no phase then"
    )


def test_phases_of_one_name_that_repeat_differently_do_not_combine() -> None:
    with pytest.raises(SettingsError, match="repeat=1 and 2; these components do not combine"):
        merge([Phase("task", BACKBONE, nothing), Phase("task", BACKBONE, nothing, repeat=2)])


class ReadsWhatItDoesNotSay(Method):
    def phases(self) -> list[Phase]:
        return [Phase("task", BACKBONE, lambda step: {"t": step.target_outputs.logits.mean()}, reads=SOURCE)]


def test_outputs_that_the_phase_does_not_read_are_refused_by_name() -> None:
    with pytest.raises(PluginError, match=r"phase 'task' uses outputs for 'target', but it reads \['source'\]; add 'target' to `reads`"):
        take(updates(ReadsWhatItDoesNotSay(problem())), 0, 0.0)


class OddOptimiser(Method):
    def optimizers(self) -> Any:
        return {"backbone.head": {"beta": 0.9}}


def test_an_optimiser_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'backbone.head' are {'beta': 0.9}; expected some of optimizer, lr"):
        updates(OddOptimiser(problem()))


def test_a_backbone_s_own_rates_are_used() -> None:
    method = Method(problem())
    method.problem.backbone.optimizers = lambda: {"backbone.body": {"lr_factor": 0.1}}  # type: ignore[method-assign]
    made = updates(method, lr=0.5)
    rates = {name: optimizer.param_groups[0]["base_lr"] for name, optimizer in made.optimizers.items()}
    assert rates == {"backbone.body": pytest.approx(0.05), "backbone.head": 0.5}


def test_a_young_average_forgets_a_random_start_and_keeps_a_trained_one() -> None:
    for trained, nearest in ((False, "student"), (True, "start")):
        method = Method(problem())
        average = Average(method, 0.99, trained=trained)
        start = [p.clone() for p in average.method.problem.backbone.parameters()]
        with torch.no_grad():
            for p in method.problem.backbone.parameters():
                p.add_(1.0)
        average.update(0)
        moved = torch.stack([(a - b).mean() for a, b in zip(average.method.problem.backbone.parameters(), start, strict=True)]).mean()
        assert moved.item() == pytest.approx(0.9 if nearest == "student" else 0.01, abs=1e-3)


class OwnHead(Method):
    heads = ("own",)

    def __init__(self, p: Problem) -> None:
        super().__init__(p)
        self.own = nn.Linear(p.backbone.num_features, p.num_classes)

    def groups(self) -> dict[str, nn.Module]:
        return {"own": self.own}

    def answer(self, features: torch.Tensor) -> torch.Tensor:
        return self.own(features)

    def phases(self) -> list[Phase]:
        return [Phase("task", ("backbone.body", "own"), lambda step: {"task": self.task_loss(step)}, reads=SOURCE)]


def test_a_method_s_own_head_learns_answers_and_is_averaged() -> None:
    method = OwnHead(problem())
    made = updates(method, ema=0.9)
    start = method.own.weight.detach().clone()
    take(made, 0, 0.5)
    assert not torch.equal(method.own.weight, start), "the task's loss is on the logits that count"
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(method.read(images).logits, method.own(method.read(images).features))
    assert made.average is not None
    mean = made.average.method.own.weight  # type: ignore[attr-defined]
    torch.testing.assert_close(mean, 0.1 * start + 0.9 * method.own.weight)
    assert any(name.startswith("module/teacher.own/") for name in made.tensors())


def test_heads_that_are_no_groups_are_refused() -> None:
    class Wrong(OwnHead):
        heads = ("nobody",)

    with pytest.raises(PluginError, match="Wrong answers with the group 'nobody'"):
        Average(Wrong(problem()), 0.9)


def test_what_one_phase_keeps_the_next_finds_and_the_next_step_does_not() -> None:
    found: list[Any] = []

    class Hands(Method):
        def phases(self) -> list[Phase]:
            def first(step: Any) -> dict[str, torch.Tensor]:
                found.append(step.kept.get("a"))
                step.kept["a"] = step.number
                return {"first": step.source_outputs.logits.mean()}

            def second(step: Any) -> dict[str, torch.Tensor]:
                found.append(step.kept["a"])
                return {"second": step.source_outputs.logits.mean()}

            return [Phase("first", BACKBONE, first, reads=SOURCE), Phase("second", BACKBONE, second, reads=SOURCE)]

    made = updates(Hands(problem()))
    take(made, 0, 0.0)
    take(made, 1, 0.1)
    assert found == [None, 0, None, 1]


def test_a_target_without_a_source_is_named() -> None:
    class WantsSource(Method):
        adapts_trained = True

        def phases(self) -> list[Phase]:
            return [Phase("adapt", BACKBONE, lambda step: {"t": step.source.images.mean()}, reads=TARGET)]

    made = updates(WantsSource(problem()))
    images = torch.rand(6, 3, 16, 16)
    with pytest.raises(PluginError, match="asks for the source batch"):
        made.step([made.make_pass(None, Unlabelled(images, lambda: images), 0.0, 0)], 0, 0.0)


class Raises(Validator):
    def __call__(self, evidence: Evidence) -> float:
        raise ValueError("no idea")


class Counts(Validator):
    def __call__(self, evidence: Evidence) -> float:
        return float(len(evidence.target_logits))


def test_one_validator_that_fails_is_left_out_and_the_one_that_chooses_stops_the_run() -> None:
    out = Outputs(torch.zeros(4, 2), torch.zeros(4, 3))
    source = (out, torch.zeros(4, dtype=torch.int64).numpy())
    watch = Watch({"good": Counts(), "bad": Raises()}, chooses="good")
    with pytest.warns(UserWarning, match="The validator 'bad' fails and is left out: ValueError: no idea"):
        assert watch.look(out, source, {}, dict) == {"good": 4.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert watch.look(out, source, {}, dict) == {"good": 4.0}
    with pytest.raises(TrainingError, match="'bad', which chooses the checkpoint, fails"):
        Watch({"bad": Raises()}, chooses="bad").look(out, source, {}, dict)
