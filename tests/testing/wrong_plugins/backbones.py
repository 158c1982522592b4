"""Wrong backbones."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dazoo.testing.rehearsal import TinyBackbone
from wrong_plugins import Collection


wrong = Collection("backbone")
RIGHT = [TinyBackbone]


class Wider(TinyBackbone):
    """Sound, with something more in it."""

    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.more()

    def more(self) -> None: ...


@wrong("builds_from_defaults", "arguments to Backbone.__init__")
class ForgetsItsChannels(TinyBackbone):
    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        super().__init__(num_classes=num_classes, in_channels=3)


@wrong("builds_from_defaults", "argument 'in_channels'. It takes: num_classes.")
class TakesNoChannels(TinyBackbone):
    def __init__(self, *, num_classes: int) -> None:
        super().__init__(num_classes=num_classes)


@wrong("builds_from_defaults", "`head`", "num_features to num_classes")
class HeadByAnotherName(Wider):
    def more(self) -> None:
        self.classifier = self.head
        del self.head


@wrong("builds_from_defaults", "head gives", "acts on the last dimension", "nn.Linear(num_features, num_classes)")
class ConvolutionAsHead(Wider):
    def more(self) -> None:
        self.head = nn.Conv2d(8, self.num_classes, 1)


@wrong("builds_from_defaults", "num_features to num_classes", "expected (2, 3, 5)")
class IgnoresTheClasses(Wider):
    def more(self) -> None:
        self.head = nn.Linear(8, 10)


@wrong("builds_from_defaults", "num_features", "fails")
class OtherChannelCount(Wider):
    def more(self) -> None:
        self.num_features = 5
        self.head = nn.Linear(5, self.num_classes)


@wrong("builds_from_defaults", "torch.float64", "expected torch.float32")
class DoublePrecision(Wider):
    def more(self) -> None:
        self.double()


@wrong("builds_from_defaults", "default dtype", "for everybody")
class ChangesTheDefaultType(Wider):
    def more(self) -> None:
        torch.set_default_dtype(torch.float64)


@wrong("gives_the_shapes_at_any_size", "forward_features gives", "num_features is 8")
class FlatMap(TinyBackbone):
    def forward_features(self, x):
        return super().forward_features(x).flatten(2)

    def pool(self, f):
        return f.flatten(2).mean(2)


@wrong("gives_the_shapes_at_any_size", "37x53", "any height and width")
class MultiplesOnly(TinyBackbone):
    def forward_features(self, x):
        assert x.shape[2] % 16 == 0, "16 only"
        return super().forward_features(x)


@wrong("gives_the_shapes_at_any_size", "48x64", "any height and width")
class SquareOnly(TinyBackbone):
    def forward_features(self, x):
        assert x.shape[2] == x.shape[3]
        return super().forward_features(x)


@wrong("gives_the_shapes_at_any_size", "4x4 pixels", "min_size (4)")
class PromisesTooSmallASize(TinyBackbone):
    min_size = 4

    def forward_features(self, x):
        return nn.functional.avg_pool2d(super().forward_features(x), 2)


@wrong("gives_the_shapes_at_any_size", "forward_features gives a tuple", "Tensor")
class GivesATuple(TinyBackbone):
    def forward_features(self, x):
        return (super().forward_features(x),)

    def pool(self, f):
        return f[0].mean((2, 3))


@wrong("class_map_is_the_classifier_at_each_place", "override class_map alone")
class OtherDense(TinyBackbone):
    def dense(self, x):
        return super().dense(x).softmax(1)


@wrong("class_map_is_the_classifier_at_each_place", "dense at (", "pool and head say")
class OtherClassMap(TinyBackbone):
    def class_map(self, f):
        return super().class_map(f).softmax(1)


@wrong("class_map_is_the_classifier_at_each_place", "positions at (", "is not what pool makes")
class PoolsMoreThanItsPositions(TinyBackbone):
    def pool(self, f):
        return 2 * super().pool(f)


@wrong("class_map_is_the_classifier_at_each_place", "positions gives", "(N, h, w, C)")
class ChannelsInFront(TinyBackbone):
    def positions(self, f):
        return f

    def class_map(self, f):
        return self.head(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@wrong("parts_into_body_and_head", "in the body and in the head")
class HeadInBody(TinyBackbone):
    def body_parameters(self):
        return list(self.parameters())


@wrong("gradient_reaches_every_parameter", "no gradient reaches", "idle", "leave layers out")
class IdleLayer(Wider):
    def more(self) -> None:
        self.idle = nn.Linear(2, 2)


@wrong("leaves_its_input_alone", "changes the pictures", "out-of-place")
class WritesIntoItsInput(TinyBackbone):
    def forward_features(self, x):
        return super().forward_features(x.relu_())


@wrong("is_deterministic_in_eval_mode", "two calls in eval mode differ")
class AlwaysDrops(TinyBackbone):
    def pool(self, f):
        return nn.functional.dropout(super().pool(f), 0.5, training=True)


@wrong("is_deterministic_in_eval_mode", "two calls in eval mode differ")
class CountsInEvalMode(Wider):
    def more(self) -> None:
        self.register_buffer("seen", torch.zeros(()))

    def pool(self, f):
        self.seen += 1
        return super().pool(f) * self.seen


@wrong("is_deterministic_in_eval_mode", "depends on the others of its batch")
class LooksAtItsNeighbours(TinyBackbone):
    def pool(self, f):
        return super().pool(f) - f.mean()


@wrong("survives_safetensors", "not in its state_dict")
class NumberOutsideTheState(Wider):
    def more(self) -> None:
        self.scale = float(torch.rand(()))

    def pool(self, f):
        return super().pool(f) * self.scale

    def positions(self, f):
        return super().positions(f) * self.scale


@wrong("survives_safetensors", "share memory")
class TiedTensors(Wider):
    def more(self) -> None:
        self.twin = nn.Linear(8, self.num_classes)
        self.twin.weight = self.head.weight


@wrong("survives_copy_and_pickle", "no pickle of it", "keep no lambda")
class Unpicklable(Wider):
    def more(self) -> None:
        self.act = lambda x: x


@wrong("seed_fixes_the_weights", "draw from torch's global generator")
class OwnGenerator(Wider):
    generator = torch.Generator().manual_seed(0)

    def more(self) -> None:
        with torch.no_grad():
            self.head.bias.uniform_(generator=self.generator)


@wrong("seed_fixes_the_weights", "do not depend on the seed")
class AlwaysTheSameSeed(TinyBackbone):
    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        torch.manual_seed(0)
        super().__init__(num_classes=num_classes, in_channels=in_channels)


@wrong("says_what_it_wants", "no settings of a run", "'side'")
class WantsWhatNoRunHas(TinyBackbone):
    @classmethod
    def wants(cls, **arguments):
        return {"side": 224}


@wrong("says_what_it_wants", "wants_for_own", "photographs")
class WantsForOwnWhatNoRunHas(TinyBackbone):
    @classmethod
    def wants_for_own(cls, **arguments):
        return {"photographs": True}


@wrong("says_what_it_wants", "at_hand", "Start or None")
class IsAtHandInWords(TinyBackbone):
    @classmethod
    def at_hand(cls, seconds=0.0, **arguments):
        return "in the cache"


@wrong("says_what_it_wants", "identify", "JSON")
class HasAPathInItsIdentity(TinyBackbone):
    @classmethod
    def identify(cls, **arguments):
        return {"pretrained": Path("weights.safetensors")}


@wrong("says_what_it_wants", "'backbone'", "backbone.body or backbone.head")
class OptimizesAnUnknownGroup(TinyBackbone):
    def optimizers(self):
        return {"backbone": {"lr_factor": 0.1}}


@wrong("says_what_it_wants", "['factor']", "lr_factor")
class OptimizesWithAnUnknownKey(TinyBackbone):
    def optimizers(self):
        return {"backbone.body": {"factor": 0.1}}


@wrong("says_what_it_wants", "'rmsprop'", "adamw, adam, sgd")
class WantsAnUnknownOptimizer(TinyBackbone):
    def optimizers(self):
        return {"backbone.body": {"optimizer": "rmsprop"}}


@wrong("is_rebuilt_without_fetching", "pretrained", "cannot be built")
class FetchesWhatItDoesNotTake(TinyBackbone):
    fetches = ("pretrained",)


@wrong("is_rebuilt_without_fetching", "other tensors", "mean")
class LargerWithWhatItFetches(TinyBackbone):
    fetches = ("pretrained",)

    def __init__(self, *, pretrained=True, **settings):
        super().__init__(**settings)
        if pretrained:
            self.register_buffer("mean", torch.zeros(3))


@wrong("trains_in_bf16", "thing", "phase 'task'", "bf16 autocast", "precision=fp32")
class NoBf16(TinyBackbone):
    def forward_features(self, x):
        f = super().forward_features(x)
        return torch.zeros(f.shape).index_add(0, torch.arange(len(f)), f)


@wrong("seed_fixes_the_step", "two runs with one seed differ", "global generator")
class OwnGeneratorInTraining(TinyBackbone):
    generator = torch.Generator().manual_seed(0)

    def pool(self, f):
        return super().pool(f) * (1 + torch.rand((), generator=self.generator)) if self.training else super().pool(f)


@wrong("leaves_the_seed_alone", "torch.manual_seed", "fork_rng")
class SeedsInTraining(TinyBackbone):
    def pool(self, f):
        torch.manual_seed(0)
        return super().pool(f)


@wrong("state_survives_a_checkpoint", "backbone.steps", "step.progress")
class ScheduleInAnAttribute(Wider):
    def more(self) -> None:
        self.steps = 0

    def pool(self, f):
        self.steps += self.training
        return super().pool(f) * (1 + self.steps if self.training else 1)
