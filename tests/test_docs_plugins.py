"""docs/plugins.md: every hook with its signature, and examples that run."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from dazoo.bridges.generate_to_adapt import GenerateToAdapt
from dazoo.contracts import Job
from dazoo.contracts import Labelled
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.passes import Pass
from dazoo.errors import SettingsError
from dazoo.registry import hookspecs
from dazoo.registry.names import parse
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Plugins
from dazoo.testing import check
from dazoo.testing.of_executors import leave_the_pid


TEXT = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
HOOKS = [name for name in dir(hookspecs) if name.startswith("dazoo_register_")]


def examples() -> dict[str, str]:
    """Code of the page by the file name in its first line."""
    return dict(re.findall(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


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
    fences = re.findall(r"^```(?:python|toml)$", TEXT, re.MULTILINE)
    assert len(examples()) == len(fences) == 9


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
