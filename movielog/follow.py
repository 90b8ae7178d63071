"""The log as a file: followed as it grows, through rotation and truncation, and appended to."""

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from movielog.port import LogError

logger = logging.getLogger(__name__)

BLOCK = 16 * 2**20
"""Bytes read at once; a longer line is handed out in pieces."""
QUIET = 1.0
"""Seconds without a write after which a rotated file counts as finished."""

BEGINNING = ""
"""The place before the first line of a log."""

_POLL = 0.1
_SAMPLE = 1_024
_NOT_LOGS = (".position", ".new", ".gz", ".bz2", ".xz", ".zst", ".zip")


class Mark(NamedTuple):
    """How far a file was read, and what tells it from other files: bytes at its start and before `offset`."""

    inode: int
    offset: int
    fingerprint: str


@dataclass(frozen=True)
class FileChunk:
    """Lines without their line breaks."""

    lines: Sequence[bytes] = ()
    file: str = ""
    offset: int = 0

    def position(self, number: int) -> str:
        """Place of a line in the log, the same whenever it is read again."""
        return f"{self.file}:{self._offsets[number]}"

    @cached_property
    def _offsets(self) -> list[int]:
        return list(accumulate((len(line) + 1 for line in self.lines), initial=self.offset))


class FileLog:
    """Reads the file at `path` for one `group`, whose position is kept in `<path>.<group>.position`.

    It goes on from there, or from `place` where one is given; LogError where that is none.

    A rotated file is read to its end before its successor, also where it was rotated while nobody read: it is
    known by its contents among the files named `<path>.*` and `<path>-*`. A file that is not there yet is
    waited for.
    """

    def __init__(self, path: Path, group: str, place: str | None = None) -> None:
        self._path = path
        self._position = path.with_name(f"{path.name}.{group}.position")
        self._mark = _load(self._position) if place is None else _placed(place)
        self._file: _File | None = None

    def read(self, limit: int, timeout: float) -> FileChunk:
        """At most `limit` whole lines; none where none came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (chunk := self._read(limit)).lines:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(_POLL, left))
        return chunk

    def _read(self, limit: int) -> FileChunk:
        if self._file is None or not self._file.is_unchanged():
            self._reopen()
        if self._file is None:
            return FileChunk()
        later = self._later(self._file)
        finished = bool(later) and self._file.is_quiet()
        chunk = self._file.read(limit, finished)
        if finished and not chunk.lines:
            self._open(later[0])
        self._mark = self._file.mark()
        return chunk

    def commit(self) -> None:
        """Everything read so far has been written: go on from there next time."""
        if self._mark:
            _save(self._position, self._mark)

    def place(self) -> str:
        """The mark of the line after the last one read."""
        return json.dumps(self._mark._asdict()) if self._mark else BEGINNING

    def lag(self) -> int:
        """Bytes of whole lines that were not read yet."""
        unread, later = (self._file.unread(), self._later(self._file)) if self._file else (0, [self._path])
        return unread + sum(status.st_size for path in later if (status := _status(path)))

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _reopen(self) -> None:
        """Open the file that the mark belongs to, else the log from its beginning."""
        self.close()
        if self._mark and any(self._open(path, self._mark) for path in self._candidates(self._mark)):
            return
        if self._open(self._path) and self._mark:
            logger.warning(
                "%s does not go on where it was read to: it is read from its beginning", self._path
            )

    def _candidates(self, mark: Mark) -> list[Path]:
        """Files in which reading may go on, the likeliest first."""
        paths = [self._path, *self._rotated()]
        return sorted(
            paths, key=lambda path: (status := _status(path)) is None or status.st_ino != mark.inode
        )

    def _open(self, path: Path, mark: Mark | None = None) -> bool:
        """Whether the file is there and holds what the mark says."""
        try:
            file = _File(path, mark.offset if mark else 0)
        except FileNotFoundError:
            return False
        if mark and file.mark() != mark._replace(inode=file.inode):
            file.close()
            return False
        self.close()
        self._file = file
        return True

    def _later(self, file: "_File") -> list[Path]:
        """Files that came after this one, oldest first; none while this one is the log itself."""
        log = _status(self._path)
        if log is None or log.st_ino == file.inode:
            return []
        return [*self._rotated(since=file), self._path]

    def _rotated(self, since: "_File | None" = None) -> list[Path]:
        """Earlier files of the log, oldest first; those that are newer than a given one."""
        starts = (f"{self._path.name}.", f"{self._path.name}-")
        names = [path for path in self._path.parent.glob("*") if path.name.startswith(starts)]
        found = {path: _status(path) for path in names if not path.name.endswith(_NOT_LOGS)}
        logs = {path: status for path, status in found.items() if status and S_ISREG(status.st_mode)}
        if since:
            logs = {path: status for path, status in logs.items() if since.is_before(status)}
        return sorted(logs, key=lambda path: logs[path].st_mtime_ns)


class _File:
    """One file, read up to `offset`; `start` and `end` are samples of what was read."""

    def __init__(self, path: Path, offset: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._offset = offset
        self._unfinished = 0
        self._start, self._end = self._samples()

    @property
    def inode(self) -> int:
        return self._status().st_ino

    @cached_property
    def _name(self) -> str:
        """Tells the file from all others; an inode alone may be used again."""
        first_line = os.pread(self._descriptor, _SAMPLE, 0).partition(b"\n")[0]
        return f"{self.inode}-{sha256(first_line).hexdigest()[:12]}"

    def read(self, limit: int, finished: bool) -> FileChunk:
        """Whole lines; those of a finished file include an unfinished last one."""
        block = os.pread(self._descriptor, BLOCK, self._offset)
        *lines, rest = block.split(b"\n", limit)
        if rest and not lines and (finished or len(block) == BLOCK):
            lines, rest = [rest], b""
        self._unfinished = len(rest) if len(lines) < limit and len(block) < BLOCK else 0
        start = self._offset
        self._pass(block[: len(block) - len(rest)])
        return FileChunk(lines, self._name, start) if lines else FileChunk()

    def _pass(self, data: bytes) -> None:
        self._offset += len(data)
        self._start = (self._start + data[:_SAMPLE])[:_SAMPLE]
        self._end = (self._end + data[-_SAMPLE:])[-_SAMPLE:]

    def mark(self) -> Mark:
        """Where reading stands now."""
        return Mark(self.inode, self._offset, sha256(self._start + self._end).hexdigest())

    def is_unchanged(self) -> bool:
        """Whether the file still has what was read: it was neither truncated nor written anew."""
        return self._samples() == (self._start, self._end)

    def _samples(self) -> tuple[bytes, bytes]:
        length = min(_SAMPLE, self._offset)
        return os.pread(self._descriptor, length, 0), os.pread(
            self._descriptor, length, self._offset - length
        )

    def unread(self) -> int:
        """Bytes of whole lines."""
        return max(0, self._status().st_size - self._offset - self._unfinished)

    def is_quiet(self) -> bool:
        return time.time() - self._status().st_mtime > QUIET

    def is_before(self, other: os.stat_result) -> bool:
        """Whether another file was written to later."""
        mine = self._status()
        return other.st_ino != mine.st_ino and other.st_mtime_ns >= mine.st_mtime_ns

    def _status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _placed(place: str) -> Mark | None:
    try:
        return Mark(**json.loads(place)) if place != BEGINNING else None
    except (ValueError, TypeError):
        raise LogError(f"{place!r} is no place in a file") from None


def _load(position: Path) -> Mark | None:
    try:
        return _placed(position.read_text())
    except FileNotFoundError:
        return None
    except (LogError, UnicodeDecodeError):
        logger.warning("%s is not a position: the log is read from its beginning", position)
        return None


def _save(position: Path, mark: Mark) -> None:
    new = position.with_name(f"{position.name}.{os.getpid()}.new")
    with new.open("w") as file:
        json.dump(mark._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(position)


class FileWriter:
    """Appends to the file at `path`, together with other writers; after a rotation to the new file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._descriptor = self._opened()

    def _opened(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")  # ends the line that a killed writer began
        return descriptor

    def append(self, lines: Sequence[bytes]) -> None:
        """Append lines, given without line breaks, in one piece."""
        status = _status(self._path)
        if status is None or status.st_ino != os.fstat(self._descriptor).st_ino:
            self.close()
            self._descriptor = self._opened()
        data = memoryview(b"".join(line + b"\n" for line in lines))
        while data:
            data = data[os.write(self._descriptor, data) :]

    def flush(self) -> None:
        """All that was appended is on the disk on return."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
