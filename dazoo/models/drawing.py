"""New pictures from a model whose recipe has a GAN."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.models.answers import Answers
from dazoo.models.labels import label_indices
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
        wanted = None if labels is None else label_indices(labels, n, self.classes).to(self.device)
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

    def translate(self, pictures: Any, *, seed: int | None = None) -> Tensor:
        """Pictures of the source domain redrawn in the target's style, (N, C, size, size) float in [-1, 1] on the CPU.

        Args:
            pictures: see `preprocess`.
            seed: see `generate`.

        Raises:
            SettingsError: its GAN draws from noise, or it has none.
        """
        if "images" not in self.bridge().gan.takes:
            raise SettingsError(f"The GAN {self.recipe['gan']!r} of {self.name} draws from noise; use generate(n).")
        made = self.preprocess(pictures)
        return self.generate(len(made), images=made, seed=seed)
