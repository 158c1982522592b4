"""Stream: a trained model that adapts to pictures as they come, and answers each batch when it comes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dazoo.engine.device import choose_device
from dazoo.engine.seeds import checked_seed
from dazoo.engine.settings import Settings
from dazoo.engine.stream import Stream
from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.metrics.seen import Seen
from dazoo.metrics.verdict import Case
from dazoo.metrics.verdict import Verdict
from dazoo.metrics.verdict import judge
from dazoo.models.load import resolve_model
from dazoo.models.model import Model
from dazoo.models.prediction import Prediction
from dazoo.registry.plugins import zoo
from dazoo.runs.adapting import build_method
from dazoo.runs.adapting import check_adapts
from dazoo.runs.adapting import settings_of_method
from dazoo.runs.judging import warn
from dazoo.runs.second import stage_settings


class Streaming:
    """A model in a stream. Calling it with a batch of pictures adapts it to them and answers them.

    Attributes:
        model: the model that the stream started from; it does not change.
        number: batches answered since the start or the last `reset`.
        answered: pictures by the class that they were called since then, (K,).
    """

    def __init__(self, model: Model, stream: Stream) -> None:
        self.model, self._stream = model, stream
        self.answered = torch.zeros(len(model.classes), dtype=torch.int64)
        self._warned = False

    @property
    def number(self) -> int:
        return self._stream.number

    @property
    def verdict(self) -> Verdict:
        """Whether the answers so far look alive: a stream that calls nearly everything by one name has collapsed.

        Answers are compared with the class shares of the source. Label-free scores are not taken: they would need the answers of the model
        that does not adapt, which costs as much again; `dazoo.adapt` compares them.

        Raises:
            SettingsError: nothing has been answered yet.
        """
        if not int(self.answered.sum()):
            raise SettingsError("The stream has answered nothing yet, so there is nothing to judge.")
        counts = self.model.config.get("source_counts", ())
        return judge(Case(self.model.classes, counts, Seen(tuple(self.answered.tolist()))))

    def __call__(self, pictures: Any) -> list[Prediction]:
        """Adapt to a batch of pictures (whatever `Model.predict` takes), and answer it.

        Batch statistics need company: answers are better for some dozens of pictures than for one.

        Raises:
            PictureError: something that is no picture, or no picture at all.
            TrainingError: a loss that is not finite; `reset` starts anew.
        """
        images = self.model.preprocess(pictures)
        if not len(images):
            raise PictureError("A batch of a stream is empty; give at least one picture.")
        return self.model.named(self.model.probabilities(self.logits(images)))

    def logits(self, images: Tensor) -> Tensor:
        """The same for images (N, C, H, W) float in [-1, 1]: logits (N, K), float32 on the CPU."""
        device = self._stream.device
        theirs = torch.random.fork_rng([device] if device.type == "cuda" else [])  # the caller's draws go on as if nothing had been drawn
        with torch.inference_mode(False), torch.enable_grad(), theirs:
            logits = self._stream(images)
        self.answered += torch.bincount(logits.argmax(1), minlength=len(self.answered))
        if not self._warned and not self.verdict.usable:
            self._warned = True
            warn(f"{self.model.name} in a stream", self.verdict)
        return logits

    def reset(self) -> None:
        """Forget what the stream has taught: the model is again the one that it started from."""
        self._stream.reset()
        self.answered.zero_()
        self._warned = False


def stream(
    model: Model | str | os.PathLike[str],
    *,
    method: str = "tent",
    seed: int = 0,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
) -> Streaming:
    """A trained model that adapts to pictures as they come.

        answer = dazoo.stream("fcn-source-gtsrb2india", method="tent")
        for batch in camera:
            labels = [p.label for p in answer(batch)]

    Args:
        model: a model, or what `dazoo.load` takes. It is copied.
        method: name of a method that streams ("dazoo show NAME" tells).
        seed: fixes what is random in the method.
        device: "auto", "cpu", "cuda" or "cuda:N".
        settings: run settings and arguments of the method ({"lr": 1e-4, "method.diversity": 1.0}); the batch is what each call is given.

    Raises:
        SettingsError: the method does not stream, or a setting is unknown.
    """
    seed, plugins = checked_seed(seed), zoo()
    before = resolve_model(model)
    check_adapts(plugins, before, method)
    if not plugins.methods.resolve(method).streams:
        fit = [m for m in plugins.methods.names() if plugins.methods.resolve(m).streams]
        raise SettingsError(f"{method!r} goes over the pictures several times: use dazoo.adapt. Methods that stream: {', '.join(fit)}.")
    run, arguments = settings_of_method(settings)
    adapting = build_method(plugins, before, method, arguments)
    base = Settings.layered({"size": before.size, "precision": before.config.get("settings", {}).get("precision", "auto")})
    made = stage_settings(base, adapting, run)
    views = plugins.augmentations.build(made.augment)
    return Streaming(before, Stream(adapting, made, seed=seed, device=choose_device(device), augmentation=views))
