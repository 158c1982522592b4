"""`dazoo gan explain`: the game of a GAN in words and numbers, and how a training of it went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from dazoo.errors import SettingsError


if TYPE_CHECKING:
    from dazoo.contracts import GAN
    from dazoo.losses.equilibrium import Balance
    from dazoo.losses.game import Rules

FED = {"code": "noise (and a code, beside a classifier)", "labels": "a class", "images": "pictures"}


def explained(name: str, *, size: int, channels: int, classes: int, settings: Mapping[str, Any]) -> list[str]:
    """Lines about a registered GAN as it would play alone on such pictures.

    Args:
        size, channels, classes: of the pictures. settings: the GAN's own.

    Raises:
        UnknownName, SettingsError: see `dazoo.train_gan`.
    """
    from dazoo.losses.equilibrium import BALANCES
    from dazoo.models.gan_files import build_game
    from dazoo.registry.plugins import zoo
    from dazoo.runs.gan_first_step import first_step
    from dazoo.runs.gan_first_step import is_told_classes

    plugins = zoo()
    summary = plugins.gans.get(name).summary
    config = {"gan": name, "gan_settings": dict(settings), "channels": channels, "size": size, "classes": [str(i) for i in range(classes)]}
    game = build_game(plugins, config)
    gan, rules = game.gan, game.gan.rules
    lines = [f"{name}: {summary}", "", f"Pictures of {channels} x {size} x {size}, values in [-1, 1].", "", "Who plays"]
    for group, module in gan.groups().items():
        count = sum(p.numel() for p in module.parameters())
        if count:
            lines.append(f"  {group:<20} {count:>12,} parameters")
    lines += ["", "What they see", f"  The generator is given {_fed(gan)}. It never sees a real picture that it should copy."]
    if "images" in gan.takes and "translate" not in gan.jobs:
        lines[-1] = "  The generator is given pictures with something taken away, and sees the whole ones: it learns to undo that."
    lines.append(
        f"  The critic is shown real pictures and drawn ones{', with their class' if is_told_classes(gan) else ''}, and answers a number."
    )
    if rules.policies:
        lines.append(f"  Both kinds are augmented before it looks: {', '.join(rules.policies)}.")
    steps = first_step(game)
    plays = any(group in gan.side("critic") for phase, _ in steps for group in phase.groups)
    balance = BALANCES[rules.game]
    lines += (
        _wants(rules, balance)
        if plays
        else ["", "What they want", "  No critic learns with these settings: the generator has its own losses, and no game."]
    )
    if rules.ema:
        lines.append(
            f"  Samples are drawn with averaged weights of the generator (decay {rules.ema:g}), which are steadier than the newest."
        )
    lines += ["", "One step"]
    for phase, terms in steps:
        often = f", every {phase.every} steps" if phase.every > 1 else f", {phase.repeat} times" if phase.repeat > 1 else ""
        when = "" if (phase.begin, phase.end) == (0, 1) else f", from {100 * phase.begin:g} to {100 * phase.end:g} % of the run"
        lines.append(f"  {phase.name}: learns {', '.join(phase.groups)}{often}{when}")
        lines += [f"    {term:<28} {value:>9.3g}" for term, value in terms.items()]
    lines.append("  Beside each loss stands what it is, weighted, for untrained networks that are shown noise.")
    return lines + _ends(balance) if plays else lines


def _wants(rules: Rules, balance: Balance) -> list[str]:
    """What either side wants, and what it costs the critic."""
    lines = ["", f"What they want ({rules.game} game)", f"  The critic wants {balance.critic_wants}."]
    lines.append(f"  The generator wants {balance.generator_wants}.")
    for field, words in (("r1", "R1: the critic's slope at real pictures"), ("r2", "R2: the critic's slope at drawn pictures")):
        if getattr(rules, field):
            lines.append(f"  {words} costs it, weight {getattr(rules, field):g}.")
    if rules.gradient_penalty:
        lines.append(f"  A slope other than 1 between real and drawn pictures costs the critic, weight {rules.gradient_penalty:g}.")
    return lines


def _ends(balance: Balance) -> list[str]:
    """Where the game ends if both sides play perfectly."""
    ends = f"The critic answers {balance.logit:g} to everything; its adversarial loss is {balance.critic:.3g}"
    return [
        "",
        "Where it ends if both play perfectly",
        f"  {ends}, the generator's {balance.generator:.3g}.",
        "  Losses that stay near there with pictures that get better are a good game. A critic's loss near its minimum means",
        "  that the critic has won and teaches nothing; pictures that are all alike mean that the generator has collapsed.",
    ]


def _fed(gan: GAN) -> str:
    return " and ".join(words for what, words in FED.items() if what in gan.takes)


def history_of(run: Path) -> tuple[list[str], bytes | None]:
    """How a training went: lines of losses beside their balance, and a strip of its samples over time as PNG.

    Raises:
        SettingsError: the folder is no training of a GAN.
    """
    file = run / "history.json"
    if not file.is_file():
        raise SettingsError(f"{run} holds no history.json; name the folder of a finished 'dazoo gan train'.")
    history = json.loads(file.read_text(encoding="utf-8"))
    terms, scores = history["terms"], history["scores"]
    if not terms:
        raise SettingsError(f"{file} holds no epoch.")
    shown = sorted({0, len(terms) // 4, len(terms) // 2, 3 * len(terms) // 4, len(terms) - 1})
    names = [*terms[-1], *scores[-1]]
    width = max(len(n) for n in names)
    lines = [f"  {'epoch':<{width}}" + "".join(f"{e + 1:>10}" for e in shown)]
    for name in names:
        values = [(terms[e] | scores[e]).get(name) for e in shown]
        lines.append(f"  {name:<{width}}" + "".join(f"{'' if v is None else f'{v:.3g}':>10}" for v in values))
    return lines, _strip(run / "samples", [e + 1 for e in shown])


def _strip(samples: Path, epochs: list[int]) -> bytes | None:
    """The first row of each epoch's sheet, one under another, or None where there are no sheets."""
    import io

    from PIL import Image

    rows = [Image.open(file) for e in epochs if (file := samples / f"epoch-{e:04d}.png").is_file()]
    if not rows:
        return None
    tall = rows[0].height // max(1, round(rows[0].height / (rows[0].width / 8)))
    strip = Image.new("RGB", (rows[0].width, tall * len(rows)), "white")
    for i, row in enumerate(rows):
        strip.paste(row.crop((0, 0, row.width, tall)), (0, i * tall))
    out = io.BytesIO()
    strip.save(out, "PNG")
    return out.getvalue()
