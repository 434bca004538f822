"""One pass over a pull: what is new, what was there already, what is gone, by delta mode.

- cursor: records from the window's start on; of those that overlap with what landed, only changed ones are new. They are
  compared whole, by prints of the overlap computed in this process, so that nothing but the contract's fields is stored.
- snapshot: key and stored row hash of each record against the present state; keys that are not there any more are deletions.
- full: the whole content; a batch only when it differs from the last.

Belongs here: counting and deciding. Does not: reading (extract), judging (check), files (writer, log).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import cast

import polars as pl

from finance_sync.errors import SourceError
from finance_sync.extract.pull import Pull
from finance_sync.landing.check import EXACT, Checked, Totals, check_page, exact_sum, record_keys, reject_rows
from finance_sync.landing.contract import Binding
from finance_sync.landing.hashing import prints, row_md5
from finance_sync.landing.manifest import Batch
from finance_sync.landing.numbers import LOOSE
from finance_sync.landing.state import Cursor, key_state, record_state, records_of
from finance_sync.landing.writer import RejectedWriter, accepted_schema

_PRINTS = ["k1", "k2"]
SETTLED_SCHEMA: dict[str, pl.DataType] = {
    "_batch_seq": pl.Int64(),
    "_row_hash": pl.String(),
    "record_key": pl.String(),
    "how": pl.String(),
}


@dataclass
class Figures:
    """What became of the records of a pull. seen = accepted + rejected + unchanged + superseded."""

    seen: int = 0
    accepted: int = 0
    rejected: int = 0
    unchanged: int = 0
    superseded: int = 0
    deleted: int = 0
    excluded: int = 0
    keyless: int = 0
    deletions_held: bool = False
    latest: Cursor | None = None
    totals: dict[str, Totals] = field(default_factory=dict)
    stated: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What a pass works on.

    Attributes:
        binding: contract and pull.
        pull: the open pull.
        batches: the object's batches so far.
        outstanding: rejected records that wait: _batch_seq, _row_hash, record_key.
        start: lower end of the window, in cursor mode.
        batch_id: of the batch in preparation.
        seq: its number.
        allow_empty: an empty source may delete everything.
    """

    binding: Binding
    pull: Pull
    batches: Sequence[Batch]
    outstanding: pl.DataFrame
    start: Cursor | None
    batch_id: str
    seq: int
    allow_empty: bool = False


class Pass:
    """One run over the pages. Iterate ``frames`` to its end, then read the rest.

    Args:
        task: what to work on.
        rejected: where rejected records go.
        state: the landed side (see ``landed_state``).
        twice: first prints of keys that occur more than once, as a first pass found them; their records are settled together.
    """

    def __init__(
        self, task: Task, rejected: RejectedWriter, state: pl.DataFrame, twice: pl.Series | None = None
    ) -> None:
        self.figures = Figures(totals={name: Totals() for name in task.binding.contract.spec.control_totals})
        self.task, self._rejected, self._state, self._twice = task, rejected, state, twice
        self._contract = task.binding.contract
        self._mode = self._contract.mode
        self.schema = accepted_schema(task.binding.schema, hashed=self._mode == "snapshot")
        self._keys: list[pl.DataFrame] = []
        self._rejected_keys: list[pl.DataFrame] = []
        self._aside: list[pl.DataFrame] = []
        self._same = 0
        self._known = task.outstanding["_row_hash"].unique()
        self._reject_hashes: list[pl.Series] = []
        self._reject_keys: list[pl.Series] = []
        self._accepted_keys: list[pl.Series] = []
        self._newest = (
            None
            if self._contract.cursor is None or not state.height
            else cast("Cursor | None", state[self._contract.cursor].max())
        )

    def frames(self) -> Iterator[pl.DataFrame]:
        """Records to land, as frames of ``schema``."""
        for page in self.task.pull.pages():
            checked = check_page(self.task.binding, page)
            self._count(checked)
            self._reject(checked.rejected, checked.rejected_values)
            if checked.rejected_keys.height:
                self._rejected_keys.append(prints(checked.rejected_keys, self._contract.key, "k"))
            frame = checked.accepted
            if frame.height:
                marked = pl.concat([frame, prints(frame, self._contract.key, "k")], how="horizontal")
                marked = marked.with_columns(_unseen=pl.lit(page.unseen))
                self._keys.append(marked.select(_PRINTS))
                raw = checked.raw
                if self._twice is not None:
                    apart = marked["k1"].is_in(self._twice)
                    if apart.any():
                        self._aside.append(_with_raw(marked.filter(apart), raw.filter(apart)))
                        marked, raw = marked.filter(~apart), raw.filter(~apart)
                self._note_accepted(marked, raw)
                yield from self._judged(marked)
        if self._aside:
            yield from self._judged(self._settle_twice())
        self._require_content()
        if self._mode == "snapshot":
            yield from self._gone()

    def keys_twice(self) -> pl.Series | None:
        """First prints of keys of accepted records that occur more than once; None when every key is unique."""
        if not self._keys:
            return None
        every = pl.concat([frame["k1"] for frame in self._keys])
        if every.n_unique() == len(every):
            return None
        return every.to_frame().group_by("k1").len().filter(pl.col("len") > 1)["k1"]

    @property
    def is_same_content(self) -> bool:
        """In full mode: the content is the one that landed last."""
        return self._mode == "full" and self._same == self.figures.accepted == self._state.height

    def as_unchanged(self) -> Figures:
        """The figures, with what was accepted counted as unchanged."""
        figures = self.figures
        totals = {
            name: replace(item, accepted=Decimal(0), unchanged=EXACT.add(item.unchanged, item.accepted))
            for name, item in figures.totals.items()
        }
        return replace(figures, accepted=0, unchanged=figures.unchanged + figures.accepted, totals=totals)

    def settled(self) -> pl.DataFrame:
        """Earlier rejected records that this pull settles: SETTLED_SCHEMA with how = superseded or gone."""
        waiting = self.task.outstanding
        if not waiting.height:
            return pl.DataFrame(schema=SETTLED_SCHEMA)
        again = pl.concat(self._reject_hashes) if self._reject_hashes else pl.Series([], dtype=pl.String)
        later = pl.concat([*self._accepted_keys, *self._reject_keys, pl.Series([], dtype=pl.String)])
        left = waiting.filter(~pl.col("_row_hash").is_in(again.unique()))
        otherwise = pl.lit("gone") if self._mode != "cursor" else pl.lit(None, dtype=pl.String)
        how = (
            pl.when(pl.col("record_key").is_in(later.unique()))
            .then(pl.lit("superseded"))
            .otherwise(otherwise)
        )
        return (
            left.with_columns(how=how)
            .drop_nulls("how")
            .select(list(SETTLED_SCHEMA))
            .unique(maintain_order=True)
        )

    # ------------------------------------------------------------ counting

    def _count(self, checked: Checked) -> None:
        figures = self.figures
        figures.seen += checked.accepted.height + checked.rejected_rows
        figures.excluded += checked.excluded
        figures.keyless += checked.keyless
        for name, value in checked.stated.items():
            figures.stated[name] = EXACT.add(figures.stated.get(name, Decimal(0)), value)
        for name, value in checked.seen.items():
            figures.totals[name].seen = EXACT.add(figures.totals[name].seen, value)
        if checked.latest is not None and (figures.latest is None or checked.latest > figures.latest):  # type: ignore[operator]
            figures.latest = checked.latest

    def _add(self, what: str, frame: pl.DataFrame) -> None:
        setattr(self.figures, what, getattr(self.figures, what) + frame.height)
        for name, totals in self.figures.totals.items():
            setattr(totals, what, EXACT.add(getattr(totals, what), exact_sum(frame[name])))

    def _reject(self, rejected: pl.DataFrame, values: pl.DataFrame) -> None:
        """Write rejected records; those that wait in the log already are not written again."""
        if not rejected.height:
            return
        hashes = rejected["_row_hash"]
        self._reject_hashes.append(hashes)
        again = (
            hashes.is_in(self._known)
            if len(self._known)
            else pl.repeat(value=False, n=len(hashes), eager=True)
        )
        fresh, known = rejected.filter(~again), rejected.filter(again)
        self._reject_keys.append(fresh["record_key"].drop_nulls())
        self._rejected.add(fresh)
        for what, part in (("rejected", fresh), ("unchanged", known)):
            numbers = part["_record_no"].unique()
            setattr(self.figures, what, getattr(self.figures, what) + len(numbers))
            amounts = values.filter(pl.col("_record_no").is_in(numbers))
            for name, totals in self.figures.totals.items():
                setattr(totals, what, EXACT.add(getattr(totals, what), exact_sum(amounts[name])))

    def _note_accepted(self, marked: pl.DataFrame, raw: pl.DataFrame) -> None:
        """Remember accepted records that some rejected record waits for."""
        if self.task.outstanding.height:
            keys = record_keys(self.task.binding, marked, raw)
            self._accepted_keys.append(
                keys.filter(keys.is_in(self.task.outstanding["record_key"].drop_nulls()))
            )

    # ------------------------------------------------------------ deciding

    def _judged(self, marked: pl.DataFrame) -> Iterator[pl.DataFrame]:
        if not marked.height:
            return
        judge = {
            "cursor": self._against_window,
            "snapshot": self._against_state,
            "full": self._against_content,
        }[self._mode]
        fresh = judge(marked)
        self._add("accepted", fresh)
        if fresh.height:
            yield self._finished(fresh, deleted=False)

    def _against_window(self, marked: pl.DataFrame) -> pl.DataFrame:
        """New records of a delta.

        The window does not hold for files that were never read before: what they bring from before it is compared with all
        that has landed. Records before the window of any other source have landed with an earlier pull.
        """
        cursor, start = self._contract.cursor or "", self.task.start
        parts = []
        if start is not None:
            early = marked.filter(pl.col(cursor) < start)
            if early.height:
                unseen = pl.col("_unseen")
                self._add("unchanged", early.filter(~unseen))
                marked = marked.filter(pl.col(cursor) >= start)
                if early.select(unseen.any()).item():
                    parts.append(self._compared(early.filter(unseen), self._everything))
        if self._newest is None:
            return pl.concat([*parts, marked])
        newer = pl.col(cursor) > self._newest
        overlap = marked.filter(~newer)
        if overlap.height:
            parts += [self._compared(overlap, self._state), marked.filter(newer)]
            return pl.concat(parts)
        return pl.concat([*parts, marked])

    @cached_property
    def _everything(self) -> pl.DataFrame:
        """All that has landed, whatever the window."""
        return record_state(self._contract, self.task.binding.schema, self.task.batches, None)

    def _compared(self, records: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
        """Of records of a delta, those that are not in the state as they are, nor in a later version."""
        cursor = self._contract.cursor or ""
        hashed = pl.concat([records, prints(records, list(self.task.binding.schema), "h")], how="horizontal")
        compared = hashed.join(
            state.rename({"h1": "s1", "h2": "s2", cursor: "_then"}),
            on=_PRINTS,
            how="left",
            maintain_order="left",
        )
        same = ((pl.col("h1") == pl.col("s1")) & (pl.col("h2") == pl.col("s2"))).fill_null(value=False)
        later = (pl.col("_then") > pl.col(cursor)).fill_null(value=False)
        self._add("unchanged", compared.filter(same))
        self._add("superseded", compared.filter(~same & later))
        return compared.filter(~same & ~later).select(records.columns)

    def _against_state(self, marked: pl.DataFrame) -> pl.DataFrame:
        marked = marked.with_columns(row_md5(marked, list(self.task.binding.schema)).alias("_row_hash"))
        if not self._state.height:
            return marked
        compared = marked.join(
            self._state.select([*_PRINTS, pl.col("_row_hash").alias("_then"), pl.col("_deleted").alias("_was_gone")]),
            on=_PRINTS, how="left", maintain_order="left",
        )  # fmt: skip
        same = ((pl.col("_row_hash") == pl.col("_then")) & ~pl.col("_was_gone")).fill_null(value=False)
        self._add("unchanged", compared.filter(same))
        return compared.filter(~same).select(marked.columns)

    def _against_content(self, marked: pl.DataFrame) -> pl.DataFrame:
        if self._state.height:
            columns = list(self.task.binding.schema)
            hashed = pl.concat([marked.select(_PRINTS), prints(marked, columns, "h")], how="horizontal")
            self._same += hashed.join(self._state, on=["k1", "k2", "h1", "h2"], how="semi").height
        return marked

    def _settle_twice(self) -> pl.DataFrame:
        """Records that share a key within the pull.

        The same content counts once. Of different ones the latest change time wins. Where that does not decide, all are
        rejected: an ambiguous record is said to be ambiguous, never settled by order of rows (SPEC 7).
        """
        key, columns = self._contract.key, list(self.task.binding.schema)
        every = pl.concat(self._aside, how="vertical_relaxed")
        distinct = every.unique(subset=columns, keep="first", maintain_order=True)
        self._add("superseded", _minus(every, distinct))
        if self._contract.cursor is not None:
            top = pl.col(self._contract.cursor) == pl.col(self._contract.cursor).max().over(key)
            self._add("superseded", distinct.filter(~top))
            distinct = distinct.filter(top)
        single = pl.len().over(key) == 1
        losers = distinct.filter(~single)
        if losers.height:
            raw = losers["_raw"].struct.unnest()
            keys = record_keys(self.task.binding, losers, raw)
            rejected = reject_rows(
                self.task.binding,
                raw,
                keys,
                "duplicate_key",
                "stands in the pull more than once, with different content",
            )
            values = losers.select(pl.col(name).cast(LOOSE) for name in self.figures.totals)
            self._reject(rejected, values.with_columns(rejected["_record_no"]))
        winners = distinct.filter(single)
        self._note_accepted(winners, winners["_raw"].struct.unnest())
        return winners.drop("_raw")

    def _require_content(self) -> None:
        """An empty delivery is hardly ever meant to delete everything."""
        there = (
            self._state.filter(~pl.col("_deleted")).height if self._mode == "snapshot" else self._state.height
        )
        if self._mode != "cursor" and not self.figures.seen and there and not self.task.allow_empty:
            raise SourceError(
                f"{self._contract.where}: the source has no records, where {there} are in the books; nothing was deleted",
                remedy="check the delivery; if it is meant, run the object once with FINANCE_SYNC_ALLOW_EMPTY=true",
            )

    def _gone(self) -> Iterator[pl.DataFrame]:
        """Keys that the state has and the source has no more, as they landed last, marked as deleted."""
        if not self._contract.spec.delta.deletions or not self._state.height:
            return
        alive = self._state.filter(~pl.col("_deleted"))
        there = [*self._keys, *self._rejected_keys]
        gone = alive.join(pl.concat(there), on=_PRINTS, how="anti") if there else alive
        if not gone.height:
            return
        if self.figures.keyless:
            # A rejected record without a readable key may be one of them.
            self.figures.deletions_held = True
            return
        records = records_of(self._contract, self.task.binding.schema, self.task.batches, gone)
        self.figures.deleted += records.height
        yield self._finished(records, deleted=True)

    def _finished(self, frame: pl.DataFrame, *, deleted: bool) -> pl.DataFrame:
        return frame.with_columns(
            _batch_id=pl.lit(self.task.batch_id),
            _batch_seq=pl.lit(self.task.seq, dtype=pl.Int64),
            _deleted=pl.lit(deleted),
        ).select(list(self.schema))


def landed_state(task: Task) -> pl.DataFrame:
    """The landed side that the pull is compared with, by delta mode."""
    contract, schema = task.binding.contract, task.binding.schema
    if contract.mode == "snapshot":
        return key_state(contract, task.batches)
    if contract.mode == "full":
        return record_state(contract, schema, task.batches[-1:], None)
    return record_state(contract, schema, task.batches, task.start)


def _with_raw(marked: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
    return marked.with_columns(raw.select(pl.struct(pl.all()).alias("_raw")).to_series())


def _minus(every: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Rows beyond the kept ones; both come in the same order, the kept being the first of each kind."""
    numbered = every.with_row_index("_row")
    columns = [name for name in every.columns if name != "_raw"]
    first = numbered.unique(subset=columns, keep="first", maintain_order=True)["_row"]
    assert len(first) == kept.height  # noqa: S101 - prints follow from the columns
    return numbered.filter(~pl.col("_row").is_in(first)).drop("_row")
