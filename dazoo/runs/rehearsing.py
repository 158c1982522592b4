"""The parts of a recipe built without memory and without pictures, so that a wrong setting is told before anything is read."""

from __future__ import annotations

from dazoo.contracts import Backbone
from dazoo.contracts import Problem
from dazoo.data.scenario import classes_of
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.models.build import without_memory
from dazoo.registry.plugins import Plugins
from dazoo.runs.plan import Plan
from dazoo.runs.stages import build_components
from dazoo.runs.stages import check_size


CLASSES, PICTURES = 10, 1000
"""Of a task whose pictures have not been read."""


def rehearse(plan: Plan, plugins: Plugins) -> None:
    """Build what the plan names; no weights are fetched. What cannot be told without values (a part that reads some) is left for later.

    Raises:
        SettingsError: an argument that a part does not take or refuses, or pictures of a size that it does not take.
    """
    if not plugins.backbones.resolve(plan.recipe.backbone).sketchable:
        return
    scenario = plan.recipe.scenario
    classes = len(classes_of(plugins.scenarios.build(scenario), plugins)) if scenario else CLASSES
    channels, settings = plan.settings.channels or 3, plan.settings
    with without_memory():
        backbone = _backbone(plan, plugins, classes, channels)
        check_size(plan, backbone)
        counts = (max(1, PICTURES // classes),) * classes
        try:
            build_components(plan, Problem(backbone, classes, channels, settings.size, counts, PICTURES, settings.label_smoothing), plugins)
        except DazooError:
            raise
        except Exception:  # of values that are not there; it says nothing about a real task
            return


def _backbone(plan: Plan, plugins: Plugins, classes: int, channels: int) -> Backbone:
    fetched = dict.fromkeys(plugins.backbones.resolve(plan.recipe.backbone).fetches, False)
    given = plan.arguments["backbone"]
    try:
        return plugins.backbones.build(plan.recipe.backbone, num_classes=classes, in_channels=channels, **{**given, **fetched})
    except DazooError:
        raise
    except Exception as exc:  # whatever torch or a plugin says of a width of -1 or of 2**60
        what = ", ".join(f"backbone.{name}={value}" for name, value in given.items()) or "its own settings"
        why = f"{type(exc).__name__}: {' '.join(str(exc).split())[:200]}"
        raise SettingsError(f"The backbone {plan.recipe.backbone!r} cannot be built with {what} ({why}).") from exc
