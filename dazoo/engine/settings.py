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
        steps_per_epoch: optimiser steps in an epoch; 0 means one pass over the larger domain, and at least 100 steps where the
            source is learnt, because a network needs as many updates to learn few pictures as to learn many.
        batch: pictures of each domain in a step. accumulate: micro-batches that a step is run in to save memory, their gradients added up;
            losses over a batch (alignment, class shares, batch-norm statistics) then see `batch / accumulate` images.
        size: side of the square training pictures, pixels. channels: of the pictures; 0 takes the data's own.
        crop: resize the short side of pictures to `size` and keep the middle; false squashes both sides to it.
        optimizer: what makes the updates; "sgd" has Nesterov momentum 0.9. lr: learning rate. weight_decay: weight decay.
        schedule: how the learning rate falls over the run; "inverse" is (1 + 10 p)^-0.75 (Ganin et al. 2016).
        warmup: share of the run over which the learning rate rises from 0.
        clip: largest gradient norm of a phase; 0 does not clip.
        ema: decay of the weight average that is evaluated and kept; 0 keeps none.
        balance: draw classes of the source equally often.
        augment: the augmentation: random changes of the pictures that training sees.
        label_smoothing: of the task's cross-entropy.
        joint: run source and target through the network in one batch (shared batch-norm statistics) or one batch each.
        precision: of numbers inside the network; "auto" is bf16 where the processor has it, else fp32.
        validator: score by which an epoch is chosen, without a target label.
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
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, native(getattr(self, field.name)))
        for name, (good, expected) in self._rules().items():
            if not good:
                raise SettingsError(f"{name} is {shown(getattr(self, name))}; expected {expected}.")

    def allowed(self) -> dict[str, str]:
        """What each setting may be, in words; names are looked up elsewhere, so `augment` and `validator` are not among them."""
        switches = {f.name: "true or false" for f in dataclasses.fields(self) if type(f.default) is bool}
        return switches | {name: expected for name, (_, expected) in self._rules().items()}

    def _rules(self) -> dict[str, tuple[bool, str]]:
        """Whether each setting is right, and what is."""
        micro = self.batch // self.accumulate if 1 <= self.accumulate <= self.batch else 0
        return {
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


ALIASES = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "bs": "batch",
    "image_size": "size",
    "img_size": "size",
    "resolution": "size",
    "num_epochs": "epochs",
    "max_epochs": "epochs",
    "iterations": "steps_per_epoch",
    "steps": "steps_per_epoch",
    "wd": "weight_decay",
    "optim": "optimizer",
    "lr_scheduler": "schedule",
    "scheduler": "schedule",
    "warmup_ratio": "warmup",
    "grad_clip": "clip",
    "max_grad_norm": "clip",
    "gradient_accumulation_steps": "accumulate",
    "ema_decay": "ema",
    "augmentation": "augment",
    "transform": "augment",
    "amp": "precision",
    "dtype": "precision",
    "metric": "validator",
    "model_selection": "validator",
    "in_channels": "channels",
}
"""What settings are called elsewhere."""


def _hint(name: str, known: Mapping[str, Any]) -> str:
    plain = name.lower().lstrip("-").replace("-", "_")
    meant = plain if plain in known else ALIASES.get(plain)
    if meant not in known:
        meant = next(iter(difflib.get_close_matches(plain, known, n=1)), None)
    return f" Did you mean {meant!r}?" if meant else ""
