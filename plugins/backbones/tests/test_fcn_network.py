"""The fully convolutional classifier: shapes, the class map, errors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dazoo_fcn.network import FCN


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (48, 48), (61, 100)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(size: tuple[int, int], channels: int) -> None:
    net = FCN(num_classes=6, in_channels=channels, width=8).eval()
    f = net.forward_features(torch.zeros(2, channels, *size))
    assert f.shape == (2, 64, size[0] // 8, size[1] // 8)
    assert net.dense(torch.zeros(2, channels, *size)).shape == (2, 6, size[0] // 8, size[1] // 8)


def test_mean_of_the_class_map_is_the_logit() -> None:
    """The score layer is linear, so averaging scores and scoring the average agree (class activation maps)."""
    torch.manual_seed(0)
    net = FCN(num_classes=6, width=8).eval()
    x = torch.randn(3, 3, 40, 56)
    torch.testing.assert_close(net.dense(x).mean(dim=(2, 3)), net(x), atol=1e-5, rtol=1e-5)


def test_one_by_one_convolutions_stand_where_the_papers_put_them() -> None:
    net = FCN(num_classes=6, width=8)
    kernels = [m.kernel_size[0] for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [5, 1, 3, 1, 3, 1, 3, 1]


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        FCN(num_classes=1)
