"""A log that is read ahead in a process of its own, while what came before is parsed and written here.

Taking messages from Kafka costs more than parsing and writing them, and threads would share one processor.
"""

import logging
import multiprocessing
import os
import signal
import socket
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import Empty, Queue
from threading import Thread
from typing import NamedTuple

from movielog.source import Chunk, KafkaChunk, Log, LogError, open_log

_READ_SECONDS = 0.5
_LAG_SECONDS = 1.0
"""How old the lag may be; it is asked of the broker, which takes as long as some thousand messages."""
_PATIENCE = 20


class _Read(NamedTuple):
    """What the reader sends: a chunk, where reading stood after it, and what was not read then."""

    chunk: Chunk
    place: str
    lag: int | None


class AheadLog:
    """The log at a URL as `open_log` has it, a few chunks of at most `limit` lines ahead.

    The reader ends with this process, also where this one is killed; what was not committed is read again.
    LogError where the URL is no log or the reader ended.
    """

    def __init__(self, url: str, group: str, limit: int) -> None:
        open_log(url, group).close()
        ours, theirs = multiprocessing.Pipe()
        fresh = multiprocessing.get_context("spawn")
        self._process = fresh.Process(target=_read_on, args=(url, group, limit, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        self._last = _Read(KafkaChunk(), "", None)
        self._arrived: Queue[_Read | None] = Queue(maxsize=1)
        self._receiver = Thread(target=self._receive, name="read ahead", daemon=True)
        self._receiver.start()

    def _receive(self) -> None:
        """Take what the reader sends as long as it lives, so that it goes on reading; then None."""
        try:
            while True:
                self._arrived.put(self._pipe.recv())
        except (EOFError, OSError):
            self._arrived.put(None)

    def read(self, limit: int, timeout: float) -> Chunk:  # noqa: ARG002 -- the reader's own limit holds
        """The next chunk; an empty one where none came within `timeout` seconds and what a pause takes."""
        try:
            arrived = self._arrived.get(timeout=timeout + _READ_SECONDS)
        except Empty:
            self._last = self._last._replace(lag=None)
            return KafkaChunk()
        if arrived is None:
            self._arrived.put(None)
            raise LogError("the process that reads the log has ended")
        self._last = arrived
        return arrived.chunk

    def commit(self, place: str | None = None) -> None:
        """Everything handed out so far has been written, or everything up to `place`."""
        with suppress(BrokenPipeError):  # it is delivered again
            self._pipe.send(place or self._last.place)

    def place(self) -> str:
        """Where reading stood after the last chunk handed out."""
        return self._last.place

    def lag(self) -> int | None:
        """What was not read when the last chunk had been, a second before at most; exact for an empty one."""
        return self._last.lag

    def close(self) -> None:
        """Let the reader commit and leave."""
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)  # a mere close would not wake who waits to receive
        while self._receiver.is_alive():
            with suppress(Empty):
                self._arrived.get(timeout=0.05)
        self._pipe.close()
        self._process.join(_PATIENCE)
        self._process.kill()


def _read_on(url: str, group: str, limit: int, pipe: Connection) -> None:
    """Read and send until the other end is closed."""
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)  # it ends after the process that it reads for
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    log = open_log(url, group)
    lag, when = None, -_LAG_SECONDS
    try:
        while True:
            chunk = log.read(limit, _READ_SECONDS)
            if not chunk.lines or time.monotonic() - when > _LAG_SECONDS:
                lag, when = log.lag(), time.monotonic()
            pipe.send(_Read(chunk, log.place(), lag))
            _commit(log, pipe)
    except OSError:
        with suppress(EOFError, OSError):
            _commit(log, pipe)
    except EOFError:
        pass
    finally:
        log.close()


def _commit(log: Log, pipe: Connection) -> None:
    """Commit the last place that was sent, if any; EOFError where the other end is closed."""
    place = None
    try:
        while pipe.poll():
            place = pipe.recv()
    finally:
        if place is not None:
            log.commit(place)
