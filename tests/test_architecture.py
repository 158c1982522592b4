"""The house: which layer may import which, no circles among modules, one way to reach a plugin, and short argument lists.

Imports are read from the sources, those inside functions and under TYPE_CHECKING too, so that a lazy import is no side door.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from dazoo.moved import MOVED


ROOT = Path(__file__).parents[1]
CORE = ROOT / "dazoo"

LEAVES = {"drafts", "errors", "lazy", "plain", "streams", "version"}
"""What every layer may import."""

ALLOWED: dict[str, set[str]] = {
    # layer: the layers below that it may import, beside LEAVES
    "losses": set(),
    "registry": {"contracts"},
    "contracts": {"losses"},
    "data": {"contracts", "registry"},
    "augmentations": {"contracts", "registry"},
    "lease": set(),
    "processes": {"contracts"},
    "bridges": {"contracts", "losses", "registry"},
    "metrics": {"contracts", "losses", "registry"},
    "engine": {"contracts", "losses", "data"},
    "models": {"engine", "bridges", "data", "metrics", "registry", "contracts"},
    "runs": {"models", "engine", "bridges", "data", "metrics", "registry", "contracts", "lease"},
    "bench": {"runs", "models", "engine", "data", "metrics", "registry", "contracts", "processes", "lease"},
    "leaderboard": {"bench", "metrics", "data", "registry", "contracts"},
    "templates": {"contracts", "losses", "data", "augmentations", "processes", "registry", "models"},
    "testing": {"runs", "models", "engine", "data", "bridges", "registry", "contracts", "processes"},
    "cli": {
        "testing",
        "bench",
        "leaderboard",
        "runs",
        "models",
        "engine",
        "data",
        "metrics",
        "registry",
        "contracts",
        "processes",
        "losses",
        "templates",
    },
    "errors": set(),
    "version": set(),
    "plain": set(),
    "drafts": set(),
    "streams": set(),
    "lazy": set(),
    "moved": set(),
    "__init__": {"bench", "runs", "models", "data", "registry", "moved"},
    "__main__": {"cli"},
}
"""The arrows point one way: a layer stands below every layer that may import it."""

PLUGINS_MAY = {"augmentations", "contracts", "losses", "data", "errors", "registry.sources", "registry.hookspecs", ""}
"""What a plugin may import of dazoo; "" is `dazoo` itself, for `hookimpl`."""

MOST_ARGUMENTS = 8
COMMANDS = {"dazoo/cli"}
"""Where typer makes an option of every argument."""


@cache
def imports_of(file: Path) -> tuple[tuple[str, int], ...]:
    """Modules of dazoo that a file imports, with the line; `from dazoo import x` is the module x, where there is one."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively; write the whole path."
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if is_module(name) else str(node.module) for name in inner]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_module":
            names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        else:
            continue
        found += [(name, node.lineno) for name in names if name.split(".")[0] == "dazoo"]
    return tuple(found)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_every_layer_has_its_place_in_the_table() -> None:
    assert {layer_of(module_of(f)) for f in core_files()} - set(ALLOWED) == set()


def test_the_table_itself_has_no_circle() -> None:
    assert list(circles({layer: sorted(below - {layer}) for layer, below in ALLOWED.items()})) == []


def test_arrows_point_down() -> None:
    wrong = []
    for file in core_files():
        here = layer_of(module_of(file))
        for name, line in imports_of(file):
            there = layer_of(name)
            if there not in {here, *LEAVES, *ALLOWED[here]}:
                wrong.append(f"{file.relative_to(ROOT)}:{line}: {here} imports {name}")
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module_of(f): sorted({name for name, _ in imports_of(f)} - {module_of(f)}) for f in core_files()}
    assert list(circles(graph)) == []


def circles(graph: dict[str, list[str]]) -> Iterator[list[str]]:
    """The strongly connected parts with more than one node (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for after in graph.get(node, ()):
            if after not in index:
                visit(after)
                low[node] = min(low[node], low[after])
            elif after in stack:
                low[node] = min(low[node], index[after])
        if low[node] == index[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in index:
            visit(node)
    yield from found


def test_a_circle_is_found() -> None:
    assert list(circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]})) == [["a", "b", "c"]]


PLUGIN_FILES = sorted(f for f in (ROOT / "plugins").rglob("*.py") if "tests" not in f.parts and "build" not in f.parts)


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=lambda f: str(f.relative_to(ROOT / "plugins")))
def test_plugins_use_what_a_stranger_may_use(file: Path) -> None:
    executor = "executors" in file.parts  # an executor runs jobs through dazoo.processes, as the guide says
    for name, line in imports_of(file):
        inner = name.removeprefix("dazoo").removeprefix(".")
        allowed = inner in PLUGINS_MAY or inner.split(".")[0] in PLUGINS_MAY or executor and inner == "processes"
        assert allowed, f"{file}:{line} imports {name}; a plugin uses dazoo.contracts, dazoo.losses, dazoo.data and dazoo.errors"


def test_the_core_names_no_plugin() -> None:
    """No backbone, GAN or method of a plugin is a word of the core's code; docstrings give examples and are left out."""
    brought = {
        "fcn",
        "lenet",
        "dtn",
        "dcgan",
        "cgan",
        "vanilla",
        "lapgan",
        "stylegan",
        "r3gan",
        "cyclegan",
        "discogan",
        "pix2pix",
        "context_encoder",
        "srgan",
        "voxgan",
        "dann",
        "cdan",
        "mcd",
        "mean_teacher",
        "tent",
        "tent_offline",
    }
    found = []
    for file in core_files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in brought and id(node) not in docs:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.value!r}")
    assert [f for f in found if "streaming.py" not in f] == []


def test_no_function_takes_more_than_eight_arguments() -> None:
    long = []
    for file in [*core_files(), *PLUGIN_FILES]:
        if any(str(file.relative_to(ROOT)).startswith(folder) for folder in COMMANDS):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg not in ("self", "cls")]
                if len(names) > MOST_ARGUMENTS:
                    long.append(f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} takes {len(names)}")
    assert long == []


def test_new_code_uses_no_old_path() -> None:
    files = [*core_files(), *PLUGIN_FILES, *(ROOT / "benchmarks").glob("*.py")]
    used = [f"{f.relative_to(ROOT)}:{line}: {name}" for f in files for name, line in imports_of(f) if name in MOVED]
    assert used == []


def test_nothing_reads_a_pickle() -> None:
    """SECURITY.md: weights are data. torch.load and pickle run code that a file brings; `tensors_only` holds other libraries to tensors."""
    forbidden = ("torch.load", "torch.hub.load", "pickle.load", "pickle.loads", "joblib.load", "yaml.load")
    own = ("weights_only=True", "pickle.loads(pickle.dumps(")
    found = []
    for file in [*core_files(), *PLUGIN_FILES]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            loose = (
                isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "trust_remote_code") and ast.unparse(node.value) != "False"
            )
            if loose or called in forbidden and not any(word in ast.unparse(node) for word in own):
                found.append(f"{file.relative_to(ROOT)}:{ast.unparse(node)}")
    assert found == []
