"""What a checkpoint holds of modules and optimisers, as named tensors, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from dazoo.errors import TrainingError


def state_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """States of several modules in one mapping, named "<module>/<key>"."""
    return {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}


def copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy on the CPU, which training does not change."""
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def tensors_of(modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Every tensor of the modules and of the optimisers' state."""
    tensors = {f"module/{name}": value for name, value in state_of(modules).items()}
    for name, optimizer in optimizers.items():
        for i, state in optimizer.state_dict()["state"].items():
            tensors.update({f"optimizer/{name}/{i}/{k}": torch.as_tensor(v) for k, v in state.items() if v is not None})
    return tensors


def put_back(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    parameters: Mapping[str, Sequence[nn.Parameter]],
) -> None:
    """Load what `tensors_of` gave; `parameters` are those that each optimiser trains, in its order.

    Raises:
        TrainingError: tensors of other networks or optimisers.
    """
    try:
        _load(tensors, modules, optimizers, parameters)
    except (RuntimeError, ValueError, LookupError, TypeError) as exc:
        raise TrainingError(
            f"The checkpoint is of other networks or optimisers than this run's ({' '.join(str(exc).split())[:300]}). "
            "Has a plugin changed? Train into another folder, or go back to the plugin's version."
        ) from exc


def _load(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    parameters: Mapping[str, Sequence[nn.Parameter]],
) -> None:
    for name, module in modules.items():
        module.load_state_dict(under(tensors, f"module/{name}/"), strict=True)
    for name, optimizer in optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in under(tensors, f"optimizer/{name}/").items():
            i, field = key.split("/")
            state.setdefault(int(i), {})[field] = _laid_out_as(parameters[name][int(i)], value)
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin with the prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """The value in the parameter's memory layout: a fused optimiser walks both by address, and files are contiguous."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape and value.dtype == parameter.dtype else value
