"""A proxy that keeps answers back."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

import requests


class DelayingProxy:
    """Passes GETs on to the service at `behind` and answers `seconds` later; as a context it runs."""

    def __init__(self, behind: str, seconds: float) -> None:
        self.seconds = seconds
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(behind, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(behind: str, proxy: DelayingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer = requests.get(f"{behind}{self.path}", timeout=5)
            except requests.RequestException:
                self.send_error(502)
                return
            time.sleep(proxy.seconds)
            self.send_response(answer.status_code)
            for name in ("Content-Type", "X-Model", "X-Arm", "X-Rung"):
                self.send_header(name, answer.headers.get(name, ""))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Quiet: the log of requests is the audience's."""

    return Handler
