from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from dazoo.contracts.validator import Evidence
from dazoo.contracts.validator import Validator
from dazoo.errors import SettingsError
from dazoo.metrics import scores
from dazoo.metrics import validators


@pytest.fixture
def evidence() -> Evidence:
    """The inputs of tests/losses, in the form that validators see."""
    i, j, k = (torch.arange(n, dtype=torch.float64) for n in (6, 4, 3))
    i = i[:, None]
    return Evidence(
        source_features=torch.sin(0.7 * i + 1.3 * j + 0.1),
        source_logits=2 * torch.sin(1.1 * i - 0.6 * k),
        source_labels=(2 * torch.arange(6) + 1) % 3,
        target_features=torch.cos(0.5 * i - 0.9 * j + 0.4) + 0.25,
        target_logits=2 * torch.cos(0.8 * i + 1.7 * k),
    )


def registered() -> dict[str, type[scores.Score]]:
    found = {}
    validators.dazoo_register_validators(lambda name, target, *, summary: found.__setitem__(name, target))
    return {name: getattr(scores, target.removeprefix("dazoo.metrics.scores:")) for name, target in found.items()}


ALL = registered()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("snd", 0.312331029114326),
        ("information_maximisation", 0.48305789828498036),
        ("batch_nuclear_norm", 0.5555416442420668),
        ("entropy", -0.5507307952874488),
    ],
)
def test_value_of_pytorch_adapt(evidence: Evidence, name: str, expected: float) -> None:
    assert ALL[name]()(evidence) == pytest.approx(expected, rel=1e-9)


def test_dev_risk_of_pytorch_adapt() -> None:
    errors = np.array([0.0, 1, 0, 1, 1, 0])
    assert scores.dev_risk((np.arange(6) + 1) / 3, errors) == pytest.approx(0.5492063492063493)
    assert scores.dev_risk(np.ones(6), errors) == pytest.approx(0.5)


def test_the_module_registers_without_torch() -> None:
    code = "import sys, dazoo.metrics.validators as v; assert v.dazoo_api == 1; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ALL)
def test_every_validator_subclasses_the_contract_and_gives_a_float(evidence: Evidence, name: str) -> None:
    assert issubclass(ALL[name], Validator)
    value = ALL[name]()(evidence)
    assert isinstance(value, float)
    assert math.isfinite(value)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("field", ["source_features", "source_logits", "target_features", "target_logits"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_broken_model_is_never_chosen(evidence: Evidence, name: str, field: str, bad: float) -> None:
    broken = getattr(evidence, field).clone()
    broken[2, 1] = bad
    assert ALL[name]()(replace(evidence, **{field: broken})) == -math.inf


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [1, 2])
def test_few_pictures(evidence: Evidence, name: str, n: int) -> None:
    few = Evidence(**{key: value[:n].float() if value.is_floating_point() else value[:n] for key, value in vars(evidence).items()})
    assert math.isfinite(ALL[name]()(few))


@pytest.mark.parametrize("name", ALL)
def test_nothing_at_all_is_worst(evidence: Evidence, name: str) -> None:
    none = Evidence(**{key: value[:0] for key, value in vars(evidence).items()})
    assert ALL[name]()(none) == -math.inf


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"dev"}))  # whose split depends on the order
def test_order_of_target_pictures_does_not_matter(evidence: Evidence, name: str) -> None:
    flipped = replace(evidence, target_features=evidence.target_features.flip(0), target_logits=evidence.target_logits.flip(0))
    assert ALL[name]()(flipped) == pytest.approx(ALL[name]()(evidence))


def test_source_accuracies_by_hand(evidence: Evidence) -> None:
    logits = torch.eye(3)[torch.tensor([0, 0, 0, 1, 0, 0])]
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    seen = replace(evidence, source_logits=logits, source_labels=labels)
    assert scores.SourceAccuracy()(seen) == pytest.approx(4 / 6)
    assert scores.SourceBalancedAccuracy()(seen) == pytest.approx((1 + 1 / 3) / 2)  # the third class has no picture


def test_collapse_deceives_entropy_but_not_information_maximisation(evidence: Evidence) -> None:
    collapsed = replace(evidence, target_logits=torch.tensor([[20.0, 0, 0]]).repeat(6, 1))
    spread = replace(evidence, target_logits=10 * torch.eye(3).repeat(2, 1))
    assert scores.Entropy()(collapsed) > scores.Entropy()(spread)
    assert scores.InformationMaximisation()(collapsed) < scores.InformationMaximisation()(spread)
    assert scores.BatchNuclearNorm()(collapsed) < scores.BatchNuclearNorm()(spread)


@pytest.mark.parametrize("block", [1, 4, 6, 100])
def test_snd_blocks_change_nothing(evidence: Evidence, block: int) -> None:
    assert scores.SoftNeighbourhoodDensity(block=block)(evidence) == pytest.approx(0.312331029114326)


def test_snd_settings() -> None:
    with pytest.raises(SettingsError, match="above 0"):
        scores.SoftNeighbourhoodDensity(temperature=0.0)


def test_dev_prefers_the_model_that_is_right_where_the_target_is(evidence: Evidence) -> None:
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(400, 2)))
    target = torch.from_numpy(rng.normal(size=(400, 2)) + np.array([1.5, 0.0]))
    labels = torch.zeros(400, dtype=torch.int64)
    near, far = features[:, 0] > 0.5, features[:, 0] < -0.5

    def score(wrong: torch.Tensor) -> float:
        logits = torch.stack([(~wrong).double(), wrong.double()], 1)
        return scores.DeepEmbeddedValidation()(Evidence(features, logits, labels, target, target))

    assert score(far) > score(near) + 0.2
