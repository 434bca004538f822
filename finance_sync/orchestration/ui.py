"""The Dagster UI on loopback, as one command that stops cleanly.

Belongs here: starting and stopping Dagster's own servers. Does not: what they show (definitions).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self
from urllib.error import URLError

from rich.console import Console

from finance_sync.errors import FinanceSyncError
from finance_sync.orchestration.instance import settings_environment, write_home
from finance_sync.settings import Settings, export

HOST = "127.0.0.1"
MODULE = "finance_sync.definitions"
_STOP_SECONDS = 30.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


def ui_command(*, port: int, read_only: bool) -> list[str]:
    """Command line of the servers.

    Read-only is the web server alone: nothing can be launched and no schedule ticks. Otherwise ``dagster
    dev`` brings the daemon with it, which the schedule, freshness and queued runs need.
    """
    place = ["-m", MODULE, "-h", HOST, "-p", str(port)]
    if read_only:
        return [sys.executable, "-m", "dagster_webserver", *place, "--read-only"]
    return [sys.executable, "-m", "dagster", "dev", *place]


def serve_ui(settings: Settings, *, port: int = 3000, read_only: bool = False) -> int:
    """Open the UI and stay until it ends or is interrupted (Ctrl-C or SIGTERM).

    Args:
        settings: whose data home is shown.
        port: on 127.0.0.1. Dagster has no login: do not put it on a network without one in front.
        read_only: look, do not touch.

    Returns:
        Exit code: 0 when stopped on purpose.

    Raises:
        FinanceSyncError: the port is taken, or dagster-webserver is not installed.
    """
    console = Console(soft_wrap=True)
    _check(port)
    home = write_home(settings)
    export(settings_environment(settings))
    log = home / "ui.log"
    url = f"http://{HOST}:{port}"
    console.print(f"starting the Dagster UI ({'read-only' if read_only else 'with schedule'}), log in {log}")
    with (
        log.open("ab") as output,
        _Servers(ui_command(port=port, read_only=read_only), output, home) as servers,
    ):
        if servers.answer(url):
            console.print(f"[bold]{url}[/bold]  stop with Ctrl-C")
        code = servers.wait()
    if servers.told_to_stop or code == 0:
        return 0
    console.print(f"the UI ended with code {code}; last lines of {log}:")
    console.print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), markup=False)
    return code


def _check(port: int) -> None:
    if importlib.util.find_spec("dagster_webserver") is None:
        raise FinanceSyncError("dagster-webserver is not installed", remedy="pip install 'finance-sync[ui]'")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise FinanceSyncError(
                f"port {port} is taken on {HOST}", remedy="stop what runs there, or give another --port"
            ) from error


class _Servers:
    """Dagster's servers in a process group of their own, which is gone when the context ends.

    The first Ctrl-C (or SIGTERM) asks them to stop, which takes some seconds; the second one, or half a minute,
    kills them.
    """

    def __init__(self, command: list[str], output: IO[bytes], folder: Path) -> None:
        self.told_to_stop = False
        self._process: subprocess.Popen[bytes] | None = None
        # Before they start: a signal that is handled here is at its default there, one that is ignored stays so.
        self._before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._signal_group(signal.SIGKILL)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def answer(self, url: str, seconds: float = 180.0) -> bool:
        """Wait until the web server answers; False when it ended instead, or took too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/server_info", timeout=2):  # noqa: S310 (loopback)
                    return True
            except (URLError, OSError):
                time.sleep(0.3)
        return False

    def wait(self) -> int:
        """Stay until they end; returns the exit code."""
        return self._process.wait() if self._process is not None else 0

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (a signal handler's signature)
        if self._process is None or self._process.poll() is not None:
            return
        if self.told_to_stop:
            self._signal_group(signal.SIGKILL)
        else:
            self.told_to_stop = True
            self._process.send_signal(signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, _STOP_SECONDS)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
