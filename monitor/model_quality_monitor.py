"""What viewers do with what they are recommended, by arm and model, and whether the world has drifted."""

import logging
import os
import sys
import time
from functools import partial

import prometheus_client as prometheus

from ml.split import parse_split
from monitor.quality.assessor import Assessor
from monitor.quality.exporter import Exporter
from monitor.quality.history import History
from movielog.stopping import Stop, Stopped, patiently
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import Store, StoreError, StoreUnavailable

logger = logging.getLogger("model_quality_monitor")

PAUSE_SECONDS = 10.0
LARGEST_SHARE = 0.2
"""Of the time that is spent on updates: a longer one is followed by a longer pause."""


def main() -> int:
    """Update the figures until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        run(read_settings(os.environ), Stop.at_signals())
    except Stopped:
        pass
    except (SettingsError, StoreError, ValueError, OSError) as error:
        print(f"model_quality_monitor: {error}", file=sys.stderr)
        return 2
    return 0


def run(settings: Settings, stop: Stop) -> None:
    """Serve the metrics and keep them up to date."""
    split = parse_split(settings.split)
    registry = prometheus.CollectorRegistry()
    prometheus.ProcessCollector(registry=registry)
    exporter = Exporter(registry)
    if settings.metrics_port:
        prometheus.start_http_server(settings.metrics_port, settings.listen, registry)
    store = patiently(lambda: exporter.failures.tried(partial(open_store, settings.store_url)), stop)
    try:
        follow(store, Assessor(store, split, settings.window_days), exporter, stop)
    finally:
        store.close()


def follow(store: Store, assessor: Assessor, exporter: Exporter, stop: Stop) -> None:
    """Update again and again until asked to end (Stopped); a store that is away is asked again."""
    history = patiently(lambda: exporter.failures.tried(lambda: History(store)), stop)
    while True:
        began = time.monotonic()
        try:
            exporter.failures.tried(partial(_update, assessor, exporter, history))
        except StoreUnavailable as away:
            logger.warning("the figures stay as they are: %s", away)
        took = time.monotonic() - began
        stop.sleep(max(PAUSE_SECONDS, took / LARGEST_SHARE - took))


def _update(assessor: Assessor, exporter: Exporter, history: History) -> None:
    began = time.monotonic()
    figures = assessor.update()
    exporter.show(figures, time.monotonic() - began)
    history.keep(figures, int(time.time()))


if __name__ == "__main__":
    raise SystemExit(main())
