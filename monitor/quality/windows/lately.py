"""What was answered in the last hour: from which rung, how many different movies, how popular ones."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

import pandas as pd

from monitor.quality.windows.viewer import Group


@dataclass
class Listed:
    """How often each movie was recommended by one arm and model, and each rung used."""

    movies: Counter[str] = field(default_factory=Counter)
    rungs: Counter[str] = field(default_factory=Counter)

    def coverage(self, catalogue: Mapping[str, int]) -> float:
        """Share of the catalogue's movies that was recommended to somebody; NaN for an empty catalogue.

        Catalogue coverage, J. Herlocker et al., ACM TOIS 22, 2004.
        """
        return len(self.movies.keys() & catalogue.keys()) / len(catalogue) if catalogue else float("nan")

    def popularity_lift(self, catalogue: Mapping[str, int]) -> float:
        """Mean popularity of what was recommended over that of what was watched, minus 1; NaN without either.

        `catalogue` are viewings by movie. 0: recommendations are as popular as what viewers chose, 1: twice
        as popular. H. Abdollahpouri et al., The Unfairness of Popularity Bias in Recommendation, RMSE 2019.
        """
        watched = sum(catalogue.values())
        listed = self.movies.total()
        if not watched or not listed:
            return float("nan")
        usual = sum(number**2 for number in catalogue.values()) / watched
        return (
            sum(catalogue.get(movie, 0) * number for movie, number in self.movies.items()) / listed / usual
            - 1
        )


class Lately:
    """Answers of the `length` ns before the end of the last update."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._answers: list[tuple[int, int, Group, str, str]] = []
        self._known: set[tuple[int, int]] = set()
        self._listed: defaultdict[Group, Listed] = defaultdict(Listed)

    def update(self, end: int, answers: pd.DataFrame) -> None:
        """Move on to `end`; a frame of the store, which may repeat what was told."""
        start = end - self.length
        columns = (answers[name].tolist() for name in ("time", "user", "arm", "model", "rung", "movies"))
        for time, user, arm, model, rung, movies in zip(*columns, strict=True):
            if time >= start and (time, user) not in self._known:
                self._known.add((time, user))
                heappush(self._answers, (time, user, (arm, model), rung, movies))
                self._count((arm, model), rung, movies, 1)
        while self._answers and self._answers[0][0] < start:
            time, user, group, rung, movies = heappop(self._answers)
            self._known.remove((time, user))
            self._count(group, rung, movies, -1)

    def _count(self, group: Group, rung: str, movies: str, number: int) -> None:
        listed = self._listed[group]
        for counter, names in ((listed.rungs, [rung]), (listed.movies, movies.split(",") if movies else [])):
            for name in names:
                counter[name] += number
                if not counter[name]:
                    del counter[name]
        if not listed.rungs:
            del self._listed[group]

    def listed(self) -> Mapping[Group, Listed]:
        """By arm and model, of those that answered."""
        return self._listed

    def rungs(self) -> Mapping[tuple[int, str], float]:
        """Share of each arm's answers that came from each rung."""
        counts: Counter[tuple[int, str]] = Counter()
        totals: Counter[int] = Counter()
        for (arm, _), listed in self._listed.items():
            totals[arm] += listed.rungs.total()
            counts.update({(arm, rung): number for rung, number in listed.rungs.items()})
        return {(arm, rung): number / totals[arm] for (arm, rung), number in counts.items()}
