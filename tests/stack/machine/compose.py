"""Compose of both generations, and the stack that it runs."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers import getting
from tests.servers.getting import MissingPartError

_RECIPE = Path(__file__).parent / "compose2"
_ROLLOUT = Path(__file__).parents[3] / "docker" / "rollout.sh"
_SECONDS = 600
"""For one command; the first build installs everything."""


def first_generation() -> str:
    """The command of Compose 1, installed from Debian where it is not there and may be."""
    if not _version("docker-compose").startswith("1."):
        getting.install("docker-compose")
    return _checked("docker-compose", "1.")


def second_generation() -> str:
    """The command of Compose 2: the plug-in, a program of its own, or Debian sid's in a folder of ours."""
    for command in ("docker compose", "docker-compose"):
        if _version(command).startswith("2."):
            return command
    folder = getting.keep("compose2", _RECIPE)
    if not folder.exists():
        getting.fill(folder, lambda new: getting.run([str(_RECIPE / "fetch.sh"), str(new)]))
    return _checked(str(folder / "docker-compose"), "2.")


def _checked(command: str, generation: str) -> str:
    if not _version(command).startswith(generation):
        raise MissingPartError(f"no Compose {generation}x: {command} says {_version(command) or 'nothing'}")
    return command


def _version(command: str) -> str:
    if not shutil.which(command.split()[0]):
        return ""
    done = subprocess.run(
        [*command.split(), "version", "--short"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip().removeprefix("v")


class Stack:
    """One project of the compose file that COMPOSE_FILE names, run by one generation of Compose."""

    def __init__(self, command: str, project: str, environ: dict[str, str]) -> None:
        self.command = command
        self.project = project
        self._environ = os.environ | environ | {"COMPOSE_PROJECT_NAME": project}

    def compose(self, *arguments: str, sent: bytes = b"") -> str:
        """What a command of Compose prints; AssertionError with all it said where it fails."""
        return self.run([*self.command.split(), *arguments], sent)

    def run(self, command: Sequence[str], sent: bytes = b"") -> str:
        """What any command prints in the stack's environment; AssertionError where it fails."""
        done = subprocess.run(
            command, input=sent, env=self._environ, capture_output=True, timeout=_SECONDS, check=False
        )
        assert not done.returncode, f"{' '.join(command)}: {done.stderr.decode()[-3000:]}"
        return done.stdout.decode()

    def scale(self, service: str, number: int) -> None:
        """Make it so many replicas, as each generation's users do."""
        if "2." in _version(self.command)[:2]:
            self.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", f"{service}={number}", service)
        else:
            self.compose("scale", f"{service}={number}")

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What `docker inspect` tells of a service's running containers, those of `python` left out."""
        labels = {"project": self.project, "service": service, "oneoff": "False"}
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
        ids = self.run(["docker", "ps", "-q", *filters]).split()
        found: list[dict[str, Any]] = json.loads(self.run(["docker", "inspect", *ids])) if ids else []
        return found

    def kill(self, container: dict[str, Any]) -> None:
        """SIGKILL to a container's process, as the kernel sends it: Docker starts the container again."""
        command = ["docker", "run", "--rm", "--pid", "host", "--user", "0", container["Config"]["Image"]]
        self.run([*command, "bash", "-c", f"kill -9 {container['State']['Pid']}"])

    def logs(self, container: dict[str, Any], since: float = 0) -> list[str]:
        """What a container printed since a Unix time."""
        return self.run(["docker", "logs", "--since", f"{since:.3f}", container["Id"]]).splitlines()

    def page(self, container: dict[str, Any], port: int, path: str) -> str:
        """What a container answers at a port that is not published, with the head; empty where it refuses."""
        request = f"printf 'GET {path} HTTP/1.0\\r\\n\\r\\n'"
        ask = f"exec 3<>/dev/tcp/127.0.0.1/{port} && {request} >&3 && cat <&3 || true"
        return self.run(["docker", "exec", container["Id"], "bash", "-c", ask])

    def python(self, module: str, *arguments: str, sent: bytes = b"") -> str:
        """What a module, of the tests' too, prints when run in a container of its own inside the stack."""
        tests = f"{Path(__file__).parents[2]}:/app/tests:ro"
        command = [
            "run",
            "--rm",
            "-T",
            "--no-deps",
            "-v",
            tests,
            "ingest",
            "python",
            "-m",
            module,
            *arguments,
        ]
        return self.compose(*command, sent=sent)

    def rollout(self) -> None:
        """Replace every replica of the service, as docs/operations.md tells."""
        self.run(["env", f"COMPOSE={self.command}", str(_ROLLOUT)])

    def down(self) -> None:
        """Remove the project's containers, networks and volumes."""
        self.compose("--profile", "demo", "--profile", "grafana", "down", "--volumes", "--timeout", "5")
