"""A saved or trained model in use: pictures in, labels out, and new pictures where a GAN is part of it.

By topic: `parts` (networks and config), `answers` (predict, features, dense), `places` (larger pictures), `drawing` (generate), and here
what makes other things of it: a folder, a file for other programs, a model of other classes.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from typing import Self
from typing import cast

import torch
from torch import nn

from dazoo.contracts import Backbone
from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.models.build import built
from dazoo.models.build import unwrapped
from dazoo.models.config import checked
from dazoo.models.drawing import Draws
from dazoo.models.exporting import OPSET
from dazoo.models.exporting import Export
from dazoo.models.exporting import export_model
from dazoo.models.parts import problem_of
from dazoo.models.places import Looks
from dazoo.models.prediction import Prediction
from dazoo.models.save import save
from dazoo.registry.names import Recipe


__all__ = ["Model", "Prediction", "problem_of"]

_KEPT = ("schema", "channels", "size", "crop", "backbone_settings", "plugins")
"""What the config of a model says still with a new head."""


class Model(Looks, Draws):
    """A backbone with what it needs to be used; see `Parts` for the arguments."""

    def save(self, folder: str | os.PathLike[str], *, card: str | Mapping[str, Any] | None = None) -> Path:
        """Write it so that `dazoo.load(folder)` gives it back; see `dazoo.save` for more choices.

        Args:
            folder: where to; one that holds a saved model is replaced.
            card: text of README.md, or fields for its template.

        Raises:
            WeightsError: see `dazoo.save`.
        """
        return save(self, folder, card=card)

    def to_onnx(self, path: str | os.PathLike[str], *, opset: int = OPSET) -> Export:
        """Write it as ONNX; see `dazoo.models.exporting.export_model`."""
        return export_model(self, path, format="onnx", opset=opset)

    def export(self, path: str | os.PathLike[str]) -> Export:
        """Write it as ONNX or for torch.export, by the ending .onnx or .pt2; see `dazoo.models.exporting.export_model`."""
        return export_model(self, path)

    def reset_head(self, classes: Sequence[str], *, seed: int | None = None) -> Self:
        """Give it other classes and a head of random weights for them, to be trained; the body keeps its weights.

        Heads of a method, the GAN, the calibration and the results belong to the old classes and go.

        Args:
            classes: names of the new classes, at least two.
            seed: fixes the head; the global random state is left alone then.

        Returns:
            The model itself.

        Raises:
            SettingsError: names that are no class names.
        """
        recipe = Recipe(self.config["recipe"]["backbone"])
        kept = {key: self.config[key] for key in _KEPT if key in self.config}
        config = {**kept, "recipe": asdict(recipe), "classes": list(classes), "name": f"{self.name}.reset_head"[-256:]}
        config = checked(config, "The model's config", complete=False, error=SettingsError)
        drawn = int(torch.randint(2**62, (1,))) if seed is None else checked_seed(seed)
        with torch.random.fork_rng([]):
            torch.manual_seed(drawn)
            head = built(config).head
        backbone = cast("Backbone", unwrapped(self.backbone))
        like = next(backbone.parameters())
        backbone.head = head.to(like.device, like.dtype).train(backbone.head.training)
        backbone.num_classes = len(config["classes"])
        self.config, self.method, self.heads, self.familiar = config, None, nn.ModuleDict(), None
        self.pictures, self.card = {}, None
        self._bridge = self._weights = None
        return self

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.classes)} classes, {self.channels}x{self.size}x{self.size})"

    def __str__(self) -> str:
        """A dozen lines at most, for a screen."""
        results, facts = self.config.get("results", {}), self.config.get("calibration")
        parameters = sum(p.numel() for p in self.parameters())
        parts = ", ".join(f"{kind} {name}" for kind, name in self.recipe.items() if name)
        rows = [
            ("recipe", parts),
            ("classes", f"{len(self.classes)}: {', '.join(self.classes)}"),
            ("pictures", f"{self.size} x {self.size}, {'grey' if self.channels == 1 else 'RGB'}"),
            ("network", f"{parameters / 1e6:.2f} M parameters, {self.backbone.num_features} features, on {self.device}"),
        ]
        accuracy = results.get("shipped", {}).get("accuracy", results.get("last"))
        if isinstance(accuracy, float | int):
            rows.append(("accuracy", f"{100 * accuracy:.1f} % of {results.get('n_target', '?')} target pictures"))
        scores = "not calibrated; dazoo.calibrate(model, ...) does it"
        if facts:
            errors = [f"{100 * facts[side]['ece']:.1f} % on the {side}" for side in ("source", "target") if side in facts]
            scores = f"temperature {self.temperature:.3g}, calibration error {', '.join(errors)}"
        rows.append(("scores", scores))
        rows.append(("unknown", "predict(..., unknown=True) can say 'none of these'" if self.familiar else "it cannot say 'none of these'"))
        return "\n".join([f"Model {self.name}", *(f"  {k:<9} {textwrap.shorten(v, 100, placeholder=' ...')}" for k, v in rows)])
