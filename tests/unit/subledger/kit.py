"""Lives of documents as small tables, landed batch by batch and built into the commitment sub-ledger.

Belongs here: documents with their versions over time, the deployment that they live in, landing and building them. Does not:
what is expected of them (scenarios, model).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.unit.dbt.harness import Harness

D = Decimal
ZERO = D(0)
OBJECTS = ("requisition_line", "purchase_order_line", "receipt_line", "invoice_line")
FIRST_NIGHT = date(2024, 1, 2)
MODELS = ("+fct_commitment_movement", "int_commitment_line")
# what a later night builds: nothing else changes
FACTS = tuple(f"fct_{kind}{suffix}" for kind in OBJECTS for suffix in ("", "_version"))
DELETED = {"_deleted": True}
CURRENCIES = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
# Relief point and the other policies by entity; the entities are alike in all else (functional currency EUR).
ENTITIES = {
    "R": {"relief_point": "receipt"},
    "I": {"relief_point": "invoice"},
    "V": {"relief_point": "invoice", "commitment_revaluation": "period_end"},
    "C": {"relief_point": "receipt", "year_end_commitments": "carry_forward"},
    "L": {"relief_point": "receipt", "year_end_commitments": "lapse"},
}


def day(text: str | date) -> date:
    """``02-05`` is 2024-02-05; a full ISO date is itself."""
    if isinstance(text, date):
        return text
    return date.fromisoformat(text if len(text) == 10 else f"2024-{text}")


@dataclass(frozen=True)
class Document:
    """One record of a source in its versions.

    Attributes:
        kind: canonical object.
        row: feed columns of the first version.
        landed: night on which that landed.
        then: later versions: the night, and what is other than before.
    """

    kind: str
    row: Mapping[str, Any]
    landed: date = FIRST_NIGHT
    then: Sequence[tuple[str | date, Mapping[str, Any]]] = ()

    def versions(self) -> list[tuple[date, dict[str, Any]]]:
        """Night and row of every version, in order."""
        row = dict(self.row)
        found = [(self.landed, dict(row))]
        for night, changes in self.then:
            row |= changes
            found.append((day(night), dict(row)))
        return found


@dataclass(frozen=True)
class Scenario:
    """Documents, and what is expected of them.

    Attributes:
        name: also the number of its documents.
        why: what it is about.
        documents: with versions.
        expect: movements as texts, see `expected`.
        open: what is open on the business date, per kind.
    """

    name: str
    why: str
    documents: Sequence[Document]
    expect: Sequence[str]
    open: Decimal = ZERO

    def rows(self) -> list[Document]:
        """The documents under the scenario's own numbers."""
        count: dict[str, int] = {}
        result = []
        for document in self.documents:
            count[document.kind] = number = count.get(document.kind, 0) + 1
            row = dict(document.row)
            key = f"{self.name}.{number}"
            if document.kind == "purchase_order_line":
                row |= {"source_key": f"o.{key}", "order_no": self.name, "line_no": number}
                if row.pop("of_requisition", False):
                    row |= {"requisition_no": self.name, "requisition_line_no": 1}
            elif document.kind == "requisition_line":
                row |= {"source_key": f"q.{key}", "requisition_no": self.name, "line_no": number}
            elif document.kind == "receipt_line":
                row |= {"source_key": f"r.{key}", "receipt_no": key, "line_no": 1, "order_no": self.name}
            else:
                row |= {"source_key": f"i.{key}", "invoice_no": key, "line_no": 1, "order_no": self.name}
            result.append(replace(document, row=row))
        return result


def order(
    net: str = "100",
    q: str | None = "10",
    *,
    entity: str = "R",
    on: str = "01-10",
    status: str = "issued",
    tax: str | None = None,
    landed: str | date = FIRST_NIGHT,
    then: Sequence[tuple[str, Mapping[str, Any]]] = (),
    **more: Any,
) -> Document:
    """An order line: a quantity line, or an amount line when it has no quantity."""
    row = {
        "entity_code": entity, "cost_center_code": "K1", "account_code": "5000", "line_type": "quantity" if q is not None else "amount",
        "line_status": status, "order_date": day(on), "approved_on": day(on) if status not in {"draft", "pending"} else None,
        "closed_on": None, "quantity": None if q is None else D(q), "currency_code": "EUR", "amount_net_txn": D(net),
        "amount_tax_txn": None if tax is None else D(tax), "requisition_no": None, "requisition_line_no": None,
    }  # fmt: skip
    return Document("purchase_order_line", row | more, day(landed), then)


def requisition(
    amount: str = "100", *, status: str = "approved", on: str = "01-08", then: Any = (), **more: Any
) -> Document:
    """A requisition line."""
    row = {
        "entity_code": "R", "cost_center_code": "K1", "account_code": "5000", "line_status": status, "requested_on": day(on),
        "approved_on": day(on) if status not in {"draft", "submitted"} else None, "closed_on": None, "currency_code": "EUR",
        "amount_txn": D(amount),
    }  # fmt: skip
    return Document("requisition_line", row | more, FIRST_NIGHT, then)


def receipt(
    on: str, q: str | None, *, line: int = 1, landed: str | date = FIRST_NIGHT, then: Any = (), **more: Any
) -> Document:
    """A receipt line; a return has a negative quantity."""
    row = {
        "entity_code": "R", "line_status": "posted", "posting_date": day(on), "order_line_no": line, "quantity": None if q is None else D(q),
        "currency_code": None, "amount_txn": None,
    }  # fmt: skip
    return Document("receipt_line", row | more, day(landed), then)


def invoice(
    on: str,
    q: str | None,
    net: str,
    *,
    line: int = 1,
    landed: str | date = FIRST_NIGHT,
    then: Any = (),
    **more: Any,
) -> Document:
    """An invoice line, approved; a credit memo is negative."""
    row = {
        "entity_code": "R", "cost_center_code": "K1", "account_code": "5000", "line_status": "approved", "posting_date": day(on),
        "invoice_date": day(on), "document_type": "credit_memo" if D(net) < 0 else "invoice", "order_line_no": line,
        "quantity": None if q is None else D(q), "currency_code": "EUR", "amount_net_txn": D(net), "amount_tax_txn": None,
    }  # fmt: skip
    return Document("invoice_line", row | more, day(landed), then)


def deployment(folder: Path, engine: str, *, policies: bool, as_of: date = date(2025, 3, 15)) -> Harness:
    """Five entities alike but for their policies, monthly periods of three years, a feed for each kind of document.

    Args:
        folder: empty folder.
        engine: ``duckdb`` or ``postgres``.
        policies: with revaluation, carry-forward and lapse for the entities that have them, or relief points only.
        as_of: business date.
    """
    harness = Harness(folder, engine, {"erp": {}})
    harness.as_of = as_of
    harness.insert("reference", "entities", [
        {"legal_entity_id": e, "name": e, "functional_currency": "EUR", "calendar_id": "M"} for e in ENTITIES
    ])  # fmt: skip
    harness.insert("reference", "calendars", [
        {"calendar_id": "M", "fiscal_year": y, "period_no": p, "period_name": f"P{p}", "starts_on": date(y, p, 1),
         "ends_on": date(y, p, calendar.monthrange(y, p)[1]), "kind": "normal"} for y in (2023, 2024, 2025) for p in range(1, 13)
    ])  # fmt: skip
    harness.insert("reference", "currency", [
        {"currency_code": code, "minor_units": units, "name": code} for code, units in CURRENCIES.items()
    ])  # fmt: skip
    month_ends = [date(y, m, calendar.monthrange(y, m)[1]) for y in (2024, 2025) for m in range(1, 13)]
    usd = dict.fromkeys(month_ends, "0.95") | {date(2024, 1, 1): "0.9", date(2024, 1, 31): "0.92"}
    harness.insert("reference", "rates", [
        {"rate_type": "spot", "from_currency": f, "to_currency": "EUR", "rate_date": d, "rate": D(r), "source": "x"}
        for f, rates in {"USD": usd, "JPY": dict.fromkeys([date(2024, 1, 1), *month_ends], "0.0062"),
                         "KWD": dict.fromkeys([date(2024, 1, 1), *month_ends], "3")}.items() for d, r in rates.items()
    ])  # fmt: skip
    harness.insert("reference", "policies", [
        {"policy": policy, "legal_entity_id": e, "value": value, "valid_from": date(2020, 1, 1)}
        for e, rules in ENTITIES.items() for policy, value in rules.items() if policies or policy == "relief_point"
    ])  # fmt: skip
    harness.insert(
        "meta", "system", [{"system": "erp", "title": "erp", "role": "erp", "owner": "x", "time_zone": "UTC"}]
    )
    for kind in OBJECTS:
        harness.feed("erp", kind)
    harness.feed("erp", "cost_center")
    harness.feed("erp", "account")
    harness.land("erp", "cost_center", 1, [
        {"source_key": k, "cost_center_code": k, "cost_center_name": k} for k in ("K1", "K2")
    ], dimension=True)  # fmt: skip
    harness.land("erp", "account", 1, [
        {"source_key": "5000", "account_code": "5000", "account_name": "x", "account_type": "expense"}
    ], dimension=True)  # fmt: skip
    harness.scope_everything()
    return harness


def batches(documents: Iterable[Document]) -> dict[tuple[date, str], list[dict[str, Any]]]:
    """What lands on which night, per object: rows in their versions."""
    landed: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for document in documents:
        for number, (night, row) in enumerate(document.versions()):
            changed = {"changed_at": f"{night.isoformat()} 12:00:00"} if number else {"changed_at": None}
            landed.setdefault((night, document.kind), []).append({**changed, **row})
    return dict(sorted(landed.items()))


def land(
    harness: Harness, landed: Mapping[tuple[date, str], list[dict[str, Any]]], seqs: dict[str, int]
) -> None:
    """Land batches as new ones; ``seqs`` goes on from what landed before."""
    harness.nothing_new()
    for (night, kind), rows in landed.items():
        seq = seqs[kind] = seqs.get(kind, 0) + 1
        batch = f"{seq:06d}-{kind}"
        harness.insert("landed", f"erp__{kind}", [
            {"_batch_id": batch, "_batch_seq": seq, "_deleted": False, "in_scope": True, **row} for row in rows
        ])  # fmt: skip
        harness.insert("meta", "batch", [
            {"system": "erp", "object": kind, "batch_id": batch, "batch_seq": seq, "mode": "cursor", "is_new": True, "business_date": night}
        ])  # fmt: skip


def whole_log(harness: Harness) -> None:
    """The next build sees everything that ever landed, as a full refresh does."""
    for kind in OBJECTS:
        harness.engine.execute(f"update landed.erp__{kind} set in_scope = true")
    harness.engine.execute("update meta.batch set is_new = true")


def build(harness: Harness, *flags: str, first: bool = False) -> None:
    """Build the sub-ledger and what it stands on; of reference data and dimensions only the first time."""
    harness.dbt(
        "run",
        "--select",
        *(MODELS if first else (*FACTS, "fct_commitment_movement", "int_commitment_line")),
        *flags,
    )


def movements(harness: Harness) -> list[dict[str, Any]]:
    """All movements, ordered by line and day."""
    names = (
        "commitment_kind", "record_key", "movement_on", "movement_type", "reason", "document_kind", "document_key", "cost_center_id",
        "fiscal_period_id", "currency_code", "quantity", "amount_txn", "amount_functional", "amount_group", "sequence_no",
    )  # fmt: skip
    rows = harness.rows("reconciled.fct_commitment_movement", ", ".join(names))
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return sorted(found, key=lambda r: (r["record_key"], r["movement_on"], str(r)))
