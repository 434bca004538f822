"""docs/controls.md, derived from the controls table so that it cannot drift.

Belongs here: the text. Does not: the controls (catalog/controls.yaml).
"""

from __future__ import annotations

from pathlib import Path

from finance_sync.catalog.product import Control, controls
from finance_sync.controls.generate import check_name

_INTRODUCTION = """\
<!-- Derived from finance_sync/catalog/controls.yaml by `finance-sync catalog generate`. Do not edit: a test
compares. -->

# Controls

A control is a numbered comparison of two sides. SQL makes the comparison on exact decimals and leaves one row
per failing comparison in its reconciled model (matching ones are counted, not listed). A Great Expectations
suite judges those rows; its result is an asset check with the exact count, the amount at risk in group
currency, the totals by reason, the ten largest rows, whether there are more, and what to do.

| outcome | means | who acts |
|---|---|---|
| passed | every comparison matches or is within tolerance | nobody |
| failed | at least one does not; the severity is that of the largest amount at risk | the control's owner |
| not applicable | the deployment does not feed what it compares; the check says what is missing | nobody |
| error | it could not be evaluated (a table or column is missing, no access) | data-engineering |

A failed check **blocks** what depends on its model when the control is marked blocking and its worst row is
critical. Beside each control stands a technical check on the shape of its model (statuses, reasons, keys are
filled); broken shape blocks always, and so does an error of a blocking control. Canonical models and marts
have such checks too.

On a night with new batches only, canonical facts are judged on the rows of those batches: one scan per table
for all filled-and-listed expectations, and uniqueness among the new rows (an older row with the same key is
replaced by the load). When everything is loaded anew, dbt's own grain tests read the whole table, and the
suites do not do it twice.
"""


def controls_document() -> str:
    """Text of docs/controls.md: overview, then one section per control."""
    rows = list(controls().values())
    overview = ["| control | name | compares | owner | blocking |", "|---|---|---|---|---|"]
    overview += [_overview_row(row) for row in rows]
    return "\n\n".join([_INTRODUCTION.rstrip(), "\n".join(overview), *(_section(row) for row in rows)]) + "\n"


def _overview_row(row: Control) -> str:
    cells = (
        f"[{row.id}](#{_anchor(row)})",
        row.name,
        row.compares,
        row.owner,
        "yes" if row.blocking else "no",
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def write_docs(folder: Path) -> Path:
    """Write controls.md into a folder and return the file."""
    path = folder / "controls.md"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(controls_document(), encoding="utf-8")
    return path


def _section(row: Control) -> str:
    needs = ", ".join(need.replace("|", " or ") for need in row.needs)
    severities = (f"{step.severity} from {step.from_amount:,f} ({step.days} days)" for step in row.severities)
    facts = {
        "left": f"{row.left.system}: {row.left.object}",
        "right": f"{row.right.system}: {row.right.object}",
        "authoritative": row.authoritative,
        "key": row.key,
        "needs": needs or "nothing beyond the batch log",
        "default tolerance": _tolerance(row),
        "severity": "; ".join(severities),
        "owner": row.owner,
        "blocking": "yes, when critical" if row.blocking else "no",
        "model": f"`{row.model}`",
        "check": f"`{check_name(row)}` in `expectations/{row.area}.json`",
        "what to do": row.remedy,
    }
    table = ["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in facts.items())]
    reasons = ["| reason | status | means |", "|---|---|---|"]
    reasons += [
        f"| `{code}` | {reason.status} | {_cell(reason.text)} |" for code, reason in row.reasons.items()
    ]
    return "\n\n".join([f"## {row.id} {row.name}", row.compares, "\n".join(table), "\n".join(reasons)])


def _tolerance(row: Control) -> str:
    allowed = row.tolerance
    amount = f"{allowed.absolute_functional:f} in functional currency"
    if allowed.percent:
        amount += f" or {(allowed.percent * 100).normalize():f} % of the base, whichever is larger"
    return f"{amount}; {allowed.lag_days} days late. {allowed.reason}"


def _anchor(row: Control) -> str:
    return f"{row.id} {row.name}".lower().replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
