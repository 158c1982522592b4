"""docs/plugins.md: every hook with its signature, and examples that run."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import io
import json
import os
import re
import sys
import tokenize
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dazoo import contracts
from dazoo.bridges.generate_to_adapt import GenerateToAdapt
from dazoo.cli.main import main
from dazoo.contracts import Job
from dazoo.contracts import Labelled
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.data.scenario import load_scenario
from dazoo.engine.passes import Pass
from dazoo.engine.settings import Settings
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.registry import hookspecs
from dazoo.registry import plugins as plugins_module
from dazoo.registry.names import parse
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Plugins
from dazoo.templates import SUMMARIES
from dazoo.templates import new_plugin
from dazoo.templates import template
from dazoo.testing import check
from dazoo.testing.of_executors import leave_the_pid


TEXT = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
HOOKS = [name for name in dir(hookspecs) if name.startswith("dazoo_register_")]


def examples() -> dict[str, str]:
    """Code of the page by the file name in its first line."""
    return dict(re.findall(r"^```(?:python|toml|csv)\n# (\S+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_described_with_its_exact_signature(hook: str) -> None:
    spec = getattr(hookspecs, hook)
    arguments = ", ".join(inspect.signature(spec).parameters)
    assert f"`{hook}({arguments})`" in TEXT
    assert len(inspect.getdoc(spec).splitlines()) == 1


def test_hooks_and_registries_are_the_same_set() -> None:
    assert {h.removeprefix("dazoo_register_") for h in HOOKS} == set(KINDS)


def test_every_variable_of_the_code_is_described() -> None:
    source = Path(sys.modules["dazoo.registry.plugins"].__file__).read_text()
    for variable in set(re.findall(r"DAZOO_[A-Z_]+", source)):
        assert f"`{variable}" in TEXT, variable


def test_every_example_is_a_file() -> None:
    fences = re.findall(r"^```(?:python|toml|csv)$", TEXT, re.MULTILINE)
    assert len(examples()) == len(fences) - 1 == 13, "all but the hook of an entry"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The page's distribution, installed from its own pyproject.toml."""
    for name, code in examples().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    info = tmp_path / "dazoo_tiny-1.0.dist-info"
    info.mkdir()
    requires = "".join(f"Requires-Dist: {r}\n" for r in project["dependencies"])
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{requires}")
    points = "".join(f"{k} = {v}\n" for k, v in project["entry-points"]["dazoo"].items())
    (info / "entry_points.txt").write_text(f"[dazoo]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Plugins(path=[str(tmp_path)], environ={"DAZOO_PLUGINS_STRICT": "1"}).discover()
    for name in [m for m in sys.modules if m.partition(".")[0] in ("dazoo_tiny", "test_tiny")]:
        del sys.modules[name]


def test_the_examples_keep_the_contracts(tiny: Plugins) -> None:
    assert tiny.check() == {}
    assert {kind for kind, registry in tiny.registries().items() if not registry.names()} == {"entry"}
    assert tiny.backbones.names() == ["tiny", "tiny_wide"]
    assert not any(r.warnings for r in tiny.loaded.values())
    assert parse("tiny-mlp_gan-deep_coral", tiny).gan == "mlp_gan"
    tiny_wide = tiny.backbones.build("tiny_wide", num_classes=4)
    assert tiny_wide.dense(torch.zeros(1, 3, 32, 48)).shape == (1, 4, 8, 12)
    assert tiny_wide.num_features == 64


def test_the_example_of_a_test_passes(tiny: Plugins) -> None:
    importlib.import_module("test_tiny").test_plugin()


def test_the_example_of_an_executor_runs_jobs(tiny: Plugins, tmp_path: Path) -> None:
    jobs = [Job(str(i), "", f"{leave_the_pid.__module__}:leave_the_pid", {"file": str(tmp_path / str(i))}) for i in range(3)]
    outcomes = list(tiny.executors.build("pool", workers=2).run(jobs))
    assert sorted((o.job.id, o.error) for o in outcomes) == [("0", None), ("1", None), ("2", None)]
    assert len({(tmp_path / str(i)).read_text() for i in range(3)}) == 3


def test_the_example_of_an_augmentation_keeps_the_contract(tiny: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dazoo.registry.plugins._zoo", tiny)
    assert check("augmentation", "xrays") == {}
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    views = tiny.augmentations.build("xrays")
    assert not torch.equal(views.weak(images), images) and not torch.equal(views.strong(images), images)


def test_the_example_of_a_logger_keeps_the_contract(tiny: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dazoo.registry.plugins._zoo", tiny)
    assert check("logger", "lines", file=str(tmp_path / "run.jsonl")) == {}
    first = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[0])
    assert first == {"stage": "train", "epoch": 1, "entropy": -0.5, "source_accuracy": 0.9, "task": 0.5, "domain": 0.7}
    with pytest.raises(SettingsError, match="file is empty"):
        tiny.loggers.build("lines", file="")


def test_the_examples_train(tiny: Plugins) -> None:
    """Each phase of the method and of the bridge around the GAN gives finite terms, and a gradient to every group that it trains."""
    torch.manual_seed(0)
    backbone = tiny.backbones.build("tiny", num_classes=4)
    problem = Problem(backbone, num_classes=4, channels=3, size=16, source_counts=(2, 2, 2, 2), target_count=8)
    method = tiny.methods.build("deep_coral", problem)
    bridge = GenerateToAdapt(problem, lambda code_size: tiny.gans.build("mlp_gan", channels=3, size=16, num_classes=4, code_size=code_size))
    source, target = torch.rand(8, 3, 16, 16) * 2 - 1, torch.rand(8, 3, 16, 16) * 2 - 1
    step = Pass(Labelled(source, torch.arange(8) % 4), Unlabelled(target, lambda: target), progress=0.5, number=0, method=method)
    modules = {**method.groups(), **bridge.groups()}
    for phase in [*method.phases(), *bridge.phases()]:
        step.enter(phase)
        terms = phase.loss(step)
        assert all(torch.isfinite(t) and t.ndim == 0 for t in terms.values())
        sum(terms.values()).backward()
        for group in phase.groups:
            own = backbone.parameters() if group.startswith("backbone") else modules[group].parameters()
            assert any(p.grad is not None and p.grad.any() for p in own), f"{phase.name} teaches {group} nothing"
        for module in (backbone, *modules.values()):
            module.zero_grad()
    assert bridge.sample(3).shape == (3, 3, 16, 16)


def members(cls: type) -> dict[str, str]:
    """What the members of a contract and of its bases are called: functions with their arguments."""
    found = {}
    for base in (b for b in cls.__mro__ if b not in (object, nn.Module)):
        for name in [n for n in (*vars(base), *getattr(base, "__annotations__", {})) if not n.startswith("_")]:
            value = inspect.getattr_static(base, name, None)
            value = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            if name in found or inspect.isfunction(value) and value.__name__ == "unchanged":
                continue
            found[name] = name
            if inspect.isfunction(value):
                bare = [
                    p.replace(annotation=inspect.Parameter.empty)
                    for p in inspect.signature(value).parameters.values()
                    if p.name not in ("self", "cls")
                ]
                found[name] = name + str(inspect.Signature(bare))
    return found


CONTRACTS = ("Backbone", "GAN", "Bridge", "Method", "Step", "Dataset", "Validator", "Executor", "Logger")


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_member_of_a_contract_is_described_with_its_exact_arguments(name: str) -> None:
    lacking = [text for text in members(getattr(contracts, name)).values() if f"`{text}`" not in TEXT]
    assert lacking == []


def test_every_field_of_what_a_loss_and_a_validator_get_is_named() -> None:
    for cls in (contracts.Evidence, contracts.Ask):
        for field in dataclasses.fields(cls):
            assert f"`{field.name}`" in TEXT or f"`{field.name} " in TEXT or field.name == "n", field.name


def test_every_run_setting_is_explained() -> None:
    table = TEXT.partition("### Run settings in `defaults`")[2].partition("\n## ")[0]
    names = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    assert sorted(names) == sorted(f.name for f in dataclasses.fields(Settings))


def lines_of(text: str) -> tuple[int, int]:
    """Lines of code without blank ones; and without imports, comments and docstrings."""
    without: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            without |= set(range(node.lineno, node.end_lineno + 1))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            without |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            code |= set(range(token.start[0], token.end[0] + 1))
    return sum(1 for line in text.splitlines() if line.strip()), len(code - without)


def test_the_table_of_lines_is_true() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (\d+ \| \d+) \| .* \|$", TEXT, re.MULTILINE))
    counted = {kind: "{} | {}".format(*lines_of(template(kind, "mine"))) for kind in SUMMARIES if kind not in ("scenario", "entry")}
    assert rows == counted
    assert all(int(rows[kind].split(" | ")[1]) <= 21 for kind in ("backbone", "gan", "method"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """A command line in this process; the plugins are looked for anew."""
    monkeypatch.setenv("DAZOO_PLUGINS_DIR", "")
    monkeypatch.setattr(plugins_module, "_zoo", plugins_module._zoo)  # what a command found is forgotten with the test
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(*words: str) -> SimpleNamespace:
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


def test_dazoo_show_has_something_to_say_about_every_part(tiny: Plugins, run, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = Plugins().discover()
    for loaded in tiny.loaded.values():
        everything.load(lambda: importlib.import_module("dazoo_tiny"), dist=loaded.dist, version=loaded.version)
    monkeypatch.setattr(plugins_module, "_zoo", everything)
    for kind, registry in tiny.registries().items():
        for name in registry.names():
            shown = run("show", name)
            assert shown.code == 0 and shown.out.startswith(f"{name}  a"), (kind, name, shown.err)
    assert "share of the run before that" in run("show", "replay").out
    recipe = run("show", "tiny-mlp_gan-deep_coral-summer2autumn")
    assert recipe.code == 0 and "mlp_gan" in recipe.out


def test_the_examples_of_data_load(tiny: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="leaves/summer/train/<class>/"):
        load_scenario(tiny.scenarios.build("summer2autumn"), tmp_path, size=16, zoo=tiny)
    draw_leaves(tmp_path, tiny)
    domains = load_scenario(tiny.scenarios.build("summer2autumn"), tmp_path, size=16, zoo=tiny)
    assert domains.source_train.classes == domains.target_train.classes == ("oak", "maple", "birch")
    birches = domains.target_test.images[domains.target_test.labels == 2]  # first in the set's own order
    assert len(birches) == 2 and (birches[..., 0] == 0).all()


def draw_leaves(root: Path, tiny: Plugins) -> None:
    """Two pictures of each class and split; the red value is the class's number in the set's own order."""
    for season in ("summer", "autumn"):
        for split in ("train", "test"):
            for number, name in enumerate(tiny.datasets.build(season).classes):
                for i in range(2):
                    file = root / "leaves" / season / split / name / f"{i}.png"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(np.full((16, 16, 3), (number, 40 * i, 90), np.uint8)).save(file)


def test_the_example_of_a_validator_scores(tiny: Plugins) -> None:
    sure, unsure = torch.tensor([[9.0, 0, 0]]), torch.zeros(1, 3)
    margin = tiny.validators.build("margin")
    scores = [margin(contracts.Evidence(sure, sure, torch.tensor([0]), logits, logits)) for logits in (sure, unsure)]
    assert scores[0] > 0.9 and scores[1] == 0


def test_the_example_of_a_bridge_trains(tiny: Plugins) -> None:
    import dazoo.bridges.plugin

    tiny.load(lambda: dazoo.bridges.plugin, dist="dazoo")
    torch.manual_seed(0)
    problem = Problem(tiny.backbones.build("tiny", num_classes=4), 4, 3, 16, (2, 2, 2, 2), 8)
    bridge = tiny.bridges.build(
        "replay", problem, lambda code_size: tiny.gans.build("mlp_gan", channels=3, size=16, num_classes=4, code_size=code_size)
    )
    source = Labelled(torch.rand(8, 3, 16, 16) * 2 - 1, torch.arange(8) % 4)
    step = Pass(source, Unlabelled(source.images, lambda: source.images), 0.75, 0, contracts.Method(problem))
    for phase in bridge.phases():
        step.enter(phase)
        assert all(torch.isfinite(term) for term in phase.loss(step).values())
    assert len(bridge.extend(step).images) == 12 and bridge.sample(3).shape == (3, 3, 16, 16)


def test_the_page_says_how_an_entry_is_made_and_it_is(tiny: Plugins, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three commands of the page, with few steps; then the entry is there under its recipe's name."""
    draw_leaves(tmp_path, tiny)
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DAZOO_PLUGINS", f"{os.environ['DAZOO_PLUGINS']},dazoo-tiny")
    monkeypatch.setattr(plugins_module, "_zoo", None)
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```sh\n(dazoo train tiny-.*?)```", TEXT, re.DOTALL)[1]
    few = " --device cpu -q --no-source-only --set epochs=1 --set steps_per_epoch=2 --set batch=4"
    for line in block.strip().splitlines():
        words = line.partition("#")[0].replace("--data DIR", f"--data {tmp_path}{few}").split()[1:]
        done = run(*words)
        assert done.code == 0, done.err
    entries = tmp_path / "dazoo-tiny-weights"
    assert run("--plugins-dir", str(entries), "verify", "tiny-deep_coral-summer2autumn").code == 0
    hook = re.search(r"```python\n@hookimpl\ndef dazoo_register_entries.*?```", TEXT, re.DOTALL)[0]
    made = (entries / "dazoo_tiny_weights" / "__init__.py").read_text()
    assert '"tiny-deep_coral-summer2autumn"' in hook and ":entries/tiny-deep_coral-summer2autumn" in hook
    assert '"dazoo_tiny_weights:entries/tiny-deep_coral-summer2autumn"' in made


def test_the_commands_of_the_start_print_what_the_page_says(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new_plugin("pebbles", ["backbone"], tmp_path)
    (tmp_path / "mine").mkdir()
    lone = (tmp_path / "dazoo-pebbles" / "dazoo_pebbles" / "__init__.py").read_text().replace("dazoo_pebbles.backbone", "pebbles")
    (tmp_path / "mine" / "pebbles.py").write_text(lone)
    try:
        for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL):
            for command, expected in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE):
                if command.startswith("dazoo "):
                    done = run(*command.replace("'", "").split()[1:])
                    pattern = re.escape(expected.strip("\n")).replace(r"\.\.\.", ".*")
                    assert done.code == 0 and re.search(pattern, done.out, re.DOTALL), (command, done.out, done.err)
    finally:
        for name in [m for m in sys.modules if m.partition(".")[0] in ("dazoo_pebble", "pebbles")]:
            del sys.modules[name]
