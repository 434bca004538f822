"""The options that commands on exceptions share: which exceptions, who acts, whether to ask.

Belongs here: the options, written once, and the decorators that give them to a command. Does not: commands (cli_exceptions).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

Control = Annotated[list[str] | None, typer.Option("--control", help="Number of a control; repeatable.")]
Entity = Annotated[list[str] | None, typer.Option("--entity", help="Legal entity; repeatable.")]
Period = Annotated[
    list[str] | None, typer.Option("--period", help="Fiscal period, e.g. MONTH:2026-P03; repeatable.")
]
StatusOption = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        help="open, assigned, explained, waived, resolved; repeatable. Default: all but resolved.",
    ),
]
Severity = Annotated[
    list[str] | None, typer.Option("--severity", help="low, medium, high, critical; repeatable.")
]
Owner = Annotated[list[str] | None, typer.Option("--owner", help="Queue that must act; repeatable.")]
Assignee = Annotated[list[str] | None, typer.Option("--assignee", help="Person who has it; repeatable.")]
Key = Annotated[str | None, typer.Option("--key", help="Part of the business key.")]
MinAge = Annotated[int | None, typer.Option("--min-age", min=0, help="Open for so many days or more.")]
MaxAge = Annotated[int | None, typer.Option("--max-age", min=0, help="Open for so many days or fewer.")]
MinAmount = Annotated[
    str | None, typer.Option("--min-amount", help="At risk, group currency: this much or more.")
]
MaxAmount = Annotated[
    str | None, typer.Option("--max-amount", help="At risk, group currency: this much or less.")
]
Overdue = Annotated[bool, typer.Option("--overdue", help="Past the deadline and without an answer.")]
Escalated = Annotated[bool, typer.Option("--escalated", help="Somebody above was told.")]
Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Ids, or their first six characters or more; none: the filter decides."),
]
Actor = Annotated[
    str | None, typer.Option("--actor", help="Who acts (FINANCE_SYNC_ACTOR; default: the system's user).")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would come of it; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing several.")]


def _choice(
    *,
    control: Control = None,
    entity: Entity = None,
    period: Period = None,
    status: StatusOption = None,
    severity: Severity = None,
    owner: Owner = None,
    assignee: Assignee = None,
    key: Key = None,
    min_age: MinAge = None,
    max_age: MaxAge = None,
    min_amount: MinAmount = None,
    max_amount: MaxAmount = None,
    overdue: Overdue = False,
    escalated: Escalated = False,
) -> None:
    """The options that choose exceptions."""


def _doing(*, ids: Ids = None, actor: Actor = None, dry_run: DryRun = False, yes: Yes = False) -> None:
    """The options of every act."""


def _taking(function: Callable[..., None], *shared: Callable[..., None]) -> Callable[..., None]:
    """A command whose ``**choice`` takes the shared options, which are written once."""

    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)

    parts = [inspect.signature(part, eval_str=True) for part in (function, *shared)]
    taken = [item for part in parts for item in part.parameters.values() if item.kind is not item.VAR_KEYWORD]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [item.replace(kind=item.KEYWORD_ONLY) for item in taken]
    )
    command.__annotations__ = {item.name: item.annotation for item in taken}
    return command


def choosing(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose exceptions, in its ``**choice``."""
    return _taking(function, _choice)


def acting(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command those, and the options of every act."""
    return _taking(function, _doing, _choice)
