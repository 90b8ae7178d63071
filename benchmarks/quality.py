"""How good the KNN is beside other recommenders: `python -m benchmarks.quality --data MOVIELENS`.

`python -m ml.offline` on a MovieLens folder and on made interactions (S), with the same settings for both.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from benchmarks import page
from benchmarks.datasets import FOLDER, VERSION, dataset
from benchmarks.report import Goal, Report, Table, machine
from benchmarks.training.processes import OF_PEERS

RECALL, NDCG = 0.165, 0.143


def main(argv: Sequence[str] | None = None) -> int:
    """Measure both and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a MovieLens folder with ratings.csv")
    data: Path = parser.parse_args(argv).data
    facts = machine("numpy", "scipy")
    tables = [_measured(f"MovieLens ({data.name})", data), _measured("Made interactions, S", _made())]
    page.publish(report(tables, facts))
    return 0


def _made() -> Path:
    """S as a MovieLens folder, times in seconds."""
    folder = FOLDER / f"S-1-v{VERSION}-ratings"
    if not (folder / "ratings.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = dataset("S")
        columns = {"userId": made.user, "movieId": made.movie, "rating": made.stars, "timestamp": made.second}
        pd.DataFrame(columns).to_csv(folder / "ratings.csv", index=False)
    return folder


def _measured(title: str, folder: Path) -> Table:
    python = OF_PEERS if OF_PEERS.exists() else sys.executable
    command = [python, "-m", "ml.offline", "--data", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    counts, *_ = done.stdout.splitlines()
    head = ("", "recall@20", "nDCG@20", "s")
    return Table(f"{title}: {counts}", head, sorted(rows(done.stdout), key=lambda row: -float(row[1])))


def rows(printed: str) -> Iterator[Sequence[str]]:
    """Name, recall, nDCG and seconds of each line that `ml.offline` printed of a recommender."""
    for line in printed.splitlines()[2:]:
        name, *figures = line[:24].strip(), *line[24:].split()
        if len(figures) == 3:
            yield [name, *figures]


def report(tables: Sequence[Table], facts: dict[str, str]) -> Report:
    """The section of the page; the goals are those of MovieLens, the first table."""
    ((_, recall, ndcg, _),) = (row for row in tables[0].rows if str(row[0]).startswith("KNN"))
    goals = [
        Goal("recall@20 on MovieLens small", float(recall), RECALL, most=False),
        Goal("nDCG@20 on MovieLens small", float(ndcg), NDCG, most=False),
    ]
    return Report("quality", "python -m benchmarks.quality --data MOVIELENS", facts, goals, tables)


if __name__ == "__main__":
    raise SystemExit(main())
