"""The floor's marts against the published ones, row by row.

Belongs here: the comparison. Does not: computing either side.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.floor import LOG_CONTROLS, MARTS, WORDS
from finance_sync.warehouse.slices import published_files


def differences(published: Path, floor: Path) -> dict[str, str]:
    """Where the two publications differ.

    Args:
        published: folder with the pipeline's Parquet files.
        floor: folder with the floor's.

    Returns:
        mart -> what differs, in words with the first differing row; empty when every row of every mart is on both sides
        with the same keys and amounts. WORDS and the rows of LOG_CONTROLS are not compared.
    """
    found = {}
    files = published_files(published)
    with duckdb.connect() as connection:
        for mart in MARTS:
            left, right = f"read_parquet({[str(path) for path in files[mart]]})", f"'{floor / mart}.parquet'"
            columns = {
                name: kind
                for name, kind in connection.execute(
                    f"select column_name, column_type from (describe from {left})"
                ).fetchall()
                if name not in WORDS
            }
            own = {row[0] for row in connection.execute(f"describe from {right}").fetchall()}
            if own != set(columns):
                found[mart] = f"other columns: {sorted(own ^ set(columns))}"
                continue
            selected = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
            kept = f"where control_id not in {LOG_CONTROLS}" if "control_id" in columns else ""
            for side, one, other in (("only published", left, right), ("only in the floor", right, left)):
                rest = f"select {selected} from {one} {kept} except all select {selected} from {other} {kept}"
                rows = connection.execute(
                    f"select count(*), any_value(rest) from ({rest}) as rest"
                ).fetchall()
                if rows[0][0]:
                    found[mart] = f"{rows[0][0]} rows are {side}, e.g. {rows[0][1]}"
                    break
    return found
