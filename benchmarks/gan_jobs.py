"""The jobs that GANs do from pictures, each beside what needs no learning, on pictures that it did not learn from.

python benchmarks/gan_jobs.py upscale  MODEL --test DIR               PSNR and SSIM, RGB and Y, beside bicubic
python benchmarks/gan_jobs.py colorize MODEL --test DIR               error in ab, colourfulness, beside grey and the mean colour
python benchmarks/gan_jobs.py inpaint  MODEL --test DIR               PSNR in the hole, beside the mean colour
python benchmarks/gan_jobs.py translate MODEL --test DIR --reader M   what a fixed classifier reads, before and after; labels are folders

MODEL is a saved GAN. --images DIR, what it learnt from, gives the mean colour. --out FILE draws what was given, made and true.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import dazoo
from dazoo.data.files import picture_files
from dazoo.data.one_set import read_set
from dazoo.metrics.pictures import colourfulness
from dazoo.metrics.pictures import compare_pairs
from dazoo.metrics.pictures import read_classes
from dazoo.models.gan_model import GANModel
from dazoo.models.grids import rows_png
from dazoo.registry.plugins import zoo


SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("upscale", "colorize", "inpaint", "translate"))
    parser.add_argument("model")
    parser.add_argument("--test", required=True)
    parser.add_argument("--images")
    parser.add_argument("--reader")
    parser.add_argument("--data")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model = dazoo.load_gan(given.model)
    rows = {"upscale": upscale, "colorize": restored, "inpaint": restored, "translate": translate}[given.job](model, given)
    if given.out is not None and rows:
        given.out.write_bytes(rows_png(*(row[:SHOWN] for row in rows)))


def upscale(model: GANModel, given: Any) -> list[Tensor]:
    """Each picture at its own size, cut to a multiple of the scale, made small by Pillow's bicubic filter."""
    scale, found = int(model.gan.scale), []
    shown: list[list[Tensor]] = [[], [], [], []]
    for file in picture_files(Path(given.test)):
        with Image.open(file) as opened:
            real = opened.convert("RGB")
        w, h = (side - side % scale for side in real.size)
        real = real.crop((0, 0, w, h))
        small = real.resize((w // scale, h // scale), Image.Resampling.BICUBIC)
        true, easy = np.asarray(real)[None], np.asarray(small.resize((w, h), Image.Resampling.BICUBIC))[None]
        made = pixels(model.upscale([np.asarray(small)]))
        pairs = [compare_pairs(true, x, channel=channel, border=4) for channel in ("rgb", "y") for x in (easy, made)]
        found.append([figures[name].value for figures in pairs for name in ("psnr", "ssim")])
        for row, x in zip(shown, (np.asarray(small.resize((w, h), Image.Resampling.NEAREST))[None], easy, made, true), strict=True):
            row.append(centre(x))
    mean = np.mean(found, 0)
    print(f"{len(found)} pictures, x{scale}, border 4: PSNR (dB), SSIM")
    for i, channel in enumerate(("RGB", "Y")):
        print(f"  {channel}: bicubic {mean[4 * i]:.2f} {mean[4 * i + 1]:.4f}, {model.name} {mean[4 * i + 2]:.2f} {mean[4 * i + 3]:.4f}")
    return [torch.cat(row) for row in shown]


def restored(model: GANModel, given: Any) -> list[Tensor]:
    """What was taken from the test pictures, given back."""
    true = test_set(model, given.test, given.data)
    start = model.gan.start(true)
    made = model.from_given(start)
    mean = (true if given.images is None else test_set(model, given.images, given.data)).mean((0, 2, 3), keepdim=True).expand_as(true)
    if given.job == "colorize":
        tinted = (start + mean - mean.mean(1, keepdim=True)).clamp(-1, 1)
        print(f"{len(true)} pictures: mean error in ab, colourfulness ({float(colourfulness(true).mean()):.1f} in the real ones)")
        for name, x in (("grey", start), ("mean colour", tinted), (model.name, made)):
            print(f"  {name}: {compare_pairs(true, x, which=('ab_error',))['ab_error'].value:.2f}, {float(colourfulness(x).mean()):.1f}")
    else:
        hole = (start != true).any(1, keepdim=True).expand_as(true)
        print(f"{len(true)} pictures: PSNR in the hole, dB")
        for name, x in (("mean colour", mean), (model.name, made)):
            error = ((x - true).square() * hole).flatten(1).sum(1) / hole.flatten(1).sum(1) / 4
            print(f"  {name}: {float((-10 * error.clamp_min(1e-10).log10()).mean()):.2f}")
    return [start, made, true]


def translate(model: GANModel, given: Any) -> list[Tensor]:
    """Pictures of the first set, with labels, as they are and translated, before a classifier of the second set."""
    images = read_set(given.test, size=model.size, channels=model.channels, zoo=zoo(), data=given.data)
    reader = dazoo.load(given.reader)
    assert images.labels is not None
    asked = np.array([reader.classes.index(name) for name in images.classes])[images.labels]
    real = torch.from_numpy(np.asarray(images.images)).permute(0, 3, 1, 2).float() / 127.5 - 1
    made = model.translate(list(np.asarray(images.images)))
    for name, x in (("as they are", real), (f"translated by {model.name}", made)):
        print(f"{name}: {read_classes(reader, x, asked)}")
    return [real, made]


def test_set(model: GANModel, place: Any, data: Any) -> Tensor:
    images = read_set(place, size=model.size, channels=model.channels, zoo=zoo(), data=data)
    return torch.from_numpy(np.asarray(images.images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def pixels(images: Tensor) -> np.ndarray:
    """(N, C, H, W) in [-1, 1] to (N, H, W, C) uint8."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def centre(x: np.ndarray, side: int = 128) -> Tensor:
    """The middle of a picture (1, H, W, C) uint8, (1, C, side, side) in [-1, 1]."""
    top, left = ((d - side) // 2 for d in x.shape[1:3])
    return torch.from_numpy(x[:, top : top + side, left : left + side].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1


if __name__ == "__main__":
    main()
