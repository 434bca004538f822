"""The Dagster UI on loopback, as one command that stops cleanly.

Belongs here: starting and stopping Dagster's own servers. Does not: what they show (definitions).
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from types import FrameType
from urllib.error import URLError

from rich.console import Console

from finance_sync.errors import FinanceSyncError
from finance_sync.orchestration.instance import settings_environment, write_home
from finance_sync.settings import Settings, export

HOST = "127.0.0.1"
MODULE = "finance_sync.definitions"
_STOP_SECONDS = 30.0


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
    console = Console()
    _check(port)
    home = write_home(settings)
    export(settings_environment(settings))
    log = home / "ui.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
            ui_command(port=port, read_only=read_only),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            start_new_session=True,
        )
        stopped = _forward_signals(process)
        url = f"http://{HOST}:{port}"
        console.print(
            f"starting the Dagster UI ({'read-only' if read_only else 'with schedule'}), log in {log}"
        )
        if _wait(process, url):
            console.print(f"[bold]{url}[/bold]  stop with Ctrl-C")
        code = process.wait()
    if stopped or code == 0:
        return 0
    console.print(f"the UI ended with code {code}; last lines of {log}:")
    console.print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), markup=False)
    return code


def _check(port: int) -> None:
    import importlib.util

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


def _forward_signals(process: subprocess.Popen[bytes]) -> list[int]:
    """Stop the servers when we are told to stop; returns the list that then holds the signal."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        first = not received
        received.append(number)
        if process.poll() is None:
            # Dagster's servers stop their children on SIGINT; the second Ctrl-C does not wait for that.
            process.send_signal(signal.SIGINT if first else signal.SIGKILL)
            if first:
                signal.setitimer(signal.ITIMER_REAL, _STOP_SECONDS)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, stop)
    return received


def _wait(process: subprocess.Popen[bytes], url: str, seconds: float = 120.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=2):  # noqa: S310 (loopback)
                return True
        except (URLError, OSError):
            time.sleep(0.3)
    return False
