"""One training epoch of lenet-dann-mnist2usps, data and step, beside a plain loop written the usual way, in one run.

    python benchmarks/epoch.py --data DIR [--threads 2] [--rounds 3]

The plain loop is what tutorials show: a DataLoader that opens one PIL picture at a time, fp32, the losses read every step.
Both do the same work: 128 + 128 pictures a step, the same network, critic and losses. The figure is the ratio.
"""

from __future__ import annotations

import argparse
import time

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data import Dataset
from torchvision import transforms

from dazoo.data import load_scenario
from dazoo.engine.setup import Site
from dazoo.losses.adversarial import reverse_gradient
from dazoo.losses.adversarial import warm_start
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import make_plan
from dazoo.runs.stages import train_plan


NAME, BATCH = "lenet-dann-mnist2usps", 128


class Pictures(Dataset):
    """An array behind PIL and torchvision transforms, picture by picture."""

    def __init__(self, images) -> None:
        self.images = images
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int):
        picture = Image.fromarray(self.images.images[i, :, :, 0])
        return self.transform(picture), int(self.images.labels[i])


def plain(domains, steps: int) -> float:
    """Seconds of `steps` steps of the usual loop."""
    torch.manual_seed(0)
    network = zoo().backbones.build("lenet", num_classes=10, in_channels=1)
    critic = nn.Sequential(nn.Linear(500, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1))
    optimizer = torch.optim.AdamW([*network.parameters(), *critic.parameters()], lr=1e-3)
    source = DataLoader(Pictures(domains.source_train), BATCH, shuffle=True, drop_last=True)
    target = DataLoader(Pictures(domains.target_train), BATCH, shuffle=True, drop_last=True)
    since = time.perf_counter()
    sources, targets = iter(source), iter(target)
    for step in range(steps):
        x, y = next(sources)
        try:
            xt, _ = next(targets)
        except StopIteration:
            targets = iter(target)
            xt, _ = next(targets)
        f = network.pool(network.forward_features(torch.cat([x, xt])))
        task = F.cross_entropy(network.head(f[:BATCH]), y)
        d = critic(reverse_gradient(f, warm_start(step / steps))).squeeze(1)
        truth = torch.cat([torch.ones(BATCH), torch.zeros(BATCH)])
        domain = F.binary_cross_entropy_with_logits(d, truth)
        loss = task + domain
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        task.item(), domain.item()
    return time.perf_counter() - since


def ours(domains, steps: int) -> float:
    """Seconds of `steps` steps of the engine (the look at the end of the epoch left out: the plain loop has none)."""
    settings = {"epochs": 1, "steps_per_epoch": steps, "batch": BATCH, "optimizer": "adamw", "lr": 1e-3}
    plan = make_plan(zoo(), NAME, settings=settings)
    import dazoo.engine.trainer as trainer

    spent = []
    run_step = trainer.Trainer._step

    def timed(self) -> None:
        since = time.perf_counter()
        run_step(self)
        spent.append(time.perf_counter() - since)

    trainer.Trainer._step = timed
    try:
        train_plan(plan, domains, zoo(), Site(torch.device("cpu")))
    finally:
        trainer.Trainer._step = run_step
    return sum(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=468, help="468 is one pass over MNIST")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    domains = load_scenario(zoo().scenarios.build("mnist2usps"), options.data, size=28, channels=1, zoo=zoo())
    ratios = []
    for _ in range(options.rounds):  # interleaved: what else the machine does hits both
        a, b = plain(domains, options.steps), ours(domains, options.steps)
        ratios.append(a / b)
        print(f"plain loop {a:6.1f} s   dazoo {b:6.1f} s   ratio {a / b:.2f}", flush=True)
    print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f} ({options.threads} threads, {options.steps} steps of {BATCH}+{BATCH})")


if __name__ == "__main__":
    main()
