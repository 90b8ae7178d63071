"""Looking at an experiment: over everything since it began, as often as was planned or as one likes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

from ml.abtest.experiment import Experiment
from ml.experiment.inference import NotEnoughDataError
from ml.experiment.moments import Moments
from ml.experiment.sample_ratio import SplitCheck, check_split
from ml.experiment.sequential import AlwaysValid, Monitoring, Planned
from ml.experiment.verdict import Outcome, Verdict, judge
from ml.running.feeder import Feeder, newest
from ml.running.metrics import Running
from ml.split import Split
from movielog.times import iso
from store.port import ARMS, Store, StoreUnavailable

Told = Callable[[str], None]
"""Is told what is going on, as a short text."""

_T = TypeVar("_T")
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class Schedule:
    """Looks at `start + every`, `start + 2 every`, ... (ns), the last one not after `end`.

    `looks` is None where their number is not fixed beforehand.
    """

    start: int
    every: int
    looks: int | None
    end: int | None = None

    def times(self) -> Iterator[tuple[int, int]]:
        """Number and time of each look."""
        for number in count(1):
            time = self.start + number * self.every
            yield number, time if self.end is None else min(time, self.end)
            if number == self.looks or (self.end is not None and time >= self.end):
                return

    def monitoring(self, number: int) -> Monitoring:
        """The rule that lets one look so often."""
        return AlwaysValid() if self.looks is None else Planned(number, self.looks)


@dataclass(frozen=True)
class Look:
    """What was found of everything from the experiment's start up to `until`; `arms` are old and new."""

    number: int
    looks: int | None
    until: int
    arms: tuple[Moments, Moments]
    verdict: Verdict
    split_p: float
    """Of all looks; NaN where the split cannot be checked."""

    @property
    def split_broken(self) -> bool:
        """Whether the split was found broken, so that there is no verdict."""
        return self.verdict.outcome is Outcome.BROKEN


Clock = Callable[[int, Told], int]
"""Waits until a look is due, and returns up to when (ns) it is to see."""


def by_events(store: Store) -> Clock:
    """A look is due when an event of its time or later is stored."""

    def wait(due: int, told: Told) -> int:
        while (now := newest(store)) < due:
            told(f"waiting for events of {_clock(due)}, the newest is of {_clock(now)}")
            time.sleep(_POLL_SECONDS)
        return due

    return wait


def by_clock(store: Store) -> Clock:
    """A look is due by this machine's clock, and sees what is stored by then."""

    def wait(due: int, told: Told) -> int:
        while (now := time.time_ns()) < due:
            told(f"next look at {_clock(due)}, now {_clock(now)}")
            time.sleep(min(_POLL_SECONDS, (due - now) / 1e9))
        return newest(store)

    return wait


def at_once(due: int, _: Told) -> int:
    """A look at the past needs no waiting."""
    return due


def _clock(moment: int) -> str:
    return iso(moment).partition(".")[0].replace("T", " ")


def patiently(action: Callable[[], _T], told: Told) -> _T:
    """The action's result, tried again as long as the store is away."""
    while True:
        try:
            return action()
        except StoreUnavailable as away:
            told(f"the store is away: {away}")
            time.sleep(_RETRY_SECONDS)


class Watch:
    """Reads the store from an experiment's start on, and looks."""

    def __init__(self, store: Store, experiment: Experiment, split: Split, told: Told) -> None:
        self._told = told
        self._split = split
        before = None
        if experiment.before is not None:
            before = self._read(Feeder(store, Running(experiment.before.start)), experiment.before.end)
        everyone = before.everyone() if before else None
        self.known_before = 0 if everyone is None else len(everyone)
        self._feeder = Feeder(store, Running(experiment.since, everyone))

    def looks(self, schedule: Schedule, clock: Clock) -> Iterator[Look]:
        """One after the other, as they become due; a store that is away is waited for."""
        for number, due in schedule.times():
            until = patiently(partial(clock, due, self._told), self._told)
            running = patiently(partial(self._read, self._feeder, until), self._told)
            yield self._look(number, schedule, self._feeder.until, running)

    def _read(self, feeder: Feeder, until: int) -> Running:
        until = max(until, feeder.until)
        start = iso(feeder.until)
        return feeder.advance(until, lambda share: self._told(f"reading from {start} on: {share:.0%}"))

    def _look(self, number: int, schedule: Schedule, until: int, running: Running) -> Look:
        moments = running.moments()
        old, new = (moments[arm] for arm in ARMS)
        monitoring = schedule.monitoring(number)
        check = split_check(old, new, self._split)
        split_p = check.p_of_all_looks(monitoring) if check else float("nan")
        verdict = judge(old, new, monitoring, check)
        return Look(number, schedule.looks, until, (old, new), verdict, split_p)


def split_check(old: Moments, new: Moments, split: Split) -> SplitCheck | None:
    """None where the rule promises no share of users to either arm, or nobody came."""
    if split.share2 is None or not 0 < split.share2 < 1:
        return None
    try:
        return check_split(old, new, split.share2)
    except NotEnoughDataError:
        return None
