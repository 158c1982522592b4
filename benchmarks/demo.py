"""What dazoo does, in a few minutes on two cores and without network: `make demo`.

First a trained entry reads drawn Indian signs, as crops and in a road scene, and its GAN draws some of its own. Then a small
recipe is trained on the embedded scenario, beside the same network without adaptation. Two pictures are written to demo/.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.figure import SubFigure
from PIL import Image

import dazoo
from dazoo.cli.drawing import paint_places
from dazoo.cli.output import emit_columns
from dazoo.data import load_scenario
from dazoo.errors import DazooError
from dazoo.errors import UnknownName
from dazoo.metrics.intervals import wilson
from dazoo.models import Model
from dazoo.models import Prediction
from dazoo.models.places import Place
from dazoo.registry.plugins import zoo
from dazoo.runs.training import Trained
from dazoo_signs.synsigns import draw
from dazoo_signs.synsigns import scene
from dazoo_signs.synsigns.scene import SignBox


ENTRY = "fcn-dcgan-gtsrb2india"
SCENARIO = "synsigns"
RECIPES = {"source-only": f"fcn-source-{SCENARIO}", "adapted": f"fcn-mean_teacher-{SCENARIO}"}
SETTINGS = {
    "epochs": 8, "steps_per_epoch": 200, "batch": 32, "size": 32, "lr": 3e-3, "weight_decay": 0.05, "ema": 0.99, "augment": "signs",
    "backbone.width": 16,
}  # fmt: skip
"""Settings of both runs of the demo: a narrow network and few steps."""

SELF_TRAINING = {"method.threshold": 0.8}
"""Settings of the adapted run's method: a small network is wrong more often, so its labels need more confidence."""

SIGNS = ("Stop", "Speed limit 30", "Pedestrians", "No entry", "Turn left ahead")
RIGHT, WRONG, PLAIN = "#1a7f37", "#cf222e", "#57606a"
COLUMNS = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=ENTRY, help="entry, dir:FOLDER or hub:user/repo that reads the signs (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the pictures (%(default)s)")
    parser.add_argument("--epochs", type=int, default=SETTINGS["epochs"], help="length of the two training runs (%(default)s)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        read_signs(options.model, options.out / "predictions.png")
        train_small(options.out / "training.png", options.epochs)
    except DazooError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return exc.exit_code
    print(f"\nDone in {time.monotonic() - began:.0f} s. What next: 'dazoo list', 'dazoo show {RECIPES['adapted']}', README.md")
    return 0


# ------------------------------------------------------------------ a trained entry


def read_signs(name: str, out: Path) -> None:
    """Load a model, show it signs, and draw what it says."""
    print(f'1. dazoo.load("{name}")')
    try:
        model = dazoo.load(name)
    except UnknownName as exc:
        print(f"   It is not installed here, so this part is left out. ({exc})")
        return
    print(f"   {model!r}")
    classes = list(model.classes)
    images, labels = draw(4 * COLUMNS, variant="indian", seed=2024, size=64, classes=classes, split="demo")
    found = model.predict(images)
    right = sum(p.label == classes[y] for p, y in zip(found, labels, strict=True))
    interval = wilson(right, len(found))
    print(f"   {right} of {len(found)} freshly drawn Indian signs read right: {_per_cent(right / len(found))}", end="")
    print(f" (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f})")
    figure = Figure(figsize=(15, 15), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{model.name}", fontsize=17, weight="bold", x=0.012, ha="left")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(7.2, 5.2, 2.0))
    _crops(top, images, [classes[y] for y in labels], found, f"{right} of {len(found)} drawn Indian signs read right")
    _scene(middle, model)
    _drawn(bottom, model)
    figure.savefig(out, dpi=110)
    print(f"   predictions, class map and generated signs: {out}\n")


def _crops(figure: SubFigure, images: np.ndarray, truth: Sequence[str], found: Sequence[Prediction], title: str) -> None:
    """The signs with what the model says, green where it is right."""
    figure.suptitle(title, fontsize=13, x=0.012, ha="left")
    for axes, image, label, prediction in zip(figure.subplots(4, COLUMNS).flat, images, truth, found, strict=True):
        good = prediction.label == label
        axes.imshow(image, interpolation="bicubic")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=RIGHT if good else WRONG, linewidth=2.5)
        words = textwrap.shorten(prediction.label, 38, placeholder="...")
        axes.set_xlabel(f"{textwrap.fill(words, 19)}\n{100 * prediction.score:.0f} %", color=RIGHT if good else WRONG, fontsize=8)


def _scene(figure: SubFigure, model: Model) -> None:
    """A road with several signs and the class map that the same network gives for it in one pass."""
    wanted = [s for s in SIGNS if s in model.classes]
    large, boxes = scene(np.random.default_rng(11), (960, 2160), signs=wanted)
    rows = slice(96, 768)
    large = large[rows]
    factor = 0.9 * model.size / np.median([b.x1 - b.x0 for b in boxes])  # signs as large as those in the training crops
    side = [round(factor * n) for n in (large.shape[1], large.shape[0])]
    small = np.asarray(Image.fromarray(large).resize(side, Image.Resampling.BOX))

    def truth(place: Place) -> str | None:
        left, top, right, bottom = place.box
        return _at(boxes, (left + right) / 2 / factor, (top + bottom) / 2 / factor + rows.start)

    def edge(place: Place) -> str:
        there = truth(place)
        return PLAIN if there is None else RIGHT if there == place.label else WRONG

    seen = model.places(small, sizes=(model.size * 0.85, model.size, model.size * 1.2))
    paint_places(figure.subplots(), small, seen, shown=large, edge=edge)
    right = sum(truth(p) == p.label for p in seen.places)
    title = "A larger picture: what the same network finds there, green where it is right, red where it is another sign;"
    figure.suptitle(f"{title} grey where there is none", fontsize=13, x=0.012, ha="left")
    print(f"   road scene: {right} of {len(wanted)} signs among the {len(seen.places)} places found")


def _at(boxes: Sequence[SignBox], x: float, y: float) -> str | None:
    """Class of the sign at a place of the scene, or None."""
    from dazoo_signs.synsigns import CLASSES

    return next((CLASSES[b.class_index] for b in boxes if b.x0 <= x <= b.x1 and b.y0 <= y <= b.y1), None)


def _drawn(figure: SubFigure, model: Model) -> None:
    """Pictures that the model's GAN draws, a class each."""
    if model.recipe["gan"] is None:
        figure.suptitle("The recipe has no GAN, so nothing is generated", fontsize=13, x=0.012, ha="left")
        return
    n = min(COLUMNS, len(model.classes))
    chosen = [model.classes[round(i)] for i in np.linspace(0, len(model.classes) - 1, n)]
    pictures = model.generate(n, labels=chosen, seed=1)  # (n, C, size, size)
    figure.suptitle("model.generate(): drawn by the recipe's GAN, which taught the network", fontsize=13, x=0.012, ha="left")
    for axes, picture, label in zip(figure.subplots(1, n).flat, pictures, chosen, strict=True):
        axes.imshow((picture.permute(1, 2, 0).numpy() + 1) / 2, interpolation="bicubic")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(textwrap.fill(textwrap.shorten(label, 38, placeholder="..."), 19), color=PLAIN, fontsize=8)


# ------------------------------------------------------------------ a small training


def train_small(out: Path, epochs: int) -> None:
    """Train with and without adaptation on the embedded scenario, and draw both runs."""
    print(f"2. dazoo train {RECIPES['adapted']}: labelled German-style signs, Indian-style ones without labels")
    settings = {**SETTINGS, "epochs": epochs}
    extra = {"source-only": {}, "adapted": SELF_TRAINING}
    runs = {what: dazoo.train(name, settings={**settings, **extra[what]}, seed=0, source_only=False) for what, name in RECIPES.items()}
    domains = load_scenario(zoo().scenarios.build(SCENARIO), size=runs["adapted"].model.size, zoo=zoo())
    labels = torch.from_numpy(np.asarray(domains.target_test.labels))
    curves = {what: [float((p == labels).float().mean()) for p in run.history.predictions] for what, run in runs.items()}
    before, after = (runs[what].numbers for what in RECIPES)
    rows = [("", "source-only", "adapted")]
    rows.append(("last epoch", _per_cent(before.last), _per_cent(after.last)))
    rows.append(("chosen without target labels", _per_cent(before.chosen), _per_cent(after.chosen)))
    rows.append(("oracle (best by target labels)", _per_cent(before.oracle), _per_cent(after.oracle)))
    print(f"   accuracy on {len(labels)} Indian-style signs, {epochs} epochs, one seed:")
    sys.stdout.flush()
    emit_columns(rows, indent=3)
    _curves(runs, curves, out)
    print(f"   curves: {out}")


def _curves(runs: dict[str, Trained], curves: dict[str, list[float]], out: Path) -> None:
    figure = Figure(figsize=(11, 4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for (what, values), colour in zip(curves.items(), (PLAIN, RIGHT), strict=True):
        left.plot(range(1, len(values) + 1), [100 * v for v in values], "o-", color=colour, label=f"{what}: {RECIPES[what]}")
        left.annotate(f"{100 * values[-1]:.0f} %", (len(values), 100 * values[-1]), (6, -3), textcoords="offset points", color=colour)
    left.set(xlabel="epoch", ylabel="accuracy, %", title="Target accuracy (labels are only counted with)", ylim=(0, 100))
    left.legend(frameon=False, loc="upper left", fontsize=8)
    terms = runs["adapted"].history.terms
    for name in terms[-1]:
        right.plot(range(1, len(terms) + 1), [t.get(name, float("nan")) for t in terms], "o-", label=name)
    right.set(xlabel="epoch", title=f"Loss terms of {RECIPES['adapted']}")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, dpi=110)


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
