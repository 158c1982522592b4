"""Settings: one way to write each kind of value, and a bound for every number."""

from __future__ import annotations

import dataclasses

import pytest

from dazoo.engine.settings import LEAST_STEPS
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError


FIELDS = {f.name: type(f.default) for f in dataclasses.fields(Settings)}
NUMBERS = [name for name, kind in FIELDS.items() if kind in (int, float)]
ABSURD = [10**400, 10**5000, -(10**400), 1e999, float("nan"), float("-inf"), "9" * 310, "9" * 5000, "1e999", "nan", "inf", 10**12, "1e12"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ABSURD, ids=range(len(ABSURD)))
def test_absurd_numbers_are_refused_in_a_line(name, value):
    with pytest.raises(SettingsError, match=f"^{name} is ") as caught:
        Settings.layered({name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [None, [], {}, b"8", object()], ids=lambda v: type(v).__name__)
def test_values_of_another_kind_are_refused(name, value):
    with pytest.raises(SettingsError, match=f"^{name} is .*; expected "):
        Settings.layered({name: value})


@pytest.mark.parametrize("value", [16, "16", 16.0, "16.0", 1.6e1, "1.6e1", " 16 "])
def test_a_whole_number_is_written_in_any_of_these_ways(value):
    found = Settings.layered({"batch": value}).batch
    assert found == 16 and type(found) is int


@pytest.mark.parametrize("value", [8.5, "8.5", "8,5", "", "0x10", True, "true", "eight"])
def test_and_in_no_other(value):
    with pytest.raises(SettingsError, match=r"batch is .*; expected a whole number\."):
        Settings.layered({"batch": value})


@pytest.mark.parametrize(("value", "want"), [(1, True), (0, False), ("1", True), ("False", False), ("true", True), (True, True)])
def test_a_switch_is_written_in_any_of_these_ways(value, want):
    assert Settings.layered({"balance": value}).balance is want


@pytest.mark.parametrize("value", [2, "yes", "", -1, 0.5])
def test_a_switch_has_two_positions(value):
    with pytest.raises(SettingsError, match="true or false"):
        Settings.layered({"balance": value})


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("epochs", 1, 10**9), ("steps_per_epoch", 0, 10**9), ("batch", 2, 65_536), ("size", 8, 4096), ("clip", 0.0, 1e9), ("lr", 1e-9, 1e9)],
)
def test_the_ends_of_the_range_are_in_it(name, low, high):
    for value in (low, high):
        assert getattr(Settings.layered({name: value}), name) == value
    for value in (low - 1, high * 2):
        with pytest.raises(SettingsError, match=f"^{name} is "):
            Settings.layered({name: value})


def test_small_data_does_not_mean_few_steps():
    assert Settings(batch=32).steps_in_epoch(64) == LEAST_STEPS
    assert Settings(batch=32).steps_in_epoch(32 * 400) == 400
    assert Settings(batch=32).steps_in_epoch(64, learns_source=False) == 2, "a pass over the target is a pass"
    assert Settings(batch=32, steps_per_epoch=3).steps_in_epoch(10**6) == 3
