"""What callers of the service saw, as the log tells it: requests, their status, how long they took."""

import logging
import os
import signal
import socket
import sys
from functools import partial

import prometheus_client as prometheus

from monitor.traffic.book import Book
from monitor.traffic.exporter import Exporter
from monitor.traffic.follow import Follower
from movielog.ingest import Stop, Stopped, patiently
from movielog.source import LogError, open_log
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import Store, StoreError

logger = logging.getLogger("api_monitor")

GROUP = "marquee-api-monitor"
"""The group of readers that the monitor is."""


def main() -> int:
    """Count until SIGTERM or SIGINT, which end the process once what was counted is written."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.ask)
    signal.signal(signal.SIGINT, stop.ask)
    try:
        run(read_settings(os.environ), stop)
    except Stopped:
        logger.info("ended while waiting; what was not counted is counted next time")
    except (SettingsError, LogError, StoreError, OSError) as error:
        print(f"api_monitor: {error}", file=sys.stderr)
        return 2
    return 0


def run(settings: Settings, stop: Stop) -> None:
    """Serve the metrics and count."""
    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    exporter = Exporter(registry)
    if settings.metrics_port:
        prometheus.start_http_server(settings.metrics_port, settings.listen, registry)
    store = patiently(lambda: exporter.failures.tried(partial(open_store, settings.store_url)), stop)
    try:
        _follow(settings, store, exporter, stop)
    finally:
        store.close()


def _follow(settings: Settings, store: Store, exporter: Exporter, stop: Stop) -> None:
    holder = f"{socket.gethostname()}:{settings.metrics_port or os.getpid()}"
    book = Book(store, settings.movielog_url, settings.deadline_ms, holder)
    Follower(book, partial(open_log, settings.movielog_url, GROUP), exporter).run(stop)


if __name__ == "__main__":
    raise SystemExit(main())
