"""Real Chinese traffic signs."""

from __future__ import annotations

from pathlib import Path

from dazoo.contracts.images import ImageSet
from dazoo.data import find
from dazoo.data import missing
from dazoo_signs.signs import SignSet


_ARCHIVES = ("china_tsrd23_48.npz",)


class China(SignSet):
    """Chinese traffic signs, the 23 most frequent classes of TSRD.

    L. Huang, "Chinese Traffic Sign Database" (CASIA, 2017), http://www.nlpr.ia.ac.cn/pal/trafficdata/recognition.html.

    Read from one folder per class, `china/<class>/` (names as in `classes`), or from an archive `china_tsrd23_48.npz`. As in
    `India`, "train" and "test" both give all pictures: the set is a target, read without labels and measured as a whole.
    """

    name = "china"
    terms = "TSRD (CASIA, National Laboratory of Pattern Recognition): no licence stated; check the official page"

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; both splits are the same pictures. There is no download.

        Raises:
            DataError: not there, or folders of an unknown class.
            PictureError: damaged pictures, named.
        """
        self.check_split(split)
        archive = find(root, _ARCHIVES, self.name)
        if archive is not None:
            return self.from_archive(archive, "all", size=size)
        if (root / self.name).is_dir():
            return self.from_class_folders(root / self.name, size=size)
        raise missing(self.name, root, ("china/<class>/<pictures>", *_ARCHIVES), "It is not fetched for you; see its official page.")
