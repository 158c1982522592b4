"""The settings of a training run: one flat, validated record, the same for every recipe."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dazoo.engine.schedules import SCHEDULES
from dazoo.errors import SettingsError


@dataclass(frozen=True)
class Settings:
    """How to train, whatever the recipe.

    Attributes:
        epochs: evaluation points; with `steps_per_epoch` they give the length of the run.
        steps_per_epoch: optimiser steps in an epoch; 0 means one pass over the larger domain.
        batch: images of each domain in a step. accumulate: parts that a step is run in to save memory, their gradients added up;
            losses over a batch (alignment, class shares, batch-norm statistics) then see `batch / accumulate` images.
        size: side of the square training pictures, pixels. channels: 1, 3, or 0 for the data's own.
        optimizer: "adamw", "adam" or "sgd" (Nesterov momentum 0.9). lr, weight_decay: its settings.
        schedule: factor on lr over the run: "cosine", "constant", "inverse" ((1 + 10 p)^-0.75, Ganin et al. 2016) or "linear".
        warmup: share of the run over which lr rises from 0.
        clip: largest gradient norm of a phase; 0 does not clip.
        ema: decay of the weight average that is evaluated and kept; 0 keeps none.
        balance: draw classes of the source equally often.
        augment: policy of `dazoo.engine.augment`.
        label_smoothing: of the task's cross-entropy, in [0, 1).
        joint: run source and target through the network in one batch (shared batch-norm statistics) or one batch each.
        precision: "auto" (bf16 autocast where the processor has it), "bf16" or "fp32".
        validator: label-free score by which a checkpoint is chosen.
    """

    epochs: int = 20
    steps_per_epoch: int = 0
    batch: int = 64
    accumulate: int = 1
    size: int = 32
    channels: int = 0
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    warmup: float = 0.02
    clip: float = 0.0
    ema: float = 0.0
    balance: bool = False
    augment: str = "none"
    label_smoothing: float = 0.0
    joint: bool = True
    precision: str = "auto"
    validator: str = "information_maximisation"

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "steps_per_epoch": (self.steps_per_epoch >= 0, "0 (one pass) or more"),
            "batch": (self.batch >= 2, "at least 2"),
            "accumulate": (
                self.accumulate >= 1 and self.batch % self.accumulate == 0 and self.batch // self.accumulate >= 2,
                f"a divisor of the batch ({self.batch}) that leaves at least 2 images",
            ),
            "size": (self.size >= 8, "at least 8 pixels"),
            "channels": (self.channels in (0, 1, 3), "0, 1 or 3"),
            "optimizer": (self.optimizer in ("adamw", "adam", "sgd"), "adamw, adam or sgd"),
            "lr": (self.lr > 0, "above 0"),
            "weight_decay": (self.weight_decay >= 0, "0 or more"),
            "schedule": (self.schedule in SCHEDULES, ", ".join(SCHEDULES)),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "clip": (self.clip >= 0, "0 or more"),
            "ema": (0 <= self.ema < 1, "in [0, 1)"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "precision": (self.precision in ("auto", "bf16", "fp32"), "auto, bf16 or fp32"),
        }
        for name, (good, expected) in rules.items():
            if not good:
                raise SettingsError(f"{name} is {getattr(self, name)!r}; expected {expected}.")

    @classmethod
    def layered(cls, *layers: Mapping[str, Any]) -> Settings:
        """Settings from layers, later ones over earlier ones (scenario, components, user).

        Raises:
            SettingsError: an unknown name, or a value of the wrong type.
        """
        merged: dict[str, Any] = {}
        for layer in layers:
            merged.update(layer)
        types = {f.name: type(f.default) for f in dataclasses.fields(cls)}
        for name, value in merged.items():
            if name not in types:
                raise SettingsError(f"Unknown setting {name!r}.{_hint(name, types)} Settings: {', '.join(types)}.")
            merged[name] = _convert(name, value, types[name])
        return cls(**merged)


def _convert(name: str, value: Any, kind: type) -> Any:
    """A value from the command line or a config file as the field's type."""
    if kind is bool and isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if kind is not bool and isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; expected {kind.__name__}.")
    if kind is float and isinstance(value, int) or kind in (int, float) and isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            raise SettingsError(f"{name} is {value!r}; expected {kind.__name__}.") from None
    if not isinstance(value, kind):
        raise SettingsError(f"{name} is {value!r}; expected {kind.__name__}.")
    return value


def _hint(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
