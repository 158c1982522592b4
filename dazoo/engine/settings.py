"""The settings of a training run: one flat, validated record, the same for every recipe."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dazoo.engine.schedules import SCHEDULES
from dazoo.errors import SettingsError
from dazoo.plain import native
from dazoo.plain import shown


LONGEST = 10**9
"""Most epochs, and most steps in one: more than anybody waits for."""
LEAST_STEPS = 100
"""Steps of an epoch that a pass over small data is stretched to."""
LARGE = 1e9
"""Largest value of a rate, a factor or a norm: beyond it, single precision overflows in a few steps."""

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


@dataclass(frozen=True)
class Settings:
    """How to train, whatever the recipe.

    A whole number may be written 8, "8", 8.0 or 8e0, and a switch true, false, 1 or 0, as a value or as text. Anything else is refused.

    Attributes:
        epochs: evaluation points; with `steps_per_epoch` they give the length of the run.
        steps_per_epoch: optimiser steps in an epoch; 0 means one pass over the larger domain, and at least `LEAST_STEPS` steps where the
            source is learnt, because a network needs as many updates to learn few pictures as to learn many.
        batch: images of each domain in a step. accumulate: micro-batches that a step is run in to save memory, their gradients added up;
            losses over a batch (alignment, class shares, batch-norm statistics) then see `batch / accumulate` images.
        size: side of the square training pictures, pixels. channels: 1, 3, or 0 for the data's own.
        crop: resize the short side of pictures to `size` and keep the middle; false squashes both sides to it.
        optimizer: "adamw", "adam" or "sgd" (Nesterov momentum 0.9). lr, weight_decay: its settings.
        schedule: factor on lr over the run: "cosine", "constant", "inverse" ((1 + 10 p)^-0.75, Ganin et al. 2016) or "linear".
        warmup: share of the run over which lr rises from 0.
        clip: largest gradient norm of a phase; 0 does not clip.
        ema: decay of the weight average that is evaluated and kept; 0 keeps none.
        balance: draw classes of the source equally often.
        augment: name of the augmentation, the random views that training sees ('dazoo list augmentations').
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
    crop: bool = False
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
        micro = self.batch // self.accumulate if 1 <= self.accumulate <= self.batch else 0
        rules = {
            "epochs": (1 <= self.epochs <= LONGEST, f"1 to {LONGEST:,}"),
            "steps_per_epoch": (0 <= self.steps_per_epoch <= LONGEST, f"0 (one pass) to {LONGEST:,}"),
            "batch": (2 <= self.batch <= 65_536, "2 to 65,536"),
            "accumulate": (
                micro >= 2 and self.batch % self.accumulate == 0,
                f"a divisor of the batch ({shown(self.batch)}) that leaves at least 2 images",
            ),
            "size": (8 <= self.size <= 4096, "8 to 4,096 pixels"),
            "channels": (self.channels in (0, 1, 3), "0, 1 or 3"),
            "optimizer": (self.optimizer in ("adamw", "adam", "sgd"), "adamw, adam or sgd"),
            "lr": (0 < self.lr <= LARGE, f"above 0, at most {LARGE:g}"),
            "weight_decay": (0 <= self.weight_decay <= LARGE, f"0 to {LARGE:g}"),
            "schedule": (self.schedule in SCHEDULES, ", ".join(SCHEDULES)),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "clip": (0 <= self.clip <= LARGE, f"0 (none) to {LARGE:g}"),
            "ema": (0 <= self.ema < 1, "in [0, 1)"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "precision": (self.precision in ("auto", "bf16", "fp32"), "auto, bf16 or fp32"),
        }
        for name, (good, expected) in rules.items():
            if not good:
                raise SettingsError(f"{name} is {shown(getattr(self, name))}; expected {expected}.")

    def steps_in_epoch(self, longest: int, *, learns_source: bool = True) -> int:
        """Steps of an epoch where the larger domain has `longest` images (see `steps_per_epoch`)."""
        return self.steps_per_epoch or max(math.ceil(longest / self.batch), LEAST_STEPS if learns_source else 1)

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
    """A value from the command line, a config file or another library as the field's type (see `Settings`)."""
    value = native(value)
    if kind is str and isinstance(value, str):
        return value
    if kind is bool and (value.lower() if isinstance(value, str) else value) in (True, False, "true", "false", "1", "0"):
        return value.lower() in ("true", "1") if isinstance(value, str) else bool(value)
    if kind in (int, float) and isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            if kind is float or isinstance(value, int):
                return kind(value)
            return _whole(value)
    raise SettingsError(f"{name} is {shown(value)}; expected {_KINDS[kind]}.")


def _whole(value: float | str) -> int:
    """8, "8", 8.0, "8.0" and "8e0" are 8.

    Raises:
        ValueError, OverflowError: there is a fraction, or it is not finite.
    """
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if int(value) != value:
        raise ValueError(value)
    return int(value)


def _hint(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
