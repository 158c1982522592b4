"""Train GANs alone on real pictures, several seeds of each, and print what a table of them needs: figures, minutes, and a sheet of samples.

    python benchmarks/gan_zoo.py --data DIR --pictures DIR --vgg FILE --out runs/gan_zoo [--only cgan-signs vanilla] [--seeds 3]

What is trained stands in gan_zoo.toml. `images`, `to` and `test` there are registered data sets (below --data), else folders below
--pictures, which are not here. FILE is torchvision's VGG16 (convolutions, safetensors), in whose features FID and KID are counted. A reader
says which class a drawn picture shows; this script trains it on the real pictures. Finished rows are kept in --out.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from gan_jobs import JOBS
from gan_jobs import SHOWN
from gan_jobs import set_for
from gan_jobs import spaced
from PIL import Image
from PIL import ImageDraw

import dazoo
from dazoo.data.one_set import is_registered
from dazoo.metrics.intervals import summarise
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.grids import grid_png
from dazoo.models.grids import rows_png
from dazoo.plain import write_whole
from dazoo.registry.plugins import zoo
from dazoo.runs.gan_scoring import score_gan


ROWS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
SCORED = ("fid", "kid", "precision", "recall", "density", "coverage")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pictures", type=Path, default=Path())
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/gan_zoo"))
    parser.add_argument("--only", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ship", action="store_true", help="also write the entries that come with dazoo, from the first seed")
    parser.add_argument("--poster", type=Path, help="also draw into this file the sheets that show no data set, of first seeds")
    asked = parser.parse_args()
    for name in asked.only:
        found = [row(name, seed, asked) for seed in range(asked.seeds)]
        lines = {figure: over_seeds([one["figures"][figure] for one in found]) for figure in found[0]["figures"]}
        print(name, *(f"  {figure}: {line}" for figure, line in lines.items()), f"  {found[0]['protocol']}", sep="\n", flush=True)
        if asked.ship and "entry" in ROWS[name]:
            ship(name, found[0], lines, asked)
    if asked.poster is not None:
        drawn = [name for name in ROWS if "test" not in ROWS[name]]  # the sheets of the others show pictures of the data sets
        sheets = {name: asked.out / f"{name}-seed0" / "sheet.png" for name in drawn}
        poster({name: sheet for name, sheet in sheets.items() if sheet.exists()}).save(asked.poster, optimize=True)


def row(name: str, seed: int, asked: Any) -> dict[str, Any]:
    """The figures of one training and their protocol, from the folder of a finished one where there is one."""
    spec, folder = ROWS[name], asked.out / f"{name}-seed{seed}"
    kept = folder / "figures.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    images, to, test = (place(spec.get(key), asked) for key in ("images", "to", "test"))
    where = {"data": asked.data, "device": asked.device}
    trained = dazoo.train_gan(spec["gan"], images, to, out=folder, seed=seed, settings=spec["settings"], **where)
    model, protocol = trained.model, ""
    job = spec.get("job", "generate")
    if job == "generate":
        reader = reader_of(images, model, asked) if model.classes else None
        scores, reading = score_gan(model, images, asked.vgg, reader=reader, seed=seed, **where)
        figures, protocol = {figure: scores[figure].value for figure in SCORED}, str(scores["fid"].protocol)
        figures |= {} if reading is None else {"read as asked": reading.share}
        labels = [i % len(model.classes) for i in range(64)] if model.classes else None
        sheet = grid_png(model.generate(64, labels=labels, seed=0))
    else:
        reader = reader_of(to, model, asked) if job == "translate" else None
        figures, rows = JOBS[job](model, SimpleNamespace(test=test, images=images, reader=reader, data=asked.data, vgg=asked.vgg))
        sheet = rows_png(*map(spaced, rows))
    (folder / "sheet.png").write_bytes(sheet)
    figures["minutes"] = trained.model.config["results"]["seconds"] / 60
    found = {"figures": figures, "protocol": protocol}
    write_whole(kept, json.dumps(found, indent=1))
    return found


def ship(name: str, first: dict[str, Any], lines: dict[str, str], asked: Any) -> None:
    """The model of the first seed as an entry; its card has this seed's figures, and those of all seeds in a sentence."""
    folder = Path(__file__).parents[1] / ROWS[name]["entry"]
    model = dazoo.load_gan(asked.out / f"{name}-seed0" / "model")
    said = "; ".join(f"{figure} {line}" for figure, line in lines.items() if figure != "minutes")
    results = {figure: value for figure, value in first["figures"].items() if figure != "minutes"}
    protocol = first["protocol"] or f"{ROWS[name]['job']} on {ROWS[name].get('test', 'new shapes')} (benchmarks/gan_jobs.py)"
    model.config |= {"name": folder.name, "results": model.config["results"] | results | {"seeds": said, "protocol": protocol}}
    save_gan(model, folder, critic="job" not in ROWS[name], address=folder.name)  # a job from pictures needs no critic
    print(f"  {folder} is written; dazoo cards check model_cards --write makes its card")


def poster(sheets: dict[str, Path]) -> Image.Image:
    """The first three rows of each sheet under its name, on white."""
    pictures = {name: Image.open(sheet).convert("RGB") for name, sheet in sheets.items()}
    pictures = {name: p.crop((0, 0, p.width, min(p.height, 3 * (p.width // SHOWN)))) for name, p in pictures.items()}
    above = 16
    page = Image.new("RGB", (max(p.width for p in pictures.values()), sum(p.height + above for p in pictures.values())), "white")
    y = 0
    for name, picture in pictures.items():
        ImageDraw.Draw(page).text((2, y + 2), name, fill="black")
        page.paste(picture, (0, y + above))
        y += picture.height + above
    return page


def over_seeds(values: list[float]) -> str:
    """Mean, half of the 95 % t interval where there are seeds, and the seeds."""
    summary = summarise(values)
    half = "" if summary.interval is None or len(set(values)) == 1 else f" ± {summary.interval.half:.3g}"
    return f"{summary.mean:.4g}{half} ({', '.join(f'{value:.4g}' for value in values)})"


def place(wanted: str | None, asked: Any) -> Any:
    """A registered data set's name, a folder of pictures, or None."""
    return wanted if wanted is None or is_registered(wanted, zoo()) else asked.pictures / wanted


def reader_of(images: Any, model: GANModel, asked: Any) -> Path:
    """A network that was trained on real pictures with labels, in the size and channels of the model; it saw no drawn one."""
    folder = asked.out / f"reader-{Path(images).name}"
    if not (folder / "model").exists():
        real = set_for(model, images, asked.data, "train")
        settings = {
            "epochs": 4,
            "steps_per_epoch": 250,
            "batch": 64,
            "size": model.size,
            "channels": model.channels,
            "crop": False,
            "augment": "none",
        }
        some = real.select(np.arange(0, len(real), max(1, len(real) // 2000)))
        trained = dazoo.train("fcn-source", source=real, target=some, out=folder, settings=settings, source_only=False, device=asked.device)
        print(f"{folder}: {trained.verdict.sentence}", flush=True)
    return folder / "model"


if __name__ == "__main__":
    main()
