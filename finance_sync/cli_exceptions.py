"""`finance-sync exceptions` and `finance-sync audit`: the register for the people who work it down.

Belongs here: options, confirmation, what is shown. Does not: filters and acts themselves (exceptions.work).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finance_sync.cli_choice import acting, choosing
from finance_sync.errors import OperationsError

if TYPE_CHECKING:
    import polars as pl

    from finance_sync.catalog import Deployment
    from finance_sync.exceptions.dispositions import Disposition
    from finance_sync.exceptions.work import Done, Filter, Page
    from finance_sync.operations import Operations
    from finance_sync.settings import Settings

exceptions_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Exceptions: look at them, say what is to become of them.",
)
audit_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was done, provably.")

_SHOWN = (
    "exception_id", "control_id", "legal_entity_id", "fiscal_period_id", "status", "severity", "age_days", "deadline_on",
    "escalation_level", "owner", "assignee", "amount_group", "reason_code", "business_key", "message",
)  # fmt: skip
_NARROW = (
    "id", "control", "entity", "period", "status", "severity", "age", "deadline", "assignee", "at risk", "reason", "key",
)  # fmt: skip
_MOST_REFUSALS = 20


class Output(StrEnum):
    """How lists are printed."""

    table = "table"
    csv = "csv"
    json = "json"


Reason = Annotated[str, typer.Option("--reason", help="Why, in words; kept in the history.")]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], help="Last day on which it holds, where the entity is."),
]
UpTo = Annotated[
    str | None, typer.Option("--up-to", help="It holds up to this amount at risk, group currency.")
]
# ------------------------------------------------------------------------------------------ looking


@exceptions_app.command("list")
@choosing
def list_(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most rows that are printed.")] = 50,
    output: Annotated[Output, typer.Option("--output", "-o", help="Amounts are exact text.")] = Output.table,
    **choice: Any,
) -> None:
    """List exceptions, worst first. Says on standard error how many there are and whether the list is cut."""
    from finance_sync.cli_output import OutputFormat, render
    from finance_sync.exceptions.work import find

    wanted = _filter(choice, everything=everything)
    with opened(ctx) as (operations, settings, deployment, _):
        page = find(operations, wanted, deployment.business_date(settings), limit=limit)
    if output is Output.table:
        _print_page(page)
    else:
        kind: OutputFormat = "csv" if output is Output.csv else "json"
        for piece in render(page.rows.select(_SHOWN).to_arrow(), kind):
            typer.echo(piece, nl=False)
    _say(_total(page, deployment.group_currency))


@exceptions_app.command()
def show(
    ctx: typer.Context,
    exception_id: Annotated[str, typer.Argument(help="Its id, or the first six characters or more.")],
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON object with its history.")] = False,
) -> None:
    """Show one exception: both sides, what was said about it, and its history."""
    import json

    from finance_sync.cli_output import text
    from finance_sync.exceptions.work import look

    with opened(ctx) as (operations, *_):
        known, entries = look(operations, exception_id)
    events = [{**entry, "details": json.loads(entry["details"])} for entry in entries.iter_rows(named=True)]
    if as_json:
        plain = {
            name: value if isinstance(value, int) else None if value is None else text(value)
            for name, value in known.items()
        }
        typer.echo(json.dumps(plain | {"history": events}, default=str, ensure_ascii=False, indent=2))
        return
    for name, value in known.items():
        if value is not None:
            typer.echo(f"{name:24} {text(value)}")
    typer.echo("")
    for event in events:
        said = ", ".join(f"{name} {value}" for name, value in event["details"].items() if value is not None)
        moved = (
            event["to_status"]
            if event["from_status"] in (None, event["to_status"])
            else f"{event['from_status']} -> {event['to_status']}"
        )
        run = f" in run {event['run_id'][:8]}" if event["run_id"] else ""
        typer.echo(
            f"{event['business_date']}  {event['event']:10} by {event['actor']}{run} · {moved} · {said}"
        )


# ------------------------------------------------------------------------------------------ acting


@exceptions_app.command()
@acting
def assign(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option("--to", help="The person.")] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Take it back from whoever has it.")] = False,
    **choice: Any,
) -> None:
    """Give exceptions to a person."""
    if bool(to and to.strip()) == nobody:
        raise OperationsError("whom to assign to is not said", remedy="give --to NAME, or --nobody")
    _act(ctx, "assign", choice, assignee=None if nobody else (to or "").strip())


@exceptions_app.command()
@acting
def explain(
    ctx: typer.Context,
    reason: Reason = "",
    until: Until = None,
    up_to: UpTo = None,
    **choice: Any,
) -> None:
    """Say why exceptions are there; they stay until they are gone from the books."""
    _act(
        ctx,
        "explain",
        choice,
        reason=reason,
        valid_until=until and until.date(),
        limit_group=_money(up_to, "--up-to"),
    )


@exceptions_app.command()
@acting
def waive(
    ctx: typer.Context,
    reason: Reason = "",
    until: Until = None,
    up_to: UpTo = None,
    **choice: Any,
) -> None:
    """Live with exceptions until a day and up to an amount (default: the amount as it stands); then they reopen."""
    _act(
        ctx,
        "waive",
        choice,
        reason=reason,
        valid_until=until and until.date(),
        limit_group=_money(up_to, "--up-to"),
    )


@exceptions_app.command()
@acting
def resolve(
    ctx: typer.Context,
    reason: Reason = "",
    **choice: Any,
) -> None:
    """Say that exceptions are settled at the source; what the next run finds all the same reopens."""
    _act(ctx, "resolve", choice, reason=reason)


@exceptions_app.command()
@acting
def reopen(
    ctx: typer.Context,
    reason: Reason = "",
    **choice: Any,
) -> None:
    """Take an explanation, a waiver or a resolution back."""
    _act(ctx, "reopen", choice, reason=reason)


@audit_app.command("verify")
def audit_verify(ctx: typer.Context) -> None:
    """Prove that the history is what was written; exit code 1 and the first broken entry when it is not."""
    from finance_sync.exceptions.history import verify

    with opened(ctx) as (operations, *_):
        verdict = verify(operations)
    if not verdict.holds:
        typer.echo(
            f"broken: entry {verdict.broken} {verdict.why}; the {verdict.entries:,} before it are right"
        )
        raise typer.Exit(1)
    typer.echo(f"ok: {verdict.entries:,} entries, head {verdict.head or '(none)'}")


# ------------------------------------------------------------------------------------------ in common


@contextmanager
def opened(ctx: typer.Context) -> Iterator[tuple[Operations, Settings, Deployment, datetime]]:
    """The register, the settings, the deployment and this moment.

    Raises:
        OperationsError: there is no register yet.
    """
    from finance_sync.catalog import load_deployment
    from finance_sync.operations import open_operations
    from finance_sync.settings import load_settings

    settings = load_settings(**ctx.find_root().obj)
    deployment = load_deployment(settings)
    operations = open_operations(settings, create=False)
    if operations is None:
        raise OperationsError(f"there is no register in {settings.home} yet", remedy="run `finance-sync run`")
    try:
        yield operations, settings, deployment, datetime.now(tz=UTC)
    finally:
        operations.close()


def _filter(options: dict[str, Any], *, everything: bool = False) -> Filter:
    """The filter that a command's options say."""
    from finance_sync.catalog.product import controls
    from finance_sync.exceptions.tables import STATUSES
    from finance_sync.exceptions.work import Filter

    if unknown := sorted({name.upper() for name in options.get("control") or ()} - set(controls())):
        raise OperationsError(
            f"there is no control {unknown[0]!r}", remedy=f"there are {', '.join(sorted(controls()))}"
        )
    lists = ("ids", "control", "entity", "period", "status", "severity", "owner", "assignee")
    values: dict[str, Any] = {name: tuple(options.get(name) or ()) for name in lists}
    values |= {name: options[name] for name in ("key", "min_age", "max_age", "overdue", "escalated")}
    for name in ("min_amount", "max_amount"):
        values[name] = _money(options[name], f"--{name.replace('_', '-')}")
    if everything and not values["status"]:
        values["status"] = tuple(STATUSES)
    return Filter(**values)


def _money(text: str | None, option: str) -> Decimal | None:
    """An amount as it is written; nothing is rounded."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or value != round(value, 4) or value >= Decimal(10) ** 24:
        raise OperationsError(
            f"{option} {text!r} is no amount",
            remedy="write it as 1234.56: no thousands, four decimals at most",
        )
    return value


def _act(ctx: typer.Context, verb: Any, options: dict[str, Any], **what: Any) -> None:
    """Do it: after saying what it will touch, unless one exception is named or --yes is given."""
    from dataclasses import replace

    from finance_sync.exceptions.dispositions import PAST, Disposition
    from finance_sync.exceptions.history import Act
    from finance_sync.exceptions.rules import local_days
    from finance_sync.exceptions.work import find, work

    wanted, disposition = _filter(options), Disposition(verb, **what)
    disposition.check()
    if wanted.is_empty():
        raise OperationsError(
            f"nothing says which exceptions to {verb}", remedy="give ids or a filter such as --control C07"
        )
    if verb == "reopen" and not wanted.ids and not wanted.status:
        wanted = replace(wanted, status=("explained", "waived", "resolved"))
    with opened(ctx) as (operations, settings, deployment, now):
        day, today = deployment.business_date(settings), local_days(settings, deployment, now)
        act = Act(options["actor"] or settings.actor_name, now, day)
        page = find(operations, wanted, day, limit=None)
        if not page.total:
            raise OperationsError(
                "no exception fits",
                remedy="look with `finance-sync exceptions list`, with --all for resolved ones",
            )
        expected = dict(page.rows.select("exception_id", "version").iter_rows())
        if options["dry_run"]:
            done = work(operations, wanted, disposition, act, today, expected=expected, dry_run=True)
            _report(done, f"would be {PAST[disposition.verb]}", page)
            return
        if page.total > 1 and not options["yes"]:
            _confirm(page, disposition, deployment.group_currency)
        done = work(operations, wanted, disposition, act, today, expected=expected)
    _report(done, PAST[disposition.verb], page)
    raise typer.Exit(1 if done.refused or done.stale else 0)


def _confirm(page: Page, disposition: Disposition, currency: str) -> None:
    _print_page(page, most=10)
    _say(
        _total(
            page, currency, shown=min(10, page.total), more="the same filter of `exceptions list` shows all"
        )
    )
    if not typer.confirm(f"{disposition.verb.capitalize()} these {page.total:,} exceptions?"):
        raise OperationsError("nothing was changed", remedy="narrow the filter down, or say yes")


def _report(done: Done, what: str, page: Page) -> None:
    """Counts, then each row that was left alone and why."""
    names = {
        row[0]: f"{row[1]} {row[2]}"
        for row in page.rows.select("exception_id", "control_id", "business_key").iter_rows()
    }
    typer.echo(
        f"{len(done.changed):,} {what}, {len(done.refused):,} refused, {len(done.stale):,} changed by somebody else meanwhile"
    )
    left = [*done.refused.items(), *((name, "changed since you looked: look again") for name in done.stale)]
    for exception_id, why in left[:_MOST_REFUSALS]:
        typer.echo(f"  {exception_id[:8]} {names.get(exception_id, '')}: {why}")
    if len(left) > _MOST_REFUSALS:
        typer.echo(f"  and {len(left) - _MOST_REFUSALS:,} more")


def _total(
    page: Page, currency: str, shown: int | None = None, *, more: str = "more with --limit, or narrow it down"
) -> str:
    shown = page.rows.height if shown is None else shown
    unknown = f", {page.without_amount:,} without amount" if page.without_amount else ""
    cut = f" Shown are the worst {shown:,}: {more}." if shown < page.total else ""
    noun = "exception" if page.total == 1 else "exceptions"
    return f"{page.total:,} {noun}, {page.amount_group:,.4f} {currency} at risk{unknown}.{cut}"


def _print_page(page: Page, most: int | None = None) -> None:
    from finance_sync.cli_output import console, grid, text

    rows: pl.DataFrame = page.rows.head(most) if most else page.rows
    lines = (
        (
            row["exception_id"][:8], row["control_id"], row["legal_entity_id"], row["fiscal_period_id"], row["status"],
            row["severity"], str(row["age_days"]), text(row["deadline_on"]) + " !" * row["escalation_level"],
            row["assignee"] or "", f"{row['amount_group']:,.4f}" if row["amount_group"] is not None else "", row["reason_code"],
            row["business_key"],
        )
        for row in rows.iter_rows(named=True)
    )  # fmt: skip
    console().print(grid(_NARROW, lines, right=("age", "at risk")))


def _say(message: str) -> None:
    from finance_sync.cli_output import console

    console(stderr=True).print(message, style="dim", markup=False)
