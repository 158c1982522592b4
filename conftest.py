"""What every test shares: registries that hold only what the test puts there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dazoo
from dazoo.registry.plugins import Plugins


# A developer's own plugins must not leak into the tests, nor a variable that is set in their shell; child processes inherit this.
os.environ["DAZOO_PLUGINS"] = "dazoo-backbones,dazoo-gans,dazoo-methods,dazoo-signs,dazoo-digits,dazoo-executors,dazoo-loggers"
for _name in ("DAZOO_PLUGINS_STRICT", "DAZOO_TRACE_PLUGINS"):
    os.environ.pop(_name, None)


@pytest.fixture
def fresh_zoo() -> Plugins:
    """A `Plugins` object that has found nothing."""
    return Plugins(path=[], environ={})


@pytest.fixture
def make_zoo() -> Callable[..., Plugins]:
    """Builds a `Plugins` object from {dist: {kind plural: names}}; every target is `tests:nothing` and is not imported."""

    def make(**brings: dict[str, list[str]]) -> Plugins:
        zoo = Plugins(path=[], environ={"DAZOO_PLUGINS_STRICT": "1"})
        for dist, kinds in brings.items():
            hooks = {f"dazoo_register_{plural}": _hook(names) for plural, names in kinds.items()}
            plugin = SimpleNamespace(dazoo_api=1, **hooks)
            zoo.load(lambda plugin=plugin: plugin, dist=dist, version="1.0")
        return zoo

    return make


def _hook(names: list[str]) -> Callable[..., None]:
    @dazoo.hookimpl
    def hook(register: Any) -> None:
        for name in names:
            register(name, "tests:nothing")

    return hook


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a distribution the way pip leaves it (modules beside a dist-info folder) and puts it on `sys.path`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def write(
        dist: str, code: str, *, module: str | None = None, version: str = "1.0", requires: tuple[str, ...] = (), point: str = ""
    ) -> Path:
        module = module or dist.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        info = site / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        lines = [f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n", *(f"Requires-Dist: {r}\n" for r in requires)]
        (info / "METADATA").write_text("".join(lines))
        points = info / "entry_points.txt"
        before = points.read_text() if points.exists() else "[dazoo]\n"
        points.write_text(f"{before}{point or module} = {module}\n")
        return site

    yield write
    import sys

    for name, loaded in list(sys.modules.items()):
        if str(getattr(loaded, "__file__", None) or "").startswith(str(site)):
            del sys.modules[name]
