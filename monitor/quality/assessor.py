"""Everything that is shown of the models' quality, brought up to date together."""

from collections.abc import Mapping, Sequence
from itertools import chain

from ml import routes
from ml.running.feeder import newest
from ml.split import Split
from monitor.quality import drift, figures
from monitor.quality.experiment import Experiment
from monitor.quality.figures import Figure
from monitor.quality.trained import Trained, Training
from monitor.quality.windows.feed import Feed
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Sliding
from monitor.quality.windows.viewer import Group
from movielog.events import DAY
from store.port import Route, Store

HOUR = DAY // 24


class Assessor:
    """Reads what is new in the store, and says what there is to say of all of it.

    StoreError where something cannot be read; the next update takes it in.
    """

    def __init__(self, store: Store, split: Split, window_days: int) -> None:
        self._store = store
        self._hour, self._day = Sliding(HOUR), Sliding(DAY)
        self._lately = Lately(HOUR)
        self._feed = Feed(store, (self._hour, self._day), self._lately)
        self._experiment = Experiment(store, split)
        self._training = Training(store, window_days)

    def update(self) -> Sequence[Figure]:
        """All figures now."""
        until, ledger = newest(self._store), self._store.routes()
        self._feed.advance(until)
        look = self._experiment.look(ledger, until)
        trained = self._trained(ledger)
        return list(
            chain(
                figures.of_window("1h", self._hour.measured()),
                figures.of_window("24h", self._day.measured()),
                figures.of_window("experiment", look.measured) if look else (),
                figures.of_experiment(look) if look else (),
                figures.of_answers(self._lately, trained),
                figures.of_ages(until, trained),
                self._drift(trained),
            )
        )

    def _trained(self, ledger: Sequence[Route]) -> Mapping[Group, Trained]:
        """What the models in service were trained on."""
        serving = routes.both(routes.serving(ledger))
        known = self._training.of(list(serving.values()))
        return {(arm, ref.name): known[ref] for arm, ref in serving.items() if ref in known}

    def _drift(self, trained: Mapping[Group, Trained]) -> Sequence[Figure]:
        """Of the newest training window in service."""
        newest_one = max(trained.values(), key=lambda each: each.window.end, default=None)
        if newest_one is None:
            return []
        movies = drift.movie_drift(newest_one.viewings, +self._day.viewings)
        stars = drift.psi(newest_one.stars, +self._day.stars)
        return [Figure("drift_psi", {"of": "movies"}, movies), Figure("drift_psi", {"of": "ratings"}, stars)]
