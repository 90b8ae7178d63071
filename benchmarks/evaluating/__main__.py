"""How long an experiment of ten million requests and viewings takes to evaluate, and each hour of it."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from benchmarks import page
from benchmarks.evaluating.measuring import HOURS, alone, evaluate
from benchmarks.evaluating.world import store_of
from benchmarks.report import Goal, Report, Table, machine

GOAL_SECONDS = 60.0


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
