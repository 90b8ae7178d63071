"""Lines on their way to a log that may be away for a while."""

import logging
import time
from collections.abc import Sequence

from movielog.port import LogError, Writer
from movielog.source import open_writer

logger = logging.getLogger(__name__)

MOST_KEPT = 1_000_000
"""Lines that wait for a log that is away; the oldest ones beyond are lost."""
RETRY_SECONDS = 1.0


class Outlet:
    """Keeps lines until the log has them. After a failure some may be written twice, which is harmless."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[bytes] = []
        self._writer: Writer | None = None
        self._failed = False
        self._next_try = 0.0

    def write(self, lines: Sequence[bytes]) -> None:
        """Hand over lines; those that waited go first."""
        self._waiting.extend(lines)
        if self._waiting and time.monotonic() >= self._next_try:
            self._try()
        if excess := len(self._waiting) - MOST_KEPT:
            del self._waiting[: max(0, excess)]

    def close(self) -> int:
        """Try once more, and return how many lines could not be written."""
        if self._waiting:
            self._try()
        self._drop_writer()
        return len(self._waiting)

    def _try(self) -> None:
        try:
            self._writer = self._writer or open_writer(self._url)
            self._writer.append(self._waiting)
            self._writer.flush()
        except (LogError, OSError) as error:
            self._failure(error)
        else:
            self._success()

    def _success(self) -> None:
        if self._failed:
            logger.warning("the log is back: %d lines that waited are written", len(self._waiting))
        self._failed, self._waiting = False, []

    def _failure(self, error: Exception) -> None:
        if not self._failed:
            logger.warning("the log is away, lines wait: %s", error)
        self._failed, self._next_try = True, time.monotonic() + RETRY_SECONDS
        self._drop_writer()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        try:
            if writer:
                writer.close()
        except (LogError, OSError) as error:
            logger.debug("closing the log: %s", error)
