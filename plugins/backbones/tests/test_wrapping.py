"""What timm's and torchvision's backbones share: weights from a file, what a pretrained start asks of a run, bounds, saved models."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor
from torch import nn

import dazoo
from dazoo.contracts import Backbone
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.registry.plugins import zoo
from dazoo.testing import check
from dazoo_wrapping.weights import digest_of
from dazoo_wrapping.weights import tensors_only


# The smallest of each library, and the name of its class layer.
SMALL = {"timm_test_resnet": "fc", "tv_shufflenet_v2_x0_5": "fc"}


def original(name: str) -> nn.Module:
    """The library's own network, with weights that are not those of a fresh start."""
    torch.manual_seed(7)
    arch = name.partition("_")[2]
    net = timm.create_model(arch) if name.startswith("timm_") else torchvision.models.get_model(arch)
    with torch.no_grad():
        for tensor in net.buffers():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return net.eval()


@pytest.fixture(params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def state(name: str) -> dict[str, Tensor]:
    return original(name).state_dict()


@pytest.fixture
def file(state: dict[str, Tensor], tmp_path: Path) -> Path:
    save_file(state, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def build(name: str, **settings: object) -> Backbone:
    torch.manual_seed(0)
    return zoo().backbones.build(f"{name}_pretrained", num_classes=5, **settings).eval()


def test_a_file_gives_the_library_s_own_answers(name: str, file: Path) -> None:
    """With the library's class layer as the head, on pictures of its own mean and deviation."""
    net, own = build(name, pretrained=str(file)), original(name)
    mean, std = ((0.5,) * 3, (0.5,) * 3) if name.startswith("timm_") else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    if name.startswith("timm_"):
        cfg = timm.get_pretrained_cfg("test_resnet")
        mean, std = cfg.mean, cfg.std
    x = torch.rand(2, 3, 64, 64)  # [0, 1]
    with torch.no_grad():
        expected = own((x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))
        torch.testing.assert_close(own.fc(net.pool(net.forward_features(2 * x - 1))), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("head", ["another", "none"])
def test_the_class_layer_of_a_file_may_be_anything(name: str, state: dict[str, Tensor], tmp_path: Path, head: str) -> None:
    layer = SMALL[name]
    kept = {k: v for k, v in state.items() if not k.startswith(layer)}
    more = {f"{layer}.weight": torch.zeros(7, state[f"{layer}.weight"].shape[1]), f"{layer}.bias": torch.zeros(7)}
    save_file(kept | (more if head == "another" else {}), tmp_path / "x.safetensors")
    net = build(name, pretrained=tmp_path / "x.safetensors")
    assert net.head.weight.shape[0] == 5
    assert {hash_of(v) for v in net.body.state_dict().values()} == {hash_of(v) for v in kept.values()}


def hash_of(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.float().numpy().tobytes()).hexdigest()


def body_key(state: dict[str, Tensor], name: str) -> str:
    return next(k for k, v in state.items() if v.ndim == 4 and not k.startswith(SMALL[name]))


def test_names_that_are_missing_or_unknown_and_other_shapes(name: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    key = body_key(state, name)
    harmed = {
        f"missing: {key}": {k: v for k, v in state.items() if k != key},
        "unknown: strange.weight": state | {"strange.weight": torch.zeros(2)},
        rf"shapes: {key} is \(2, 3\) and not": state | {key: torch.zeros(2, 3)},
    }
    for message, tensors in harmed.items():
        save_file(tensors, tmp_path / "x.safetensors")
        with pytest.raises(
            WeightsError, match=rf"x.safetensors as weights of \w+'s \w+: they do not fit \({message}.*Choose the architecture"
        ):
            build(name, pretrained=tmp_path / "x.safetensors")


def test_states_from_before_the_counter_of_batches_load(name: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    save_file({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, tmp_path / "x.safetensors")
    build(name, pretrained=str(tmp_path / "x.safetensors"))


def test_files_that_are_none(name: str, file: Path, state: dict[str, Tensor], tmp_path: Path) -> None:
    """Missing, a folder, cut short, and a pickle, which is not run."""

    class Poison:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "RAN",)

    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-100])
    (tmp_path / "model.pth").write_bytes(pickle.dumps(Poison()))
    for bad, message in {
        tmp_path / "nowhere.safetensors": "is not there",
        tmp_path: "is no file",
        tmp_path / "cut.safetensors": "no whole safetensors file",
        tmp_path / "model.pth": "no whole safetensors file.*Pickles are not read",
    }.items():
        with pytest.raises(WeightsError, match=message):
            build(name, pretrained=str(bad))
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize("bad", ["", 3, None, {"sha256": "0"}])
def test_starts_that_are_none(name: str, bad: object) -> None:
    with pytest.raises(SettingsError, match="expected True, a tag of the library, or a path"):
        build(name, pretrained=bad)


def test_the_plain_name_starts_at_random(name: str) -> None:
    plain = zoo().backbones.build(name, num_classes=5)
    assert plain.optimizers() == {} and type(plain).wants(arch=plain.arch) == {}
    with pytest.raises(SettingsError, match=f"{name} starts at random, and pretrained is True; .*{name}_pretrained"):
        zoo().backbones.build(name, num_classes=5, pretrained=True)


def test_what_a_pretrained_start_asks_of_a_run(name: str, file: Path) -> None:
    net = build(name, pretrained=file)
    assert net.optimizers() == {"backbone.body": {"lr_factor": 0.1}}
    trained = {"timm_test_resnet": 160, "tv_shufflenet_v2_x0_5": 224}[name]
    assert type(net).wants(arch=net.arch) == type(net).wants(arch=net.arch, pretrained=str(file)) == {"size": trained}
    assert type(net).wants(arch=net.arch, size=96) == {"size": 96}
    assert type(net).wants(arch=net.arch, pretrained=False) == {}


def test_resnets_ask_for_the_settings_that_were_published_for_them() -> None:
    for name in ("timm_resnet50_pretrained", "tv_resnet50_pretrained", "tv_wide_resnet50_2_pretrained"):
        wants = zoo().backbones.resolve(name).wants(**zoo().backbones.get(name).arguments)
        assert wants == {"size": 224, "optimizer": "sgd", "lr": 0.01, "weight_decay": 1e-3, "schedule": "inverse"}


def test_the_side_is_capped() -> None:
    for name in ("timm_tf_efficientnet_b7_pretrained", "tv_vit_h_14_pretrained"):
        assert zoo().backbones.resolve(name).wants(**zoo().backbones.get(name).arguments) == {"size": 384}


def test_an_identity_holds_a_digest_and_no_path(name: str, file: Path) -> None:
    cls = zoo().backbones.resolve(f"{name}_pretrained")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for path in (file, str(file), os.path.relpath(file)):
        assert cls.identify(pretrained=path, size=64) == {"pretrained": {"sha256": digest}, "size": 64}
    assert cls.identify() == {} and cls.identify(pretrained="a1_in1k") == {"pretrained": "a1_in1k"}
    with pytest.raises(SettingsError, match="pretrained is False, and the backbone's name ends in _pretrained"):
        cls.identify(pretrained=False)
    with pytest.raises(WeightsError, match="is not there"):
        cls.identify(pretrained="nowhere.safetensors")


def test_a_digest_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    for data in (b"one", b"three"):
        file.write_bytes(data)
        assert digest_of(file) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [8, 4097, 10**6, 64.0, True, "64"])
def test_sizes_out_of_bounds_are_refused_before_anything_is_built(name: str, size: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Conv2d, "__init__", lambda *a, **k: pytest.fail("a layer was built"))
    with pytest.raises(SettingsError, match="at least 16 and at most 4096"):
        zoo().backbones.build(name, num_classes=5, size=size)


def test_other_numbers_of_channels_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="in_channels is 2"):
        zoo().backbones.build(name, num_classes=5, in_channels=2)


def test_a_saved_model_needs_its_start_no_more(name: str, file: Path, tmp_path: Path) -> None:
    model = dazoo.create(f"{name}_pretrained", num_classes=5, pretrained=str(file))
    folder = save(model, tmp_path / "saved")
    assert str(tmp_path) not in (folder / "config.json").read_text()
    file.unlink()
    again = dazoo.load(folder)
    assert all(torch.equal(v, again.backbone.state_dict()[k]) for k, v in model.backbone.state_dict().items())


@pytest.mark.parametrize("pretrained", [False, True, "a1_in1k"])
def test_models_saved_before_pretrained_starts_had_names_still_load(name: str, tmp_path: Path, pretrained: object) -> None:
    backbone = zoo().backbones.build(name, num_classes=2)
    arguments = {"pretrained": pretrained}
    config = {"recipe": {"backbone": name}, "classes": ["a", "b"], "channels": 3, "size": 32, "backbone_settings": arguments}
    made = Model(backbone, config)
    assert dazoo.load(save(made, tmp_path / "saved")).backbone.arch == backbone.arch


def test_a_pretrained_start_keeps_the_contract(name: str, file: Path) -> None:
    assert check("backbone", f"{name}_pretrained", pretrained=str(file)) == {}


def test_torch_load_reads_tensors_alone_whatever_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Poison:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "RAN",)

    torch.save({"x": Poison()}, tmp_path / "x.pt")
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    with tensors_only(), pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "x.pt", weights_only=False)
    assert not (tmp_path / "RAN").exists() and "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_the_distribution_that_is_wrapped_is_named(name: str) -> None:
    library = {"timm": "timm", "tv": "torchvision"}[name.partition("_")[0]]
    assert {zoo().backbones.get(n).wraps for n in (name, f"{name}_pretrained")} == {library}
    assert json.dumps(dict(zoo().backbones.get(name).arguments))
