"""A log that is read ahead in a process of its own, while what came before is parsed and written here.

Taking messages from Kafka costs more than parsing and writing them, and threads would share one processor.
"""

import logging
import multiprocessing
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from movielog.source import Chunk, KafkaChunk, Log, LogError, open_log

_READ_SECONDS = 0.3
_PATIENCE = 20


class _Read(NamedTuple):
    """What the reader sends: a chunk, where reading stood after it, and what was not read then."""

    chunk: Chunk
    place: str
    lag: int | None


class AheadLog:
    """The log at a URL as `open_log` has it, one chunk of at most `limit` lines ahead.

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

    def read(self, limit: int, timeout: float) -> Chunk:  # noqa: ARG002 -- the reader's own limit holds
        """The next chunk; an empty one where none came within `timeout` seconds and what a pause takes."""
        try:
            if self._pipe.poll(timeout + _READ_SECONDS):
                self._last = self._pipe.recv()
                return self._last.chunk
        except (EOFError, OSError):
            raise LogError("the process that reads the log has ended") from None
        self._last = self._last._replace(lag=None)
        return KafkaChunk()

    def commit(self, place: str | None = None) -> None:
        """Everything handed out so far has been written, or everything up to `place`."""
        with suppress(BrokenPipeError):  # it is delivered again
            self._pipe.send(place or self._last.place)

    def place(self) -> str:
        """Where reading stood after the last chunk handed out."""
        return self._last.place

    def lag(self) -> int | None:
        """What was not read when the last chunk had been."""
        return self._last.lag

    def close(self) -> None:
        """Let the reader commit and leave."""
        self._pipe.close()
        self._process.join(_PATIENCE)
        self._process.kill()


def _read_on(url: str, group: str, limit: int, pipe: Connection) -> None:
    """Read and send until the other end is closed."""
    for asked in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked, signal.SIG_IGN)  # it ends after the process that it reads for
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    log = open_log(url, group)
    try:
        while True:
            pipe.send(_Read(log.read(limit, _READ_SECONDS), log.place(), log.lag()))
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
