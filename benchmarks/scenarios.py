"""The scenarios, each one measured command on a data home that was prepared for it.

Belongs here: preparing homes, running, checking that the run did what it should. Does not: repeating and reporting (__main__).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.compare import differences
from benchmarks.dbt_log import read_log
from benchmarks.measure import Cost, measure
from finance_sync.settings import PROJECT_ROOT

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """One measured scenario.

    Attributes:
        cost: what the command cost.
        rows: records landed.
        phases: seconds of each phase by the run's own summary (empty for the floor).
        models: dbt models and their seconds.
        dbt: seconds of dbt's own start and of its nodes, per layer.
    """

    cost: Cost
    rows: int = 0
    phases: dict[str, float] = field(default_factory=dict)
    models: dict[str, float] = field(default_factory=dict)
    dbt: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Workshop:
    """The folder in which a benchmark runs.

    ``source`` and ``later`` hold the company's files, on the day and some days later; ``loaded`` is a data home after its full
    load; ``home`` is the one that is measured. All runs use the same path, so that nothing has to be parsed anew for it.

    Args:
        folder: where.
        say: told what is being done.
    """

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder = folder.resolve()
        self.say = say
        self.deployment = self.folder / "deployment"
        self.home = self.folder / "home"
        self._loaded = self.folder / "loaded"

    def prepare(self, *, scale: float, seed: int, days: int) -> None:
        """Generate the company's files, unless those of this seed and scale are there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source, later = self.folder / "source", self.folder / "later"
        wanted = {"seed": seed, "scale": scale, "company": _company()}
        made_source = self.folder / "source.json"
        if not (
            _holds(made_source, wanted)
            and self.deployment.exists()
            and (source / "sandbox" / "today.txt").exists()
        ):
            made_source.unlink(missing_ok=True)
            self.say(
                f"generating the company at scale {scale:g} (ten million journal lines take a minute or two)"
            )
            shutil.rmtree(source, ignore_errors=True)
            self._generate("create", source, "--seed", str(seed), "--scale", str(scale))
            made_source.write_text(json.dumps(wanted))
        made = self.folder / "later.json"
        if not _holds(made, {**wanted, "days": days}):
            self.say(f"letting {days} days pass in a copy of it")
            shutil.rmtree(later, ignore_errors=True)
            _copy(source, later)
            self._generate("advance", later, "--days", str(days))
            made.write_text(json.dumps({**wanted, "days": days}))
        shutil.rmtree(self._loaded, ignore_errors=True)

    def _generate(self, step: str, home: Path, *more: str) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.generate",
            step,
            "--home",
            str(home),
            "--deployment",
            str(self.deployment),
        ]
        subprocess.run([*command, *more], check=True, stdout=subprocess.DEVNULL)

    def day(self, name: str = "source") -> date:
        """Business date of the company's files."""
        return date.fromisoformat((self.folder / name / "sandbox" / "today.txt").read_text().strip())

    def size(self, name: str = "source") -> tuple[int, int]:
        """Files and bytes of the company."""
        files = [path for path in (self.folder / name / "sandbox").rglob("*") if path.is_file()]
        return len(files), sum(path.stat().st_size for path in files)

    # ------------------------------------------------------------------------------------------------------ scenarios

    def floor(self) -> Outcome:
        """The marts by hand-written SQL from the same files."""
        command = [
            sys.executable, "-m", "benchmarks.floor", "--source", str(self.folder / "source" / "sandbox"),
            "--deployment", str(self.deployment), "--target", str(self.folder / "floor"), "--as-of", self.day().isoformat(),
        ]  # fmt: skip
        return Outcome(measure(command, log=self.folder / "floor.log"))

    def full_load(self) -> Outcome:
        """A night on a new data home."""
        shutil.rmtree(self.home, ignore_errors=True)
        _copy(self.folder / "source", self.home)
        outcome = self._night("full load")
        if not self._loaded.exists():
            _copy(self.home, self._loaded)
        return outcome

    def rerun(self) -> Outcome:
        """The same night again; its home is the one that `full_load` left."""
        before = self.published()
        outcome = self._night("rerun")
        if outcome.rows or self.published() != before:
            raise AssertionError(
                f"a rerun with nothing new landed {outcome.rows} rows or changed the publication"
            )
        return outcome

    def empty_night(self) -> Outcome:
        """The next business day, on which nothing happened at the sources."""
        outcome = self._night("empty night", "--as-of", (self.day() + timedelta(days=1)).isoformat())
        if outcome.rows:
            raise AssertionError(f"an empty night landed {outcome.rows} rows")
        return outcome

    def delta_night(self) -> Outcome:
        """A night with about one per cent of news, on a loaded home."""
        shutil.rmtree(self.home, ignore_errors=True)
        _copy(self._loaded, self.home)
        shutil.rmtree(self.home / "sandbox")
        _copy(self.folder / "later" / "sandbox", self.home / "sandbox")
        return self._night("delta night")

    def check_floor(self) -> None:
        """The floor's marts equal those of the full load.

        Raises:
            AssertionError: they do not; says where.
        """
        if wrong := differences(self._loaded / "publish" / "current" / "marts", self.folder / "floor"):
            raise AssertionError(f"the floor differs from the published marts: {wrong}")

    def published(self) -> dict[str, str]:
        """File -> SHA-256 of what is published in the home."""
        current = (self.home / "publish" / "current").resolve()
        return {
            str(path.relative_to(current)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(current.rglob("*"))
            if path.is_file()
        }

    def _night(self, name: str, *options: str) -> Outcome:
        log, log_dbt = (
            self.folder / f"{name.replace(' ', '_')}.log",
            self.home / "dbt" / "duckdb" / "logs" / "dbt.log",
        )
        log_dbt.unlink(missing_ok=True)
        command = _command(self.home, self.deployment, options)
        cost = measure(command, log=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        text = log.read_text()
        summary = json.loads(text[text.index("\n{") :])
        if summary["technical"] or summary["blocked_by"]:
            raise AssertionError(f"{name}: {summary['technical'] or summary['blocked_by']}")
        phases = {key: float(value) for key, value in summary["seconds"].items()}
        phases["before and after (interpreter, imports)"] = cost.wall - phases.pop("total")
        layers = read_log(log_dbt) if log_dbt.exists() else []  # a night that builds nothing starts no dbt
        models = {model: seconds for layer in layers for model, seconds in layer.models.items()}
        dbt = {
            f"{what} of {_layer(layer.models)}": seconds
            for layer in layers
            for what, seconds in (("dbt's start", layer.start), ("models and tests", layer.nodes))
        }
        return Outcome(cost, sum(item["rows"] for item in summary["objects"]), phases, models, dbt)


def _command(home: Path, deployment: Path, options: Sequence[str]) -> list[str]:
    program = Path(sys.executable).parent / "finance-sync"
    return [str(program), "--home", str(home), "--deployment", str(deployment), *options, "run", "--json"]


def _layer(models: Mapping[str, float]) -> str:
    return "canonical" if any(name.startswith("canonical.") for name in models) else "reconciled and marts"


def _company() -> str:
    """Hash of everything that makes the company and its deployment: a changed one is generated anew."""
    digest = hashlib.sha256()
    for folder in (PROJECT_ROOT / "finance_sync" / "sandbox", PROJECT_ROOT / "data" / "demo"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _holds(path: Path, wanted: dict[str, Any]) -> bool:
    return path.exists() and wanted.items() <= json.loads(path.read_text()).items()


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
