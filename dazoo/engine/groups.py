"""From components to what learns: the named groups of parameters, the phases of one step, an optimiser for each group."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import BODY
from dazoo.contracts import HEAD
from dazoo.contracts import Backbone
from dazoo.contracts import Component
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts.origin import called
from dazoo.contracts.origin import note
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError


KINDS = ("adamw", "adam", "sgd")
"""Optimisers by name."""


def merge(phases: Iterable[Phase]) -> list[Phase]:
    """Phases in order of first appearance; those of one name add their terms, groups and reads.

    Raises:
        SettingsError: two phases of one name that disagree on `repeat`.
    """
    merged: dict[str, Phase] = {}
    for phase in phases:
        first = merged.get(phase.name)
        if first is None:
            merged[phase.name] = phase
            continue
        if first.repeat != phase.repeat:
            raise SettingsError(
                f"Phase {phase.name!r} is given twice, with repeat={first.repeat} and {phase.repeat}; these components do not combine."
            )
        merged[phase.name] = replace(
            first,
            groups=tuple(dict.fromkeys(first.groups + phase.groups)),
            loss=_Sum(first.loss, phase.loss),
            reads=first.reads | phase.reads,
        )
    return list(merged.values())


class _Sum:
    """Terms of several losses in one mapping."""

    def __init__(self, *losses: Any) -> None:
        self.losses = losses
        note(self, " or the ".join(dict.fromkeys(map(called, losses))))

    def __call__(self, step: Step) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        for loss in self.losses:
            for name, value in loss(step).items():
                if name in terms:
                    raise SettingsError(f"Two components of this recipe both name a loss term {name!r}; term names must differ.")
                terms[name] = value
        return terms


class Groups:
    """The named groups of parameters of a recipe.

    Attributes:
        modules: what must be saved, by name: "backbone" and every module that a component brought.
        parameters: by group name, what a phase can train.
        all: every parameter once.

    Raises:
        SettingsError: two components bring a group of one name.
    """

    def __init__(self, backbone: Backbone, components: Sequence[Component]) -> None:
        self.modules: dict[str, nn.Module] = {"backbone": backbone}
        self.parameters: dict[str, list[nn.Parameter]] = {
            BODY: backbone.body_parameters(),
            HEAD: list(backbone.head.parameters()),
        }
        for component in components:
            for name, group in component.groups().items():
                if name in self.parameters:
                    raise SettingsError(f"Two components of this recipe both bring a group {name!r}; group names must differ.")
                if name.partition(".")[0] in ("backbone", "teacher", "average"):
                    raise SettingsError(f"A component brings a group {name!r}; names of the backbone and the averages are taken.")
                if isinstance(group, nn.Module):
                    self.modules[name] = group
                    self.parameters[name] = list(group.parameters())
                else:
                    self.parameters[name] = list(group)
        every = {id(p): p for group in self.parameters.values() for p in group}
        self.all = list(every.values())

    def of(self, phase: Phase) -> list[nn.Parameter]:
        """What learns in a phase.

        Raises:
            SettingsError: the phase names a group that no component brought.
        """
        missing = [name for name in phase.groups if name not in self.parameters]
        if missing:
            whose = f"Phase {phase.name!r} of the {called(phase.loss)}"
            raise SettingsError(f"{whose} trains {missing}, but the recipe's groups are {list(self.parameters)}.")
        unique = {id(p): p for name in phase.groups for p in self.parameters[name]}
        return list(unique.values())

    def to(self, device: torch.device) -> None:
        """Move every module to a device, in the memory layout that convolutions are fastest in; volumes' networks stay in their own."""
        for module in self.modules.values():
            module.to(device)
            if all(p.ndim < 5 for p in module.parameters()):
                module.to(memory_format=torch.channels_last)


def merged_settings(parts: Iterable[Mapping[str, OptimizerSettings]]) -> dict[str, OptimizerSettings]:
    """Optimiser settings by group, key by key; what a later part says goes over what an earlier one says."""
    merged: dict[str, OptimizerSettings] = {}
    for part in parts:
        for group, own in part.items():
            merged[group] = {**merged.get(group, {}), **own}
    return merged


def make_optimizers(
    groups: Groups, phases: Sequence[Phase], special: Mapping[str, OptimizerSettings], settings: Settings
) -> dict[str, torch.optim.Optimizer]:
    """One optimiser for each group that a phase trains.

    Args:
        special: optimiser settings by group, over the run's own.

    Raises:
        SettingsError: a phase that trains a group that does not exist, settings for one, or a key that no optimiser has.
    """
    for phase in phases:
        groups.of(phase)
    for name, own in special.items():
        strange = sorted(set(own) - OptimizerSettings.__annotations__.keys())
        if name not in groups.parameters:
            raise SettingsError(f"There are optimiser settings for {name!r}, but the recipe's groups are {', '.join(groups.parameters)}.")
        if strange or own.get("optimizer", KINDS[0]) not in KINDS:
            keys = ", ".join(OptimizerSettings.__annotations__)
            raise SettingsError(f"The optimiser settings of {name!r} are {dict(own)}; expected some of {keys}, with optimizer in {KINDS}.")
    used = dict.fromkeys(name for phase in phases for name in phase.groups)
    return {name: _optimizer(groups.parameters[name], settings, special.get(name, {})) for name in used if groups.parameters[name]}


def _optimizer(parameters: list[nn.Parameter], settings: Settings, special: OptimizerSettings) -> torch.optim.Optimizer:
    kind = special.get("optimizer", settings.optimizer)
    options: dict[str, Any] = {
        "lr": special.get("lr", settings.lr * special.get("lr_factor", 1.0)),
        "weight_decay": special.get("weight_decay", settings.weight_decay),
        "fused": all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters),
    }
    optimizer: torch.optim.Optimizer
    if kind == "sgd":
        momentum = special.get("momentum", 0.9)
        optimizer = torch.optim.SGD(parameters, momentum=momentum, nesterov=momentum > 0, **options)
    else:
        make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
        optimizer = make(parameters, betas=tuple(special.get("betas", (0.9, 0.999))), **options)
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    return optimizer
