"""How large figures of good and of bad pictures are: real pictures against other real ones, blurred ones, noise, and other digits.

    python benchmarks/gan_metrics.py --data DIR --extractor ENTRY --extractor pretrained/vgg16_features.safetensors

DIR holds gtsrb_32.npz, mnist.npz and usps.npz; a relative file of weights is looked for in DIR. Each network reads each picture once. The
tables are printed as they stand in docs/gan-metrics.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.metrics.pictures import Extractor
from dazoo.metrics.pictures import compare_features
from dazoo.metrics.pictures.given import floats_of
from dazoo.metrics.pictures.given import pixels_of
from dazoo.models.extracting import extractor_of


SIZES = (500, 1000, 2000)
"""Pictures in each half of the real ones; all other rows have the middle number."""

WHICH = ("fid", "kid", "precision_recall", "density_coverage")


def signs(data: Path, n: int, seed: int) -> np.ndarray:
    """`n` pictures of GTSRB's official test set, in random order."""
    with np.load(data / "gtsrb_32.npz") as pack:
        images = pack["x_test"]
    return images[np.random.default_rng(seed).permutation(len(images))[:n]]


def digits(data: Path, name: str, n: int) -> Tensor:
    """The first `n` test digits, brought to 28 pixels, as uint8 (n, 1, 28, 28)."""
    with np.load(data / f"{name}.npz") as pack:
        images = pack["x_test"][:n]
    pixels = pixels_of(images.reshape(len(images), *images.shape[1:3], 1), name)
    return from_floats(F.interpolate(floats_of(pixels), (28, 28), mode="bilinear", antialias=True))


def from_floats(images: Tensor) -> Tensor:
    return pixels_of(images.clamp(-1, 1), "The pictures")


def blurred(pixels: Tensor, side: int) -> Tensor:
    """The mean of `side` x `side` pixels at each place."""
    return from_floats(F.avg_pool2d(floats_of(pixels), side, 1, side // 2, count_include_pad=False))


def cases(data: Path, seed: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """What is compared: name, real pictures, the others."""
    most, middle = SIZES[-1], SIZES[1]
    images = pixels_of(signs(data, 2 * most, seed), "The signs")
    first, second = images[:most], images[most:]
    for n in SIZES:
        yield f"signs, two halves, n = {n}", first[:n], second[:n]
    real, other = first[:middle], second[:middle]
    yield "signs, the same pictures", real, real
    for side in (3, 5):
        yield f"signs and blurred ones ({side} x {side} mean)", real, blurred(other, side)
    rng = torch.Generator().manual_seed(seed)
    yield "signs and 20 of them, repeated", real, other[:20].repeat(middle // 20, 1, 1, 1)
    yield "signs and uniform noise", real, torch.randint(256, other.shape, generator=rng, dtype=torch.uint8)
    mnist = digits(data, "mnist", 2 * middle)
    yield "MNIST, two halves", mnist[:middle], mnist[middle:]
    yield "MNIST and USPS", mnist[:middle], digits(data, "usps", middle)


class Features:
    """Features of pictures, each picture read once however often it is compared."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.seen: dict[bytes, Tensor] = {}

    def __call__(self, pixels: Tensor) -> Tensor:
        keys = [picture.numpy().tobytes() for picture in pixels]
        new = {key: i for i, key in enumerate(keys) if key not in self.seen}
        if new:
            self.seen.update(zip(new, self.extractor(pixels[list(new.values())])[0], strict=True))
        return torch.stack([self.seen[key] for key in keys])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--extractor", action="append", required=True, help="an entry, a model's folder or a file of weights; several times"
    )
    parser.add_argument("--size", type=int, help="side in pixels that the networks read, instead of their own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for ref in options.extractor:
        file = options.data / ref
        extractor = extractor_of(file if file.is_file() else ref, size=options.size)
        features, start = Features(extractor), time.perf_counter()
        print(f"\n{extractor.name}, sha256 {extractor.digest[:12]}, {extractor.size} px\n", flush=True)
        print("| pictures | FID | KID x 1000 | precision | recall | density | coverage |\n|---|---|---|---|---|---|---|")
        for name, real, other in cases(options.data, options.seed):
            found = {m.name: m for m in compare_features(features(real), features(other), which=WHICH, seed=options.seed)}
            kid = f"{1000 * found['kid'].value:.2f} ± {1000 * (found['kid'].spread or 0):.2f}"
            rest = " | ".join(f"{found[key].value:.2f}" for key in ("precision", "recall", "density", "coverage"))
            print(f"| {name} | {round(found['fid'].value, 2) + 0.0:.2f} | {kid} | {rest} |", flush=True)
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
