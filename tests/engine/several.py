"""What the processes of test_peers.py do; a module of its own, so that they can import it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import torch
import toy
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts.component import BACKBONE
from dazoo.engine import trainer as trainer_module
from dazoo.engine.observe import TrainingData
from dazoo.engine.peers import joined
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.trainer import Trainer


CPU = torch.device("cpu")
SETTINGS = {"epochs": 2, "steps_per_epoch": 4, "batch": 12, "lr": 0.05, "optimizer": "sgd", "precision": "fp32"}


class Normed(Backbone):
    """With batch statistics."""

    min_size = 8

    def __init__(self) -> None:
        super().__init__(num_classes=3)
        self.num_features = 4
        self.body = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 3)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.body(x).relu()


class Awkward(Method):
    """All that DistributedDataParallel trips over: two forward passes before a backward pass, gradients of gradients, frozen parts, and a
    parameter that only some processes have a gradient for."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        self.rare = nn.Linear(4, 1)

    def groups(self) -> dict[str, nn.Module]:
        return {"critic": self.critic, "critic_rare": self.rare}

    def phases(self) -> list[Phase]:
        return [
            Phase("critic", ("critic", "critic_rare"), self._critic),
            Phase("task", BACKBONE, self._task, reads=frozenset({"source", "target"})),
        ]

    def _critic(self, step: Step) -> dict[str, Tensor]:
        source, target = (step.backbone.pool(step.backbone.forward_features(x)) for x in (step.source.images, step.target.images))
        points = source.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
        terms = {
            "critic/tell": self.critic(target).mean() - self.critic(source).mean(),
            "critic/penalty": (slope.norm(dim=1) - 1).square().mean(),
        }
        if step.source.images.mean() > step.target.images.mean() + 0.32:  # true of some parts and not of others
            terms["critic/rare"] = self.rare(source).square().mean()
        return terms

    def _task(self, step: Step) -> dict[str, Tensor]:
        return {"task": self.task_loss(step), "fool": -self.critic(step.target_outputs.features).mean()}


def train(settings: dict[str, Any] | None = None, folder: str | None = None, stop_at: int = 0, by: int = 0) -> dict[str, Tensor]:
    """Train the awkward method; in step `stop_at` process `by` gets a SIGTERM. Gives what was learnt, and of every process its digest."""
    with joined(CPU) as peers:
        torch.manual_seed(0)
        sets = toy.domains()
        data = TrainingData(sets.source_train, sets.source_test, sets.target_train.unlabelled(), sets.target_test.unlabelled())
        problem = Problem(Normed(), 3, 3, 16, sets.source_train.counts, len(sets.target_train))
        method = Awkward(problem)
        made = Settings(**{**SETTINGS, **(settings or {})})
        place = None if folder is None else Path(folder)
        trainer_module.SAVE_SECONDS = 0.0
        trainer = Trainer(Setup("awkward", method, None, data, made), Site(CPU, place, peers=peers))
        step = trainer._step

        def stopped() -> None:
            step()
            if trainer.number == stop_at and peers.rank == by:
                os.kill(os.getpid(), signal.SIGTERM)

        trainer._step = stopped  # type: ignore[method-assign]
        history = trainer.run()
        learnt = {f"{i}/{k}": v for i, m in enumerate((problem.backbone, method.critic, method.rare)) for k, v in m.state_dict().items()}
        digest = torch.stack([v.double().sum() for v in learnt.values()]).sum()
        return {**learnt, "digests": peers.gathered(digest[None]), "predictions": torch.stack(history.predictions)}


def fail(kind: str) -> None:
    """One process fails while the other waits for it."""
    with joined(CPU) as peers:
        if peers.rank == 1:
            raise {"ValueError": ValueError, "OutOfMemoryError": torch.OutOfMemoryError}[kind]("a message")
        peers.any_of([True])


def divide(batch: int) -> None:
    train({"batch": batch})
