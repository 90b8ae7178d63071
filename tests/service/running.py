"""A real gunicorn with the service, on a free port of the loopback, and callers for it."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 60


@dataclass(frozen=True)
class Response:
    user: int
    status: int
    headers: Mapping[str, str]
    body: str


class Service:
    """Started on entering; ended, by force if need be, on leaving."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._log = (folder / "service.log").open("a+")
        self._variables = {
            "STORE_URL": f"sqlite://{folder}/marquee.db",
            "MODEL_CACHE": f"{folder}/cache",
            "PROMETHEUS_MULTIPROC_DIR": f"{folder}/metrics",
            "PORT": str(self.port),
            **variables,
        }

    def __enter__(self) -> Self:
        gunicorn = Path(sys.executable).with_name("gunicorn")
        command = [gunicorn, "-c", "service/gunicorn_conf.py"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | self._variables, stdout=self._log, stderr=self._log
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    @property
    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        wait_for(lambda: self._readiness() == 200, self)

    def _readiness(self) -> int:
        try:
            return self.get("/readyz")[0]
        except OSError:
            return 0

    def workers(self) -> set[int]:
        listed = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return {int(pid) for pid in listed.stdout.split()}

    def metric(self, name: str) -> float:
        """The sum of a metric's samples; `name` may go on with labels."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def wait_for(condition, service: Service) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain; the log says:\n{service.log[-3000:]}"
        time.sleep(0.05)


@dataclass
class Callers:
    """Ask for one user after the other on connections that are kept, until told to stop."""

    service: Service
    users: range
    responses: list[Response] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)

    def call(self, offset: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=10)
        for turn in range(offset, 10**9, 7):
            if self.stopping.is_set() or not self._one(connection, self.users[turn % len(self.users)]):
                break
            time.sleep(0.002)
        connection.close()

    def _one(self, connection: http.client.HTTPConnection, user: int) -> bool:
        """Whether the caller goes on: not after a failure, nor where the service said good-bye."""
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            return False
        try:
            connection.request("GET", f"/recommend/{user}")
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"user {user}: {error!r}")
            return False
        self.responses.append(Response(user, answer.status, dict(answer.getheaders()), body))
        return answer.getheader("Connection") != "close"


@contextmanager
def calling(service: Service, users: range, count: int = 4) -> Iterator[Callers]:
    """Callers at work for as long as the block lasts."""
    callers = Callers(service, users)
    threads = [Thread(target=callers.call, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.stopping.set()
        for thread in threads:
            thread.join()
