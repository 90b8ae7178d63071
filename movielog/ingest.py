"""The log -> the store: read, parse, fold, write, and only then commit."""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

import prometheus_client as prometheus

from movielog.events import DAY, Rated, Requested, Watched
from movielog.parse import MalformedLine, parse_line
from movielog.port import Log, LogError
from movielog.source import open_log
from movielog.stopping import Stop, Stopped, patiently
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import Batch, Quarantined, Store, StoreError, Viewing

logger = logging.getLogger("ingest")

GROUP = "marquee-ingest"
"""The group of readers that all ingesting processes belong to."""
LONGEST_RAW = 2_048
"""Bytes of a malformed line that are kept."""

_READ_SECONDS = 0.5
_REPORT_SECONDS = 5.0
_RETRIED_AT_ONCE = 10_000


def aggregate(lines: Sequence[bytes], position: Callable[[int], str]) -> Batch:
    """What the lines tell, minutes folded into viewings; `position(i)` is the place of line i in the log."""
    viewings: dict[tuple[int, int, str], list[int]] = {}
    ratings: list[Rated] = []
    requests: list[Requested] = []
    quarantined = []
    for number, line in enumerate(lines):
        try:
            event = parse_line(line)
        except MalformedLine as malformed:
            raw = line[:LONGEST_RAW]
            quarantined.append(Quarantined(position(number), malformed.reason, raw, len(line)))
            continue
        if isinstance(event, Watched):
            _fold(viewings, event)
        elif isinstance(event, Rated):
            ratings.append(event)
        else:
            requests.append(event)
    folded = [Viewing(day, user, movie, *seen) for (day, user, movie), seen in viewings.items()]
    return Batch(folded, ratings, requests, quarantined)


def _fold(viewings: dict[tuple[int, int, str], list[int]], watched: Watched) -> None:
    """Add a minute to its viewing: first time, last time, minutes."""
    time, user, movie, minute = watched
    seen = viewings.get(key := (time // DAY, user, movie))
    if seen is None:
        viewings[key] = [time, time, 1 << minute]
        return
    if time < seen[0]:
        seen[0] = time
    elif time > seen[1]:
        seen[1] = time
    seen[2] |= 1 << minute


class Progress:
    """What was ingested, as metrics and as a line every few seconds."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        self._lines = prometheus.Counter(
            "ingest_lines", "Lines written to the store.", ["kind"], registry=registry
        )
        self._malformed = prometheus.Counter(
            "ingest_malformed", "Lines put in quarantine.", ["reason"], registry=registry
        )
        self._lag = prometheus.Gauge(
            "ingest_lag", "Not read yet: bytes of a file, messages of a topic.", registry=registry
        )
        self._total = self._reported = 0
        self._reasons: Counter[str] = Counter()
        self._since = time.monotonic()

    def count(self, lines: int, batch: Batch) -> None:
        """A batch of so many lines was written."""
        others = {"rated": batch.ratings, "requested": batch.requests, "malformed": batch.quarantined}
        for kind, found in others.items():
            self._lines.labels(kind).inc(len(found))
        self._lines.labels("watched").inc(lines - sum(map(len, others.values())))
        reasons = Counter(line.reason for line in batch.quarantined)
        for reason, number in reasons.items():
            self._malformed.labels(reason).inc(number)
        self._total += lines
        self._reasons += reasons

    def report_sometimes(self, log: Log) -> None:
        """Report where the last report is some seconds old."""
        if time.monotonic() - self._since > _REPORT_SECONDS:
            self.report(log)

    def report(self, log: Log) -> None:
        """Set the lag; say what came since the last report, where anything did."""
        lag, now = log.lag(), time.monotonic()
        self._lag.set(float("nan") if lag is None else lag)
        if self._total > self._reported:
            rate = (self._total - self._reported) / (now - self._since)
            left = "unknown" if lag is None else f"{lag:,}"
            logger.info(
                "%s lines, %s a second, lag %s, %s",
                f"{self._total:,}",
                f"{rate:,.0f}",
                left,
                _listed(self._reasons),
            )
        self._reported, self._since = self._total, now


def _listed(reasons: Counter[str]) -> str:
    listed = ", ".join(f"{reason} {number:,}" for reason, number in reasons.most_common())
    return f"{reasons.total():,} malformed" + (f" ({listed})" if listed else "")


def ingest(log: Log, store: Store, progress: Progress, stop: Stop, limit: int, once: bool) -> None:
    """Write the log to the store, at most `limit` lines at once, until asked to end or `once` to its end."""
    while not stop.asked:
        chunk = log.read(limit, _READ_SECONDS)
        if chunk.lines:
            batch = aggregate(chunk.lines, chunk.position)
            patiently(partial(store.record, batch), stop)
            log.commit()
            progress.count(len(chunk.lines), batch)
        elif once and log.lag() == 0:
            break
        progress.report_sometimes(log)
    progress.report(log)


def retry_quarantine(store: Store) -> Counter[str]:
    """Parse the quarantined lines again and release those that tell an event now.

    Lines by outcome: `parsed`, `truncated` (only their beginning was kept, they stay), or the reason to stay.
    """
    outcomes: Counter[str] = Counter()
    for lines in _parts(store.quarantined(), _RETRIED_AT_ONCE):
        whole = [line for line in lines if line.size == len(line.raw)]
        positions = [line.position for line in whole]
        batch = aggregate([line.raw for line in whole], positions.__getitem__)
        store.record(batch)
        store.release(sorted({*positions} - {line.position for line in batch.quarantined}))
        outcomes["truncated"] += len(lines) - len(whole)
        outcomes["parsed"] += len(whole) - len(batch.quarantined)
        outcomes.update(line.reason for line in batch.quarantined)
    return outcomes


def _parts(lines: Iterable[Quarantined], size: int) -> Iterator[list[Quarantined]]:
    rest = iter(lines)
    while part := list(islice(rest, size)):
        yield part


def main(argv: Sequence[str] | None = None) -> int:
    """Ingest until SIGTERM or SIGINT, which end the process once the batch at hand is written."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        _run(read_settings(os.environ), arguments, Stop.at_signals())
    except Stopped:
        logger.warning("stopped while the store was away; what was not written is read again")
    except (SettingsError, LogError, StoreError, OSError) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m movielog.ingest", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end where the log ends")
    parser.add_argument(
        "--batch", type=_at_least_one, default=200_000, metavar="LINES", help="lines written at once at most"
    )
    parser.add_argument(
        "--retry-quarantine", action="store_true", help="parse the quarantined lines again, then end"
    )
    return parser.parse_args(argv)


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:18]) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text[:18])


def _run(settings: Settings, arguments: argparse.Namespace, stop: Stop) -> None:
    store = patiently(partial(open_store, settings.store_url), stop)
    try:
        if arguments.retry_quarantine:
            outcomes = retry_quarantine(store)
            print(f"{outcomes.pop('parsed', 0):,} lines parsed and released; {_listed(+outcomes)}")
        else:
            _follow(settings, arguments, store, stop)
    finally:
        store.close()


def _follow(settings: Settings, arguments: argparse.Namespace, store: Store, stop: Stop) -> None:
    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    if settings.metrics_port:
        prometheus.start_http_server(settings.metrics_port, settings.listen, registry)
    log = open_log(settings.movielog_url, GROUP)
    try:
        ingest(log, store, Progress(registry), stop, arguments.batch, arguments.once)
    finally:
        log.close()


if __name__ == "__main__":
    raise SystemExit(main())
