"""A saved or trained model in use: pictures in, labels out, and new pictures where a GAN is part of it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from dataclasses import dataclass
from numbers import Integral
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
from dazoo.engine.seeds import checked_seed
from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.metrics.verdict import Verdict
from dazoo.models.bridging import fill
from dazoo.models.bridging import gan_modules
from dazoo.models.bridging import rebuilt
from dazoo.models.build import unwrapped
from dazoo.models.config import CRITIC
from dazoo.models.config import GENERATOR
from dazoo.models.config import SCHEMA
from dazoo.models.config import checked
from dazoo.models.heads import heads_of
from dazoo.models.inputs import as_input
from dazoo.models.inputs import each
from dazoo.models.inputs import is_one
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import zoo


@dataclass(frozen=True)
class Prediction:
    """What a model says about one picture.

    Attributes:
        label: the most probable class. index: its place in `Model.classes`. score: its probability.
        scores: probability of every class, by name, in the order of `Model.classes`.
    """

    label: str
    index: int
    score: float
    scores: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


class Model(nn.Module):
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

    Raises:
        SettingsError: classes, channels or config that do not fit each other.
    """

    def __init__(
        self,
        backbone: Backbone,
        config: Mapping[str, Any],
        *,
        method: Method | None = None,
        bridge: Bridge | None = None,
        weights: Path | None = None,
        card: str | None = None,
    ) -> None:
        super().__init__()
        recipe = Recipe(**dict(config["recipe"]))
        full = {"schema": SCHEMA, **config, "recipe": asdict(recipe), "name": config.get("name") or str(recipe)}
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
        return self.config["size"]

    @property
    def card(self) -> str:
        """Text of the model card."""
        if self._card is not None:
            return self._card
        from dazoo.models.card import render_card

        return render_card(self.config)

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

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.classes)} classes, {self.channels}x{self.size}x{self.size})"

    # ------------------------------------------------------------------ pictures in

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

    def preprocess(self, pictures: Any) -> Tensor:
        """Pictures, one or many, of any size and mode, as (N, C, size, size) float in [-1, 1] on the CPU.

        Args:
            pictures: paths, Pillow images, uint8 arrays (H, W) or (H, W, C) or (N, H, W, C), tensors (C, H, W) or
                (N, C, H, W), uint8 or float in [-1, 1], or a list of those.

        Raises:
            PictureError: something that is no picture, or out of range; the message says which and how to mend it.
        """
        made = [as_input(p, channels=self.channels, size=self.size, name=name) for name, p in each(pictures)]
        return torch.stack(made) if made else torch.empty(0, self.channels, self.size, self.size)

    def predict(self, pictures: Any, *, batch_size: int = 64) -> Prediction | list[Prediction]:
        """The class of each picture; one `Prediction` for one picture, a list for several.

        Pictures are read batch by batch, so a list of a million paths needs no more memory than `batch_size` of them.

        Args:
            pictures: see `preprocess`.
            batch_size: pictures in one forward pass.

        Raises:
            PictureError: see `preprocess`.
            SettingsError: a batch size below 1, or a head of another width than there are classes.
        """
        if batch_size < 1:
            raise SettingsError(f"batch_size is {batch_size}; expected at least 1.")
        found: list[Prediction] = []
        with self._inference():
            for images in self._batches(pictures, batch_size):
                found += self.named(self.check_width(self(self._moved(images))).float().softmax(1).cpu())  # (n, K)
        return found[0] if is_one(pictures) else found

    def dense(self, picture: Any) -> Tensor:
        """The class map of one larger picture at its own resolution: probabilities (K, h, w) on the CPU.

        Args:
            picture: see `preprocess`; it is not resized, so objects should be about `size` pixels large in it.

        Raises:
            PictureError: several pictures, or one that is smaller than the network takes.
            SettingsError: the backbone gives no class map, or its head has another width than there are classes.
        """
        if not is_one(picture):
            raise PictureError(f"dense() takes one picture, got a {type(picture).__name__}; call it for each.")
        image = as_input(picture, channels=self.channels, size=None)  # (C, H, W)
        height, width = image.shape[1:]
        if min(height, width) < self.backbone.min_size:
            raise PictureError(f"The picture is {height}x{width} pixels, expected at least {self.backbone.min_size} a side; enlarge it.")
        try:
            with self._inference():
                scores = self.check_width(self._class_map(self._moved(image[None])))[0].float().softmax(0).cpu()  # (K, h, w)
        except NotImplementedError as exc:
            raise SettingsError(f"The backbone {self.recipe['backbone']!r} gives no class map ({exc}); use predict().") from exc
        return scores.clone()  # outside of inference mode, so that it is a tensor like any other

    def _class_map(self, images: Tensor) -> Tensor:
        if self.method is None:
            return self.backbone.dense(images)
        return self.method.answer(self.backbone.positions(self.backbone.forward_features(images))).permute(0, 3, 1, 2)

    def check_width(self, logits: Tensor) -> Tensor:
        """Logits (N, K) or (N, K, h, w) as they are, once K is seen to be the number of classes.

        Raises:
            SettingsError: it is another one; the message gives both.
        """
        if logits.ndim < 2 or logits.shape[1] != len(self.classes):
            raise SettingsError(
                f"The backbone gives logits of shape {tuple(logits.shape)}, the model {self.name} has {len(self.classes)} classes; "
                f"give the backbone a head of {len(self.classes)}, or make a Model with the names of the head's classes."
            )
        return logits

    def _moved(self, images: Tensor) -> Tensor:
        parameter = next(self.backbone.parameters())
        return images.to(parameter.device, parameter.dtype)

    def _batches(self, pictures: Any, batch_size: int) -> Iterator[Tensor]:
        batch: list[Tensor] = []
        for name, picture in each(pictures):
            batch.append(as_input(picture, channels=self.channels, size=self.size, name=name))
            if len(batch) == batch_size:
                yield torch.stack(batch)
                batch = []
        if batch:
            yield torch.stack(batch)

    def named(self, probabilities: Tensor) -> list[Prediction]:
        """Probabilities (N, K) as predictions."""
        best = probabilities.argmax(1).tolist()
        rows = probabilities.tolist()
        classes = self.classes
        return [Prediction(classes[k], k, row[k], dict(zip(classes, row, strict=True))) for k, row in zip(best, rows, strict=True)]

    @contextmanager
    def _inference(self, *others: nn.Module) -> Iterator[None]:
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

    # ------------------------------------------------------------------ pictures out

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
        if n < 1:
            raise SettingsError(f"n is {n}; expected at least 1 picture.")
        bridge = self.bridge()
        wanted = None if labels is None else self._indices(labels, n).to(self.device)
        start = None if images is None else self.preprocess(images).to(self.device)
        if start is not None and not len(start):
            raise SettingsError("images is empty; give at least one picture to start from.")
        parts = [part.to(self.device) for part in self.gan_parts().values()]
        devices = [self.device] if self.device.type == "cuda" else []
        with self._inference(*parts), torch.random.fork_rng(devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(checked_seed(seed))
            drawn = bridge.sample(n, labels=wanted, images=start).float().cpu()
        return drawn.clone()

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
            bridge = rebuilt(zoo(), self.config, self.problem(), self.device)
            if files is not None and self._weights is not None:
                fill(gan_modules(bridge), self._weights, {f: files[f] for f in (GENERATOR, CRITIC) if f in files})
            self._bridge = bridge
        return self._bridge

    def gan_parts(self) -> dict[str, nn.Module]:
        """Generators and critics by name; empty where no GAN is part of it."""
        return {} if self.recipe["gan"] is None else gan_modules(self.bridge())

    def problem(self) -> Problem:
        """The task as a bridge or a method sees it."""
        return problem_of(cast("Backbone", unwrapped(self.backbone)), self.config)

    def _indices(self, labels: Any, n: int) -> Tensor:
        """Class names or indices as (n,) int64."""
        many = [labels] * n if isinstance(labels, str | int) else labels.tolist() if hasattr(labels, "tolist") else list(labels)
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


def problem_of(backbone: Backbone, config: Mapping[str, Any]) -> Problem:
    """The task that a saved model's config describes, with the model's backbone."""
    classes = len(config["classes"])
    counts = tuple(config.get("source_counts", [1] * classes))
    return Problem(backbone, classes, config["channels"], config["size"], counts, config.get("target_count", 1))
