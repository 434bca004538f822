"""The list of deliberate mistakes.

Belongs here: reading mutations.yaml, applying one to a text. Does not: running dbt (run.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("mutations.yaml")
PACKAGE = Path(__file__).resolve().parents[2] / "dbt_project"


@dataclass(frozen=True)
class Mutation:
    """One mistake: `find` in `file` (below the package's models) becomes `replace`."""

    control: str
    file: str
    find: str
    replace: str
    mistake: str
    test: str = ""

    @property
    def model(self) -> str:
        """The model whose unit tests have to notice."""
        return Path(self.file).stem

    @property
    def selection(self) -> str:
        """The unit tests that run, as dbt selects them."""
        return self.test or f"{self.model},test_type:unit"

    def path(self, package: Path = PACKAGE) -> Path:
        return package / "models" / self.file

    def apply(self, text: str) -> str:
        """The text with the mistake.

        Raises:
            ValueError: `find` is not there exactly once, or nothing would change.
        """
        if (times := text.count(self.find)) != 1:
            raise ValueError(f"{self.control}, {self.file}: found {times} times, not once: {self.find!r}")
        if self.find == self.replace:
            raise ValueError(f"{self.control}, {self.file}: no mistake in {self.find!r}")
        return text.replace(self.find, self.replace)


def mutations(only: Iterable[str] = ()) -> list[Mutation]:
    """The mistakes in the order of the list; of some controls only when they are named."""
    wanted = set(only)
    document = yaml.safe_load(LIST.read_text())
    found = []
    for control, rows in document["controls"].items():
        for row in rows:
            file = row.get("file", f"reconciled/rec_{control.lower()}.sql")
            if not wanted or control in wanted:
                found.append(
                    Mutation(control, file, row["find"], row["replace"], row["mistake"], row.get("test", ""))
                )
    return found


def rounds(items: Iterable[Mutation]) -> list[list[Mutation]]:
    """Mistakes that can be made at the same time: no two in one model.

    A unit test states all inputs of its model, so it sees the mistake in that model and no other.
    """
    by_model: dict[str, list[Mutation]] = defaultdict(list)
    for item in items:
        by_model[item.model].append(item)
    return [[item for item in layer if item] for layer in zip_longest(*by_model.values())]
