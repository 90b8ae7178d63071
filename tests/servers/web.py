"""nginx, Prometheus and Alertmanager on configurations that tests give, and a webhook receiver."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self

from tests.servers.getting import program
from tests.servers.process import Server, answers, free_port, listens

_START = Path(__file__).parents[2] / "monitor" / "alertmanager.sh"


class WebServer(Server):
    """A server with a page to ask, at `url` (no slash at its end)."""

    def __init__(self, command: list[str], log: Path, url: str, ready: Callable[[], bool]) -> None:
        super().__init__(command, log, ready)
        self.url = url


def nginx(folder: Path, config: str, port: int) -> WebServer:
    """nginx on a whole configuration that listens on 127.0.0.1:port, as it is but for `daemon` and `pid`."""
    text = re.sub(r"^\s*(daemon|pid)\s[^;]*;", "", config, flags=re.MULTILINE)
    file = folder / "nginx.conf"
    file.write_text(f"daemon off;\npid {folder}/nginx.pid;\n{text}")
    command = [program("nginx"), "-p", str(folder), "-c", str(file), "-e", "stderr"]
    return WebServer(command, folder / "nginx.log", f"http://127.0.0.1:{port}", lambda: listens(port))


def prometheus(folder: Path, config: Path) -> WebServer:
    """Prometheus on a configuration file, its data in `folder`, POST /-/reload allowed."""
    data = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", "--web.enable-lifecycle"]
    return _watcher([program("prometheus"), *data], folder / "prometheus.log")


def alertmanager(folder: Path, config: Path, webhook: str = "") -> WebServer:
    """Alertmanager on a configuration file, alone, its data in `folder`, the operator's webhook added."""
    start = ["env", f"ALERT_WEBHOOK_URL={webhook}", f"TMPDIR={folder}", "sh", str(_START), str(config)]
    data = [f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    server = program("prometheus-alertmanager", "alertmanager")
    return _watcher([*start, server, *data], folder / "alertmanager.log")


def _watcher(command: list[str], log: Path) -> WebServer:
    address = f"127.0.0.1:{free_port()}"
    ready = f"http://{address}/-/ready"
    return WebServer(
        [*command, f"--web.listen-address={address}"], log, f"http://{address}", lambda: answers(ready)
    )


class Webhook:
    """Receiver of Alertmanager's notifications at `url`, each kept in `notifications` as it was sent."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        self._came = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._keep))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def _keep(self, notification: dict[str, Any]) -> None:
        with self._came:
            self.notifications.append(notification)
            self._came.notify_all()

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """The first notification of that kind, from the first on; TimeoutError with what came instead."""
        with self._came:
            if not self._came.wait_for(lambda: any(map(wanted, self.notifications)), seconds):
                raise TimeoutError(f"no such notification within {seconds} s, only {self.notifications}")
            return next(filter(wanted, self.notifications))

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(keep: Callable[[dict[str, Any]], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keep(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet: what came is in `notifications`."""

    return Handler
