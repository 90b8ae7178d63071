"""gunicorn with one or more replicas behind nginx, as in the stack but all on this machine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.serving.worlds import World
from settings import Settings
from tests.servers.process import Server, answers, free_port, listens
from tests.servers.web import nginx

ROOT = Path(__file__).parents[2]
SERVERS = ROOT / ".venv-bench/servers"
"""Where servers are that the service does not need."""
OURS, CONSTANT, WITHOUT_FRESH = (
    "service.app:create_app()",
    "benchmarks.serving.apps:constant()",
    "benchmarks.serving.apps:without_fresh_events()",
)
_TICKS = os.sysconf("SC_CLK_TCK")


class Stack(NamedTuple):
    """What runs: the balancer's port and the first process of each server."""

    port: int
    replicas: Sequence[Server]
    balancer: Server

    def pids(self) -> list[int]:
        """All processes of the replicas."""
        return [pid for replica in self.replicas for pid in family(replica.pid)]

    def cpu(self) -> float:
        """Seconds that all servers have used, nginx too."""
        return sum(map(used, [*self.pids(), *family(self.balancer.pid)]))


@contextmanager
def running(
    made: World, app: str = OURS, replicas: int = 1, variables: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """A stack that answers; `variables` are settings, and SERVER=granian takes that one for gunicorn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        ports = [free_port() for _ in range(replicas)]
        started = [stack.enter_context(replica(made, app, port, folder, variables or {})) for port in ports]
        port = free_port()
        balancer = stack.enter_context(nginx(folder, balancing(ports, port, folder), port))
        yield Stack(port, started, balancer)


def replica(made: World, app: str, port: int, folder: Path, variables: Mapping[str, str]) -> Server:
    """One gunicorn under the service's own settings, not started yet; ready once it answers."""
    settings = {
        "STORE_URL": made.url,
        "MODEL_CACHE": str(made.cache),
        "PROMETHEUS_MULTIPROC_DIR": f"/dev/shm/marquee-bench-{port}",
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    server = settings.pop("SERVER", "gunicorn")
    command = _granian(app, settings) if server == "granian" else _gunicorn(app)
    environ = ["env", *(f"{name}={value}" for name, value in settings.items())]
    url = f"http://127.0.0.1:{port}/recommend/1"
    return Server([*environ, *command], folder / f"{port}.log", lambda: listens(port) and answers(url))


def _gunicorn(app: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "service/gunicorn_conf.py"), app]


def _granian(app: str, settings: dict[str, str]) -> list[str]:
    """As many workers as gunicorn has; where its metrics go must be there."""
    Path(settings["PROMETHEUS_MULTIPROC_DIR"]).mkdir(exist_ok=True)
    settings["PYTHONPATH"] += f"{os.pathsep}{SERVERS}"
    place = ["--host", "127.0.0.1", "--port", settings["PORT"], "--workers", str(Settings().workers)]
    how = ["--interface", "wsgi", "--factory", "--http", "1", "--no-ws", "--log-level", "warning"]
    return [sys.executable, "-m", "granian", *how, *place, app.removesuffix("()")]


def balancing(ports: Sequence[int], port: int, folder: Path) -> str:
    """The stack's nginx.conf for replicas on this machine."""
    text = (ROOT / "nginx.conf").read_text()
    servers = "\n".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    text = re.sub(r"server recom_service:8082[^;]*;", servers, text)
    text = re.sub(r"resolver [^;]*;", "", text)
    text = text.replace("listen 4000;", f"listen 127.0.0.1:{port};")
    text = text.replace("127.0.0.1:4001", f"127.0.0.1:{free_port()}")
    return text.replace("/tmp/", f"{folder}/")


def family(pid: int) -> list[int]:
    """A process and those below it."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [pid, *(each for child in found.stdout.split() for each in family(int(child)))]


def used(pid: int) -> float:
    """Seconds of CPU of a process, 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
