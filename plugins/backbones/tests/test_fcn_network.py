"""The fully convolutional classifier: shapes, the class map, contrast modes, errors."""

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
    assert kernels == [3, 3, 1] * 3 + [3, 1]


@pytest.mark.parametrize("contrast", ["picture", "local"])
def test_contrast_removes_brightness_and_gain(contrast: str) -> None:
    torch.manual_seed(0)
    net = FCN(num_classes=6, width=8, contrast=contrast).eval()
    plain = FCN(num_classes=6, width=8).eval()
    plain.load_state_dict(net.state_dict())
    x = torch.randn(2, 3, 32, 32).clamp(-1, 1)
    y = 0.6 * x + 0.3
    moved = (net(x) - net(y)).abs().max() / (net(x) - net(x.flip(0))).abs().max()
    unprotected = (plain(x) - plain(y)).abs().max() / (plain(x) - plain(x.flip(0))).abs().max()
    assert moved < 0.5 * unprotected


def test_contrast_stays_finite_on_a_flat_picture() -> None:
    for contrast in ("picture", "local"):
        net = FCN(num_classes=3, width=4, contrast=contrast).eval()
        assert net(torch.full((1, 3, 16, 16), 1.0)).isfinite().all()


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match="'none', 'picture' or 'local'"):
        FCN(num_classes=3, contrast="global")
    with pytest.raises(ValueError, match="at least 2"):
        FCN(num_classes=1)
