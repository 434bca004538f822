"""What a check says: plain values that travel between processes and into Dagster, the CLI and reports.

Belongs here: CheckResult and its JSON form. Does not: how a check is judged (judge) or counted (measure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Literal, cast

Outcome = Literal["passed", "failed", "not_applicable", "error"]
Kind = Literal["control", "technical", "canonical", "marts"]
SeverityName = Literal["low", "medium", "high", "critical"]

SEVERITY_ORDER: tuple[SeverityName, ...] = ("low", "medium", "high", "critical")
SAMPLE_ROWS = 10
ENGINEERS = "data-engineering"  # queue of whatever is technical; business exceptions never go there (SPEC 8)


@dataclass(frozen=True)
class ReasonTotal:
    """Failing rows of one reason.

    Attributes:
        status: status of SPEC 7, or the broken expectation for checks on shape.
        reason_code: reason of the controls table; empty for checks on shape.
        text: the reason in words.
        rows: failing rows.
        amount_group: their amount at risk, group currency, absolute.
    """

    status: str
    reason_code: str
    text: str
    rows: int
    amount_group: Decimal


@dataclass(frozen=True)
class SampleRow:
    """One failing row, with its business key and both sides. Amounts are exact; None where there is none."""

    business_key: str
    legal_entity_id: str = ""
    fiscal_period_id: str = ""
    status: str = ""
    reason_code: str = ""
    aspect: str = ""
    left_system: str = ""
    left_value: str = ""
    left_amount: Decimal | None = None
    right_system: str = ""
    right_value: str = ""
    right_amount: Decimal | None = None
    difference_amount: Decimal | None = None
    currency_code: str = ""
    amount_group: Decimal | None = None
    message: str = ""


SAMPLE_DECIMALS = frozenset(field.name for field in fields(SampleRow) if "Decimal" in str(field.type))


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check on one dbt model.

    Attributes:
        check_name: e.g. c07_three_way_match, technical_rec_c07, canonical_fct_journal_line.
        kind: control (a business comparison), technical (shape of a reconciled model), canonical, marts.
        area: control area, or canonical, or marts.
        control_id: number of the control; None for canonical and marts.
        asset: dbt model that the check belongs to.
        outcome: passed, failed, not_applicable, or error when it could not be judged.
        severity: the worst among the failing rows (critical for broken shape); None unless failed.
        blocking: nothing that depends on the asset may go on (see judge.is_blocking).
        rows_compared: comparisons (controls) or rows (others) that were judged.
        rows_failed: exact number of failing rows.
        rows_without_amount: failing rows without an amount at risk: no rate, or none by nature.
        amount_group: amount at risk of all failing rows, group currency, absolute.
        group_currency: ISO code; empty when not known.
        by_reason: totals per reason, largest amount first.
        sample: at most SAMPLE_ROWS failing rows, largest amount first.
        sample_truncated: there are more failing rows than the sample shows.
        owner: queue that must act.
        remedy: what to do about it.
        description: what is compared.
        message: the outcome in one sentence.
        error: why it could not be judged; empty unless the outcome is error.
        as_of: business date of the judgement.
    """

    check_name: str
    kind: Kind
    area: str
    control_id: str | None
    asset: str
    outcome: Outcome
    severity: SeverityName | None
    blocking: bool
    rows_compared: int
    rows_failed: int
    rows_without_amount: int
    amount_group: Decimal
    group_currency: str
    by_reason: tuple[ReasonTotal, ...]
    sample: tuple[SampleRow, ...]
    sample_truncated: bool
    owner: str
    remedy: str
    description: str
    message: str
    error: str
    as_of: date

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; decimals and dates as text, so that no digit is lost."""
        return cast("dict[str, Any]", _plain(asdict(self)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckResult:
        """The inverse of to_json.

        Raises:
            TypeError: fields are missing or unknown.
        """
        values = dict(data)
        values["amount_group"] = Decimal(values["amount_group"])
        values["as_of"] = date.fromisoformat(values["as_of"])
        values["by_reason"] = tuple(
            ReasonTotal(**{**row, "amount_group": Decimal(row["amount_group"])})
            for row in values["by_reason"]
        )
        values["sample"] = tuple(SampleRow(**_with_decimals(row)) for row in values["sample"])
        return cls(**values)


def _with_decimals(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if name in SAMPLE_DECIMALS and value is not None else value
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
