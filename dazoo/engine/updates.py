"""One training step: phases, parameter groups, optimisers and the weight average. The trainer, a stream and the contract kit run it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import BACKBONE
from dazoo.contracts import Bridge
from dazoo.contracts import Component
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Unlabelled
from dazoo.contracts.origin import called
from dazoo.engine.average import Average
from dazoo.engine.average import Drawing
from dazoo.engine.average import answering
from dazoo.engine.device import autocast
from dazoo.engine.faults import Blamed
from dazoo.engine.faults import blaming
from dazoo.engine.groups import Groups
from dazoo.engine.groups import make_optimizers
from dazoo.engine.groups import merge
from dazoo.engine.groups import merged_settings
from dazoo.engine.passes import Pass
from dazoo.engine.peers import ALONE
from dazoo.engine.peers import Peers
from dazoo.engine.schedules import rate
from dazoo.engine.settings import Settings
from dazoo.engine.state import put_back
from dazoo.engine.state import tensors_of


SILENT = 20
"""Updates of a phase without any gradient, from the first on, after which somebody is told."""


@dataclass(frozen=True)
class Terms:
    """Loss terms of one update, still on the device: `number` of the step, name of the `phase`, and the detached scalars."""

    number: int
    phase: str
    values: Mapping[str, Tensor]


class Updates:
    """Everything that learns in a recipe, and how it takes one step.

    Args:
        method: the adaptation method; its problem's backbone is trained in place.
        bridge: the GAN's bridge, or None.
        settings: how to train.
        device: where everything is moved to.
        peers: the processes that train this model together.
        trained: the backbone is trained already, so its average does not forget it.
        watch: called after each update of a phase with the phase and its terms.

    Attributes:
        groups, optimizers: by name, see `dazoo.engine.groups`.
        average: the weight average, or None where the run keeps none.
        drawing: the average of the GAN's generators, or None where its rules want none.
        pending: terms that nobody has read from the device yet.
    """

    def __init__(
        self,
        method: Method,
        bridge: Bridge | None,
        settings: Settings,
        device: torch.device,
        *,
        peers: Peers = ALONE,
        trained: bool = False,
        watch: Callable[[Phase, Mapping[str, Tensor]], None] | None = None,
    ) -> None:
        self.method, self.settings, self.device, self.peers, self.watch = method, settings, device, peers, watch
        self.backbone = method.problem.backbone
        self.components = [c for c in (bridge, method) if c is not None]
        self.groups = Groups(self.backbone, self.components)
        self.groups.to(device)
        self.phases = [phase for component in self.components for phase in _phases(component)]
        self._merged: dict[tuple[bool, ...], list[Phase]] = {}
        special = merged_settings(part.optimizers() for part in (self.backbone, *self.components))
        self.optimizers = make_optimizers(self.groups, merge(self.phases), special, settings)
        self.average = Average(method, settings.ema, trained=trained) if settings.ema else None
        self.drawing = Drawing(bridge.gan, bridge.gan.rules.ema) if bridge is not None and bridge.gan.rules.ema else None
        self._answers = {id(p) for network in answering(method).values() for p in network.parameters()}
        self.pending: list[Terms] = []
        self._silent: dict[str, int | None] = {}

    @property
    def best(self) -> Method:
        """The method with the networks that are evaluated and kept: the averaged ones where there are any."""
        return self.method if self.average is None else self.average.method

    def make_pass(self, source: Labelled | None, target: Unlabelled, progress: float, number: int) -> Pass:
        """A micro-batch for `step`."""
        teacher = None if self.average is None else self.average.method
        return Pass(source, target, progress, number, self.method, teacher, self.settings.joint)

    def step(self, passes: Sequence[Pass], number: int, progress: float, *, after: Callable[[], None] = lambda: None) -> None:
        """Every phase that runs in this step, then the average and `after_step` of each component.

        Args:
            passes: the micro-batches; gradients add up over them.
            after: called between the phases and what follows them without gradient (to seed random draws that processes share).
        """
        factor = rate(self.settings.schedule, progress, self.settings.warmup)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
        with blaming(self.method, "in set_mode"):
            self.method.set_mode(self.backbone)
        originals = [p.source if p.has_source else None for p in passes]
        extended: list[Labelled | None] | None = None
        for phase in self.phases_at(number, progress):
            learns = any(name in BACKBONE for name in phase.groups)
            if learns and extended is None:
                with torch.no_grad(), autocast(self.device, self.settings.precision):
                    extended = [self._extend(p) if p.has_source else None for p in passes]
            for p, source in zip(passes, extended if learns and extended is not None else originals, strict=True):
                if source is not None:
                    p.source = source
            for _ in range(phase.repeat):
                self._update(phase, passes, number)
        after()
        with torch.no_grad():
            if self.average is not None:
                self.average.update(number)
            if self.drawing is not None:
                self.drawing.update(number)
            for component in self.components:
                for p in passes:
                    with blaming(component, "in after_step", p):
                        component.after_step(p)
        self.peers.take_from_first(b for module in self.stateful().values() for b in module.buffers())

    def phases_at(self, number: int, progress: float) -> list[Phase]:
        """The phases of a step, those of one name merged."""
        which = tuple(phase.runs(number, progress) for phase in self.phases)
        if which not in self._merged:
            self._merged[which] = merge(phase for phase, runs in zip(self.phases, which, strict=True) if runs)
        return self._merged[which]

    def _extend(self, p: Pass) -> Labelled:
        for component in self.components:
            with blaming(component, "in extend", p):
                p.source = component.extend(p)
        return p.source

    def _update(self, phase: Phase, passes: Sequence[Pass], number: int) -> None:
        """One optimiser update: only the phase's groups have gradients, which add up over micro-batches and over processes."""
        parameters = self.groups.of(phase)
        learns = any(id(p) in self._answers for p in parameters)
        for p in self.groups.all:
            p.requires_grad_(False)
        for p in parameters:
            p.requires_grad_(True)
            p.grad = None
        terms: dict[str, Tensor] = {}
        for one in passes:
            one.enter(phase, learns)
            with autocast(self.device, self.settings.precision):
                terms = dict(phase.loss(one))
            if terms:
                total = torch.stack([t.float() for t in terms.values()]).sum() / len(passes)
                self._notice(phase, bool(parameters) and not total.requires_grad)
                if total.requires_grad:
                    with blaming(phase.loss, f"in the backward pass of phase {phase.name!r}", one):
                        total.backward()
            self.pending.append(Terms(number, phase.name, {k: v.detach() for k, v in terms.items()}))
        self.peers.average_gradients(parameters)
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        for name in phase.groups:
            if name in self.optimizers:
                self.optimizers[name].step()  # leaves alone what has no gradient
        if self.watch is not None:
            self.watch(phase, terms)

    def _notice(self, phase: Phase, silent: bool) -> None:
        """Warn once of a phase whose first losses have all been constants: a step may have nothing to learn from, and not twenty."""
        seen = self._silent.get(phase.name, 0)
        if seen is None:
            return
        self._silent[phase.name] = seen + 1 if silent else None
        if silent and seen + 1 == SILENT:
            warnings.warn(
                f"Phase {phase.name!r} of the {called(phase.loss)} has trained nothing in {SILENT} steps: its loss does not depend on "
                f"{', '.join(phase.groups)}. Is something detached, or computed under torch.no_grad()?",
                stacklevel=2,
            )

    def stateful(self) -> dict[str, nn.Module]:
        """Every module whose state belongs into a checkpoint, by name."""
        averages = [one.modules for one in (self.average, self.drawing) if one is not None]
        return self.groups.modules | {name: module for modules in averages for name, module in modules.items()}

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of the modules and the optimisers, by name."""
        return tensors_of(self.stateful(), self.optimizers)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave, strictly."""
        put_back(tensors, self.stateful(), self.optimizers, self.groups.parameters)


def _phases(component: Component) -> list[Phase]:
    """A component's phases, whose losses say whose they are."""
    with blaming(component, "in phases"):
        return [replace(phase, loss=Blamed(phase, component)) for phase in component.phases()]
