"""A network's answers on a whole image set, in eval mode and without gradient."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import Backbone
from dazoo.engine.batches import as_tensor
from dazoo.engine.batches import normalise
from dazoo.engine.device import autocast


@torch.no_grad()
def outputs_of(network: Backbone, images: np.ndarray, device: torch.device, precision: str, batch: int = 256) -> tuple[Tensor, Tensor]:
    """Pooled features (N, C) and logits (N, K) of pictures (N, H, W, C) uint8, float32 on the CPU. The network's mode is put back."""
    training = network.training
    network.eval()
    pixels = as_tensor(images)
    features, logits = [], []
    with autocast(device, precision):
        for part in pixels.split(batch):
            f = network.pool(network.forward_features(normalise(part.to(device))))
            features.append(f.float())
            logits.append(network.head(f).float())
    network.train(training)
    return torch.cat(features).cpu(), torch.cat(logits).cpu()
