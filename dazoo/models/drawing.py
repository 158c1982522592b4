"""New pictures from a model whose recipe has a GAN."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.models.answers import Answers
from dazoo.plain import native
from dazoo.plain import whole_number


class Draws(Answers):
    """A model that draws."""

    def generate(self, n: int, *, labels: Any = None, images: Any = None, seed: int | None = None) -> Tensor:
        """`n` pictures drawn by the GAN, (n, C, size, size) float in [-1, 1] on the CPU.

        Args:
            n: how many, at least 1.
            labels: a class for each: names, indices, or one of them for all (a GAN that draws from noise).
            images: pictures of the source domain to start from, see `preprocess` (a GAN that translates).
            seed: fixes them; the global random state is left alone then.

        Raises:
            SettingsError: no GAN is part of it or was saved with it; labels or images that do not fit.
        """
        n = whole_number("n", n)
        bridge = self.bridge()
        wanted = None if labels is None else self._indices(labels, n).to(self.device)
        start = None if images is None else self.preprocess(images).to(self.device)
        if start is not None and not len(start):
            raise SettingsError("images is empty; give at least one picture to start from.")
        parts = [part.to(self.device) for part in self.gan_parts().values()]
        devices = [self.device] if self.device.type == "cuda" else []
        with self.inference(*parts), torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(checked_seed(seed))
            drawn = bridge.sample(n, labels=wanted, images=start).float().cpu()
        return drawn.clone()

    def _indices(self, labels: Any, n: int) -> Tensor:
        """Class names or indices as (n,) int64."""
        labels = native(labels)
        if isinstance(labels, str | int | float):
            labels = [labels] * n
        many = labels.tolist() if hasattr(labels, "tolist") else native(list(labels))
        if len(many) != n:
            raise SettingsError(f"There are {len(many)} labels for {n} pictures; give one for each, or one for all.")
        indices = []
        for label in many:
            index = self.classes.index(label) if label in self.classes else label
            if not isinstance(index, Integral) or not 0 <= int(index) < len(self.classes):
                raise SettingsError(
                    f"label {label!r} is no class; expected a name such as {self.classes[0]!r}, or an index below {len(self.classes)}."
                )
            indices.append(int(index))
        return torch.tensor(indices)
