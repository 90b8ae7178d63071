"""The nearest movies by Apache Spark: rows go to the blocks that need them, blocks' keys to their movies.

The driver holds the matrix and the result; the pairs, whose number grows with the square of what users see,
are the executors' work. They need this code and its libraries: the same path, or an image with them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ml.engines import blocks
from ml.engines.blocks import Array, Rows
from ml.kernels import neighbours
from ml.kernels.neighbours import Measure
from ml.knn import Nearest

_BLOCKS_PER_CORE, _CHUNKS_PER_CORE = 4, 4
_MERGED_AT_ONCE = 4096
_ROWS = "lengths binary, items binary"
_NEEDED = f"block int, {_ROWS}"
_BEST = "part int, movies binary, keys binary"


class EngineError(Exception):
    """Why Spark cannot be used, and what is needed."""


def nearest(master: str) -> Nearest:
    """The engine on a master, such as `local[2]` or `spark://host:7077`; spark-defaults.conf has the rest."""

    def found(indptr: Array, items: Array, measure: Measure, k: int) -> tuple[Array, Array]:
        with _session(master) as spark:
            return neighbours.listed(_keys(spark, indptr, items, measure, k))

    return found


@contextmanager
def _session(master: str) -> Iterator[Any]:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise EngineError("pyspark is not installed: pip install -r requirements-spark.txt") from None
    try:
        spark = SparkSession.builder.appName("marquee").master(master).getOrCreate()
    except Exception as error:  # Java missing, or a master that does not answer: Spark has its own kinds
        raise EngineError(f"Spark does not start with master {master}: {error}") from None
    try:
        yield spark
    finally:
        spark.stop()


def _keys(spark: Any, indptr: Array, items: Array, measure: Measure, k: int) -> Array:
    """Movies x k, as `neighbours.best_keys` would give them."""
    cores, movies = spark.sparkContext.defaultParallelism, measure.norm.size
    parts = blocks.blocks(indptr, items, movies, _BLOCKS_PER_CORE * cores)
    rows = _table(blocks.chunks(indptr, items, _CHUNKS_PER_CORE * cores))
    best = (
        spark.createDataFrame(rows, _ROWS)
        .repartition(_CHUNKS_PER_CORE * cores)
        .mapInArrow(partial(_sent, parts=parts), _NEEDED)
        .groupBy("block")
        .applyInArrow(_on_tables(partial(_met, parts=parts, measure=measure, k=k)), _BEST)
        .groupBy("part")
        .applyInArrow(_on_tables(partial(_put_together, movies=movies, k=k)), _BEST)
    )
    keys = np.zeros((movies, k), np.uint64)
    for row in best.toArrow().to_pylist():
        keys[np.frombuffer(row["movies"], np.int32)] = np.frombuffer(row["keys"], np.uint64).reshape(-1, k)
    return keys


def _on_tables(work: Callable[[pa.Table], pa.Table]) -> Callable[[pa.Table], pa.Table]:
    """The same with annotations, by which Spark knows that it takes whole tables."""

    def on_table(table: pa.Table) -> pa.Table:
        return work(table)

    return on_table


def _table(rows: Iterator[Rows]) -> pa.Table:
    listed = [{"lengths": part.lengths.tobytes(), "items": part.items.tobytes()} for part in rows]
    return pa.Table.from_pylist(listed, pa.schema([("lengths", pa.binary()), ("items", pa.binary())]))


def _sent(batches: Iterator[pa.RecordBatch], parts: Sequence[range]) -> Iterator[pa.RecordBatch]:
    """What each block needs of some rows."""
    for batch in batches:
        for row in batch.to_pylist():
            for number, part in enumerate(parts):
                need = blocks.needed(_rows(row), part)
                if need.lengths.size:
                    yield _batch(block=number, lengths=need.lengths, items=need.items)


def _met(table: pa.Table, parts: Sequence[range], measure: Measure, k: int) -> pa.Table:
    """The best keys of a block, in parts of movies that are put together at once."""
    rows = table.to_pylist()
    movies, keys = blocks.best_of([_rows(row) for row in rows], parts[rows[0]["block"]], measure, k)
    part = movies // _MERGED_AT_ONCE
    batches = [
        _batch(part=int(number), movies=movies[part == number], keys=keys[part == number])
        for number in np.unique(part)
    ]
    return pa.Table.from_batches(batches, _schema(_BEST))


def _put_together(table: pa.Table, movies: int, k: int) -> pa.Table:
    rows = table.to_pylist()
    start = rows[0]["part"] * _MERGED_AT_ONCE
    some = range(start, min(start + _MERGED_AT_ONCE, movies))
    found = [
        (np.frombuffer(row["movies"], np.int32), np.frombuffer(row["keys"], np.uint64).reshape(-1, k))
        for row in rows
    ]
    best = blocks.merged(found, some, k)
    batch = _batch(part=rows[0]["part"], movies=np.array(some, np.int32), keys=best)
    return pa.Table.from_batches([batch])


def _rows(row: Mapping[str, Any]) -> Rows:
    return Rows(np.frombuffer(row["lengths"], np.uint32), np.frombuffer(row["items"], np.uint32))


def _batch(**values: int | Array) -> pa.RecordBatch:
    """One row: whole numbers as int32, arrays as their bytes."""
    columns = [
        pa.array([value], pa.int32()) if isinstance(value, int) else pa.array([value.tobytes()], pa.binary())
        for value in values.values()
    ]
    return pa.RecordBatch.from_arrays(columns, list(values))


def _schema(text: str) -> pa.Schema:
    kinds = {"int": pa.int32(), "binary": pa.binary()}
    return pa.schema([(name, kinds[kind]) for name, kind in (part.split() for part in text.split(", "))])
