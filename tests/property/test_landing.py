"""What must hold of landing whatever the data: nothing lost, nothing altered, nothing twice."""

from __future__ import annotations

import csv
import io
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.landing_kit import CHANGED, Kit, identity_holds

SMALL = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
UNITS = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}

amounts = st.sampled_from(sorted(UNITS)).flatmap(
    lambda code: st.tuples(
        st.just(code),
        st.decimals(
            min_value=-(10**13), max_value=10**13, places=UNITS[code], allow_nan=False, allow_infinity=False
        ),
    )
)
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\x1f"), max_size=12)
good_rows = st.dictionaries(
    st.tuples(st.sampled_from("ABCD"), st.integers(1, 4)), st.tuples(amounts, texts), max_size=10
)
wild_rows = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", ""]), st.sampled_from(["1", "2", "x", ""]), st.sampled_from(["USD", "JPY", "XXQ", ""]),
        st.sampled_from(["1.00", "1.005", "12", "abc", "", "99999999999999999"]), st.sampled_from(["", "2026-01-31", "31.1.26"]),
        st.sampled_from(["", "t"]), st.sampled_from(["2026-01-01 10:00:00", "2026-01-02 10:00:00", "never", ""]),
    ),
    max_size=14,
)  # fmt: skip


def _csv(rows: list[Any], header: list[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _good_csv(rows: dict[tuple[str, int], tuple[tuple[str, Decimal], str]]) -> str:
    lines = [
        [k[0], k[1], code, f"{value:f}", "2026-01-31", text] for k, ((code, value), text) in rows.items()
    ]
    return _csv(lines, ["journal", "line", "currency", "amount", "posted", "text"])


@SMALL
@given(st.lists(good_rows, min_size=1, max_size=4))
def test_a_snapshot_log_always_equals_its_source(steps: list[Any]) -> None:
    """Insertions, changes and deletions in any order; and an amount comes out digit by digit as it went in."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder), settings={"allow_empty": True})
        for rows in steps:
            kit.write(_good_csv(rows))
            first = kit.land()
            assert first.status in {"landed", "unchanged"}, first
            state = kit.state()
            have = (
                {
                    (r["journal"], r["line"]): (r["currency"], r["amount"], r["text"])
                    for r in state.iter_rows(named=True)
                }
                if state.width
                else {}
            )
            want = {
                k: (code, value, text if text.strip() else None) for k, ((code, value), text) in rows.items()
            }
            assert have == want
            kit.write(_good_csv(rows))  # written anew, same content
            assert kit.land().status == "unchanged"
        assert all(identity_holds(batch) for batch in kit.batches)


@SMALL
@given(wild_rows, st.sampled_from(["snapshot", "full", "cursor"]))
def test_every_record_is_accounted_for_and_a_second_pull_brings_nothing(rows: list[Any], mode: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        delta = {"mode": mode, **({"cursor": "changed", "lookback": "2 days"} if mode == "cursor" else {})}
        kit = Kit(Path(folder), delta=delta, fields=CHANGED)
        kit.write(_csv(rows, list(CHANGED)))
        first = kit.land()
        assert first.status == ("landed" if rows else "unchanged"), first
        assert first.check is not None
        assert first.check.rows_seen == first.check.rows_source == len(rows)
        if first.batch is not None:
            assert identity_holds(first.batch)
            accepted = (
                pl.read_parquet(first.batch.accepted_path) if first.batch.rows_accepted else pl.DataFrame()
            )
            assert accepted.height == first.batch.rows_accepted
            if accepted.height:
                assert not accepted.select("journal", "line").is_duplicated().any()
                units = accepted["currency"].replace_strict(UNITS, return_dtype=pl.Int64)
                assert all(
                    value == round(value, unit) for value, unit in zip(accepted["amount"], units, strict=True)
                )
            if first.batch.rows_rejected:
                rejected = pl.read_parquet(first.batch.rejected_path)
                assert rejected["_record_no"].n_unique() == first.batch.rows_rejected
                assert rejected["message"].str.contains("erp.lines record", literal=True).all()
        kit.write(_csv(rows, list(CHANGED)) + "\n")  # another file by its bytes, the same records
        second = kit.land()
        assert second.status == "unchanged", second
        assert second.check is not None
        assert second.check.rows_seen == len(rows)


@SMALL
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 3), st.integers(0, 5), st.integers(0, 3)), max_size=6),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_a_delta_log_holds_the_latest_version_of_each_key(
    nights: list[list[tuple[str, int, int, int]]],
) -> None:
    """Files that each bring some changes, late and out of order, with overlaps: the latest change time wins."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(
            Path(folder), read={"kind": "file", "path": "day-*.csv"}, fields=CHANGED,
            delta={"mode": "cursor", "cursor": "changed", "lookback": "1 days"},
        )  # fmt: skip
        latest: dict[tuple[str, int], tuple[int, int]] = {}
        for night, changes in enumerate(nights):
            versions = {
                (j, n, day): value for j, n, day, value in changes
            }  # one version per key and time in one file
            kit.write(
                _csv([[j, n, "USD", value, "", "", f"2026-01-0{day + 1} 08:00:00"] for (j, n, day), value in versions.items()],
                     list(CHANGED)), f"day-{night}.csv",
            )  # fmt: skip
            result = kit.land()
            assert result.status in {"landed", "unchanged"}, result
            for j, n in {(j, n) for j, n, _ in versions}:
                day = max(d for (jj, nn, d) in versions if (jj, nn) == (j, n))
                if day >= latest.get((j, n), (-1, 0))[0]:
                    latest[j, n] = (day, versions[j, n, day])
            assert all(identity_holds(batch) for batch in kit.batches)
        state = kit.state()
        have = (
            {
                (r["journal"], r["line"]): (r["changed"].day - 1, int(r["amount"]))
                for r in state.iter_rows(named=True)
            }
            if state.width
            else {}
        )
        assert have == latest
