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
_PROCESSORS = Path("/sys/fs/cgroup/cpu")
"""Where groups of processes share the processors out, in cgroups of version 1."""
_WEIGHT = 16_384
"""Of an engine and its containers; 1,024 is that of a single session on the machine."""


@contextmanager
def engine() -> Iterator[str]:
    """Where the engine that commands inside reach comes from; MissingPartError where none can be had."""
    if shutil.which("docker") and _answers():
        yield "the one that answers"
        return
    if os.geteuid() != 0:
        raise MissingPartError(
            "no Docker engine answers; start one, or run this as root to have one of its own"
        )
    _have_dockerd()
    with tempfile.TemporaryDirectory(prefix="dockerd.") as folder, _daemon(Path(folder)):
        yield f"a dockerd of its own in {folder}"


def _have_dockerd() -> None:
    """A client may be there without an engine."""
    try:
        program("dockerd")
    except MissingPartError:
        install("docker.io")


def _answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@contextmanager
def _daemon(folder: Path) -> Iterator[None]:
    os.environ["DOCKER_HOST"] = f"unix://{folder}/sock"
    command = [program("dockerd"), "-H", os.environ["DOCKER_HOST"], "--pidfile", f"{folder}/pid"]
    command += ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    with _group(folder.name) as group, (folder / "log").open("w") as log:
        daemon = subprocess.Popen([*group, *command], stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(daemon, folder / "log")
            yield
        finally:
            daemon.terminate()
            daemon.wait()
            del os.environ["DOCKER_HOST"]


@contextmanager
def _group(name: str) -> Iterator[list[str]]:
    """Words before an engine's command that give it and its containers, together, their weight.

    Without, all containers share what a single session of the machine gets. Among themselves the engine's
    threads, which pass the requests on, are not to be outweighed by the containers.
    """
    group = _PROCESSORS / name
    if not os.access(_PROCESSORS / "cpu.shares", os.W_OK):
        yield []
        return
    (group / "containers").mkdir(parents=True)
    (group / "cpu.shares").write_text(str(_WEIGHT))
    try:
        yield ["sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@" --cgroup-parent=containers', "engine"]
    finally:
        for part in (group / "containers", group):
            part.rmdir()


def _wait(daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _answers():
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise MissingPartError(
                f"dockerd did not come up: {' / '.join(log.read_text().splitlines()[-3:])}"
            )
        time.sleep(0.5)
