"""Names: any that a file system allows works, classes compare as a person reads them, and no label is dropped without a word."""

from __future__ import annotations

import json
import os
import unicodedata
import warnings

import pytest

from dazoo.data import own_domains
from dazoo.data import pack_folder
from dazoo.data import read_labelled
from dazoo.data import read_loose
from dazoo.data import read_pack
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import read_as
from dazoo.errors import DataError


NAMES = {
    "Latin-1": b"caf\xe9",
    "CP437": b"\x81ber",
    "half a letter of UTF-8": b"\xe6\xad",
    "all bytes": bytes(range(0x80, 0xA0)),
    "no-break space": "no\u00a0entry".encode(),
    "narrow no-break space": "no\u202fentry".encode(),
    "ideographic space": "\u6b62\u307e\u308c\u3000\u6a19\u8b58".encode(),
    "emoji with joiners": "\U0001f469\u200d\U0001f680".encode(),
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(),
    "flag": "\U0001f1e9\U0001f1ea".encode(),
    "Persian with a non-joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645".encode(),
    "Hebrew": "\u05e2\u05e6\u05d5\u05e8".encode(),
    "turned direction": "a\u202eb".encode(),
    "a mark of order": "\ufeffa".encode(),
    "decomposed": unicodedata.normalize("NFD", "\u00e9t\u00e9").encode(),
    "tab": b"a\tb",
    "line feed": b"a\nb",
    "carriage return": b"a\rb",
    "escape": b"\x1b[31mred",
    "bell": b"\x07",
    "delete": b"\x7f",
    "backslash": b"a\\b",
    "quotation marks": b"\"a'`",
    "spaces at both ends": b" a ",
    "two spaces": b"a  b",
    "a dash in front": b"-rf",
    "a star": b"*",
    "a percent sign": b"%s%n{}",
    "a pipe": b"a|b<c>d&e",
    "a comma": b"a,b;c",
    "255 bytes": b"x" * 255,
    "255 bytes that are no text": b"\xff" * 255,
    "85 wide letters": "\u6b62".encode() * 85,
    "a private letter": "\ue000".encode(),
    "a tilde": b"~",
    "a number": b"7",
    "None": b"None",
    "a dot inside": b"a.b",
}


@pytest.mark.parametrize("what", NAMES)
def test_any_name_works(tmp_path, draw, what):
    """As a class, a picture, a source and a target; decoded, packed, read back."""
    name = os.fsdecode(NAMES[what])
    base = tmp_path / "base"
    for i in range(2):
        draw(base / "s" / "one" / f"{i}.png", (200, 10 * i, 3))
        draw(base / "s" / "other" / f"{i}.png", (3, 10 * i, 200))
    draw(base / "t" / "one" / "0.png")
    (base / "s" / "one").rename(base / "s" / name)
    (base / "t" / "one").rename(base / "t" / name)
    long = len(os.fsencode(name)) > 250
    if not long:
        (base / "t" / name / "0.png").rename(base / "t" / name / f"{name}.png")
    (base / "s").rename(tmp_path / (name if name != "base" else "x"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (own_domains(tmp_path / name, base / "t", size=8) for _ in range(2))
    shown = class_name(name)
    assert (
        sorted(first.source_train.classes) == sorted((shown, "other"))
        and first.target_test.counts[first.target_test.classes.index(shown)] == 1
    )
    assert first.source_train.digest() == second.source_train.digest()
    assert 0 < len(shown) <= 1024 and "\n" not in shown and "\t" not in shown and shown.encode().decode() == shown
    assert json.loads(json.dumps(shown)) == shown
    pack = pack_folder(tmp_path / name, tmp_path / "pack", size=8)
    assert read_pack(pack, verify=True).classes == first.source_train.classes


@pytest.mark.parametrize("what", NAMES)
def test_a_saved_model_takes_any_class(what):
    from dazoo.models.create import create

    name = class_name(os.fsdecode(NAMES[what]))
    assert create("fcn", classes=[name, "other"], size=16, width=2).classes == (name, "other")


SAME = [
    ("Stop", "stop"),
    ("Stop", "STOP"),
    ("stra\u00dfe", "STRASSE"),
    ("\u00e9t\u00e9", unicodedata.normalize("NFD", "\u00e9t\u00e9")),
    ("no entry", "no\u00a0entry"),
    ("no entry", "no  entry"),
    ("no entry", " No Entry "),
    ("\u6b62\u307e\u308c \u6a19", "\u6b62\u307e\u308c\u3000\u6a19"),
    ("abc", "\uff41\uff42\uff43"),
    ("30", "\uff13\uff10"),
    ("fish", "\ufb01sh"),
    ("a b", "a\tb"),
    ("ab", "a\u00adb"),
    ("ab", "a\u200bb"),
    ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
    ("\uac00", "\u1100\u1161"),
]
OTHER = [("stop", "stops"), ("1", "01"), ("a-b", "a_b"), ("a", "\u0430"), ("7", "1"), ("e", "\u00e9"), ("a.b", "ab"), ("", "a")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_that_a_person_reads_as_one(tmp_path, draw, one, other):
    assert read_as(one) == read_as(other) if "\t" not in other else True
    for i in range(2):
        draw(tmp_path / "s" / one / f"{i}.png", (200, 10 * i, 3))
        draw(tmp_path / "s" / "second" / f"{i}.png", (3, 10 * i, 200))
    draw(tmp_path / "t" / other / "0.png")
    if "\t" in other:
        return
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        labels = own_domains(tmp_path / "s", tmp_path / "t", size=8).target_test.labels
    assert labels is not None and labels.tolist() == [read_labelled(tmp_path / "s", size=8).classes.index(class_name(one))]
    assert (class_name(one) == class_name(other)) == (not told), "another spelling is told"
    pack = pack_folder(tmp_path / "t", tmp_path / "p", size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert own_domains(tmp_path / "s", pack, size=8).target_test.labels is not None


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_spellings_of_different_classes(one, other):
    assert matched([other], (one, "second")) == {} and read_as(one) != read_as(other)


def test_the_exact_name_counts_first_and_doubt_is_an_error(tmp_path, draw):
    assert matched(["stop"], ("Stop", "stop")) == {"stop": "stop"}
    with pytest.raises(DataError, match="'STOP' could be each of the classes 'Stop', 'stop'"):
        matched(["STOP"], ("Stop", "stop"))
    for name in ("Stop", "stop"):
        for i in range(2):
            draw(tmp_path / "s" / name / f"{i}.png", (200, 10 * i, 3))
    with pytest.warns(UserWarning, match="'Stop' and 'stop' differ in spelling alone"):
        assert len(read_labelled(tmp_path / "s", size=8).classes) == 2


def test_two_folders_of_one_name_are_one_class(tmp_path, draw):
    for i, form in enumerate(("NFC", "NFD")):
        draw(tmp_path / "s" / unicodedata.normalize(form, "\u00e9") / f"{i}.png", (200, 10 * i, 3))
    draw(tmp_path / "s" / "b" / "0.png")
    with pytest.warns(UserWarning, match="taken together: \u00e9"):
        found = read_labelled(tmp_path / "s", size=8)
    assert found.classes == ("b", "\u00e9") and found.counts == (1, 2)


def test_labels_are_never_dropped_without_a_word(tmp_path, draw):
    """Whatever lies in a target: it has labels, or a warning or an error says why not."""
    for name in ("Stop", "Go"):
        for i in range(3):
            draw(tmp_path / "s" / name / f"{i}.png", (200, 10 * i, 3))

    def target(number: int, *files: str):
        for file in files:
            draw(tmp_path / f"t{number}" / file)
        return tmp_path / f"t{number}"

    trials = [
        ("Stop/1.png", "Go/1.png", "preview.png"),
        ("stop/1.png", "go/1.png"),
        ("Stop/1.png", "other/1.png"),
        ("Stop/1.png", "other/1.png", "preview.png"),
        ("halt/1.png", "go ahead/1.png"),
        ("val/Stop/1.png", "val/Go/1.png"),
        ("Stop/1.png", "Go/deep/1.png"),
        ("cam1/1.png", "cam2/1.png", "0.png"),
        ("STOP/1.png", "Stop/1.png"),
    ]
    for number, files in enumerate(trials):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                labels = own_domains(tmp_path / "s", target(number, *files), size=8).target_test.labels
            except DataError as error:
                assert "--no-target-labels" in str(error) and "target_labelled=False" in str(error)
                continue
        assert labels is not None or told, files
    pack = pack_folder(target(50, "halt/1.png", "go ahead/1.png"), tmp_path / "pack", size=8)
    with pytest.warns(UserWarning, match=r"its classes \(go ahead, halt\) bear no class name"):
        assert own_domains(tmp_path / "s", pack, size=8).target_test.labels is None
    assert own_domains(tmp_path / "s", target(99, "1.png", "2.png"), size=8).target_test.labels is None


def test_all_pictures_are_used_when_labels_are_not_wanted(tmp_path, draw):
    for name in ("a", "b", "private"):
        for i in range(2):
            draw(tmp_path / "all" / name / f"{i}.png", (200, 10 * i, 3))
            if name != "private":
                draw(tmp_path / "s" / name / f"{i}.png", (200, 10 * i, 3))
    domains = own_domains(tmp_path / "s", tmp_path / "all", size=8, target_labelled=False)
    assert domains.target_test.labels is None and len(domains.target_train) == len(read_loose(tmp_path / "all", size=8)) == 6
