"""The public `list_*` functions: names that the installed plugins brought, without importing what they stand for."""

from __future__ import annotations

from dazoo.registry.plugins import zoo


def list_backbones(pattern: str = "*") -> list[str]:
    """Backbone names that match a wildcard pattern, such as "timm_resnet*", sorted."""
    return zoo().backbones.names(pattern)


def list_gans(pattern: str = "*") -> list[str]:
    """GAN names that match a wildcard pattern, sorted."""
    return zoo().gans.names(pattern)


def list_bridges(pattern: str = "*") -> list[str]:
    """Names of bridges (how a GAN helps a classifier) that match a wildcard pattern, sorted."""
    return zoo().bridges.names(pattern)


def list_methods(pattern: str = "*") -> list[str]:
    """Method names that match a wildcard pattern, sorted."""
    return zoo().methods.names(pattern)


def list_datasets(pattern: str = "*") -> list[str]:
    """Data set names that match a wildcard pattern, sorted."""
    return zoo().datasets.names(pattern)


def list_scenarios(pattern: str = "*") -> list[str]:
    """Scenario names that match a wildcard pattern, sorted."""
    return zoo().scenarios.names(pattern)


def list_augmentations(pattern: str = "*") -> list[str]:
    """Names of augmentations that match a wildcard pattern, sorted."""
    return zoo().augmentations.names(pattern)


def list_validators(pattern: str = "*") -> list[str]:
    """Validator names that match a wildcard pattern, sorted."""
    return zoo().validators.names(pattern)


def list_executors(pattern: str = "*") -> list[str]:
    """Executor names that match a wildcard pattern, sorted."""
    return zoo().executors.names(pattern)


def list_loggers(pattern: str = "*") -> list[str]:
    """Logger names that match a wildcard pattern, sorted."""
    return zoo().loggers.names(pattern)


def list_entries(pattern: str = "*") -> list[str]:
    """Names of trained models that `dazoo.load` finds, sorted."""
    return zoo().entries.names(pattern)
