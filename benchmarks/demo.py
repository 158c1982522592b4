"""What dazoo does, in a few minutes on two cores and without network: `make demo`.

A small network learns handwritten digits from labelled pictures, and must read other hands on coloured grounds, for which it gets pictures
without labels: with and without adaptation, three seeds each. Then a trained entry reads drawn Indian signs. Pictures are written to demo/.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import dazoo
from dazoo.data import load_scenario
from dazoo.errors import DazooError
from dazoo.errors import UnknownName
from dazoo.metrics.intervals import summarise
from dazoo.metrics.intervals import wilson
from dazoo.registry.plugins import zoo
from dazoo.runs.training import Trained
from dazoo_signs.synsigns import draw


ENTRY = "fcn-source-gtsrb_synsigns2india"
SCENARIO = "optdigits2optdigits_m"
RECIPES = {"source-only": f"lenet-source-{SCENARIO}", "adapted": f"lenet-mean_teacher-{SCENARIO}"}
RIGHT, WRONG, PLAIN = "#1a7f37", "#cf222e", "#57606a"
ROWS, COLUMNS = 6, 8
SIGN_COLUMNS = 11


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=ENTRY, help="entry, folder or hub:user/repo that reads the signs (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the pictures (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="training runs of each kind (%(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="length of each run, 100 steps per epoch (%(default)s)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        adapt_digits(options.out / "adaptation.png", options.seeds, options.epochs)
        read_signs(options.model, options.out / "signs.png")
    except DazooError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("demo: stopped.", file=sys.stderr)
        return 130
    print(f"\nDone in {time.monotonic() - began:.0f} s. What next: 'dazoo list', 'dazoo show {RECIPES['adapted']}', README.md")
    return 0


# ------------------------------------------------------------------ training, with and without adaptation


def adapt_digits(out: Path, seeds: int, epochs: int) -> None:
    """Train both recipes with every seed, say what they reach, and draw what they answer."""
    print(f"1. dazoo train {RECIPES['adapted']}: labelled digits; others on coloured grounds, without labels")
    runs: dict[str, list[Trained]] = {what: [] for what in RECIPES}
    for seed in range(seeds):
        for what, name in RECIPES.items():
            trained = dazoo.train(name, seed=seed, settings={"epochs": epochs}, source_only=False)
            assert trained.numbers is not None
            runs[what].append(trained)
            print(f"   seed {seed}, {what:11}: {100 * trained.numbers.last:5.1f} % of the coloured digits read right", flush=True)
    last = {what: [r.numbers.last for r in some if r.numbers] for what, some in runs.items()}
    gains = [b - a for a, b in zip(*last.values(), strict=True)]
    print(f"   source-only {summarise(last['source-only'])}, adapted {summarise(last['adapted'])}: a gain of {summarise(gains)} points")
    domains = load_scenario(zoo().scenarios.build(SCENARIO), size=runs["adapted"][0].model.size, zoo=zoo())
    images, labels = domains.target_test.images, np.asarray(domains.target_test.labels)
    shown = np.arange(ROWS * COLUMNS)  # the first ones: none was picked
    figure = Figure(figsize=(11, 5.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    halves = figure.subfigures(1, 2, wspace=0.04)
    for half, (what, some) in zip(np.atleast_1d(halves), runs.items(), strict=True):
        found = some[0].history.predictions[-1].numpy()
        right = float((found == labels).mean())
        title = "learnt from plain digits alone" if what == "source-only" else "the same, adapted without labels"
        half.suptitle(f"{title}: {100 * right:.0f} % right", fontsize=12, color=WRONG if what == "source-only" else RIGHT)
        for axes, k in zip(half.subplots(ROWS, COLUMNS).flat, shown, strict=True):
            _answer(axes, images[k], str(found[k]), str(labels[k]), 9)
    figure.savefig(out, dpi=110)
    print(f"   the first {len(shown)} pictures with both answers (red: wrong, with the truth): {out}\n")


# ------------------------------------------------------------------ a trained entry


def read_signs(name: str, out: Path) -> None:
    """Load a model, show it drawn signs that it has not seen, and draw what it says."""
    print(f'2. dazoo.load("{name}")')
    try:
        model = dazoo.load(name)
    except UnknownName as exc:
        print(f"   It is not installed here, so this part is left out. ({exc})")
        return
    classes = list(model.classes)
    images, labels = draw(4 * SIGN_COLUMNS, variant="indian", seed=2024, size=64, classes=classes, split="demo")
    found = model.predict(images)
    right = sum(p.label == classes[y] for p, y in zip(found, labels, strict=True))
    interval = wilson(right, len(found))
    score = f"{right} of {len(found)} freshly drawn Indian signs read right"
    print(f"   {score} (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %)")
    print("   It learnt from German photographs and from signs drawn like these; its card says how it reads photographs of Indian signs.")
    figure = Figure(figsize=(15, 8.4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{model.name}: {score}", fontsize=14)
    for axes, image, y, prediction in zip(figure.subplots(4, SIGN_COLUMNS).flat, images, labels, found, strict=True):
        _answer(axes, image, prediction.label, classes[y], 8)
    figure.savefig(out, dpi=110)
    print(f"   what it says of each: {out}")


def _answer(axes: Axes, image: np.ndarray, said: str, truth: str, size: int) -> None:
    """A picture in a green or red frame with what a model says; beneath a wrong answer stands the truth."""
    good = said == truth
    axes.imshow(image, interpolation="bicubic")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=RIGHT if good else WRONG, linewidth=2.5)
    words = [textwrap.fill(textwrap.shorten(t, 38, placeholder="..."), 19) for t in (said, truth)]
    axes.set_xlabel(words[0] if good else f"{words[0]}\n({words[1]})", color=RIGHT if good else WRONG, fontsize=size)


if __name__ == "__main__":
    sys.exit(main())
