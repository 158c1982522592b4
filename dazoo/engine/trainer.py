"""The one training loop, for every recipe: batches, steps, a look after each epoch, checkpoints, resume and signals."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dazoo.contracts import ImageSet
from dazoo.contracts import Labelled
from dazoo.contracts import Outputs
from dazoo.contracts import Unlabelled
from dazoo.engine.average import answering
from dazoo.engine.batches import Batches
from dazoo.engine.checkpoint import State
from dazoo.engine.checkpoint import read_checkpoint
from dazoo.engine.checkpoint import write_checkpoint
from dazoo.engine.faults import seen_through
from dazoo.engine.observe import History
from dazoo.engine.observe import Watch
from dazoo.engine.observe import outputs_of
from dazoo.engine.passes import Pass
from dazoo.engine.seeds import seed_for
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.state import state_of
from dazoo.engine.state import under
from dazoo.engine.updates import Terms
from dazoo.engine.updates import Updates
from dazoo.errors import Interrupted
from dazoo.errors import TrainingError


log = logging.getLogger(__name__)
CHECK_EVERY = 20  # steps between reads of the loss terms from an accelerator; a CPU has them at no cost in every step
CHECK_SECONDS = 1.0  # the same where steps are slow
SAVE_SECONDS = 30.0  # time between checkpoints; any step can be resumed from


class Trainer:
    """Trains one stage of a recipe, from the start or from its newest checkpoint.

    Args:
        setup: what to train, on what and how.
        site: where to compute and to keep checkpoints.

    Attributes:
        number: steps done. total: steps of the run. per_epoch: steps between looks. per_step: pictures that a step reads.
        seconds: wall time of `run`, that of interrupted runs up to their last checkpoint included.

    Raises:
        SettingsError: the batch cannot be divided among the processes.
    """

    def __init__(self, setup: Setup, site: Site) -> None:
        settings, data, peers = setup.settings, setup.data, site.peers
        self.setup, self.site = setup, site
        self.micro = peers.micro_batch(settings.batch, settings.accumulate)
        self.updates = Updates(setup.method, setup.bridge, settings, site.device, peers=peers, trained=setup.trained)
        self.watch = Watch(setup.validators, settings.validator, setup.count)
        draw: dict[str, Any] = {"batch": settings.batch, "rows": peers.rows(settings.batch), "device": site.device}
        source = data.source_train
        source_seed, target_seed = (seed_for(setup.seed, purpose=side) for side in ("source", "target"))
        self.source = None if source is None else Batches(source, seed=source_seed, balance=settings.balance, **draw)
        self.target = Batches(data.target_train, seed=target_seed, balance=False, **draw)
        longest = max(len(data.target_train), 0 if source is None else len(source))
        self.per_epoch = settings.steps_in_epoch(longest, learns_source=source is not None)
        self.total = self.per_epoch * settings.epochs
        self.per_step = settings.batch * (2 if self.source else 1)
        self.number = 0
        self.seconds = 0.0
        self._stop = threading.Event()
        self._interrupted_by = signal.SIGTERM

    @property
    def history(self) -> History:
        """What was seen so far."""
        return self.watch.history

    @property
    def chosen(self) -> dict[str, Tensor]:
        """Weights of the backbone and the answering heads that the validator chose, by "<module>/<key>"."""
        return self.watch.chosen

    @property
    def best(self) -> dict[str, Tensor]:
        """The same for the epoch that is best by target labels: an upper bound. Empty unless `Setup.count` is given."""
        return self.watch.best

    # ------------------------------------------------------------------ the loop

    def run(self) -> History:
        """Train to the end and return what was seen. `updates.best` then answers with the last weights, `chosen` are the chosen ones.

        Raises:
            TrainingError: a loss term is not finite; the last good checkpoint stays.
            StoreError: a checkpoint cannot be written; older ones stay, and the same call continues.
            Interrupted: SIGTERM arrived; the state was saved and the same call continues.
            KeyboardInterrupt: the same for Ctrl-C; a second Ctrl-C does not wait for the step to end.
        """
        peers = self.site.peers
        self._resume()
        peers.check_same(self.number, "the step that they go on from")
        peers.take_from_first(t for module in self.updates.stateful().values() for t in module.state_dict().values())
        since, before = time.monotonic(), self.seconds
        saved = told = since
        self._enter()
        with self._signals():
            while self.number < self.total:
                self._step()
                now, ended = time.monotonic(), self.number % self.per_epoch == 0
                due = self.number == self.total or now - saved > SAVE_SECONDS
                seldom = self.number % CHECK_EVERY == 0 or now - told > CHECK_SECONDS
                terms = None
                if ended or due or seldom or self.site.device.type == "cpu":  # never save what has not been seen to be finite
                    terms, told = self._read_terms(), now
                    self.site.loggers.step(self.number, terms)
                self.seconds = before + time.monotonic() - since
                if ended:
                    scores = self._look(terms or {})
                    self.site.loggers.epoch(self.number, scores, terms or {}, self.watch.epoch)
                if peers.any_of([self._stop.is_set()])[0]:
                    self._interrupt()
                if due:
                    self.save()
                    saved = time.monotonic()
        self.site.loggers.leave(self.history.scores, self.history.terms, self.watch.epoch)
        return self.history

    def _step(self) -> None:
        """One step: a batch of each domain, then every phase. Randomness is seeded from (seed, step, process) alone."""
        self._seed(self.site.peers.rank)
        progress = self.number / self.total
        shared = (lambda: self._seed(self.site.peers.size)) if self.site.peers.size > 1 else (lambda: None)
        self.updates.step(self._draw(progress), self.number, progress, after=shared)
        self.number += 1

    def _seed(self, stream: int) -> None:
        torch.manual_seed(seed_for(self.setup.seed, purpose="step", step=self.number, rank=stream))

    def _draw(self, progress: float) -> list[Pass]:
        """This process's share of the step's batch, in `accumulate` micro-batches; nearly always one."""
        target, _ = self.target(self.number)
        images = labels = None
        if self.source is not None:
            images, labels = self.source(self.number)
        return [self._micro_batch(images, labels, target, slice(i, i + self.micro), progress) for i in range(0, len(target), self.micro)]

    def _micro_batch(self, images: Tensor | None, labels: Tensor | None, target: Tensor, which: slice, progress: float) -> Pass:
        weak, strong = (partial(seen_through, self.setup.augmentation, view) for view in ("weak", "strong"))
        source = None if images is None or labels is None else Labelled(weak(images[which]), labels[which])
        mine = target[which]
        unlabelled = Unlabelled(weak(mine), lambda: strong(mine), lambda: weak(mine))
        return self.updates.make_pass(source, unlabelled, progress, self.number)

    # ------------------------------------------------------------------ looking

    def _enter(self) -> None:
        """Tell the loggers what begins; nothing can choose where no score is seen."""
        settings, held_out = self.setup.settings, self.setup.data.source_test
        can_choose = self.setup.look is not None or (held_out is not None and held_out.labels is not None)
        chooses = settings.validator if can_choose else ""
        about = {"epochs": settings.epochs, "steps": self.total, "done": self.number, "pictures": self.per_step}
        self.site.loggers.enter(self.setup.stage, chooses=chooses, **about)

    def _read_terms(self) -> dict[str, float]:
        """The newest value of every term; stops the run at the first that is not finite."""
        kept = "" if self.site.folder is None else f" The last good state is kept in {self.site.folder}."
        return read_terms(self.updates.pending, self.setup.title, kept)

    def _look(self, terms: dict[str, float]) -> dict[str, float]:
        """Look at the target without its labels: predictions for later, scores for choosing."""
        if self.setup.look is not None:
            scores = self.setup.look.scores(self.updates, self.number // self.per_epoch)
            self.watch.take(scores, terms, self._answering)
            return scores
        target = self._outputs(self.setup.data.target_test)
        held_out = self.setup.data.source_test
        source = None
        if held_out is not None and held_out.labels is not None:
            source = self._outputs(held_out), held_out.labels
        return self.watch.look(target, source, terms, self._answering)

    def _answering(self) -> dict[str, Tensor]:
        """Weights of the network that is evaluated and kept."""
        look = self.setup.look
        return state_of(answering(self.updates.best) if look is None else look.state(self.updates))

    def _outputs(self, images: ImageSet) -> Outputs:
        """Features (N, C) and logits (N, K) of a whole set, to which each process adds its share."""
        peers, best = self.site.peers, self.updates.best
        rows = images.images[peers.rows(len(images))]
        out = outputs_of(best.read, answering(best).values(), rows, self.site.device, self.setup.settings.precision)
        return Outputs(peers.gathered(out.features), peers.gathered(out.logits))

    # ------------------------------------------------------------------ state

    def save(self) -> None:
        """Write a checkpoint, if the run has a folder. All processes have the same state; the first writes it."""
        if self.site.folder is None or not self.site.peers.first:
            return
        kept = {f"{name}/{k}": v for name, weights in (("chosen", self.chosen), ("best", self.best)) for k, v in weights.items()}
        tensors = kept | self.updates.tensors()
        if self.history.predictions:
            tensors["history/predictions"] = torch.stack(self.history.predictions)
        score = None if math.isinf(self.watch.score) else self.watch.score
        state = State(self.number, self.total, self.seconds, score, self.history.scores, self.history.terms, tensors)
        write_checkpoint(self.site.folder, state)

    def _resume(self) -> None:
        found = read_checkpoint(self.site.folder) if self.site.folder is not None else None
        if found is None:
            return
        if found.total != self.total:
            raise TrainingError(
                f"{self.site.folder} holds a run of {found.total} steps, this one has {self.total}; use another output folder."
            )
        self.updates.restore(found.tensors)
        history = History(list(found.tensors.get("history/predictions", [])), found.scores, found.terms)
        score = -math.inf if found.chosen_score is None else found.chosen_score
        self.watch.resume(history, score, under(found.tensors, "chosen/"), under(found.tensors, "best/"))
        self.number, self.seconds = found.step, found.seconds
        log.info("%s: resumed at step %d of %d.", self.setup.title, self.number, self.total)

    def _interrupt(self) -> None:
        self._read_terms()
        self.save()
        folder = self.site.folder
        where = f"its state is in {folder}; the same command continues" if folder else "it had no folder, so nothing was kept"
        text = f"{self.setup.title}: stopped by a signal after step {self.number} of {self.total}; {where}."
        raise KeyboardInterrupt(text) if self._interrupted_by == signal.SIGINT else Interrupted(text)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C ask the loop to save and stop after the step; only the main thread can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def asked(number: int, _: Any) -> None:
            if number == signal.SIGINT and self._stop.is_set():
                raise KeyboardInterrupt
            self._interrupted_by = signal.Signals(number)
            self._stop.set()

        before = {signal.SIGTERM: signal.signal(signal.SIGTERM, asked)}
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where somebody else has it in hand, or it is ignored
            before[signal.SIGINT] = signal.signal(signal.SIGINT, asked)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def read_terms(pending: list[Terms], title: str, kept: str = "") -> dict[str, float]:
    """The newest value of every loss term, read from the device at once; `pending` is emptied.

    Raises:
        TrainingError: a term is not finite; the message ends with where the last good state is (`kept`).
    """
    flat = [(one.number, one.phase, name, value) for one in pending for name, value in one.values.items()]
    pending.clear()
    latest: dict[str, float] = {}
    values = torch.stack([value.float() for *_, value in flat]).tolist() if flat else []
    for (number, phase, name, _), value in zip(flat, values, strict=True):
        if not math.isfinite(value):
            raise TrainingError(
                f"{title}: step {number}, phase {phase!r}: loss term {name!r} is {value}.{kept} "
                "Try a smaller lr, --set clip=1, or --set precision=fp32."
            )
        latest[name] = value
    return latest
