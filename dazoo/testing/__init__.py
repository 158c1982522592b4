"""The contract kit: what every plugin must do, one test id for each name and clause.

    from dazoo.testing import parametrize_with_contract

    @parametrize_with_contract("backbone", ["my_net"])
    def test_backbones(clause):
        clause()

Kinds are "plugin" (names "distribution:entry point"), "backbone", "method", "gan", "augmentation", "executor" and "logger". Names must
be found by dazoo, so the plugin is installed first (`pip install -e .`). Pytest shows `test_backbones[my_net-seed_fixes_the_weights]`;
`check("backbone", "my_net")` runs the same without pytest.
"""

from __future__ import annotations

from dazoo.testing.clauses import Clause
from dazoo.testing.clauses import Skip
from dazoo.testing.clauses import check
from dazoo.testing.clauses import clauses_of
from dazoo.testing.clauses import parametrize_with_contract


__all__ = ["Clause", "Skip", "check", "clauses_of", "parametrize_with_contract"]
