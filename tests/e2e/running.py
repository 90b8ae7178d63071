"""A demo as a newcomer starts it, on ports and in a folder of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 160


class Demo:
    """A running demo and what it has printed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.service_port, self.metrics_port = free_port(), free_port(), free_port()
        command = [sys.executable, "-m", "demo", "--folder", str(folder), "--port", str(self.port)]
        command += ["--service-port", str(self.service_port), "--metrics-port", str(self.metrics_port)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def wait_for(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := [line for line in self.lines if text in line]:
                return found[-1]
            time.sleep(0.2)
        pytest.fail(f"no {text!r} in\n{''.join(self.lines[-60:])}")

    def interrupt(self) -> None:
        """Ctrl-C: the terminal signals the foreground group; nothing where the demo has ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(30)

    def recommend(self, user: int) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}/recommend/{user}", timeout=5)
