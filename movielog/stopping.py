"""How a process that works on and on ends when it is asked to, also while it waits for the store."""

import logging
import signal
import time
from collections.abc import Callable
from typing import Self, TypeVar

from store.port import StoreUnavailable

logger = logging.getLogger(__name__)

_FIRST_DELAY, _LONGEST_DELAY = 0.2, 10.0
_T = TypeVar("_T")


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """The process was asked to end while it waited for the store."""


class Stop:
    """Whether the process was asked to end."""

    def __init__(self) -> None:
        self.asked = False

    @classmethod
    def at_signals(cls) -> Self:
        """One that SIGTERM and SIGINT ask; for the main thread."""
        stop = cls()
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, stop.ask)
        return stop

    def ask(self, *_: object) -> None:
        """Fit to handle a signal; an Event's lock could be held by the code that the signal interrupts."""
        self.asked = True

    def sleep(self, seconds: float) -> None:
        """Sleep; Stopped as soon as the process is asked to end."""
        deadline = time.monotonic() + seconds
        while not self.asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        if self.asked:
            raise Stopped


def patiently(action: Callable[[], _T], stop: Stop) -> _T:
    """The action's result, tried until the store is there, or Stopped."""
    delay = _FIRST_DELAY
    while True:
        try:
            return action()
        except StoreUnavailable as away:
            logger.warning("the store is away, next try in %.1f s: %s", delay, away)
        stop.sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)
