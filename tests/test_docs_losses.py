"""docs/losses.md: every public loss, each once, and "library" where nothing here uses it."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import dazoo.losses


ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "losses.md").read_text()
ROWS = {m[1]: m[0] for m in re.finditer(r"^\| `(\w+)` \|.*\|$", TEXT, re.MULTILINE)}


def public() -> dict[str, str]:
    """Public functions and classes of the losses' modules: the module of each by name."""
    modules = [import_module(f"dazoo.losses.{found.name}") for found in pkgutil.iter_modules(dazoo.losses.__path__)]
    return {
        name: module.__name__
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == module.__name__
    }


@cache
def users() -> set[str]:
    """Names that code outside `dazoo.losses` imports from it, or from a module of it that it imports, and what these use in turn."""
    files = [f for f in [*ROOT.glob("dazoo/**/*.py"), *ROOT.glob("plugins/*/dazoo_*/**/*.py")] if "losses" not in f.parts]
    found = set()
    for file in files:
        nodes = list(ast.walk(ast.parse(file.read_text())))
        imports = [(node.module, alias) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
        modules = {alias.asname or alias.name for module, alias in imports if module == "dazoo.losses"}
        found |= {alias.name for module, alias in imports if (module or "").startswith("dazoo.losses.")}
        found |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in modules}
    return with_what_they_use(found)


def with_what_they_use(found: set[str]) -> set[str]:
    """The names, and those of `dazoo.losses` that their code uses; a table of losses uses what stands in it."""
    uses: dict[str, set[str]] = {}
    for file in ROOT.glob("dazoo/losses/*.py"):
        for node in ast.parse(file.read_text()).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            name = getattr(node, "name", None) or getattr(target, "id", None)
            if name:
                uses[name] = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    while more := {inner for name in found for inner in uses.get(name, ()) if inner in uses} - found:
        found = found | more
    return found


def test_every_public_loss_is_listed_once_under_its_module() -> None:
    assert set(ROWS) == set(public())
    assert len(re.findall(r"^\| `", TEXT, re.MULTILINE)) == len(ROWS)
    for name, module in public().items():
        heading = TEXT[: TEXT.index(f"\n| `{name}` |")].rpartition("\n## ")[2]
        assert f"`{module}`" in heading, name


@pytest.mark.parametrize("name", sorted(ROWS))
def test_library_means_that_nothing_here_uses_it(name: str) -> None:
    if name in users():
        assert "**library**" not in ROWS[name], f"{name} is used now: write in docs/losses.md who uses it."
    elif name not in ("full_precision", "widen"):
        assert "**library**" in ROWS[name], f"nothing uses {name} any more: write **library** in docs/losses.md."


def test_the_example_runs() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    found: dict = {}
    exec(code, found)
    assert found["loss"].ndim == 0
