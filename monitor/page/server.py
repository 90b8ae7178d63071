"""Pages served beside a job."""

import logging
from threading import Thread

from flask import Flask
from waitress.server import create_server  # type: ignore[import-untyped]

_THREADS = 8


def serve(app: Flask, address: str, port: int) -> None:
    """Serve until the process ends; OSError where the port is taken."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a page's files come at once, and wait
    server = create_server(app, host=address, port=port, threads=_THREADS, ident=None)
    Thread(target=server.run, name="pages", daemon=True).start()
