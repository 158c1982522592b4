"""Records: read strictly, so that one that is damaged is named, and no odd one goes further."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dazoo.bench.cells import digest
from dazoo.bench.estimate import Pace
from dazoo.bench.record import Record
from dazoo.bench.seal import is_sealed
from dazoo.bench.seal import seal
from dazoo.errors import DataError
from dazoo.leaderboard.compare import compare
from dazoo.leaderboard.report import write_report
from tests.bench.synthetic import as_json
from tests.bench.synthetic import record


ODD = (
    None,
    True,
    0,
    -1,
    10**400,
    1e308,
    math.nan,
    math.inf,
    "",
    "=1+1",
    "../..",
    "\ud800",
    [],
    [[]],
    [[1], [2, 3]],
    {},
    {"a": {"b": [None]}},
)


def read(tree: Any) -> Record:
    return Record.from_text(json.dumps(tree).encode(), "cells/x/cell.json")


def changed(change: Callable[[dict[str, Any]], Any], **more: Any) -> dict[str, Any]:
    """A record in JSON without a digest, after a change."""
    tree = as_json(**more)
    change(tree)
    return tree


def test_what_is_written_is_read_again():
    for made in (record(), record(error={"type": "E", "message": "m"}), record(confusion=[], epochs=[], seed=3)):
        again = Record.from_text(made.to_text().encode(), "here")
        assert again.to_json() == made.to_json() and again.done == made.done
        assert again.recipe == made.recipe and again.numbers == made.numbers and again.epochs == made.epochs
    assert record().confusion.tolist() == [[8, 2], [3, 7]] and record().confusion.dtype == np.int32


def test_records_without_a_digest_are_read_as_they_were():
    assert "digest" not in as_json() and read(as_json()).to_json() == record().to_json()


def test_a_digest_is_over_the_canonical_json_without_digest_and_place():
    import hashlib

    tree = {**record().to_json(), "at": "files/x/seed0-0/1"}
    rest = {k: v for k, v in tree.items() if k not in ("digest", "at")}
    by_hand = hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert tree["digest"] == by_hand == seal(tree)


@pytest.mark.parametrize("more", [{}, {"at": "files/x/seed0-0/1"}])
def test_a_number_that_was_edited_is_refused_where_there_is_a_digest(more):
    text = record(last=0.5, **more).to_text()
    assert is_sealed(text.encode(), json.loads(text))
    assert read(json.loads(text)).numbers.last == 0.5, "the order and the spaces do not matter"
    for edited in (text.replace('"last":0.5', '"last":0.99'), json.dumps(json.loads(text.replace('"last":0.5', '"last":0.99')), indent=1)):
        with pytest.raises(DataError, match="x/cell.json: the record's digest.*edited.*Remove the cell, and it runs again"):
            Record.from_text(edited.encode(), "cells/x/cell.json")
    with pytest.raises(DataError, match="digest"):
        read({**record().to_json(), "digest": None})


def test_an_identity_that_was_edited_is_refused():
    with pytest.raises(DataError, match="edited"):
        read(changed(lambda t: t["identity"].update(recipe="m")))
    with pytest.raises(DataError, match="lacks error"):
        read(changed(lambda t: t.pop("error"), error={"type": "E"}))
    with pytest.raises(DataError, match="schema is 2"):
        read(changed(lambda t: t.update(schema=2)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update(cost=None), "cost is None; expected an object"),
        (lambda t: t["cost"].update(seconds=-1), "seconds is -1"),
        (lambda t: t["cost"].update(memory=1.5), "memory is 1.5; expected a whole number"),
        (lambda t: t.update(confusion=[[1], [2, 3]]), "confusion is not 2 rows of 2 counts"),
        (lambda t: t.update(confusion=[[1, 2, 3]] * 3), "confusion is not 2 rows"),
        (lambda t: t.update(confusion=[[1, -2], [3, 4]]), "confusion"),
        (lambda t: t.update(confusion=[[1, 2**31], [3, 4]]), "confusion"),
        (lambda t: t.update(confusion=[[1, 0.5], [3, 4]]), "confusion"),
        (lambda t: t.update(confusion=[["1", "2"], ["3", "4"]]), "confusion"),
        (lambda t: t.update(classes=["x", "x"]), "classes is .*different"),
        (lambda t: t["numbers"].update(last=1.5), "last is 1.5; expected a finite number from 0 to 1"),
        (lambda t: t["numbers"].update(last=math.nan), "last is nan"),
        (lambda t: t["numbers"].update(chosen_epoch=2), "chosen_epoch is 2; expected a whole number from 0 to 1"),
        (lambda t: t["numbers"].update(n_target=True), "n_target is True"),
        (lambda t: t["epochs"][1]["scores"].update(snd=math.inf), "snd is inf"),
        (lambda t: t["epochs"].append(3), "epochs is .*a list of objects"),
        (lambda t: t["identity"].update(data=math.nan), "identity cannot be hashed"),
        (lambda t: t.update(seed="0"), "seed is '0'"),
        (lambda t: t.update(name="../../etc"), "name is '../../etc'"),
        (lambda t: t.update(at="files/../../etc"), "at is"),
        (lambda t: t.update(attempts=0), "attempts is 0"),
        (lambda t: t["machine"].update(versions={"torch": 2}), "torch is 2"),
        (lambda t: t.update(adapts=None), "adapts is None"),
        (lambda t: t.update(status="well"), "status is 'well'"),
        (lambda t: t.update(classes=["\ud800", "y"]), "half a character"),
        (lambda t: t["recipe"].update(backbone=None), "backbone is None"),
        (lambda t: t.update(files={"a": {"sha256": "x", "bytes": 1}}), "sha256 is 'x'"),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_said_with_the_cell(change, says):
    with pytest.raises(DataError, match=f"cells/x/cell.json:? .*{says}.*Remove the cell, and it runs again"):
        read(changed(change))


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"schema": ' + b"1" * 5000 + b"}"])
def test_what_is_not_json_is_said_with_the_cell(text):
    with pytest.raises(DataError, match="cells/x/cell.json is not JSON.*Remove the cell"):
        Record.from_text(text, "cells/x/cell.json")


def test_no_odd_record_goes_further_than_reading(tmp_path: Path):
    """Anything anywhere in a record: refused with the cell's name, or reported and compared."""
    rng, refused = random.Random(0), 0
    plain = record("net-source-a2b")
    for k in range(1500):
        tree = copy.deepcopy(as_json(error={"type": "E"}) if k % 5 == 0 else as_json())
        spot, key = rng.choice(list(_spots(tree)))
        spot[key] = rng.choice(ODD)
        if isinstance(tree.get("identity"), dict):
            try:
                tree["id"] = digest(tree["identity"])
            except ValueError:
                pass
        try:
            found = read(tree)
        except DataError as exc:
            refused += "cells/x/cell.json" in str(exc)
            continue
        Pace([found, plain], "")
        write_report([found, plain], tmp_path)
        try:
            compare([found, plain], "net-dann", "net-source")
        except (DataError, LookupError):
            pass
    assert 800 < refused < 1500


def _spots(tree: Any):
    """Every (container, key) below."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _spots(value)
