"""What is written down about a batch, and about the last contact with a source.

Belongs here: the two records and their JSON. Does not: where they are kept (log).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from finance_sync.extract.pull import StatementKind

Mode = str  # cursor, snapshot, full or replay


class _Record(BaseModel):
    """Unknown keys are ignored, so that an older version reads what a newer one wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ControlTotal(_Record):
    """Exact sums of one control total. seen = accepted + rejected + unchanged + superseded."""

    source: Decimal | None = None
    seen: Decimal = Decimal(0)
    accepted: Decimal = Decimal(0)
    rejected: Decimal = Decimal(0)
    unchanged: Decimal = Decimal(0)
    superseded: Decimal = Decimal(0)


class Batch(_Record):
    """manifest.json of a batch. Times are UTC without zone; decimals are texts in the JSON.

    Attributes:
        batch_id: ``<seq>-<12 hex>``; the hash is of what was pulled, so that the same pull gives the same id.
        seq: rises by one per object.
        mode: cursor, snapshot, full, or replay (of rejected records).
        window_from: lower end of the window, inclusive; None is everything.
        window_to: the watermark: highest change time seen, never later than a day after the pull.
        data_as_of: latest change time among the records.
        rows_source: what the source says it has in the window; None when it does not say.
        rows_seen: accepted + rejected + unchanged + superseded.
        rows_accepted: records in accepted.parquet that are not deletions.
        rows_rejected: records in rejected.parquet.
        rows_unchanged: records that had landed, or been rejected, just so before.
        rows_superseded: records of which the pull, or the log, has a later version.
        rows_deleted: records in accepted.parquet that say: gone at the source.
        rows_excluded: records that the contract leaves out; not among the seen.
        deletions_held: deletions not recorded because rejected records without a readable key might be them.
        source_statement: where rows_source comes from: control_file, total_row, sql, recount or none.
        physical: field -> class of its values in the source.
        hashes: SHA-256 of the batch's files, and ``content`` of what was pulled.
        new_columns: undeclared columns, under the names they are kept by.
        replayed_from: batches whose rejected records a replay took up.
        folder: where the batch lies; not part of the JSON.
    """

    batch_id: str
    seq: int
    system: str
    object: str
    mode: Mode
    window_from: str | None = None
    window_to: str | None = None
    pulled_at: datetime
    business_date: date | None = None
    data_as_of: datetime | None = None
    rows_source: int | None = None
    rows_seen: int = 0
    rows_accepted: int = 0
    rows_rejected: int = 0
    rows_unchanged: int = 0
    rows_superseded: int = 0
    rows_deleted: int = 0
    rows_excluded: int = 0
    rows_settled: int = 0
    deletions_held: bool = False
    source_statement: StatementKind = "none"
    control_totals: dict[str, ControlTotal] = Field(default_factory=dict)
    cursor_max: str | None = None
    schema_fingerprint: str = ""
    physical: dict[str, str] = Field(default_factory=dict)
    contract_version: str = ""
    hashes: dict[str, str] = Field(default_factory=dict)
    new_columns: list[str] = Field(default_factory=list)
    correlation_id: str = ""
    replayed_from: list[str] = Field(default_factory=list)
    folder: str = Field(default="", exclude=True)

    @property
    def accepted_path(self) -> str:
        """accepted.parquet of the batch."""
        return f"{self.folder}/accepted.parquet"

    @property
    def rejected_path(self) -> str:
        """rejected.parquet of the batch; only there when ``rows_rejected`` is not zero."""
        return f"{self.folder}/rejected.parquet"

    @property
    def settled_path(self) -> str:
        """settled.parquet: earlier rejected records that this batch settles; only there when ``rows_settled`` is not zero."""
        return f"{self.folder}/settled.parquet"


class Check(_Record):
    """_checks/last.json: the last contact with an object's source, whether or not it brought a batch.

    Attributes:
        checked_at: time (UTC) of the last contact that succeeded; None before the first.
        business_date: business date of that run.
        batch_id: the batch it brought; None when there was nothing new.
        last_batch_id: the object's last batch at that time.
        files: name -> stamp of every file that has been read.
        failed_at: time (UTC) of the last contact, when it failed; None after a success.
    """

    system: str
    object: str
    checked_at: datetime | None = None
    business_date: date | None = None
    batch_id: str | None = None
    last_batch_id: str | None = None
    rows_source: int | None = None
    rows_seen: int | None = None
    rows_unchanged: int | None = None
    deletions_held: bool = False
    source_statement: StatementKind = "none"
    control_totals: dict[str, ControlTotal] = Field(default_factory=dict)
    data_as_of: datetime | None = None
    contract_version: str = ""
    content: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    correlation_id: str = ""
    failed_at: datetime | None = None
    error: str | None = None
    remedy: str | None = None
