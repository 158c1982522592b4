"""The one training loop: phases inside steps, for every recipe."""

from __future__ import annotations

import copy
import logging
import math
import signal
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import Bridge
from dazoo.contracts import Evidence
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts import Unlabelled
from dazoo.contracts import Validator
from dazoo.contracts.component import BACKBONE
from dazoo.contracts.images import ImageSet
from dazoo.engine.augment import policy
from dazoo.engine.batches import Batches
from dazoo.engine.checkpoint import read_checkpoint
from dazoo.engine.checkpoint import write_checkpoint
from dazoo.engine.device import autocast
from dazoo.engine.display import Display
from dazoo.engine.history import History
from dazoo.engine.history import TrainingData
from dazoo.engine.observe import outputs_of
from dazoo.engine.peers import ALONE
from dazoo.engine.peers import Peers
from dazoo.engine.phases import Parts
from dazoo.engine.phases import make_optimizers
from dazoo.engine.phases import merge
from dazoo.engine.schedules import rate
from dazoo.engine.seeds import seed_for
from dazoo.engine.settings import Settings
from dazoo.engine.state import put_back
from dazoo.engine.state import tensors_of
from dazoo.engine.state import under
from dazoo.errors import Interrupted
from dazoo.errors import TrainingError


log = logging.getLogger(__name__)
CHECK_EVERY = 20  # steps between reads of the loss terms from an accelerator; a CPU has them at no cost in every step
SAVE_SECONDS = 30.0  # time between checkpoints; any step can be resumed from


class Trainer:
    """Trains one recipe, from the start or from its newest checkpoint.

    Args:
        title: recipe name, for messages.
        problem: the task with its backbone; the backbone is trained in place.
        method: the adaptation method.
        bridge: the GAN's bridge, or None.
        data: image sets, the target's without labels.
        settings: how to train.
        validators: label-free scores by name; `settings.validator` is the one that chooses.
        seed: fixes everything on a CPU.
        folder: where checkpoints go, or None for none (nothing can be resumed then).
        peers: the processes that train this model together; the batch and the accuracy are those of all of them.

    Raises:
        SettingsError: the batch cannot be divided among the processes.
    """

    def __init__(
        self,
        title: str,
        problem: Problem,
        method: Method,
        bridge: Bridge | None,
        data: TrainingData,
        settings: Settings,
        validators: Mapping[str, Validator],
        *,
        seed: int,
        device: torch.device,
        folder: Path | None = None,
        quiet: bool = False,
        peers: Peers = ALONE,
    ) -> None:
        self.title, self.method, self.settings, self.data = title, method, settings, data
        self.seed, self.device, self.folder, self.peers = seed, device, folder, peers
        self.quiet = quiet or not peers.first
        self.size = peers.images_a_part(settings.batch, settings.accumulate)
        self.validators = validators
        self.backbone = problem.backbone
        self.components = [c for c in (bridge, method) if c is not None]
        self.parts = Parts(self.backbone, self.components)
        self.parts.to(device)
        self.phases = merge(phase for component in self.components for phase in component.phases())
        self.trained = {phase.name: self.parts.of(phase) for phase in self.phases}
        self.optimizers = make_optimizers(self.parts, self.phases, self.components, settings)
        self.teacher = copy.deepcopy(self.backbone).eval().requires_grad_(False) if settings.ema else None
        self.weak, self.strong = policy(settings.augment)
        draw = {"batch": settings.batch, "rows": peers.rows(settings.batch), "device": device}
        source = data.source_train
        self.source = None if source is None else Batches(source, seed=seed_for(seed, purpose="source"), balance=settings.balance, **draw)
        self.target = Batches(data.target_train, seed=seed_for(seed, purpose="target"), balance=False, **draw)
        longest = max(len(data.target_train), 0 if source is None else len(source))
        self.per_epoch = settings.steps_per_epoch or math.ceil(longest / settings.batch)
        self.total = self.per_epoch * settings.epochs
        self.per_step = settings.batch * (2 if self.source else 1)  # pictures
        self.number = 0  # steps done
        self.seconds = 0.0  # wall time of `run`, that of interrupted runs up to their last checkpoint included
        self.history = History()
        self.chosen: dict[str, Tensor] = {}
        self.chosen_score = -math.inf
        self._pending: list[tuple[int, str, dict[str, Tensor]]] = []
        self._stop = threading.Event()

    # ------------------------------------------------------------------ the loop

    def run(self) -> History:
        """Train to the end and return what was seen. `evaluated` then holds the last weights, `chosen` the chosen ones.

        Raises:
            TrainingError: a loss term is not finite; the last good checkpoint stays.
            Interrupted: SIGTERM arrived; the state was saved and the same call continues.
        """
        self._resume()
        self.peers.check_same(self.number, "the step that they go on from")
        self.peers.take_from_first(t for module in self._stateful().values() for t in module.state_dict().values())
        since, before = time.monotonic(), self.seconds
        saved = since
        display = Display(self.title, total=self.total, done=self.number, images=self.per_step, quiet=self.quiet)
        try:
            with self._signals():
                while self.number < self.total:
                    self._step()
                    ended = self.number % self.per_epoch == 0
                    due = self.number == self.total or time.monotonic() - saved > SAVE_SECONDS
                    read = ended or due or self.device.type == "cpu" or self.number % CHECK_EVERY == 0
                    terms = self._read_terms() if read else None  # never save what has not been seen to be finite
                    self.seconds = before + time.monotonic() - since
                    display.step(self.number, terms)
                    if ended:
                        display.epoch(self.number // self.per_epoch, self._observe(terms or {}))
                    if self.peers.any_of([self._stop.is_set()])[0]:
                        self._interrupt()
                    if due:
                        self.save()
                        saved = time.monotonic()
        finally:
            display.close()
        return self.history

    def _step(self) -> None:
        """One step: a batch of each domain, then every phase. Randomness is seeded from (seed, step, process) alone."""
        torch.manual_seed(seed_for(self.seed, purpose="step", step=self.number, rank=self.peers.rank))
        progress = self.number / self.total
        factor = rate(self.settings.schedule, progress, self.settings.warmup)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
        steps = self._draw(progress)
        self.method.set_mode(self.backbone)
        originals, extended = [step.source for step in steps], None
        for phase in self.phases:
            if self.number % phase.every:
                continue
            learns = any(name in BACKBONE for name in phase.parts)
            if learns and extended is None:
                with torch.no_grad(), autocast(self.device, self.settings.precision):
                    extended = [self._extend(step) for step in steps]
            for step, source in zip(steps, extended if learns and extended is not None else originals, strict=True):
                step.source = source
            for _ in range(phase.repeat):
                self._update(phase, steps)
        with torch.no_grad():
            self._average()
            for component in self.components:
                for step in steps:
                    component.after_step(step)
        self.peers.take_from_first(b for module in self._stateful().values() for b in module.buffers())
        self.number += 1

    def _draw(self, progress: float) -> list[Step]:
        """This process's share of the step's batch, in `accumulate` parts; nearly always in one."""
        target, _ = self.target(self.number)
        images = labels = None
        if self.source is not None:
            images, labels = self.source(self.number)
        return [self._part(images, labels, target, slice(i, i + self.size), progress) for i in range(0, len(target), self.size)]

    def _part(self, images: Tensor | None, labels: Tensor | None, target: Tensor, which: slice, progress: float) -> Step:
        source: Any = None if images is None or labels is None else Labelled(self.weak(images[which]), labels[which])
        mine = target[which]
        unlabelled = Unlabelled(self.weak(mine), lambda: self.strong(mine))
        return Step(source, unlabelled, progress, self.number, self.backbone, self.teacher, joint=self.settings.joint)

    def _extend(self, step: Step) -> Labelled:
        source = step.source
        for component in self.components:
            source = component.extend(step)
            step.source = source
        return source

    def _update(self, phase: Phase, steps: Sequence[Step]) -> None:
        """One optimiser update: only the phase's parts have gradients, which add up over parts of the batch and over processes."""
        parameters = self.trained[phase.name]
        for p in self.parts.all:
            p.requires_grad_(False)
        for p in parameters:
            p.requires_grad_(True)
            p.grad = None
        for step in steps:
            step.enter(phase)
            with autocast(self.device, self.settings.precision):
                terms = dict(phase.loss(step))
            if terms:
                (torch.stack([t.float() for t in terms.values()]).sum() / len(steps)).backward()
            self._pending.append((self.number, phase.name, {k: v.detach() for k, v in terms.items()}))
        self.peers.average_gradients(parameters)
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        for name in phase.parts:
            if name in self.optimizers:
                self.optimizers[name].step()  # leaves alone what has no gradient

    def _average(self) -> None:
        if self.teacher is None:
            return
        decay = min(self.settings.ema, (1 + self.number) / (10 + self.number))  # young averages forget the random start
        pairs = list(zip(self.teacher.parameters(), self.backbone.parameters(), strict=True))
        for mean, p in pairs:
            mean.lerp_(p, 1 - decay)
        for mean, b in zip(self.teacher.buffers(), self.backbone.buffers(), strict=True):
            mean.lerp_(b, 1 - decay) if mean.is_floating_point() else mean.copy_(b)

    # ------------------------------------------------------------------ looking

    @property
    def evaluated(self) -> torch.nn.Module:
        """The network that is evaluated and kept: the average where there is one."""
        return self.backbone if self.teacher is None else self.teacher

    def _read_terms(self) -> dict[str, float]:
        """The newest value of every term; stops the run at the first that is not finite."""
        latest: dict[str, float] = {}
        flat = [(number, phase, name, value) for number, phase, terms in self._pending for name, value in terms.items()]
        self._pending.clear()
        if not flat:
            return latest
        values = torch.stack([value.float() for *_, value in flat]).tolist()  # one read for all
        for (number, phase, name, _), value in zip(flat, values, strict=True):
            if not math.isfinite(value):
                kept = "" if self.folder is None else f" The last good state is kept in {self.folder}."
                raise TrainingError(
                    f"{self.title}: step {number}, phase {phase!r}: loss term {name!r} is {value}.{kept} "
                    "Try a smaller lr, --set clip=1, or --set precision=fp32."
                )
            latest[name] = value
        return latest

    def _observe(self, terms: dict[str, float]) -> str:
        """Look at the target without its labels: predictions for later, scores for choosing."""
        features, logits = self._outputs(self.data.target_test)
        self.history.predictions.append(logits.argmax(1).to(torch.int32))
        self.history.terms.append(terms)
        scores: dict[str, float] = {}
        if self.data.source_test is not None and self.data.source_test.labels is not None:
            source_features, source_logits = self._outputs(self.data.source_test)
            labels = torch.from_numpy(np.ascontiguousarray(self.data.source_test.labels))
            evidence = Evidence(source_features, source_logits, labels, features, logits)
            scores = {name: float(v(evidence)) for name, v in self.validators.items()}
        self.history.scores.append(scores)
        score = scores.get(self.settings.validator, float(len(self.history.scores)))  # without a source: the last
        if score > self.chosen_score:
            self.chosen_score = score
            self.chosen = {k: v.detach().cpu().clone() for k, v in self.evaluated.state_dict().items()}
        return " ".join(f"{k} {v:.4f}" for k, v in scores.items())

    def _outputs(self, images: ImageSet) -> tuple[Tensor, Tensor]:
        """Features (N, C) and logits (N, K) of a whole set, to which each process adds its share."""
        rows = self.peers.rows(len(images))
        features, logits = outputs_of(self.evaluated, images.images[rows], self.device, self.settings.precision)
        return self.peers.gathered(features), self.peers.gathered(logits)

    # ------------------------------------------------------------------ state

    def save(self) -> None:
        """Write a checkpoint, if the run has a folder. All processes have the same state; the first writes it."""
        if self.folder is None or not self.peers.first:
            return
        tensors = {f"chosen/{k}": v for k, v in self.chosen.items()} | tensors_of(self._stateful(), self.optimizers)
        if self.history.predictions:
            tensors["history/predictions"] = torch.stack(self.history.predictions)
        record = {
            "step": self.number,
            "total": self.total,
            "seconds": self.seconds,
            "chosen_score": None if math.isinf(self.chosen_score) else self.chosen_score,
            "scores": self.history.scores,
            "terms": self.history.terms,
        }
        write_checkpoint(self.folder, self.number, tensors, record)

    def _resume(self) -> None:
        found = read_checkpoint(self.folder) if self.folder is not None else None
        if found is None:
            return
        tensors, record = found
        if record["total"] != self.total:
            raise TrainingError(
                f"{self.folder} holds a run of {record['total']} steps, this one has {self.total}; use another output folder."
            )
        put_back(tensors, self._stateful(), self.optimizers, self.parts.parameters)
        self.chosen = under(tensors, "chosen/")
        self.chosen_score = -math.inf if record["chosen_score"] is None else record["chosen_score"]
        self.history = History(list(tensors.get("history/predictions", [])), record["scores"], record["terms"])
        self.number, self.seconds = record["step"], record["seconds"]
        log.info("%s: resumed at step %d of %d.", self.title, self.number, self.total)

    def _stateful(self) -> dict[str, torch.nn.Module]:
        return self.parts.modules if self.teacher is None else {**self.parts.modules, "teacher": self.teacher}

    def _interrupt(self) -> None:
        self._read_terms()
        self.save()
        where = f"its state is in {self.folder}; the same command continues" if self.folder else "it had no folder, so nothing was kept"
        raise Interrupted(f"{self.title}: stopped by a signal after step {self.number} of {self.total}; {where}.")

    @contextmanager
    def _signals(self) -> Any:
        """SIGTERM asks the loop to save and stop after the step; only the main thread can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, lambda *_: self._stop.set())
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
