"""Model cards: README.md of a saved model, from one template, with front matter that the Hub reads."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import fields as fields_of
from importlib import resources
from typing import Any

from jinja2 import Environment
from jinja2 import StrictUndefined

from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.metrics.four_numbers import COLUMNS
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.metrics.intervals import summarise
from dazoo.metrics.intervals import wilson
from dazoo.models.card_data import TITLES
from dazoo.models.card_data import Facts
from dazoo.models.card_data import front_matter
from dazoo.models.card_data import set_words
from dazoo.models.card_scores import scores_section
from dazoo.models.judged import JUDGED
from dazoo.models.judged import judged
from dazoo.models.provenance import described
from dazoo.registry.plugins import zoo


FIELDS = (
    *("address", "description", "usage", "data", "limits", "reproduce", "licence", "licence_text", "citations", "tags", "summary"),
    "pictures",
)
"""What a caller may say beside the config."""

_LIMITS = (
    "It knows the classes above and no others: a picture of something else gets one of them too, sometimes with a high score.",
    "It was measured on the pictures above alone; other cameras, countries or seasons may be harder.",
)


def results_of(
    runs: Sequence[FourNumbers], *, shipped: int = 0, seeds: Sequence[int] | None = None, correct: int | None = None
) -> dict[str, Any]:
    """The `results` of a config: the four numbers over the runs (one a seed), and what the shipped run itself reached.

    Args:
        runs: of one recipe, each with another seed.
        shipped: which of them the weights come from.
        seeds: of the runs, in order; 0, 1, ... unless given.
        correct: target pictures that the shipped weights get right; from `runs[shipped].last` unless given.

    Raises:
        DataError: no runs, or runs that were measured on different numbers of pictures or chosen by different validators.
    """
    if not runs or len({(r.n_target, r.validator) for r in runs}) > 1:
        raise DataError("The runs differ in target pictures or validator, or there are none; a card needs runs that can be averaged.")
    numbers: dict[str, Any] = {}
    for column in COLUMNS:
        values = [v for r in runs if (v := getattr(r, column)) is not None]
        if values:
            s = summarise(values)
            bounds = {} if s.interval is None else {"low": s.interval.low, "high": s.interval.high}
            numbers[column] = {"mean": s.mean, **bounds, **({} if s.spread is None else {"spread": s.spread}), "n": s.n}
    n = runs[0].n_target
    right = round(runs[shipped].last * n) if correct is None else correct
    own = wilson(right, n)
    return {
        "metric": "accuracy",
        "n_target": n,
        "validator": runs[0].validator,
        "seeds": list(seeds) if seeds is not None else list(range(len(runs))),
        "numbers": numbers,
        "shipped": {
            "seed": (seeds or range(len(runs)))[shipped],
            "accuracy": right / n,
            "low": own.low,
            "high": own.high,
        },
    }


def render_card(config: Mapping[str, Any], **fields: Any) -> str:
    """The text of README.md.

    Args:
        config: the inner object of config.json.
        fields: any of `FIELDS`: address (what `dazoo.load` takes for this model: an entry's name, a folder, "hub:user/repo"; unless given,
            the card says to name its folder), description, usage (Python), data (rows with name, role, terms), limits (list of
            sentences), pictures (names of PNG files beside it), reproduce (one command), licence (an SPDX identifier), licence_text,
            citations (list), tags (list).

    Raises:
        SettingsError: an unknown field.
    """
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise SettingsError(f"A card has no field {unknown[0]!r}; it has {', '.join(FIELDS)}.")
    config = {**config, "results": structured(config.get("results", {}))}
    recipe, results, classes = config["recipe"], config["results"], config["classes"]
    values = {
        "name": _line(config["name"]),
        "size": config["size"],
        "channels": config["channels"],
        "classes": classes,
        "class_list": ", ".join(classes[:100]) + (f" and {len(classes) - 100} more" if len(classes) > 100 else ""),
        "summary": _summary(recipe, len(classes)),
        "description": "",
        "usage": usage_of(config, fields.get("address")),
        "parts": [(kind, name) for kind, name in recipe.items() if name],
        "settings": _settings(config),
        "data": data_of(recipe["scenario"]),
        "limits": list(_LIMITS),
        "reproduce": _reproduce(config),
        "plugins": [(dist, described(version)) for dist, version in config.get("plugins", {}).items()],
        "licence": "other",
        "citations": [],
        "tags": [],
        "metric": results.get("metric", "accuracy"),
        "n_target": results.get("n_target"),
        "validator": results.get("validator"),
        "level": 95,
        "numbers": _numbers(results),
        "shipped": _shipped(results),
        "oracle": results.get("weights") == "best",
        **judged(results, classes),
        "scores": scores_section(config, fields.get("pictures", ())),
        "pictures": [],
        **fields,
    }
    chosen = "No licence was chosen for the weights" if values["licence"] == "other" else f"Weights: {_line(values['licence'])}"
    values.setdefault("licence_text", f"{chosen}. The data keep their own terms, given above.")
    tags = [*tags_of(config, values["data"]), *values["tags"]]
    values["front_matter"] = front_matter(config, Facts(licence=values["licence"], tags=tags))
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters.update(line=_line, cell=_cell)
    return environment.from_string(template()).render(values)


def template() -> str:
    """The text of the template, which lies beside this module."""
    try:
        return resources.files("dazoo.models").joinpath("template.md").read_text(encoding="utf-8")
    except OSError as error:
        raise DazooError(
            f"The template of model cards cannot be read ({error}); this copy of dazoo is not whole: install it anew."
        ) from error


def tags_of(config: Mapping[str, Any], data: Sequence[Mapping[str, str]]) -> list[str]:
    """Tags by which a classifier is found: what it is, its parts, its data sets."""
    pairs = [f"{role}:{row['name']}" for row in data for role in ("source", "target") if row["role"].startswith(role)]
    return ["dazoo", "domain-adaptation", "unsupervised-domain-adaptation", *(n for n in config["recipe"].values() if n), *pairs]


def _summary(recipe: Mapping[str, str | None], classes: int) -> str:
    learnt = f", learnt on the scenario `{recipe['scenario']}`" if recipe["scenario"] else ""
    by = [f"the GAN `{recipe['gan']}`"] if recipe["gan"] else []
    by += [f"the method `{recipe['method']}`"] if recipe["method"] and recipe["method"] != "source" else []
    how = f"It was adapted to the target by {' and '.join(by)}, without any of its labels."
    how = how if by else "It was trained on the source alone, without adaptation."
    return f"A classifier of {classes} classes, the backbone `{recipe['backbone']}`{learnt}. {how}"


def usage_of(config: Mapping[str, Any], address: str | None) -> str:
    """The Python that loads and asks a classifier. `address`: what `dazoo.load` takes; None where nobody else has it."""
    folder = 'model = dazoo.load("path/to/folder")  # the folder that holds this card'
    loaded = f'model = dazoo.load("{_line(address)}")' if address else folder
    lines = ["import dazoo", "", loaded, 'print(model.predict("picture.png").label)']
    if config["recipe"]["gan"]:
        lines.append("drawn = model.generate(8, seed=0)  # (8, C, size, size) in [-1, 1]")
    return "\n".join(lines)


def _reproduce(config: Mapping[str, Any]) -> str:
    """The command, with the seed and every setting that was asked for and is one word."""
    recipe = "-".join(n for n in config["recipe"].values() if n)
    words = ["dazoo", "train", recipe, *(["--data", "DIR"] if config["recipe"]["scenario"] else ["--source", "DIR", "--target", "DIR"])]
    seed = (config["results"].get("shipped") or config["results"]).get("seed")
    words += ["--seed", str(seed)] if isinstance(seed, int) else []
    return _line(" ".join(words) + set_words({**config.get("asked", {}), **_of_parts(config)}))


def _of_parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the parts by their names on the command line."""
    parts = ("backbone", "gan", "bridge", "method")
    return {f"{part}.{key}": value for part in parts for key, value in config.get(f"{part}_settings", {}).items()}


def _settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in {**config.get("settings", {}), **_of_parts(config)}.items()]


def data_of(scenario: str | None) -> list[dict[str, str]]:
    """Data sets of a scenario with their terms, as far as their plugins are installed."""
    if scenario is None:
        return []
    try:
        found = zoo().scenarios.build(scenario)
        roles = [(name, "source, with labels") for name in found.sources]
        roles.append((found.target, "target, labels for evaluation only"))
        return [{"name": name, "role": role, "terms": zoo().datasets.resolve(name).terms} for name, role in roles]
    except DazooError:
        return []


def structured(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Results as `results_of` gives them; a single run records its `FourNumbers` flat."""
    if "numbers" in results or not all(isinstance(results.get(key), float | int) for key in ("last", "chosen", "oracle", "n_target")):
        return results
    record = {**dict.fromkeys((f.name for f in fields_of(FourNumbers)), 0), "choices": {}, "source_only": None, **results}
    run = FourNumbers(**{f.name: record[f.name] for f in fields_of(FourNumbers)})
    kept = results.get("weights", "last")  # the numbers are the run's; what these weights reached is that of their epoch
    own = round(getattr(run, "chosen" if kept == "chosen" else "last") * run.n_target)
    found = results_of([run], seeds=[results.get("seed", 0)], correct=own)
    if kept == "best":  # an oracle, never a result
        del found["shipped"]
    return {**found, **{key: results[key] for key in JUDGED if key in results}}


def _numbers(results: Mapping[str, Any]) -> list[dict[str, str]]:
    rows = []
    for column, row in results.get("numbers", {}).items():
        interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}" if {"low", "high"} <= set(row) else "-"
        spread = f"{100 * row['spread']:.1f}" if "spread" in row else "-"
        mean, n = f"{100 * row['mean']:.1f}", row.get("n", 1)
        rows.append({"what": TITLES.get(column, column), "mean": mean, "interval": interval, "spread": spread, "n": n})
    return rows


def _shipped(results: Mapping[str, Any]) -> dict[str, str]:
    own = results.get("shipped")
    if not own:
        return {}
    known = {"low", "high"} <= set(own)
    interval = f" ({100 * own['low']:.1f} to {100 * own['high']:.1f}, Wilson's interval over the pictures)" if known else ""
    return {"seed": f" (seed {own['seed']})" if "seed" in own else "", "accuracy": f"{100 * own['accuracy']:.1f}", "interval": interval}


def _line(value: object) -> str:
    """Text on one line."""
    return " ".join(str(value).split())


def _cell(value: object) -> str:
    """Text that stays in its cell of a table."""
    return _line(value).replace("\\", "\\\\").replace("|", "\\|")
