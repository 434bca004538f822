"""The one door: opens the right reader for an object.

Belongs here: the choice of reader. Does not: reading. A new transport (REST, say) is a new Pull and one more line here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from finance_sync.catalog.models import FileRead, SqlRead, System
from finance_sync.errors import SourceError
from finance_sync.extract.connection import address_of
from finance_sync.extract.files import FilePull
from finance_sync.extract.locate import Stored, locate
from finance_sync.extract.pull import Pull, Window
from finance_sync.extract.sql import SqlPull
from finance_sync.settings import Settings


def found_files(settings: Settings, system: System, name: str) -> list[Stored] | None:
    """The files of an object as they lie there now, without reading them; None when it is not read from files.

    Raises:
        SourceError: there is none, or the connection cannot be reached.
    """
    read = system.objects[name].read
    if not isinstance(read, FileRead):
        return None
    return locate(address_of(settings, system), read, _where(system, name))


def found_statements(settings: Settings, system: System, name: str) -> list[Stored]:
    """The control files of an object as they lie there now; none when it declares none.

    Raises:
        SourceError: it is declared and missing.
    """
    read = system.objects[name].read
    if not isinstance(read, FileRead) or read.control_file is None:
        return []
    return locate(address_of(settings, system), FileRead(path=read.control_file), _where(system, name))


def open_pull(
    settings: Settings,
    system: System,
    name: str,
    window: Window,
    *,
    files: Sequence[Stored] | None = None,
    known_names: Collection[str] = (),
) -> Pull:
    """Open a read of one object.

    Args:
        settings: the data home, and values of placeholders.
        system: the declared system.
        name: one of its objects.
        window: lower end of the delta. SQL sources and Parquet apply it; of other files the whole content comes.
        files: of an object read from files, those to read; default all.
        known_names: names of files that were read before.

    Returns:
        The open pull; close it (it is a context manager).

    Raises:
        SourceError: the source cannot be reached, or is not what the contract says.
    """
    where = _where(system, name)
    spec = system.objects[name]
    address = address_of(settings, system)
    if isinstance(spec.read, SqlRead):
        if system.connection.kind != "sql":
            raise SourceError(
                f"{where} is read by SQL and its connection is of kind files",
                remedy="correct connection.kind",
            )
        return SqlPull(address, system, spec, where, window)
    stored = list(files) if files is not None else locate(address, spec.read, where)
    return FilePull(settings, address, system, spec, where, stored, known_names, window)


def _where(system: System, name: str) -> str:
    return f"{system.system}.{name}"
