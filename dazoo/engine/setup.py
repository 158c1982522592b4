"""What the engine is handed: what is trained on what and how, and where it runs. It looks nothing up by name."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Augmentation
from dazoo.contracts import Bridge
from dazoo.contracts import Method
from dazoo.contracts import Validator
from dazoo.engine.average import answering
from dazoo.engine.loggers import Loggers
from dazoo.engine.observe import TrainingData
from dazoo.engine.peers import ALONE
from dazoo.engine.peers import Peers
from dazoo.engine.settings import Settings
from dazoo.engine.updates import Updates


UNCHANGED = Augmentation()


class Look:
    """What is seen at the end of an epoch in place of a classifier's answers, and which weights are kept of the best one."""

    def scores(self, updates: Updates, epoch: int) -> dict[str, float]:
        """Scores by name, the higher the better; the one that `Settings.validator` names chooses. `epoch` counts from 1."""
        raise NotImplementedError

    def state(self, updates: Updates) -> dict[str, nn.Module]:
        """The modules whose weights are kept."""
        return answering(updates.best)


@dataclass(frozen=True)
class Setup:
    """One stage of a run.

    Attributes:
        title: what messages call it.
        method: the adaptation method; its problem's backbone is trained in place.
        bridge: the GAN's bridge, or None.
        data: image sets, the target's without labels.
        settings: how to train.
        validators: label-free scores by name; `settings.validator` is the one that chooses.
        seed: fixes everything on a CPU.
        augmentation: the random views that training sees.
        trained: the backbone is trained already; its weight average does not forget it.
        count: from target predictions (N,) to how many are right, where somebody wants the weights that are best by target labels. They
            are kept as an upper bound, and nothing that learns or chooses sees them.
        stage: what loggers call it (`dazoo.contracts.Running.stages`).
        look: what is looked at after an epoch, where nothing classifies.
    """

    title: str
    method: Method
    bridge: Bridge | None
    data: TrainingData
    settings: Settings
    validators: Mapping[str, Validator] = field(default_factory=dict)
    seed: int = 0
    augmentation: Augmentation = UNCHANGED
    trained: bool = False
    stage: str = "train"
    count: Callable[[Tensor], float] | None = None
    look: Look | None = None


@dataclass(frozen=True)
class Site:
    """Where a run computes and keeps its state.

    Attributes:
        device: where networks and pictures are.
        folder: where checkpoints go, or None for none (nothing can be resumed then).
        loggers: who is told.
        peers: the processes that train this model together; the batch and the accuracy are those of all of them.
    """

    device: torch.device
    folder: Path | None = None
    loggers: Loggers = field(default_factory=Loggers)
    peers: Peers = ALONE
