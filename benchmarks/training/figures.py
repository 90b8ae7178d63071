"""What was measured of training, kept by size, and the report that it makes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.report import RESULTS, Goal, Plot, Report, Table
from benchmarks.turns import ratio

FOLDER = RESULTS / "train"
BASE = "implicit"
MOST_TIME = 0.40
MOST_MEMORY = 600.0
IN_C = {"S": 0.18, "M": 0.16, "L": 0.25}
"""Plain C to implicit, as it was measured once on a quiet machine of this kind."""


class Run(NamedTuple):
    """Seconds by the wall clock and of the processors, MB above the data, processors at hand."""

    seconds: float
    cpu: float
    peak: float
    threads: float


@dataclass(frozen=True)
class Measured:
    """All runs on one size, by what ran. `products` are the squares of users' numbers of movies, added up."""

    size: str
    users: int
    movies: int
    interactions: int
    products: int
    machine: Mapping[str, str]
    runs: Mapping[str, Sequence[Run]]

    def middle(self, name: str, field: str) -> float:
        """The median of a figure of what ran."""
        return float(median(getattr(run, field) for run in self.runs[name]))

    def ratio(self, name: str, field: str) -> float:
        """The median over the rounds to that of `BASE` in the same round; NaN where it did not run."""
        pairs = list(zip(self.runs[name], self.runs.get(BASE, ()), strict=False))
        if not pairs:
            return float("nan")
        return ratio([getattr(a, field) for a, _ in pairs], [getattr(b, field) for _, b in pairs])


def keep(measured: Measured, folder: Path = FOLDER) -> None:
    """Write `folder/<size>.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = asdict(measured) | {
        "runs": {name: [run._asdict() for run in runs] for name, runs in measured.runs.items()}
    }
    (folder / f"{measured.size}.json").write_text(json.dumps(plain, indent=1) + "\n")


def kept(folder: Path = FOLDER) -> list[Measured]:
    """All sizes that were measured, the smallest first."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    each = [
        Measured(**plain | {"runs": {n: [Run(**run) for run in runs] for n, runs in plain["runs"].items()}})
        for plain in found
    ]
    return sorted(each, key=lambda measured: measured.interactions)


def training(sizes: Sequence[Measured]) -> Report:
    """The section of the page; of the largest size's machine, with the days of all."""
    days = {
        f"{each.size} measured": f"{each.machine['day']} at load {each.machine['load before']}"
        for each in sizes
    }
    facts = {name: text for name, text in sizes[-1].machine.items() if name not in ("day", "load before")}
    return Report(
        "train",
        "make bench-train",
        facts | days,
        goals=[goal for each in sizes for goal in _goals(each)],
        tables=[*map(_table, sizes), _growth_table(sizes)],
        plots=[
            _growth("seconds", "s of CPU", sizes),
            _growth("memory", "MB above the data", sizes),
        ],
        notes=_notes(sizes),
    )


def _when(machine: Mapping[str, str]) -> str:
    return f"{machine['day']} at load {machine['load before']}"


def _goals(each: Measured) -> list[Goal]:
    if each.size == "S":
        return []
    speed = Goal(f"fit on {each.size}, of {BASE}'s time", each.ratio("ours", "seconds"), MOST_TIME)
    memory = Goal(f"memory of the fit on {each.size}", each.middle("ours", "peak"), MOST_MEMORY, "MB")
    return [speed, memory] if each.size == "L" else [speed]


def _table(each: Measured) -> Table:
    names = sorted(each.runs, key=lambda name: (name.startswith("ours,"), each.ratio(name, "seconds")))
    rows: list[tuple[str | float, ...]] = [
        (
            name,
            each.ratio(name, "seconds"),
            each.ratio(name, "cpu"),
            *(each.middle(name, field) for field in ("seconds", "cpu", "peak")),
            str(len(each.runs[name])),
        )
        for name in names
    ]
    head = ("", f"s / {BASE}'s", f"CPU / {BASE}'s", "s", "s of CPU", "MB above the data", "runs")
    title = (
        f"{each.size}: {each.interactions:,} interactions of {each.users:,} users with {each.movies:,} movies"
    )
    return Table(title, head, rows)


def _growth_table(sizes: Sequence[Measured]) -> Table:
    """Whether time grows as the products do, and memory as the interactions."""
    rows = [
        (
            each.size,
            each.interactions / 1e6,
            each.products / 1e9,
            each.middle("ours", "cpu"),
            each.middle("ours", "cpu") / each.products * 1e9,
            each.middle("ours", "peak"),
            each.middle("ours", "peak") / each.interactions * 1e6,
        )
        for each in sizes
    ]
    head = ("", "million interactions", "G products", "s of CPU", "s / G products", "MB", "MB / million")
    return Table("Growth of our fit", head, rows)


def _growth(name: str, unit: str, sizes: Sequence[Measured]) -> Plot:
    field = {"seconds": "cpu", "memory": "peak"}[name]
    libraries = [name for name in sizes[0].runs if not name.startswith("ours,")]
    series = {
        library: [(each.interactions, each.middle(library, field)) for each in sizes if library in each.runs]
        for library in libraries
    }
    return Plot(f"train-{name}", f"Training over S, M, L: {unit}", "interactions", unit, series, log=True)


def _notes(sizes: Sequence[Measured]) -> list[str]:
    in_c = ", ".join(f"{each.size} {IN_C[each.size]:.2f}" for each in sizes)
    return [
        f"Plain C, once, on a quiet machine of this kind, to {BASE}: {in_c}.",
        "All neighbours of all libraries were equal up to ties (similarities within 2e-5).",
        "From the matrix in memory to 50 neighbours of each movie. LensKit does not take off each movie's "
        "mean here, and the building of its data set is left out. A small fit comes first, off the clock.",
    ]
