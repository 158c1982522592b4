"""Would a model that is saved now be loaded again? Looked at before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch import nn

from dazoo.engine.state import state_of
from dazoo.errors import WeightsError
from dazoo.models.answers import Answers
from dazoo.models.bridging import sketched_gan
from dazoo.models.build import built
from dazoo.models.build import sketched
from dazoo.models.build import unwrapped
from dazoo.models.build import whose
from dazoo.models.tensors import misfits
from dazoo.registry.plugins import zoo


def check_loadable(model: Answers, gan: Mapping[str, nn.Module]) -> None:
    """See that a model's networks have the states of those that `load` will build from its config.

    Args:
        gan: generators and critics that are to be saved, by name.

    Raises:
        WeightsError: they differ, or nothing installed builds them; the message says how, and what to do.
    """
    config = model.config
    try:
        wanted = (sketched(config) or built(config)).state_dict()
        wanted_gan = state_of(sketched_gan(zoo(), config, model.problem())) if gan else {}
    except Exception as exc:
        raise WeightsError(f"{model.name} could not be loaded again, so it is not saved: {exc}") from exc
    _check_state(unwrapped(model.backbone).state_dict(), wanted, whose(config), "backbone_settings")
    if gan:
        _check_state(state_of(gan), wanted_gan, f"the GAN {config['recipe']['gan']!r}", "gan_settings, bridge_settings")


def _check_state(state: Mapping[str, Any], wanted: Mapping[str, Any], name: str, settings: str) -> None:
    found = {k: (str(v.dtype).removeprefix("torch."), tuple(v.shape)) for k, v in state.items() if isinstance(v, Tensor)}
    if problems := misfits(found, wanted):
        raise WeightsError(
            f"The model is not the one that its config builds, {name}: it {problems}. It could not be loaded again, so it is not saved. "
            "Take off what was put around its layers (torch.nn.utils.parametrize.remove_parametrizations), or build it as the config says: "
            f"its number of classes, {settings}."
        )
