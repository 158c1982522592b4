"""What is looked at while a GAN trains: its pictures after each epoch, how far they are from real ones, and whether it collapses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import ImageSet
from dazoo.engine.batches import as_tensor
from dazoo.engine.batches import normalise
from dazoo.engine.setup import Look
from dazoo.engine.updates import Updates
from dazoo.metrics.pictures.trouble import collapse
from dazoo.metrics.pictures.trouble import critic
from dazoo.metrics.pictures.trouble import diagnose
from dazoo.metrics.sliced import sliced_wasserstein
from dazoo.models.gan_model import GANModel
from dazoo.models.grids import grid_png


CHOOSES = "likeness"
"""The score by which an epoch is chosen: minus the mean sliced Wasserstein distance to real pictures."""
SHOWN, COUNTED = 64, 256
"""Pictures of a sample sheet, and pictures that the distance is taken over."""


class Gallery(Look):
    """Draws the same noise after each epoch, keeps the sheets, and measures.

    Args:
        model: whose GAN draws; its averaged generators where it has them.
        start: pictures that it starts from, where it does. real: what its pictures should look like.
        device: where it trains. folder: of the run; sheets go to samples/, or nowhere.

    Attributes:
        sentence: what the last look says about the game, in plain words (`dazoo.metrics.pictures.diagnose`).
    """

    def __init__(self, model: GANModel, start: ImageSet, real: ImageSet, device: torch.device, folder: Path | None) -> None:
        self.model, self.device, self.folder = model, device, folder
        rows = np.sort(np.random.default_rng(0).permutation(len(real))[:COUNTED])
        self.real = _pictures(real, rows)
        self.labels = torch.from_numpy(real.labels[rows]) if model.classes and real.labels is not None else None
        self.start = _pictures(start, np.sort(np.random.default_rng(1).permutation(len(start))[:COUNTED]))
        self.sentence = ""

    def scores(self, updates: Updates, epoch: int) -> dict[str, float]:
        drawn = self._drawn(updates)
        if self.folder is not None:
            (self.folder / "samples").mkdir(exist_ok=True)
            (self.folder / "samples" / f"epoch-{epoch:04d}.png").write_bytes(grid_png(drawn[:SHOWN]))
        n = min(len(drawn), len(self.real))
        distance = sliced_wasserstein(self.real[:n], drawn[:n])
        labels, asked = (None if classes is None else classes[:n] for classes in (self.labels, self._asked()))
        spread = collapse(_small(self.real[:n]), _small(drawn[:n]), of_real=labels, of_drawn=asked)
        with self._at_rest():
            opinion = critic(self._judged(self.real[:n], labels), self._judged(drawn[:n], asked))
        self.sentence = str(diagnose(collapse=spread, critic=opinion))
        return {CHOOSES: -sum(distance) / len(distance), "diversity": spread.spread, "critic_right": opinion.ranked}

    def state(self, updates: Updates) -> dict[str, nn.Module]:
        """The generators, averaged ones where there are any, by the names of those that learn."""
        groups = {name: module for name, module in self.model.modules().items() if name.startswith("generator")}
        averaged = {} if updates.drawing is None else updates.drawing.modules
        return {name: averaged.get(f"average.{name}", module) for name, module in groups.items()}

    def _drawn(self, updates: Updates) -> Tensor:
        """Pictures (n, C, size, size) in eval mode."""
        self.model.device = self.device
        with self._at_rest(), nullcontext() if updates.drawing is None else updates.drawing.drawing():
            return self._draw()

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """All networks in eval mode, then as they were."""
        modules = list(self.model.modules().values())
        modes = [m.training for m in modules]
        try:
            for module in modules:
                module.eval()
            yield
        finally:
            for module, training in zip(modules, modes, strict=True):
                module.train(training)

    def _judged(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The first critic's logits for pictures and their classes, each picture by itself: a batch norm that trains sees a batch of real
        or of drawn pictures alone, and tells them apart by that, however good they are."""
        told = None if labels is None else labels.to(self.device)
        with torch.inference_mode():
            return self.model.gan.judge(images.to(self.device), told).logits[0].float().cpu()

    def _draw(self) -> Tensor:
        if "images" in self.model.gan.takes:
            return self.model.from_given(self.model.gan.start(self.start))
        return self.model.generate(COUNTED, labels=self._asked(), seed=0)

    def _asked(self) -> Tensor | None:
        """Every class in turn, where the model is told classes."""
        return torch.arange(COUNTED) % len(self.model.classes) if self.model.classes else None


def _pictures(images: ImageSet, rows: np.ndarray) -> Tensor:
    """Some pictures of a set, (n, C, H, W) float in [-1, 1]."""
    return normalise(as_tensor(np.asarray(images.images[rows])))


def _small(images: Tensor) -> Tensor:
    """Pictures as rows of 8 x 8 pixels: what they show, without noise, (N, C * 64)."""
    return torch.nn.functional.adaptive_avg_pool2d(images, 8).flatten(1)
