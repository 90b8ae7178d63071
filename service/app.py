"""The service, put together."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from flask import Flask

from ml.split import parse_split
from service import views
from service.answering import Answering
from service.fresh import LIMIT, Histories
from service.holder import Holder
from service.recorder import Recorder
from service.shortcut import Shortcut
from service.telemetry import Counted, Telemetry
from settings import Settings, read_settings
from store import open_store
from store.port import Store


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """The service with its threads running, which `app.extensions["answering"].close()` ends.

    Settings are the environment's where none are given. A store that is away now is opened when it is there.
    """
    settings = settings or read_settings(os.environ)
    telemetry = Telemetry(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    answering = _answering(settings, _Opener(settings.store_url, store), telemetry)
    app = Flask("service", static_folder=None)
    app.extensions["answering"] = answering
    app.url_map.merge_slashes = False
    app.register_blueprint(views.recommendations(answering))
    app.register_blueprint(views.operations(answering, telemetry))
    views.turn_errors_into_responses(app)
    counted = Counted(app.wsgi_app, telemetry)
    app.wsgi_app = Shortcut(counted, answering, telemetry)  # type: ignore[method-assign]
    return app


def _answering(settings: Settings, store: Callable[[], Store], telemetry: Telemetry) -> Answering:
    return Answering(
        parse_split(settings.split),
        Holder(store, Path(settings.model_cache), telemetry),
        Histories(store, telemetry),
        Recorder(store, telemetry, settings.answers_waiting),
    )


class _Opener:
    """Gives the one store of this process, opened when it is first there."""

    def __init__(self, url: str, store: Store | None) -> None:
        self._url = url
        self._store = store
        self._opening = Lock()

    def __call__(self) -> Store:
        """The store; StoreError where it cannot be opened now."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self._url, LIMIT)
            return self._store
