"""The exact arithmetic of the macros equals Python's decimals, on both engines and at the edges of the types."""

from __future__ import annotations

import random
import re
from decimal import ROUND_HALF_UP, Decimal, getcontext
from pathlib import Path

import pytest

from finance_sync.settings import PROJECT_ROOT
from tests.unit.dbt.harness import Harness

pytestmark = pytest.mark.slow
getcontext().prec = 80

PROBE = """
{{ config(materialized='table', schema='probe') }}
select
    n,
    {{ finance_sync.pro_rata('amount', 'part', 'whole', 'digits') }} as pro_rata,
    {{ finance_sync.valued('amount', 'rate') }} as valued,
    {{ finance_sync.times('amount', 'rate') }} as times,
    {{ finance_sync.times_short('amount', 'rate', 'short_rate') }} as times_short,
    {{ finance_sync.round_to('amount', 'digits') }} as round_to
from (
    select *, case when rate = cast(rate as numeric(18,6)) then cast(rate as numeric(18,6)) end as short_rate from landed.probe
) as probe
"""


def rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def cases() -> list[dict[str, object]]:
    chance = random.Random(5)
    edge = Decimal(99999999999999)
    rows: list[tuple[Decimal, Decimal, Decimal, Decimal]] = [
        (edge, edge, edge, Decimal("0.0000000001")), (-edge, Decimal("0.0001"), edge, Decimal(1)),
        (Decimal(1), Decimal(1), Decimal(3), Decimal("1.00005")), (Decimal(2), Decimal(1), Decimal(3), Decimal("0.00005")),
        (Decimal("0.0001"), Decimal(1), Decimal(2), Decimal("0.5")), (Decimal("-0.0001"), Decimal(1), Decimal(2), Decimal("0.5")),
        (Decimal("0.05"), Decimal(1), Decimal(2), Decimal("0.5")), (Decimal("2.5"), Decimal(-1), Decimal(1), Decimal("-0.5")),
        # on either side of the bounds up to which 64 bits serve
        *[(Decimal(a), Decimal(p), Decimal(7), Decimal(r)) for a, r in [("99999.9999", "899.999999"), ("100000", "900"), ("9999.9999", "8999.999999"),
                                                              ("10000", "9000"), ("999999.9999", "0.000001"), ("1000000", "1")]
          for p in ("9999.9999", "10000", "-9999.9999")],
        (Decimal(0), Decimal(5), Decimal(-7), Decimal(0)), (Decimal(5), Decimal(0), Decimal(-7), Decimal("7.7777777777")),
    ]  # fmt: skip
    for _ in range(300):
        size = chance.choice([1, 4, 8, 12])
        part = Decimal(chance.randrange(-(10 ** (size + 2)), 10 ** (size + 2))).scaleb(-4)
        whole = Decimal(chance.choice([-1, 1]) * chance.randrange(1, 10 ** (size + 2))).scaleb(-4)
        amount = Decimal(chance.randrange(-(10**9), 10**9)).scaleb(-4)
        decimals = chance.choice([2, 6, 10])
        rows.append(
            (amount, part, whole, Decimal(chance.randrange(1, 10 ** (decimals + 2))).scaleb(-decimals))
        )
    return [
        {"n": n, "amount": a, "part": p, "whole": w, "rate": r, "digits": n % 5}
        for n, (a, p, w, r) in enumerate(rows)
        if abs(a * p / w) < 10**13 and abs(a * r) < 10**14
    ]


NOTHING = [
    {"n": -1, "amount": 1, "part": 1, "whole": 0, "rate": 1, "digits": 2},
    {"n": -2, "amount": None, "part": 1, "whole": 1, "rate": 1, "digits": 2},
    {"n": -3, "amount": 1, "part": None, "whole": 1, "rate": None, "digits": 2},
]


def test_macros_equal_decimals(needs_engine: str, tmp_path: Path) -> None:
    harness = Harness(tmp_path, needs_engine)
    harness.create("landed", "probe", {
        "n": "bigint", "amount": "numeric(18,4)", "part": "numeric(18,4)", "whole": "numeric(18,4)", "rate": "numeric(18,10)",
        "digits": "bigint",
    })  # fmt: skip
    rows = cases()
    harness.insert("landed", "probe", [*rows, *NOTHING])
    (harness.project() / "staging" / "probe.sql").write_text(PROBE)
    harness.dbt("run", "--select", "probe")
    found = {
        row[0]: row[1:]
        for row in harness.rows("probe.probe", "n, pro_rata, times, times_short, round_to, valued")
    }
    assert len(found) == len(rows) + len(NOTHING) > 250
    for row in rows:
        amount, part, whole, rate, digits = (row[k] for k in ("amount", "part", "whole", "rate", "digits"))
        expected = (
            rounded(amount * part / whole, digits),  # type: ignore[operator]
            rounded(amount * rate, 4), rounded(amount * rate, 4), rounded(amount, digits), amount * rate,  # type: ignore[operator]
        )  # fmt: skip
        assert found[row["n"]] == expected, row
    # nothing to divide by, nothing to divide, no rate: nothing, and no error
    assert found[-1] == (None, Decimal("1.0000"), Decimal("1.0000"), Decimal("1.0000"), Decimal(1))
    assert found[-2] == (None, None, None, None, None)
    assert found[-3] == (None, None, None, Decimal("1.0000"), None)


def test_models_leave_products_with_rates_to_the_macros() -> None:
    """A product of two narrow decimals ends at 92,233.72 on DuckDB, and no small company shows it."""
    product = re.compile(r"[\w)] \* (coalesce\()?(\w+\.)?\w*rate\w*|rate\w* \* ")
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted((PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if product.search(line) and "as numeric(28,4)) * " not in line
    ]
    assert not found
    assert product.search("cast(open_txn * lines.rate_functional as numeric(28,4))")
