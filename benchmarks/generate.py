"""Data of the benchmark: the demo company as Parquet files, and the deployment that reads them.

Belongs here: `python -m benchmarks.generate` (company, delta, deployment). Does not: measuring (measure), scenarios (run).

    python -m benchmarks.generate create --home H --deployment D --scale 366     ten million journal lines
    python -m benchmarks.generate advance --home H --deployment D --days 5       about one per cent of them
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from finance_sync.catalog import load_deployment
from finance_sync.sandbox.parquet import advance_parquet, write_parquet
from finance_sync.settings import PROJECT_ROOT, Settings, load_settings

DEMO = PROJECT_ROOT / "data" / "demo"
FILE_SYSTEMS = ("procurement", "ledger")


def write_deployment(target: Path) -> None:
    """Write the demo deployment with procurement and ledger as Parquet files: same contracts, staging and reference.

    Args:
        target: folder of the new deployment; it is replaced.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DEMO, target)
    for system in FILE_SYSTEMS:
        path = target / "systems" / f"{system}.yaml"
        path.write_text(
            yaml.safe_dump(_as_files(yaml.safe_load(path.read_text())), sort_keys=False), encoding="utf-8"
        )


def _as_files(system: dict[str, Any]) -> dict[str, Any]:
    system["connection"] = {"kind": "files", "url": "{home}/sandbox/" + system["system"]}
    for name, spec in system["objects"].items():
        spec["read"] = {"kind": "file", "path": f"{name}/*.parquet", "format": "parquet"}
    return system


def settings_for(home: Path, deployment: Path) -> Settings:
    """Settings of a benchmark run."""
    return load_settings(home=home, deployment=deployment)


def main(arguments: list[str]) -> None:
    """Create or advance the benchmark's data and print what was written."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.generate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("step", choices=["create", "advance"])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--deployment", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=366)
    parser.add_argument("--days", type=int, default=5)
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    if given.step == "create":
        write_deployment(given.deployment)
    settings = settings_for(given.home, given.deployment)
    systems = load_deployment(settings).systems
    written = (
        write_parquet(settings, systems, seed=given.seed, scale=given.scale)
        if given.step == "create"
        else advance_parquet(settings, systems, days=given.days)
    )
    for name, rows in written.rows.items():
        print(f"{rows:>12,}  {name}")
    print(f"as of {written.today.isoformat()}, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
