"""A training window as a file: `ratings.csv`, which gives the same model whenever it is trained on again."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ml import matrix
from ml.data_checks import Counts
from movielog.events import DAY
from store import frames
from store.port import Store, Window

_TYPES = {
    "user": pa.int64(),
    "movie": pa.dictionary(pa.int32(), pa.string()),
    "time": pa.int64(),
    "minutes": pa.int32(),
    "rating": pa.float64(),
}

_WRITTEN = {"movie": pa.string()}
_READ = {"user": np.int64, "movie": np.int32, "time": np.int64, "minutes": np.int32, "rating": np.float64}
"""Movies by a number, until all of them are known."""
_AT_ONCE = 1 << 20
_BLOCK = 1 << 22
"""Bytes of a file read at a time."""


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
    """The snapshot of a file, as it was when it was written; memory beyond it is a few blocks of the file."""
    size = _rows_of(path)
    columns = {name: np.empty(size, kind) for name, kind in _READ.items()}
    numbers: dict[str, int] = {}
    start = 0
    for batch in _batches(path):
        part = slice(start, start := start + batch.num_rows)
        for name, column in columns.items():
            column[part] = _values(batch.column(name), numbers)
    movie = frames.category(columns["movie"], list(numbers))
    return pd.DataFrame(columns | {"movie": movie}, copy=False)


def _rows_of(path: Path) -> int:
    """Lines but for the heading."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, _BLOCK), b"")) - 1


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    kept, kinds = csv.ReadOptions(block_size=_BLOCK), csv.ConvertOptions(column_types=_TYPES)
    with csv.open_csv(path, kept, convert_options=kinds) as batches:
        yield from batches


def _values(column: pa.Array, numbers: dict[str, int]) -> Any:
    """Numbers as they are, NaN for none; texts by their number, a new one where they have none yet."""
    if not isinstance(column, pa.DictionaryArray):
        return column.to_numpy(zero_copy_only=False)
    known = [numbers.setdefault(text, len(numbers)) for text in column.dictionary.to_pylist()]
    return np.array(known, np.int32)[column.indices.to_numpy()]
