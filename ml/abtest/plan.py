"""How many users, and how long, an experiment needs, from the traffic that is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ml.experiment.inference import METRICS, Metric, NotEnoughDataError
from ml.experiment.moments import Moments
from ml.experiment.planning import days_for, users_for
from ml.experiment.sequential import Planned
from ml.running.feeder import Feeder, Told, newest
from ml.running.metrics import Running
from movielog.events import DAY
from store.port import ARMS, Store, StoreError, Window

_FEWEST_PARTS = 4


@dataclass(frozen=True)
class Traffic:
    """What was seen in `window`: moments of all users, and how many different ones had come.

    `reached` has a number for the end of each `unit` (ns) of about a day.
    """

    window: Window
    seen: Moments
    reached: Sequence[int]
    unit: float


@dataclass(frozen=True)
class Need:
    """Users of both arms who find `effect`, and the days until they have come; a reason where unknown."""

    metric: Metric
    effect: float
    value: float | None
    users: int | None
    days: float | None
    reason: str = ""


def lately(store: Store, days: float) -> Window:
    """The last days before the newest event, since a model first served; StoreError where none did."""
    ledger, end = store.routes(), newest(store)
    if not ledger:
        raise StoreError("no model serves yet, so that no traffic was seen")
    return Window(min(end - 1, max(ledger[0].time, end - round(days * DAY))), end)


def traffic(store: Store, window: Window, told: Told) -> Traffic:
    """NotEnoughDataError where nobody requested anything in the window."""
    moments = Feeder(store, Running(window.start)).advance(window.end, told).moments()
    seen = moments[ARMS[0]] + moments[ARMS[1]]
    if not seen.n:
        raise NotEnoughDataError("nobody was recommended anything in that time")
    ends = _ends(window)
    return Traffic(window, seen, _reached(store, window.start, ends), (window.end - window.start) / len(ends))


def _ends(window: Window) -> Sequence[int]:
    """Of equal parts of about a day, at least a few."""
    length = window.end - window.start
    parts = max(_FEWEST_PARTS, length // DAY)
    return [window.start + length * part // parts for part in range(1, parts + 1)]


def _reached(store: Store, start: int, ends: Sequence[int]) -> Sequence[int]:
    """How many different users had successfully requested by each time."""
    known, reached = pd.Index([], dtype="int64"), []
    for part in map(Window, [start, *ends], ends):
        asked = store.requests(part)
        known = known.union(pd.Index(asked.loc[asked["status"] == 200, "user"].unique()))
        reached.append(len(known))
    return reached


def needs(seen: Traffic, effects: Mapping[str, float], share2: float, looks: int) -> Sequence[Need]:
    """What each metric needs for its effect, 0 < `share2` < 1 of the users in arm 2."""
    return [_need(metric, effects.get(metric.key, metric.effect), seen, share2, looks) for metric in METRICS]


def _need(metric: Metric, effect: float, seen: Traffic, share2: float, looks: int) -> Need:
    below = seen.seen.sum(metric.denominator)
    value = seen.seen.sum(metric.numerator) / below if below else None
    try:
        users = users_for(metric, effect, seen.seen, share2, Planned(looks, looks))
    except NotEnoughDataError as reason:
        return Need(metric, effect, value, None, None, str(reason))
    try:
        return Need(metric, effect, value, users, days_for(users, seen.reached) * seen.unit / DAY)
    except NotEnoughDataError as reason:
        return Need(metric, effect, value, users, None, str(reason))


def longest(found: Sequence[Need]) -> Need | None:
    """The metric that needs most users, None where none could be planned."""
    known = [need for need in found if need.users is not None]
    return max(known, key=lambda need: need.users or 0, default=None)
