"""The report of what was measured."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from benchmarks.report import Goal, Plot, Report, Table
from benchmarks.serving.load import GIVEN_UP, Peak
from benchmarks.serving.lookups import LookUp
from benchmarks.serving.measuring import BASE, Memory, Starts
from benchmarks.serving.worlds import World
from benchmarks.turns import ratio

Peaks = Mapping[str, Sequence[Peak]]
THREADS = "gthread"
"""gunicorn's own worker class that keeps connections."""


def share(millis: Sequence[float], part: float) -> float:
    """The quantile of latencies."""
    return float(np.quantile(millis, part, method="lower"))


def quantiles(millis: Sequence[float]) -> list[float]:
    """The median, 95%, 99%, the longest, and how many failed."""
    return [
        *(share(millis, part) for part in (0.5, 0.95, 0.99, 1.0)),
        float(sum(each == GIVEN_UP for each in millis)),
    ]


def middle(peaks: Sequence[Peak], field: str) -> float:
    """The median over the rounds."""
    return float(median(getattr(one, field) for one in peaks))


def against(peaks: Peaks, name: str, field: str, base: Peaks | None = None) -> float:
    """The median over the rounds of a figure to that of the constant view in the same round, that of the same
    worker class or that among `base`."""
    views = (base or peaks)[BASE]
    return ratio([getattr(one, field) for one in peaks[name]], [getattr(one, field) for one in views])


def throughput(by_class: Mapping[str, Peaks]) -> Table:
    """Of every worker class."""
    head = (
        "worker class, view",
        "to its constant view",
        f"to {THREADS}'s constant view",
        "requests/s",
        "CPU ms a request",
        "CPU to its constant view",
        "median ms",
        "99% ms",
        "failed",
    )
    rows: list[tuple[str | float, ...]] = [
        (
            f"{kind}, {name}",
            against(peaks, name, "rate"),
            against(peaks, name, "rate", by_class[THREADS]),
            *(middle(found, field) for field in ("rate", "cpu")),
            against(peaks, name, "cpu"),
            *(middle(found, field) for field in ("middle", "p99")),
            sum(one.failed for one in found),
        )
        for kind, peaks in by_class.items()
        for name, found in peaks.items()
    ]
    return Table(
        "As many requests as possible behind nginx, 16 connections, two workers, a model of L", head, rows
    )


def looking_up(made: World, found: LookUp) -> Table:
    """Of a store in one file."""
    head = ("store", "µs of CPU", "µs by the clock")
    title = "A look-up of what a user did that the model does not know, alone"
    return Table(title, head, [(f"SQLite, {made.size}", *found)])


def scoring(micros: Mapping[str, Sequence[float]]) -> Table:
    """Of each way."""
    rows = [
        (way, ratio(list(found), list(micros["ours"])), float(median(found))) for way, found in micros.items()
    ]
    return Table(
        "Scoring a user with 20 movies, 50 neighbours, top 20, on one core",
        ("way", "to ours", "µs of CPU"),
        rows,
    )


def latencies(title: str, first: str, runs: Mapping[str, Sequence[float]]) -> Table:
    """Quantiles of open-loop runs."""
    rows: list[tuple[str | float, ...]] = [(name, *quantiles(found)) for name, found in runs.items()]
    return Table(title, (first, "median ms", "95% ms", "99% ms", "longest ms", "failed"), rows)


def copies(found: Memory) -> float:
    """How many copies of the model the workers hold together."""
    return found.held / found.model


def memory(found: Memory) -> Table:
    """What the workers of one service hold."""
    arbiter, *workers = found.own
    rows = [
        ("the model's arrays", found.model),
        ("of them held by all workers together", found.held),
        ("a worker's own, median", float(median(workers))),
        ("the arbiter's own", arbiter),
    ]
    return Table("Memory of four workers", ("what", "MB"), rows)


def starting(found: Starts) -> Table:
    """From nothing, and after a worker's death."""
    rows = [
        ("from the command to the first answer", float(median(found.service)), min(found.service)),
        (
            "from a worker's death to its successor's first answer",
            float(median(found.worker)),
            min(found.worker),
        ),
    ]
    return Table("Starts", ("", "median s", "shortest s"), rows)


def goals(
    peaks: Peaks,
    half: Sequence[float],
    micros: Mapping[str, Sequence[float]],
    held: Memory,
    began: Starts,
    switched: Sequence[float],
) -> list[Goal]:
    """Each figure beside what it should be."""
    return [
        Goal(
            "serving: throughput to a constant Flask view's", against(peaks, "ours", "rate"), 0.9, most=False
        ),
        Goal(
            "serving: the same without fresh events",
            against(peaks, "ours without fresh events", "rate"),
            0.9,
            most=False,
        ),
        Goal("serving: scoring one user on one core", float(median(micros["ours"])), 30, "µs"),
        Goal("serving: 99% of answers at half the highest load", share(half, 0.99), 20, "ms"),
        Goal("serving: copies of the model in four workers", copies(held), 1.2),
        Goal("serving: a worker's start to its first answer", float(median(began.worker)), 3, "s"),
        Goal("serving: a service's start to its first answer", float(median(began.service)), 3, "s"),
        Goal("serving: longest answer while models are exchanged", max(switched), 50, "ms"),
    ]


def report(
    command: str,
    machine: Mapping[str, str],
    tables: Sequence[Table],
    reached: Sequence[Goal],
    growth: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
) -> Report:
    """The section `serve` of the page."""
    plots = [
        Plot(
            "serve-replicas",
            "One machine of two cores, replicas of one worker",
            "replicas",
            "",
            growth["replicas"],
        ),
        Plot("serve-users", "Latency against users", "users", "ms", growth["users"], log=True),
    ]
    return Report("serve", command, machine, reached, tables, plots)
