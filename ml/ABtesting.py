"""Compare the two arms' models on live users, hour by hour, or at once over what is stored."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from math import ceil
from pathlib import Path

if not __package__:  # run by its path: the packages are one folder up
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from ml.abtest import experiment as experiments
from ml.abtest import plan, tables
from ml.abtest.experiment import Experiment
from ml.abtest.keeping import Keeper
from ml.abtest.looks import Clock, Schedule, Watch, at_once, by_clock, by_events, patiently
from ml.abtest.origins import origins
from ml.experiment.inference import METRICS, NotEnoughDataError
from ml.running.feeder import newest
from ml.split import parse_split
from movielog.events import DAY, SECOND
from movielog.times import instant, iso, last_instant
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import Store, StoreError, Window

_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY}
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smhd]?)")
_SAID_EVERY = 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Follow the experiment and write what was found; 2 where it cannot be done, with the reason."""
    arguments = _parser().parse_args(argv)
    progress = Progress()
    try:
        settings = read_settings(os.environ)
        with closing(open_store(settings.store_url)) as store:
            return int(arguments.run(store, settings, arguments, progress))
    except (StoreError, SettingsError, NotEnoughDataError, ValueError, OSError) as error:
        progress.end()
        print(f"ABtesting: {error}", file=sys.stderr)
        return 2


class Progress:
    """What is going on, on standard error: one line that is written over, or a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said = float("-inf")

    def __call__(self, text: str) -> None:
        if self._terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._said > _SAID_EVERY:
            print(text, file=sys.stderr, flush=True)
            self._said = time.monotonic()

    def share(self, done: float) -> None:
        """Reading, from 0 to 1."""
        self(f"reading: {done:.0%}")

    def end(self) -> None:
        """Make room for other output."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ml/ABtesting.py", description=__doc__, epilog=_EPILOG)
    parser.set_defaults(run=_compare)
    parser.add_argument("--hours", type=duration, default="5", help="how long to follow (default: 5)")
    parser.add_argument("--every", type=duration, default="1", help="from one look to the next (default: 1)")
    parser.add_argument(
        "--time", choices=("event", "clock"), default="event", help="whose hours: the events' (default), ours"
    )
    parser.add_argument("--since", type=_since, help="do it at once, from here on (ISO 8601, UTC)")
    parser.add_argument("--until", type=_until, help="up to the end of this day, minute or second")
    parser.add_argument(
        "--open-ended", action="store_true", help="look as often as you like, until Ctrl-C; needs more users"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the results (default: here)")
    _add_plan(parser.add_subparsers(metavar="plan").add_parser("plan", help="users and days for an effect"))
    return parser


_EPILOG = (
    "Durations are hours, or 90s, 10m, 2h, 3d. Results: experiment.json, .csv, .html and a PNG of each plot; "
    "each look also goes to the store."
)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_plan)
    parser.add_argument("--days", type=float, default=7.0, help="of traffic to look at (default: 7)")
    parser.add_argument("--looks", type=int, default=5, help="at the experiment (default: 5)")
    parser.add_argument(
        "--effect", type=_effect, action="append", default=[], metavar="METRIC=X", help="difference to find"
    )


def duration(text: str) -> int:
    """Nanoseconds of `90s`, `10m`, `2h`, `3d`, or a number of hours."""
    found = _DURATION.fullmatch(text)
    length = round(float(found[1]) * _UNITS[found[2] or "h"]) if found else 0
    if not length:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 5, 90s, 10m, 2h or 3d")
    return length


def _since(text: str) -> int:
    return _time(instant, text)


def _until(text: str) -> int:
    return _time(last_instant, text) + 1


def _time(read: Callable[[str], int], text: str) -> int:
    try:
        return read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2022-04-12T15:00") from None


def _effect(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    keys = [metric.key for metric in METRICS]
    try:
        effect = float(value)
    except ValueError:
        effect = 0.0
    if name not in keys or not 0 < abs(effect) < 5:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {' or '.join(keys)}, then =0.01 for example")
    return name, effect


# comparing


def _compare(store: Store, settings: Settings, arguments: argparse.Namespace, progress: Progress) -> int:
    past = arguments.since is not None or arguments.until is not None
    experiment, schedule, clock = (_past if past else _live)(store, arguments)
    print(_head(store, experiment, schedule, settings.split), flush=True)
    known = origins(settings.provenance, experiment.models.values())
    keeper = Keeper(store, experiment, settings.split, arguments.out, known)
    try:
        watch = Watch(store, experiment, parse_split(settings.split), progress)
        for look in watch.looks(schedule, clock):
            patiently(partial(keeper.add, look), progress)
            progress.end()
            if not past:
                keeper.write()
                _show(keeper)
    except KeyboardInterrupt:
        progress.end()
        print(f"stopped after {len(keeper)} looks; what was measured is kept", file=sys.stderr)
    if not len(keeper):
        return 130
    if past:
        _show(keeper)
    print(f"\n{tables.NOT_THE_TEST}\n\nwritten: {', '.join(map(str, keeper.write()))}")
    return 0


def _show(keeper: Keeper) -> None:
    looks = keeper.found["looks"]
    print(f"\n{tables.tables(looks)}\n\n{tables.verdict(looks[-1])}", flush=True)


def _live(store: Store, arguments: argparse.Namespace) -> tuple[Experiment, Schedule, Clock]:
    experiment = experiments.under_way(store.routes())
    events = arguments.time == "event"
    now = max(experiment.since, newest(store)) if events else time.time_ns()
    looks = None if arguments.open_ended else max(1, round(arguments.hours / arguments.every))
    return experiment, Schedule(now, arguments.every, looks), (by_events if events else by_clock)(store)


def _past(store: Store, arguments: argparse.Namespace) -> tuple[Experiment, Schedule, Clock]:
    ledger, since, end = store.routes(), arguments.since, newest(store)
    experiment = experiments.under_way(ledger) if since is None else experiments.since(ledger, since)
    until = min(arguments.until or end, end)
    if until <= experiment.since:
        raise ValueError(f"the experiment begins at {iso(experiment.since)}, and no later events are stored")
    looks = None if arguments.open_ended else ceil((until - experiment.since) / arguments.every)
    return experiment, Schedule(experiment.since, arguments.every, looks, until), at_once


def _head(store: Store, experiment: Experiment, schedule: Schedule, split: str) -> str:
    """What is compared, and what a reader should know before the first figure."""
    lines = [experiment.name, f"split {split}; arms as they were recorded with each answer"]
    if experiment.before is None:
        lines.append("what users did before is not reckoned in: the arms had different models then")
    if len(set(experiment.models.values())) == 1:
        lines.append("both arms have the same model: any difference is chance")
    within = Window(experiment.since, schedule.end or experiment.since)
    lines += [
        f"{each.action} of {iso(each.time)} changed a model meanwhile"
        for each in experiments.changes_within(store.routes(), within)
    ]
    earlier = len(store.evaluations(experiment.name))
    if earlier:
        lines.append(
            f"looked at {earlier} times before: the 5% hold for the looks of one run, "
            "or of all with --open-ended"
        )
    return "\n".join(lines)


# planning


def _plan(store: Store, settings: Settings, arguments: argparse.Namespace, progress: Progress) -> int:
    seen = plan.traffic(store, plan.lately(store, arguments.days), progress.share)
    progress.end()
    share2 = parse_split(settings.split).share2 or 0.5
    print(tables.plan(seen, plan.needs(seen, dict(arguments.effect), share2, arguments.looks), share2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
