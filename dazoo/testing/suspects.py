"""State that no checkpoint keeps: attributes of what trains that changed in a step, or learn outside the groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from dazoo.testing.rehearsal import Rehearsal


_PLAIN = (bool, int, float, str, list, tuple, dict, set, torch.Tensor)


def plain_state(r: Rehearsal) -> dict[tuple[int, str], str]:
    """Attributes that are no modules, of everything that takes part, as text."""
    return {(id(thing), key): _text(value) for _, thing in _parts(r) for key, value in _attributes(thing)}


def changed_outside(r: Rehearsal, before: dict[tuple[int, str], str]) -> list[str]:
    """What a checkpoint would miss: attributes that changed since `before`, and modules with tensors that no group names."""
    kept = {id(m) for module in r.updates.stateful().values() for m in module.modules()}
    found = []
    for what, thing in _parts(r):
        found += [f"{what}.{key}" for key, value in _attributes(thing) if before.get((id(thing), key)) != _text(value)]
        modules = () if isinstance(thing, nn.Module) else vars(thing).items()
        found += [
            f"{what}.{key} (a module that groups() does not name)"
            for key, value in modules
            if isinstance(value, nn.Module) and value.state_dict() and not any(id(m) in kept for m in value.modules())
        ]
    return list(dict.fromkeys(found))


def _parts(r: Rehearsal) -> Iterator[tuple[str, Any]]:
    for component in r.components:
        yield type(component).__name__, component
        if hasattr(component, "gan"):
            yield type(component.gan).__name__, component.gan
    for group, module in r.updates.groups.modules.items():
        for path, inner in module.named_modules():
            yield ".".join(filter(None, (group, path))), inner


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    for key, value in vars(thing).items():
        if not key.startswith("_") and key != "training" and isinstance(value, _PLAIN):
            yield key, value


def _text(value: Any) -> str:
    return f"{value.shape} {value.double().sum().item()}" if isinstance(value, torch.Tensor) else repr(value)
