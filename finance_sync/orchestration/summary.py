"""What a run did, in values and in words that a controller understands in a minute.

Belongs here: the RunSummary and how it is shown (terminal, Markdown, JSON). Does not: where it comes from (record).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from finance_sync.orchestration.text import amount_text, markdown_table

ObjectState = Literal["landed", "unchanged", "failed"]
EXIT_OK, EXIT_TECHNICAL, EXIT_BLOCKED = 0, 2, 3
_MARK = {
    "landed": "green",
    "unchanged": "dim",
    "passed": "green",
    "exceptions": "yellow",
    "not applicable": "dim",
}
_OUTCOMES = {"failed": "exceptions", "not_applicable": "not applicable", "error": "not judged"}


@dataclass(frozen=True)
class ObjectLine:
    """What became of one object of a source.

    Attributes:
        system: source system.
        object: its object.
        state: landed (something new), unchanged (the source was reached, nothing new), failed.
        rows: records accepted in this run.
        rejected: records that broke their contract in this run.
        data_as_of: latest change time (UTC) that has landed; empty when the source has none.
        message: why it failed.
        remedy: what to do about that.
    """

    system: str
    object: str
    state: ObjectState
    rows: int = 0
    rejected: int = 0
    data_as_of: str = ""
    message: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class CheckLine:
    """The verdict of one check. ``amount`` is at risk, exact, in ``currency`` (the group's)."""

    check: str
    kind: str
    outcome: str
    control_id: str = ""
    name: str = ""
    exceptions: int = 0
    amount: Decimal = Decimal(0)
    currency: str = ""
    severity: str = ""
    owner: str = ""
    blocking: bool = False
    message: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        run_id: Dagster's id.
        title: the deployment's.
        business_date: date that the run was for.
        engine: duckdb or postgres.
        group_currency: ISO code.
        home: data home.
        objects: one line per object that the run was asked to land.
        checks: verdicts of all checks of the suites.
        models: dbt models built; tests: dbt tests passed.
        standing: dbt models that no news reached, left as they were.
        rebuilt: layers that were built from nothing, and why.
        register: what the run did to the exception register (facts.REGISTER_COUNTS); empty when it did not get there.
        publication: folder of what readers see now; None when nothing was ever published.
        version: content hash of the publication of this run; empty when the run did not publish.
        unchanged: what was published equals what stood.
        report: the HTML report of this run; None when the run did not write one.
        blocked_by: checks that stopped publication.
        technical: technical failures, each with its message.
        seconds: wall time by phase, in order.
    """

    run_id: str
    title: str
    business_date: date
    engine: str
    group_currency: str
    home: Path
    objects: Sequence[ObjectLine] = ()
    checks: Sequence[CheckLine] = ()
    models: int = 0
    standing: int = 0
    tests: int = 0
    rebuilt: Mapping[str, str] = field(default_factory=dict)
    register: Mapping[str, int] = field(default_factory=dict)
    publication: Path | None = None
    version: str = ""
    unchanged: bool = False
    report: Path | None = None
    blocked_by: Sequence[str] = ()
    technical: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 done (whatever the exceptions), 2 technical failures, 3 publication stopped by a control."""
        if self.blocked_by:
            return EXIT_BLOCKED
        return EXIT_TECHNICAL if self.technical else EXIT_OK

    @property
    def controls(self) -> list[CheckLine]:
        """The verdicts on the numbered controls."""
        return [line for line in self.checks if line.kind == "control"]

    @property
    def rows(self) -> int:
        """Records accepted."""
        return sum(line.rows for line in self.objects)

    @property
    def rejected(self) -> int:
        """Records rejected."""
        return sum(line.rejected for line in self.objects)

    def count(self, state: ObjectState) -> int:
        """Objects in a state."""
        return sum(line.state == state for line in self.objects)

    def outcomes(self, outcome: str) -> int:
        """Controls with an outcome."""
        return sum(line.outcome == outcome for line in self.controls)


def print_summary(summary: RunSummary, console: Console | None = None) -> None:
    """Print the summary for a person."""
    (console or Console()).print(as_rich(summary))


def as_json(summary: RunSummary) -> str:
    """The summary as a JSON object, for programs; amounts and dates as text."""
    return json.dumps({**asdict(summary), "exit_code": summary.exit_code}, default=str, indent=2)


def as_rich(summary: RunSummary) -> RenderableType:
    """The summary as a rich renderable."""
    parts: list[RenderableType] = [
        Text.from_markup(
            f"\n[bold]{escape(summary.title)}[/bold] · business date {summary.business_date} · "
            f"{summary.engine} · run {summary.run_id[:8]}"
        ),
        Text(f"\nLanded: {_landed_line(summary)}", style="bold"),
    ]
    news = [line for line in summary.objects if line.state != "unchanged"]
    if news:
        parts.append(_objects_table(news))
    parts.append(Text(f"Built: {_built_line(summary)}", style="bold"))
    parts.append(Text(f"\nControls: {_controls_line(summary)}", style="bold"))
    if summary.controls:
        parts.append(_controls_table(summary.controls))
    if summary.register:
        parts.append(Text(f"Register: {_register_line(summary)}", style="bold"))
    parts += _problems(summary)
    parts.append(Text.from_markup(_published_line(summary)))
    if summary.report is not None:
        parts.append(Text.from_markup(f"Report: [bold]{escape(str(summary.report))}[/bold]"))
    parts.append(Text(f"Time: {_time_line(summary)}", style="dim"))
    parts.append(Text.from_markup(
        'Look: [bold]finance-sync query "select * from mart_exceptions limit 20"[/bold]'
            " · [bold]finance-sync ui[/bold]"
    ))  # fmt: skip
    return Group(*parts)


def as_markdown(summary: RunSummary) -> str:
    """The summary as Markdown, for the run's report in the UI."""
    objects = [
        (f"{o.system}.{o.object}", o.state, o.rows, o.rejected, o.data_as_of, o.message)
        for o in summary.objects
    ]
    verdicts = [
        (
            c.control_id,
            c.name,
            _OUTCOMES.get(c.outcome, c.outcome),
            c.exceptions or "",
            _amount(c),
            c.severity,
            c.owner,
        )
        for c in summary.controls
    ]
    parts = [
        f"**{summary.title}**, business date {summary.business_date}, {summary.engine}",
        f"**Landed:** {_landed_line(summary)}",
        markdown_table(("object", "state", "rows", "rejected", "data as of", "message"), objects),
        f"**Built:** {_built_line(summary)}",
        f"**Controls:** {_controls_line(summary)}",
        markdown_table(
            ("control", "name", "result", "exceptions", "amount at risk", "worst", "owner"), verdicts
        ),
    ]
    if summary.register:
        parts.append(f"**Register:** {_register_line(summary)}")
    if summary.technical:
        parts.append("**Technical failures**\n\n" + "\n".join(f"- {item}" for item in summary.technical))
    if summary.blocked_by:
        parts.append(f"**Publication stopped by** {', '.join(summary.blocked_by)}")
    if summary.publication is not None:
        parts.append(f"**Marts:** `{summary.publication}`")
    if summary.report is not None:
        parts.append(f"**Report:** `{summary.report}`")
    return "\n\n".join(parts)


def _landed_line(summary: RunSummary) -> str:
    systems = {line.system for line in summary.objects}
    return (
        f"{_number(len(summary.objects), 'object')} of {_number(len(systems), 'system')} · {summary.count('landed')} with news, "
        f"{summary.count('unchanged')} unchanged, {summary.count('failed')} failed · "
        f"{summary.rows:,} rows, {summary.rejected:,} rejected"
    )


def _built_line(summary: RunSummary) -> str:
    reasons: dict[str, list[str]] = {}
    for layer, why in summary.rebuilt.items():
        reasons.setdefault(why, []).append(layer)
    text = f"{_number(summary.models, 'model')}, {_number(summary.tests, 'test')} passed"
    if summary.standing:
        text += f" · {_number(summary.standing, 'model')} stand as they were, nothing new for them"
    return text + "".join(f" · {', '.join(layers)} from nothing ({why})" for why, layers in reasons.items())


def _controls_line(summary: RunSummary) -> str:
    if not summary.checks:
        return "not judged, the run did not get that far"
    exceptions = sum(line.exceptions for line in summary.controls)
    amount = sum((line.amount for line in summary.controls), Decimal(0))
    shape = [line for line in summary.checks if line.kind != "control"]
    good = sum(line.outcome in {"passed", "not_applicable"} for line in shape)
    return (
        f"{summary.outcomes('passed')} hold, {summary.outcomes('failed')} with exceptions, "
        f"{summary.outcomes('not_applicable')} not applicable, {summary.outcomes('error')} not judged · "
        f"{_number(exceptions, 'exception')}, {amount_text(amount, summary.group_currency)} at risk · "
        f"{good} of {len(shape)} checks on shape hold"
    )


def _register_line(summary: RunSummary) -> str:
    count = summary.register.get
    return (
        f"{count('opened', 0):,} new, {count('returned', 0):,} returned, {count('reopened', 0):,} reopened, "
        f"{count('gone', 0):,} gone · {_number(count('live', 0), 'exception')}, {count('waiting', 0):,} waiting for somebody, "
        f"{count('overdue', 0):,} past their deadline"
    )


def _published_line(summary: RunSummary) -> str:
    where = summary.publication
    if where is None:
        return "\n[bold red]Nothing is published.[/bold red]"
    if summary.blocked_by or not summary.version:
        why = (
            f"stopped by {', '.join(summary.blocked_by)}"
            if summary.blocked_by
            else "the run did not get that far"
        )
        return f"\n[bold red]Not published[/bold red] ({escape(why)}). Readers keep the last good marts in {escape(str(where))}"
    state = "no byte changed" if summary.unchanged else "new version"
    return f"\n[bold green]Published[/bold green] version {summary.version} ({state}). Marts: [bold]{escape(str(where))}[/bold]"


def _time_line(summary: RunSummary) -> str:
    return " · ".join(f"{phase} {seconds:.1f} s" for phase, seconds in summary.seconds.items())


def _objects_table(lines: Iterable[ObjectLine]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("system", "object", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("data as of (UTC)", no_wrap=True)
    for line in lines:
        table.add_row(
            line.system, line.object, _styled(line.state), f"{line.rows:,}" if line.rows else "",
            f"[yellow]{line.rejected:,}[/yellow]" if line.rejected else "", line.data_as_of[:16].replace("T", " "),
        )  # fmt: skip
    return table


def _controls_table(lines: Sequence[CheckLine]) -> Table:
    places = _places(lines)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("control", no_wrap=True)
    table.add_column("name")
    table.add_column("result", no_wrap=True)
    table.add_column("exceptions", justify="right")
    table.add_column("amount at risk", justify="right", no_wrap=True)
    table.add_column("worst", no_wrap=True)
    table.add_column("owner")
    for line in lines:
        table.add_row(
            line.control_id,
            escape(line.name),
            _styled(_OUTCOMES.get(line.outcome, line.outcome)),
            f"{line.exceptions:,}" if line.exceptions else "",
            _amount(line, places),
            line.severity,
            line.owner,
        )
    return table


def _problems(summary: RunSummary) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if summary.technical:
        parts.append(Text("Technical failures (for engineers)", style="bold red"))
        parts += [Text(f"  - {item}") for item in summary.technical]
    return parts


def _styled(word: str) -> str:
    return f"[{_MARK.get(word, 'red')}]{word}[/]"


def _amount(line: CheckLine, places: int = 2) -> str:
    return amount_text(line.amount, line.currency, places) if line.exceptions else ""


def _places(lines: Iterable[CheckLine]) -> int:
    """Decimals that every amount fits in, so that a column of them stands in line."""
    return 4 if any(line.amount != round(line.amount, 2) for line in lines) else 2


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
