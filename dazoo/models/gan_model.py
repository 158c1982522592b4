"""A trained GAN without a classifier, and what people use one for: one verb each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dazoo.bridges.alone import Alone
from dazoo.contracts import Ask
from dazoo.data.pixels import Cropped
from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.models.bridging import gan_modules
from dazoo.models.inputs import as_input
from dazoo.models.inputs import each
from dazoo.models.labels import label_indices
from dazoo.plain import whole_number


BATCH = 64
"""Pictures that a generator makes at once."""


class GANModel:
    """A trained GAN: its networks, and what its config says of them.

    Pictures that it gives are (n, C, size, size) float in [-1, 1] on the CPU; pictures that it takes are whatever `Model.preprocess` takes.

    Args:
        game: the GAN as it plays alone.
        config: what config.json holds (see `dazoo.models.gan_files`).

    Attributes:
        gan: the network as its plugin built it.
    """

    def __init__(self, game: Alone, config: Mapping[str, Any]) -> None:
        self.game, self.gan, self.config = game, game.gan, dict(config)
        self.device = torch.device("cpu")

    @property
    def name(self) -> str:
        """What it was called when it was trained."""
        return str(self.config["name"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that can be asked for by name; empty where it is told none."""
        return tuple(self.config.get("classes", ()))

    @property
    def size(self) -> int:
        """Side of its pictures, pixels."""
        side = int(self.config["size"])
        return Cropped(side) if self.config.get("crop") else side

    @property
    def channels(self) -> int:
        """Channels of its pictures, 1 or 3."""
        return int(self.config["channels"])

    def modules(self) -> dict[str, torch.nn.Module]:
        """Generators and critics by name."""
        return gan_modules(self.game)

    def eval(self) -> GANModel:
        """Itself, in eval mode: drawing neither reads nor changes batch statistics."""
        for module in self.modules().values():
            module.eval()
        return self

    def to(self, device: torch.device | str) -> GANModel:
        """Itself, on another device."""
        self.device = torch.device(device)
        for module in self.modules().values():
            module.to(self.device)
        return self

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "no classes"
        return f"GANModel({self.name!r}: {self.config['gan']}, {self.channels}x{self.size}x{self.size}, {what}, {', '.join(self.verbs())})"

    # ------------------------------------------------------------------ verbs

    def verbs(self) -> tuple[str, ...]:
        """What it can be used for."""
        return self.gan.jobs if "images" in self.gan.takes else ("generate", "interpolate", *self.gan.jobs)

    def generate(self, n: int, *, labels: Any = None, truncation: float = 1.0, seed: int | None = None) -> Tensor:
        """`n` new pictures.

        Args:
            n: how many, at least 1.
            labels: a class for each, or one for all: names or indices. A GAN that is told classes draws random ones without.
            truncation: 1 draws as in training; towards 0, pictures are more typical and less varied (Karras et al. 2019).
            seed: fixes them; the global random state is left alone then.

        Raises:
            SettingsError: it makes pictures from pictures; or it knows no classes.
        """
        n = whole_number("n", n)
        self._can("generate")
        if labels is not None and not self.classes:
            raise SettingsError(f"{self.name} was trained without classes, so none can be asked for; leave labels out.")
        wanted = None if labels is None else label_indices(labels, n, self.classes).to(self.device)
        with self._drawing(seed):
            if wanted is None and "labels" in self.gan.takes:
                wanted = torch.randint(max(1, len(self.classes)), (n,), device=self.device)
            return self._rendered(self.gan.latent(n, self.device, truncation=truncation), wanted)

    def interpolate(self, n: int = 4, *, steps: int = 8, truncation: float = 1.0, seed: int | None = None) -> Tensor:
        """Walks between random points of the latent space: (n, steps, C, size, size), row i from point i to point i + 1.

        Args:
            n: walks. steps: pictures of a walk.
            truncation: see `generate`.
            seed: fixes them; the global random state is left alone then.

        Raises:
            SettingsError: it makes pictures from pictures, or `n` or `steps` is no whole number of 1 or more.
        """
        n, steps = whole_number("n", n), whole_number("steps", steps)
        self._can("interpolate")
        with self._drawing(seed):
            points = self.gan.latent(n + 1, self.device, truncation=truncation)
            shares = torch.linspace(0, 1, steps, device=self.device)
            walks = [self.gan.between(a, b, share) for a, b in itertools.pairwise(points) for share in shares]
            labels = torch.randint(max(1, len(self.classes)), (1,), device=self.device) if "labels" in self.gan.takes else None
            drawn = self._rendered(torch.stack(walks), None if labels is None else labels.expand(len(walks)))
        return drawn.reshape(n, steps, self.channels, self.size, self.size)

    def translate(self, pictures: Any) -> Tensor:
        """Pictures of the first set, redrawn as pictures of the second."""
        return self._made("translate", pictures)

    def upscale(self, pictures: Any) -> Tensor:
        """Pictures `gan.scale` times as large; they are taken as they are, of any height and width."""
        self._can("upscale")
        images = [as_input(picture, channels=self.channels, size=None, name=name) for name, picture in each(pictures)]
        with self._drawing(None):
            return torch.stack([self.gan.generate(Ask(images=image[None].to(self.device))).float().cpu()[0] for image in images])

    def colorize(self, pictures: Any) -> Tensor:
        """Pictures with their colours replaced by those that it imagines; grey ones get some."""
        return self._made("colorize", pictures)

    def inpaint(self, pictures: Any) -> Tensor:
        """Pictures with the region that it was trained to fill filled anew."""
        return self._made("inpaint", pictures)

    def restore(self, pictures: Any) -> Tensor:
        """Pictures with what it was trained to undo taken away and given back."""
        return self._made("restore", pictures)

    def voxelize(self, pictures: Any) -> Tensor:
        """The volumes that pictures are taken for, (n, d, d, d) in [0, 1]: depth, height, width."""
        self._can("voxelize")
        with self._drawing(None):
            return torch.cat(
                [self.gan.voxelize(part.to(self.device)).float().cpu() for part in self._prepared(pictures).split(BATCH)]
            ).clone()

    def given(self, pictures: Any) -> Tensor:
        """What the generator is given of pictures: grey, smaller, with a hole, or as they are; (N, C, s, s) float in [-1, 1]."""
        return self.gan.start(self._prepared(pictures))

    # ------------------------------------------------------------------ inside

    def _prepared(self, pictures: Any) -> Tensor:
        made = [as_input(picture, channels=self.channels, size=self.size, name=name) for name, picture in each(pictures)]
        if not made:
            raise SettingsError("There are no pictures to start from; give at least one.")
        return torch.stack(made)

    def from_given(self, images: Tensor) -> Tensor:
        """Pictures (N, C, size, size) made from what `GAN.start` gave, (N, C, s, s)."""
        with self._drawing(0):
            parts = [self.gan.generate(Ask(images=part.to(self.device))).float().cpu() for part in images.split(BATCH)]
        return torch.cat(parts).clone()

    def _rendered(self, points: Tensor, labels: Tensor | None) -> Tensor:
        """Pictures of points of the latent space, (N, D) to (N, C, size, size) on the CPU."""
        parts = [self.gan.render(points[r], None if labels is None else labels[r]).float().cpu() for r in _batches(len(points))]
        return torch.cat(parts).clone()

    def _made(self, verb: str, pictures: Any) -> Tensor:
        self._can(verb)
        return self.from_given(self.gan.start(self._prepared(pictures)))

    def _can(self, verb: str) -> None:
        if verb not in self.verbs():
            raise SettingsError(f"{self.name} is a {self.config['gan']}, which cannot {verb}; it can {', '.join(self.verbs())}.")

    @contextmanager
    def _drawing(self, seed: int | None) -> Iterator[None]:
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(checked_seed(seed))
            yield


def _batches(n: int) -> list[slice]:
    return [slice(i, i + BATCH) for i in range(0, n, BATCH)]
