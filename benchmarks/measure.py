"""What a command costs: wall time, CPU time, peak memory of its whole process tree, bytes written.

Belongs here: measuring one command. Does not: scenarios (run) or data (generate).
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """Cost of one command.

    Attributes:
        wall: seconds.
        cpu: seconds of user and system time, children included.
        peak_mib: largest resident memory of the process tree, sampled every 50 ms.
        written_mib: what reached the disk, children included.
    """

    wall: float
    cpu: float
    peak_mib: float
    written_mib: float

    def as_dict(self) -> dict[str, float]:
        """Plain numbers, for JSON."""
        return asdict(self)


class CommandFailedError(RuntimeError):
    """The measured command ended with an error; its output is in the message."""


def measure(command: Sequence[str], *, env: Mapping[str, str] | None = None, log: Path) -> Cost:
    """Run a command to its end and say what it cost.

    Args:
        command: program and arguments.
        env: environment, default this process's.
        log: file that takes its output.

    Raises:
        CommandFailedError: exit status is not 0.
    """
    os.sync()  # what the preparation wrote must not be written out in the command's time
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command), stdout=output, stderr=subprocess.STDOUT, env=dict(env) if env else None
        )
        peak = [0]
        stop = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, peak, stop), daemon=True)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        stop.set()
        sampler.join()
    if process.returncode:
        tail = log.read_text(errors="replace")[-3000:]
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak[0] / 2**20, usage.ru_oublock * 512 / 2**20)


def _sample(pid: int, peak: list[int], stop: threading.Event) -> None:
    while not stop.wait(_SAMPLE_SECONDS):
        peak[0] = max(peak[0], sum(_resident(member) for member in _tree(pid)))


def _tree(pid: int) -> list[int]:
    """The process and all its descendants that are alive."""
    members = [pid]
    for member in members:
        try:
            for task in Path(f"/proc/{member}/task").iterdir():
                members += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it ended while we looked
            continue
    return members


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:  # it ended while we looked
        return 0
