"""What a benchmark found: figures against their goals, tables and curves, kept as JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Goal:
    """A figure and what it should be; `most` says whether the goal is the most or the least it may be."""

    what: str
    measured: float
    goal: float
    unit: str = ""
    most: bool = True

    @property
    def ratio(self) -> float:
        """Measured over goal."""
        return self.measured / self.goal

    @property
    def reached(self) -> bool:
        """Whether the figure is on the right side of its goal, or at it."""
        return self.measured <= self.goal if self.most else self.measured >= self.goal


@dataclass(frozen=True)
class Table:
    """Rows of text or numbers under a head; the first column names the row."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | float]]


@dataclass(frozen=True)
class Plot:
    """Series name -> points (x, y); both axes are logarithmic where `log`."""

    name: str
    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[Sequence[float]]]
    log: bool = False


@dataclass(frozen=True)
class Report:
    """One run of one command. `section` is its part of the page; `machine` as `machine()` tells it."""

    section: str
    command: str
    machine: Mapping[str, str]
    goals: Sequence[Goal] = ()
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def machine(*packages: str) -> dict[str, str]:
    """What the figures depend on: processor, cores, memory, load, day, and versions of the packages that
    are installed here."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "day": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version}" for name in packages if (version := _version(name))),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def keep(report: Report, folder: Path = RESULTS) -> Path:
    """Write `folder/<section>.json` in place of the last one."""
    path = folder / f"{report.section}.json"
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return path


def read(path: Path) -> Report:
    """The report of a file; TypeError or KeyError where it is none."""
    plain: dict[str, Any] = json.loads(path.read_text())
    return Report(
        **plain
        | {
            "goals": [Goal(**each) for each in plain["goals"]],
            "tables": [Table(**each) for each in plain["tables"]],
            "plots": [Plot(**each) for each in plain["plots"]],
        }
    )
