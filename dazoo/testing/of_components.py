"""Clauses that methods and GANs share: they hold for anything that trains through phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import torch
from safetensors.torch import load
from safetensors.torch import save
from torch import Tensor

from dazoo.contracts import Phase
from dazoo.engine.settings import Settings
from dazoo.testing.clauses import Skip
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal


def phases_train_known_groups(name: str, build: Build) -> None:
    """Every phase trains groups that exist and hold parameters, and reads batches that exist."""
    r = Rehearsal(build)
    assert r.phases, f"{name} has no phase; nothing would be trained."
    for phase in r.phases:
        trained = r.groups.of(phase)  # raises for a group that nobody brought
        assert trained, f"{name}: phase {phase.name!r} trains {phase.groups}, which hold no parameter."
        if r.method.adapts_trained:
            assert "source" not in phase.reads, f"{name} adapts a trained model without a source, but phase {phase.name!r} reads it."


def terms_are_finite_named_scalars(name: str, build: Build) -> None:
    """Every phase's loss gives named scalars, finite at the beginning, the middle and the end of a run."""
    for progress in (0.0, 0.5, 1.0):
        r = Rehearsal(build)

        def watch(phase: Phase, terms: Mapping[str, Tensor], progress: float = progress) -> None:
            where = f"{name}, phase {phase.name!r}, progress {progress}"
            assert terms, f"{where}: the loss gives no term."
            for term, value in terms.items():
                assert isinstance(term, str) and term, f"{where}: a term is called {term!r}; expected a name such as 'critic/real'."
                assert isinstance(value, Tensor) and value.ndim == 0, f"{where}: {term!r} is no tensor of no dimension, but {value!r}."
                assert value.isfinite(), f"{where}: {term!r} is {value.item()}."

        r.run(progress=progress, watch=watch)


def each_phase_changes_what_it_names_and_nothing_else(name: str, build: Build) -> None:
    """After each phase the groups that it names have moved and every other parameter is equal to the bit."""
    r = Rehearsal(build)
    before: dict[str, list[Tensor]] = {}
    owners: dict[int, set[str]] = {}
    for key, group in r.groups.parameters.items():
        for p in group:
            owners.setdefault(id(p), set()).add(key)

    def watch(phase: Phase, terms: Mapping[str, Tensor]) -> None:
        for key, group in r.groups.parameters.items():
            moved = [not torch.equal(p, old) for p, old in zip(group, before[key], strict=True)]
            if key in phase.groups:
                assert not group or any(moved), f"{name}: phase {phase.name!r} trains {key!r}, but none of its parameters moved."
            else:
                strays = [i for i, (p, m) in enumerate(zip(group, moved, strict=True)) if m and not owners[id(p)] & set(phase.groups)]
                assert not strays, f"{name}: phase {phase.name!r} does not train {key!r}, but {len(strays)} of its parameters changed."
        remember()

    def remember() -> None:
        before.update({k: [p.detach().clone() for p in group] for k, group in r.groups.parameters.items()})

    for number, progress in enumerate(r.moments()):
        remember()
        r.run(number, progress, watch=watch)


def critic_and_backbone_both_learn(name: str, build: Build) -> None:
    """After a step of every phase each critic and the backbone's body have had a non-zero gradient."""
    r = Rehearsal(build)
    critics = [key for key, group in r.groups.parameters.items() if "critic" in key and group]
    if not critics:
        raise Skip(f"{name} has no critic")
    seen = dict.fromkeys([*critics, "backbone.body"], 0.0)

    def watch(phase: Phase, terms: Mapping[str, Tensor]) -> None:
        for key in seen:
            if key in phase.groups:
                seen[key] += sum(float(p.grad.abs().sum()) for p in r.groups.parameters[key] if p.grad is not None)

    for number, progress in enumerate(r.moments()):
        r.run(number, progress, watch=watch)
    silent = [key for key, amount in seen.items() if not amount > 0]
    assert not silent, f"{name}: after a step {silent} had no gradient; the adversarial game does not happen."


def seed_fixes_the_step(name: str, build: Build) -> None:
    """Two runs with one seed end in the same weights."""
    states = []
    for _ in range(2):
        r = Rehearsal(build)
        r.run(0)
        r.run(1)
        states.append(r.state())
    differ = [k for k in states[0] if not torch.equal(states[0][k], states[1][k])]
    assert not differ, f"{name}: two runs with one seed differ in {differ[:5]}; draw from torch's global generator."


def state_survives_a_checkpoint(name: str, build: Build) -> None:
    """A run that is saved after a step and continued in other objects ends like one that was not: all state is in the groups."""
    straight, resumed = Rehearsal(build), Rehearsal(build, seed=5)
    straight.run(0)
    state = {k: v.contiguous() for k, v in straight.state().items()}
    resumed.load(load(save(state)))
    straight.run(1)
    resumed.run(1)
    expected, got = straight.state(), resumed.state()
    differ = [k for k in expected if not torch.equal(expected[k], got[k])]
    assert not differ, f"{name}: after a save and a load the next step differs in {differ[:5]}; keep state in modules that groups() names."


def settings_are_known(name: str, build: Build) -> None:
    """`defaults` are run settings, `optimizers()` are for groups that exist."""
    r = Rehearsal(build)
    known = {f.name for f in fields(Settings)}
    for component in r.components:
        unknown = sorted(set(component.defaults) - known)
        assert not unknown, f"{name}: its defaults hold {unknown}; run settings are {', '.join(sorted(known))}."
        strange = sorted(set(component.optimizers()) - set(r.groups.parameters))
        assert not strange, f"{name}: optimizers() is for {strange}, but the groups are {', '.join(r.groups.parameters)}."
