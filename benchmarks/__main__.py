"""`make bench`: five rounds of every scenario, and the report.

    python -m benchmarks                    ten million journal lines, an hour and 20 GB of disk
    python -m benchmarks --scale 10 --runs 1 --report /tmp/report.md

Belongs here: the order of the rounds. Does not: the scenarios (scenarios), the report's look (report).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import NAMES, write_report
from benchmarks.scenarios import Outcome, Workshop

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> None:
    """Run the rounds, write results.json after each and the report at the end."""
    given = _parse(arguments)
    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - started:7.0f} s  {text}", flush=True)

    workshop = Workshop(given.work, say)
    workshop.prepare(scale=given.scale, seed=given.seed, days=given.days)
    rounds: list[dict[str, Outcome]] = []
    for number in range(1, given.runs + 1):
        rounds.append(_round(workshop, number))
        results = [{name: outcome.as_dict() for name, outcome in taken.items()} for taken in rounds]
        (workshop.folder / "results.json").write_text(json.dumps(results, indent=1))
    files, size = workshop.size()
    loaded, news = rounds[0]["full_load"].rows, rounds[0]["delta_night"].rows
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load when it ended {os.getloadavg()[2]:.1f} (15 minutes)",
        "data": f"the demo company at scale {given.scale:g}, seed {given.seed}, {loaded:,} records in {files} files of "
                f"{size / 2**20:,.0f} MiB, as of {workshop.day()}",
        "delta": f"{given.days} days later, {news:,} records ({news / loaded:.1%} of the full load)",
        "checked": "the floor's marts equal the published ones in every row, key and amount; the rerun changed no byte of them",
    }  # fmt: skip
    write_report(given.report, rounds, facts)
    say(f"report: {given.report}")


def _round(workshop: Workshop, number: int) -> dict[str, Outcome]:
    """Every scenario once; the floor comes first in odd rounds and last in even ones."""
    order = ["full_load", "rerun", "empty_night", "delta_night"]
    order = ["floor", *order] if number % 2 else [*order, "floor"]
    taken: dict[str, Outcome] = {}
    for scenario in order:
        workshop.say(f"round {number}: {NAMES[scenario]} ...")
        outcome: Outcome = getattr(workshop, scenario)()
        taken[scenario] = outcome
        cost = outcome.cost
        workshop.say(
            f"round {number}: {NAMES[scenario]}: {cost.wall:.1f} s, CPU {cost.cpu:.1f} s, {cost.peak_mib:,.0f} MiB"
        )
    if number == 1:
        workshop.check_floor()
        workshop.say("the floor's marts equal the published ones")
    return taken


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--scale", type=float, default=366, help="size of the company; 366 has ten million journal lines"
    )
    parser.add_argument("--runs", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--days", type=int, default=5, help="days of news in the delta night (default 5: about one per cent)"
    )
    parser.add_argument(
        "--work", type=Path, default=HERE.parent / ".finance_sync" / "bench", help="folder for the data"
    )
    parser.add_argument("--report", type=Path, default=HERE / "report.md")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
