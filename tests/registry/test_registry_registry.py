"""Registries: lazy targets, contracts held, nothing overwritten."""

from __future__ import annotations

import doctest
import pickle
import sys
import textwrap
from pathlib import Path

import pytest

import dazoo.registry.registry
from dazoo.errors import AmbiguousName
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.registry.registry import Registration
from dazoo.registry.registry import Registry


SHAPES = """
class Shape:
    def __init__(self, *, sides, colour="red"):
        self.sides, self.colour = sides, colour

class Square(Shape):
    pass

class Passing(Shape):
    def __init__(self, *, fill=0, **kwargs):
        super().__init__(**kwargs)

class Stranger:
    pass

def make_square():
    return Square(sides=4)

class Outer:
    class Inner(Shape):
        pass
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    (tmp_path / "shapes_for_test.py").write_text(textwrap.dedent(SHAPES))
    (tmp_path / "shapes_broken.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shapes_for_test", raising=False)
    registry = Registry("shape", base="shapes_for_test:Shape")
    registry.add(_registration("square", "Square", arguments={"sides": 4}, summary="Four sides"))
    registry.add(_registration("shape", "Shape"))
    yield registry
    sys.modules.pop("shapes_for_test", None)


def _registration(
    name: str, attribute: str, *, dist: str = "shapes", module: str = "shapes_for_test", plugin: str = "p", **more
) -> Registration:
    return Registration("shape", name, f"{module}:{attribute}", plugin=plugin, dist=dist, version="1.2", **more)


def test_listing_imports_nothing(registry: Registry) -> None:
    assert registry.names() == ["shape", "square"]
    assert registry.get("square").summary == "Four sides"
    assert "shapes_for_test" not in sys.modules


def test_build_gives_the_settings_of_the_name(registry: Registry) -> None:
    square = registry.build("square", colour="blue")
    assert (type(square).__name__, square.sides, square.colour) == ("Square", 4, "blue")
    assert registry.build("shape", sides=7).sides == 7


def test_wildcards(registry: Registry) -> None:
    for name in ("timm_resnet18", "timm_resnet50", "timm_vit_b16"):
        registry.add(_registration(name, "Square"))
    assert registry.names("timm_resnet*") == ["timm_resnet18", "timm_resnet50"]
    assert registry.names("*_vit_*") == ["timm_vit_b16"]
    assert registry.names("square") == ["square"]
    assert registry.names("nothing*") == []


def test_nested_attribute(registry: Registry) -> None:
    registry.add(_registration("inner", "Outer.Inner"))
    assert registry.resolve("inner").__qualname__ == "Outer.Inner"


def test_unknown_name_suggests(registry: Registry) -> None:
    with pytest.raises(UnknownName, match="Unknown shape 'sqare'. Did you mean 'square'"):
        registry.get("sqare")
    assert "sqare" not in registry
    assert "square" in registry


@pytest.mark.parametrize(
    ("name", "attribute", "module", "says"),
    [
        ("stranger", "Stranger", "shapes_for_test", "is the class Stranger; expected a subclass of shapes_for_test.Shape"),
        ("function", "make_square", "shapes_for_test", "is a function; expected a subclass"),
        ("missing", "Nothing", "shapes_for_test", "AttributeError"),
        ("away", "Thing", "no_such_module_at_all", "ModuleNotFoundError"),
        ("broken", "Thing", "shapes_broken", "a_module_that_is_not_there"),
    ],
)
def test_bad_targets_are_plugin_errors(registry: Registry, name: str, attribute: str, module: str, says: str) -> None:
    registry.add(_registration(name, attribute, module=module, plugin="odd", dist="odd-dist"))
    with pytest.raises(PluginError, match=says) as caught:
        registry.resolve(name)
    assert "'odd' (odd-dist 1.2)" in str(caught.value)


def test_two_distributions_make_a_name_ambiguous(registry: Registry) -> None:
    registry.add(_registration("square", "Shape", dist="other", arguments={"sides": 5}))
    with pytest.raises(AmbiguousName, match="'shapes:square' or 'other:square'"):
        registry.get("square")
    assert registry.build("shapes:square").sides == 4
    assert registry.build("other:square").sides == 5
    assert registry.names() == ["other:square", "shape", "shapes:square"]
    assert registry.names("squ*") == ["other:square", "shapes:square"]
    assert "square" not in registry
    assert len(registry) == 3


def test_one_distribution_may_not_bring_a_name_twice(registry: Registry) -> None:
    with pytest.raises(PluginError, match="'square' twice.*'p', 'second'"):
        registry.add(_registration("square", "Shape", plugin="second"))
    assert registry.get("square").plugin == "p"


def test_kind_and_distribution_as_qualifiers(registry: Registry) -> None:
    registry.add(_registration("square", "Shape", dist="shape"))
    assert registry.get("shape:shapes:square").dist == "shapes"
    assert registry.get("shape:shape:square").dist == "shape"
    with pytest.raises(AmbiguousName):
        registry.get("shape:square")  # the kind word says nothing about the distribution
    with pytest.raises(UnknownName):
        registry.get("colour:square")
    with pytest.raises(UnknownName):
        registry.get("colour:shapes:square")


def test_settings_are_checked(registry: Registry) -> None:
    with pytest.raises(SettingsError, match="stands for sides=4; leave sides out"):
        registry.build("square", sides=5)
    with pytest.raises(SettingsError, match="'color'.*Did you mean 'colour'.*It takes: sides, colour"):
        registry.build("square", color="blue")
    with pytest.raises(SettingsError, match="missing.*'sides'"):
        registry.build("shape")


def test_settings_that_only_a_base_class_refuses(registry: Registry) -> None:
    registry.add(_registration("passing", "Passing"))
    assert registry.build("passing", sides=1, colour="blue", fill=2).colour == "blue"
    with pytest.raises(SettingsError, match="'color'.*Did you mean 'colour'.*It takes: fill, sides, colour"):
        registry.build("passing", sides=1, color="blue")


def test_an_error_inside_the_class_is_not_dressed_up(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = registry.resolve("square")

    def boom(self, *, sides):
        raise TypeError("from inside")

    monkeypatch.setattr(cls, "__init__", boom)
    with pytest.raises(TypeError, match="from inside"):
        registry.build("square")


def test_data_entries_do_not_resolve() -> None:
    entries = Registry("entry")
    entries.add(Registration("entry", "fcn-dann-a2b", "package:weights/fcn", dist="d"))
    with pytest.raises(PluginError, match="data and not a class"):
        entries.resolve("fcn-dann-a2b")


def test_an_entry_travels_to_another_process() -> None:
    entry = _registration("square", "Square", arguments={"sides": 4})
    assert pickle.loads(pickle.dumps(entry)) == entry
    assert hash(entry)


def test_origin_is_the_line_of_the_class(registry: Registry, tmp_path: Path) -> None:
    registry.add(_registration("inner", "Outer.Inner"))
    file, line = registry.origin("inner").rsplit(":", 1)
    assert Path(file) == tmp_path / "shapes_for_test.py"
    assert Path(file).read_text().splitlines()[int(line) - 1].strip() == "class Inner(Shape):"


def test_origin_of_data_and_of_what_has_no_source_is_the_target() -> None:
    weights = Registry("entry")
    weights.add(Registration("entry", "fcn-dann", "package:weights/fcn", dist="d"))
    assert weights.origin("fcn-dann") == "package:weights/fcn"
    numbers = Registry("number", base="builtins:object")
    numbers.add(Registration("number", "int", "builtins:int", dist="d"))
    assert numbers.origin("int") == "builtins:int"


def test_the_examples_of_the_docstrings_run() -> None:
    done = doctest.testmod(dazoo.registry.registry)
    assert done.attempted >= 5 and done.failed == 0


class Parent:
    def __init__(self, *, in_channels: int = 3) -> None:
        pass


class Deaf(Parent):
    def __init__(self, *, width: int = 4) -> None:
        super().__init__()


def test_an_argument_that_only_the_base_takes_is_not_recommended() -> None:
    registry: Registry[Parent] = Registry("net", f"{__name__}:Parent")
    registry.add(Registration("net", "deaf", f"{__name__}:Deaf", dist="d"))
    with pytest.raises(SettingsError, match="unexpected keyword argument 'in_channels'. It takes: width.$"):
        registry.build("deaf", in_channels=1)
