"""What a cell is and what is kept of it: an id that hashes all that can change the number, and a record in JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dazoo.errors import DataError


SCHEMA = 1
"""Version of the record; a reader refuses what it does not know."""

PROTOCOL = 2
"""Version of how a number comes about (pictures, training, counting); it is part of every id, so older cells run again when it rises."""

Record = dict[str, Any]
"""What is known of a cell that has ended, as JSON:

    schema, status      1; "done" or "failed"
    id, name, seed      of the cell; `name` is the recipe's
    recipe              its parts: {"backbone", "gan", "method", "scenario"}, None where there is none
    identity            what the id is the hash of: recipe, seed, settings, parts' settings, digest of the data, plugins' versions, protocol
    adapts              False for plain training on the source, which the other recipes of backbone, scenario and seed are compared with
    attempts            how often it was tried, this time included
    batch               {"asked", "used"}: pictures a step, and pictures at a time (fewer after running out of memory; gradients add up)
    machine             {"device", "precision", "threads", "platform", "python", "versions"}, and "processes" that trained it together
    cost                {"seconds", "images_per_second", "memory", "device_memory"}: wall time of training, peak bytes
  done:
    numbers             the four numbers in [0, 1]: {"source_only", "last", "chosen", "oracle"}, and "n_target", "validator",
                        "chosen_epoch", "oracle_epoch", "choices"; "source_only" is None where another cell has it
    epochs              [{"accuracy", "scores", "terms"}]: on the target, label-free scores, loss terms
    classes, confusion  names (K,) and counts (K, K): row true class, column predicted one, after the last epoch
    files               {path in the cell's folder: {"sha256", "bytes"}}
    at                  in an object store: where those files are below it; absent where they are beside the record
  failed:
    error               {"type", "message", "traceback"}
"""


@dataclass(frozen=True)
class Cell:
    """One recipe with one seed and fixed settings: the unit of the benchmark.

    Attributes:
        name: the recipe's.
        seed: of the run.
        settings: flat settings as `dazoo.train` takes them, beyond what scenario and parts bring.
        identity: all that can change the number; never a path, a host or a time.
        larger: training pictures of the larger domain, which an epoch of one pass reads; 0 where nobody asks how long that takes.
    """

    name: str
    seed: int
    settings: Mapping[str, Any]
    identity: Mapping[str, Any]
    larger: int = 0

    @cached_property
    def id(self) -> str:
        """12 hexadecimal digits."""
        return digest(self.identity)

    @property
    def path(self) -> str:
        """Where it stands below a results folder."""
        return path_of({"name": self.name, "seed": self.seed, "id": self.id})


def path_of(record: Mapping[str, Any]) -> str:
    """Where a record's cell stands below a results folder; qualified names lose the colons that some file systems refuse."""
    return f"{record['name'].replace(':', '.')}/seed{record['seed']}-{record['id']}"


def digest(identity: Mapping[str, Any]) -> str:
    """Hash of canonical JSON: the same on every machine, whatever the order of keys."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_record(record: Any, where: str) -> Record:
    """The record, if it is one.

    Raises:
        DataError: another schema, a missing field, or an id that is not the hash of the identity.
    """
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise DataError(f"{where}: the record's schema is {found!r}; this dazoo reads {SCHEMA}. Use the version of dazoo that wrote it.")
    common = {"status", "id", "name", "recipe", "seed", "identity", "adapts", "attempts", "batch", "machine", "cost"}
    needed = common | ({"error"} if record.get("status") == "failed" else {"numbers", "epochs", "classes", "confusion", "files"})
    missing = sorted(needed - record.keys())
    if missing:
        raise DataError(f"{where}: the record lacks {', '.join(missing)}; remove the cell, and it runs again.")
    if digest(record["identity"]) != record["id"]:
        raise DataError(
            f"{where}: the record's id {record['id']} is not the hash of its identity; it was edited. Remove the cell, and it runs again."
        )
    return record
