"""Rules across the files of a deployment.

Belongs here: what one file alone cannot know (a named currency, calendar, object or staging model exists;
fiscal periods follow each other). Does not: the shape of single files (declarations, reference).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from finance_sync.catalog.declarations import SystemFiles, did_you_mean
from finance_sync.catalog.models import DeploymentFile, System
from finance_sync.catalog.product import canonical_objects, controls, currencies
from finance_sync.catalog.reference import ReferenceFile, values
from finance_sync.catalog.yaml_source import YamlDocument, dotted
from finance_sync.errors import Problem

POLICY_VALUES = {
    "relief_point": ("receipt", "invoice"),
    "funds_window": ("period", "year_to_date", "full_year"),
    "commitment_revaluation": ("none", "period_end"),
    "year_end_commitments": ("continue", "carry_forward", "lapse"),
}
LINE_TYPES = ("quantity", "amount")


def cross_check(
    folder: Path,
    declared: DeploymentFile | None,
    declared_document: YamlDocument | None,
    files: SystemFiles,
    reference: Mapping[str, ReferenceFile],
) -> list[Problem]:
    """Everything that is wrong between the files.

    Args:
        folder: the deployment's folder.
        declared: deployment.yaml, None when it is not valid itself.
        declared_document: its places.
        files: the systems and their places.
        reference: the reference tables; one that is not valid is empty here and has been reported.
    """
    problems: list[Problem] = []
    known = set(currencies()["currency_code"].to_pylist())
    if declared is not None and declared_document is not None:
        problems += _deployment(declared, declared_document, known)
    for name, system in files.systems.items():
        problems += _system(folder, system, files.documents[name], known)
    problems += _entities(reference, known)
    problems += _calendars(reference["calendars"])
    problems += _period_status(reference)
    problems += _crosswalk(reference, files.names)
    problems += _rates(reference["rates"], known)
    problems += _rules(reference)
    return problems


def _deployment(declared: DeploymentFile, document: YamlDocument, known: set[str]) -> Iterator[Problem]:
    if declared.group_currency not in known:
        yield _in_yaml(
            document,
            ("group_currency",),
            f"{declared.group_currency!r} is no ISO 4217 currency",
            known,
            declared.group_currency,
        )
    taken: dict[str, str] = {}
    for segment, name in declared.segments.items():
        path = ("segments", segment)
        if not name.isidentifier() or name != name.lower():
            text = f"{name!r} cannot be a column name"
            yield Problem(
                document.file,
                text,
                "use lower case letters, digits and underscores",
                document.line(path),
                dotted(path),
            )
        if name in taken:
            text = f"{name!r} names {taken[name]} too"
            yield Problem(
                document.file, text, "give each segment its own name", document.line(path), dotted(path)
            )
        taken.setdefault(name, segment)


def _system(folder: Path, system: System, document: YamlDocument, known: set[str]) -> Iterator[Problem]:
    try:
        ZoneInfo(system.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = f"{system.time_zone!r} is no time zone"
        yield _in_yaml(document, ("time_zone",), text, available_timezones(), system.time_zone)
    canonical = canonical_objects()
    for name, spec in system.objects.items():
        for index, feed in enumerate(spec.feeds):
            path: tuple[str | int, ...] = ("objects", name, "feeds", index)
            target = feed.partition(":")[0]
            if target not in canonical:
                yield _in_yaml(document, path, f"{target!r} is no canonical object", canonical, target)
        for target, model in spec.staging_models(system.system, name).items():
            file = f"staging/{system.system}/{model}.sql"
            if target in canonical and not (folder / file).is_file():
                path = ("objects", name, "feeds")
                text = f"{name!r} feeds {target!r} and its staging model {file} does not exist"
                yield Problem(
                    document.file,
                    text,
                    "write the model, or take the feed out",
                    document.line(path),
                    dotted(path),
                )
        for field, declared in spec.fields.items():
            currency = declared.currency
            if currency is not None and currency not in spec.fields and currency not in known:
                path = ("objects", name, "fields", field, "currency")
                text = f"{currency!r} is neither a field of the object nor an ISO 4217 currency"
                yield _in_yaml(
                    document, path, text, [*spec.fields, *(known if currency.isupper() else ())], currency
                )


def _entities(reference: Mapping[str, ReferenceFile], known: set[str]) -> Iterator[Problem]:
    entities, calendars = reference["entities"], reference["calendars"]
    yield from _members(entities, "functional_currency", known, "is no ISO 4217 currency")
    if calendars.table.num_rows:
        yield from _members(
            entities,
            "calendar_id",
            values(calendars.table, "calendar_id"),
            "is no calendar of reference/calendars.csv",
        )


def _calendars(calendars: ReferenceFile) -> Iterator[Problem]:
    """Normal periods follow each other day by day; a closing period lies inside a normal one of its year."""
    rows = _with_lines(calendars)
    for calendar in values(calendars.table, "calendar_id"):
        mine = [row for row in rows if row["calendar_id"] == calendar]
        normal = sorted(
            (row for row in mine if row["kind"] == "normal"), key=lambda row: (row["starts_on"], row["line"])
        )
        for before, after in pairwise(normal):
            days = (after["starts_on"] - before["ends_on"]).days - 1
            if days:
                what = f"leaves a gap of {days} days after" if days > 0 else f"overlaps by {-days} days"
                text = (
                    f"calendar {calendar!r}: {_period(after)} starts on {after['starts_on']} and {what} "
                    f"{_period(before)} (to {before['ends_on']})"
                )
                remedy = (
                    "let each normal period start the day after the one before ends; an adjusting period "
                    "has kind closing"
                )
                yield Problem(calendars.file, text, remedy, after["line"], "column starts_on")
        for row in mine:
            if row["kind"] == "closing":
                year = [other for other in normal if other["fiscal_year"] == row["fiscal_year"]]
                if not any(
                    other["starts_on"] <= row["starts_on"] and row["ends_on"] <= other["ends_on"]
                    for other in year
                ):
                    text = (
                        f"calendar {calendar!r}: closing period {_period(row)} lies outside every normal "
                        "period of its year"
                    )
                    yield Problem(
                        calendars.file,
                        text,
                        "give it the dates of the period it adjusts",
                        row["line"],
                        "column starts_on",
                    )


def _period(row: Mapping[str, Any]) -> str:
    return f"{row['fiscal_year']}-P{row['period_no']:02d}"


def _period_status(reference: Mapping[str, ReferenceFile]) -> Iterator[Problem]:
    status = reference["period_status"]
    entities, calendars = reference["entities"].table.to_pylist(), reference["calendars"].table.to_pylist()
    if not entities or not calendars:
        return
    yield from _members(
        status, "legal_entity_id", [row["legal_entity_id"] for row in entities], "is no legal entity"
    )
    calendar_of = {row["legal_entity_id"]: row["calendar_id"] for row in entities}
    periods = {(row["calendar_id"], row["fiscal_year"], row["period_no"]) for row in calendars}
    for row in _with_lines(status):
        calendar = calendar_of.get(row["legal_entity_id"])
        if calendar is not None and (calendar, row["fiscal_year"], row["period_no"]) not in periods:
            text = (
                f"{_period(row)} is no period of calendar {calendar!r} of entity {row['legal_entity_id']!r}"
            )
            yield Problem(
                status.file,
                text,
                "correct the period, or add it to reference/calendars.csv",
                row["line"],
                "column period_no",
            )


def _crosswalk(reference: Mapping[str, ReferenceFile], systems: Iterable[str]) -> Iterator[Problem]:
    crosswalk, entities = reference["crosswalk"], reference["entities"].table
    yield from _members(crosswalk, "system", systems, "is no system of systems/*.yaml")
    known = set(values(entities, "legal_entity_id"))
    if known:
        yield from _members(
            crosswalk,
            "canonical_code",
            known,
            "is no legal entity of reference/entities.csv",
            where=lambda row: row["kind"] == "legal_entity",
        )


def _rates(rates: ReferenceFile, known: set[str]) -> Iterator[Problem]:
    yield from _members(rates, "from_currency", known, "is no ISO 4217 currency")
    yield from _members(rates, "to_currency", known, "is no ISO 4217 currency")
    for row in _with_lines(rates):
        if row["rate"] <= 0:
            yield Problem(
                rates.file,
                f"the rate {row['rate']} is not positive",
                "give units of to_currency per unit of from_currency",
                row["line"],
                "column rate",
            )
        if row["from_currency"] == row["to_currency"]:
            yield Problem(
                rates.file,
                f"a rate from {row['from_currency']} to itself",
                "remove the row",
                row["line"],
                "column to_currency",
            )


def _rules(reference: Mapping[str, ReferenceFile]) -> Iterator[Problem]:
    """Tolerances, policies and account roles name what exists, and an account has a role once on a day."""
    entities = values(reference["entities"].table, "legal_entity_id")
    tolerances, policies = reference["tolerances"], reference["policies"]
    yield from _members(tolerances, "control_id", controls(), "is no control")
    roles = reference["account_roles"]
    exceptions = reference["exception_rules"]
    yield from _members(exceptions, "control_id", controls(), "is no control")
    yield from _exception_rules(exceptions)
    for rules in (tolerances, policies, roles, exceptions):
        if entities:
            yield from _members(
                rules, "legal_entity_id", entities, "is no legal entity of reference/entities.csv"
            )
    yield from _role_overlaps(roles)
    yield from _members(policies, "line_type", LINE_TYPES, "is no line type")
    for row in _with_lines(policies):
        allowed = available_timezones() if row["policy"] == "time_zone" else POLICY_VALUES[row["policy"]]
        if row["value"] not in allowed:
            text = f"{row['value']!r} is no value of {row['policy']}"
            yield Problem(
                policies.file, text, did_you_mean(row["value"], allowed), row["line"], "column value"
            )
    for row in _with_lines(tolerances):
        for column in ("absolute_functional", "percent", "lag_days"):
            if row[column] < 0:
                yield Problem(
                    tolerances.file,
                    f"{row[column]} is negative",
                    "a tolerance is zero or more",
                    row["line"],
                    f"column {column}",
                )


def _exception_rules(rules: ReferenceFile) -> Iterator[Problem]:
    for row in _with_lines(rules):
        for column, least in (("deadline_days", 0), ("raise_after_days", 1), ("escalate_every_days", 1)):
            if row[column] is not None and row[column] < least:
                yield Problem(
                    rules.file,
                    f"{row[column]} is too small",
                    f"give {least} days or more, or nothing",
                    row["line"],
                    f"column {column}",
                )


def _role_overlaps(roles: ReferenceFile) -> Iterator[Problem]:
    until: dict[tuple[Any, ...], date] = {}
    for row in sorted(_with_lines(roles), key=lambda row: row["valid_from"]):
        key = (row["role"], row["legal_entity_id"], row["account_id"])
        if key in until and row["valid_from"] <= until[key]:
            text = f"account {row['account_id']} has the role {row['role']} from an earlier row still"
            yield Problem(roles.file, text, "end the earlier row before", row["line"], "column valid_from")
        until[key] = row["valid_to"] or date.max


def _with_lines(reference: ReferenceFile) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = reference.table.to_pylist()
    for row, line in zip(rows, reference.lines, strict=True):
        row["line"] = line
    return rows


def _members(
    reference: ReferenceFile,
    column: str,
    allowed: Iterable[str],
    complaint: str,
    where: Callable[[dict[str, Any]], bool] | None = None,
) -> Iterator[Problem]:
    names = set(allowed)
    if where is None and names.issuperset(values(reference.table, column)):
        return
    for row in _with_lines(reference):
        value = row[column]
        if value is not None and value not in names and (where is None or where(row)):
            yield Problem(
                reference.file,
                f"{value!r} {complaint}",
                did_you_mean(value, names),
                row["line"],
                f"column {column}",
            )


def _in_yaml(
    document: YamlDocument, path: tuple[str | int, ...], message: str, allowed: Iterable[str], found: str
) -> Problem:
    return Problem(document.file, message, did_you_mean(found, allowed), document.line(path), dotted(path))
