"""Is a window fit to be trained on? What is wrong with it is said before anything is trained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from movielog.events import DAY
from movielog.parse import MalformedLine, time_of
from movielog.times import day_of
from store.port import Quarantined, Window


@dataclass(frozen=True)
class Limits:
    """What a window must be like; `largest_jump` is a day's events to the median day's, either way, and
    `largest_malformed` the share of malformed lines."""

    fewest_users: int = 50
    fewest_interactions: int = 500
    largest_jump: float = 5.0
    largest_malformed: float = 0.05


class Counts(NamedTuple):
    """Of a window: users, events (int64, ratings and viewings) by day, and the lines that told of them."""

    users: int
    events: np.ndarray
    lines: int


def faults(counts: Counts, malformed: int, window: Window, limits: Limits) -> Sequence[str]:
    """What is wrong with a window, a sentence each; empty where it is fit. Its last day may not be over yet.

    malformed: lines in quarantine from that time.
    """
    return [
        *_too_few("users", counts.users, limits.fewest_users),
        *_too_few("interactions", int(counts.events.sum()), limits.fewest_interactions),
        *_days(counts.events, window, limits.largest_jump),
        *_malformed(malformed, counts.lines, limits.largest_malformed),
    ]


def malformed_lines(lines: Iterable[Quarantined], window: Window) -> tuple[int, int]:
    """How many quarantined lines begin with a time in the window, and how many with no time at all."""
    inside = timeless = 0
    for line in lines:
        try:
            inside += window.start <= time_of(line.raw) < window.end
        except MalformedLine:
            timeless += 1
    return inside, timeless


def _too_few(what: str, found: int, fewest: int) -> list[str]:
    return [f"{found} {what}: at least {fewest} are needed"] if found < fewest else []


def _days(events: np.ndarray, window: Window, largest_jump: float) -> list[str]:
    median = float(np.median(events))
    found = []
    for number, count in enumerate(events.tolist()):
        day = day_of(window.start + number * DAY)
        if count == 0:
            found.append(f"{day} is missing: no event on that day")
        elif count > largest_jump * median or (median > largest_jump * count and number < len(events) - 1):
            found.append(f"{day} has {count} events where the median day has {median:.0f}")
    return found


def _malformed(malformed: int, lines: int, largest: float) -> list[str]:
    share = malformed / max(1, malformed + lines)
    return (
        [f"{share:.1%} of the lines are malformed: at most {largest:.1%} are expected"]
        if share > largest
        else []
    )
