"""Trains generate-to-adapt beside its authors' code: equal steps, batch and pictures, last epoch.

    git clone https://github.com/yogeshbalaji/Generate_To_Adapt
    python benchmarks/gta_parity.py --reference Generate_To_Adapt --data DIR [--scenarios mnist2usps] [--seeds 0] [--augment digits]

The reference's networks and their first weights are imported from its checkout; the loop and the settings are those of its trainer.py and
main.py: pictures of 32 px in three channels, Adam. dazoo trains its bridge with the reference's classifier, which this file registers as
a plugin would (`gta_net`), and with `dcgan` or the reference's own networks that draw and judge (`--gan gta_gan`). Convolutions are in
bf16 on both sides. Target labels are used for counting alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from parity import accuracy
from parity import drawn
from parity import pictures
from parity import shown
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam

import dazoo
from dazoo import hookimpl
from dazoo.augmentations import Augment
from dazoo.cli.options import parse_settings
from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Backbone
from dazoo.contracts import Verdict
from dazoo.engine.device import choose_device
from dazoo.losses.game import Rules
from dazoo.registry.plugins import zoo


dazoo_api = 1
BATCH, SIZE, K, RATE, DECAY, WEIGHT, ALPHA = 100, 32, 10, 0.0005, 0.0001, 0.1, 0.3
"""Those of main.py."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scenarios", nargs="*", default=["mnist2usps", "usps2mnist"])
    parser.add_argument("--sides", nargs="*", default=["theirs_source", "ours_source", "theirs", "ours"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--augment", choices=("none", "digits"), default="none", help="of both sides")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--backbone", default="gta_net", help="of dazoo's side; gta_net is the reference's network and its optimiser")
    parser.add_argument("--gan", default="dcgan", help="of dazoo's side; gta_gan has the reference's networks and their optimiser")
    settings = "a setting of dazoo's side; those of bridge and GAN with --sides ours"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=settings)
    asked = parser.parse_args()
    sys.path.insert(0, str(asked.reference))
    zoo().load(lambda: sys.modules[__name__], dist="gta_parity")
    sides: dict[str, Callable[..., float]] = {"theirs": theirs, "theirs_source": theirs_source, "ours": ours, "ours_source": ours_source}
    for scenario in asked.scenarios:
        for side in asked.sides:
            print(f"| {scenario} | {side} | {shown([sides[side](scenario, seed, asked) for seed in asked.seeds])} |", flush=True)


def ours(scenario: str, seed: int, asked: argparse.Namespace) -> float:
    return own(asked.gan, scenario, seed, asked)


def ours_source(scenario: str, seed: int, asked: argparse.Namespace) -> float:
    return own("source", scenario, seed, asked)


def own(part: str, scenario: str, seed: int, asked: argparse.Namespace) -> float:
    """Last accuracy on the target's test pictures of dazoo's recipe with this GAN or method."""
    settings: dict[str, Any] = {"epochs": 3, "steps_per_epoch": asked.steps // 3, "batch": BATCH, "augment": asked.augment}
    settings |= {"size": SIZE, "channels": 3} if asked.backbone == "gta_net" else {}
    settings |= parse_settings(asked.set)
    name = f"{asked.backbone}-{part}-{scenario}"
    trained = dazoo.train(name, data=asked.data, seed=seed, device=asked.device, settings=settings, source_only=False, quiet=True)
    assert trained.numbers is not None
    return trained.numbers.last


def theirs(scenario: str, seed: int, asked: argparse.Namespace) -> float:
    """trainer.py's GTA.train. The graph of its first pass serves all four updates, as there; saved weights are those of that pass."""
    sides = Reference(scenario, seed, asked)
    critic, f, c, g = sides.critic, sides.f, sides.c, sides.g
    ones, zeros = (torch.full((BATCH,), value, device=sides.device) for value in (1.0, 0.0))
    for number in range(asked.steps):
        x, y, t = sides.batch()
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            features, of_target = fast(f, normal(x)), fast(f, normal(t))
            asks = torch.cat([one_hot(y), features], 1), torch.cat([one_hot(torch.full_like(y, K)), of_target], 1)
            from_source, from_target = (fast(g, ask) for ask in asks)
            scores, classes = critic(x)
            learnt = F.cross_entropy(classes, y) + says(scores, ones)
            sides.update("d", learnt + says(critic(from_source)[0], zeros) + says(critic(from_target)[0], zeros))
            scores, classes = critic(from_source)
            sides.update("g", F.cross_entropy(classes, y) + says(scores, ones))
            logits = c(features)
            sides.update("c", F.cross_entropy(logits, y))
            loss = F.cross_entropy(logits, y) + WEIGHT * F.cross_entropy(critic(from_source)[1], y)
            sides.update("f", loss + WEIGHT * ALPHA * says(critic(from_target)[0], ones))
        sides.slow_down("dfc", number + 1)  # not the generator, as there
    return sides.score()


def theirs_source(scenario: str, seed: int, asked: argparse.Namespace) -> float:
    """trainer.py's Sourceonly.train."""
    sides = Reference(scenario, seed, asked)
    for number in range(asked.steps):
        x, y, _ = sides.batch()
        loss = F.cross_entropy(sides.c(fast(sides.f, normal(x))), y)
        sides.update("f", loss)
        sides.update("c", loss)
        sides.slow_down("fc", number + 1)
    return sides.score()


class Reference:
    """The reference's networks, their optimisers, and the pictures."""

    def __init__(self, scenario: str, seed: int, asked: argparse.Namespace) -> None:
        import models
        import utils

        torch.manual_seed(seed)
        self.device = choose_device(asked.device)
        self.xs, self.ys, self.xt, self.xv, self.yv = (t.to(self.device) for t in pictures(scenario, asked.data))
        options = SimpleNamespace(ndf=64, ngf=64, nz=512, gpu=0 if self.device.type == "cuda" else -1)
        made = {"f": models._netF(options), "c": models._netC(options, K), "d": models._netD(options, K), "g": models._netG(options, K)}
        self.networks = {name: network.apply(utils.weights_init).to(self.device) for name, network in made.items()}
        self.f, self.c, self.d, self.g = self.networks.values()
        self.optimizers = {name: Adam(n.parameters(), lr=RATE, betas=(0.8, 0.999)) for name, n in self.networks.items()}
        self.view = zoo().augmentations.build(asked.augment).weak if asked.augment != "none" else Augment()
        self.slower = utils.exp_lr_scheduler
        generator = torch.Generator().manual_seed(seed)
        self.source, self.target = (drawn(len(x), generator, BATCH) for x in (self.xs, self.xt))

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures and labels of the source, pictures of the target."""
        i = next(self.source)
        return enlarged(self.view(self.xs[i])), self.ys[i], enlarged(self.view(self.xt[next(self.target)]))

    def critic(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of "real" (N,), before the network's sigmoid, and of the classes (N, K)."""
        read = fast(self.d.feature, x).flatten(1)
        return self.d.classifier_s[0](read)[:, 0], self.d.classifier_c(read)

    def update(self, name: str, loss: Tensor) -> None:
        self.networks[name].zero_grad()
        loss.backward(retain_graph=True, inputs=list(self.networks[name].parameters()))
        self.optimizers[name].step()

    def slow_down(self, names: str, number: int) -> None:
        for name in names:
            self.slower(self.optimizers[name], 0, RATE, DECAY, number)

    def score(self) -> float:
        self.f.eval(), self.c.eval()
        return accuracy(lambda part: self.c(self.f(normal(enlarged(part)))), self.xv, self.yv)


says = F.binary_cross_entropy_with_logits


def fast(network: Any, x: Tensor) -> Tensor:
    """In bf16, as dazoo computes; single precision comes back."""
    with torch.autocast(x.device.type, torch.bfloat16):
        return network(x).float()


def one_hot(labels: Tensor) -> Tensor:
    return F.one_hot(labels, K + 1).float()


class Net(Backbone):
    """The reference's feature network and classifier: three convolutions without batch norm, two linear layers."""

    min_size = SIZE

    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        import models
        import utils

        super().__init__(num_classes=num_classes, in_channels=in_channels)
        options = SimpleNamespace(ndf=64)
        self.features, self.head = models._netF(options).feature, models._netC(options, num_classes).main
        self.num_features = 128
        self.apply(utils.weights_init)

    @classmethod
    def wants(cls, **arguments: Any) -> Mapping[str, Any]:
        return {"optimizer": "adam", "lr": RATE, "weight_decay": 0.0, "schedule": "constant", "warmup": 0.0}

    def forward_features(self, x: Tensor) -> Tensor:
        return self.features(normal(x))


class Drawer(GAN):
    """The reference's generator and critic. The critic's class layer is the bridge's."""

    takes = frozenset({"code"})
    rules = Rules()

    def __init__(self, **contract: Any) -> None:
        import models
        import utils

        super().__init__(**contract)
        options = SimpleNamespace(ndf=64, ngf=64, nz=512, gpu=-1)
        self.generator, self.critic = models._netG(options, K).main, models._netD(options, K)
        del self.critic.classifier_c
        self.num_critic_features = 128
        for network in (self.generator, self.critic):
            network.apply(utils.weights_init)

    def groups(self) -> Mapping[str, Any]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, Any]:
        return {name: {"optimizer": "adam", "lr": RATE, "betas": (0.8, 0.999), "weight_decay": 0.0} for name in self.groups()}

    def generate(self, ask: Ask) -> Tensor:
        return self.generator(torch.cat([ask.code, torch.randn(len(ask), 512, device=self.device)], 1)[:, :, None, None])

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        read = self.critic.feature(images).flatten(1)
        return Verdict(images, (self.critic.classifier_s[0](read)[:, 0],), read)


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("gta_gan", "gta_parity:Drawer", summary="The networks of generate-to-adapt's authors that draw and judge")


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    register("gta_net", "gta_parity:Net", summary="The network of generate-to-adapt's authors")


def enlarged(images: Tensor) -> Tensor:
    """To 32 px and three channels, as its pictures lie in its folders."""
    return F.interpolate(images, size=SIZE, mode="bilinear", align_corners=False).expand(-1, 3, -1, -1)


def normal(images: Tensor) -> Tensor:
    """From [-1, 1] to the backbone's mean of 0.44 and deviation of 0.19."""
    return ((images + 1) / 2 - 0.44) / 0.19


if __name__ == "__main__":
    main()
