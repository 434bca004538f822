"""The append-only batch log: landing/<system>/<object>/<batch>/{accepted,rejected,settled}.parquet and manifest.json.

A batch is written aside and renamed into place, so it is there whole or not at all; on stores that cannot rename a folder its
manifest is written last, and a folder without manifest is no batch. The watermark is the last manifest: there is no other
state to get out of step. Belongs here: folders, locks, reading and committing. Does not: what is in a batch.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
from pydantic import ValidationError

from finance_sync.errors import LandingError
from finance_sync.landing.manifest import Batch, Check
from finance_sync.settings import Settings

MANIFEST = "manifest.json"
_ASIDE = "_tmp"
_CHECKS = "_checks"


@dataclass(frozen=True)
class ObjectLog:
    """The batches of one object.

    Attributes:
        system: name of the system.
        name: name of the object.
        url: folder of the object: a local path, or any fsspec URL.
        scratch: local folder below which batches are prepared that go to a store elsewhere.
    """

    system: str
    name: str
    url: str
    scratch: Path

    @property
    def _store(self) -> tuple[Any, str]:
        filesystem, path = fsspec.core.url_to_fs(self.url)
        return filesystem, path

    @property
    def is_local(self) -> bool:
        """Whether the log lies in a folder of this machine."""
        return "://" not in self.url or self.url.startswith("file://")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs from landing the same object; it goes with the process. Stores elsewhere have no lock.

        Raises:
            LandingError: another run is landing it.
        """
        if not self.is_local:
            yield
            return
        folder = Path(self._store[1])
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LandingError(
                    f"{self.system}.{self.name} is being landed by another run",
                    remedy="wait for it to end, or stop it",
                ) from error
            yield

    def clean(self) -> None:
        """Remove what killed runs left behind. Only under the lock."""
        filesystem, path = self._store
        if self.is_local:
            shutil.rmtree(Path(path) / _ASIDE, ignore_errors=True)
            return
        for folder in self._folders():
            if not filesystem.exists(f"{folder}/{MANIFEST}"):
                filesystem.rm(folder, recursive=True)

    def _folders(self) -> list[str]:
        filesystem, path = self._store
        try:
            names = filesystem.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(
            str(name).rstrip("/") for name in names if str(name).rstrip("/").rsplit("/", 1)[-1][:1].isdigit()
        )

    def batches(self) -> list[Batch]:
        """All batches in order.

        Raises:
            LandingError: a manifest cannot be read, or a number is there twice.
        """
        filesystem, _ = self._store
        found: list[Batch] = []
        for folder in self._folders():
            manifest = f"{folder}/{MANIFEST}"
            try:
                text = filesystem.cat_file(manifest)
            except FileNotFoundError:
                if self.is_local:
                    raise LandingError(
                        f"batch {folder} has no {MANIFEST}", remedy="restore it, or move the folder away"
                    ) from None
                continue  # not finished: no batch
            try:
                batch = Batch.model_validate_json(text)
            except ValidationError as error:
                raise LandingError(
                    f"{manifest} is damaged: {error.errors()[0]['msg']}",
                    remedy="restore it from a backup, or move the batch away",
                ) from error
            found.append(
                batch.model_copy(
                    update={"folder": folder if self.is_local else filesystem.unstrip_protocol(folder)}
                )
            )
        for before, after in pairwise(found):
            if before.seq == after.seq:
                raise LandingError(
                    f"{self.system}.{self.name} has two batches number {after.seq}: {before.batch_id} and {after.batch_id}",
                    remedy="two runs wrote at once; move the later one away and land the object again",
                )
        return found

    def check(self) -> Check:
        """The last contact; an empty record when there was none, or when it cannot be read (it can be made anew)."""
        filesystem, path = self._store
        try:
            return Check.model_validate_json(filesystem.cat_file(f"{path}/{_CHECKS}/last.json"))
        except (FileNotFoundError, ValidationError):
            return Check(system=self.system, object=self.name)

    def write_check(self, check: Check) -> None:
        """Replace the record of the last contact."""
        filesystem, path = self._store
        data = check.model_dump_json(indent=1).encode()
        if self.is_local:
            folder = Path(path) / _CHECKS
            folder.mkdir(parents=True, exist_ok=True)
            aside = folder / f"last.{uuid.uuid4().hex}.tmp"
            aside.write_bytes(data)
            aside.replace(folder / "last.json")
            for old in folder.glob("last.*.tmp"):
                old.unlink(missing_ok=True)
        else:
            filesystem.makedirs(f"{path}/{_CHECKS}", exist_ok=True)
            filesystem.pipe_file(f"{path}/{_CHECKS}/last.json", data)

    @contextlib.contextmanager
    def stage(self) -> Iterator[Path]:
        """A folder to prepare a batch in; what is not committed from it vanishes."""
        root = Path(self._store[1]) / _ASIDE if self.is_local else self.scratch
        folder = root / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # other batches may be in preparation
                root.rmdir()

    def commit(self, staged: Path, batch: Batch) -> Batch:
        """Put a prepared batch into the log. After it the batch is there whole; before it, not at all.

        Args:
            staged: folder with the batch's Parquet files.
            batch: its manifest, without the files' hashes.

        Returns:
            The manifest as written.
        """
        filesystem, path = self._store
        hashes = dict(batch.hashes)
        for file in sorted(staged.glob("*.parquet")):
            with file.open("rb") as handle:
                hashes[file.stem] = hashlib.file_digest(handle, "sha256").hexdigest()
                os.fsync(handle.fileno())
        target = f"{path}/{batch.batch_id}"
        folder = target if self.is_local else filesystem.unstrip_protocol(target)
        final = batch.model_copy(update={"hashes": hashes, "folder": folder})
        (staged / MANIFEST).write_text(final.model_dump_json(indent=1), encoding="utf-8")
        if self.is_local:
            with (staged / MANIFEST).open("rb") as handle:
                os.fsync(handle.fileno())
            staged.rename(target)
            _sync_folder(Path(path))
            return final
        for file in sorted(staged.iterdir(), key=lambda item: item.name == MANIFEST):
            filesystem.makedirs(target, exist_ok=True)
            filesystem.put_file(str(file), f"{target}/{file.name}")
        return final


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def object_log(settings: Settings, system: str, name: str) -> ObjectLog:
    """The log of one object."""
    return ObjectLog(system, name, f"{settings.landing}/{system}/{name}", settings.home / "tmp" / "batches")


def list_batches(settings: Settings, system: str, name: str) -> list[Batch]:
    """Batches of an object in order of landing.

    Raises:
        LandingError: the log is damaged.
    """
    return object_log(settings, system, name).batches()


def scan(path: str) -> pl.LazyFrame:
    """A Parquet file of the log, lazily where it is local."""
    if "://" not in path or path.startswith("file://"):
        return pl.scan_parquet(path.removeprefix("file://"))
    filesystem, inner = fsspec.core.url_to_fs(path)
    return pl.read_parquet(BytesIO(filesystem.cat_file(inner))).lazy()
