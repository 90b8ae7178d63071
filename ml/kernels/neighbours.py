"""The loops of training, compiled by numba: the k most similar movies of each.

Movies are numbers from 0, popular ones first. A *key* is a similarity and a movie in one 64-bit number that
orders by similarity and then by the smaller movie: the float32's bits above, the movie's complement below.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from ml.kernels.prefetch import prefetch

Array = npt.NDArray[Any]

_BLOCK = 64
_AHEAD = 12
_SMALLEST = np.float32(1e-30)
_LOW = np.uint64(0xFFFFFFFF)
_VALUE = np.uint32(0xFF)
_SHIFT = np.uint32(8)
_HALF = np.uint64(32)

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Columns(NamedTuple):
    """A sparse matrix both ways.

    `items` (uint32) are the rows' `movie << 8 | value`. Movie m's entries are those from `pointers[m]` to
    `pointers[m + 1]` of `start` and `place` (uint32): where its user's row starts in `items`, and the item.
    """

    items: Array
    pointers: Array
    start: Array
    place: Array


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
def columns(indptr: Array, items: Array, movies: int) -> Columns:
    """The matrix both ways, from rows; fewer than 2^32 interactions and 2^24 movies."""
    pointers = np.zeros(movies + 1, np.int64)
    for item in items:
        pointers[(item >> _SHIFT) + 1] += 1
    pointers = np.cumsum(pointers)
    free = pointers[:-1].copy()
    start, place = np.empty(items.size, np.uint32), np.empty(items.size, np.uint32)
    for row in range(indptr.size - 1):
        for at in range(indptr[row], indptr[row + 1]):
            movie = items[at] >> _SHIFT
            start[free[movie]], place[free[movie]] = indptr[row], at
            free[movie] += 1
    return Columns(items, pointers, start, place)


def nearest(matrix: Columns, measure: Measure, k: int, threads: int) -> tuple[Array, Array]:
    """The k most similar movies of each: numbers (uint32) and similarities (float32), movies x k, best first.

    A row with fewer ends in similarities of 0. Every dot product must be below 2^32. Each pair is computed
    once, by the thread that has its larger number; each thread keeps the k best of what it met, so that the
    k best of all are among them whichever thread did what.
    """
    shape = (threads, measure.norm.size)
    kept = Kept(np.zeros((*shape, 2 * k), np.uint64), np.zeros(shape, np.int64), np.full(shape, _SMALLEST))

    def share(thread: int) -> None:
        _share(matrix, measure, Kept(*(part[thread] for part in kept)), thread, threads)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))
    keys = np.sort(np.concatenate(kept.keys, axis=1), axis=1)[:, : -k - 1 : -1]
    similarities = (keys >> _HALF).astype(np.uint32).view(np.float32)
    return np.where(keys > 0, _LOW - (keys & _LOW), 0).astype(np.uint32), similarities


@_compiled
def _share(matrix: Columns, measure: Measure, kept: Kept, thread: int, threads: int) -> None:
    dots = np.zeros(measure.norm.size, np.uint32)
    block = np.zeros(_BLOCK, np.float32)
    for movie in range(thread, dots.size, threads):
        _add_dots(matrix, movie, dots)
        for begin in range(0, movie, _BLOCK):
            part = slice(begin, min(begin + _BLOCK, movie))
            _similarities(dots[part], measure, measure.norm[movie], measure.norm[part], block)
            if _any_good(block[: part.stop - begin], kept.floors[movie], kept.floors[part]):
                _keep_good(block[: part.stop - begin], kept, movie, begin)
    for movie in range(dots.size):
        kept.keys[movie, kept.sizes[movie] :] = 0


@_compiled
def _add_dots(matrix: Columns, movie: int, dots: Array) -> None:
    """Add the products of a movie with every movie of a smaller number."""
    end = matrix.pointers[movie + 1]
    for entry in range(matrix.pointers[movie], end):
        prefetch(matrix.items, np.int64(matrix.start[min(entry + _AHEAD, end - 1)]))
        place = matrix.place[entry]
        own = matrix.items[place] & _VALUE
        for item in matrix.items[matrix.start[entry] : place]:
            dots[item >> _SHIFT] += own * (item & _VALUE)


@_compiled
def _similarities(dots: Array, measure: Measure, own: np.float32, norm: Array, block: Array) -> None:
    """Fill the block and set the dot products back to 0."""
    for at in range(dots.size):
        block[at] = np.float32(dots[at]) / (own * norm[at] + measure.shrinkage)
    dots[:] = 0


@_compiled
def _any_good(block: Array, floor: np.float32, floors: Array) -> bool:
    """Whether a similarity gets in on either side; one pass without branches.

    A movie is offered to each other one by ascending number, so that an equal similarity is never better.
    """
    good = np.uint32(0)
    for at in range(block.size):
        good |= np.uint32(block[at] > min(floor, floors[at]))
    return bool(good)


@_compiled
def _keep_good(block: Array, kept: Kept, movie: int, begin: int) -> None:
    for at in range(block.size):
        if block[at] > kept.floors[movie]:
            _keep(kept, movie, _key(block[at], begin + at))
        if block[at] > kept.floors[begin + at]:
            _keep(kept, begin + at, _key(block[at], movie))


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
        kept.floors[movie] = _similarity(keys[k - 1])


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
