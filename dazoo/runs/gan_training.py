"""Train a GAN alone: from its name and pictures to a model that draws, in a folder that can be resumed and loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dazoo.bridges.alone import Nobody
from dazoo.bridges.alone import Nothing
from dazoo.contracts import Ending
from dazoo.contracts import ImageSet
from dazoo.contracts import Problem
from dazoo.contracts import Running
from dazoo.data.one_set import is_registered
from dazoo.data.one_set import read_set
from dazoo.data.pixels import Cropped
from dazoo.engine.device import choose_device
from dazoo.engine.loggers import Loggers
from dazoo.engine.observe import History
from dazoo.engine.observe import TrainingData
from dazoo.engine.peers import joined
from dazoo.engine.seeds import checked_seed
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.state import under
from dazoo.engine.trainer import Trainer
from dazoo.errors import SettingsError
from dazoo.models.gan_files import build_game
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.provenance import versions
from dazoo.plain import expanded
from dazoo.plain import native
from dazoo.plain import write_whole
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.runs.curves import keep
from dazoo.runs.folder import claimed
from dazoo.runs.gan_look import CHOOSES
from dazoo.runs.gan_look import Gallery
from dazoo.runs.plan import split_settings
from dazoo.runs.telling import told
from dazoo.streams import tell


ALONE: Mapping[str, Any] = {
    "batch": 64, "size": 32, "epochs": 20, "steps_per_epoch": 250, "schedule": "constant", "warmup": 0.0, "validator": CHOOSES,
}  # fmt: skip
"""The weakest layer of settings; over it go the GAN's own (`GAN.defaults`) and the user's."""

FEW, FEW_OF_A_CLASS = 1000, 20
"""Pictures, in all and of a class, below which a person is told that the critic may learn them by heart (Zhao et al. 2020 see it at a tenth
of CIFAR-10, 5,000)."""

REMEDY = "Try --set gan.augment=color,translation,cutout."


@dataclass(frozen=True)
class TrainedGAN:
    """What training a GAN gives.

    Attributes:
        model: with the averaged weights of the last epoch, or of the one that its figure chose.
        history: figures and loss terms by epoch.
        sentence: what can be said of its pictures, in plain words.
        folder: where it is saved (`dazoo.load_gan(folder)`), or None.
        first: False in those processes of several that train one GAN together which leave writing and speaking to the first.
    """

    model: GANModel
    history: History
    sentence: str
    folder: Path | None
    first: bool = True


def train_gan(
    name: str,
    images: Any,
    to: Any = None,
    *,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    **where: Any,
) -> TrainedGAN:
    """Train a GAN without a classifier, or continue a training that was interrupted.

    Started by torchrun, the processes train one GAN together, each with its share of every batch (see `dazoo.engine.peers`).

    Args:
        name: a registered GAN ("dcgan", see `dazoo.list_gans`).
        images: the pictures: a folder (its subfolders are classes, where all pictures lie in some), a table, a data set, or the name of a
            registered one ("mnist"). A GAN that translates starts from these.
        to: the other pictures of a GAN that translates: what the results should look like. A GAN that restores needs none.
        out: folder for the model, the samples of each epoch and the checkpoints; the same call continues what is there. None keeps nothing.
        seed: fixes everything on a CPU.
        device: see `dazoo.train`.
        settings: fields of `dazoo.engine.settings.Settings` ({"epochs": 40, "size": 64}), and the GAN's own ({"gan.width": 64}).
        where: `data`, folder of registered data sets; `download`, let them fetch what is missing; `select`, "last" (default) or "chosen";
            `quiet`, show no progress.

    Raises:
        UnknownName, SettingsError, DataError, PictureError, TrainingError, Interrupted.
    """
    plugins = zoo()
    run, arguments = split_settings(settings or {})
    strange = [part for part in ("backbone", "bridge", "method") if arguments[part]]
    if strange:
        raise SettingsError(f"{strange[0]}.{next(iter(arguments[strange[0]]))} is set, but a GAN that is trained alone has no {strange[0]}.")
    cls = plugins.gans.resolve(name)
    made = Settings.layered(ALONE, cls.defaults, run)
    translates = "translate" in cls.jobs
    if translates and to is None:
        raise SettingsError(f"{name!r} translates one set of pictures into another; give the other one too (to=, on the command line --to).")
    if to is not None and not translates:
        raise SettingsError(f"{name!r} learns one set of pictures; leave the second one out.")
    size = Cropped(made.size) if made.crop else made.size
    reading: dict[str, Any] = {"size": size, "zoo": plugins, "data": where.get("data"), "download": bool(where.get("download"))}
    one = read_set(images, channels=made.channels, **reading)
    other = one if to is None else read_set(to, channels=one.channels, **reading)
    config = config_of(name, one, made, arguments["gan"], seed)
    named = [place for place in (images, to) if is_registered(place, plugins)]
    config["data"] = list(dict.fromkeys(named))  # whose terms a card gives
    folder = expanded(out) if out is not None else None
    return _run(plugins, config, made, one, other, choose_device(device), folder, where)


def config_of(name: str, images: ImageSet, settings: Settings, arguments: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """What config.json says of a GAN that is trained on these pictures."""
    named = "labels" in zoo().gans.resolve(name).takes_with(arguments) and len(images.classes) > 1
    return {
        "name": f"{name}-{images.name}",
        "gan": name,
        "gan_settings": native(dict(arguments)),
        "classes": list(images.classes) if named else [],
        "channels": images.channels,
        "size": int(settings.size),
        "crop": settings.crop,
        "settings": asdict(settings),
        "pictures": len(images),
        "results": {"seed": checked_seed(seed)},
    }


def remarks(plugins: Plugins, config: Mapping[str, Any], images: ImageSet) -> Iterator[str]:
    """What a person should know of the pictures that a GAN's critic is about to learn, before the training's time is spent."""
    if len(images) < FEW and not config["gan_settings"].get("augment"):
        yield f"{images.name} has {len(images)} pictures: a critic learns so few by heart. {REMEDY}"
    if config["classes"] and images.labels is not None:
        counts = np.bincount(images.labels, minlength=len(images.classes))
        rare = [f"{images.classes[i]} ({counts[i]})" for i in np.argsort(counts, kind="stable") if counts[i] < FEW_OF_A_CLASS]
        if rare:
            shown = ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
            yield f"{len(rare)} of {len(counts)} classes have fewer than {FEW_OF_A_CLASS} pictures: {shown}. They will be drawn badly; add some, or leave them out."
    elif not config["classes"] and "labels" in plugins.gans.resolve(config["gan"]).takes_with(config["gan_settings"]):
        yield f"{config['gan']} can draw by class, but {images.name} has no classes (one folder per class gives them), so it draws without."


def _run(
    plugins: Plugins, config: dict[str, Any], settings: Settings, one: ImageSet, other: ImageSet, device: torch.device,
    folder: Path | None, where: Mapping[str, Any],
) -> TrainedGAN:  # fmt: skip
    seed = config["results"]["seed"]
    torch.manual_seed(seed)
    game = build_game(plugins, config)
    config = {**config, "gan_settings": plugins.gans.resolve(config["gan"]).identify(config["gan_settings"])}
    model = GANModel(game, config)
    identity = {k: config[k] for k in ("gan", "gan_settings", "settings", "results")}
    identity |= {"data": [one.digest(), other.digest()], "plugins": versions({"gan": config["gan"]})}
    problem = Problem(Nobody(), max(1, len(config["classes"])), one.channels, settings.size, one.counts, len(other))
    data = TrainingData(one, None, other.unlabelled(), other.unlabelled())
    quiet = bool(where.get("quiet"))
    with (
        joined(device) as peers,
        claimed(folder, identity) if folder and peers.first else nullcontext(),
        told({}, quiet) if peers.first else Loggers() as loggers,
    ):
        if peers.first:
            loggers.begin(Running(config["name"], seed, stages=("train",), folder=folder))
            for remark in () if quiet else remarks(plugins, config, other):
                tell(remark)
        look = Gallery(model, one, other, device, folder if peers.first else None)
        setup = Setup(config["name"], Nothing(problem), game, data, settings, {}, seed, stage="train", look=look)
        trainer = Trainer(setup, Site(device, folder / "checkpoints" if folder else None, loggers, peers))
        history = trainer.run()
        if trainer.updates.drawing is not None:
            trainer.updates.drawing.swap()
        if where.get("select", "last") == "chosen":
            for key in look.state(trainer.updates):  # into the generators that the model draws with, not into their averages
                model.modules()[key].load_state_dict(under(trainer.chosen, f"{key}/"))
        model.config["results"] |= {**history.scores[-1], "seconds": round(trainer.seconds, 1)} if history.scores else {}
        model.to("cpu").eval()
        if folder is not None and peers.first:
            write_whole(folder / "history.json", json.dumps({"scores": history.scores, "terms": history.terms}, indent=1))
            keep(folder, f"{config['name']}, seed {seed}", loggers.seen)
            save_gan(model, folder / "model")
        loggers.end(Ending("finished", model.config["results"], look.sentence))
    return TrainedGAN(model, history, look.sentence, folder / "model" if folder else None, peers.first)
