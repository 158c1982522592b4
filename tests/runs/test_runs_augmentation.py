"""Augmentations in a run: whose they are is part of its identity, and one that nobody brings is told before anything is read or written."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import dazoo
import dazoo.registry.plugins
from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation
from dazoo.contracts import Method
from dazoo.errors import UnknownName
from dazoo.models.create import create
from dazoo.models.save import versions
from dazoo.registry.plugins import Plugins
from dazoo.runs.plan import make_plan
from dazoo.version import __version__


class XRays(Augmentation):
    weak = Augment(rotate=5)


class Late(Method):
    """Asks for an augmentation in the stage in which it adapts a trained model."""

    adapts_trained = True
    defaults = {"augment": "mars"}


@dazoo.hookimpl
def dazoo_register_augmentations(register) -> None:
    register("xrays", f"{__name__}:XRays")


@dazoo.hookimpl
def dazoo_register_methods(register) -> None:
    register("late", f"{__name__}:Late")


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """What is installed, and a distribution of strangers."""
    plugins = Plugins().discover()
    hooks = {hook.__name__: hook for hook in (dazoo_register_augmentations, dazoo_register_methods)}
    assert plugins.load(lambda: SimpleNamespace(dazoo_api=1, **hooks), dist="dazoo-xrays", version="2.5").ok
    monkeypatch.setattr(dazoo.registry.plugins, "_zoo", plugins)
    return plugins


def named(zoo: Plugins, recipe: str, **settings: str) -> dict[str, str]:
    return make_plan(zoo, recipe, settings=settings).identity(zoo, "0")["plugins"]


def test_an_identity_names_who_brings_the_augmentation(zoo: Plugins) -> None:
    before = named(zoo, "fcn-dann-synsigns")
    assert "dazoo-signs" in before and "dazoo-xrays" not in before
    assert named(zoo, "fcn-dann-synsigns", augment="xrays") == {**before, "dazoo-xrays": "2.5"}
    for name in ("none", "objects", "signs"):
        assert named(zoo, "fcn-dann-synsigns", augment=name) == before, "who brings these is named already"


def test_the_version_of_the_core_is_the_one_that_runs(fresh_zoo: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation may tell an older one."""
    import dazoo.augmentations.plugin as plugin

    fresh_zoo.load(lambda: plugin, dist="dazoo", version="0.0.1")
    monkeypatch.setattr(dazoo.registry.plugins, "_zoo", fresh_zoo)
    assert versions({"augmentation": "objects"}) == {"dazoo": __version__}


@pytest.mark.parametrize("name", ["sings", "os.path:join", "dazoo_signs.augment:Signs", "", "../signs"])
def test_a_name_is_looked_up_and_never_imported(zoo: Plugins, name: str) -> None:
    with pytest.raises(UnknownName, match="Unknown augmentation"):
        make_plan(zoo, "fcn-dann-synsigns", settings={"augment": name})


def test_an_unknown_one_of_the_second_stage_is_told_before_the_first(zoo: Plugins) -> None:
    with pytest.raises(UnknownName, match="Unknown augmentation 'mars'"):
        make_plan(zoo, "fcn-late-synsigns")


def test_a_model_whose_augmentation_nobody_brings_is_adapted_with_another_one(zoo: Plugins) -> None:
    model = create("fcn", num_classes=3, size=16, seed=0, width=4)
    model.config["settings"] = {**model.config.get("settings", {}), "augment": "mars"}
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    with pytest.raises(UnknownName, match="'mars'.*was trained with it.*--set augment=none"):
        dazoo.adapt(model, pictures, method="tent_offline", device="cpu", quiet=True)
    with pytest.raises(UnknownName, match="Unknown augmentation 'venus'") as told:
        dazoo.adapt(model, pictures, method="tent_offline", device="cpu", quiet=True, settings={"augment": "venus"})
    assert "was trained with it" not in str(told.value)
    adapted = dazoo.adapt(model, pictures, method="tent_offline", device="cpu", quiet=True, settings={"augment": "none", "epochs": 1})
    assert adapted.config["settings"]["augment"] == "none"
