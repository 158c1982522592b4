"""Saved models that a stranger has damaged: each loads, or ends in one of dazoo's own errors, soon and in little memory.

    python benchmarks/fuzz_models.py [COUNT [SEED]]

Four small models (a classifier with a GAN, one whose method has heads, one from timm, and a GAN alone) are changed in one to three places:
in config.json (values, keys, bytes), in the headers and bytes of weights files, and in the files themselves. Most changes are vouched for:
config.json gets the new digests, as a stranger's would. What loads is used: it answers, draws and is verified. Prints counts by kind of
change, everything that escaped as another error, the slowest case and the memory that was taken on top.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import sys
from pathlib import Path

import numpy as np
from fuzzing import STRANGE
from fuzzing import arguments
from fuzzing import change_value
from fuzzing import damaged
from fuzzing import no_file
from fuzzing import run

from dazoo.models.create import create
from dazoo.models.gan_files import build_game
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.load import load
from dazoo.models.load import load_gan
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.models.verify import verify
from dazoo.registry.plugins import zoo


CLASSES = ("a", "b", "c")
KEYS = (
    "width", "size", "noise", "channels", "num_classes", "pretrained", "loss", "r1", "augment", "critic_repeats", "ema", "kind", "arch",
    "depth", "blocks", "code_size", "weight", "classifiers", "hidden", "in_channels", "min_size", "spectral",
    "pool", "cycle", "self", "__class__",
)  # fmt: skip


def made(root: Path) -> dict[str, Path]:
    """The good models, saved."""
    zoo()
    plain = create("fcn", classes=CLASSES, size=16, seed=0, width=4)
    recipe = {"backbone": "fcn", "gan": "dcgan", "method": None, "scenario": None}
    with_gan = Model(plain.backbone, {**plain.config, "name": "with a GAN", "recipe": recipe, "gan_settings": {"width": 4}})
    method = zoo().methods.build("mcd", plain.problem())
    with_heads = Model(
        plain.backbone, {**plain.config, "name": "with heads", "recipe": {**recipe, "gan": None, "method": "mcd"}}, method=method
    )
    found = {"gan": save(with_gan.eval(), root / "gan"), "heads": save(with_heads.eval(), root / "heads")}
    found["timm"] = save(create("timm_test_vit", classes=CLASSES, size=32, seed=0), root / "timm")
    config = {"schema": 1, "name": "dcgan-x", "gan": "dcgan", "gan_settings": {"width": 4}, "classes": [], "channels": 3, "size": 16}
    found["alone"] = save_gan(GANModel(build_game(zoo(), config), config), root / "alone")
    return found


# ---------------------------------------------------------------------- changes


def config_values(rng: random.Random, folder: Path) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(change_value(rng, json.loads(file.read_text()), KEYS)), encoding="utf-8")


def config_settings(rng: random.Random, folder: Path) -> None:
    """Settings of the parts: what is built, and how large."""
    file = folder / "config.json"
    outer = json.loads(file.read_text())
    inner = next(iter(outer.values()))
    part = rng.choice(
        [key for key in ("backbone_settings", "gan_settings", "bridge_settings", "method_settings") if key in inner] or ["size"]
    )
    if isinstance(inner.get(part), dict):
        inner[part][rng.choice([*KEYS, *inner[part]])] = rng.choice((*STRANGE, rng.randint(-5, 10**9), 2 ** rng.randint(1, 62)))
    else:
        inner[part] = rng.choice(STRANGE)
    file.write_text(json.dumps(outer), encoding="utf-8")


def config_bytes(rng: random.Random, folder: Path) -> None:
    (folder / "config.json").write_bytes(damaged(rng, (folder / "config.json").read_bytes()))


def weights(rng: random.Random, folder: Path) -> Path:
    return rng.choice(sorted(folder.glob("*.safetensors")))


def weights_bytes(rng: random.Random, folder: Path) -> None:
    file = weights(rng, folder)
    data = file.read_bytes()
    header = 8 + struct.unpack("<Q", data[:8])[0]
    file.write_bytes(damaged(rng, data, within=rng.choice((8, header, None))))
    vouch(rng, folder, file.name)


def weights_header(rng: random.Random, folder: Path) -> None:
    """A header that is JSON and says something else."""
    file = weights(rng, folder)
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    text = json.dumps(change_value(rng, json.loads(data[8 : 8 + length]), KEYS)).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    vouch(rng, folder, file.name)


def vouch(rng: random.Random, folder: Path, name: str) -> None:
    """Let config.json promise the file as it is now, mostly."""
    if rng.random() < 0.15:
        return
    outer = json.loads((folder / "config.json").read_text())
    data = (folder / name).read_bytes()
    next(iter(outer.values()))["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "config.json").write_text(json.dumps(outer))


def files(rng: random.Random, folder: Path) -> None:
    """Files that are missing, others', or no files."""
    file = rng.choice(sorted(folder.iterdir()))
    other = rng.choice(sorted(folder.iterdir()))
    what = rng.randrange(9)
    data = file.read_bytes()
    if what == 0:
        file.unlink()
    elif what == 1:
        file.write_bytes(other.read_bytes())
    elif what == 2:
        file.rename(folder / rng.choice(("weights.safetensors", "a.pt", "model.safetensors.bak", "method.safetensors")))
    elif what == 3:
        (folder / rng.choice(("extra.safetensors", "pytorch_model.bin", "model.py", "method.safetensors"))).write_bytes(data)
    else:
        no_file(rng, file)


CHANGES = (config_values, config_settings, config_bytes, weights_bytes, weights_header, files)


# ---------------------------------------------------------------------- what is done with them


def use(kind: str, folder: Path, rng: random.Random) -> None:
    """Load a folder and do with it what a person would."""
    if kind == "alone":
        model = load_gan(folder)
        if model.size <= 256:
            model.generate(1, seed=0)
        return
    model = load(folder)
    side = max(model.size, getattr(model.backbone, "size", None) or 0)  # at 4096 pixels a transformer takes minutes, as its config asks
    if side <= 256:
        model.predict(np.zeros((16, 16, 3), np.uint8))
    if kind == "gan" and side <= 256:
        model.generate(1, labels=0, seed=0) if "labels" in model.bridge().gan.takes else model.generate(1, seed=0)
    if side <= 256 and rng.random() < 0.2:
        verify(folder)
    str(model), model.card, model.verdict


if __name__ == "__main__":
    escaped = run(
        *arguments(),
        good=made,
        changes=lambda kind: CHANGES,
        more=lambda kind, first: () if first is files else CHANGES[:2],  # a pipe would wait for a writer
        use=use,
    )
    sys.exit(1 if escaped else 0)
