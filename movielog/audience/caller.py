"""Asking the service as a browser would: over HTTP, with a time limit."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, TimeoutError

from movielog.events import Requested

_PORTS = {"http": 80, "https": 443}
_MILLISECOND = 1_000_000
_LONGEST_ERROR = 300


@dataclass(frozen=True)
class Asked:
    """A request as its caller saw it, and the arm that the answer named, None where it named none."""

    request: Requested
    arm: int | None


def server_of(url: str) -> str:
    """`host:port` of a service at `http://host:port`; ValueError for another URL."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no service: expected http://HOST:PORT")
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


class Caller:
    """Asks one service; safe for `threads` threads at once."""

    def __init__(self, url: str, timeout: float, threads: int) -> None:
        """`url` as `http://host:port`, `timeout` in seconds."""
        self._url, self._server = url.rstrip("/"), server_of(url)
        self._timeout = timeout
        limit = urllib3.Timeout(total=timeout)
        self._pool = urllib3.PoolManager(maxsize=threads, timeout=limit, retries=False)

    def ask(self, user: int) -> Asked:
        """Ask for a user's recommendations. Whatever happens becomes a request; its time is when it ended."""
        began = time.perf_counter()
        status, arm, body = self._answer(user)
        millis = round((time.perf_counter() - began) * 1000)
        now = time.time_ns() // _MILLISECOND * _MILLISECOND
        movies = tuple(body.split(",")) if body and status == HTTPStatus.OK else ()
        error = "" if status == HTTPStatus.OK else body
        return Asked(Requested(now, user, self._server, status, movies, error, millis), arm)

    def _answer(self, user: int) -> tuple[int, int | None, str]:
        """Status, arm, and the list of movies or the error's text."""
        try:
            response = self._pool.request("GET", f"{self._url}/recommend/{user}")
        except HTTPError as error:
            return 0, None, _printable(self._reason(error))
        body = _printable(response.data.decode(errors="replace"))
        if response.status != HTTPStatus.OK:
            return response.status, None, f"{response.reason or 'Error'}: {body[:_LONGEST_ERROR]}"
        arm = response.headers.get("X-Arm", "")
        return response.status, int(arm) if arm in {"1", "2"} else None, body

    def _reason(self, error: HTTPError) -> str:
        cause = error.__cause__ or error.args[-1]
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror}: {self._server}"
        if isinstance(error, TimeoutError):
            return f"Request timeout to {self._server} after {self._timeout * 1000:.0f} ms"
        return f"{type(error).__name__}: {self._server}"


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
