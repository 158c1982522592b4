"""`dazoo publish`: a model to the Hub, looked at before it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_json
from dazoo.cli.output import say
from dazoo.cli.output import title


if TYPE_CHECKING:
    from dazoo.models.publish import Published


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run or a saved model, or an entry's name.", show_default=False)],
    repo: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Repository on the Hub; made where it is not there.", show_default=False)
    ],
    licence: Annotated[str | None, typer.Option("--license", metavar="ID", help="Licence of the weights (apache-2.0, mit, other).")] = None,
    licence_name: Annotated[str | None, typer.Option("--license-name", metavar="NAME", help="With --license other: its name.")] = None,
    licence_link: Annotated[
        str | None, typer.Option("--license-link", metavar="LINK", help="With --license other: a file of the repository, or an address.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: show the files, the card and every problem.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a private repository.")] = False,
    pr: Annotated[bool, typer.Option("--pr", help="Propose the files in a pull request.")] = False,
    branch: Annotated[str | None, typer.Option("--branch", metavar="B", help="Commit to this branch.")] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="TEXT", help="Title of the commit.")] = None,
    replace: Annotated[
        str | None, typer.Option("--replace", metavar="COMMIT", help="Put the files over this commit, which somebody else made.")
    ] = None,
    co2: Annotated[float | None, typer.Option("--co2", metavar="GRAMS", min=0, help="CO2 of the training, where it was measured.")] = None,
    evaluations: Annotated[bool, typer.Option("--evaluations", help="Also write .eval_results/dazoo.yaml.")] = False,
    as_json: Json = False,
) -> None:
    """Publish a classifier or a GAN on the Hub: one repository, one commit, and none where nothing differs."""
    from dazoo.models.publish import publish

    found = publish(
        run, repo, license=licence, dry_run=dry_run, license_name=licence_name, license_link=licence_link, private=private,
        pull_request=pr, branch=branch, message=message, replace=replace, co2=co2, evaluations=evaluations,
    )  # fmt: skip
    if as_json:
        emit_json(vars(found))
    else:
        _show(found, dry_run)
    if found.problems:
        raise typer.Exit(1)


def _show(found: Published, dry_run: bool) -> None:
    if dry_run:
        title(f"hub:{found.repo} would hold")
        emit_columns([(name, f"{size:,} bytes") for name, size in found.files.items()], indent=2)
        title("README.md")
        emit(found.card)
    for note in found.notes:
        say(f"note: {note}")
    for problem in found.problems:
        say(f"problem: {problem}")
    if dry_run:
        count = len(found.problems)
        say("nothing was sent; nothing stands in its way." if not count else f"nothing was sent; {count} problem(s) stand in its way.")
        return
    what = "Published" if found.changed else "It was there already, and nothing was changed:"
    emit(f"{what} hub:{found.repo}@{found.commit}")
    emit(f"  {found.url}")
    emit("  As an entry of a plugin:")
    emit(f"  {found.registration}")
