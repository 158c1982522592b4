"""Discovery: one bad plugin is one bad plugin. The bad ones here are real distributions on `sys.path`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pluggy
import pytest

import dazoo
from dazoo.errors import AmbiguousName
from dazoo.errors import PluginError
from dazoo.errors import UnknownName
from dazoo.registry import discovery
from dazoo.registry import hookspecs
from dazoo.registry import staging
from dazoo.registry.hookspecs import hookimpl
from dazoo.registry.hookspecs import hookspec
from dazoo.registry.plugins import Plugins


Install = Callable[..., Path]


def plugin(hooks: str = "", api: str = "dazoo_api = 1", before: str = "") -> str:
    """The code of a plugin module."""
    return f"from dazoo import hookimpl\n{before}\n{api}\n{textwrap.dedent(hooks)}"


def backbones(*names: str, target: str = "collections:OrderedDict") -> str:
    """A hook that registers backbones."""
    calls = "".join(f"    register({name!r}, {target!r})\n" for name in names) or "    pass\n"
    return f"@hookimpl\ndef dazoo_register_backbones(register):\n{calls}"


def discover(site: Path, **environ: str) -> Plugins:
    return Plugins(path=[str(site)], environ=environ).discover()


BAD = {
    "import-error": (
        plugin(before="import a_module_that_is_not_there"),
        "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
    ),
    "syntax-error": ("def (:\n", "SyntaxError"),
    "system-exit": (plugin(before="import sys; sys.exit(3)"), "SystemExit: 3"),
    "own-base-exception": (plugin(before="class Odd(BaseException): pass\nraise Odd('odd')"), "Odd: odd"),
    "misspelt-hook": (
        plugin("@hookimpl\ndef dazoo_register_backbone(register): pass\n" + backbones("leak")),
        "'dazoo_register_backbone', which is no hook of dazoo. Did you mean 'dazoo_register_backbones'",
    ),
    "wrong-signature": (
        plugin("@hookimpl\ndef dazoo_register_backbones(register, extra): register('leak', 'a:b')\n"),
        "asks for 'extra', but a hook is given",
    ),
    "raises-while-registering": (plugin(backbones("leak") + "    raise RuntimeError('half way')\n"), "RuntimeError: half way"),
    "exits-while-registering": (plugin(backbones("leak") + "    raise SystemExit('bye')\n"), "SystemExit: bye"),
    "wrong-api": (plugin(backbones("leak"), api="dazoo_api = 2"), "interface 2, but dazoo"),
    "text-api": (plugin(backbones("leak"), api="dazoo_api = '1'"), "interface '1', but dazoo"),
    "no-api": (plugin(backbones("leak"), api=""), "add `dazoo_api = 1`"),
    "no-hook": (plugin(), "implements no hook, so it brings nothing"),
    "forgot-the-marker": (plugin("def dazoo_register_gans(register): pass\n"), "mark dazoo_register_gans with @hookimpl"),
    "class-as-target": (
        plugin("@hookimpl\ndef dazoo_register_backbones(register): register('leak', dict)\n"),
        "expected a string 'module:Class'",
    ),
    "path-as-target": (plugin(backbones("leak", target="my/file.py")), "expected a string 'module:Class'"),
    "bad-name": (plugin(backbones("leak", "Bad-Name")), "; did you mean 'bad_name'?"),
    "number-as-name": (plugin("@hookimpl\ndef dazoo_register_backbones(register): register(3, 'a:b')\n"), "name 3 does not match"),
    "twice": (plugin(backbones("leak", "leak")), "registers the backbone 'leak' twice"),
    "wrapper": (
        plugin("@hookimpl(wrapper=True)\ndef dazoo_register_backbones(register):\n    register('leak', 'a:b')\n    return (yield)\n"),
        "is a wrapper",
    ),
    "positional-summary": (plugin("@hookimpl\ndef dazoo_register_backbones(register): register('leak', 'a:b', 'text')\n"), "TypeError"),
}


@pytest.mark.parametrize("dist", BAD)
def test_a_bad_plugin_is_reported_and_leaves_nothing(install: Install, dist: str) -> None:
    """The good ones before and after it load, and the bad one has registered nothing, not even what it did before failing."""
    code, says = BAD[dist]
    install("aaa-good", plugin(backbones("first")))
    install(dist, code)
    site = install("zzz-good", plugin(backbones("last")))
    zoo = discover(site)
    assert zoo.backbones.names() == ["first", "last"]
    assert [r.dist for r in zoo.failures()] == [dist]
    (record,) = zoo.failures()
    assert says in record.error
    assert record.brings == {}
    assert "\n" not in record.error
    assert record.error.split(":")[-1].strip()[:20] in record.traceback.replace("\n", " ") or "Error" in record.traceback
    with pytest.raises(UnknownName, match=f"1 plugin failed to load and may bring it: {dist}:"):
        zoo.backbones.get("leak")


def test_all_the_bad_ones_together(install: Install) -> None:
    for dist, (code, _) in BAD.items():
        install(dist, code)
    zoo = discover(install("good", plugin(backbones("good"))))
    assert {r.dist for r in zoo.failures()} == set(BAD)
    assert zoo.backbones.names() == ["good"]


def test_ctrl_c_is_not_swallowed(install: Install) -> None:
    site = install("interrupted", plugin(before="raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        discover(site)


def test_wrong_base_class_is_said_when_used(install: Install) -> None:
    """Looking at the class would import torch, so the check waits until the name is used, or `check` is called."""
    zoo = discover(install("not-a-network", plugin(backbones("dictionary"))))
    assert zoo.backbones.names() == ["dictionary"]
    with pytest.raises(PluginError, match="is the class OrderedDict; expected a subclass of dazoo.contracts.backbone.Backbone"):
        zoo.backbones.resolve("dictionary")
    assert list(zoo.check()) == ["backbone not-a-network:dictionary"]
    assert list(zoo.check("somebody-else")) == []


def test_a_name_of_two_distributions(install: Install) -> None:
    install("one", plugin(backbones("same", "only_one")))
    zoo = discover(install("two", plugin(backbones("same", target="collections:Counter"))))
    assert zoo.failures() == []
    with pytest.raises(AmbiguousName, match="'one:same' or 'two:same'"):
        zoo.backbones.get("same")
    assert zoo.backbones.get("two:same").target == "collections:Counter"
    assert zoo.backbones.get("only_one").dist == "one"


def test_a_name_of_two_plugins_of_one_distribution(install: Install) -> None:
    install("one", plugin(backbones("same")), module="one_a")
    zoo = discover(install("one", plugin(backbones("same", "other")), module="one_b"))
    (record,) = zoo.failures()
    assert record.name == "one:one_b"
    assert "already brought by plugin 'one_a' of the same distribution" in record.error
    assert zoo.backbones.names() == ["same"]


def test_two_distributions_may_share_an_entry_point_name(install: Install) -> None:
    install("one", plugin(backbones("a")), point="main")
    zoo = discover(install("two", plugin(backbones("b")), point="main"))
    assert zoo.backbones.names() == ["a", "b"]
    assert set(zoo.loaded) == {"one:main", "two:main"}


def test_two_entry_points_of_one_module(install: Install) -> None:
    """The second is refused, and refusing it must not take away the first."""
    install("one", plugin(backbones("a")), module="shared_module")
    zoo = discover(install("two", plugin(backbones("a")), module="shared_module"))
    assert zoo.backbones.names() == ["a"]
    assert [r.name for r in zoo.failures()] == ["two:shared_module"]
    assert "same object as one:shared_module" in zoo.failures()[0].error


def test_the_first_of_two_copies_counts(install: Install) -> None:
    install("one", plugin(backbones("a")), version="1.0")
    zoo = discover(install("one", plugin(backbones("a")), version="2.0"))
    assert len(zoo.loaded) == 1
    assert zoo.backbones.names() == ["a"]


@pytest.mark.parametrize(
    ("requires", "fits"),
    [
        ("dazoo>=0.1", True),
        ("dazoo>=99", False),
        ("Dazoo<0.0.1", False),
        ("dazoo==99 ; python_version < '3'", True),
        ("dazoo==99 ; extra == 'new'", True),
        ("torch>=99", True),
        ("this is not a requirement", True),
    ],
)
def test_the_plugins_own_requirement_on_dazoo(install: Install, requires: str, fits: bool) -> None:
    zoo = discover(install("needs", plugin(backbones("a")), requires=(requires,)))
    assert zoo.backbones.names() == (["a"] if fits else [])
    if not fits:
        assert f"but this is dazoo {dazoo.__version__}" in zoo.failures()[0].error


def test_broken_metadata(install: Install) -> None:
    site = install("good", plugin(backbones("good")))
    for folder, metadata, points in [
        ("nameless-1.0.dist-info", "Metadata-Version: 2.1\n", "[dazoo]\nx = x\n"),
        ("bytes-1.0.dist-info", "Name: bytes\nVersion: 1\n", b"[dazoo]\nx = \xff\xfe\n"),
        ("badvalue-1.0.dist-info", "Name: badvalue\nVersion: 1\n", "[dazoo]\nx = not a module!!\n"),
        ("unrelated-1.0.dist-info", "Name: unrelated\n", "[console_scripts]\nx = \n"),
    ]:
        info = site / folder
        info.mkdir()
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_bytes(points if isinstance(points, bytes) else points.encode())
    zoo = discover(site)
    assert zoo.backbones.names() == ["good"]
    assert {r.dist for r in zoo.failures()} == {"nameless-1.0.dist-info", "bytes-1.0.dist-info", "badvalue"}


def test_record_says_who_brought_what(install: Install) -> None:
    site = install("My_Plugin.Pack", plugin(backbones("a", "b")), module="packed", version="3.1")
    (record,) = discover(site).loaded.values()
    assert (record.dist, record.version, record.entry_point, record.target) == ("my-plugin-pack", "3.1", "packed", "packed")
    assert record.brings == {"backbone": ["a", "b"]}
    assert record.ok and record.error is None and record.traceback == "" and record.seconds > 0
    entry = discover(site).backbones.get("my-plugin-pack:a")
    assert (entry.plugin, entry.dist, entry.version) == ("packed", "my-plugin-pack", "3.1")


def test_settings_may_be_called_name_or_target(install: Install) -> None:
    """A scenario has a `target`, so what `register` calls its own arguments must not stand in the way."""
    hook = '@hookimpl\ndef dazoo_register_scenarios(register):\n    register("a2b", "m:C", source="a", target="b", name="n")\n'
    zoo = discover(install("scenes", plugin(hook)))
    assert zoo.failures() == []
    assert zoo.scenarios.get("a2b").arguments == {"source": "a", "target": "b", "name": "n"}


def test_entries_are_recipe_names_with_folders(install: Install) -> None:
    good = [("fcn-dcgan-a2b", "pack:weights/fcn-dcgan-a2b"), ("fcn-dann-a2b", "hub:me/fcn-dann-a2b@0123abc")]
    bad = [("fcn-dann-a2b", "/etc/passwd"), ("fcn-dann-a2b", "pack:../up"), ("Fcn", "pack:x")]
    calls = "".join(f"    register({n!r}, {t!r})\n" for n, t in good)
    zoo = discover(install("weights", plugin("@hookimpl\ndef dazoo_register_entries(register):\n" + calls)))
    assert zoo.entries.names() == sorted(n for n, _ in good)
    for i, (name, target) in enumerate(bad):
        code = plugin(f"@hookimpl\ndef dazoo_register_entries(register): register({name!r}, {target!r})\n")
        assert len(discover(install(f"bad{i}", code)).failures()) == i + 1


def test_optional_hooks_of_a_newer_dazoo(install: Install) -> None:
    hook = "@hookimpl(optionalhook=True)\ndef dazoo_register_dreams(register): pass\n"
    zoo = discover(install("newer", plugin(hook + backbones("a"))))
    assert zoo.failures() == []
    assert zoo.backbones.names() == ["a"]


def test_a_plugin_may_be_an_object(install: Install) -> None:
    code = (
        "from dazoo import hookimpl\n"
        "class P:\n    dazoo_api = 1\n    @hookimpl\n    def dazoo_register_backbones(self, register): register('a', 'm:C')\n"
        "p = P()\n"
    )
    site = install("objects", code)
    (site / "objects-1.0.dist-info" / "entry_points.txt").write_text("[dazoo]\np = objects:p\n")
    assert discover(site).backbones.names() == ["a"]


def test_only_the_listed_ones_are_imported(install: Install) -> None:
    install("wanted-one", plugin(backbones("a")))
    site = install("other", plugin(before="raise RuntimeError('imported')"))
    zoo = discover(site, DAZOO_PLUGINS=" Wanted_One , ")
    assert zoo.backbones.names() == ["a"]
    assert zoo.failures() == []
    assert "other" not in sys.modules


def test_an_empty_list_means_none(install: Install) -> None:
    zoo = discover(install("one", plugin(backbones("a"))), DAZOO_PLUGINS="")
    assert zoo.loaded == {}


def test_the_core_is_always_there(install: Install) -> None:
    """What the core itself brings is part of dazoo; DAZOO_PLUGINS is about what others bring."""
    site = install("dazoo", plugin(backbones("a")), module="core_stand_in")
    assert discover(site, DAZOO_PLUGINS="").backbones.names() == ["a"]


def test_a_listed_name_that_is_not_installed(install: Install) -> None:
    zoo = discover(install("one", plugin(backbones("a"))), DAZOO_PLUGINS="one,tow")
    (record,) = zoo.failures()
    assert "DAZOO_PLUGINS asks for 'tow'" in record.error
    assert zoo.backbones.names() == ["a"]


def test_strict_raises(install: Install) -> None:
    site = install("bad", plugin(before="raise RuntimeError('no')"))
    with pytest.raises(PluginError, match="Plugin bad:bad 1.0: RuntimeError: no") as caught:
        discover(site, DAZOO_PLUGINS_STRICT="1")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert discover(site, DAZOO_PLUGINS_STRICT="0").failures()
    with pytest.raises(PluginError, match="asks for 'tow'"):
        discover(site, DAZOO_PLUGINS_STRICT="1", DAZOO_PLUGINS="tow")


def test_trace_writes_timings_to_stderr(install: Install, capsys: pytest.CaptureFixture) -> None:
    install("one", plugin(backbones("a"), before="print('chatter')"))
    site = install("two", plugin(before="raise RuntimeError('no')"))
    discover(site, DAZOO_TRACE_PLUGINS="1")
    out, err = capsys.readouterr()
    assert out == ""  # what plugins print would end up in `dazoo list --json`
    assert "chatter" in err
    assert "ms  one:one: loaded" in err and "ms  two:two: RuntimeError: no" in err
    discover(site)
    assert "ms" not in capsys.readouterr().err


def test_heavy_imports_are_noted(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("slow", plugin(backbones("a"), before="import timm"))
    site = install("fast", plugin(backbones("b")))
    (site / "timm.py").write_text("")
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    zoo = discover(site)
    assert zoo.failures() == []
    assert "imports timm when it is loaded" in zoo.loaded["slow:slow"].warnings[0]
    assert zoo.loaded["fast:fast"].warnings == []


LIGHT = """
import json, sys
import dazoo
from dazoo.registry.plugins import zoo
backbones = dazoo.list_backbones()
for kind in ("gans", "methods", "datasets", "scenarios", "validators", "entries"):
    getattr(dazoo, "list_" + kind)()
records = [(r.name, r.version, r.brings, r.error) for r in zoo().loaded.values()]
print(json.dumps({"backbones": backbones, "failed": [r for r in records if r[3]], "count": len(records),
    "heavy": [m for m in ("torch", "torchvision", "timm") if m in sys.modules]}))
"""


def _python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environ}, capture_output=True, text=True, timeout=60)


def test_listing_imports_no_torch() -> None:
    done = _python(LIGHT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["heavy"] == []
    assert told["failed"] == []
    assert told["count"] >= 6
    assert "fcn" in told["backbones"]


def test_import_dazoo_imports_next_to_nothing() -> None:
    done = _python("import sys, dazoo; print([m for m in ('torch', 'numpy', 'pluggy', 'typer', 'rich') if m in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_environment_of_the_process(install: Install) -> None:
    """The real road, end to end: `sys.path`, `os.environ`, the process-wide zoo."""
    install("third", plugin(backbones("third_net")))
    site = install("worse", plugin(before="import sys; sys.exit()"))
    code = "import dazoo; print(dazoo.list_backbones())"
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert _python(code, PYTHONPATH=path, DAZOO_PLUGINS="third,worse").stdout.strip() == "['third_net']"
    assert _python(code, PYTHONPATH=path, DAZOO_PLUGINS="").stdout.strip() == "[]"
    strict = _python(code, PYTHONPATH=path, DAZOO_PLUGINS="third,worse", DAZOO_PLUGINS_STRICT="1")
    assert strict.returncode != 0
    assert "Plugin worse:worse 1.0: SystemExit" in strict.stderr


def test_public_names() -> None:
    import_module("dazoo.metrics.validators")  # what discovery does; it must not hide the function of the same name

    assert dazoo.hookimpl is hookimpl
    assert set(dazoo.__all__) <= set(dir(dazoo))
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        dazoo.lode  # noqa: B018
    assert callable(dazoo.evaluate)


def specify(zoo: Plugins, hook: Callable[..., None]) -> None:
    """Have the hooks of another version of dazoo, where one is specified otherwise."""
    zoo._manager = pluggy.PluginManager(discovery.GROUP)
    zoo._manager.add_hookspecs(SimpleNamespace(**{**vars(hookspecs), hook.__name__: hook}))


def test_one_more_argument_of_a_hook_breaks_nobody(fresh_zoo: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old plugin goes on asking for `register` alone, and a new one gets what it names, in any order."""

    @hookspec
    def dazoo_register_backbones(register, version):
        """Register backbones."""

    specify(fresh_zoo, dazoo_register_backbones)
    before = staging.arguments
    monkeypatch.setattr(staging, "arguments", lambda *given: {**before(*given), "version": "0.9"})
    told = []

    @hookimpl
    def old(register):
        register("old", "a:B")

    @hookimpl
    def new(version, register):
        told.append(version)
        register("new", "a:B")

    for hook, dist in ((old, "old"), (new, "new")):
        plugin = SimpleNamespace(dazoo_api=1, dazoo_register_backbones=hook)
        loaded = fresh_zoo.load(lambda plugin=plugin: plugin, dist=dist)
        assert loaded.ok, loaded.error
    assert fresh_zoo.backbones.names() == ["new", "old"] and told == ["0.9"]


def test_a_hook_that_will_go_warns_its_author_and_works(fresh_zoo: Plugins) -> None:
    @hookspec(warn_on_impl=DeprecationWarning("dazoo_register_backbones goes in dazoo 0.4; use dazoo_register_networks"))
    def dazoo_register_backbones(register):
        """Register backbones."""

    specify(fresh_zoo, dazoo_register_backbones)
    code = SimpleNamespace(dazoo_api=1, dazoo_register_backbones=hookimpl(lambda register: register("a", "b:C")))
    loaded = fresh_zoo.load(lambda: code, dist="old")
    assert loaded.ok and fresh_zoo.backbones.names() == ["a"]
    assert loaded.warnings == ["dazoo_register_backbones goes in dazoo 0.4; use dazoo_register_networks"]


def test_an_older_interface_works_for_a_version_with_a_warning(fresh_zoo: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "API", 2)
    monkeypatch.setattr(discovery, "LEAVING", {1: "0.4"})
    code = {n: SimpleNamespace(dazoo_api=n, dazoo_register_backbones=hookimpl(lambda register: None)) for n in (1, 2, 3)}
    assert "interface 1, which works until dazoo 0.4; write it for 2" in fresh_zoo.load(lambda: code[1], dist="one").warnings[0]
    assert fresh_zoo.load(lambda: code[2], dist="two").warnings == []
    assert f"interface 3, but dazoo {dazoo.__version__} has 2 and 1" in (fresh_zoo.load(lambda: code[3], dist="three").error or "")


def test_what_leaves_has_a_minor_version_left() -> None:
    """The promise of the guide: whoever uses what will go is warned for a whole minor version before it goes."""
    major, minor = map(int, dazoo.__version__.split(".")[:2])
    last = [tuple(map(int, version.split(".")[:2])) for version in discovery.LEAVING.values()]
    assert all(gone >= (major, minor + 1) for gone in last)
    assert set(discovery.LEAVING) <= set(range(1, discovery.API))
