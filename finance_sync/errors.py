"""Errors that a person is meant to read. Every one says where, what was found and what to do.

Belongs here: the exception classes of the project. Does not: handling of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a deployment.

    Args:
        file: path below the deployment's folder.
        message: what is wrong, with the value found.
        remedy: what to do about it.
        line: 1-based line in the file, where there is one.
        path: place inside the file, e.g. ``objects.orders.read.format`` or ``column valid_from``.
    """

    file: str
    message: str
    remedy: str = ""
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        where = f"{place}: {self.path}" if self.path else place
        return f"{where}: {self.message}" + (f" -> {self.remedy}" if self.remedy else "")


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
    """A deployment folder (YAML, CSV, staging model) is not valid. Lists every problem, not the first."""

    def __init__(self, message: str, *, remedy: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, folder: str, problems: Sequence[Problem]) -> DeploymentError:
        """One error for all problems of a deployment folder."""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        return cls(f"deployment {folder} has {count}:\n{lines}", problems=problems)


class SourceError(FinanceSyncError):
    """A source could not be read, or is not what its contract says. Stops one object, not the run."""


class LandingError(FinanceSyncError):
    """The batch log is damaged or was written by two runs at once."""


class WarehouseError(FinanceSyncError):
    """The warehouse could not be built, read or published."""


class OperationsError(FinanceSyncError):
    """The operations database cannot be used, or what was asked of it is not possible."""
