"""Protocols: one line, JSON there and back, and no comparison across them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures import Figure
from dazoo.metrics.pictures import Figures
from dazoo.metrics.pictures import Protocol


PROTOCOL = Protocol("vgg16", "ab" * 32, 64, "bilinear", 500, 400, "cd" * 32, 0, "torch-fidelity", "0.4.0", "3 neighbours")


def test_it_is_one_line_that_says_everything() -> None:
    line = (
        "vgg16 (abababababab), 64 px bilinear, 500 real (cdcdcdcdcdcd) and 400 drawn pictures, 3 neighbours, seed 0, torch-fidelity 0.4.0"
    )
    assert str(PROTOCOL) == line
    assert str(replace(PROTOCOL, extractor="", digest="", size=0)).startswith("pixels, own size, 500 real")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"extractor": "inception"}, "extractor is 'vgg16' and 'inception'"),
        ({"digest": "cd" * 32}, "digest is abababababab and cdcdcdcdcdcd"),
        ({"size": 224}, "size is 64 and 224"),
        ({"filter": "nearest"}, "filter is 'bilinear' and 'nearest'"),
        ({"real": 2}, "real is 500 and 2"),
        ({"drawn": 2, "seed": 7}, "drawn is 400 and 2; seed is 0 and 7"),
        ({"real_digest": "ab" * 32}, "real_digest is cdcdcdcdcdcd and abababababab"),
        ({"version": "0.3.0"}, "version is '0.4.0' and '0.3.0'"),
        ({"settings": ""}, "settings is '3 neighbours' and ''"),
    ],
)
def test_figures_of_different_protocols_do_not_compare(change: dict[str, object], says: str) -> None:
    one, other = Figure("fid", 20.0, PROTOCOL), Figure("fid", 10.0, replace(PROTOCOL, **change))  # type: ignore[arg-type]
    for compare in (one.minus, one.better_than):
        with pytest.raises(SettingsError, match=says):
            compare(other)


def test_figures_of_one_protocol_compare() -> None:
    assert Figure("fid", 20.0, PROTOCOL).minus(Figure("fid", 12.5, PROTOCOL)) == 7.5
    assert not Figure("fid", 20.0, PROTOCOL).better_than(Figure("fid", 12.5, PROTOCOL))
    assert Figure("recall", 0.5, PROTOCOL).better_than(Figure("recall", 0.25, PROTOCOL))
    with pytest.raises(SettingsError, match="fid and kid"):
        Figure("fid", 1.0, PROTOCOL).minus(Figure("kid", 1.0, PROTOCOL))
    with pytest.raises(SettingsError, match="Neither"):
        Figure("lpips_like_drawn", 1.0, PROTOCOL).better_than(Figure("lpips_like_drawn", 2.0, PROTOCOL))


def test_json_there_and_back() -> None:
    figures = Figures((Figure("kid", 0.1, PROTOCOL, 0.02), Figure("psnr", math.inf, PROTOCOL)), ("a remark",))
    back = Figures.from_json(figures.to_json())
    assert back == figures and back["psnr"].value == math.inf
    assert list(back) == ["kid", "psnr"] and len(back) == 2
    assert str(back).splitlines() == [f"kid 0.1 ± 0.02 [{PROTOCOL}]", f"psnr inf [{PROTOCOL}]", "a remark"]
    with pytest.raises(KeyError, match="there are kid, psnr"):
        back["fid"]


@pytest.mark.parametrize("text", ["", "[]", '{"figures": [{}], "remarks": []}', '{"figures": [{"value": 1, "protocol": {}}]}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="no JSON of figures"):
        Figures.from_json(text)
