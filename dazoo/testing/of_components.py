"""Clauses that methods, bridges, GANs and backbones share: they hold for anything that trains through phases."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import load
from safetensors.torch import save
from torch import Tensor

from dazoo.contracts import BACKBONE
from dazoo.contracts import BODY
from dazoo.contracts import Phase
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError
from dazoo.testing.clauses import Skip
from dazoo.testing.rehearsal import BATCH
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal
from dazoo.testing.suspects import changed_outside
from dazoo.testing.suspects import plain_state


def phases_train_known_groups(name: str, build: Build) -> None:
    """Every phase trains groups that exist and hold parameters, and reads batches that exist."""
    r = Rehearsal(build)
    assert r.phases, f"{name} has no phase; nothing would be trained."
    names = {phase.name for phase in r.phases}
    assert r.method.adapts_trained or "task" in names, (
        f'{name} has the phases {sorted(names)} and none called "task": that one trains the classifier, and a GAN adds its terms to it.'
    )
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
            assert terms, f"{where}: the loss gives no term; where a phase rests for a part of the run, say so with begin= and end=."
            _finite(where, terms)

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
                assert not group or any(moved), (
                    f"{name}: phase {phase.name!r} trains {key!r}, but none of its parameters moved; its loss does not depend on them "
                    "(is something detached, or computed under torch.no_grad()?)."
                )
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
    """After a step of every phase each network of its own has had a non-zero gradient, or `after_step` wrote to it; beside a critic the
    backbone's body too."""
    r = Rehearsal(build)
    own = [key for key, group in r.groups.parameters.items() if key not in BACKBONE and group]
    if not own:
        raise Skip(f"{name} has no network of its own")
    seen = dict.fromkeys([*own, *([BODY] if any("critic" in key for key in own) else [])], 0.0)
    first = {key: [p.detach().clone() for p in r.groups.parameters[key]] for key in seen}
    trained: set[str] = set()

    def watch(phase: Phase, terms: Mapping[str, Tensor]) -> None:
        trained.update(phase.groups)
        for key in seen:
            if key in phase.groups:
                seen[key] += sum(float(p.grad.abs().sum()) for p in r.groups.parameters[key] if p.grad is not None)

    for number, progress in enumerate(r.moments()):
        r.run(number, progress, watch=watch)
    same = [key for key, group in first.items() if all(torch.equal(p, old) for p, old in zip(r.groups.parameters[key], group, strict=True))]
    silent = [key for key, amount in seen.items() if not amount > 0 and (key in trained or key in same)]
    assert not silent, (
        f"{name}: after a step {silent} had no gradient, so nothing teaches them; no phase trains them, or no loss reaches them."
    )


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
    before = plain_state(straight)
    straight.run(0)
    suspects = changed_outside(straight, before)
    state = {k: v.contiguous() for k, v in straight.state().items()}
    resumed.load(load(save(state)))
    straight.run(1)
    resumed.run(1)
    expected, got = straight.state(), resumed.state()
    differ = [k for k in expected if not torch.equal(expected[k], got[k])]
    advice = "keep state in buffers of modules that groups() names, and schedules in step.progress"
    where = f"Not in a checkpoint: {', '.join(suspects)}; {advice}." if suspects else f"{advice[0].upper()}{advice[1:]}."
    assert not differ, f"{name}: after a save and a load the next step differs in {differ[:5]}. {where}"


def settings_are_known(name: str, build: Build) -> None:
    """`defaults` are run settings with values that a run takes, `optimizers()` are for groups that exist, with keys and names that do."""
    r = Rehearsal(build)  # makes the optimisers, and refuses settings that they do not have
    for component in r.components:
        try:
            Settings.layered(component.defaults)
        except SettingsError as exc:
            raise AssertionError(f"{name}: its defaults are {dict(component.defaults)}, which are no settings of a run: {exc}") from exc


def reads_what_it_says(name: str, build: Build) -> None:
    """No phase trains on the answers to target pictures by hand: what runs through the learning network is named in `reads`."""
    r = Rehearsal(build)
    seen: list[Tensor] = []
    forward = r.backbone.forward_features

    def recording(x: Tensor) -> Tensor:
        if r.backbone.training and x.ndim == 4:
            seen.append(x.detach())
        return forward(x)

    r.backbone.forward_features = recording  # type: ignore[method-assign]
    found: list[str] = []

    def watch(phase: Phase, terms: Mapping[str, Tensor]) -> None:
        if not phase.reads & {"target", "strong"} and any(_holds(batch, target) for batch in seen):
            found.append(f"phase {phase.name!r} runs the learning network on target pictures, but reads {sorted(phase.reads)}")
        seen.clear()

    for number, progress in enumerate(r.moments()):
        target = r.step(number, progress).target.images
        r.run(number, progress, watch)
    assert not found, f"{name}: {found[0]}; add 'target' to its `reads` and use step.target_outputs, or ask step.opinion(images)."


def leaves_the_batch_alone(name: str, build: Build) -> None:
    """Nothing writes into the pictures or labels of a step: other phases, components and micro-batches read the same tensors."""
    r = Rehearsal(build)
    for number, progress in enumerate(r.moments()):
        torch.manual_seed(number)
        step, fresh = r.step(number, progress), r.step(number, progress)
        given = {"step.target.images": step.target.images, "step.target.strong": step.target.strong}
        wanted = {"step.target.images": fresh.target.images, "step.target.strong": fresh.target.strong}
        if step.has_source:
            given |= {"step.source.images": step.source.images, "step.source.labels": step.source.labels}
            wanted |= {"step.source.images": fresh.source.images, "step.source.labels": fresh.source.labels}
        r.updates.step([step], number, progress)
        changed = [what for what, tensor in given.items() if not torch.equal(tensor, wanted[what])]
        assert not changed, f"{name} changes {', '.join(changed)} in place, which others read too; work on a new tensor."


def takes_batches_of_different_sizes(name: str, build: Build) -> None:
    """The source batch may be larger than the target's, as with pictures that a bridge adds to it."""
    r = Rehearsal(build)
    if r.method.adapts_trained:
        raise Skip(f"{name} reads the target alone")
    for number, progress in enumerate(r.moments()):
        r.run(number, progress, lambda phase, terms: _finite(f"{name}, phase {phase.name!r}", terms), source_batch=BATCH + 3)


def trains_in_bf16(name: str, build: Build) -> None:
    """A step runs in bf16 autocast, which precision "auto" means wherever the processor has it, and stays finite."""
    r = Rehearsal(build, settings={"precision": "bf16"})
    for number, progress in enumerate(r.moments()):
        r.run(number, progress, lambda phase, terms: _finite(f"{name} in bf16, phase {phase.name!r}", terms))


def leaves_the_seed_alone(name: str, build: Build) -> None:
    """The engine seeds each step; nothing seeds torch's generators again, which would repeat the draws of whoever comes after."""
    after = []
    for seed in (1, 2):
        r = Rehearsal(build)
        r.run(seed=seed)
        after.append(torch.get_rng_state())
    assert not torch.equal(*after), (
        f"{name}: torch's generator is in one state after steps with two seeds, so something calls torch.manual_seed; leave it out, "
        "or draw inside torch.random.fork_rng()."
    )


def _finite(where: str, terms: Mapping[str, Tensor]) -> None:
    for term, value in terms.items():
        assert value.isfinite(), f"{where}: the loss term {term!r} is {value.item()}; expected a finite number."


def _holds(batch: Tensor, pictures: Tensor) -> bool:
    """Whether one of the pictures (N, C, H, W) is in the batch (M, C, H, W)."""
    return batch.shape[1:] == pictures.shape[1:] and bool((batch[:, None] == pictures[None]).flatten(2).all(2).any())
