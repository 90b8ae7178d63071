"""The models in service, exchanged behind the answers' backs."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic

from ml import artifact
from ml.knn import KnnModel
from ml.trial import try_out
from service.background import Repeated
from service.telemetry import Telemetry
from store.port import ARMS, ModelRef, Route, Store, StoreError, StoreUnavailable

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 60
_ROUTES_KEPT = 20
"""Of the ledger's newest: their models stay in the cache, to be rolled back to without the store."""


class NoModelError(Exception):
    """No model is in service; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that has answered a trial request; it answers one at a time, who holds `turn`."""

    ref: ModelRef
    model: KnnModel
    turn: Lock = field(default_factory=Lock, compare=False)


Serving = Mapping[int, Loaded]
"""The model of each arm, of all arms or of none. Replaced as a whole, never changed."""


class Holder:
    """Holds the models that the store's newest route names, about `pause` seconds behind it.

    A model that cannot be loaded or fails the trial is refused, and not tried again for a minute. The
    latest usable one of its arm's earlier routes serves in its place. While the store is away nothing
    changes.
    """

    def __init__(
        self, store: Callable[[], Store], cache: Path, telemetry: Telemetry, pause: float = 1.0
    ) -> None:
        self._store = store
        self._cache = cache
        self._telemetry = telemetry
        self._serving: Serving = {}
        self._loaded: dict[ModelRef, Loaded] = {}
        self._retry_at: dict[ModelRef, float] = {}
        self._trouble = ""
        self.follow()
        self._thread = Repeated(self.follow, pause)

    def serving(self) -> Serving:
        """The models in service; NoModelError where there is none."""
        if not self._serving:
            raise NoModelError(f"no model is loaded: {self._trouble or 'the store has no route to one yet'}")
        return self._serving

    def follow(self) -> None:
        """Load what the newest route names and let it serve, all arms at once."""
        try:
            routes = self._store().routes()
            exchanged = self._exchange(self._usable_models(routes))
        except StoreError as error:
            self._tell(str(error))
        else:
            self._telemetry.routes_read()
            if exchanged:
                self._tidy(routes)

    def close(self) -> None:
        """Follow no longer."""
        self._thread.close(patience=1.0)

    def _usable_models(self, routes: Sequence[Route]) -> Serving:
        found = {arm: self._first_usable(_candidates(routes, arm)) for arm in ARMS}
        stand_in = next(filter(None, found.values()), None)
        return {arm: loaded or stand_in for arm, loaded in found.items()} if stand_in else self._serving

    def _first_usable(self, refs: Iterable[ModelRef]) -> Loaded | None:
        return next(filter(None, map(self._usable, refs)), None)

    def _usable(self, ref: ModelRef) -> Loaded | None:
        if ref not in self._loaded and monotonic() >= self._retry_at.get(ref, 0):
            self._load(ref)
        return self._loaded.get(ref)

    def _load(self, ref: ModelRef) -> None:
        try:
            model = artifact.fetch(self._store(), ref, self._cache)
            try_out(model)
        except StoreUnavailable:
            raise
        except Exception as error:  # a model can be broken in any way
            self._refuse(ref, error)
        else:
            self._loaded[ref] = Loaded(ref, model)

    def _refuse(self, ref: ModelRef, error: Exception) -> None:
        self._retry_at[ref] = monotonic() + _RETRY_SECONDS
        self._telemetry.models_refused.inc()
        self._tell(f"{ref.name} is refused: {error or type(error).__name__}")

    def _exchange(self, now: Serving) -> bool:
        """Whether other models serve now than before."""
        before, self._serving = self._serving, now
        self._loaded = {loaded.ref: loaded for loaded in now.values()}
        if now != before:
            self._telemetry.serves(_models(before), _models(now))
            _log.info("serving %s", {arm: loaded.ref.name for arm, loaded in now.items()})
        return now != before

    def _tidy(self, routes: Sequence[Route]) -> None:
        routed = {ref.digest for route in routes[-_ROUTES_KEPT:] for ref in route.models.values()}
        serving = {loaded.ref.digest for loaded in self._serving.values()}
        with suppress(OSError):
            artifact.tidy(self._cache, routed | serving)

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.error("models stay as they are: %s", trouble)
        self._trouble = trouble


def _candidates(routes: Sequence[Route], arm: int) -> Iterable[ModelRef]:
    """The arm's models from the newest route back; none where the newest route has none for it."""
    if not routes or arm not in routes[-1].models:
        return ()
    return dict.fromkeys(route.models[arm] for route in reversed(routes) if arm in route.models)


def _models(serving: Serving) -> dict[int, KnnModel]:
    return {arm: loaded.model for arm, loaded in serving.items()}
