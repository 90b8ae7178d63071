"""The measurements, one function each."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, NamedTuple

import requests

from benchmarks.serving.load import Peak, peak, steady
from benchmarks.serving.stack import CONSTANT, OURS, WITHOUT_FRESH, Stack, family, replica, running
from benchmarks.serving.worlds import NAMES, World, check, serve
from benchmarks.turns import in_turn
from ml import artifact
from tests.servers.process import free_port

BASE = "constant view"
SECONDS = 3.0
PEERS = Path(".venv-bench/bin/python")
CHECKED = range(0, 400, 2)


class Memory(NamedTuple):
    """MB: the model's arrays, what all workers hold of them together, and each process's own."""

    model: float
    held: float
    own: Sequence[float]


class Starts(NamedTuple):
    """Seconds from the command to the first answer, and from a worker's death to its successor's first."""

    service: Sequence[float]
    worker: Sequence[float]


def peaks(
    made: World, rounds: int, classes: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, list[Peak]]]:
    """By worker class: the constant view, ours, and ours without a look at the store, all in turn."""
    apps = {BASE: CONSTANT, "ours": OURS, "ours without fresh events": WITHOUT_FRESH}
    with ExitStack() as stack:
        candidates = {}
        for kind, variables in classes.items():
            for name, app in apps.items():
                told(f"{kind}, {name}")
                started = stack.enter_context(running(made, app, variables=variables))
                peak(started, made.users, 1)
                candidates[kind, name] = partial(peak, started, made.users, SECONDS)
            _compare(made, candidates[kind, "ours"].args[0])
        told(f"{len(candidates)} candidates in {rounds} rounds")
        found = in_turn(candidates, rounds)
    return {kind: {name: found[kind, name] for name in apps} for kind in classes}


def told(what: str) -> None:
    """Say what is measured now."""
    print(what, file=sys.stderr)


def _compare(made: World, stack: Stack) -> None:
    """ValueError where an answer is not the model's."""
    url = f"http://127.0.0.1:{stack.port}/recommend"
    with requests.Session() as session:
        check(made, {user: _text(session, f"{url}/{user}") for user in CHECKED})


def _text(session: requests.Session, url: str) -> str:
    """What is said once it is said with 200; the last refusal after five."""
    for _ in range(5):
        if (answer := session.get(url, timeout=5)).status_code == 200:
            break
    return answer.text


def at_rate(made: World, rate: float, seconds: float = 8.0) -> list[float]:
    """Milliseconds of each answer at `rate` requests a second."""
    told(f"{made.size} at {rate:.0f}/s")
    with running(made) as stack:
        peak(stack, made.users, 1)
        return steady(stack, made.users, rate, seconds)


def replicas(made: World, numbers: Sequence[int], rate: float) -> dict[int, tuple[Peak, list[float]]]:
    """The peak, and the milliseconds at `rate`, with so many replicas of one worker."""
    found = {}
    for number in numbers:
        told(f"{number} replicas")
        with running(made, replicas=number, variables={"WORKERS": "1"}) as stack:
            peak(stack, made.users, 1)
            found[number] = peak(stack, made.users, SECONDS), steady(stack, made.users, rate, 5)
    return found


def memory(made: World, workers: int = 4) -> Memory:
    """Of one service with so many workers, after some load, both arms on one model."""
    told(f"memory of {workers} workers")
    with closing(made.store()) as store:
        ref = serve(store, {1: NAMES[0], 2: NAMES[0]})[1]
    with running(made, variables={"WORKERS": str(workers)}) as stack:
        peak(stack, made.users, 5)
        pids = stack.pids()
        held = sum(_mapped(pid, ref.digest) for pid in pids)
        own = [_rollup(pid, "Private_Dirty") / 1e3 for pid in pids]
    with closing(made.store()) as store:
        serve(store, {1: NAMES[0], 2: NAMES[1]})
    size = sum(file.stat().st_size for file in (made.cache / ref.digest).glob("*.npy"))
    return Memory(size / 1e6, held / 1e3, own)


def _mapped(pid: int, digest: str) -> float:
    """kB of a model's files that count for a process, pages shared by n as an n-th each."""
    total, inside = 0.0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = digest in line
        elif inside and line.startswith("Pss:"):
            total += float(line.split()[1])
    return total


def _rollup(pid: int, name: str) -> float:
    """kB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def starts(made: World, times: int) -> Starts:
    """Of a service with one worker."""
    told("starts")
    service, worker = [], []
    for _ in range(times):
        with TemporaryDirectory() as folder:
            one = replica(made, OURS, free_port(), Path(folder), {"WORKERS": "1"})
            began = time.perf_counter()
            with one:
                service.append(time.perf_counter() - began)
                worker.append(_until_replaced(one.pid, one.ready))
    return Starts(service, worker)


def _until_replaced(pid: int, ready: Callable[[], bool]) -> float:
    victim = family(pid)[-1]
    began = time.perf_counter()
    subprocess.run(["kill", "-9", str(victim)], check=True)
    while victim in family(pid) or not ready():
        time.sleep(0.01)
    return time.perf_counter() - began


def switches(made: World, rate: float = 200.0) -> tuple[list[float], list[float]]:
    """Milliseconds of each answer at `rate` without an exchange of models, and with two."""
    with running(made) as stack, closing(made.store()) as store:
        peak(stack, made.users, 1)
        quiet = steady(stack, made.users, rate, 8)
        timers = [
            Timer(2, serve, (store, {1: NAMES[2], 2: NAMES[2]})),
            Timer(5, serve, (store, {1: NAMES[0], 2: NAMES[1]})),
        ]
        for timer in timers:
            timer.start()
        busy = steady(stack, made.users, rate, 8)
        for timer in timers:
            timer.join()
    return quiet, busy


def scored(made: World, rounds: int) -> Mapping[str, Sequence[float]]:
    """Microseconds of CPU a user by way, in turn; ValueError where two ways disagree."""
    with closing(made.store()) as store:
        ref = store.routes()[-1].models[1]
        artifact.fetch(store, ref, made.cache)
    ways = {name: Path(sys.executable) for name in ("ours", "numpy", "scipy")}
    ways |= {"implicit": PEERS} if PEERS.exists() else {}
    runs = in_turn(
        {way: partial(_scored, way, python, made.cache / ref.digest) for way, python in ways.items()}, rounds
    )
    (base, *others) = (found[0]["scores"] for found in runs.values())
    if any(_apart(base, other) for other in others):
        raise ValueError("two ways to score give other movies")
    return {way: [run["micros"] for run in found] for way, found in runs.items()}


def _scored(way: str, python: Path, folder: Path) -> dict[str, Any]:
    command = [str(python), "-m", "benchmarks.serving.scoring", way, str(folder)]
    said: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return said


def _apart(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    pairs = (pair for mine, theirs in zip(one, other, strict=True) for pair in zip(mine, theirs, strict=True))
    return any(abs(a - b) > 2e-3 for a, b in pairs)
