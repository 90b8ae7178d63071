"""A whole tracked retrain from a store of made interactions: `python -m benchmarks.retrain`.

It is `python -m ml.automatic_retrain --once` on a copy of the store, all its processes watched: from the
events to the model that serves, with data checks, snapshot, DVC stage, gate, ledger and push.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks import page
from benchmarks.datasets import SIZES
from benchmarks.report import Goal, Plot, Report, Table, machine
from benchmarks.stores import store_of

_EVERY = 0.1
_STEP = re.compile(r"(?:retrain: )?(?P<step>[^:]+) in (?P<seconds>[0-9.]+) s$")


class Sample(NamedTuple):
    """MB of all processes together, `seconds` after the start, when the log had `told` so many bytes."""

    seconds: float
    memory: float
    told: int


class Step(NamedTuple):
    """What the log tells of, the seconds that it says, and the most MB in use since the step before."""

    what: str
    seconds: float
    memory: float


class Watched(NamedTuple):
    """A retrain that was watched: how long, seconds of CPU of all its processes, its steps, its memory."""

    seconds: float
    cpu: float
    steps: Sequence[Step]
    memory: Sequence[Sample]


def main(argv: Sequence[str] | None = None) -> int:
    """Retrain on one size and write the page; 1 where no model is published."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrain", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="L")
    size = parser.parse_args(argv).size
    facts = machine("numba", "numpy", "pandas", "pyarrow", "dvc")
    with TemporaryDirectory(dir="build") as folder:
        found = _retrained(Path(store_of(size).removeprefix("sqlite://")), Path(folder))
    if found is None:
        return 1
    page.publish(report(found, size, facts))
    return 0


def _retrained(store: Path, folder: Path) -> Watched | None:
    shutil.copyfile(store, folder / "store.db")
    settings = {
        "STORE_URL": f"sqlite://{folder.resolve()}/store.db",
        "PROVENANCE": f"{folder.resolve()}/provenance",
        "DVC_REMOTE": f"{folder.resolve()}/remote",
    }
    command = [sys.executable, "-m", "ml.automatic_retrain", "--once", "--label", "1"]
    log = folder / "log"
    with log.open("w") as output:
        started, spent = time.perf_counter(), _cpu()
        process = subprocess.Popen(command, env=os.environ | settings, stderr=output)
        memory = list(_memory(process, log, started))
    print(log.read_text(), file=sys.stderr)
    if process.wait():
        return None
    return Watched(
        time.perf_counter() - started, _cpu() - spent, list(steps(log.read_bytes(), memory)), memory
    )


def steps(log: bytes, memory: Sequence[Sample]) -> Iterator[Step]:
    """What the lines of a log say was done in how many seconds."""
    start = end = 0
    for line in log.splitlines(keepends=True):
        end += len(line)
        if found := _STEP.search(line.decode().rstrip()):
            used = [each.memory for each in memory if start <= each.told < end]
            yield Step(found["step"].strip(), float(found["seconds"]), max(used, default=0.0))
            start = end


def _cpu() -> float:
    """Of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(process: "subprocess.Popen[bytes]", log: Path, started: float) -> Iterator[Sample]:
    while process.poll() is None:
        told, used = log.stat().st_size, sum(map(_proportional, _family(process.pid)))
        yield Sample(time.perf_counter() - started, used, told)
        time.sleep(_EVERY)


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _proportional(pid: int) -> float:
    """MB of a process, what several processes share divided by their number, without mapped files."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) * 1024 / 1e6


def report(found: Watched, size: str, facts: dict[str, str]) -> Report:
    """The section of the page."""
    most = max((each.memory for each in found.memory), default=0.0)
    rest = found.seconds - sum(each.seconds for each in found.steps)
    all_of_it: list[tuple[str | float, ...]] = [
        ("what no step tells of", rest, ""),
        ("all", found.seconds, most),
        ("CPU of all", found.cpu, ""),
    ]
    return Report(
        "retrain",
        "make bench-retrain",
        facts,
        goals=[
            Goal(f"whole retrain on {size}", found.seconds, 120.0, "s"),
            Goal(f"memory of the whole retrain on {size}", most, 2000.0, "MB"),
        ],
        tables=[
            Table(
                f"Where time and memory go, {size}", ("step", "s", "MB at most"), [*found.steps, *all_of_it]
            )
        ],
        plots=[
            Plot(
                "retrain-memory",
                f"Memory of a whole retrain on {size}, all its processes together",
                "s",
                "MB",
                {"private memory": [(each.seconds, each.memory) for each in found.memory]},
            )
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main())
