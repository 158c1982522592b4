"""`dazoo train --config`: a TOML file, a run.json that is repeated, and what is said of wrong ones."""

from __future__ import annotations

import json

import pytest

from dazoo.cli.config import read_config
from dazoo.errors import SettingsError


TOML = """
recipe = "fcn-dann"
source = "{own.source}"
target = "{own.loose}"
out = "runs/mine"
seed = 3
source-only = false

[settings]
epochs = 1
steps_per_epoch = 2
batch = 4
size = 16
augment = "none"
backbone.width = 4
method.weight = 0.3
"""


@pytest.fixture
def toml(own, tmp_path):
    file = tmp_path / "run.toml"
    file.write_text(TOML.format(own=own))
    return file


def test_a_toml_file_gives_the_arguments_and_the_command_line_wins(run, own, toml, tmp_path) -> None:
    found = run("train", "--config", toml, "--quiet", "--json")
    assert found.code == 0 and found.json["seed"] == 3 and found.json["folder"] == "runs/mine"
    found = run("train", "fcn-source", "--config", toml, "--seed", 4, "--out", tmp_path / "other", "--set", "batch=6", "--quiet", "--json",
                "--set", "method.weight=0.5")  # fmt: skip
    assert found.code == 2 and "'weight'" in found.err
    found = run("train", "--config", toml, "--seed", 4, "--out", tmp_path / "other", "--set", "batch=6", "--quiet")
    assert found.code == 0, found.err
    record = json.loads((tmp_path / "other" / "run.json").read_text())
    assert record["seed"] == 4 and record["settings"]["batch"] == 6 and record["settings"]["epochs"] == 1
    assert record["arguments"] == {"backbone": {"width": 4}, "method": {"weight": 0.3}}


def test_a_run_json_repeats_the_run_bit_for_bit(run, own, toml, tmp_path) -> None:
    assert run("train", "--config", toml, "--out", tmp_path / "first", "--quiet").code == 0
    given = ["train", "--config", tmp_path / "first" / "run.json", "--out", tmp_path / "again", "--quiet", "--no-source-only"]
    bare = run(*given)
    assert bare.code == 2 and "run.json holds no paths; give the pictures of that run again with --source and --target." in bare.err
    found = run(*given, "--source", own.source, "--target", own.loose)
    assert found.code == 0 and "not those of" not in found.err
    first, again = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("first", "again"))
    assert {**first, "verdict": 0} == {**again, "verdict": 0}
    a, b = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("first", "again"))
    assert a == b


def test_other_pictures_than_those_of_the_record_are_told(run, own, toml, tmp_path) -> None:
    assert run("train", "--config", toml, "--out", tmp_path / "first", "--quiet").code == 0
    record = tmp_path / "first" / "run.json"
    found = run("train", "--config", record, "--out", tmp_path / "o", "--source", own.labelled, "--target", own.loose, "--quiet")
    assert found.code == 0 and f"warning: the pictures are not those of {record}, so the results may differ." in found.err


def test_settings_that_came_later_have_their_old_value_in_an_old_record(tmp_path) -> None:
    record = {"recipe": "fcn-tent", "seed": 1, "settings": {"lr": 0.1}, "arguments": {"gan": {"width": 3}}, "data": "", "plugins": {},
              "adapt": {"lr": 1e-4}, "verdict": {}}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(record))
    config = read_config(tmp_path / "run.json", ["name", "seed"])
    assert config.options == {"name": "fcn-tent", "seed": 1}
    assert config.settings == {"crop": False, "lr": 0.1, "gan.width": 3, "adapt.lr": 1e-4}


def test_weights_of_which_only_the_digest_is_on_record_are_asked_for(run, own, tmp_path) -> None:
    record = {"recipe": "timm_resnet18_pretrained-dann", "seed": 1, "settings": {}, "data": "", "plugins": {},
              "arguments": {"backbone": {"pretrained": {"sha256": "ab"}}}}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(record))
    found = run("train", "--config", tmp_path / "run.json", "--source", own.source, "--target", own.loose)
    assert (
        found.code == 2
        and "knows backbone.pretrained by its digest alone; give the file again with --set backbone.pretrained=FILE" in found.err
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "resipe = 1", "unknown key 'resipe'. Did you mean 'recipe'?"),
        ("a.toml", "seed = ", "is no TOML that can be read"),
        ("a.json", "{", "is no JSON that can be read"),
        ("a.json", "[]", "holds a list; expected keys with values"),
        ("a.json", '{"seed": 1, "seed": 2}', "a name stands in it twice"),
        ("a.toml", "settings = 3", "settings is 3; expected a table, [settings]"),
    ],
)
def test_wrong_files_are_told(name, text, said, tmp_path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_config(tmp_path / name, ["name", "seed", "out"])
    assert said in str(caught.value)


def test_a_missing_file_and_a_wrong_value_are_usage_errors(run, tmp_path) -> None:
    found = run("train", "--config", tmp_path / "none.toml")
    assert found.code == 2 and "No such file or directory" in found.err
    (tmp_path / "a.toml").write_text('recipe = "fcn-dann"\nseed = "many"')
    found = run("train", "--config", tmp_path / "a.toml")
    assert found.code == 2 and "Invalid value for '--seed'" in found.err


def test_loggers_of_the_file_and_of_the_command_line_add_up(run, own, toml, monkeypatch) -> None:
    seen = {}
    monkeypatch.setattr("dazoo.runs.training.split_extras", lambda plugins, extras: seen.update(extras) or 1 / 0)
    toml.write_text('loggers = ["tensorboard"]\n' + toml.read_text())
    run("train", "--config", toml, "--log-set", "wandb.project=x", "--log-set", "tensorboard.seconds=2")
    assert seen["loggers"] == {"tensorboard": {"seconds": 2}, "wandb": {"project": "x"}}
