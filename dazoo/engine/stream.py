"""The online protocol: every target batch comes once, in order, and is answered by a network that adapts as it answers."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import Augmentation
from dazoo.contracts import Method
from dazoo.contracts import Unlabelled
from dazoo.engine.batches import as_tensor
from dazoo.engine.batches import normalise
from dazoo.engine.faults import seen_through
from dazoo.engine.seeds import seed_for
from dazoo.engine.settings import Settings
from dazoo.engine.setup import UNCHANGED
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.trainer import read_terms
from dazoo.engine.updates import Updates


class Stream:
    """A method that adapts and answers.

    The run's clock has no end in a stream, so `progress` stays 0: a streaming method has no schedule.

    Args:
        method: one that streams; its problem's backbone adapts in place.
        settings: how to update.
        seed: fixes what is random, together with the number of the batch.
        device: where to compute.
        augmentation: the random views that the method may ask for.

    Attributes:
        number: batches answered since the start or the last `reset`. terms: loss terms of the last one.
    """

    def __init__(
        self, method: Method, settings: Settings, *, seed: int, device: torch.device, augmentation: Augmentation = UNCHANGED
    ) -> None:
        self.method, self.seed, self.device, self.augmentation = method, seed, device, augmentation
        self.updates = Updates(method, None, settings, device, trained=True)
        self.number = 0
        self.terms: dict[str, float] = {}
        self._start = {k: v.detach().clone() for k, v in self.updates.tensors().items()}

    def __call__(self, images: Tensor) -> Tensor:
        """Adapt to images (N, C, H, W) in [-1, 1] and answer them: logits (N, K), float32 on the CPU.

        Raises:
            TrainingError: a loss term is not finite.
        """
        torch.manual_seed(seed_for(self.seed, purpose="step", step=self.number))
        batch = images.to(self.device)
        weak, strong = (partial(seen_through, self.augmentation, view, batch) for view in ("weak", "strong"))
        unlabelled = Unlabelled(batch, strong, weak)
        one = self.updates.make_pass(None, unlabelled, 0.0, self.number)
        self.updates.step([one], self.number, 0.0)
        self.terms = read_terms(self.updates.pending, f"batch {self.number} of the stream")
        with torch.no_grad():
            logits = self.method.respond(one).detach().float().cpu()
        self.number += 1
        return logits

    def reset(self) -> None:
        """Forget what the stream has taught: weights, averages and optimisers are again those of the start."""
        self.updates.restore(self._start)
        self.number = 0


def answer(setup: Setup, site: Site) -> tuple[Stream, Tensor, float]:
    """Answer a whole target set online: the stream after its last batch, logits (N, K) in the order of the set, and the seconds it took.

    The pictures come once, in an order that the seed fixes: files are sorted by class, and a stream of one class at a time is another
    problem. A stream is one short pass, so it keeps no checkpoint: interrupted, it begins again and ends in the same bits.
    """
    since = time.monotonic()
    stream = Stream(setup.method, setup.settings, seed=setup.seed, device=site.device, augmentation=setup.augmentation)
    pixels = as_tensor(setup.data.target_test.images)
    order = torch.from_numpy(np.random.default_rng(setup.seed).permutation(len(pixels)))
    pieces, answers = batches(order, setup.settings.batch), []
    site.loggers.enter(setup.stage, epochs=1, steps=len(pieces), pictures=setup.settings.batch)
    for rows in pieces:
        answers.append(stream(normalise(pixels[rows])))
        site.loggers.step(stream.number, stream.terms)
    site.loggers.epoch(stream.number, {}, stream.terms, 1)
    site.loggers.leave([{}], [stream.terms], 1)
    return stream, torch.cat(answers)[order.argsort()], time.monotonic() - since


def batches(rows: Tensor, size: int) -> list[Tensor]:
    """Rows in their order, `size` at a time; a last one alone joins the batch before it, since batch statistics need company."""
    pieces = list(rows.split(size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces
