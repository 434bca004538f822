"""The benchmark's report, as Markdown.

Belongs here: medians, spreads, words. Does not: measuring.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.scenarios import Outcome

NAMES = {
    "floor": "floor (raw SQL)",
    "full_load": "full load",
    "delta_night": "delta night",
    "rerun": "rerun, nothing new",
    "empty_night": "empty night",
}
_PACKAGES = ("duckdb", "polars", "pyarrow", "dbt-core", "dbt-duckdb", "dagster", "great-expectations")
Rounds = Sequence[Mapping[str, Outcome]]


def write_report(path: Path, rounds: Rounds, facts: Mapping[str, str]) -> None:
    """Write the report.

    Args:
        path: the file.
        rounds: the outcomes of each round, by scenario.
        facts: what to say of data, day and machine, in order.
    """
    parts = [
        "# Benchmark report",
        "Written by `make bench`; what is measured and how is in [README.md](README.md).",
        "\n".join(f"- {name}: {value}" for name, value in {**machine(), **facts}.items()),
        "## What each scenario costs",
        f"Medians of {len(rounds)} rounds, lowest and highest in brackets.",
        _costs(rounds),
        "## Ratios within a round",
        _ratios(rounds),
        "## Where an empty night's time goes",
        "Seconds, medians. The fixed cost of any night: nothing has changed, everything is looked at.",
        _phases(rounds, ("empty_night", "rerun")),
        "## Where the time of a load goes",
        _phases(rounds, ("full_load", "delta_night")),
        "## dbt models of the full load and of the delta night",
        "Seconds as dbt tells them, medians; two models run at a time. Models below 0.5 s in both are left out.",
        _models(rounds, ("full_load", "delta_night")),
    ]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def machine() -> dict[str, str]:
    """The machine and the versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "machine": f"{os.cpu_count()} cores ({model}), {pages * size / 2**30:.0f} GiB, {platform.system()} {platform.release()}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
        ),
    }


def _costs(rounds: Rounds) -> str:
    measures = [
        ("wall", "wall s"),
        ("cpu", "CPU s"),
        ("peak_mib", "peak memory MiB"),
        ("written_mib", "written MiB"),
    ]
    rows = []
    for scenario, name in NAMES.items():
        costs = [taken[scenario].cost.as_dict() for taken in rounds if scenario in taken]
        if costs:
            landed = next(taken[scenario].rows for taken in rounds if scenario in taken)
            rows.append(
                [
                    name,
                    f"{landed:,}" if landed else "",
                    *(_spread([cost[key] for cost in costs]) for key, _ in measures),
                ]
            )
    return _table(["scenario", "rows landed", *(label for _, label in measures)], rows)


def _ratios(rounds: Rounds) -> str:
    rows = []
    for top, bottom in (
        ("full_load", "floor"),
        ("delta_night", "full_load"),
        ("rerun", "full_load"),
        ("empty_night", "full_load"),
    ):
        both = [taken for taken in rounds if top in taken and bottom in taken]
        if both:
            rows.append([
                f"{NAMES[top]} / {NAMES[bottom]}",
                *(_spread([getattr(taken[top].cost, key) / getattr(taken[bottom].cost, key) for taken in both], digits=3)
                  for key in ("wall", "cpu")),
            ])  # fmt: skip
    return _table(["ratio", "of wall time", "of CPU time"], rows)


def _phases(rounds: Rounds, scenarios: Sequence[str]) -> str:
    names: dict[str, None] = {}
    for taken in rounds:
        for scenario in scenarios:
            if scenario in taken:
                names.update(dict.fromkeys(taken[scenario].phases))
    details = dict.fromkeys(
        key for taken in rounds for scenario in scenarios if scenario in taken for key in taken[scenario].dbt
    )
    rows = [
        [name, *(_median_of(rounds, scenario, "phases", name) for scenario in scenarios)] for name in names
    ]
    rows += [
        [f"· of which {name}", *(_median_of(rounds, scenario, "dbt", name) for scenario in scenarios)]
        for name in details
    ]
    return _table(["phase", *(NAMES[scenario] for scenario in scenarios)], rows)


def _models(rounds: Rounds, scenarios: Sequence[str]) -> str:
    names = {
        model
        for taken in rounds
        for scenario in scenarios
        if scenario in taken
        for model in taken[scenario].models
    }
    rows = [
        [name, *(_median_of(rounds, scenario, "models", name) for scenario in scenarios)] for name in names
    ]
    shown = [row for row in rows if any(cell and float(cell) >= 0.5 for cell in row[1:])]
    return _table(
        ["model", *(NAMES[scenario] for scenario in scenarios)],
        sorted(shown, key=lambda row: -float(row[1] or 0)),
    )


def _median_of(rounds: Rounds, scenario: str, kind: str, name: str) -> str:
    values = [
        found[name]
        for taken in rounds
        if scenario in taken and name in (found := getattr(taken[scenario], kind))
    ]
    return f"{median(values):.1f}" if values else ""


def _spread(values: Sequence[float], digits: int = 1) -> str:
    text = f"{median(values):,.{digits}f}"
    return f"{text} ({min(values):,.{digits}f}-{max(values):,.{digits}f})" if len(values) > 1 else text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
