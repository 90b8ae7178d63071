"""What metrics, and asking ten replicas for them, cost the service.

Two fleets of ten replicas run side by side, one without metrics. In turn each is asked for recommendations by
wrk, as fast as it answers. "Scraped" is the fleet with metrics while every replica is asked for its page
every five seconds, as monitor/prometheus.yml says.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import NamedTuple

import requests

from benchmarks import page
from benchmarks.report import Goal, Report, Table, machine
from benchmarks.turns import in_turn, ratio
from tests.servers import getting
from tests.servers.process import Server, answers, free_port
from tests.service import world

METERED, UNMETERED = "service.app:create_app()", "benchmarks.unmetered:create_app()"
REPLICAS = 10
EVERY_SECONDS = 5
MOST = 1.05

_LUA = """math.randomseed({seed})
request = function() return wrk.format("GET", "/recommend/" .. math.random(1, 300)) end
"""
_TICK = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Requests a second, and milliseconds of CPU of all replicas for each."""

    rate: float
    cpu: float


class Fleet:
    """Replicas of one worker each on loopback, on a store of a few hundred users."""

    def __init__(self, folder: Path, app: str) -> None:
        self._folder = folder
        self._app = app
        self.ports = [free_port() for _ in range(REPLICAS)]
        self._servers: list[Server] = []

    def __enter__(self) -> "Fleet":
        self._servers = [self._started(port) for port in self.ports]
        return self

    def _started(self, port: int) -> Server:
        variables = {
            "STORE_URL": f"sqlite://{self._folder}/marquee.db",
            "MODEL_CACHE": f"{self._folder}/cache",
            "PORT": str(port),
            "WORKERS": "1",
        }
        gunicorn = str(Path(sys.executable).with_name("gunicorn"))
        given = [f"{name}={value}" for name, value in variables.items()]
        command = ["env", *given, gunicorn, "-c", "service/gunicorn_conf.py", self._app]
        server = Server(
            command, self._folder / f"{port}.log", lambda: answers(f"http://127.0.0.1:{port}/readyz")
        )
        server.start()
        return server

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.stop()

    def cpu(self) -> float:
        """Seconds of CPU of all processes until now."""
        pids = [pid for server in self._servers for pid in (server.pid, *_children(server.pid))]
        return sum(map(_seconds, pids))

    def asked(self, seconds: float, seed: int) -> Cost:
        """All replicas at once, for so long."""
        script = self._folder / "users.lua"
        script.write_text(_LUA.format(seed=seed))
        before, start = self.cpu(), time.perf_counter()
        callers = [self._caller(port, script, seconds) for port in self.ports]
        said = [caller.communicate()[0] for caller in callers]
        took = time.perf_counter() - start
        number = sum(map(_answered, said))
        return Cost(number / took, (self.cpu() - before) / number * 1000)

    def _caller(self, port: int, script: Path, seconds: float) -> "subprocess.Popen[str]":
        command = ["wrk", "-t1", "-c2", f"-d{seconds:g}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _children(pid: int) -> Sequence[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _answered(said: str) -> int:
    found = re.search(r"(\d+) requests in", said)
    if found is None or "Non-2xx" in said:
        raise ValueError(f"not every request was answered: {said}")
    return int(found[1])


@contextmanager
def scraped(fleet: Fleet) -> Iterator[None]:
    """Meanwhile every replica is asked for its metrics, spread over the interval."""
    ending = Event()

    def scrape() -> None:
        turn = 0
        while not ending.wait(EVERY_SECONDS / REPLICAS):
            requests.get(
                f"http://127.0.0.1:{fleet.ports[turn % REPLICAS]}/metrics", timeout=10
            ).raise_for_status()
            turn += 1

    thread = Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def measured(folder: Path, rounds: int, seconds: float) -> dict[str, list[Cost]]:
    """The three candidates in turn."""
    store = world.filled_store(folder)
    windows = {1: ("KNN_1_2022-01-12", world.EARLY), 2: ("KNN_2_2022-01-17", world.LATE)}
    world.route(store, {arm: world.train(store, *named, folder) for arm, named in windows.items()})
    with ExitStack() as stack:
        without, metered = (stack.enter_context(Fleet(folder, app)) for app in (UNMETERED, METERED))
        for fleet in (without, metered):
            fleet.asked(1.0, seed=0)

        def with_scrapes() -> Cost:
            with scraped(metered):
                return metered.asked(seconds, seed=1)

        candidates = {
            "no metrics": lambda: without.asked(seconds, seed=1),
            "metrics": lambda: metered.asked(seconds, seed=1),
            "metrics, scraped every 5 s": with_scrapes,
        }
        return in_turn(candidates, rounds)


def report_of(found: dict[str, list[Cost]], command: str, facts: dict[str, str]) -> Report:
    """CPU for a request decides: at its limit a machine answers as many requests as it has CPU for."""
    base = [cost.cpu for cost in found["no metrics"]]
    ratios = {name: ratio([cost.cpu for cost in costs], base) for name, costs in found.items()}
    rows = [
        (
            name,
            ratios[name],
            median(cost.cpu for cost in costs),
            median(cost.rate for cost in costs),
            ratio([cost.rate for cost in costs], [cost.rate for cost in found["no metrics"]]),
        )
        for name, costs in found.items()
    ]
    head = ("ten replicas", "CPU a request, ratio", "CPU a request, ms", "requests/s", "requests/s, ratio")
    scraped_cpu = [cost.cpu for cost in found["metrics, scraped every 5 s"]]
    alone = ratio(scraped_cpu, [cost.cpu for cost in found["metrics"]])
    goals = [
        Goal(
            "CPU a request, ten replicas with metrics: scraped every 5 s / not scraped", alone, MOST, "times"
        ),
        Goal(
            "CPU a request: with metrics, scraped / without metrics", ratio(scraped_cpu, base), MOST, "times"
        ),
    ]
    return Report("scraping", command, facts, goals, [Table("Medians over the rounds", head, rows)])


def main() -> int:
    """Measure, print, and keep in docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scraping", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    arguments = parser.parse_args()
    try:
        getting.program("wrk")
    except getting.MissingPartError:
        getting.install("wrk")
    facts = machine("gunicorn", "prometheus-client")
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), arguments.rounds, arguments.seconds)
    command = f"python -m benchmarks.scraping --rounds {arguments.rounds} --seconds {arguments.seconds:g}"
    page.publish(report_of(found, command, facts))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
