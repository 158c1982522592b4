"""Publish a model on the Hub: checked as a whole before anything is sent, one repository a model, one commit or none."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

from huggingface_hub import get_token

from dazoo.errors import DazooError
from dazoo.errors import PublishError
from dazoo.errors import SettingsError
from dazoo.models.card import tags_of
from dazoo.models.card import usage_of
from dazoo.models.card_data import Facts
from dazoo.models.card_hub import hub_card
from dazoo.models.evaluations import eval_results
from dazoo.models.gan_card import gan_tags
from dazoo.models.gan_card import gan_task
from dazoo.models.gan_card import gan_usage
from dazoo.models.gan_model import GANModel
from dazoo.models.hub import Hub
from dazoo.models.hub import check_repo
from dazoo.models.hub import check_revision
from dazoo.models.hub_errors import LOGIN
from dazoo.models.licences import data_of
from dazoo.models.licences import licence_problems
from dazoo.models.licences import terms_problems
from dazoo.models.load import CARD
from dazoo.models.load import read_card
from dazoo.models.model import Model
from dazoo.models.package import RUN
from dazoo.models.package import Package
from dazoo.models.package import packed
from dazoo.models.send import EVALUATIONS
from dazoo.models.send import Way
from dazoo.models.send import send
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import RECIPE


@dataclass(frozen=True)
class Published:
    """What was published, or would be.

    Attributes:
        repo: "user/name". commit: the full hash, or None where nothing was sent. url: its page.
        changed: whether a commit was made now. files: bytes of each file, by name. card: README.md.
        problems: why it cannot be published; empty where it was. notes: what its author should know.
        registration: the line that makes it an entry of a plugin; empty where nothing was sent.
    """

    repo: str
    commit: str | None
    url: str
    changed: bool
    files: Mapping[str, int]
    card: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    registration: str = ""


@dataclass(frozen=True)
class _More:
    """Options beside those of `Way`."""

    license_name: str | None = None
    license_link: str | None = None
    co2: float | None = None
    evaluations: bool = False


def publish(
    model: Model | GANModel | str | os.PathLike[str],
    repo: str,
    *,
    license: str | None = None,
    dry_run: bool = False,
    hub: Hub | None = None,
    **options: Any,
) -> Published:
    """Publish a classifier or a GAN in a repository of its own, in one commit; where nothing differs, none is made.

    Args:
        model: a loaded model, the folder of a run or of a saved model, or an entry's name.
        repo: "user/name".
        license: identifier of the weights' licence at the Hub; it is never guessed.
        dry_run: send nothing, and return what would be sent with every problem.
        hub: where to, and with whose token.
        options: license_name and license_link, for the licence "other"; private, pull_request, branch, message, replace, see
            `dazoo.models.send.Way`; co2, grams that its training was measured to cost; evaluations, add .eval_results/dazoo.yaml.

    Raises:
        SettingsError: an unknown option.
        PublishError: something stands in its way; `problems` lists everything.
        UnknownName, OfflineError: no right to write there, or no answer.
    """
    way, more = _sorted(options)
    place = hub or Hub()
    problems = [*_address_problems(repo, way, place), *licence_problems(license, more.license_name, more.license_link)]
    try:
        with packed(model, place) as made:
            return _published(made, repo, license, place, way, more, problems, dry_run)
    except PublishError:
        raise
    except DazooError as exc:
        if not problems:
            raise
        raise _refused([*problems, str(exc)]) from exc


def _published(
    made: Package, repo: str, licence: str | None, hub: Hub, way: Way, more: _More, problems: list[str], dry_run: bool
) -> Published:
    names = _data_names(made)
    forbidden, notes, datasets = terms_problems(names) if isinstance(names, list) else ([names], [], [])
    facts = Facts(
        licence or "other", more.license_name, more.license_link, _tags(made), datasets, _origin(made), more.co2,
        *((gan_task(made.model.verbs()),) if isinstance(made.model, GANModel) else ()),
    )  # fmt: skip
    files = dict(made.files)
    if more.evaluations:
        text, trouble = eval_results(made.config, repo)
        forbidden += trouble
        files |= {EVALUATIONS: text} if text else {}
    card = _card(made, repo, facts)
    files[CARD] = card.encode()
    problems = [*problems, *forbidden, *made.problems]
    sizes = {name: len(data) if isinstance(data, bytes) else data.stat().st_size for name, data in sorted(files.items())}
    notes = [*made.notes, *notes]
    if dry_run:
        return Published(repo, None, "", False, sizes, card, tuple(problems), tuple(notes))
    if problems:
        raise _refused(problems)
    sent = send(hub, repo, files, way)
    name = (
        made.config["name"]
        if RECIPE.fullmatch(made.config["name"])
        else re.sub(r"[^a-z0-9]+", "-", repo.partition("/")[2].lower()).strip("-")
    )
    line = f'register("{name}", "hub:{repo}@{sent.commit}", sha256="{made.pin}")'
    return Published(repo, sent.commit, sent.url, sent.changed, sizes, card, (), tuple(notes), line)


def _sorted(options: Mapping[str, Any]) -> tuple[Way, _More]:
    """Options by what they are for.

    Raises:
        SettingsError: an unknown one.
    """
    known = {cls: [f.name for f in fields(cls)] for cls in (Way, _More)}
    for name in options:
        if not any(name in names for names in known.values()):
            raise SettingsError(f"publish has no option {name!r}; it has license, dry_run, hub, {', '.join([*known[Way], *known[_More]])}.")
    return Way(**{k: v for k, v in options.items() if k in known[Way]}), _More(**{k: v for k, v in options.items() if k in known[_More]})


def _address_problems(repo: str, way: Way, hub: Hub) -> list[str]:
    """What is wrong with where it should go, before anything is sent."""
    found = []
    for check in (lambda: check_repo(repo), lambda: check_revision(repo, way.branch or "main")):
        try:
            check()
        except DazooError as exc:
            found.append(str(exc))
    if way.pull_request and way.branch:
        found.append("--pr proposes a change of the main branch and --branch commits to another one; give one of them.")
    if not (hub.token or get_token()):
        found.append(f"You are not logged in at the Hub; {LOGIN}.")
    return found


def _refused(problems: list[str]) -> PublishError:
    listed = "".join(f"\n- {problem}" for problem in problems)
    return PublishError(f"It cannot be published yet; nothing was sent.{listed}", tuple(problems))


def _data_names(made: Package) -> list[str] | str:
    """Registered data sets that it learnt from; a sentence where that cannot be known here."""
    if isinstance(made.model, GANModel):
        return list(made.config.get("data", ()))
    scenario = made.config["recipe"]["scenario"]
    try:
        return [name for name, _ in data_of(scenario)] if scenario else []
    except DazooError as exc:
        return f"The terms of the data of {scenario!r} cannot be read: {exc}"


def _tags(made: Package) -> list[str]:
    if isinstance(made.model, GANModel):
        return gan_tags(made.config)
    scenario = made.config["recipe"]["scenario"]
    try:
        rows = [{"name": name, "role": role} for name, role in data_of(scenario)] if scenario else []
    except DazooError:
        rows = []
    return tags_of(made.config, rows)


def _origin(made: Package) -> str | None:
    """The repository whose weights a classifier started from."""
    if isinstance(made.model, GANModel):
        return None
    name = made.config["recipe"]["backbone"]
    return zoo().backbones.resolve(name).origin(**zoo().backbones.get(name).arguments, **made.config.get("backbone_settings", {}))


def _card(made: Package, repo: str, facts: Facts) -> str:
    address = f"hub:{repo}"
    if isinstance(made.model, GANModel):
        own = read_card(made.folder / CARD) or ""
        return hub_card(own, made.config, facts, gan_usage(made.model.verbs(), address), made.pictures)
    usage = f"```python\n{usage_of(made.config, address)}\n```"
    again = f"```sh\ndazoo train --config {RUN} --data DIR\n```\n\nwith the {RUN} of this repository." if RUN in made.files else None
    return hub_card(made.model.card, made.config, facts, usage, made.pictures, again)
