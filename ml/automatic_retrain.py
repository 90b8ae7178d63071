"""Retrain every few days on the latest days, for the label that is due; what passes the gate serves.

docs/retraining.md tells what is due when, what the gate asks, and what stops a run.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import prometheus_client as prometheus
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

from ml.retraining import parameters
from ml.retraining.lease import LeaseLostError
from ml.retraining.parameters import ParameterError
from ml.retraining.retrainer import Retrainer
from ml.tracking import TrackingError
from movielog.times import last_instant
from settings import Settings, SettingsError, read_settings
from store.port import ARMS, PUBLISHED, StoreError

logger = logging.getLogger("retrain")

_PASSING = (StoreError, TrackingError, LeaseLostError, OSError)
"""What may be over by the next look."""
_WRONG = (*_PASSING, SettingsError, ParameterError, ValueError)


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """The process was asked to end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Look for what is due until asked to end, or retrain once: 1 where its model does not serve."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    registry = prometheus.CollectorRegistry()
    try:
        settings = read_settings(os.environ)
        given = parameters.read(Path(settings.params), settings.neighbours)
        retrainer = Retrainer(settings, given, registry)
        if arguments.once:
            return int(retrainer.once(arguments.label, arguments.now).outcome != PUBLISHED)
        _show_metrics(settings, registry)
        _follow(retrainer, arguments)
    except (Stopped, KeyboardInterrupt):
        return 0 if not arguments.once else 130
    except _WRONG as error:
        print(f"automatic_retrain: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.automatic_retrain", description=__doc__)
    parser.add_argument("--once", action="store_true", help="retrain now, due or not, and end")
    parser.add_argument("--label", type=int, choices=ARMS, help="with --once: the model's label and arm")
    parser.add_argument(
        "--now",
        type=_moment,
        metavar="WHEN",
        help="where the log is taken to end: 2022-04-12, or a time, UTC",
    )
    parser.add_argument(
        "--every",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="from one look at what is due to the next",
    )
    return parser


def _moment(text: str) -> int:
    """The last ns of the day or time that a text names."""
    try:
        return last_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _show_metrics(settings: Settings, registry: prometheus.CollectorRegistry) -> None:
    prometheus.ProcessCollector(registry=registry)
    if settings.metrics_port:
        prometheus.start_http_server(settings.metrics_port, settings.listen, registry)


def _follow(retrainer: Retrainer, arguments: argparse.Namespace) -> None:
    """Look now and every few seconds until SIGTERM, SIGINT (both raise Stopped) or a programming error."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    scheduler = BlockingScheduler(executors={"default": DebugExecutor()}, timezone="UTC")
    ends: list[BaseException] = []

    def look() -> None:
        try:
            retrainer.look(arguments.now)
        except _PASSING as error:
            logger.error("looked in vain, the next time in %g s: %s", arguments.every, error)
        except BaseException as error:  # the scheduler would go on
            ends.append(error)
            Thread(target=scheduler.shutdown, args=(False,)).start()  # it waits for this look to be over

    at_once = datetime.now(UTC)
    options = {"seconds": arguments.every, "misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    scheduler.add_job(look, "interval", next_run_time=at_once, **options)
    scheduler.start()
    for error in ends:
        raise error


def _stop(*_: object) -> None:
    raise Stopped


if __name__ == "__main__":
    raise SystemExit(main())
