"""A stranger's ADDA in two stages. Tzeng et al., "Adversarial discriminative domain adaptation", CVPR 2017."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import BACKBONE
from dazoo.contracts import BODY
from dazoo.contracts import SOURCE
from dazoo.contracts import TARGET
from dazoo.contracts import Method
from dazoo.contracts import Phase


HALF = 0.5


class ADDA(Method):
    """First the source is learnt; then a copy of the network stays, and the body learns to give target features that a critic takes for it.

    Args:
        hidden: width of the critic.
    """

    def __init__(self, problem, *, hidden: int = 32) -> None:
        super().__init__(problem)
        self.source = copy.deepcopy(problem.backbone)
        self.critic = nn.Sequential(nn.Linear(problem.backbone.num_features, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def groups(self):
        return {"adda_source": self.source, "adda_critic": self.critic}

    def phases(self):
        return [
            Phase("task", BACKBONE, lambda step: {"task": self.task_loss(step)}, reads=SOURCE, end=HALF),
            Phase("adda_critic", ("adda_critic",), self._critic, reads=TARGET, begin=HALF),
            Phase("adda_confuse", (BODY,), self._confuse, reads=TARGET, begin=HALF),
        ]

    def _critic(self, step):
        with torch.no_grad():
            source = self.source.pool(self.source.forward_features(step.source.images))
        target = step.target_outputs.features.detach()
        return {"critic/source": F.softplus(-self.critic(source)).mean(), "critic/target": F.softplus(self.critic(target)).mean()}

    def _confuse(self, step):
        return {"confuse": F.softplus(-self.critic(step.target_outputs.features)).mean()}

    def after_step(self, step) -> None:
        if step.progress < HALF:
            self.source.load_state_dict(step.backbone.state_dict())
