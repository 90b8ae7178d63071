"""How good the KNN is on ratings of MovieLens, beside what else there is.

Per user the last fifth of the ratings in time is held out and foretold from the rest.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ml.baselines import UnavailableError, all_of, nearest
from ml.evaluation import Held, Recommender, held_out, last_fifth, quality
from ml.knn import Params
from ml.matrix import interactions
from movielog.events import SECOND

_HEAD = f"{'':24}{'recall@20':>10}{'nDCG@20':>10}{'seconds':>10}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 where the folder holds no ratings, with the reason."""
    arguments = _parser().parse_args(argv)
    try:
        table = read_movielens(arguments.data)
    except (OSError, ValueError) as error:
        print(f"offline: {arguments.data}: no ratings.csv of MovieLens: {error}", file=sys.stderr)
        return 2
    _print_table(table, Params(neighbours=arguments.neighbours), arguments.validation)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.offline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a MovieLens folder with ratings.csv")
    parser.add_argument("--neighbours", type=int, default=Params.neighbours, help="per movie")
    parser.add_argument(
        "--validation",
        action="store_true",
        help="leave the held-out part aside and foretell the last fifth of the rest, to choose settings by",
    )
    return parser


def read_movielens(folder: Path) -> pd.DataFrame:
    """The snapshot of a MovieLens folder; ValueError where the columns are not user, movie, rating, time."""
    ratings = pd.read_csv(folder / "ratings.csv")
    names = [str(name) for name in ratings.columns]
    if [name.lower().replace("_", "") for name in names] != ["userid", "movieid", "rating", "timestamp"]:
        raise ValueError(f"its columns are {', '.join(names)}")
    ratings.columns = pd.Index(["user", "movie", "rating", "time"])
    return ratings.assign(
        movie=ratings["movie"].astype("str").astype("category"), time=ratings["time"] * SECOND, minutes=0
    )


def _print_table(table: pd.DataFrame, params: Params, validation: bool) -> None:
    known, later = last_fifth(table)
    if validation:
        known, later = last_fifth(known)
    held, data = held_out(later), interactions(known)
    print(f"{known['user'].nunique()} users, {known['movie'].nunique()} movies, {len(known)} ratings, "
          f"{len(later)} held out")  # fmt: skip
    print(_HEAD)
    for name, baseline in all_of(params).items():
        try:
            _print_row(name, held, time.perf_counter(), baseline(data))
        except UnavailableError as reason:
            print(f"{name:24}left out: {reason}")
    _print_row(f"KNN, {params.neighbours} neighbours", held, time.perf_counter(), nearest(data, params))


def _print_row(name: str, held: Held, started: float, recommend: Recommender) -> None:
    found = quality(recommend, held)
    print(f"{name:24}{found.recall:10.4f}{found.ndcg:10.4f}{time.perf_counter() - started:10.1f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
