"""The log counted as it grows, through failures of the log and of the store."""

import logging
import time
from collections.abc import Callable
from contextlib import closing, suppress

from monitor.traffic.book import Book, OthersTurnError
from monitor.traffic.exporter import Exporter
from monitor.traffic.tally import Tally
from movielog.port import Log
from movielog.stopping import Stop, patiently
from store.port import StoreUnavailable

logger = logging.getLogger(__name__)

READ_SECONDS = 0.5
KEEP_SECONDS = 2.0
AGAIN_SECONDS = 1.0
LINES = 50_000


class Follower:
    """Counts the log into a book, and shows what was counted once it is written there.

    While the store is away it is shown unwritten: only a process that is killed just then falls back behind
    what it showed. What fails is counted, and tried again.
    """

    def __init__(self, book: Book, open_at: Callable[[str], Log], exporter: Exporter) -> None:
        """`open_at` opens the log at a place."""
        self._book = book
        self._open_at = open_at
        self._exporter = exporter

    def run(self, stop: Stop) -> None:
        """Count until asked to end, whenever it is this process' turn."""
        while not stop.asked:
            try:
                self._take_turn(stop)
            except OthersTurnError:
                stop.sleep(AGAIN_SECONDS)
            except OSError as error:
                logger.warning("the log is read again from where it was counted to: %s", error)
                self._exporter.failures.count("log")
                stop.sleep(AGAIN_SECONDS)

    def _take_turn(self, stop: Stop) -> None:
        tally, place = patiently(lambda: self._exporter.failures.tried(self._book.read), stop)
        self._exporter.show(tally.traffic())
        with closing(self._open_at(place)) as log:
            self._count(log, tally, stop)
        with suppress(StoreUnavailable):
            self._book.close()

    def _count(self, log: Log, tally: Tally, stop: Stop) -> None:
        written, due, ending = log.place(), 0.0, False
        while not ending:
            ending = stop.asked
            tally.add(log.read(LINES, READ_SECONDS).lines, time.time_ns())
            if ending or time.monotonic() >= due:
                written = self._keep(log, tally, written)
                self._exporter.show_lag(log.lag())
                due = time.monotonic() + KEEP_SECONDS

    def _keep(self, log: Log, tally: Tally, written: str) -> str:
        """Write what is new and show it; the place up to which it is written."""
        try:
            place = self._exporter.failures.tried(lambda: self._written(log.place(), tally, written))
        except StoreUnavailable as away:
            logger.warning("what was counted is not written yet: %s", away)
            place = written
        self._exporter.show(tally.traffic())
        if place != written:
            with suppress(OSError):  # for others to see: the place that counts is in the book
                log.commit()
        return place

    def _written(self, place: str, tally: Tally, written: str) -> str:
        if place == written:
            self._book.hold()
        else:
            self._book.write(tally, place)
        return place
