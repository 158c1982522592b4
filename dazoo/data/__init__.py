"""Pictures on the host side: reading, packing, pairing and checking. Needs NumPy and Pillow; never imports torch."""

from __future__ import annotations

from dazoo.data.archive import check_labelled
from dazoo.data.archive import check_unpacked
from dazoo.data.archive import read_npz
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.data.checks import check_domains
from dazoo.data.decoding import Progress
from dazoo.data.drawn import Drawn
from dazoo.data.files import class_folders
from dazoo.data.files import natural
from dazoo.data.files import picture_files
from dazoo.data.files import scan
from dazoo.data.folder import pack_folder
from dazoo.data.folder import read_files
from dazoo.data.folder import read_labelled
from dazoo.data.folder import read_loose
from dazoo.data.formats import is_picture_file
from dazoo.data.own import own_domains
from dazoo.data.own import split_classes
from dazoo.data.pack import PackInfo
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.pack import read_pack
from dazoo.data.pack import write_pack
from dazoo.data.paths import cache_dir
from dazoo.data.paths import data_root
from dazoo.data.paths import expanded
from dazoo.data.paths import find
from dazoo.data.paths import missing
from dazoo.data.pictures import Box
from dazoo.data.pictures import read_picture
from dazoo.data.pictures import to_array
from dazoo.data.pixels import Cropped
from dazoo.data.pixels import resized
from dazoo.data.pixels import with_channels
from dazoo.data.scenario import joined
from dazoo.data.scenario import load_scenario
from dazoo.data.scenario import mapped
from dazoo.data.voc import Boxed
from dazoo.data.voc import voc_boxes


__all__ = [
    "Box",
    "Boxed",
    "Cropped",
    "Drawn",
    "PackInfo",
    "Progress",
    "cache_dir",
    "cached",
    "check_domains",
    "check_labelled",
    "check_unpacked",
    "class_folders",
    "data_root",
    "expanded",
    "files_key",
    "find",
    "is_pack",
    "is_picture_file",
    "joined",
    "load_scenario",
    "mapped",
    "missing",
    "natural",
    "own_domains",
    "pack_folder",
    "pack_info",
    "picture_files",
    "read_files",
    "read_labelled",
    "read_loose",
    "read_npz",
    "read_pack",
    "read_picture",
    "resized",
    "scan",
    "split_classes",
    "to_array",
    "voc_boxes",
    "with_channels",
    "write_pack",
]
