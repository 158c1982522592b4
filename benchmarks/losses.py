"""MK-MMD in one matrix product against the way it is usually written, in one run. `python benchmarks/losses.py`

The usual way (DAN's and TLlib's shape): a distance tensor (2n, 2n, d) for each kernel, and a weight matrix filled in a Python loop.
Only the ratio means something: both ran on the same machine, one after the other, in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from dazoo.losses.discrepancy import SCALES
from dazoo.losses.discrepancy import mk_mmd


def usual_mk_mmd(source: Tensor, target: Tensor) -> Tensor:
    """The same value: kernels from an expanded difference tensor, pair weights set one by one."""
    n = len(source)
    both = torch.cat([source, target])
    kernels = torch.zeros(2 * n, 2 * n)
    for scale in SCALES:
        squared = (both.unsqueeze(0) - both.unsqueeze(1)).square().sum(2)
        kernels = kernels + torch.exp(-squared / (2 * scale * squared.mean().detach()))
    weights = torch.zeros(2 * n, 2 * n)
    for i in range(n):
        for j in range(n):
            if i != j:
                weights[i, j] = weights[n + i, n + j] = 1 / (n * (n - 1))
            weights[i, n + j] = weights[n + i, j] = -1 / (n * n)
    return (kernels * weights).sum()


def seconds(loss: Callable[[Tensor, Tensor], Tensor], source: Tensor, target: Tensor) -> float:
    """One forward and backward pass."""
    a, b = source.clone().requires_grad_(), target.clone().requires_grad_()
    start = time.perf_counter()
    loss(a, b).backward()
    return time.perf_counter() - start


def compare(n: int, width: int, rounds: int) -> dict[str, float]:
    """Median milliseconds of each, their ratio, and how far their values are apart."""
    source, target = torch.randn(n, width), torch.randn(n, width) + 0.3
    times = [(seconds(usual_mk_mmd, source, target), seconds(mk_mmd, source, target)) for _ in range(rounds + 1)][1:]  # the first warms up
    usual, ours = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    difference = (usual_mk_mmd(source, target) - mk_mmd(source, target)).abs().item()
    return {"n": n, "width": width, "usual_ms": usual, "ours_ms": ours, "ratio": usual / ours, "difference": difference}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128], help="samples of a domain")
    parser.add_argument("--width", type=int, default=256, help="feature length")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = [compare(n, options.width, options.rounds) for n in options.sizes]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'n':>5} {'width':>6} {'usual ms':>10} {'dazoo ms':>10} {'ratio':>7} {'difference':>11}")
    for r in rows:
        print(f"{r['n']:5} {r['width']:6} {r['usual_ms']:10.1f} {r['ours_ms']:10.2f} {r['ratio']:7.0f} {r['difference']:11.1e}")


if __name__ == "__main__":
    main()
