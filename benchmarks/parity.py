"""Trains recipes on digits beside Transfer-Learning-Library's own modules: equal steps, batch and pictures, last epoch.

    git clone https://github.com/thuml/Transfer-Learning-Library
    python benchmarks/parity.py --reference Transfer-Learning-Library --data DIR [--methods dann cdan] [--backbones lenet] [--seeds 0 1 2]

The reference's losses, critics, classifiers and networks are imported from its checkout; the loops and settings below are those of its
examples (examples/domain_adaptation/image_classification/*.py and *.sh, digits). dazoo runs with its defaults, but for `augment=none`,
because the reference's digits have no augmentation. Only self-training needs views: there both sides get affine ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import types
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

import dazoo
from dazoo.augmentations import Augment
from dazoo.data.scenario import load_scenario
from dazoo.registry.plugins import zoo


RATES = {"mnist2usps": 0.01, "usps2mnist": 0.1}
"""The reference's learning rates (its .sh files)."""
BATCH = 128
VIEW = Augment(rotate=12, scale=0.15, shift=0.1, noise=0.1)
OURS = {"self_ensemble": "mean_teacher"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--methods", nargs="*", default=["source", "dann", "cdan", "mcd", "self_ensemble"])
    parser.add_argument("--backbones", nargs="*", default=["lenet", "dtn"])
    parser.add_argument("--scenarios", nargs="*", default=list(RATES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    prepare(asked.reference)
    rows = []
    for scenario in asked.scenarios:
        data = pictures(scenario, asked.data)
        for backbone in asked.backbones:
            for method in asked.methods:
                theirs = [reference(method, backbone, RATES[scenario], asked.steps, seed, data) for seed in asked.seeds]
                ours = [own(method, backbone, scenario, seed, asked) for seed in asked.seeds]
                rows.append(f"| {scenario} | {backbone} | {method} | {shown(theirs)} | {shown(ours)} |")
                print(rows[-1], flush=True)
    print("\n| scenario | backbone | method | reference | dazoo |\n|---|---|---|---|---|", *rows, sep="\n")


def shown(accuracies: list[float]) -> str:
    return f"{100 * statistics.mean(accuracies):.1f} ({', '.join(f'{100 * a:.1f}' for a in accuracies)})"


def own(method: str, backbone: str, scenario: str, seed: int, asked: argparse.Namespace) -> float:
    settings = {"epochs": 3, "steps_per_epoch": asked.steps // 3}
    settings |= {} if method == "self_ensemble" else {"augment": "none"}
    name = f"{backbone}-{OURS.get(method, method)}-{scenario}"
    trained = dazoo.train(name, data=asked.data, seed=seed, device=asked.device, settings=settings, source_only=False, quiet=True)
    assert trained.numbers is not None
    return trained.numbers.last


def pictures(scenario: str, data: str) -> tuple[Tensor, ...]:
    """Source images and labels, target images, target test images and labels; images (N, 1, 28, 28) in [-1, 1]."""
    domains = load_scenario(zoo().scenarios.build(scenario), data, size=28, channels=1, download=False, zoo=zoo())

    def images(some: Any) -> Tensor:
        return torch.from_numpy(np.array(some.images)).permute(0, 3, 1, 2).float() / 127.5 - 1

    source, test = domains.source_train, domains.target_test
    labels = [torch.from_numpy(np.array(some.labels)) for some in (source, test)]
    return images(source), labels[0], images(domains.target_train), images(test), labels[1]


def prepare(checkout: Path) -> None:
    """Make the reference importable with today's libraries: it asks for two names that are gone, and for a package it only prints with."""
    np.float = float  # type: ignore[attr-defined]
    sys.modules["prettytable"] = types.SimpleNamespace(PrettyTable=object)  # type: ignore[assignment]
    for name in ("tllib", "tllib.alignment", "tllib.self_training", "tllib.vision", "tllib.vision.models"):
        package = types.ModuleType(name)  # without running __init__, which imports everything
        package.__path__ = [str(checkout / name.replace(".", "/"))]
        sys.modules[name] = package


def drawn(n: int, generator: torch.Generator, batch: int = BATCH) -> Iterator[Tensor]:
    """Places of pictures, (batch,), in a new order in each pass."""
    while True:
        yield from torch.randperm(n, generator=generator)[: n - n % batch].split(batch)


@torch.no_grad()
def accuracy(answer: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> float:
    return float((torch.cat([answer(part) for part in images.split(1000)]).argmax(1) == labels).float().mean())


def reference(method: str, backbone: str, lr: float, steps: int, seed: int, data: tuple[Tensor, ...]) -> float:
    """Last accuracy on the target's test pictures of the reference's example."""
    from tllib.vision.models.digits import DTN
    from tllib.vision.models.digits import LeNet

    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    channels = 1 if backbone == "lenet" else 3
    xs, ys, xt, xv, yv = (t.to(device) for t in data)
    xs, xt, xv = (t.expand(-1, channels, -1, -1) for t in (xs, xt, xv))
    generator = torch.Generator().manual_seed(seed)
    source, target = drawn(len(xs), generator), drawn(len(xt), generator)
    network = {"lenet": LeNet, "dtn": DTN}[backbone]().to(device)

    def batches() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for _ in range(steps):
            i, j = next(source), next(target)
            yield xs[i], ys[i], xt[j]

    answer = play_mcd(network, lr, batches()) if method == "mcd" else learn(method, network, lr, steps, batches())
    return accuracy(answer, xv, yv)


def learn(method: str, network: Any, lr: float, steps: int, batches: Iterator[tuple[Tensor, Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """erm.py, dann.py, cdan.py and self_ensemble.py."""
    from tllib.alignment.cdan import ConditionalDomainAdversarialLoss
    from tllib.alignment.dann import DomainAdversarialLoss
    from tllib.modules.classifier import Classifier
    from tllib.modules.domain_discriminator import DomainDiscriminator
    from tllib.self_training.mean_teacher import EMATeacher
    from tllib.self_training.pi_model import L2ConsistencyLoss
    from tllib.self_training.self_ensemble import ClassBalanceLoss

    device = next(network.parameters()).device
    narrow = nn.Sequential(nn.Linear(network.out_features, 256), nn.BatchNorm1d(256), nn.ReLU())
    model = Classifier(network, 10, narrow, 256, finetune=False, pool_layer=nn.Identity()).to(device)
    parameters, adversarial, teacher = model.get_parameters(), None, None
    if method in ("dann", "cdan"):
        critic = DomainDiscriminator(256 if method == "dann" else 2560, hidden_size=1024).to(device)
        parameters += critic.get_parameters()
        options = {"entropy_conditioning": False, "num_classes": 10, "features_dim": 256}
        adversarial = DomainAdversarialLoss(critic) if method == "dann" else ConditionalDomainAdversarialLoss(critic, **options)
    ensemble = method == "self_ensemble"
    lr = 1e-3 if ensemble else lr
    optimizer = Adam(parameters, lr) if ensemble else SGD(parameters, lr, momentum=0.9, weight_decay=1e-3, nesterov=True)
    schedule = LambdaLR(optimizer, lambda i: lr * (1 + 0.001 * i) ** -0.75)  # the groups' own rate is 1
    consistency, balance = L2ConsistencyLoss(), ClassBalanceLoss(10)
    model.train()
    for number, (x, y, t) in enumerate(batches):
        if adversarial is not None:
            logits, features = model(torch.cat([x, t]))
            (gs, gt), (fs, ft) = logits.chunk(2), features.chunk(2)
            loss = F.cross_entropy(gs, y) + (adversarial(fs, ft) if method == "dann" else adversarial(gs, fs, gt, ft))
        else:
            loss = F.cross_entropy(model(VIEW(x) if ensemble else x)[0], y)
        if ensemble and number >= steps // 3:  # a third of the run for the source alone
            if teacher is None:
                teacher = EMATeacher(model, alpha=0.99)
                teacher.train()
            p, q = model(VIEW(t))[0].softmax(1), teacher(t)[0].softmax(1)
            mask = (q.amax(1) > 0.8).float()
            loss = loss + 3 * consistency(p, q, mask) + 0.01 * balance(p) * mask.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if teacher is not None:
            teacher.update()
    found: Callable[[Tensor], Tensor] = model.eval()
    return found


def play_mcd(network: Any, lr: float, batches: Iterator[tuple[Tensor, Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """mcd.py; it answers with the better of its two classifiers on the test labels, and here with their mean."""
    from tllib.alignment.mcd import ImageClassifierHead
    from tllib.alignment.mcd import classifier_discrepancy
    from tllib.alignment.mcd import entropy

    device = next(network.parameters()).device
    heads = nn.ModuleList(ImageClassifierHead(network.out_features, 10, 1024, nn.Identity()) for _ in range(2)).to(device)
    body, players = SGD(network.parameters(), lr, weight_decay=5e-4), SGD(heads.parameters(), lr, momentum=0.9, weight_decay=5e-4)

    def terms(x: Tensor, y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        outputs = [head(f).chunk(2) for f in [network(torch.cat([x, t]))] for head in heads]
        p, q = (target.softmax(1) for _, target in outputs)
        learnt = sum(F.cross_entropy(source, y) for source, _ in outputs) + 0.03 * (entropy(p) + entropy(q))
        return learnt, 0.3 * classifier_discrepancy(p, q)

    def update(loss: Tensor, *optimizers: Any) -> None:
        network.zero_grad()
        heads.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    for x, y, t in batches:
        update(terms(x, y, t)[0], body, players)
        learnt, gap = terms(x, y, t)
        update(learnt - gap, players)
        for _ in range(4):
            update(terms(x, y, t)[1], body)
    network.eval(), heads.eval()
    return lambda x: sum(head(network(x)) for head in heads)


if __name__ == "__main__":
    main()
