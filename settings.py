"""Every setting of every process, read once from the environment.

The defaults run the embedded system: a file as the log, SQLite as the store, all under `data/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A variable with a bad value: its name, its value, and what is expected."""


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(" or ".join(f"{scheme}://..." for scheme in schemes))
        return text

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(" or ".join(words))
        return text

    return read


def _text(text: str) -> str:
    if not text:
        raise ValueError("some text")
    return text


def _setting(default: str | Callable[[], str], read: Callable[[str], Any]) -> Any:
    """A field whose default is text, as the variable would be."""
    made = (lambda: read(default())) if callable(default) else (lambda: read(default))
    return field(default_factory=made, metadata={"read": read})


@dataclass(frozen=True)
class Settings:
    """Field `window_days` is set by the variable WINDOW_DAYS, and so on."""

    movielog_url: str = _setting(lambda: f"file://{Path.cwd()}/data/movielog.log", _url("kafka", "file"))
    """The log: `kafka://host:9092/topic` or `file:///path`."""
    store_url: str = _setting(lambda: f"sqlite://{Path.cwd()}/data/marquee.db", _url("mongodb", "sqlite"))
    """The store: `mongodb://host:27017/marquee` or `sqlite:///path`."""
    model_cache: str = _setting(lambda: f"{Path.cwd()}/data/models", _text)
    """Folder where models are laid out once for all workers of a machine."""
    params: str = _setting(lambda: str(Path(__file__).with_name("params.yaml")), _text)
    """The file of every number that decides what a model becomes and whether it serves."""
    provenance: str = _setting(lambda: f"{Path.cwd()}/data/provenance", _text)
    """Folder of the provenance repository, a git history of all retrains."""
    dvc_remote: str = _setting(lambda: f"{Path.cwd()}/data/dvc-remote", _text)
    """Where DVC pushes data and models to: a folder, `s3://`, `gdrive://`, `ssh://`, what else DVC takes."""
    window_days: int = _setting("5", _whole(1, 3650))
    """Days of events that a model is trained on."""
    schedule_days: int = _setting("3", _whole(1, 3650))
    """Days from one retrain to the next."""
    neighbours: int = _setting("0", _whole(0, 10_000))
    """Similar movies kept per movie; 0 for as many as `params` says."""
    split: str = _setting("hash:marquee:50", _text)
    """Which user belongs to which arm: `hash:SALT:PERCENT OF ARM 2`, `first-digit` or `threshold:USER`."""
    deadline_ms: int = _setting("750", _whole(1, 600_000))
    """Answers slower than this many milliseconds are late."""
    port: int = _setting("8082", _whole(1, 65535))
    """Where the service listens."""
    listen: str = _setting("127.0.0.1", _text)
    """The address the service listens on: `0.0.0.0` inside a container."""
    metrics_port: int = _setting("0", _whole(0, 65535))
    """Where a job that is no web service shows its metrics, on the address `listen`; 0 for nowhere."""
    service_url: str = _setting("http://127.0.0.1:4000", _url("http", "https"))
    """Whom the status page asks what a user would get: `http://host:port`."""
    workers: int = _setting("2", _whole(1, 256))
    """Processes of one service."""
    worker_class: str = _setting("auto", _one_of("auto", "loop", "gthread", "sync"))
    """How a process takes requests: `loop` one at a time on connections that are kept, `gthread` several at a
    time in threads, `sync` one at a time on new connections; `auto` is `loop` for SQLite, `gthread` else."""
    threads: int = _setting("4", _whole(1, 256))
    """Threads of one process that answer, with `gthread`."""
    answers_waiting: int = _setting("20000", _whole(1, 10_000_000))
    """Answers that one process keeps for a store that is away."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from variables; unset and empty ones take the default, a bad one raises SettingsError."""
    given = {f.name: environ.get(f.name.upper(), "") for f in fields(Settings)}
    return Settings(**{name: _checked(name, text) for name, text in given.items() if text})


def _checked(name: str, text: str) -> Any:
    reader = Settings.__dataclass_fields__[name].metadata["read"]
    try:
        return reader(text)
    except ValueError as expected:
        raise SettingsError(f"{name.upper()}={text!r}: expected {expected}") from None
