"""The process that judges: imports Great Expectations early, then waits for requests on its standard input.

Belongs here: the loop of the child process. Does not: starting it (process), judging (judge). Run by
process.JudgeProcess as ``python -m finance_sync.controls.worker``; one JSON request per line in, one JSON
answer per line out.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from datetime import date
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Serve until standard input ends; then the parent is gone, and the process leaves at once."""
    # Whatever a library prints must not run into the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, requests), daemon=True).start()

    _rehearse()
    while True:
        answer = json.dumps(_answer(json.loads(requests.get())))
        answers.write(answer + "\n")
        answers.flush()


def _rehearse() -> None:
    """Import all there is to import and judge one row in memory, so that the first request finds it warm."""
    from finance_sync.catalog.product import canonical_objects, controls
    from finance_sync.controls.connection import ConnectionInfo
    from finance_sync.controls.gx import Judge

    controls()
    canonical_objects()
    expectation = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "status"},
        "meta": {},
    }
    with Judge(ConnectionInfo(engine="duckdb", path=":memory:", read_only=False)) as gx:
        gx.validate("main", "rehearsal", [expectation], query="select 1 as status")


def _listen(source: TextIO, requests: queue.Queue[str]) -> None:
    for line in source:
        requests.put(line)
    # A killed parent must not leave a reader behind that holds the warehouse's lock.
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from finance_sync.controls.connection import ConnectionInfo
    from finance_sync.controls.judge import judge_checks
    from finance_sync.controls.suites import load_checks
    from finance_sync.errors import FinanceSyncError

    try:
        results = judge_checks(
            load_checks(Path(request["expectations"]), request["areas"]),
            as_of=date.fromisoformat(request["as_of"]),
            connection=ConnectionInfo.from_json(request["connection"]),
        )
    except FinanceSyncError as error:
        return {"error": error.message, "remedy": error.remedy}
    except Exception as error:  # noqa: BLE001 (the parent raises it)
        return {"error": f"{type(error).__name__}: {error}", "remedy": traceback.format_exc(limit=-3)}
    return {"results": [result.to_json() for result in results]}


if __name__ == "__main__":
    main()
