"""An open-loop client: every request leaves at its time, whether or not the earlier ones were answered.

As a program it asks until SIGTERM and prints a JSON line for each request; `load` runs it so.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import aiohttp

PATIENCE = 0.8
"""Seconds that a caller waits, from the moment when the request should have left."""


@dataclass(frozen=True)
class Sample:
    """One request: Unix time when it was due, seconds from then to its answer; status 0 where none came."""

    due: float
    seconds: float
    user: int
    status: int
    model: str
    body: str
    error: str

    @property
    def failed(self) -> bool:
        """Not answered well within the caller's patience."""
        return self.status != 200


async def _ask(session: aiohttp.ClientSession, url: str, user: int, due: float) -> Sample:
    left = aiohttp.ClientTimeout(total=max(0.001, due + PATIENCE - time.time()))
    try:
        async with session.get(f"{url}/recommend/{user}", timeout=left) as response:
            body = (await response.text()).strip()
            model = response.headers.get("X-Model", "")
            return Sample(due, time.time() - due, user, response.status, model, body, "")
    except (aiohttp.ClientError, TimeoutError) as error:
        return Sample(due, time.time() - due, user, 0, "", "", repr(error))


async def _print(session: aiohttp.ClientSession, url: str, user: int, due: float) -> None:
    print(json.dumps(asdict(await _ask(session, url, user, due))), flush=True)


async def _keep_asking(url: str, users: int, rate: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        asked: list[asyncio.Task[None]] = []
        started = time.time()
        while not stop.is_set():
            due = started + len(asked) / rate
            await asyncio.sleep(due - time.time())
            asked.append(asyncio.create_task(_print(session, url, len(asked) % users, due)))
        await asyncio.gather(*asked)


def main(argv: Sequence[str] | None = None) -> int:
    """Ask for users 0 to USERS - 1 in turn, RATE times a second."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.traffic.load")
    parser.add_argument("url")
    parser.add_argument("users", type=int)
    parser.add_argument("rate", type=float)
    arguments = parser.parse_args(argv)
    with suppress(OSError):  # a client that waits for a processor would measure its own delay
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    asyncio.run(_keep_asking(arguments.url, arguments.users, arguments.rate))
    return 0


class Load:
    """What a running client has asked so far."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._read: list[Sample] = []

    @property
    def samples(self) -> list[Sample]:
        """All requests that ended, by due time."""
        if not self._file.closed:
            self._file.seek(0)
            whole = self._file.read().rpartition("\n")[0].splitlines()
            self._read = [Sample(**json.loads(line)) for line in whole]
        return sorted(self._read, key=lambda sample: sample.due)


@contextmanager
def load(url: str, users: int = 200, rate: float = 50.0) -> Iterator[Load]:
    """A client that asks `rate` times a second from now until the end of the block."""
    command = [sys.executable, "-m", "tests.stack.traffic.load", url, str(users), str(rate)]
    with tempfile.NamedTemporaryFile("r") as file:
        with Path(file.name).open("w") as output:
            client = subprocess.Popen(command, stdout=output)
        running = Load(file)
        try:
            _wait_for_first(running)
            yield running
        finally:
            client.terminate()
            client.wait()
            assert running.samples


def _wait_for_first(running: Load) -> None:
    deadline = time.monotonic() + 20
    while not running.samples:
        assert time.monotonic() < deadline, "the client asked nothing"
        time.sleep(0.1)


if __name__ == "__main__":
    raise SystemExit(main())
