"""Loading a deployment: declarations, reference tables and staging models, validated together.

Belongs here: the Deployment value and how it comes about. Does not: the rules of single files
(declarations, reference) or across them (crosschecks).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from finance_sync.catalog.crosschecks import cross_check
from finance_sync.catalog.declarations import read_deployment_file, read_systems
from finance_sync.catalog.models import System
from finance_sync.catalog.product import Control, canonical_objects, controls, currencies
from finance_sync.catalog.reference import read_reference
from finance_sync.errors import DeploymentError
from finance_sync.settings import Settings


class Feed(NamedTuple):
    """One source object that feeds a canonical object, through one staging model."""

    system: str
    object: str
    staging_model: str


@dataclass(frozen=True)
class Deployment:
    """A valid deployment.

    Args:
        path: its folder.
        name: short name.
        title: name for people.
        group_currency: ISO code of the group's reporting currency.
        segments: ``segment_1`` .. ``segment_6`` -> the deployment's own name, for those in use.
        clock: text file with the business date (may hold ``{home}``), or None.
        systems: source systems by name.
        reference: every table of reference.yaml, typed (empty when the file is absent), and ``currency``
            (ISO 4217).
        feeds: canonical object -> what feeds it; every canonical object is there, with an empty list when
            nothing does.
        fingerprints: SHA-256 of ``deployment``, ``system.<name>``, ``reference.<table>`` and ``staging``
            (all its SQL).
    """

    path: Path
    name: str
    title: str
    group_currency: str
    segments: dict[str, str]
    clock: str | None
    systems: dict[str, System]
    reference: dict[str, pa.Table]
    feeds: dict[str, list[Feed]]
    fingerprints: dict[str, str]

    @property
    def staging_dir(self) -> Path:
        """Folder of the staging models."""
        return self.path / "staging"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything the deployment says."""
        text = "\n".join(f"{name} {value}" for name, value in sorted(self.fingerprints.items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def business_date(self, settings: Settings) -> date:
        """The date that the run is for: the one that is stated, else today (UTC).

        Raises:
            DeploymentError: the clock file holds no ISO date.
        """
        return self.stated_date(settings) or datetime.now(tz=UTC).date()

    def stated_date(self, settings: Settings) -> date | None:
        """The business date that the setting, else the deployment's clock file, states; None when neither does.

        Raises:
            DeploymentError: the clock file holds no ISO date.
        """
        if settings.as_of is not None:
            return settings.as_of
        if self.clock is None:
            return None
        path = Path(self.clock.replace("{home}", str(settings.home)).replace("{deployment}", str(self.path)))
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8").strip()
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise DeploymentError(
                f"clock file {path}: {text[:40]!r} is no date",
                remedy="write one date such as 2026-01-31 into it",
            ) from None

    def unmet_needs(self, control: Control) -> list[str]:
        """What a control needs and this deployment does not feed; empty when the control is applicable."""
        fed: dict[str, int] = {name: len(feeds) for name, feeds in self.feeds.items()}
        fed.update({name: table.num_rows for name, table in self.reference.items() if name not in fed})
        fed.update(
            {f"account_roles={role}": 1 for role in self.reference["account_roles"]["role"].to_pylist()}
        )
        return control.unmet(fed)

    def applicability(self) -> dict[str, str]:
        """Control number -> why it is not applicable; empty text when it is."""
        return {
            number: f"nothing feeds {', '.join(need.replace('|', ' or ') for need in unmet)}" if unmet else ""
            for number, unmet in (
                (number, self.unmet_needs(control)) for number, control in controls().items()
            )
        }


def load_deployment(settings: Settings) -> Deployment:
    """Read and validate the deployment that the settings name.

    Returns:
        The deployment.

    Raises:
        DeploymentError: it is not valid; ``problems`` lists everything that is wrong, each with file, line,
            place,
            value and remedy.
    """
    folder = settings.deployment
    if not folder.is_dir():
        raise DeploymentError(
            f"deployment folder {folder} does not exist",
            remedy="set FINANCE_SYNC_DEPLOYMENT or create the folder",
        )
    declared, declared_document, problems = read_deployment_file(folder)
    files, found = read_systems(folder)
    systems = files.systems
    problems += found
    reference, found = read_reference(folder)
    problems += found
    problems += cross_check(folder, declared, declared_document, files, reference)
    if problems or declared is None:
        raise DeploymentError.of(str(folder), sorted(problems, key=lambda p: (p.file, p.line or 0)))
    fingerprints = {
        "deployment": _digest([folder / "deployment.yaml"], folder),
        **{f"system.{name}": _digest([folder / files.documents[name].file], folder) for name in systems},
        **{f"reference.{name}": table.fingerprint for name, table in reference.items()},
        "staging": _digest(sorted((folder / "staging").rglob("*.*")), folder),
    }
    return Deployment(
        path=folder,
        name=declared.name,
        title=declared.title,
        group_currency=declared.group_currency,
        segments={str(segment): name for segment, name in declared.segments.items()},
        clock=declared.clock,
        systems=systems,
        reference={**{name: table.table for name, table in reference.items()}, "currency": currencies()},
        feeds=_feeds(systems),
        fingerprints=fingerprints,
    )


def _feeds(systems: Mapping[str, System]) -> dict[str, list[Feed]]:
    feeds: dict[str, list[Feed]] = {name: [] for name in canonical_objects()}
    for system_name, system in systems.items():
        for object_name, spec in system.objects.items():
            for canonical, model in spec.staging_models(system_name, object_name).items():
                feeds[canonical].append(Feed(system_name, object_name, model))
    return feeds


def _digest(paths: list[Path], folder: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
