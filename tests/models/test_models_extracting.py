"""Extractors of a name, a model and a file: the right features, a digest of the weights, and strict loading."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save_file

import dazoo
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.metrics.pictures import compare_sets
from dazoo.metrics.pictures import read_classes
from dazoo.metrics.pictures.given import floats_of
from dazoo.metrics.pictures.given import pixels_of
from dazoo.models.extracting import extractor_of
from dazoo.models.reference_networks import MEAN
from dazoo.models.reference_networks import SCALE
from dazoo.models.reference_networks import VGG16Features


ENTRY = "fcn-source-gtsrb_synsigns2india"
SHARED = Path(os.environ.get("DAZOO_DATA", "/nowhere")) / "pretrained"


def pictures(n: int = 6, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def test_an_entry_gives_its_pooled_features_and_its_logits() -> None:
    model = dazoo.load(ENTRY)
    extractor = extractor_of(ENTRY)
    pixels = pixels_of(pictures(size=model.size), "The pictures")
    features, logits = extractor(pixels)
    assert torch.allclose(features.float(), model.features(floats_of(pixels)), atol=1e-5)
    assert logits is not None and logits.shape == (6, len(model.classes))
    assert extractor.name == model.name and extractor.size == model.size and len(extractor.digest) == 64


def test_a_model_in_training_is_read_in_eval_mode_and_goes_on_training() -> None:
    model = dazoo.create("fcn", num_classes=3, seed=0).train()
    extractor = extractor_of(model, size=24)
    pixels = pixels_of(pictures(), "The pictures")
    assert torch.allclose(extractor(pixels)[0][:2], extractor(pixels[:2])[0], atol=1e-5)  # no statistics of the batch
    assert model.training and model.backbone.training and extractor.size == 24


def test_a_model_reads_the_classes_of_drawn_pictures() -> None:
    """Pictures of another size are brought to the model's, as its extractor does."""
    model = dazoo.load(ENTRY)
    drawn = pictures(8, size=50)
    _, logits = extractor_of(model)(pixels_of(drawn, "The pictures"))
    assert logits is not None
    found = read_classes(model, drawn, logits.argmax(1))
    assert found.share == 1.0 and len(found.per_class) == len(model.classes)


def test_the_digest_follows_the_weights() -> None:
    one, same, other = (extractor_of(dazoo.create("fcn", num_classes=3, seed=seed)) for seed in (0, 0, 1))
    assert one.digest == same.digest != other.digest
    assert extractor_of(one) is one


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG16's convolutions with random weights, in half precision as a file may have them."""
    path = tmp_path_factory.mktemp("weights") / "vgg.safetensors"
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        save_file({name: t.half() for name, t in VGG16Features().state_dict().items()}, path)
    return path


def test_a_file_of_vgg16_is_read_strictly_and_gives_its_last_convolutions(vgg: Path) -> None:
    extractor = extractor_of(str(vgg), size=32)
    assert extractor.digest == hashlib.sha256(vgg.read_bytes()).hexdigest() and extractor.name == "vgg16_features / 8"
    pixels = pixels_of(pictures(2), "The pictures")
    features, logits = extractor(pixels)
    assert features.shape == (2, 512) and logits is None
    maps = extractor.maps(pixels)
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]
    assert torch.allclose(features.float(), maps[-1].mean((2, 3)) / SCALE, atol=1e-6)
    with pytest.raises(DataError, match="16 pixels a side"):
        extractor.maps(pixels[:, :, :12, :12])


def test_pictures_reach_vgg16_with_the_mean_that_it_was_trained_with(vgg: Path) -> None:
    """A picture of ImageNet's mean colour is 0 to the first convolution, which then gives its bias alone."""
    extractor = extractor_of(vgg)
    mean = torch.tensor([round(255 * m) for m in MEAN], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32).contiguous()
    net = VGG16Features()
    net.load_state_dict({name: t.float() for name, t in load_file(vgg).items()})
    found = extractor.maps(mean)[0]
    bias_alone = net.features[:4](torch.zeros(1, 3, 32, 32))
    assert torch.allclose(found, bias_alone, atol=5e-3)


def test_another_or_a_damaged_file_is_refused(vgg: Path, tmp_path: Path) -> None:
    tensors = load_file(vgg)
    odd = {
        "short": {k: t for k, t in tensors.items() if k != "features.0.bias"},
        "long": {**tensors, "classifier.0.weight": torch.zeros(1)},
        "shape": {**tensors, "features.0.weight": torch.zeros(64, 1, 3, 3)},
    }
    for name, state in odd.items():
        save_file(state, tmp_path / f"{name}.safetensors")
        with pytest.raises(WeightsError, match="does not fit vgg16_features"):
            extractor_of(tmp_path / f"{name}.safetensors")
    save_file({"layer.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="no network that is known here .*'layer.weight'"):
        extractor_of(tmp_path / "other.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(vgg.read_bytes()[:1000])
    with pytest.raises(WeightsError):
        extractor_of(tmp_path / "cut.safetensors")
    with pytest.raises(WeightsError, match="not there"):
        extractor_of(tmp_path / "none.safetensors")


def test_a_file_of_efficientnet_gives_features_and_logits(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="the extra 'metrics' is not installed")
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    save_file(net.state_dict(), tmp_path / "lite0.safetensors")
    features, logits = extractor_of(tmp_path / "lite0.safetensors", size=32)(pixels_of(pictures(2), "The pictures"))
    assert features.shape == (2, 1280) and logits is not None
    with torch.inference_mode():
        expected = net(floats_of(pixels_of(pictures(2), "The pictures")))
    assert torch.allclose(logits.float(), expected, atol=1e-4)


def test_inception_is_taken_where_its_weights_are_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("torchvision.models", reason="the extra 'metrics' is not installed")
    monkeypatch.delenv("DAZOO_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="is not here.*Nothing is downloaded"):
        extractor_of("inception")
    net = models.inception_v3(weights=None, init_weights=False).eval()
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(
        {name: t.half() if t.is_floating_point() else t for name, t in net.state_dict().items()}, cache / "inception_v3_google-0.pth"
    )
    extractor = extractor_of("inception", size=96)
    features, logits = extractor(pixels_of(pictures(2), "The pictures"))
    assert features.shape == (2, 2048) and logits is not None and logits.shape == (2, 1000) and extractor.name == "inception_v3"
    torch.save({"odd": object()}, cache / "inception_v3_google-0.pth")
    with pytest.raises(WeightsError, match="no whole file of tensors"):
        extractor_of("inception")


def test_settings_that_are_wrong_are_told() -> None:
    with pytest.raises(UnknownName):
        extractor_of("no_such_model")
    for wrong in ({"size": 4}, {"size": 5000}, {"batch": 0}):
        with pytest.raises(SettingsError):
            extractor_of(ENTRY, **wrong)


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "vgg16_features.safetensors").is_file(), reason="needs DAZOO_DATA with pretrained/vgg16_features.safetensors"
)
def test_real_weights_tell_real_signs_from_blurred_ones() -> None:
    pytest.importorskip("torch_fidelity", reason="the extra 'metrics' is not installed")
    with np.load(SHARED.parent / "gtsrb_48.npz") as pack:
        signs = pack["x"][np.random.default_rng(0).permutation(len(pack["x"]))[:400]]
    real, other = signs[:200], signs[200:]
    blurred = torch.nn.functional.avg_pool2d(floats_of(pixels_of(other, "The signs")), 5, 1, 2, count_include_pad=False)
    extractor = extractor_of(SHARED / "vgg16_features.safetensors")
    good, bad = (compare_sets(real, drawn, extractor=extractor) for drawn in (other, blurred))
    assert good["fid"].better_than(bad["fid"]) and good["kid"].better_than(bad["kid"])
    assert good["kid"].spread is not None and abs(good["kid"].value) < good["kid"].spread < bad["kid"].value
