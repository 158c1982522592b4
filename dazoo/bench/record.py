"""What is kept of a cell that has ended: a record, read strictly from a `cell.json` and written to one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from dazoo.bench import checks
from dazoo.bench.cells import digest
from dazoo.bench.cells import path_of
from dazoo.bench.fields import Batch
from dazoo.bench.fields import Cost
from dazoo.bench.fields import Epoch
from dazoo.bench.fields import Error
from dazoo.bench.fields import File
from dazoo.bench.fields import Machine
from dazoo.bench.fields import Numbers
from dazoo.bench.seal import by_lines
from dazoo.bench.seal import is_sealed
from dazoo.bench.seal import seal
from dazoo.errors import DataError
from dazoo.plain import plain
from dazoo.plain import shown
from dazoo.registry.names import KINDS
from dazoo.registry.names import Recipe


SCHEMA = 1
"""Version of the record; a reader refuses what it does not know."""

_NAME = re.compile(r"[a-z0-9_:-]{1,200}")
_ID = re.compile(r"[0-9a-f]{12}")
_STATUS = re.compile("done|failed")
_AT = re.compile(r"files/(?!.*\.\.)[^\\]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, eq=False)
class Record:
    """A cell that has ended. In JSON it has two fields more: `schema` (1) and `status` ("done" or "failed").

    Attributes:
        id, name, seed: of the cell; `name` is the recipe's.
        recipe: its parts.
        identity: what the id is the hash of: recipe, seed, settings, constructor arguments, digest of the data, versions, protocol.
        adapts: False for plain training on the source, which the other recipes of backbone, scenario and seed are compared with; None
            where the cell failed before that was known.
        attempts: how often it was tried, this time included.
        batch, machine, cost: how it was computed.
        error: why it failed, or None for a finished cell. A failed cell has none of the fields below.
        numbers, epochs: what training gave.
        classes, confusion: K names and counts (K, K) int32: row true class, column predicted one, after the last epoch; None without.
        files: by path in the cell's folder.
        judged: verdict, and what was seen without target labels (see `dazoo.runs.judging.Judgement`); None in records before there was one.
        at: in an object store, the folder of those files below the store; None where they are beside the record.
    """

    id: str
    name: str
    seed: int
    recipe: Recipe
    identity: Mapping[str, Any]
    adapts: bool | None
    attempts: int
    batch: Batch
    machine: Machine
    cost: Cost
    error: Error | None = None
    numbers: Numbers = Numbers()
    epochs: tuple[Epoch, ...] = ()
    classes: tuple[str, ...] = ()
    confusion: np.ndarray | None = None
    files: Mapping[str, File] = field(default_factory=dict)
    at: str | None = None
    judged: Mapping[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the cell has finished; else it has failed."""
        return self.error is None

    @property
    def path(self) -> str:
        """The cell's path below a results folder."""
        return path_of(self.name, self.seed, self.id)

    @property
    def place(self) -> str:
        """Folder of the cell's files below the store."""
        return self.at or f"cells/{self.path}"

    @classmethod
    def from_text(cls, text: bytes, where: str) -> Record:
        """The record that a `cell.json` holds; see `from_json`."""
        try:
            tree = json.loads(text.decode())
        except (ValueError, RecursionError) as exc:
            raise _refused(where, f"is not JSON ({exc})") from None
        if _SURROGATE.search(text) and not checks.encodable(tree):
            raise _refused(where, "has half a character (a lone surrogate)")
        return cls.from_json(tree, where, sealed=is_sealed(text, tree))

    @classmethod
    def from_json(cls, tree: Any, where: str, *, sealed: bool = False) -> Record:
        """The record of JSON values.

        Args:
            tree: what `json.loads` gives.
            where: what messages call it; names the cell.
            sealed: the digest has been checked already.

        Raises:
            DataError: another schema, a field that is missing or not what it should be, or an id or a digest that is not the hash of what
                it stands for.
        """
        if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
            found = shown(tree.get("schema")) if isinstance(tree, dict) else type(tree).__name__
            raise DataError(f"{where}: the record's schema is {found}; this dazoo reads {SCHEMA}. Use the version of dazoo that wrote it.")
        try:
            _check_hashes(tree, sealed)
            return cls(**_head(tree), **(_failed(tree) if tree["status"] == "failed" else _done(tree)))
        except checks.Wrong as exc:
            raise _refused(f"{where}:", str(exc)) from None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values, numbers that are not finite as None, with its digest."""
        tree: dict[str, Any] = {
            **{"schema": SCHEMA, "status": "done" if self.done else "failed", "id": self.id, "name": self.name, "seed": self.seed},
            **{"recipe": asdict(self.recipe), "identity": self.identity, "adapts": self.adapts, "attempts": self.attempts},
            **{"batch": asdict(self.batch), "machine": asdict(self.machine), "cost": asdict(self.cost)},
        }
        if self.error is not None:
            tree["error"] = asdict(self.error)
        else:
            tree |= {
                "numbers": asdict(self.numbers),
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "classes": list(self.classes),
                "confusion": [] if self.confusion is None else self.confusion.tolist(),
                "files": {name: asdict(file) for name, file in self.files.items()},
                **({} if self.judged is None else {"judged": self.judged}),
            }
        tree = plain(tree)
        return {**tree, "digest": seal(tree), **({} if self.at is None else {"at": self.at})}

    def to_text(self) -> str:
        """The record as a `cell.json` holds it; see `by_lines`."""
        return by_lines(self.to_json())


def _refused(where: str, what: str) -> DataError:
    return DataError(f"{where} {what}. Remove the cell, and it runs again.")


def _check_hashes(tree: dict[str, Any], sealed: bool) -> None:
    identity = checks.mapping(tree, "identity")
    if not checks.shallow(identity):
        raise checks.Wrong(f"identity is nested deeper than {checks.DEPTH} levels")
    id = checks.text(tree, "id", _ID)
    if checks.hashed(digest, identity, "identity") != id:
        raise checks.Wrong(f"the record's id {id} is not the hash of its identity; it was edited")
    if not sealed and "digest" in tree and checks.hashed(seal, tree, "record") != tree["digest"]:
        raise checks.Wrong("the record's digest is not the hash of its content; it was edited")


def _head(tree: dict[str, Any]) -> dict[str, Any]:
    """What every record has."""
    status, parts, identity = checks.text(tree, "status", _STATUS), checks.mapping(tree, "recipe"), tree["identity"]
    for key in ("settings", "arguments", "plugins"):
        if key in identity:
            checks.mapping(identity, key)
    checks.whole(identity, "protocol", none=True)
    return {
        "id": tree["id"],
        "name": checks.text(tree, "name", _NAME),
        "seed": checks.whole(tree, "seed"),
        "recipe": Recipe(**{kind: checks.text(parts, kind, _NAME, none=kind != "backbone") for kind in KINDS}),
        "identity": identity,
        "adapts": checks.flag(tree, "adapts", none=status == "failed"),
        "attempts": checks.whole(tree, "attempts", least=1),
        "batch": Batch.from_json(checks.mapping(tree, "batch")),
        "machine": Machine.from_json(checks.mapping(tree, "machine")),
        "cost": Cost.from_json(checks.mapping(tree, "cost")),
    }


def _failed(tree: dict[str, Any]) -> dict[str, Any]:
    return {"error": Error.from_json(checks.mapping(tree, "error"))}


def _done(tree: dict[str, Any]) -> dict[str, Any]:
    epochs, classes, files = checks.entries(tree, "epochs"), checks.names(tree, "classes"), checks.mapping(tree, "files")
    return {
        "numbers": Numbers.from_json(checks.mapping(tree, "numbers"), len(epochs)),
        "epochs": tuple(map(Epoch.from_json, epochs)),
        "classes": classes,
        "confusion": checks.square(tree, "confusion", len(classes)),
        "files": {name: File.from_json(checks.mapping(files, name)) for name in files},
        "at": checks.text(tree, "at", _AT, none=True),
        "judged": checks.mapping(tree, "judged") if tree.get("judged") is not None else None,
    }
