"""The hooks that a plugin may implement, and the two pluggy markers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pluggy import HookimplMarker
from pluggy import HookspecMarker


hookspec = HookspecMarker("dazoo")
hookimpl = HookimplMarker("dazoo")

Register = Callable[..., None]
"""`register(name, target, /, *, summary="", wraps="", start=0, **arguments)`: `target` is "module:attribute",
`arguments` go to its constructor.

`wraps` names a distribution whose code the target wraps ("timm"): its version then counts as part of what was trained.

`start` offers a backbone to people who name none for their own pictures: of those that are at hand (`Backbone.at_hand`) the one with the
highest rank is taken.
"""


@hookspec
def dazoo_register_backbones(register: Register) -> Any:
    """Register backbones: subclasses of `dazoo.contracts.Backbone`."""


@hookspec
def dazoo_register_gans(register: Register) -> Any:
    """Register GAN variants: subclasses of `dazoo.contracts.GAN`."""


@hookspec
def dazoo_register_bridges(register: Register) -> Any:
    """Register bridges between a GAN and a classifier: subclasses of `dazoo.contracts.Bridge`."""


@hookspec
def dazoo_register_methods(register: Register) -> Any:
    """Register adaptation methods: subclasses of `dazoo.contracts.Method`."""


@hookspec
def dazoo_register_datasets(register: Register) -> Any:
    """Register data sets: subclasses of `dazoo.contracts.Dataset`."""


@hookspec
def dazoo_register_scenarios(register: Register) -> Any:
    """Register scenarios: `dazoo.contracts.Scenario` or a subclass, with source, target and mapping as arguments."""


@hookspec
def dazoo_register_augmentations(register: Register) -> Any:
    """Register augmentations: subclasses of `dazoo.contracts.Augmentation`, for the setting `augment`."""


@hookspec
def dazoo_register_validators(register: Register) -> Any:
    """Register validators: subclasses of `dazoo.contracts.Validator`."""


@hookspec
def dazoo_register_executors(register: Register) -> Any:
    """Register executors of the benchmark: subclasses of `dazoo.contracts.Executor`."""


@hookspec
def dazoo_register_loggers(register: Register) -> Any:
    """Register loggers, which are told of a run: subclasses of `dazoo.contracts.Logger`."""


@hookspec
def dazoo_register_entries(register: Register) -> Any:
    """Register trained weights by recipe name: target "package:folder" inside the package, or "hub:user/repo@revision"."""
