"""The pages, and how errors become responses."""

import logging
import re

from flask import Blueprint, Flask, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from service.answering import Answering, Explanation
from service.holder import NoModelError
from service.shortcut import TEXT, told
from service.telemetry import Telemetry

_log = logging.getLogger(__name__)

_USER = re.compile("[0-9]{1,18}")
_SENTENCES = {
    404: "no such page: ask for /recommend/<userid>, /explain/<userid>, /healthz, /readyz or /metrics",
    405: "this page can only be read: ask with GET",
}


class WrongUserError(Exception):
    """What was asked for is not a user's id; the sentence says what is wrong with it."""


def recommendations(answering: Answering) -> Blueprint:
    """The page that everything is for."""
    pages = Blueprint("recommendations", __name__)

    @pages.get("/recommend/<user>")
    def recommend(user: str) -> Response:
        answer = answering.answer(_user(user))
        return _text(",".join(answer.movies), 200, dict(told(answer)))

    @pages.get("/explain/<user>")
    def explain(user: str) -> Response:
        return jsonify(_told(answering.explain(_user(user))))

    return pages


def operations(answering: Answering, telemetry: Telemetry) -> Blueprint:
    """The pages for those who run the service."""
    pages = Blueprint("operations", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        return _text("alive")

    @pages.get("/readyz")
    def readyz() -> Response:
        serving = answering.holder.serving()
        return _text(", ".join(f"arm {arm}: {loaded.ref.name}" for arm, loaded in serving.items()))

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(telemetry.page(), content_type=CONTENT_TYPE_LATEST)

    return pages


def turn_errors_into_responses(app: Flask) -> None:
    """Answer every error with a sentence in plain text."""

    @app.errorhandler(WrongUserError)
    def wrong_user(error: WrongUserError) -> Response:
        return _text(str(error), 400)

    @app.errorhandler(NoModelError)
    def no_model(error: NoModelError) -> Response:
        return _text(str(error), 503, {"Retry-After": "2"})

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        allowed = {"Allow": "GET, HEAD"} if error.code == 405 else None
        return _text(_SENTENCES.get(error.code or 500, error.name), error.code or 500, allowed)

    @app.errorhandler(Exception)
    def unexpected(_: Exception) -> Response:
        _log.exception("user=%s path=%s", (request.view_args or {}).get("user"), request.path)
        return _text("something went wrong here; the service's log tells what", 500)


def _user(text: str) -> int:
    if not _USER.fullmatch(text):
        raise WrongUserError(f"{text[:40]!r} is not a user's id: expected 1 to 18 digits")
    return int(text)


def _told(explanation: Explanation) -> dict[str, object]:
    answer = explanation.answer
    movies = [
        {"movie": movie, "because": [part._asdict() for part in parts]}
        for movie, parts in zip(answer.movies, explanation.because, strict=True)
    ]
    told = {"user": answer.user, "arm": answer.arm, "model": answer.model.name, "rung": answer.rung}
    return {**told, "movies": movies}


def _text(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, content_type=TEXT)
