"""dazoo: a zoo for visual domain adaptation. Importing it imports neither torch nor any plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dazoo.lazy import lazy
from dazoo.moved import keep_old_paths
from dazoo.version import __version__


if TYPE_CHECKING:
    from dazoo.bench.comparing import compare
    from dazoo.data.doctor import doctor
    from dazoo.models.create import create
    from dazoo.models.load import load
    from dazoo.models.load import load_gan
    from dazoo.models.publish import publish
    from dazoo.models.save import save
    from dazoo.models.searching import search
    from dazoo.models.verify import verify
    from dazoo.registry.hookspecs import hookimpl
    from dazoo.registry.listing import list_augmentations
    from dazoo.registry.listing import list_backbones
    from dazoo.registry.listing import list_bridges
    from dazoo.registry.listing import list_datasets
    from dazoo.registry.listing import list_entries
    from dazoo.registry.listing import list_executors
    from dazoo.registry.listing import list_gans
    from dazoo.registry.listing import list_loggers
    from dazoo.registry.listing import list_methods
    from dazoo.registry.listing import list_scenarios
    from dazoo.registry.listing import list_validators
    from dazoo.runs.adapting import adapt
    from dazoo.runs.calibrating import calibrate
    from dazoo.runs.evaluating import evaluate
    from dazoo.runs.gan_training import train_gan
    from dazoo.runs.streaming import stream
    from dazoo.runs.training import train

__all__ = [
    "__version__",
    "adapt",
    "calibrate",
    "compare",
    "create",
    "doctor",
    "evaluate",
    "hookimpl",
    "list_augmentations",
    "list_backbones",
    "list_bridges",
    "list_datasets",
    "list_entries",
    "list_executors",
    "list_gans",
    "list_loggers",
    "list_methods",
    "list_scenarios",
    "list_validators",
    "load",
    "load_gan",
    "publish",
    "save",
    "search",
    "stream",
    "train",
    "train_gan",
    "verify",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "bench.comparing": ("compare",),
        "data.doctor": ("doctor",),
        "models.create": ("create",),
        "models.load": ("load", "load_gan"),
        "models.publish": ("publish",),
        "models.save": ("save",),
        "models.searching": ("search",),
        "models.verify": ("verify",),
        "registry.hookspecs": ("hookimpl",),
        "registry.listing": (
            "list_augmentations",
            "list_backbones",
            "list_bridges",
            "list_datasets",
            "list_entries",
            "list_executors",
            "list_gans",
            "list_loggers",
            "list_methods",
            "list_scenarios",
            "list_validators",
        ),
        "runs.adapting": ("adapt",),
        "runs.calibrating": ("calibrate",),
        "runs.evaluating": ("evaluate",),
        "runs.gan_training": ("train_gan",),
        "runs.streaming": ("stream",),
        "runs.training": ("train",),
    },
)

keep_old_paths()
