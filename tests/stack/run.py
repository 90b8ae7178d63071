"""Get an engine, Compose and the stack's images, say which there are, then run the tests marked `stack`.

BASE_IMAGES_COMMAND, where it is set, is run once an engine answers: it may load images that cannot be pulled.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

from tests.servers.getting import MissingPartError
from tests.stack.machine import images
from tests.stack.machine.compose import first_generation, second_generation
from tests.stack.machine.engine import engine

GENERATIONS = {"compose1": first_generation, "compose2": second_generation}
_OPTIONAL = ("grafana/", "prom/", "compose")
"""Beginnings of parts without which the tests can run."""


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stack.run", description=__doc__)
    parser.add_argument(
        "--require", default="", metavar="PART,PART", help="fail where a part whose name begins so is missing"
    )
    parser.add_argument("pytest", nargs="*", help="after `--`: arguments of pytest")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stack's tests and leave nothing behind that was not there before."""
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("DOCKER_BUILDKIT", "0")  # asks no registry for what is there
    try:
        with engine() as where:
            print(f"{'engine':32}{where}", flush=True)
            return _run(arguments.require, arguments.pytest)
    except MissingPartError as why:
        print(f"tests.stack: {why}", file=sys.stderr)
        return 1


def _run(require: str, pytest: Sequence[str]) -> int:
    if command := os.environ.get("BASE_IMAGES_COMMAND"):
        subprocess.run(command, shell=True, check=True)
    missing = _get_all()
    required = tuple(filter(None, require.split(",")))
    wanted = [part for part in missing if not part.startswith(_OPTIONAL) or part.startswith(required)]
    if wanted or set(GENERATIONS) <= set(missing):
        raise MissingPartError(f"cannot go on without {', '.join(wanted) or 'any Compose'}")
    _choose_database()
    return subprocess.run([sys.executable, "-m", "pytest", "-m", "stack", *pytest], check=False).returncode


def _get_all() -> list[str]:
    """Get and print every part; the names of the missing ones."""
    missing = []
    for name, get in GENERATIONS.items():
        if command := _obtained(name, get):
            os.environ[name.upper()] = command
        else:
            missing.append(name)
    return missing + [name for name in images.wanted() if not _obtained(name, partial(images.obtain, name))]


def _obtained(name: str, get: Callable[[], str]) -> str:
    """How a part was got, printed; empty where it was not."""
    try:
        how = get()
    except MissingPartError as why:
        print(f"{name:32}MISSING: {why}", flush=True)
        return ""
    print(f"{name:32}{how}", flush=True)
    return how


def _choose_database() -> None:
    """Let the compose commands below take the stand-in where MongoDB's own server is not there."""
    files = [images.ROOT / "docker-compose.yml"]
    if not any(images.present(image) for image in images.wanted() if image.startswith("mongo:")):
        files.append(images.ROOT / "docker" / "stand-ins" / "ferretdb.yml")
        os.environ["STORE_URL"] = "mongodb://mongo:27017/marquee"
    os.environ["COMPOSE_FILE"] = os.pathsep.join(map(str, files))


if __name__ == "__main__":
    raise SystemExit(main())
