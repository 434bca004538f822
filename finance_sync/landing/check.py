"""The contract check: one page of records becomes accepted records, typed, and rejected ones, each with its reason.

Belongs here: what a record must be to be accepted. Vectorised; the work per clean page is a few passes over its columns.
Does not: comparing with what has landed before (delta), writing (writer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal
from typing import cast

import polars as pl

from finance_sync.catalog.models import FileRead
from finance_sync.extract.pull import BrokenRecord, Page
from finance_sync.landing.contract import Binding
from finance_sync.landing.convert import convert
from finance_sync.landing.hashing import text_md5
from finance_sync.landing.numbers import LOOSE, currency_limit, loose_numbers
from finance_sync.landing.values import Converted, Finding, Limit, as_text

REJECTED_SCHEMA: dict[str, pl.DataType] = {
    "_record_no": pl.Int64(), "reject_reason": pl.String(), "field": pl.String(), "value": pl.String(), "message": pl.String(),
    "record_key": pl.String(), "payload": pl.String(), "_row_hash": pl.String(),
}  # fmt: skip
LINE = "_line"
EXACT = Context(prec=76)  # sums stay exact: Python's default of 28 digits would round a large one

REMEDIES = {
    "bad_row": "have the line corrected at the source; if all lines look so, check `delimiter` and `quote`",
    "not_a_number": "correct it at the source; or, if it writes numbers so, declare `numbers`, `zero` or `blank`, and replay",
    "too_many_decimals": "correct it at the source; if the source is right, declare `decimals` and why in `note`, and replay",
    "does_not_fit": "correct it at the source",
    "not_an_integer": "correct it at the source, or declare another type, and replay",
    "unknown_currency": "correct it at the source; codes are those of ISO 4217",
    "not_a_date": "correct it at the source, or declare the `format`, and replay",
    "missing_required": "have it filled at the source; if it may be empty, drop `required`, and replay",
    "not_allowed_value": "correct it at the source, or add the value to the contract, and replay",
    "duplicate_key": "have the source say which holds; or, if records can share it, add a field to the object's key, and replay",
}


@dataclass
class Totals:
    """Exact sums of one control total by what became of the records."""

    seen: Decimal = Decimal(0)
    accepted: Decimal = Decimal(0)
    rejected: Decimal = Decimal(0)
    unchanged: Decimal = Decimal(0)
    superseded: Decimal = Decimal(0)


@dataclass(frozen=True)
class Checked:
    """What became of a page.

    Attributes:
        accepted: records that keep the contract: fields typed, undeclared columns as text.
        raw: the same records as the source has them, row by row.
        rejected: one row per record and broken field (REJECTED_SCHEMA); ``_record_no`` counts within the page.
        rejected_rows: number of rejected records.
        rejected_keys: typed keys of those whose key can be read.
        keyless: number of rejected records whose key cannot be read.
        excluded: records that the contract leaves out (a total row, rows of another object).
        stated: control totals that the file's own total rows state; empty without such a row.
        seen: sum per control total over all records; what cannot be read as a number counts zero.
        rejected_values: ``_record_no`` and control totals (decimal(38,10)) of rejected records, zero where unreadable.
        latest: latest change time (or highest number) of all records, where one can be read.
    """

    accepted: pl.DataFrame
    raw: pl.DataFrame
    rejected: pl.DataFrame
    rejected_rows: int = 0
    rejected_keys: pl.DataFrame = field(default_factory=pl.DataFrame)
    keyless: int = 0
    excluded: int = 0
    stated: Mapping[str, Decimal] = field(default_factory=dict)
    seen: Mapping[str, Decimal] = field(default_factory=dict)
    rejected_values: pl.DataFrame = field(default_factory=pl.DataFrame)
    latest: datetime | date | int | None = None


def check_page(binding: Binding, page: Page) -> Checked:
    """Check every record of a page against the contract (DESIGN: the source contract is checked at landing).

    Raises:
        SourceError: a column cannot hold its field at all.
    """
    broken = _broken(binding, page.broken)
    if not page.frame.height:
        empty = pl.DataFrame(schema=binding.schema)
        return Checked(empty, page.frame, broken, rejected_rows=len(page.broken), keyless=len(page.broken), seen=_zeros(binding),
                       rejected_values=_no_values(binding))  # fmt: skip
    frame, excluded, stated = _left_out(binding, page.frame)
    columns, findings = _converted(binding, frame)
    typed = pl.DataFrame([item.values.alias(name) for name, item in columns.items()])
    extras = [as_text(frame[column]).alias(name) for column, name in binding.extras.items()]
    typed = typed.with_columns(extras) if extras else typed
    totals = binding.contract.spec.control_totals
    seen = {name: exact_sum(typed[name]) for name in totals}
    latest = _latest(binding, typed)
    bad = _any_of([finding.mask for _, finding in findings], frame.height)
    if bad is None:
        return Checked(typed, frame, broken, len(page.broken), keyless=len(page.broken), excluded=excluded, stated=stated,
                       seen=seen, rejected_values=_no_values(binding), latest=latest)  # fmt: skip
    rejected_raw = frame.filter(bad)
    keys = typed.select(binding.contract.key).filter(bad)
    readable = keys.filter(~pl.any_horizontal(pl.all().is_null()))
    first_no = len(page.broken)
    numbers = pl.int_range(first_no, first_no + rejected_raw.height, dtype=pl.Int64, eager=True).alias(
        "_record_no"
    )
    loose = pl.DataFrame(
        [
            numbers,
            *(
                loose_numbers(binding, name, rejected_raw[binding.columns[name]]).alias(name)
                for name in totals
            ),
        ]
    )
    kept = typed.filter(~bad)
    return Checked(
        accepted=kept,
        raw=frame.filter(~bad),
        rejected=pl.concat([broken, _rejections(binding, frame, typed, findings, bad, numbers)]),
        rejected_rows=rejected_raw.height + len(page.broken),
        rejected_keys=readable,
        keyless=keys.height - readable.height + len(page.broken),
        excluded=excluded,
        stated=stated,
        seen={name: EXACT.add(exact_sum(kept[name]), exact_sum(loose[name])) for name in totals},
        rejected_values=loose,
        latest=latest,
    )


def _converted(
    binding: Binding, frame: pl.DataFrame
) -> tuple[dict[str, Converted], list[tuple[str, Finding]]]:
    contract = binding.contract
    columns: dict[str, Converted] = {}
    findings: list[tuple[str, Finding]] = []
    # Currencies first: they say how many decimals an amount may have.
    money = {spec.currency for spec in contract.spec.fields.values() if spec.currency in contract.spec.fields}
    for name in sorted(contract.spec.fields, key=lambda item: item not in money):
        limit = _limit(binding, name, columns)
        columns[name] = convert(binding, name, frame[binding.columns[name]], limit)
        findings += [(name, finding) for finding in columns[name].findings]
        findings += [(name, finding) for finding in _plain_rules(binding, name, columns[name])]
    findings += _money_rules(binding, columns)
    order = list(contract.spec.fields)
    findings.sort(key=lambda item: order.index(item[0]))
    return {name: columns[name] for name in order}, findings


def _limit(binding: Binding, name: str, columns: Mapping[str, Converted]) -> Limit | None:
    spec = binding.contract.spec.fields[name]
    if spec.decimals is not None:
        return Limit(spec.decimals, "the contract")
    if spec.type != "amount" or spec.currency is None:
        return None
    units = binding.contract.minor_units
    if spec.currency in columns:
        return currency_limit(columns[spec.currency].values.cast(pl.String).str.strip_chars(), units)
    return Limit(units[spec.currency], spec.currency)


def _plain_rules(binding: Binding, name: str, column: Converted) -> list[Finding]:
    """Required, closed lists, currency codes."""
    contract = binding.contract
    spec = contract.spec.fields[name]
    found = []
    if contract.is_required(name) and not column.given.all():
        found.append(Finding("missing_required", ~column.given, "is empty and required"))
    if spec.values is not None:
        text = column.values.cast(pl.String).str.strip_chars()
        odd = column.values.is_not_null() & ~text.is_in(spec.values)
        if odd.any():
            found.append(
                Finding("not_allowed_value", odd, f"is not allowed; allowed: {', '.join(spec.values)}")
            )
    if spec.type == "currency":
        found += _unknown_currency(binding, column)
    return found


def _unknown_currency(binding: Binding, column: Converted) -> list[Finding]:
    codes = column.values.cast(pl.String).str.strip_chars()
    strange = [
        code for code in codes.unique().drop_nulls().to_list() if code not in binding.contract.minor_units
    ]
    if not strange:
        return []
    return [
        Finding(
            "unknown_currency", codes.is_in(strange).fill_null(value=False), "is not a currency of ISO 4217"
        )
    ]


def _money_rules(binding: Binding, columns: Mapping[str, Converted]) -> list[tuple[str, Finding]]:
    """An amount needs a known currency: without one nobody can say what it is, nor how many decimals it may have."""
    found: list[tuple[str, Finding]] = []
    fields = binding.contract.spec.fields
    judged: set[str] = set()
    for name, spec in fields.items():
        money = spec.currency
        if spec.type != "amount" or money is None or money not in columns:
            continue
        if fields[money].type != "currency" and money not in judged:
            judged.add(money)
            found += [(money, finding) for finding in _unknown_currency(binding, columns[money])]
        if columns[money].given.all() or binding.contract.is_required(money):
            continue
        amount = columns[name].values
        lacking = ~columns[money].given & (amount != 0).fill_null(columns[name].given)
        if lacking.any():
            found.append((money, Finding("missing_required", lacking, f"is empty, but {name} has a value")))
    return found


def _left_out(binding: Binding, frame: pl.DataFrame) -> tuple[pl.DataFrame, int, dict[str, Decimal]]:
    """Take out rows that are no records of the object: excluded ones, and the file's own total row."""
    read = binding.contract.spec.read
    if not isinstance(read, FileRead) or not (read.exclude or read.total_row):
        return frame, 0, {}
    stated: dict[str, Decimal] = {}
    before = frame.height
    for rule in (read.total_row, read.exclude):
        if not rule:
            continue
        hit = _any_of(
            [~_equals(frame[binding.columns[name]], value) for name, value in rule.items()], frame.height
        )
        mask = ~hit if hit is not None else pl.repeat(value=True, n=frame.height, eager=True)
        if rule is read.total_row and mask.any():
            rows = frame.filter(mask)
            stated = {
                name: exact_sum(loose_numbers(binding, name, rows[binding.columns[name]]))
                for name in binding.contract.spec.control_totals
            }
            stated[""] = Decimal(rows.height)
        frame = frame.filter(~mask)
    return frame, before - frame.height, stated


def _equals(values: pl.Series, wanted: str) -> pl.Series:
    text = as_text(values).str.strip_chars().fill_null("")
    return text == wanted.strip()


# ---------------------------------------------------------------- rejected records


def record_keys(binding: Binding, typed: pl.DataFrame, raw: pl.DataFrame) -> pl.Series:
    """Keys as text, parts joined by '|': the typed value, or what the source has where it cannot be typed."""
    parts = [
        typed[name]
        .cast(pl.String)
        .fill_null(as_text(raw[binding.columns[name]]))
        .fill_null("")
        .str.strip_chars()
        .alias(str(place))
        for place, name in enumerate(binding.contract.key)
    ]
    return pl.DataFrame(parts).select(pl.concat_str(pl.all(), separator="|").alias("record_key")).to_series()


def payloads(binding: Binding, raw: pl.DataFrame) -> pl.Series:
    """The untouched records as JSON: texts under the source's column names (the whole line, for files of fixed width)."""
    columns = [LINE] if binding.is_fixed else [name for name in raw.columns if name != LINE]
    texts = raw.select(_payload_text(binding, raw[name]).alias(name) for name in columns)
    return texts.select(pl.struct(pl.all()).struct.json_encode().alias("payload")).to_series()


def _payload_text(binding: Binding, values: pl.Series) -> pl.Series:
    text = as_text(values)
    if values.dtype.is_float() and binding.numbers.decimal != ".":
        return text.str.replace(
            ".", binding.numbers.decimal, literal=True
        )  # so that a replay reads it as the texts beside it
    return text


def reject_rows(
    binding: Binding, raw: pl.DataFrame, keys: pl.Series, code: str, problem: str
) -> pl.DataFrame:
    """Rows for records rejected as a whole, e.g. as duplicates of each other."""
    frame = pl.DataFrame(
        {
            "_record_no": pl.int_range(raw.height, dtype=pl.Int64, eager=True),
            "record_key": keys,
            "payload": payloads(binding, raw),
        }
    ).with_columns(
        reject_reason=pl.lit(code),
        field=pl.lit(", ".join(binding.contract.key)),
        value=pl.col("record_key"),
        problem=pl.lit(problem),
    )
    return _finished(binding, frame)


def _rejections(
    binding: Binding,
    raw: pl.DataFrame,
    typed: pl.DataFrame,
    findings: Sequence[tuple[str, Finding]],
    bad: pl.Series,
    numbers: pl.Series,
) -> pl.DataFrame:
    rows = pl.int_range(raw.height, dtype=pl.Int64, eager=True).alias("_row")
    rejected = raw.filter(bad)
    records = pl.DataFrame(
        [
            rows.filter(bad),
            numbers,
            record_keys(binding, typed.filter(bad), rejected),
            payloads(binding, rejected),
        ]
    )
    parts = []
    for name, finding in findings:
        values = as_text(raw[binding.columns[name]].filter(finding.mask))
        problem = (
            finding.problem.filter(finding.mask)
            if isinstance(finding.problem, pl.Series)
            else pl.repeat(finding.problem, len(values), eager=True)
        )
        parts.append(
            pl.DataFrame(
                [rows.filter(finding.mask), values.alias("value"), problem.alias("problem")]
            ).with_columns(reject_reason=pl.lit(finding.code), field=pl.lit(name))
        )
    broken = (
        pl.concat(parts)
        .join(records, on="_row", how="inner", maintain_order="left")
        .sort("_row", maintain_order=True)
    )
    return _finished(binding, broken)


def _finished(binding: Binding, frame: pl.DataFrame) -> pl.DataFrame:
    """Messages and hashes. A message names system, object, record, field, value, what is wrong and what to do."""
    shown = (
        pl.when(pl.col("value").fill_null("").str.strip_chars() == "")
        .then(pl.lit(""))
        .otherwise(pl.format(" '{}'", pl.col("value").str.slice(0, 80)))
    )
    remedy = pl.col("reject_reason").replace_strict(REMEDIES, default="correct it at the source")
    message = pl.format(
        "{} record {}: {}{} {} -> {}",
        pl.lit(binding.contract.where),
        "record_key",
        "field",
        shown,
        "problem",
        remedy,
    )
    return frame.with_columns(message=message, _row_hash=text_md5(frame["payload"])).select(
        pl.col(name).cast(kind) for name, kind in REJECTED_SCHEMA.items()
    )


def _broken(binding: Binding, records: Sequence[BrokenRecord]) -> pl.DataFrame:
    if not records:
        return pl.DataFrame(schema=REJECTED_SCHEMA)
    texts = pl.Series(LINE, [record.text for record in records])
    frame = pl.DataFrame(
        {
            "_record_no": pl.int_range(len(records), dtype=pl.Int64, eager=True),
            "payload": texts.to_frame().select(pl.struct(pl.all()).struct.json_encode()).to_series(),
            "value": texts.str.slice(0, 80),
            "problem": [record.problem for record in records],
        }
    ).with_columns(reject_reason=pl.lit("bad_row"), field=pl.lit("line"), record_key=pl.lit(""))
    finished = _finished(binding, frame)
    return finished.with_columns(record_key=pl.lit(None, dtype=pl.String))


# ---------------------------------------------------------------- small parts


def _any_of(masks: Sequence[pl.Series], rows: int) -> pl.Series | None:
    if not masks:
        return None
    result = pl.repeat(value=False, n=rows, eager=True)
    for mask in masks:
        result = result | mask.fill_null(False)  # noqa: FBT003
    return result


def exact_sum(values: pl.Series) -> Decimal:
    """Sum of decimals, exact; zero of none."""
    return Decimal(cast("Decimal", values.sum() or 0))


def _zeros(binding: Binding) -> dict[str, Decimal]:
    return dict.fromkeys(binding.contract.spec.control_totals, Decimal(0))


def _no_values(binding: Binding) -> pl.DataFrame:
    return pl.DataFrame(
        schema={"_record_no": pl.Int64(), **dict.fromkeys(binding.contract.spec.control_totals, LOOSE)}
    )


def _latest(binding: Binding, typed: pl.DataFrame) -> datetime | date | int | None:
    cursor = binding.contract.cursor
    return None if cursor is None else cast("datetime | date | int | None", typed[cursor].max())
