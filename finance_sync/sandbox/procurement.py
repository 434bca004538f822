"""Procurement's tables on a day: what its database shows then, and on which day each row last changed.

Belongs here: documents to rows of the source, in the source's own codes and signs. Does not: drawing documents, writing.

Every table carries ``_day``, the day of the row's last change, which the writers use and do not store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from finance_sync.sandbox import suppliers as master
from finance_sync.sandbox import world as w
from finance_sync.sandbox.orders import DRAFT, PENDING, REJECTED
from finance_sync.sandbox.text import amounts, codes, dates, decimal_text, last_day, numbers, spoiled, times

Spoils = Mapping[str, Mapping[str, Mapping[str, str]]]
_LINE_TYPES: Final = ("Q", "L")
_RENAMED_EVERY: Final = 9
_ENTITIES: Final = w.PROCUREMENT_ENTITY_CODES


def _coding(frame: pl.DataFrame) -> dict[str, pl.Series]:
    return {
        "account": codes(frame["acct"], w.PROCUREMENT_ACCOUNT_CODES), "cost_center": codes(frame["cc"], w.COST_CENTER_CODES),
        "project": codes(frame["proj"], w.PROJECT_CODES),
        "location": codes(pl.Series(w.location_of(frame["cc"].to_numpy())), w.LOCATION_CODES),
        "program": codes(frame["prog"], w.PROGRAM_CODES),
    }  # fmt: skip


def _text(frame: pl.DataFrame, name: str, digits: int) -> pl.Series:
    """Quantity or price, empty on amount lines."""
    values = frame.select(pl.when(pl.col("unit") >= 0).then(pl.col(name))).to_series()
    return decimal_text(values, digits)


def order_lines(lines: pl.DataFrame, today: int, spoils: Spoils) -> pl.DataFrame:
    """Order lines in their present state, in the order of the table's columns."""
    now = lines.filter(pl.col("seen_day") <= today)
    fate, closed = pl.col("fate"), pl.col("closed_day") <= today
    status = (
        pl.when(fate == DRAFT).then(pl.lit("draft"))
        .when((fate == REJECTED) & (pl.col("order_day") + 2 <= today)).then(pl.lit("rejected"))
        .when(fate.is_in([REJECTED, PENDING]) | (pl.col("approved_day") > today)).then(pl.lit("pending"))
        .when(closed & pl.col("cut")).then(pl.lit("cancelled"))
        .when(closed).then(pl.lit("closed"))
        .when(pl.col("issued_day") > today).then(pl.lit("approved"))
        .otherwise(pl.lit("issued"))
    )  # fmt: skip
    changed = pl.col("change_day") <= today
    now = now.with_columns(
        status=status, rejected_day=pl.when(fate == REJECTED).then(pl.col("order_day") + 2).otherwise(w.NEVER),
        approved_on=pl.when(fate.is_in([DRAFT, REJECTED, PENDING]) | (pl.col("approved_day") > today)).then(w.NEVER)
        .otherwise(pl.col("approved_day")),
        closed_on=pl.when(closed).then(pl.col("closed_day")).otherwise(w.NEVER),
        **{name: pl.when(changed).then(pl.col(name)).otherwise(pl.col(f"{name}0")) for name in ("q", "net", "tax")},
    )  # fmt: skip
    active = ("approved_day", "issued_day", "change_day", "closed_day")
    quiet = now["fate"].is_in([DRAFT, PENDING, REJECTED])
    moved = last_day(now, ("seen_day", *active), today)
    still = last_day(now, ("seen_day", "rejected_day"), today)
    day = pl.Series(np.where(quiet.to_numpy(), still.to_numpy(), moved.to_numpy()))
    has_requisition = pl.Series(np.where((now["req_day"] < w.NEVER).to_numpy(), now["ono"].to_numpy(), -1))
    table = pl.DataFrame(
        {
            "po_number": numbers(now["ono"], "PO", 8), "line": now["line"], "entity": codes(now["ent"], _ENTITIES),
            "supplier": codes(now["sup"], w.PROCUREMENT_SUPPLIER_CODES), "order_date": dates(now["order_day"]),
            "status": now["status"], "approved_on": dates(now["approved_on"]), "due_on": dates(now["due_day"]),
            "closed_on": dates(now["closed_on"]), "requisition": numbers(has_requisition, "RQ", 8),
            "requisition_line": now.select(pl.when(pl.col("req_day") < w.NEVER).then("line")).to_series(),
            "line_type": codes(now["ltype"], _LINE_TYPES), "quantity": _text(now, "q", 1), "unit": codes(now["unit"], w.UNITS),
            "unit_price": _text(now, "p", 4), "currency": codes(now["cur"], w.CURRENCIES),
            "net_amount": amounts(now["net"], now["cur"]), "tax_amount": amounts(now["tax"], now["cur"]), **_coding(now),
            "changed_at": times(day, now["ono"] * 8 + now["line"]), "_day": day,
        }
    )  # fmt: skip
    return spoiled(table, ("po_number", "line"), spoils.get("order_lines", {}))


def requisitions(lines: pl.DataFrame, today: int, spoils: Spoils) -> pl.DataFrame:
    """Requisition lines in their present state; deleted ones are gone. The source keeps no change time."""
    now = lines.filter((pl.col("created_day") <= today) & (pl.col("deleted_day") > today))
    status = (
        pl.when(pl.col("deleted_day") < w.NEVER).then(pl.lit("draft"))
        .when(pl.col("rejected_day") <= today).then(pl.lit("rejected"))
        .when(pl.col("closed_day") <= today).then(pl.lit("closed"))
        .when(pl.col("ordered_day") <= today).then(pl.lit("ordered"))
        .when(pl.col("approved_day") <= today).then(pl.lit("approved"))
        .otherwise(pl.lit("submitted"))
    )  # fmt: skip
    events = ("created_day", "approved_day", "ordered_day", "closed_day", "rejected_day")
    past = {name: pl.when(pl.col(name) <= today).then(pl.col(name)).otherwise(w.NEVER) for name in events}
    now = now.with_columns(status=status, **past)
    table = pl.DataFrame(
        {
            "requisition": numbers(now["rqno"], "RQ", 8), "line": now["line"], "entity": codes(now["ent"], _ENTITIES),
            "supplier": codes(now["sup"], w.PROCUREMENT_SUPPLIER_CODES), "status": now["status"],
            "requested_on": dates(now["requested_day"]), "approved_on": dates(now["approved_day"]),
            "closed_on": dates(now["closed_day"]), "quantity": _text(now, "q", 1), "unit": codes(now["unit"], w.UNITS),
            "unit_price": _text(now, "p", 4), "currency": codes(now["cur"], w.CURRENCIES),
            "amount": amounts(now["amount"], now["cur"]), **_coding(now), "_day": last_day(now, events, today),
        }
    )  # fmt: skip
    return spoiled(table, ("requisition", "line"), spoils.get("requisitions", {}))


def receipts(lines: pl.DataFrame, today: int) -> pl.DataFrame:
    """Receipt lines: quantities of goods, amounts of services; rejected units stand beside the accepted ones."""
    now = lines.filter(pl.col("day") <= today)
    cancelled = (
        pl.when(pl.col("cancelled_day") <= today).then(pl.lit("cancelled")).otherwise(pl.lit("posted"))
    )
    day = last_day(now, ("day", "cancelled_day"), today)
    return pl.DataFrame(
        {
            "receipt": numbers(now["rno"], "RC", 10), "line": now["line"], "entity": codes(now["ent"], _ENTITIES),
            "supplier": codes(now["sup"], w.PROCUREMENT_SUPPLIER_CODES), "status": now.select(cancelled).to_series(),
            "posting_date": dates(now["day"]), "po_number": numbers(now["ono"], "PO", 8), "po_line": now["oline"],
            "quantity": _text(now, "q", 1), "quantity_rejected": _text(now, "rejected", 1), "unit": codes(now["unit"], w.UNITS),
            "currency": codes(now["cur"], w.CURRENCIES), "amount": amounts(now["amount"], now["cur"]),
            "changed_at": times(day, now["rno"] * 8 + now["line"]), "_day": day,
        }
    )  # fmt: skip


def invoices(lines: pl.DataFrame, today: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Invoice headers and lines. Credit memos are documents of type CRM with positive figures.

    Returns:
        Headers, whose status moves, and lines, which never change.
    """
    now = lines.filter(pl.col("day") <= today)
    status = (
        pl.when(pl.col("cancelled_day") <= today).then(pl.lit("cancelled"))
        .when(pl.col("approved_day") <= today).then(pl.lit("approved"))
        .otherwise(pl.lit("pending"))
    )  # fmt: skip
    heads = now.unique("ino", keep="first", maintain_order=True).with_columns(status=status)
    day = last_day(heads, ("day", "approved_day", "cancelled_day"), today)
    header = pl.DataFrame(
        {
            "invoice": numbers(heads["ino"], "IV", 10), "entity": codes(heads["ent"], _ENTITIES),
            "supplier": codes(heads["sup"], w.PROCUREMENT_SUPPLIER_CODES),
            "supplier_reference": supplier_reference(heads["paper"], heads["typed"]),
            "document_type": codes(heads["credit"].cast(pl.Int64), ("INV", "CRM")), "status": heads["status"],
            "invoice_date": dates(heads["document_day"]), "posting_date": dates(heads["day"]),
            "currency": codes(heads["cur"], w.CURRENCIES), "changed_at": times(day, heads["ino"]), "_day": day,
        }
    )  # fmt: skip
    sign = np.where(now["credit"].to_numpy(), -1, 1)
    plain = now.with_columns(
        **{name: pl.Series(now[name].to_numpy() * sign) for name in ("q", "net", "tax", "vat")}
    )
    detail = pl.DataFrame(
        {
            "invoice": numbers(now["ino"], "IV", 10), "line": now["line"], "po_number": numbers(now["ono"], "PO", 8),
            "po_line": now.select(pl.when(pl.col("oline") >= 0).then("oline")).to_series(),
            "quantity": _text(plain, "q", 1), "unit": codes(now["unit"], w.UNITS),
            "unit_price": _text(plain, "p", 4), "net_amount": amounts(plain["net"], now["cur"]),
            "tax_cost": amounts(plain["tax"], now["cur"]), "tax_recoverable": amounts(plain["vat"], now["cur"]),
            **_coding(now), "_day": now["day"],
        }
    )  # fmt: skip
    return header, detail


def supplier_reference(paper: pl.Series, typed: pl.Series) -> pl.Series:
    """The supplier's own number as it was typed: as printed, in small letters without the zeros, or with spaces."""
    printed = numbers(paper * 7919 % 100_000_007, "R-", 9)
    small, spaced = printed.str.replace(r"^R-0*", "r"), printed.str.replace("R-", "R / ")
    ways = np.stack([printed.to_numpy(), small.to_numpy(), spaced.to_numpy()])
    return pl.Series(ways[typed.to_numpy(), np.arange(len(typed))], dtype=pl.String)


def suppliers(today: int, *, planted: bool = True) -> pl.DataFrame:
    """Supplier master under procurement's own codes; now and then one changes its name."""
    number = master.present(np.arange(len(w.PROCUREMENT_SUPPLIER_CODES)), planted=planted)
    created = w.supplier_created(number)
    renamed = renamed_days(number)
    account = master.account_days(number, master.PROCUREMENT, planted=planted)
    frame = pl.DataFrame({"n": number, "created": created, "renamed": renamed, "account": account}).filter(
        pl.col("created") <= today
    )
    day = last_day(frame, ("created", "renamed", "account"), today)
    is_renamed = (frame["renamed"] <= today).to_numpy()
    names = np.array(w.SUPPLIER_NAMES, dtype=object)[frame["n"].to_numpy()]
    return pl.DataFrame(
        {
            "supplier": codes(frame["n"], w.PROCUREMENT_SUPPLIER_CODES),
            "name": pl.Series([f"{name}{' Group' if new else ''}" for name, new in zip(names, is_renamed, strict=True)]),
            "tax_number": master.tax_ids(frame["n"], master.PROCUREMENT, planted=planted),
            "iban": master.bank_accounts(frame["n"], frame["account"], today, master.PROCUREMENT, planted=planted),
            **master.places(frame["n"], master.PROCUREMENT, planted=planted),
            "changed_at": times(day, frame["n"]), "_day": day,
        }
    )  # fmt: skip


def renamed_days(number: w.Ints) -> w.Ints:
    """Day on which a supplier takes another name; most never do."""
    return np.where(number % _RENAMED_EVERY == 0, w.FIRST_DAY + 60 + number * 53 % 640, w.NEVER)
