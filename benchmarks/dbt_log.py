"""Where the time of a build went, from dbt's own log in the data home.

Belongs here: reading the log. Does not: measuring (measure), showing (report).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

_LINE = re.compile(r"^(\d\d:\d\d:\d\d\.\d+) \[\w+ *\] \[[^]]*\]: (.*)$")
_MODEL = re.compile(r"OK created sql (?:table|view|incremental) model (\S+) .*in ([\d.]+)s\]")
_TEST = re.compile(r"PASS \S+ .*in ([\d.]+)s\]")


@dataclass
class Invocation:
    """One dbt run.

    Attributes:
        start: seconds until its first node began (adapter, selection, parsing of what changed).
        nodes: seconds from its first node to the end.
        models: model -> seconds; several run at a time.
        tests: seconds of all tests together.
    """

    start: float = 0
    nodes: float = 0
    models: dict[str, float] = field(default_factory=dict)
    tests: float = 0


def read_log(path: Path) -> list[Invocation]:
    """The invocations in a dbt log, oldest first."""
    found: list[Invocation] = []
    begun = first = datetime.min  # noqa: DTZ901 (times of one day)
    for line in path.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        at, text = datetime.strptime(match[1], "%H:%M:%S.%f"), match[2]  # noqa: DTZ007
        if text.startswith("Running with dbt"):
            found.append(Invocation())
            begun = at
        elif not found:
            continue
        elif text.startswith("Concurrency"):
            first = at
            found[-1].start = (at - begun).total_seconds() % 86400
        elif text.startswith("Finished running"):
            found[-1].nodes = (at - first).total_seconds() % 86400
        elif model := _MODEL.search(text):
            found[-1].models[model[1]] = float(model[2])
        elif test := _TEST.search(text):
            found[-1].tests += float(test[1])
    return found
