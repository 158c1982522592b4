"""timm's architectures: the listing, maps of every form, sizes, pretrained weights and their errors."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import dazoo
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.registry.sources import decorated
from dazoo_timm.network import PretrainedTimm
from dazoo_timm.network import TimmBackbone
from dazoo_timm.reading import grid
from dazoo_timm.reading import reading


# One of every shape of answer, small: maps, channels last, tokens with 0, 1 and 5 before them, lists, one size only.
TINY = {
    "test_resnet": (67, 93),
    "test_efficientnet": (67, 93),
    "mobilenetv3_small_050": (67, 93),
    "ghostnet_050": (67, 93),
    "test_nfnet": (67, 93),
    "test_convnext": (67, 93),
    "dla46x_c": (96, 96),
    "test_mambaout": (67, 93),
    "test_vit": (80, 96),
    "vit_tiny_patch16_dinov3_qkvb": (80, 96),
    "test_vit_relpos": (160, 160),
    "test_coatnet": (160, 160),
    "levit_128s": (224, 224),
}


def backbone(arch: str, **settings) -> TimmBackbone:
    torch.manual_seed(0)
    return TimmBackbone(num_classes=5, arch=arch, **settings)


def test_names_are_timm_s_own() -> None:
    assert sorted(timm.list_models()) == decorated("timm", "models", "register_model")


def test_architectures_with_weights_have_a_second_name() -> None:
    """All that have weights, and at most a few whose lack of them the sources do not show."""
    brought = {name.removeprefix("timm_") for name in dazoo.list_backbones("timm_*")}
    plain, second = set(timm.list_models()), {n.removesuffix("_pretrained") for n in brought if n.endswith("_pretrained")}
    have = {name.partition(".")[0] for name in timm.list_pretrained()}
    assert brought == plain | {f"{n}_pretrained" for n in second}
    assert have <= second <= plain and len(second - have) <= 20


def test_listing_imports_nothing() -> None:
    code = "import sys, dazoo; assert len(dazoo.list_backbones('timm_*')) > 900; print({'torch', 'timm'} & set(sys.modules) or '[]')"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(("arch", "seen"), TINY.items())
def test_families(arch: str, seen: tuple[int, int]) -> None:
    """An odd size: the size the network sees, shapes, gradients everywhere, and class scores that depend on the place."""
    net = backbone(arch)
    assert net.fit(67, 93) == seen
    x = torch.rand(2, 3, 67, 93) * 2 - 1
    y = net(x)
    y.square().mean().backward()
    assert y.shape == (2, 5) and y.isfinite().all()
    assert [n for n, p in net.named_parameters() if p.grad is None] == []
    net.eval()
    with torch.no_grad():
        f = net.forward_features(x)
        dense = net.dense(x)
        assert f.shape[:2] == (2, net.num_features) and dense.shape == (2, 5, *f.shape[2:])
        corner = net.head(net.pool(f[:, :, :1, :1]))
        torch.testing.assert_close(dense[:, :, 0, 0], corner, atol=1e-4, rtol=1e-4)
        assert net(x[:, :, :16, :16]).shape == (2, 5)


def test_tokens_lie_where_their_patches_are() -> None:
    """A vision transformer's map, against timm's own intermediate features in map form."""
    net = backbone("test_vit").eval()
    x = torch.randn(1, 3, 48, 80)
    expected = net.body.forward_intermediates(x, indices=1, norm=True, output_fmt="NCHW", intermediates_only=True)[-1]
    torch.testing.assert_close(net.forward_features(x), expected)
    assert net.forward_features(x).shape[2:] == (3, 5)


def test_channels_last_maps_are_turned() -> None:
    net = backbone("test_mambaout").eval()
    x = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(net.forward_features(x), net.body.forward_features(x).permute(0, 3, 1, 2))


@pytest.mark.parametrize("arch", ["test_resnet", "test_convnext", "test_efficientnet", "test_nfnet"])
def test_feature_is_timm_s_own(arch: str) -> None:
    """With timm's own class layer as the head, the logits are timm's: what follows the map is kept or was not there."""
    torch.manual_seed(0)
    original = timm.create_model(arch).eval()
    net = backbone(arch).eval()
    state = original.state_dict()
    own = {k: state[k] for k in net.body.state_dict()}
    net.body.load_state_dict(own)
    x = torch.randn(2, 3, 96, 96)
    expected = original.get_classifier()(net.pool(net.forward_features(x)))
    torch.testing.assert_close(expected, original(x), atol=1e-4, rtol=1e-4)


def test_grid_of_tokens() -> None:
    assert grid(15, 16.0, (48, 80))[:2] == (3, 5)
    assert grid(15, 16.0, (80, 48))[:2] == (5, 3)
    assert grid(13, 32.0, (16, 400))[:2] == (1, 13)
    assert grid(6, 32.0, (33, 65))[:2] == (2, 3)


def test_layers_of_the_removed_head_are_gone() -> None:
    net = backbone("mobilenetv3_small_050")
    assert "conv_head" in reading("mobilenetv3_small_050").idle
    assert not any("conv_head" in name for name, _ in net.named_parameters())


def test_size_setting() -> None:
    """A flexible network gets its pictures resized; one that is built for a size is built for this one."""
    assert backbone("test_resnet", size=96).eval().forward_features(torch.zeros(1, 3, 20, 33)).shape[2:] == (3, 3)
    net = backbone("test_vit_relpos", size=64).eval()
    assert net.forward_features(torch.zeros(1, 3, 20, 33)).shape[2:] == (4, 4)


def test_grey_pictures() -> None:
    grey, colour = backbone("test_resnet", in_channels=1).eval(), backbone("test_resnet").eval()
    x = torch.randn(2, 1, 32, 32)
    assert torch.equal(grey(x), colour(x.repeat(1, 3, 1, 1)))


def test_copies_and_pickles() -> None:
    net = backbone("test_vit").eval()
    x = torch.randn(1, 3, 32, 32)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(net(x), other(x))


_OFFLINE = """
import torch
from dazoo.errors import OfflineError
from dazoo.errors import WeightsError
from dazoo_timm.network import PretrainedTimm
net = PretrainedTimm(num_classes=5, arch="test_convnext", pretrained="r160_in1k").eval()
torch.manual_seed(1)
x = torch.rand(1, 3, 64, 64)
torch.save((x, net.pool(net.forward_features(2 * x - 1)), net.mean), "out.pt")
for arch in ("test_resnet", "test_efficientnet"):
    try:
        PretrainedTimm(num_classes=5, arch=arch)
    except (OfflineError, WeightsError) as exc:
        print(type(exc).__name__, exc)
"""


class Poison:
    """A pickle that makes a file when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple:
        return Path.touch, (self.file,)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, tuple[torch.Tensor, ...], str]:
    """A fresh process without a network whose cache holds one network's weights and another's poisoned ones.

    Returns the weights, what the process computed, what it printed.
    """
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(7)
    original = timm.create_model("test_convnext").eval()
    save_file(original.state_dict(), snapshot(folder, "test_convnext") / "model.safetensors")
    torch.save({"stem": Poison(folder / "RAN")}, snapshot(folder, "test_efficientnet") / "pytorch_model.bin")
    environ = {**os.environ, "PYTHONPATH": ":".join(sys.path), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder)}
    done = subprocess.run([sys.executable, "-c", _OFFLINE], env=environ, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert not (folder / "RAN").exists()
    return original, torch.load(folder / "out.pt"), done.stdout


def snapshot(folder: Path, arch: str) -> Path:
    """The folder of an architecture's weights in a cache of the Hub."""
    repo = folder / f"models--timm--{arch}.r160_in1k"
    place = repo / "snapshots" / ("0" * 40)
    place.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    return place


def test_pretrained_weights_from_the_cache(offline: tuple[nn.Module, tuple[torch.Tensor, ...], str]) -> None:
    """Weights that lie in the hub's cache are used without a network, strictly, with their mean and deviation."""
    original, (x, feature, mean), _ = offline
    cfg = timm.get_pretrained_cfg("test_convnext.r160_in1k")
    normed = (x - torch.tensor(cfg.mean).view(3, 1, 1)) / torch.tensor(cfg.std).view(3, 1, 1)
    with torch.no_grad():
        expected = original.forward_head(original.forward_features(normed), pre_logits=True)
    torch.testing.assert_close(feature, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mean.flatten(), 2 * torch.tensor(cfg.mean) - 1)


def test_offline_message(offline: tuple[nn.Module, tuple[torch.Tensor, ...], str]) -> None:
    wanted = r"OfflineError .*timm/test_resnet\.r160_in1k.*not in the cache.*hf download timm/test_resnet.*without _pretrained"
    assert re.match(wanted, offline[2]), offline[2]


def test_a_pickle_in_the_cache_runs_nothing(offline: tuple[nn.Module, tuple[torch.Tensor, ...], str]) -> None:
    """That it ran is what the fixture looks for."""
    wanted = r"(?m)^WeightsError .*timm's test_efficientnet \(timm/test_efficientnet\.r160_in1k\) cannot be used.*weights_only.*Remove them"
    assert re.search(wanted, offline[2]), offline[2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arch": "resnet17"}, "no architecture 'resnet17'"),
        ({"arch": "test_resnet", "pretrained": "nonsense"}, "no weights tagged 'nonsense'; it has r160_in1k"),
        ({"arch": "test_mambaout"}, "no pretrained weights"),
    ],
)
def test_bad_weights(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PretrainedTimm(num_classes=5, **settings)
    with pytest.raises(SettingsError, match=message):  # a plan finds it before anything is trained
        PretrainedTimm.wants(**settings)


def test_tokens_of_a_large_picture_are_laid_out_at_once() -> None:
    """The work grows as the side, not as its square: this count is that of 40 megapixels in patches of 1."""
    start = time.perf_counter()
    assert grid(6337**2, 1.0, (6337, 6337)) == (6337, 6337, 0.0)
    assert time.perf_counter() - start < 0.5


def test_a_network_without_a_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    reading.cache_clear()
    monkeypatch.setattr(timm.models.resnet.ResNet, "forward_features", lambda self, x: x.mean(dim=(1, 2, 3)))
    monkeypatch.setattr(timm.models.resnet.ResNet, "forward_intermediates", lambda self, x, **_: {})
    with pytest.raises(SettingsError, match="cannot serve as a backbone with timm .*gives no feature map"):
        TimmBackbone(num_classes=5, arch="test_resnet")
    reading.cache_clear()


@pytest.mark.slow
def test_a_size_that_a_network_is_not_built_for() -> None:
    with pytest.raises(SettingsError, match="cannot be used at 96 pixels.*Leave `size` out"):
        backbone("efficientformer_l1", size=96)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (TypeError("mine"), TypeError),
        (ConnectionError("refused"), OfflineError),
        (RuntimeError("Error(s) in loading state_dict"), WeightsError),
    ],
)
def test_what_timm_raises(monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type) -> None:
    """Only what the network, the cache or the weights say becomes an error of ours."""
    make = timm.create_model

    def fail(name: str, pretrained: bool = False, **options: object) -> nn.Module:
        if pretrained:
            raise raised
        return make(name, **options)

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(expected, match=re.escape(str(raised))):
        PretrainedTimm(num_classes=5, arch="test_resnet")


def _smallest_of_each_family() -> list[str]:
    """By module and class of timm; the shortest name stands for the family where sizes cannot be told without building."""
    families: dict[str, str] = {}
    for name in timm.list_models():
        module = timm.model_entrypoint(name).__module__
        best = families.setdefault(module, name)
        if ("test_" in name, "tiny" in name or "nano" in name or "050" in name, -len(name)) > ("test_" in best, "tiny" in best, -len(best)):
            families[module] = name
    return sorted(families.values())


@pytest.mark.slow
@pytest.mark.parametrize("arch", _smallest_of_each_family())
def test_every_family(arch: str, record_property) -> None:
    """Builds and answers, or is refused with a reason; which one is recorded."""
    try:
        net = backbone(arch).eval()
    except SettingsError as exc:
        record_property("refused", str(exc))
        assert "cannot serve as a backbone" in str(exc)
        return
    with torch.no_grad():
        assert net(torch.rand(1, 3, 35, 61)).isfinite().all()
        assert net.dense(torch.rand(1, 3, 64, 80)).shape[:2] == (1, 5)
    record_property("reading", json.dumps({k: v for k, v in vars(net.reading).items() if k != "options"}))
