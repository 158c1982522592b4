"""What a model is made of: its networks, what its config says of them, and the pass from images to logits."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any
from typing import cast

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Problem
from dazoo.data.pixels import Cropped
from dazoo.errors import SettingsError
from dazoo.metrics.novelty import Familiar
from dazoo.metrics.verdict import Verdict
from dazoo.models.bridging import check_gan_fits
from dazoo.models.bridging import fill
from dazoo.models.bridging import gan_modules
from dazoo.models.bridging import rebuilt
from dazoo.models.bridging import refused
from dazoo.models.bridging import sketched_gan
from dazoo.models.build import unwrapped
from dazoo.models.config import CRITIC
from dazoo.models.config import GENERATOR
from dazoo.models.config import PICTURES
from dazoo.models.config import SCHEMA
from dazoo.models.config import checked
from dazoo.models.heads import heads_of
from dazoo.plain import native
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import zoo


class Parts(nn.Module):
    """A backbone with what it needs to be used: class names, picture size, its recipe, and its GAN where there is one.

    Args:
        backbone: the network.
        config: what config.json holds. Needed are `recipe`, names of the parts ({"backbone", "gan", "method", "scenario"}; missing ones
            are None), `classes`, class names in index order, `channels`, 1 or 3, and `size`, the side in pixels of the pictures that
            the network was trained on.
        method: the method, where it answers with heads of its own.
        bridge: the bridge of the GAN; without it, it is rebuilt from `config` when first asked for.
        weights: folder with the files that config lists, from which the GAN is read when first asked for.
        card: text of the model card; without it, one is written from `config`.
        familiar: what tells pictures like the training ones from others; see `dazoo.models.calibrating`.

    Attributes:
        pictures: what the card shows, by name (`PICTURES`): PNG files, or their bytes.

    Raises:
        SettingsError: classes, channels or config that do not fit each other.
    """

    pictures: dict[str, Path | bytes]

    def __init__(
        self,
        backbone: Backbone,
        config: Mapping[str, Any],
        *,
        method: Method | None = None,
        bridge: Bridge | None = None,
        weights: Path | None = None,
        card: str | None = None,
        familiar: Familiar | None = None,
    ) -> None:
        super().__init__()
        recipe = Recipe(**native(dict(config["recipe"])))
        full = {"schema": SCHEMA, **native(config), "recipe": asdict(recipe), "name": config.get("name") or str(recipe)}
        if weights is None:
            full.pop("files", None)  # they describe weights that this model does not read
        self.config = checked(full, "The model's config", complete=False, error=SettingsError)
        if backbone.num_classes != len(self.classes) or backbone.in_channels != self.channels:
            raise SettingsError(
                f"The backbone is for {backbone.num_classes} classes and {backbone.in_channels} channel(s), "
                f"the model for {len(self.classes)} and {self.channels}; build it with the same numbers."
            )
        self.backbone = backbone
        self.method = method
        self.heads = nn.ModuleDict(heads_of(method))
        self.familiar = familiar
        self.pictures = {} if weights is None else {name: weights / name for name in PICTURES if (weights / name).is_file()}
        self._bridge = bridge
        self._weights = weights
        self._card = card

    # ------------------------------------------------------------------ what it is

    @property
    def name(self) -> str:
        """Its recipe's name, unless it was given another."""
        return self.config["name"]

    @property
    def recipe(self) -> dict[str, str | None]:
        """Names of its parts, by kind."""
        return dict(self.config["recipe"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in index order."""
        return tuple(self.config["classes"])

    @property
    def channels(self) -> int:
        """Channels of its pictures, 1 or 3."""
        return self.config["channels"]

    @property
    def size(self) -> int:
        """Side of its pictures, pixels."""
        side = self.config["size"]
        return Cropped(side) if self.config.get("crop") else side

    @property
    def temperature(self) -> float:
        """What logits are divided by before the softmax (Guo et al. 2017); 1 where nothing was fitted."""
        return float(self.config.get("calibration", {}).get("temperature", 1.0))

    @property
    def card(self) -> str:
        """Text of the model card."""
        if self._card is not None:
            return self._card
        from dazoo.models.card import render_card

        return render_card(self.config, pictures=sorted(self.pictures))

    @card.setter
    def card(self, text: str | None) -> None:
        """Another text; None has it written from the config again."""
        self._card = text

    @property
    def verdict(self) -> Verdict | None:
        """Whether it works as far as could be told without target labels when it was trained, and what to try next; None if unknown."""
        try:
            return Verdict.from_json(self.config["results"]["verdict"])
        except (KeyError, ValueError, AttributeError):
            return None

    @property
    def has_card(self) -> bool:
        """Whether it came with a card of its own, rather than one written from its config."""
        return self._card is not None

    @property
    def folder(self) -> Path | None:
        """Where it was loaded from, or None."""
        return self._weights

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.backbone.parameters()).device

    # ------------------------------------------------------------------ from images to logits

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) float in [-1, 1] to logits (N, K)."""
        return self.backbone(x) if self.method is None else self.method.read(x).logits

    def read(self, x: Tensor) -> Outputs:
        """Images (N, C, H, W) float in [-1, 1] to pooled features and logits, in float32."""
        return (self.method or Method(self.problem())).read(x)

    def reference(self, images: Tensor) -> Tensor:
        """Logits (N, K) that a copy gives for images (N, C, H, W) in eval mode, in float32 on the CPU."""
        backbone, method = deepcopy((unwrapped(self.backbone), self.method))
        for module in (backbone, *heads_of(method).values()):
            module.cpu().float().eval()
        with torch.inference_mode():
            return (backbone(images) if method is None else method.read(images).logits).float()

    def check_width(self, logits: Tensor) -> Tensor:
        """Logits (N, K) or (N, K, h, w) as they are, once K is seen to be the number of classes.

        Raises:
            SettingsError: it is another one; the message gives both.
        """
        if logits.ndim < 2 or logits.shape[1] != len(self.classes):
            width = logits.shape[1] if logits.ndim > 1 else "an unknown number of"
            raise SettingsError(
                f"The head has {width} outputs, the model {self.name} {len(self.classes)} classes (logits of shape {tuple(logits.shape)}); "
                "model.reset_head(classes) gives it a head and names that fit each other."
            )
        return logits

    def moved(self, images: Tensor) -> Tensor:
        """Images on the model's device, in its precision."""
        parameter = next(self.backbone.parameters())
        return images.to(parameter.device, parameter.dtype)

    @contextmanager
    def inference(self, *others: nn.Module) -> Iterator[None]:
        """Eval mode without gradients; every module's own mode is put back after."""
        training = [m for root in (self, *others) for m in root.modules() if m.training]
        for module in training:
            module.training = False
        try:
            with torch.inference_mode():
                yield
        finally:
            for module in training:
                module.training = True

    # ------------------------------------------------------------------ its GAN

    def bridge(self) -> Bridge:
        """The bridge of the GAN, rebuilt from the config and its weights when first asked for.

        Raises:
            SettingsError: no GAN is part of it, or it was saved without.
            WeightsError: files that are missing, altered or do not fit.
        """
        gan = self.recipe["gan"]
        if gan is None:
            has = ", ".join(f"the {kind} {name!r}" for kind, name in self.recipe.items() if name)
            raise SettingsError(f"{self.name} has no GAN, so it cannot generate; it has {has}. Use a recipe with a GAN.")
        files = self.config.get("files")
        if self._bridge is None and files is not None and GENERATOR not in files:
            raise SettingsError(f"{self.name} was saved without its generator ({GENERATOR}); only predictions can be made with it.")
        if self._bridge is None:
            saved = {f: files[f] for f in (GENERATOR, CRITIC) if f in files} if files is not None and self._weights is not None else {}
            if saved and self._weights is not None:
                check_gan_fits(sketched_gan(zoo(), self.config, self.problem()), self._weights, saved)
            with refused(self.config, ("gan", "bridge")):
                bridge = rebuilt(zoo(), self.config, self.problem(), self.device)
            if saved and self._weights is not None:
                fill(gan_modules(bridge), self._weights, saved)
            self._bridge = bridge
        return self._bridge

    def gan_parts(self) -> dict[str, nn.Module]:
        """Generators and critics by name; empty where no GAN is part of it."""
        return {} if self.recipe["gan"] is None else gan_modules(self.bridge())

    def problem(self) -> Problem:
        """The task as a bridge or a method sees it."""
        return problem_of(cast("Backbone", unwrapped(self.backbone)), self.config)


def problem_of(backbone: Backbone, config: Mapping[str, Any]) -> Problem:
    """The task that a saved model's config describes, with the model's backbone."""
    classes = len(config["classes"])
    counts = tuple(config.get("source_counts", [1] * classes))
    return Problem(backbone, classes, config["channels"], config["size"], counts, config.get("target_count", 1))
