"""The unit tests that stand beside the models pass on both engines, and every reason of every control is among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from finance_sync.catalog.product import controls
from tests.unit.dbt.harness import PACKAGE
from tests.unit.dbt.unit_project import UnitProject

pytestmark = pytest.mark.slow


def unit_test_files() -> Iterator[tuple[Path, dict[str, object]]]:
    for path in sorted((PACKAGE / "models").rglob("*.yml")):
        document = yaml.safe_load(path.read_text())
        if "unit_tests" in document:
            yield path, document


def test_all_pass(needs_engine: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = UnitProject(tmp_path_factory.mktemp(f"unit_{needs_engine}"), needs_engine)
    project.build_empty()
    results = project.unit_tests()
    wanted = {test["name"] for _, document in unit_test_files() for test in document["unit_tests"]}  # type: ignore[attr-defined]
    assert set(results) == wanted
    failed = {name: message for name, (status, message) in results.items() if status != "pass"}
    assert not failed, "\n\n".join(f"{name}\n{message}" for name, message in failed.items())


@pytest.mark.parametrize("control", list(controls().values()), ids=lambda c: c.id)
def test_every_reason_is_expected_somewhere(control) -> None:  # type: ignore[no-untyped-def]
    """A reason counts as tested when a unit test of the control's model has the reason's rows in what it expects."""
    tests = [t for _, d in unit_test_files() for t in d["unit_tests"] if t["model"] == control.model]  # type: ignore[attr-defined]
    expected = [row for test in tests for row in test["expect"]["rows"] if isinstance(row, dict)]
    reasons = {row.get("reason_code") for row in expected}
    by_status = {(row.get("aspect"), row.get("status")) for row in expected}
    missing = [
        code for code, reason in control.reasons.items()
        if code not in reasons and not any(status == reason.status for _, status in by_status)
    ]  # fmt: skip
    assert not missing, f"{control.id}: no unit test expects {missing}"
