"""Finding the files of an object and bringing them within reach of the readers.

Belongs here: globs on any fsspec filesystem, archives and compressed files, temporary copies. Does not: reading records.
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec

from finance_sync.catalog.models import FileRead
from finance_sync.errors import SourceError
from finance_sync.extract.connection import Address
from finance_sync.extract.pull import FileFacts
from finance_sync.settings import Settings

_COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_SHOWN = 10


@dataclass(frozen=True)
class Stored:
    """A file where the source keeps it."""

    filesystem: Any
    path: str
    name: str
    stamp: str
    is_local: bool


@dataclass(frozen=True)
class Local:
    """A file that readers can open: the stored one, a copy of it, or a member of an archive."""

    path: Path
    name: str
    stamp: str


def locate(address: Address, read: FileRead, where: str) -> list[Stored]:
    """Find the files of an object, in the order of their names.

    Raises:
        SourceError: there is none, or the filesystem cannot be reached; says what is in the folder instead.
    """
    url = read.path if "://" in read.path else f"{address.url.rstrip('/')}/{read.path.lstrip('/')}"
    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        root = str(fsspec.core.url_to_fs(address.url)[1]) if "://" not in read.path else ""
        paths = (
            sorted(filesystem.glob(path))
            if any(mark in path for mark in "*?[")
            else [path] * filesystem.isfile(path)
        )
        infos = [filesystem.info(item) for item in paths]
    except ImportError as error:
        raise SourceError(
            f"{where}: {address.scrub(error)}", remedy="install the package that the message names"
        ) from error
    except Exception as error:  # every filesystem has its own exceptions
        raise SourceError(
            f"{where}: {address.scrub(url)} cannot be reached: {address.scrub(error)}",
            remedy="check the connection's url and its rights",
        ) from error
    files = [
        _stored(filesystem, item, info, root)
        for item, info in zip(paths, infos, strict=True)
        if info.get("type", "file") == "file"
    ]
    if not files:
        raise SourceError(
            f"{where}: no file {address.scrub(url)}{_neighbours(filesystem, path)}",
            remedy="check that the source has delivered it, and `path` in the object's `read`",
        )
    return files


def _stored(filesystem: Any, path: str, info: dict[str, Any], root: str) -> Stored:
    changed = next(
        (
            info[key]
            for key in ("mtime", "LastModified", "last_modified", "updated", "created")
            if info.get(key)
        ),
        "",
    )
    etag = info.get("ETag") or info.get("etag") or ""
    is_local = "file" in (
        filesystem.protocol if isinstance(filesystem.protocol, (tuple, list)) else [filesystem.protocol]
    )
    if is_local:
        changed = Path(path).stat().st_mtime_ns
    name = path.removeprefix(root).lstrip("/") if root else PurePosixPath(path).name
    return Stored(filesystem, path, name, f"{info.get('size')}|{changed}|{etag}", is_local)


def _neighbours(filesystem: Any, path: str) -> str:
    """What the folder holds instead, for the message."""
    folder = str(PurePosixPath(path).parent)
    try:
        names = sorted(PurePosixPath(item).name for item in filesystem.ls(folder, detail=False))
    except OSError:
        return f"; there is no folder {folder} either"
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"; the folder has: {shown}" if names else "; the folder is empty"


@contextmanager
def workspace(settings: Settings) -> Iterator[Path]:
    """A temporary folder below the data home, gone afterwards. What a killed process left behind goes too."""
    root = settings.home / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob("pull-*"):
        if not _alive(old.name.split("-")[1]):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"pull-{os.getpid()}-", dir=root, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def localise(stored: Stored, read: FileRead, folder: Path, where: str) -> list[Local]:
    """Bring a stored file within reach: download, unpack, decompress as needed.

    Returns:
        One local file, or one per matching member of an archive.

    Raises:
        SourceError: an archive is damaged, or ``member`` does not say which of its members to read.
    """
    path = Path(stored.path)
    if not stored.is_local:
        path = _new(folder, PurePosixPath(stored.name).name)
        try:
            stored.filesystem.get_file(stored.path, str(path))
        except OSError as error:
            raise SourceError(
                f"{where}: {stored.name} broke off while it was fetched: {error}",
                remedy="run the object again",
            ) from error
    suffix = Path(stored.name).suffix.lower()
    if suffix == ".zip" or read.member is not None:
        return _members(path, stored, read, folder, where)
    if suffix in _COMPRESSED:
        target = _new(folder, Path(stored.name).stem)
        with _damaged(stored.name, where), _COMPRESSED[suffix](path, "rb") as packed:
            _copy(packed, target)
        path = target
    return [Local(path, stored.name, stored.stamp)]


def _members(path: Path, stored: Stored, read: FileRead, folder: Path, where: str) -> list[Local]:
    with _damaged(stored.name, where), zipfile.ZipFile(path) as archive:
        names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
        wanted = [name for name in names if read.member is None or fnmatch.fnmatchcase(name, read.member)]
        if not wanted or (read.member is None and len(wanted) > 1):
            wrong = (
                f"no member {read.member!r}" if read.member else "several members" if wanted else "no member"
            )
            shown = ", ".join(names[:_SHOWN]) or "nothing"
            raise SourceError(
                f"{where}: {stored.name} has {wrong}; it holds: {shown}",
                remedy="name the member, or a glob, in `read.member`",
            )
        members = []
        for name in wanted:
            target = _new(folder, PurePosixPath(name).name)
            with archive.open(name) as packed:
                _copy(packed, target)
            members.append(Local(target, f"{stored.name}/{name}", stored.stamp))
        return members


@contextmanager
def _damaged(name: str, where: str) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        gzip.BadGzipFile,
        lzma.LZMAError,
        RuntimeError,
        OSError,
    ) as error:
        raise SourceError(
            f"{where}: {name} is no whole archive: {error}",
            remedy="have the file delivered again; it was cut off or is another format",
        ) from error


def _new(folder: Path, name: str) -> Path:
    return Path(tempfile.mkdtemp(dir=folder)) / name


def _copy(source: IO[bytes] | Any, target: Path) -> None:
    with target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def facts(stored: list[Stored]) -> tuple[FileFacts, ...]:
    """The files as found, before reading."""
    return tuple(FileFacts(item.name, item.stamp) for item in stored)
