"""The digest over a record, and the text whose digest can be checked without writing the record again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from dazoo.bench.cells import canonical


UNSEALED = ("digest", "at")
"""Fields that the digest does not cover: itself, and the folder that an object store adds."""


def seal(tree: Mapping[str, Any]) -> str:
    """The digest of a record in JSON: sha256 (64 hexadecimal digits) over its canonical JSON without `UNSEALED`.

    Raises:
        ValueError: a number that is not finite.
    """
    return hashlib.sha256(canonical({k: v for k, v in tree.items() if k not in UNSEALED})).hexdigest()


def by_lines(tree: Mapping[str, Any]) -> str:
    """Canonical JSON, broken into lines: one a field, an epoch, a row of a matrix. Text has no raw line break, so they can go again."""
    return "{\n" + ",\n".join(f'"{key}":{_broken(value)}' for key, value in sorted(tree.items())) + "\n}\n"


def is_sealed(text: bytes, tree: Any) -> bool:
    """Whether a text of `by_lines` holds what its digest was made of. It takes a tenth of the time of `seal`; False says nothing."""
    if not isinstance(tree, dict) or "digest" not in tree:
        return False
    text = text.replace(b"\n", b"")
    for key in UNSEALED:
        if isinstance(tree.get(key), str):
            text = text.replace(b'"%b":%b,' % (key.encode(), canonical(tree[key])), b"", 1)
    return hashlib.sha256(text).hexdigest() == tree["digest"]


def _broken(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n" + ",\n".join(canonical(entry).decode() for entry in value) + "\n]"
    return canonical(value).decode()
