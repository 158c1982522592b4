"""What a plugin author reads: the base classes of what a plugin brings, from backbones to loggers.

The names are loaded when first asked for, so that data plugins and the command line do not pay for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dazoo.lazy import lazy


if TYPE_CHECKING:
    from dazoo.contracts.augmentation import Augmentation as Augmentation
    from dazoo.contracts.backbone import Backbone as Backbone
    from dazoo.contracts.backbone import Start as Start
    from dazoo.contracts.component import BACKBONE as BACKBONE
    from dazoo.contracts.component import BODY as BODY
    from dazoo.contracts.component import HEAD as HEAD
    from dazoo.contracts.component import Component as Component
    from dazoo.contracts.component import Group as Group
    from dazoo.contracts.component import Problem as Problem
    from dazoo.contracts.dataset import Dataset as Dataset
    from dazoo.contracts.dataset import Domains as Domains
    from dazoo.contracts.dataset import Scenario as Scenario
    from dazoo.contracts.executor import Executor as Executor
    from dazoo.contracts.executor import Job as Job
    from dazoo.contracts.executor import Outcome as Outcome
    from dazoo.contracts.gan import GAN as GAN
    from dazoo.contracts.gan import Ask as Ask
    from dazoo.contracts.gan import Bridge as Bridge
    from dazoo.contracts.gan import Verdict as Verdict
    from dazoo.contracts.images import ImageSet as ImageSet
    from dazoo.contracts.logger import Ending as Ending
    from dazoo.contracts.logger import Logger as Logger
    from dazoo.contracts.logger import Moment as Moment
    from dazoo.contracts.logger import Running as Running
    from dazoo.contracts.logger import Stage as Stage
    from dazoo.contracts.method import Method as Method
    from dazoo.contracts.optimizers import OptimizerSettings as OptimizerSettings
    from dazoo.contracts.statistics import batch_statistics as batch_statistics
    from dazoo.contracts.step import BOTH as BOTH
    from dazoo.contracts.step import SOURCE as SOURCE
    from dazoo.contracts.step import TARGET as TARGET
    from dazoo.contracts.step import Labelled as Labelled
    from dazoo.contracts.step import Outputs as Outputs
    from dazoo.contracts.step import Phase as Phase
    from dazoo.contracts.step import Step as Step
    from dazoo.contracts.step import Unlabelled as Unlabelled
    from dazoo.contracts.validator import Evidence as Evidence
    from dazoo.contracts.validator import Validator as Validator


__all__ = [
    "Augmentation",
    "Ask",
    "BACKBONE",
    "BODY",
    "BOTH",
    "Backbone",
    "Bridge",
    "Component",
    "Dataset",
    "Domains",
    "Ending",
    "Evidence",
    "Executor",
    "GAN",
    "Group",
    "HEAD",
    "ImageSet",
    "Labelled",
    "Logger",
    "Method",
    "Moment",
    "OptimizerSettings",
    "Outcome",
    "Outputs",
    "Phase",
    "Problem",
    "Running",
    "SOURCE",
    "Scenario",
    "Stage",
    "Start",
    "Step",
    "TARGET",
    "Job",
    "Unlabelled",
    "Validator",
    "Verdict",
    "batch_statistics",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "augmentation": ("Augmentation",),
        "backbone": ("Backbone", "Start"),
        "component": ("BACKBONE", "BODY", "HEAD", "Component", "Group", "Problem"),
        "dataset": ("Dataset", "Domains", "Scenario"),
        "executor": ("Executor", "Job", "Outcome"),
        "gan": ("GAN", "Ask", "Bridge", "Verdict"),
        "images": ("ImageSet",),
        "logger": ("Ending", "Logger", "Moment", "Running", "Stage"),
        "method": ("Method",),
        "optimizers": ("OptimizerSettings",),
        "statistics": ("batch_statistics",),
        "step": ("BOTH", "SOURCE", "TARGET", "Labelled", "Outputs", "Phase", "Step", "Unlabelled"),
        "validator": ("Evidence", "Validator"),
    },
)
