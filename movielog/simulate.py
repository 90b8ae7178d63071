"""A virtual audience: write its past into the log, or let it live before a service."""

import argparse
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from movielog.audience.caller import Caller, server_of
from movielog.audience.damage import with_damage
from movielog.audience.history import history
from movielog.audience.invented import MOST_MOVIES, invented
from movielog.audience.learned import learned
from movielog.audience.live import Live, Pace
from movielog.audience.model import Audience
from movielog.audience.outlet import Outlet
from movielog.movielens import MovieLensError, read_movielens
from movielog.past import moment, write
from movielog.port import LogError
from settings import SettingsError, read_settings

MOST_THREADS = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command says; 2 where an option, the folder or the log is no good."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = _parser().parse_args(argv)
    try:
        arguments.log = arguments.log or read_settings(os.environ).movielog_url
        return int(arguments.run(arguments))
    except (MovieLensError, LogError, SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _audience(arguments: argparse.Namespace) -> Audience:
    if arguments.movielens:
        return learned(read_movielens(arguments.movielens))
    return invented(arguments.users, arguments.movies, arguments.seed)


def _history(arguments: argparse.Namespace) -> int:
    audience = _audience(arguments)
    past = history(audience, arguments.until, arguments.days, arguments.viewings, arguments.seed)
    lines = with_damage(past.lines(), arguments.damaged, np.random.default_rng([arguments.seed, 2]))
    written = write(arguments.log, lines, round(len(past.rows) / (1 - arguments.damaged)))
    print(f"{written:,} lines of {len(audience.users):,} users and {len(audience.movies):,} movies")
    return 0


def _live(arguments: argparse.Namespace) -> int:
    rate, seconds = arguments.rate, arguments.timeout_ms / 1000
    pace = Pace(
        rate=rate,
        speed=arguments.speed,
        threads=min(MOST_THREADS, math.ceil(1.5 * rate * seconds) + 2),
        damaged=arguments.damaged,
        unknown=arguments.new_users,
        appeal=arguments.arm_appeal,
    )
    caller = Caller(arguments.url, seconds, pace.threads)
    rng = np.random.default_rng([arguments.seed, time.time_ns()])
    live = Live(_audience(arguments), caller, Outlet(arguments.log), pace, rng)
    lost = live.run(_stopped_by_signals(), arguments.seconds)
    print(f"{live.requests:,} requests, {live.failures:,} failed; {lost:,} lines could not be written")
    return 0


def _stopped_by_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m movielog.simulate", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    past = commands.add_parser("history", help="write what it watched and rated in past days")
    past.set_defaults(run=_history)
    past.add_argument("--days", type=positive_number, default=6)
    past.add_argument(
        "--until", type=moment, default="now", metavar="TIME", help="the end of the days, or `now`"
    )
    past.add_argument("--viewings", type=positive_number, default=1.0, help="viewings begun per user and day")
    live = commands.add_parser("live", help="ask a service for recommendations, watch, rate")
    live.set_defaults(run=_live)
    _add_life(live)
    for command in (past, live):
        _add_audience(command)
    return parser


def _add_audience(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", metavar="URL", help="the log; MOVIELOG_URL by default")
    parser.add_argument("--users", type=count, default=1500)
    parser.add_argument("--movies", type=count, default=800, help=f"at most {MOST_MOVIES}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same audience")
    parser.add_argument(
        "--movielens", type=Path, metavar="DIR", help="an audience learned from these ratings"
    )
    parser.add_argument("--damaged", type=share, default=0.0, metavar="SHARE", help="of lines, below 1")


def _add_life(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", type=service, required=True, help="of the service, such as http://127.0.0.1:4000"
    )
    parser.add_argument("--rate", type=positive_number, default=10.0, help="requests a second")
    parser.add_argument(
        "--speed", type=positive_number, default=240.0, help="minutes of a movie per real minute"
    )
    parser.add_argument("--timeout-ms", type=positive_number, default=800.0, help="patience with the service")
    parser.add_argument(
        "--new-users", type=share, default=0.02, metavar="SHARE", help="of requests, never met"
    )
    parser.add_argument(
        "--arm-appeal",
        type=two_shares,
        default={},
        metavar="1.0,0.7",
        help="multiplies the chance to follow a recommendation of arm 1, of arm 2",
    )
    parser.add_argument(
        "--seconds", type=positive_number, default=math.inf, help="then end; without, at Ctrl-C"
    )


def positive_number(text: str) -> float:
    if not 0 < (number := float(text)) < math.inf:
        raise ValueError
    return number


def count(text: str) -> int:
    if not 1 <= (number := int(text)) <= MOST_MOVIES:
        raise ValueError
    return number


def service(text: str) -> str:
    server_of(text)
    return text


def share(text: str) -> float:
    if not 0 <= (number := float(text)) < 1:
        raise ValueError
    return number


def two_shares(text: str) -> Mapping[int, float]:
    factors = [float(part) for part in text.split(",")]
    if len(factors) != 2 or not all(0 <= factor <= 1 for factor in factors):
        raise ValueError
    return {1: factors[0], 2: factors[1]}


if __name__ == "__main__":
    raise SystemExit(main())
