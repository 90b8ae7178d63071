"""An audience that lives now: it asks for recommendations, watches, rates, and all that goes into the log."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from queue import SimpleQueue

from numpy.random import Generator

from movielog.audience.behaviour import Response, respond
from movielog.audience.caller import Asked, Caller
from movielog.audience.damage import with_damage
from movielog.audience.model import Audience
from movielog.audience.outlet import Outlet
from movielog.events import SECOND, Event, Rated, Watched
from movielog.format import format_event

logger = logging.getLogger(__name__)

TICK = 0.05
"""Seconds from one writing to the next."""
UNKNOWN_IDS = range(1_000_000_000, 2_000_000_000)
"""Ids of users whom nobody has met before."""
OUTAGE = 5
"""So many failed requests in a row are worth a word."""

_OK = 200


@dataclass(frozen=True)
class Pace:
    """How fast life goes.

    rate: requests a second. speed: minutes of movies per minute of ours. threads: requests under way at once.
    damaged: share of damaged lines. unknown: share of requests for users never met. appeal: factor on the
    chance to follow a recommendation, by arm; 1 where an arm is not named.
    """

    rate: float
    speed: float
    threads: int
    damaged: float = 0.0
    unknown: float = 0.0
    appeal: Mapping[int, float] = field(default_factory=dict)


class Live:
    """One life of an audience before one service. `run` may be called once."""

    def __init__(
        self, audience: Audience, caller: Caller, outlet: Outlet, pace: Pace, rng: Generator
    ) -> None:
        self._audience, self._rng = audience, rng
        self._caller, self._outlet, self._pace = caller, outlet, pace
        self._diary = Diary()
        self._seen = defaultdict(set, {user: set(movies) for user, movies in audience.seen.items()})
        self._answers: SimpleQueue[tuple[int, Asked]] = SimpleQueue()
        self._asking = 0
        self._failures_in_a_row = 0
        self.requests = 0
        self.failures = 0

    def run(self, stopped: threading.Event, seconds: float = float("inf")) -> int:
        """Live until stopped or for so many seconds; returns how many lines the log never took."""
        end = time.monotonic() + seconds
        with ThreadPoolExecutor(self._pace.threads) as pool:
            arrivals = self._arrivals()
            while time.monotonic() < end and not stopped.wait(TICK):
                for _ in range(next(arrivals)):
                    self._send_one(pool)
                self._write_what_happened()
            pool.shutdown(cancel_futures=True)
        self._write_what_happened()
        return self._outlet.close()

    def _arrivals(self) -> Iterator[int]:
        """How many users came since the last time it was asked for: a Poisson process."""
        before = time.monotonic()
        while True:
            now = time.monotonic()
            yield int(self._rng.poisson(self._pace.rate * (now - before)))
            before = now

    def _send_one(self, pool: ThreadPoolExecutor) -> None:
        """A user asks; where twice as many wait as can be served at once, it goes away."""
        if self._asking < 2 * self._pace.threads:
            self._asking += 1
            place = int(self._audience.visitors(1, self._rng)[0])
            unknown = self._rng.random() < self._pace.unknown
            ids = UNKNOWN_IDS
            user = int(self._rng.integers(ids.start, ids.stop) if unknown else self._audience.users[place])
            pool.submit(lambda: self._answers.put((place, self._caller.ask(user))))

    def _write_what_happened(self) -> None:
        now = time.time_ns()
        while not self._answers.empty():
            self._take(*self._answers.get())
        lines = map(format_event, self._diary.until(now))
        self._outlet.write(list(with_damage(lines, self._pace.damaged, self._rng)))

    def _take(self, place: int, asked: Asked) -> None:
        """Note the request, and plan what its user does next."""
        self._asking -= 1
        self._count(asked)
        self._diary.plan(iter([asked.request]))
        user = asked.request.user
        seen = self._seen[place] if user not in UNKNOWN_IDS else set()
        appeal = self._pace.appeal.get(asked.arm or 0, 1.0)
        response = respond(self._audience, place, asked.request.movies, self._rng, appeal, seen)
        seen.add(response.movie)
        self._diary.plan(self._viewing(user, asked.request.time, response))

    def _count(self, asked: Asked) -> None:
        failed = asked.request.status != _OK
        self.requests += 1
        self.failures += failed
        if not failed and self._failures_in_a_row >= OUTAGE:
            logger.warning("the service answers again")
        self._failures_in_a_row = failed * (self._failures_in_a_row + 1)
        if self._failures_in_a_row == OUTAGE:
            logger.warning("the service fails: status %d, %s", asked.request.status, asked.request.error)

    def _viewing(self, user: int, asked: int, response: Response) -> Iterator[Event]:
        """The events of one viewing, which begins within five minutes of the movie's time."""
        movie, minute = self._audience.movies[response.movie], 60 * SECOND / self._pace.speed
        began = asked + (1 + 4 * self._rng.random()) * minute
        yield from (Watched(round(began + i * minute), user, movie, i) for i in range(response.minutes))
        if response.rating:
            yield Rated(round(began + (response.minutes + 1) * minute), user, movie, response.rating)


class Diary:
    """What is going to happen, and when."""

    def __init__(self) -> None:
        self._next: list[tuple[int, int, Event, Iterator[Event]]] = []
        self._order = count()

    def plan(self, events: Iterator[Event]) -> None:
        """Events by time."""
        for event in events:
            heappush(self._next, (event.time, next(self._order), event, events))
            return

    def until(self, now: int) -> Iterator[Event]:
        """Everything planned that happens until `now` (ns), by time; it is not planned any more."""
        while self._next and self._next[0][0] <= now:
            _, _, event, others = heappop(self._next)
            yield event
            self.plan(others)
