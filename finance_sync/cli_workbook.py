"""`finance-sync workbook`: exceptions as XLSX for the people who work them down, and back.

Belongs here: options, what is printed. Does not: what a workbook holds and does (exceptions.workbook).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finance_sync.cli_choice import Actor
from finance_sync.cli_exceptions import opened
from finance_sync.errors import OperationsError

if TYPE_CHECKING:
    from finance_sync.exceptions.workbook.take_in import TakenIn

workbook_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Exceptions as a workbook per queue: written, filled in, read back.",
)
_MOST_LINES = 50

AllOrNothing = Annotated[
    bool, typer.Option("--all-or-nothing", help="Apply nothing of a file of which a row cannot be applied.")
]


@workbook_app.command("export")
def export_(
    ctx: typer.Context,
    owner: Annotated[
        list[str] | None, typer.Option("--owner", help="Queue; repeatable. Default, or all: every queue.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to; default <home>/workbooks.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=200_000, help="Most exceptions in a workbook, worst first.")
    ] = 10_000,
) -> None:
    """Write a workbook for each queue: its exceptions that are not resolved, with documents and control totals."""
    from finance_sync.exceptions.workbook.export import Source, export
    from finance_sync.warehouse.publish import read_published

    with opened(ctx) as (operations, settings, deployment, _):
        current = settings.publish_dir / "current"
        source = Source(
            operations, lambda sql: read_published(settings, sql), current.resolve().name if current.exists() else "",
            deployment.business_date(settings), deployment.group_currency,
        )  # fmt: skip
        wanted = [] if not owner or owner == ["all"] else owner
        for one in export(source, folder or settings.home / "workbooks", wanted, most=limit):
            cut = f", CUT: of {one.total:,} the worst" if one.rows < one.total else ""
            there = "" if one.written else " (lay there already, left alone)"
            typer.echo(f"{one.owner}: {one.rows:,} exceptions{cut} -> {one.path}{there}")


@workbook_app.command("import")
def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Filled workbooks.")],
    actor: Actor = None,
    all_or_nothing: AllOrNothing = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come of it; change nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for a report per file, every row in it.")
    ] = None,
) -> None:
    """Take filled workbooks into the register, each in one transaction; exit code 1 when a row or a file was left alone."""
    from finance_sync.exceptions.history import Act
    from finance_sync.exceptions.rules import local_days
    from finance_sync.exceptions.workbook.inbox import report_text
    from finance_sync.exceptions.workbook.take_in import take_in

    left = False
    with opened(ctx) as (operations, settings, deployment, now):
        act = Act(actor or settings.actor_name, now, deployment.business_date(settings))
        today = local_days(settings, deployment, now)
        for path in files:
            try:
                taken = take_in(operations, path, act, today, all_or_nothing=all_or_nothing, dry_run=dry_run)
            except OperationsError as error:
                left = True
                typer.echo(f"{path.name}: nothing was taken in\n  {error}")
                continue
            left |= not taken.left.is_empty()
            _print(taken, dry_run=dry_run)
            if report is not None:
                report.mkdir(parents=True, exist_ok=True)
                (report / f"{path.name}.report.txt").write_text(
                    report_text(taken, act.actor), encoding="utf-8"
                )
    raise typer.Exit(1 if left else 0)


@workbook_app.command()
def inbox(
    ctx: typer.Context,
    actor: Actor = None,
    all_or_nothing: AllOrNothing = False,
) -> None:
    """Take in what lies in <home>/inbox and move it to done or failed with its report; the sensor does the same."""
    from finance_sync.exceptions.history import Act
    from finance_sync.exceptions.rules import local_days
    from finance_sync.exceptions.workbook.inbox import empty_inbox

    with opened(ctx) as (operations, settings, deployment, now):
        act = Act(actor or settings.actor_name, now, deployment.business_date(settings))
        today = local_days(settings, deployment, now)
        found = empty_inbox(operations, settings.inbox, act, today, all_or_nothing=all_or_nothing)
    for one in found:
        typer.echo(f"{one.name} by {one.actor}: {one.summary} -> {one.report}")
    if not found:
        typer.echo(f"nothing to take in lies in {settings.inbox}")
    raise typer.Exit(0 if all(one.good for one in found) else 1)


def _print(taken: TakenIn, *, dry_run: bool) -> None:
    from finance_sync.exceptions.workbook.inbox import row_text

    counts = ", ".join(f"{count:,} {name}" for name, count in taken.counts.items()) or "no rows"
    typer.echo(f"{taken.file}: {'would be: ' if dry_run else ''}{counts}")
    left = taken.left
    for row in left.head(_MOST_LINES).iter_rows():
        typer.echo(row_text(row))
    if left.height > _MOST_LINES:
        typer.echo(f"  and {left.height - _MOST_LINES:,} more: all of them with --report FOLDER")
