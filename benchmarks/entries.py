"""Make the entries that ship from finished cells of the signs suite: weights of one seed, a card with the numbers of all.

The seed that ships is the one whose last epoch the validator scores best, so that no target label chooses it either. Entries whose cells
are not among the results stay as they are.

dazoo bench run signs --data DIR                  trains the cells
python benchmarks/entries.py [--results runs/bench]

The entry on ImageNet weights is no part of the suite. WEIGHTS is timm's file; leave it out where the Hub is at hand:

dazoo bench run --backbones timm_tf_efficientnet_lite0_pretrained --methods source --scenarios gtsrb_synsigns2india --data DIR \\
    --set backbone.pretrained=WEIGHTS --set size=64 --set epochs=8 --set steps_per_epoch=150 --set batch=32 \\
    --set optimizer=adamw --set lr=0.01
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path

import dazoo
from dazoo.bench.record import Record
from dazoo.bench.stores import open_store
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.models.card import results_of
from dazoo.models.model import Model
from dazoo.models.save import save


ROOT = Path(__file__).parents[1]
ENTRIES = ROOT / "plugins" / "signs" / "dazoo_signs" / "entries"
TWIN, DRAWN = "fcn-source-gtsrb2india", "fcn-source-gtsrb_synsigns2india"
PRETRAINED = "timm_tf_efficientnet_lite0_pretrained-source-gtsrb_synsigns2india"
TWINS = {"fcn-dcgan-gtsrb2india": TWIN, TWIN: TWIN, DRAWN: DRAWN, PRETRAINED: PRETRAINED}
"""Entries, and the source-only recipe that each is measured from."""
GERMAN = {
    "name": "gtsrb",
    "role": "source: labelled training pictures",
    "terms": "GTSRB (Stallkamp et al. 2012). The copy used states no licence; see the benchmark's own page. "
    "Every third frame of the training archive, 48 px, the 22 classes that both countries have: 2,940 pictures.",
}
INDIAN = {
    "name": "synsigns_indian",
    "role": "source: labelled training pictures",
    "terms": "Indian signs that dazoo draws (dazoo_signs.synsigns), under dazoo's licence.",
}
IMAGENET = {
    "name": "imagenet",
    "role": "what the weights were trained on that it started from",
    "terms": "timm's `tf_efficientnet_lite0` (Apache-2.0), trained on ImageNet-1k (Deng et al. 2009; for research that is not commercial).",
}
EFFICIENTNET = "Tan, Le: EfficientNet. Rethinking model scaling for convolutional neural networks. ICML 2019."
PHOTOGRAPHS = {
    "name": "india",
    "role": "target: pictures without labels; labels only to count",
    "terms": "105 crops of the IndianTSR public sample ('Dataset: Available for academic research purposes only', Thomas, "
    "Varghese and Mathew) and 48 phone photographs from the NIT Warangal campus (no licence stated): 153 pictures of 22 classes.",
}
OTHER_PICTOGRAMS = (
    "Two Indian signs, no overtaking and no entry (14 pictures), show another pictogram than the German ones; no source picture has it."
)
TRANSDUCTIVE = (
    "The 153 target pictures were seen in training without their labels (the transductive protocol), and one picture is 0.65 points."
)
CARD = {
    "limits": [
        "It knows 22 classes and no others: a picture of something else gets one of them too, sometimes with a high score.",
        "Not for use in a vehicle.",
    ],
    "licence": "other",
    "licence_text": "The weights come with dazoo under its licence. They were trained on data for academic research: "
    "keep to the terms above.",
    "citations": [
        "Stallkamp, Schlipsing, Salmen, Igel: Man vs. computer. Neural Networks 32, 2012.",
        "Sankaranarayanan, Balaji, Castillo, Chellappa: Generate to adapt. CVPR 2018.",
        "Radford, Metz, Chintala: Unsupervised representation learning with deep convolutional GANs. ICLR 2016.",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("runs/bench"))
    store = open_store(parser.parse_args().results)
    cells = {(r.name, r.seed): r for r in store.done() if r.name in TWINS}
    for name, twin in TWINS.items():
        seeds = sorted(seed for other, seed in cells if other == name and (twin, seed) in cells)
        if not seeds:
            print(f"{name}: no cells with their source-only twins; left as it is")
            continue
        runs = [numbers(cells[name, seed], cells[twin, seed]) for seed in seeds]
        shipped = max(range(len(seeds)), key=lambda i: score(cells[name, seeds[i]]))
        trained = dazoo.load(Path(store.address) / cells[name, seeds[shipped]].place / "model")
        config = {**trained.config, "results": results_of(runs, shipped=shipped)}
        bridge = trained.bridge() if trained.recipe["gan"] else None
        model = Model(trained.backbone, config, method=trained.method, bridge=bridge, familiar=trained.familiar).eval()
        citations = [*(CARD["citations"] if bridge else CARD["citations"][:1]), *([EFFICIENTNET] if name == PRETRAINED else [])]
        drawn = trained.recipe["scenario"] == "gtsrb_synsigns2india"
        data = [*([IMAGENET] if name == PRETRAINED else []), GERMAN, *([INDIAN] if drawn else []), PHOTOGRAPHS]
        first = [] if drawn else [OTHER_PICTOGRAMS]
        limits = [*([TRANSDUCTIVE] if bridge else []), *first, *CARD["limits"]]
        folder = save(model, ENTRIES / name, card={**CARD, "data": data, "limits": limits, "address": name, "citations": citations})
        shutil.copy(folder / "README.md", ROOT / "model_cards" / f"{name}.md")
        print(f"{name}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.1f} MB, {config['results']['numbers']}")


def score(cell: Record) -> float:
    """The cell's own validator on its last epoch."""
    return cell.epochs[-1].scores[cell.numbers.validator]


def numbers(cell: Record, twin: Record) -> FourNumbers:
    """The four numbers of a cell; source-only is the last epoch of the twin of the same seed."""
    return FourNumbers(**{**asdict(cell.numbers), "source_only": twin.numbers.last})


if __name__ == "__main__":
    main()
