"""The log's requests, counted: for all time, and by the minute for the 24 hours up to the newest event.

"Now" is the time of the log's newest event. The 24 hours are the minute of that event and the 1,439 before
it, so that an event counts in the minute it carries, however late its line comes. An event that is dated
more than AHEAD after the clock does not move "now", or one caller with a wrong clock would empty the window.
"""

import json
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from movielog.events import SECOND, Requested
from movielog.parse import MalformedLine, parse_line

MINUTE = 60 * SECOND
MINUTES = 1_440
AHEAD = 10 * MINUTE

_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 350, 500, 750, 1_000, 2_500, 5_000, 10_000)
_SUCCESS = 200


def edges(deadline_ms: int) -> tuple[int, ...]:
    """Upper ends in ms, inclusive, of the classes of duration; the deadline is one. Longer ones follow."""
    return tuple(sorted({*_EDGES, deadline_ms}))


@dataclass(frozen=True)
class Span:
    """Requests of a span of time: `classes` are counts by duration, `within` those in time and successful."""

    within: int
    classes: tuple[int, ...]

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(self.classes)

    @property
    def ratio(self) -> float:
        """Share that succeeded within the deadline; NaN without a request."""
        return self.within / self.requests if self.requests else float("nan")

    @classmethod
    def sum(cls, spans: Iterable["Span"], classes: int) -> "Span":
        """All requests of the spans."""
        found = list(spans)
        columns = zip(*(span.classes for span in found), strict=True) if found else [()] * classes
        return cls(sum(span.within for span in found), tuple(map(sum, columns)))


@dataclass(frozen=True)
class Traffic:
    """What was counted up to a line of the log. `minutes` (since 1970) are those of the last 24 hours with a
    request, `newest` is None before the first event, `millis` the sum of all durations."""

    deadline_ms: int
    newest: int | None
    statuses: Mapping[int, int]
    total: Span
    millis: int
    minutes: Mapping[int, Span]
    ahead: int

    @property
    def day(self) -> Span:
        """The last 24 hours."""
        return Span.sum(self.minutes.values(), len(self.total.classes))


class Tally:
    """Counts lines; `to_bytes` and `of` carry it over a restart."""

    def __init__(self, deadline_ms: int) -> None:
        self._deadline = deadline_ms
        self._edges = edges(deadline_ms)
        self._newest = -1
        self._statuses: Counter[int] = Counter()
        self._millis = self._ahead = 0
        self._total = self._nothing()
        self._minutes: dict[int, list[int]] = {}

    def add(self, lines: Sequence[bytes], now: int) -> None:
        """Count lines that are read at `now` by the clock; malformed ones tell nothing."""
        latest = now + AHEAD
        for line in lines:
            try:
                event = parse_line(line)
            except MalformedLine:
                continue
            if event.time > latest:
                self._ahead += 1
            elif event.time > self._newest:
                self._newest = event.time
            if isinstance(event, Requested):
                self._count(event, event.time <= latest)
        self._forget()

    def _count(self, request: Requested, dated: bool) -> None:
        self._statuses[request.status] += 1
        self._millis += request.millis
        spans = [self._total]
        if dated and (minute := request.time // MINUTE) >= self._first_minute():
            spans.append(self._minutes.setdefault(minute, self._nothing()))
        within = request.status == _SUCCESS and request.millis <= self._deadline
        at = 1 + bisect_left(self._edges, request.millis)
        for span in spans:
            span[0] += within
            span[at] += 1

    def _first_minute(self) -> int:
        return self._newest // MINUTE - MINUTES + 1

    def _forget(self) -> None:
        first = self._first_minute()
        self._minutes = {minute: span for minute, span in self._minutes.items() if minute >= first}

    def _nothing(self) -> list[int]:
        """A span as it is counted: those within the deadline, then the classes."""
        return [0] * (len(self._edges) + 2)

    def traffic(self) -> Traffic:
        """What was counted until now."""
        return Traffic(
            self._deadline,
            self._newest if self._newest >= 0 else None,
            dict(self._statuses),
            _span(self._total),
            self._millis,
            {minute: _span(span) for minute, span in self._minutes.items()},
            self._ahead,
        )

    def to_bytes(self) -> bytes:
        """What `of` reads, a few dozen KiB at most."""
        state = {
            "newest": self._newest,
            "statuses": self._statuses,
            "millis": self._millis,
            "ahead": self._ahead,
            "total": self._total,
            "minutes": self._minutes,
        }
        return zlib.compress(json.dumps(state).encode(), 1)

    @classmethod
    def of(cls, state: bytes, deadline_ms: int) -> "Tally":
        """The tally that was kept for the same deadline."""
        kept, tally = json.loads(zlib.decompress(state)), cls(deadline_ms)
        tally._newest, tally._millis, tally._ahead = kept["newest"], kept["millis"], kept["ahead"]
        tally._statuses = Counter({int(status): n for status, n in kept["statuses"].items()})
        tally._total = kept["total"]
        tally._minutes = {int(minute): span for minute, span in kept["minutes"].items()}
        return tally


def _span(counted: Sequence[int]) -> Span:
    return Span(counted[0], tuple(counted[1:]))


def cumulated(deadline_ms: int, span: Span) -> list[tuple[float, int]]:
    """(Upper end in seconds, requests up to it), the last end infinite: a histogram's buckets."""
    ends = [*(edge / 1000 for edge in edges(deadline_ms)), float("inf")]
    return list(zip(ends, accumulate(span.classes), strict=True))
