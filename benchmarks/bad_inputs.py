"""What a user gets from ten or more bad inputs each: a name, a folder, a picture, a reader's file, a weights file, a plugin.

    python benchmarks/bad_inputs.py

Prints each message and counts those that are dazoo's own errors; anything else is a bug.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import dazoo
from dazoo.contracts import ImageSet
from dazoo.contracts import Scenario
from dazoo.data import own_domains
from dazoo.data import read_npz
from dazoo.data import read_pack
from dazoo.data import voc_boxes
from dazoo.data import write_pack
from dazoo.data.scenario import classes_of
from dazoo.errors import DazooError
from dazoo.models.save import save
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo


NAMES = (
    "",
    "fcn",
    "FCN-dann-synsigns",
    "fcn-dan-synsigns",
    "fcn_dann_synsigns",
    "dann-fcn-synsigns",
    "../fcn",
    "C:\\fcn",
    "fcn--synsigns",
    "user/repo",
)
PLUGINS = {
    "import_error": "import nothing_like_this",
    "exits": "import sys; sys.exit(1)",
    "no_api": "from dazoo import hookimpl\n@hookimpl\ndef dazoo_register_gans(register): register('g', 'a:b')",
    "old_api": "dazoo_api = 0",
    "text_api": "dazoo_api = 'one'",
    "misspelt": "from dazoo import hookimpl\ndazoo_api = 1\n@hookimpl\ndef dazoo_register_gan(register): pass",
    "signature": "from dazoo import hookimpl\ndazoo_api = 1\n@hookimpl\ndef dazoo_register_gans(register, more): pass",
    "raises": "from dazoo import hookimpl\ndazoo_api = 1\n@hookimpl\ndef dazoo_register_gans(register): 1 / 0",
    "bad_name": "from dazoo import hookimpl\ndazoo_api = 1\n@hookimpl\ndef dazoo_register_gans(register): register('My GAN', 'a:b')",
    "class_target": "from dazoo import hookimpl\ndazoo_api = 1\n@hookimpl\ndef dazoo_register_gans(register): register('g', dict)",
}


def folders(root: Path) -> dict[str, Callable[[], object]]:
    good = root / "good"
    for i, label in enumerate(("a", "b")):
        (good / label).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(np.random.default_rng(i * 9 + k).integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(good / label / f"{k}.png")
    (root / "empty").mkdir()
    (root / "flat").mkdir()
    shutil.copy(good / "a" / "0.png", root / "flat")
    (root / "one" / "a").mkdir(parents=True)
    shutil.copy(good / "a" / "0.png", root / "one" / "a")
    shutil.copytree(good, root / "hollow")
    (root / "hollow" / "c").mkdir()
    shutil.copytree(good, root / "torn")
    (root / "torn" / "a" / "1.png").write_bytes((good / "a" / "1.png").read_bytes()[:60])
    shutil.copytree(good, root / "text")
    (root / "text" / "a" / "2.png").write_text("no picture")
    (root / "black" / "a").mkdir(parents=True)
    Image.new("RGB", (20, 20)).save(root / "black" / "a" / "0.png")
    shutil.copytree(good, root / "other")
    (root / "other" / "b").rename(root / "other" / "z")
    for split in ("train", "val"):
        shutil.copytree(good, root / "splits" / split)
    (root / "foreign" / "a").mkdir(parents=True)
    (root / "foreign" / "a" / "0.heic").write_bytes(b"x")
    shutil.copytree(good, root / "private")
    shutil.copytree(good / "a", root / "private" / "c")
    pairs = {
        "missing source": (root / "nowhere", good),
        "missing target": (good, root / "nowhere"),
        "a file as source": (good / "a" / "0.png", good),
        "empty source": (root / "empty", good),
        "no class folders": (root / "flat", good),
        "one class": (root / "one", root / "flat"),
        "an empty class": (root / "hollow", root / "flat"),
        "a truncated picture": (root / "torn", root / "flat"),
        "text named .png": (root / "text", root / "flat"),
        "a black target": (good, root / "black"),
        "parts that hold the classes": (root / "splits", good),
        "the target inside the source": (good, good / "a"),
        "no picture of a known kind": (root / "foreign", good),
        "a target with a class more": (good, root / "private"),
    }
    return {what: (lambda s=s, t=t: own_domains(s, t, size=16)) for what, (s, t) in pairs.items()}


def pictures(root: Path) -> dict[str, Callable[[], object]]:
    model = dazoo.create("fcn", classes=["a", "b"], size=16)
    (root / "t.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "t.txt").write_text("hello")
    (root / "eps.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    bad = {
        "a missing file": "nowhere.png",
        "a truncated file": str(root / "t.png"),
        "a text file": str(root / "t.txt"),
        "a folder without pictures": str(root / "empty"),
        "None": None,
        "a number": 3,
        "floats in 0-255": np.full((16, 16, 3), 200.0, np.float32),
        "not a number": torch.full((3, 16, 16), float("nan")),
        "five channels": np.zeros((16, 16, 5), np.uint8),
        "no pixels": np.zeros((0, 16, 3), np.uint8),
        "no bytes": b"",
        "a tensor without values": torch.zeros(3, 16, 16, device="meta"),
        "complex numbers": np.zeros((16, 16, 3), np.complex64),
        "a program (EPS) called .png": str(root / "eps.png"),
        "an address": "https://example.org/a.png",
    }
    return {what: (lambda value=value: model.predict(value)) for what, value in bad.items()}


def readers(root: Path) -> dict[str, Callable[[], object]]:
    """Packs, archives, annotations and class mappings that are damaged or say something odd."""
    images = ImageSet("x", np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8), np.arange(4) % 2, ("a", "b"))

    def pack(name: str, change: Callable[[bytes], bytes]) -> Callable[[], object]:
        def run() -> object:
            folder = write_pack(Path(tempfile.mkdtemp(dir=root)) / "pack", images)
            (folder / name).write_bytes(change((folder / name).read_bytes()))
            return read_pack(folder, verify=True)

        return run

    def archive(content: bytes) -> Callable[[], object]:
        def run() -> object:
            path = Path(tempfile.mkdtemp(dir=root)) / "set.npz"
            path.write_bytes(content)
            return read_npz(path, ("x",))

        return run

    def annotation(text: str) -> Callable[[], object]:
        def run() -> object:
            folder = Path(tempfile.mkdtemp(dir=root))
            (folder / "a.xml").write_bytes(text.encode())
            if "filename" not in text:
                Image.new("RGB", (9, 9)).save(folder / "a.png")
            return voc_boxes(folder)

        return run

    box = "<object><name>a</name><bndbox><xmin>{0}</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"
    return {
        "a pixel of a pack": pack("images.npy", lambda b: b[:-1] + bytes([b[-1] ^ 1])),
        "a header of a pack": pack("images.npy", lambda b: b[:20] + bytes([b[20] ^ 8]) + b[21:]),
        "a label of a pack": pack("labels.npy", lambda b: b[:-8] + b"\0" + b[-7:]),
        "the record of a pack": pack("pack.json", lambda b: b.replace(b'"a"', b'"c"')),
        "a deep record": pack("pack.json", lambda _: b"[" * 100_000),
        "an archive that is none": archive(b"PK\x03\x04 no zip"),
        "an empty archive": archive(b""),
        "an unknown encoding": annotation('<?xml version="1.0" encoding="none"?><annotation/>'),
        "a box of nothing": annotation(f"<annotation>{box.format(9)}</annotation>"),
        "a box without a number": annotation(f"<annotation>{box.format('nan')}</annotation>"),
        "a picture that is not there": annotation(f"<annotation><filename>{'x' * 300}</filename>{box.format(1)}</annotation>"),
        "a mapping that is nowhere": lambda: classes_of(
            Scenario(source="synsigns_vienna", target="synsigns_indian", mapping="nowhere:x.csv"), zoo()
        ),
        "a mapping outside": lambda: classes_of(Scenario(source="synsigns_vienna", target="synsigns_indian", mapping="dazoo:../x"), zoo()),
    }


def weights(root: Path) -> dict[str, Callable[[], object]]:
    def spoil(change: Callable[[Path], object]) -> Callable[[], object]:
        def run() -> object:
            folder = Path(tempfile.mkdtemp(dir=root)) / "model"
            save(dazoo.create("fcn", classes=["a", "b"], size=16), folder)
            change(folder)
            return dazoo.load(folder)

        return run

    def edit(**values: object) -> Callable[[Path], object]:
        def change(folder: Path) -> None:
            config = json.loads((folder / "config.json").read_text())
            config["dazoo"].update(values)
            (folder / "config.json").write_text(json.dumps(config))

        return change

    def flip(folder: Path) -> None:
        raw = bytearray((folder / "model.safetensors").read_bytes())
        raw[-1] ^= 1
        (folder / "model.safetensors").write_bytes(raw)

    return {
        "no config": spoil(lambda f: (f / "config.json").unlink()),
        "no weights": spoil(lambda f: (f / "model.safetensors").unlink()),
        "truncated": spoil(lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:500])),
        "a flipped bit": spoil(flip),
        "renamed": spoil(lambda f: (f / "model.safetensors").rename(f / "weights.safetensors")),
        "a pickle beside it": spoil(lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04.")),
        "config of another library": spoil(lambda f: (f / "config.json").write_text('{"architectures": ["Bert"]}')),
        "more classes": spoil(edit(classes=["a", "b", "c"])),
        "a terabyte": spoil(edit(backbone_settings={"width": 100_000})),
        "an unknown backbone": spoil(edit(recipe={"backbone": "nonet", "gan": None, "method": None, "scenario": None})),
    }


def plugins(root: Path) -> dict[str, str]:
    for name, code in PLUGINS.items():
        (root / f"bad_{name}.py").write_text(code)
        info = root / f"bad_{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bad-{name.replace('_', '-')}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[dazoo]\n{name} = bad_{name}\n")
    sys.path.insert(0, str(root))
    found = Plugins(path=[str(root)], environ={}).discover()
    return {record.entry_point: record.error or "" for record in found.failures()}


def main() -> None:
    right = total = 0
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        groups = {"name": {repr(n): (lambda n=n: parse(n, zoo())) for n in NAMES}, "folder": folders(root), "picture": pictures(root)}
        groups["reader"] = readers(root)
        groups["weights"] = weights(root)
        for group, cases in groups.items():
            print(f"\n{group}")
            for what, run in cases.items():
                total += 1
                try:
                    print(f"  {what}: NO ERROR, {run()!r:.80}")
                except DazooError as error:
                    right += 1
                    print(f"  {what}: {type(error).__name__}: {str(error).replace(place, '...')}")
                except Exception as error:
                    print(f"  {what}: NOT OURS, {type(error).__name__}: {error}")
        print("\nplugin")
        for what, error in plugins(Path(tempfile.mkdtemp(dir=root))).items():
            total, right = total + 1, right + bool(error)
            print(f"  {what}: {error}")
    print(f"\n{right} of {total} bad inputs gave an error of dazoo's own")


if __name__ == "__main__":
    main()
