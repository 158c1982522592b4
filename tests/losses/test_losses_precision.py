"""Gradients are right, 16-bit inputs and autocast cost no precision, extreme logits give no NaN."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from dazoo.losses import adversarial
from dazoo.losses import discrepancy
from dazoo.losses import entropy
from dazoo.losses import gan


def constant(like: Tensor, *values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64 if like.dtype == torch.float64 else torch.float32)


FEATURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "linear_mmd": discrepancy.linear_mmd,
    "coral": discrepancy.coral,
    "coral_with_means": discrepancy.coral_with_means,
    "bsp": discrepancy.bsp,
    "classifier_discrepancy": discrepancy.classifier_discrepancy,
    "mk_mmd": discrepancy.mk_mmd,
}
LOGITS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "entropy": lambda a, b: entropy.entropy_minimisation(a),
    "diversity": lambda a, b: entropy.diversity(a),
    "mean_divergence": lambda a, b: entropy.mean_divergence(a, constant(a, 0.5, 0.3, 0.2)),
    "information_maximisation": lambda a, b: entropy.information_maximisation(a),
    "class_balance": lambda a, b: entropy.class_balance(a),
    "uniform_cross_entropy": lambda a, b: entropy.uniform_cross_entropy(a),
    "batch_nuclear_norm": lambda a, b: entropy.batch_nuclear_norm(a),
    "self_training": lambda a, b: entropy.self_training(a, *entropy.confident_pseudo_labels(b, 0.5)),
    "mdd": lambda a, b: discrepancy.mdd(b.detach(), a, a.detach(), b),
    "domain_adversarial": lambda a, b: adversarial.domain_adversarial(a[:, 0], b[:, 0], constant(a, 1, 2, 3, 4, 5, 6)),
    "nonsaturating": lambda a, b: gan.nonsaturating_critic(a, b) + gan.nonsaturating_generator(b),
    "least_squares": lambda a, b: gan.least_squares_critic(a, b) + gan.least_squares_generator(b),
    "hinge": lambda a, b: gan.hinge_critic(a, b) + gan.hinge_generator(b),
    "relativistic": lambda a, b: gan.relativistic_critic(a, b) + gan.relativistic_generator(a, b),
}
# bandwidth and weights are constants by definition, which finite differences do not know
CONSTANT_INSIDE = {"linear_mmd", "mk_mmd"}


@pytest.mark.parametrize("name", [*sorted(FEATURES.keys() - CONSTANT_INSIDE), *LOGITS])
def test_gradient(golden: SimpleNamespace, name: str) -> None:
    loss = (FEATURES | LOGITS)[name]
    a, b = (golden.f_s, golden.f_t) if name in FEATURES else (golden.g_t, golden.a_t + 0.1)
    assert torch.autograd.gradcheck(loss, (a.clone().requires_grad_(), b.clone().requires_grad_()))


def test_mmd_gradient_with_the_bandwidth_held(golden: SimpleNamespace) -> None:
    """The bandwidth takes no gradient: compare with explicit kernels of a fixed variance."""
    a, b = golden.f_s.clone().requires_grad_(), golden.f_t.clone().requires_grad_()
    discrepancy.mk_mmd(a, b).backward()
    v = torch.cat([golden.f_s, golden.f_t])
    variance = torch.cdist(v, v).square().mean()

    def plain(s: Tensor, t: Tensor) -> Tensor:
        total = s.new_zeros(())
        for scale in discrepancy.SCALES:
            for i in range(6):
                for j in range(6):
                    for x, y, weight in ((s[i], s[j], (i != j) / 30), (t[i], t[j], (i != j) / 30), (s[i], t[j], -2 / 36)):
                        total = total + weight * torch.exp(-(x - y).square().sum() / (2 * scale * variance))
        return total

    c, d = golden.f_s.clone().requires_grad_(), golden.f_t.clone().requires_grad_()
    plain(c, d).backward()
    torch.testing.assert_close(a.grad, c.grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(b.grad, d.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [*FEATURES, *LOGITS])
def test_bfloat16_costs_no_precision(golden: SimpleNamespace, name: str) -> None:
    """The only error is that of the inputs, also under autocast: the result is float32 and equals that of the rounded inputs."""
    loss = (FEATURES | LOGITS)[name]
    a, b = (golden.f_s, golden.f_t) if name in FEATURES else (golden.g_t, golden.a_t)
    a, b = a.bfloat16(), b.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(a, b)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), loss(a.double(), b.double()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e4])
@pytest.mark.parametrize("name", [*LOGITS, "mcc"])
def test_extreme_logits_stay_finite(golden: SimpleNamespace, name: str, scale: float) -> None:
    loss = LOGITS.get(name, lambda a, b: entropy.mcc(a))
    a, b = ((scale * x).float().requires_grad_() for x in (golden.g_t, golden.a_t))
    with torch.no_grad():
        a[:, 0] += scale * 10  # one class takes everything
    value = loss(a, b)
    value.backward()
    assert torch.isfinite(value)
    if name != "batch_nuclear_norm" or scale:  # equal rows have no unique singular vectors, but the value is right
        assert all(torch.isfinite(x.grad).all() for x in (a, b) if x.grad is not None)


@pytest.mark.parametrize("name", FEATURES)
def test_identical_features_stay_finite(name: str) -> None:
    f = torch.ones(4, 3, requires_grad=True)
    value = FEATURES[name](f, torch.ones(4, 3))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(f.grad).all()
