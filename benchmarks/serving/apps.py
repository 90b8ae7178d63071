"""What gunicorn is given: a view that always says the same, and the service with a part left out."""

from collections.abc import Sequence, Set

from flask import Flask, Response

from service.app import create_app
from store.port import Seen

MOVIES = ",".join(f"made+up+{number}+{1950 + number}" for number in range(20))
HEADERS = {"X-Model": "KNN_1_2022-04-08", "X-Arm": "1", "X-Rung": "knn"}


class _Nothing:
    """Stands where the service has its answering, which gunicorn's settings close at the end."""

    def close(self) -> None: ...

    def of(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:  # noqa: ARG002
        """No history."""
        return ()


def constant() -> Flask:
    """Flask with one view, as large as an answer and with its headers."""
    app = Flask("constant", static_folder=None)
    app.extensions["answering"] = _Nothing()

    @app.get("/recommend/<user>")
    def recommend(user: str) -> Response:  # noqa: ARG001
        return Response(MOVIES, 200, HEADERS, content_type="text/plain; charset=utf-8")

    return app


def without_fresh_events() -> Flask:
    """The service, but histories are not looked up."""
    app = create_app()
    object.__setattr__(app.extensions["answering"], "histories", _Nothing())
    return app
