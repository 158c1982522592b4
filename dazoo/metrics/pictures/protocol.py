"""A figure and the protocol that it was measured under. Figures of different protocols are never compared: the same GAN gets another FID
from another network, another resize filter, or another number of pictures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.plain import shown


LOWER_IS_BETTER = frozenset({"fid", "kid", "lpips_like", "mean_error", "ab_error"})
HIGHER_IS_BETTER = frozenset({"inception_score", "precision", "recall", "density", "coverage", "psnr", "ssim"})
"""Of the other figures neither end is good: the diversity and the colourfulness of drawn pictures should be those of real ones."""


@dataclass(frozen=True)
class Protocol:
    """What a figure depends on, beside the pictures that were drawn.

    Attributes:
        extractor: name of the network that reads the pictures; "" where pixels are compared.
        digest: sha256 of its weights; "" without one.
        size: side in pixels of the pictures as they are read; 0 for their own size.
        filter: how they are brought to it.
        real, drawn: how many pictures of each there are.
        real_digest: sha256 of the real pictures.
        seed: of whatever is drawn by lot.
        library, version: what computes the figure.
        settings: what it was told, such as "3 neighbours".
    """

    extractor: str
    digest: str
    size: int
    filter: str
    real: int
    drawn: int
    real_digest: str
    seed: int
    library: str
    version: str
    settings: str = ""

    def differences(self, other: Protocol) -> list[str]:
        """What differs, in words: "drawn is 500 and 1000"."""
        pairs = [(f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return [f"{name} is {_brief(name, mine)} and {_brief(name, its)}" for name, mine, its in pairs if mine != its]

    def check_same(self, other: Protocol) -> None:
        """Raises SettingsError, naming what differs, unless both are the same."""
        different = self.differences(other)
        if different:
            raise SettingsError(
                f"Two figures of different protocols do not compare: {'; '.join(different)}. Measure both under the same protocol."
            )

    def __str__(self) -> str:
        """One line."""
        read = f"{self.extractor} ({_brief('digest', self.digest)})" if self.extractor else "pixels"
        size = f"{self.size} px {self.filter}" if self.size else "own size"
        count = f"{self.real} real ({_brief('digest', self.real_digest)}) and {self.drawn} drawn pictures"
        told = [self.settings] if self.settings else []
        return ", ".join([read, size, count, *told, f"seed {self.seed}", f"{self.library} {self.version}"])


def _brief(name: str, value: Any) -> str:
    return (value[:12] or "none") if "digest" in name else shown(value, 80)


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: "fid", "kid", ...
        value: the figure.
        spread: standard deviation over the subsets or splits that it was taken on, or None.
        protocol: what it was measured under.
    """

    name: str
    value: float
    protocol: Protocol
    spread: float | None = None

    def minus(self, other: Figure) -> float:
        """This figure less another of the same name and protocol.

        Raises:
            SettingsError: the names or the protocols differ; the message says in what.
        """
        if self.name != other.name:
            raise SettingsError(f"{self.name} and {other.name} do not compare; take two figures of one name.")
        self.protocol.check_same(other.protocol)
        return self.value - other.value

    def better_than(self, other: Figure) -> bool:
        """Whether it is better than another of the same name and protocol.

        Raises:
            SettingsError: as for `minus`; a figure of which neither end is good.
        """
        less = self.minus(other)
        if self.name in LOWER_IS_BETTER:
            return less < 0
        if self.name in HIGHER_IS_BETTER:
            return less > 0
        raise SettingsError(f"Neither more nor less of {self.name} is better; compare it with the same figure of real pictures.")

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ± {self.spread:.2g}"
        return f"{self.name} {self.value:.4g}{spread}"


@dataclass(frozen=True)
class Figures(Mapping[str, Figure]):
    """Figures by name, and what to know before anybody believes them.

    Attributes:
        all: the figures.
        remarks: sentences, such as that few pictures bias a figure.
    """

    all: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Figure:
        for figure in self.all:
            if figure.name == name:
                return figure
        raise KeyError(f"{name!r} was not measured; there are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (figure.name for figure in self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __str__(self) -> str:
        """A line for each figure with its protocol, then the remarks."""
        return "\n".join([*(f"{f} [{f.protocol}]" for f in self.all), *self.remarks])

    def to_json(self) -> str:
        """JSON that `from_json` reads; an infinite figure (PSNR of equal pictures) is the text "inf"."""
        rows = [{**asdict(f), "value": f.value if math.isfinite(f.value) else str(f.value)} for f in self.all]
        return json.dumps({"figures": rows, "remarks": list(self.remarks)}, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Figures:
        """What `to_json` wrote.

        Raises:
            DataError: something else.
        """
        try:
            read = json.loads(text)
            rows = [Figure(**{**row, "value": float(row["value"]), "protocol": Protocol(**row["protocol"])}) for row in read["figures"]]
            return cls(tuple(rows), tuple(str(remark) for remark in read["remarks"]))
        except (ValueError, TypeError, KeyError) as exc:
            raise DataError(f"This is no JSON of figures ({exc}); expected what Figures.to_json writes.") from exc
