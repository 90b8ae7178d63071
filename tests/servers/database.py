"""A server of MongoDB's protocol: MONGO_URL if given, else a mongod on PATH, else FerretDB on SQLite."""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pymongo import MongoClient

from tests.servers import getting
from tests.servers.process import Server, free_port, listens

_RECIPE = Path(__file__).parent / "ferretdb"
_VENDORED = "vendor/github.com/FerretDB/FerretDB"
_VERSION = "1.24.2"


def find() -> str:
    """What database this machine has; MissingPartError where it has none."""
    if url := os.environ.get("MONGO_URL"):
        return f"the server at {urlsplit(url).netloc.rpartition('@')[2]} (MONGO_URL)"
    if path := _mongod():
        return f"MongoDB, {path}"
    if _ferretdb().exists():
        return f"FerretDB {_VERSION} from {_ferretdb()} (no MONGO_URL, no mongod on PATH)"
    raise getting.MissingPartError(
        f"no MONGO_URL, no mongod on PATH, no {_ferretdb()}; `make test-real` builds the last"
    )


def get() -> None:
    """Build FerretDB with patches.json applied to it; MissingPartError where there is no Go."""
    try:
        go = getting.program("go")
    except getting.MissingPartError as why:
        raise getting.MissingPartError(
            f"no MONGO_URL, no mongod, and {why} (1.24 or newer) for FerretDB"
        ) from None
    getting.fill(_ferretdb().parent, lambda new: _build(go, new))


def _build(go: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        sources = shutil.copytree(_RECIPE, Path(temporary) / "sources")
        getting.run([go, "mod", "vendor"], sources)
        for patch in json.loads((sources / "patches.json").read_text()):
            _replace(sources / _VENDORED / patch["file"], patch["old"], patch["new"])
        build = [
            "env",
            "CGO_ENABLED=0",
            go,
            "build",
            "-mod=vendor",
            "-trimpath",
            "-o",
            str(folder / "ferretdb"),
        ]
        getting.run(build, sources)


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise getting.MissingPartError(f"{file.name} holds {old!r} {text.count(old)} times, not once")
    file.write_text(text.replace(old, new))


def _mongod() -> str:
    try:
        return getting.program("mongod")
    except getting.MissingPartError:
        return ""


def _ferretdb() -> Path:
    return getting.keep("ferretdb", _RECIPE) / "ferretdb"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """URL of a running server, without a database; one that is started here has its data in `folder`."""
    if url := os.environ.get("MONGO_URL"):
        yield url
        return
    port, data = free_port(), folder / "data"
    data.mkdir()
    with Server(_command(port, data), folder / "database.log", lambda: listens(port)):
        yield f"mongodb://127.0.0.1:{port}"


def _command(port: int, data: Path) -> list[str]:
    if path := _mongod():
        return [path, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data)]
    return [str(_ferretdb()), f"127.0.0.1:{port}", str(data)]


@contextmanager
def fresh(server_url: str) -> Iterator[str]:
    """URL of a database of its own on that server, dropped at the end."""
    name = f"marquee_{uuid.uuid4().hex[:12]}"
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    try:
        yield url
    finally:
        with MongoClient[dict[str, object]](url) as client:
            client.drop_database(name)
