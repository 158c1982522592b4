"""Does a saved model still give the numbers that it was saved with?"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dazoo.errors import WeightsError
from dazoo.models.config import GOLDEN
from dazoo.models.gan_files import is_gan_folder
from dazoo.models.gan_files import read_gan
from dazoo.models.gan_files import verify_gan
from dazoo.models.golden import LOGITS
from dazoo.models.golden import PICTURES
from dazoo.models.golden import difference
from dazoo.models.hub import Hub
from dazoo.models.load import located
from dazoo.models.load import read_folder
from dazoo.models.provenance import changed


@dataclass(frozen=True)
class Verified:
    """What was compared.

    Attributes:
        name: of the model.
        difference: the largest one between logits, in units of their largest value; of a GAN alone between pictures, in [0, 2].
        changed: distributions with another version than when the model was saved: then, and now (None: not there).
    """

    name: str
    difference: float
    changed: dict[str, tuple[str, str | None]]


def verify(ref: str | os.PathLike[str], *, tolerance: float | None = None, revision: str | None = None, hub: Hub | None = None) -> Verified:
    """Load a model (which checks names, shapes and digests) and compare what it gives with the golden tensors stored beside it.

    A classifier is compared by its logits for two pictures, a GAN that was trained alone by two pictures that it draws.

    Args:
        ref, revision, hub: see `load`.
        tolerance: largest difference, see `Verified`; processors and torch versions round differently. 0.001 of logits, 0.02 of
            pictures unless given.

    Raises:
        WeightsError: no golden pair, or other numbers; and as `load`.
    """
    found = located(ref, revision, hub)
    if is_gan_folder(found.folder):
        gan = read_gan(found.folder, compared=found.compared)
        if GOLDEN not in gan.config["files"]:
            raise WeightsError(f"{gan.name} has no {GOLDEN}, so nothing can be compared; save it again.")
        seen, most, name, config, what = verify_gan(gan, found.folder), PICTURES, gan.name, gan.config, "pictures"
    else:
        model = read_folder(found.folder, compared=found.compared)
        seen, most, name, config, what = difference(model), LOGITS, model.name, model.config, "logits"
    allowed, others = most if tolerance is None else tolerance, changed(config)
    if not seen <= allowed:
        versions = ", ".join(f"{dist} {then} (here {now or 'not installed'})" for dist, (then, now) in others.items())
        raise WeightsError(
            f"{name} gives other {what} than when saved: they differ by {seen:.2g}{' of the largest' if what == 'logits' else ' of 2'}, "
            f"allowed is {allowed:g}. " + (f"Install what it was saved with: {versions}." if others else "The versions are those of then.")
        )
    return Verified(name, seen, others)
