"""Clauses for a backbone."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import load
from safetensors.torch import save
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Problem
from dazoo.contracts import Start
from dazoo.engine.groups import KINDS
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo
from dazoo.testing.clauses import Skip
from dazoo.testing.pictures import pictures
from dazoo.testing.rehearsal import Build


CLASSES = 5
SIZES = ((32, 32), (48, 64), (37, 53))
"""Heights and widths that every backbone must take: two usual ones and an odd one."""
GROUPS = ("backbone.body", "backbone.head")
OPTIMIZER = tuple(OptimizerSettings.__annotations__)
"""What the optimiser of a group takes."""


def builds_from_defaults(name: str, settings: dict[str, Any]) -> None:
    """It builds on a CPU for grey and colour pictures and says what it is."""
    for channels in (1, 3):
        usual = torch.get_default_dtype()
        try:
            net = _build(name, settings, channels=channels)
            assert torch.get_default_dtype() == usual, f"{name} changes torch's default dtype to {torch.get_default_dtype()} for everybody."
        finally:
            torch.set_default_dtype(usual)
        assert isinstance(net, Backbone), f"{name} builds a {type(net).__name__}; expected a dazoo.contracts.Backbone."
        assert isinstance(getattr(net, "num_features", None), int), f"{name} does not set `num_features`, the channels of its map."
        assert isinstance(getattr(net, "head", None), nn.Module), f"{name} does not set `head`, a module from num_features to num_classes."
        assert (net.num_classes, net.in_channels) == (CLASSES, channels), f"{name} does not hand its arguments to Backbone.__init__."
        odd = sorted({str(p.dtype) for p in net.parameters() if p.is_floating_point() and p.dtype != torch.float32})
        assert not odd, f"{name} has parameters of {', '.join(odd)}; expected torch.float32."
        _head_acts_on_the_last_dimension(name, net)
        size = max(32, net.min_size)
        _running(name, net.eval(), _pictures(1, channels, size, size))


def gives_the_shapes_at_any_size(name: str, settings: dict[str, Any]) -> None:
    """Map, feature, class map and logits have the contract's shapes and are finite float32, at every size and from `min_size` on."""
    net = _build(name, settings).eval()
    for h, w in (*SIZES, (net.min_size, net.min_size), (net.min_size, 2 * net.min_size + 1)):
        x = _pictures(2, 3, h, w)
        where = f"{name} at {h}x{w}"
        f = _running(name, net, x, net.forward_features)
        assert isinstance(f, Tensor), f"{where}: forward_features gives a {type(f).__name__}; expected a Tensor (N, num_features, h, w)."
        assert f.ndim == 4 and f.shape[:2] == (2, net.num_features) and min(f.shape[2:]) >= 1, (
            f"{where}: forward_features gives {tuple(f.shape)}, and num_features is {net.num_features}; expected (2, num_features, h, w) "
            "with h and w at least 1."
        )
        with torch.no_grad():
            pooled, dense, logits = net.pool(f), net.dense(x), net(x)
        assert pooled.shape == (2, net.num_features), f"{where}: pool gives {tuple(pooled.shape)}; expected (2, {net.num_features})."
        assert logits.shape == (2, CLASSES), f"{where}: forward gives {tuple(logits.shape)}; expected (2, {CLASSES})."
        assert dense.shape == (2, CLASSES, *f.shape[2:]), (
            f"{where}: dense gives {tuple(dense.shape)}; expected (2, {CLASSES}, *{tuple(f.shape[2:])})."
        )
        for what, tensor in (("the map", f), ("dense", dense), ("forward", logits)):
            assert tensor.dtype == torch.float32 and tensor.isfinite().all(), f"{where}: {what} is {tensor.dtype} or not finite."


def class_map_is_the_classifier_at_each_place(name: str, settings: dict[str, Any]) -> None:
    """`positions` and `class_map` say of each position what pool and head say of it alone; with mean pooling its mean is the logit."""
    net = _build(name, settings).eval()
    x = _pictures(2, 3, 64, 80)
    with torch.no_grad():
        f, dense, logits = net.forward_features(x), net.dense(x), net(x)
        assert _near(net.head(net.pool(f)), logits), f"{name}: forward(x) is not head(pool(forward_features(x)))."
        assert _near(net.class_map(f), dense), f"{name}: dense(x) is not class_map(forward_features(x)); override class_map alone."
        places, expected = net.positions(f), (2, *f.shape[2:], net.num_features)
        assert places.shape == expected, f"{name}: positions gives {tuple(places.shape)}; expected (N, h, w, C), here {expected}."
        for i, j in {(0, 0), (f.shape[2] - 1, f.shape[3] - 1), (f.shape[2] // 2, f.shape[3] // 2)}:
            alone = net.pool(f[:, :, i : i + 1, j : j + 1])
            assert _near(places[:, i, j], alone), f"{name}: positions at ({i}, {j}) is not what pool makes of that position."
            assert _near(dense[:, :, i, j], net.head(alone)), f"{name}: dense at ({i}, {j}) is not what pool and head say of that position."
        if isinstance(net.head, nn.Linear) and _near(net.pool(f), f.mean(dim=(2, 3))):
            assert _near(dense.mean(dim=(2, 3)), logits), f"{name}: head and pooling are linear, but the mean of dense is not the logit."


def says_what_it_wants(name: str, settings: dict[str, Any]) -> None:
    """`wants` and `wants_for_own` hold run settings, `at_hand` gives a start or None, `identify` holds JSON values, and `optimizers` known
    settings of groups that it has."""
    cls, built = zoo().backbones.resolve(name), {**zoo().backbones.get(name).arguments, **settings}
    for asked in (cls.wants, cls.wants_for_own):
        wants = asked(**built)
        try:
            Settings.layered(wants)
        except SettingsError as exc:
            raise AssertionError(f"{name}: {asked.__name__}() gives {dict(wants)}, which are no settings of a run: {exc}") from exc
    start = cls.at_hand(0.0, **built)
    assert start is None or isinstance(start, Start), f"{name}: at_hand() gives {start!r}; expected a dazoo.contracts.Start or None."
    identity = cls.identify(**settings)
    try:
        json.dumps(identity, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise AssertionError(f"{name}: identify() gives {dict(identity)}; expected JSON values: {exc}") from exc
    for group, options in _build(name, settings).optimizers().items():
        assert group in GROUPS, f"{name}: optimizers() is for {group!r}; expected {' or '.join(GROUPS)}."
        strange = sorted(set(options) - set(OPTIMIZER))
        assert not strange, f"{name}: optimizers() sets {strange} of {group}; expected some of {', '.join(OPTIMIZER)}."
        kind = options.get("optimizer", KINDS[0])
        assert kind in KINDS, f"{name}: optimizers() wants {kind!r} for {group}; expected one of {', '.join(KINDS)}."


def is_rebuilt_without_fetching(name: str, settings: dict[str, Any]) -> None:
    """Each of `fetches` is a constructor argument; with all of them False the network has the same tensors."""
    fetches = zoo().backbones.resolve(name).fetches
    if not fetches:
        raise Skip(f"{name} fetches nothing.")
    try:
        rebuilt = _build(name, {**settings, **dict.fromkeys(fetches, False)})
    except SettingsError as exc:
        raise AssertionError(
            f"{name}: fetches is {fetches}, and it cannot be built with them set to False, as a saved model is: {exc}"
        ) from exc
    shapes, expected = ({k: v.shape for k, v in net.state_dict().items()} for net in (rebuilt, _build(name, settings)))
    differ = sorted(k for k in shapes.keys() | expected.keys() if shapes.get(k) != expected.get(k))
    assert not differ, f"{name}: without {', '.join(fetches)} it has other tensors ({differ[:5]}), so its saved weights would not load."


def parts_into_body_and_head(name: str, settings: dict[str, Any]) -> None:
    """Body and head parameters are disjoint, neither is empty, and together they are all."""
    net = _build(name, settings)
    body, head = {id(p) for p in net.body_parameters()}, {id(p) for p in net.head.parameters()}
    assert body and head, f"{name} has {len(body)} body and {len(head)} head parameters; expected some of both."
    assert not body & head, f"{name}: {len(body & head)} parameters are in the body and in the head."
    assert body | head == {id(p) for p in net.parameters()}, f"{name}: body_parameters() leaves some of the network's parameters out."


def gradient_reaches_every_parameter(name: str, settings: dict[str, Any]) -> None:
    """In training mode a loss on the logits sends a finite gradient to every trainable parameter.

    Gradients may be zero (the last norm of a residual block often starts at zero), but not missing.
    """
    net = _build(name, settings).train()
    torch.manual_seed(1)
    nn.functional.cross_entropy(net(_pictures(4, 3, 48, 48)), torch.arange(4) % CLASSES).backward()
    missing = [n for n, p in net.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing, f"{name}: no gradient reaches {missing[:5]}; leave layers out that take no part."
    broken = [n for n, p in net.named_parameters() if p.grad is not None and not p.grad.isfinite().all()]
    assert not broken, f"{name}: the gradient of {broken[:5]} is not finite."
    for what, group in (("body", net.body_parameters()), ("head", list(net.head.parameters()))):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in group), f"{name}: every gradient of the {what} is zero."


def leaves_its_input_alone(name: str, settings: dict[str, Any]) -> None:
    """An in-place layer must not write into the pictures: other networks read the same batch."""
    net = _build(name, settings).eval()
    for size in SIZES:
        x = _pictures(2, 3, *size)
        before = x.clone()
        with torch.no_grad():
            net(x)
        assert torch.equal(x, before), f"{name} changes the pictures it is given; make its first layer out-of-place."


def is_deterministic_in_eval_mode(name: str, settings: dict[str, Any]) -> None:
    """In eval mode answers repeat, survive a switch to training mode and back, and do not depend on the rest of the batch."""
    net = _build(name, settings).eval()
    x = _pictures(3, 3, 48, 48)
    with torch.no_grad():
        first = net(x)
        assert torch.equal(first, net(x)), f"{name}: two calls in eval mode differ."
        net.train()
        net.eval()
        assert torch.equal(first, net(x)), f"{name}: answers change after train() and eval()."
        assert _near(first[:1], net(x[:1])), f"{name}: the answer to a picture depends on the others of its batch in eval mode."


def survives_safetensors(name: str, settings: dict[str, Any]) -> None:
    """Its state goes to safetensors and back, strictly, and gives the same answers to the bit."""
    net, other = _build(name, settings).eval(), _build(name, settings, seed=1).eval()
    state = net.state_dict()
    apart = [k for k, v in state.items() if not v.is_contiguous()]
    assert not apart, f"{name}: {apart[:5]} are not contiguous; call .contiguous() where they are made."
    stores = [v.untyped_storage().data_ptr() for v in state.values() if v.numel()]
    assert len(stores) == len(set(stores)), f"{name}: some of its tensors share memory, which safetensors refuses; keep one of them."
    other.load_state_dict(load(save(state)), strict=True)
    x = _pictures(2, 3, 48, 48)
    with torch.no_grad():
        assert torch.equal(net(x), other(x)), f"{name} answers differently after a save and a load; is some state not in its state_dict?"


def survives_copy_and_pickle(name: str, settings: dict[str, Any]) -> None:
    """A deep copy (for averages) and a pickle (for other processes) answer the same."""
    net = _build(name, settings).eval()
    x = _pictures(2, 3, 48, 48)
    with torch.no_grad():
        expected = net(x)
        for what, copied in (("deep copy", copy.deepcopy), ("pickle", lambda n: pickle.loads(pickle.dumps(n)))):
            try:
                other = copied(net)
            except Exception as exc:
                advice = "keep no lambda, generator or open file as an attribute"
                raise AssertionError(f"{name}: no {what} of it can be made ({type(exc).__name__}: {exc}); {advice}.") from exc
            assert torch.equal(other(x), expected), f"{name}: a {what} of it answers differently."


def seed_fixes_the_weights(name: str, settings: dict[str, Any]) -> None:
    """The same seed gives the same weights, another seed others."""
    a, b, c = (_build(name, settings, seed=s).state_dict() for s in (0, 0, 1))
    differ = [k for k in a if not torch.equal(a[k], b[k])]
    assert not differ, f"{name}: {differ[:5]} differ between two builds with one seed; draw from torch's global generator."
    assert any(not torch.equal(a[k], c[k]) for k in a), f"{name}: its weights do not depend on the seed."


def builds(name: str, settings: dict[str, Any]) -> dict[str, Build]:
    """What trains the backbone with the plain method, for the clauses of `of_components`."""

    def build(p: Problem) -> list[Method]:
        net = zoo().backbones.build(name, num_classes=p.num_classes, in_channels=p.channels, **settings)
        return [Method(replace(p, backbone=net, size=max(p.size, net.min_size)))]

    return {name: build}


def _head_acts_on_the_last_dimension(name: str, net: Backbone) -> None:
    shape = None
    with contextlib.suppress(Exception), torch.no_grad():
        shape = tuple(net.head(torch.zeros(2, 3, net.num_features)).shape)
    assert shape == (2, 3, CLASSES), (
        f"{name}: head gives {shape or 'an error'} for (2, 3, {net.num_features}); expected (2, 3, {CLASSES}): a module from num_features "
        "to num_classes that acts on the last dimension, as nn.Linear(num_features, num_classes) does."
    )


def _running(name: str, net: Backbone, x: Tensor, what: Callable[[Tensor], Any] | None = None) -> Any:
    """What the network makes of pictures, or an AssertionError that says at which size it fails and with what."""
    try:
        with torch.no_grad():
            return (what or net)(x)
    except Exception as exc:
        least = net.min_size
        raise AssertionError(
            f"{name} at {x.shape[2]}x{x.shape[3]} pixels and {x.shape[1]} channels fails: {type(exc).__name__}: {exc}. Expected a map at "
            f"any height and width from min_size ({least}) on, and logits of it; set num_features to the map's channels, and min_size."
        ) from exc


def _build(name: str, settings: dict[str, Any], *, channels: int = 3, seed: int = 0) -> Backbone:
    torch.manual_seed(seed)
    return zoo().backbones.build(name, num_classes=CLASSES, in_channels=channels, **settings)


def _pictures(n: int, channels: int, h: int, w: int) -> Tensor:
    return pictures(n, channels, h, w, seed=n * h + w)


def _near(a: Tensor, b: Tensor) -> bool:
    """Equal up to the order of summation, on the scale of the values."""
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4 * max(1.0, float(b.abs().max())))
