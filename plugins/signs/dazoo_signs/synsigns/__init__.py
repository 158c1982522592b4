"""Traffic signs drawn as vectors, in the German and the Indian look: a labelled pair of domains that needs no download."""

from __future__ import annotations

from dazoo_signs.synsigns.classes import CLASSES
from dazoo_signs.synsigns.classes import VARIANTS
from dazoo_signs.synsigns.render import draw
from dazoo_signs.synsigns.render import render
from dazoo_signs.synsigns.render import render_set
from dazoo_signs.synsigns.scene import SignBox
from dazoo_signs.synsigns.scene import scene


__all__ = ["CLASSES", "VARIANTS", "SignBox", "draw", "render", "render_set", "scene"]
