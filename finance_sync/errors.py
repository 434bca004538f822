"""Errors that a person is meant to read. Every one says where, what was found and what to do.

Belongs here: the exception classes of the project. Does not: handling of them.
"""

from __future__ import annotations


class FinanceSyncError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what is wrong, with the place (file, system, object, record, field) and the value found.
        remedy: what the reader can do about it.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} -> {self.remedy}" if self.remedy else self.message


class DeploymentError(FinanceSyncError):
    """A deployment folder (YAML, CSV, staging model) is not valid."""


class SourceError(FinanceSyncError):
    """A source could not be read, or is not what its contract says. Stops one object, not the run."""


class LandingError(FinanceSyncError):
    """The batch log is damaged or was written by two runs at once."""


class WarehouseError(FinanceSyncError):
    """The warehouse could not be built, read or published."""
