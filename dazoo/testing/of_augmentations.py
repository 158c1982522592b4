"""Clauses for an augmentation."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from dazoo.registry.plugins import zoo
from dazoo.testing.clauses import Skip


def builds_from_defaults(name: str, settings: dict[str, Any]) -> None:
    """It builds, and its views can be called with a batch."""
    for view, seen in _views(name, settings):
        try:
            seen(torch.zeros(2, 3, 16, 16))
        except Exception as exc:
            raise AssertionError(
                f"{view} fails for 2 pictures of 16x16: {type(exc).__name__}: {exc}. Expected a method weak(self, images), or a view "
                "such as dazoo.augmentations.Augment(rotate=5)."
            ) from exc


def gives_images_like_those_it_takes(name: str, settings: dict[str, Any]) -> None:
    """Both views of grey and colour images of any size have their shape, type and range, and leave the images alone."""
    for shape in ((4, 3, 32, 32), (3, 1, 16, 24)):
        images = torch.rand(shape) * 2 - 1
        for view, seen in _views(name, settings):
            before = images.clone()
            got = seen(images)
            assert got.shape == images.shape, f"{view} gives {tuple(got.shape)} for {shape}; expected the same shape."
            assert got.dtype == images.dtype, f"{view} gives {got.dtype}; expected {images.dtype}."
            assert torch.isfinite(got).all() and got.abs().max() <= 1, f"{view} leaves [-1, 1], or is not finite."
            assert torch.equal(images, before), f"{view} changes the images that it is given; expected new ones."


def seed_fixes_the_views(name: str, settings: dict[str, Any]) -> None:
    """It draws from torch's global generators alone, so an interrupted run goes on with the same views, and each step has others."""
    images = torch.rand(16, 3, 24, 24) * 2 - 1
    for view, seen in _views(name, settings):
        first, *others = [_seeded(seen, images, seed) for seed in range(4)]
        assert torch.equal(first, _seeded(seen, images, 0)), f"{view} differs for one seed; draw from torch's global generators."
        same = not torch.equal(first, images) and all(torch.equal(first, other) for other in others)
        assert not same, f"{view} is the same for every seed; draw from torch's global generators."


def draws_for_each_image(name: str, settings: dict[str, Any]) -> None:
    """Equal images of a batch do not all change in the same way."""
    images = (torch.rand(1, 3, 24, 24) * 2 - 1).expand(16, -1, -1, -1).contiguous()
    changed = [(view, got) for view, seen in _views(name, settings) if not torch.equal(got := seen(images), images)]
    if not changed:
        raise Skip("it changes nothing")
    for view, got in changed:
        assert not all(torch.equal(got[0], other) for other in got[1:]), f"{view} changes 16 equal images alike; draw for each image."


def _seeded(seen: Callable[[Tensor], Tensor], images: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return seen(images)


def _views(name: str, settings: dict[str, Any]) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    made = zoo().augmentations.build(name, **settings)
    yield f"{name}.weak", made.weak
    yield f"{name}.strong", made.strong
