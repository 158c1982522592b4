"""The digit networks: shapes at any size, and the class map against sliding windows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo_lenets.network import DTN
from dazoo_lenets.network import LeNet


def test_lenet_class_map_is_the_sliding_window() -> None:
    torch.manual_seed(0)
    net = LeNet(num_classes=43).eval()
    x = torch.rand(2, 3, 64, 80) * 2 - 1
    windows = x.unfold(2, 28, 4).unfold(3, 28, 4)  # (2, 3, 10, 14, 28, 28)
    flat = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 28, 28)  # (280, 3, 28, 28)
    with torch.no_grad():
        expected = net.head(net.pool(net.forward_features(flat))).reshape(2, 10, 14, 43).permute(0, 3, 1, 2)
        dense = net.dense(x)
    assert dense.shape == (2, 43, 10, 14)
    torch.testing.assert_close(dense, expected, atol=1e-5, rtol=0)


def test_lenet_is_the_flattening_network_at_28() -> None:
    """The same weights in the usual form, a flatten and a fully connected layer, give the same feature."""
    torch.manual_seed(0)
    net = LeNet(num_classes=10, in_channels=1).eval()
    fc, (linear, norm, _) = net.fc[0], net.bottleneck
    x = torch.randn(3, 1, 28, 28)
    flat = net.convolutions(x).flatten(1)  # (3, 800)
    assert flat.shape == (3, 800)
    hidden = F.linear(flat, fc.weight.flatten(1), fc.bias).relu()  # (3, 500)
    narrow = F.linear(hidden, linear.weight.flatten(1), linear.bias)  # (3, 256)
    expected = F.batch_norm(narrow, norm.running_mean, norm.running_var, norm.weight, norm.bias).relu()
    torch.testing.assert_close(net.pool(net.forward_features(x)), expected)


def test_parameters_and_layers_are_those_of_the_tables() -> None:
    def count(net: nn.Module) -> int:
        return sum(p.numel() for p in net.parameters())

    lenet = (20 * 25 + 20) + (50 * 20 * 25 + 50) + (500 * 800 + 500)
    narrow = (256 * 500 + 256) + 2 * 256 + (10 * 256 + 10)
    assert count(LeNet(num_classes=10, in_channels=1)) == lenet + narrow
    assert count(LeNet(num_classes=10, in_channels=1, bottleneck=0)) == lenet + (10 * 500 + 10)
    convolutions = (64 * 75 + 64) + (128 * 64 * 25 + 128) + (256 * 128 * 25 + 256)
    norms = 2 * (64 + 128 + 256 + 512)
    assert count(DTN(num_classes=10, bottleneck=0)) == convolutions + norms + (512 * 4096 + 512) + (10 * 512 + 10)
    order = " ".join(type(m).__name__ for m in LeNet(num_classes=2).convolutions)
    assert order == "Conv2d MaxPool2d ReLU Conv2d Dropout2d MaxPool2d ReLU"


@pytest.mark.parametrize("cls", [LeNet, DTN])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (17, 41), (27, 28), (32, 32), (48, 30), (65, 99)])
def test_any_size(cls: type, channels: int, size: tuple[int, int]) -> None:
    net = cls(num_classes=7, in_channels=channels).eval()
    x = torch.zeros(2, channels, *size)
    f = net.forward_features(x)
    side = (lambda n: max(1, (n - 28) // 4 + 1)) if cls is LeNet else (lambda n: max(1, -(-n // 8) - 3))
    assert f.shape == (2, net.num_features, side(size[0]), side(size[1]))
    assert net.dense(x).shape == (2, 7, *f.shape[2:])
    assert net(x).shape == (2, 7)


def test_small_pictures_reach_the_map() -> None:
    """Padding must not hide a 16-pixel picture from the network."""
    for cls in (LeNet, DTN):
        net = cls(num_classes=5).eval()
        a, b = net(torch.zeros(1, 3, 16, 16)), net(torch.ones(1, 3, 16, 16))
        assert not torch.equal(a, b)


def test_dropout_acts_in_training_only() -> None:
    net = LeNet(num_classes=5)
    x: Tensor = torch.randn(2, 3, 28, 28)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
