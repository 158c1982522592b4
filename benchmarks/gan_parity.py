"""Trains a GAN of dazoo beside its reference code: equal steps, batch, pictures and network sizes; then the same figures of both.

    python benchmarks/gan_parity.py --reference DIR --data DIR --pair dcgan --side ours --steps 4000 --out dcgan-ours-0.json
    python benchmarks/gan_parity.py --reference DIR --data DIR --pair dcgan --side speed --steps 100 --out dcgan-speed.json

DIR of `--reference` holds checkouts: examples (pytorch/examples), pytorch-CycleGAN-and-pix2pix, R3GAN (brownvc), BasicSR (XPixelGroup).
`--data` holds gtsrb_32.npz, mnist.npz and usps.npz, pacs_96.tar.xz, bsds500_half.tar.xz and sr_set5_set14.tar.xz, whichever the pair needs.
The reference's networks, losses and optimiser settings come from its checkout, its loops are in gan_references.py. dazoo runs with its
defaults, but for the size of the networks. `--set gan.ema=0` changes one thing of dazoo's side. Pictures lie on the device on both sides.

`--side speed` trains both sides in turn, three times each, and gives pictures a second, without any other figure.
Figures need the libraries of dazoo[metrics]. FID and KID are taken in the features of `--extractor` (vgg16_features), and stand in no table
beside those of another.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tarfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import Any

import gan_references
import numpy as np
import torch
from gan_jobs import floats
from gan_jobs import middle
from gan_references import Job
from gan_references import Trained
from PIL import Image
from torch import Tensor

import dazoo
from dazoo.contracts import ImageSet
from dazoo.data.paths import data_root
from dazoo.engine.device import choose_device
from dazoo.metrics.pictures import compare_pairs
from dazoo.metrics.pictures import compare_sets
from dazoo.metrics.pictures import read_classes
from dazoo.metrics.pictures.libraries import fidelity
from dazoo.metrics.pictures.libraries import torchmetrics
from dazoo.models.extracting import extractor_of
from dazoo.models.grids import grid_png
from dazoo.models.grids import rows_png
from dazoo.registry.plugins import zoo


SHOWN = 64
"""Pictures of a sheet."""
READER = {"epochs": 1, "steps_per_epoch": 600, "augment": "none"}
"""How the classifier of USPS learns that reads translated digits."""


@dataclass(frozen=True)
class Pair:
    """What is compared with what.

    Attributes:
        gan: dazoo's name of it. settings: of dazoo's side, which make its networks those of the reference.
        size, batch: side of the pictures, and pictures of each domain in a step.
        pictures: reads what is learnt from, and from what to what.
        figures: of a trained one, beside what it should be like.
    """

    gan: str
    size: int
    batch: int
    pictures: Callable[[Path, int], tuple[ImageSet, ImageSet | None]]
    figures: Callable[[Trained, Job, Any], dict[str, float]]
    settings: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    asked = arguments()
    if asked.side != "speed":  # told before hours of training
        torchmetrics("functional.image") if asked.pair == "srresnet" else fidelity("metric_fid")
    pair = PAIRS[asked.pair]
    device = choose_device(asked.device)
    source, target = pair.pictures(asked.data, pair.size)
    job = Job(source, target, pair.size, pair.batch, asked.steps, asked.seed, device, asked.reference)
    own = dict(text.split("=", 1) for text in asked.set)
    sides: dict[str, Callable[[Job], Trained]] = {
        "theirs": gan_references.LOOPS[asked.pair.split("_")[0]],
        "ours": lambda given: ours(pair, given, own),
    }
    row = {"pair": asked.pair, "side": asked.side, "seed": asked.seed, "steps": asked.steps, "batch": pair.batch, "size": pair.size}
    row |= {"device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu", "threads": torch.get_num_threads(), "set": own}
    if asked.side == "speed":
        row |= speeds(sides, job)
    else:
        trained = sides[asked.side](job)
        row |= {"seconds": round(trained.seconds, 2), "images_per_second": round(job.steps * job.batch / trained.seconds, 2)}
        began = time.perf_counter()
        row |= pair.figures(trained, job, asked)
        row["seconds_of_figures"] = round(time.perf_counter() - began, 1)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pair", choices=PAIRS, required=True)
    parser.add_argument("--side", choices=("theirs", "ours", "speed"), required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, help="the JSON line; the sheet of pictures lies beside it, as .png")
    parser.add_argument("--extractor", default="pretrained/vgg16_features.safetensors", help="of FID and KID; a file in --data, or a path")
    parser.add_argument("--pictures", type=int, default=4000, help="real and drawn pictures that FID and KID are counted from, at most")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of dazoo's side")
    return parser.parse_args()


# ---------------------------------------------------------------------- training


def ours(pair: Pair, job: Job, own: dict[str, Any]) -> Trained:
    """dazoo's side. Its clock stops before the look that ends its one epoch."""
    settings = {"size": job.size, "batch": job.batch, "epochs": 1, "steps_per_epoch": job.steps, "channels": job.source.channels}
    settings |= pair.settings | own
    translates = {"to": job.target} if job.target is not None else {}
    made = dazoo.train_gan(pair.gan, job.source, seed=job.seed, device=str(job.device), settings=settings, quiet=True, **translates)
    model = made.model.to(job.device).eval()
    seconds = model.config["results"]["seconds"]
    if "images" not in model.gan.takes:
        return Trained(lambda n: model.generate(n, seed=job.seed), seconds)
    return Trained(model.from_given, seconds)


def speeds(sides: dict[str, Callable[[Job], Trained]], job: Job) -> dict[str, Any]:
    """Pictures a second of both sides, in turn: by what a long run takes longer than a short one, which has the same fixed costs.

    One thread of a CPU is measured by the time that it computes, so that others on the machine disturb it little.
    """
    clock = time.process_time if job.device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter

    def taken(side: Callable[[Job], Trained], steps: int) -> float:
        began = clock()
        side(replace(job, steps=steps))
        return clock() - began

    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(3):
        for name, side in sides.items():
            rates[name].append(round(job.steps * job.batch / (taken(side, job.steps + 2) - taken(side, 2)), 2))
    median = {name: statistics.median(found) for name, found in rates.items()}
    return {"clock": clock.__name__, "images_per_second": rates, "median": median, "ratio": round(median["ours"] / median["theirs"], 3)}


# ---------------------------------------------------------------------- figures


def drawn_figures(trained: Trained, job: Job, asked: argparse.Namespace) -> dict[str, float]:
    """Of pictures from noise, against pictures that were learnt from."""
    n = min(asked.pictures, len(job.source))
    drawn = trained.make(n).float().cpu().clamp(-1, 1)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.with_suffix(".png").write_bytes(grid_png(drawn[:SHOWN]))
    return of_sets(job.source.images[np.sort(np.random.default_rng(0).permutation(len(job.source))[:n])], drawn, asked, job)


def digit_figures(trained: Trained, job: Job, asked: argparse.Namespace) -> dict[str, float]:
    """Of MNIST's test digits made to look like USPS: what a classifier of USPS reads, before and after."""
    mnist, usps = (
        zoo().datasets.build(name).load("test", data_root(asked.data), size=job.size, download=False) for name in ("mnist", "usps")
    )
    n = min(asked.pictures, len(mnist), len(usps))
    real = floats(mnist.images[:n])
    made = translated(trained, real, job)
    reader = dazoo.train(
        "lenet-source-usps2mnist", data=asked.data, device=str(job.device), settings=READER, source_only=False, quiet=True
    ).model
    assert mnist.labels is not None and usps.labels is not None
    shares = {
        "read": read_classes(reader, made, mnist.labels[:n]).share,
        "read_before": read_classes(reader, real, mnist.labels[:n]).share,
        "read_of_usps": read_classes(reader, floats(usps.images[:n]), usps.labels[:n]).share,
    }
    sheet(asked, real, made)
    return {**shares, **of_sets(usps.images[:n], made, asked, job)}


def cartoon_figures(trained: Trained, job: Job, asked: argparse.Namespace) -> dict[str, float]:
    """Of photographs that were not learnt from, made to look like cartoons."""
    photos, cartoons = (pacs(asked.data, job.size, held_out=True, domain=name) for name in ("photo", "cartoon"))
    real = floats(photos.images)
    made = translated(trained, real, job)
    sheet(asked, real, made)
    return of_sets(cartoons.images, made, asked, job)


def enlarged_figures(trained: Trained, job: Job, asked: argparse.Namespace) -> dict[str, float]:
    """PSNR and SSIM on Set5 and Set14, x4, border 4, RGB and Y; small pictures are made by Pillow's bicubic filter."""
    found: dict[str, list[float]] = {}
    rows: list[list[Tensor]] = [[], [], []]
    for name, picture in archived(asked.data / "sr_set5_set14.tar.xz", ".png"):
        w, h = (side - side % 4 for side in picture.size)
        true = picture.crop((0, 0, w, h))
        small = true.resize((w // 4, h // 4), Image.Resampling.BICUBIC)
        easy = floats(np.asarray(small.resize((w, h), Image.Resampling.BICUBIC))[None])
        real = floats(np.asarray(true)[None])
        made = trained.make(floats(np.asarray(small)[None]).to(job.device)).float().cpu().clamp(-1, 1)
        test = "set14" if "14" in name else "set5"
        for who, image in (("", made), ("bicubic_", easy)):
            for channel in ("rgb", "y"):
                for figure in compare_pairs(real, image, channel=channel, border=4).values():
                    found.setdefault(f"{who}{test}_{figure.name}_{channel}", []).append(figure.value)
        for row, image in zip(rows, (easy, made, real), strict=True):
            row.append(middle(image))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.with_suffix(".png").write_bytes(rows_png(*(torch.cat(row[:8]) for row in rows)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def of_sets(real: np.ndarray, drawn: Tensor, asked: argparse.Namespace, job: Job) -> dict[str, Any]:
    file = asked.data / asked.extractor
    extractor = extractor_of(file if file.is_file() else asked.extractor, device=str(job.device))
    figures = compare_sets(real, drawn, extractor=extractor, which=("fid", "kid", "precision_recall"), seed=0)
    return {**{figure.name: figure.value for figure in figures.values()}, "protocol": str(figures["fid"].protocol)}


@torch.no_grad()
def translated(trained: Trained, images: Tensor, job: Job) -> Tensor:
    return torch.cat([trained.make(part.to(job.device)).float().cpu() for part in images.split(100)]).clamp(-1, 1)


def sheet(asked: argparse.Namespace, real: Tensor, made: Tensor) -> None:
    some = torch.linspace(0, len(real) - 1, 16).long()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.with_suffix(".png").write_bytes(rows_png(real[some], made[some]))


# ---------------------------------------------------------------------- pictures


def signs(data: Path, size: int) -> tuple[ImageSet, None]:
    found = zoo().datasets.build("gtsrb").load("train", data_root(data), size=size, download=False)
    return ImageSet("signs", np.asarray(found.images), np.zeros(len(found), np.int64), ("signs",)), None


def digits(data: Path, size: int) -> tuple[ImageSet, ImageSet]:
    mnist, usps = (zoo().datasets.build(name).load("train", data_root(data), size=size, download=False) for name in ("mnist", "usps"))
    return mnist, usps


def photos_and_cartoons(data: Path, size: int) -> tuple[ImageSet, ImageSet]:
    photos, cartoons = (pacs(data, size, held_out=False, domain=name) for name in ("photo", "cartoon"))
    return photos, cartoons


def pacs(data: Path, size: int, *, held_out: bool, domain: str) -> ImageSet:
    """One domain of PACS without its classes; each fifth picture is held out."""
    pictures = [np.asarray(picture.resize((size, size))) for _, picture in archived(data / "pacs_96.tar.xz", ".jpg", f"/{domain}/")]
    some = np.stack([picture for i, picture in enumerate(pictures) if (i % 5 == 0) == held_out])
    return ImageSet(domain, some, np.zeros(len(some), np.int64), ("pictures",))


def patches(data: Path, size: int) -> tuple[ImageSet, None]:
    """Random parts of BSDS500's training and test photographs, 16 of each, turned and mirrored at random: the same for both sides."""
    rng, found = np.random.default_rng(0), []
    for _, picture in archived(data / "bsds500_half.tar.xz", ".jpg"):
        whole = np.asarray(picture)
        for _ in range(16):
            top, left = (int(rng.integers(0, side - size + 1)) for side in whole.shape[:2])
            part = np.rot90(whole[top : top + size, left : left + size], int(rng.integers(4)))
            found.append(part[:, ::-1] if rng.integers(2) else part)
    images = np.ascontiguousarray(np.stack(found))
    return ImageSet("bsds", images, np.zeros(len(images), np.int64), ("pictures",)), None


def archived(file: Path, ending: str, part: str = "") -> Iterator[tuple[str, Image.Image]]:
    """Pictures of an archive in the order of their names."""
    with tarfile.open(file) as opened:
        read = {m.name: opened.extractfile(m) for m in opened.getmembers() if m.name.endswith(ending) and part in m.name}
        for name in sorted(read):
            taken = read[name]
            assert taken is not None
            yield name, Image.open(taken).convert("RGB")


PAIRS = {
    "dcgan": Pair("dcgan", 64, 64, signs, drawn_figures),
    "r3gan": Pair("r3gan", 32, 64, signs, drawn_figures, {"gan.width": 96}),
    "cyclegan": Pair("cyclegan", 32, 8, digits, digit_figures, {"gan.width": 64, "gan.blocks": 6, "gan.batch": 8}),
    "cyclegan_pacs": Pair("cyclegan", 96, 4, photos_and_cartoons, cartoon_figures, {"gan.batch": 4}),
    "srresnet": Pair("srgan", 96, 16, patches, enlarged_figures, {"gan.pixels": 1.0}),
}


if __name__ == "__main__":
    main()
