"""Every loss that TLlib or pytorch-adapt has too, against the value of theirs (float64) or its documented relation to it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from dazoo.losses import adversarial
from dazoo.losses import discrepancy
from dazoo.losses import entropy


PAIR_CONSTANT = 2 / (6 - 1)  # TLlib adds 2 / (n - 1) to its MMD


def cdan(g: SimpleNamespace, weighted: bool) -> torch.Tensor:
    p, q = g.g_s.softmax(1), g.g_t.softmax(1)
    logits = (adversarial.conditional_map(f, r) @ g.w for f, r in ((g.f_s, p), (g.f_t, q)))
    weights = (adversarial.entropy_weights(p), adversarial.entropy_weights(q)) if weighted else ()
    return adversarial.domain_adversarial(*logits, *weights, joint_weights=True)


def fixmatch(g: SimpleNamespace) -> torch.Tensor:
    return entropy.self_training(g.a_t, *entropy.confident_pseudo_labels(g.g_t, 0.8))


# name: (what dazoo computes, value of the reference, relative tolerance: looser where theirs has an epsilon or a float32 constant)
TABLE: dict[str, tuple[Callable[[SimpleNamespace], torch.Tensor], float, float]] = {
    "TLlib MK-MMD": (lambda g: discrepancy.mk_mmd(g.f_s, g.f_t) + PAIR_CONSTANT, 2.144814377670467, 1e-6),
    "TLlib linear MK-MMD": (lambda g: discrepancy.linear_mmd(g.f_s, g.f_t) + PAIR_CONSTANT, 3.6976868556140645, 1e-6),
    "TLlib CORAL": (lambda g: discrepancy.coral_with_means(g.f_s, g.f_t), 0.7946089095909717, 1e-10),
    "pytorch-adapt CORAL": (lambda g: discrepancy.coral(g.f_s, g.f_t), 0.012678212877091642, 1e-10),
    "TLlib MDD 4": (lambda g: -discrepancy.mdd(g.g_s, g.a_s, g.g_t, g.a_t, 4.0), -6.188450948674159, 1e-5),
    "TLlib MDD 1": (lambda g: -discrepancy.mdd(g.g_s, g.a_s, g.g_t, g.a_t, 1.0), -1.7129337637049413, 1e-5),
    "TLlib MCD": (lambda g: discrepancy.classifier_discrepancy(g.g_t.softmax(1), g.a_t.softmax(1)), 0.42750698250536656, 1e-10),
    "TLlib MCD balance": (lambda g: entropy.uniform_cross_entropy(g.g_t), 1.171166278447304, 1e-5),
    "BSP": (lambda g: discrepancy.bsp(g.f_s, g.f_t), 18.90776039810388, 1e-10),
    "TLlib MCC 1": (lambda g: entropy.mcc(g.g_t, 1.0), 0.3514325051987049, 1e-6),
    "pytorch-adapt MCC 1": (lambda g: entropy.mcc(g.g_t, 1.0), 0.3514325483631702, 1e-6),
    "TLlib MCC 2.5": (lambda g: entropy.mcc(g.g_t, 2.5), 0.581778985094526, 1e-6),
    "TLlib AFN": (lambda g: discrepancy.afn(g.f_s, 1.0), 1.0, 1e-10),
    "TLlib entropy": (lambda g: entropy.entropy_minimisation(g.g_t), 0.5507007976400519, 1e-4),
    "pytorch-adapt entropy": (lambda g: entropy.entropy_minimisation(g.g_t), 0.5507307952874488, 1e-10),
    "pytorch-adapt diversity": (lambda g: entropy.diversity(g.g_t), -1.0337886935724292, 1e-10),
    "pytorch-adapt IM": (lambda g: -entropy.information_maximisation(g.g_t), 0.48305789828498036, 1e-10),
    "pytorch-adapt BNM": (lambda g: entropy.batch_nuclear_norm(g.g_t), -0.5555416442420668, 1e-10),
    "TLlib FixMatch": (fixmatch, 1.3446549893457478, 1e-10),
    "TLlib ClassBalanceLoss": (lambda g: entropy.class_balance(g.g_t), 0.6704786303284008, 1e-6),
    "DANN": (lambda g: adversarial.domain_adversarial(g.f_s @ g.w[:4], g.f_t @ g.w[:4]), 0.4743348785912213, 1e-10),
    "TLlib CDAN": (lambda g: cdan(g, weighted=False), 0.6901772022247314, 1e-6),
    "TLlib CDAN+E": (lambda g: cdan(g, weighted=True), 0.692160427570343, 1e-5),
}


@pytest.mark.parametrize("name", TABLE)
def test_golden_value(golden: SimpleNamespace, name: str) -> None:
    compute, expected, tolerance = TABLE[name]
    value = compute(golden)
    assert value.shape == ()
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(expected, rel=tolerance)


def test_pseudo_labels(golden: SimpleNamespace) -> None:
    labels, mask = entropy.confident_pseudo_labels(golden.g_t, 0.8)
    assert labels.tolist() == [0, 0, 2, 2, 2, 1]
    assert mask.tolist() == [1, 1, 0, 1, 1, 0]


def test_afn_gradient(golden: SimpleNamespace) -> None:
    f = golden.f_s.requires_grad_()
    discrepancy.afn(f, 1.0).backward()
    expected = [-0.02525338525896085, -0.24927466694618222, -0.1081079775688149, 0.19143715221691984]
    torch.testing.assert_close(f.grad[0], torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-9)


def test_dann_gradients(golden: SimpleNamespace) -> None:
    """The features' gradient is turned and scaled, the discriminator's is the plain one."""
    w, f = golden.w[:4].clone().requires_grad_(), golden.f_s.requires_grad_()
    scale = adversarial.warm_start(500 / 10_000)
    assert scale == pytest.approx(0.24492, abs=5e-6)
    logits = [adversarial.reverse_gradient(x, scale) @ w for x in (f, golden.f_t)]
    adversarial.domain_adversarial(*logits).backward()
    expected_f = [0.0029526820364351677, -0.002274188496785621, -0.0054101806140193056, -0.0035720776250498577]
    expected_w = [-0.0015363155720264504, 0.13605868820957046, 0.20025475914548566, 0.1004510723349903]
    torch.testing.assert_close(f.grad[0], torch.tensor(expected_f, dtype=torch.float64), rtol=1e-4, atol=0)
    torch.testing.assert_close(w.grad, torch.tensor(expected_w, dtype=torch.float64), rtol=1e-10, atol=0)


def test_multilinear_map(golden: SimpleNamespace) -> None:
    row = adversarial.conditional_map(golden.f_s, golden.g_s.softmax(1))[0]
    expected = (
        [0.06753242766761272, 0.6666085850386305, 0.2891016036302418, -0.5119399043894715]
        + [0.021830824645074815, 0.21549077427671012, 0.0934562347517758, -0.1654919076291811]
        + [0.010470164334140605, 0.10335037067311947, 0.044822041851812114, -0.0793706832892755]
    )
    torch.testing.assert_close(row, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=0)
