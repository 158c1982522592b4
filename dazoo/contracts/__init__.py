"""What a plugin author reads: the base classes of backbones, GANs, methods, data sets, validators and executors.

The names are loaded when first asked for, so that data plugins and the command line do not pay for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any


if TYPE_CHECKING:
    from dazoo.contracts.backbone import Backbone
    from dazoo.contracts.component import Component
    from dazoo.contracts.component import Problem
    from dazoo.contracts.dataset import Dataset
    from dazoo.contracts.dataset import Domains
    from dazoo.contracts.dataset import Scenario
    from dazoo.contracts.executor import Executor
    from dazoo.contracts.executor import Job
    from dazoo.contracts.executor import Outcome
    from dazoo.contracts.gan import GAN
    from dazoo.contracts.gan import Bridge
    from dazoo.contracts.gan import CriticOutput
    from dazoo.contracts.images import ImageSet
    from dazoo.contracts.method import Method
    from dazoo.contracts.step import Labelled
    from dazoo.contracts.step import Outputs
    from dazoo.contracts.step import Phase
    from dazoo.contracts.step import Step
    from dazoo.contracts.step import Unlabelled
    from dazoo.contracts.validator import Evidence
    from dazoo.contracts.validator import Validator


__all__ = [
    "GAN",
    "Backbone",
    "Bridge",
    "Component",
    "CriticOutput",
    "Dataset",
    "Domains",
    "Evidence",
    "Executor",
    "ImageSet",
    "Labelled",
    "Method",
    "Outcome",
    "Outputs",
    "Phase",
    "Problem",
    "Scenario",
    "Step",
    "Job",
    "Unlabelled",
    "Validator",
]

_HOMES = {
    "backbone": ("Backbone",),
    "component": ("Component", "Problem"),
    "dataset": ("Dataset", "Domains", "Scenario"),
    "executor": ("Executor", "Job", "Outcome"),
    "gan": ("GAN", "Bridge", "CriticOutput"),
    "images": ("ImageSet",),
    "method": ("Method",),
    "step": ("Labelled", "Outputs", "Phase", "Step", "Unlabelled"),
    "validator": ("Evidence", "Validator"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
