"""How gunicorn runs the service: `gunicorn -c service/gunicorn_conf.py`.

Names are gunicorn's own. WORKER_CLASS, WORKERS, THREADS, LISTEN and PORT come from the settings.
"""

import gc
import logging
import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from ml.split import parse_split
from settings import Settings, SettingsError, read_settings


def _read() -> Settings:
    """The settings; a bad one ends the start with its sentence."""
    try:
        read = read_settings(os.environ)
        parse_split(read.split)
    except (SettingsError, ValueError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    return read


def _memory() -> Path:
    """A folder in memory where there is one."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


_settings = _read()
# prometheus_client looks at it when it is imported
_metrics = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", f"{_memory()}/marquee-{_settings.port}"))

wsgi_app = "service.app:create_app()"
bind = f"{_settings.listen}:{_settings.port}"
workers = _settings.workers
_class = _settings.worker_class
if _class == "auto":
    _class = "loop" if _settings.store_url.startswith("sqlite:") else "gthread"
_OURS = {"loop": "service.workers.LoopWorker", "gthread": "service.workers.DrainingWorker"}
worker_class = _OURS.get(_class, _class)
threads = _settings.threads if _class == "gthread" else 1
worker_tmp_dir = str(_memory())
keepalive = 75
graceful_timeout = 8  # Docker kills after 10 s
preload_app = False  # each worker starts its own threads
control_socket_disable = True  # two services of one user would share its path
accesslog = None
loglevel = "warning"


def _forget_metrics() -> None:
    for file in _metrics.glob("*.db"):
        file.unlink()


def _freeze() -> None:
    """Keep what lives as long as the process from the collector.

    It takes tens of milliseconds to walk it, and writes into pages that workers share otherwise.
    """
    gc.collect()
    gc.freeze()


def on_starting(_: Any) -> None:
    """Begin the metrics anew and say once how the service runs."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"
    )
    _metrics.mkdir(parents=True, exist_ok=True)
    _forget_metrics()
    import service.app  # noqa: F401 -- once, for all workers
    from ml.trial import warm_up

    warm_up()
    _freeze()

    logging.getLogger("service").info(
        "http://%s workers=%d class=%s threads=%d split=%s",
        bind,
        workers,
        _settings.worker_class,
        threads,
        _settings.split,
    )


def when_ready(arbiter: Any) -> None:
    """Close the port until a worker can answer: who is refused asks elsewhere, who connects would wait."""
    for listener in arbiter.LISTENERS:
        with suppress(OSError):
            listener.sock.shutdown(socket.SHUT_RDWR)


def post_worker_init(worker: Any) -> None:
    """Open the port."""
    _freeze()
    for listener in worker.sockets:
        listener.sock.listen(worker.cfg.backlog)


def worker_exit(_: Any, worker: Any) -> None:
    """Write the answers that still wait."""
    if hasattr(worker, "wsgi"):
        worker.wsgi.extensions["answering"].close()


def child_exit(_: Any, worker: Any) -> None:
    """Forget what only living workers tell."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_: Any) -> None:
    """Leave no metrics behind in memory."""
    _forget_metrics()
