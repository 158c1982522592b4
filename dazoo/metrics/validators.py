"""The validators that come with the core, registered the way every plugin registers its own."""

from __future__ import annotations

from collections.abc import Callable

from dazoo.registry.hookspecs import hookimpl


dazoo_api = 1

TABLE = (
    ("source_accuracy", "SourceAccuracy", "Accuracy on held-out source pictures"),
    ("source_balanced_accuracy", "SourceBalancedAccuracy", "Mean accuracy per class on held-out source pictures"),
    ("entropy", "Entropy", "Minus the mean entropy of target predictions (Morerio et al. 2018)"),
    ("information_maximisation", "InformationMaximisation", "Target predictions certain and diverse (Shi and Sha 2012)"),
    ("batch_nuclear_norm", "BatchNuclearNorm", "Nuclear norm of target predictions (Cui et al. 2020)"),
    ("snd", "SoftNeighbourhoodDensity", "Soft neighbourhood density of target predictions (Saito et al. 2021)"),
    ("dev", "DeepEmbeddedValidation", "Source error weighted towards the target (You et al. 2019)"),
)


@hookimpl
def dazoo_register_validators(register: Callable[..., None]) -> None:
    for name, attribute, summary in TABLE:
        register(name, f"dazoo.metrics.scores:{attribute}", summary=summary)
