"""The fields of a record that are objects. Each class reads its own strictly (`from_json`), and raises `dazoo.bench.checks.Wrong`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dazoo.bench import checks


_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of a step: `asked` by the settings, `used` at a time (fewer in micro-batches, whose gradients add up; None: not known)."""

    asked: int
    used: int | None

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Batch:
        return cls(checks.whole(tree, "asked", least=1), checks.whole(tree, "used", least=1, none=True))


@dataclass(frozen=True, slots=True)
class Machine:
    """What computed a cell: device, precision of the arithmetic, CPU threads, versions of Python and libraries, processes together."""

    device: str
    precision: str | None
    threads: int | None
    platform: str
    python: str
    versions: Mapping[str, str]
    processes: int = 1

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Machine:
        versions = checks.mapping(tree, "versions")
        return cls(
            checks.text(tree, "device"),
            checks.text(tree, "precision", none=True),
            checks.whole(tree, "threads", least=1, none=True),
            checks.text(tree, "platform"),
            checks.text(tree, "python"),
            {name: checks.text(versions, name) for name in versions},
            checks.whole(tree, "processes", least=1, none=True) or 1,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall time of training in seconds, images of both domains per second, peak bytes of main and of GPU memory; None: not measured."""

    seconds: float | None
    images_per_second: float | None
    memory: int | None
    device_memory: int | None

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Cost:
        return cls(
            checks.number(tree, "seconds", least=0),
            checks.number(tree, "images_per_second", least=0),
            checks.whole(tree, "memory", none=True),
            checks.whole(tree, "device_memory", none=True),
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """The four numbers in [0, 1] and how they came about; `source_only` is None where another cell has it."""

    source_only: float | None = None
    last: float | None = None
    chosen: float | None = None
    oracle: float | None = None
    n_target: int | None = None
    validator: str | None = None
    chosen_epoch: int | None = None
    oracle_epoch: int | None = None
    choices: Mapping[str, float | None] | None = None

    @classmethod
    def from_json(cls, tree: dict[str, Any], epochs: int) -> Numbers:
        most = epochs - 1 if epochs else checks.MOST
        return cls(
            source_only=checks.share(tree, "source_only"),
            last=checks.share(tree, "last"),
            chosen=checks.share(tree, "chosen"),
            oracle=checks.share(tree, "oracle"),
            n_target=checks.whole(tree, "n_target", none=True),
            validator=checks.text(tree, "validator", none=True),
            chosen_epoch=checks.whole(tree, "chosen_epoch", most=most, none=True),
            oracle_epoch=checks.whole(tree, "oracle_epoch", most=most, none=True),
            choices=checks.numbers(tree, "choices") if tree.get("choices") is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Epoch:
    """Accuracy on the target in [0, 1], label-free scores and loss terms after an epoch; None where a number was not finite."""

    accuracy: float | None
    scores: Mapping[str, float | None]
    terms: Mapping[str, float | None]

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Epoch:
        return cls(checks.share(tree, "accuracy"), checks.numbers(tree, "scores"), checks.numbers(tree, "terms"))


@dataclass(frozen=True, slots=True)
class File:
    """A file of a cell: the digest of its content (hexadecimal) and its size."""

    sha256: str
    bytes: int

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> File:
        return cls(checks.text(tree, "sha256", _SHA256), checks.whole(tree, "bytes"))


@dataclass(frozen=True, slots=True)
class Error:
    """Why a cell failed: the exception's class, its message and its traceback."""

    type: str
    message: str
    traceback: str

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Error:
        return cls(*(checks.text(tree, key) for key in ("type", "message", "traceback")))
