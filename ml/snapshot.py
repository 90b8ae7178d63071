"""A training window as a file: `ratings.csv`, which gives the same model whenever it is trained on again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ml import matrix
from ml.data_checks import Counts
from movielog.events import DAY
from store.port import Store, Window

_TYPES = {
    "user": pa.int64(),
    "movie": pa.dictionary(pa.int32(), pa.string()),
    "time": pa.int64(),
    "minutes": pa.int32(),
    "rating": pa.float64(),
}

_WRITTEN = {"movie": pa.string()}
_AT_ONCE = 1 << 20


def take(store: Store, window: Window) -> pd.DataFrame:
    """What every user saw in the window: a frame of `ml.matrix.snapshot`."""
    return counted(store, window)[0]


def counted(store: Store, window: Window) -> tuple[pd.DataFrame, Counts]:
    """The same, and how many there are of what; read day by day, to keep only what a snapshot needs."""
    parts: list[pd.DataFrame] = []
    days = [_day(store, Window(start, start + DAY), parts) for start in range(window.start, window.end, DAY)]
    table = matrix.joined(parts)
    events, lines = np.array(days, np.int64).reshape(-1, 2).T
    return table, Counts(table["user"].nunique(), events, int(lines.sum()))


def _day(store: Store, day: Window, parts: list[pd.DataFrame]) -> tuple[int, int]:
    """Add a day's ratings and viewings; how many there are, and how many lines told of them."""
    ratings, watches = store.ratings(day), store.watches(day)
    parts += [matrix.rated(ratings), matrix.watched(watches)]
    return len(ratings) + len(watches), len(ratings) + int(watches["minutes"].sum())


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a snapshot; the same snapshot is the same bytes."""
    schema = pa.schema([(name, _WRITTEN.get(name, kind)) for name, kind in _TYPES.items()])
    with csv.CSVWriter(path, schema) as file:
        for start in range(0, len(table), _AT_ONCE):
            part = table.iloc[start : start + _AT_ONCE][list(_TYPES)]
            file.write(pa.Table.from_pandas(part, preserve_index=False).cast(schema))


def read(path: Path) -> pd.DataFrame:
    """The snapshot of a file, as it was when it was written."""
    table: pd.DataFrame = csv.read_csv(
        path, convert_options=csv.ConvertOptions(column_types=_TYPES)
    ).to_pandas(split_blocks=True, self_destruct=True)
    return table.assign(movie=table["movie"].cat.reorder_categories(sorted(table["movie"].cat.categories)))
