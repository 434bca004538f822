"""The report: one self-contained HTML page of the published marts, for controllers and a CFO.

Belongs here: what the page says and how it looks. Does not: how figures are computed (dbt), where a run keeps its record
(orchestration). It reads the publication and the deployment, never the warehouse.
"""

from finance_sync.reports.write import Written, render_report, write_report

__all__ = ["Written", "render_report", "write_report"]
