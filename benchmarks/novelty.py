"""Which score tells a model's own kind of pictures from others best? The table of docs/scores.md.

Held-out signs of the scenario's source stand against patches of street scenes without signs and of photographs.

python benchmarks/novelty.py --data DIR --streets FOLDER --photographs FOLDER [ENTRY ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import dazoo
from dazoo.contracts import Outputs
from dazoo.data import picture_files
from dazoo.data import read_picture
from dazoo.data.pixels import resized
from dazoo.data.scenario import load_scenario
from dazoo.metrics import novelty
from dazoo.models.model import Model
from dazoo.registry.plugins import zoo


SIGN = 6
"""Value of a sign in the label maps of CamVid (SegNet's version), which lie in a folder "...annot" beside each folder of pictures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="*", default=["fcn-dcgan-gtsrb2india", "fcn-source-gtsrb2india"])
    for name in ("--data", "--streets", "--photographs"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    for entry in given.entries:
        model = dazoo.load(entry)
        scenario = zoo().scenarios.build(str(model.recipe["scenario"]))
        sets = load_scenario(scenario, given.data, size=model.size, channels=model.channels, zoo=zoo())
        train, held_out, target = (see(model, s.images) for s in (sets.source_train, sets.source_test, sets.target_test))
        right = held_out.logits.argmax(1) == torch.from_numpy(sets.source_test.labels)
        target_right = target.logits.argmax(1) == torch.from_numpy(sets.target_test.labels)
        others = [see(model, patches(folder, model.size)) for folder in (given.streets, given.photographs)]
        print(f"{entry}\nscore | AUROC streets | photographs | kept of them at 95 % | right target pictures turned away")
        for name, score in scores(model, train, torch.from_numpy(sets.source_train.labels)).items():
            known = score(held_out)
            least = torch.quantile(known[right], 0.05)
            kept = " ".join(f"{(score(o) >= least).float().mean():.3f}" for o in others)
            areas = " | ".join(f"{novelty.auroc(known, score(o)):.3f}" for o in others)
            print(f"{name} | {areas} | {kept} | {(score(target)[target_right] < least).float().mean():.3f}")


def scores(model: Model, train: Outputs, labels: Tensor) -> dict[str, Callable[[Outputs], Tensor]]:
    """Every score that is compared, by name."""
    assert model.familiar is not None
    return {
        "highest probability": lambda o: novelty.highest_probability(o.logits),
        "highest logit": lambda o: novelty.highest_logit(o.logits),
        "energy": lambda o: novelty.energy(o.logits),
        "Mahalanobis": lambda o: novelty.mahalanobis(o.features, train.features, labels),
        "nearest neighbour": lambda o: model.familiar.raw(o.features),
    }


def see(model: Model, images: np.ndarray) -> Outputs:
    """Features and logits of pictures (N, H, W, C) uint8."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), 256):
            parts.append(model.read(model.preprocess(images[start : start + 256])))
    return Outputs(torch.cat([p.features for p in parts]), torch.cat([p.logits for p in parts]))


def patches(folder: Path, size: int, each: int = 4) -> np.ndarray:
    """Squares of 20 to 70 pixels, at random places of every second picture, without a pixel of a sign where there are label maps."""
    rng, found = np.random.default_rng(0), []
    for path in picture_files(folder)[::2]:
        if "annot" in path.parent.name:
            continue
        picture = read_picture(path)
        labels = path.parent.with_name(f"{path.parent.name}annot") / f"{path.stem}.png"
        signs = read_picture(labels, channels=1)[..., 0] == SIGN if labels.is_file() else np.zeros(picture.shape[:2], bool)
        for _ in range(each):
            side = int(rng.integers(20, 70))
            y, x = (int(rng.integers(0, n - side)) for n in picture.shape[:2])
            if not signs[y : y + side, x : x + side].any():
                found.append(resized(picture[None, y : y + side, x : x + side], size)[0])
    return np.stack(found)


if __name__ == "__main__":
    main()
