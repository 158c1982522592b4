"""Arrays and archives of arrays that somebody has damaged, for fuzz_data.py: files that numpy wrote, and what their headers say."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from fuzzing import STRANGE
from fuzzing import damaged


def save_npz(folder: Path, arrays: dict[str, Any]) -> None:
    np.savez_compressed(folder / "mnist.npz", **arrays)


HEADERS = (
    "(12, 10, 10, 3)",
    "(2**40,)",
    "()",
    "(0, 10, 10, 3)",
    "(-1, 10, 10, 3)",
    "(12, 10, 10)",
    "(12,)",
    "(99999999999999999999,)",
    "(12, 10, 10, 4)",
    "(1, 3600)",
    "(True, 3)",
    "[12]",
    "None",
    "((((((",
    "(12, 10, 10, 3, 1, 1, 1)",
)
TYPES = (
    "'|u1'",
    "'<f8'",
    "'|O'",
    "'<i8'",
    "'<U4'",
    "'>i4'",
    "'|V8'",
    "[('a', '|u1')]",
    "'<M8[ns]'",
    "''",
    "1",
    "'|b1'",
    "'<c16'",
    "'<f2'",
)


def npy(rng: random.Random, data: bytes) -> bytes:
    """An array file whose header says another shape, type or order."""
    length = struct.unpack("<H", data[8:10])[0]
    shape, kind = rng.choice(HEADERS), rng.choice(TYPES)
    text = f"{{'descr': {kind}, 'fortran_order': {rng.choice(('False', 'True', '1', 'None'))}, 'shape': {shape}, }}"
    header = text.encode().ljust(length - 1) + b"\n"
    return data[:8] + struct.pack("<H", len(header)) + header + data[10 + length :]


def pack_arrays(rng: random.Random, folder: Path) -> None:
    file = rng.choice(sorted(folder.rglob("*.npy")))
    file.write_bytes(npy(rng, file.read_bytes()))


def npz_arrays(rng: random.Random, folder: Path) -> None:
    """Arrays of another type, shape, range or name, and of objects."""
    with np.load(folder / "mnist.npz") as archive:
        arrays: dict[str, Any] = dict(archive)
    key = rng.choice(sorted(arrays))
    value = arrays.pop(key)
    made = (
        value.astype(rng.choice((np.int64, np.float32, np.uint16, np.bool_, "<U8"))),
        rng.choice((value.reshape(-1), value[:0], value[:-1], value[None], np.asfortranarray(value.T))),
        value.astype(object),
        np.array(rng.choice(STRANGE[:20]), object),
        np.zeros((2**12, 2**12), np.uint8),
        np.full_like(value, 255),
        -value.astype(np.int64),
        value.astype(np.float64) * np.nan,
        value.view([("a", value.dtype)]),
    )
    if rng.random() < 0.9:
        arrays[key if rng.random() < 0.9 else "else"] = rng.choice(made)
    save_npz(folder, arrays)


def npz_members(rng: random.Random, folder: Path) -> None:
    """Members of the archive with another header, name or size, twice, or of another kind."""
    file = folder / "mnist.npz"
    with zipfile.ZipFile(file) as archive:
        members = {i.filename: archive.read(i) for i in archive.infolist()}
    name = rng.choice(sorted(members))
    what = rng.randrange(5)
    if what < 2:
        members[name] = npy(rng, members[name])
    elif what == 2:
        members[name] = damaged(rng, members[name], within=128)
    elif what == 3:
        members[rng.choice(("../../x.npy", "/x.npy", name.removesuffix(".npy"), "\0.npy", "é.npy"))] = members.pop(name)
    else:
        members[name] = rng.choice((b"", b"\x93NUMPY", b"\x80\x04K\x01.", b"PK\x03\x04", members[name] + bytes(2**24)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    found = bytearray(buffer.getvalue())
    if rng.random() < 0.3:  # the list of members promises another size
        at = found.rfind(b"PK\x01\x02") + rng.choice((20, 24, 42))
        found[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1)))
    file.write_bytes(bytes(found))
