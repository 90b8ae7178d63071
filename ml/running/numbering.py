"""Numbers for 64-bit keys: an index that grows, in compact arrays."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_FILL = 0.6
_GROWTH = 1.5

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _slot(slots: Array, keys: Array, key: int) -> np.uint64:
    """Where a key's number stands in `slots`, or would stand: linear probing from a multiplicative hash."""
    mixed = np.uint64(key) * _MIX
    mask = np.uint64(slots.size - 1)
    at = (mixed ^ (mixed >> _HALF)) & mask
    while slots[at] >= 0 and keys[slots[at]] != key:
        at = (at + np.uint64(1)) & mask
    return at


@_compiled
def _find(slots: Array, keys: Array, wanted: Array, places: Array) -> None:
    for i in range(wanted.size):
        places[i] = slots[_slot(slots, keys, wanted[i])]


@_compiled
def _add(slots: Array, keys: Array, wanted: Array, places: Array, done: int, count: int) -> tuple[int, int]:
    """Number `wanted` from `done` on until `keys` is full; how many are done, and how many keys there are."""
    for i in range(done, wanted.size):
        at = _slot(slots, keys, wanted[i])
        if slots[at] < 0:
            if count == keys.size:
                return i, count
            keys[count] = wanted[i]
            slots[at] = count
            count += 1
        places[i] = slots[at]
    return wanted.size, count


@_compiled
def _enter(slots: Array, keys: Array) -> None:
    for number in range(keys.size):
        slots[_slot(slots, keys, keys[number])] = number


class Numbering:
    """Numbers int64 keys from 0 in the order in which they come; at most 2^31 - 1 of them."""

    def __init__(self) -> None:
        self._keys = np.empty(1024, np.int64)
        self._slots = np.full(2048, -1, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Array:
        """The keys by their numbers."""
        return self._keys[: self._count]

    def find(self, wanted: Array) -> Array:
        """The number of each key (int32), -1 for unknown ones."""
        places = np.empty(len(wanted), np.int32)
        _find(self._slots, self._keys, wanted.astype(np.int64, copy=False), places)
        return places

    def add(self, wanted: Array) -> Array:
        """The number of each key (int32), unknown ones numbered."""
        wanted = wanted.astype(np.int64, copy=False)
        places = np.empty(len(wanted), np.int32)
        done = 0
        while True:
            done, self._count = _add(self._slots, self._keys, wanted, places, done, self._count)
            if done == len(wanted):
                return places
            self._grow()

    def _grow(self) -> None:
        self._keys = grown(self._keys, int(len(self._keys) * _GROWTH))
        if len(self._keys) > _FILL * len(self._slots):
            self._slots = np.full(2 * len(self._slots), -1, np.int32)
            _enter(self._slots, self.keys)


def grown(values: Array, length: int, fill: Any = 0) -> Array:
    """The values in a longer array, followed by `fill`."""
    longer = np.empty((length, *values.shape[1:]), values.dtype)
    longer[: len(values)] = values
    longer[len(values) :] = fill
    return longer
