"""`dazoo train --log`: loggers by name, with settings, and what is said of wrong ones before anything is read."""

from __future__ import annotations

import pytest

from dazoo.cli.options import parse_loggers
from dazoo.errors import SettingsError


def test_settings_belong_to_the_logger_before_their_dot() -> None:
    found = parse_loggers(["tensorboard"], ["wandb.project=signs", "dazoo-loggers:wandb.seconds=2"])
    assert found == {"tensorboard": {}, "wandb": {"project": "signs"}, "dazoo-loggers:wandb": {"seconds": 2}}
    with pytest.raises(SettingsError, match="--log-set project=... names no logger"):
        parse_loggers([], ["project=signs"])
    with pytest.raises(SettingsError, match="--log-set takes KEY=VALUE"):
        parse_loggers([], ["project"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--log", "tensorbord"], "Unknown logger 'tensorbord'. Did you mean 'tensorboard'?"),
        (["--log-set", "tensorboard.folder=x"], "unexpected keyword argument 'folder'"),
        (["--log-set", "tensorboard.seconds=-1"], "seconds is -1; expected a number from 0 up."),
    ],
)
def test_a_wrong_logger_is_told_before_pictures_are_looked_for(options, said, run, tmp_path) -> None:
    found = run("train", "fcn-dann", "--source", tmp_path / "none", "--target", tmp_path / "none", "--out", tmp_path / "o", *options)
    assert found.code == 2 and said in found.err and not (tmp_path / "o").exists()
