"""Figures that tell good drawn pictures from bad ones, each with its protocol. Importing this imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dazoo.lazy import lazy


if TYPE_CHECKING:
    from dazoo.metrics.pictures.colour import colourfulness
    from dazoo.metrics.pictures.extractor import Extractor
    from dazoo.metrics.pictures.measures import compare_features
    from dazoo.metrics.pictures.pairs import compare_pairs
    from dazoo.metrics.pictures.pairs import cycle_error
    from dazoo.metrics.pictures.pairs import volume_iou
    from dazoo.metrics.pictures.protocol import Figure
    from dazoo.metrics.pictures.protocol import Figures
    from dazoo.metrics.pictures.protocol import Protocol
    from dazoo.metrics.pictures.reading import Reading
    from dazoo.metrics.pictures.reading import read_classes
    from dazoo.metrics.pictures.sets import compare_sets
    from dazoo.metrics.pictures.trouble import Collapse
    from dazoo.metrics.pictures.trouble import Critic
    from dazoo.metrics.pictures.trouble import Diagnosis
    from dazoo.metrics.pictures.trouble import collapse
    from dazoo.metrics.pictures.trouble import critic
    from dazoo.metrics.pictures.trouble import diagnose

__all__ = [
    "Collapse",
    "Critic",
    "Diagnosis",
    "Extractor",
    "Figure",
    "Figures",
    "Protocol",
    "Reading",
    "collapse",
    "colourfulness",
    "compare_features",
    "compare_pairs",
    "compare_sets",
    "critic",
    "cycle_error",
    "diagnose",
    "read_classes",
    "volume_iou",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "colour": ("colourfulness",),
        "extractor": ("Extractor",),
        "pairs": ("compare_pairs", "cycle_error", "volume_iou"),
        "protocol": ("Figure", "Figures", "Protocol"),
        "reading": ("Reading", "read_classes"),
        "measures": ("compare_features",),
        "sets": ("compare_sets",),
        "trouble": ("Collapse", "Critic", "Diagnosis", "collapse", "critic", "diagnose"),
    },
)
