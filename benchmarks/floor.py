"""The floor: the published marts by hand-written SQL (floor_sql/), straight from the source files, in plain DuckDB.

Belongs here: running the scripts. Does not: what they compute (floor_sql), the comparison with the pipeline (__main__).

    python -m benchmarks.floor --source H/sandbox --deployment D --target F --as-of 2026-05-15
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template

import duckdb
import yaml

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "benchmarks" / "floor_sql").glob("*.sql"))
CURRENCIES = ROOT / "finance_sync" / "catalog" / "currencies.csv"
MARTS = (
    "mart_actual_line", "mart_budget_line", "mart_budget_vs_actual", "mart_commitment_movement", "mart_commitment_vs_actual",
    "mart_control_results", "mart_exceptions", "mart_grni", "mart_grni_document", "mart_ledger_balance", "mart_open_commitments",
    "mart_order_cost", "mart_order_line", "mart_unrated_document", "mart_variance", "mart_variance_document",
)  # fmt: skip
# Columns of the published marts that explain and are looked up in the controls table: no figures, left out of the floor.
WORDS = frozenset({
    "area", "control_name", "deadline_days", "is_blocking", "left_object", "left_system_name", "left_value", "message", "owner",
    "reason", "reason_text", "remedy", "right_object", "right_system_name", "right_value",
})  # fmt: skip
# Controls that tell of the batch log, which the floor has not.
LOG_CONTROLS = ("C01", "C22")


@dataclass(frozen=True)
class Step:
    """One statement and its wall seconds."""

    script: str
    statement: str
    seconds: float


def run_floor(
    *, source: Path, deployment: Path, target: Path, as_of: str, threads: int = 2, memory: str = "6GB"
) -> list[Step]:
    """Compute the marts and write them as Parquet files.

    Args:
        source: the company's files (``sandbox`` of a data home), one version of each record.
        deployment: the deployment, for its reference tables and group currency.
        target: folder of the result; it is replaced.
        as_of: business date, ISO.
        threads: of DuckDB.
        memory: limit of DuckDB.

    Returns:
        The statements with their times, in order.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    places = {
        "source": source,
        "reference": deployment / "reference",
        "target": target,
        "as_of": as_of,
        "group": yaml.safe_load((deployment / "deployment.yaml").read_text())["group_currency"],
        "currencies": CURRENCIES,
    }
    steps = []
    with duckdb.connect(config={"threads": threads, "memory_limit": memory}) as connection:
        connection.execute(f"set temp_directory = '{target / 'tmp'}'")
        for script in SCRIPTS:
            for statement in duckdb.extract_statements(Template(script.read_text()).substitute(places)):
                started = time.perf_counter()
                connection.execute(statement)
                steps.append(Step(script.name, _head(statement.query), time.perf_counter() - started))
    shutil.rmtree(target / "tmp", ignore_errors=True)
    return steps


def _head(statement: str) -> str:
    """First words of a statement, without comments; of a COPY its file."""
    lines = [line for line in statement.strip().splitlines() if not line.startswith("--")]
    return (
        Path(lines[-1].split("'")[1]).name if lines[0].startswith("copy") else " ".join(lines[0].split()[:4])
    )


def main(arguments: list[str]) -> None:
    """Run the floor and print where its time went."""
    parser = argparse.ArgumentParser(prog="benchmarks.floor")
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--deployment", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--as-of", required=True)
    given = parser.parse_args(arguments)
    steps = run_floor(
        source=given.source.resolve(),
        deployment=given.deployment.resolve(),
        target=given.target.resolve(),
        as_of=given.as_of,
    )
    for step in steps:
        if step.seconds >= 0.1:
            print(f"{step.seconds:8.2f} s  {step.script:24} {step.statement}")
    print(f"{sum(step.seconds for step in steps):8.2f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
