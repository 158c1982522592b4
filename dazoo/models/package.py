"""What a repository on the Hub holds of a model, and everything that stands in the way of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from dazoo.errors import WeightsError
from dazoo.models.card import structured
from dazoo.models.config import CRITIC
from dazoo.models.config import GOLDEN
from dazoo.models.config import PICTURES
from dazoo.models.gan_files import is_gan_folder
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_files import verify_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.golden import PICTURES as PICTURES_APART
from dazoo.models.grids import grid_png
from dazoo.models.hub import Hub
from dazoo.models.load import load_gan
from dazoo.models.load import located
from dazoo.models.load import read_folder
from dazoo.models.model import Model
from dazoo.models.provenance import single_files
from dazoo.models.save import has_gan
from dazoo.models.save import save
from dazoo.models.verify import verify
from dazoo.plain import digest_of
from dazoo.plain import no_twins
from dazoo.plain import read_bounded


RESULTS, RUN, SAMPLES = "results.json", "run.json", "samples.png"
DRAWN = 32
"""Pictures of the sheet of samples."""
_MAX_RUN = 2**24


@dataclass
class Package:
    """A model as it goes to the Hub.

    Attributes:
        model: what was loaded; a Model or a GANModel.
        folder: its saved folder. config: the inner object of config.json, its results as `results_of` gives them.
        files: beside README.md, by name: a path, or the bytes.
        problems: why it cannot be published. notes: what its author should know.
    """

    model: Model | GANModel
    folder: Path
    config: Mapping[str, Any]
    files: dict[str, Path | bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> list[str]:
        """PNG files that the card shows."""
        return [name for name in self.files if name.endswith(".png")]

    @property
    def pin(self) -> str:
        """sha256 of config.json, which itself holds that of every weights file."""
        return str(digest_of(self.folder / "config.json")["sha256"])


@contextmanager
def packed(what: Model | GANModel | str | os.PathLike[str], hub: Hub) -> Iterator[Package]:
    """The package of a model, an entry, a saved folder or a run's folder; it lasts for the block.

    Raises:
        DazooError: nothing there, or nothing that loads.
    """
    with tempfile.TemporaryDirectory(prefix="dazoo-publish-") as place:
        if isinstance(what, Model):
            folder = save(what, Path(place) / "model")
        elif isinstance(what, GANModel):
            folder = save_gan(what, Path(place) / "model")
        else:
            folder = _model_in(located(what, hub=hub).folder)
        yield _of_gan(folder) if is_gan_folder(folder) else _of_classifier(folder)


def _model_in(folder: Path) -> Path:
    """A run's folder holds its model in "model"."""
    return folder / "model" if not (folder / "config.json").is_file() and (folder / "model" / "config.json").is_file() else folder


def _of_classifier(folder: Path) -> Package:
    model = read_folder(folder)
    config = {**model.config, "results": structured(model.config.get("results", {}))}
    made = Package(model, folder, config, _files(folder, model.config), _files_of_plugins(config))
    try:
        if GOLDEN in model.config["files"]:
            verify(folder)
        else:
            made.problems.append(f"It has no {GOLDEN}, so nobody could tell whether it still works; save it again with golden=True.")
    except WeightsError as exc:
        made.problems.append(str(exc))
    if config["results"].get("weights") == "best":
        made.problems.append("These weights are of the best epoch by target labels: an oracle, and no result. Publish the run's model.")
    if model.verdict is not None and model.verdict.doubtful:
        made.notes.append(f"The verdict on it is: {model.verdict}")
    if "numbers" not in config["results"]:
        made.notes.append("No result is on record for it, and the card says so.")
    if not config.get("calibration"):
        made.notes.append("It is not calibrated, and the card says so; 'dazoo calibrate' does it.")
    if "examples.png" in made.files:
        made.notes.append("examples.png shows some of your own pictures.")
    if has_gan(model):
        if CRITIC not in model.config["files"]:
            made.notes.append("It was saved without its critic, so its training cannot be looked at.")
        made.files[SAMPLES] = grid_png(model.generate(DRAWN, seed=0))
    return _with_results(made, {"recipe": model.recipe, "calibration": model.config.get("calibration")})


def _of_gan(folder: Path) -> Package:
    model = load_gan(folder)
    made = Package(model, folder, model.config, _files(folder, model.config), _files_of_plugins(model.config))
    difference = verify_gan(model, folder) if GOLDEN in model.config["files"] else 0.0
    if not difference <= PICTURES_APART:
        made.problems.append(f"It makes other pictures than when it was saved: the difference is {difference:.2g} of 2.")
    if "generate" in model.verbs():
        made.files[SAMPLES] = grid_png(model.generate(DRAWN, seed=0))
    else:
        made.notes.append("It starts from pictures, so the card shows none: they would have terms of their own.")
    return _with_results(made, {"gan": model.config["gan"], "data": model.config.get("data")})


def _files_of_plugins(config: Mapping[str, Any]) -> list[str]:
    """The problem that nobody could install what brings a part."""
    names = single_files(config)
    how = "make a package of it ('dazoo plugin new'), install that, and save the model again"
    return [f"It needs the plugin file {' and '.join(names)}, which nobody can install: {how}."] if names else []


def _files(folder: Path, config: Mapping[str, Any]) -> dict[str, Path | bytes]:
    """config.json, the weights that it lists, the card's pictures, and the record of the run where there is one."""
    names = ["config.json", *config["files"], *(name for name in PICTURES if (folder / name).is_file())]
    found: dict[str, Path | bytes] = {name: folder / name for name in names}
    run = folder.parent.parent if folder.parent.name == "models" else folder.parent  # run/models/last, run/model
    if _is_record(run / RUN):
        found[RUN] = run / RUN
    return found


def _is_record(path: Path) -> bool:
    """Whether a file is a run's record, which holds no path and no host."""
    try:
        return {"recipe", "settings", "seed"} <= set(json.loads(read_bounded(path, _MAX_RUN), object_pairs_hook=no_twins))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _with_results(made: Package, parts: Mapping[str, Any]) -> Package:
    """Adds results.json: the whole record of what was measured, for programs."""
    config = made.config
    record = {"schema": 1, "name": config["name"], **{k: v for k, v in parts.items() if v}}
    record |= {key: config[key] for key in ("classes", "settings", "results", "plugins", "files") if config.get(key)}
    made.files[RESULTS] = (json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n").encode()
    return made
