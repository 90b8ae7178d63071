"""A training window as a file: `ratings.csv`, which gives the same model whenever it is trained on again."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ml import matrix
from store.port import Store, Window

_TYPES = {
    "user": pa.int64(),
    "movie": pa.dictionary(pa.int32(), pa.string()),
    "time": pa.int64(),
    "minutes": pa.int32(),
    "rating": pa.float64(),
}


def take(store: Store, window: Window) -> pd.DataFrame:
    """What every user saw in the window: a frame of `ml.matrix.snapshot`."""
    return matrix.snapshot(store.ratings(window), store.watches(window))


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a snapshot; the same snapshot is the same bytes."""
    columns = pa.Table.from_pandas(table[list(_TYPES)], preserve_index=False)
    movies = columns["movie"].cast(pa.string())
    csv.write_csv(columns.set_column(columns.schema.get_field_index("movie"), "movie", movies), path)


def read(path: Path) -> pd.DataFrame:
    """The snapshot of a file, as it was when it was written."""
    table: pd.DataFrame = csv.read_csv(
        path, convert_options=csv.ConvertOptions(column_types=_TYPES)
    ).to_pandas()
    return table.assign(movie=table["movie"].cat.reorder_categories(sorted(table["movie"].cat.categories)))
