"""The loops of four GANs' reference code around its own networks and losses, which are imported from checkouts. For gan_parity.py.

Each loop is that of the repository, with its settings; what differs is said in its docstring.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import importlib.util
import io
import sys
import time
import types
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packaging.version import Version
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam

from dazoo.contracts import ImageSet


@dataclass(frozen=True)
class Job:
    """One training: pictures (source, and target where it translates), side, batch, steps, seed, device, and where the checkouts are."""

    source: ImageSet
    target: ImageSet | None
    size: int
    batch: int
    steps: int
    seed: int
    device: torch.device
    checkouts: Path


@dataclass(frozen=True)
class Trained:
    """What training gives: `make`, from a number of pictures, or from pictures on the device, to pictures; and seconds of training."""

    make: Callable[[Any], Tensor]
    seconds: float


def dcgan(job: Job) -> Trained:
    """pytorch/examples, dcgan/main.py. Its numbers are read from the device in each step, as there, but not printed."""
    script = ast.parse((job.checkouts / "examples/dcgan/main.py").read_text())
    wanted = [node for node in script.body if getattr(node, "name", "") in ("weights_init", "Generator", "Discriminator")]
    parts: dict[str, Any] = {"torch": torch, "nn": nn, "nz": 100, "ngf": 64, "ndf": 64, "nc": job.source.channels}
    exec(compile(ast.Module(wanted, []), "main.py", "exec"), parts)
    begin(job)
    g, d = (parts[name](1).to(job.device).apply(parts["weights_init"]) for name in ("Generator", "Discriminator"))
    criterion = nn.BCELoss()
    on_d, on_g = (Adam(network.parameters(), lr=0.0002, betas=(0.5, 0.999)) for network in (d, g))
    batches = drawn(job.source, job)
    began = clock(job)
    for _ in range(job.steps):
        d.zero_grad()
        real = next(batches)
        label = torch.full((len(real),), 1.0, device=job.device)
        output = d(real)
        loss_real = criterion(output, label)
        loss_real.backward()
        output.mean().item()
        fake = g(torch.randn(len(real), 100, 1, 1, device=job.device))
        label.fill_(0)
        output = d(fake.detach())
        loss_fake = criterion(output, label)
        loss_fake.backward()
        output.mean().item()
        loss_d = loss_real + loss_fake
        on_d.step()
        g.zero_grad()
        label.fill_(1)
        output = d(fake)
        loss_g = criterion(output, label)
        loss_g.backward()
        output.mean().item()
        on_g.step()
        loss_d.item(), loss_g.item()
    return Trained(from_noise(g.eval(), (100, 1, 1), job), clock(job) - began)


def r3gan(job: Job) -> Trained:
    """brownvc/R3GAN, training_loop.py with the preset CIFAR10, at a width of 96 and one block a stage instead of 768 and two.

    Its operators in pure PyTorch, where the preset compiles CUDA. Its augmentation, whose probability rises from 0 over 20 million
    pictures, is left out.
    """
    imported(job.checkouts / "R3GAN")
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources")).parse_version = Version  # type: ignore[attr-defined]
    operators, resamplers = (importlib.import_module(f"R3GAN.{name}") for name in ("FusedOperators", "Resamplers"))
    operators.BiasedActivation = operators.BiasedActivationReference
    resamplers.InterpolativeUpsampler = resamplers.InterpolativeUpsamplerReference
    resamplers.InterpolativeDownsampler = resamplers.InterpolativeDownsamplerReference
    networks, trainer = importlib.import_module("training.networks"), importlib.import_module("R3GAN.Trainer")
    stages = int(np.log2(job.size)) - 1
    common = {"WidthPerStage": [96] * stages, "BlocksPerStage": [1] * stages, "CardinalityPerStage": [12] * stages, "ExpansionFactor": 2}
    common |= {"c_dim": 0, "img_resolution": job.size}
    begin(job)
    g = networks.Generator(**common, NoiseDimension=64, FP16Stages=[-1, -2, -3]).to(job.device).requires_grad_(False)
    d = networks.Discriminator(**common, FP16Stages=[x + 3 for x in (-1, -2, -3)]).to(job.device).requires_grad_(False)
    mean = copy.deepcopy(g).eval()
    game = trainer.AdversarialTraining(g, d)
    on_d, on_g = (Adam(network.parameters(), lr=2e-4, betas=(0.0, 0.0), eps=1e-8) for network in (d, g))
    batches, seen = drawn(job.source, job), 0
    began = clock(job)
    for _ in range(job.steps):
        reals = (next(batches), next(batches))
        noises = [torch.randn(job.batch, 64, device=job.device) for _ in range(2)]
        lr, beta2, gamma, half_life = (falling(seen, *ends) for ends in ((2e-4, 5e-5), (0.9, 0.99), (0.05, 0.005), (0.0, 5e6)))
        for network, optimizer, real, noise in zip((d, g), (on_d, on_g), reals, noises, strict=True):
            optimizer.zero_grad(set_to_none=True)
            network.requires_grad_(True)
            if network is d:
                game.AccumulateDiscriminatorGradients(noise, real, None, gamma)
            else:
                game.AccumulateGeneratorGradients(noise, real, None)
            network.requires_grad_(False)
            for group in optimizer.param_groups:
                group["lr"], group["betas"] = lr, (0.0, beta2)
            optimizer.step()
        decay = 0.5 ** (job.batch / max(half_life, 1e-8))
        for average, now in zip(mean.parameters(), g.parameters(), strict=True):
            average.copy_(now.lerp(average, decay))
        seen += job.batch
    return Trained(from_noise(lambda z: mean(z, None), (64,), job), clock(job) - began)


def cyclegan(job: Job) -> Trained:
    """junyanz/pytorch-CycleGAN-and-pix2pix, its CycleGANModel and train.py, with 6 blocks.

    Neither flips nor crops. The learning rate falls over the second half, in ten steps where the repository has a hundred. Below 64 px
    its patch critic has two layers (netD=n_layers, n_layers_D=2).
    """
    assert job.target is not None
    imported(job.checkouts / "pytorch-CycleGAN-and-pix2pix")
    begin(job)
    channels, gpus = job.source.channels, [0] if job.device.type == "cuda" else []
    options = types.SimpleNamespace(
        isTrain=True, gpu_ids=gpus, checkpoints_dir="", name="", preprocess="none", verbose=False, continue_train=False, load_iter=0,
        epoch="latest", input_nc=channels, output_nc=channels, ngf=64, ndf=64, netG="resnet_6blocks", norm="instance", no_dropout=True,
        netD="n_layers", n_layers_D=3 if job.size >= 64 else 2, init_type="normal", init_gain=0.02, pool_size=50, gan_mode="lsgan", lr=2e-4,
        beta1=0.5, direction="AtoB", lambda_A=10.0, lambda_B=10.0, lambda_identity=0.5, lr_policy="linear", epoch_count=1, n_epochs=10,
        n_epochs_decay=10,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        model = importlib.import_module("models.cycle_gan_model").CycleGANModel(options)
        model.setup(options)
    a, b = drawn(job.source, job), drawn(job.target, job)
    began = clock(job)
    for step in range(1, job.steps + 1):
        model.set_input({"A": next(a), "B": next(b), "A_paths": [], "B_paths": []})
        model.optimize_parameters()
        if step % max(1, job.steps // 20) == 0:
            with contextlib.redirect_stdout(io.StringIO()):
                model.update_learning_rate()
    seconds = clock(job) - began
    net = model.netG_A.eval()
    return Trained(torch.no_grad()(lambda images: net(images)), seconds)


def srresnet(job: Job) -> Trained:
    """BasicSR, MSRResNet with train_MSRResNet_x4.yml: L1, Adam at 2e-4, weight average. Parts of 96 px where it has 128.

    Its learning rate falls by a cosine over 250,000 steps, and so not at all here.
    """
    gone = {
        "distutils": {}, "distutils.version": {"LooseVersion": str}, "basicsr": {}, "basicsr.archs": {}, "basicsr.ops": {},
        "basicsr.ops.dcn": {"ModulatedDeformConvPack": nn.Module, "modulated_deform_conv": None},
        "basicsr.utils": {"get_root_logger": None},
        "basicsr.utils.registry": {"ARCH_REGISTRY": types.SimpleNamespace(register=lambda: lambda cls: cls)},
    }  # fmt: skip
    for name, holds in gone.items():
        if name.startswith("basicsr") or importlib.util.find_spec(name.split(".")[0]) is None:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(holds)
    sys.modules["basicsr.archs"].__path__ = [str(job.checkouts / "BasicSR/basicsr/archs")]
    begin(job)
    net = importlib.import_module("basicsr.archs.srresnet_arch").MSRResNet().to(job.device)
    mean = copy.deepcopy(net).eval()
    optimizer = Adam(net.parameters(), lr=2e-4, betas=(0.9, 0.99))
    batches = drawn(job.source, job)
    began = clock(job)
    for _ in range(job.steps):
        real = (next(batches) + 1) / 2
        small = F.interpolate(real, scale_factor=0.25, mode="bicubic", antialias=True).mul(255).round().clamp(0, 255) / 255
        optimizer.zero_grad()
        F.l1_loss(net(small), real).backward()
        optimizer.step()
        now = dict(net.named_parameters())
        for name, average in mean.named_parameters():
            average.data.mul_(0.999).add_(now[name].data, alpha=0.001)
    seconds = clock(job) - began
    return Trained(torch.no_grad()(lambda images: mean((images + 1) / 2) * 2 - 1), seconds)


LOOPS = {"dcgan": dcgan, "r3gan": r3gan, "cyclegan": cyclegan, "srresnet": srresnet}


def begin(job: Job) -> None:
    torch.manual_seed(job.seed)
    torch.backends.cudnn.benchmark = True  # as all of them have it


def clock(job: Job) -> float:
    if job.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def drawn(images: ImageSet, job: Job) -> Iterator[Tensor]:
    """Batches (N, C, H, W) in [-1, 1] without end, each pass in another order; a short last batch is left out."""
    pixels = torch.from_numpy(np.array(images.images)).to(job.device).permute(0, 3, 1, 2).contiguous()
    generator = torch.Generator().manual_seed(job.seed)
    while True:
        for rows in torch.randperm(len(pixels), generator=generator)[: len(pixels) // job.batch * job.batch].split(job.batch):
            yield pixels[rows.to(job.device)].float() / 127.5 - 1


def from_noise(generator: Callable[[Tensor], Tensor], shape: tuple[int, ...], job: Job) -> Callable[[int], Tensor]:
    @torch.no_grad()
    def make(n: int) -> Tensor:
        noise = torch.randn(n, *shape, generator=torch.Generator().manual_seed(job.seed))
        return torch.cat([generator(part.to(job.device)).float().cpu() for part in noise.split(100)])

    return make


def falling(seen: int, first: float, last: float) -> float:
    """R3GAN's schedules: half a cosine over 20 million pictures."""
    return first + (1 - 0.5 * (1 + float(np.cos(np.pi * seen / 2e7)))) * (last - first)


def imported(checkout: Path) -> None:
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
