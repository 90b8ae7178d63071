"""What one demo consists of: its folder, its ports, its processes, their settings."""

import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JOBS = ("ingest", "retrainer", "api_monitor", "model_quality_monitor")
"""Processes that are no web services, in the order of the ports where they show their metrics."""
WATCHERS = ("prometheus", "alertmanager")
"""Who watches, on the ports after those."""


@dataclass(frozen=True)
class Plan:
    """A demo in `folder`, answering on `port`; `movielens` is a folder of ratings, None for made-up history.

    Behind the balancer the two services listen on `service_port` and the next one; the jobs show their
    metrics on `metrics_port` and those after it, and then come the watchers.

    `nginx` is the balancer's program, None where it is not installed and one service answers alone.
    """

    folder: Path
    port: int
    service_port: int
    metrics_port: int
    movielens: Path | None
    nginx: str | None
    watchers: Mapping[str, str]
    """Programs of the watchers; empty where one of them is not installed."""

    @property
    def log(self) -> Path:
        """The event log."""
        return self.folder / "movielog.log"

    @property
    def service_ports(self) -> tuple[int, ...]:
        """Where the services listen: two behind nginx, else one in front."""
        return (self.service_port, self.service_port + 1) if self.nginx else (self.port,)

    @property
    def metrics_ports(self) -> Mapping[str, int]:
        """Where each job shows its metrics."""
        return {job: self.metrics_port + number for number, job in enumerate(JOBS)}

    @property
    def watch_ports(self) -> Mapping[str, int]:
        """Where each watcher listens, where there are any."""
        first = self.metrics_port + len(JOBS)
        return {name: first + number for number, name in enumerate(WATCHERS) if self.watchers}

    @property
    def ports(self) -> Mapping[int, str]:
        """All ports that the demo listens on, and the variable of `make demo` that each comes from."""
        return (
            dict.fromkeys([*self.metrics_ports.values(), *self.watch_ports.values()], "METRICS_PORT")
            | dict.fromkeys(self.service_ports, "SERVICE_PORT")
            | {self.port: "PORT"}
        )

    def environment(self, path: str) -> Mapping[str, str]:
        """The settings that make every process work in the demo's folder; `path` is the shell's."""
        return {
            "MOVIELOG_URL": f"file://{self.log}",
            "STORE_URL": f"sqlite://{self.folder / 'marquee.db'}",
            "MODEL_CACHE": str(self.folder / "models"),
            "PROVENANCE": str(self.folder / "provenance"),
            "DVC_REMOTE": str(self.folder / "dvc-remote"),
            "SERVICE_URL": f"http://127.0.0.1:{self.port}",
            "DEMO_URL": f"http://127.0.0.1:{self.port}",
            "DEMO_STATUS_URL": f"http://127.0.0.1:{self.metrics_ports['api_monitor']}/status",
            "DEMO_SETTINGS": str(self.settings),
            "DEMO_AUDIENCE": f"--movielens {self.movielens}" if self.movielens else "",
            "DEMO_NGINX": f"{self.nginx} -p {self.folder} -c {self.folder / 'nginx.conf'}",
            **self._watching(),
            **{f"{job.upper()}_METRICS_PORT": str(port) for job, port in self.metrics_ports.items()},
            "PATH": f"{Path(sys.executable).parent}:{path}",
            "PYTHONUNBUFFERED": "1",
        }

    def _watching(self) -> Mapping[str, str]:
        """How the watchers are started, and where to look at them."""
        if not self.watchers:
            return {}
        listen = {name: f"--web.listen-address=127.0.0.1:{port}" for name, port in self.watch_ports.items()}
        data = self.folder / "prometheus"
        return {
            "DEMO_PROMETHEUS": f"{self.watchers['prometheus']} --config.file={data}.yml "
            f"--storage.tsdb.path={data} {listen['prometheus']} --log.level=warn",
            "DEMO_ALERTMANAGER": f"{ROOT}/monitor/alertmanager.sh {self.folder}/alertmanager.yml "
            f"{self.watchers['alertmanager']} --storage.path={self.folder}/alertmanager "
            f"{listen['alertmanager']} --cluster.listen-address= --log.level=warn",
            "DEMO_WATCHERS": " ".join(f"http://127.0.0.1:{port}" for port in self.watch_ports.values()),
        }

    @property
    def settings(self) -> Path:
        """A shell script that gives a shell the demo's settings."""
        return self.folder / "settings.sh"

    def processes(self) -> Mapping[str, int]:
        """How many of each process of the Procfile run."""
        watchers = dict.fromkeys(WATCHERS, int(bool(self.watchers)))
        return {"service": len(self.service_ports), "balancer": int(self.nginx is not None)} | watchers


def make_plan(folder: Path, port: int, service_port: int, metrics_port: int, movielens: Path | None) -> Plan:
    """The demo's plan on this machine; made-up and real histories live side by side below `folder`."""
    name = movielens.resolve().name if movielens else "made-up"
    real = movielens and movielens.resolve()
    ports = (port, service_port, metrics_port)
    return Plan(folder.resolve() / name, *ports, real, _program("nginx"), _watchers())


def _watchers() -> Mapping[str, str]:
    prometheus = _program("prometheus")
    alertmanager = _program("prometheus-alertmanager") or _program("alertmanager")
    if not (prometheus and alertmanager):
        return {}
    return {"prometheus": prometheus, "alertmanager": alertmanager}


def _program(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def taken(port: int) -> bool:
    """Whether something listens on this port of the loopback already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
