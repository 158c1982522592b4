"""The models that a run leaves: that of the weights which were selected, and beside it those of other moments.

model/                the selected weights: the last ones, or those that a validator chose (`dazoo train --select VALIDATOR`)
models/last           after the last epoch
models/chosen         of the epoch that the validator scored highest, without target labels
models/best           of the best epoch by target labels, where there are labels to count with: an oracle, no result
models/source_only    of the twin that was not adapted
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.plain import shown
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.runs.judging import Judge
from dazoo.runs.judging import Judgement
from dazoo.runs.judging import Plain
from dazoo.runs.judging import put
from dazoo.runs.judging import weighted
from dazoo.runs.stages import Result


SELECTED = ("last", "chosen")
"""Weights that `model` may hold."""


def selecting(plugins: Plugins, select: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a run whose kept weights somebody chooses: "last", or a validator's name.

    Raises:
        UnknownName, AmbiguousName: nobody brings such a validator, or several do.
        SettingsError: the settings name another validator.
    """
    given = dict(settings or {})
    if select == "last":
        return given
    try:
        plugins.validators.get(select)
    except UnknownName as exc:
        raise UnknownName(f"select is {shown(select)}; expected 'last' or a validator. {exc}") from None
    if given.get("validator", select) != select:
        raise SettingsError(f"select is {select!r} and the setting validator is {shown(given['validator'])}; leave one out.")
    return {**given, "validator": select}


@dataclass(frozen=True)
class Kept:
    """Makes and saves the models of a run.

    Attributes:
        result: of the training. plain: its source-only twin, or None.
        model: makes the model of the method's present weights, from what its results say beside the run's numbers.
        judge: gives the verdict on them. complete: adds what a model that is used needs (calibration, pictures for its card).
    """

    result: Result
    plain: Plain | None
    model: Callable[[Mapping[str, Any]], Model]
    judge: Judge
    complete: Callable[[Model], Model]

    def finish(self, select: str, folder: Path | None, *, others: bool) -> tuple[Model, Judgement]:
        """The selected model with the verdict on it, saved below the folder if there is one.

        Args:
            select: "last" or "chosen"; a run in which nothing could choose has only last ones.
            folder: of the run. others: also save the models of the other moments.
        """
        weights = {"last": {}, "chosen": self.result.chosen, "best": self.result.best}
        weights = {name: state for name, state in weights.items() if state or name == "last"}
        if folder is not None and others:
            for name, state in weights.items():
                with weighted(self.result.method, state):
                    save(self._made(name)[0], folder / "models" / name, gan=False)
            self._save_plain(folder / "models" / "source_only")
        selected = select if select in weights else "last"
        if selected != select:
            warnings.warn("Nothing could choose in this run (a stream has one epoch and no score); the last weights are kept.", stacklevel=2)
        put(self.result.method, weights[selected])
        model, judgement = self._made(selected)
        if folder is not None:
            save(model, folder / "model")
        return model, judgement

    def _made(self, name: str) -> tuple[Model, Judgement]:
        judgement = self.judge(self.result.method)
        model = self.model({"weights": name, **judgement.to_json()})
        return self.complete(model) if name in SELECTED else model, judgement

    def _save_plain(self, folder: Path) -> None:
        """Save the twin, where it is another network than the run's own."""
        if self.plain is None or self.plain.method is self.result.method:
            return
        with weighted(self.plain.method, self.plain.weights) as method:
            judgement = self.judge.alone()(method)
            own = self.model({}).config
            recipe = Recipe(own["recipe"]["backbone"], None, None, own["recipe"]["scenario"])
            parts = {"name": str(recipe), "recipe": vars(recipe), "gan_settings": {}, "bridge_settings": {}, "method_settings": {}}
            results = {"seed": own["results"]["seed"], "weights": "source_only", **judgement.to_json()}
            save(Model(method.problem.backbone, {**own, **parts, "results": results}).eval(), folder)
