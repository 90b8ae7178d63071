"""How a machine comes by the stack's images: there already, pulled, or stood in for."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.servers import broker, database, getting
from tests.servers.getting import MissingPartError

ROOT = Path(__file__).parents[3]
_STAND_INS = ROOT / "docker" / "stand-ins"
FERRETDB = "marquee-ferretdb"
"""The image that stands for MongoDB's, for docker/stand-ins/ferretdb.yml."""
_PULL_SECONDS = 900
_STANDS_IN = {
    "apache/kafka": "Kafka's own jars from Maven Central on Debian's Java",
    "mongo": "FerretDB over SQLite, which speaks MongoDB's protocol but knows no replica set",
}
_VERSIONS = {
    "nginx": "nginx -v",
    "prom/prometheus": "prometheus --version",
    "prom/alertmanager": "alertmanager --version",
    "python": "python --version",
}
"""What an image that was made on this machine is asked for its version."""


def wanted() -> list[str]:
    """Every image that the stack starts or is built from, but its own."""
    started = re.findall(r"^    image: (\S+)$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    parents = re.findall(r"^FROM (\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    return sorted({*started, *parents})


def obtain(image: str) -> str:
    """How the image came to this machine, in words; MissingPartError where it cannot be had."""
    if present(image):
        return "there already, from a registry" if _registry(image) else f"STOOD IN: {_said(image)}"
    refused = _pull(image)
    if not refused:
        return "pulled"
    name = image.partition(":")[0]
    if name not in _BUILDERS:
        raise MissingPartError(f"cannot be pulled ({refused}), nothing stands for it")
    return _BUILDERS[name](image)


def present(image: str) -> bool:
    """Whether the engine has the image."""
    return not _docker("image", "inspect", image)


def _registry(image: str) -> str:
    """Digests of the image in registries; empty where it was made on this machine."""
    return _printed("image", "inspect", "-f", '{{join .RepoDigests " "}}', image)


def _said(image: str) -> str:
    """What an image that was made on this machine holds, in its program's words."""
    name = image.partition(":")[0]
    if name in _STANDS_IN:
        return _STANDS_IN[name]
    said = _printed("run", "--rm", "--entrypoint", "sh", image, "-c", _VERSIONS.get(name, "true"))
    return f"made on this machine, {said.splitlines()[0] if said else 'of an unknown version'}"


def _printed(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.strip()


def _pull(image: str) -> str:
    return _docker("pull", "--quiet", image)


def _docker(*arguments: str) -> str:
    """Empty where the command succeeds, else the last line that it said."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=_PULL_SECONDS, check=False
    )
    return (done.stderr.strip() or "failed").splitlines()[-1] if done.returncode else ""


def _kafka(image: str) -> str:
    jars = getting.keep("kafka", Path(broker.__file__).parent / "kafka")
    if not jars.exists():
        broker.get()
    _build("kafka", image, {"libs": jars, "kafka-run": _STAND_INS / "kafka-run"})
    return f"STOOD IN: {_said(image)}"


def _ferretdb(image: str) -> str:
    program = getting.keep("ferretdb", Path(database.__file__).parent / "ferretdb") / "ferretdb"
    if not program.exists():
        database.get()
    _build("ferretdb", FERRETDB, {"ferretdb": program})
    return f"STOOD IN: {_said(image)}"


_BUILDERS: dict[str, Callable[[str], str]] = {"apache/kafka": _kafka, "mongo": _ferretdb}


def _build(name: str, tag: str, context: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for target, source in context.items():
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, Path(folder) / target)
        recipe = str(_STAND_INS / f"{name}.Dockerfile")
        getting.run(["docker", "build", "--quiet", "--tag", tag, "--file", recipe, folder])
