"""Scenarios: sources joined, classes matched by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dazoo.contracts import Dataset
from dazoo.contracts import ImageSet
from dazoo.contracts import Scenario
from dazoo.data import data_root
from dazoo.data import load_scenario
from dazoo.errors import DataError


class Toy(Dataset):
    """Pictures whose red value tells their class's name."""

    def __init__(self, name, classes, channels=3):
        self.name, self.classes, self.channels = name, tuple(classes), channels

    def load(self, split, root, *, size, download=False):
        n = (6 if split == "train" else 2) * len(self.classes)
        labels = np.arange(n) % len(self.classes)
        images = np.random.default_rng(0).integers(0, 256, (n, size, size, self.channels), np.uint8)
        images[:, 0, 0, 0] = [ord(self.classes[k][0]) for k in labels]
        return ImageSet(self.name, images, labels, self.classes)


class Zoo:
    def __init__(self, *sets):
        self.datasets = self
        self.sets = {s.name: s for s in sets}

    def build(self, name):
        return self.sets[name]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """`table(text)` makes a mapping file that can be found as a package's."""

    def write(text):
        package = tmp_path / f"toy_{abs(hash(tmp_path))}"  # a name of its own: modules stay loaded
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "map.csv").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return f"{package.name}:map.csv"

    return write


def test_classes_are_matched_by_name(tmp_path, table):
    zoo = Zoo(Toy("a", ("Alpha", "Beta", "Gamma")), Toy("b", ("xeta", "ylpha", "zeta")))
    mapping = table("name,a,b,note\nbeta,Beta,xeta,\nalpha,Alpha,ylpha,the same\n")
    d = load_scenario(Scenario(source="a", target="b", mapping=mapping), tmp_path, size=8, zoo=zoo)
    assert d.source_train.classes == d.target_test.classes == ("beta", "alpha")
    assert d.source_train.counts == (6, 6) and d.target_test.counts == (2, 2)
    assert [chr(v) for v in d.source_train.images[:, 0, 0, 0]] == ["BA"[k] for k in d.source_train.labels]
    assert [chr(v) for v in d.target_train.images[:, 0, 0, 0]] == ["xy"[k] for k in d.target_train.labels]


def test_sources_are_joined_and_grey_becomes_rgb_beside_rgb(tmp_path, table):
    zoo = Zoo(Toy("a", ("A", "B")), Toy("s", ("B", "C"), channels=1), Toy("t", ("A", "B", "C")))
    mapping = table("name,a,s,t\nA,A,,A\nB,B,B,B\nC,,C,C\n")
    d = load_scenario(Scenario(source=("a", "s"), target="t", mapping=mapping), tmp_path, size=8, zoo=zoo)
    assert d.source_train.name == "a+s" and d.source_train.counts == (6, 12, 6) and d.source_train.channels == 3
    with pytest.raises(DataError, match="no source has the class 'A'"):
        load_scenario(Scenario(source="s", target="t", mapping=mapping), tmp_path, size=8, zoo=zoo)


def test_channels(tmp_path):
    zoo = Zoo(Toy("g", ("A", "B"), channels=1), Toy("c", ("A", "B")))
    for want, got in ((None, 3), (1, 1), (3, 3)):
        d = load_scenario(Scenario(source="g", target="c"), tmp_path, size=8, zoo=zoo, channels=want)
        assert {s.channels for s in (d.source_train, d.source_test, d.target_train, d.target_test)} == {got}
    assert load_scenario(Scenario(source="g", target="g"), tmp_path, size=8, zoo=zoo).source_train.channels == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,a\nA,A\n", "no column b"),
        ("name,a,b\n", "no rows"),
        ("name,a,b\nA,A\n", "no column b"),
        ("name,a,b\nA,A,A\nA,B,B\n", "column name: A cannot be told apart"),
        ("name,a,b\nA,A,A\nB,A,B\n", "column a: A cannot be told apart"),
        ("name,a,b\nA,A,A\nB,Bee,B\n", "a has no class 'Bee'; it has A, B"),
    ],
)
def test_mappings_that_do_not_fit(tmp_path, table, text, says):
    zoo = Zoo(Toy("a", ("A", "B")), Toy("b", ("A", "B")))
    with pytest.raises(DataError, match=says):
        load_scenario(Scenario(source="a", target="b", mapping=table(text)), tmp_path, size=8, zoo=zoo)


def test_missing_mapping_and_different_classes(tmp_path):
    zoo = Zoo(Toy("a", ("A", "B")), Toy("b", ("A", "C")))
    with pytest.raises(DataError, match="package:file.csv"):
        load_scenario(Scenario(source="a", target="b", mapping="no_such_package:x.csv"), tmp_path, size=8, zoo=zoo)
    with pytest.raises(DataError, match="only one of them has B, C"):
        load_scenario(Scenario(source="a", target="b"), tmp_path, size=8, zoo=zoo)


def test_the_two_sides_are_checked(tmp_path):
    class Dark(Toy):
        def load(self, split, root, *, size, download=False):
            bright = super().load(split, root, size=size)
            return ImageSet(bright.name, (bright.images > 127).astype(np.uint8), bright.labels, bright.classes)

    with pytest.raises(DataError, match=r"target pictures \(d\) .*0\.\.1"):
        load_scenario(Scenario(source="a", target="d"), tmp_path, size=8, zoo=Zoo(Toy("a", ("A", "B")), Dark("d", ("A", "B"))))


def test_the_data_folder(tmp_path, monkeypatch, cache):
    assert data_root(tmp_path) == tmp_path and data_root() == cache / "data"
    monkeypatch.setenv("DAZOO_DATA", str(tmp_path))
    assert data_root() == tmp_path
    with pytest.raises(DataError, match="does not exist"):
        data_root(tmp_path / "no")
    monkeypatch.setenv("DAZOO_DATA", str(tmp_path / "no"))
    with pytest.raises(DataError, match="DAZOO_DATA"):
        data_root()


def test_the_data_side_needs_no_torch():
    code = "import sys, dazoo.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
