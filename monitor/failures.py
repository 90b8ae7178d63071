"""Failed reads as a metric."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter

from store.port import StoreUnavailable

_T = TypeVar("_T")


class Failures:
    """Counts failed attempts by what could not be reached: the `log` or the `store`."""

    def __init__(self, name: str, of: Sequence[str], registry: CollectorRegistry) -> None:
        self._counter = Counter(
            name, "Failed attempts to reach the log or the store.", ["of"], registry=registry
        )
        for each in of:
            self._counter.labels(each)

    def count(self, of: str) -> None:
        """One more."""
        self._counter.labels(of).inc()

    def tried(self, action: Callable[[], _T]) -> _T:
        """The action's result; a store that is away is counted, and raised."""
        try:
            return action()
        except StoreUnavailable:
            self.count("store")
            raise
