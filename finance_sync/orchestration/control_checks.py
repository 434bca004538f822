"""Controls as asset checks: each suite's verdict on its model, and one gate in front of publication.

The controls are judged in one step after the marts are built. Checks stand on the models that they judge; the
gate stands on the control results and is the one check that blocks, because a blocking check on a model would
have to be judged between it and the marts that the same dbt build makes of it.

Belongs here: from CheckResult to what Dagster shows. Does not: the verdict itself (controls).
"""

# No postponed annotations here: Dagster reads the type of `context`.
from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from finance_sync.catalog import controls
from finance_sync.controls import Check, CheckResult, load_checks
from finance_sync.orchestration import facts
from finance_sync.orchestration.bench import Bench
from finance_sync.orchestration.dbt_assets import model_keys
from finance_sync.orchestration.lock import hold_home
from finance_sync.orchestration.register import take_in_stopped
from finance_sync.orchestration.site import Site
from finance_sync.orchestration.text import amount_text, markdown_table

# Model that the gate stands on: the last word on every control, downstream of all of them.
GATE_MODEL = "mart_control_results"
_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def control_checks(site: Site, bench: Bench) -> dg.AssetChecksDefinition:
    """The step that judges: one asset check per check of the suites, and the gate."""
    keys = model_keys(site)
    checks = {
        check.check_name: check
        for check in load_checks(site.settings.expectations_dir)
        if check.asset in keys
    }
    gate = dg.AssetCheckSpec(
        facts.GATE_CHECK,
        asset=keys[GATE_MODEL],
        blocking=True,
        description="Nothing that blocks publication failed. While it fails, readers keep the last good publication.",
    )

    @dg.multi_asset_check(
        name=facts.JUDGE_STEP,
        description="Great Expectations judges what SQL compared; a failing gate stops publication.",
        specs=[*(_spec(check, keys[check.asset]) for check in checks.values()), gate],
        can_subset=False,
    )
    def run(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        hold_home(site.settings)
        site.progress(f"judging {len(checks)} checks")
        results = bench.judge()
        for result in results:
            if result.check_name not in checks:
                continue
            if result.outcome in {"failed", "error"}:
                context.log.warning("%s: %s", result.check_name, result.error or result.message)
            yield as_check_result(result, keys[result.asset])
        blocking = [result for result in results if blocks(result)]
        if blocking:
            names = ", ".join(result.check_name for result in blocking)
            site.progress(f"publication is stopped by {names}")
            # What was found can be worked on all the same; what was not found need not be gone.
            take_in_stopped(site, context)
        yield gate_result(blocking, keys[GATE_MODEL])

    return run


def blocks(result: CheckResult) -> bool:
    """Whether a result stops publication: it failed, or could not be judged, and is said to block."""
    return result.blocking and result.outcome in {"failed", "error"}


def as_check_result(result: CheckResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """What Dagster shows of one result.

    Business exceptions warn, since somebody in finance must act; what blocks publication, broken shape and
    checks that could not be judged are errors. Not applicable shows as passed, with the reason.
    """
    error = blocks(result) or result.kind != "control" or result.outcome == "error"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=result.check_name,
        passed=result.outcome in {"passed", "not_applicable"},
        severity=_ERROR if error else _WARN,
        description=_description(result),
        metadata=facts.compact(_metadata(result)),
    )


def gate_result(blocking: Iterable[CheckResult], key: dg.AssetKey) -> dg.AssetCheckResult:
    """The gate: passed when nothing blocks."""
    rows = [
        (item.control_id or "", item.check_name, item.rows_failed, amount_text(item.amount_group, item.group_currency),
         item.owner, item.error or item.message)
        for item in blocking
    ]  # fmt: skip
    if not rows:
        return dg.AssetCheckResult(asset_key=key, check_name=facts.GATE_CHECK, passed=True)
    columns = ("control", "check", "exceptions", "amount at risk", "owner", "message")
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=facts.GATE_CHECK,
        passed=False,
        severity=_ERROR,
        description="Publication is stopped.\n\n" + markdown_table(columns, rows),
        metadata={
            facts.BLOCKED_BY: ", ".join(row[1] for row in rows),
            facts.REMEDY: "Clear what is named here and run again. Readers keep the last good publication until then.",
        },
    )


def _spec(check: Check, key: dg.AssetKey) -> dg.AssetCheckSpec:
    control = controls().get(check.control_id or "")
    if control is None:
        text = f"Shape of {check.schema}.{check.asset}: types, keys and closed lists."
        return dg.AssetCheckSpec(check.check_name, asset=key, description=text)
    text = f"{control.id} {control.name}. {control.compares} Owner: {control.owner}."
    return dg.AssetCheckSpec(check.check_name, asset=key, description=text)


def _metadata(result: CheckResult) -> Mapping[str, object]:
    known = {
        facts.OUTCOME: result.outcome,
        facts.CONTROL: result.control_id,
        facts.KIND: result.kind,
        facts.OWNER: result.owner,
    }
    if result.outcome == "not_applicable":
        return known
    failed = result.rows_failed > 0
    return known | {
        facts.ERROR: result.error,
        facts.COMPARED: result.rows_compared,
        facts.FAILED: result.rows_failed,
        facts.AMOUNT: amount_text(result.amount_group, result.group_currency)
        if result.kind == "control"
        else None,
        facts.UNVALUED: result.rows_without_amount or None,
        facts.SEVERITY: result.severity,
        facts.BLOCKING: "yes" if blocks(result) else "no",
        facts.REMEDY: result.remedy if result.outcome != "passed" else None,
        facts.REASONS: dg.MetadataValue.md(_reasons(result)) if failed and result.by_reason else None,
        facts.SAMPLE: dg.MetadataValue.md(_sample(result)) if failed and result.sample else None,
        facts.TRUNCATED: _truncated(result) if failed and result.sample else None,
    }


def _description(result: CheckResult) -> str:
    """What stands on the check's page without a click: the outcome, what to do, the totals, the largest rows."""
    parts = [result.error or result.message]
    if result.outcome in {"failed", "error"} and result.remedy:
        parts.append(f"**What to do:** {result.remedy} **Owner:** {result.owner}.")
    if result.rows_failed and result.sample:
        parts.append(f"**Sample** ({_truncated(result)}):")
        parts.append(_short_sample(result))
    if result.rows_failed and result.by_reason:
        parts.append("**By reason:**")
        parts.append(_reasons(result))
    return "\n\n".join(parts)


def _truncated(result: CheckResult) -> str:
    if result.sample_truncated:
        return f"cut: {len(result.sample)} of {result.rows_failed} rows, largest amounts first"
    return "whole: every row is shown"


def _reasons(result: CheckResult) -> str:
    rows = [
        (item.status, item.text, item.rows, amount_text(item.amount_group, result.group_currency))
        for item in result.by_reason
    ]
    return markdown_table(("status", "reason", "rows", "amount at risk"), rows)


# Columns of a sample and where they come from; a column that is empty in every row is left out.
_COLUMNS = {
    "key": "business_key",
    "entity": "legal_entity_id",
    "period": "fiscal_period_id",
    "reason": "reason_code",
    "left": "left_value",
    "right": "right_value",
    "left amount": "left_amount",
    "right amount": "right_amount",
    "difference": "difference_amount",
    "currency": "currency_code",
    "at risk": "amount_group",
    "message": "message",
}


def _sample(result: CheckResult) -> str:
    used = {
        label: name
        for label, name in _COLUMNS.items()
        if any(getattr(row, name) not in (None, "") for row in result.sample)
    }
    rows = [[getattr(row, name) for name in used.values()] for row in result.sample]
    return markdown_table(list(used), rows)


def _short_sample(result: CheckResult) -> str:
    """The sample in a width that the page has: on each side the amount, or what else differs."""
    columns = ("key", "period", "reason", "left", "right", "currency", f"at risk ({result.group_currency})")
    rows = [
        (
            row.business_key,
            row.fiscal_period_id,
            row.reason_code,
            row.left_value if row.left_amount is None else row.left_amount,
            row.right_value if row.right_amount is None else row.right_amount,
            row.currency_code,
            row.amount_group,
        )
        for row in result.sample
    ]
    return markdown_table(columns, rows)
