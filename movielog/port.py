"""What a log can do, wherever it is kept."""

from collections.abc import Sequence
from typing import Protocol


class LogError(Exception):
    """What the log could not do, in one sentence."""


class Chunk(Protocol):
    """Some lines of the log, without line breaks."""

    @property
    def lines(self) -> Sequence[bytes]: ...

    def position(self, number: int) -> str:
        """Place of line `number` of this chunk in the log, the same whenever it is read again."""


class Log(Protocol):
    """The log as one group of readers sees it; after a restart, what was not committed is read again."""

    def read(self, limit: int, timeout: float) -> Chunk:
        """At most `limit` lines; an empty chunk where none came within `timeout` seconds."""

    def commit(self) -> None:
        """Everything read so far has been written: go on from there after a restart."""

    def place(self) -> str:
        """Where reading stands, for those who keep it with what they made of the lines."""

    def lag(self) -> int | None:
        """What was not read yet: bytes of a file, messages of a topic; None where that is unknown now."""

    def close(self) -> None:
        """Let go of files and connections."""


class Writer(Protocol):
    """The other end of the log."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Append whole lines, given without line breaks."""

    def flush(self) -> None:
        """All that was appended is durable on return."""

    def close(self) -> None:
        """Flush, and let go of files and connections."""
