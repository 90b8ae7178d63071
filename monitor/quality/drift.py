"""How far the events of the last day are from those that a model was trained on."""

from collections import Counter
from collections.abc import Hashable, Mapping
from math import log
from typing import TypeVar

LARGEST_BINS = 50
"""Movies that are bins of their own: the most watched ones of the training window."""
LEAST_PER_BIN = 10
"""Events per bin below which nothing is said: chance alone would show a drift."""
OTHERS, NEW = "other movies", "new movies"

_SMOOTHING = 0.5
_T = TypeVar("_T", bound=Hashable)


def psi(trained: Mapping[_T, int], live: Mapping[_T, int]) -> float:
    """Population stability index of two counts by bin: sum of (q - p) ln(q / p); NaN where events are few.

    Every bin gets half an event more, so that an empty one is not infinitely far. Customary reading: below
    0.1 little, from 0.25 much has changed. For n events in b bins chance alone makes it about b / n.
    """
    bins = trained.keys() | live.keys()
    if not bins or min(sum(trained.values()), sum(live.values())) < LEAST_PER_BIN * len(bins):
        return float("nan")
    shares = zip(_shares(trained, bins), _shares(live, bins), strict=True)
    return sum((q - p) * log(q / p) for p, q in shares)


def _shares(counts: Mapping[_T, int], bins: set[_T]) -> list[float]:
    total = sum(counts.values()) + _SMOOTHING * len(bins)
    return [(counts.get(each, 0) + _SMOOTHING) / total for each in sorted(bins, key=str)]


def movie_drift(trained: Mapping[str, int], live: Mapping[str, int]) -> float:
    """`psi` of viewings by movie, with one bin for all less watched movies and one for unknown ones."""
    largest = {movie for movie, _ in Counter(trained).most_common(LARGEST_BINS)}
    return psi(_binned(trained, largest, trained), _binned(live, largest, trained))


def _binned(counts: Mapping[str, int], largest: set[str], known: Mapping[str, int]) -> Counter[str]:
    binned: Counter[str] = Counter()
    for movie, number in counts.items():
        binned[movie if movie in largest else OTHERS if movie in known else NEW] += number
    return binned
