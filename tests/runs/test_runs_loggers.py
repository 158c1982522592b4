"""Loggers and callbacks are told of a run, see no target label, change nothing, and stop nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.contracts import Logger
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import Registration
from dazoo.runs.telling import EVENTS
from dazoo.runs.training import train


SMALL = {"epochs": 2, "steps_per_epoch": 2, "batch": 4, "size": 16, "backbone.width": 4}


class Keeper(Logger):
    """Keeps what it is told."""

    last: list = []

    def __init__(self, word: str = "") -> None:
        Keeper.last = self.seen = []
        self.seen.append(("built", word))

    def begin(self, run):
        self.seen.append(("begin", run))

    def stage(self, stage):
        self.seen.append(("stage", stage.name, stage.number, stage.of, stage.steps, stage.done))

    def step(self, at, terms):
        self.seen.append(("step", at.step, sorted(terms)))

    def epoch(self, at, scores, terms):
        self.seen.append(("epoch", at.epoch, at.chosen, sorted(scores), scores))

    def end(self, ending):
        self.seen.append(("end", ending))


class Breaks(Logger):
    """Fails at its first epoch."""

    def epoch(self, at, scores, terms):
        scores.clear()
        raise RuntimeError("the service is down")


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for name, cls in (("keeper", "Keeper"), ("breaks", "Breaks")):
        entry = Registration("logger", name, f"{__name__}:{cls}", dist="tests", plugin="tests")
        monkeypatch.setitem(zoo().loggers._brought, name, {"tests": entry})


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for k, label in enumerate(("red", "green", "blue")):
        for i in range(8):
            pixels = rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)
            pixels[:, :, k] = 255
            for place in (root / "source" / label / f"{i}.png", root / "loose" / f"{label}{i}.png", root / "labelled" / label / f"{i}.png"):
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(place)
    return root


def go(folders: Path, name: str = "fcn-dann", target: str = "loose", **given):
    return train(name, source=folders / "source", target=folders / target, settings=SMALL, quiet=True, device="cpu", **given)


def events(seen: list) -> list:
    return [(one[0], one[1]) if one[0] in ("step", "epoch") else one[0] for one in seen]


def test_a_logger_by_name_is_told_of_everything_in_order(folders, tmp_path):
    go(folders, out=tmp_path / "run", loggers={"keeper": {"word": "mine"}}, source_only=False)
    seen = Keeper.last
    assert events(seen) == [
        "built", "begin", "stage", ("step", 1), ("step", 2), ("epoch", 1), ("step", 3), ("step", 4), ("epoch", 2), "end",
    ]  # fmt: skip
    assert seen[0] == ("built", "mine")
    assert seen[2] == ("stage", "train", 1, 1, 4, 0)
    assert seen[3] == ("step", 1, ["domain", "task"])
    assert "information_maximisation" in seen[5][3]
    begun, ended = seen[1][1], seen[-1][1]
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written.pop("verdict") == ended.results["verdict"]
    assert begun.name == "fcn-dann" and begun.identity == written
    assert ended.state == "finished" and ended.results["seed"] == 0


def test_an_adaptation_tells_its_loggers_too(folders):
    model = go(folders, "fcn-source").model
    counted = []
    adapted = dazoo.adapt(
        model, folders / "loose", method="tent_offline", quiet=True, settings={"epochs": 1, "batch": 8},
        loggers={"keeper": {"word": "mine"}}, callbacks=[lambda at, scores, terms: counted.append(at.epoch)],
    )  # fmt: skip
    begun, ended = Keeper.last[1][1], Keeper.last[-1][1]
    assert events(Keeper.last) == ["built", "begin", "stage", ("step", 1), ("step", 2), ("step", 3), ("epoch", 1), "end"]
    assert begun.stages == ("adapt",) and counted == [1]
    assert ended.state == "finished" and ended.message == adapted.verdict.sentence
    with pytest.raises(UnknownName, match="nobody"):
        dazoo.adapt(model, folders / "loose", method="tent", loggers=["nobody"])


def test_each_stage_says_which_of_how_many_it_is(folders):
    keeper = Keeper()
    go(folders, "fcn-tent", callbacks=[keeper])
    assert [one[1:4] for one in keeper.seen if one[0] == "stage"] == [("source", 1, 2), ("adapt", 2, 2)]
    keeper = Keeper()
    go(folders, target="labelled", callbacks=[keeper])
    assert [one[1:4] for one in keeper.seen if one[0] == "stage"] == [("train", 1, 2), ("source_only", 2, 2)]


def test_functions_and_objects_with_some_events_are_callbacks(folders):
    seen = []

    class Partial:
        def end(self, ending):
            seen.append(ending.state)

    go(folders, callbacks=[lambda at, scores, terms: seen.append((at.epoch, set(terms))), Partial()], source_only=False)
    assert seen == [(1, {"task", "domain"}), (2, {"task", "domain"}), "finished"]


def test_a_logger_that_fails_is_reported_once_and_changes_nothing(folders):
    keeper = Keeper()
    with pytest.warns(UserWarning, match="The logger 'breaks' fails and is left out; training goes on: RuntimeError: the service is down") as said:
        watched = go(folders, loggers=["breaks"], callbacks=[keeper])
    assert len([one for one in said if "fails" in str(one.message)]) == 1
    assert events(keeper.seen)[-2:] == [("epoch", 2), "end"] and all(one[3] for one in keeper.seen if one[0] == "epoch")
    alone = go(folders)
    assert watched.history.scores == alone.history.scores
    a, b = (r.model.backbone.state_dict() for r in (watched, alone))
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_that_is_stopped_goes_on_under_the_same_id(folders, tmp_path):
    first, second = Keeper(), Keeper()

    def stop(at, scores, terms):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(folders, out=tmp_path / "run", callbacks=[first, stop])
    assert first.seen[-1][1].state == "stopped"
    go(folders, out=tmp_path / "run", callbacks=[second])
    ids = [next(one[1] for one in k.seen if one[0] == "begin").id for k in (first, second)]
    assert ids[0] == ids[1] and len(ids[0]) == 32


def test_wrong_ones_are_refused_before_a_picture_is_read(tmp_path):
    nowhere = {"source": tmp_path / "none", "target": tmp_path / "none", "quiet": True}
    with pytest.raises(UnknownName, match="Unknown logger 'keper'. Did you mean 'keeper'"):
        train("fcn-dann", loggers=["keper"], **nowhere)
    with pytest.raises(SettingsError, match="wrd"):
        train("fcn-dann", loggers={"keeper": {"wrd": 1}}, **nowhere)
    with pytest.raises(SettingsError, match="expected a list of names"):
        train("fcn-dann", loggers="keeper", **nowhere)
    with pytest.raises(SettingsError, match="has none of the methods begin, stage, step, epoch, picture, end"):
        train("fcn-dann", callbacks=[3], **nowhere)
    with pytest.raises(SettingsError, match="give an object of it"):
        train("fcn-dann", callbacks=[Keeper], **nowhere)
    assert EVENTS == ("begin", "stage", "step", "epoch", "picture", "end")


def test_a_run_that_goes_on_keeps_the_table_of_all_its_epochs(folders, tmp_path):
    class Pictures:
        def picture(self, name, file):
            seen.append((name, file))

    seen = []
    interrupted = tmp_path / "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dazoo.engine.trainer.SAVE_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            go(folders, out=interrupted, callbacks=[StopsInTheSecondEpoch()])
    go(folders, out=interrupted, callbacks=[Pictures()])
    go(folders, out=tmp_path / "whole")
    assert seen == [("curves", interrupted / "curves.png")]
    assert (interrupted / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()


class StopsInTheSecondEpoch:
    def step(self, at, terms):
        if at.step == 4:
            raise KeyboardInterrupt
