"""What a class takes and what its docstring says about it: the facts behind `dazoo show`."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


_HEADINGS = re.compile(r"^(Args|Attributes|Shape|Example|Examples|Returns|Raises|Note):\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Parameter:
    """A setting: its name, default and one line of documentation; `fixed` when the registered name stands for a value of it."""

    name: str
    default: Any
    doc: str
    fixed: bool = False


def about(cls: type) -> str:
    """The first paragraph of the docstring, in one line."""
    return " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())


def parameters(cls: type, base: type | None, settings: dict[str, Any]) -> list[Parameter]:
    """Keyword arguments that a person may set: those of the class and of the ones it passes **kwargs on to.

    Args:
        base: the contract; what its constructor takes is filled in by dazoo and left out.
        settings: what the registered name fixes.
    """
    given = set(_own(base)) if base is not None else set()
    found: dict[str, Parameter] = {}
    for c in cls.__mro__:
        if c in (base, object) or "__init__" not in c.__dict__ and not dataclasses.is_dataclass(c):
            continue
        mine = _own(c)
        docs = docs_of(c, [p.name for p in _signature(c)])
        for name, parameter in mine.items():
            if name in given or name in found:
                continue
            default = None if parameter.default is inspect.Parameter.empty else parameter.default
            found[name] = Parameter(name, settings.get(name, default), docs.get(name, ""), name in settings)
        if not any(p.kind is p.VAR_KEYWORD for p in _signature(c)):
            break
    return list(found.values())


def docs_of(cls: type, names: Iterable[str]) -> dict[str, str]:
    """The sentences of a Google-style docstring about each name; several names may share a line ("lr, momentum: ...")."""
    text = inspect.getdoc(cls) or ""
    pieces = _HEADINGS.split(text)
    body = "\n".join(part for heading, part in zip(pieces[1::2], pieces[2::2], strict=True) if heading in ("Args", "Attributes"))
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    if not known:
        return {}
    start = re.compile(rf"(?:^\s*|(?<=[.;])\s+)((?:{known})(?:, (?:{known}))*)(?: \([^)]*\))?: ", re.MULTILINE)
    marks = list(start.finditer(body))
    ends = [*(m.start() for m in marks), len(body)][1:]
    found = {}
    for mark, end in zip(marks, ends, strict=True):
        for name in mark[1].split(", "):
            found[name] = " ".join(body[mark.end() : end].split())
    return found


def _own(cls: type) -> dict[str, inspect.Parameter]:
    return {p.name: p for p in _signature(cls) if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


def _signature(cls: type) -> list[inspect.Parameter]:
    return list(inspect.signature(inspect.getattr_static(cls, "__init__")).parameters.values())[1:]  # without self
