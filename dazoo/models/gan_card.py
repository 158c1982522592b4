"""The card of a GAN without a classifier: what it is, how to use it, its data, figures, limits, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dazoo.engine.settings import Settings
from dazoo.errors import DazooError
from dazoo.models.card_data import DRAWS
from dazoo.models.card_data import REDRAWS
from dazoo.models.card_data import Facts
from dazoo.models.card_data import front_matter
from dazoo.models.card_data import set_words
from dazoo.models.provenance import described
from dazoo.registry.plugins import zoo


OWN = ("validator", "schedule", "warmup")
"""Settings that training a GAN alone has otherwise than a classifier anyway."""

VERBS = {
    "translate": 'made = model.translate("picture.png")',
    "upscale": 'made = model.upscale("picture.png")',
    "colorize": 'made = model.colorize("picture.png")',
    "inpaint": 'made = model.inpaint("picture.png")',
    "restore": 'made = model.restore("picture.png")',
    "voxelize": 'volume = model.voxelize("picture.png")  # (1, d, d, d) in [0, 1]',
    "generate": "drawn = model.generate(8, seed=0)  # (8, C, size, size) in [-1, 1]",
}
"""The use that a card shows is the first of these that a model has: what others cannot do goes before drawing."""


def gan_card(config: Mapping[str, Any], verbs: Sequence[str], address: str | None = None) -> str:
    """The text of README.md.

    Args:
        config: the inner object of config.json. verbs: what the model can be used for.
        address: what `dazoo.load_gan` takes for it; the folder that holds the card, unless given.
    """
    front = front_matter(config, Facts(tags=gan_tags(config), task=gan_task(verbs)))
    parts = [f"---\n{front}\n---", f"# {_line(config['name'])}", _summary(config), "## Use it", gan_usage(verbs, address)]
    parts += ["## Settings", _settings(config), "## Data and their terms", _data(config), "## Results", _figures(config)]
    parts += ["## Limits", "\n".join(f"- {line}" for line in _limits(config, verbs)), "## How to reproduce", _reproduce(config, verbs)]
    rows = "".join(f"\n| {_cell(dist)} | {_cell(described(version))} |" for dist, version in config.get("plugins", {}).items())
    parts += ["## Plugins and versions", f"| distribution | version |\n|---|---|{rows}"]
    parts += ["## Licence", "No licence was chosen for the weights. The data keep their own terms, given above."]
    return "\n\n".join(parts) + "\n"


def gan_usage(verbs: Sequence[str], address: str | None) -> str:
    """A block of Python that loads it and uses its first verb."""
    loaded = f'dazoo.load_gan("{_line(address)}")' if address else 'dazoo.load_gan("path/to/folder")  # the folder that holds this card'
    use = next((line for verb, line in VERBS.items() if verb in verbs), "print(model)")
    return f"```python\nimport dazoo\n\nmodel = {loaded}\n{use}\n```"


def gan_tags(config: Mapping[str, Any]) -> list[str]:
    """Tags by which it is found."""
    return ["dazoo", "gan", config["gan"], *(f"data:{name}" for name in config.get("data", ()))]


def gan_task(verbs: Sequence[str]) -> str:
    """Its task as the Hub calls it."""
    return DRAWS if "generate" in verbs else REDRAWS


def _summary(config: Mapping[str, Any]) -> str:
    classes = config["classes"]
    what = f", of {len(classes)} classes ({', '.join(map(_line, classes[:10]))}{', ...' if len(classes) > 10 else ''})" if classes else ""
    side, colours = config["size"], "grey" if config["channels"] == 1 else "RGB"
    seen = f"{config.get('pictures', 0):,} pictures of {side} x {side} pixels, {colours}"
    return f"A GAN (`{config['gan']}`) trained alone on {seen}{what}."


def _settings(config: Mapping[str, Any]) -> str:
    rows = [*config.get("settings", {}).items(), *((f"gan.{key}", value) for key, value in config.get("gan_settings", {}).items())]
    return "| setting | value |\n|---|---|" + "".join(f"\n| `{_cell(key)}` | {_cell(value)} |" for key, value in rows)


def _data(config: Mapping[str, Any]) -> str:
    rows = []
    for name in config.get("data", ()):
        try:
            rows.append(f"\n| {_cell(name)} | {_cell(zoo().datasets.resolve(name).terms)} |")
        except DazooError:
            rows.append(f"\n| {_cell(name)} | its plugin is not installed here |")
    return "| set | terms |\n|---|---|" + "".join(rows) if rows else "No data set is on record for this model."


def _figures(config: Mapping[str, Any]) -> str:
    figures = {k: v for k, v in config.get("results", {}).items() if isinstance(v, int | float) and not isinstance(v, bool) and k != "seed"}
    if not figures:
        return "No figure is on record for this model."
    seed = config["results"].get("seed")
    head = f"One run{'' if seed is None else f' (seed {seed})'}, without an interval; each figure in its protocol (docs/gan-metrics.md)."
    said = [f"\n\n{_line(k).capitalize()}: {_line(v)}." for k, v in config["results"].items() if isinstance(v, str)]
    return head + "\n\n| figure | value |\n|---|---|" + "".join(f"\n| {_cell(k)} | {v:.4g} |" for k, v in figures.items()) + "".join(said)


def _limits(config: Mapping[str, Any], verbs: Sequence[str]) -> list[str]:
    lines = ["It knows pictures like those that it learnt from; for others its answers mean nothing."]
    if "generate" in verbs:
        lines.append("Some pictures are malformed, and some may be near to training pictures: look before you use them.")
    else:
        lines.append("What it adds is invented: no measurement may be taken from its pictures.")
    if (pictures := config.get("pictures", 0)) and pictures < 5000:
        lines.append(f"It learnt from {pictures:,} pictures; critics learn so few by heart.")
    return lines


def _reproduce(config: Mapping[str, Any], verbs: Sequence[str]) -> str:
    named = list(config.get("data", ()))
    if "translate" not in verbs:
        places = f"--images {[*named, 'DIR'][0]}"
    else:  # of one registered set nobody knows which of the two it was
        places = "--images {} --to {}".format(*(named if len(named) == 2 else ("DIR", "OTHER_DIR")))
    usual, asked = asdict(Settings()), config.get("settings", {})
    wanted = {key: value for key, value in asked.items() if key in usual and value != usual[key] and key not in OWN}
    wanted |= {f"gan.{key}": value for key, value in config.get("gan_settings", {}).items()}
    seed = f" --seed {config['results']['seed']}" if isinstance(config.get("results", {}).get("seed"), int) else ""
    return f"```sh\ndazoo gan train {config['gan']} {places}{seed}{set_words(wanted)}\n```"


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _cell(value: object) -> str:
    return _line(value).replace("\\", "\\\\").replace("|", "\\|")
