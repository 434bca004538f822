"""Replay: rejected records, judged again by the present contract. What is right now lands; the rest goes on waiting.

Belongs here: bringing payloads back into pages, and the batch that results. Does not: the judgement (check).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import cast

import polars as pl

from finance_sync.catalog.loader import Deployment
from finance_sync.catalog.models import FileRead, NumberFormat
from finance_sync.errors import SourceError
from finance_sync.extract.pull import Page, Physical
from finance_sync.extract.text_files import cut_fixed
from finance_sync.landing.check import LINE, check_page, exact_sum
from finance_sync.landing.contract import Binding, Contract, bind_columns, contract_of
from finance_sync.landing.delta import SETTLED_SCHEMA
from finance_sync.landing.hashing import prints, row_md5
from finance_sync.landing.land import LandingResult
from finance_sync.landing.log import ObjectLog, object_log
from finance_sync.landing.manifest import Batch, ControlTotal
from finance_sync.landing.rejects import rejects_of
from finance_sync.landing.state import Cursor, cursor_text, record_state, whole_records
from finance_sync.landing.writer import accepted_schema, write_accepted
from finance_sync.settings import Settings


def replay(
    settings: Settings, deployment: Deployment, system: str, name: str, *, correlation_id: str = ""
) -> LandingResult:
    """Judge all outstanding rejected records of an object again, by the present contract.

    Args:
        settings: the data home.
        deployment: its systems.
        system: name of the system.
        name: name of the object.
        correlation_id: names the run in the manifest.

    Returns:
        landed, with a batch of mode ``replay`` that names the batches the records came from; or unchanged when none is right.
        Lines that could not be cut into fields are not taken up: have the file delivered again.

    Raises:
        LandingError: the log is damaged or held by another run.
        SourceError: the payloads lack a column that the contract has by now.
    """
    log = object_log(settings, system, name)
    contract = contract_of(deployment, system, name)
    with log.lock():
        log.clean()
        batches = log.batches()
        waiting = (
            rejects_of(batches)
            .filter(pl.col("is_open"))
            .unique(subset=["_batch_seq", "_record_no"], maintain_order=True)
        )
        good = [found for found in _good(contract, waiting) if found.height]
        if not good:
            return LandingResult(system, name, "unchanged")
        return _land(
            log,
            contract,
            batches,
            pl.concat(good, how="diagonal_relaxed"),
            deployment.business_date(settings),
            correlation_id,
        )


def _good(contract: Contract, waiting: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Records that keep the contract now: typed, with where they come from (_from_seq, _from_hash, _from_key)."""
    read = contract.spec.read
    numbers = read.numbers if isinstance(read, FileRead) and read.format != "parquet" else NumberFormat()
    for (seq,), rows in waiting.group_by("_batch_seq", maintain_order=True):
        raw, kept = _raw(contract, rows)
        if not raw.height:
            continue
        columns: dict[str, Physical] = dict.fromkeys(raw.columns, "text")
        try:
            binding = bind_columns(contract, columns, numbers, is_replay=True)
        except SourceError as error:
            raise SourceError(
                f"records rejected in batch {seq} cannot be replayed: {error.message}", remedy=error.remedy
            ) from error
        # The row of each record travels with it as one more undeclared column.
        numbered = raw.with_columns(pl.int_range(raw.height).cast(pl.String).alias(_PLACE))
        binding = _with_place(binding)
        accepted = check_page(binding, Page(numbered)).accepted
        origin = kept[accepted[_PLACE].cast(pl.Int64).to_list()]
        yield accepted.drop(_PLACE).with_columns(
            _from_seq=origin["_batch_seq"],
            _from_hash=origin["_row_hash"],
            _from_key=origin["record_key"],
            _from_id=origin["_batch_id"],
        )


_PLACE = "_place"
_FROM = ("_from_seq", "_from_hash", "_from_key", "_from_id")


def _with_place(binding: Binding) -> Binding:
    return replace(binding, extras={**binding.extras, _PLACE: _PLACE})


def _raw(contract: Contract, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Payloads of one batch as the source's texts, and the rejected rows that they belong to, in the same order."""
    if isinstance(contract.spec.read, FileRead) and contract.spec.read.format == "fixed":
        lines = rows["payload"].str.json_path_match(f"$.{LINE}").alias(LINE)
        frame, broken = cut_fixed(lines, contract.spec.fields)
        kept = rows.filter(~lines.is_in([record.text for record in broken]))
        return frame, kept
    rows = rows.filter(pl.col("reject_reason") != "bad_row")
    if not rows.height:
        return pl.DataFrame(), rows
    names = list(json.loads(rows["payload"][0]))
    decoded = rows["payload"].str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    return decoded.struct.unnest(), rows


def _land(
    log: ObjectLog,
    contract: Contract,
    batches: Sequence[Batch],
    good: pl.DataFrame,
    business_date: date,
    correlation_id: str,
) -> LandingResult:
    extras = {name: pl.String() for name in good.columns if name not in contract.schema and name not in _FROM}
    schema: Mapping[str, pl.DataType] = {**contract.schema, **extras}
    chosen, settled = _chosen(contract, schema, batches, good)
    if not settled.height:
        return LandingResult(contract.system, contract.name, "unchanged")
    seq = batches[-1].seq + 1
    said = json.dumps(
        [
            contract.where,
            contract.version,
            batches[-1].batch_id,
            settled.select("_batch_seq", "_row_hash").rows(),
        ]
    )
    batch_id = f"{seq:06d}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
    landed = chosen.select(list(schema))
    totals = {
        name: ControlTotal(seen=exact_sum(landed[name]), accepted=exact_sum(landed[name]))
        for name in contract.spec.control_totals
    }
    content = landed
    if contract.mode == "full":  # a batch of such an object is its whole content
        content = pl.concat([whole_records(schema, batches), landed])
    if contract.mode == "snapshot":
        content = content.with_columns(row_md5(content, list(schema)).alias("_row_hash"))
    file_schema = accepted_schema(schema, hashed=contract.mode == "snapshot")
    content = content.with_columns(
        _batch_id=pl.lit(batch_id), _batch_seq=pl.lit(seq, dtype=pl.Int64), _deleted=pl.lit(value=False)
    )
    last = batches[-1]
    batch = Batch(
        batch_id=batch_id, seq=seq, system=contract.system, object=contract.name, mode="replay",
        window_from=last.window_from, window_to=last.window_to, business_date=business_date,
        pulled_at=datetime.now(tz=UTC).replace(tzinfo=None),
        data_as_of=last.data_as_of, rows_seen=content.height + settled.height - landed.height,
        rows_accepted=content.height, rows_superseded=settled.height - landed.height, rows_settled=settled.height,
        control_totals=totals, cursor_max=_cursor_max(contract, landed), schema_fingerprint=last.schema_fingerprint,
        physical=last.physical, contract_version=contract.version, new_columns=list(extras),
        correlation_id=correlation_id, replayed_from=good["_from_id"].unique(maintain_order=True).to_list(),
    )  # fmt: skip
    with log.stage() as folder:
        if content.height:
            write_accepted(folder / "accepted.parquet", iter([content]), file_schema)
        settled.write_parquet(folder / "settled.parquet", compression="zstd")
        final = log.commit(folder, batch)
    check = log.check()
    if (
        check.last_batch_id == last.batch_id
    ):  # the source itself has not changed: the next run need not read it again
        log.write_check(check.model_copy(update={"last_batch_id": batch_id}))
    return LandingResult(contract.system, contract.name, "landed", batch=final)


def _cursor_max(contract: Contract, landed: pl.DataFrame) -> str | None:
    if contract.cursor is None or not landed.height:
        return None
    return cursor_text(cast("Cursor | None", landed[contract.cursor].max()))


def _chosen(
    contract: Contract, schema: Mapping[str, pl.DataType], batches: Sequence[Batch], good: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of records that are right now, those to land, and all that are settled by it (SETTLED_SCHEMA).

    A record of which the log has a later version is settled without landing. Two that share a key and differ go on waiting.
    """
    marked = pl.concat([good, prints(good, contract.key, "k")], how="horizontal")
    columns = list(schema)
    if contract.cursor is not None:
        newest = pl.col(contract.cursor) == pl.col(contract.cursor).max().over(contract.key)
        different = pl.struct(columns).n_unique().over([*contract.key, contract.cursor]) > 1
        state = record_state(contract, schema, batches, None).rename({contract.cursor: "_then"})
        marked = marked.filter(~(newest & different)).join(
            state.select("k1", "k2", "_then"), on=["k1", "k2"], how="left"
        )
        late = (pl.col("_then") >= pl.col(contract.cursor)).fill_null(value=False) | ~newest
    else:
        marked = marked.filter(pl.struct(columns).n_unique().over(contract.key) == 1).with_columns(
            _then=pl.lit(0, dtype=pl.Int64)
        )
        late = pl.lit(value=False)
    lands = marked.filter(~late).unique(subset=contract.key, keep="first", maintain_order=True)
    settled = marked.select(
        pl.col("_from_seq").alias("_batch_seq"),
        pl.col("_from_hash").alias("_row_hash"),
        pl.col("_from_key").alias("record_key"),
        pl.when(late).then(pl.lit("superseded")).otherwise(pl.lit("replayed")).alias("how"),
    )
    return lands, settled.select(pl.col(name).cast(kind) for name, kind in SETTLED_SCHEMA.items())
