"""`dazoo show`: what an entry, a recipe, a part or a saved folder is made of, and the settings that it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_json
from dazoo.cli.output import title
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import UnknownName
from dazoo.plain import expanded
from dazoo.registry.names import Recipe
from dazoo.registry.names import compose
from dazoo.registry.names import locate
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import Registration
from dazoo.registry.registry import did_you_mean


if TYPE_CHECKING:
    from dazoo.contracts import GAN
    from dazoo.contracts import Bridge


def command(
    name: Annotated[str, typer.Argument(help="An entry, a recipe, a part, or the folder of a saved model.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show what an entry, a recipe, a part or a saved model is made of, and its settings."""
    plugins = zoo()
    facts = _facts(name, plugins)
    if as_json:
        emit_json(facts if len(facts) > 1 else facts[0])
        return
    for i, fact in enumerate(facts):
        emit() if i else None
        _PRINT[fact["is"]](fact)


def _facts(name: str, plugins: Plugins) -> list[dict[str, Any]]:
    """What a name stands for: a saved model, then the recipe behind it; or a recipe; or parts of that name, of any kind."""
    place = locate(name)
    if place.scheme == "dir":
        return [_saved(expanded(place.text), None)]
    if place.scheme == "hub":
        raise InvalidName(f"{name!r} lies on the Hub; load it once with dazoo.load({name!r}), then look at its .card.")
    parts = [r for kind, registry in plugins.registries().items() if kind != "entry" for r in registry.find(name)]
    if parts:
        own = _own(name, plugins)
        return [{**_part(part, plugins), **({"own pictures": own} if own else {})} for part in parts]
    found = []
    if plugins.entries.find(name):
        found.append(_entry(plugins.entries.get(name)))
    try:
        found.append(_recipe(parse(name, plugins), plugins))
    except DazooError as exc:
        own = _own(name, plugins)
        if own:
            return [*found, own]
        if not found:
            raise _unknown(name, plugins, exc) from None
    return found


def _unknown(name: str, plugins: Plugins, exc: DazooError) -> DazooError:
    """For a name of one word, every kind was looked through, so the message is not about recipes."""
    if not isinstance(exc, UnknownName) or "-" in name:
        return exc
    known = [n for registry in plugins.registries().values() for n in registry.names()]
    return UnknownName(f"Nothing is called {name!r}.{did_you_mean(name, known)} 'dazoo list' shows what there is.{plugins.hint()}")


def _entry(entry: Registration) -> dict[str, Any]:
    from dazoo.models.load import entry_folder

    origin = {"target": entry.target, "distribution": entry.dist, "version": entry.version, "summary": entry.summary}
    if entry.target.startswith("hub:"):
        return {"is": "model", "name": entry.name, **origin}
    return {**_saved(entry_folder(entry), entry.name), **origin}


def _saved(folder: Path, name: str | None) -> dict[str, Any]:
    from dazoo.models.load import saved_config

    config = saved_config(folder)
    keys = ("recipe", "gan", "gan_settings", "classes", "channels", "size", "settings", "plugins", "files", "results")
    return {"is": "model", "name": name or config["name"], "folder": str(folder), **{k: config[k] for k in keys if k in config}}


def _recipe(recipe: Recipe, plugins: Plugins) -> dict[str, Any]:
    from dazoo.cli.run_settings import run_settings

    parts = [_part(plugins.registries()[kind].get(name), plugins) for kind, name in recipe.parts().items()]
    return {"is": "recipe", "name": compose(recipe), "parts": parts, **run_settings(recipe, plugins)}


def _own(name: str, plugins: Plugins) -> dict[str, Any]:
    """What a method or a GAN alone stands for on a person's own pictures: a recipe on the start that is at hand; {} for other names."""
    from dazoo.runs.starting import named
    from dazoo.runs.starting import without_backbone

    if without_backbone(name, plugins) is None:
        return {}
    found = named(name, plugins, patience=0)
    made = _recipe(found.recipe, plugins)
    return {**made, "parts": made["parts"][:1], "start": found.text}


def _part(found: Registration, plugins: Plugins) -> dict[str, Any]:
    from dazoo.cli.describe import about
    from dazoo.cli.describe import parameters

    registry = plugins.registries()[found.kind]
    fact: dict[str, Any] = {
        "is": "part",
        "kind": found.kind,
        "name": found.name,
        "qualified": found.qualified,
        "summary": found.summary,
        "target": found.target,
        "origin": registry.origin(found.qualified),
        "plugin": found.plugin,
        "distribution": found.dist,
        "version": found.version,
        "fixed": dict(found.arguments),
    }
    cls = registry.resolve(found.qualified)
    base = resolve_name(registry.base) if registry.base else None
    fact["about"] = about(cls)
    fact["parameters"] = [vars(p) for p in parameters(cls, base, dict(found.arguments)) if p.name not in _FILLED_IN]
    if found.kind == "gan":
        fact["parameters"] += _game_of(cls)
    return {**fact, **_more(found, cls, plugins)}


_FILLED_IN = ("problem", "make_gan")
"""What dazoo itself gives a bridge."""


def _more(found: Registration, cls: Any, plugins: Plugins) -> dict[str, Any]:
    """Facts that only one kind has."""
    if found.kind == "backbone":
        return {"smallest picture": cls.min_size}
    if found.kind == "gan":
        bridge = _bridge_of(found, plugins)
        return {"takes": sorted(cls.takes), "bridge": bridge and bridge.__name__, "bridge parameters": _bridge_parameters(bridge)}
    if found.kind == "method":
        return {"adapts trained models": cls.adapts_trained, "run settings": dict(cls.defaults)}
    if found.kind == "dataset":
        return {"terms": cls.terms, "classes": list(plugins.datasets.build(found.qualified).classes)}
    if found.kind == "scenario":
        from dazoo.data.scenario import classes_of

        made = plugins.scenarios.build(found.qualified)
        pair = {"sources": list(made.sources), "target dataset": made.target, "run settings": made.settings}
        return {**pair, "classes": list(classes_of(made, plugins))}
    return {}


def _bridge_of(gan: Registration, plugins: Plugins) -> type[Bridge] | None:
    """The class of the bridge that this GAN gets; None where none fits, or a person has to choose."""
    from dazoo.models.bridging import bridge_for

    try:
        return plugins.bridges.resolve(bridge_for(plugins, gan.qualified))
    except DazooError:
        return None


def _game_of(gan: type[GAN]) -> list[dict[str, Any]]:
    """The rules of its game, which every GAN takes as settings."""
    from dazoo.cli.describe import Parameter
    from dazoo.cli.describe import docs_of

    docs = docs_of(type(gan.rules), gan.rules.names())
    return [vars(Parameter(name, getattr(gan.rules, name), docs.get(name, ""))) for name in gan.rules.names()]


def _bridge_parameters(bridge: type[Bridge] | None) -> list[dict[str, Any]]:
    from dazoo.cli.describe import parameters
    from dazoo.contracts import Bridge

    return [] if bridge is None else [vars(p) for p in parameters(bridge, Bridge, {}) if p.name not in _FILLED_IN]


# ------------------------------------------------------------------ for reading


def _print_model(fact: Mapping[str, Any]) -> None:
    from dazoo.cli.numbers import emit_four

    title(f"{fact['name']}  a trained model")
    if "folder" not in fact:
        emit(f"  {fact['summary'] or 'on the Hub'}: {fact['target']} (brought by {fact['distribution']} {fact['version']})")
        return
    rows = [("folder", fact["folder"])]
    if "distribution" in fact:
        rows.append(("brought by", f"{fact['distribution']} {fact['version']}"))
    alone = "recipe" not in fact
    rows += [("gan", f"{fact['gan']}, trained alone")] if alone else [(kind, name) for kind, name in fact["recipe"].items() if name]
    rows.append(("saved with", ", ".join(f"{d} {v}" for d, v in fact.get("plugins", {}).items()) or "-"))
    rows.append(("pictures", f"{fact['size']}x{fact['size']}, {fact['channels']} channels"))
    rows += [("classes", _some(fact["classes"]))] if fact["classes"] else []
    rows.append(("files", ", ".join(f"{n} ({f['bytes'] / 1e6:.1f} MB)" for n, f in fact["files"].items())))
    emit_columns(rows, indent=2)
    if alone:
        emit_columns([(name, f"{value:.4g}") for name, value in fact.get("results", {}).items() if type(value) is float], indent=2)
    elif fact.get("results"):
        title("\nTarget accuracy")
        emit_four(fact["results"])


def _print_recipe(fact: Mapping[str, Any]) -> None:
    from dazoo.cli.run_settings import print_run_settings

    title(f"{fact['name']}  a recipe")
    emit(f"  {fact['start']}") if fact.get("start") else None
    for part in fact["parts"]:
        emit()
        _print_part(part)
    print_run_settings(fact, _value)


def _print_part(fact: Mapping[str, Any]) -> None:
    title(f"{fact['name']}  {'an' if fact['kind'][0] in 'aeiou' else 'a'} {fact['kind']}")
    emit(f"  {fact['about'] or fact['summary']}")
    emit(f"  {fact['target']}, plugin {fact['plugin']} of {fact['distribution']} {fact['version']}")
    emit(f"  {fact['origin']}") if fact["origin"] != fact["target"] else None
    for key in ("smallest picture", "takes", "bridge", "adapts trained models", "sources", "target dataset", "classes", "terms"):
        if key in fact and fact[key] not in (None, ""):
            emit(f"  {key}: {_some(fact[key]) if isinstance(fact[key], list) else _value(fact[key])}")
    if fact.get("run settings"):
        emit(f"  run settings: {', '.join(f'{k}={_value(v)}' for k, v in fact['run settings'].items())}")
    if fact["kind"] == "scenario":
        return
    settable = {"backbone": "backbone.", "gan": "gan.", "bridge": "bridge.", "method": "method."}.get(fact["kind"], "")
    rows = [(settable + p["name"], ("fixed at " if p["fixed"] else "") + _value(p["default"]), p["doc"]) for p in fact["parameters"]]
    rows += [("bridge." + p["name"], _value(p["default"]), p["doc"]) for p in fact.get("bridge parameters", [])]
    emit_columns(rows, indent=4)
    if fact.get("own pictures"):
        emit(f"\nOn your own pictures: dazoo train {fact['name']} --source DIR --target DIR")
        _print_recipe(fact["own pictures"])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else re.sub(r"\s+", " ", str(value))


def _some(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{len(names)}: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"


_PRINT = {"model": _print_model, "recipe": _print_recipe, "part": _print_part}
