"""Which batches and periods a run touches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_sync.catalog.loader import Deployment, load_deployment
from finance_sync.landing import Batch
from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse.meta import mark_new
from finance_sync.warehouse.scope import (
    build_scope,
    fact_fingerprint,
    landed_scope,
    landed_variable,
    latency_hours,
)

TINY = Path(__file__).parents[2] / "deployments" / "tiny"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(
        home=tmp_path_factory.mktemp("scope"), deployment=TINY, sources={"TINY_DIR": str(TINY / "sources")}
    )


@pytest.fixture(scope="module")
def tiny(settings: Settings) -> Deployment:
    return load_deployment(settings)


def batch(system: str, name: str, seq: int) -> Batch:
    return Batch(
        batch_id=f"{seq:06d}-{'a' * 12}", seq=seq, system=system, object=name, mode="snapshot",
        pulled_at=datetime(2026, 1, seq, tzinfo=UTC).replace(tzinfo=None), rows_accepted=1, folder=f"/landing/{system}/{name}/{seq}",
    )  # fmt: skip


def test_facts_see_new_batches_and_dimensions_all(tiny: Deployment) -> None:
    batches = {
        ("erp", "gl_line"): [batch("erp", "gl_line", 1), batch("erp", "gl_line", 2)],
        ("erp", "account"): [batch("erp", "account", 1), batch("erp", "account", 2)],
    }
    done = {
        ("erp", "gl_line", batches["erp", "gl_line"][0].batch_id),
        ("erp", "account", batches["erp", "account"][0].batch_id),
    }
    scope = landed_scope(tiny, batches, done, everything=False)
    assert [item.seq for item in scope["erp", "gl_line"].batches] == [2]
    assert [item.seq for item in scope["erp", "account"].batches] == [1, 2]
    assert scope["plan", "budget"].batches == ()
    everything = landed_scope(tiny, batches, done, everything=True)
    assert [item.seq for item in everything["erp", "gl_line"].batches] == [1, 2]

    landed = landed_variable(tiny, scope)
    assert landed["erp"]["gl_line"]["files"] == ["/landing/erp/gl_line/2/accepted.parquet"]
    assert landed["erp"]["gl_line"]["columns"]["amount"] == "numeric(18,4)"
    assert json.loads(json.dumps(landed)) == landed


def test_a_full_object_is_its_last_batch(tiny: Deployment) -> None:
    system = tiny.systems["erp"]
    spec = system.objects["gl_line"]
    full = spec.model_copy(update={"delta": spec.delta.model_copy(update={"mode": "full"})})
    changed = system.model_copy(update={"objects": {**system.objects, "gl_line": full}})
    from dataclasses import replace

    deployment = replace(tiny, systems={**tiny.systems, "erp": changed})
    batches = {("erp", "gl_line"): [batch("erp", "gl_line", n) for n in (1, 2, 3)]}
    for everything in (True, False):
        scope = landed_scope(deployment, batches, set(), everything=everything)
        assert [item.seq for item in scope["erp", "gl_line"].batches] == [3]


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12)))
def test_what_is_new_and_what_is_done_are_the_whole(landed: set[int], done: set[int]) -> None:
    """Every batch is either in scope or processed; none is both, whatever was landed before."""
    settings = load_settings(home=Path("nowhere"), deployment=TINY, sources={"TINY_DIR": "x"})
    deployment = load_deployment(settings)
    mine = [batch("erp", "gl_line", number) for number in sorted(landed)]
    processed = {("erp", "gl_line", item.batch_id) for item in mine if item.seq in done}
    scope = landed_scope(deployment, {("erp", "gl_line"): mine}, processed, everything=False)
    chosen = {item.seq for item in scope["erp", "gl_line"].batches}
    assert chosen == landed - done


def test_closed_periods_are_left_alone_without_consent(tiny: Deployment) -> None:
    from dataclasses import replace

    import pyarrow as pa

    status = tiny.reference["period_status"]
    closed = pa.Table.from_pylist(
        [{"legal_entity_id": "T1", "fiscal_year": 2026, "period_no": 1, "status": "certified", "reason": "closed", "owner": "gl"},
         {"legal_entity_id": "T1", "fiscal_year": 2026, "period_no": 2, "status": "closing", "reason": "open still", "owner": "gl"}],
        schema=status.schema,
    )  # fmt: skip
    deployment = replace(tiny, reference={**tiny.reference, "period_status": closed})

    def periods(**kwargs: object) -> set[str]:
        table = build_scope(deployment, kwargs.get("periods"), everything=bool(kwargs.get("everything")))  # type: ignore[arg-type]
        return {row["fiscal_period_id"] for row in table.to_pylist() if row["legal_entity_id"] == "T1"}

    assert periods() == {"months:2026-P02", "months:2026-P03", "UNMAPPED", "ALL"}
    assert periods(periods=["months:2026-P01", "months:2026-P02"]) == {"months:2026-P02", "UNMAPPED", "ALL"}
    assert periods(everything=True) == {
        "months:2026-P01",
        "months:2026-P02",
        "months:2026-P03",
        "UNMAPPED",
        "ALL",
    }
    table = build_scope(deployment, None, everything=False)
    assert table.num_rows == len({tuple(row.values()) for row in table.to_pylist()})


@pytest.mark.parametrize(
    ("table", "rebuilds"),
    [("crosswalk", True), ("calendars", True), ("entities", True), ("rates", False), ("tolerances", False)],
)
def test_only_a_change_of_mapping_builds_facts_anew(tiny: Deployment, table: str, rebuilds: bool) -> None:
    from dataclasses import replace

    before = fact_fingerprint(tiny, "code")
    changed = replace(tiny, fingerprints={**tiny.fingerprints, f"reference.{table}": "other"})
    assert (fact_fingerprint(changed, "code") != before) is rebuilds
    assert fact_fingerprint(tiny, "other code") != before


@pytest.mark.parametrize(
    ("text", "hours"), [("90 minutes", 2), ("60 minutes", 1), ("26 hours", 26), ("2 days", 48)]
)
def test_latency_in_hours(text: str, hours: int) -> None:
    assert latency_hours(text) == hours


def test_a_batch_stays_new_until_the_later_layer_has_seen_it() -> None:
    keys = [("erp", "orders", f"00000{n}-x") for n in (1, 2, 3)]
    batches = pa.table(dict(zip(("system", "object", "batch_id"), zip(*keys, strict=True), strict=True)))
    assert mark_new(batches, {}, {keys[1]})["is_new"].to_pylist() == [False, True, False]
    assert mark_new(batches, {})["is_new"].to_pylist() == [False, False, False]
