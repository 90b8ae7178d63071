"""What callers of the service saw, as the log tells it, and the status page."""

import logging
import os
import socket
import sys
from functools import partial

import prometheus_client as prometheus

from monitor.page.alerts import Alerts
from monitor.page.app import create_pages
from monitor.page.content import Content
from monitor.page.server import serve
from monitor.traffic.book import Book
from monitor.traffic.exporter import Exporter
from monitor.traffic.follow import Follower
from movielog.port import LogError
from movielog.source import open_log
from movielog.stopping import Stop, Stopped, patiently
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import Store, StoreError, StoreUnavailable

logger = logging.getLogger("api_monitor")

GROUP = "marquee-api-monitor"
"""The group of readers that the monitor is."""


def main() -> int:
    """Count until SIGTERM or SIGINT, which end the process once what was counted is written."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        run(read_settings(os.environ), Stop.at_signals())
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
    pages = _Pages(exporter)
    if settings.metrics_port:
        serve(
            create_pages(registry, pages.content, settings.service_url),
            settings.listen,
            settings.metrics_port,
        )
    store = patiently(lambda: exporter.failures.tried(partial(open_store, settings.store_url)), stop)
    pages.open(store)
    try:
        _follow(settings, store, exporter, stop)
    finally:
        store.close()


class _Pages:
    """The pages' content, which there is once the store is open."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._content: Content | None = None

    def open(self, store: Store) -> None:
        """The store is there."""
        self._content = Content(self._exporter, store, Alerts(store))

    def content(self) -> Content:
        """StoreUnavailable before."""
        if self._content is None:
            raise StoreUnavailable("it was not there yet since the monitor began")
        return self._content


def _follow(settings: Settings, store: Store, exporter: Exporter, stop: Stop) -> None:
    holder = f"{socket.gethostname()}:{settings.metrics_port or os.getpid()}"
    book = Book(store, settings.movielog_url, settings.deadline_ms, holder)
    Follower(book, partial(open_log, settings.movielog_url, GROUP), exporter).run(stop)


if __name__ == "__main__":
    raise SystemExit(main())
