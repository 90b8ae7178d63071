"""The nearest movies in pieces that machines can work at apart from each other, and put together again.

Movies are cut into blocks of consecutive numbers. A block's pairs are those whose larger number is in it: it
needs of each row that has one of its movies the items up to there, and gives the best keys that it met.
Everything is whole numbers or a function of them, so that the result is that of one machine, bit for bit.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels import neighbours
from ml.kernels.neighbours import Measure

Array = npt.NDArray[Any]

_SHIFT = 8


class Rows(NamedTuple):
    """Some rows of the matrix: how many items each has (uint32), and all items (uint32)."""

    lengths: Array
    items: Array


def blocks(indptr: Array, items: Array, movies: int, count: int) -> list[range]:
    """The movies in at most `count` blocks of about the same work.

    A movie's work is a product for each item before it in its users' rows, and a look at each smaller number.
    """
    place = np.arange(items.size) - np.repeat(indptr[:-1], np.diff(indptr))
    work = np.cumsum(np.bincount(items >> _SHIFT, place, movies) + np.arange(movies) / 4)
    inner = np.searchsorted(work, work[-1] * np.arange(1, count) / count) if movies else []
    cuts = np.unique([0, *np.asarray(inner).tolist(), movies]).tolist()
    return [range(start, end) for start, end in pairwise(cuts)]


def chunks(indptr: Array, items: Array, count: int) -> Iterator[Rows]:
    """All rows in order, in about `count` parts of as many rows."""
    cuts = np.linspace(0, indptr.size - 1, count + 1).astype(np.int64).tolist()
    for start, end in pairwise(cuts):
        if start < end:
            lengths = np.diff(indptr[start : end + 1]).astype(np.uint32)
            yield Rows(lengths, items[indptr[start] : indptr[end]])


def needed(rows: Rows, block: range) -> Rows:
    """What a block needs of some rows: of those that have one of its movies the items up to its end, where
    these are a pair at least."""
    ends = np.cumsum(rows.lengths, dtype=np.int64)
    movie = rows.items >> _SHIFT
    before, within = (_counts(movie < limit, ends) for limit in (block.start, block.stop))
    wanted = (within > before) & (within > 1)
    items = rows.items[np.repeat(wanted, rows.lengths) & (movie < block.stop)]
    return Rows(within[wanted].astype(np.uint32), items)


def _counts(flags: Array, ends: Array) -> Array:
    """How many flags are set in each row, by the rows' ends."""
    total = np.r_[0, np.cumsum(flags)]
    counts: Array = np.diff(total[np.r_[0, ends]])
    return counts


def best_of(parts: Sequence[Rows], block: range, measure: Measure, k: int) -> tuple[Array, Array]:
    """Movies that a block met (int32) and the k best keys of each, from what it needs of all rows."""
    lengths = np.concatenate([part.lengths for part in parts])
    items = np.concatenate([part.items for part in parts])
    indptr = np.r_[0, np.cumsum(lengths, dtype=np.int64)]
    matrix = neighbours.columns(indptr, items, measure.norm.size, block.start)
    keys = neighbours.best_keys(matrix, measure, k, 1, block)
    met = np.flatnonzero(keys[:, 0])
    return met.astype(np.int32), keys[met]


def merged(found: Sequence[tuple[Array, Array]], movies: range, k: int) -> Array:
    """The k best keys of some movies, from what blocks gave of them: movies x k, 0 for none."""
    best = np.zeros((len(movies), k), np.uint64)
    for numbers, keys in found:
        at = numbers - movies.start
        best[at] = neighbours.merged([best[at], keys], k)
    return best
