"""What was counted and how far the log was read, kept as one record of the store."""

import json
import time

from monitor.traffic.tally import Tally
from movielog.events import SECOND
from movielog.follow import BEGINNING
from store.port import Store

LEASE = 30 * SECOND
"""How long another process waits for the turn of one that was killed."""


class OthersTurnError(Exception):
    """Another process counts this log."""


class Book:
    """The tally of a log and its place there; one process at a time has its turn to write.

    Either both are in the store or none, so that a line counts once however often a process is killed.
    """

    def __init__(self, store: Store, log_url: str, deadline_ms: int, holder: str) -> None:
        self._store = store
        self._name = f"api_monitor {deadline_ms} ms {log_url}"
        self._deadline = deadline_ms
        self._holder = holder
        self._until = 0

    def read(self) -> tuple[Tally, str]:
        """What was written last, and the place to go on from; OthersTurnError while another one writes."""
        self._until = 0
        self.hold()
        state = self._store.checkpoint(self._name)
        if state is None:
            return Tally(self._deadline), BEGINNING
        place, _, tally = state.partition(b"\n")
        return Tally.of(tally, self._deadline), json.loads(place)

    def write(self, tally: Tally, place: str) -> None:
        """Both are durable on return; OthersTurnError where another process took over."""
        self.hold()
        self._store.save_checkpoint(self._name, json.dumps(place).encode() + b"\n" + tally.to_bytes())

    def hold(self) -> None:
        """Keep the turn, or take it where nobody has it."""
        now = time.time_ns()
        if now < self._until - LEASE // 2:
            return
        if not self._store.lease(self._name, self._holder, now, now + LEASE):
            raise OthersTurnError
        self._until = now + LEASE

    def close(self) -> None:
        """Give the turn back."""
        self._store.end_lease(self._name, self._holder)
