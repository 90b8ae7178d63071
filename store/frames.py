"""Frames from rows or columns that come in chunks.

pandas and pyarrow are loaded by the functions that need them: a process that reads no frames, as the service,
starts in half the time and memory without them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Column: TypeAlias = Any
"""A NumPy array of numbers, or an Arrow array of lists or of text, plain or dictionary-encoded."""
Chunk: TypeAlias = Mapping[str, Column]
Kinds: TypeAlias = Mapping[str, Callable[[Sequence[Any]], Column]]
"""What makes a column of each place in a row, by the column's name."""

CHUNK = 1 << 16
"""Rows read at a time."""


def whole(values: Sequence[int]) -> Column:
    """A column of int64."""
    return np.array(values, dtype=np.int64)


def real(values: Sequence[float]) -> Column:
    """A column of float64."""
    return np.array(values, dtype=np.float64)


def text(values: Sequence[str]) -> Column:
    """A column of str."""
    import pyarrow as pa

    return pa.array(values, pa.string())


def label(values: Sequence[str]) -> Column:
    """A column of categories."""
    return text(values).dictionary_encode()


def mark(digests: Sequence[bytes]) -> Column:
    """A column of int64 from the first 8 bytes of digests of 12."""
    packed = np.frombuffer(b"".join(digests), dtype=np.dtype([("mark", "<i8"), ("rest", "V4")]))
    return packed["mark"].copy()


def listed(packed: Sequence[bytes]) -> Column:
    """A column of lists of numbers, each packed as little-endian int32."""
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, packed)], dtype=np.int64) // 4
    numbers = np.frombuffer(b"".join(packed), dtype="<i4")
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(numbers, pa.int32()))


WATCHES: Kinds = {
    "user": whole,
    "movie": label,
    "first_time": whole,
    "last_time": whole,
    "first_minute": whole,
    "last_minute": whole,
    "minutes": whole,
}
RATINGS: Kinds = {"user": whole, "movie": label, "time": whole, "rating": real}
REQUESTS: Kinds = {
    "user": whole,
    "time": whole,
    "server": text,
    "status": whole,
    "millis": whole,
    "movies": text,
    "error": text,
}
LISTS: Kinds = {"user": whole, "time": whole, "millis": whole, "digest": mark, "movies": listed}
ANSWERS: Kinds = {
    "user": whole,
    "time": whole,
    "arm": whole,
    "model": label,
    "digest": label,
    "rung": label,
    "movies": text,
    "fresh": text,
}
ARMS: Kinds = {name: ANSWERS[name] for name in ("user", "time", "arm", "model")}


def from_rows(chunks: Iterable[Sequence[Sequence[Any]]], kinds: Kinds) -> "pd.DataFrame":
    """A frame of rows that come in lists."""
    return frame(joined((_columns(rows, kinds) for rows in chunks), _columns([], kinds)))


def _columns(rows: Sequence[Sequence[Any]], kinds: Kinds) -> Chunk:
    values = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return {name: kind(column) for (name, kind), column in zip(kinds.items(), values, strict=True)}


def joined(chunks: Iterable[Chunk], empty: Chunk) -> dict[str, Column]:
    """Each column in one piece; memory beyond the result is at most one column's."""
    parts: dict[str, list[Column]] = {name: [column] for name, column in empty.items()}
    for chunk in chunks:
        for name, column in chunk.items():
            parts[name].append(column)
    return {name: _concatenated(parts.pop(name)) for name in list(parts)}


def _concatenated(parts: list[Column]) -> Column:
    import pyarrow as pa

    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else pa.chunked_array(parts)


def frame(columns: Mapping[str, Column]) -> "pd.DataFrame":
    """A frame over the columns, without a copy where the type is right: whole numbers become int64,
    Arrow text str, dictionary-encoded text a category."""
    import pandas as pd

    return pd.DataFrame({name: _typed(column) for name, column in columns.items()}, copy=False)


def _typed(column: Column) -> Column:
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return _from_arrow(column)
    is_whole = isinstance(column, np.ndarray) and column.dtype.kind == "i"
    return column.astype(np.int64, copy=False) if is_whole else column


def _from_arrow(column: "pa.ChunkedArray") -> Column:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_list(column.type):
        return pd.arrays.ArrowExtensionArray(column)
    if not pa.types.is_dictionary(column.type):
        return pd.array(column, dtype="str")
    encoded = column.unify_dictionaries().combine_chunks()
    return category(encoded.indices.to_numpy(), encoded.dictionary.to_pylist())


def category(codes: NDArray[np.signedinteger], names: Sequence[str]) -> "pd.Categorical":
    """Values `names[code]`; the categories are those that occur, sorted, whatever the numbering."""
    import pandas as pd

    present = sorted(np.flatnonzero(np.bincount(codes)).tolist(), key=names.__getitem__)
    ranks = np.zeros(len(names), dtype=np.int32)
    ranks[present] = np.arange(len(present), dtype=np.int32)
    categories = pd.Index([names[code] for code in present], dtype="str")
    return pd.Categorical.from_codes(ranks[codes], categories=categories)


def numbered(requests: "pd.DataFrame") -> "tuple[pd.DataFrame, Sequence[str]]":
    """The frame with its comma-separated `movies` as lists of numbers, and the names that these stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pa.chunked_array(pa.array(requests["movies"], pa.string())).combine_chunks()
    nothing = pa.scalar([], pa.list_(pa.string()))
    lists = pc.if_else(pc.equal(texts, ""), nothing, pc.split_pattern(texts, ","))
    names = lists.flatten().dictionary_encode()
    movies = pa.ListArray.from_arrays(lists.offsets, names.indices)
    return requests.assign(movies=_typed(pa.chunked_array([movies]))), names.dictionary.to_pylist()


def comma_separated(lists: Sequence[bytes], names: "pa.Array") -> "pa.Array":
    """Each list of numbers, packed as little-endian int32, as the names they stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = listed(lists)
    rows = pa.ListArray.from_arrays(numbers.offsets, names.take(numbers.values))
    return pc.binary_join(rows, ",")
