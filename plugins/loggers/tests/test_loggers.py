"""The loggers: the contract kit, what each service is sent, and what is said where a package is missing.

TensorBoard is here for real. The other services are stood in for by modules with the calls of their documentation; where the packages
are installed, the slow test runs the kit on them too (offline, into the test's folder).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace

import pytest
from PIL import Image

from dazoo.contracts import Ending
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo
from dazoo.testing import check
from dazoo.testing import parametrize_with_contract


NAMES = ("tensorboard", "wandb", "mlflow", "trackio")
STAGE = Stage("train", 1, 1, epochs=1, steps=2, chooses="snd")


@parametrize_with_contract("plugin", [f"dazoo-loggers:{name}" for name in NAMES])
def test_plugins(clause) -> None:
    clause()


class Fake:
    """Keeps the calls of its methods: (name, positional, keyword)."""

    def __init__(self, calls: list, **returns) -> None:
        self._calls, self._returns = calls, returns

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args, **kwargs):
            self._calls.append((name, args, kwargs))
            return self._returns.get(name)

        return call


def wandb(calls: list) -> ModuleType:
    module = ModuleType("wandb")
    run = Fake(calls)
    run.__dict__["summary"] = {}
    module.run = run
    module.init = lambda **kwargs: calls.append(("init", (), kwargs)) or run
    module.Image = lambda path: ("image", path)
    return module


def trackio(calls: list) -> ModuleType:
    module = ModuleType("trackio")
    module.init = lambda **kwargs: calls.append(("init", (), kwargs)) or print("* Created new run") or Fake(calls)
    module.Image = lambda path: ("image", path)
    return module


def mlflow(calls: list) -> ModuleType:
    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    client = Fake(calls, create_run=SimpleNamespace(info=SimpleNamespace(run_id="r1")), create_experiment="e1", search_runs=[])
    module.client = client
    module.MlflowClient = lambda tracking_uri=None: client
    entities.Param = lambda key, value: (key, value)
    entities.Metric = lambda key, value, timestamp, step: (key, value, step)
    module.entities = entities
    return module


@pytest.fixture
def calls(request, monkeypatch) -> list:
    """The calls that the stand-in for a service got; the service is `request.param`."""
    found: list = []
    module = {"wandb": wandb, "trackio": trackio, "mlflow": mlflow}[request.param](found)
    monkeypatch.setitem(sys.modules, request.param, module)
    if request.param == "mlflow":
        monkeypatch.setitem(sys.modules, "mlflow.entities", module.entities)
    found.append(module)
    return found


def run_through(name: str, folder: Path, **settings) -> Running:
    """One stage of two steps and an epoch, with a result and a picture."""
    logger = zoo().loggers.build(name, **settings)
    run = Running("fcn-dann", 3, {"recipe": "fcn-dann", "settings": {"lr": 0.5}}, folder=folder, id="abcdef0123456789")
    logger.begin(run)
    logger.stage(STAGE)
    for step in (1, 2):
        logger.step(Moment(STAGE, step, 0, 0.1 * step), {"task": 1.0})
    logger.epoch(Moment(STAGE, 2, 1, 0.2, chosen=1), {"snd": 4.0}, {"task": 1.0})
    Image.new("RGB", (4, 4)).save(folder / "curves.png")
    logger.picture("curves", folder / "curves.png")
    logger.end(Ending("finished", {"last": 0.75, "validator": "snd"}))
    return run


@pytest.mark.parametrize("calls", ["wandb", "trackio", "mlflow"], indirect=True)
def test_stand_ins_keep_the_contract(calls, request) -> None:
    name = request.node.callspec.params["calls"]
    assert check("logger", name) == {}


@pytest.mark.parametrize("calls", ["wandb"], indirect=True)
def test_wandb(calls, tmp_path) -> None:
    run_through("wandb", tmp_path, project="mine", mode="offline")
    module, init, *sent = calls
    assert init[2] == {
        "project": "mine", "name": "fcn-dann seed 3", "id": "abcdef0123456789", "resume": "allow", "dir": str(tmp_path),
        "config": {"recipe": "fcn-dann", "settings.lr": 0.5}, "mode": "offline",
    }  # fmt: skip
    assert sent == [
        ("define_metric", ("train/step",), {}),
        ("define_metric", ("train/*",), {"step_metric": "train/step"}),
        ("log", ({"train/loss/task": 1.0, "train/step": 1},), {}),
        ("log", ({"train/loss/task": 1.0, "train/score/snd": 4.0, "train/epoch": 1, "train/chosen": 1, "train/step": 2},), {}),
        ("log", ({"curves": ("image", str(tmp_path / "curves.png"))},), {}),
        ("finish", (), {"exit_code": 0}),
    ]
    assert module.run.summary == {"result/last": 0.75}


@pytest.mark.parametrize("calls", ["trackio"], indirect=True)
def test_trackio(calls, tmp_path, capsys) -> None:
    run_through("trackio", tmp_path, space="me/space")
    _, init, *sent = calls
    assert init[2]["name"] == "fcn-dann-seed3-abcdef01" and init[2]["resume"] == "allow" and init[2]["space_id"] == "me/space"
    assert [one[0] for one in sent] == ["log", "log", "log", "log", "finish"]
    assert sent[1][1][0]["train/score/snd"] == 4.0 and sent[1][2] == {"step": 2}
    assert sent[3][1][0] == {"result/last": 0.75}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("calls", ["mlflow"], indirect=True)
def test_mlflow(calls, tmp_path) -> None:
    run_through("mlflow", tmp_path)
    sent = [one for one in calls[1:] if one[0] != "get_experiment_by_name"]
    assert [one[0] for one in sent] == [
        "create_experiment", "search_runs", "create_run", "log_batch", "log_batch", "log_batch", "log_artifact", "log_batch",
        "set_terminated",
    ]  # fmt: skip
    assert sent[3] == ("log_batch", ("r1",), {"params": [("recipe", "fcn-dann"), ("settings.lr", "0.5")]})
    assert sent[5][2]["metrics"][:2] == [("train/loss/task", 1.0, 2), ("train/score/snd", 4.0, 2)]
    assert sent[-1] == ("set_terminated", ("r1", "FINISHED"), {})


@pytest.mark.parametrize("calls", ["mlflow"], indirect=True)
def test_mlflow_goes_on_with_the_run_of_the_same_id(calls, tmp_path) -> None:
    calls[0].client._returns["search_runs"] = [SimpleNamespace(info=SimpleNamespace(run_id="earlier"))]
    run_through("mlflow", tmp_path)
    assert ("update_run", ("earlier",), {"status": "RUNNING"}) in calls and not any(one[0] == "create_run" for one in calls[1:])
    assert calls[-1][1] == ("earlier", "FINISHED")


def test_tensorboard_keeps_the_contract() -> None:
    pytest.importorskip("tensorboard")
    assert check("logger", "tensorboard") == {}


def test_tensorboard_writes_what_it_reads(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run_through("tensorboard", tmp_path, seconds=0)
    stage = EventAccumulator(str(tmp_path / "tensorboard" / "train")).Reload()
    assert sorted(stage.Tags()["scalars"]) == ["chosen", "epoch", "loss/task", "score/snd"]
    assert [(e.step, e.value) for e in stage.Scalars("loss/task")] == [(1, 1.0), (2, 1.0), (2, 1.0)]
    whole = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert whole.Scalars("result/last")[0].value == 0.75 and whole.Tags()["images"] == ["curves"]
    assert "settings.lr" in str(whole.Tensors("run/text_summary")[0].tensor_proto)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_told_with_how_to_install_it(name, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=rf"The logger '{name}' needs the package {name} .*pip install 'dazoo-loggers\[{name}\]'"):
        zoo().loggers.build(name)


def test_an_empty_folder_of_the_packages_name_is_no_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", ModuleType("wandb"))
    with pytest.raises(SettingsError, match="pip install"):
        zoo().loggers.build("wandb")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wandb", "mlflow", "trackio"])
def test_the_real_services_offline(name, tmp_path, monkeypatch) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    monkeypatch.chdir(tmp_path)
    for variable, value in (("WANDB_MODE", "offline"), ("TRACKIO_DIR", str(tmp_path)), ("MLFLOW_ALLOW_FILE_STORE", "true")):
        monkeypatch.setenv(variable, value)
    assert check("logger", name, **({"uri": (tmp_path / "mlruns").as_uri()} if name == "mlflow" else {})) == {}
