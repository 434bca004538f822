"""The judging process of a run: started by a step that has other work to do meanwhile, asked by a later one.

Belongs here: when it starts and ends. Does not: what it does (controls), what is made of its answer (control_checks).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from finance_sync.controls import CheckResult, JudgeProcess, warm_up
from finance_sync.orchestration.site import Site


@dataclass
class Bench:
    """At most one judging process at a time."""

    site: Site
    _process: JudgeProcess | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is None:
            self._process = warm_up(self.site.settings)

    def judge(self) -> list[CheckResult]:
        """Judge everything on the warehouse as it stands, and end the process.

        Raises:
            WarehouseError: the process ended or does not answer.
        """
        self.start()
        if self._process is None:
            return []
        try:
            return self._process.judge(as_of=self.site.deployment.business_date(self.site.settings))
        finally:
            self.close()

    def close(self) -> None:
        """End the process; may be called again."""
        if self._process is not None:
            self._process.close()
            self._process = None
