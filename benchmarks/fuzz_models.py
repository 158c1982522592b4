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
import os
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dazoo.errors import DazooError
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


SECONDS, GIGABYTES = 30, 2
"""What one case may take: longer, or more memory on top of what the models themselves need, counts as an escape."""
CLASSES = ("a", "b", "c")
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 2**40, 2**63, 10**400, -(2**63), 0.5, 1e308, -0.0, "", "x", "../x", "/etc/passwd",
    "os:system", "a\nb", "\x1b[31m", "é" * 300, "x" * 100_001, "\ud800", [], [[]], {}, {"a": {"b": {}}}, [1, 2, 3], ["a"] * 5, [0.1, "a"],
    4096, 8192, 20_000,
)  # fmt: skip
KEYS = (
    "width", "size", "noise", "channels", "num_classes", "pretrained", "loss", "r1", "augment", "critic_repeats", "ema", "kind", "arch",
    "depth", "blocks", "code_size", "weight", "classifiers", "hidden", "in_channels", "min_size", "spectral",
    "pool", "cycle", "self", "__class__",
)  # fmt: skip


class TooLong(BaseException):
    """A case took too long."""


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


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, item in inner for p in places(item, (*path, key)))]


def change_value(rng: random.Random, value: Any) -> Any:
    """A JSON value with one place changed, taken away, doubled, or with something more in it."""
    path = rng.choice(places(value)[1:] or [()])
    if not path:
        return rng.choice(STRANGE)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    what = rng.random()
    if what < 0.15:
        del parent[path[-1]]
    elif what < 0.25 and isinstance(parent, dict):
        parent[rng.choice(KEYS)] = rng.choice(STRANGE)
    elif what < 0.35 and isinstance(parent[path[-1]], int | float) and not isinstance(parent[path[-1]], bool):
        parent[path[-1]] = rng.choice((parent[path[-1]] + 1, -parent[path[-1]], parent[path[-1]] * 2**20, str(parent[path[-1]])))
    else:
        parent[path[-1]] = rng.choice(STRANGE)
    return value


def config_values(rng: random.Random, folder: Path) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(change_value(rng, json.loads(file.read_text()))), encoding="utf-8")


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


def damaged(rng: random.Random, data: bytes, within: int | None = None) -> bytes:
    """Bytes with some flipped, cut off, put in or doubled."""
    found, end = bytearray(data), min(len(data), within or len(data))
    what = rng.random()
    if what < 0.6 and found:
        for _ in range(rng.randint(1, 4)):
            found[rng.randrange(end)] ^= 1 << rng.randrange(8)
    elif what < 0.75:
        del found[rng.randrange(end + 1) :]
    elif what < 0.9:
        at = rng.randrange(end + 1)
        found[at:at] = rng.choice((b"\0", b'"', b"{", b"[" * 2000, b"9" * 400, b"\xff\xfe", b"NaN", b"\\u0000"))
    else:
        found += bytes(found)
    return bytes(found)


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
    text = json.dumps(change_value(rng, json.loads(data[8 : 8 + length]))).encode()
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
        file.unlink()
        made: tuple[Callable[[], Any], ...] = (
            file.mkdir,
            lambda: os.mkfifo(file),
            lambda: file.symlink_to(file.name),
            lambda: file.symlink_to("/dev/zero"),
            lambda: file.write_bytes(b""),
        )
        made[what - 4]()


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


def memory() -> int:
    """Bytes of address space that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def run(count: int, seed: int) -> int:
    """Try `count` folders; gives the number of escapes."""
    counts: Counter[tuple[str, str]] = Counter()
    errors: Counter[str] = Counter()
    escaped: list[str] = []
    slowest, start = (0.0, ""), time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        good = made(root)
        for kind, folder in good.items():
            use(kind, folder, random.Random(0))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resource.setrlimit(resource.RLIMIT_AS, (memory() + GIGABYTES * 2**30, resource.RLIM_INFINITY))
        signal.signal(signal.SIGALRM, too_long)
        for i in range(count):
            rng = random.Random(f"{seed}-{i}")
            kind, change = rng.choice(sorted(good)), rng.choice(CHANGES)
            folder = root / "case"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(good[kind], folder)
            try:
                change(rng, folder)
                for _ in range(0 if change is files else rng.choice((0, 0, 1, 2))):  # a pipe would wait for a writer
                    rng.choice(CHANGES[:2])(rng, folder)
            except (ValueError, KeyError, TypeError, AttributeError, OSError, StopIteration, RecursionError):
                pass  # a second change that the first has left no place for
            began = time.monotonic()
            signal.alarm(SECONDS)
            try:
                use(kind, folder, rng)
                outcome = "loaded"
            except DazooError as exc:
                outcome = "refused"
                errors[type(exc).__name__] += 1
            except (Exception, TooLong) as exc:
                outcome = "escaped"
                escaped.append(
                    f"case {i} ({kind}, {change.__name__}): {type(exc).__name__}: {str(exc)[:200]}\n{traceback.format_exc()[-1500:]}"
                )
            finally:
                signal.alarm(0)
            took = time.monotonic() - began
            counts[change.__name__, outcome] += 1
            slowest = max(slowest, (took, f"case {i} ({kind}, {change.__name__}): {outcome}"))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for text in escaped[:40]:
        print(text)
    print(f"{'change':<18}{'tried':>8}{'loaded':>8}{'refused':>8}{'escaped':>8}")
    for change in CHANGES:
        row = {what: counts[change.__name__, what] for what in ("loaded", "refused", "escaped")}
        print(f"{change.__name__:<18}{sum(row.values()):>8}" + "".join(f"{n:>8}" for n in row.values()))
    print("refused with", ", ".join(f"{name} {n}" for name, n in errors.most_common()))
    print(f"{count} folders, seed {seed}: {len(escaped)} escaped; slowest {slowest[0]:.2f} s ({slowest[1]});")
    print(f"at most {peak:.0f} MB on top of the models themselves; {time.monotonic() - start:.0f} s in all; torch {torch.__version__}")
    return len(escaped)


def too_long(*_: object) -> None:
    raise TooLong(f"over {SECONDS} s")


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    sys.exit(1 if run(*(given + [10_000, 1][len(given) :])) else 0)
