"""Whether dazoo is whole without its source tree, with a stranger's plugin beside it.

    python benchmarks/wheels.py [FOLDER]

Builds wheels of the core and of every plugin distribution, and installs them into two fresh environments that know nothing of this tree
(other packages are borrowed from the interpreter that runs this). In the first a stranger's plugin is made with `dazoo plugin new`
(backbone, GAN, method), built, installed and tested; `dazoo bench` runs mixed pairs; two models are published to a Hub on this machine.
The second environment lacks the plugin: what it says is printed, then the plugin is installed there and both must predict alike. Needs no
network. Prints each step with its seconds, and stops at the first one that fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image


ROOT = Path(__file__).parents[1]
SETTINGS = ("epochs=1", "steps_per_epoch=3", "batch=8", "size=16")
SCENARIO = "optdigits2optdigits_m"
SERVE = """
import sys
from dazoo.testing.hub import loopback_hub
with loopback_hub() as server:
    print(server.endpoint, flush=True)
    sys.stdin.read()
"""


class Failed(Exception):
    """A step did not go as it must."""


class Place:
    """A fresh environment: its own site-packages, and after them those of this interpreter without dazoo's editable installs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / ("Scripts" if os.name == "nt" else "bin")
        venv.create(folder, with_pip=False)
        (own,) = folder.glob("lib/python*/site-packages") if os.name != "nt" else [folder / "Lib" / "site-packages"]
        (own / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n")  # nested .pth files do not count

    def run(self, *words: str, ok: int = 0, says: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of the environment, away from the source tree.

        Raises:
            Failed: another exit code than `ok`, or no word of `says` in what it wrote.
        """
        known = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DAZOO_", "HF_")) and k != "VIRTUAL_ENV"}
        known |= {"DAZOO_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1,localhost", **variables}
        done = subprocess.run(
            [str(self.bin / "python"), "-W", "ignore", *words], capture_output=True, text=True, env=known, cwd=self.folder, timeout=1800
        )
        wrote = f"{done.stdout}{done.stderr}"
        if done.returncode != ok or not re.search(says, wrote):
            raise Failed(f"{' '.join(words)[:200]} gave {done.returncode} (expected {ok}), and not {says!r}:\n{wrote[-3000:]}")
        return done

    def dazoo(self, *words: object, ok: int = 0, says: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "dazoo", *map(str, words), ok=ok, says=says, **variables)

    def install(self, *wheels: Path) -> None:
        """Wheels, by pip, with nothing fetched and nothing taken for installed already."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--quiet", "--no-index", "--no-deps"]
        checked([*pip, "--ignore-installed", *map(str, wheels)])


def checked(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, cwd=tempfile.gettempdir())
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(project: Path, out: Path) -> Path:
    """The wheel of a project."""
    before = set(out.glob("*.whl"))
    checked([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(project)])
    (wheel,) = set(out.glob("*.whl")) - before
    return wheel


@contextmanager
def step(what: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"{what} ... ", end="", flush=True)
    yield
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def prove(work: Path) -> None:
    """Every step; see the module.

    Raises:
        Failed: a step did not go as it must.
    """
    wheels, picture = work / "wheels", work / "digit.png"
    wheels.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(picture)
    with step("eight wheels"):
        ours = [build(project, wheels) for project in (ROOT, *sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml")))]
    with step(f"two environments with {len(ours)} wheels each"):
        author, reader = Place(work / "author"), Place(work / "reader")
        for place in (author, reader):
            place.install(*ours)
            place.run("-c", "import dazoo; print(dazoo.__file__)", says=re.escape(str(place.folder)))
            place.dazoo("plugins", says="dazoo-signs")
    with step("a stranger's plugin: made, built, installed"):
        author.dazoo("plugin", "new", "stranger", "--kind", "backbone,gan,method", "--into", work)
        theirs = build(work / "dazoo-stranger", wheels)
        author.install(theirs)
        author.dazoo("list", "methods", says="stranger_method")
    with step("its tests"):
        told = author.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(work / "dazoo-stranger"), says=r"\d+ passed").stdout
    print(f"  {told.strip().splitlines()[-1]}")
    with step("a benchmark of mixed pairs"):
        grid = ["--backbones", "fcn,stranger_backbone", "--gans", "stranger_gan,dcgan", "--methods", "source,dann,stranger_method"]
        few = [word for pair in (*SETTINGS, "augment=none") for word in ("--set", pair)]
        out = author.dazoo(
            "bench", "run", *grid, "--scenarios", SCENARIO, "--seeds", "1", "--workers", "2", "--out", work / "grid", "-q", *few,
            says="10 of 10 cells finished .* 0 failed",
        ).stdout  # fmt: skip
    print(f"  {out.strip().splitlines()[0]}")
    names = {f"stranger_backbone-stranger_gan-stranger_method-{SCENARIO}": "ada/whole", f"fcn-stranger_gan-{SCENARIO}": "ada/half"}
    with step("two models trained"):
        for name, repo in names.items():
            author.dazoo("train", name, "--out", work / repo, "--device", "cpu", "-q", "--no-source-only", *few)
    server = subprocess.Popen([author.bin / "python", "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=work)
    assert server.stdin is not None and server.stdout is not None
    try:
        hub = {"HF_ENDPOINT": server.stdout.readline().strip(), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        published(author, reader, work, picture, {**hub, "HF_HUB_CACHE": str(work / "hub")}, theirs, list(names.values()))
    finally:
        server.stdin.close()
        server.wait(timeout=30)


def published(author: Place, reader: Place, work: Path, picture: Path, hub: dict[str, str], theirs: Path, repos: list[str]) -> None:
    """Publish two models, and load them where the plugin is missing, then where it is not.

    Raises:
        Failed: a step did not go as it must.
    """
    whole, half = (f"hub:{repo}" for repo in repos)
    says = "The model was saved with dazoo-stranger 0.1.0, which is not installed here: pip install dazoo-stranger"
    with step("both published"):
        for repo in repos:
            author.dazoo("publish", work / repo, repo, "--license", "mit", HF_TOKEN="hf_ada", says="Published hub:", **hub)
    with step("predicted where the plugin is missing"):
        missing = reader.dazoo("predict", whole, picture, ok=2, says=re.escape(says), **hub).stderr
        seen = json.loads(reader.dazoo("predict", half, picture, "--json", **hub).stdout)  # the network is there, and its GAN is not needed
    print(f"  {missing.strip()}")
    draw = f"import dazoo; print(tuple(dazoo.load({half!r}).generate(2, seed=0).shape))"
    with step("drawn where the plugin is missing"):
        last = reader.run("-c", draw, ok=1, says=re.escape(says), **hub).stderr.strip().splitlines()[-1]
    print(f"  {last}")
    with step("the plugin installed there: the same answers"):
        reader.install(theirs)
        for name, ref in (("whole", whole), ("half", half)):
            mine = json.loads(author.dazoo("predict", work / "ada" / name / "model", picture, "--json").stdout)
            other = json.loads(reader.dazoo("predict", ref, picture, "--json", **hub).stdout)
            if mine != other or name == "half" and other != seen:
                raise Failed(f"{name}: {mine} there, {other} here")
            reader.dazoo("verify", ref, says="gives what it gave", **hub)
        reader.run("-c", draw, says=r"\(2, 3, 16, 16\)", **hub)


if __name__ == "__main__":
    given = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else None
    place = given or Path(tempfile.mkdtemp(prefix="dazoo-wheels-"))
    place.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    try:
        prove(place)
    except Failed as exc:
        sys.exit(f"failed\n{exc}")
    finally:
        if given is None:
            shutil.rmtree(place, ignore_errors=True)
    print(f"everything as it must be, {time.monotonic() - start:.0f} s in all")
