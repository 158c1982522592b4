"""save() writes what load() reads, or refuses; and a full disk is a WeightsError."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from dazoo.errors import WeightsError
from dazoo.models import tensors as tensors_module
from dazoo.models.create import create
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.save import check_place
from dazoo.models.save import save
from dazoo.models.verify import verify


def compiled(network: nn.Module) -> nn.Module:
    return torch.compile(network, backend="eager")


WRAPPERS = {
    "DataParallel": nn.DataParallel,
    "compiled": compiled,
    "both": lambda network: compiled(nn.DataParallel(network)),
}


def reheaded(network: nn.Module) -> nn.Module:
    network.head = nn.Linear(network.num_features, 5)
    return network


def weight_norm(network: nn.Module) -> nn.Module:
    nn.utils.parametrizations.weight_norm(network.head)
    return network


def spectral_norm(network: nn.Module) -> nn.Module:
    nn.utils.parametrizations.spectral_norm(network.mix)
    return network


def frozen_norm(network: nn.Module) -> nn.Module:
    network.norm = nn.Identity()
    return network


def deeper(network: nn.Module) -> nn.Module:
    network.head = nn.Sequential(network.head, nn.ReLU())
    return network


def inner_compiled(network: nn.Module) -> nn.Module:
    network.head = compiled(network.head)
    return network


def integers(network: nn.Module) -> nn.Module:
    network.head.register_parameter("bias", nn.Parameter(torch.zeros(3, dtype=torch.int64), requires_grad=False))
    return network


def wider(network: nn.Module) -> nn.Module:
    return create("tiny", num_classes=3, width=9).backbone


CHANGES = {
    f.__name__: f for f in (reheaded, weight_norm, spectral_norm, frozen_norm, deeper, inner_compiled, integers, wider)
}  # fmt: skip


@pytest.mark.parametrize("golden", [True, False])
@pytest.mark.parametrize("what", WRAPPERS)
def test_a_wrapped_backbone_is_saved_without_its_wrapper(model: Model, tmp_path: Path, what: str, golden: bool) -> None:
    wanted = {k: v.clone() for k, v in model.backbone.state_dict().items()}
    model.backbone = WRAPPERS[what](model.backbone)
    again = load(save(model, tmp_path / "m", golden=golden)).backbone.state_dict()
    assert list(again) == list(wanted) and all(torch.equal(again[k], wanted[k]) for k in wanted)
    if golden:
        verify(tmp_path / "m")


def test_a_loaded_model_that_is_wrapped_is_saved_with_its_gan(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    model.backbone = nn.DataParallel(model.backbone)
    assert torch.equal(load(save(model, tmp_path / "m")).generate(2, labels=1, seed=5), load(folder).generate(2, labels=1, seed=5))


@pytest.mark.parametrize("name", ["tiny", "awkward"])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("golden", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_backbone_that_its_config_does_not_build_is_refused(
    parts: object, tmp_path: Path, name: str, half: bool, golden: bool, what: str
) -> None:
    model = create(name, num_classes=3, seed=0)
    model.backbone = CHANGES[what](model.backbone)
    if half:
        model.half()
    with pytest.raises(WeightsError, match="is not the one that its config builds, .*: it .*not saved. Take off .*or build it"):
        save(model, tmp_path / "in" / "m", golden=golden)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", ["tiny", "awkward"])
def test_what_is_not_refused_loads(parts: object, tmp_path: Path, name: str, half: bool) -> None:
    model = create(name, num_classes=3, seed=0)
    load(save(model.half() if half else model, tmp_path / "m", golden=not half))


def test_another_architecture_is_refused(parts: object, tmp_path: Path) -> None:
    model = create("tiny", num_classes=3)
    model.backbone = nn.Linear(3, 3)
    with pytest.raises(WeightsError, match="it lacks .*'first.weight'.*it has 'bias', 'weight', which the network lacks"):
        save(model, tmp_path / "m", golden=False)


def test_a_backbone_that_nothing_installed_brings_is_refused(parts: object, tmp_path: Path) -> None:
    facts = {"classes": ["a", "b"], "channels": 3, "size": 32}
    mine = Model(create("tiny", num_classes=2).backbone, {"recipe": {"backbone": "mine"}, **facts})
    with pytest.raises(WeightsError, match="could not be loaded again, so it is not saved: .*'mine'"):
        save(mine, tmp_path / "m")
    narrow = Model(create("tiny", num_classes=2).backbone, {"recipe": {"backbone": "tiny"}, **facts, "backbone_settings": {"width": -1}})
    with pytest.raises(WeightsError, match="not saved: .*refuses the settings.*width is -1"):
        save(narrow, tmp_path / "m")


def gan_weight_norm(network: nn.Module) -> None:
    nn.utils.parametrizations.weight_norm(network)


def gan_wider(network: nn.Module) -> None:
    network.weight = nn.Parameter(torch.zeros(5, network.in_features))


@pytest.mark.parametrize("change", [gan_weight_norm, gan_wider])
@pytest.mark.parametrize("part", ["generator", "critic"])
def test_a_gan_that_its_config_does_not_build_is_refused(
    model: Model, tmp_path: Path, change: Callable[[nn.Module], None], part: str
) -> None:
    change(model.gan_parts()[part])
    with pytest.raises(WeightsError, match="is not the one that its config builds, the GAN 'tinygan'"):
        save(model, tmp_path / "m")
    assert os.listdir(tmp_path) == ["site"]
    load(save(model, tmp_path / "m", gan=False))


def test_a_full_disk_is_a_weights_error_whatever_the_library_raises(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(tensors_module, "save_file", full)
    with pytest.raises(WeightsError, match="No room to write .*Nothing was changed there. Make room"):
        save(model, folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


LIMITED = """
import resource, signal, sys
import dazoo
from dazoo.errors import WeightsError
from dazoo.models.save import save
model = dazoo.create("fcn", num_classes=3, width=64)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    save(model, sys.argv[1])
except WeightsError as exc:
    print(exc)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows limits no file")
def test_a_file_that_the_system_refuses_to_write(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path / "m"], capture_output=True, text=True, timeout=120, check=False)
    assert "No room to write" in done.stdout and "File too large" in done.stdout, done.stderr
    assert os.listdir(tmp_path) == []


def killed_between_the_renames(folder: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dazoo import drafts\nreal, calls = os.replace, []\n"
        f"def replace(a, b):\n  calls.append(a)\n  os.kill(os.getpid(), {int(signal.SIGKILL)}) if len(calls) == 2 else real(a, b)\n"
        "os.replace = replace\nwith drafts.whole_folder(Path(sys.argv[1])): pass"
    )
    subprocess.run([sys.executable, "-c", code, folder], timeout=60, check=False)
    assert not folder.exists()


def test_a_model_that_a_writer_was_killed_over_comes_back(folder: Path) -> None:
    wanted = load(folder).name
    killed_between_the_renames(folder)
    assert load(folder).name == wanted
    killed_between_the_renames(folder)
    save(create("tiny-source-left2right"), folder)
    assert load(folder).name == "tiny-source-left2right"
    assert sorted(os.listdir(folder.parent)) == ["saved", "site"]


def test_a_place_is_checked_before_a_model_is_trained_for_it(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_place(folder)
    check_place(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    with pytest.raises(WeightsError, match="config.json is no folder that can be written to"):
        check_place(folder / "config.json" / "m")
    monkeypatch.setattr(os, "access", lambda *_: False)  # to root everything can be written
    with pytest.raises(WeightsError, match="cannot be written: .*Name another folder"):
        check_place(tmp_path / "a" / "b")
