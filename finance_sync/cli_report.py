"""`finance-sync report`: the report of the published marts as a file.

Belongs here: options and what is printed. Does not: the report (reports).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Numbers(StrEnum):
    """How the report writes numbers."""

    en = "en"
    de = "de"
    fr = "fr"
    ch = "ch"


def report(
    ctx: typer.Context,
    period: Annotated[
        str | None,
        typer.Option(help="Of this fiscal period, e.g. months:2025-P03. Default: of the last run."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file. Default: one in <home>/reports.")] = None,
    numbers: Annotated[
        Numbers | None, typer.Option(help="How numbers are written (FINANCE_SYNC_NUMBER_FORMAT).")
    ] = None,
) -> None:
    """Write the report of the published marts: one HTML file that loads nothing, for screen and paper."""
    from finance_sync.catalog import load_deployment
    from finance_sync.reports import write_report
    from finance_sync.settings import load_settings

    settings = load_settings(**ctx.find_root().obj)
    done = write_report(
        settings,
        load_deployment(settings),
        period=period,
        out=out,
        numbers=numbers.value if numbers else None,
    )
    typer.echo(f"{done.path} ({done.size // 1024:,} kB, publication {done.version})")
