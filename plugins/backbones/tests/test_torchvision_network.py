"""Torchvision's classifiers: the listing, agreement with the originals, sizes, weights and their errors."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import VisionTransformer
from torchvision.models.vision_transformer import interpolate_embeddings

from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.registry.sources import decorated
from dazoo_torchvision.network import TorchvisionBackbone


CLASSIFIERS = decorated("torchvision", "models", "register_model()")
LAST = {"resnet18": "fc", "efficientnet_b0": "classifier", "densenet121": "classifier", "convnext_tiny": "classifier", "swin_t": "head"}


def test_names_are_torchvision_s_own() -> None:
    assert CLASSIFIERS == torchvision.models.list_models(module=torchvision.models)


def test_listing_imports_nothing() -> None:
    code = "import sys, dazoo; assert len(dazoo.list_backbones('tv_*')) > 60; print({'torch', 'torchvision'} & set(sys.modules) or '[]')"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("arch", LAST)
def test_feature_is_that_of_the_original(arch: str) -> None:
    """With the original's last layer as the head, the logits are the original's."""
    torch.manual_seed(0)
    original = torchvision.models.get_model(arch, weights=None).eval()
    last = getattr(original, LAST[arch])
    last = last[-1] if isinstance(last, nn.Sequential) else last
    torch.manual_seed(0)
    net = TorchvisionBackbone(num_classes=1000, arch=arch).eval()
    net.head.load_state_dict(last.state_dict())
    x = torch.rand(1, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(net(x), original(x), atol=1e-4, rtol=1e-4)


def test_vision_transformer_at_any_size() -> None:
    """The map holds the original's patch tokens, and interpolated positions are torchvision's own."""
    torch.manual_seed(0)
    original = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    from dazoo_torchvision.network import _Patches

    nn.init.normal_(original.encoder.pos_embedding)
    body = _Patches(original).eval()
    original.eval()
    for side in (32, 48):
        state = interpolate_embeddings(side, 8, original.state_dict())
        bigger = VisionTransformer(image_size=side, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32).eval()
        bigger.load_state_dict(state)
        x = torch.randn(2, 3, side, side)
        tokens = torch.cat([bigger.class_token.expand(2, -1, -1), bigger._process_input(x)], 1)
        expected = bigger.encoder(tokens)[:, 1:].transpose(1, 2).unflatten(2, (side // 8, side // 8))
        torch.testing.assert_close(body(x), expected)
    assert body(torch.zeros(1, 3, 17, 41)).shape == (1, 16, 3, 6)


@pytest.mark.parametrize("arch", ["alexnet", "squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "googlenet", "densenet121"])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(arch: str, channels: int) -> None:
    net = TorchvisionBackbone(num_classes=5, arch=arch, in_channels=channels).eval()
    with torch.no_grad():
        for size in ((16, 16), (17, 40), (61, 75)):
            f = net.forward_features(torch.zeros(1, channels, *size))
            assert f.shape[1] == net.num_features and min(f.shape[2:]) >= 1
            assert net.dense(torch.zeros(1, channels, *size)).shape == (1, 5, *f.shape[2:])


@pytest.mark.slow
@pytest.mark.parametrize("arch", CLASSIFIERS)
def test_every_architecture(arch: str) -> None:
    with torch.no_grad():
        net = TorchvisionBackbone(num_classes=5, arch=arch).eval()
        assert net(torch.zeros(1, 3, 17, 40)).shape == (1, 5)


def test_grey_pictures_are_colour_pictures_without_colour() -> None:
    torch.manual_seed(0)
    grey = TorchvisionBackbone(num_classes=5, arch="mobilenet_v3_small", in_channels=1).eval()
    colour = TorchvisionBackbone(num_classes=5, arch="mobilenet_v3_small").eval()
    colour.load_state_dict(grey.state_dict())
    x = torch.randn(1, 1, 32, 32)
    assert torch.equal(grey(x), colour(x.repeat(1, 3, 1, 1)))


def test_size_setting_resizes_first() -> None:
    net = TorchvisionBackbone(num_classes=5, arch="mobilenet_v3_small", size=96).eval()
    assert net.forward_features(torch.zeros(1, 3, 20, 33)).shape[2:] == (3, 3)


def test_weights_bring_the_mean_and_deviation_they_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = torchvision.models.MobileNet_V3_Small_Weights.IMAGENET1K_V1
    torch.manual_seed(0)
    original = torchvision.models.mobilenet_v3_small()
    state = original.state_dict()
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, *a, **k: state)
    net = TorchvisionBackbone(num_classes=5, arch="mobilenet_v3_small", pretrained=True).eval()
    original.eval()
    x = torch.rand(1, 3, 64, 64)  # [0, 1]
    expected = original.features(weights.transforms(crop_size=64, resize_size=64)(x))
    torch.testing.assert_close(net.forward_features(2 * x - 1), expected, atol=1e-4, rtol=1e-4)


def test_offline_message(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.error import URLError

    def refuse(*args: object, **kwargs: object) -> None:
        raise URLError("no route")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    with pytest.raises(OfflineError, match=r"(?s)resnet18.*cannot be downloaded.*no route.*Fetch that file.*pretrained=False"):
        TorchvisionBackbone(num_classes=5, arch="resnet18", pretrained=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "resnet17"}, "no classifier 'resnet17'"),
        ({"arch": "resnet18", "pretrained": "V9"}, "IMAGENET1K_V1, DEFAULT|IMAGENET1K_V1"),
        ({"arch": "resnet18", "in_channels": 4}, "in_channels is 4"),
        ({"arch": "resnet18", "size": 8}, "at least 16"),
    ],
)
def test_bad_settings(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TorchvisionBackbone(num_classes=5, **settings)
