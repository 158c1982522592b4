"""How clauses are listed, run and told; what they catch is in test_testing_wrong_plugins.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dazoo.errors import Interrupted
from dazoo.errors import SettingsError
from dazoo.registry.plugins import KINDS
from dazoo.testing import Clause
from dazoo.testing import check
from dazoo.testing import clauses_of
from dazoo.testing.clauses import findings
from dazoo.testing.titles import TITLES


def test_every_kind_has_a_kit() -> None:
    assert set(TITLES) == {"plugin", *(kind for kind, _ in KINDS.values())}
    assert all(len(set(titles)) == len(titles) >= 3 for titles in TITLES.values())


def test_unknown_kinds_and_patterns_are_named() -> None:
    with pytest.raises(SettingsError, match="no contract for 'bridges'; expected one of plugin, backbone"):
        clauses_of("bridges")
    with pytest.raises(SettingsError, match="No backbone matches 'nothing_\\*'"):
        clauses_of("backbone", "nothing_*")


def test_ids_name_the_part_and_the_clause() -> None:
    ids = [str(c) for c in clauses_of("backbone", ["lenet", "dtn"])]
    assert "lenet-seed_fixes_the_weights" in ids and len(ids) == len(set(ids)) == 2 * len(TITLES["backbone"])


def test_what_cannot_be_built_fails_once() -> None:
    found = list(findings("backbone", "fcn", {"widht": 8}))
    assert [f.state for f in found] == ["failed"] + ["skipped"] * (len(found) - 1)
    assert "'widht'" in found[0].message and found[1].message == "builds_from_defaults fails"
    assert list(check("backbone", "fcn", widht=8)) == ["builds_from_defaults"]


def test_listing_clauses_needs_no_torch() -> None:
    code = "import sys; from dazoo.testing import clauses_of; clauses_of('backbone', ['fcn']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_a_package_that_is_not_here_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it fails
    found = list(findings("logger", "wandb"))
    assert {f.state for f in found} == {"skipped"} and "pip install 'dazoo-loggers[wandb]'" in found[0].message


def test_a_signal_ends_the_kit_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Clause) -> None:
        raise Interrupted("stopped by SIGTERM")

    monkeypatch.setattr(Clause, "run", stopped)
    with pytest.raises(Interrupted):
        check("method", "dann")
