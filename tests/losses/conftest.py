"""Small inputs whose losses were worked out by independent implementations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch


@pytest.fixture
def golden() -> SimpleNamespace:
    """Features (6, 4) and logits (6, 3) in float64, by formula: sample i, feature j, class k."""
    i, j, k = torch.arange(6.0)[:, None].double(), torch.arange(4.0)[None].double(), torch.arange(3.0)[None].double()
    return SimpleNamespace(
        f_s=torch.sin(0.7 * i + 1.3 * j + 0.1),
        f_t=torch.cos(0.5 * i - 0.9 * j + 0.4) + 0.25,
        g_s=2 * torch.sin(1.1 * i - 0.6 * k),
        g_t=2 * torch.cos(0.8 * i + 1.7 * k),
        a_s=2 * torch.cos(0.3 * i + 0.9 * k),
        a_t=2 * torch.sin(0.6 * i + 1.2 * k + 0.5),
        w=0.5 * torch.cos(torch.arange(12).double() + 1),
    )
