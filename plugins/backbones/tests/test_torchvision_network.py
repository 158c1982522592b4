"""Torchvision's classifiers: the listing, agreement with the originals, sizes, weights and their errors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import VisionTransformer
from torchvision.models.vision_transformer import interpolate_embeddings

import dazoo
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.registry.sources import decorated
from dazoo_torchvision.fetching import build
from dazoo_torchvision.layers import Patches
from dazoo_torchvision.network import PretrainedTorchvision
from dazoo_torchvision.network import TorchvisionBackbone


CLASSIFIERS = decorated("torchvision", "models", "register_model()")
LAST = {"resnet18": "fc", "efficientnet_b0": "classifier", "densenet121": "classifier", "convnext_tiny": "classifier", "swin_t": "head"}


def test_names_are_torchvision_s_own() -> None:
    assert CLASSIFIERS == torchvision.models.list_models(module=torchvision.models)
    assert set(dazoo.list_backbones("tv_*")) == {f"tv_{arch}{end}" for arch in CLASSIFIERS for end in ("", "_pretrained")}
    assert all(len(torchvision.models.get_model_weights(arch)) for arch in CLASSIFIERS)


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
    nn.init.normal_(original.encoder.pos_embedding)
    body = Patches(original).eval()
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
    net = PretrainedTorchvision(num_classes=5, arch="mobilenet_v3_small").eval()
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
    with pytest.raises(OfflineError, match=r"(?s)resnet18.*cannot be downloaded.*no route.*Fetch that file.*without _pretrained"):
        PretrainedTorchvision(num_classes=5, arch="resnet18")


def test_a_pickle_in_the_cache_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that torch.hub would read as it is: it must neither run nor be taken for weights."""

    class Poison:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "RAN",)

    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    torch.save({"conv1.weight": Poison()}, cache / url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"ResNet18_Weights.IMAGENET1K_V1 of torchvision's resnet18 cannot be used.*Remove them from"):
        PretrainedTorchvision(num_classes=5, arch="resnet18")
    assert not (tmp_path / "RAN").exists()


def test_weights_under_densenet_s_old_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of torchvision's DenseNets say norm.1 where its network says norm1."""
    torch.manual_seed(0)
    original = torchvision.models.densenet121().eval()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", k): v for k, v in original.state_dict().items()}
    assert set(old) != set(original.state_dict())
    monkeypatch.setattr(torchvision.models.DenseNet121_Weights, "get_state_dict", lambda self, *a, **k: old)
    net = PretrainedTorchvision(num_classes=5, arch="densenet121").eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(net.body(x), original.features(x).relu())


def test_auxiliary_classifiers_of_the_weights_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """GoogLeNet's weights come with them, and were trained on pictures in [-1, 1]."""
    torch.manual_seed(0)
    original = torchvision.models.googlenet(aux_logits=True, init_weights=False).eval()
    monkeypatch.setattr(torchvision.models.GoogLeNet_Weights, "get_state_dict", lambda self, *a, **k: original.state_dict())
    net = PretrainedTorchvision(num_classes=5, arch="googlenet").eval()
    assert net.mean.abs().max() == 0 and not any("aux" in name for name in net.state_dict())
    assert torch.equal(net.state_dict()["body.0.conv.weight"], original.conv1.conv.weight)


def test_a_vision_transformer_is_built_for_the_size_of_its_weights() -> None:
    chosen = torchvision.models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1
    with torch.device("meta"):
        net = build("vit_b_16", chosen)
    assert net.image_size == 384


def test_every_architecture_has_a_sketch() -> None:
    """RegNets compute their widths with tensors, which have no values on the meta device."""
    with torch.device("meta"):
        assert TorchvisionBackbone(num_classes=5, arch="regnet_y_400mf").head.weight.is_meta


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "resnet17"}, "no classifier 'resnet17'"),
        ({"arch": "resnet18", "pretrained": "V9"}, "no weights 'V9'; it has IMAGENET1K_V1"),
    ],
)
def test_bad_weights(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PretrainedTorchvision(num_classes=5, **settings)
    with pytest.raises(SettingsError, match=message):  # a plan finds it before anything is trained
        PretrainedTorchvision.wants(**settings)
