"""Batch statistics on demand: what batch norm normalises with, apart from the mode that a network is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def batch_statistics(network: nn.Module) -> Iterator[None]:
    """Let every batch norm of a network normalise with the statistics of the batch, and leave its running ones as they are.

    A teacher that reads the target this way sees it through the target's own statistics (French et al., ICLR 2018; Li et al., "Revisiting
    batch normalization", 2016), and not through a mean over both domains. Other layers stay in the mode that they are in.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    before = [(m.training, m.track_running_stats) for m in norms]
    for m in norms:
        m.training, m.track_running_stats = True, False
    try:
        yield
    finally:
        for m, (training, tracks) in zip(norms, before, strict=True):
            m.training, m.track_running_stats = training, tracks
