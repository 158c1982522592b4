"""Training on the source alone: the row that every other row is compared with."""

from __future__ import annotations

from dazoo.contracts import Method


class Source(Method):
    """No adaptation: what the contract does unless a method changes it."""

    adapts = False
