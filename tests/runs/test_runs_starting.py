"""A name without a backbone: the best start that is at hand, and the same one when the run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
from safetensors.torch import save_file

import dazoo
import dazoo_timm.fetching
import dazoo_torchvision.fetching
from dazoo.contracts import Backbone
from dazoo.contracts import Start
from dazoo.errors import InvalidName
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.runs.own import own_side
from dazoo.runs.plan import make_plan
from dazoo.runs.starting import named
from dazoo.runs.starting import offered
from dazoo.runs.starting import without_backbone
from dazoo.runs.training import train
from tests.runs.test_runs_training import folders as folders


TINY = {"epochs": 1, "steps_per_epoch": 2, "batch": 6, "precision": "fp32"}
LITE = "tf_efficientnet_lite0"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """No server answers, no cache holds anything, and what was asked is told."""
    asked: list[str] = []

    def silent(host: str, seconds: float) -> bool:
        asked.append(host)
        return False

    for module in (dazoo_timm.fetching, dazoo_torchvision.fetching):
        monkeypatch.setattr(module, "answers", silent)
    monkeypatch.setattr(dazoo_timm.fetching, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("DAZOO_WEIGHTS", raising=False)
    return asked


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_file(timm.create_model(LITE).state_dict(), folder / f"{LITE}.safetensors")
    return folder


def test_without_weights_a_small_network_starts_at_random_and_says_what_that_costs(folders, tmp_path, capsys, offline):
    given = {"source": folders / "source", "target": folders / "loose", "out": tmp_path / "run"}
    run = train("source", settings={**TINY, "size": 16}, **given)
    told = capsys.readouterr().err.splitlines()
    (start,) = [line for line in told if line.startswith("Start: ")]
    assert "a random start" in start and "DAZOO_WEIGHTS" in start and run.model.recipe["backbone"] in start
    assert offline, "servers were asked"
    assert run.model.recipe["backbone"] == min((r for r in zoo().backbones.registrations() if r.start), key=lambda r: r.start).name


def test_a_folder_of_weights_is_taken_and_a_run_goes_on_with_what_it_began_with(folders, tmp_path, monkeypatch, capsys, weights, offline):
    given = {"source": folders / "source", "target": folders / "loose", "settings": {**TINY, "size": 32}}
    small = train("source", out=tmp_path / "small", **given)
    monkeypatch.setenv("DAZOO_WEIGHTS", str(weights))
    offline.clear()
    run = train("source", out=tmp_path / "run", **given)
    told = capsys.readouterr().err
    assert f"Start: timm_{LITE}_pretrained, pretrained weights from {weights}" in told and not offline
    begun = json.loads((tmp_path / "run" / "run.json").read_text())
    assert begun["recipe"] == f"timm_{LITE}_pretrained-source" and set(begun["arguments"]["backbone"]["pretrained"]) == {"sha256"}
    again = train("source", out=tmp_path / "run", **given)
    assert again.model.name == run.model.name
    there = train("source", out=tmp_path / "small", **given)
    assert there.model.name == small.model.name != run.model.name, "better weights that came later change no run that was begun"
    assert dazoo.load(run.folder).recipe["backbone"] == f"timm_{LITE}_pretrained"


def test_a_cached_start_goes_before_a_better_one_that_would_have_to_be_fetched():
    log = []

    class Fetching(Backbone):
        fetches = ("pretrained",)

        @classmethod
        def at_hand(cls, seconds=0.0, *, arch, **arguments):
            log.append((arch, seconds))
            return Start(f"weights of {arch}") if arch in HERE or seconds and arch in THERE else None

    globals()["Fetching"] = Fetching

    @dazoo.hookimpl
    def dazoo_register_backbones(register):
        for rank, arch in enumerate(("small", "middle", "best"), start=2):
            register(arch, f"{__name__}:Fetching", start=rank, arch=arch)
        register("plain", "dazoo.contracts:Backbone", start=9)
        register("never", f"{__name__}:Fetching", arch="never")

    @dazoo.hookimpl
    def dazoo_register_methods(register):
        register("adapt_it", "dazoo.contracts:Method")

    plugins = Plugins(path=[], environ={"DAZOO_PLUGINS_STRICT": "1"})
    hooks = SimpleNamespace(dazoo_api=1, dazoo_register_backbones=dazoo_register_backbones, dazoo_register_methods=dazoo_register_methods)
    plugins.load(lambda: hooks, dist="mine", version="1.0")
    assert [r.name for r in offered(plugins)] == ["plain", "best", "middle", "small"]

    def chosen(here, there, **given):
        global HERE, THERE
        HERE, THERE = here, there
        log.clear()
        return named("adapt_it", plugins, **given).recipe.backbone

    assert chosen({"small"}, {"best"}) == "small" and {seconds for _, seconds in log} == {0.0}
    assert chosen(set(), {"best", "small"}) == "best" and log[-1] == ("best", 3.0)
    assert chosen(set(), set()) == "plain" and len(log) == 6
    assert chosen(set(), {"best"}, patience=0) == "plain" and len(log) == 3
    assert named("best-adapt_it", plugins).text == ""


HERE: set[str] = set()
THERE: set[str] = set()


@pytest.mark.parametrize("name", ["mean_teacher", "dcgan", "dcgan-dann", "source"])
def test_names_without_a_backbone(name):
    found = without_backbone(name, zoo())
    assert found is not None and str(found).endswith(f"-{name}")


@pytest.mark.parametrize("name", ["fcn-dann", "fcn-dann-gtsrb2india", "dann-gtsrb2india", "fcn", "nonsense", "", "a/b"])
def test_other_names_are_none(name):
    assert without_backbone(name, zoo()) is None


def test_without_pictures_a_backbone_is_asked_for(tmp_path):
    with pytest.raises(InvalidName, match="'dann' is a method"):
        train("dann")


@pytest.mark.parametrize(
    ("median", "wanted", "side"),
    [(20, 0, 32), (48, 0, 64), (64, 0, 64), (900, 0, 128), (20, 224, 128), (96, 224, 160), (128, 224, 192), (3000, 224, 224), (96, 64, 64)],
)
def test_the_size_follows_the_pictures(median, wanted, side):
    assert own_side(median, wanted) == side


def test_a_server_that_does_not_answer_costs_its_time_once():
    import socket
    import time

    from dazoo_wrapping.finding import answers

    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"http://127.0.0.1:{mute.getsockname()[1]}"
        begin = time.monotonic()
        assert not answers(host, 0.3) and not answers(host, 0.3)
        assert time.monotonic() - begin < 2


def test_show_tells_what_own_pictures_get(monkeypatch, weights):
    from dazoo.cli.show import _facts

    def settings(fact):
        return {row["name"]: (row["value"], row["from"]) for row in fact["settings"]}

    (method,) = _facts("mean_teacher", zoo())
    small = method["own pictures"]
    assert "unless pretrained weights can be fetched" in small["start"] and settings(small)["size"][0] == "32 to 128, by your pictures"
    monkeypatch.setenv("DAZOO_WEIGHTS", str(weights))
    (pair,) = _facts("dcgan-dann", zoo())
    assert pair["name"] == f"timm_{LITE}_pretrained-dcgan-dann" and settings(pair)["size"][0] == "64"
    rows = settings(_facts("mean_teacher", zoo())[0]["own pictures"])
    assert rows["size"][0] == "128 to 224, by your pictures" and rows["augment"] == ("photos", "backbone")
    assert rows["crop"] == (True, "own pictures") and rows["batch"] == (32, "backbone")
    plan = make_plan(zoo(), "mean_teacher", source="/nowhere", target="/nowhere")
    told = {k: v for k, (v, _) in rows.items() if k != "size"}
    assert {k: v for k, v in vars(plan.settings).items() if k != "size"} == told, "what is shown is what is used"
    scenario = _facts(f"timm_{LITE}_pretrained-dann-mnist2usps", zoo())[0]
    assert settings(scenario)["augment"][1] == "scenario" and settings(scenario)["crop"] == (False, "dazoo"), "digits are no photographs"
