"""What `dazoo plugin new` writes: a distribution with code for each kind, tests that run the contract kit, a README and a CI file.

The modules beside this one are plugins that work. A new one is their text with another name in place of
`my_thing`, `MyThing` and `my-thing`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from dazoo.errors import SettingsError
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import PART
from dazoo.registry.registry import did_you_mean
from dazoo.registry.registry import tidied
from dazoo.version import __version__


SUMMARIES: Mapping[str, str] = {
    "backbone": "Two convolutions",
    "gan": "Generator and critic of dense layers",
    "method": "Features with equal means",
    "bridge": "The GAN draws the source by class, and the classifier learns from it",
    "dataset": "Bright bars, upright or lying, drawn by code",
    "scenario": "Bars on a dark ground to bars on a light one",
    "validator": "Lead of the best class over the second best on the target",
    "executor": "Some processes at a time",
    "augmentation": "A tilt and another light",
    "logger": "A line of JSON per epoch",
    "entry": "Trained weights",
}
"""The kinds that can be made, with the summary that `dazoo list` shows until it is replaced."""

_PLURALS = {kind: plural for plural, (kind, _) in KINDS.items()}
_AROUND = {
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "gitignore.in": ".gitignore",
    "test.yml.in": ".github/workflows/test.yml",
}
"""Files around the code, and where they go."""
_LONGEST, _WIDTH = 40, 110
"""Characters of a name; characters of a line of code."""


@dataclass(frozen=True)
class Registered:
    """A name that the new plugin registers: its kind, target, summary, and more arguments of `register` as code."""

    kind: str
    name: str
    target: str
    arguments: tuple[str, ...] = ()


@dataclass
class Draft:
    """A distribution that is being written: `names` that it registers, text files, folders to copy, distributions that it needs."""

    name: str
    names: list[Registered] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    copies: dict[str, tuple[Path, list[str]]] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)

    @property
    def dist(self) -> str:
        """Name of the distribution."""
        return f"dazoo-{self.name.replace('_', '-')}"

    @property
    def module(self) -> str:
        """Name of its package."""
        return f"dazoo_{self.name}"


def new_plugin(name: str, kinds: Iterable[str], place: Path, *, model: Path | None = None) -> tuple[Path, list[Registered]]:
    """Write a distribution `dazoo-NAME` into a folder of that name; nothing that exists is changed.

    Args:
        name: of what it brings, such as "my_net"; of several kinds each name gets the kind behind it ("my_net_gan").
        kinds: keys of `SUMMARIES`.
        place: the folder to write it into.
        model: for an entry, the saved model (or the run's folder) that is copied into it.

    Returns:
        The folder, and what it registers.

    Raises:
        SettingsError: a name that is none, that is taken, or an unknown kind; or an entry without a model.
        WeightsError: a model that is none.
    """
    kinds = list(dict.fromkeys(kinds))
    _check_name(name)
    _check_kinds(kinds)
    draft = Draft(name)
    for kind in kinds:
        _add(draft, kind, name if len(kinds) == 1 else f"{name}_{kind}")
    if "entry" in kinds:
        _add_entry(draft, model)
    elif model is not None:
        raise SettingsError("--model is for an entry; add --kind entry, or leave it out.")
    folder = place / draft.dist
    _check_free(draft, folder)
    _project(draft)
    for file, text in draft.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    for inside, (source, names) in draft.copies.items():
        (folder / inside).mkdir(parents=True)
        for one in names:
            shutil.copyfile(source / one, folder / inside / one)
    return folder, draft.names


def template(kind: str, name: str) -> str:
    """The module of a kind under another name."""
    text = resources.files(__name__).joinpath(f"{kind}.py").read_text(encoding="utf-8")
    return _renamed(text, name)


def _text(file: str) -> str:
    """A file of `project`."""
    return resources.files(__name__).joinpath("project", file).read_text(encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    camel = "".join(word.capitalize() for word in name.split("_"))
    camel = f"A{camel}" if camel[0].isdigit() else camel
    return text.replace("my_thing", name).replace("MyThing", camel).replace("my-thing", name.replace("_", "-"))


def _check_name(name: str) -> None:
    if not PART.fullmatch(name):
        raise SettingsError(f"{name!r} is no name: expected lower-case letters, digits and single '_'{tidied(name, PART) or '.'}")
    if len(name) > _LONGEST:
        raise SettingsError(f"{name!r} has {len(name)} characters; expected at most {_LONGEST}.")


def _check_kinds(kinds: list[str]) -> None:
    if not kinds:
        raise SettingsError(f"No kind is given; expected --kind with one of {', '.join(SUMMARIES)}, as often as you like.")
    for kind in kinds:
        if kind not in SUMMARIES:
            known = did_you_mean(kind, SUMMARIES) or f" Expected one of {', '.join(SUMMARIES)}."
            raise SettingsError(f"There is no kind {kind!r}.{known}")


def _check_free(draft: Draft, folder: Path) -> None:
    """See that nothing is there under the name: a folder, a module, or a registered name."""
    if folder.exists() or folder.is_symlink():
        raise SettingsError(f"{folder} exists, and nothing is overwritten; choose another name, or another folder with --into.")
    if find_spec(draft.module) is not None:
        raise SettingsError(f"The module {draft.module!r} is installed already; choose another name, such as 'my_{draft.name}'.")
    for one in draft.names:
        for other in zoo().registries()[one.kind].find(one.name):
            raise SettingsError(
                f"The {one.kind} {one.name!r} is brought by {other.dist} already, so the name would be ambiguous; "
                f"choose another, such as 'my_{draft.name}'."
            )


def _add(draft: Draft, kind: str, name: str) -> None:
    """The code of a kind, and what is registered of it."""
    cls = _renamed("MyThing", name)
    if kind == "entry":
        return
    if kind == "scenario":  # a scenario needs two data sets, so they come with it
        bars = f"{draft.name}_dataset"
        draft.files.setdefault(f"{draft.module}/dataset.py", template("dataset", bars))
        target, grounds = f"{draft.module}.dataset:{_renamed('MyThing', bars)}", {f"{draft.name}_dark": 40, f"{draft.name}_light": 120}
        draft.names += [Registered("dataset", one, target, (f"ground={ground}",)) for one, ground in grounds.items()]
        sides = tuple(f'{side}="{one}"' for side, one in zip(("source", "target"), grounds, strict=True))
        draft.names.append(Registered("scenario", name, "dazoo.contracts:Scenario", (*sides, 'settings={"size": 32, "augment": "none"}')))
        return
    draft.files[f"{draft.module}/{kind}.py"] = template(kind, name)
    draft.names.append(Registered(kind, name, f"{draft.module}.{kind}:{cls}"))


def _add_entry(draft: Draft, model: Path | None) -> None:
    """A saved model, to be copied into the package."""
    from dazoo.models.config import PICTURES
    from dazoo.models.load import entry_name
    from dazoo.models.load import saved_config
    from dazoo.models.provenance import single_files

    if model is None:
        raise SettingsError("An entry is a trained model: train one, and give its folder with --model runs/NAME-seed0.")
    inner = model / "model"
    folder = inner if (inner / "config.json").is_file() else model
    config = saved_config(folder)
    if files := single_files(config):
        raise SettingsError(f"{folder} needs the plugin file {files[0]}, which no package brings; make a plugin of it first.")
    recipe, more = entry_name(folder)
    recipe = f"{recipe}-{draft.name}" if more else recipe
    inside = f"{draft.module}/entries/{recipe}"
    extras = ("README.md", "LICENSE", *PICTURES)
    draft.copies[inside] = folder, ["config.json", *config["files"], *(n for n in extras if (folder / n).is_file())]
    draft.names.append(Registered("entry", recipe, f"{draft.module}:entries/{recipe}"))
    draft.needs += [f"{dist}>={version}" for dist, version in config.get("plugins", {}).items() if dist != "dazoo"]


def _project(draft: Draft) -> None:
    """The files around the code."""
    major, minor = (int(n) for n in __version__.split(".")[:2])
    requires = [f"dazoo>={major}.{minor},<{major}.{minor + 1}", *draft.needs]
    kinds = list(dict.fromkeys(one.kind for one in draft.names))
    values = {
        "@DEPENDENCIES@": "".join(f'    "{r}",\n' for r in requires),
        "@LISTED@": "\n".join(f"dazoo list {_PLURALS[one.kind]} '{one.name}'" for one in draft.names),
        "@WHAT@": ", ".join(f"{one.kind} `{one.name}`" for one in draft.names),
        "@KINDS@": ", ".join(kinds),
    }
    for file, where in _AROUND.items():
        text = _renamed(_text(file), draft.name)
        for key, value in values.items():
            text = text.replace(key, value)
        draft.files[where] = text
    draft.files[f"{draft.module}/py.typed"] = ""
    draft.files[f"{draft.module}/__init__.py"] = _registering(draft)
    draft.files["tests/test_contract.py"] = _tests(draft)


def _registering(draft: Draft) -> str:
    """The module that the entry point names."""
    hooks: dict[str, list[str]] = {}
    for one in draft.names:
        given = [f'"{one.name}"', f'"{one.target}"', f'summary="{SUMMARIES[one.kind]}"', *one.arguments]
        line = f"    register({', '.join(given)})\n"
        if len(line) > _WIDTH:
            line = "".join(["    register(\n", *(f"        {argument},\n" for argument in given), "    )\n"])
        hooks.setdefault(_PLURALS[one.kind], []).append(line)
    signature = "(register: Callable[..., None]) -> None:\n"
    functions = [f"\n\n@hookimpl\ndef dazoo_register_{plural}{signature}{''.join(lines)}" for plural, lines in hooks.items()]
    return _renamed(_text("init.py.in"), draft.name) + "".join(functions)


def _tests(draft: Draft) -> str:
    """A test of each kind, which runs the contract kit."""
    named: dict[str, list[str]] = {}
    for one in draft.names:
        named.setdefault(one.kind, []).append(one.name)
    parts = [_test("plugin", f'"{draft.dist}:*"'), *(_test(kind, json.dumps(names)) for kind, names in named.items())]
    return _text("test_contract.py.in") + "".join(parts)


def _test(kind: str, names: str) -> str:
    return f'\n\n@parametrize_with_contract("{kind}", {names})\ndef test_{kind}(clause):\n    clause()\n'
