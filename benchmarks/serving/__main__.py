"""What an answer costs behind nginx, beside a constant Flask view: `python -m benchmarks.serving`.

Candidates run at the same time and are loaded in turn. Answers are compared first with what the model says.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import page
from benchmarks.report import machine
from benchmarks.serving import figures, lookups, measuring
from benchmarks.serving.stack import SERVERS
from benchmarks.serving.worlds import World, world

USUAL = "loop"
"""What a service on SQLite takes by itself."""
CLASSES = {kind: {"WORKER_CLASS": kind} for kind in (USUAL, "gthread", "sync")} | (
    {"granian": {"SERVER": "granian"}} if SERVERS.exists() else {}
)
STEADY = 100.0
"""Requests a second at which latencies are compared."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write the page; 1 where an answer is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--size", default="L", choices=["S", "M", "L"], help="of the model that serves")
    parser.add_argument("--sizes", default="S,M,L", help="sizes whose latencies are compared")
    parser.add_argument("--rounds", type=int, default=5, help="times that each candidate is loaded")
    arguments = parser.parse_args(argv)
    try:
        _measure(
            world(arguments.size), [world(size) for size in arguments.sizes.split(",")], arguments.rounds
        )
    except ValueError as error:
        print(f"benchmarks.serving: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(made: World, others: Sequence[World], rounds: int) -> None:
    facts = machine("flask", "gunicorn", "numba", "numpy", "scipy", "prometheus-client")
    by_class = measuring.peaks(made, rounds, CLASSES)
    usual = by_class[USUAL]
    micros, looked_up = measuring.scored(made, 3), lookups.measured(made, 3)
    half = measuring.at_rate(made, figures.middle(usual["ours"], "rate") / 2)
    quiet, switched = measuring.switches(made)
    held, began = measuring.memory(made), measuring.starts(made, 3)
    scaled = measuring.replicas(made, (1, 2, 4), STEADY)
    sized = {each: measuring.at_rate(each, STEADY, 5) for each in others}
    runs = {"half the highest load": half, "200/s": quiet, "200/s, two exchanges of models": switched}
    runs |= {f"{STEADY:g}/s, {number} replicas of one worker": found for number, (_, found) in scaled.items()}
    runs |= {f"{STEADY:g}/s, {each.users:,} users ({each.size})": found for each, found in sized.items()}
    tables = [
        figures.throughput(by_class),
        figures.looking_up(made, looked_up),
        figures.scoring(micros),
        figures.latencies("Latencies at a given load, from when a request was due", "load", runs),
        figures.memory(held),
        figures.starting(began),
    ]
    growth = {
        "replicas": {
            "requests/s / 100": [(n, found.rate / 100) for n, (found, _) in scaled.items()],
            "99% ms at 100/s": [(n, figures.share(found, 0.99)) for n, (_, found) in scaled.items()],
        },
        "users": {
            name: [(each.users, figures.share(found, part)) for each, found in sized.items()]
            for name, part in (("median", 0.5), ("99%", 0.99))
        },
    }
    reached = figures.goals(usual, half, micros, held, began, switched)
    page.publish(figures.report("make bench-serve", facts, tables, reached, growth))


if __name__ == "__main__":
    raise SystemExit(main())
