"""docs/controls.md and a page per control, derived from the controls table and the unit tests so that they cannot drift.

Belongs here: the text. Does not: the controls (catalog/controls.yaml), their unit tests (dbt_project).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from finance_sync.catalog.product import Control, controls
from finance_sync.controls.generate import check_name

_NOTICE = """\
<!-- Derived from finance_sync/catalog/controls.yaml and the dbt unit tests by `finance-sync catalog generate`. Do not
edit: a test compares. -->"""

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

The tolerance on a control's page is the default; `reference/tolerances.csv` refines it by date, entity,
category and aspect. Each comparison has dbt unit tests; `make mutation` puts deliberate mistakes into the SQL, a few
per control, and prints which unit test caught each.

On a night with new batches only, canonical facts are judged on the rows of those batches: one scan per table
for all filled-and-listed expectations, and uniqueness among the new rows (an older row with the same key is
replaced by the load). When everything is loaded anew, dbt's own grain tests read the whole table, and the
suites do not do it twice.
"""


def controls_document() -> str:
    """Text of docs/controls.md: what a control is, and the list of them with links to their pages."""
    overview = ["| control | name | compares | owner | blocking |", "|---|---|---|---|---|"]
    overview += [_overview_row(row) for row in controls().values()]
    return "\n\n".join([_INTRODUCTION.rstrip(), "\n".join(overview)]) + "\n"


def control_pages(dbt_package: Path) -> dict[str, str]:
    """File name below docs/controls -> text of the page, one per control.

    Args:
        dbt_package: folder of the dbt package; its SQL and unit tests are linked, an example is taken from what they expect.
    """
    tests = _unit_tests(dbt_package)
    return {_file(row): _page(row, dbt_package, tests.get(row.model, {})) for row in controls().values()}


def write_docs(folder: Path, dbt_package: Path) -> list[Path]:
    """Write controls.md and the pages into a folder and return the files; a page of no control is removed."""
    pages = control_pages(dbt_package)
    documents = {folder / "controls.md": controls_document()}
    documents |= {folder / "controls" / name: text for name, text in pages.items()}
    (folder / "controls").mkdir(parents=True, exist_ok=True)
    for old in (folder / "controls").glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for path, text in documents.items():
        path.write_text(text, encoding="utf-8")
    return list(documents)


def _overview_row(row: Control) -> str:
    cells = (
        f"[{row.id}](controls/{_file(row)})",
        row.name,
        row.compares,
        row.owner,
        "yes" if row.blocking else "no",
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _unit_tests(dbt_package: Path) -> dict[str, dict[Path, list[dict[str, Any]]]]:
    """Model -> file below the package -> its unit tests."""
    found: dict[str, dict[Path, list[dict[str, Any]]]] = {}
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted((dbt_package / "models").rglob("_unit_*.yml")):
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 (a safe loader)
        for test in document["unit_tests"]:
            found.setdefault(test["model"], {}).setdefault(path.relative_to(dbt_package), []).append(test)
    return found


def _page(row: Control, dbt_package: Path, tests: dict[Path, list[dict[str, Any]]]) -> str:
    severities = (f"{step.severity} from {step.from_amount:,f} ({step.days} days)" for step in row.severities)
    needs = ", ".join(need.replace("|", " or ") for need in row.needs)
    facts = {
        "left": f"{row.left.system}: {row.left.object}",
        "right": f"{row.right.system}: {row.right.object}",
        "authoritative": row.authoritative,
        "key": row.key,
        "needs": needs or "nothing beyond the batch log",
        "default tolerance": _tolerance(row),
        "lag": f"{row.tolerance.lag_days} days",
        "reason for both": row.tolerance.reason,
        "severity": f"{'; '.join(severities)}; by amount at risk in group currency, with the days allowed",
        "owner": row.owner,
        "blocking": "yes, when critical" if row.blocking else "no",
        "check": f"`{check_name(row)}` in [expectations/{row.area}.json](../../expectations/{row.area}.json)",
    }
    table = ["| | |", "|---|---|", *(f"| {name} | {_cell(text)} |" for name, text in facts.items())]
    reasons = ["| reason | status | means |", "|---|---|---|"]
    reasons += [
        f"| `{code}` | {reason.status} | {_cell(reason.text)} |" for code, reason in row.reasons.items()
    ]
    parts = [
        _NOTICE,
        f"# {row.id} {row.name}",
        row.compares,
        f"**Why.** {row.why}" if row.why else "",
        "\n".join(table),
    ]
    parts += ["## Reasons", "\n".join(reasons), "## What to do", row.remedy]
    if message := _example(tests) or row.example:
        parts += ["## Example", f"> {message}"]
    parts += ["## Where it is", _places(row, dbt_package, tests), "[All controls](../controls.md)"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _places(row: Control, dbt_package: Path, tests: dict[Path, list[dict[str, Any]]]) -> str:
    """Links to the SQL and, file by file, the unit tests of the control's model."""
    package = dbt_package.name
    lines = [
        f"- SQL: [{path.name}](../../{package}/{path.relative_to(dbt_package).as_posix()})"
        for path in sorted((dbt_package / "models").rglob(f"{row.model}.sql"))
    ]
    for path, found in tests.items():
        names = ", ".join(f"`{test['name']}`" for test in found)
        lines.append(f"- Unit tests: [{path.name}](../../{package}/{path.as_posix()}): {names}")
    return "\n".join(lines)


def _example(tests: dict[Path, list[dict[str, Any]]]) -> str:
    """The first message that a unit test expects (of a failing comparison; others have none), or empty."""
    expected = (row for found in tests.values() for test in found for row in test["expect"]["rows"])
    return next((row["message"] for row in expected if isinstance(row, dict) and row.get("message")), "")


def _tolerance(row: Control) -> str:
    allowed = row.tolerance
    amount = f"{allowed.absolute_functional:f} in functional currency"
    if allowed.percent:
        amount += f" or {(allowed.percent * 100).normalize():f} % of the base, whichever is larger"
    return amount


def _file(row: Control) -> str:
    return f"{row.id.lower()}.md"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
