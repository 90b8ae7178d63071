"""A Docker engine: the one that answers, else one of our own for as long as it is needed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.getting import MissingPartError, install, program

_PATIENCE = 60
"""Seconds until an engine must answer."""


@contextmanager
def engine() -> Iterator[str]:
    """Where the engine that commands inside reach comes from; MissingPartError where none can be had."""
    if not shutil.which("docker"):
        install("docker.io")
    if _answers():
        yield "the one that answers"
        return
    if os.geteuid() != 0:
        raise MissingPartError(
            "no Docker engine answers; start one, or run this as root to have one of its own"
        )
    with tempfile.TemporaryDirectory(prefix="dockerd.") as folder, _daemon(Path(folder)):
        yield f"a dockerd of its own in {folder}"


def _answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@contextmanager
def _daemon(folder: Path) -> Iterator[None]:
    os.environ["DOCKER_HOST"] = f"unix://{folder}/sock"
    command = [program("dockerd"), "-H", os.environ["DOCKER_HOST"], "--pidfile", f"{folder}/pid"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(daemon, folder / "log")
        yield
    finally:
        daemon.terminate()
        daemon.wait()
        del os.environ["DOCKER_HOST"]


def _wait(daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise MissingPartError(
                f"dockerd did not come up: {' / '.join(log.read_text().splitlines()[-3:])}"
            )
        time.sleep(0.5)
