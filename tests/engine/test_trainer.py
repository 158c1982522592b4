"""The loop: determinism, exact resume, NaN, labels that cannot leak, gradients that reach everything."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.engine import trainer as trainer_module
from dazoo.engine.observe import TrainingData
from dazoo.engine.passes import Pass
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.trainer import Trainer
from dazoo.engine.updates import Updates
from dazoo.errors import Interrupted
from dazoo.errors import SettingsError
from dazoo.errors import TrainingError


sys.path.insert(0, str(Path(__file__).parent))
import toy  # noqa: E402


RECIPES = (
    "fcn-source",
    "fcn-dann",
    "fcn-cdan",
    "fcn-mcd",
    "fcn-mean_teacher",
    "fcn-tent",
    "fcn-dcgan",
    "fcn-cyclegan",
    "fcn-cyclegan-dann",
    "fcn-dcgan-mcd",
)
GAN = {"gan.width": 4}


def settings_of(name: str) -> dict:
    return GAN if "gan" in name else {}


@pytest.mark.parametrize("name", RECIPES)
def test_every_shape_of_recipe_trains_and_learns_something(name):
    result = toy.run(name, settings_of(name))
    fresh = toy.run(name, {**settings_of(name), "epochs": 1, "steps_per_epoch": 1, "lr": 1e-12})
    assert len(result.history.predictions) == (2 if "tent" not in name else 1)
    assert not toy.same(toy.state(result), toy.state(fresh))
    assert all(v.isfinite().all() for v in toy.state(result).values() if v.is_floating_point())


@pytest.mark.parametrize("name", ["fcn-mean_teacher", "fcn-cyclegan-dann", "fcn-tent"])
def test_the_seed_fixes_everything_and_another_seed_differs(name):
    first, again, other = (toy.state(toy.run(name, settings_of(name), seed=s)) for s in (3, 3, 4))
    assert toy.same(first, again)
    assert not toy.same(first, other)


@pytest.mark.parametrize("name", RECIPES)
def test_an_interrupted_run_ends_in_the_same_bits(name, tmp_path, monkeypatch):
    whole = toy.run(name, settings_of(name))
    stop_at = random.Random(name).randint(1, 7)
    step = Trainer._step

    def stopped(self):
        step(self)
        if self.number == stop_at and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_step", stopped)
    with pytest.raises(Interrupted, match=f"after step {stop_at} of"):
        toy.run(name, settings_of(name), folder=tmp_path / "run")
    resumed = toy.run(name, settings_of(name), folder=tmp_path / "run")
    assert toy.same(toy.state(whole), toy.state(resumed))
    assert all(torch.equal(a, b) for a, b in zip(whole.history.predictions, resumed.history.predictions, strict=True))
    assert whole.history.scores == resumed.history.scores
    assert toy.same(dict(whole.chosen), dict(resumed.chosen))


def test_ctrl_c_saves_too_and_the_same_call_continues(tmp_path, monkeypatch):
    whole = toy.run("fcn-dann")
    step = Trainer._step

    def stopped(self):
        step(self)
        if self.number == 3 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_step", stopped)
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)  # whatever the shell of this test does
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="after step 3 of 8; its state is in .*; the same command continues"):
            toy.run("fcn-dann", folder=tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(p.name for p in (tmp_path / "run").glob("step-*"))[-1] == "step-00000003"
    assert toy.same(toy.state(whole), toy.state(toy.run("fcn-dann", folder=tmp_path / "run")))


def test_cyclegan_in_micro_batches_hands_each_its_own_fakes(monkeypatch):
    """A critic once compared every micro-batch with the translations of the last one."""
    from dazoo_image_gans.cyclegan import CycleGAN

    drawn, shown = [], []
    generators, critics = CycleGAN._generators, CycleGAN._critics

    def drawing(self, step):
        terms = generators(self, step)
        drawn.append(step.kept["cyclegan/fakes"][1])
        return terms

    def showing(self, step):
        shown.append(step.kept["cyclegan/fakes"][1])
        return critics(self, step)

    monkeypatch.setattr(CycleGAN, "_generators", drawing)
    monkeypatch.setattr(CycleGAN, "_critics", showing)
    toy.run("fcn-cyclegan", {**GAN, "accumulate": 3, "epochs": 1, "steps_per_epoch": 1})
    assert len(drawn) == 3 and all(a is b for a, b in zip(drawn, shown, strict=True))


KILLED = """
import sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
import toy
from pathlib import Path
from dazoo.engine import trainer
trainer.SAVE_SECONDS = 0.0
result = toy.run("fcn-cyclegan-dann", {{"gan.width": 4, "method.hidden": 16, "epochs": 3, "steps_per_epoch": 10}}, folder=Path({folder!r}))
torch.save(toy.state(result), {out!r})
"""


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_bits(tmp_path):
    """SIGKILL at random moments, writes of checkpoints among them, until the run gets through."""
    rng = random.Random()
    script = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path / "run"), out=str(tmp_path / "out.pt"))
    whole = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path / "whole"), out=str(tmp_path / "whole.pt"))
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", whole], check=True, env=environ)
    kills = 0
    while kills < 3:
        process = subprocess.Popen([sys.executable, "-c", script], env=environ)
        before = set((tmp_path / "run").glob("step-*"))
        while process.poll() is None and set((tmp_path / "run").glob("step-*")) <= before:
            time.sleep(0.005)
        if process.poll() is not None:
            break
        time.sleep(rng.random() * 0.3)
        process.kill()
        process.wait()
        kills += 1
    subprocess.run([sys.executable, "-c", script], check=True, env=environ)
    assert kills >= 1
    assert toy.same(torch.load(tmp_path / "whole.pt", weights_only=True), torch.load(tmp_path / "out.pt", weights_only=True))


def test_target_labels_change_no_weight_and_no_choice():
    plain = toy.domains()
    rng = np.random.default_rng(0)
    shuffled = replace(
        plain,
        target_train=replace(plain.target_train, labels=rng.permutation(plain.target_train.labels)),
        target_test=replace(plain.target_test, labels=rng.permutation(plain.target_test.labels)),
    )
    a, b = toy.run("fcn-mean_teacher", data=plain), toy.run("fcn-mean_teacher", data=shuffled)
    assert toy.same(toy.state(a), toy.state(b))
    assert toy.same(dict(a.chosen), dict(b.chosen))


def test_training_data_refuses_target_labels():
    d = toy.domains()
    with pytest.raises(TrainingError, match="still has its labels"):
        TrainingData(d.source_train, d.source_test, d.target_train, d.target_test.unlabelled())


def test_a_term_that_is_not_finite_stops_the_run_and_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0.0)
    update = Updates._update

    def poisoned(self, phase, passes, number):
        if number == 5 and phase.name == "task":
            bad = replace(phase, loss=lambda s: {**phase.loss(s), "domain": torch.tensor(math.nan)})
            return update(self, bad, passes, number)
        return update(self, phase, passes, number)

    monkeypatch.setattr(Updates, "_update", poisoned)
    with pytest.raises(TrainingError, match=r"step 5, phase 'task': loss term 'domain' is nan"):
        toy.run("fcn-dann", folder=tmp_path)
    monkeypatch.setattr(Updates, "_update", update)
    assert toy.same(toy.state(toy.run("fcn-dann", folder=tmp_path)), toy.state(toy.run("fcn-dann")))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0.0)
    whole = toy.run("fcn-dann", folder=tmp_path)
    newest = sorted(tmp_path.glob("step-*"))[-1]
    raw = bytearray((newest / "state.safetensors").read_bytes())
    raw[-5] ^= 1
    (newest / "state.safetensors").write_bytes(raw)
    assert toy.same(toy.state(toy.run("fcn-dann", folder=tmp_path)), toy.state(whole))
    assert "is damaged" in caplog.text
    for path in tmp_path.glob("step-*"):
        (path / "state.json").write_text("{")
    with pytest.raises(TrainingError, match="All checkpoints in .* are damaged"):
        toy.run("fcn-dann", folder=tmp_path)


def test_a_checkpoint_of_other_networks_is_said(tmp_path):
    """Its digest fits, but a plugin has changed since."""
    toy.run("fcn-dann", {"epochs": 1}, folder=tmp_path)
    with pytest.raises(TrainingError, match="of other networks or optimisers than this run's"):
        toy.run("fcn-cdan", {"epochs": 1}, folder=tmp_path)


def test_no_domain_weight_is_source_only_bit_for_bit():
    """With batch statistics apart and no reversed gradient, the backbone cannot tell DANN from no adaptation."""
    flat = {"joint": False, "precision": "fp32"}
    source = toy.run("fcn-source", flat)
    dann = toy.run("fcn-dann", {**flat, "method.reversal": 0.0, "method.match_prior": False})
    learnt = [k for k, _ in source.method.problem.backbone.named_parameters()]
    a, b = source.method.problem.backbone.state_dict(), dann.method.problem.backbone.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in learnt)


@pytest.mark.parametrize("name", ["fcn-dann", "fcn-cdan", "fcn-mcd", "fcn-dcgan", "fcn-cyclegan", "fcn-cyclegan-dann"])
def test_critic_and_backbone_both_get_gradients(name, monkeypatch):
    """skada's default critic never did: its output was constant, and every gradient zero."""
    seen: dict[str, float] = {}
    update = Updates._update

    def watched(self, phase, passes, number):
        update(self, phase, passes, number)
        for part in phase.groups:
            total = sum(float(p.grad.abs().sum()) for p in self.groups.parameters[part] if p.grad is not None)
            seen[f"{phase.name}:{part}"] = max(seen.get(f"{phase.name}:{part}", 0.0), total)

    monkeypatch.setattr(Updates, "_update", watched)
    toy.run(name, settings_of(name))
    assert seen and all(value > 0 for key, value in seen.items() if not key.endswith(("shares", "pools"))), seen
    assert any("backbone.body" in key for key in seen)


def test_frozen_parts_do_not_move_in_a_phase(monkeypatch):
    moved: list[str] = []
    update = Updates._update

    def watched(self, phase, passes, number):
        before = {k: [p.detach().clone() for p in group] for k, group in self.groups.parameters.items()}
        update(self, phase, passes, number)
        for name, group in self.groups.parameters.items():
            if name not in phase.groups and any(not torch.equal(a, b) for a, b in zip(before[name], group, strict=True)):
                moved.append(f"{phase.name}:{name}")

    monkeypatch.setattr(Updates, "_update", watched)
    toy.run("fcn-dcgan-mcd", GAN)
    assert moved == []


def test_frozen_phases_share_the_backbone_and_learning_ones_do_not(monkeypatch):
    """Critic and generator look at one forward pass; the task, after them, makes its own."""
    passes: list[str] = []
    forward = Pass._forward

    def counted(self):
        passes.append("learning" if any(name.startswith("backbone.") for name in self._phase.groups) else "frozen")
        return forward(self)

    monkeypatch.setattr(Pass, "_forward", counted)
    toy.run("fcn-dcgan", {**GAN, "epochs": 1, "steps_per_epoch": 2})
    assert passes == ["frozen", "learning"] * 2


class Plain(Backbone):
    """No batch statistics: a picture's gradient does not depend on its neighbours."""

    min_size = 8

    def __init__(self) -> None:
        super().__init__(num_classes=3)
        self.num_features = 4
        self.body = torch.nn.Conv2d(3, 4, 4, stride=4)
        self.head = torch.nn.Linear(4, 3)

    def forward_features(self, x):
        return self.body(x).relu()


def _trained_in(parts: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    sets = toy.domains()
    data = TrainingData(sets.source_train, sets.source_test, sets.target_train.unlabelled(), sets.target_test.unlabelled())
    problem = Problem(Plain(), 3, 3, 16, sets.source_train.counts, len(sets.target_train))
    settings = Settings(epochs=1, steps_per_epoch=5, batch=12, accumulate=parts, lr=0.1, optimizer="sgd", precision="fp32")
    Trainer(Setup("plain", Method(problem), None, data, settings), Site(torch.device("cpu"))).run()
    return problem.backbone.state_dict()


def test_a_step_in_parts_is_the_same_update():
    whole, parts = _trained_in(1), _trained_in(4)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["fcn-mcd", "fcn-mean_teacher", "fcn-tent", "fcn-cyclegan-dann", "fcn-dcgan"])
def test_every_shape_of_recipe_trains_in_parts(name):
    result = toy.run(name, {**settings_of(name), "accumulate": 3, "epochs": 1, "steps_per_epoch": 2})
    assert all(v.isfinite().all() for v in toy.state(result).values() if v.is_floating_point())


def test_parts_that_do_not_divide_the_batch_are_refused():
    with pytest.raises(SettingsError, match="accumulate is 4; expected a divisor of the batch \\(6\\)"):
        Settings(batch=6, accumulate=4)
