"""The method contract: adaptation of features, of predictions, or of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from dazoo.contracts.backbone import Backbone
from dazoo.contracts.component import BACKBONE
from dazoo.contracts.component import Component
from dazoo.contracts.component import Problem
from dazoo.contracts.origin import called
from dazoo.contracts.step import SOURCE
from dazoo.contracts.step import Outputs
from dazoo.contracts.step import Phase
from dazoo.contracts.step import Step
from dazoo.errors import PluginError


class Method(Component):
    """How a backbone is adapted. This class itself learns the source labels alone; a subclass changes `phases()`.

    The phase named "task" trains backbone and head; a bridge adds its terms to it.

    Args:
        problem: the task.

    Attributes:
        adapts: the method does more than learn the source labels. False makes its rows the ones that others are compared with.
        adapts_trained: the method adapts a trained model to target pictures alone (source-free, test-time): the engine
            first trains the model on the source, then runs this method without giving it a source batch.
        streams: with `adapts_trained`, the online protocol: the method gets every target batch once, in the given order, and the answer
            to a batch is the one that it gives when the batch arrives (see `respond`).
        heads: names of groups that `answer` uses beside the backbone. They are averaged with it and saved with the model.
    """

    adapts: ClassVar[bool] = True
    adapts_trained: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    heads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def phases(self) -> Sequence[Phase]:
        """Cross-entropy on the source; the target is not read, so it cannot reach batch statistics either."""
        return [Phase("task", BACKBONE, lambda step: {"task": self.task_loss(step)}, reads=SOURCE)]

    def task_loss(self, step: Step) -> Tensor:
        """Cross-entropy on the labelled source batch; the phase must read "source"."""
        return F.cross_entropy(step.source_outputs.logits, step.source.labels, label_smoothing=self.problem.label_smoothing)

    def answer(self, features: Tensor) -> Tensor:
        """Pooled features (..., C) to the logits (..., K) that count: those of the backbone's head unless overridden.

        They are `Outputs.logits` in every loss, what the evaluation counts and what a saved model predicts with. A method that answers with
        heads of its own names them in `heads`.
        """
        logits: Tensor = self.problem.backbone.head(features)
        return logits

    def read(self, images: Tensor) -> Outputs:
        """Images (N, C_in, H, W) to features and logits in float32, in the backbone's present mode.

        Raises:
            PluginError: the backbone gives another number of features than `num_features`, or other scores than one a class.
        """
        backbone = self.problem.backbone
        features = backbone.pool(backbone.forward_features(images))  # (N, C)
        if features.shape[1:] != (backbone.num_features,):
            raise PluginError(
                f"The {called(backbone)} gives features of the shape {tuple(features.shape)}, but its num_features is "
                f"{backbone.num_features}; set num_features to the channels of the map that forward_features gives."
            )
        logits = self.answer(features)
        if logits.shape[-1] != self.problem.num_classes:
            raise PluginError(
                f"The {called(backbone)} answers with {logits.shape[-1]} scores a picture, but there are {self.problem.num_classes} "
                "classes; build the head for num_classes."
            )
        return Outputs(features.float(), logits.float())

    def respond(self, step: Step) -> Tensor:
        """The answer to a batch of a stream, logits (N, K), asked for after the step: what the last forward pass gave unless overridden."""
        return step.target_outputs.logits

    def set_mode(self, backbone: Backbone) -> None:
        """Put the backbone into the mode it trains in."""
        backbone.train()
