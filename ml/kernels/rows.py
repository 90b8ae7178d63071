"""The loops that make a matrix from a snapshot's rows, compiled by numba."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_compiled = numba.njit(cache=True, nogil=True)


@_compiled
def counted(codes: Array, known: Array, size: int) -> Array:
    """How often each number below `size` is among the codes that are `known` (bool)."""
    counts = np.zeros(size, np.int64)
    for at in range(codes.size):
        counts[codes[at]] += known[at]
    return counts


@_compiled
def ninths(codes: Array, minutes: Array, known: Array, size: int) -> Array:
    """Of each number below `size` what nine of ten of its minutes (int32) above 0 that are `known` do not
    exceed, 0 where there are none."""
    counts = np.zeros(size + 1, np.int64)
    for at in range(codes.size):
        counts[codes[at] + 1] += known[at] and minutes[at] > 0
    pointers = np.cumsum(counts)
    free, grouped = pointers[:-1].copy(), np.empty(pointers[-1], np.int32)
    for at in range(codes.size):
        if known[at] and minutes[at] > 0:
            grouped[free[codes[at]]] = minutes[at]
            free[codes[at]] += 1
    found = np.zeros(size, np.int32)
    for number in range(size):
        own = np.sort(grouped[pointers[number] : pointers[number + 1]])
        if own.size:
            found[number] = own[(9 * own.size + 9) // 10 - 1]
    return found


@_compiled
def arranged(ends: Array, column: Array, time: Array) -> tuple[Array, Array]:
    """The places (int64) of interactions by column in each of the rows that `ends` are the ends of, and of
    each place how many in its row have a later time."""
    order, newer = np.empty(column.size, np.int64), np.empty(column.size, np.int64)
    start = 0
    for end in ends:
        order[start:end] = start + np.argsort(column[start:end])
        times = np.sort(time[start:end])
        for at in range(start, end):
            newer[at] = end - start - np.searchsorted(times, time[order[at]], side="right")
        start = end
    return order, newer
