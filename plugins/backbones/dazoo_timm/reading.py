"""How to read a timm network: which picture sizes it takes, and how its answer becomes a feature map.

timm's architectures answer with maps (N, C, h, w) or (N, h, w, C), with tokens (N, L, C) after none, one or several that
stand for the whole picture, or with lists of these; some take any size, some multiples of a patch, some one size only. None
of that is declared in full, so it is found out once for each architecture: a twin on the "meta" device, which knows shapes
and computes nothing, is asked with a few sizes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from functools import cache
from typing import Any
from typing import Protocol
from typing import cast

import timm
import torch
from torch import Tensor
from torch import nn

from dazoo.errors import SettingsError


SQUARE = 224
LEAST = 8  # channels; less is one token read the wrong way round
_NORMS = ("BatchNorm", "LayerNorm", "GroupNorm", "RmsNorm")
PROBES = ((16, 16), (17, 23), (73, 101), (40, 130))
"""Sizes that a network must take, after rounding, to count as taking any size (73 and 101 round to odd multiples of 2 to 16)."""

RULES = (
    *((m, 16) for m in (1, 2, 4, 8, 16)),
    *((m, 32) for m in (1, 2, 4, 8, 16, 32)),
    (14, 28),
    (48, 48),
    *((m, 64) for m in (1, 4, 8, 16, 64)),
    *((m, s) for s in (80, 96, 128) for m in (1, 16)),
)
"""What each side may have to be a multiple of, and its least value, the least resizing first."""


@dataclass(frozen=True)
class Reading:
    """What was found out.

    Attributes:
        options: keyword arguments to build the network with.
        form: "NCHW", "NHWC", "NLC" (tokens) or "NCL".
        prefix: tokens before those of the picture.
        stride: pixels a position, for tokens.
        channels: C of the map.
        fixed: the one size that the network takes, or None.
        multiple, smallest: otherwise, what each side must be a multiple of, and its least value.
        through: "forward_features", or "forward_intermediates" where the former gives no map.
        norm: path of the norm between pooling and class scores, or "".
        idle: layers that take no part, such as those of the removed head.
    """

    options: Mapping[str, Any]
    form: str = "NCHW"
    prefix: int = 0
    stride: float = 1.0
    channels: int = 0
    fixed: tuple[int, int] | None = None
    multiple: int = 1
    smallest: int = 16
    through: str = "forward_features"
    norm: str = ""
    idle: tuple[str, ...] = ()

    def fit(self, h: int, w: int) -> tuple[int, int]:
        """The size to resize to for a picture of h x w: each side rounded up, the shorter at least `smallest`, proportions kept."""
        if self.fixed:
            return self.fixed
        grow = max(1.0, self.smallest / min(h, w))
        return _up(h * grow, self.multiple), _up(w * grow, self.multiple)

    def ask(self, net: nn.Module, x: Tensor) -> Any:
        """The network's own answer."""
        if self.through == "forward_features":
            return _timm(net).forward_features(x)
        return _timm(net).forward_intermediates(x, indices=1, output_fmt="NCHW", intermediates_only=True)

    def map(self, net: nn.Module, x: Tensor) -> Tensor:
        """Pictures of a size that fits to the map (N, C, h, w)."""
        return _map(_last(self.ask(net, x)), self.form, self.prefix, self.stride, (x.shape[2], x.shape[3]))


@cache
def reading(arch: str, size: int | None = None) -> Reading:
    """Find out how an architecture is read; `size` is for networks that are built for one size.

    Raises:
        SettingsError: it gives no feature map, or cannot be built for `size`.
    """
    reasons: list[str] = []
    found = None
    with torch.no_grad(), torch.device("meta"):
        for through in ("forward_features", "forward_intermediates"):
            options, net = _twin(arch, None)
            found = _find(net, Reading(options, through=through), RULES, reasons)
            if found is None and size is not None:
                options, net = _twin(arch, size)
            if found is None:
                fixed = (size, size) if size else _own_size(net)
                found = _find(net, Reading(options, through=through, fixed=fixed), ((1, 16),), reasons)
            if found is not None:
                break
        if found is None and size is not None:
            raise SettingsError(
                f"timm's {arch} cannot be used at {size} pixels ({reasons[-1]}). Leave `size` out, or try a multiple of 32."
            )
        if found is None:
            raise SettingsError(
                f"timm's {arch} cannot serve as a backbone with timm {timm.__version__}: it gives no feature map ({reasons[-1]}). "
                "Choose another; `dazoo list backbones 'timm_*'` shows them."
            )
        norm = next((path for path in ("fc_norm", "head.norm") if _is_norm(net, path, found.channels)), "")
        return _without_idle(net, replace(found, norm=norm))


def headless(net: nn.Module) -> nn.Module:
    """The network with its class layer taken off."""
    if hasattr(net, "reset_classifier"):  # encoders have no class layer
        _timm(net).reset_classifier(0)
    return net


def _twin(arch: str, size: int | None) -> tuple[dict[str, Any], nn.Module]:
    """A copy without storage, and the options that it was built with; runs inside `torch.device("meta")`."""
    wanted: list[dict[str, Any]] = [{"dynamic_img_size": True}, {}] if size is None else [{"img_size": size}]
    for options in wanted:
        try:
            net = headless(timm.create_model(arch, **options)).eval()
        except TypeError as exc:  # an option that its constructor does not know
            if not any(name in str(exc) for name in options):
                raise
            continue
        except (AssertionError, ValueError, RuntimeError) as exc:
            if size is None:
                raise
            raise SettingsError(
                f"timm's {arch} cannot be built for pictures of {size} pixels: {exc}. Try its own size, size=None."
            ) from exc
        for layer in net.modules():
            if type(layer).__name__.startswith(_NORMS):
                layer.forward = _same  # they keep the shape, and are what takes longest without storage
        return options, net
    raise SettingsError(f"timm's {arch} is made for one picture size that cannot be set; leave `size` out.")


class _Network(Protocol):
    """What timm's networks have beside what every module has; no class of timm's declares it."""

    pretrained_cfg: Mapping[str, Any]

    def forward_features(self, x: Tensor) -> Any: ...

    def forward_intermediates(self, x: Tensor, *, indices: int, output_fmt: str, intermediates_only: bool) -> Any: ...

    def reset_classifier(self, num_classes: int) -> None: ...


def _timm(net: nn.Module) -> _Network:
    return cast("_Network", net)


def _own_size(net: nn.Module) -> tuple[int, int]:
    _, h, w = _timm(net).pretrained_cfg["input_size"]
    return h, w


def _same(x: Tensor, *_: Any) -> Tensor:
    return x


def _find(net: nn.Module, guess: Reading, rules: Iterable[tuple[int, int]], reasons: list[str]) -> Reading | None:
    """The first rule of sizes under which every probe works."""
    heard: dict[tuple[int, int], Tensor | None] = {}
    for multiple, smallest in rules:
        found, answered = _try(net, replace(guess, multiple=multiple, smallest=smallest), heard, reasons)
        if answered:  # if it took the sizes and gave no map, other sizes will not change that
            return found
    return None


def _try(net: nn.Module, guess: Reading, heard: dict[tuple[int, int], Tensor | None], reasons: list[str]) -> tuple[Reading | None, bool]:
    """The guess with the form, prefix, stride and channels that the answers show, if they agree; and whether all sizes were taken.

    `heard` keeps the answers for the next guess.
    """
    square = _up(SQUARE, guess.multiple)
    sizes = [guess.fixed] if guess.fixed else list(dict.fromkeys([*(guess.fit(*p) for p in PROBES), (square, square)]))
    answers = []
    for size in sizes:
        if size not in heard:
            try:
                heard[size] = _last(guess.ask(net, torch.empty(2, 3, *size, device="meta")))
            except Exception as exc:  # whatever a network says to a size that it does not take
                heard[size] = None
                reasons.append(f"{type(exc).__name__}: {exc}"[:200])
        y = heard[size]
        if y is None:
            return None, False
        answers.append((size, y))
    forms = _forms(net, answers[-1][1], guess.through)
    if not forms:
        reasons.append(f"it answers with {_describe(answers[-1][1])}")
    for form, prefix in forms:
        try:
            stride = _stride(answers[-1][1], form, prefix, sizes[-1])
            maps = [_map(y, form, prefix, stride, size, strict=True) for size, y in answers]
        except ValueError as exc:
            reasons.append(str(exc))
            continue
        channels = {m.shape[1] for m in maps}
        if len(channels) == 1 and maps[0].shape[1] >= LEAST:
            return replace(guess, form=form, prefix=prefix, stride=stride, channels=maps[0].shape[1]), True
        reasons.append(f"its maps have {sorted(channels)} channels at different sizes")
    return None, True


def _last(y: Any) -> Tensor:
    """The last of several answers: the coarsest scale, or the last branch."""
    while isinstance(y, list | tuple):
        y = y[-1]
    return y


def _forms(net: nn.Module, y: Any, through: str) -> list[tuple[str, int]]:
    """What an answer may be, the likeliest first."""
    if not isinstance(y, Tensor) or y.ndim not in (3, 4):
        return []
    if y.ndim == 4:
        declared = getattr(net, "output_fmt", "NCHW")
        last = getattr(declared, "value", declared) == "NHWC" and through == "forward_features"
        return [("NHWC" if last else "NCHW", 0)]
    prefix = getattr(net, "num_prefix_tokens", None)
    return [("NLC", p) for p in ((0, 1, 2) if prefix is None else (prefix,))] + [("NCL", 0)]


def _describe(y: Any) -> str:
    return f"a tensor {tuple(y.shape)}" if isinstance(y, Tensor) else f"a {type(y).__name__}"


def _stride(y: Tensor, form: str, prefix: int, size: tuple[int, int]) -> float:
    """Pixels a position, from a picture whose tokens must fill a grid of its proportions."""
    if y.ndim == 4:
        return 1.0
    count = y.shape[1 if form == "NLC" else 2] - prefix
    if count < 2:
        raise ValueError(f"{y.shape[1]} token(s) for {size} hold no map")
    stride = math.sqrt(size[0] * size[1] / count)
    h, w = round(size[0] / stride), round(size[1] / stride)
    if h * w != count:
        raise ValueError(f"{count} tokens for {size} are no grid")
    return stride


def _map(y: Tensor, form: str, prefix: int, stride: float, size: tuple[int, int], strict: bool = False) -> Tensor:
    """An answer as a map (N, C, h, w)."""
    if form == "NCHW":
        return y
    if form == "NHWC":
        return y.permute(0, 3, 1, 2)
    tokens = y[:, prefix:].transpose(1, 2) if form == "NLC" else y  # (N, C, L)
    h, w, off = grid(tokens.shape[2], stride, size)
    if strict and off > 1:
        raise ValueError(f"{tokens.shape[2]} tokens for {size} at a stride of {stride:.1f} are no grid")
    return tokens.unflatten(2, (h, w))  # (N, C, h, w)


@cache
def grid(count: int, stride: float, size: tuple[int, int]) -> tuple[int, int, float]:
    """Height and width of `count` tokens of a picture, and how many positions they are away from `size / stride` at most."""
    low = [d for d in range(1, math.isqrt(count) + 1) if count % d == 0]
    heights = sorted({*low, *(count // d for d in low)})
    off = {h: max(abs(h - size[0] / stride), abs(count // h - size[1] / stride)) for h in heights}
    best = min(heights, key=off.__getitem__)
    return best, count // best, off[best]


def _without_idle(net: nn.Module, found: Reading) -> Reading:
    """Add the layers that are never called on the way to the feature; the twin must run without them."""
    called: set[nn.Module] = set()
    hooks = [layer.register_forward_pre_hook(lambda layer, _: called.add(layer)) for layer in net.modules()]
    x = torch.empty(2, 3, *found.fit(64, 64), device="meta")
    apply_norm(net, found.norm, found.map(net, x))
    for hook in hooks:
        hook.remove()
    paths = [path for path, layer in net.named_modules() if path and layer not in called and _is_leaf(layer)]
    remove(net, paths)
    try:
        apply_norm(net, found.norm, found.map(net, x))
    except AttributeError:  # a layer whose weights are used without a call
        return found
    return replace(found, idle=tuple(paths))


def remove(net: nn.Module, paths: Iterable[str]) -> None:
    """Put `nn.Identity` in the place of layers."""
    for path in paths:
        parent, _, name = path.rpartition(".")
        setattr(net.get_submodule(parent), name, nn.Identity())


def _is_leaf(layer: nn.Module) -> bool:
    return not any(True for _ in layer.children()) and any(True for _ in layer.parameters(recurse=False))


def _is_norm(net: nn.Module, path: str, channels: int) -> bool:
    try:
        layer = net.get_submodule(path)
    except AttributeError:
        return False
    weight = getattr(layer, "weight", None)
    return isinstance(weight, Tensor) and weight.shape == (channels,) and "Norm" in type(layer).__name__


def apply_norm(net: nn.Module, path: str, f: Tensor) -> Tensor:
    """The norm at `path` on a map (N, C, h, w)."""
    if not path:
        return f
    layer = net.get_submodule(path)
    if "2d" in type(layer).__name__.lower():
        return layer(f)
    return layer(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _up(side: float, multiple: int) -> int:
    return math.ceil(side / multiple - 1e-6) * multiple
