"""Answers without Flask, whose routing and objects cost several times what an answer does."""

import re
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING

from service.answering import Answering
from service.telemetry import Telemetry
from store.port import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TEXT = "text/plain; charset=utf-8"

_ASKED = re.compile("/recommend/([0-9]{1,18})")


def told(answer: Answer) -> list[tuple[str, str]]:
    """The headers that say where an answer comes from."""
    return [("X-Model", answer.model.name), ("X-Arm", str(answer.arm)), ("X-Rung", answer.rung)]


class Shortcut:
    """A WSGI application that answers `GET /recommend/<userid>` and leaves the rest to another one: other
    pages and methods, wrong ids, and requests that cannot be answered, which are asked again there."""

    def __init__(self, rest: "WSGIApplication", answering: Answering, telemetry: Telemetry) -> None:
        self._rest = rest
        self._answering = answering
        self._telemetry = telemetry

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start = perf_counter()
        asked = _ASKED.fullmatch(environ["PATH_INFO"])
        if asked is None or environ["REQUEST_METHOD"] != "GET":
            return self._rest(environ, start_response)
        try:
            answer = self._answering.answer(int(asked[1]))
        except Exception:
            return self._rest(environ, start_response)
        body = ",".join(answer.movies).encode()
        headers = [("Content-Type", TEXT), ("Content-Length", str(len(body))), *told(answer)]
        start_response("200 OK", headers)
        self._telemetry.responded("200", str(answer.arm), answer.rung, perf_counter() - start)
        return [body]
