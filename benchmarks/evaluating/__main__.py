"""How long an experiment of ten million requests and viewings takes to evaluate, and each hour of it."""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import page
from benchmarks.evaluating.world import SPLIT, WINDOW, store_of
from benchmarks.report import Goal, Report, Table, machine
from ml.abtest import experiment as experiments
from ml.abtest.looks import Schedule, Watch, at_once
from ml.split import parse_split
from movielog.events import SECOND
from store import open_store

HOUR = 3600 * SECOND
HOURS = 24
GOAL_SECONDS = 60.0


def evaluate(path: Path, hours: Sequence[int]) -> dict[str, Any]:
    """Look after these hours of the day: seconds (wall, CPU) of each look, MiB at most, users seen."""
    began = time.perf_counter(), time.process_time()
    walls, cpus, users = [], [], [0, 0]
    with closing(open_store(f"sqlite://{path}")) as store:
        watch = Watch(store, experiments.under_way(store.routes()), parse_split(SPLIT), lambda _: None)
        every = HOUR * (HOURS // len(hours))
        for look in watch.looks(Schedule(WINDOW.start, every, len(hours)), at_once):
            now = time.perf_counter(), time.process_time()
            walls.append(now[0] - began[0])
            cpus.append(now[1] - began[1])
            began, users = now, [arm.n for arm in look.arms]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": walls, "cpu": cpus, "memory": memory, "users": users}


def alone(action: Callable[..., Any], *arguments: Any) -> Any:
    """The action's result in a fresh process, whose memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(action, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluating", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="half requests, half viewings")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--only-fill", action="store_true", help="make the store and end")
    arguments = parser.parse_args(argv)
    path = store_of(arguments.events // 2, arguments.users)
    if not arguments.only_fill:
        facts = machine("numpy", "pandas", "numba", "pyarrow")
        alone(evaluate, store_of(10_000, 1_000), [HOURS])  # compiles what is compiled once
        once, hourly = alone(evaluate, path, [HOURS]), alone(evaluate, path, range(1, HOURS + 1))
        page.publish(_report(arguments.events, arguments.users, once, hourly, facts))
    return 0


def _report(
    events: int, users: int, once: dict[str, Any], hourly: dict[str, Any], facts: dict[str, str]
) -> Report:
    assert once["users"] == hourly["users"], json.dumps([once, hourly])
    size = f"{events:,} requests and viewings"
    return Report(
        section="experiment",
        command="make bench-experiment",
        machine=facts,
        goals=[Goal(f"{size} evaluated", once["wall"][0], GOAL_SECONDS, "s")],
        tables=[
            Table(
                f"{size} of {users:,} users in a SQLite store; with answers to all requests, and ratings",
                ["", "wall, s", "CPU, s", "peak memory, MiB"],
                [
                    ["all at once", once["wall"][0], once["cpu"][0], once["memory"]],
                    [f"{HOURS} looks together", sum(hourly["wall"]), sum(hourly["cpu"]), hourly["memory"]],
                ],
            ),
            Table(
                "A look every hour costs what is new: CPU seconds of each of them",
                ["hour", *map(str, range(1, HOURS + 1, 2))],
                [["CPU, s", *hourly["cpu"][::2]]],
            ),
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main())
