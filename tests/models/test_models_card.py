"""Cards: whatever a field holds, the front matter is YAML and the tables are tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

import dazoo.models.card
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.models.card import FIELDS
from dazoo.models.card import render_card
from dazoo.models.card import results_of
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.save import save


NASTY = "a \"quoted\" 'name': with | pipes,\n---\nnewlines, {{ braces }}, {% raw %}, # and <b>é</b> \\ %"


def four(last: float, source_only: float | None = 0.6) -> FourNumbers:
    return FourNumbers(source_only, last, last - 0.01, last + 0.02, 153, "snd", 3, 4)


def front_matter(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card[4 : card.index("\n---\n", 4)])


def test_the_command_that_makes_it_again_says_what_was_asked_for(model: Model) -> None:
    asked = {"lr": 0.01, "augment": "none", "adapt.lr": 1e-4, "balance": False, "odd": "two\nwords"}
    config = {**model.config, "asked": asked, "gan_settings": {"width": 8, "features": {"sha256": "ab"}}, "results": {"seed": 3}}
    line = render_card(config).partition("## How to reproduce\n\n```sh\n")[2].partition("\n```")[0]
    assert line == (
        "dazoo train tiny-tinygan-left2right --data DIR --seed 3 --set lr=0.01 --set augment=none --set adapt.lr=0.0001 "
        "--set balance=false --set 'odd=two words' --set gan.width=8"
    )


def test_what_a_card_says(model: Model) -> None:
    model.config["results"] = results_of([four(0.70), four(0.72), four(0.74)], seeds=[4, 5, 6], shipped=2)
    said = {"address": "tiny-tinygan-left2right", "reproduce": "make entry", "licence": "apache-2.0", "citations": ["@article{gta}"]}
    card = render_card(model.config, **said)
    data = front_matter(card)
    assert data["library_name"] == "dazoo" and data["pipeline_tag"] == "image-classification" and data["license"] == "apache-2.0"
    assert {"dazoo", "domain-adaptation", "tiny", "tinygan", "left2right", "source:left", "target:right"} <= set(data["tags"])
    # never the oracle: nobody could have chosen it
    metrics = data["model-index"][0]["results"][0]["metrics"]
    assert [m["name"] for m in metrics] == [
        "accuracy, source-only, n=3",
        "accuracy, last epoch, n=3",
        "accuracy, chosen, n=3",
    ]
    assert metrics[1]["value"] == 0.72
    for text in (
        "# tiny-tinygan-left2right\n",
        'dazoo.load("tiny-tinygan-left2right")',
        "model.generate(8, seed=0)",
        "| scenario | left2right |",
        "| classes | 3: stop, give way, no entry |",
        '| left | source, with labels | free for "research" \\| and: nothing else |',
        "153 pictures",
        "| Source-only | 60.0 | 60.0 to 60.0 | 0.0 | 3 |",
        "| Last epoch | 72.0 | 67.0 to 77.0 | 2.0 | 3 |",
        "| Oracle | 74.0 |",
        "(`snd`)",
        "These weights (seed 6): 73.9 % (66.4 to 80.2, Wilson's interval over the pictures)",
        "```sh\nmake entry\n```",
        "Weights: apache-2.0.",
        "@article{gta}",
    ):
        assert text in card, text
    assert "\n\n\n\n" not in card and "None" not in card


def test_the_results_of_one_run_as_training_records_them(model: Model) -> None:
    import json

    model.config["results"] = {"seed": 7, "seconds": 3.2, **json.loads(four(0.5, None).to_json())}
    card = render_card(model.config)
    assert 'dazoo.load("path/to/folder")' in card  # nobody has it under its name
    assert "| Last epoch | 50.0 | - | - | 1 |" in card and "Source-only | " not in card and "(seed 7)" in card
    model.config["results"] = {"seed": 7, "last": None}
    assert "No result is on record" in render_card(model.config)


@pytest.mark.parametrize("where", ["name", "classes", "settings", "plugins", "scenario terms", "results"])
def test_any_text_in_the_config_keeps_the_card_whole(model: Model, where: str) -> None:
    config = dict(model.config)
    changes = {
        "name": {"name": NASTY},
        "classes": {"classes": [NASTY, "b"]},
        "settings": {"settings": {"augment": NASTY}, "backbone_settings": {"a": NASTY}},
        "plugins": {"plugins": {NASTY: NASTY}},
        "scenario terms": {},
        "results": {"results": {**results_of([four(0.7)]), "metric": NASTY, "validator": NASTY}},
    }
    check(render_card({**config, **changes[where]}))


@pytest.mark.parametrize("field", FIELDS)
def test_any_text_in_a_field_keeps_the_card_whole(model: Model, field: str) -> None:
    value = [{"name": NASTY, "role": f"source {NASTY}", "terms": NASTY}] if field == "data" else NASTY
    check(render_card(model.config, **{field: [NASTY] if field in ("limits", "citations", "tags") else value}))


def check(card: str) -> None:
    data = front_matter(card)
    assert data["library_name"] == "dazoo" and isinstance(data["tags"], list)
    parsed = ModelCard(card)  # the Hub's own reading of it
    assert parsed.data.to_dict()["library_name"] == "dazoo" and "## How to reproduce" in parsed.text
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") or line.endswith("---|") for line in rows)
    assert len([line for line in card.splitlines() if line.startswith("# ")]) == 1


def test_unknown_fields_and_runs_that_cannot_be_averaged(model: Model) -> None:
    with pytest.raises(SettingsError, match="no field 'license'"):
        render_card(model.config, license="mit")
    for runs in ([], [four(0.5), FourNumbers(None, 0.5, 0.5, 0.5, 99, "snd", 0, 0)]):
        with pytest.raises(DataError, match="can be averaged"):
            results_of(runs)


def test_a_card_of_ones_own_is_kept(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "a", card="# Mine\n")
    again = load(tmp_path / "a")
    assert again.card == "# Mine\n"
    save(again, tmp_path / "b")
    assert (tmp_path / "b" / "README.md").read_text() == "# Mine\n"
    save(again, tmp_path / "c", card={"description": "Other words."})
    assert "Other words." in (tmp_path / "c" / "README.md").read_text()


def test_a_copy_without_the_template_says_so(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the folder to save into that is at fault."""
    monkeypatch.setattr(dazoo.models.card, "__file__", str(tmp_path / "a" / "b" / "card.py"))
    monkeypatch.setattr(dazoo.models.card.resources, "files", lambda _: tmp_path)
    with pytest.raises(DazooError, match=r"template of model cards.*install it anew"):
        save(model, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
