"""The loops of training, compiled by numba: the k most similar movies of each.

Movies are numbers from 0, popular ones first. A *key* is a similarity and a movie in one 64-bit number that
orders by similarity and then by the smaller movie: the float32's bits above, the movie's complement below.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from ml.kernels.prefetch import prefetch

Array = npt.NDArray[Any]

_PART = 128
_BLOCK = 64
_WORD = 8
_AHEAD = 12
_LINE = 16  # items that a line of the cache holds
_SMALLEST = np.float32(1e-30)
_BELOW = np.float32(1 - 1e-6)
_LOW = np.uint64(0xFFFFFFFF)
_VALUE = np.uint32(0xFF)
_SHIFT = np.uint32(8)
_HALF = np.uint64(32)
_LENGTH, _OWN, _OVER_OWN = np.uint64(0xFFFFFF), np.uint64(0xFF), np.uint64(8)

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Columns(NamedTuple):
    """A sparse matrix both ways.

    `items` (uint32) are the rows' `movie << 8 | value`. Movie m's entries are those from `pointers[m]` to
    `pointers[m + 1]` of `entries` (uint64, `start << 32 | length << 8 | value`), one for each user who has
    popular movies too: the items of smaller numbers in the user's row, and the user's value of m.
    """

    items: Array
    pointers: Array
    entries: Array


class Measure(NamedTuple):
    """similarity(i, j) = dot(i, j) / (norm[i] * norm[j] + shrinkage), float32 but for the dot (uint32)."""

    norm: Array
    shrinkage: np.float32


class Kept(NamedTuple):
    """The best keys that a thread met: movies x 2k (0 for none), how many are in, and the similarity to
    exceed. Those of all threads have one more dimension, in front."""

    keys: Array
    sizes: Array
    floors: Array


@_compiled
def pack(indptr: Array, movie: Array, strength: Array, user_scale: Array, curve: Array) -> Array:
    """Per interaction `movie << 8 | value` (uint32), where user_scale[row] * curve[strength] is the value."""
    items = np.empty(movie.size, np.uint32)
    for row in range(indptr.size - 1):
        for at in range(indptr[row], indptr[row + 1]):
            value = min(max(np.rint(user_scale[row] * curve[strength[at]]), 1.0), 255.0)
            items[at] = (np.uint32(movie[at]) << _SHIFT) | np.uint32(value)
    return items


@_compiled
def squares(items: Array, movies: int) -> Array:
    """Per movie the sum of its squared values (int64)."""
    sums = np.zeros(movies, np.int64)
    for item in items:
        value = np.int64(item & _VALUE)
        sums[item >> _SHIFT] += value * value
    return sums


@_compiled
def columns(indptr: Array, items: Array, movies: int, first: int = 0) -> Columns:
    """The matrix both ways, from rows; fewer than 2^32 interactions and 2^24 movies.

    Movies of numbers below `first` have no entries.
    """
    pointers = np.zeros(movies + 1, np.int64)
    for row in range(indptr.size - 1):
        for at in range(indptr[row] + 1, indptr[row + 1]):
            pointers[(items[at] >> _SHIFT) + 1] += (items[at] >> _SHIFT) >= first
    pointers = np.cumsum(pointers)
    free, entries = pointers[:-1].copy(), np.empty(pointers[-1], np.uint64)
    for row in range(indptr.size - 1):
        for at in range(indptr[row] + 1, indptr[row + 1]):
            movie = items[at] >> _SHIFT
            if movie >= first:
                entries[free[movie]] = _entry(indptr[row], at - indptr[row], items[at] & _VALUE)
                free[movie] += 1
    return Columns(items, pointers, entries)


@_compiled
def _entry(start: int, length: int, value: np.uint32) -> np.uint64:
    return (np.uint64(start) << _HALF) | (np.uint64(length) << _OVER_OWN) | np.uint64(value)


def nearest(matrix: Columns, measure: Measure, k: int, threads: int) -> tuple[Array, Array]:
    """The k most similar movies of each: numbers (uint32) and similarities (float32), movies x k, best first.

    A row with fewer ends in similarities of 0. Every dot product must be below 2^32.
    """
    return listed(best_keys(matrix, measure, k, threads, range(measure.norm.size)))


def best_keys(matrix: Columns, measure: Measure, k: int, threads: int, movies: range) -> Array:
    """The k best keys of every movie (movies x k, the best first, 0 for none), as far as they are of pairs
    whose larger number is in `movies`.

    Each pair is computed once, by the thread that has its larger number; each thread keeps the k best of
    what it met, so that the k best of all are among them whichever thread did what.
    """
    shape = (threads, measure.norm.size)
    kept = Kept(np.zeros((*shape, 2 * k), np.uint64), np.zeros(shape, np.int64), np.full(shape, _SMALLEST))
    parts = iter(range(movies.start, movies.stop, _PART))

    def share(thread: int) -> None:
        own = Kept(*(part[thread] for part in kept))
        for begin in parts:  # each thread takes the next part when it is free
            _learn(own.floors, kept.floors)
            _share(matrix, measure, own, slice(begin, min(begin + _PART, movies.stop)))
        _forget_worse(own)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    return merged(list(kept.keys), k)


def merged(keys: Sequence[Array], k: int) -> Array:
    """The k best of several movies' keys, each movies x any number: movies x k, the best first."""
    return np.sort(np.concatenate(keys, axis=1), axis=1)[:, : -k - 1 : -1]


def listed(keys: Array) -> tuple[Array, Array]:
    """Numbers (uint32) and similarities (float32) of keys, 0 for none."""
    similarities = (keys >> _HALF).astype(np.uint32).view(np.float32)
    return np.where(keys > 0, _LOW - (keys & _LOW), 0).astype(np.uint32), similarities


@_compiled
def _share(matrix: Columns, measure: Measure, kept: Kept, movies: slice) -> None:
    """Keep the pairs of some movies with those of smaller numbers."""
    dots = np.zeros(measure.norm.size, np.uint32)
    block, good = np.zeros(_BLOCK, np.float32), np.zeros(_BLOCK, np.uint8)
    for movie in range(movies.start, movies.stop):
        _add_dots(matrix, movie, dots)
        for begin in range(0, movie, _BLOCK):
            part = slice(begin, min(begin + _BLOCK, movie))
            _similarities(dots[part], measure, measure.norm[movie], measure.norm[part], block)
            if _any_good(block, kept.floors[movie], kept.floors[part], good):
                _keep_good(block, good, kept, movie, begin)


@_compiled
def _forget_worse(kept: Kept) -> None:
    """Put 0 for the keys that were met since and not kept."""
    for movie in range(kept.sizes.size):
        kept.keys[movie, kept.sizes[movie] :] = 0


@_compiled
def _learn(own: Array, all_floors: Array) -> None:
    """Raise floors to just below those of other threads, which have met k as good already."""
    for floors in all_floors:
        for movie in range(own.size):
            own[movie] = max(own[movie], floors[movie] * _BELOW)


@_compiled
def _add_dots(matrix: Columns, movie: int, dots: Array) -> None:
    """Add the products of a movie with every movie of a smaller number."""
    end = matrix.pointers[movie + 1]
    for at in range(matrix.pointers[movie], end):
        later = np.int64(matrix.entries[min(at + _AHEAD, end - 1)] >> _HALF)
        prefetch(matrix.items, later)
        prefetch(matrix.items, later + _LINE)
        entry = matrix.entries[at]
        start, length = np.int64(entry >> _HALF), np.int64((entry >> _OVER_OWN) & _LENGTH)
        own = np.uint32(entry & _OWN)
        for item in matrix.items[start : start + length]:
            dots[item >> _SHIFT] += own * (item & _VALUE)


@_compiled
def _similarities(dots: Array, measure: Measure, own: np.float32, norm: Array, block: Array) -> None:
    """Fill the block and set the dot products back to 0."""
    for at in range(dots.size):
        block[at] = np.float32(dots[at]) / (own * norm[at] + measure.shrinkage)
    dots[:] = 0


@_compiled
def _any_good(block: Array, floor: np.float32, floors: Array, good: Array) -> bool:
    """Which similarities get in on either side, and whether any does; one pass without branches.

    A movie is offered to each other one by ascending number, so that an equal similarity is never better.
    """
    good[floors.size :] = 0
    for at in range(floors.size):
        good[at] = block[at] > min(floor, floors[at])
    return bool(good.view(np.uint64).any())


@_compiled
def _keep_good(block: Array, good: Array, kept: Kept, movie: int, begin: int) -> None:
    words = good.view(np.uint64)
    for word in range(words.size):
        if words[word]:
            for at in range(_WORD * word, _WORD * (word + 1)):
                if good[at]:
                    _offer(kept, block[at], movie, begin + at)


@_compiled
def _offer(kept: Kept, similarity: np.float32, movie: int, other: int) -> None:
    if similarity > kept.floors[movie]:
        _keep(kept, movie, _key(similarity, other))
    if similarity > kept.floors[other]:
        _keep(kept, other, _key(similarity, movie))


@_compiled
def _key(similarity: np.float32, movie: int) -> np.uint64:
    return (np.uint64(np.float32(similarity).view(np.uint32)) << _HALF) | (_LOW - np.uint64(movie))


@_compiled
def _similarity(key: np.uint64) -> np.float32:
    return np.uint32(key >> _HALF).view(np.float32)


@_compiled
def _keep(kept: Kept, movie: int, key: np.uint64) -> None:
    """Add a key; when the room is full keep the better half and let nothing worse in any more."""
    keys = kept.keys[movie]
    keys[kept.sizes[movie]] = key
    kept.sizes[movie] += 1
    if kept.sizes[movie] == keys.size:
        k = keys.size // 2
        _select(keys, k - 1)
        kept.sizes[movie] = k
        kept.floors[movie] = max(kept.floors[movie], _similarity(keys[k - 1]))


@_compiled
def _select(keys: Array, rank: int) -> None:
    """Order distinct keys so far that the one at `rank` is in its place, larger ones before it."""
    low, high = 0, keys.size - 1
    while low < high:
        left, right = _part(keys, low, high)
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            return


@_compiled
def _part(keys: Array, low: int, high: int) -> tuple[int, int]:
    """Hoare's partition, larger ones first, around the middle key."""
    pivot = keys[(low + high) // 2]
    while low <= high:
        while keys[low] > pivot:
            low += 1
        while keys[high] < pivot:
            high -= 1
        if low <= high:
            keys[low], keys[high] = keys[high], keys[low]
            low += 1
            high -= 1
    return low, high
