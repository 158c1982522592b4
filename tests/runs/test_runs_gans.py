"""GANs alone: trained, resumed, saved, loaded and used; and what a person gets from wrong input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.data.one_set import read_set
from dazoo.engine import trainer as trainer_module
from dazoo.engine.average import Drawing
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.gan_card import gan_card
from dazoo.models.gan_files import verify_gan
from dazoo.registry.plugins import zoo
from dazoo.runs import gan_look
from dazoo.runs.gan_augment import ROWS
from dazoo.runs.gan_augment import augment
from dazoo.runs.gan_scoring import score_gan


SMALL = {"epochs": 2, "steps_per_epoch": 3, "batch": 8, "size": 16, "gan.width": 4}


@pytest.fixture(scope="module", autouse=True)
def few_are_counted():
    patch = pytest.MonkeyPatch()
    patch.setattr(gan_look, "COUNTED", 16)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Path:
    """`red` and `blue` under "classes", loose pictures under "loose" and "grey"."""
    root, rng = tmp_path_factory.mktemp("places"), np.random.default_rng(0)
    for k, name in ((0, "red"), (2, "blue")):
        for i in range(12):
            pixels = rng.integers(0, 120, (20, 24, 3), dtype=np.uint8)
            pixels[4:16, 4:20, k] = 255
            for folder in (root / "classes" / name, root / "loose"):
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f"{name}{i}.png")
            (root / "grey").mkdir(exist_ok=True)
            Image.fromarray(pixels.mean(2).astype(np.uint8)).save(root / "grey" / f"{name}{i}.png")
    return root


def train(name: str, images: Path, *others, out: Path | None = None, **settings):
    return dazoo.train_gan(name, images, *others, out=out, device="cpu", settings=SMALL | settings, quiet=True)


def test_a_gan_that_was_trained_alone_is_loaded_and_draws_the_same(places, tmp_path):
    trained = train("dcgan", places / "loose", out=tmp_path / "run", **{"gan.ema": 0.9})
    loaded = dazoo.load_gan(trained.folder)
    drawn = loaded.generate(5, seed=3)
    assert drawn.shape == (5, 3, 16, 16) and drawn.abs().max() <= 1 and drawn.dtype == torch.float32
    torch.testing.assert_close(drawn, trained.model.generate(5, seed=3), atol=1e-5, rtol=0)  # the memory layout is another
    assert not torch.equal(drawn, loaded.generate(5, seed=4))
    assert torch.equal(drawn, loaded.generate(5, seed=3)) and verify_gan(loaded, trained.folder) < 1e-5
    assert loaded.verbs()[0] == "generate" and "dcgan" in repr(loaded) and loaded.classes == ()
    sheets = sorted(p.name for p in (tmp_path / "run" / "samples").iterdir())
    assert sheets == ["epoch-0001.png", "epoch-0002.png"]
    with Image.open(tmp_path / "run" / "samples" / sheets[0]) as sheet:
        assert sheet.size == (8 * 66 + 2, 2 * 66 + 2)
    assert {"likeness", "diversity", "seed"} <= set(loaded.config["results"])


def test_networks_train_in_training_mode_and_draw_in_eval_mode(places, monkeypatch):
    """Batch norm that trains with running statistics gives the critic an easy game, and the generator never learns."""
    seen, step = [], trainer_module.Trainer._step

    def watched(self):
        seen.append({m.training for module in self.setup.bridge.groups().values() for m in module.modules()})
        step(self)

    monkeypatch.setattr(trainer_module.Trainer, "_step", watched)
    model = train("dcgan", places / "loose").model
    assert seen == [{True}] * 6
    assert not any(module.training for module in model.modules().values())


def test_an_interrupted_training_ends_in_the_same_weights(places, tmp_path, monkeypatch):
    whole = train("dcgan", places / "loose", out=tmp_path / "whole", **{"gan.ema": 0.9})
    step, seen = trainer_module.Trainer._step, []

    def stops(self):
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(1)
        step(self)

    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(trainer_module.Trainer, "_step", stops)
    with pytest.raises(KeyboardInterrupt):
        train("dcgan", places / "loose", out=tmp_path / "cut", **{"gan.ema": 0.9})
    monkeypatch.setattr(trainer_module.Trainer, "_step", step)
    again = train("dcgan", places / "loose", out=tmp_path / "cut", **{"gan.ema": 0.9})
    for name, module in whole.model.modules().items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, again.model.modules()[name].state_dict()[key]), f"{name}/{key}"


def test_classes_are_asked_for_by_name(places, tmp_path):
    trained = train("cgan", places / "classes", out=tmp_path / "run")
    model = dazoo.load_gan(trained.folder)
    assert model.classes == ("blue", "red")
    one, other = model.generate(2, labels="red", seed=1), model.generate(2, labels=["red", 1], seed=1)
    assert torch.equal(one, other) and not torch.equal(one, model.generate(2, labels="blue", seed=1))
    with pytest.raises(SettingsError, match=r"label 'green' is no class; expected a name such as 'blue'"):
        model.generate(1, labels="green")


def test_the_chosen_weights_are_those_of_the_likest_epoch(places, tmp_path, monkeypatch):
    """The first epoch is made the best one: what is kept then draws what was drawn after the first epoch."""
    distances = iter((1.0, 2.0, 1.0))
    monkeypatch.setattr(gan_look, "sliced_wasserstein", lambda *_: [next(distances)])
    chosen = dazoo.train_gan("dcgan", places / "loose", device="cpu", settings=SMALL, quiet=True, select="chosen").model
    first = dazoo.train_gan(
        "dcgan", places / "loose", device="cpu", settings=SMALL | {"epochs": 1}, quiet=True
    ).model  # half the run, with a constant rate: its end is the first epoch
    assert torch.equal(chosen.generate(2, seed=0), first.generate(2, seed=0))


def test_a_translating_gan_wants_two_sets_and_gives_pictures_of_the_first(places, tmp_path):
    trained = train("cyclegan", places / "loose", places / "grey", out=tmp_path / "run", **{"gan.blocks": 1})
    model = dazoo.load_gan(trained.folder)
    assert model.verbs() == ("translate",)
    assert "dazoo gan train cyclegan --images DIR --to OTHER_DIR" in gan_card(model.config, model.verbs())
    assert "--images mnist --to usps" in gan_card({**model.config, "data": ["mnist", "usps"]}, model.verbs())
    made = model.translate([places / "loose" / "red0.png"])
    assert made.shape == (1, 3, 16, 16)
    with pytest.raises(SettingsError, match=r"is a cyclegan, which cannot generate; it can translate"):
        model.generate(1)
    with pytest.raises(SettingsError, match="translates one set of pictures into another; give the other one too"):
        train("cyclegan", places / "loose")
    with pytest.raises(SettingsError, match="learns one set of pictures"):
        train("dcgan", places / "loose", places / "grey")


def test_wrong_input_is_told(places, tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        train("dcgan", tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"size is 8, but the GAN 'cyclegan' needs at least 16"):
        train("cyclegan", places / "loose", places / "grey", size=8)
    with pytest.raises(SettingsError, match="has no backbone"):
        train("dcgan", places / "loose", **{"backbone.width": 4})
    with pytest.raises(SettingsError, match="Unknown setting 'gan.wdth'"):
        train("dcgan", places / "loose", **{"gan.wdth": 4})
    model = train("dcgan", places / "loose").model
    with pytest.raises(SettingsError, match="trained without classes"):
        model.generate(2, labels=0)
    with pytest.raises(SettingsError, match="cannot colorize"):
        model.colorize([places / "loose" / "red0.png"])


def test_few_pictures_are_told_of(places, capsys):
    dazoo.train_gan("dcgan", places / "loose", device="cpu", settings=SMALL)
    assert "has 24 pictures: a critic learns so few by heart" in capsys.readouterr().err


def test_rare_classes_and_missing_ones_are_told_of(places, capsys):
    dazoo.train_gan("cgan", places / "loose", device="cpu", settings=SMALL)
    assert "cgan can draw by class, but loose has no classes (one folder per class gives them), so it draws without." in capsys.readouterr().err
    dazoo.train_gan("cgan", places / "classes", device="cpu", settings=SMALL)
    told = capsys.readouterr().err
    assert "has no classes" not in told and "2 of 2 classes have fewer than 20 pictures" in told
    dazoo.train_gan("dcgan", places / "loose", device="cpu", settings=SMALL)
    assert "can draw by class" not in capsys.readouterr().err


def test_drawings_that_are_all_alike_are_told_of(places, tmp_path, monkeypatch):
    monkeypatch.setattr(gan_look.Gallery, "_draw", lambda self: torch.zeros(16, 3, 16, 16))
    trained = train("dcgan", places / "loose")
    assert "collapsed: the 16 drawn pictures differ less than a hundredth as much as real ones do" in trained.sentence


def test_the_critic_is_asked_about_each_picture_by_itself_and_told_its_class(places, monkeypatch):
    """In training, its batch norm sees a batch of one kind, and would tell kinds apart by that."""
    cgan, asked = zoo().gans.resolve("cgan"), []
    judge = cgan.judge

    def watched(gan, images, labels=None):
        if torch.is_inference_mode_enabled():
            asked.append((gan.critic.training, None if labels is None else set(labels.tolist())))
        return judge(gan, images, labels)

    monkeypatch.setattr(cgan, "judge", watched)
    model = train("cgan", places / "classes").model
    assert asked == [(False, {0, 1})] * 4 and model.config["results"]["critic_right"] >= 0, "real and drawn ones, after two epochs"


def test_a_gan_is_no_classifier_and_a_classifier_no_gan(places, tmp_path):
    trained = train("dcgan", places / "loose", out=tmp_path / "run")
    with pytest.raises(SettingsError, match=r"holds a GAN that was trained alone: dazoo.load_gan"):
        dazoo.load(trained.folder)
    entry = zoo().entries.names("fcn-*")[0]
    with pytest.raises(SettingsError, match="is a classifier; load it with dazoo.load"):
        dazoo.load_gan(entry)


def test_an_altered_or_odd_gan_is_refused(places, tmp_path):
    folder = train("dcgan", places / "loose", out=tmp_path / "run").folder
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"width": 4', '"width": 1073741824'))
    with pytest.raises(WeightsError):
        dazoo.load_gan(folder)
    (folder / "config.json").write_text(config.replace('"gan_settings"', '"code"'))
    with pytest.raises(WeightsError, match="unknown key 'code'"):
        dazoo.load_gan(folder)
    (folder / "config.json").write_text(config)
    weights = bytearray((folder / "generator.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "generator.safetensors").write_bytes(weights)
    with pytest.raises(WeightsError, match="is altered"):
        dazoo.load_gan(folder)


def test_the_average_follows_the_generator_and_draws_in_its_place():
    gan = zoo().gans.build("dcgan", channels=1, size=16, num_classes=1, width=4)
    average = Drawing(gan, 0.5)
    learning = next(iter(gan.generator.parameters()))
    before = learning.detach().clone()
    with torch.no_grad():
        learning.add_(1.0)
    average.update(1000)
    mean = next(iter(average.modules["average.generator"].parameters()))
    torch.testing.assert_close(mean, before + 0.5)
    with average.drawing():
        torch.testing.assert_close(learning.detach(), before + 0.5)
    torch.testing.assert_close(learning.detach(), before + 1.0)


def test_what_is_drawn_by_class_is_compared_with_as_many_real_ones_of_each_class(places, tmp_path):
    model = train("cgan", places / "classes").model
    for k, (name, count) in enumerate({"red": 30, "blue": 9, "green": 30}.items()):
        (tmp_path / name).mkdir()
        for i in range(count):
            Image.fromarray(np.full((16, 16, 3), 20 * k + i, np.uint8)).save(tmp_path / name / f"{i}.png")
    extractor = dazoo.create("fcn", classes=model.classes, size=16, width=4)
    figures, _ = score_gan(model, tmp_path, extractor, n=24)
    assert figures["fid"].protocol.real == 12 + 9, "none of the class that the model does not know, and all of the rarer one"
    assert score_gan(train("dcgan", places / "loose").model, tmp_path, extractor, n=24)[0]["fid"].protocol.real == 24


def test_four_rows_say_whether_drawn_pictures_help(places):
    model = train("cgan", places / "classes").model
    tiny = {"epochs": 1, "steps_per_epoch": 2, "batch": 4, "backbone.width": 4}
    rows = list(augment(model, places / "classes", places / "classes", backbone="fcn", seeds=2, settings=tiny, drawn=6, device="cpu"))
    assert [row.name for row in rows] == list(ROWS) and all(len(row.accuracies) == 2 for row in rows)
    with pytest.raises(SettingsError, match="knows no classes"):
        next(augment(train("dcgan", places / "loose").model, places / "classes", places / "classes"))


def test_who_trains_on_a_registered_set_is_counted_on_its_test_split(monkeypatch):
    asked = []
    nobody = SimpleNamespace(classes=("nobody",))
    monkeypatch.setattr("dazoo.runs.gan_augment.read_set", lambda name, split="train", **_: asked.append((name, split)) or nobody)
    with pytest.raises(SettingsError, match="same classes"):
        next(augment(SimpleNamespace(classes=("a",), size=16, channels=3, name="mine"), "gtsrb", "gtsrb"))
    assert asked == [("gtsrb", "train"), ("gtsrb", "test")]
    train_split, test_split = (read_set("synsigns_vienna", size=16, channels=3, zoo=zoo(), split=split) for split in ("train", "test"))
    assert len(train_split) > len(test_split) and train_split.digest() != test_split.digest()


def test_a_file_that_a_gan_learns_from_is_known_by_what_it_holds(places, tmp_path):
    shapes = np.zeros((2, 16, 16, 16), np.uint8)
    shapes[:, 4:12, 4:12, 4:12] = 1
    np.savez(tmp_path / "a.npz", shapes)
    settings = {"gan.shapes": str(tmp_path / "a.npz"), "epochs": 1, "steps_per_epoch": 1}
    folder = train("voxgan", places / "grey", out=tmp_path / "run", **settings).folder
    (tmp_path / "a.npz").rename(tmp_path / "b.npz")
    saved = dazoo.load_gan(folder)  # without the file
    assert str(tmp_path) not in str(saved.config) and saved.voxelize(torch.zeros(1, 3, 16, 16)).shape == (1, 16, 16, 16)
    train("voxgan", places / "grey", out=tmp_path / "run", **settings | {"gan.shapes": str(tmp_path / "b.npz")})  # the same, elsewhere
    np.savez(tmp_path / "b.npz", shapes[:1])
    with pytest.raises(SettingsError, match="different gan_settings"):
        train("voxgan", places / "grey", out=tmp_path / "run", **settings | {"gan.shapes": str(tmp_path / "b.npz")})


@pytest.mark.slow
def test_torchrun_trains_one_gan_and_one_process_speaks(places, tmp_path):
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dazoo", "gan", "train", "dcgan", "--device", "cpu"]
    settings = [text for name, value in SMALL.items() for text in ("--set", f"{name}={value}")]
    given = ["--images", places / "loose", "--out", tmp_path / "run", *settings]
    done = subprocess.run([sys.executable, "-m", *command, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("likeness") == 1 and done.stderr.count("learns so few by heart") == 1
    assert dazoo.load_gan(tmp_path / "run" / "model").generate(2, seed=0).shape == (2, 3, 16, 16)
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 2
