"""Pictures and tables that somebody has damaged: each is read, or ends in one of dazoo's own errors, soon and in little memory.

    python benchmarks/fuzz_data.py [COUNT [SEED]]

Folders of PNG, of JPEG and of other formats, a CSV table, an image_list, a pack and an .npz archive are changed in one to three places:
bytes, headers that still have a true checksum, names, lines, records that are vouched for, arrays of another kind, and files that are none.
What can be read is decoded, as training would. Prints counts as `fuzz_models.py` does.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from fuzz_arrays import npz_arrays
from fuzz_arrays import npz_members
from fuzz_arrays import pack_arrays
from fuzz_arrays import save_npz
from fuzzing import Change
from fuzzing import arguments
from fuzzing import change_value
from fuzzing import damaged
from fuzzing import no_file
from fuzzing import run
from PIL import Image

from dazoo.contracts import ImageSet
from dazoo.data import own_domains
from dazoo.data import pack_folder
from dazoo.data import read_loose
from dazoo.data import read_pack
from dazoo.data import write_pack
from dazoo.data.doctor import doctor
from dazoo.registry.plugins import zoo


CLASSES = ("ape", "bee", "cat")
FORMATS = {"png": ("png",), "jpeg": ("jpg",), "others": ("bmp", "gif", "tif", "webp", "ppm")}
NAMES = (
    "é\u0301",
    "a\nb.png",
    "\x1b[31m.png",
    " ",
    ".png",
    "x" * 250 + ".png",
    "CON.png",
    "a.PNG.png",
    "中文.jpg",
    "-rf.png",
    "%s.png",
    "\udcff.png",
    "train",
    "APE",
    "Ape",
    "_",
    "labels.csv",
    "images.npy",
    "pack.json",
)
LINES = (
    "",
    " ",
    ",",
    ",,",
    '"',
    '"ape',
    "ape",
    "/dev/zero ape",
    "/etc/passwd,ape",
    "../../x.png,bee",
    "\0",
    "x" * 200_000,
    "0",
    "1 2 3",
    "a.png\t1",
    "path,label",
    "label,path",
    "é,é",
    "\x1b[31m,ape",
    "%s %s",
    "-1",
    "nan",
    ".",
    "..",
    "~",
    "~nobody/x,ape",
    "ape/0.png,bee",
    "ape/0.png bee",
    "ape/0.png,",
    "9" * 5000 + ",9",
    "file:///etc/passwd,ape",
)


# ---------------------------------------------------------------------- good ones


def picture(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (12, 14, 3), np.uint8))


def fill(folder: Path, endings: tuple[str, ...], labelled: bool = True) -> Path:
    """Four pictures of each class."""
    rng = np.random.default_rng(len(endings))
    for name in CLASSES:
        for i in range(4):
            file = folder / (name if labelled else "") / f"{'' if labelled else name}{i}.{endings[i % len(endings)]}"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture(rng).save(file)
    return folder


def made(root: Path) -> dict[str, Path]:
    """The good folders, by kind."""
    warnings.simplefilter("ignore")
    zoo()
    found = {}
    for kind, endings in FORMATS.items():
        found[kind] = root / kind
        fill(root / kind / "source", endings)
        fill(root / kind / "target", endings, labelled=False)
    for kind, mark in (("csv", ","), ("list", " ")):
        found[kind] = fill(root / kind, ("png",))
        fill(root / kind / "target", ("png",), labelled=False)
        rows = [f"{name}/{i}.png{mark}{name}" for name in CLASSES for i in range(4)]
        (root / kind / table_of(kind)).write_text("\n".join(["path,label", *rows] if kind == "csv" else rows) + "\n")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 10, 10, 3), np.uint8)
    for side, labels in (("source", np.arange(12) % 3), ("target", None)):
        write_pack(root / "pack" / side, ImageSet("a pack", images, labels, CLASSES))
    found["pack"] = root / "pack"
    (root / "npz").mkdir()
    save_npz(root / "npz", {f"{a}_{s}": v for s in ("train", "test") for a, v in (("x", images[..., 0]), ("y", np.arange(12) % 10))})
    found["npz"] = root / "npz"
    return found


def table_of(kind: str) -> str:
    return "labels.csv" if kind == "csv" else "list.txt"


# ---------------------------------------------------------------------- changes


def any_file(rng: random.Random, folder: Path) -> Path:
    return rng.choice(sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size))


def file_bytes(rng: random.Random, folder: Path) -> None:
    file = any_file(rng, folder)
    file.write_bytes(damaged(rng, file.read_bytes(), within=rng.choice((16, 64, None))))


def files(rng: random.Random, folder: Path) -> None:
    """Files that are missing, others', or no files; folders that are missing or go round."""
    file = rng.choice(sorted(p for p in folder.rglob("*") if p.is_file()))
    what = rng.randrange(8)
    if what == 0:
        file.unlink()
    elif what == 1:
        file.write_bytes(any_file(rng, folder).read_bytes())
    elif what == 2:
        (file.parent / "loop").symlink_to(folder, target_is_directory=True)
    elif what == 3:
        for other in sorted(file.parent.iterdir()):
            other.unlink() if other.is_file() else None
    elif what == 4:
        os.truncate(file, rng.choice((0, 1, 2**32)))  # a file with a hole costs no room
    else:
        no_file(rng, file)


def names(rng: random.Random, folder: Path) -> None:
    """Another name for a file or folder, or one more file of that name."""
    path = rng.choice(sorted(p for p in folder.rglob("*")))
    new = path.with_name(rng.choice(NAMES))
    if rng.random() < 0.5:
        path.rename(new)
    else:
        new.write_bytes(any_file(rng, folder).read_bytes())


def picture_header(rng: random.Random, folder: Path) -> None:
    """Sides, depth and kind of a picture as its header says them; the checksum is true."""
    file = any_file(rng, folder)
    data = bytearray(file.read_bytes())
    number = rng.choice((0, 1, 2, 7, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, rng.randrange(2**16)))
    if data[:4] == b"\x89PNG":
        chunks = [at for at in range(8, len(data) - 12) if data[at + 4 : at + 8] in (b"IHDR", b"IDAT", b"IEND")]
        at = rng.choice(chunks)
        length = struct.unpack(">I", data[at : at + 4])[0]
        if rng.random() < 0.2:
            data[at : at + 4] = struct.pack(">I", number)
        elif rng.random() < 0.3:
            data[at:at] = _chunk(
                rng.choice((b"tRNS", b"PLTE", b"gAMA", b"iCCP", b"eXIf", b"zTXt", b"acTL", b"pHYs")),
                rng.randbytes(rng.choice((0, 1, 4, 300))),
            )
        else:
            where = at + 8 + rng.choice((0, 4)) if rng.random() < 0.6 else at + 16 + rng.randrange(5)
            width = 4 if where < at + 16 else 1
            data[where : where + width] = struct.pack(">I", number)[-width:]
            data[at + 8 + length : at + 12 + length] = struct.pack(">I", zlib.crc32(bytes(data[at + 4 : at + 8 + length])))
    elif data[:2] == b"\xff\xd8":
        marks = [i for i in range(2, len(data) - 10) if data[i] == 0xFF and 0xC0 <= data[i + 1] <= 0xEF]
        at = rng.choice(marks) + rng.randrange(1, 10)
        data[at : at + 2] = struct.pack(">H", number & 0xFFFF)
    else:
        at = rng.randrange(2, min(40, len(data) - 4))
        data[at : at + 4] = struct.pack(rng.choice(("<I", ">I")), number)
    file.write_bytes(bytes(data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def table_lines(rng: random.Random, folder: Path) -> None:
    """Lines of a table changed, doubled, taken away, in another order or encoding."""
    file = next(folder / n for n in ("labels.csv", "list.txt") if (folder / n).is_file())
    lines = file.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    at = rng.randrange(len(lines))
    what = rng.randrange(7)
    if what == 0:
        lines[at] = rng.choice(LINES)
    elif what == 1:
        lines.insert(at, rng.choice(LINES))
    elif what == 2:
        del lines[at]
    elif what == 3:
        lines[at] = "".join(rng.sample(lines[at], len(lines[at])))
    elif what == 4:
        lines = (lines * rng.choice((2, 1000)))[:5_000]  # more true lines take longer, as they should
    elif what == 5:
        lines = [line.replace(",", rng.choice((";", "\t", ",,", '","', " "))) for line in lines]
    else:
        lines[at] = lines[at] + rng.choice((",more", " more", '"', "\r", "\x00", "\ufeff", "," * 500))
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
    file.write_text("\n".join(lines), encoding=encoding, errors="surrogateescape" if encoding == "utf-8" else "replace")


def pack_record(rng: random.Random, folder: Path) -> None:
    """What pack.json says, mostly under a digest that is true again."""
    file = folder / rng.choice(("source", "target")) / "pack.json"
    meta = change_value(rng, json.loads(file.read_text()), ("shape", "count", "classes", "labelled", "schema", "record", "name", "x"))
    if isinstance(meta, dict) and rng.random() < 0.85:
        meta.pop("record", None)
        meta["record"] = hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(meta), encoding="utf-8", errors="surrogatepass")


GENERAL: tuple[Change, ...] = (file_bytes, files, names)
OWN: dict[str, tuple[Change, ...]] = {
    **dict.fromkeys(FORMATS, (picture_header,)),
    "csv": (table_lines, table_lines, picture_header),
    "list": (table_lines, table_lines, picture_header),
    "pack": (pack_record, pack_arrays),
    "npz": (npz_arrays, npz_members),
}


# ---------------------------------------------------------------------- what is done with them


def use(kind: str, folder: Path, rng: random.Random) -> None:
    """Read a folder as training does, or look at it, pack it, list it."""
    if kind == "npz":
        found = zoo().datasets.build("mnist").load(rng.choice(("train", "test")), folder, size=8)
        np.asarray(found.images[:]).sum()
        return
    source = folder / table_of(kind) if kind in ("csv", "list") else folder / "source"
    target, way = folder / "target", rng.random()
    if way < 0.15:
        str(doctor(source, target))
    elif way < 0.25 and kind in FORMATS:
        pack_folder(source, folder.parent / "case" / "packed", size=8)
    elif way < 0.35 and kind in FORMATS:
        read_loose(target, size=8)
    elif way < 0.5 and kind == "pack":
        read_pack(source, verify=True)
    else:
        domains = own_domains(source, target, size=8)
        for side in (domains.source_train, domains.source_test, domains.target_train):
            np.asarray(side.images[:]).sum()


if __name__ == "__main__":
    escaped = run(
        *arguments(),
        good=made,
        changes=lambda kind: GENERAL + OWN[kind],
        more=lambda kind, first: () if first is files else OWN[kind],
        use=use,
    )
    sys.exit(1 if escaped else 0)
