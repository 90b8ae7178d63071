"""When the next model is due, and for which label; in the log's own time, so that a replay is like a day."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from ml.routes import CHALLENGER, CHAMPION
from movielog.events import DAY, SECOND
from store.port import FAILED, PUBLISHED, REFUSED, UNFIT, ModelRef, Retrain

NEWEST = "newest_event_seconds"
"""The figure of a retrain that says how far the log went."""

_PATIENT = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 600 * SECOND, 6 * 3600 * SECOND


def label_due(serving: Mapping[int, ModelRef]) -> int:
    """The champion's label where there is no champion, else the challenger's."""
    return CHALLENGER if CHAMPION in serving else CHAMPION


def due(retrains: Sequence[Retrain], days: int) -> int | None:
    """The time, in ns of the log, from which the next model is due; None for at once.

    A window that was not fit is looked at again after a day; a retrain that failed or was killed does not
    count.
    """
    times = [_next(retrain, days) for retrain in retrains if retrain.outcome in (PUBLISHED, REFUSED, UNFIT)]
    return max(times, default=None)


def _next(retrain: Retrain, days: int) -> int:
    newest = int(retrain.figures.get(NEWEST, retrain.window.end / SECOND) * SECOND)
    return newest + (1 if retrain.outcome == UNFIT else days) * DAY


def pause_ends(retrains: Sequence[Retrain]) -> int:
    """The time, in ns of the clock, before which nothing is tried again: 0 unless the last `_PATIENT` or more
    all failed."""
    failures = list(takewhile(lambda retrain: retrain.outcome == FAILED, reversed(retrains)))
    if len(failures) < _PATIENT:
        return 0
    pause = min(_FIRST_PAUSE << min(len(failures) - _PATIENT, 10), _LONGEST_PAUSE)
    return (failures[0].ended or failures[0].started) + pause
