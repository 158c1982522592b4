"""What a plugin author reads: the base classes of backbones, GANs, methods, data sets and validators."""

from __future__ import annotations

from dazoo.contracts.backbone import Backbone
from dazoo.contracts.component import Component
from dazoo.contracts.component import Problem
from dazoo.contracts.dataset import Dataset
from dazoo.contracts.dataset import Domains
from dazoo.contracts.dataset import Scenario
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
    "ImageSet",
    "Labelled",
    "Method",
    "Outputs",
    "Phase",
    "Problem",
    "Scenario",
    "Step",
    "Unlabelled",
    "Validator",
]
