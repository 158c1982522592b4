"""Suites, grids and ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dazoo.bench.cells import digest
from dazoo.bench.grid import Grid
from dazoo.bench.plan import plan_cells
from dazoo.bench.suite import parse_suite
from dazoo.bench.suite import read_suite
from dazoo.bench.suite import suite_names
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo


@pytest.fixture
def small(make_zoo):
    return make_zoo(one={"backbones": ["net", "net_large"], "gans": ["gan"], "methods": ["align", "plain"], "scenarios": ["a2b", "b2a"]})


def names(grid: Grid, plugins: Plugins) -> list[str]:
    return [str(recipe) for recipe in grid.recipes(plugins)]


def test_each_gan_and_each_method_is_a_pair_and_triples_are_asked_for(small):
    pairs = names(Grid(("net",), ("*",), ("*",), ("a2b",)), small)
    assert pairs == ["net-align-a2b", "net-plain-a2b", "net-gan-a2b"]
    triples = names(Grid(("net",), ("*",), ("*",), ("a2b",), triples=True), small)
    assert triples == [*pairs, "net-gan-align-a2b", "net-gan-plain-a2b"]


def test_wildcards_lists_and_exclusions(small):
    grid = Grid(("net*",), (), ("align",), ("*",), exclude=("*large*b2a",))
    assert names(grid, small) == ["net-align-a2b", "net_large-align-a2b", "net-align-b2a"]
    assert names(Grid(("all",), (), ("plain",), ("b2a",)), small) == ["net-plain-b2a", "net_large-plain-b2a"]


def test_a_name_that_matches_nothing_is_an_error(small):
    with pytest.raises(UnknownName, match="aling.*Did you mean 'align'"):
        list(Grid(("net",), (), ("aling",), ("*",)).recipes(small))
    with pytest.raises(UnknownName, match="x\\*"):
        list(Grid(("x*",), (), ("align",), ("*",)).recipes(small))


def test_seeds_come_one_after_another_so_that_a_stopped_grid_has_whole_rows(small):
    suite = parse_suite(
        "s", 'seeds = 2\n[[grid]]\nmethods = ["*"]\nbackbones = ["net"]\nscenarios = ["a2b"]\nsettings = {method = {w = 1}, lr = 0.1}'
    )
    assert [(str(r), s) for r, s, _ in suite.runs(small)] == [
        ("net-align-a2b", 0),
        ("net-plain-a2b", 0),
        ("net-align-a2b", 1),
        ("net-plain-a2b", 1),
    ]
    assert suite.grids[0].settings == {"method.w": 1, "lr": 0.1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("methods = [", "not TOML"),
        ('metods = ["*"]', "Did you mean 'methods'"),
        ('methods = "dann"', "methods = 'dann'"),
        ('methods = ["*"]\nseeds = 0', "at least 1"),
        ('methods = ["*"]\nseeds = "3"', "seeds = '3'"),
        ("seeds = 3", "neither GANs nor methods"),
        ("grid = 5", "grid = 5; expected one or more"),
        ('grid = ["x"]', "grid = ['x']; expected one or more"),
        ("grid = []", "grid = []; expected one or more"),
        ("title = 5", "title = 5; expected text"),
        ('methods = ["*"]\nseeds = 1000000000000', "at most 10,000"),
        ('methods = ["*"]\nseeds = 0x' + "f" * 5000, "seeds is a number of more than 4300 digits"),
        ('methods = ["*"]\nseeds = ' + "9" * 5000, "not TOML"),
        ('methods = ["*"]\nseeds = true', "seeds = True"),
        ('methods = ["*"]\ntriples = 1', "triples = 1"),
        ('methods = ["*"]\nsettings.' + ".".join("a" * 5000) + " = 1", "nested deeper than 4 levels"),
        ("methods = " + "[" * 5000, "not TOML"),
        ("title." + ".".join("a" * 5000) + " = 1", "expected text"),
    ],
)
def test_a_file_that_is_no_suite_is_a_clear_error(text, says):
    with pytest.raises(SettingsError, match=says.replace("[", "\\[")):
        parse_suite("mine", text)


def test_a_suite_that_is_not_utf_8_or_no_file_is_a_clear_error(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_bytes(b'title = "\xe9"')
    with pytest.raises(SettingsError, match="cannot be read.*UTF-8"):
        read_suite(str(file))


def test_parts_that_share_a_name_are_spelt_so_that_the_recipe_is_read_as_it_is_meant(make_zoo):
    plugins = make_zoo(
        one={"backbones": ["net"], "gans": ["magic"], "methods": ["magic"], "scenarios": ["a2b"]},
        two={"backbones": ["net"], "methods": ["plain"]},
    )
    found = list(Grid(("*",), ("*",), ("*",), ("*",)).recipes(plugins))
    assert len({str(recipe) for recipe in found}) == len(found) == 6
    assert all(parse(str(recipe), plugins) == recipe for recipe in found)


def test_every_suite_that_ships_names_only_what_there_is():
    assert suite_names() == ["digits", "full", "gans", "signs", "smoke"]
    for name in suite_names():
        assert read_suite(name).runs(zoo())
    with pytest.raises(UnknownName, match="Did you mean 'smoke'"):
        read_suite("smok")


def test_the_id_is_of_what_changes_the_number_and_of_nothing_else(tmp_path):
    def one(**changes):
        run = {"name": "fcn-source-synsigns", "seed": 0, "settings": {"epochs": 1}, **changes}
        return plan_cells([(parse(run["name"], zoo()), run["seed"], run["settings"])], zoo())[0]

    first = one()
    assert first.id == one().id and len(first.id) == 12
    assert first.path == f"fcn-source-synsigns/seed0-{first.id}"
    assert len({first.id, one(seed=1).id, one(settings={"epochs": 2}).id, one(settings={"epochs": 1, "backbone.width": 8}).id}) == 4
    assert str(tmp_path.parent) not in json.dumps(first.identity) and set(first.identity) == {
        "recipe", "seed", "settings", "arguments", "data", "plugins", "protocol",
    }  # fmt: skip


def test_the_digest_is_the_same_whatever_the_order_of_keys():
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) == "015abd7f5cc5"


def test_a_suite_of_ones_own(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('title = "Mine"\nmethods = ["source"]\nbackbones = ["lenet"]\nscenarios = ["synsigns"]\n')
    assert read_suite(str(file)).title == "Mine"
    with pytest.raises(SettingsError, match="no suite"):
        read_suite(str(tmp_path / "other.toml"))
