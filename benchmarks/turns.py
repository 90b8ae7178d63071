"""Candidates measured in turn, so that what else the machine does falls on all of them alike."""

from collections.abc import Callable, Hashable, Mapping
from statistics import median
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def in_turn(candidates: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """What each candidate gave in each round: A B C, A B C, ..."""
    found: dict[K, list[T]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            found[name].append(run())
    return found


def ratio(values: list[float], base: list[float]) -> float:
    """The median over the rounds of a value to the base's of the same round."""
    return median(value / other for value, other in zip(values, base, strict=True))
