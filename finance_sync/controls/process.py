"""Judging in another process, started early, so that importing Great Expectations costs no time of the run.

Belongs here: the parent's side. Does not: the child's loop (worker), judging (judge).

Why a process and not a thread: importing is Python work under the interpreter's lock; beside a busy main
thread it makes the run longer by its full length. On a second core it is free.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from types import TracebackType
from typing import IO, Any, Self

from finance_sync.controls.connection import ConnectionInfo
from finance_sync.controls.connection import connection_info as settings_connection
from finance_sync.controls.results import CheckResult
from finance_sync.errors import FinanceSyncError, WarehouseError
from finance_sync.settings import PROJECT_ROOT, Settings


def warm_up(settings: Settings) -> JudgeProcess:
    """Start the judging process now; it imports what it needs while the caller goes on.

    Returns:
        A process to ask with ``judge`` and to ``close``; usable as a context manager.
    """
    return JudgeProcess(settings)


class JudgeProcess:
    """A child process with Great Expectations loaded.

    On DuckDB the warehouse must not be open for writing when ``judge`` is called: close the writer first. The
    child opens the file read-only and has let go of it when ``judge`` returns.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "finance_sync.controls.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            cwd=PROJECT_ROOT,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def judge(
        self,
        *,
        areas: Iterable[str] | None = None,
        as_of: date,
        connection_info: ConnectionInfo | None = None,
        timeout_seconds: float = 3600,
    ) -> list[CheckResult]:
        """As judge.judge, in the child process; one caller at a time.

        Args:
            areas: control areas, ``canonical`` or ``marts``; None judges everything.
            as_of: business date of the run.
            connection_info: address of the warehouse; None takes the settings', read-only.
            timeout_seconds: how long to wait for the answer.

        Raises:
            FinanceSyncError: an area or a suite does not exist.
            WarehouseError: the process ended or does not answer.
        """
        connection = connection_info or settings_connection(self._settings)
        request = {
            "expectations": str(self._settings.expectations_dir),
            "areas": None if areas is None else list(areas),
            "as_of": as_of.isoformat(),
            "connection": connection.to_json(),
        }
        answer = self._ask(json.dumps(request), timeout_seconds)
        if "error" in answer:
            raise FinanceSyncError(answer["error"], remedy=answer["remedy"])
        return [CheckResult.from_json(row) for row in answer["results"]]

    def close(self) -> None:
        """End the process; may be called again."""
        if self._process.stdin is not None:
            # Closing flushes, which a child that died in the middle of a request no longer takes.
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _ask(self, request: str, timeout_seconds: float) -> dict[str, Any]:
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise WarehouseError("the judging process was closed", remedy="start another with `warm_up`")
        try:
            stdin.write(request + "\n")
            stdin.flush()
            line = self._answers.get(timeout=timeout_seconds)
        except BrokenPipeError:
            line = ""
        except queue.Empty as error:
            raise WarehouseError(
                f"the judging process did not answer within {timeout_seconds:g} seconds",
                remedy="look for a lock on the warehouse, then run again",
            ) from error
        if not line:
            code = self._process.wait(timeout=10)
            raise WarehouseError(
                f"the judging process ended (exit code {code}): {self._last_words()}",
                remedy="look for memory pressure; the message above is its last",
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _listen(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put("")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else "it said nothing"
