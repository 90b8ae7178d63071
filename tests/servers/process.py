"""A server as a process of our own: started, waited for, ended by its id, its output kept."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import requests

_PATIENCE = 60
"""Seconds until a server must be ready; many times what it takes on a busy machine."""


class ServerStartError(Exception):
    """A server that did not come up, with the end of its log."""


def free_port() -> int:
    """A free TCP port on 127.0.0.1, below those that the system gives to clients.

    A client that keeps asking for a stopped server's port could otherwise be given that very port.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerStartError("no free port from 20000 to 31999")


def listens(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        return requests.get(url, timeout=1).status_code == 200
    except requests.RequestException:
        return False


class Server:
    """A process that listens on loopback; as a context it is started and stopped.

    `ready` says whether it serves. `log` takes its output over all its starts. It ends with this process.
    """

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool]) -> None:
        self._command = [*_bound_to_us(), *command]
        self.ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self.log = log

    @property
    def pid(self) -> int:
        """Process id; ServerStartError where it does not run."""
        if self._process is None:
            raise ServerStartError(f"{self.log.stem} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it serves; nothing where it runs. ServerStartError where it does not."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._wait(self._process)

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self.ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerStartError(f"{' '.join(process.args)} did not come up:\n{self.tail()}")  # type: ignore[arg-type]
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, wait, and insist after ten seconds; nothing where it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        self.kill()

    def kill(self) -> None:
        """End it and its children by SIGKILL, at once; nothing where it does not run."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(
            [*self.log.read_text(errors="replace").splitlines()[-lines:], f"(whole log: {self.log})"]
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _bound_to_us() -> list[str]:
    """Words before a command that end it when this process dies without tidying up, on Linux."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
