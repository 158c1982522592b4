"""Records of cells that nobody ran."""

from __future__ import annotations

from typing import Any

from dazoo.bench.cells import digest
from dazoo.bench.record import Record


KINDS = ("backbone", "gan", "method", "scenario")


def as_json(
    name: str = "net-dann-a2b",
    seed: int = 0,
    last: float | None = 0.5,
    *,
    gan: str | None = None,
    settings: dict[str, Any] | None = None,
    data: str = "d" * 64,
    protocol: int = 1,
    plugins: dict[str, str] | None = None,
    classes: list[str] | None = None,
    confusion: list[list[int]] | None = None,
    accuracies: list[float] | None = None,
    error: dict[str, str] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A record of "backbone-method-scenario" in JSON; `gan` says that the middle is a GAN. The method `source` does not adapt."""
    backbone, middle, scenario = name.split("-")
    parts = dict(zip(KINDS, (backbone, middle if gan else None, None if gan else middle, scenario), strict=True))
    identity = {
        "recipe": name,
        "seed": seed,
        "settings": {"lr": 0.001, "epochs": 2, **(settings or {})},
        "arguments": {},
        "data": data,
        "plugins": {"dazoo": "0.1", **(plugins or {})},
        "protocol": protocol,
    }
    head = {
        "schema": 1,
        "status": "failed" if error else "done",
        "id": digest(identity),
        "name": name,
        "seed": seed,
        "recipe": parts,
        "identity": identity,
        "adapts": None if error else middle != "source",
        "attempts": 1,
        "batch": {"asked": 64, "used": 64},
        "machine": {
            "device": "cpu",
            "precision": "fp32",
            "threads": 2,
            "platform": "Linux x86_64",
            "python": "3.11.7",
            "versions": {"dazoo": "0.1", "torch": "2.12.0"},
        },
        "cost": {"seconds": 10.0, "images_per_second": 100.0, "memory": 2**30, "device_memory": None},
    }
    if error:
        return {**head, "error": {"type": "", "message": "", "traceback": "", **error}, **changes}
    curve = accuracies or [0.1, last]
    found = {
        "numbers": {
            "source_only": None,
            "last": last,
            "chosen": last,
            "oracle": None if last is None else max(c for c in curve if c is not None),
            "n_target": 100,
            "validator": "snd",
            "chosen_epoch": 1,
            "oracle_epoch": 1,
            "choices": {"snd": last},
        },
        "epochs": [{"accuracy": a, "scores": {"snd": 0.5}, "terms": {"task": 1.0}} for a in curve],
        "classes": classes or ["x", "y"],
        "confusion": confusion or [[8, 2], [3, 7]],
        "files": {},
    }
    return {**head, **found, **changes}


def record(*values: Any, **more: Any) -> Record:
    """The record that `as_json` describes."""
    return Record.from_json(as_json(*values, **more), "synthetic")


def runs(name: str, values: list[float], **more: Any) -> list[Record]:
    """Records with seeds 0, 1, ..."""
    return [record(name, seed, value, **more) for seed, value in enumerate(values)]
