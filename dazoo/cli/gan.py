"""`dazoo gan`: GANs alone. Train one on a folder of pictures, then use it: one verb each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.options import Data
from dazoo.cli.options import Device
from dazoo.cli.options import Download
from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.options import Quiet
from dazoo.cli.options import Seed
from dazoo.cli.options import Set
from dazoo.cli.options import parse_settings
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import title
from dazoo.cli.train import mention_files
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo


if TYPE_CHECKING:
    from dazoo.models.gan_model import GANModel

app = typer.Typer(help="GANs alone: train one on pictures, then generate, translate, upscale, colorize or inpaint.", no_args_is_help=True)

Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURES...", help="Picture files, or folders of them.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the pictures that are made.", show_default=False)]
Truncation = Annotated[float, typer.Option(min=0, max=2, help="Below 1, pictures are more typical and less varied.")]
Sheet = Annotated[Path, typer.Option("--out", metavar="FILE", help="The sheet of pictures, a PNG.", show_default=False)]


@app.command("train")
def train(
    name: Annotated[str, typer.Argument(help="A GAN; 'dazoo list gans' shows them.", show_default=False)],
    images: Annotated[
        str, typer.Option(metavar="PLACE", help="Pictures: a folder, a table, or the name of a data set.", show_default=False)
    ],
    to: Annotated[
        str | None, typer.Option(metavar="PLACE", help="For a GAN that translates: pictures that the results should look like.")
    ] = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/gan-NAME-seedN unless given.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    settings: Set = None,
    select: Annotated[
        str, typer.Option(help="Weights to keep: the last, or the chosen ones, whose pictures are nearest to real.")
    ] = "last",
    download: Download = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a GAN on pictures. Rerun the command to resume; after each epoch a sheet of samples is in OUT/samples."""
    if select not in ("last", "chosen"):
        raise SettingsError(f"--select is {select!r}; expected 'last' or 'chosen'.")
    zoo().gans.get(name)
    wanted = parse_settings(settings or ())
    from dazoo.runs.gan_training import train_gan

    folder = out or Path("runs") / f"gan-{name.replace(':', '.').replace('/', '_')}-seed{seed}"
    where: dict[str, Any] = {"data": data, "download": download, "select": select, "quiet": quiet}
    trained = train_gan(name, images, to, out=folder, seed=seed, device=device, settings=wanted, **where)
    if not trained.first:
        return
    results = trained.model.config["results"]
    if as_json:
        emit_json({"name": trained.model.name, "seed": seed, "folder": folder, "model": trained.folder, "results": results})
        return
    title(trained.model.name)
    for figure, value in results.items():
        emit(f"  {figure}: {value:.4g}" if isinstance(value, float) else f"  {figure}: {value}")
    emit(f"  {trained.sentence}")
    emit(f"  model: {trained.folder}; it can {', '.join(trained.model.verbs())}. Samples: {folder / 'samples'}")
    mention_files(trained.model.config)


@app.command("generate")
def generate(
    model: ModelRef,
    out: Sheet,
    n: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many pictures.")] = 64,
    label: Annotated[list[str] | None, typer.Option(help="A class to ask for; repeatable, taken in turn.")] = None,
    each: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write each picture as a file.")] = None,
    truncation: Truncation = 1.0,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """New pictures from noise, as a sheet."""
    loaded = gan_model(model, device)
    labels = None if not label else [scalar_label(label[i % len(label)]) for i in range(n)]
    drawn = loaded.generate(n, labels=labels, truncation=truncation, seed=seed)
    from dazoo.models.grids import grid_png
    from dazoo.models.grids import picture_png

    _write(out, grid_png(drawn))
    if each is not None:
        for i, picture in enumerate(drawn):
            _write(each / f"{i:05d}.png", picture_png(picture))
    emit(f"{n} pictures drawn to {out}{f' and {each}' if each else ''}.")


@app.command("interpolate")
def interpolate(
    model: ModelRef,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A PNG of rows, or a GIF of the walk.", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, max=64, help="Walks.")] = 4,
    steps: Annotated[int, typer.Option(min=2, max=256, help="Pictures of a walk.")] = 8,
    truncation: Truncation = 1.0,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Walks through the latent space: what lies between two drawn pictures."""
    walks = gan_model(model, device).interpolate(n, steps=steps, truncation=truncation, seed=seed)  # (n, steps, C, H, W)
    from dazoo.models.grids import grid_png
    from dazoo.models.grids import walk_gif

    png = out.suffix.lower() != ".gif"
    _write(out, grid_png(walks.flatten(0, 1), columns=steps) if png else walk_gif(walks.transpose(0, 1)))
    emit(f"{n} walks of {steps} pictures drawn to {out}.")


@app.command("translate")
def translate(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """Pictures of the first set, redrawn as pictures of the second."""
    make("translate", model, pictures, out, device)


@app.command("upscale")
def upscale(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """Pictures two or four times as large."""
    make("upscale", model, pictures, out, device)


@app.command("colorize")
def colorize(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """Colours for grey pictures."""
    make("colorize", model, pictures, out, device)


@app.command("inpaint")
def inpaint(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """The region that the model was trained to fill, filled anew."""
    make("inpaint", model, pictures, out, device)


@app.command("score")
def score(
    model: ModelRef,
    images: Annotated[str, typer.Option(metavar="PLACE", help="Real pictures to compare with.", show_default=False)],
    extractor: Annotated[str, typer.Option(help="What reads them: an entry, a file of weights, or 'inception'.", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=10, max=100_000, help="How many of each.")] = 1000,
    reader: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Also count which classes this classifier reads in what was drawn.")
    ] = None,
    data: Data = None,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """FID, KID, precision, recall, density and coverage of new pictures, with the protocol that they hold for."""
    loaded = gan_model(model, device)
    from dazoo.runs.gan_scoring import score_gan

    figures, reading = score_gan(loaded, images, extractor, n=n, reader=reader, data=data, seed=seed, device=device)
    if as_json:
        found = {name: figure.value for name, figure in figures.items()}
        emit_json({"figures": found, "protocol": f"{next(iter(figures.values())).protocol}", "reading": reading and reading.share})
        return
    emit(str(figures))
    if reading is not None:
        emit(str(reading))


@app.command("augment")
def augment(
    model: ModelRef,
    images: Annotated[str, typer.Option(metavar="PLACE", help="Real labelled pictures to train on.", show_default=False)],
    test: Annotated[str, typer.Option(metavar="PLACE", help="Other labelled pictures, to count on.", show_default=False)],
    backbone: Annotated[str, typer.Option(help="The classifier; the best start at hand unless given.")] = "",
    drawn: Annotated[int, typer.Option(min=0, help="Drawn pictures to add; 0: as many as there are real ones.")] = 0,
    augmentation: Annotated[str, typer.Option(help="What plain augmentation is.")] = "objects",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per row.")] = 3,
    data: Data = None,
    device: Device = "auto",
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Does the GAN help a classifier? Real pictures alone, plain augmentation, drawn pictures added, and both."""
    loaded = gan_model(model, device)
    from dazoo.metrics.intervals import summarise
    from dazoo.runs.gan_augment import augment as rows_of

    options: dict[str, Any] = {"backbone": backbone, "drawn": drawn, "augmentation": augmentation, "seeds": seeds}
    options |= {"settings": parse_settings(settings or ()), "data": data, "device": device}
    rows = list(rows_of(loaded, images, test, **options))
    if as_json:
        emit_json([{"row": row.name, "accuracies": row.accuracies} for row in rows])
        return
    title("Accuracy on the test pictures")
    table = [(r.name, f"{summarise(r.accuracies)}", ", ".join(f"{100 * a:.1f}" for a in r.accuracies)) for r in rows]
    emit_table(("TRAINED ON", "ACCURACY, %", "SEEDS"), table)


@app.command("explain")
def explain(
    name: Annotated[
        str,
        typer.Argument(
            help="A GAN ('dazoo list gans'), or a trained one: then its own size, channels and classes count.", show_default=False
        ),
    ],
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the pictures, pixels.")] = 32,
    channels: Annotated[int, typer.Option(min=1, max=3, help="1 (grey) or 3.")] = 3,
    classes: Annotated[int, typer.Option(min=1, help="Classes, for a GAN that is told them.")] = 10,
    settings: Set = None,
    run: Annotated[Path | None, typer.Option(metavar="DIR", help="Also tell how a training of it went.")] = None,
    strip: Annotated[Path | None, typer.Option(metavar="FILE", help="With --run: a PNG of its samples over time.")] = None,
) -> None:
    """The game in words and numbers: who sees what, who wants what, and where it ends."""
    from dazoo.cli.gan_explain import explained
    from dazoo.cli.gan_explain import history_of
    from dazoo.registry.plugins import zoo

    own = {key.removeprefix("gan."): value for key, value in parse_settings(settings or ()).items()}
    if name in zoo().entries.names() or set("/:") & set(name):
        config = gan_model(name, "cpu").config
        name, size, channels, classes = config["gan"], config["size"], config["channels"], max(1, len(config["classes"]))
        own = {**config["gan_settings"], **own}
    emit("\n".join(explained(name, size=size, channels=channels, classes=classes, settings=own)))
    if run is not None:
        lines, png = history_of(run)
        emit("\n".join(["", f"How {run} went", *lines]))
        if strip is not None and png is not None:
            _write(strip, png)
            emit(f"Samples over time: {strip}")


@app.command("restore")
def restore(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """What the model was trained to undo, taken away and given back."""
    make("restore", model, pictures, out, device)


@app.command("voxelize")
def voxelize(model: ModelRef, pictures: Pictures, out: Out, device: Device = "cpu") -> None:
    """The volume in each picture: NAME.npz with the array "voxels", and NAME.png to look at."""
    loaded = gan_model(model, device)
    import io

    import numpy as np

    from dazoo.cli.predict import expand
    from dazoo.models.grids import volumes_png

    paths, failed = expand(pictures)
    folder = _folder(out)
    for path, name in zip(paths, _names(paths), strict=True):
        volumes = loaded.voxelize([path])
        _write(folder / name, volumes_png(volumes, [path.stem]))
        packed = io.BytesIO()
        np.savez_compressed(packed, voxels=volumes[0].numpy())
        _write((folder / name).with_suffix(".npz"), packed.getvalue())
    emit(f"{len(paths)} volumes written to {folder}.")
    if failed:
        raise typer.Exit(1)


def make(verb: str, ref: str, pictures: list[Path], out: Path, device: str) -> None:
    """Write what a model makes of pictures, one file each, and a sheet of what was given and what was made."""
    loaded = gan_model(ref, device)
    from dazoo.cli.predict import expand
    from dazoo.models.grids import picture_png
    from dazoo.models.grids import rows_png

    paths, failed = expand(pictures)
    folder = _folder(out)
    names = _names(paths)
    for path, name in zip(paths, names, strict=True):
        _write(folder / name, picture_png(getattr(loaded, verb)([path])[0]))
    if paths and verb != "upscale":
        shown = paths[:8]
        _write(folder / "sheet.png", rows_png(loaded.given(shown), getattr(loaded, verb)(shown)))
    emit(f"{len(paths)} pictures written to {folder}.")
    if failed:
        raise typer.Exit(1)


def gan_model(ref: str, device: str) -> GANModel:
    """A trained GAN by reference; see `dazoo.load_gan`."""
    from dazoo.models.load import load_gan

    return load_gan(ref, device=device)


def scalar_label(text: str) -> int | str:
    """An index where the text is a number, else a name."""
    return int(text) if text.isascii() and text.isdigit() else text


def _names(paths: list[Path]) -> list[str]:
    """A file name for each picture; pictures of one name in several folders are numbered."""
    seen: dict[str, int] = {}
    names = []
    for path in paths:
        seen[path.stem] = seen.get(path.stem, 0) + 1
        names.append(f"{path.stem}.png" if seen[path.stem] == 1 else f"{path.stem}-{seen[path.stem]}.png")
    return names


def _folder(path: Path) -> Path:
    from dazoo.plain import expanded

    folder = expanded(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, content: bytes) -> None:
    from dazoo.plain import expanded

    file = expanded(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
