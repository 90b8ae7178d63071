"""Memory that is free goes back to the machine: the other processes of a retrain need it."""

import ctypes
from contextlib import suppress

import pyarrow as pa


def give_back() -> None:
    """Give back what this process has freed, as far as its allocators can; only glibc is asked by name."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
