"""config.json of a saved model: what it may say, and within which bounds.

It may come from a stranger, so it names registered parts and never code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import WeightsError
from dazoo.plain import fits
from dazoo.plain import no_twins
from dazoo.plain import read_bounded
from dazoo.streams import one_line


SCHEMA = 1
MAX_CLASSES = 100_000
MAX_SIZE = 4096
MAX_FILE = 16 * 2**30
"""Bytes of one weights file."""
MAX_CONFIG = 32 * 2**20
MODEL, METHOD, GOLDEN = "model.safetensors", "method.safetensors", "golden.safetensors"
GENERATOR, CRITIC = "generator.safetensors", "critic.safetensors"
FAMILIAR = "familiar.safetensors"
WEIGHTS = (MODEL, METHOD, GENERATOR, CRITIC, FAMILIAR, GOLDEN)
"""Every file that config.json may list. README.md, LICENSE and the card's pictures lie beside them without a digest: nothing reads them."""
PICTURES = ("calibration.png", "confusion.png", "examples.png")
"""Pictures that a card may show."""

_CALIBRATION = {"temperature", "fitted", "source", "target", "unknown"}
_PART = re.compile(r"[a-z0-9]+(?:[_:-][a-z0-9]+)*")  # a registered name, perhaps qualified by its kind or distribution


def _is_int(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_line(value: Any, most: int = 1024) -> bool:
    """Text of one line that no terminal obeys; any letter, space or joiner of Unicode may stand in it."""
    return isinstance(value, str) and 0 < len(value) <= most and value == one_line(value) and bool(value.strip())


def _is_plain(value: Any, depth: int = 8) -> bool:
    """JSON of bounded depth with finite numbers and short strings."""
    if isinstance(value, Mapping):
        keys = all(isinstance(k, str) and len(k) <= 256 for k in value)
        return depth > 0 and len(value) <= 10_000 and keys and all(_is_plain(v, depth - 1) for v in value.values())
    if isinstance(value, list | tuple):
        return depth > 0 and len(value) <= MAX_CLASSES and all(_is_plain(v, depth - 1) for v in value)
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int | float):
        return fits(value)
    return isinstance(value, str) and len(value) <= 100_000


def _is_settings(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and k.isidentifier() for k in value) and _is_plain(value)


def _is_asked(value: Any) -> bool:
    return isinstance(value, Mapping) and _is_settings({str(key).removeprefix("adapt."): v for key, v in value.items()})


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_reliability(value: Any) -> bool:
    """See `dazoo.metrics.calibration.Reliability`; `ece_before` is the error without the temperature."""
    if not isinstance(value, Mapping) or set(value) != {"n", "accuracy", "ece", "ece_before", "bins"} or not _is_int(value["n"], 1, 2**53):
        return False
    if not all(_is_share(value[key]) for key in ("accuracy", "ece", "ece_before")):
        return False
    bins = value["bins"]
    rows = isinstance(bins, list | tuple) and len(bins) <= 100 and all(isinstance(b, list | tuple) and len(b) == 3 for b in bins)
    return rows and all(_is_int(n, 0, 2**53) and _is_share(mean) and _is_share(right) for n, mean, right in bins)


def _is_calibration(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"temperature", "fitted", "source"} <= set(value) <= _CALIBRATION:
        return False
    numbers = all(type(value[key]) in (int, float) and 0.01 <= value[key] <= 100 for key in ("temperature", "fitted"))
    curves = all(_is_reliability(value[key]) for key in ("source", "target") if key in value)
    unknown = value.get("unknown", {})
    return numbers and curves and isinstance(unknown, Mapping) and all(_is_line(k) and _is_share(v) for k, v in unknown.items())


def _is_recipe(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"backbone", "gan", "method", "scenario"} or value["backbone"] is None:
        return False
    return all(v is None or isinstance(v, str) and len(v) <= 200 and _PART.fullmatch(v) for v in value.values())


def _is_classes(value: Any) -> bool:
    return _is_names(value) and len(value) >= 2


def _is_names(value: Any) -> bool:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_CLASSES:
        return False
    return all(_is_line(v) for v in value) and len(set(value)) == len(value)


def _is_files(value: Any) -> bool:
    return _is_facts(value) and MODEL in value and set(value) <= set(WEIGHTS)


def _is_facts(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    facts = list(value.values())
    if not all(isinstance(f, Mapping) and set(f) == {"sha256", "bytes"} for f in facts):
        return False
    hashes = all(isinstance(f["sha256"], str) and re.fullmatch(r"[0-9a-f]{64}", f["sha256"]) for f in facts)
    return hashes and all(_is_int(f["bytes"], 8, MAX_FILE) for f in facts)


Fields = Mapping[str, tuple[Callable[[Any], bool], str]]
"""What each key may hold: a test, and in words."""

_FIELDS: Fields = {
    "schema": (lambda v: v == SCHEMA, str(SCHEMA)),
    "name": (_is_line, "a name of at most 1,024 printable characters"),
    "recipe": (_is_recipe, "{backbone, gan, method, scenario}, registered names or null, with a backbone"),
    "classes": (_is_classes, f"2 to {MAX_CLASSES} different class names of at most 1,024 printable characters"),
    "channels": (lambda v: type(v) is int and v in (1, 3), "1 or 3"),
    "size": (lambda v: _is_int(v, 8, MAX_SIZE), f"8 to {MAX_SIZE} pixels"),
    "crop": (lambda v: type(v) is bool, "true (pictures are cropped to a square) or false (squashed)"),
    "files": (_is_files, f"sha256 and bytes (at most {MAX_FILE}) of {MODEL} and perhaps {', '.join(WEIGHTS[1:])}, and of no other file"),
    "backbone_settings": (_is_settings, "keyword arguments"),
    "gan_settings": (_is_settings, "keyword arguments"),
    "bridge_settings": (_is_settings, "keyword arguments"),
    "method_settings": (_is_settings, "keyword arguments"),
    "settings": (_is_settings, "settings of the run"),
    "asked": (_is_asked, "those of them that a person set, by name ('lr', 'adapt.lr')"),
    "source_counts": (lambda v: isinstance(v, list | tuple) and all(_is_int(n, 0, 2**53) for n in v), "pictures of each class"),
    "target_count": (lambda v: _is_int(v, 0, 2**53), "a number of pictures"),
    "plugins": (lambda v: isinstance(v, Mapping) and all(_is_line(x) for x in (*v, *v.values())), "versions by distribution"),
    "results": (lambda v: isinstance(v, Mapping) and _is_plain(v), "finite numbers and text"),
    "calibration": (_is_calibration, "a temperature of 0.01 to 100, reliability curves, and shares in [0, 1]"),
}
_REQUIRED = ("schema", "name", "recipe", "classes", "channels", "size")


def checked(config: Mapping[str, Any], where: str, *, complete: bool, error: type[DazooError] = WeightsError) -> dict[str, Any]:
    """A copy of the inner object of config.json, in the order of the schema.

    Args:
        where: how messages begin.
        complete: it must list files.
        error: class of the error raised.

    Raises:
        error: an unknown or missing key, a value out of bounds; the message says which and what was expected.
    """
    made = held_to(_FIELDS, (*_REQUIRED, *(("files",) if complete else ())), config, where, error)
    if "source_counts" in config and len(config["source_counts"]) != len(config["classes"]):
        raise error(f"{where}: {len(config['source_counts'])} source_counts for {len(config['classes'])} classes; expected one per class.")
    return made


def held_to(
    fields: Fields, required: Sequence[str], config: Mapping[str, Any], where: str, error: type[DazooError] = WeightsError
) -> dict[str, Any]:
    """A copy of a config in the order of its fields, once it is seen to hold to them; see `checked`."""
    schema = config.get("schema")
    if schema != SCHEMA and type(schema) is int and schema > SCHEMA:
        raise error(f"{where} has schema {schema}, and this dazoo reads {SCHEMA}: it was saved by a newer one; pip install -U dazoo.")
    unknown = sorted(set(config) - set(fields))
    if unknown:
        raise error(f"{where} has the unknown key {unknown[0]!r}; dazoo writes {', '.join(fields)}. Was it edited? Save the model again.")
    for key in required:
        if key not in config:
            raise error(f"{where} lacks {key!r}; expected {fields[key][1]}. Save the model again, or fetch it again.")
    for key, value in config.items():
        good, expected = fields[key]
        if not good(value):
            raise error(f"{where}: {key!r} is {_short(value)}; expected {expected}.")
    return {k: json.loads(json.dumps(config[k])) for k in fields if k in config}  # a deep copy, tuples as lists


def _is_gan_files(value: Any) -> bool:
    return _is_facts(value) and GENERATOR in value and set(value) <= {GENERATOR, CRITIC, GOLDEN}


_GAN_FIELDS: Fields = {
    **{key: _FIELDS[key] for key in ("schema", "name", "channels", "size", "crop", "gan_settings", "settings", "plugins", "results")},
    "gan": (lambda v: isinstance(v, str) and len(v) <= 200 and bool(_PART.fullmatch(v)), "the registered name of a GAN"),
    "classes": (lambda v: v == [] or _is_names(v), "class names, or none"),
    "pictures": (lambda v: _is_int(v, 1, 2**53), "a number of pictures"),
    "data": (lambda v: isinstance(v, list | tuple) and len(v) <= 2 and all(_is_line(n, 200) for n in v), "names of registered data sets"),
    "files": (_is_gan_files, f"sha256 and bytes of {GENERATOR} and perhaps {CRITIC} and {GOLDEN}"),
}
_GAN_REQUIRED = ("schema", "name", "gan", "classes", "channels", "size")
GAN_KEY = "dazoo_gan"
"""The object of a config.json that describes a GAN without a classifier."""


def checked_gan(config: Mapping[str, Any], where: str, *, complete: bool) -> dict[str, Any]:
    """The same as `checked` for the config of a GAN without a classifier."""
    return held_to(_GAN_FIELDS, (*_GAN_REQUIRED, *(("files",) if complete else ())), config, where)


def read_config(path: Path) -> dict[str, Any]:
    """Read and check config.json; returns the object under its key "dazoo".

    Raises:
        WeightsError: missing, too large, not JSON, or against the schema.
    """
    outer = read_outer(path)
    if not isinstance(outer.get("dazoo"), dict):
        raise WeightsError(f"{path} has no object 'dazoo'; it is the config of another library, or of something that dazoo did not save.")
    return checked(outer["dazoo"], str(path), complete=True)


def listed_files(path: Path) -> dict[str, dict[str, Any]]:
    """sha256 and length of every weights file that a config.json lists, by name, whether it is a classifier's or a GAN's.

    Raises:
        WeightsError: see `read_config`.
    """
    outer = read_outer(path)
    if isinstance(outer.get(GAN_KEY), dict):
        return checked_gan(outer[GAN_KEY], str(path), complete=True)["files"]
    return read_config(path)["files"]


def read_outer(path: Path) -> dict[str, Any]:
    """What a config.json holds, before anything in it is trusted.

    Raises:
        WeightsError: missing, too large, or not JSON.
    """
    try:
        outer = json.loads(read_bounded(path, MAX_CONFIG), object_pairs_hook=no_twins, parse_constant=_no_constant)
    except FileNotFoundError:
        raise WeightsError(f"{path.parent} holds no config.json, so it is no saved model; name the folder that dazoo saved.") from None
    except OSError as exc:
        raise WeightsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    except (ValueError, RecursionError) as exc:
        raise WeightsError(
            f"{path} is not the JSON that dazoo writes, of at most {MAX_CONFIG} bytes ({exc}); it may be truncated: fetch the model again."
        ) from exc
    return outer if isinstance(outer, dict) else {}


def config_text(config: Mapping[str, Any], key: str = "dazoo") -> str:
    """The text of config.json; the same config gives the same text."""
    return json.dumps({key: config}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _no_constant(text: str) -> Any:
    raise ValueError(f"it holds {text}, which is no JSON number")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
