"""The api monitor's pages: the status page with what it shows, and what machines read and tell."""

import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import requests
from flask import Blueprint, Flask, Response, jsonify, redirect, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from monitor.page.alerts import NotificationError
from monitor.page.content import RANGES, Content
from store.port import StoreUnavailable

_log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_LARGEST = 2**20
_EXPLAIN_SECONDS = 5
_POLICY = "default-src 'self'; frame-ancestors 'none'"


def create_pages(registry: CollectorRegistry, content: Callable[[], Content], service_url: str) -> Flask:
    """The pages; `content` raises StoreUnavailable as long as the store could not be opened yet."""
    app = Flask("monitor", static_folder=str(_STATIC), static_url_path="/status/static")
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST
    app.register_blueprint(_for_machines(registry, content))
    app.register_blueprint(_for_people(content, service_url))
    _turn_errors_into_responses(app)
    app.after_request(_guarded)
    return app


def _for_machines(registry: CollectorRegistry, content: Callable[[], Content]) -> Blueprint:
    pages = Blueprint("machines", __name__)

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @pages.post("/alerts")
    def alerts() -> Response:
        content().alerts.take(request.get_json(force=True))
        return _text("taken")

    return pages


def _for_people(content: Callable[[], Content], service_url: str) -> Blueprint:
    pages = Blueprint("people", __name__)

    @pages.get("/")
    def start() -> AnyResponse:
        return redirect("/status")

    @pages.get("/status")
    def status() -> Response:
        return Response((_STATIC / "status.html").read_bytes(), content_type="text/html; charset=utf-8")

    @pages.get("/status/data")
    def data() -> Response:
        asked = request.args.get("range", "1h")
        return jsonify(content().of(asked if asked in RANGES else "1h"))

    @pages.get("/status/explain/<user>")
    def explain(user: str) -> Response:
        return _explained(service_url, user)

    return pages


def _explained(service_url: str, user: str) -> Response:
    """What the service says; 502 with a sentence where it says nothing."""
    try:
        told = requests.get(f"{service_url}/explain/{quote(user, safe='')}", timeout=_EXPLAIN_SECONDS)
    except requests.RequestException as error:
        _log.warning("%s does not explain: %s", service_url, error)
        return _text(f"the service at {service_url} does not answer", 502)
    return Response(told.content, told.status_code, content_type=told.headers.get("Content-Type", ""))


def _turn_errors_into_responses(app: Flask) -> None:
    """Answer every error with a sentence in plain text."""

    @app.errorhandler(NotificationError)
    def not_alerts(error: NotificationError) -> Response:
        return _text(str(error), 400)

    @app.errorhandler(StoreUnavailable)
    def away(error: StoreUnavailable) -> Response:
        return _text(f"the store is away: {error}", 503)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        return _text(error.description or error.name, error.code or 500)

    @app.errorhandler(Exception)
    def unexpected(_: Exception) -> Response:
        _log.exception("path=%s", request.path)
        return _text("something went wrong here; the monitor's log tells what", 500)


def _guarded(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _text(body: str, status: int = 200) -> Response:
    return Response(body, status, content_type="text/plain; charset=utf-8")
