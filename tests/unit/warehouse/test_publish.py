"""A publication that takes over what did not move is the one that would be made from nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finance_sync.catalog import Deployment, load_deployment
from finance_sync.settings import Settings, load_settings
from finance_sync.warehouse.engine import open_warehouse
from finance_sync.warehouse.project import Prepared
from finance_sync.warehouse.publish import Publication, publish, read_published
from finance_sync.warehouse.slices import literal, published_files

TINY = Path(__file__).parents[2] / "deployments" / "tiny"
MODELS = {
    "mart_movement": {"sort": ["id"], "slice": "period"},
    "mart_cell": {"sort": ["id"]},
    "mart_nothing": {"sort": ["id"], "slice": "period"},
}
Row = tuple[int, str, str | None, Decimal]


class Home:
    """A data home whose warehouse holds three small marts; the deployment is the smallest one."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = load_settings(
            home=folder, deployment=TINY, sources={"TINY_DIR": str(TINY / "sources")}
        )
        self.deployment: Deployment = load_deployment(self.settings)
        manifest = folder / "manifest.json"
        folder.mkdir(parents=True, exist_ok=True)
        nodes: dict[str, Any] = {
            name: {
                "name": name, "alias": name, "schema": "marts", "resource_type": "model",
                "config": {"meta": {"publish": True, **meta}},
            }
            for name, meta in MODELS.items()
        }  # fmt: skip
        manifest.write_text(json.dumps({"nodes": nodes}))
        self.models = "models as they are"
        self.manifest = manifest

    def publish(self, **tables: list[Row]) -> Publication:
        """Build the marts with these rows, and publish them."""
        warehouse = open_warehouse(self.settings)
        for name in MODELS:
            warehouse.execute(
                f"create or replace table marts.{name} (id bigint, period varchar, note varchar, amount decimal(18,4))"
            )
            if rows := tables.get(name):
                values = ", ".join(
                    f"({n}, '{period}', {'null' if note is None else literal(note)}, {amount})"
                    for n, period, note, amount in rows
                )
                warehouse.execute(f"insert into marts.{name} values {values}")
        warehouse.close()
        return publish(
            self.settings, self.deployment, Prepared(self.manifest.parent, self.manifest, self.models)
        )

    def shown(self, name: str) -> list[Row]:
        """What readers get."""
        found = read_published(self.settings, f"select * from {name}").to_pylist()
        return ordered([tuple(row.values()) for row in found])

    def files(self, name: str) -> dict[str, Path]:
        """Its Parquet files by name."""
        return {
            path.name: path for path in published_files(self.settings.publish_dir / "current" / "marts")[name]
        }


def ordered(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=repr)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def rows_of(chance: random.Random, count: int) -> list[Row]:
    return [
        (n, f"STD-2026-{chance.randrange(1, 7):02}", chance.choice([None, "", "a'b"]), Decimal(chance.randrange(9**9)).scaleb(-4))
        for n in range(count)
    ]  # fmt: skip


def test_nights_equal_one_publication_from_nothing(home: Home, tmp_path: Path) -> None:
    chance = random.Random(3)
    movements, cells = rows_of(chance, 400), rows_of(chance, 40)
    home.publish(mart_movement=movements, mart_cell=cells)
    for night in range(6):
        # some rows of one period change, go or come; on some nights a period goes as a whole
        period = f"STD-2026-{chance.randrange(1, 7):02}"
        kept = [row for row in movements if row[1] != period or chance.random() < 0.5]
        movements = [row if row[1] != period else (row[0], row[1], row[2], row[3] + night) for row in kept]
        if night % 3 == 2:
            movements = [row for row in movements if row[1] != period]
        else:
            movements += [(1000 * (night + 1) + n, period, None, Decimal(n)) for n in range(5)]
        nothing = [(1, "STD-2026-01", "x", Decimal(1))] if night in {1, 3, 4} else []
        tables = {"mart_movement": movements, "mart_cell": cells[night:], "mart_nothing": nothing}
        done = home.publish(**tables)
        again = Home(tmp_path / f"anew{night}")
        assert again.publish(**tables).version == done.version
        for name, rows in tables.items():
            assert home.shown(name) == ordered(rows) == again.shown(name)
            assert done.tables[name] == len(rows)
            with duckdb.connect() as connection:
                paths = [str(path) for path in home.files(name).values()]
                found = connection.execute("select * from read_parquet(?)", [paths]).fetchall()
            assert ordered(found) == ordered(rows)


def test_only_what_moved_is_written(home: Home) -> None:
    rows = rows_of(random.Random(1), 100)
    first = home.publish(mart_movement=rows, mart_cell=rows)
    before = {name: path.stat().st_ino for name, path in home.files("mart_movement").items()}
    cells = home.files("mart_cell")["mart_cell.parquet"].stat().st_ino
    moved = [row if row[1] != "STD-2026-03" else (*row[:3], row[3] + 1) for row in rows]
    second = home.publish(mart_movement=moved, mart_cell=list(reversed(rows)))
    after = {name: path.stat().st_ino for name, path in home.files("mart_movement").items()}
    assert second.version != first.version
    assert {name for name in before if before[name] != after[name]} == {"STD-2026-03.parquet"}
    assert home.files("mart_cell")["mart_cell.parquet"].stat().st_ino == cells
    # other models may give the same rows other columns: nothing is taken over
    home.models = "models with a change"
    home.publish(mart_movement=[*moved, (999, "STD-2026-05", None, Decimal(1))], mart_cell=rows)
    third = {name: path.stat().st_ino for name, path in home.files("mart_movement").items()}
    assert not set(third.values()) & set(after.values())


def test_the_same_content_is_the_same_version(home: Home) -> None:
    rows = rows_of(random.Random(2), 50)
    first = home.publish(mart_movement=rows)
    again = home.publish(mart_movement=list(reversed(rows)))
    assert again.unchanged
    assert again.version == first.version
    assert again.tables == first.tables == {"mart_cell": 0, "mart_movement": 50, "mart_nothing": 0}


def test_a_note_of_another_version_is_no_base(home: Home) -> None:
    """A run that was killed between the swap and the note leaves a note of the version before."""
    rows = rows_of(random.Random(4), 50)
    home.publish(mart_movement=rows)
    note = home.settings.publish_dir / "source.json"
    old = note.read_text()
    moved = [(*row[:3], row[3] + 1) for row in rows]
    home.publish(mart_movement=moved)
    note.write_text(old)
    home.publish(mart_movement=rows)
    assert home.shown("mart_movement") == ordered(rows)
