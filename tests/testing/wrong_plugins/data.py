"""Wrong data sets, scenarios, validators and augmentations."""

from __future__ import annotations

import numpy as np
import torch

from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation
from dazoo.contracts import Dataset
from dazoo.contracts import ImageSet
from dazoo.contracts import Scenario
from dazoo.contracts import Validator
from dazoo.data import missing
from dazoo.errors import DataError
from wrong_plugins import Collection


datasets, scenarios, validators, augmentations = map(Collection, ("dataset", "scenario", "validator", "augmentation"))


class Squares(Dataset):
    """Sound; the wrong ones below change one thing."""

    classes = ("dark", "light", "grey")
    terms = "CC0"

    def load(self, split, root, *, size, download=False):
        labels = np.arange(12) % len(self.classes)
        noise = np.random.default_rng(self.seed(split)).integers(0, 60, (12, size, size, 3))
        images = noise + 90 * labels[:, None, None, None]
        return self.made(split, images.astype(np.uint8), labels)

    def seed(self, split):
        return ("train", "test").index(split)

    def made(self, split, images, labels):
        return ImageSet(f"squares {split}", images, labels, self.classes)


class Needs(Squares):
    """Sound: it is not there, and says so."""

    def load(self, split, root, *, size, download=False):
        raise missing("needs", root, ["needs.npz"], "Download it.", split=split)


@datasets("builds_and_says_what_it_is", "classes is None", "two names or more")
class NoClasses(Squares):
    classes = None


@datasets("builds_and_says_what_it_is", "two names or more")
class OneClass(Squares):
    classes = ("dark",)


@datasets("builds_and_says_what_it_is", "two names or more, each once")
class ClassTwice(Squares):
    classes = ("dark", "light", "dark")


@datasets("builds_and_says_what_it_is", "terms is ''", "CC BY 4.0")
class NoTerms(Squares):
    terms = ""


@datasets("builds_and_says_what_it_is", "weights_may_be_shared is 'yes'", "None where the terms do not say")
class SharesInWords(Squares):
    weights_may_be_shared = "yes"


@datasets("says_when_it_is_missing", "dataset 'thing' of author", "FileNotFoundError", "dazoo.data.missing")
class BareFileNotFound(Squares):
    def load(self, split, root, *, size, download=False):
        raise FileNotFoundError("x.npz")


@datasets("says_when_it_is_missing", "does not name the folder", "dazoo.data.missing")
class MissingWithoutAPlace(Squares):
    def load(self, split, root, *, size, download=False):
        raise DataError("It is not there.")


@datasets("loads_both_splits", "dataset 'thing' of author", "gives a dict", "ImageSet")
class GivesADict(Squares):
    def load(self, split, root, *, size, download=False):
        return {"images": [], "labels": []}


@datasets("loads_both_splits", "float", "expected uint8 (N, H, W, C)")
class FloatPictures(Squares):
    def made(self, split, images, labels):
        return super().made(split, images / 255, labels)


@datasets("loads_both_splits", "expected uint8 (N, H, W, C)")
class ChannelsInFront(Squares):
    def made(self, split, images, labels):
        return super().made(split, images.transpose(0, 3, 1, 2), labels)


@datasets("loads_both_splits", "labels run from 1 to 3", "3 classes")
class LabelsFromOne(Squares):
    def made(self, split, images, labels):
        return super().made(split, images, labels + 1)


@datasets("loads_both_splits", "has no labels", "dazoo hides those of a target")
class NoLabels(Squares):
    def made(self, split, images, labels):
        return super().made(split, images, None)


@datasets("loads_both_splits", "for size=24", "expected 24x24")
class OneSizeOnly(Squares):
    def load(self, split, root, *, size, download=False):
        return super().load(split, root, size=32)


@datasets("names_classes_in_the_order_of_the_labels", "'grey' in the place of 'dark'", "same order")
class ClassesInAnotherOrder(Squares):
    def made(self, split, images, labels):
        return ImageSet("squares", images, labels, ("grey", "light", "dark"))


@datasets("names_classes_in_the_order_of_the_labels", "other classes")
class MoreClassesThanItSays(Squares):
    def made(self, split, images, labels):
        return ImageSet("squares", images, labels, (*self.classes, "blue"))


@datasets("gives_the_same_pictures_each_time", "two loads", "fix the seed")
class OtherPicturesEachTime(Squares):
    def seed(self, split):
        return None


@datasets("keeps_train_and_test_apart", "12 of 12 test pictures", "heed `split`")
class TrainIsTest(Squares):
    def seed(self, split):
        return 0


# ------------------------------------------------------------------ scenarios of Squares, registered as "squares" and "others"


class Others(Squares):
    classes = ("light", "dark", "grey")


OF = {"source": "squares", "target": "squares"}


def of(title: str, clause: str, *words: str, **arguments: object) -> None:
    """A scenario without code of its own."""
    made = type(title, (Scenario,), {})
    scenarios(clause, *words, **{**OF, **arguments})(made)


of("UnknownDataSet", "builds_from_data_sets_that_are_known", "Unknown dataset 'circles'", target="circles")
of("NoSource", "builds_from_data_sets_that_are_known", "no source", source=())
of("OtherOrderWithoutAMapping", "classes_match", "the order differs", "mapping", target="others")
of("MappingThatIsNotThere", "classes_match", "cannot be read", "package:file.csv", mapping="wrong_plugins:nowhere.csv")
of("MappingWithoutAColumn", "classes_match", "no column squares", mapping="wrong_plugins:no_column.csv")
of("MappingWithAnUnknownClass", "classes_match", "['drak']", "mend the mapping", mapping="wrong_plugins:unknown_class.csv")
of("MappingWithAClassTwice", "classes_match", "cannot be told apart", mapping="wrong_plugins:twice.csv")
of("UnknownSetting", "settings_are_known", "image_size", "Did you mean 'size'", settings={"image_size": 48})
of("SettingOfAnotherType", "settings_are_known", "epochs is 'many'", settings={"epochs": "many"})
of("UnknownAugmentation", "settings_are_known", "'flips'", settings={"augment": "flips"})
of("UnknownValidator", "settings_are_known", "'luck'", settings={"validator": "luck"})
of("PicturesOfAnotherSize", "loads_both_sides", "expected", source="large", target="large")


class Large(Squares):
    def load(self, split, root, *, size, download=False):
        return super().load(split, root, size=2 * size)


# ------------------------------------------------------------------ validators


class Margin(Validator):
    """Sound; the wrong ones below change one thing."""

    reads_source = False

    def __call__(self, evidence):
        top = evidence.target_logits.softmax(1).topk(2).values
        return float((top[:, 0] - top[:, 1]).mean())


@validators("gives_a_finite_number", "fails for", "ValueError: boom")
class Raises(Margin):
    def __call__(self, evidence):
        raise ValueError("boom")


@validators("gives_a_finite_number", "gives None", "expected a float")
class GivesNone(Margin):
    def __call__(self, evidence):
        super().__call__(evidence)


@validators("gives_a_finite_number", "gives nan", "finite number")
class GivesNotANumber(Margin):
    def __call__(self, evidence):
        return float("nan")


@validators("gives_a_finite_number", "no 'target_labels'", "no label of the target")
class ReadsTargetLabels(Margin):
    def __call__(self, evidence):
        return (evidence.target_logits.argmax(1) == evidence.target_labels).float().mean()


@validators("gives_a_finite_number", "gives a tuple", "expected a float")
class GivesATuple(Margin):
    def __call__(self, evidence):
        return super().__call__(evidence), 1.0


@validators("repeats_itself", "for the same evidence", "nothing at random")
class Guesses(Margin):
    def __call__(self, evidence):
        return float(torch.rand(()))


@validators("leaves_its_evidence_alone", "target_logits", "in place")
class WritesIntoTheEvidence(Margin):
    def __call__(self, evidence):
        score = super().__call__(evidence)
        evidence.target_logits.sub_(evidence.target_logits.amax(1, keepdim=True)).clamp_(-3)
        return score


@validators("says_whether_it_reads_the_source", "reads_source = False", "say True")
class NeedsASourceAndDeniesIt(Margin):
    def __call__(self, evidence):
        return float(evidence.source_logits[0, 0])


@validators("says_whether_it_reads_the_source", "depends on the source")
class LooksAtTheSourceAndDeniesIt(Margin):
    def __call__(self, evidence):
        return super().__call__(evidence) + float(evidence.source_logits.sum())


@validators("builds_from_defaults", "reads_source is 'no'", "True or False")
class ReadsSourceInWords(Margin):
    reads_source = "no"


@validators("builds_from_defaults", "sharpness", "It takes")
class SettingWithoutADefault(Margin):
    def __init__(self, sharpness):
        self.sharpness = sharpness


# ------------------------------------------------------------------ augmentations


class Turns(Augmentation):
    """Sound; the wrong ones below change one view."""

    weak = Augment(rotate=10)

    def strong(self, images):
        return self.weak(images) * torch.rand(len(images), 1, 1, 1)


@augmentations("gives_images_like_those_it_takes", "leaves [-1, 1]")
class LeavesTheRange(Turns):
    def strong(self, images):
        return 3 * self.weak(images)


@augmentations("gives_images_like_those_it_takes", "changes the images that it is given")
class ChangesItsInput(Turns):
    def weak(self, images):
        return images.mul_(torch.rand(len(images), 1, 1, 1))


@augmentations("gives_images_like_those_it_takes", "expected the same shape")
class OneChannel(Turns):
    def weak(self, images):
        return images[:, :1] * torch.rand(len(images), 1, 1, 1)


@augmentations("gives_images_like_those_it_takes", "float64", "expected torch.float32")
class DoublePrecision(Turns):
    def weak(self, images):
        return images.double()


def unchanged(images):
    return images


@augmentations("builds_from_defaults", "fails for 2 pictures", "weak(self, images)")
class BareFunction(Turns):
    """Python gives a bare function of a class the object in front of the images."""

    weak = unchanged


@augmentations("seed_fixes_the_views", "differs for one seed", "global generators")
class OwnGenerator(Turns):
    generator = torch.Generator().manual_seed(0)

    def strong(self, images):
        return images * torch.rand(len(images), 1, 1, 1, generator=self.generator)


@augmentations("seed_fixes_the_views", "the same for every seed", "global generators")
class SameInEveryStep(Turns):
    def strong(self, images):
        return images * torch.rand(len(images), 1, 1, 1, generator=torch.Generator().manual_seed(0))


@augmentations("draws_for_each_image", "changes 16 equal images alike")
class OneDrawForAll(Turns):
    def strong(self, images):
        return images * torch.rand(())


RIGHT = {"dataset": [Squares, Needs], "validator": [Margin], "augmentation": [Turns]}
