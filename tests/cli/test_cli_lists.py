"""`dazoo list`, `show`, `plugins`: what they print, and what they must not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dazoo
from dazoo.cli.listing import collapsed
from dazoo.registry.plugins import KINDS


def child(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, env=env)


@pytest.mark.parametrize(
    "words", [["list"], ["list", "backbones", "*"], ["list", "--json"], ["plugins"], ["plugins", "--json"], ["--version"]]
)
def test_listing_imports_no_torch(words: list[str]) -> None:
    code = (
        f"import sys; from dazoo.cli.main import main; code = main({words}); "
        "print([m for m in ('torch', 'torchvision', 'timm') if m in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = child("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_version(run) -> None:
    assert run("--version").out == f"dazoo {dazoo.__version__}\n"


def test_summary_names_every_kind(run) -> None:
    rows = [line.split("\t") for line in run("list").out.splitlines()]
    assert [row[0] for row in rows] == list(KINDS)
    assert all(int(row[1]) >= 0 for row in rows)
    assert "timm_* (" in rows[0][2] and "fcn" in rows[0][2].split(", ")
    assert run("list", "--json").json["gans"] == dazoo.list_gans()


@pytest.mark.parametrize("kind", ["backbones", "backbone"])
def test_a_kind_in_singular_and_plural_with_large_families_collapsed(run, kind: str) -> None:
    names = [line.split("\t")[0] for line in run("list", kind).out.splitlines()]
    assert "timm_*" in names and "timm_resnet18" not in names and "fcn" in names


def test_a_pattern_lists_all_of_a_family(run) -> None:
    found = run("list", "backbones", "timm_resnet*")
    assert [line.split("\t")[0] for line in found.out.splitlines()] == dazoo.list_backbones("timm_resnet*")
    assert {row["name"] for row in run("list", "backbones", "timm_resnet*", "--json").json} == set(dazoo.list_backbones("timm_resnet*"))


def test_a_pattern_without_match_is_a_failure(run) -> None:
    found = run("list", "gans", "zzz*")
    assert (found.code, found.out) == (1, "")
    assert "zzz*" in found.err


def test_collapsed_keeps_small_families() -> None:
    names = [f"big_{i}" for i in range(13)] + ["small_a", "small_b", "one"]
    assert collapsed(names) == [("big_*", 13), ("one", 1), ("small_a", 1), ("small_b", 1)]


def test_show_a_part_with_its_settings(run) -> None:
    found = run("show", "mean_teacher", "--json").json
    by_name = {p["name"]: p for p in found["parameters"]}
    assert found["distribution"] == "dazoo-methods" and found["kind"] == "method"
    assert "problem" not in by_name and by_name["threshold"]["default"] == 0.8
    assert "confidence" in by_name["threshold"]["doc"]
    text = run("show", "mean_teacher").out
    assert "method.threshold" in text and "dazoo-methods 0.1.0" in text


def test_show_follows_keyword_arguments_to_the_base_class(run) -> None:
    names = [p["name"] for p in run("show", "cdan", "--json").json["parameters"]]
    assert "entropy" in names and "reversal" in names and "settings" not in names


def test_show_a_recipe_says_where_a_setting_comes_from(run) -> None:
    found = run("show", "fcn-dcgan-mean_teacher-synsigns", "--json").json
    assert [p["name"] for p in found["parts"]] == ["fcn", "dcgan", "mean_teacher", "synsigns"]
    settings = {row["name"]: row for row in found["settings"]}
    assert settings["ema"]["from"] == "method" and settings["size"]["from"] == "scenario" and settings["clip"]["from"] == "dazoo"
    assert all(row["doc"] for row in found["settings"])
    gan = found["parts"][1]
    assert gan["bridge"] == "GenerateToAdapt" and "guide" in [p["name"] for p in gan["bridge parameters"]]
    game = {p["name"]: p for p in gan["parameters"]}["game"]
    assert game["default"] == "nonsaturating" and "relativistic" in game["doc"]


@pytest.mark.parametrize(
    "name", ["fcn", "lenet", "dcgan", "cyclegan", "tent", "mnist", "gtsrb2india", "information_maximisation", "timm_resnet18", "translate"]
)
def test_every_kind_of_part_can_be_shown(run, name: str) -> None:
    found = run("show", name)
    assert found.code == 0, found.err
    assert found.out.startswith(f"{name}  a ")


def test_bridges_are_registered_like_everything_else(run) -> None:
    assert {"generate_to_adapt", "synthesize", "translate"} <= set(dazoo.list_bridges())
    assert [line.split("\t")[0] for line in run("list", "bridges").out.splitlines()] == dazoo.list_bridges()
    found = run("show", "generate_to_adapt", "--json").json
    names = [p["name"] for p in found["parameters"]]
    assert found["kind"] == "bridge" and "guide" in names and not {"problem", "make_gan"} & set(names)
    assert "bridge.guide" in run("show", "generate_to_adapt").out


def test_show_says_where_the_code_is(run) -> None:
    file, line = run("show", "fcn", "--json").json["origin"].rsplit(":", 1)
    assert Path(file).read_text().splitlines()[int(line) - 1].startswith("class FCN")
    assert f"{file}:{line}" in run("show", "fcn").out


def test_plugins_says_what_each_brings(run) -> None:
    found = run("plugins", "--json").json["plugins"]
    fcn = next(p for p in found if p["name"] == "dazoo-backbones:fcn")
    assert fcn["ok"] and fcn["brings"] == {"backbone": ["fcn"]} and fcn["version"]


def test_a_failing_plugin_is_reported_and_disturbs_nobody(install) -> None:
    site = install("dazoo-broken", "raise RuntimeError('no luck')\n")
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    only = {"PYTHONPATH": path, "DAZOO_PLUGINS": "dazoo-broken,dazoo-methods"}
    done = child("-m", "dazoo", "plugins", **only)
    assert done.returncode == 1
    assert "RuntimeError: no luck" in done.stdout and "Traceback" in done.stdout
    done = child("-m", "dazoo", "plugins", "--json", **only)
    assert done.returncode == 1
    assert [p["error"] for p in json.loads(done.stdout)["plugins"] if not p["ok"]] == ["RuntimeError: no luck"]
    done = child("-m", "dazoo", "list", "methods", **only)
    assert done.returncode == 0 and "dann\t" in done.stdout
    assert "dazoo-broken" in done.stderr


def test_check_imports_every_class(install, tmp_path: Path) -> None:
    code = (
        "from dazoo import hookimpl\ndazoo_api = 1\n\n@hookimpl\ndef dazoo_register_gans(register):\n"
        "    register('nothing', 'dazoo_hollow:missing')\n"
    )
    site = install("dazoo-hollow", code)
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = child("-m", "dazoo", "plugins", "check", PYTHONPATH=path, DAZOO_PLUGINS="dazoo-hollow")
    assert done.returncode == 1
    assert "nothing" in done.stdout and "AttributeError" in done.stdout


def test_check_runs_the_kit_on_a_distribution(run) -> None:
    found = run("plugins", "check", "dazoo_methods", "--kind", "methods", "--names", "tent*", "--json").json
    assert {row["name"] for row in found["clauses"]} == {"tent", "tent_offline"} and found["failed"] == 0 < found["skipped"] < found["ok"]
    assert {row["kind"] for row in found["clauses"]} == {"method"}
    out = run("plugins", "check", "dazoo-methods:source", "--kind", "plugin").out
    assert "plugin\tdazoo-methods:source\tloads\tok" in out and "failed" in out.splitlines()[-1]


def test_check_tells_what_fails(run) -> None:
    done = run("plugins", "check", "dazoo-backbones", "--names", "fcn", "--set", "fcn.widht=8")
    assert done.code == 1 and "backbone\tfcn\tbuilds_from_defaults\tfailed" in done.out and "'widht'. Did you mean 'width'?" in done.out
    done = run("plugins", "check", "dazoo-method")
    assert done.code == 2 and "Did you mean 'dazoo-methods'" in done.err


def test_show_says_what_is_allowed_and_what_it_means(run) -> None:
    found = run("show", "fcn-mean_teacher", "--json").json
    settings = {row["name"]: row for row in found["settings"]}
    assert settings["augment"]["value"] == "objects" and settings["augment"]["from"] == "own pictures"
    assert settings["augment"]["allowed"].split(", ") == dazoo.list_augmentations()
    assert settings["validator"]["allowed"].split(", ") == dazoo.list_validators()
    assert settings["optimizer"]["allowed"] == "adamw, adam or sgd" and settings["lr"]["doc"] == "learning rate."
    assert all(row["allowed"] for row in found["settings"]) and "adaptation" not in found
    text = run("show", "fcn-mean_teacher").out
    assert "learning rate (above 0, at most 1e+09)" in text and "its settings" not in text


def test_show_has_the_settings_of_a_second_stage(run) -> None:
    found = run("show", "fcn-tent", "--json").json
    second = {row["name"]: row for row in found["adaptation"]}
    assert (
        second["lr"]["from"] == "method" and second["schedule"]["from"] == "stream" and second["label_smoothing"]["from"] == "first stage"
    )
    assert "size" not in second
    text = run("show", "fcn-tent").out
    assert "stage 2, the adaptation (--set adapt.NAME=VALUE)" in text and "adapt.lr" in text
