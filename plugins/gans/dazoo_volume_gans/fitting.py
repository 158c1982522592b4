"""3D-VAE-GAN alone: from pairs of picture and volume to a network that reads volumes from pictures. It needs no image set."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping

import torch
from torch import Tensor

from dazoo.errors import SettingsError
from dazoo_volume_gans.shapes import iou
from dazoo_volume_gans.voxgan import VoxGAN


Report = Callable[[int, Mapping[str, float]], None]


def fit(gan: VoxGAN, steps: int, *, batch: int = 32, report: Report | None = None) -> None:
    """Train generator, encoder and critic of volumes on the GAN's shapes, in place; everything random follows torch's seed.

    Args:
        steps: updates of each network. batch: pairs in each.
        report: called after each step with its number and the loss terms.

    Raises:
        SettingsError: the GAN was built with shapes="none".
    """
    if not gan.pairs:
        raise SettingsError("gan.shapes is 'none'; build the GAN with shapes='procedural' or a file of voxels.")
    groups, settings = gan.groups(), gan.optimizers()
    adams = {
        name: torch.optim.Adam(groups[name].parameters(), lr=settings[name]["lr"], betas=settings[name]["betas"])
        for name in ("critic_volumes", "generator", "generator_encoder")
    }
    like = torch.empty(batch, 0, device=next(gan.generator.parameters()).device)
    for network in groups.values():
        network.train()
    for number in range(steps):
        found: dict[str, Tensor] = {}
        for loss, learning in ((gan.critic_loss, ("critic_volumes",)), (gan.generator_loss, ("generator", "generator_encoder"))):
            terms = loss(gan.shapes_like(like))
            found |= terms
            if not terms:
                continue
            for network in groups.values():
                network.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            for name in learning:
                adams[name].step()
        if report is not None:
            report(number, {name: float(value.detach()) for name, value in found.items()})
    for network in groups.values():
        network.eval()


@torch.no_grad()
def accuracy(gan: VoxGAN, shapes: Tensor) -> float:
    """Mean intersection over union of shapes (N, 1, d, d, d) and what is read from their pictures."""
    return float(iou(gan.voxelize(gan.seen(shapes)), shapes[:, 0]).mean())
