"""Makes the mistakes of mutations.yaml and prints which unit test caught each: `python -m tests.mutation [--engine postgres] [C07 ...]`.

Belongs here: one project, built empty once; rounds of mistakes; the table. Does not: the list (mutations.yaml).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.mutation.catalog import PACKAGE, Mutation, mutations, rounds
from tests.unit.dbt.unit_project import UnitProject


def model_of_tests() -> dict[str, str]:
    """Unit test name -> the model it tests."""
    documents = (yaml.safe_load(path.read_text()) for path in (PACKAGE / "models").rglob("*.yml"))
    return {test["name"]: test["model"] for document in documents for test in document.get("unit_tests", [])}


def run_round(project: UnitProject, layer: Sequence[Mutation]) -> dict[Mutation, tuple[str, str]]:
    """Mistake -> (unit tests that failed, errors that are none of a comparison)."""
    originals = {item.path(project.root): item.path(project.root).read_text() for item in layer}
    try:
        for item in layer:
            path = item.path(project.root)
            path.write_text(item.apply(originals[path]))
        results = project.unit_tests(*(item.selection for item in layer))
    finally:
        for path, text in originals.items():
            path.write_text(text)
    models = model_of_tests()
    found = {}
    for item in layer:
        mine = {name: result for name, result in results.items() if models[name] == item.model}
        caught = ", ".join(sorted(name for name, (status, _) in mine.items() if status == "fail"))
        odd = [
            f"{name}: {message}" for name, (status, message) in mine.items() if status not in {"pass", "fail"}
        ]
        found[item] = (caught, "\n".join(odd))
    return found


def main(arguments: Sequence[str]) -> int:
    """The table; 0 when every mistake is caught by a comparison of rows, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--engine", choices=("duckdb", "postgres"), default="duckdb")
    parser.add_argument("controls", nargs="*", help="numbers of controls; default all")
    options = parser.parse_args(arguments)
    chosen = mutations(options.controls)
    for item in chosen:
        item.apply(item.path().read_text())
    started = time.monotonic()
    found: dict[Mutation, tuple[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="finance_sync_mutation_") as folder:
        project = UnitProject(Path(folder) / "project", options.engine)
        project.build_empty()
        for layer in rounds(chosen):
            found.update(run_round(project, layer))
    print("| control | mistake | caught by |\n|---|---|---|")
    for item in chosen:
        caught, odd = found[item]
        print(
            f"| {item.control} | {item.mistake} | {caught or '**nothing**'}{' (does not run)' if odd else ''} |"
        )
    for item in chosen:
        if found[item][1]:
            print(f"\n{item.control}, {item.mistake}: does not run\n{found[item][1]}")
    wrong = [item for item in chosen if found[item][1] or not found[item][0]]
    seconds = time.monotonic() - started
    print(
        f"\n{len(chosen)} mistakes, {len(chosen) - len(wrong)} caught, {len(wrong)} not; {seconds:.0f} s on {options.engine}."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
