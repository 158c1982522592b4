"""The jobs that GANs do from pictures, each beside what needs no learning, on pictures that it did not learn from.

python benchmarks/gan_jobs.py upscale  MODEL --test DIR [--vgg FILE]  PSNR and SSIM, RGB and Y, LPIPS-like distance, beside bicubic
python benchmarks/gan_jobs.py colorize MODEL --test DIR               error in ab, colourfulness, beside grey and the mean colour
python benchmarks/gan_jobs.py inpaint  MODEL --test DIR               PSNR in the hole, beside the mean colour
python benchmarks/gan_jobs.py translate MODEL --test DIR --reader M   what a fixed classifier reads, before and after; labels are folders
python benchmarks/gan_jobs.py voxelize MODEL [--test FILE]            IoU of volumes read from silhouettes, beside the best mean shape

MODEL is a saved GAN. --test may be a registered data set too, of which the test split is taken. --images, what it learnt from, gives the
mean colour. FILE of --vgg is torchvision's VGG16 (convolutions, safetensors). --out FILE draws what was given, made and true.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import dazoo
from dazoo.contracts.images import ImageSet
from dazoo.data.files import picture_files
from dazoo.data.one_set import read_set
from dazoo.metrics.pictures import colourfulness
from dazoo.metrics.pictures import compare_pairs
from dazoo.metrics.pictures import read_classes
from dazoo.models.extracting import extractor_of
from dazoo.models.gan_model import GANModel
from dazoo.models.grids import rows_png
from dazoo.registry.plugins import zoo
from dazoo_volume_gans.shapes import iou
from dazoo_volume_gans.shapes import procedural
from dazoo_volume_gans.shapes import read_voxels


SHOWN = 8


Rows = list[Tensor]
"""What a job draws, one below another: (N, C, H, W) in [-1, 1] each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=sorted(JOBS))
    parser.add_argument("model")
    parser.add_argument("--test")
    parser.add_argument("--images")
    parser.add_argument("--reader")
    parser.add_argument("--data")
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.test is None and given.job != "voxelize":
        parser.error(f"{given.job} needs --test")
    figures, rows = JOBS[given.job](dazoo.load_gan(given.model), given)
    for name, value in figures.items():
        print(f"{name}: {value:.4g}")
    if given.out is not None:
        given.out.write_bytes(rows_png(*map(spaced, rows)))


def upscale(model: GANModel, given: Any) -> tuple[dict[str, float], Rows]:
    """Each picture at its own size, cut to a multiple of the scale, made small by Pillow's bicubic filter; the border is 4."""
    scale, found = int(model.gan.scale), []
    extractor = None if given.vgg is None else extractor_of(given.vgg, device="cpu")
    shown: list[list[Tensor]] = [[], [], [], []]
    for file in picture_files(Path(given.test)):
        with Image.open(file) as opened:
            real = opened.convert("RGB")
        w, h = (side - side % scale for side in real.size)
        real = real.crop((0, 0, w, h))
        small = real.resize((w // scale, h // scale), Image.Resampling.BICUBIC)
        true, easy = np.asarray(real)[None], np.asarray(small.resize((w, h), Image.Resampling.BICUBIC))[None]
        made, figures = pixels(model.upscale([np.asarray(small)])), {}
        for who, x in (("bicubic", easy), ("it", made)):
            for channel in ("rgb", "y"):
                for name, figure in compare_pairs(true, x, channel=channel, border=4).items():
                    figures[f"{name.upper()} {channel.upper()}, {who}"] = figure.value
            if extractor is not None:
                near = compare_pairs(true, x, which=("lpips_like",), border=4, extractor=extractor)
                figures[f"LPIPS-like, {who}"] = near["lpips_like"].value
        found.append(figures)
        for row, x in zip(shown, (np.asarray(small.resize((w, h), Image.Resampling.NEAREST))[None], easy, made, true), strict=True):
            row.append(middle(floats(x)))
    return {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}, [torch.cat(row) for row in shown]


def colorize(model: GANModel, given: Any) -> tuple[dict[str, float], Rows]:
    """Colours for the test pictures' grey ones."""
    start, made, true, mean = restored(model, given)
    tinted = (start + mean - mean.mean(1, keepdim=True)).clamp(-1, 1)
    figures = {"colourfulness, real": float(colourfulness(true).mean())}
    for name, x in (("grey", start), ("mean colour", tinted), ("it", made)):
        figures[f"error in ab, {name}"] = compare_pairs(true, x, which=("ab_error",))["ab_error"].value
        figures[f"colourfulness, {name}"] = float(colourfulness(x).mean())
    return figures, [start, made, true]


def inpaint(model: GANModel, given: Any) -> tuple[dict[str, float], Rows]:
    """What was cut out of the test pictures, and the PSNR there."""
    start, made, true, mean = restored(model, given)
    hole = (start != true).any(1, keepdim=True).expand_as(true)
    figures = {}
    for name, x in (("mean colour", mean), ("it", made)):
        error = ((x - true).square() * hole).flatten(1).sum(1) / hole.flatten(1).sum(1) / 4
        figures[f"PSNR in the hole, {name}"] = float((-10 * error.clamp_min(1e-10).log10()).mean())
    return figures, [start, made, true]


def translate(model: GANModel, given: Any) -> tuple[dict[str, float], Rows]:
    """At most 2,000 pictures of the first set, with labels, as they are and translated, before a classifier of the second set."""
    images = set_for(model, given.test, given.data, "test")
    images = images.select(np.random.default_rng(0).permutation(len(images))[:2000])
    reader = dazoo.load(given.reader)
    assert images.labels is not None
    asked = np.array([reader.classes.index(name) for name in images.classes])[images.labels]
    real = floats(images.images)
    made = model.translate(list(np.asarray(images.images)))
    figures = {}
    for name, x in (("as they are", real), ("translated", made)):
        figures[f"read right, {name}"] = read_classes(reader, x, asked).share
    return figures, [real, made]


def voxelize(model: GANModel, given: Any) -> tuple[dict[str, float], Rows]:
    """Volumes read from silhouettes of 500 new shapes, or of those of a file, beside the best of all mean shapes."""
    torch.manual_seed(10)
    gan: Any = model.gan
    side = gan.voxels
    shapes = procedural(500, side) if given.test is None else read_voxels(given.test, side)
    seen = gan.seen(shapes)
    with torch.no_grad():
        read = gan.voxelize(seen)
    mean = shapes.mean(0, keepdim=True)
    easy = max(float(iou((mean > level).float().expand_as(shapes), shapes).mean()) for level in np.linspace(0.05, 0.95, 19))
    return {"IoU, mean shape": easy, "IoU, it": float(iou(read, shapes[:, 0]).mean())}, [seen, gan.seen(read[:, None])]


def restored(model: GANModel, given: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Test pictures with something taken away, what the model makes of them, they themselves, and the mean picture."""
    true = floats(set_for(model, given.test, given.data, "test").images)
    start = model.gan.start(true)
    learnt = true if given.images is None else floats(set_for(model, given.images, given.data, "train").images)
    mean = learnt.mean((0, 2, 3), keepdim=True).expand_as(true)
    return start, model.from_given(start), true, mean


def set_for(model: GANModel, place: Any, data: Any, split: str) -> ImageSet:
    """A folder's pictures, or those of one split of a registered data set, in the size and channels of the model."""
    return read_set(place, size=model.size, channels=model.channels, zoo=zoo(), data=data, split=split)


def floats(images: np.ndarray) -> Tensor:
    """(N, H, W, C) uint8 to (N, C, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def spaced(row: Tensor) -> Tensor:
    """SHOWN of the pictures, from all parts of a set that may be in the order of its classes."""
    return row[:: max(1, len(row) // SHOWN)][:SHOWN]


def pixels(images: Tensor) -> np.ndarray:
    """(N, C, H, W) in [-1, 1] to (N, H, W, C) uint8."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def middle(image: Tensor, side: int = 128) -> Tensor:
    """The middle (N, C, side, side) of larger pictures."""
    top, left = ((d - side) // 2 for d in image.shape[2:])
    return image[:, :, top : top + side, left : left + side]


JOBS: Mapping[str, Callable[[GANModel, Any], tuple[dict[str, float], Rows]]] = {
    "upscale": upscale,
    "colorize": colorize,
    "inpaint": inpaint,
    "translate": translate,
    "voxelize": voxelize,
}


if __name__ == "__main__":
    main()
