"""What every step needs to know: settings, deployment, the parsed dbt project, and where progress is told.

Belongs here: the Site value and how it is loaded. Does not: steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from finance_sync.catalog import Deployment, load_deployment
from finance_sync.settings import Settings
from finance_sync.warehouse.project import Prepared, prepare

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody reads: runs that the UI or the schedule starts have their event log."""


@dataclass(frozen=True)
class Site:
    """One deployment on one data home.

    Attributes:
        settings: engine and places.
        deployment: the validated deployment.
        prepared: the generated dbt project.
        progress: told in short sentences what is being done.
    """

    settings: Settings
    deployment: Deployment
    prepared: Prepared
    progress: Progress = field(default=silent)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the dbt project."""
        manifest: dict[str, Any] = json.loads(self.prepared.manifest_path.read_bytes())
        return manifest


def load_site(settings: Settings, progress: Progress = silent) -> Site:
    """Read the deployment and its dbt project; parses the project only when its files changed.

    Raises:
        DeploymentError: the deployment is not valid.
        WarehouseError: dbt cannot parse the models.
    """
    deployment = load_deployment(settings)
    return Site(settings, deployment, prepare(settings, deployment), progress)
