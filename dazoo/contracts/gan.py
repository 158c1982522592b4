"""The GAN contract, and the bridge contract that lets any GAN help any classifier."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any
from typing import ClassVar
from typing import Self

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts.component import Component
from dazoo.contracts.component import Problem
from dazoo.contracts.optimizers import OptimizerSettings
from dazoo.contracts.origin import called
from dazoo.contracts.step import Phase
from dazoo.contracts.step import Step
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.losses.game import Rules
from dazoo.plain import digest_of


FEEDS = frozenset({"code", "labels", "images"})
"""What a generator can be fed, each a field of `Ask`. A GAN's `takes` and a bridge's `feeds` name them."""


@dataclass(frozen=True)
class Ask:
    """What a generator is asked for. A GAN reads the fields that its `takes` names, and draws its noise itself.

    Attributes:
        code: (N, D) what the bridge knows of each picture to be drawn, such as a feature and a label.
        labels: (N,) int64 classes, where K stands for "of the target domain, class unknown".
        images: (N, C, s, s) in [-1, 1], what `GAN.start` makes of pictures: they themselves, or smaller, grey, with a hole.
        n: how many pictures, where no field tells.
    """

    code: Tensor | None = None
    labels: Tensor | None = None
    images: Tensor | None = None
    n: int = 0

    def __len__(self) -> int:
        given = next((x for x in (self.code, self.labels, self.images) if x is not None), None)
        return self.n if given is None else len(given)


@dataclass(frozen=True)
class Verdict:
    """What critics say of images.

    Attributes:
        images: (N, C, H, W) the very tensor that was judged, so that penalties can take the gradient there.
        logits: one tensor for each critic, of any shape with N first (one a picture, or a map of patches).
        features: (N, F) pooled features of the first critic, on which a bridge may put a class head.
        labels: (N,) the classes that the critics were told, or None.
    """

    images: Tensor
    logits: tuple[Tensor, ...]
    features: Tensor
    labels: Tensor | None = None


class GAN:
    """A generative adversarial network: generators and critics. Images are in [-1, 1]; critics return logits, never probabilities.

    A subclass makes its networks, names them in `groups`, and implements `generate` and `judge`. Loss, regularisers, augmentation and the
    number of critic updates come with the contract as settings (`dazoo.losses.game.Rules`); `rules` holds the ones it was published with.

    Args:
        channels: image channels.
        size: side of the square images, pixels.
        num_classes: K.
        code_size: length D of the code that the bridge gives; 0 where it gives none.
        game: settings of the game by name, such as `game="hinge"` or `r1=0.05`, over those of the class.

    Attributes:
        takes: what the generator can be fed, out of "code", "labels" and "images". A bridge fits that feeds nothing else.
        bridges: names of the bridges that it should be used with, the preferred one first, where several fit.
        rules: the game that it was published with.
        scale: side of what it draws over the side of the pictures that it is given (2 or 4 for super-resolution).
        own_game: `phases` is the whole game, so that nobody adds a critic's and a generator's phase to it. True of every GAN that takes
            pictures; a GAN that draws from noise may train in another way alone than beside a classifier.
        jobs: what a person uses it for when it was trained alone, beyond drawing from noise: "translate", "upscale", "colorize", "inpaint",
            "restore", "voxelize".
        defaults: run settings that it wants when it is trained alone, such as {"batch": 128}; those of the user go over them.
        files: its arguments that may be the path of a file. A run's identity and a saved config hold the digest in place of the path,
            {"sha256": "..."}, so that is what a saved GAN is built with: read the file in `phases`, when training begins, and no sooner.
        min_size: smallest side in pixels that its networks can be built for.
        noise_size: length of the noise that `draw` gives, 0 for none.
        num_critic_features: length F of `Verdict.features`.

    Raises:
        SettingsError: a setting that neither the class nor the game has, or a value out of range.
    """

    takes: frozenset[str]
    bridges: ClassVar[tuple[str, ...]] = ()
    rules: Rules = Rules()
    scale: int = 1
    own_game: bool = False
    jobs: tuple[str, ...] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}
    files: ClassVar[tuple[str, ...]] = ()
    min_size: ClassVar[int] = 8
    noise_size: int = 0
    num_critic_features: int

    def __init__(self, *, channels: int, size: int, num_classes: int, code_size: int = 0, **game: Any) -> None:
        self.channels, self.size, self.num_classes, self.code_size = channels, size, num_classes, code_size
        unknown = next((name for name in game if name not in Rules.names()), None)
        if unknown is not None:
            own = [p.name for p in signature(type(self)).parameters.values() if p.kind is p.KEYWORD_ONLY]
            raise SettingsError(f"Unknown setting 'gan.{unknown}'. {type(self).__name__} takes: {', '.join([*own, *Rules.names()])}.")
        self.rules = self.rules.changed(game)

    @classmethod
    def takes_with(cls, arguments: Mapping[str, Any]) -> frozenset[str]:
        """What a GAN that is built with these arguments takes when it is trained alone, where one of them makes it take more."""
        return cls.takes

    @classmethod
    def identify(cls, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments as the identity of a run holds them: the same for the same game on every machine (see `files`)."""
        places = {name: Path(value).expanduser() for name, value in arguments.items() if name in cls.files and isinstance(value, str)}
        known = {name: {"sha256": digest_of(place)["sha256"]} for name, place in places.items() if place.is_file()}
        return {**arguments, **known}

    def groups(self) -> Mapping[str, nn.Module]:
        """Modules by name; names begin with "generator" or "critic"."""
        raise NotImplementedError(f"{type(self).__name__} must implement groups().")

    def side(self, name: str) -> tuple[str, ...]:
        """Names of the groups on one side of the game: "generator" or "critic"."""
        return tuple(group for group in self.groups() if group.startswith(name))

    def ready(self) -> Self:
        """The GAN as its rules want its critics: spectral norm, ADA's probability. Whoever builds a GAN calls this once, at once.

        Raises:
            PluginError: a group whose name begins with neither "generator" nor "critic", so that nobody would train it.
        """
        modules = self.groups()
        odd = [group for group in modules if not group.startswith(("generator", "critic"))]
        if odd:
            raise PluginError(f"The {called(self)} names its groups {odd}; names begin with 'generator' or 'critic'.")
        self.rules = self.rules.apply([modules[name] for name in self.side("critic")])
        return self

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        """Optimiser settings for its groups."""
        return {}

    def draw(self, n: int, device: torch.device) -> Tensor:
        """Noise for `n` pictures, (n, noise_size); from a normal distribution unless overridden."""
        return torch.randn(n, self.noise_size, device=device)

    def latent(self, n: int, device: torch.device, *, truncation: float = 1.0) -> Tensor:
        """Points (n, D) of the space that pictures are drawn from; `render` draws them, and what lies between them too.

        Args:
            truncation: 1 draws as in training; towards 0, points come nearer to the middle: pictures are more typical and less varied.
                That is the length of the noise, unless a GAN knows better.

        Raises:
            SettingsError: the GAN draws no noise; it starts from pictures.
        """
        if not self.noise_size:
            raise SettingsError(f"{type(self).__name__} starts from pictures; it has no space of noise to draw from.")
        return truncation * self.draw(n, device)

    def between(self, a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
        """The point (D,) at `share` in [0, 1] of the way from one (D,) to another, as likely to be drawn as they are.

        That is the way around the middle: points of normal noise lie near a sphere.
        """
        ends = (a.float(), b.float())
        angle = torch.acos(F.cosine_similarity(*ends, dim=0).clamp(-1, 1)).clamp(1e-4, 3.1415)  # equal points: the straight way
        share = torch.as_tensor(share, device=a.device)
        return (torch.sin((1 - share) * angle) * ends[0] + torch.sin(share * angle) * ends[1]) / torch.sin(angle)

    def render(self, latent: Tensor, labels: Tensor | None = None, *, code: Tensor | None = None) -> Tensor:
        """Pictures (N, C, size, size) of points (N, D), of classes (N,) where it is told them, of a code (N, D) where it is given one."""
        vars(self)["draw"] = lambda n, device: latent.to(device)  # shadows the method, so that any `generate` draws this
        try:
            return self.generate(Ask(code, labels, n=len(latent)))
        finally:
            del vars(self)["draw"]

    @property
    def device(self) -> torch.device:
        """Where its networks are."""
        return next(p.device for module in self.groups().values() for p in module.parameters())

    def start(self, images: Tensor) -> Tensor:
        """What the generator is given of pictures (N, C, size, size): smaller ones where it enlarges, else the same.

        A GAN that restores overrides this with what it undoes: colour taken away, a hole.
        """
        return images if self.scale == 1 else F.interpolate(images, size=self.size // self.scale, mode="area")

    def generate(self, ask: Ask) -> Tensor:
        """Pictures (N, C, size, size) in [-1, 1] for what is asked."""
        raise NotImplementedError(f"{type(self).__name__} must implement generate(ask).")

    def voxelize(self, images: Tensor) -> Tensor:
        """Volumes (N, d, d, d) in [0, 1] (depth, height, width) that pictures (N, C, size, size) are taken for.

        Raises:
            SettingsError: the GAN makes pictures alone.
        """
        raise SettingsError(f"{type(self).__name__} makes pictures, not volumes.")

    def translated(self, step: Step) -> Tensor:
        """The step's source pictures, or the first of them, in the other domain's style, with gradient: (n, C, size, size), n at most N.

        A GAN with a game of its own gives what it has drawn for that game in the same phase.
        """
        return self.generate(Ask(images=self.start(step.source.images)))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        """Pictures (N, C, H, W), and their classes (N,) where the critic is told them, to the critics' verdict."""
        raise NotImplementedError(f"{type(self).__name__} must implement judge(images, labels).")

    def look(self, images: Tensor, labels: Tensor | None = None, *, penalised: bool = False) -> Verdict:
        """`judge`, as every loss calls it: pictures are augmented here before a critic sees them.

        Args:
            penalised: for the critic's loss, which may take its gradient at the images; no gradient reaches a generator then.

        Raises:
            PluginError: `judge` gives no verdict, or features of another width than `num_critic_features`.
        """
        seen = images.detach().requires_grad_() if penalised and self.rules.penalises else images
        verdict = self.judge(self.rules.shown(seen), labels)
        if not isinstance(verdict, Verdict) or not isinstance(verdict.logits, tuple):
            given = verdict.logits if isinstance(verdict, Verdict) else verdict
            raise PluginError(
                f"The {called(self)} judges with a {type(given).__name__}; expected Verdict(images, (logits,), features): a tuple with one "
                "tensor for each critic."
            )
        width = getattr(self, "num_critic_features", None)
        if width is not None and verdict.features.shape[1:] != (width,):
            raise PluginError(
                f"The {called(self)} judges with features of the shape {tuple(verdict.features.shape)}, but its num_critic_features is "
                f"{width}; expected (N, {width})."
            )
        return replace(verdict, images=seen, labels=labels)

    def critic_terms(self, real: Verdict, fake: Verdict) -> Mapping[str, Tensor]:
        """Loss terms of the critics: the game's loss and its regularisers."""
        told = None if real.labels is None else real.labels[: min(len(real.images), len(fake.images))]
        penalties = self.rules.penalties(
            (real.images, real.logits), (fake.images, fake.logits), lambda between: self.look(between, told).logits
        )
        return {"critic/adversarial": self.rules.critic_loss(real.logits, fake.logits), **penalties}

    def generator_terms(self, fake: Verdict, real: Verdict | None = None) -> Mapping[str, Tensor]:
        """Loss terms of the generators. `real` is there where `rules.compares`: relativistic losses look at pairs."""
        return {"generator/adversarial": self.rules.generator_loss(fake.logits, None if real is None else real.logits)}

    def play_critic(self, images: Tensor, labels: Tensor | None = None) -> Mapping[str, Tensor]:
        """One round of the critics, on real pictures (N, C, H, W) and on as many drawn ones of the same classes (N,), if there are any."""
        real = self.look(images, labels, penalised=True)
        with torch.no_grad():
            fakes = self.generate(Ask(labels=labels, n=len(images)))
        return self.critic_terms(real, self.look(fakes, labels, penalised=True))

    def play_generator(self, images: Tensor, labels: Tensor | None = None) -> Mapping[str, Tensor]:
        """One round of the generators, which draw as many pictures of the same classes; a game that compares looks at the real ones too."""
        fake = self.look(self.generate(Ask(labels=labels, n=len(images))), labels)
        if not self.rules.compares:
            return self.generator_terms(fake)
        with torch.no_grad():
            real = self.look(images, labels)
        return self.generator_terms(fake, real)

    def phases(self) -> Sequence[Phase]:
        """Phases beyond those that the bridge makes: an image-to-image GAN's whole game, lazy regularisers."""
        return ()


class Bridge(Component):
    """How a GAN helps a classifier: it owns the phases in which GAN and backbone meet.

    Args:
        problem: the task.
        make_gan: builds the GAN, once the bridge knows the length of its code: `make_gan(code_size=D)`.

    Attributes:
        feeds: what it gives a generator, out of "code", "labels" and "images"; it fits the GANs that take all of that.
        gan: the GAN that it has built.
    """

    feeds: ClassVar[frozenset[str]]
    gan: GAN

    def __init__(self, problem: Problem, make_gan: Callable[..., GAN]) -> None:
        self.gan = make_gan()

    def groups(self) -> Mapping[str, nn.Module]:
        """The GAN's, unless the bridge adds modules of its own; their names begin with "generator" or "critic" too."""
        return self.gan.groups()

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return self.gan.optimizers()

    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` generated pictures (n, C, H, W) in [-1, 1]; `labels` (n,) or `images` to start from where the GAN takes them."""
        raise NotImplementedError(f"{type(self).__name__} must implement sample(n).")
