"""The contract kit must catch what it is for: the wrong plugins of `wrong_plugins`, each at its clause and in words that help."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dazoo
import dazoo.augmentations.plugin as augmentation_plugin
import dazoo.bridges.plugin as bridge_plugin
import dazoo.metrics.validators as validator_plugin
from dazoo.processes import stop
from dazoo.registry import plugins as plugins_module
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Plugins
from dazoo.testing import Clause
from dazoo.testing import of_executors
from dazoo.testing import of_plugins
from dazoo.testing.clauses import Finding
from dazoo.testing.clauses import finding
from dazoo.testing.clauses import findings
from dazoo.testing.titles import TITLES


sys.path.insert(0, str(Path(__file__).parent))
from wrong_plugins import Wrong  # noqa: E402
from wrong_plugins import backbones  # noqa: E402
from wrong_plugins import bridges  # noqa: E402
from wrong_plugins import data  # noqa: E402
from wrong_plugins import gans  # noqa: E402
from wrong_plugins import methods  # noqa: E402
from wrong_plugins import registering  # noqa: E402
from wrong_plugins import running  # noqa: E402


CLASSES: list[Wrong] = [
    *backbones.wrong,
    *gans.wrong,
    *bridges.wrong,
    *methods.wrong,
    *data.datasets,
    *data.scenarios,
    *data.validators,
    *data.augmentations,
    *running.executors,
    *running.loggers,
]
RIGHT: dict[str, list[type]] = {
    "backbone": backbones.RIGHT,
    "gan": gans.RIGHT,
    "bridge": bridges.RIGHT,
    "method": methods.RIGHT,
    **data.RIGHT,
    **running.RIGHT,
}


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch, fresh_zoo: Plugins) -> Callable[..., str]:
    """Makes a class the registered name "thing" of the distribution "author", beside what the core brings."""

    def brings(kind: str, cls: type, **arguments: Any) -> str:
        monkeypatch.setattr(dazoo, "_of_a_test", cls, raising=False)

        @dazoo.hookimpl
        def hook(register: Any) -> None:
            register("thing", "dazoo:_of_a_test", **arguments)

        @dazoo.hookimpl
        def sets(register: Any) -> None:
            for name, made in {"squares": "Squares", "others": "Others", "large": "Large"}.items():
                register(name, f"wrong_plugins.data:{made}")

        plural = next(plural for plural, (one, _) in KINDS.items() if one == kind)
        fresh_zoo.load(lambda: SimpleNamespace(dazoo_api=1, **{f"dazoo_register_{plural}": hook}), dist="author", version="1.0")
        fresh_zoo.load(lambda: SimpleNamespace(dazoo_api=1, dazoo_register_datasets=sets), dist="squares")
        for number, plugin in enumerate((bridge_plugin, augmentation_plugin, validator_plugin)):
            fresh_zoo.load(lambda plugin=plugin: plugin, dist="dazoo", entry_point=str(number))
        monkeypatch.setattr(plugins_module, "_zoo", fresh_zoo)
        return "thing"

    return brings


@pytest.mark.parametrize("wrong", CLASSES, ids=str)
def test_a_wrong_part_is_caught(wrong: Wrong, register: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_executors, "WAIT", 3.0)
    register(wrong.kind, wrong.target, **wrong.arguments)
    try:
        caught(wrong, Clause(wrong.kind, "thing", wrong.clause))
    finally:
        stop(running.left)


@pytest.mark.parametrize("wrong", registering.WRONG, ids=str)
def test_a_wrong_module_is_caught(wrong: Wrong, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_plugins, "HEAVY", ("wave",))  # light to import, and nobody else does
    monkeypatch.setattr(of_plugins, "SLOW", 0.4)
    install("first-author", registering.RIGHT.replace("'a'", "'taken'"))
    site = install("bad-author", wrong.target)
    monkeypatch.setattr(plugins_module, "_zoo", Plugins(path=[str(site)], environ={}).discover())
    caught(wrong, Clause("plugin", "bad-author:bad_author", wrong.clause))


def caught(wrong: Wrong, clause: Clause) -> str:
    """The message of a clause that must fail, with the words that it must have."""

    found: Finding = finding(clause)
    assert found.state == "failed", f"{wrong}: {wrong.clause} finds nothing ({found.message or 'ok'})"
    assert [word for word in wrong.words if word not in found.message] == [], found.message
    assert len(found.message) < 1200 or "Traceback" in found.message
    return found.message


# ------------------------------------------------------------------ entries


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of a small recipe."""
    model = dazoo.create("fcn-source-synsigns", width=8, seed=0)
    return Path(dazoo.save(model, tmp_path_factory.mktemp("saved") / "model"))


@pytest.fixture
def entry(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Registers the saved model, changed by a function, as an entry."""
    package = tmp_path / "site" / "kit_entries"
    shutil.copytree(saved, package / "model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)

    def brings(change: Callable[[Path], None], name: str = "fcn-source-synsigns", target: str = "kit_entries:model") -> str:
        change(package / "model")
        found = Plugins().discover()
        hook = dazoo.hookimpl(lambda register: register(name, target, summary="s"))
        found.load(lambda: SimpleNamespace(dazoo_api=1, dazoo_register_entries=hook), dist="author", version="1.0")
        monkeypatch.setattr(plugins_module, "_zoo", found)
        return name

    yield brings
    sys.modules.pop("kit_entries", None)


def flip_a_byte(folder: Path) -> None:
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def drop_the_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def drop_the_golden_pair(folder: Path) -> None:
    (folder / "golden.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    del config["dazoo"]["files"]["golden.safetensors"]
    (folder / "config.json").write_text(json.dumps(config))


def as_it_is(folder: Path) -> None: ...


ENTRIES: dict[str, tuple[Callable[[Path], None], dict[str, str], str, tuple[str, ...]]] = {
    "altered": (flip_a_byte, {}, "is_whole", ("fcn-source-synsigns", "altered")),
    "without its weights": (drop_the_weights, {}, "is_whole", ("model.safetensors",)),
    "without a folder": (as_it_is, {"target": "kit_entries:nowhere"}, "is_whole", ("no folder 'nowhere'", "reinstall author")),
    "without a package": (as_it_is, {"target": "kit_nowhere:model"}, "is_whole", ("kit_nowhere", "cannot be imported")),
    "by another name": (
        as_it_is,
        {"name": "fcn-dann-synsigns"},
        "is_called_like_its_recipe",
        ("of 'fcn-source-synsigns'", "register it as"),
    ),
    "without a recipe's name": (
        as_it_is,
        {"name": "mynet"},
        "is_called_like_its_recipe",
        ("'mynet'", "register it as 'fcn-source-synsigns'"),
    ),
    "without a golden pair": (drop_the_golden_pair, {}, "answers_as_when_it_was_saved", ("golden=True",)),
}


@pytest.mark.parametrize("title", ENTRIES)
def test_a_wrong_entry_is_caught(title: str, entry: Callable[..., str]) -> None:
    change, how, clause, words = ENTRIES[title]
    name = entry(change, **how)
    caught(Wrong("entry", title, clause, words, None), Clause("entry", name, clause))


def test_an_entry_whose_code_has_changed_is_caught(entry: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version of the plugin computes something else with the same weights."""
    name = entry(as_it_is)
    assert [f.state for f in findings("entry", name)] == ["ok"] * len(TITLES["entry"])
    network = plugins_module.zoo().backbones.resolve("fcn")
    monkeypatch.setattr(network, "pool", lambda self, f: f.amax((2, 3)))
    clause = "answers_as_when_it_was_saved"
    caught(Wrong("entry", "changed", clause, ("fcn-source-synsigns", "other logits than when saved"), None), Clause("entry", name, clause))


def test_an_entry_by_another_name_is_not_loaded(entry: Callable[..., str]) -> None:
    name = entry(as_it_is, name="fcn-dann-synsigns")
    with pytest.raises(dazoo.errors.PluginError, match="holds a model of 'fcn-source-synsigns'"):
        dazoo.load(name)


# ------------------------------------------------------------------ and the right ones


@pytest.mark.parametrize(
    ("kind", "cls"), [(kind, cls) for kind, right in RIGHT.items() for cls in right], ids=lambda v: getattr(v, "__name__", v)
)
def test_right_parts_pass(kind: str, cls: type, register: Callable[..., str]) -> None:
    found = list(findings(kind, register(kind, cls)))
    assert [f"{f.clause.title}: {f.message}" for f in found if f.state == "failed"] == []
    assert sum(f.state == "ok" for f in found) >= len(found) / 2 or cls is data.Needs


def test_a_right_scenario_and_a_right_module_pass(
    register: Callable[..., str], install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    register("scenario", data.Scenario, **data.OF)
    assert [f.message for f in findings("scenario", "thing") if f.state != "ok"] == []
    site = install("good-author", registering.RIGHT)
    monkeypatch.setattr(plugins_module, "_zoo", Plugins(path=[str(site)], environ={}).discover())
    assert [f.message for f in findings("plugin", "good-author:good_author") if f.state != "ok"] == []


def test_every_clause_has_a_plugin_that_breaks_it() -> None:
    """A clause without a wrong example would be a clause that nobody has seen fail. What several kinds share is broken in one of them."""
    broken = {(w.kind, w.clause) for w in (*CLASSES, *registering.WRONG)} | {("entry", clause) for _, _, clause, _ in ENTRIES.values()}
    shared = {title for _, title in broken if title in TITLES["method"]}
    assert {(kind, title) for kind, titles in TITLES.items() for title in titles if title not in shared} - broken == set()


def test_there_are_as_many_as_the_guide_says() -> None:
    number = len(CLASSES) + len(registering.WRONG) + len(ENTRIES) + 1
    guide = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert f"{number} wrong plugins" in guide
