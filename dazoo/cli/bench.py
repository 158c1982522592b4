"""`dazoo bench`: run a grid of recipes, watch it, and read what came out."""

from __future__ import annotations

import gc
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.options import Data
from dazoo.cli.options import Device
from dazoo.cli.options import Json
from dazoo.cli.options import Quiet
from dazoo.cli.options import Set
from dazoo.cli.options import parse_settings
from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.cli.output import title
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.plain import per_cent


if TYPE_CHECKING:
    from dazoo.bench.cells import Cell
    from dazoo.bench.driver import Count
    from dazoo.bench.estimate import Measured
    from dazoo.bench.store import Store
    from dazoo.bench.suite import Suite
    from dazoo.leaderboard.runs import Run
    from dazoo.runs.plan import Pictures


app = typer.Typer(help="Run a grid of recipes, and read what came out.", no_args_is_help=True)
Out = Annotated[str, typer.Option("--out", metavar="PLACE", help="Results: a folder, or an address such as s3://bucket/runs.")]
Work = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="Checkpoints, leases and logs: a folder that all machines see. Unless given, in the results' folder, or this machine's cache.",
        show_default=False,
    ),
]
RUNS = "runs/bench"
BEST = 10
"""Recipes that are listed when a grid has ended."""


@app.command("run")
def run(
    suite: Annotated[str | None, typer.Argument(help="Name of a suite, or your own TOML file.", show_default=False)] = None,
    backbones: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Instead of a suite: names or wildcards, 'fcn,timm_*18'; repeatable.")
    ] = None,
    gans: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="GANs, one recipe each; 'all' for every one.")] = None,
    methods: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Methods, one recipe each; 'all' for every one.")] = None,
    scenarios: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Scenarios: names or wildcards.")] = None,
    triples: Annotated[bool, typer.Option("--triples", help="Also combine each GAN with each method.")] = False,
    exclude: Annotated[list[str] | None, typer.Option(metavar="PATTERNS", help="Recipes to leave out: '*-tent-*'.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds per recipe; 3, or what the suite says.", show_default=False)] = None,
    settings: Set = None,
    source: Annotated[Path | None, typer.Option(metavar="PLACE", help="Instead of scenarios: your labelled pictures.")] = None,
    target: Annotated[Path | None, typer.Option(metavar="PLACE", help="Your other pictures; labels only measure accuracy.")] = None,
    data: Data = None,
    out: Out = RUNS,
    work: Work = None,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Cells to run at the same time; 0 lets the executor choose.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="GPUs (or processes) that train each cell together.")] = 1,
    executor: Annotated[str, typer.Option(help="Where cells run: 'dazoo list executors'.")] = "local",
    executor_set: Annotated[
        list[str] | None, typer.Option("--executor-set", metavar="KEY=VALUE", help="A setting of the executor.")
    ] = None,
    weights: Annotated[bool, typer.Option("--weights/--no-weights", help="Keep each cell's model.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the cells and how long they will take; run nothing.")] = False,
    rates: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="With --dry-run: use the speeds in these results for the estimate; benchmarks/results unless given.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a grid of recipes. Finished cells are skipped and interrupted ones resume, so you can always rerun the command."""
    grids = {"backbones": backbones, "gans": gans, "methods": methods, "scenarios": scenarios, "exclude": exclude}
    own = _own(source, target, suite, scenarios)
    chosen = _suite(suite, grids, triples, seeds, parse_settings(settings or ()), own)
    from dazoo.bench.estimate import Pace
    from dazoo.bench.estimate import shipped
    from dazoo.bench.plan import plan_cells
    from dazoo.bench.stores import open_store
    from dazoo.registry.plugins import zoo

    plugins, store = zoo(), open_store(out)
    made = plugins.executors.build(executor, workers=workers, **parse_settings(executor_set or ()))
    if not quiet:
        say("reading the data sets to identify the cells")
    cells = plan_cells(chosen.runs(plugins), plugins, data, own)

    @cache
    def known() -> list[Pace]:  # reads every record, so not where nothing is left to run
        if not dry_run:
            return [Pace(store.done(), store.address)]
        kind = _kind_of_machine(device) if executor == "local" else None  # of another executor's nobody knows it here
        places = [store, *(open_store(place) for place in [rates or shipped(Path.cwd())] if place)]
        return [Pace(place.done(), place.address, kind) for place in places]

    def needs(cell: Cell) -> Measured | None:
        return next(filter(None, (pace.expected(cell) for pace in known())), None)

    whole = store.cells()
    for cell in cells:
        if not whole.get(cell.path, True):
            say(f"cells/{cell.path}/cell.json is empty or cut off; the cell runs again")
    if dry_run:
        _show_plan(cells, store, {c.path: needs(c) for c in cells}, made.workers or 1, as_json)
        return
    from dazoo.bench.driver import Driver
    from dazoo.bench.driver import work_folder
    from dazoo.bench.view import View
    from dazoo.bench.view import standings

    with View(work_folder(store, work), quiet) as view:
        driver = Driver(
            store, made, str(data.absolute()) if data else None, device, weights, needs=needs, processes=processes, watch=view, work=work,
            source=str(own["source"]) if own else None, target=str(own["target"]) if own else None,
        )  # fmt: skip
        count = driver.run(cells)
        status = view.status()
    if as_json:
        emit_json({**status, "out": store.address})
    else:
        emit(
            f"{count.kept + count.done} of {count.total} cells finished ({count.done} now), {len(count.errors)} failed, in {store.address}"
        )
        rows = [(name, per_cent(mean), f"{seeds} seed{'' if seeds == 1 else 's'}") for name, mean, seeds in standings(count)[:BEST]]
        if rows:
            title("Finished now, by the accuracy of the chosen epoch")
            emit_columns(rows, indent=2)
        emit_columns([(path, error) for path, error in sorted(count.errors.items())], indent=2)
        say(_what_now(count, store.address, bool(own)))
    if count.errors:
        raise typer.Exit(1)


@app.command("status")
def status(out: Out = RUNS, work: Work = None, as_json: Json = False) -> None:
    """Show the progress of a grid that runs in another shell, or ran last."""
    from dazoo.bench.driver import work_folder
    from dazoo.bench.stores import open_store
    from dazoo.bench.view import line
    from dazoo.bench.view import read_status

    store = open_store(out)
    found = read_status(work_folder(store, work))
    cells, failed = store.cells(), store.failed()
    damaged = sorted(path for path, whole in cells.items() if not whole)
    counts = {"finished": len(cells) - len(damaged), "failed": len(failed - cells.keys())}
    if as_json:
        emit_json({**counts, "damaged": damaged, "driver": found, "out": store.address})
        return
    emit(f"{counts['finished']} cells finished, {counts['failed']} failed, in {store.address}")
    for path in damaged:
        emit(f"  cells/{path}/cell.json is empty or cut off; 'dazoo bench run' runs the cell again")
    if found is not None:
        emit(f"newest driver: {line(found)}")
        emit_columns([(run["cell"], f"{run['seconds']} s", run["log"]) for run in found["running"]], indent=2)
        emit_columns([("failed", path, error) for path, error in found["errors"].items()], indent=2)


@app.command("report")
def report(
    out: Out = RUNS,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Output folder; the results' folder unless given.")] = None,
    published: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML file of published figures to show as well.")] = None,
) -> None:
    """Write the leaderboard: Markdown, CSV, and one HTML page that needs no network. A pure function of the cells."""
    from dazoo.bench.stores import open_store
    from dazoo.leaderboard.published import read_published
    from dazoo.leaderboard.report import write_report

    store = open_store(out)
    if not store.cells() and not store.failed():
        raise DataError(f"{store.address} has no cell yet; 'dazoo bench run SUITE --out {out}' makes some.")
    folder = to or Path("report" if "://" in out else out)
    figures = read_published(published) if published else ()
    gc.disable()  # records hold no cycles, and to look for some among 100,000 of them takes a tenth of the time
    try:
        files = write_report(store.records(), folder, published=figures, samples=partial(_sample, store))
    finally:
        gc.enable()
    for file in files:
        emit(str(file))


@app.command("compare")
def compare(
    first: Annotated[str, typer.Argument(help="A recipe; without its scenario, all scenarios that both have.", show_default=False)],
    second: Annotated[str, typer.Argument(help="The other recipe.", show_default=False)],
    out: Out = RUNS,
    as_json: Json = False,
) -> None:
    """Test whether two recipes differ, over the seeds and scenarios that both have."""
    from dazoo.bench.stores import open_store
    from dazoo.leaderboard.compare import compare as compared

    found = compared(list(open_store(out).records()), first, second)
    emit_json(asdict(found)) if as_json else emit(str(found))


def _own(source: Path | None, target: Path | None, suite: str | None, scenarios: list[str] | None) -> Pictures:
    """A person's own pictures by side, or nothing."""
    from dazoo.data import expanded

    if source is None or target is None:
        if source is not target:
            raise SettingsError("Give both --source and --target, or neither.")
        return {}
    if suite is not None or scenarios is not None:
        raise SettingsError("--source and --target take the place of scenarios, and a suite has its own; leave one out.")
    return {"source": expanded(source).absolute(), "target": expanded(target).absolute()}


def _suite(
    name: str | None,
    lists: dict[str, list[str] | None],
    triples: bool,
    seeds: int | None,
    settings: dict[str, Any],
    own: Pictures,
) -> Suite:
    from dataclasses import replace

    from dazoo.bench.grid import Grid
    from dazoo.bench.suite import Suite
    from dazoo.bench.suite import read_suite
    from dazoo.bench.suite import split

    given: dict[str, Any] = {key: split(texts) for key, texts in lists.items() if texts}
    if own:
        given["own"] = True
        if "backbones" not in given:
            given["backbones"], settings = _start(given, settings)
    if name is None and not given:
        from dazoo.bench.suite import suite_names

        raise SettingsError(f"Name a suite ({', '.join(suite_names())}), or give --backbones, --methods, --gans and --scenarios.")
    found = read_suite(name) if name else Suite("grid", "", (Grid(**given, triples=triples, seeds=seeds or 3),))
    changes: dict[str, Any] = {**(given if name else {}), **({"seeds": seeds} if seeds else {}), **({"triples": True} if triples else {})}
    grids = tuple(replace(g, **changes, settings={**g.settings, **settings}) for g in found.grids)
    return replace(found, grids=grids)


def _what_now(count: Count, place: str, own: bool) -> str:
    """What to do after a grid."""
    if not count.kept + count.done:
        return f"no cell is finished; 'dazoo bench status --out {place}' says why, and the same command tries again."
    again = " The same command tries the failed cells again." if count.errors else ""
    if own:
        return f"now 'dazoo compare {place}' says which to use, and why.{again}"
    report, compare = f"'dazoo bench report --out {place}'", f"'dazoo bench compare A B --out {place}'"
    return f"now {report} writes the leaderboard, and {compare} says whether two recipes differ.{again}"


def _start(given: dict[str, Any], settings: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The best backbone at hand for a person who names none, and the settings that its start needs; the same for every recipe."""
    from dazoo.registry.plugins import zoo
    from dazoo.runs.plan import split_settings
    from dazoo.runs.starting import named

    rest = (*given.get("methods", ()), *given.get("gans", ()))
    plugins = zoo()
    names = [n for kind, patterns in ((plugins.methods, "methods"), (plugins.gans, "gans")) for p in given.get(patterns, ())
             for n in kind.names("*" if p == "all" else p)]  # fmt: skip
    if not names:
        raise SettingsError(
            f"{', '.join(rest) or 'No --methods and no --gans'}: nothing to train; 'dazoo list methods' shows what there is."
        )
    found = named(names[0], plugins, arguments=split_settings(settings)[1]["backbone"])
    if found.text:
        say(found.text)
    return (found.recipe.backbone,), {**{f"backbone.{key}": value for key, value in found.arguments.items()}, **settings}


def _kind_of_machine(device: str) -> tuple[str, str]:
    """(device, platform) of this machine, as records have them."""
    import torch

    from dazoo.bench.work import this_machine
    from dazoo.engine.device import choose_device

    chosen = choose_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type
    return name, this_machine(name).platform


def _show_plan(cells: list[Cell], store: Store, needs: dict[str, Measured | None], workers: int, as_json: bool) -> None:
    from dazoo.bench.estimate import makespan
    from dazoo.plain import duration

    finished = store.finished()
    todo = [c for c in cells if c.path not in finished]
    known = [found for c in todo if (found := needs[c.path])]
    unknown = len(todo) - len(known)
    seconds, low, high = (
        makespan(times, workers) if times else 0.0
        for times in ([m.seconds for m in known], [m.low for m in known], [m.high for m in known])
    )
    if as_json:
        rows = [{"cell": c.path, "finished": c.path in finished, "expected": (m := needs[c.path]) and asdict(m)} for c in cells]
        emit_json({"cells": rows, "seconds": seconds, "low": low, "high": high, "unknown": unknown, "workers": workers})
        return

    def row(cell: Cell) -> tuple[str, str, str]:
        found = needs[cell.path]
        if cell.path in finished or found is None:
            return cell.path, "finished" if cell.path in finished else "not known", ""
        return cell.path, f"{duration(found.seconds)} ({duration(found.low)} to {duration(found.high)})", f"{found.n} of its {found.like}"

    emit_table(("CELL", "TIME", "BY"), [row(c) for c in cells])
    guess = f"at least {duration(seconds)} ({duration(low)} to {duration(high)}) with {workers} at a time" if known else "no time is known"
    guess = guess if todo else "all are finished"
    by = f", from the speed of cells in {' and '.join(sorted({m.where for m in known}))}" if known else ""
    rest = f"; {unknown} cells resemble none that was measured and are not counted" if unknown else ""
    say(f"{len(cells)} cells, {len(todo)} to run: {guess}{by}{rest}")


def _sample(store: Store, run: Run) -> bytes | None:
    """Images that a cell's GAN drew; results that were copied without them have none."""
    with suppress(FileNotFoundError):
        return store.file(run.place, "samples.png")
    return None
