"""One evaluation, timed, in a process of its own."""

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.evaluating.world import SPLIT, WINDOW
from ml.abtest import experiment as experiments
from ml.abtest.looks import Schedule, Watch, at_once
from ml.split import parse_split
from movielog.events import SECOND
from store import open_store

HOUR = 3600 * SECOND
HOURS = 24


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
