"""Train the model of one label on the latest days, keep it in the store and let it serve the label's arm."""

import argparse
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

if not __package__:  # run by its path: the packages are one folder up
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from ml import engines, routes, snapshot
from ml.engines import EngineError
from ml.evaluation import Quality
from ml.knn import KnnModel, Nearest
from ml.matrix import interactions
from ml.retraining import parameters
from ml.retraining.parameters import ParameterError
from ml.training import LastDay, foretell_last_day, keep, last_day, train
from movielog.times import day_of
from settings import Settings, SettingsError, read_settings
from store import open_store
from store.port import ARMS, ModelRef, Store, StoreError, Window


class Progress:
    """Says on standard error what was done, and keeps the `seconds` of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def done(self, step: str) -> None:
        """Name what was done since the last call."""
        now = time.perf_counter()
        self.seconds[step] = now - self._since
        print(f"{step} in {self.seconds[step]:.1f} s", file=sys.stderr, flush=True)
        self._since = now


def main(argv: Sequence[str] | None = None) -> int:
    """Train and publish one model and print a report; 2 where it cannot be done, with the reason."""
    arguments = _parser().parse_args(argv)
    try:
        settings = read_settings(os.environ)
        with closing(open_store(settings.store_url)) as store:
            print(_run(store, settings, arguments, engines.chosen(arguments, os.environ)))
    except (EngineError, StoreError, SettingsError, ParameterError, ValueError) as error:
        print(f"KNN_recommendation: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.KNN_recommendation", description=__doc__)
    parser.add_argument("label", type=int, choices=ARMS, help="the model's label, and the arm that it serves")
    parser.add_argument(
        "--until", type=_date, help="last day of the window, UTC (default: the newest event's)"
    )
    parser.add_argument("--days", type=_days, help="days of the window (default: WINDOW_DAYS)")
    engines.add_arguments(parser)
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2022-04-08") from None


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 3650):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to 3650")
    return int(text)


def _run(store: Store, settings: Settings, arguments: argparse.Namespace, engine: Nearest) -> str:
    progress = Progress()
    newest = _newest_day(store, settings)
    window = Window.until(arguments.until or newest, arguments.days or settings.window_days)
    table = snapshot.take(store, window)
    progress.done("read")
    if table.empty:
        raise ValueError(f"nobody watched or rated anything {_span(window)}; the newest event is of {newest}")
    params = parameters.read(Path(settings.params), settings.neighbours).knn
    model = train(interactions(table), arguments.label, window, params, engine)
    progress.done("trained")
    measured = foretell_last_day(table, window, params)
    progress.done("measured")
    ref = keep(store, model)
    routes.publish(store, arguments.label, ref, f"trained on the days {_span(window)}")
    progress.done("published")
    return _report(ref, model, progress.seconds, measured)


def _newest_day(store: Store, settings: Settings) -> date:
    newest = store.newest()
    if newest is None:
        raise ValueError(
            f"the store {settings.store_url} holds no events; fill it: python -m movielog.ingest"
        )
    return day_of(newest)


def _span(window: Window) -> str:
    return f"from {day_of(window.start)} to {last_day(window)}"


def _report(ref: ModelRef, model: KnnModel, seconds: Mapping[str, float], measured: LastDay) -> str:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = (
        f"{len(model.tables.users)} users, {len(model.movies)} movies, {len(model.tables.movie)} interactions"
    )
    return "\n".join(
        [
            f"{ref.name}, SHA-256 {ref.digest}",
            f"window {_span(model.window)}: {counts}",
            ", ".join(f"{step} in {took:.1f} s" for step, took in seconds.items()) + f"; peak {peak:.0f} MiB",
            *_measured(measured),
        ]
    )


def _measured(measured: LastDay) -> Sequence[str]:
    if not measured.knn.users:
        return ["the last day cannot be foretold: none of its users were there on the days before"]
    head = f"the last day, foretold for {measured.knn.users} users from the days before:"
    return [head, _line("KNN", measured.knn), _line("popularity", measured.popularity)]


def _line(name: str, found: Quality) -> str:
    return f"  {name:12}recall@20 {found.recall:.4f}  nDCG@20 {found.ndcg:.4f}"


if __name__ == "__main__":
    raise SystemExit(main())
