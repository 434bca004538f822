"""Writing the report: which publication, which period, which file.

Belongs here: the two calls that others use. Does not: content (read), look (page).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import localcontext
from pathlib import Path

from finance_sync.catalog import Deployment
from finance_sync.errors import FinanceSyncError
from finance_sync.settings import Settings

LATEST = "latest.html"


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes:
        path: the file.
        size: bytes.
        version: of the publication that it shows.
    """

    path: Path
    size: int
    version: str


def render_report(
    settings: Settings, deployment: Deployment, *, period: str | None = None, numbers: str | None = None
) -> tuple[str, str]:
    """The report as HTML, and the version of the publication that it shows.

    Args:
        settings: where the publication is; number format.
        deployment: names, calendars, group currency, business date.
        period: a fiscal_period_id; None is the report of the last run.
        numbers: en, de, fr or ch; None takes the setting.

    Returns:
        The same text for the same publication, business date, period and format.

    Raises:
        DeploymentError: no calendar has the period.
        WarehouseError: nothing is published, or an older version of the product published it.
    """
    from finance_sync.reports.numbers import NumberFormat
    from finance_sync.reports.page import render
    from finance_sync.reports.read import read_report
    from finance_sync.reports.scope import report_scope
    from finance_sync.warehouse.publish import open_published

    scope = report_scope(deployment, deployment.business_date(settings), period)
    # Sums of amounts with up to 38 digits stay exact.
    with localcontext(prec=76):
        with open_published(settings) as reading:
            report = read_report(reading, deployment, scope)
        return render(report, NumberFormat.named(numbers or settings.number_format)), report.version


def write_report(
    settings: Settings,
    deployment: Deployment,
    *,
    period: str | None = None,
    out: Path | None = None,
    numbers: str | None = None,
) -> Written:
    """Write the report, whole or not at all.

    Args:
        settings: see :func:`render_report`.
        deployment: likewise.
        period: likewise.
        out: the file; None is one in ``<home>/reports``, named by business date, period and version, and by
            ``numbers`` where they are not those of the settings. The one of a run is also ``latest.html`` there.
        numbers: likewise.

    Raises:
        DeploymentError, WarehouseError: see :func:`render_report`.
        FinanceSyncError: the file cannot be written.
    """
    html, version = render_report(settings, deployment, period=period, numbers=numbers)
    day = deployment.business_date(settings).isoformat()
    about = re.sub(r"[^A-Za-z0-9.-]+", "_", period) if period else "run"
    # another number format is another page: it does not take the place of the night's
    own = f"-{numbers}" if numbers and numbers != settings.number_format else ""
    path = out or settings.reports_dir / f"{day}-{about}-{version}{own}.html"
    content = html.encode("utf-8", errors="replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
        if out is None and period is None and not own:
            _link(settings.reports_dir / LATEST, path.name)
    except OSError as error:
        raise FinanceSyncError(
            f"the report cannot be written to {path}: {error.strerror}", remedy="give another --out"
        ) from error
    return Written(path, len(content), version)


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f"_{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)


def _link(path: Path, target: str) -> None:
    aside = path.with_name(f"_{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(path)
