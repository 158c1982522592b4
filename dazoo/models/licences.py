"""Licences and terms: what an author says of the weights, and what the data sets say of weights that learnt from them."""

from __future__ import annotations

from collections.abc import Sequence

from dazoo.errors import DazooError
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import did_you_mean
from dazoo.streams import one_line


LICENCES = frozenset(
    (
        "afl-3.0 agpl-3.0 apache-2.0 apple-amlr apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 "
        "bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 "
        "cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 "
        "cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 "
        "cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 "
        "fair-noncommercial-research-license gemma gfdl gpl gpl-2.0 gpl-3.0 grok2-community h-research intel-research isc lgpl "
        "lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl mulan ncsa odbl "
        "odc-by ofl-1.1 open-mdw openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib "
    ).split()
)
"""The identifiers that the Hub takes (huggingface.co/docs/hub/repositories-licenses)."""


def licence_problems(licence: str | None, name: str | None, link: str | None) -> list[str]:
    """What is wrong with a licence as an author gave it; nothing is guessed."""
    if licence is None:
        return ["No licence was chosen for the weights. Say which: --license apache-2.0, or --license other with a name and a link."]
    if licence not in LICENCES:
        near = did_you_mean(licence.lower(), LICENCES)
        return [f"The Hub knows no licence {licence!r}.{near} Another one is --license other --license-name NAME --license-link LINK."]
    if licence == "other" and not (name and link):
        return ["--license other needs --license-name and --license-link (a file of the repository, such as LICENSE, or an address)."]
    if licence != "other" and (name or link):
        return [f"--license-name and --license-link go with --license other alone; here it is {licence}."]
    return []


def data_of(scenario: str) -> list[tuple[str, str]]:
    """Data sets of a scenario with their roles; target pictures are learnt from too, without labels.

    Raises:
        UnknownName, PluginError: it is not installed here.
    """
    found = zoo().scenarios.build(scenario)
    return [*((name, "source") for name in found.sources), (found.target, "target")]


def terms_problems(names: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """What the terms of data sets say about giving away weights that learnt from them.

    Returns:
        Problems, notes, and the sets' identifiers on the Hub.
    """
    problems, notes, known = [], [], []
    for name in dict.fromkeys(names):
        try:
            cls = zoo().datasets.resolve(name)
        except DazooError as exc:
            problems.append(f"The terms of the data set {name!r} cannot be read: {exc}")
            continue
        if cls.weights_may_be_shared is False:
            problems.append(f"The terms of the data set {name!r} forbid giving away weights that learnt from it: {one_line(cls.terms)}.")
        elif cls.weights_may_be_shared is None:
            notes.append(
                f"The terms of the data set {name!r} do not say whether weights may be shared, so you must know: {one_line(cls.terms)}."
            )
        if cls.hub_id and cls.hub_id not in known:
            known.append(cls.hub_id)
    return problems, notes, known
