"""A small valid deployment that the tests break, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from finance_sync.catalog import Deployment, load_deployment
from finance_sync.errors import DeploymentError, Problem
from finance_sync.settings import load_settings

FILES = {
    "deployment.yaml": """\
name: acme
title: Acme
group_currency: EUR
segments:
  segment_1: fund
  segment_2: program
clock: "{home}/clock.txt"
""",
    "systems/erp.yaml": """\
system: erp
title: Ledger
role: erp
owner: general-ledger
time_zone: Europe/Berlin
connection: {kind: sql, url: "${ERP_URL}"}
crosswalk: {account: mapped}
objects:
  journals:
    read: {kind: sql, table: gl_lines}
    key: [id]
    delta: {mode: cursor, cursor: changed, lookback: 2 hours}
    control_totals: [amount]
    fields:
      id: {type: text, required: true}
      changed: {type: timestamp}
      amount: {type: amount, currency: cur}
      cur: {type: currency}
    feeds: [journal_line]
  accounts:
    read:
      kind: file
      path: accounts*.csv
      format: csv
    key: [code]
    delta: {mode: snapshot}
    fields:
      code: {type: text}
    feeds: ["account:stg_erp__chart"]
""",
    "staging/erp/stg_erp__journals.sql": "select * from {{ landed('erp', 'journals') }}\n",
    "staging/erp/stg_erp__chart.sql": "select * from {{ landed('erp', 'accounts') }}\n",
    "reference/entities.csv": """\
legal_entity_id,name,country_code,functional_currency,calendar_id
DE01,"Acme, Berlin",DE,EUR,months
JP01,Acme Tokyo,,JPY,months
""",
    "reference/calendars.csv": """\
calendar_id,fiscal_year,period_no,period_name,starts_on,ends_on,kind
months,2025,1,January,2025-01-01,2025-01-31,normal
months,2025,2,February,2025-02-01,2025-02-28,normal
months,2025,13,Closing,2025-02-28,2025-02-28,closing
""",
    "reference/crosswalk.csv": """\
system,kind,source_code,canonical_code,valid_from,valid_to,reason,owner
erp,account,0400,6000,2025-01-01,2025-12-31,chart of 2025,gl
erp,account,0400,6001,2025-06-01,,overlaps: the control's matter,gl
erp,legal_entity,1,DE01,2025-01-01,,legacy number,gl
""",
    "reference/rates.csv": """\
rate_type,from_currency,to_currency,rate_date,rate,source
spot,JPY,EUR,2025-01-01,0.0061723400,ECB
""",
    "reference/tolerances.csv": """\
control_id,aspect,legal_entity_id,category,absolute_functional,percent,lag_days,valid_from,valid_to,reason,owner
C07,price,DE01,,1.50,0.01,3,2025-01-01,,supplier rounding,ap
""",
    "reference/policies.csv": """\
policy,legal_entity_id,line_type,value,valid_from,valid_to,reason,owner
relief_point,,quantity,receipt,2025-01-01,,GR/IR,gl
""",
}


class Folder:
    """A deployment on disk, to be edited and loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str | bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def load(self, **settings: object) -> Deployment:
        return load_deployment(load_settings(deployment=self.path, home=self.path / "home", **settings))

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(DeploymentError) as caught:
            self.load()
        for problem in caught.value.problems:
            assert str(problem) in str(caught.value)
        return caught.value.problems


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "deployment")


@pytest.fixture
def only(folder: Folder) -> Callable[[], Problem]:
    """The one problem of the edited deployment."""

    def get() -> Problem:
        problems = folder.problems()
        assert len(problems) == 1, "\n".join(map(str, problems))
        return problems[0]

    return get
