"""What the project files say is what is there: packages, entry points, ranges, and wheels with their data."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import dazoo


ROOT = Path(__file__).parent.parent
DISTS = sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml"))
CORE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def project(dist: Path) -> dict:
    return tomllib.loads((dist / "pyproject.toml").read_text())


def packages(dist: Path) -> list[str]:
    return sorted(p.name for p in dist.glob("dazoo_*") if p.is_dir())


@pytest.mark.parametrize("dist", DISTS, ids=lambda d: d.name)
def test_a_plugin_folder_ships_all_its_packages(dist: Path) -> None:
    told = project(dist)
    assert sorted(told["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == packages(dist)
    plugins = [name for name in packages(dist) if "dazoo_api" in (dist / name / "__init__.py").read_text()]  # others are shared by them
    assert sorted(told["project"]["entry-points"]["dazoo"].values()) == plugins
    assert told["project"]["name"] == f"dazoo-{dist.name}"


@pytest.mark.parametrize("dist", DISTS, ids=lambda d: d.name)
def test_plugins_and_core_go_together(dist: Path) -> None:
    told = project(dist)["project"]
    (on_core,) = [r for r in map(Requirement, told["dependencies"]) if r.name == "dazoo"]
    assert on_core.specifier.contains(dazoo.__version__)
    (on_plugin,) = [r for r in map(Requirement, CORE["optional-dependencies"]["zoo"]) if r.name == told["name"]]
    assert on_plugin.specifier.contains(told["version"])


def test_the_extra_names_every_plugin_folder() -> None:
    assert sorted(Requirement(r).name for r in CORE["optional-dependencies"]["zoo"]) == [f"dazoo-{d.name}" for d in DISTS]
    made = re.search(r"^PLUGINS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(made[1].split()) == [d.name for d in DISTS]


def test_constraints_are_ranges_and_say_what_the_project_says() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    ranges = {r.name: r.specifier for r in map(Requirement, lines)}
    assert not any(s.operator in ("==", "===") or "://" in s.version for spec in ranges.values() for s in spec)
    ours = {f"dazoo-{d.name}" for d in DISTS} | {"dazoo"}
    everywhere = [r for d in [ROOT, *DISTS] for r in project(d)["project"]["dependencies"]] + project(ROOT)["dependency-groups"]["dev"]
    for requirement in map(Requirement, everywhere):
        assert requirement.name in ours or ranges[requirement.name] == requirement.specifier, requirement


@pytest.mark.parametrize("dist", [ROOT, *DISTS], ids=lambda d: d.name)
def test_a_distribution_declares_what_it_imports_and_no_more(dist: Path) -> None:
    told = project(dist)["project"]
    optional = {"dazoo": {"fsspec", "pytest"}}.get(told["name"], set()) | {
        Requirement(r).name for extra in told.get("optional-dependencies", {}).values() for r in extra
    }
    declared = {Requirement(r).name for r in told["dependencies"]}
    names = {"PIL": "pillow", "sklearn": "scikit-learn", "huggingface_hub": "huggingface-hub"}
    used = {names.get(name, name) for folder in (["dazoo"] if dist == ROOT else packages(dist)) for name in imports(dist / folder)}
    assert used - optional == declared - optional


def imports(folder: Path) -> set[str]:
    """Top-level packages that a package's code imports, without Python's own and its siblings."""
    trees = [ast.parse(f.read_text()) for f in folder.rglob("*.py")]
    found = {a.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    found |= {node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    tops = {name.partition(".")[0] for name in found}
    return {name for name in tops if name not in sys.stdlib_module_names and name != folder.name and not name.startswith("dazoo_")}


@pytest.mark.parametrize("dist", [ROOT, *DISTS], ids=lambda d: d.name)
def test_a_distribution_says_where_it_comes_from_and_that_it_has_types(dist: Path) -> None:
    told = project(dist)["project"]
    assert {"Homepage", "Issues", "Changelog"} <= set(told["urls"])
    assert told["authors"] and (dist / told["readme"]).is_file()
    assert "Typing :: Typed" in told["classifiers"]
    assert all((dist / name / "py.typed").is_file() for name in (["dazoo"] if dist == ROOT else packages(dist)))


@pytest.mark.slow
def test_wheels_hold_code_and_data(tmp_path: Path) -> None:
    """Everything that lies in a package is in its wheel, and nothing else is."""
    for folder, names in [(ROOT, ["dazoo"]), *((d, packages(d)) for d in DISTS)]:
        out = tmp_path / folder.name
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(folder)]
        done = subprocess.run(build, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        (wheel,) = out.glob("*.whl")
        shipped = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
        wheel_of = project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]
        places = {n: Path(at) for n, at in ({n: n for n in names} | wheel_of.get("force-include", {})).items()}
        assert shipped == {str(at / f.relative_to(folder / n)) for n, at in places.items() for f in _files(folder / n)}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_is_whole_without_the_source_tree(tmp_path: Path) -> None:
    """Wheels in fresh environments, a stranger's plugin, a benchmark, a published model and an environment that lacks the plugin."""
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks" / "wheels.py"), str(tmp_path / "work")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 of 10 cells finished" in done.stdout and "everything as it must be" in done.stdout


def _files(place: Path) -> list[Path]:
    return [f for f in [place, *place.rglob("*")] if f.is_file() and "__pycache__" not in f.parts]
