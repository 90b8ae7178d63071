"""What is due is made, by one process at a time."""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import prometheus_client as prometheus

from ml import routes
from ml.retraining import pipeline, schedule
from ml.retraining.lease import Lease
from ml.retraining.parameters import Parameters
from ml.retraining.pipeline import Workshop
from ml.retraining.telemetry import Telemetry
from ml.tracking import Repository
from movielog.events import SECOND
from movielog.times import day_of, iso
from settings import Settings
from store import open_store
from store.port import Retrain, Store, Window

logger = logging.getLogger("retrain")

_AGAIN_SECONDS = 1.0
_PUSH_SECONDS = 600.0


class Retrainer:
    """Looks at what is due and makes it, one at a time among all processes of the store."""

    def __init__(
        self, settings: Settings, parameters: Parameters, registry: prometheus.CollectorRegistry
    ) -> None:
        self._settings = settings
        self._parameters = parameters
        self._lease = Lease(partial(open_store, settings.store_url))
        self._repository = Repository(Path(settings.provenance), settings.dvc_remote)
        self._telemetry = Telemetry(registry)
        self._push_at = 0.0
        self._told: int | None = None

    def once(self, label: int | None, now: int | None) -> Retrain:
        """Retrain, due or not, as soon as no other retrain runs. ValueError for a store without events."""
        with closing(open_store(self._settings.store_url)) as store:
            newest = store.newest()
            if newest is None:
                raise ValueError("the store holds no events; fill it: python -m movielog.ingest")
            made = partial(self._made, store, newest if now is None else now, label)
            while (ended := self._alone(store, made)) is None:
                logger.info("another retrain is at work, or was killed a moment ago: waiting")
                time.sleep(_AGAIN_SECONDS)
            return ended

    def look(self, now: int | None = None) -> Retrain | None:
        """Retrain where that is due and nobody else does it; None where nothing was made."""
        with closing(open_store(self._settings.store_url)) as store:
            now, ended = store.newest() if now is None else now, None
            try:
                if now is not None and self._is_due(store, now):
                    ended = self._alone(store, partial(self._made_if_due, store, now))
                self._push_backlog(store)
            finally:
                self._tell(store)
            return ended

    def _is_due(self, store: Store, now: int) -> bool:
        retrains = store.retrains()
        due = schedule.due(retrains, self._settings.schedule_days)
        return (due is None or now >= due) and time.time_ns() >= schedule.pause_ends(retrains)

    def _alone(self, store: Store, work: Callable[[], Retrain | None]) -> Retrain | None:
        """Work while holding the lease; None where another has it."""
        with self._lease.held(store) as held:
            if not held:
                return None
            pipeline.close_killed(store)
            self._telemetry.running(True)
            try:
                return work()
            finally:
                self._telemetry.running(False)

    def _made_if_due(self, store: Store, now: int) -> Retrain | None:
        """Looked at again, since another may have done it before the lease was ours."""
        return self._made(store, now, None) if self._is_due(store, now) else None

    def _made(self, store: Store, now: int, label: int | None) -> Retrain:
        label = label or schedule.label_due(routes.serving(store.routes()))
        window = Window.until(day_of(now), self._settings.window_days)
        shop = self._workshop(store)
        ended = pipeline.retrain(shop, label, window, min(now, store.newest() or now))
        pipeline.push(shop)
        return ended

    def _push_backlog(self, store: Store) -> None:
        if time.monotonic() >= self._push_at and self._repository.backlog():
            with self._lease.held(store) as held:
                if held:
                    self._push_at = time.monotonic() + _PUSH_SECONDS
                    pipeline.push(self._workshop(store))

    def _workshop(self, store: Store) -> Workshop:
        settings, tools = self._settings, (self._repository, self._lease, self._parameters)
        return Workshop(store, settings.store_url, *tools, settings.split)

    def _tell(self, store: Store) -> None:
        retrains = store.retrains()
        due = schedule.due(retrains, self._settings.schedule_days)
        self._telemetry.tell(retrains, due, len(self._repository.backlog()))
        if due is not None and due != self._told:
            label, moment = schedule.label_due(routes.serving(store.routes())), iso(due // SECOND * SECOND)
            logger.info("next: label %d, when the log reaches %s", label, moment)
            self._told = due
