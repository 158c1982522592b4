"""A plugin's mistake in one sentence: who failed, in which phase, with what, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dazoo.contracts import Augmentation
from dazoo.contracts import Bridge
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts.origin import called
from dazoo.contracts.origin import note
from dazoo.errors import DazooError
from dazoo.errors import PluginError


_BF16 = (
    "The step runs in bf16 autocast: compute this part of the network in float32, under torch.autocast(images.device.type, enabled=False) "
    "and from images.float(). Until then --set precision=fp32 helps."
)
REMEDIES: tuple[tuple[str, str], ...] = (
    (r"not implemented for '?BFloat16|BFloat16|have the same dtype|expected scalar type|same type", _BF16),
    (
        r"mat1 and mat2 shapes cannot be multiplied|expected input.*to have \d+ channels|size mismatch",
        "A layer is given another number of features than it was built for: compare problem.backbone.num_features, num_critic_features and "
        "code_size with what the layers take.",
    ),
    (
        r"modified by an inplace operation|leaf Variable that requires grad|view.*in-?place",
        "Something is changed in place (relu_, mul_, x[...] = y) that a gradient needs or that others read: work on a new tensor.",
    ),
    (
        r"backward through the graph a second time",
        "Something with a gradient is kept from one phase or step to the next: keep x.detach().",
    ),
    (r"is on (cpu|cuda)|same device|device-side", "A tensor is made on another device: make it with device=images.device."),
    (r"has no attribute 'problem'|before Module.__init__|super\(\)", "Call super().__init__(problem) first in the constructor."),
)
"""What a message of Python or torch looks like, and what usually mends it."""


@contextmanager
def blaming(part: object, doing: str, step: Step | None = None) -> Iterator[None]:
    """A block that runs the code of a part. What it raises becomes a PluginError that names the part, what it was doing and a remedy.

    Args:
        part: a component, or another thing that a registry has built.
        doing: such as "in phase 'task'".
        step: of the loss that runs, for the remedies that look at batches.

    Raises:
        PluginError: the block raised something that is no error of dazoo's own; running out of memory stays what it is.
    """
    try:
        yield
    except PluginError as exc:
        raise exc if called(part) in str(exc) else PluginError(f"The {owner(part)}, {doing}: {exc}") from exc
    except (DazooError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as exc:
        if "can't allocate memory" in str(exc):
            raise
        raise PluginError(fault(part, doing, exc, step)) from exc


def fault(part: object, doing: str, exc: Exception, step: Step | None = None) -> str:
    """The sentence for an exception that left a part's code."""
    said = " ".join(str(exc).split())[:400]
    inside = [other for other in (getattr(part, "gan", None), getattr(step, "backbone", None)) if other is not None]
    deepest = next(_running(exc, inside), None)
    who = f"{owner(part)} fails {doing}" if deepest is None else f"{called(deepest)} fails {doing} of the {owner(part)}"
    advice = _remedy(said, step)
    return f"The {who}: {type(exc).__name__}: {said}{'' if said.endswith('.') else '.'}{advice and ' '}{advice}"


def _running(exc: BaseException, parts: list[Any]) -> Iterator[Any]:
    """Those of the parts in whose methods the exception passed, the deepest first."""
    frames, trace = [], exc.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_locals.get("self"))
        trace = trace.tb_next
    for owner in reversed(frames):
        yield from (part for part in parts if owner is part)


def _remedy(said: str, step: Step | None) -> str:
    if "NoneType" in said and step is not None and step.teacher is None:
        return (
            'This run keeps no average, so step.teacher is None: say `defaults = {"ema": 0.99}` in the class, or ask step.opinion(images), '
            "which works without one."
        )
    if re.search(r"size of tensor a|Sizes of tensors must match|batch_size|shape mismatch|size mismatch, got input", said):
        source = step.source if step is not None and getattr(step, "has_source", True) else None
        sizes = "" if source is None or step is None else f" (here {len(source.images)} and {len(step.target.images)})"
        return (
            f"Source and target batches need not be of one size{sizes}, because a bridge adds pictures to the source: compare means, "
            "or distances of two samples of any size."
        )
    return next((advice for pattern, advice in REMEDIES if re.search(pattern, said)), "")


def seen_through(augmentation: Augmentation, which: str, images: Tensor) -> Tensor:
    """The "weak" or "strong" view of images (N, C, H, W); what it raises is a PluginError with its name."""
    with blaming(augmentation, f"in its {which} view"):
        view: Tensor = getattr(augmentation, which)(images)
        return view


class Blamed:
    """The loss of one component's phase: what it raises, or gives instead of named scalars, is a PluginError with its name."""

    def __init__(self, phase: Phase, component: object) -> None:
        self.loss: Callable[[Step], Mapping[str, Tensor]] = phase.loss
        self.component, self.doing = component, f"in phase {phase.name!r}"
        note(self, owner(component))

    def __call__(self, step: Step) -> Mapping[str, Tensor]:
        with blaming(self.component, self.doing, step):
            terms: Any = self.loss(step)
            self._check(terms)
        return dict(terms)

    def _check(self, terms: Any) -> None:
        if not isinstance(terms, Mapping):
            raise PluginError(f'the loss gives {_kind(terms)}; expected named scalars, such as {{"task": loss}}.')
        for name, value in terms.items():
            if not isinstance(name, str) or not name:
                raise PluginError(f"a loss term is called {name!r}; expected a name, such as 'critic/real'.")
            if not isinstance(value, Tensor):
                raise PluginError(f"the loss term {name!r} is {_kind(value)}, through which no gradient flows; expected a scalar tensor.")
            if value.ndim:
                raise PluginError(f"the loss term {name!r} has the shape {tuple(value.shape)}; expected one number: give its .mean().")


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def owner(component: object) -> str:
    """What messages call a component; a bridge together with its GAN."""
    gan = getattr(component, "gan", None) if isinstance(component, Bridge) else None
    return called(component) if gan is None else f"{called(component)} with the {called(gan)}"
