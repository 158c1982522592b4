"""Recipe names: inverse of each other, and useful when they are wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from pathlib import PurePosixPath
from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from dazoo.errors import AmbiguousName
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import UnknownName
from dazoo.registry.names import KINDS
from dazoo.registry.names import Place
from dazoo.registry.names import Recipe
from dazoo.registry.names import compose
from dazoo.registry.names import locate
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import PART
from dazoo.registry.registry import Registration
from dazoo.registry.registry import Spelling


BASE = {
    "backbones": ["fcn", "lenet", "timm_resnet18"],
    "gans": ["dcgan", "cyclegan"],
    "methods": ["source", "dann", "cdan"],
    "scenarios": ["gtsrb2india", "mnist2usps", "visda2017"],
}


@pytest.fixture
def zoo(make_zoo) -> Plugins:
    return make_zoo(core=BASE)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("fcn-dcgan-gtsrb2india", Recipe("fcn", gan="dcgan", scenario="gtsrb2india")),
        ("fcn-dcgan-dann-gtsrb2india", Recipe("fcn", "dcgan", "dann", "gtsrb2india")),
        ("lenet-dann-mnist2usps", Recipe("lenet", method="dann", scenario="mnist2usps")),
        ("timm_resnet18-source-visda2017", Recipe("timm_resnet18", method="source", scenario="visda2017")),
        ("fcn-dann", Recipe("fcn", method="dann")),
    ],
)
def test_parses_and_composes(zoo: Plugins, name: str, recipe: Recipe) -> None:
    assert parse(name, zoo) == recipe
    assert compose(recipe) == str(recipe) == name


# Few letters and few distributions, so that clashes between kinds, between distributions, and between a name, a distribution and a kind
# word are what hypothesis draws, not what it has to look for.
_parts = st.sampled_from(["a", "b", "a_b", "a2b", "gan", "method", "backbone"])
_dists = st.sampled_from(["a", "b", "a-b", "gan", "b-gan", "a-gan", "gan-a", "method", "core", "core-a"])
_entries = st.lists(st.tuples(st.sampled_from(KINDS), _parts, _dists), min_size=2, max_size=30, unique=True)


def _zoo_of(entries: list[tuple[str, str, str]]) -> Plugins:
    zoo = Plugins(path=[], environ={})
    for kind, name, dist in entries:
        zoo.registries()[kind].add(Registration(kind, name, "tests:nothing", dist=dist))
    return zoo


@st.composite
def _meant(draw: st.DrawFn) -> tuple[Plugins, dict[str, Registration]]:
    """A zoo, and one entry of it for each part of a recipe."""
    zoo = _zoo_of(_unique(draw))
    registries = zoo.registries()
    kinds = draw(st.sampled_from([("gan",), ("method",), ("gan", "method")]))
    wanted = ["backbone", *kinds, *draw(st.sampled_from([(), ("scenario",)]))]
    return zoo, {kind: draw(st.sampled_from(registries[kind].registrations())) for kind in wanted}


def _unique(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    return sorted({*draw(_entries), *((kind, draw(_parts), draw(_dists)) for kind in KINDS)})


@settings(max_examples=400, deadline=None)
@given(_meant())
def test_compose_and_parse_are_inverse(case: tuple[Plugins, dict[str, Registration]]) -> None:
    """Whatever is registered: every recipe has a name, and that name gives the same parts and the same name again."""
    zoo, meant = case
    in_full = compose(Recipe(**{kind: f"{kind}:{e.qualified}" for kind, e in meant.items()}))
    recipe = parse(in_full, zoo)
    registries = zoo.registries()
    assert {kind: registries[kind].get(spelt) for kind, spelt in recipe.parts().items()} == meant
    assert parse(compose(recipe), zoo) == recipe
    assert len(compose(recipe)) <= len(in_full)


_letters = st.lists(st.text("abz029", min_size=1, max_size=3), min_size=1, max_size=3).map("_".join)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(_letters, min_size=4, max_size=4, unique=True),
    st.sampled_from([(0, 1), (0, 2), (0, 1, 2), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3)]),
)
def test_without_clashes_the_name_is_the_parts(words: list[str], present: tuple[int, ...]) -> None:
    zoo = _zoo_of([(kind, word, "core") for kind, word in zip(KINDS, words, strict=True)])
    recipe = Recipe(**{KINDS[i]: words[i] for i in present})
    assert all(PART.fullmatch(word) for word in words)
    assert compose(recipe) == "-".join(words[i] for i in present)
    assert parse(compose(recipe), zoo) == recipe


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30) | st.text("abcdn2-_:/\\", max_size=30))
def test_any_text_gives_a_recipe_or_an_error_of_ours(text: str) -> None:
    zoo = _zoo_of([("backbone", "a", "x-y"), ("gan", "b", "x-y"), ("method", "b", "z"), ("scenario", "a2b", "z")])
    try:
        recipe = parse(text, zoo)
    except DazooError as exc:
        assert len(str(exc)) > 20
    else:
        assert parse(compose(recipe), zoo) == recipe


def test_two_distributions_of_one_name(make_zoo) -> None:
    zoo = make_zoo(**{"core": BASE, "my-own-fcn": {"backbones": ["fcn"]}})
    with pytest.raises(AmbiguousName, match="'core:fcn-dann-gtsrb2india' or 'my-own-fcn:fcn-dann-gtsrb2india'"):
        parse("fcn-dann-gtsrb2india", zoo)
    assert parse("my-own-fcn:fcn-dann-gtsrb2india", zoo).backbone == "my-own-fcn:fcn"
    assert parse("my-own-fcn:fcn-core:dann-core:gtsrb2india", zoo) == Recipe("my-own-fcn:fcn", method="dann", scenario="gtsrb2india")
    assert parse("lenet-dann", zoo) == Recipe("lenet", method="dann")


def test_a_gan_and_a_method_of_one_name(make_zoo) -> None:
    zoo = make_zoo(core=BASE, other={"gans": ["dann"]})
    with pytest.raises(AmbiguousName) as caught:
        parse("fcn-dann-gtsrb2india", zoo)
    spelt = re.findall(r"'([^']+)'", str(caught.value))[1:]
    assert [parse(s, zoo).parts().keys() for s in spelt] == [{"backbone", "gan", "scenario"}, {"backbone", "method", "scenario"}]
    assert parse("fcn-gan:dann-gtsrb2india", zoo).method is None
    assert zoo.gans.get(parse("fcn-gan:dann-gtsrb2india", zoo).gan).dist == "other"
    assert parse("fcn-method:dann", zoo).gan is None
    assert parse("fcn-dann-dann", zoo) == Recipe("fcn", "dann", "dann")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fcnn-dan-gtsrb2indi", ["backbone 'fcnn'", "'fcn'", "'dan'", "'dann'", "'gtsrb2indi'", "'gtsrb2india'"]),
        ("fcn-dccgan-cdann-mnist2usps", ["gan or method 'dccgan'. Did you mean 'dcgan'", "'cdann'. Did you mean"]),
        ("cor:fcn-dann", ["'cor:fcn'", "'core:fcn'"]),
        ("fcn-core:dan", ["'core:dan'", "'core:dann'"]),
        ("nobody:thing-dann", ["'nobody:thing'", "dir:", "hub:"]),
    ],
)
def test_unknown_parts_are_named_one_by_one(zoo: Plugins, name: str, says: list[str]) -> None:
    with pytest.raises(UnknownName) as caught:
        parse(name, zoo)
    for words in says:
        assert words in str(caught.value)


def test_unknown_part_mentions_plugins_that_failed(zoo: Plugins) -> None:
    with pytest.raises(UnknownName) as caught:
        parse("vgg-dann", zoo)
    assert "plugin" not in str(caught.value)
    zoo.strict = False
    zoo.load(lambda: 1 / 0, dist="dazoo-vgg", version="0.2", entry_point="vgg")
    with pytest.raises(
        UnknownName, match=r"1 plugin failed to load and may bring it: dazoo-vgg:vgg 0\.2 \(ZeroDivisionError.*dazoo plugins"
    ):
        parse("vgg-dann", zoo)


@pytest.mark.parametrize(
    "name",
    [
        "./fcn",
        "a/b",
        "/abs/olute",
        "C:\\models\\fcn",
        "..\\x",
        "https://example.org/x",
        "user/fcn-dann-gtsrb2india",
        "fcn-dann.safetensors",
    ],
)
def test_paths_need_a_prefix(zoo: Plugins, name: str) -> None:
    with pytest.raises(InvalidName, match="dir:.*hub:"):
        parse(name, zoo)
    with pytest.raises(InvalidName, match="dir:.*hub:"):
        locate(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "empty"),
        ("-", "grammar"),
        ("fcn-", "grammar"),
        ("-fcn-dann", "grammar"),
        ("fcn--dann", "grammar"),
        ("fcn_-dann", "grammar"),
        ("fcn:", "grammar"),
        (":fcn-dann", "grammar"),
        ("core::fcn-dann", "grammar"),
        ("fcn-a:b:c:dann", "grammar"),
        ("Fcn-Dann", "Did you mean 'fcn-dann'"),
        (" fcn-dann ", "Did you mean 'fcn-dann'"),
        ("fcn-dann\n", "Did you mean 'fcn-dann'"),
        ("x" * 500, "at most"),
        ("fcn", "Did you mean 'fcn-source'"),
        ("fcn-gtsrb2india", "Did you mean 'fcn-source-gtsrb2india'"),
        ("dann-fcn-gtsrb2india", "Did you mean 'fcn-dann-gtsrb2india'"),
        ("fcn-dann-cdan", "'cdan' is a method"),
        ("fcn-dann-gtsrb2india-mnist2usps", "expected backbone-gan-method-scenario"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_recipe(zoo: Plugins, name: str, says: str) -> None:
    with pytest.raises(InvalidName, match=re.escape(says)):
        parse(name, zoo)


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        ("fcn-dann", Place("name", "fcn-dann")),
        ("my-dist:fcn-method:dann", Place("name", "my-dist:fcn-method:dann")),
        ("dir:fcn-dann", Place("dir", "fcn-dann")),
        ("dir:a/b", Place("dir", "a/b")),
        ("dir:~/mine", Place("dir", "~/mine")),
        ("dir:C:\\models\\fcn", Place("dir", "C:\\models\\fcn")),
        ("dir:hub:me", Place("dir", "hub:me")),
        ("dir:a@b", Place("dir", "a@b")),
        ("hub:me/fcn", Place("hub", "me/fcn")),
        ("hub:me/fcn@v1.0", Place("hub", "me/fcn", "v1.0")),
        ("hub:me/fcn@refs/pr/1", Place("hub", "me/fcn", "refs/pr/1")),
        ("hub:me/fcn@a@b", Place("hub", "me/fcn", "a@b")),
        ("hub:not a repository", Place("hub", "not a repository")),  # the Hub's grammar is the Hub's business
        (Path("a/b"), Place("dir", os.path.join("a", "b"))),
        (Path("fcn-dann"), Place("dir", "fcn-dann")),
        (PurePosixPath("hub:me/fcn"), Place("dir", "hub:me/fcn")),
        (PureWindowsPath("C:/models/fcn"), Place("dir", "C:\\models\\fcn")),
        (PureWindowsPath("\\\\server\\share\\fcn"), Place("dir", "\\\\server\\share\\fcn")),
        ("./here", Place("dir", "./here")),
        ("here/", Place("dir", "here/")),
        ("odd\\name", Place("dir", "odd\\name")),
        ("hub:here", Place("hub", "here")),
    ],
)
def test_locate(ref: str | os.PathLike[str], place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("here", "fcn-dann", "odd\\name"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate(ref) == place


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("dir:", "ends after its prefix"),
        ("hub:", "ends after its prefix"),
        ("hub:me/fcn@", "ends after '@'"),
        ("me/fcn", "no folder that exists.*'hub:me/fcn'"),
        ("C:\\models\\fcn", "no folder that exists.*'dir:"),
        ("C:fcn", "no name"),
        ("c:fcn.pt", "no name"),
        ("~nobody-of-that-name/fcn", "no folder that exists"),
        ("nul/\0", "no folder that exists"),
        ("", "empty"),
        (b"a/b", "got bytes"),
        (None, "got NoneType"),
    ],
)
def test_what_locates_nothing(ref: object, says: str) -> None:
    with pytest.raises(InvalidName, match=says):
        locate(ref)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("fcn", [Spelling(None, None, "fcn")]),
        ("my-dist:fcn", [Spelling(None, "my-dist", "fcn")]),
        ("gan:dann", [Spelling(None, "gan", "dann"), Spelling("gan", None, "dann")]),
        ("gan:my-dist:dann", [Spelling("gan", "my-dist", "dann")]),
        ("gan:gan:gan", [Spelling("gan", "gan", "gan")]),
        ("colour:my-dist:dann", []),
        ("a:gan:b:dann", []),
    ],
)
def test_spelling(text: str, readings: list[Spelling]) -> None:
    assert Spelling.parse(text, KINDS) == readings
