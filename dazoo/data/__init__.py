"""Pictures on the host side: reading, packing, pairing and checking. Needs NumPy and Pillow; never imports torch."""

from __future__ import annotations

from dazoo.data.archive import read_npz
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.data.checks import check_domains
from dazoo.data.pack import PackInfo
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.pack import read_pack
from dazoo.data.pack import write_pack
from dazoo.data.paths import cache_dir
from dazoo.data.paths import data_root
from dazoo.data.paths import find
from dazoo.data.paths import missing
from dazoo.data.pixels import resized
from dazoo.data.pixels import with_channels
from dazoo.data.scenario import load_scenario


__all__ = [
    "PackInfo",
    "cache_dir",
    "cached",
    "check_domains",
    "data_root",
    "files_key",
    "find",
    "is_pack",
    "load_scenario",
    "missing",
    "pack_info",
    "read_npz",
    "read_pack",
    "resized",
    "with_channels",
    "write_pack",
]
