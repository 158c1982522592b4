"""Heads that a method answers with: kept beside the backbone of a saved model, and rebuilt from its config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.engine.average import answering
from dazoo.engine.state import state_of
from dazoo.models.bridging import refused
from dazoo.models.build import without_memory
from dazoo.models.provenance import explained
from dazoo.models.tensors import check_file
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import load_groups
from dazoo.registry.plugins import Plugins


def heads_of(method: Method | None) -> dict[str, nn.Module]:
    """The modules that a method answers with beside the backbone, by group name."""
    found = {} if method is None else answering(method)
    return {name.removeprefix("backbone."): module for name, module in found.items() if name != "backbone"}


def answers_itself(method: Method) -> Method | None:
    """The method, if a model needs it to answer."""
    return method if method.heads else None


def rebuilt_method(plugins: Plugins, config: Mapping[str, Any], problem: Problem, path: Path, facts: Mapping[str, Any]) -> Method:
    """The method of a saved model that answers with heads of its own, with their weights, strictly.

    They are built without memory first and compared with the file's header.

    Raises:
        WeightsError: a file that is missing or altered, or that does not fit, or settings that the method refuses.
        SettingsError: arguments that the method refuses. UnknownName: no installed plugin brings it; the message says what to install.
    """
    name, settings = config["recipe"]["method"], config.get("method_settings", {})
    check_file(path, facts)
    with explained(config), refused(config, ("method",)), without_memory():
        sketch = heads_of(plugins.methods.build(name, problem, **settings))
    check_fit(path, state_of(sketch), f"the heads of {name!r}")
    with refused(config, ("method",)), torch.random.fork_rng([]):  # random weights are drawn only to be overwritten
        method: Method = plugins.methods.build(name, problem, **settings)
    load_groups(path, facts, heads_of(method), f"the heads of {config['recipe']['method']!r}")
    return method
