"""What `finance-sync crosswalk coverage` shows: how much of the amounts carries codes that the crosswalk knows.

Belongs here: the query over the facts and its shares. Does not: which codes are missing (control C18 names each).
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from finance_sync.catalog.product import canonical_objects, dimension_codes
from finance_sync.errors import WarehouseError
from finance_sync.warehouse.engine import open_warehouse
from finance_sync.warehouse.lock import run_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finance_sync.settings import Settings

_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("system", "object", "kind", "mode")),
        *(pa.field(name, pa.int64()) for name in ("records", "without_code", "unmapped")),
        *(pa.field(name, pa.decimal128(28, 4)) for name in ("amount_group", "amount_unmapped")),
        pa.field("mapped_percent", pa.decimal128(5, 2)),
    ]
)


def coverage(settings: Settings) -> pa.Table:
    """Crosswalk coverage per system, object and kind of code, of all records that are there.

    Returns:
        ``records`` and ``amount_group`` (absolute, group currency) in all, without a code, and with a code that comes to
        nothing; ``mapped_percent`` is the mapped share of the amounts that carry a code, rounded down, so that 100 means all.

    Raises:
        WarehouseError: nothing was built yet, or a run is at work.
    """
    with run_lock(settings):
        warehouse = open_warehouse(settings)
        try:
            if not warehouse.exists("canonical", "fct_journal_line"):
                raise WarehouseError("no facts were built yet", remedy="run `finance-sync run`")
            found = warehouse.query(" union all ".join(_selects())).to_pylist()
        finally:
            warehouse.close()
    rows = [row | {"mapped_percent": _share(row)} for row in found]
    return pa.Table.from_pylist(
        sorted(rows, key=lambda row: (row["system"], row["object"], row["kind"])), schema=_SCHEMA
    )


def _selects() -> Iterator[str]:
    for item in canonical_objects().values():
        if item.kind != "fact" or not any(column.name == "amount_group" for column in item.columns):
            continue
        for code in item.dimensions:
            target = dimension_codes()[code]
            no_code, unmapped = (
                f"f.{code} is null",
                f"f.{code} is not null and f.{target.maps_to} = 'UNMAPPED'",
            )
            amount = "abs(cast(f.amount_group as numeric(28,4)))"
            yield f"""
                select f.source_system as system, '{item.name}' as object, '{target.kind}' as kind, m.mode,
                    count(*) as records, sum(case when {no_code} then 1 else 0 end) as without_code,
                    sum(case when {unmapped} then 1 else 0 end) as unmapped,
                    cast(coalesce(sum(case when {no_code} then 0 else {amount} end), 0) as numeric(28,4)) as amount_group,
                    cast(coalesce(sum(case when {unmapped} then {amount} else 0 end), 0) as numeric(28,4)) as amount_unmapped
                from canonical.{item.model} as f
                left join meta.system_mapping as m on m.system = f.source_system and m.kind = '{target.kind}'
                where not f.is_deleted
                group by f.source_system, m.mode
            """


def _share(row: dict[str, Any]) -> Decimal | None:
    total = row["amount_group"]
    if not total:
        return None
    share: Decimal = 100 * (total - row["amount_unmapped"]) / total
    return share.quantize(Decimal("0.01"), rounding=ROUND_DOWN)
