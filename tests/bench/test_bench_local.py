"""The local executor keeps the contract."""

from __future__ import annotations

from dazoo.testing import parametrize_with_contract


@parametrize_with_contract("executor", ["local"])
def test_local(clause) -> None:
    clause()
