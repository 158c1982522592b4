"""The digit sets in every form they come in, on small data made here; counts on the real ones where they are."""

from __future__ import annotations

import bz2
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dazoo_digits
from dazoo.data import load_scenario
from dazoo.errors import DataError
from dazoo.errors import OfflineError
from dazoo.registry.plugins import Plugins
from dazoo_digits.digits import MNIST
from dazoo_digits.digits import USPS
from dazoo_digits.mnist_m import MNISTM
from dazoo_digits.mnist_m import blended
from dazoo_digits.mnist_m import photographs


REAL = os.environ.get("DAZOO_REAL_DATA")
real = pytest.mark.skipif(not REAL, reason="needs the real sets: set DAZOO_REAL_DATA to their folder")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def zoo() -> Plugins:
    plugins = Plugins(path=[], environ={})
    record = plugins.load(lambda: dazoo_digits, dist="dazoo-digits")
    assert record.ok, record.error
    return plugins


def _digits(n: int, side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(seed).integers(0, 256, (n, side, side)).astype(np.uint8)
    return images, (np.arange(n) % 10).astype(np.uint8)


def _idx(folder: Path) -> None:
    """MNIST's own files, as torchvision keeps them."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, n in (("train", 30), ("t10k", 20)):
        images, labels = _digits(n, 28)
        (raw / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, n, 28, 28) + images.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, n) + labels.tobytes())


def _libsvm(folder: Path) -> None:
    """USPS's own files: one digit a line, values -1..1, labels 1..10."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in (("usps.bz2", 30), ("usps.t.bz2", 20)):
        images, labels = _digits(n, 16)
        lines = [
            f"{label + 1} " + " ".join(f"{i + 1}:{v / 127.5 - 1:.4f}" for i, v in enumerate(image.ravel()))
            for image, label in zip(images, labels, strict=True)
        ]
        (folder / name).write_bytes(bz2.compress(("\n".join(lines) + "\n").encode()))


def _archives(folder: Path) -> None:
    for name, side in (("mnist", 28), ("usps", 16)):
        (x, y), (tx, ty) = _digits(30, side), _digits(20, side, 1)
        np.savez_compressed(folder / f"{name}.npz", x_train=x, y_train=y.astype(np.int64), x_test=tx, y_test=ty.astype(np.int64))


@pytest.mark.parametrize("where", ["", "mnist"])
def test_mnist_official_files(tmp_path, where):
    _idx(tmp_path / where)
    train, test = (MNIST().load(s, tmp_path, size=28) for s in ("train", "test"))
    assert train.images.shape == (30, 28, 28, 1) and (train.images[..., 0] == _digits(30, 28)[0]).all()
    assert test.labels.tolist() == [k % 10 for k in range(20)] and test.classes == tuple("0123456789")


def test_usps_official_files(tmp_path):
    _libsvm(tmp_path / "usps")
    train = USPS().load("train", tmp_path, size=16)
    assert train.images.shape == (30, 16, 16, 1) and train.labels.tolist() == [k % 10 for k in range(30)]
    assert np.abs(train.images[..., 0].astype(int) - _digits(30, 16)[0]).max() <= 1
    assert len(USPS().load("test", tmp_path, size=28)) == 20


def test_archives(tmp_path):
    _archives(tmp_path)
    assert (MNIST().load("train", tmp_path, size=28).images[..., 0] == _digits(30, 28)[0]).all()
    assert USPS().load("test", tmp_path, size=28).images.shape == (20, 28, 28, 1)
    with pytest.raises(DataError, match="'val'"):
        MNIST().load("val", tmp_path, size=28)


def test_missing_and_damaged(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"(?s)mnist\.npz.*--download"):
        MNIST().load("train", tmp_path, size=28)
    _idx(tmp_path)
    for path in (tmp_path / "MNIST" / "raw").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="damaged"):
        MNIST().load("train", tmp_path, size=28)
    (tmp_path / "usps.bz2").write_bytes(b"no bzip")
    with pytest.raises(DataError, match="damaged"):
        USPS().load("train", tmp_path, size=28)


def test_download_is_kept_and_a_failure_is_explained(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")
    real_usps, calls = datasets.USPS, []

    def fetch(root, train, download):
        if download:
            calls.append(root)
            _libsvm(Path(root))
        return real_usps(root, train=train)

    monkeypatch.setattr(datasets, "USPS", fetch)
    for _ in range(2):
        assert len(USPS().load("train", tmp_path, size=16, download=True)) == 30
    assert calls == [tmp_path / "usps"]
    monkeypatch.setattr(datasets, "MNIST", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("no network")))
    with pytest.raises(OfflineError, match="no network"):
        MNIST().load("train", tmp_path, size=28, download=True)


def _photos(folder: Path, n: int = 3, side: int = 40) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (side, side + 9, 3), np.uint8)).save(folder / f"{i}.png")


def test_mnist_m_is_the_difference_and_the_same_for_a_seed(tmp_path, monkeypatch):
    _archives(tmp_path)
    _photos(tmp_path / "photos")
    a = MNISTM().load("train", tmp_path, size=28)
    assert a.images.shape == (30, 28, 28, 3) and a.labels.tolist() == [k % 10 for k in range(30)]
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "fresh"))
    assert (MNISTM().load("train", tmp_path, size=28).images == a.images).all()
    assert (MNISTM(seed=1).load("train", tmp_path, size=28).images != a.images).any()
    photo = np.full((28, 28, 3), (10, 200, 90), np.uint8)
    digits = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1) * np.ones((1, 28, 28, 1), np.uint8)
    plain, inverse = blended(digits, [photo], np.random.default_rng(0))
    assert (plain == photo).all() and (inverse == 255 - photo).all()


def test_mnist_m_from_bsds_and_from_an_archive_take_the_training_photographs(tmp_path):
    _archives(tmp_path)
    _photos(tmp_path / "BSDS500/data/images/train")
    folder = MNISTM().load("test", tmp_path, size=28)
    with tarfile.open(tmp_path / "photos.tar.xz", "w:xz") as archive:
        for i in range(3):
            archive.add(tmp_path / f"BSDS500/data/images/train/{i}.png", f"bsds/train/{i}.png")
        white = io.BytesIO()
        Image.new("RGB", (40, 40), "white").save(white, "PNG")
        info = tarfile.TarInfo("bsds/test/0.png")
        info.size = len(white.getvalue())
        archive.addfile(info, io.BytesIO(white.getvalue()))
    os.replace(tmp_path / "BSDS500", tmp_path / "elsewhere")
    assert (MNISTM().load("test", tmp_path, size=28).images == folder.images).all()


def test_mnist_m_without_photographs(tmp_path):
    _archives(tmp_path)
    with pytest.raises(DataError, match="photos/"):
        MNISTM().load("train", tmp_path, size=28)
    _photos(tmp_path / "photos", side=20)
    with pytest.raises(DataError, match="at least 28x28"):
        MNISTM().load("train", tmp_path, size=28)
    os.replace(tmp_path / "photos", tmp_path / "small")
    (tmp_path / "photos.tar.xz").write_bytes(b"\xfd7zXZ\x00 cut")
    with pytest.raises(DataError, match="truncated"):
        MNISTM().load("train", tmp_path, size=28)


def pictures(scenario) -> dict:
    """The settings that say what the pictures are, without those of the run."""
    return {key: scenario.settings[key] for key in ("size", "channels")}


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": np.zeros((4, 8, 8, 3), np.uint8)},
        {"x_train": np.zeros((4, 8, 8))},
        {"x_train": np.uint8(1)},
        {"x_train": np.array(["a"])},
        {"y_train": np.zeros(3, np.int64)},
        {"y_train": np.zeros(4)},
        {"y_train": np.full(4, 10)},
        {"y_train": np.full(4, -1)},
        {"y_train": np.full(4, 2**63, np.uint64)},
    ],
)
def test_archives_that_hold_something_else(tmp_path, arrays):
    np.savez(tmp_path / "usps.npz", **{"x_train": np.zeros((4, 8, 8), np.uint8), "y_train": np.arange(4), **arrays})
    with pytest.raises(DataError):
        USPS().load("train", tmp_path, size=16)


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\0\x08\x03" + b"\xff" * 12, b"rubbish" * 99])
def test_official_files_that_are_damaged(tmp_path, content):
    for files, kind in ((MNIST.files["train"], MNIST), (USPS.files["train"], USPS)):
        for file in files:
            (tmp_path / kind.name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / kind.name / file).write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            kind().load("train", tmp_path, size=16)


def test_photographs_within_bounds(tmp_path, monkeypatch):
    _photos(tmp_path / "train")
    with tarfile.open(tmp_path / "photos.tar.xz", "w:xz") as archive:
        archive.add(tmp_path / "train", "train")
    monkeypatch.setattr("dazoo.data.archive.MAX_UNPACKED", 1000)
    with pytest.raises(DataError, match="photos.tar.xz would unpack to"):
        list(photographs(tmp_path / "photos.tar.xz"))


def test_scenarios(tmp_path, zoo):
    _archives(tmp_path)
    _photos(tmp_path / "photos")
    for name, channels in (("mnist2usps", 1), ("usps2mnist", 1), ("mnist2mnist_m", 3)):
        scenario = zoo.scenarios.build(name)
        d = load_scenario(scenario, tmp_path, **pictures(scenario), zoo=zoo)
        assert d.source_train.images.shape == d.target_train.images.shape == (30, 28, 28, channels)
        assert len(d.target_test) == 20 and d.source_train.classes == tuple("0123456789")


@real
@pytest.mark.slow
def test_the_real_sets(zoo):
    scenario = zoo.scenarios.build("mnist2usps")
    d = load_scenario(scenario, REAL, **pictures(scenario), zoo=zoo)
    assert [len(s) for s in (d.source_train, d.source_test, d.target_train, d.target_test)] == [60000, 10000, 7291, 2007]
    assert abs(d.source_train.images.mean() / 255 - 0.1307) < 1e-3 and d.target_train.images.max() == 255
    colour = zoo.scenarios.build("mnist2mnist_m")
    d = load_scenario(colour, REAL, **pictures(colour), zoo=zoo)
    assert d.target_train.images.shape == (60000, 28, 28, 3) and 80 < d.target_train.images.mean() < 140
