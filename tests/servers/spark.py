"""Apache Spark: the program's own jars from the package pyspark, on Java 17."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests

from tests.servers import getting
from tests.servers.getting import MissingPartError
from tests.servers.process import Server, free_port

_REQUIREMENTS = Path(__file__).parent.parent.parent / "requirements-spark.txt"


def find() -> str:
    """What there is; MissingPartError where pyspark or Java is not there."""
    java = getting.program("java")
    return f"{_home()}, {java}"


def get() -> None:
    """Install what is missing, pyspark into this environment."""
    if importlib.util.find_spec("pyspark") is None:
        getting.run([sys.executable, "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS)])
    try:
        getting.program("java")
    except MissingPartError:
        getting.install("openjdk-17-jre-headless")


def _home() -> Path:
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise MissingPartError("pyspark is not installed: pip install -r requirements-spark.txt")
    return Path(spec.origin).parent


def environ(folder: Path) -> dict[str, str]:
    """Variables of a program that uses Spark on loopback, with little memory."""
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(folder / "scratch"),
    }
    defaults = "".join(f"{name} {value}\n" for name, value in settings.items())
    (folder / "spark-defaults.conf").write_text(defaults)
    return os.environ | {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """URL of a standalone master with so many workers, each of one core, all on loopback."""
    port, page = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:
        master = ["Master", "--port", str(port), "--webui-port", str(page)]
        running.enter_context(_daemon(master, folder, partial(_has, page, 0)))
        for number in range(1, workers + 1):
            running.enter_context(_daemon(_worker(folder, number, url), folder, partial(_has, page, number)))
        yield url


def _worker(folder: Path, number: int, url: str) -> list[str]:
    scratch = str(folder / f"worker-{number}")
    ports = ["--port", str(free_port()), "--webui-port", str(free_port())]
    return ["Worker", "--cores", "1", "--memory", "512m", "--work-dir", scratch, *ports, url]


def _daemon(arguments: list[str], folder: Path, ready: Callable[[], bool]) -> Server:
    kind, *rest = arguments
    variables = ["SPARK_LOCAL_IP=127.0.0.1", "SPARK_DAEMON_MEMORY=256m", f"SPARK_CONF_DIR={folder}"]
    program = f"org.apache.spark.deploy.{kind.lower()}.{kind}"
    command = ["env", *variables, str(_home() / "bin" / "spark-class"), program, "--host", "127.0.0.1", *rest]
    return Server(command, folder / f"{kind.lower()}-{free_port()}.log", ready)


def _has(page: int, workers: int) -> bool:
    """Whether the master that shows a page there knows so many workers."""
    try:
        found = requests.get(f"http://127.0.0.1:{page}/json/", timeout=1).json()
    except (requests.RequestException, ValueError):
        return False
    return bool(found["aliveworkers"] == workers)
