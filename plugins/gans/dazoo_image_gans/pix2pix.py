"""pix2pix. Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", CVPR 2017."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.errors import SettingsError
from dazoo_image_gans.cyclegan import Critic
from dazoo_image_gans.cyclegan import initialise
from dazoo_image_gans.game import fool
from dazoo_image_gans.game import tell_apart
from dazoo_image_gans.restoring import Restoring
from dazoo_image_gans.tasks import TASKS


class Pix2Pix(Restoring):
    """A U-Net gives back what `start` takes from pictures, and a patch critic judges pairs of what is given and what is predicted.

    The game is played on the target: pairs are made of its pictures. Beside a classifier the generator gives the source's degraded pictures
    back in the target's style.

    Args:
        task: what is undone: "colorize", "edges" or "blur" (`dazoo_image_gans.tasks`).
        width: channels of the first layer; 0 takes the paper's 64 from 64 px on and 32 below.
        l1: weight of the absolute difference (100 in the paper).
        batch: pictures that the networks see in a step (1 to 10 in the paper, whose pictures are larger).
        lr: Adam's rate (betas 0.5, 0.999).
        contract: arguments of the contract, and settings of the game.

    Raises:
        SettingsError: a task that there is not.
    """

    jobs: tuple[str, ...] = ("colorize",)

    def __init__(
        self, *, task: str = "colorize", width: int = 0, l1: float = 100.0, batch: int = 16, lr: float = 2e-4, **contract: Any
    ) -> None:
        super().__init__(**contract)
        if task not in TASKS:
            raise SettingsError(f"gan.task is {task!r}; expected one of {', '.join(TASKS)}.")
        if task != "colorize":
            self.jobs = ("restore",)
        large = self.size >= 64
        width = width or (64 if large else 32)
        self.task, self.l1, self.batch, self.lr = TASKS[task](self.channels), l1, batch, lr
        self.generator = UNet(self.task.given, self.task.wanted, width, depth_for(self.size))
        self.critic = Critic(self.task.given + self.task.wanted, width, 3 if large else 2, nn.BatchNorm2d)
        self.num_critic_features = self.critic.num_features

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.5, 0.999), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def start(self, images: Tensor) -> Tensor:
        """Pictures (N, C, H, W) with what the task takes from them, of the same shape."""
        return self.task.degraded(images)

    def generate(self, ask: Ask) -> Tensor:
        """The whole pictures of degraded ones. The paper's noise is drop-out, which is at rest in eval mode."""
        a = self.task.read(self.given(ask))
        return self.task.picture(a, self.generator(a))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        """The critic's verdict on pictures (N, C, H, W), each beside its own degraded version."""
        return self.critic(torch.cat([self.task.read(self.start(images)), self.task.answer(images)], 1))

    def phases(self) -> list[Phase]:
        return [
            Phase("generator", ("generator",), self._generator),
            Phase("critic", ("critic",), self._critic, repeat=self.rules.critic_repeats),
        ]

    def _generator(self, step: Step) -> dict[str, Tensor]:
        images = self.learnt(step)
        a, b = self.task.read(self.start(images)), self.task.answer(images)
        drawn = self.generator(a).float()
        real, fake = torch.cat([a, b], 1), torch.cat([a, drawn], 1)
        step.kept["pix2pix/pairs"] = (real, fake.detach())
        return {
            "generator/adversarial": fool(self.rules, self.critic, fake, real),
            "generator/l1": self.l1 * F.l1_loss(drawn, b),
        }

    def _critic(self, step: Step) -> dict[str, Tensor]:
        return tell_apart(self.rules, self.critic, *step.kept["pix2pix/pairs"], factor=0.5)


def depth_for(size: int) -> int:
    """Halvings of the U-Net: as many as add at most a quarter of padding to a side, 8 at most (256 px: the paper's 8)."""
    return max(d for d in range(1, 9) if d == 1 or -size % (1 << d) <= size / 4)


class UNet(nn.Module):
    """(N, c_in, H, W) to (N, c_out, H, W) in [-1, 1]: `depth` halvings, and as many doublings that see the halving of their size."""

    def __init__(self, c_in: int, c_out: int, width: int, depth: int) -> None:
        super().__init__()
        self.multiple = 1 << depth
        widths = [width * min(8, 1 << i) for i in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, w in enumerate(widths):
            conv = nn.Conv2d(widths[i - 1] if i else c_in, w, 4, 2, 1, bias=False)
            first = [nn.LeakyReLU(0.2)] if i else []
            norm = [nn.BatchNorm2d(w)] if 0 < i < depth - 1 else []
            self.down.append(nn.Sequential(*first, conv, *norm))
        for i in reversed(range(1, depth)):
            seen = widths[i] * (1 if i == depth - 1 else 2)
            wider = nn.ConvTranspose2d(seen, widths[i - 1], 4, 2, 1, bias=False)
            drop = [nn.Dropout(0.5)] if 4 <= i < depth - 1 else []  # the three inner ones of eight, but the innermost
            self.up.append(nn.Sequential(nn.ReLU(), wider, nn.BatchNorm2d(widths[i - 1]), *drop))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(widths[0] * (1 if depth == 1 else 2), c_out, 4, 2, 1), nn.Tanh())
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        x = F.pad(x, (0, -w % self.multiple, 0, -h % self.multiple), mode="replicate")
        seen = []
        for block in self.down:
            x = block(x)
            seen.append(x)
        skips = seen[-2::-1]
        for block, skip in zip(self.up, skips, strict=True):
            x = torch.cat([skip, block(x)], 1)
        return self.last(x)[..., :h, :w]
