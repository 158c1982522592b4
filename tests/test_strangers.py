"""What other people will bring: a conditional GAN, WGAN-GP, a relativistic GAN, ADDA in two stages, and a bridge, each a few lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dazoo import hookimpl
from dazoo.models.bridging import bridge_for
from dazoo.registry import plugins as plugins_module
from dazoo.registry.plugins import Plugins
from dazoo.testing import check


HERE = Path(__file__).parent / "strangers"
sys.path.insert(0, str(Path(__file__).parent / "engine"))
import toy  # noqa: E402


@hookimpl
def dazoo_register_gans(register: Any) -> None:
    register("label_gan", "strangers_test.cgan:LabelGAN", summary="Classes to pictures")
    register("wgan_gp", "strangers_test.games:WGANGP", summary="Wasserstein with a gradient penalty")
    register("rgan", "strangers_test.games:Relativistic", summary="Relativistic with R1 and R2")


@hookimpl
def dazoo_register_methods(register: Any) -> None:
    register("adda", "strangers_test.adda:ADDA", summary="Two stages (Tzeng et al. 2017)")


@hookimpl
def dazoo_register_bridges(register: Any) -> None:
    register("replay", "strangers_test.bridge:Replay", summary="Drawn source pictures are learnt again")


@pytest.fixture(scope="module")
def strangers() -> Iterator[Plugins]:
    """Everything that is installed, and the strangers' plugin, in place of the process-wide plugins."""
    package = type(sys)("strangers_test")
    package.__path__ = [str(HERE)]
    hooks = {name: value for name, value in globals().items() if name.startswith("dazoo_register_")}
    found = Plugins().discover()
    record = found.load(lambda: SimpleNamespace(dazoo_api=1, **hooks), dist="strangers", version="1.0")
    assert record.ok, record.traceback
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "strangers_test", package)
        patch.setattr(plugins_module, "_zoo", found)
        yield found
        for name in [m for m in sys.modules if m.startswith("strangers_test.")]:
            del sys.modules[name]


@pytest.mark.parametrize("file", sorted(HERE.glob("*.py")), ids=lambda f: f.stem)
def test_each_is_short_and_uses_what_the_guide_names(file: Path) -> None:
    code = file.read_text(encoding="utf-8")
    assert len(code.splitlines()) < 60
    used = {line.split()[1] for line in code.splitlines() if line.startswith("from dazoo")}
    assert used <= {"dazoo.contracts", "dazoo.losses.game"}


@pytest.mark.parametrize(("kind", "name"), [("gan", "label_gan"), ("gan", "wgan_gp"), ("gan", "rgan"), ("method", "adda")])
def test_each_keeps_the_contract(kind: str, name: str, strangers: Plugins) -> None:
    assert check(kind, name) == {}


RECIPES: dict[str, dict[str, Any]] = {
    "fcn-label_gan": {},
    "fcn-wgan_gp": {},
    "fcn-rgan": {},
    "fcn-adda": {},
    "fcn-dcgan": {"gan.width": 4, "bridge.kind": "replay"},
    "fcn-rgan-adda": {"bridge.kind": "replay"},
    "lenet-label_gan-mcd": {},
}


@pytest.mark.parametrize("name", RECIPES)
def test_each_trains_and_combines(name: str, strangers: Plugins) -> None:
    settings = {**RECIPES[name], "size": 16} if name.startswith("fcn") else {"size": 16}
    flat = {k: v for k, v in {**toy.SMALL, **settings}.items() if not (name.startswith("lenet") and k == "backbone.width")}
    result = toy.run_plain(name, flat)
    learnt = toy.state(result)
    assert all(v.isfinite().all() for v in learnt.values() if v.is_floating_point())
    assert len(result.history.predictions) == 2


def test_a_plugin_that_is_installed_changes_no_other_recipe(strangers: Plugins) -> None:
    """Another bridge fits `dcgan` now; without a word from the user it gets the one that it got before."""
    assert bridge_for(strangers, "dcgan") == "generate_to_adapt"
    assert bridge_for(strangers, "label_gan") == "synthesize"


def test_the_strangers_need_no_distribution_of_ours() -> None:
    assert "strangers" not in {d.metadata["Name"] for d in metadata.distributions()}
